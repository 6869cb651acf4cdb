"""Prints the polynomial coefficients in metal/math/*.h.

Each fit is the weighted least-squares polynomial on Chebyshev nodes, within a small
factor of the minimax one. Coefficients are rounded to float one after the other, lowest
power first, refitting the rest each time, so that rounding costs next to nothing. Needs
mpmath and numpy.

    python metal/math/fit.py [name ...]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

import mpmath as mp
import numpy as np

mp.mp.prec = 200
Function = Callable[[mp.mpf], mp.mpf]


class Fit(NamedTuple):
    """A polynomial for `target` on [low, high]; errors count `weight`-fold."""

    low: float
    high: float
    degree: int
    target: Function
    weight: Function = lambda t: mp.mpf(1)


def exp_tail(r: mp.mpf) -> mp.mpf:
    return mp.nsum(lambda k: r**k / mp.factorial(k + 2), [0, 40])


def log_tail(f: mp.mpf) -> mp.mpf:
    return (mp.log1p(f) - f + f * f / 2) / f**3


def tail(function: Function, taken: int) -> Function:
    """Of z = x^2: (f(x) - x) / x^3 or, with `taken` 2, (f(x) - 1 + z / 2) / z^2."""

    def rest(z: mp.mpf) -> mp.mpf:
        x = mp.sqrt(z)
        if taken == 1:
            return (function(x) - x) / x**3
        return (function(x) - 1 + z / 2) / z**2

    return rest


def erfinv_near(w: mp.mpf) -> mp.mpf:
    x = mp.sqrt(-mp.expm1(-w))
    return mp.erfinv(x) / x


def erfinv_far(s: mp.mpf) -> mp.mpf:
    """erfinv(x) / x of s = sqrt(-log(1 - x^2)), by Newton on erfc."""
    w = s * s
    x = mp.sqrt(-mp.expm1(-w))
    below_one = mp.exp(-w) / (1 + x)
    y = s
    for _ in range(80):
        y += (mp.erfc(y) - below_one) * mp.sqrt(mp.pi) / 2 * mp.exp(y * y)
    return y / x


def two_tails(x: mp.mpf) -> mp.mpf:
    """-log(2 Phi(-x)) of the standard normal."""
    return -mp.log(mp.erfc(x / mp.sqrt(2)))


LN2, LN10 = mp.log(2), mp.log(10)
LOG_LOW, LOG_HIGH = 0.7071 - 1, 1.41422 - 1
FITS = {
    # e^r = 1 + r + r^2 p(r)
    "exp": Fit(-0.3467, 0.3467, 4, exp_tail, lambda r: r * r),
    # 2^r = 1 + r p(r)
    "exp2": Fit(-0.5, 0.5, 5, lambda r: mp.expm1(r * LN2) / r, lambda r: r),
    # 2^r = 1 + r ln 2 + r^2 p(r)
    "pow2": Fit(-0.5, 0.5, 5, lambda r: exp_tail(r * LN2) * LN2**2, lambda r: r * r),
    # log(1 + f) = f - f^2 / 2 + f^3 p(f)
    "log": Fit(LOG_LOW, LOG_HIGH, 8, log_tail, lambda f: f * f),
    # log2(1 + f) = f / ln 2 + f^2 p(f), log10(1 + f) = f / ln 10 + f^2 p(f)
    "log2": Fit(
        LOG_LOW, LOG_HIGH, 8, lambda f: (mp.log1p(f) / f - 1) / f / LN2, lambda f: f
    ),
    "log10": Fit(
        LOG_LOW, LOG_HIGH, 8, lambda f: (mp.log1p(f) / f - 1) / f / LN10, lambda f: f
    ),
    # 2 atanh(s) / ln 2 = s (2 + 2/3 s^2 + s^4 p(s^2)) / ln 2
    "log_pair": Fit(
        1e-6,
        0.02945,
        3,
        lambda z: (
            ((2 * mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 2) / z - mp.mpf(2) / 3) / z / LN2
        ),
    ),
    # sin x = x + x^3 p(x^2); cos x = 1 - x^2 / 2 + x^4 p(x^2)
    "sin": Fit(1e-6, 0.6169, 2, tail(mp.sin, 1), lambda z: z),
    "cos": Fit(1e-6, 0.6169, 2, tail(mp.cos, 2), lambda z: z * z),
    # asin x = x + x^3 p(x^2), |x| <= 1/2
    "asin": Fit(1e-6, 0.25, 4, tail(mp.asin, 1), lambda z: z),
    # atan x = x + x^3 p(x^2), |x| <= 1
    "atan": Fit(1e-6, 1, 8, tail(mp.atan, 1), lambda z: z),
    # sinh x = x + x^3 p(x^2), |x| <= 1
    "sinh": Fit(1e-6, 1, 3, tail(mp.sinh, 1), lambda z: z),
    # erf x = 1 - e^-g, g = x + x p(x)
    "erf": Fit(
        1e-6,
        4,
        7,
        lambda x: -mp.log(mp.erfc(x)) / x - 1,
        lambda x: x * mp.erfc(x) / mp.erf(x),
    ),
    # 2 Phi(-x) = e^-g, g = x p(x), whose rounding counts g-fold
    "normal_distribution": Fit(
        1e-6,
        8,
        11,
        lambda x: two_tails(x) / x,
        lambda x: x / (1 + two_tails(x)),
    ),
    # erfinv x = x p(w - 2.5) with w = -log(1 - x^2) <= 5, else x p(sqrt(w) - 3)
    "erfinv_near": Fit(-2.499999, 2.5, 9, lambda t: erfinv_near(t + 2.5)),
    "erfinv_far": Fit(2.236 - 3, 4.08 - 3, 9, lambda t: erfinv_far(t + 3)),
}


def coefficients(fit: Fit) -> tuple[list[np.float32], float]:
    """Fits, rounds the constant term, and fits the rest to what it left over."""
    low, high, size = mp.mpf(fit.low), mp.mpf(fit.high), 2000
    nodes = [
        (low + high - (high - low) * mp.cos(mp.pi * (i + 0.5) / size)) / 2
        for i in range(size)
    ]
    t = np.array(nodes, float)
    left = [fit.target(x) for x in nodes]
    weight = np.array([abs(fit.weight(x)) for x in nodes], float)
    rounded: list[np.float32] = []
    for taken in range(fit.degree + 1):
        powers = np.arange(taken, fit.degree + 1)
        basis = weight[:, None] * t[:, None] ** powers
        scale = np.max(np.abs(basis), axis=0)
        c, *_ = np.linalg.lstsq(
            basis / scale, weight * np.array(left, float), rcond=1e-15
        )
        rounded.append(np.float32(c[0] / scale[0]))
        term = mp.mpf(float(rounded[-1]))
        left = [left[i] - term * x**taken for i, x in enumerate(nodes)]
    return rounded, float(np.max(np.abs(weight * np.array(left, float))))


def main() -> None:
    for name in sys.argv[1:] or FITS:
        c, worst = coefficients(FITS[name])
        print(f"{name}: weighted error {worst:.2e}, lowest power first")
        print("  " + ", ".join(f"{v:.9g}f" for v in c))


if __name__ == "__main__":
    main()
