"""The array class: construction, conversion, printing, copying, identity."""

from __future__ import annotations

import copy
import gc
import operator
import pickle
import weakref
from typing import Any

import ingot.core as mx
import ml_dtypes
import numpy as np
import pytest
from support import ALL, CORE, LAYOUTS, NUMPY, dtype_name, layout, to_core, to_numpy

NATIVE = [d for d in ALL if d != "bfloat16"]


@pytest.mark.parametrize(
    ("value", "dtype", "shape"),
    [
        (True, "bool", ()),
        (3, "int32", ()),
        (2**31 - 1, "int32", ()),
        (2**31, "int64", ()),
        (-(2**40), "int64", ()),
        (2.5, "float32", ()),
        ([], "float32", (0,)),
        ([[], []], "float32", (2, 0)),
        ([1, 2], "int32", (2,)),
        ((1, 2), "int32", (2,)),
        ([1, 2**40], "int64", (2,)),
        ([True, False], "bool", (2,)),
        ([True, 2], "int32", (2,)),
        ([1, 2.5], "float32", (2,)),
        ([[1, 2], [3, 4]], "int32", (2, 2)),
        ([(1, 2), (3, 4)], "int32", (2, 2)),
        ([[[1.0]]], "float32", (1, 1, 1)),
    ],
)
def test_construction(value: Any, dtype: str, shape: tuple[int, ...]) -> None:
    """Python numbers and nested lists have the documented dtypes."""
    a = mx.array(value)
    assert dtype_name(a) == dtype
    assert tuple(a.shape) == shape
    assert to_numpy(a).tolist() == np.array(value).tolist()


@pytest.mark.parametrize("dtype", ALL)
def test_construction_with_dtype(dtype: str) -> None:
    """A given dtype is taken, for numbers, lists and NumPy arrays."""
    for value in (1, [1, 0], np.array([1, 0]), np.array([1.0, 0.0]), mx.array([1, 0])):
        a = mx.array(value, dtype=CORE[dtype])
        assert dtype_name(a) == dtype
        first = to_numpy(a).reshape(-1)[0]
        assert float(first) == 1.0


def test_construction_from_arrays() -> None:
    """Lists of arrays are stacked."""
    a = mx.array([mx.array(1), mx.array(2.0)])
    assert a.tolist() == [1.0, 2.0]
    assert dtype_name(a) == "float32"
    b = mx.array([mx.ones((2,)), mx.zeros((2,))])
    assert b.tolist() == [[1.0, 1.0], [0.0, 0.0]]


@pytest.mark.parametrize(
    "value",
    [
        [[1, 2], [3]],
        [1, [2]],
        [[1], 2],
        [[1, 2], 3],
        "text",
        None,
        object(),
        {1: 2},
        {1, 2},
        [None],
        ["a"],
        2**64,
        -(2**63) - 1,
        [2**70],
        np.array(["a"]),
        np.array([object()]),
        np.array([1 + 2j], np.clongdouble),
        np.array(["2020-01-01"], dtype="datetime64[D]"),
    ],
)
def test_construction_refuses(value: Any) -> None:
    """What is no array of numbers is refused."""
    with pytest.raises((ValueError, TypeError, OverflowError)):
        mx.array(value)


@pytest.mark.parametrize("dtype", ALL)
def test_numpy_round_trip(dtype: str) -> None:
    """NumPy in and out keeps values, shape and dtype, bfloat16 included."""
    for shape in ((), (0,), (5,), (2, 3), (2, 0)):
        x = np.arange(int(np.prod(shape))).astype(NUMPY[dtype]).reshape(shape)
        a = mx.array(x, dtype=CORE[dtype])
        back = np.array(a)
        assert back.dtype == x.dtype
        assert back.shape == x.shape
        assert back.tobytes() == x.tobytes()


def test_numpy_dtypes() -> None:
    """NumPy's dtypes are kept, but float64 becomes float32 unless asked for."""
    for dtype in ALL:
        want = "float32" if dtype == "float64" else dtype
        assert dtype_name(mx.array(np.ones(2, NUMPY[dtype]))) == want
    assert dtype_name(mx.array(np.ones(2), dtype=mx.float64)) == "float64"
    assert dtype_name(mx.array(np.float32(2.5))) == "float32"
    assert mx.array(np.int8(-3)).item() == -3
    assert dtype_name(mx.array(np.ones(2, ml_dtypes.bfloat16))) == "bfloat16"


