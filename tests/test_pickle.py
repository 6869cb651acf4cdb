"""Pickles of arrays and dtypes in every protocol, out of band too, and copies."""

from __future__ import annotations

import copy
import pickle

import ingot.core as mx
import numpy as np
import pytest
from support import ALL, LAYOUTS, NUMPY, dtype_name, layout, to_numpy

X = np.arange(12).reshape(3, 4)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("dtype", ALL)
def test_pickles(dtype, name, protocol):
    core, x = layout(X.astype(NUMPY[dtype]), name)
    for a, want in ((core, x), (core[1, 1], x[1, 1]), (core[:0], x[:0])):
        back = pickle.loads(pickle.dumps(a, protocol))
        assert dtype_name(back) == dtype and back.shape == want.shape
        np.testing.assert_array_equal(to_numpy(back), want)


@pytest.mark.parametrize("dtype", ALL)
def test_pickles_with_the_elements_out_of_band(dtype):
    a = mx.array(X.astype(NUMPY[dtype]), dtype=getattr(mx, dtype_of(dtype)))
    buffers: list[pickle.PickleBuffer] = []
    text = pickle.dumps([a, a.T], 5, buffer_callback=buffers.append)
    assert len(buffers) == 2 and len(text) < 500
    assert buffers[0].raw().nbytes == a.nbytes
    for back in pickle.loads(text, buffers=buffers)[:1]:
        np.testing.assert_array_equal(to_numpy(back), X.astype(NUMPY[dtype]))
    # Other memory with the same bytes does as well.
    copies = [bytearray(b.raw()) for b in buffers]
    _, back = pickle.loads(text, buffers=copies)
    copies[1][:] = bytes(len(copies[1]))
    np.testing.assert_array_equal(to_numpy(back), X.astype(NUMPY[dtype]).T)


def dtype_of(name):
    return "bool_" if name == "bool" else name


def test_out_of_band_elements_share_memory_until_they_are_loaded():
    a = mx.arange(1000)
    mx.eval(a)
    before = mx.get_active_memory()
    buffers: list[pickle.PickleBuffer] = []
    pickle.dumps(a, 5, buffer_callback=buffers.append)
    assert mx.get_active_memory() == before
    address = np.asarray(a).__array_interface__["data"][0]
    assert np.asarray(buffers[0]).__array_interface__["data"][0] == address


def test_bad_pickles():
    rebuild = mx.array([1]).__reduce_ex__(5)[0]
    for data, shape, number in [
        (b"abc", (1,), 0),
        (b"", (1,), 3),
        (bytes(8), (-1,), 3),
        (bytes(4), (1,), 99),
        (bytes(4), (1,), -1),
        (memoryview(bytes(8))[::2], (1,), 3),
        ("text", (1,), 3),
    ]:
        with pytest.raises((ValueError, TypeError, BufferError)):
            rebuild(data, shape, number)
    with pytest.raises(IndexError):
        pickle.dumps(mx.take(mx.ones((2,)), mx.array([5])), 5)


@pytest.mark.parametrize("dtype", ALL)
def test_copies_of_arrays_and_dtypes(dtype):
    a = mx.array([1, 0], dtype=getattr(mx, dtype_of(dtype)))
    for duplicate in (
        copy.copy,
        copy.deepcopy,
        lambda x: pickle.loads(pickle.dumps(x)),
    ):
        b = duplicate(a)
        b[0] = 0
        assert b.dtype == a.dtype
        assert to_numpy(a).astype(int).tolist() == [1, 0]
        assert to_numpy(b).astype(int).tolist() == [0, 0]
        assert duplicate(a.dtype) == a.dtype
        assert duplicate({a.dtype: [a]})[a.dtype][0].shape == (2,)
