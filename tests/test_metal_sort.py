"""Sorting and extremes on the GPU have the bits of the CPU's results."""

from __future__ import annotations

import itertools

import ingot.core as mx
import numpy as np
import pytest
from metal_cases import (
    FLOATS,
    WHOLES,
    both,
    identical,
    needs_metal,
    no_fallbacks,
    on_the_cpu,
    operand,
)
from optimizer_cases import from_numpy

pytestmark = [needs_metal, on_the_cpu]

SORTS = [mx.sort, mx.argsort]
EXTREMES = [mx.argmax, mx.argmin]
SIZES = [*range(1, 66), 127, 128, 129, 1023, 1024, 1025, 2047, 2049, 4099]
LAYOUTS = {
    "transposed": lambda x: x.T,
    "reversed": lambda x: x[::-1, ::-1],
    "strided": lambda x: x[::2, 1::3],
    "broadcast": lambda x: mx.broadcast_to(x[:, :1], x.shape),
    "row": lambda x: mx.broadcast_to(x[3], x.shape),
    "column": lambda x: x[:, 4],
    "deep": lambda x: x.reshape(4, 5, 3, 2, 5)[::2, :, ::2, :, ::3].swapaxes(0, 3),
}


def few(rng, n: int, dtype: str) -> mx.array:
    """Many equal elements: a stable sort keeps their order."""
    if dtype == "bool_":
        return mx.array(rng.integers(0, 2, size=n)).astype(mx.bool_)
    return mx.array(rng.integers(0, 9, size=n)).astype(getattr(mx, dtype))


def zeros_and_nans(rng, n: int) -> mx.array:
    """Zeros of both signs, and NaN of both signs and many payloads."""
    words = rng.choice([0, 1 << 31, 0x7F800000, 0xFF800000, 0x3F800000], size=n)
    nan = rng.random(n) < 0.3
    payload = rng.integers(1, 1 << 22, size=n) | rng.choice([0x7F8 << 20, 0xFF8 << 20])
    words = np.where(nan, payload, words).astype(np.uint32)
    return mx.array(words).view(mx.float32)


def compare(f, *arrays) -> None:
    mx.eval(arrays)
    with no_fallbacks():
        slow, fast = both(f)
    assert identical(slow, fast)


@pytest.mark.parametrize("f", SORTS + EXTREMES)
@pytest.mark.parametrize("dtype", FLOATS + WHOLES)
def test_types(f, dtype, rng):
    for make, n in itertools.product((operand, few), (300, 5000)):
        x = make(rng, n, dtype)
        compare(lambda x=x: f(x), x)


@pytest.mark.parametrize("f", SORTS + EXTREMES)
def test_sizes(f, rng):
    for n in SIZES:
        x = operand(rng, n, "float32")
        rows = few(rng, 3 * n, "uint8").reshape(3, n)
        compare(lambda x=x: f(x), x)
        compare(lambda x=rows: f(x, axis=-1), rows)


@pytest.mark.parametrize("f", SORTS + EXTREMES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(f, layout, rng):
    x = LAYOUTS[layout](operand(rng, 600, "float32").reshape(20, 30))
    mx.eval(x)
    for axis in [None, *range(x.ndim)]:
        compare(lambda axis=axis: f(x, axis=axis))


@pytest.mark.parametrize("f", SORTS)
@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (1, 1), (4, 1), (1, 4)])
def test_small_and_empty_shapes(f, shape):
    x = mx.zeros(shape)
    compare(lambda: f(x, axis=-1), x)


@pytest.mark.parametrize("f", SORTS + EXTREMES)
@pytest.mark.parametrize("rows", [1, 2])
def test_long_rows(f, rows, rng):
    for dtype in ("float32", "int64", "bfloat16"):
        x = operand(rng, rows * 100_003, dtype).reshape(rows, 100_003)
        compare(lambda x=x: f(x, axis=1), x)


@pytest.mark.parametrize("f", SORTS + EXTREMES)
def test_many_rows(f, rng):
    x = few(rng, 70_001 * 5, "int16").reshape(70_001, 5)
    compare(lambda: f(x, axis=1), x)
    compare(lambda: f(x, axis=0), x)


@pytest.mark.parametrize("n", [7, 65, 1500, 40_000])
def test_zeros_are_equal_and_nan_are_above_all_else(n, rng):
    x = zeros_and_nans(rng, n)
    for f in SORTS + EXTREMES:
        compare(lambda f=f: f(x), x)
    order = np.argsort(np.asarray(x), kind="stable")
    with mx.stream(mx.gpu):
        assert np.array_equal(np.asarray(mx.argsort(x)), order)
        assert mx.argmax(x).item() == np.argmax(np.asarray(x))
        assert mx.argmin(x).item() == np.argmin(np.asarray(x))


@pytest.mark.parametrize("f", EXTREMES)
def test_the_first_of_equal_extremes(f):
    x = mx.zeros((3, 200_000), mx.int32)
    compare(lambda: f(x, axis=1), x)
    infinite = mx.broadcast_to(mx.array([[-np.inf], [np.inf]]), (2, 300))
    compare(lambda: f(infinite, axis=1), infinite)


def test_float64_sorts_by_its_bits_on_the_gpu(rng):
    x = from_numpy(rng.normal(size=3000), mx.float64)
    x[5], x[9] = -np.inf, np.nan
    compare(lambda: mx.sort(x), x)
    compare(lambda: mx.argsort(x), x)


def test_gradients_of_a_sort(rng):
    x = operand(rng, 90, "float32").reshape(9, 10)
    weights = mx.array(rng.normal(size=(9, 10)).astype(np.float32))
    mx.eval(x, weights)

    def loss(y):
        return (mx.sort(y, axis=0) * weights).sum()

    slow, fast = both(lambda: mx.grad(loss)(x))
    assert identical(slow, fast)
