"""Oracles of the elementwise ops: float64 for floats, Python integers for integers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Oracle = Callable[..., Any]


def _each(f: Callable[[float], float]) -> Oracle:
    """`f` over every element, as float64."""

    def over(x: np.ndarray) -> np.ndarray:
        x = np.asarray(x, dtype=np.float64)
        flat = np.array([f(v) for v in x.flat], dtype=np.float64)
        return flat.reshape(x.shape)

    return over


def _erfinv(y: float) -> float:
    """The root of erf(x) = y by Newton's method, on erfc where erf saturates."""
    if math.isnan(y) or abs(y) > 1:
        return math.nan
    if abs(y) == 1:
        return math.copysign(math.inf, y)
    if y == 0:
        return y
    magnitude = abs(y)
    a = 0.147  # Winitzki's closed form, good to 2e-3: the starting point
    log_term = math.log1p(-magnitude) + math.log1p(magnitude)
    b = 2 / (math.pi * a) + log_term / 2
    x = math.sqrt(math.sqrt(b * b - log_term / a) - b)
    for _ in range(60):
        if magnitude < 0.5:
            residual = math.erf(x) - magnitude
        else:
            residual = (1 - magnitude) - math.erfc(x)
        step = residual * math.sqrt(math.pi) / 2 * math.exp(x * x)
        x -= step
        if abs(step) <= 1e-16 * x:
            break
    return math.copysign(x, y)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    e = np.exp(-np.abs(x))
    return np.where(np.isnan(x), x, np.where(x >= 0, 1 / (1 + e), e / (1 + e)))


def _gated(x: np.ndarray, gate: Oracle) -> np.ndarray:
    """x gate(x), which tends to 0 on the left."""
    return np.where(x == -np.inf, 0, x * gate(x))


def _gated_slope(x: np.ndarray, gate: Oracle, slope: Oracle) -> np.ndarray:
    """gate(x) + x slope(x), which tends to 0 and 1."""
    return gate(x) + np.where(np.isinf(x), 0, x * slope(x))


def _bump(v: np.ndarray) -> np.ndarray:
    """The slope of the logistic function, which is even."""
    e = np.exp(-np.abs(v))
    return e / (1 + e) ** 2


_normal = _each(lambda x: math.erfc(-x / math.sqrt(2)) / 2)


def _density(x: np.ndarray) -> np.ndarray:
    """Of the standard normal distribution."""
    return np.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _gelu_angle(x: np.ndarray) -> np.ndarray:
    """(1 + tanh u) / 2 is sigmoid(2 u); this is 2 u."""
    return 2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)


def _gelu_bump(x: np.ndarray) -> np.ndarray:
    rise = 2 * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)
    return rise * _bump(_gelu_angle(x))


def _boolean(f: Callable[..., Any]) -> Oracle:
    """A predicate of floats, for integers as well."""

    def over(x: np.ndarray) -> np.ndarray:
        return np.asarray(f(np.asarray(x, dtype=np.float64)))

    return over


def _kept_for_integers(f: Callable[[Any], Any]) -> Oracle:
    """A rounding: integers are their own result."""

    def over(x: np.ndarray) -> Any:
        return f(x) if x.dtype == np.float64 else x

    return over


def _round(x: np.ndarray, decimals: int = 0) -> Any:
    """Half to even at the given decimal."""
    if decimals == 0:
        return np.rint(x) if x.dtype == np.float64 else x
    scale = 10.0 ** abs(decimals)
    x = x.astype(np.float64)
    if decimals > 0:
        return np.rint(x * scale) / scale
    rounded = np.rint(x / scale) * scale
    return rounded


def _sign(x: np.ndarray) -> Any:
    if x.dtype == np.float64:
        return np.sign(x)  # NaN stays NaN
    return (x > 0).astype(object) * 1 - (x < 0).astype(object) * 1


