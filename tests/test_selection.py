"""What rests on sorting: partitions, medians, searches, unique elements."""

from __future__ import annotations

import ingot.core as mx
import numpy as np
import pytest
from ingot import _core
from support import INTEGERS, layouts, to_core, to_numpy

FLAGS = {"return_index": True, "return_inverse": True, "return_counts": True}


@pytest.mark.parametrize("kth", [0, 7, -1, -20, 19])
def test_a_partition_divides(kth, rng):
    x = rng.normal(size=(4, 20)).astype(np.float32)
    got = np.array(mx.partition(mx.array(x), kth))
    order = np.array(mx.argpartition(mx.array(x), kth))
    k = kth % 20
    assert np.all(got[:, :k] <= got[:, k : k + 1])
    assert np.all(got[:, k:] >= got[:, k : k + 1])
    np.testing.assert_array_equal(np.sort(got), np.sort(x))
    np.testing.assert_array_equal(np.take_along_axis(x, order, 1), got)


def lines(rng, kind: str, n: int) -> np.ndarray:
    """Two lines of float32 that are hard on a selection."""
    if kind == "equal":
        return np.ones((2, n), np.float32)
    if kind == "few":
        return rng.integers(0, 5, (2, n)).astype(np.float32)
    if kind == "periodic":
        return np.stack([np.arange(n) % 64, -np.arange(n) % 64]).astype(np.float32)
    x = rng.normal(size=(2, n)).astype(np.float32)
    if kind == "ascending":
        return np.sort(x)
    if kind == "outliers":
        x[:, rng.integers(0, n, 5)] = 1e30
    if kind == "special":
        some = rng.integers(0, 6, (2, n))
        for i, value in enumerate([np.nan, np.inf, -np.inf, 0.0, -0.0]):
            x[some == i] = value
    return x


KINDS = ["normal", "equal", "few", "periodic", "ascending", "outliers", "special"]


