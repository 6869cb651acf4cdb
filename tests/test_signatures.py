"""Calls in every form that the documented API allows."""

from __future__ import annotations

import ingot.core as mx
import numpy as np
import pytest
from support import to_numpy

X = mx.array([[1.0, 2.0], [3.0, 5.0]])


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (lambda: mx.arange(3), [0, 1, 2]),
        (lambda: mx.arange(stop=3), [0, 1, 2]),
        (lambda: mx.arange(1, 3), [1, 2]),
        (lambda: mx.arange(4, step=2), [0, 2]),
        (lambda: mx.arange(1, 6, 2, mx.float32), [1, 3, 5]),
        (lambda: mx.arange(3, None), [0, 1, 2]),
        (lambda: mx.linspace(0, 1, 4, False), [0, 0.25, 0.5, 0.75]),
        (lambda: mx.linspace(0, 1, 3, dtype=mx.float16), [0, 0.5, 1]),
        (lambda: mx.linspace(2, 3, 1, endpoint=False), [2]),
        (lambda: mx.take_along_axis(X, mx.array([[1], [0]])), [[2], [3]]),
        (lambda: X.var(axis=1, correction=1), [0.5, 2.0]),
        (lambda: X.std(1, False, 1), np.sqrt([0.5, 2.0])),
        (lambda: +X, [[1, 2], [3, 5]]),
        (lambda: X.reshape(4), [1, 2, 3, 5]),
        (lambda: X.reshape((2, 2), stream=mx.cpu).transpose([1, 0]), [[1, 3], [2, 5]]),
    ],
)
def test_values(got, want):
    np.testing.assert_allclose(to_numpy(got()), want, rtol=1e-6)


def test_a_stream_may_come_by_position():
    stream = mx.default_stream(mx.cpu)
    for where in (stream, mx.cpu, mx.DeviceType.cpu, None):
        assert mx.add(1, 2, where).item() == 3
        assert mx.isnan(X, where).any().item() is False
        assert mx.round(X, 1, where).shape == (2, 2)
        assert X.astype(mx.int8, where).dtype == mx.int8


def test_softmax_takes_precise_by_name_only():
    assert mx.softmax(X, -1, precise=True).shape == (2, 2)
    with pytest.raises(TypeError):
        mx.softmax(X, -1, True)


def test_lists_of_arrays_are_arrays():
    np.testing.assert_array_equal(to_numpy(mx.array([X[0], X[1]])), to_numpy(X))
    assert mx.concatenate((X, X), axis=None).shape == (8,)