def _broadcast_integers(f: Callable[[int, int], int]) -> Oracle:
    def over(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        a, b = np.broadcast_arrays(a, b)
        flat = [f(int(x), int(y)) for x, y in zip(a.flat, b.flat, strict=True)]
        out = np.empty(len(flat), dtype=object)
        out[:] = flat
        return out.reshape(a.shape)

    return over


def _floor_divide(a: np.ndarray, b: np.ndarray) -> Any:
    """The floor of the exact quotient, so that a is b q + r with r = a % b.

    That leaves NaN for an infinite `a`, and for integers x // 0 is 0.
    """
    if a.dtype == np.float64:
        return np.floor_divide(a, b)
    return _broadcast_integers(lambda x, y: x // y if y else 0)(a, b)


def _remainder(a: np.ndarray, b: np.ndarray) -> Any:
    """The remainder with the sign of the divisor; for integers x % 0 is 0."""
    if a.dtype == np.float64:
        return np.remainder(a, b)
    return _broadcast_integers(lambda x, y: x % y if y else 0)(a, b)


def _integer_power(x: int, n: int) -> int:
    if n >= 0:
        return pow(x, n, 1 << 64)
    return {1: 1, -1: -1 if n % 2 else 1}.get(x, 0)  # 1 / x**|n|, truncated; 0 for 0


def _power(a: np.ndarray, b: np.ndarray) -> Any:
    if a.dtype == np.float64:
        return np.power(a, b)
    return _broadcast_integers(_integer_power)(a, b)


def _logaddexp(a: np.ndarray, b: np.ndarray) -> Any:
    return np.logaddexp(a, b)


def _logical(f: Callable[..., Any]) -> Oracle:
    def over(*arrays: np.ndarray) -> np.ndarray:
        return f(*[np.asarray(x != 0, dtype=bool) for x in arrays])

    return over


def _compare(f: Callable[..., Any]) -> Oracle:
    def over(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.asarray(f(a, b), dtype=bool)

    return over


def _where(condition: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.where(np.asarray(condition != 0, dtype=bool), x, y)


def _clip(x: np.ndarray, low: Any, high: Any) -> Any:
    """min(max(x, low), high), with NaN kept; either bound may be None."""
    if low is not None:
        x = np.maximum(x, low)
    return x if high is None else np.minimum(x, high)


def _nan_to_num(
    x: np.ndarray, nan: float = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    """Infinities become the given numbers, else they stay beyond every finite one."""
    x = np.where(np.isnan(x), nan, x)
    x = np.where(x == np.inf, np.inf if posinf is None else posinf, x)
    return np.where(x == -np.inf, -np.inf if neginf is None else neginf, x)


def _divmod(a: np.ndarray, b: np.ndarray) -> list[Any]:
    return [_floor_divide(a, b), _remainder(a, b)]


def shift(f: Callable[..., Any]) -> Callable[..., Any]:
    """Bools stay bools: what is not 0 is true."""

    def shifted(a: Any, b: Any) -> Any:
        kind = np.result_type(a, b)
        return f(a, b).astype(kind) if kind == np.bool_ else f(a, b)

    return shifted


UNARY: dict[str, Oracle] = {
    "abs": np.abs,
    "negative": np.negative,
    "sign": _sign,
    "square": lambda x: x * x,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "reciprocal": lambda x: 1 / x,
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "arcsin": np.arcsin,
    "arccos": np.arccos,
    "arctan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "arcsinh": np.arcsinh,
    "arccosh": np.arccosh,
    "arctanh": np.arctanh,
    "erf": _each(math.erf),
    "erfinv": _each(_erfinv),
    "sigmoid": _sigmoid,
    "silu": lambda x: _gated(x, _sigmoid),
    "silu_slope": lambda x: _gated_slope(x, _sigmoid, _bump),
    "gelu": lambda x: _gated(x, _normal),
    "gelu_slope": lambda x: _gated_slope(x, _normal, _density),
    "gelu_approx": lambda x: _gated(x, lambda x: _sigmoid(_gelu_angle(x))),
    "gelu_approx_slope": lambda x: _gated_slope(
        x, lambda x: _sigmoid(_gelu_angle(x)), _gelu_bump
    ),
    "degrees": np.degrees,
    "radians": np.radians,
    "floor": _kept_for_integers(np.floor),
    "ceil": _kept_for_integers(np.ceil),
    "trunc": _kept_for_integers(np.trunc),
    "round": _round,
    "logical_not": _logical(np.logical_not),
    "bitwise_invert": np.invert,
    "isnan": _boolean(np.isnan),
    "isinf": _boolean(np.isinf),
    "isfinite": _boolean(np.isfinite),
    "isneginf": _boolean(np.isneginf),
    "isposinf": _boolean(np.isposinf),
    "signbit": _boolean(np.signbit),
}

BINARY: dict[str, Oracle] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.true_divide,
    "floor_divide": _floor_divide,
    "remainder": _remainder,
    "power": _power,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "logaddexp": _logaddexp,
    "arctan2": np.arctan2,
    "hypot": np.hypot,
    "copysign": np.copysign,
    "equal": _compare(np.equal),
    "not_equal": _compare(np.not_equal),
    "less": _compare(np.less),
    "less_equal": _compare(np.less_equal),
    "greater": _compare(np.greater),
    "greater_equal": _compare(np.greater_equal),
    "logical_and": _logical(np.logical_and),
    "logical_or": _logical(np.logical_or),
    "logical_xor": _logical(np.logical_xor),
    "bitwise_and": np.bitwise_and,
    "bitwise_or": np.bitwise_or,
    "bitwise_xor": np.bitwise_xor,
    "left_shift": shift(np.left_shift),
    "right_shift": shift(np.right_shift),
}

TERNARY: dict[str, Oracle] = {"where": _where, "clip": _clip}

ELEMENTWISE: dict[str, Oracle] = {**UNARY, **BINARY, **TERNARY}
ELEMENTWISE["nan_to_num"] = _nan_to_num
ELEMENTWISE["divmod"] = _divmod
