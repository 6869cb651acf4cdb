"""Comparisons of whole arrays and shapes: array_equal, isclose, broadcast_shapes."""

from __future__ import annotations

import ingot.core as mx
import numpy as np
import pytest
from support import to_core, to_numpy


def test_broadcast_shapes() -> None:
    """Shapes broadcast as NumPy's do; others are refused."""
    for shapes in ([(3, 1), (4,)], [(), (2,)], [(0,), (1,)], [(2, 1, 3), (5, 1)]):
        assert tuple(mx.broadcast_shapes(*shapes)) == np.broadcast_shapes(*shapes)
    with pytest.raises(ValueError, match="broadcast"):
        mx.broadcast_shapes((3,), (4,))


A = np.array([1.0, 1.0 + 1e-6, 2.0, np.inf, -np.inf, np.nan, 0.0], np.float32)
B = np.array([1.0, 1.0, 2.1, np.inf, np.inf, np.nan, 1e-9], np.float32)


@pytest.mark.skipif(not hasattr(mx, "isclose"), reason="no isclose")
@pytest.mark.parametrize("equal_nan", [False, True])
@pytest.mark.parametrize(("rtol", "atol"), [(1e-5, 1e-8), (0.0, 0.0), (0.1, 0.0)])
def test_isclose(rtol: float, atol: float, equal_nan: bool) -> None:
    """|a - b| <= atol + rtol |b|; equal infinities are close."""
    got = mx.isclose(to_core(A), to_core(B), rtol=rtol, atol=atol, equal_nan=equal_nan)
    want = np.isclose(A, B, rtol=rtol, atol=atol, equal_nan=equal_nan)
    np.testing.assert_array_equal(to_numpy(got), want)
    whole = mx.allclose(
        to_core(A), to_core(B), rtol=rtol, atol=atol, equal_nan=equal_nan
    )
    assert whole.item() == bool(np.all(want))


@pytest.mark.skipif(not hasattr(mx, "array_equal"), reason="no array_equal")
def test_array_equal() -> None:
    """Same shape and values; dtypes may differ; NaN equals NaN only when asked."""
    x = mx.array([1, 2, 3])
    assert mx.array_equal(x, mx.array([1.0, 2.0, 3.0])).item() is True
    assert mx.array_equal(x, mx.array([1, 2, 4])).item() is False
    assert mx.array_equal(x, mx.array([1, 2])).item() is False
    assert mx.array_equal(x, mx.array([[1, 2, 3]])).item() is False
    nan = mx.array([float("nan")])
    assert mx.array_equal(nan, nan).item() is False
    assert mx.array_equal(nan, nan, equal_nan=True).item() is True
    assert mx.array_equal(mx.zeros((0,)), mx.zeros((0,))).item() is True