def test_numpy_layouts() -> None:
    """Strided, reversed, transposed and Fortran-ordered arrays are read rightly."""
    x = np.arange(24, dtype=np.float32).reshape(4, 6)
    for view in (x[::2], x[:, ::-1], x.T, np.asfortranarray(x), x[1:, 2:5]):
        np.testing.assert_array_equal(to_numpy(mx.array(view)), view)
    big_endian = x.astype(">f4")
    np.testing.assert_array_equal(to_numpy(mx.array(big_endian)), x)


def test_array_owns_its_values() -> None:
    """Later changes of the NumPy array do not show, nor do changes of what came out."""
    x = np.arange(4, dtype=np.float32)
    a = mx.array(x)
    x[0] = 99
    assert a.tolist() == [0.0, 1.0, 2.0, 3.0]
    out = np.array(a)
    out[1] = 99
    assert a.tolist() == [0.0, 1.0, 2.0, 3.0]


def test_numpy_view_survives() -> None:
    """A NumPy view keeps its memory alive, and in-place ops do not write there."""
    a = mx.arange(1000).astype(mx.float32)
    view = np.asarray(a)
    a += 1.0
    mx.eval(a)
    del a
    gc.collect()
    mx.eval(mx.zeros((1000,)))
    np.testing.assert_array_equal(view, np.arange(1000))


@pytest.mark.parametrize("dtype", NATIVE)
def test_buffer_protocol(dtype: str) -> None:
    """memoryview sees dtype, shape and values."""
    x = np.arange(6).astype(NUMPY[dtype]).reshape(2, 3)
    view = memoryview(to_core(x))
    assert view.shape == (2, 3)
    assert view.itemsize == x.itemsize
    np.testing.assert_array_equal(np.array(view), x)


@pytest.mark.parametrize("name", LAYOUTS)
def test_buffers_of_views(name: str) -> None:
    core, x = layout(np.arange(12, dtype=np.int16).reshape(3, 4), name)
    np.testing.assert_array_equal(np.array(memoryview(core)), x)
    np.testing.assert_array_equal(np.asarray(core), x)


def test_numpy_functions_take_arrays() -> None:
    """NumPy functions accept core arrays through `__array__`."""
    a = mx.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_allclose(np.exp(a), np.exp([[1.0, 2.0], [3.0, 4.0]]), rtol=1e-6)
    assert np.array(a, dtype=np.float64).dtype == np.float64
    assert np.linalg.norm(a) == pytest.approx(5.477226)


@pytest.mark.parametrize("dtype", ALL)
def test_item_and_tolist(dtype: str) -> None:
    """Values come out as Python's own bool, int and float."""
    kind = bool if dtype == "bool" else float if "float" in dtype else int
    a = mx.array([[0, 1], [1, 0]], dtype=CORE[dtype])
    assert a.tolist() == [[0, 1], [1, 0]]
    assert type(a.tolist()[0][0]) is kind
    assert type(mx.array(1, dtype=CORE[dtype]).item()) is kind
    assert mx.array([[1]], dtype=CORE[dtype]).item() == 1
    with pytest.raises(ValueError, match="item"):
        a.item()
    assert mx.zeros((0, 2), CORE[dtype]).tolist() == []
    assert type(mx.array(1, dtype=CORE[dtype]).tolist()) is kind


def test_extreme_integers() -> None:
    """64-bit integers are exact in both directions."""
    for value, dtype in ((2**63 - 1, mx.int64), (-(2**63), mx.int64)):
        assert mx.array(value, dtype).item() == value
    assert mx.array([2**64 - 1], mx.uint64).item() == 2**64 - 1
    assert mx.array(2**53 + 1).item() == 2**53 + 1


def test_python_conversions() -> None:
    """bool, int, float, index and format work on single elements only."""
    assert bool(mx.array(0)) is False
    assert bool(mx.array([2])) is True
    assert int(mx.array(3.7)) == 3
    assert float(mx.array([2.0])) == 2.0
    assert [10, 20, 30][mx.array(1)] == 20
    assert f"{mx.array(1.5):.3f}" == "1.500"
    for convert in (bool, int, float):
        with pytest.raises(ValueError):
            convert(mx.array([1, 2]))
    with pytest.raises(TypeError):
        operator.index(mx.array(1.5))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: mx.array([1.5, 2]), "array([1.5, 2], dtype=float32)"),
        (lambda: mx.array(1.0), "array(1, dtype=float32)"),
        (lambda: mx.array([True, False]), "array([True, False], dtype=bool)"),
        (
            lambda: mx.array([[1, 2], [3, 4]], mx.int8),
            "array([[1, 2],\n       [3, 4]], dtype=int8)",
        ),
        (
            lambda: mx.arange(2000),
            "array([0, 1, 2, ..., 1997, 1998, 1999], dtype=int32)",
        ),
        (lambda: mx.zeros((0,)), "array([], dtype=float32)"),
        (
            lambda: mx.array([1e-10, float("nan"), float("inf")]),
            "array([1e-10, nan, inf], dtype=float32)",
        ),
    ],
)
def test_printing(make: Any, text: str) -> None:
    """repr and str show values and dtype, and shorten what is long."""
    assert repr(make()) == text
    assert str(make()) == text


