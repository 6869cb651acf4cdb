"""What the array API standard adds, where array-api-strict is not enough or not there.

unique_all, unique_counts, unique_inverse, unique_values, nonzero and nextafter; further
keywords of functions that MLX has.
"""

from __future__ import annotations

import ingot.core as mx
import numpy as np
import pytest
from support import FLOATS, NUMPY, dtype_name, to_core, to_numpy

EDGES = [0.0, -0.0, 1.0, -1.0, 1.5, -2.0, 3.0, 100.0, np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("dtype", FLOATS)
def test_nextafter(dtype):
    """NumPy's bits for every pair of edges, subnormal and extreme numbers included."""
    info = np.finfo(dtype) if dtype != "bfloat16" else None
    tiny, top = 2.0 ** -{"float16": 24, "bfloat16": 133}.get(dtype, 149), 65000.0
    edges = [*EDGES, tiny, -tiny, 2 * tiny, top, -top]
    if info:
        edges += [float(info.max), -float(info.max), float(info.tiny)]
    a, b = (x.ravel() for x in np.meshgrid(np.array(edges), np.array(edges)))
    a, b = a.astype(NUMPY[dtype]), b.astype(NUMPY[dtype])
    got = to_numpy(mx.nextafter(to_core(a), to_core(b)))
    want = np.where(a == b, b, np.nextafter(a, b))  # of float16 NumPy gives a
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got.astype(float), want.astype(float))
    number = ~np.isnan(want.astype(float))
    np.testing.assert_array_equal(np.signbit(got)[number], np.signbit(want)[number])


def test_nextafter_of_numbers_and_integers():
    assert mx.nextafter(1.0, 2.0).item() == 1 + 2.0**-23
    assert dtype_name(mx.nextafter(mx.array([1, 2]), 0)) == "float32"
    assert mx.nextafter(mx.ones((2, 1)), mx.zeros(3)).shape == (2, 3)
    with pytest.raises(ValueError, match="broadcast"):
        mx.nextafter(mx.ones(2), mx.ones(3))
    assert mx.grad(lambda x: mx.nextafter(x, 2.0))(mx.array(1.0)).item() == 0


def test_unique():
    x = np.array([[3.0, 1.0], [np.nan, 3.0], [np.nan, -1.0]], np.float32)
    values, indices, inverse, counts = found = mx.unique_all(to_core(x))
    assert found.values is values and found.inverse_indices is inverse
    np.testing.assert_array_equal(to_numpy(values), [-1, 1, 3, np.nan, np.nan])
    assert indices.tolist()[:3] == [5, 1, 0] and counts.tolist() == [1, 1, 2, 1, 1]
    np.testing.assert_array_equal(to_numpy(values)[to_numpy(inverse)], x)
    assert mx.unique_counts(to_core(x)).counts.tolist() == counts.tolist()
    assert mx.unique_inverse(to_core(x)).inverse_indices.shape == (3, 2)
    assert mx.unique_values(mx.array([[2, 1], [2, 2]])).tolist() == [1, 2]
    assert mx.unique_values(mx.zeros((0, 3))).shape == (0,)
    assert mx.unique_values(mx.array(7)).tolist() == [7]


def test_nonzero():
    x = np.array([[0.0, 5.0, np.nan], [-1.0, 0.0, -0.0]], np.float32)
    for got, want in zip(mx.nonzero(to_core(x)), np.nonzero(x), strict=True):
        assert dtype_name(got) == "uint32"
        np.testing.assert_array_equal(to_numpy(got), want)
    assert [i.shape for i in mx.nonzero(mx.zeros((0, 3)))] == [(0,), (0,)]
    with pytest.raises(ValueError, match="1 dimension"):
        mx.nonzero(mx.array(1))


def test_descending_order_is_stable_and_starts_with_nan():
    x = mx.array([1.0, np.nan, 3.0, 1.0, 3.0, 2.0])
    assert mx.argsort(x, descending=True).tolist() == [1, 2, 4, 5, 0, 3]
    np.testing.assert_array_equal(
        to_numpy(mx.sort(x, descending=True)), [np.nan, 3, 3, 2, 1, 1]
    )
    y = mx.array([[1, 2], [3, 0]])
    assert mx.sort(y, None, descending=True).tolist() == [3, 2, 1, 0]
    assert mx.argsort(y, None, descending=True).tolist() == [2, 1, 0, 3]
    assert mx.sort(y, 0, descending=True).tolist() == [[3, 2], [1, 0]]
    assert mx.argsort(mx.zeros((2, 0)), descending=True).shape == (2, 0)


def test_corrections_may_have_a_fraction():
    x = np.arange(12.0).reshape(3, 4) ** 2
    for correction in (0, 1, 2.0, 0.5, 1.25):
        for axis in (None, 0, (0, 1)):
            want = np.var(x, axis=axis, ddof=correction)
            a = mx.array(x, mx.float64)
            got = mx.var(a, axis, correction=correction)
            np.testing.assert_allclose(to_numpy(got), want, rtol=1e-12)
            got = mx.std(a, axis, correction=correction)
            np.testing.assert_allclose(to_numpy(got), np.sqrt(want), rtol=1e-12)


