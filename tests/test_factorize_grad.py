"""Derivatives of functions of matrices, beyond those of the op table."""

from __future__ import annotations

from typing import Any

import ingot.core as mx
import numpy as np
import pytest
from linalg_cases import (
    close,
    core,
    draw,
    la,
    wide,
)


@pytest.mark.parametrize("upper", [False, True])
def test_gradients_of_symmetric_matrices_are_symmetric(upper: bool) -> None:
    """Whichever triangle is read; along symmetric changes they are the slope."""
    x, step = draw((4, 4)), draw((4, 4), seed=2)
    x, step = x @ x.T + 4 * np.eye(4), 1e-6 * (step + step.T)
    weight = core(draw((4, 4), seed=3))
    uplo = "U" if upper else "L"
    for f in (
        lambda a: mx.sum(la.cholesky(a, upper) * weight),
        lambda a: mx.sum(la.eigvalsh(a, uplo) ** 3),
        lambda a: mx.sum(mx.abs(la.eigh(a, uplo)[1]) * weight),
    ):
        slope = wide(mx.grad(f)(core(x)))
        np.testing.assert_array_equal(slope, slope.T)
        rise = f(core(x + step)).item() - f(core(x - step)).item()
        assert 2 * np.sum(slope * step) == pytest.approx(rise, rel=1e-5)


def test_equal_values() -> None:
    """They have a gradient, their vectors have none: NaN, not a wrong number."""
    one = core(np.eye(3))
    for values, vectors in (
        (la.eigvalsh, lambda a: la.eigh(a)[1]),
        (lambda a: la.eigh(a)[0], lambda a: la.eigh(a)[1] ** 2),
        (lambda a: la.svd(a, False), lambda a: la.svd(a)[0]),
        (lambda a: la.svd(a)[1], lambda a: la.svd(a)[2]),
    ):
        slope = mx.grad(lambda a, f=values: mx.sum(f(a)))(one)
        close(wide(slope), np.eye(3), "float64")
        slope = mx.grad(lambda a, f=vectors: mx.sum(f(a)))(one)
        assert np.any(np.isnan(wide(slope)))


def test_pseudoinverse_of_a_singular_matrix() -> None:
    """Along changes that keep the rank, the gradient is the slope."""
    left, right = draw((4, 2)), draw((2, 4), seed=2)
    weight = core(draw((4, 4), seed=3))

    def f(a: Any) -> Any:
        return mx.sum(la.pinv(a) * weight)

    step = 1e-6 * draw((4, 2), seed=4)
    slope = wide(mx.grad(f)(core(left @ right)))
    rise = f(core((left + step) @ right)).item() - f(core((left - step) @ right)).item()
    assert 2 * np.sum(slope * (step @ right)) == pytest.approx(rise, rel=1e-5)


def by_lu(a: Any) -> Any:
    p, lower, upper = la.lu(a)
    return mx.take_along_axis(lower, p[..., None], axis=-2) @ upper


def by_svd(a: Any) -> Any:
    u, s, vt = la.svd(a)
    k = s.shape[-1]
    return (u[..., :k] * s[..., None, :]) @ vt[..., :k, :]


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5), (2, 3, 3)])
def test_gradient_of_a_product_of_factors(shape: tuple[int, ...]) -> None:
    """Putting the factors together gives the matrix: its gradient is the weight."""
    weight, a = core(draw(shape, seed=4)), core(draw(shape))
    for f in (by_lu, by_svd):
        slope = wide(mx.grad(lambda a, f=f: mx.sum(f(a) * weight))(a))
        np.testing.assert_allclose(slope, wide(weight), rtol=1e-9, atol=1e-9)


def test_gradient_of_factors_of_a_singular_matrix() -> None:
    """One singular value of a square matrix may be 0."""
    weight = core(draw((3, 3), seed=4))
    a = core(np.diag([3.0, 0.0, 2.0]))
    slope = mx.grad(lambda a: mx.sum(by_svd(a) * weight))(a)
    np.testing.assert_allclose(wide(slope), wide(weight), rtol=1e-9)