def test_printing_is_short() -> None:
    assert len(repr(mx.zeros((100, 100, 100)))) < 2000


@pytest.mark.parametrize("dtype", ALL)
def test_pickle_and_copies(dtype: str) -> None:
    """Pickled and copied arrays are equal and independent."""
    x = np.arange(6).astype(NUMPY[dtype]).reshape(2, 3)
    a = to_core(x)
    for make in (copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))):
        b = make(a)
        assert dtype_name(b) == dtype
        assert to_numpy(b).tobytes() == x.tobytes()
        b[0, 0] = 1
        assert to_numpy(a).tobytes() == x.tobytes()
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(a.T, protocol))
        np.testing.assert_array_equal(to_numpy(again), x.T)


def test_len_and_iteration() -> None:
    """Iteration goes over the first axis; 0-d arrays have none."""
    a = mx.array([[1, 2], [3, 4], [5, 6]])
    assert len(a) == 3
    assert [row.tolist() for row in a] == [[1, 2], [3, 4], [5, 6]]
    first, *_, last = a
    assert (first.tolist(), last.tolist()) == ([1, 2], [5, 6])
    assert len(mx.zeros((0, 3))) == 0
    assert list(mx.zeros((0, 3))) == []
    with pytest.raises(TypeError):
        len(mx.array(1))
    with pytest.raises(TypeError):
        iter(mx.array(1))


def test_attributes() -> None:
    a = mx.zeros((2, 3, 4), mx.int16)
    assert tuple(a.shape) == (2, 3, 4)
    assert (a.ndim, a.size, a.itemsize, a.nbytes) == (3, 24, 2, 48)
    assert tuple(a.T.shape) == (4, 3, 2)
    with pytest.raises(AttributeError):
        a.shape = (24,)


def test_hash_is_identity() -> None:
    """Arrays are dictionary keys by identity, and can be weakly referenced."""
    a, b = mx.array([1]), mx.array([1])
    assert hash(a) == hash(a)
    assert len({a: 1, b: 2}) == 2
    reference = weakref.ref(a)
    assert reference() is a
    del a
    gc.collect()
    assert reference() is None


def test_setitem_changes_only_the_array() -> None:
    """Views and copies taken before keep their values; other names see the change."""
    a = mx.arange(4)
    view, transposed, name = a[1:], a.reshape(2, 2).T, a
    a[1] = 9
    assert a.tolist() == [0, 9, 2, 3]
    assert name.tolist() == [0, 9, 2, 3]
    assert view.tolist() == [1, 2, 3]
    assert transposed.tolist() == [[0, 2], [1, 3]]
    view[0] = 7
    assert a.tolist() == [0, 9, 2, 3]


def test_constructor_copies_the_handle() -> None:
    """`mx.array(a)` is another array: changes of one do not show in the other."""
    a = mx.array([1, 2])
    b = mx.array(a)
    b[0] = 5
    a += 1
    assert a.tolist() == [2, 3]
    assert b.tolist() == [5, 2]


def test_methods_are_the_functions() -> None:
    """Each method computes what the function of its name does."""
    x = np.random.default_rng(0).uniform(0.5, 2, (3, 4)).astype(np.float32)
    a = to_core(x)
    names = (
        "abs square sqrt rsqrt reciprocal exp log log2 log10 log1p sin cos round sum "
    )
    names += (
        "mean var std prod max min argmax argmin all any logsumexp flatten squeeze "
    )
    names += "transpose"
    for name in names.split():
        if hasattr(a, name):
            got, want = getattr(a, name)(), getattr(mx, name)(a)
            np.testing.assert_array_equal(to_numpy(got), to_numpy(want), err_msg=name)
    assert tuple(a.reshape(4, 3).shape) == (4, 3)
    assert tuple(a.reshape((2, 6)).shape) == (2, 6)
    assert tuple(a.transpose(1, 0).shape) == (4, 3)
    assert tuple(a.swapaxes(0, 1).shape) == (4, 3)
    assert tuple(a.moveaxis(0, 1).shape) == (4, 3)
    assert [tuple(p.shape) for p in a.split(2, axis=1)] == [(3, 2), (3, 2)]
    assert tuple(a.sum(axis=0, keepdims=True).shape) == (1, 4)