@pytest.mark.usefixtures("cpu")
@pytest.mark.parametrize("n", [65, 300, 4099, 70_001, 140_000])
@pytest.mark.parametrize("kind", KINDS)
def test_selections_are_those_of_a_stable_sort(kind, n, rng):
    """Ties belong to the first; zeros of both signs, and all NaN, are ties."""
    x = lines(rng, kind, n)
    core, order = mx.array(x), np.argsort(x, axis=-1, kind="stable")
    for k in (0, 1, n // 3, n // 2, n - 2, n - 1):
        got = np.array(mx.argpartition(core, k))
        np.testing.assert_array_equal(got[:, k], order[:, k])
        for part in (slice(0, k), slice(k + 1, None)):
            np.testing.assert_array_equal(
                np.sort(got[:, part]), np.sort(order[:, part])
            )
        values = np.array(mx.partition(core, k))
        np.testing.assert_array_equal(
            values.view(np.uint32), np.take_along_axis(x, got, 1).view(np.uint32)
        )
    for k in (1, 10, n // 4, n):
        want = np.take_along_axis(x, order[:, n - k :], 1)
        got = np.array(mx.topk(core, k))
        np.testing.assert_array_equal(got.view(np.uint32), want.view(np.uint32))
    got = np.array(mx.median(core, axis=1))
    np.testing.assert_allclose(got, np.median(x, 1), rtol=1e-6)


@pytest.mark.usefixtures("cpu")
@pytest.mark.parametrize("dtype", ["bool", "float16", "bfloat16", "float64", *INTEGERS])
def test_selections_of_every_type(dtype, rng):
    values = rng.integers(0, 100, (3, 9000))
    x = mx.array(values).astype(getattr(mx, "bool_" if dtype == "bool" else dtype))
    ordered = mx.sort(x)
    assert mx.array_equal(mx.topk(x, 20), ordered[:, -20:])
    y = mx.partition(x, 4000)
    assert mx.array_equal(mx.sort(y[:, :4000]), ordered[:, :4000])
    assert mx.array_equal(mx.sort(y[:, 4000:]), ordered[:, 4000:])
    assert mx.array_equal(mx.sort(y), ordered)
    assert mx.array_equal(y, mx.take_along_axis(x, mx.argpartition(x, 4000), 1))


@pytest.mark.usefixtures("cpu")
def test_selections_in_any_layout(rng):
    for name, core, values in layouts(rng.normal(size=(100, 130)).astype(np.float32)):
        for axis in (0, 1):
            ordered = np.sort(values, axis)
            got = to_numpy(mx.partition(core, 30, axis=axis))
            np.testing.assert_array_equal(
                np.take(got, 30, axis), np.take(ordered, 30, axis), err_msg=name
            )
            got = to_numpy(mx.topk(core, 3, axis=axis))
            want = np.take(
                ordered, range(ordered.shape[axis] - 3, ordered.shape[axis]), axis
            )
            np.testing.assert_array_equal(got, want, err_msg=name)


@pytest.mark.usefixtures("cpu")
@pytest.mark.parametrize("shape", [(300_000,), (400, 900)])
def test_selections_do_not_depend_on_the_threads(shape, rng):
    x = mx.array(rng.integers(0, 1000, shape).astype(np.float32))

    def results():
        found = mx.partition(x, 100), mx.argpartition(x, 700), mx.topk(x, 9)
        return [np.array(y).tobytes() for y in found]

    threads = _core.get_num_threads()
    try:
        _core.set_num_threads(1)
        one = results()
        _core.set_num_threads(3)
        assert results() == one
    finally:
        _core.set_num_threads(threads)


def test_gradients_of_long_selections(rng):
    x = mx.array(rng.normal(size=(2, 500)).astype(np.float32))
    order = np.argsort(np.array(x), axis=1)
    got = np.array(mx.grad(lambda x: (mx.topk(x, 3) * mx.array([1.0, 2, 3])).sum())(x))
    want = np.zeros((2, 500))
    np.put_along_axis(want, order[:, -3:], np.array([[1.0, 2, 3]]), 1)
    np.testing.assert_array_equal(got, want)
    weights = mx.arange(500.0)
    got = mx.grad(lambda x: (mx.partition(x, 200) * weights).sum())(x)
    places = np.argsort(np.array(mx.argpartition(x, 200)), axis=1)
    np.testing.assert_array_equal(np.array(got), places)


def test_nan_is_the_largest():
    x = mx.array([1.0, mx.nan, 3.0, -mx.inf])
    assert str(mx.topk(x, 2).tolist()) == "[3.0, nan]"
    assert str(mx.median(x).item()) == "nan"
    assert str(mx.median(mx.array([[1.0, mx.nan], [2, 3]]), axis=1).tolist()) == (
        "[nan, 2.5]"
    )


def test_medians_at_the_ends_of_the_range():
    top = float(np.finfo(np.float32).max)
    assert mx.median(mx.array([top, top])).item() == top
    assert mx.median(mx.array([mx.inf, mx.inf, 1.0, 3.0])).item() == np.inf
    half = mx.array([60_000.0, 60_000.0], dtype=mx.float16)
    assert mx.median(half).item() == 60_000
    assert mx.median(mx.array([[3, 1], [2, 9]]), axis=()).tolist() == [[3, 1], [2, 9]]


def test_the_gradient_of_a_median_is_shared():
    f = mx.grad(lambda x: mx.median(x, axis=1).sum())
    got = f(mx.array([[4.0, 1.0, 3.0, 2.0], [4.0, 1.0, 3.0, 0.0]]))
    assert got.tolist() == [[0, 0, 0.5, 0.5], [0, 0.5, 0.5, 0]]


@pytest.mark.parametrize("side", ["left", "right"])
def test_search_in_any_layout(side, rng):
    a, v = np.sort(rng.integers(0, 50, 40)), rng.integers(-3, 60, (7, 5))
    want = np.searchsorted(a, v, side)
    for name, sequence, values in layouts(a):
        for _, v_core, v_values in layouts(v):
            got = mx.searchsorted(sequence, v_core, side=side)
            want = np.searchsorted(values, v_values, side)
            np.testing.assert_array_equal(to_numpy(got), want, err_msg=name)


def test_search_for_numbers_and_other_types():
    a = mx.array([1, 2, 2, 4])
    assert mx.searchsorted(a, 2).item() == 1
    assert mx.searchsorted(a, mx.array([0.5, 2.5])).tolist() == [0, 3]
    assert mx.searchsorted([1.0, 3.0], [2.0]).tolist() == [1]
    signed_zeros = mx.array([-0.0, 0.0])
    assert mx.searchsorted(signed_zeros, 0.0).item() == 0
    assert mx.searchsorted(signed_zeros, -0.0, side="right").item() == 2


@pytest.mark.parametrize("dtype", ["bool", "float32", "bfloat16", *INTEGERS])
@pytest.mark.parametrize("shape", [(30,), (4, 5), ()])
def test_unique_is_that_of_numpy(dtype, shape, rng):
    x = rng.integers(0, 9, shape).astype("bool" if dtype == "bool" else "int64")
    core = mx.array(x).astype(getattr(mx, "bool_" if dtype == "bool" else dtype))
    values, index, inverse, counts = np.unique(x, True, True, True)
    for size in (values.size, 1, 12):
        got = mx.unique(core, size, **FLAGS, fill_value=1)
        known = min(size, values.size)
        for a, b in zip(got, (values, index, inverse, counts), strict=True):
            if b is inverse:
                assert a.shape == shape
                b = np.minimum(b.reshape(shape), size - 1)
                np.testing.assert_array_equal(np.array(a), b)
            else:
                np.testing.assert_array_equal(to_numpy(a)[:known], b[:known])
        assert set(to_numpy(got[0])[known:].tolist()) <= {1}
        assert set(np.array(got[1])[known:].tolist()) <= {int(index[0])}
        assert set(np.array(got[3])[known:].tolist()) <= {0}
    assert [x.dtype for x in got] == [core.dtype, mx.uint32, mx.uint32, mx.int32]


def test_unique_returns_what_is_asked_for():
    x = mx.array([2.0, 1.0, 2.0])
    assert mx.unique(x, 3).tolist() == [1, 2, 1]
    values, counts = mx.unique(x, 2, return_counts=True)
    assert (values.tolist(), counts.tolist()) == ([1, 2], [1, 2])
    empty = mx.unique(x, 0, **FLAGS)
    assert [y.tolist() for y in empty] == [[], [], [0, 0, 0], []]
    nothing = mx.unique(mx.zeros((0,)), 2, **FLAGS, fill_value=7)
    assert [y.tolist() for y in nothing] == [[7, 7], [0, 0], [], [0, 0]]
    assert mx.unique(mx.zeros((0, 2)), 0).shape == (0,)


def test_each_nan_is_one_of_its_own_and_zeros_are_one():
    x = mx.array([mx.nan, 1, mx.nan, 0.0, -0.0])
    values, index, inverse, counts = mx.unique(x, 5, **FLAGS)
    assert str(values.tolist()) == "[0.0, 1.0, nan, nan, 0.0]"
    assert index.tolist() == [3, 1, 0, 2, 3]
    assert inverse.tolist() == [2, 1, 3, 0, 0]
    assert counts.tolist() == [2, 1, 1, 1, 0]


def test_the_first_of_equal_elements_gets_the_gradient():
    f = mx.grad(lambda x: (mx.unique(x, 3) * mx.array([1.0, 10.0, 100.0])).sum())
    assert f(mx.array([2.0, 1.0, 2.0])).tolist() == [10, 101, 0]


def test_many_elements(rng):
    x = rng.integers(0, 5000, 200_000)
    values, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    got = mx.unique(
        to_core(x.astype(np.int32)),
        values.size,
        return_inverse=True,
        return_counts=True,
    )
    for a, b in zip(got, (values, inverse, counts), strict=True):
        np.testing.assert_array_equal(np.array(a), b)


def test_what_counts_as_nonzero():
    x = mx.array([[0.0, mx.nan, -0.0], [1e-30, mx.inf, -1.0]])
    assert mx.count_nonzero(x).item() == 4
    assert mx.count_nonzero(x, axis=1, keepdims=True).tolist() == [[1], [3]]
    assert mx.count_nonzero(x, axis=(0, 1)).dtype == mx.int32
    with pytest.raises(TypeError):
        mx.count_nonzero(x, 1)


def test_extremes_together(rng):
    x = rng.normal(size=(3, 4)).astype(np.float32)
    low, high = mx.minmax(mx.array(x), axis=0, keepdims=True)
    np.testing.assert_array_equal(np.array(low), x.min(0, keepdims=True))
    np.testing.assert_array_equal(np.array(high), x.max(0, keepdims=True))
