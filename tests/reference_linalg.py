"""Oracles of linalg in float64: numpy.linalg by the names and conventions of ours."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.linalg import det, eigvalsh, inv, pinv, slogdet

Array = np.ndarray


def triangle(a: Array, upper: bool) -> Array:
    return np.triu(a) if upper else np.tril(a)


def tri_inv(a: Array, upper: bool = False) -> Array:
    return np.asarray(inv(triangle(a, upper)))


def cholesky(a: Array, upper: bool = False) -> Array:
    """Of the triangle that the factor is in."""
    lower = np.linalg.cholesky(np.swapaxes(a, -1, -2) if upper else a)
    return np.swapaxes(lower, -1, -2) if upper else lower


def cholesky_inv(a: Array, upper: bool = False) -> Array:
    t = triangle(a, upper)
    turned = np.swapaxes(t, -1, -2)
    return np.asarray(inv(turned @ t if upper else t @ turned))


def solve(a: Array, b: Array) -> Array:
    if b.ndim == 1:
        return np.asarray(np.linalg.solve(a, b[:, None])[..., 0])
    return np.asarray(np.linalg.solve(a, b))


def solve_triangular(a: Array, b: Array, upper: bool = False) -> Array:
    return solve(triangle(a, upper), b)


def eigh(a: Array, UPLO: str = "L") -> tuple[Array, Array]:
    w, v = np.linalg.eigh(a, UPLO)
    return w, v


def svd(a: Array, compute_uv: bool = True) -> Any:
    return np.linalg.svd(a, full_matrices=True, compute_uv=compute_uv)


def matrix_power(a: Array, n: int) -> Array:
    """From the definition."""
    factor = inv(a) if n < 0 else a
    power = np.broadcast_to(np.eye(a.shape[-1]), a.shape)
    for _ in range(abs(n)):
        power = power @ factor
    return np.asarray(power)


def svdvals(a: Array) -> Array:
    return np.asarray(np.linalg.svd(a, compute_uv=False))


def vector_norm(
    x: Array, axis: Any = None, keepdims: bool = False, ord: float = 2
) -> Any:
    """From the definition."""
    return np.sum(np.abs(x) ** ord, axis=axis, keepdims=keepdims) ** (1 / ord)


def _lu(a: Array) -> tuple[Array, Array, Array]:
    """Elimination with the largest pivot of each column."""
    m, n = a.shape
    k = min(m, n)
    a, order = a.copy(), np.arange(m)
    for j in range(k):
        p = j + int(np.argmax(np.abs(a[j:, j])))
        a[[j, p]], order[[j, p]] = a[[p, j]], order[[p, j]]
        if a[j, j] != 0:
            a[j + 1 :, j] /= a[j, j]
        a[j + 1 :, j + 1 :] -= np.outer(a[j + 1 :, j], a[j, j + 1 :])
    return np.argsort(order), np.tril(a[:, :k], -1) + np.eye(m, k), np.triu(a[:k])


def lu(a: Array) -> tuple[Array, Array, Array]:
    """p, l and u with a = l[p] @ u."""
    *batch, m, n = a.shape
    k = min(m, n)
    p, lower = np.zeros((*batch, m), int), np.zeros((*batch, m, k))
    upper = np.zeros((*batch, k, n))
    for i in np.ndindex(*batch):
        p[i], lower[i], upper[i] = _lu(a[i])
    return p, lower, upper


def cross(a: Array, b: Array, axis: int = -1) -> Array:
    """From the definition; a third element that lacks is 0."""
    a, b = (np.moveaxis(x, axis, -1) for x in (a, b))
    a, b = (
        np.concatenate([x, 0 * x[..., :1]], -1) if x.shape[-1] == 2 else x
        for x in (a, b)
    )
    a0, a1, a2 = (a[..., i] for i in range(3))
    b0, b1, b2 = (b[..., i] for i in range(3))
    parts = [a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0]
    return np.moveaxis(np.stack(parts, -1), -1, axis)


__all__ = [
    "cholesky",
    "cholesky_inv",
    "cross",
    "det",
    "eigh",
    "eigvalsh",
    "inv",
    "lu",
    "matrix_power",
    "pinv",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
    "svdvals",
    "tri_inv",
    "vector_norm",
]
