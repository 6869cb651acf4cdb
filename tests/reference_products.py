"""Oracles of products of vectors and tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Oracle = Callable[..., Any]


def vecdot(a: np.ndarray, b: np.ndarray, axis: int = -1) -> Any:
    return np.sum(np.moveaxis(a, axis, -1) * np.moveaxis(b, axis, -1), axis=-1)


def einsum(subscripts: str, *arrays: np.ndarray) -> Any:
    exact = [x.astype(np.int64) if x.dtype == object else x for x in arrays]
    return np.einsum(subscripts, *exact)


def gather_mm(
    a: np.ndarray, b: np.ndarray, lhs: Any = None, rhs: Any = None
) -> np.ndarray:
    """a[lhs] @ b[rhs], where indices count the matrices of all batch dimensions."""

    def chosen(x: np.ndarray, indices: Any) -> np.ndarray:
        matrices = x.reshape(-1, *x.shape[-2:]) if x.size else x
        if indices is None:
            return x
        return matrices[np.asarray(indices).astype(np.int64)]

    left, right = (
        chosen(np.atleast_2d(a), lhs),
        chosen(b if b.ndim > 1 else b[:, None], rhs),
    )
    y = left @ right
    y = y if a.ndim > 1 else y[..., 0, :]
    return y if b.ndim > 1 else y[..., 0]


def segmented_mm(a: np.ndarray, b: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """a[:, s] @ b[s] for each segment s."""
    bounds = np.asarray(segments).astype(np.int64)
    y = np.zeros((*bounds.shape[:-1], a.shape[0], b.shape[1]))
    for place in np.ndindex(bounds.shape[:-1]):
        s = slice(*bounds[place])
        y[place] = a[:, s] @ b[s]
    return y


def block_masked_mm(
    a: np.ndarray, b: np.ndarray, size: int = 64, *masks: Any
) -> np.ndarray:
    """mask_out * ((mask_lhs * a) @ (mask_rhs * b)), each element of a mask a block."""

    def masked(x: np.ndarray, i: int) -> np.ndarray:
        if i >= len(masks) or masks[i] is None:
            return x
        rows, columns = (np.arange(n) // size for n in x.shape[-2:])
        return x * masks[i][..., rows[:, None], columns]

    return masked(masked(a, 1) @ masked(b, 2), 0)


def circulant(signs: str) -> np.ndarray:
    row = np.array([1 if c == "+" else -1 for c in signs])
    return np.stack([np.roll(row, i) for i in range(row.size)])


def williamson(*rows: str) -> np.ndarray:
    a, b, c, d = map(circulant, rows)
    return np.block([[a, b, c, d], [-b, a, -d, c], [-c, d, a, -b], [-d, -c, b, a]])


def paley() -> np.ndarray:
    """Order 12 from the squares modulo 5, by Paley's second construction."""
    squares = {x * x % 5 for x in range(1, 5)}
    signs = np.ones((6, 6)) - np.eye(6)
    for i, j in np.ndindex(5, 5):
        rest = (i - j) % 5
        signs[i + 1, j + 1] = 0 if rest == 0 else 1 if rest in squares else -1
    pair = np.array([[1, 1], [1, -1]])
    return np.kron(signs, pair) + np.kron(np.eye(6), [[1, -1], [-1, -1]])


def hadamard(n: int) -> np.ndarray:
    """The Hadamard matrix of order m 2^k."""
    power = n & -n
    small = {
        1: lambda: np.ones((1, 1)),
        3: paley,
        5: lambda: williamson("+----", "+----", "++--+", "+-++-"),
        7: lambda: williamson("+------", "++----+", "+-+--+-", "+--++--"),
    }
    h = small[n // power]()
    while len(h) < n:
        h = np.kron(h, [[1, 1], [1, -1]])
    return h


def hadamard_transform(a: np.ndarray, scale: float | None = None) -> np.ndarray:
    n = np.shape(a)[-1] if np.ndim(a) else 1
    scale = 1 / np.sqrt(n) if scale is None else scale
    return np.reshape(np.reshape(a, (-1, n)) @ hadamard(n).T * scale, np.shape(a))


PRODUCTS: dict[str, Oracle] = {
    "inner": np.inner,
    "outer": np.outer,
    "kron": np.kron,
    "vecdot": vecdot,
    "tensordot": np.tensordot,
    "einsum": einsum,
    "hadamard_transform": hadamard_transform,
    "gather_mm": gather_mm,
    "segmented_mm": segmented_mm,
    "block_masked_mm": block_masked_mm,
}


def scale_of(name: str) -> Oracle:
    """The sum of the magnitudes of what is added up."""

    def scale(*args: Any, **kwargs: Any) -> Any:
        sizes = [
            np.asarray(np.abs(a)) if isinstance(a, np.ndarray) else a for a in args
        ]
        return PRODUCTS[name](*sizes, **kwargs)

    return scale


__all__ = ["PRODUCTS", "scale_of"]