def test_sums_in_another_dtype():
    x = mx.array([200, 100], mx.uint8)
    assert dtype_name(mx.sum(x)) == "uint32"
    assert mx.sum(x, dtype=mx.uint8).item() == 44
    assert mx.prod(x, dtype=mx.float32).item() == 20000.0
    assert mx.cumulative_sum(x).tolist() == [200, 300]
    assert mx.cumulative_sum(x, reverse=True, inclusive=False).tolist() == [100, 0]
    with pytest.raises(ValueError, match="cumulative_prod: include_initial"):
        mx.cumulative_prod(x, reverse=True, include_initial=True)


def test_types_change_on_a_device():
    assert mx.astype(mx.ones(2), mx.int32, device=mx.cpu).device == mx.cpu
    assert mx.astype(mx.ones(2), mx.int32, copy=False).tolist() == [1, 1]


def test_reshape_without_a_copy():
    x = mx.arange(6).reshape(2, 3)
    assert mx.reshape(x, (3, 2), copy=False).tolist() == [[0, 1], [2, 3], [4, 5]]
    assert mx.reshape(x.T, (6,), copy=True).tolist() == [0, 3, 1, 4, 2, 5]
    with pytest.raises(ValueError, match=r"reshape: .*copy is False"):
        mx.reshape(x.T, (6,), copy=False)


def test_repeats_of_each_entry():
    x = mx.array([[1, 2, 3], [4, 5, 6]])
    counts = mx.array([2, 0, 1])
    want = np.repeat(np.array(x), [2, 0, 1], axis=1)
    np.testing.assert_array_equal(to_numpy(mx.repeat(x, counts, 1)), want)
    assert mx.repeat(x, mx.array([2]), 0).shape == (4, 3)
    assert mx.grad(lambda a: mx.repeat(a, counts).sum())(mx.ones(3)).tolist() == [
        2,
        0,
        1,
    ]
    for bad in ([1, 2], [-1, 1, 1], [1.5, 1, 1], [[1, 1, 1]]):
        with pytest.raises(ValueError, match="repeat: "):
            mx.repeat(x, mx.array(bad), 1)
    with pytest.raises((ValueError, MemoryError)):
        mx.repeat(x, mx.array([2**62, 2**62, 1]), 1)


def test_several_axes_move():
    x = mx.zeros((2, 3, 4, 5))
    for source, destination in (((0, 1), (-1, -2)), ((3,), (0,)), ((), ()), (0, -1)):
        want = np.moveaxis(np.zeros((2, 3, 4, 5)), source, destination).shape
        assert mx.moveaxis(x, source, destination).shape == want
    for bad in (((0, 1), (0,)), ((0, 0), (1, 2)), ((0, 9), (1, 2)), ((0, 1), (2, -2))):
        with pytest.raises((ValueError, IndexError), match="moveaxis"):
            mx.moveaxis(x, *bad)


def test_bounds_by_either_name():
    x = mx.array([1, 5, 9])
    assert mx.clip(x, min=2, max=6).tolist() == [2, 5, 6]
    assert mx.clip(x, 2, max=6).tolist() == [2, 5, 6]
    with pytest.raises(TypeError, match="twice"):
        mx.clip(x, 2, min=3)
    with pytest.raises(ValueError, match="clip"):
        mx.clip(x)


def test_differences_with_more_at_the_ends():
    x = mx.array([1, 4, 9])
    assert mx.diff(x, prepend=mx.array([0]), append=mx.array([16])).tolist() == [
        *(1, 3, 5, 7),
    ]


def test_matrices():
    a = mx.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    q, r = mx.linalg.qr(a, mode="complete")
    assert q.shape == (3, 3) and r.shape == (3, 2)
    assert mx.allclose(q @ r, a, atol=1e-5) and mx.allclose(
        q.T @ q, mx.eye(3), atol=1e-5
    )
    assert mx.allclose(r, mx.triu(r), atol=1e-5)
    u, s, vt = mx.linalg.svd(a, full_matrices=False)
    assert u.shape == (3, 2) and mx.allclose((u * s) @ vt, a, atol=1e-5)
    cubes = []
    for full in (True, False):

        def cube(x, full=full):
            u, s, vt = mx.linalg.svd(x, full_matrices=full)
            return mx.sin((u[:, :2] * s**3) @ vt[:2]).sum()

        cubes.append(mx.grad(cube)(a.astype(mx.float64)))
    assert mx.allclose(*cubes, rtol=1e-9)
    low = mx.linalg.pinv(mx.array([[1.0, 0.0], [0.0, 0.1]]), rtol=0.5)
    assert mx.allclose(low, mx.array([[1.0, 0.0], [0.0, 0.0]]))
    assert mx.linalg.matrix_rank(mx.zeros((2, 0, 3))).tolist() == [0, 0]
    integers = mx.array([[2**30, 1], [1, 0]])
    assert (integers @ integers).tolist() == [[1, 2**30], [2**30, 1]]
    for bad in (
        lambda: mx.linalg.qr(a, mode="r"),
        lambda: mx.linalg.matrix_power(a, 2),
        lambda: mx.linalg.matrix_norm(a, ord="max"),
        lambda: mx.linalg.matrix_rank(mx.ones(3)),
        lambda: mx.linalg.vector_norm(a, axis=(0, 0)),
        lambda: mx.linalg.vector_norm(a, axis=5),
        lambda: mx.ones((2, 2), mx.bool_) @ mx.ones((2, 2), mx.bool_),
    ):
        with pytest.raises(ValueError):
            mx.eval(bad())
