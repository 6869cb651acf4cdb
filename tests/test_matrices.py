"""Products of chosen matrices and of parts: all ways through the kernels, and what is
refused."""

from __future__ import annotations

import ingot.core as mx
import numpy as np
import pytest
from ingot import _core
from support import raises, to_numpy

pytestmark = pytest.mark.usefixtures("cpu")

# (m, k, n): thin rows, a thin inner dimension, neither, and more than one tile.
SIDES = [(1, 70, 600), (3, 5, 40), (40, 3, 50), (40, 50, 7), (600, 40, 33), (1, 1, 1)]


def draw(rng, *shape, dtype=mx.float32):
    return mx.array(rng.normal(size=shape).astype(np.float32)).astype(dtype)


def wide(x):
    return to_numpy(x).astype(np.float64)


def chosen(rng, count, of):
    return rng.integers(-of, of, count)


@pytest.mark.parametrize("order", ["any", "sorted"])
@pytest.mark.parametrize("sides", SIDES, ids=str)
def test_gathered_products(sides, order, rng):
    m, k, n = sides
    a, b = draw(rng, 5, m, k), draw(rng, 4, k, n)
    left, right = chosen(rng, 60, 5), chosen(rng, 60, 4)
    if order == "sorted":
        right.sort()
    got = mx.gather_mm(
        a,
        b,
        mx.array(left),
        mx.array(right),
        sorted_indices=order == "sorted",
    )
    want = wide(a)[left] @ wide(b)[right]
    np.testing.assert_allclose(wide(got), want, rtol=1e-4, atol=2e-4)


@pytest.mark.parametrize("sides", SIDES, ids=str)
def test_gradients_add_up(sides, rng):
    """Matrices that are chosen several times, and those that never are."""
    m, k, n = sides
    a, b = draw(rng, 6, m, k), draw(rng, 5, k, n)
    left, right = rng.integers(0, 4, 40), rng.integers(1, 4, 40)
    weights = draw(rng, 40, m, n)

    def loss(a, b):
        y = mx.gather_mm(a, b, mx.array(left), mx.array(right))
        return (y * weights).sum()

    da, db = mx.grad(loss, argnums=(0, 1))(a, b)
    want_a, want_b = np.zeros(a.shape), np.zeros(b.shape)
    for i, (x, y) in enumerate(zip(left, right, strict=True)):
        want_a[x] += wide(weights)[i] @ wide(b)[y].T
        want_b[y] += wide(a)[x].T @ wide(weights)[i]
    np.testing.assert_allclose(wide(da), want_a, rtol=1e-4, atol=2e-3)
    np.testing.assert_allclose(wide(db), want_b, rtol=1e-4, atol=2e-3)


@pytest.mark.parametrize("dtype", [mx.float16, mx.bfloat16], ids=str)
def test_half_types_are_summed_in_float32(dtype):
    ones = mx.ones((1, 1, 4096), dtype)
    third = mx.full((1, 4096, 1), 1 / 3, dtype)
    want = (4096 * third[0, 0, 0].astype(mx.float32)).astype(dtype).item()
    zero = mx.array([0])
    assert mx.gather_mm(ones, third, zero, zero).item() == want
    whole = mx.array([[0, 4096]])
    assert mx.segmented_mm(ones[0], third[0], whole).item() == want
    # So are products that meet in a gradient.
    many = mx.zeros((4096,), mx.int32)
    f = lambda b: mx.gather_mm(ones[:, :, :1], b, many, many).sum()  # noqa: E731
    assert mx.grad(f)(third[:, :1]).item() == 4096


@pytest.mark.parametrize("dtype", [mx.float32, mx.bfloat16, mx.float64], ids=str)
def test_results_do_not_depend_on_the_threads(dtype, rng):
    a = draw(rng, 40, 1, 300, dtype=dtype)
    b = draw(rng, 6, 300, 700, dtype=dtype)
    left, right = mx.array(chosen(rng, 90, 40)), mx.array(chosen(rng, 90, 6))
    cuts = mx.array([[0, 200], [100, 300], [300, 300], [7, 8]])

    def results():
        f = lambda a, b: mx.gather_mm(a, b, left, right)  # noqa: E731
        y = f(a, b)
        gradients = mx.grad(lambda a, b: (f(a, b) ** 2).sum(), (0, 1))(a, b)
        g = lambda a, b: (mx.segmented_mm(a, b, cuts) ** 2).sum()  # noqa: E731
        parts = mx.grad(g, (0, 1))(a[:, 0], b[0])
        return [to_numpy(x).tobytes() for x in (y, *gradients, *parts)]

    threads = _core.get_num_threads()
    try:
        _core.set_num_threads(1)
        one = results()
        _core.set_num_threads(3)
        assert results() == one
    finally:
        _core.set_num_threads(threads)


@pytest.mark.parametrize("index", [5, -6, 2**40, -(2**40)])
def test_an_index_out_of_range(index):
    a, b = mx.ones((5, 2, 3)), mx.ones((5, 3, 2))
    bad, good = mx.array([0, index]), mx.array([0, 1])
    for pair in ((bad, good), (good, bad), (bad, None)):
        if pair[1] is None:
            pair = (mx.array([index] * 5), None)
        error = raises(lambda pair=pair: mx.eval(mx.gather_mm(a, b, *pair)))
        assert isinstance(error, IndexError)
        assert "gather_mm: index must be in [-5, 5)" in str(error)
        assert str(index) in str(error)


