"""Indexing, item assignment and `at` updates against NumPy, on random indices."""

from __future__ import annotations

from typing import Any

import ingot.core as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import LAYOUTS, layout, raises, to_core, to_numpy

SHAPES = [(7,), (4, 5), (3, 4, 5), (2, 3, 2, 3), (), (0, 3), (1, 1)]
UPDATES = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "maximum": np.maximum,
    "minimum": np.minimum,
}


def base(shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(1, 1 + int(np.prod(shape)), dtype=np.float32).reshape(shape)


def slices(n: int) -> st.SearchStrategy[slice]:
    bound = st.none() | st.integers(-n - 3, n + 3)
    step = st.none() | st.integers(-4, 4).filter(bool)
    return st.builds(slice, bound, bound, step)


def integer_arrays(n: int, shape: tuple[int, ...]) -> st.SearchStrategy[np.ndarray]:
    size = int(np.prod(shape))
    values = st.lists(st.integers(-n, n - 1), min_size=size, max_size=size)
    return values.map(lambda v: np.array(v, np.int32).reshape(shape))


@st.composite
def basic_index(draw: Any, shape: tuple[int, ...]) -> Any:
    """A tuple of slices, integers, None and at most one Ellipsis."""
    parts: list[Any] = []
    used = draw(st.integers(0, len(shape)))
    for n in shape[:used]:
        kinds = [slices(n)]
        if n:
            kinds.append(st.integers(-n, n - 1))
        parts.append(draw(st.one_of(kinds)))
    if draw(st.booleans()):  # the axes after the Ellipsis, from the end
        after = draw(st.integers(0, len(parts)))
        tail = [draw(slices(n)) for n in shape[len(shape) - after :]]
        parts = parts[: len(shape) - after][: used - after if used >= after else 0]
        parts = [*parts, Ellipsis, *tail]
    for _ in range(draw(st.integers(0, 2))):
        parts.insert(draw(st.integers(0, len(parts))), None)
    if len(parts) == 1 and draw(st.booleans()):
        return parts[0]
    return tuple(parts)


@st.composite
def fancy_index(draw: Any, shape: tuple[int, ...]) -> Any:
    """Integer arrays that broadcast together, mixed with slices, None and Ellipsis."""
    count = draw(st.integers(1, len(shape)))
    target = draw(st.sampled_from([(3,), (2, 3), (1,), ()]))
    chosen = sorted(draw(st.permutations(range(len(shape))))[:count])
    parts: list[Any] = []
    for axis, n in enumerate(shape[: chosen[-1] + 1]):
        if axis in chosen:
            own = draw(st.sampled_from([target, target[-1:]]))
            parts.append(draw(integer_arrays(n, own)))
        else:
            parts.append(draw(slices(n)))
    if draw(st.booleans()):
        parts.append(Ellipsis)
    return tuple(parts) if len(parts) > 1 else parts[0]


def to_core_index(index: Any) -> Any:
    if isinstance(index, np.ndarray):
        return to_core(index)
    if isinstance(index, tuple):
        return tuple(to_core_index(i) for i in index)
    return index


def shape_and_index(index: Any, shapes: list[tuple[int, ...]]) -> Any:
    return st.sampled_from(shapes).flatmap(lambda s: st.tuples(st.just(s), index(s)))


FULL = [s for s in SHAPES if s and 0 not in s]


@settings(max_examples=150)
@given(shape_and_index(basic_index, SHAPES), st.sampled_from(LAYOUTS))
def test_basic_getitem(case: Any, name: str) -> None:
    """Slices of any step, integers, None and Ellipsis select what NumPy selects."""
    shape, index = case
    core, values = layout(base(shape), name)
    got, want = core[index], values[index]
    assert tuple(got.shape) == np.shape(want), index
    np.testing.assert_array_equal(to_numpy(got), want, err_msg=str(index))


@settings(max_examples=150)
@given(shape_and_index(fancy_index, FULL), st.sampled_from(LAYOUTS))
def test_fancy_getitem(case: Any, name: str) -> None:
    """Integer arrays gather what NumPy gathers, also mixed with slices."""
    shape, index = case
    core, values = layout(base(shape), name)
    got, want = core[to_core_index(index)], values[index]
    assert tuple(got.shape) == np.shape(want), index
    np.testing.assert_array_equal(to_numpy(got), want, err_msg=str(index))


@st.composite
def assignment(draw: Any, index_of: Any, shapes: list[tuple[int, ...]]) -> Any:
    """A shape, an index into it, and a value that broadcasts to what it selects."""
    shape, index = draw(shape_and_index(index_of, shapes))
    selected = np.shape(base(shape)[index])
    kind = draw(st.sampled_from(["scalar", "full", "broadcast"]))
    if kind == "scalar":
        return shape, index, -5.0
    own = selected
    if kind == "broadcast":
        own = tuple(n if draw(st.booleans()) else 1 for n in selected[1:])
    value = -np.arange(1, 1 + int(np.prod(own)), dtype=np.float32).reshape(own)
    return shape, index, value


def unique(shape: tuple[int, ...], index: Any) -> bool:
    """Whether an index names no element twice (the order of writes is then moot)."""
    places = np.arange(int(np.prod(shape))).reshape(shape)[index]
    return np.unique(places).size == np.size(places)


@settings(max_examples=150)
@given(assignment(basic_index, SHAPES), st.sampled_from(LAYOUTS))
def test_basic_setitem(case: Any, name: str) -> None:
    """`a[index] = v` writes what NumPy writes, and no view of `a` sees it."""
    shape, index, value = case
    core, values = layout(base(shape), name)
    before, view = values.copy(), core[...]
    want = values.copy()
    want[index] = value
    core[index] = to_core(value) if isinstance(value, np.ndarray) else value
    np.testing.assert_array_equal(to_numpy(core), want, err_msg=str(index))
    np.testing.assert_array_equal(to_numpy(view), before)


@settings(max_examples=150)
@given(assignment(fancy_index, FULL))
def test_fancy_setitem(case: Any) -> None:
    """Assignment through integer arrays writes what NumPy writes."""
    shape, index, value = case
    if not unique(shape, index):
        value = -5.0
    core, want = to_core(base(shape)), base(shape)
    want[index] = value
    core[to_core_index(index)] = (
        to_core(value) if isinstance(value, np.ndarray) else value
    )
    np.testing.assert_array_equal(to_numpy(core), want, err_msg=str(index))


@settings(max_examples=100)
@given(
    st.one_of(assignment(basic_index, FULL), assignment(fancy_index, FULL)),
    st.sampled_from(sorted(UPDATES)),
)
def test_at_updates(case: Any, name: str) -> None:
    """`a.at[index].op(v)` applies every update, repeated ones too, to a new array."""
    shape, index, value = case
    core, want = to_core(base(shape)), base(shape)
    UPDATES[name].at(want, index, np.broadcast_to(value, want[index].shape).copy())
    update = to_core(value) if isinstance(value, np.ndarray) else value
    got = getattr(core.at[to_core_index(index)], name)(update)
    np.testing.assert_allclose(
        to_numpy(got), want, rtol=1e-6, err_msg=f"{index} {name}"
    )
    np.testing.assert_array_equal(to_numpy(core), base(shape))


def test_at_divide() -> None:
    """Division too, once per occurrence of an index."""
    a = mx.array([8.0, 4.0])
    assert a.at[mx.array([0, 0, 1])].divide(2.0).tolist() == [2.0, 2.0]


def test_integer_lists_and_dtypes() -> None:
    """Index arrays may have any integer dtype."""
    a = mx.arange(10)
    for dtype in (mx.int8, mx.uint8, mx.int16, mx.uint32, mx.int64, mx.uint64):
        assert a[mx.array([1, 3], dtype)].tolist() == [1, 3]
    assert a[mx.array(-1)].item() == 9
    assert a[mx.array([[0], [9]])].tolist() == [[0], [9]]


@pytest.mark.parametrize("far", [10, -11, 2**31 - 1, -(2**31), 2**40])
def test_out_of_range(far: int) -> None:
    """Out of range is an IndexError that names the index, for every way to index."""
    a = mx.arange(10)
    dtype = mx.int64
    index = mx.array([0, far], dtype)
    ways = {
        "integer": lambda: a[far],
        "array": lambda: a[index],
        "two axes": lambda: a.reshape(2, 5)[0, mx.array([far], dtype)],
        "take": lambda: mx.take(a, index),
        "take axis": lambda: mx.take(a.reshape(2, 5), index, axis=1),
        "take_along_axis": lambda: mx.take_along_axis(a, index, axis=0),
        "put_along_axis": lambda: mx.put_along_axis(a, index, mx.array(1), axis=0),
        "at": lambda: a.at[index].add(1),
        "setitem": lambda: assign(a * 1, index),
        "setitem integer": lambda: assign(a * 1, far),
    }
    for name, way in ways.items():
        error = raises(way)
        assert isinstance(error, IndexError), (name, error)
        assert str(far) in str(error), (name, error)
    assert a.tolist() == list(range(10))


def assign(a: Any, index: Any) -> Any:
    a[index] = 7
    return a


def test_failed_assignment_changes_nothing() -> None:
    """After an IndexError or ValueError the array is what it was."""
    a = mx.arange(4)
    with pytest.raises(IndexError):
        a[7] = 1
    with pytest.raises(ValueError):
        a[1:3] = mx.array([1, 2, 3])
    assert a.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("index", [0.5, "a", (0, 0), slice(0, 4, 0), {}, (..., ...)])
def test_bad_index(index: Any) -> None:
    """What cannot be an index is refused."""
    error = raises(lambda: mx.arange(4)[index])
    assert isinstance(error, (ValueError, TypeError, IndexError))
    error = raises(lambda: assign(mx.arange(4), index))
    assert isinstance(error, (ValueError, TypeError, IndexError))


def test_float_array_index() -> None:
    error = raises(lambda: mx.arange(4)[mx.array([0.5])])
    assert isinstance(error, (ValueError, TypeError, IndexError))


def test_index_of_an_empty_axis() -> None:
    """No integer is in range of an axis of size 0; slices of it are empty."""
    empty = mx.zeros((0, 3))
    assert isinstance(raises(lambda: empty[0]), IndexError)
    assert isinstance(raises(lambda: empty[mx.array([0])]), IndexError)
    assert tuple(empty[mx.zeros((0,), mx.int32)].shape) == (0, 3)
    assert tuple(empty[1:5].shape) == (0, 3)


def test_setitem_dtype_stays() -> None:
    """Assignment casts to the array's dtype."""
    a = mx.array([1, 2, 3])
    a[0] = 2.7
    assert a.tolist() == [2, 2, 3]
    assert a.dtype == mx.int32
    a[mx.array([1])] = mx.array([9.9])
    assert a.tolist() == [2, 9, 3]


def test_setitem_from_itself() -> None:
    """The right side is read before anything is written."""
    a = mx.arange(6)
    a[1:] = a[:-1]
    assert a.tolist() == [0, 0, 1, 2, 3, 4]
    a[::-1] = a
    assert a.tolist() == [4, 3, 2, 1, 0, 0]
