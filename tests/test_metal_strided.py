"""Windows, diagonals, products and einsum on the GPU have the CPU's results."""

from __future__ import annotations

import ingot.core as mx
import numpy as np
import pytest
from metal_cases import (
    FLOATS,
    WHOLES,
    both,
    equal,
    identical,
    needs_metal,
    no_fallbacks,
    on_the_cpu,
    operand,
)
from optimizer_cases import from_numpy, to_numpy

pytestmark = [needs_metal, on_the_cpu]

SHOWN = {
    "overlapping": lambda x: mx.as_strided(x, (18, 30, 3), (30, 1, 30)),
    "reversed": lambda x: mx.as_strided(x, (20, 30), (-30, -1), 599),
    "one number": lambda x: mx.as_strided(x, (50, 7), (0, 0), 99),
    "of a transpose": lambda x: mx.as_strided(x.T, (40, 4), (7, 2), 3),
    "diagonal": lambda x: mx.diagonal(x, 3),
    "below": lambda x: mx.diagonal(x[:, ::-2], -2, 1, 0),
    "matrix of a diagonal": lambda x: mx.diag(x[3], -2),
    "flip": lambda x: mx.flip(x, 0),
    "roll": lambda x: mx.roll(x, (3, -4), (0, 1)),
    "grid": lambda x: mx.meshgrid(x[0], x[1])[0],
    "kron": lambda x: mx.kron(x[:3, :4], x[5:7, 1:4]),
    "outer": lambda x: mx.outer(x[0], x[:, 1]),
}


@pytest.mark.parametrize("name", SHOWN)
@pytest.mark.parametrize("dtype", [*FLOATS, *WHOLES])
def test_windows(name, dtype, rng):
    x = operand(rng, 600, dtype).reshape(20, 30)
    mx.eval(x)
    with no_fallbacks():
        slow, fast = both(lambda: mx.contiguous(SHOWN[name](x)))
    assert equal(slow, fast)


def test_what_shows_itself_twice_is_not_written_over(rng):
    base = rng.normal(size=4097).astype(np.float32)
    want = np.stack([base[:-1], base[1:]], axis=1)

    def changed():
        x = mx.as_strided(from_numpy(base, mx.float32) * 1, (4096, 2), (1, 1))
        x *= 2
        y = mx.as_strided(from_numpy(base, mx.float32) * 1, (4096, 2), (1, 1))
        y[7] = 0.0
        return x, y

    (_, _), (x, y) = both(changed)
    np.testing.assert_array_equal(to_numpy(x), 2 * want)
    want[7] = 0
    np.testing.assert_array_equal(to_numpy(y), want)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_gradient_of_a_window_adds_up(dtype):
    x = from_numpy(np.arange(600) % 7, getattr(mx, dtype))
    mx.eval(x)

    def gradient():
        def f(a):
            w = mx.as_strided(a, (30, 20), (3, 5))
            return mx.sum(w * w)

        return mx.grad(f)(x)

    slow, fast = both(gradient)
    assert identical(slow, fast)
    counts = np.zeros(600)
    places = 3 * np.arange(30)[:, None] + 5 * np.arange(20)
    np.add.at(counts, places, 2.0 * (places % 7))
    np.testing.assert_array_equal(to_numpy(fast), counts)


EQUATIONS = ["ij,kj->ik", "ij,kj->j", "ij,kl->il", "ij,ij->", "ij,kj,lj->il", "ij,kj->"]


@pytest.mark.parametrize("text", EQUATIONS)
@pytest.mark.parametrize("dtype", [*FLOATS, "int32", "int8"])
def test_einsum(text, dtype, rng):
    """Whole numbers, so that every order of adding gives one result."""
    count = text.count(",") + 1
    kind = getattr(mx, dtype)
    xs = [mx.array(rng.integers(-2, 3, (5, 6))).astype(kind) for _ in range(count)]
    mx.eval(xs)
    with no_fallbacks():
        slow, fast = both(lambda: mx.einsum(text, *xs))
    assert equal(slow, fast)


@pytest.mark.parametrize("name", ["bartlett", "blackman", "hamming", "hanning"])
def test_window_functions(name):
    with no_fallbacks():
        slow, fast = both(lambda: getattr(mx, name)(1000))
    assert equal(slow, fast)
