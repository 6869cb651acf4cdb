"""Scans and searches on the GPU against the CPU's: integers to the bit, floats to the
rounding of the result."""

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
from optimizer_cases import to_numpy

pytestmark = [needs_metal, on_the_cpu]

SCANS = [mx.cumsum, mx.cumprod, mx.cummax, mx.cummin, mx.logcumsumexp]
FLAGS = [{"reverse": r, "inclusive": i} for r in (False, True) for i in (True, False)]
# Around a thread's four, a group's 1024, and the parts of a long line.
SIZES = [1, 2, 3, 63, 64, 65, 66, 255, 257, 1023, 1024, 1025, 2049, 4097, 9001]
LAYOUTS = {
    "transposed": lambda x: x.T,
    "reversed": lambda x: x[::-1, ::-1],
    "strided": lambda x: x[::2, 1::3],
    "broadcast": lambda x: mx.broadcast_to(x[:, :1], x.shape),
    "column": lambda x: x[:, 4],
    "deep": lambda x: x.reshape(4, 5, 3, 2, 5)[::2, :, ::2, :, ::3].swapaxes(0, 3),
}


def agree(slow: mx.array, fast: mx.array, scale: np.ndarray | float = 0.0) -> None:
    """The same numbers to two units of the result, or of what it is a sum of."""
    assert slow.dtype == fast.dtype and slow.shape == fast.shape
    if not mx.issubdtype(slow.dtype, mx.floating):
        assert identical(slow, fast)
        return
    a, b = (to_numpy(x).astype(np.float64) for x in (slow, fast))
    unit = {mx.float32: 2.0**-23, mx.float16: 2.0**-10}.get(slow.dtype, 2.0**-7)
    allowed = 2 * unit * np.maximum(np.abs(a), scale)
    close = (np.abs(a - b) <= allowed) | (a == b) | (np.isnan(a) & np.isnan(b))
    assert np.all(close), (a[~close][:3], b[~close][:3])


def scale_of(f, x: mx.array, **kwargs) -> np.ndarray | float:
    if f is mx.cumsum:
        size = mx.array(np.abs(to_numpy(x).astype(np.float32)))
        return np.array(mx.cumsum(size, **kwargs)).astype(np.float64)
    return 1.0 if f is mx.logcumsumexp else 0.0


def compare(f, x: mx.array, **kwargs) -> None:
    mx.eval(x)
    if f is mx.cumprod and mx.issubdtype(x.dtype, mx.floating):
        slow, fast = both(lambda: f(x, **kwargs))  # where double is
    else:
        with no_fallbacks():
            slow, fast = both(lambda: f(x, **kwargs))
    agree(slow, fast, scale_of(f, x, **kwargs))


@pytest.mark.parametrize("f", SCANS)
@pytest.mark.parametrize("dtype", FLOATS + WHOLES)
def test_types(f, dtype, rng):
    if f is mx.logcumsumexp and dtype not in FLOATS:
        return  # they are converted
    x = operand(rng, 600, dtype)
    if dtype in FLOATS:  # special numbers first, in the rows that follow none
        x = mx.concatenate([x[:200], mx.sin(mx.arange(400)).astype(x.dtype)])
    for flags in FLAGS:
        compare(f, x.reshape(6, 100), axis=1, **flags)
        compare(f, x.reshape(6, 100), axis=0, **flags)


@pytest.mark.parametrize("f", SCANS)
def test_sizes(f, rng):
    for n in SIZES:
        x = mx.array(rng.normal(size=(2, n)).astype(np.float32))
        compare(f, x, axis=1)
        compare(f, x[0].astype(mx.int32), axis=0, **FLAGS[3])