def test_indices_of_every_type():
    a, b = mx.arange(3.0).reshape(3, 1, 1), mx.arange(4.0).reshape(4, 1, 1)
    for name in ("int8", "uint8", "int16", "uint16", "uint32", "int64", "uint64"):
        i = mx.array([2, 1]).astype(getattr(mx, name))
        assert mx.gather_mm(a, b, i, i).tolist() == [[[4]], [[1]]]
    huge = mx.array([2**64 - 1], dtype=mx.uint64)
    assert isinstance(raises(lambda: mx.eval(mx.gather_mm(a, b, huge))), IndexError)
    f = mx.vmap(lambda a, i: mx.gather_mm(a, b, i, i))
    several = mx.stack([a, a])
    assert isinstance(
        raises(lambda: mx.eval(f(several, mx.broadcast_to(huge, (2, 1))))), IndexError
    )


@pytest.mark.parametrize("bounds", [[-1, 3], [0, 10], [12, 5], [2**40, 1]])
def test_a_segment_out_of_range(bounds):
    f = lambda s: mx.segmented_mm(mx.ones((2, 9)), mx.ones((9, 3)), s)  # noqa: E731
    error = raises(lambda: mx.eval(f(mx.array([bounds]))))
    assert isinstance(error, IndexError) and "in [0, 9]" in str(error)
    several = mx.array([[[0, 9]], [bounds]])
    assert isinstance(raises(lambda: mx.eval(mx.vmap(f)(several))), IndexError)
    a = mx.ones((2, 2, 9))
    g = mx.vmap(lambda a, s: mx.segmented_mm(a, mx.ones((9, 3)), s))
    assert isinstance(raises(lambda: mx.eval(g(a, several))), IndexError)


def test_segments_in_common_have_sums_as_gradients(rng):
    a, b = draw(rng, 65, 700), draw(rng, 700, 40)
    cuts = np.array([[0, 400], [300, 700], [650, 700], [0, 0], [5, 3], [10, 11]])
    weights = draw(rng, len(cuts), 65, 40)

    def loss(a, b):
        return (mx.segmented_mm(a, b, mx.array(cuts)) * weights).sum()

    da, db = mx.grad(loss, argnums=(0, 1))(a, b)
    want_a, want_b = np.zeros(a.shape), np.zeros(b.shape)
    for (begin, end), w in zip(cuts, wide(weights), strict=True):
        want_a[:, begin:end] += w @ wide(b)[begin:end].T
        want_b[begin:end] += wide(a)[:, begin:end].T @ w
    np.testing.assert_allclose(wide(da), want_a, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(wide(db), want_b, rtol=1e-4, atol=1e-3)


def test_what_a_boolean_mask_leaves_out_is_zero():
    """Whatever it holds; a mask of numbers multiplies."""
    a = mx.array(np.full((64, 64), np.nan, np.float32))
    none = mx.array([[False, False], [False, False]])
    b = mx.ones((64, 64))
    assert mx.block_masked_mm(a, b, 32, None, none).tolist() == [[0] * 64] * 64
    assert mx.block_masked_mm(a, b, 32, none).tolist() == [[0] * 64] * 64
    numbers = mx.array([[2.0, 0.5], [0.0, 1.0]])
    got = mx.block_masked_mm(b, b, 32, numbers)
    assert got[0, 0].item() == 128 and got[0, 63].item() == 32
    assert got[63, 0].item() == 0 and got[63, 63].item() == 64


@pytest.mark.parametrize("n", [2, 64, 128, 1024, 12, 24, 20, 160, 28, 1792])
def test_a_hadamard_transform_turned_around_is_the_identity(n, rng):
    """Its matrix is orthogonal: the derivative applies the transpose."""
    x = draw(rng, 3, n)
    back = mx.vjp(mx.hadamard_transform, [x], [mx.hadamard_transform(x)])[1][0]
    np.testing.assert_allclose(wide(back), wide(x), rtol=1e-5, atol=1e-5)
    signs = to_numpy(mx.hadamard_transform(mx.eye(n), scale=1))
    assert set(np.unique(signs)) == {-1, 1}


def test_a_hadamard_transform_of_half_types_is_rounded_once():
    x = mx.full((2048,), 1 / 3, mx.float16)
    want = (x[0].astype(mx.float32) * 2048).astype(mx.float16).item()
    y = mx.hadamard_transform(x, scale=1)
    assert y.dtype == mx.float16 and y[0].item() == want
    assert mx.hadamard_transform(mx.array([1, 1])).dtype == mx.float32


@pytest.mark.parametrize("n", [0, 3, 6, 36, 60, 84, 144])
def test_other_sizes_have_no_hadamard_matrix(n):
    error = raises(lambda: mx.hadamard_transform(mx.ones((2, n))))
    assert isinstance(error, ValueError) and f"got {n}" in str(error)
