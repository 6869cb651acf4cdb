"""asarray: what it takes, and when it copies."""

from __future__ import annotations

import ingot.core as mx
import ml_dtypes
import numpy as np
import pytest
from support import ALL, CORE, NUMPY, dtype_name, to_numpy


def address(x):
    return np.asarray(x).__array_interface__["data"][0]


class OnlyDLPack:
    """An array of a library that knows of DLPack alone."""

    def __init__(self, x):
        self.x = x

    def __dlpack__(self, **arguments):
        return self.x.__dlpack__(**arguments)

    def __dlpack_device__(self):
        return self.x.__dlpack_device__()


@pytest.mark.parametrize("copy", [None, True])
@pytest.mark.parametrize(
    "value",
    [
        3,
        2.5,
        True,
        [1, 2],
        [[1.5], [2]],
        (),
        np.arange(6).reshape(2, 3).T,
        np.float64([1, 2]),
        np.int8(3),
        memoryview(b"abc"),
        np.ones(2, ml_dtypes.bfloat16),
        mx.arange(3),
        [mx.array(1), 2],
    ],
    ids=repr,
)
def test_it_is_what_array_makes(value, copy):
    a, b = mx.asarray(value, copy=copy), mx.array(value)
    assert a.dtype == b.dtype and a.shape == b.shape
    assert a.tolist() == b.tolist()
    for dtype in (mx.float16, mx.int64):
        a, b = mx.asarray(value, dtype, copy=copy), mx.array(value, dtype)
        assert a.dtype == dtype and a.tolist() == b.tolist()


def test_memory_of_others_is_copied():
    x = np.arange(4, dtype=np.float32)
    for a in (mx.asarray(x), mx.asarray(x, copy=True), mx.asarray(x, mx.float32)):
        x[0] = 9
        assert a.tolist() == [0, 1, 2, 3]
        x[0] = 0


@pytest.mark.parametrize("dtype", [d for d in ALL if d != "bfloat16"])
def test_memory_is_shared_where_copy_is_false(dtype):
    x = np.ones((3, 2), NUMPY[dtype]).T
    a = mx.asarray(x, copy=False)
    assert dtype_name(a) == dtype
    x[0, 0] = 0
    np.testing.assert_array_equal(to_numpy(a), x)
    assert mx.asarray(x, CORE[dtype], copy=False).shape == (2, 3)


def test_arrays_of_ingot_are_taken_as_they_are():
    a = mx.arange(3)
    mx.eval(a)
    assert address(mx.asarray(a)) == address(a)
    assert address(mx.asarray(a, copy=False)) == address(a)
    assert address(mx.asarray(a, mx.int32, copy=False)) == address(a)
    assert address(mx.asarray(a, copy=True)) != address(a)
    b = mx.asarray(a)
    b[0] = 7
    assert a.tolist() == [0, 1, 2]


def test_libraries_that_know_dlpack_alone():
    x = np.arange(3.0)
    a, b = mx.asarray(OnlyDLPack(x)), mx.asarray(OnlyDLPack(x), copy=False)
    assert dtype_name(a) == dtype_name(b) == "float64"
    x[0] = 5
    assert a.tolist() == [0, 1, 2] and b.tolist() == [5, 1, 2]
    assert mx.asarray(OnlyDLPack(x), mx.int32).tolist() == [5, 1, 2]


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        ([1, 2], None),
        (3, None),
        (np.ones(2), mx.float32),
        (mx.ones(2), mx.int32),
        (np.frombuffer(bytes(9), np.float32, 2, offset=1), None),
        (np.ones(2, ml_dtypes.bfloat16), None),
    ],
    ids=repr,
)
def test_a_copy_that_must_be_is_refused_where_copy_is_false(value, dtype):
    with pytest.raises(ValueError, match=r"asarray: .*copy is False"):
        mx.asarray(value, dtype, copy=False)


@pytest.mark.parametrize("value", [None, "text", object(), {}, {1}, b"abc"])
@pytest.mark.parametrize("copy", [None, True, False])
def test_what_is_no_array_is_refused(value, copy):
    with pytest.raises((TypeError, ValueError)):
        mx.asarray(value, copy=copy)


def test_gradients_pass():
    assert mx.grad(lambda x: mx.asarray(x, copy=True) ** 2)(mx.array(3.0)).item() == 6
    assert mx.grad(lambda x: mx.asarray(x) ** 2)(mx.array(3.0)).item() == 6


def test_a_device_may_be_named():
    assert mx.asarray([1, 2], device=mx.cpu).tolist() == [1, 2]
    with pytest.raises(ValueError, match="available"):
        mx.asarray([1, 2], device=mx.Device(mx.DeviceType.cpu, 7))