@pytest.mark.parametrize("f", SCANS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(f, layout, rng):
    x = LAYOUTS[layout](mx.array(rng.normal(size=(20, 30)).astype(np.float32)))
    for axis in [None, *range(x.ndim)]:
        compare(f, x, axis=axis)
        if axis is not None:
            compare(f, x, axis=axis, **FLAGS[3])


@pytest.mark.parametrize("f", SCANS)
def test_long_lines(f, rng):
    """Several parts of one line, and columns long enough for groups of their own."""
    compare(f, mx.array(rng.normal(size=100_003).astype(np.float32)), reverse=True)
    columns = mx.array(rng.normal(size=(9000, 3)).astype(np.float32))
    compare(f, columns, axis=0, inclusive=False)
    many = mx.array(rng.normal(size=(100, 2100)).astype(np.float32))
    compare(f, many, axis=0)


@pytest.mark.parametrize("f", SCANS)
@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (1, 1), (4, 1)])
def test_small_and_empty_shapes(f, shape):
    for flags in FLAGS:
        compare(f, mx.ones(shape), axis=-1, **flags)


def test_a_long_sum_keeps_its_digits():
    x = mx.full((300_000,), 0.1)
    mx.eval(x)
    with no_fallbacks(), mx.stream(mx.gpu):
        got = np.array(mx.cumsum(x))
    want = float(np.float32(0.1)) * np.arange(1, 300_001)
    np.testing.assert_allclose(got, want, rtol=1e-7)


def test_products_of_floats_run_on_the_cpu():
    before = mx.metal.fallbacks().get("scan", 0)
    x = mx.array([1e30, 1e30, 1e-30, 0.0, mx.inf])
    slow, fast = both(lambda: mx.cumprod(x))
    assert equal(slow, fast)
    assert mx.metal.fallbacks()["scan"] == before + 1


@pytest.mark.parametrize("f", SCANS)
def test_gradients(f, rng):
    x = mx.array(rng.uniform(0.5, 1.5, (9, 10)).astype(np.float32))
    weights = mx.array(rng.normal(size=(9, 10)).astype(np.float32))
    for axis in (0, 1):

        def loss(y, axis=axis):
            return (f(y, axis=axis) * weights).sum()

        slow, fast = both(lambda loss=loss: mx.grad(loss)(x))
        np.testing.assert_allclose(np.array(fast), np.array(slow), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", FLOATS + WHOLES)
@pytest.mark.parametrize("side", ["left", "right"])
def test_searches(dtype, side, rng):
    a, v = mx.sort(operand(rng, 700, dtype)), operand(rng, 1300, dtype)
    mx.eval(a, v)
    for values in (v, v.reshape(13, 100).T[::-2], v[0], v[:0]):
        with no_fallbacks():
            slow, fast = both(lambda x=values: mx.searchsorted(a, x, side=side))
        assert identical(slow, fast)


def test_search_of_float64_and_of_nothing(rng):
    a, v = (mx.array(rng.normal(size=n), dtype=mx.float64) for n in (300, 90))
    mx.eval(a, v)
    for sequence in (mx.sort(a), mx.sort(a)[::3], a[:0]):
        slow, fast = both(lambda x=sequence: mx.searchsorted(x, v))
        assert identical(slow, fast)


def test_selections_have_the_bits_of_the_cpu(rng):
    x = mx.array(rng.integers(0, 40, (30, 50))).astype(mx.float32)
    flags = {"return_index": True, "return_inverse": True, "return_counts": True}
    mx.eval(x)
    for f in (
        lambda: mx.median(x, axis=0),
        lambda: mx.topk(x, 3),
        lambda: mx.argpartition(x, 7, axis=0),
        lambda: mx.minmax(x, axis=1),
        lambda: mx.count_nonzero(x, axis=1),
        lambda: mx.unique(x, 50, **flags),
        lambda: mx.diff(x, 2),
    ):
        with no_fallbacks():
            slow, fast = both(f)
        several = isinstance(slow, tuple)
        for a, b in zip(*((slow, fast) if several else ([slow], [fast])), strict=True):
            assert identical(a, b)
