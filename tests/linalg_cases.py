"""What the tests of linalg share: matrices, conversions, tolerances."""

from __future__ import annotations

from typing import Any

import ingot.core as mx
import numpy as np
from support import to_numpy

la = mx.linalg
SHAPES = [(4, 4), (6, 3), (3, 6), (1, 1), (2, 5, 3), (2, 3, 5), (40, 40), (3, 2, 2, 2)]
SQUARES = [s for s in SHAPES if s[-1] == s[-2]]
DTYPES = ["float32", "float64"]
NAN, INF = float("nan"), float("inf")


def draw(shape: tuple[int, ...], dtype: str = "float64", seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def core(x: Any) -> Any:
    return mx.array(np.asarray(x, np.float64), dtype=mx.float64)


def wide(x: Any) -> np.ndarray:
    return to_numpy(x).astype(np.float64)


def turned(x: np.ndarray) -> np.ndarray:
    return np.swapaxes(x, -1, -2)


def close(a: Any, b: Any, dtype: str) -> None:
    tolerance = 3e-5 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(a, b, atol=tolerance, rtol=tolerance)


def identity_like(x: np.ndarray) -> np.ndarray:
    return np.broadcast_to(np.eye(x.shape[-1]), x.shape)


def everything(x: np.ndarray) -> list[Any]:
    a = mx.array(x)
    p = a @ mx.swapaxes(a, -1, -2) + mx.eye(x.shape[-1])
    results = [la.inv(p), la.cholesky(p), la.tri_inv(p), la.det(p), la.eigvalsh(p)]
    results += [*la.svd(a), *la.eigh(p), *la.lu(a), la.solve(p, a), la.pinv(a)]
    return [*results, la.solve_triangular(p, a)]
