"""Copies of arrays whose innermost dimension is not the one of stride 1."""

from __future__ import annotations

import itertools

import ingot.core as mx
import numpy as np
import pytest

LENGTHS = [0, 1, 2, 7, 16, 17, 63, 64, 100]
DTYPES = [mx.uint8, mx.float16, mx.int32, mx.float64]


def values(shape: tuple[int, ...], dtype: mx.Dtype) -> mx.array:
    return mx.arange(int(np.prod(shape)), dtype=mx.int64).reshape(shape).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_matrices_of_every_shape(dtype):
    for rows, columns in itertools.product(LENGTHS, LENGTHS):
        x = values((rows, columns), dtype)
        got = np.asarray(mx.contiguous(x.T))
        np.testing.assert_array_equal(got, np.asarray(x).T, f"{rows} x {columns}")


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_axes_in_every_order(dtype):
    x = values((3, 17, 2, 20), dtype)
    for axes in itertools.permutations(range(4)):
        got = np.asarray(mx.contiguous(mx.transpose(x, axes)))
        np.testing.assert_array_equal(got, np.asarray(x).transpose(axes), str(axes))


@pytest.mark.parametrize("turn", ["window", "reversed", "repeated", "every second"])
def test_views(turn):
    x = values((70, 90), mx.int32)
    y = np.asarray(x)
    if turn == "window":
        got, want = x[3:60, 5:88].T, y[3:60, 5:88].T
    elif turn == "reversed":
        got, want = x[::-1].T, y[::-1].T
    elif turn == "repeated":
        got = mx.broadcast_to(x.T[None], (4, 90, 70))
        want = np.broadcast_to(y.T, (4, 90, 70))
    else:
        got, want = x[:, ::2].T, y[:, ::2].T
    np.testing.assert_array_equal(np.asarray(mx.contiguous(got)), want)


@pytest.mark.parametrize("shape", [(700, 1100), (5, 200_001), (200_001, 5)])
def test_many_rectangles(shape):
    x = values((2, *shape), mx.int32)
    got = np.asarray(mx.contiguous(x.swapaxes(1, 2)))
    np.testing.assert_array_equal(got, np.asarray(x).swapaxes(1, 2))
