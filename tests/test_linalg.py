"""linalg.norm against its definition, linalg.qr by what makes it a QR factorisation."""

from __future__ import annotations

from typing import Any

import ingot.core as mx
import numpy as np
import pytest
from ingot import _core
from support import FLOATS, NUMPY, assert_close, dtype_name, raises, to_core, to_numpy

SHAPES = [(5,), (3, 4), (2, 3, 4)]


def draw(shape: tuple[int, ...], dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(1).normal(size=shape).astype(dtype)


@pytest.mark.parametrize("shape", SHAPES)
def test_two_norm_of_everything(shape: tuple[int, ...]) -> None:
    """Without arguments: the root of the sum of squares."""
    x = draw(shape)
    want = np.sqrt(np.sum(x.astype(np.float64) ** 2))
    assert_close(to_numpy(mx.linalg.norm(to_core(x))), want, label="norm")


@pytest.mark.parametrize("order", [None, 1, 2, 3, 0.5, 0, np.inf, -np.inf, -1])
@pytest.mark.parametrize("keepdims", [False, True])
def test_vector_norms(order: Any, keepdims: bool) -> None:
    x = draw((4, 6))
    got = mx.linalg.norm(to_core(x), ord=order, axis=1, keepdims=keepdims)
    want = np.linalg.norm(x.astype(np.float64), ord=order, axis=1, keepdims=keepdims)
    assert_close(to_numpy(got), want, ulps=16, label=f"norm {order}")


@pytest.mark.parametrize("order", [None, "fro", 1, -1, np.inf, -np.inf])
def test_matrix_norms(order: Any) -> None:
    x = draw((3, 4, 5))
    got = mx.linalg.norm(to_core(x), ord=order, axis=(-2, -1))
    want = np.linalg.norm(x.astype(np.float64), ord=order, axis=(-2, -1))
    assert_close(to_numpy(got), want, ulps=8, label=f"norm {order}")


def test_matrix_norm_is_another_name() -> None:
    x = to_core(draw((3, 4)))
    assert mx.matrix_norm(x, 1).item() == mx.linalg.norm(x, 1).item()


def test_norm_gradient() -> None:
    """The gradient of |x| is x / |x|."""
    x = np.array([3.0, 4.0])
    grad = mx.grad(lambda a: mx.linalg.norm(a))(to_core(x))
    np.testing.assert_allclose(to_numpy(grad), [0.6, 0.8], rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "shape", [(4, 4), (6, 3), (3, 6), (1, 1), (2, 5, 3), (2, 3, 5)]
)
def test_qr(shape: tuple[int, ...], dtype: str) -> None:
    """Q R is the matrix, the columns of Q are orthonormal, R is upper triangular."""
    x = draw(shape, dtype)
    q, r = mx.linalg.qr(to_core(x), stream=mx.cpu)
    assert dtype_name(q) == dtype_name(r) == dtype
    q, r = to_numpy(q).astype(np.float64), to_numpy(r).astype(np.float64)
    k = min(shape[-2:])
    assert q.shape == (*shape[:-1], k)
    assert r.shape == (*shape[:-2], k, shape[-1])
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(q @ r, x, atol=tolerance)
    identity = np.swapaxes(q, -1, -2) @ q
    np.testing.assert_allclose(
        identity, np.broadcast_to(np.eye(k), identity.shape), atol=tolerance
    )
    np.testing.assert_array_equal(r, np.triu(r))


def test_qr_refuses() -> None:
    """Vectors and integers have no QR factorisation."""
    for x in (mx.ones((3,)), mx.array(1.0), mx.ones((2, 2), mx.int32)):
        error = raises(lambda x=x: list(mx.linalg.qr(x, stream=mx.cpu)))
        assert isinstance(error, (ValueError, TypeError)), repr(error)
        assert "qr" in str(error)


@pytest.mark.parametrize("dtype", FLOATS)
def test_global_norm(dtype: str) -> None:
    """The root of the sum of all squares of all arrays, without overflow on the way."""
    rng = np.random.default_rng(2)
    shapes = ((1000,), (3, 5), (), (0,), (70, 70))
    arrays = [np.asarray(rng.normal(size=s)).astype(NUMPY[dtype]) for s in shapes]
    total = sum(float(np.sum(x.astype(np.float64) ** 2)) for x in arrays)
    got = _core.global_norm([to_core(x) for x in arrays]).item()
    assert got == pytest.approx(np.sqrt(total), rel=1e-6)
    huge = _core.global_norm([mx.array([3e30, 4e30])]).item()
    assert huge == pytest.approx(5e30, rel=1e-6)
    assert _core.global_norm([]).item() == 0.0


@pytest.mark.parametrize("dtype", [mx.float16, mx.float32, mx.float64])
@pytest.mark.parametrize("m", [1, 3, 70])
def test_products_over_nothing_are_zero(dtype, m):
    a, b = mx.zeros((2, m, 0), dtype=dtype), mx.zeros((2, 0, 5), dtype=dtype)
    for x, y in ((a, b), (mx.swapaxes(b, 1, 2), mx.swapaxes(a, 1, 2))):
        junk = mx.full((2, x.shape[1], y.shape[2]), 7.0, dtype=dtype)
        mx.eval(junk)
        del junk
        assert not np.array((x @ y).astype(mx.float32)).any()
    c = mx.ones((m, 5), dtype=dtype)
    assert mx.array_equal(mx.addmm(c, a[0], b[0], beta=3.0), c * 3).item()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("turn", [False, True], ids=["rows", "columns"])
@pytest.mark.parametrize("shape", [(256, 0), (257, 3), (300, 1100), (2, 520, 40)])
def test_products_with_the_own_transpose(dtype, turn, shape):
    """Half of the product is computed: it is symmetric to the bit."""
    x = mx.array(draw(shape)).astype(getattr(mx, dtype))
    x = mx.contiguous(x.swapaxes(-1, -2)).swapaxes(-1, -2) if turn else x
    c = mx.array(draw((shape[-2], shape[-2]))).astype(x.dtype)
    product, wide = x @ x.swapaxes(-1, -2), np.asarray(x.astype(mx.float64))
    want, size = (a @ a.swapaxes(-1, -2) for a in (wide, np.abs(wide)))
    ulp = {"float16": 2**-10, "bfloat16": 2**-7, "float32": 2**-23}.get(dtype, 2**-52)
    got = np.asarray(product.astype(mx.float64))
    assert np.all(np.abs(got - want) <= 20 * ulp * size)
    assert mx.array_equal(product, product.swapaxes(-1, -2)).item()
    if len(shape) == 2:
        added = mx.addmm(c, x, x.T, alpha=0.5, beta=-2.0).astype(mx.float64)
        want = 0.5 * want - 2 * np.asarray(c.astype(mx.float64))
        size = size + 2 * np.abs(np.asarray(c.astype(mx.float64)))
        assert np.all(np.abs(np.asarray(added) - want) <= 20 * ulp * size)


def test_a_product_with_the_own_transpose_does_not_read_old_memory():
    x = mx.array(np.random.default_rng(1).normal(size=(300, 70)).astype(np.float32))
    expected = np.asarray(x) @ np.asarray(x).T
    for beta in (0.0, 2.0):
        left = mx.full((300, 300), float("nan"))
        mx.eval(x, left)
        del left  # its memory is what the product gets
        got = mx.addmm(mx.ones((300, 300)), x, x.T, beta=beta)
        np.testing.assert_allclose(np.asarray(got), expected + beta, atol=1e-4)
