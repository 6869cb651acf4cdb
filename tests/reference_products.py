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


PRODUCTS: dict[str, Oracle] = {
    "inner": np.inner,
    "outer": np.outer,
    "kron": np.kron,
    "vecdot": vecdot,
    "tensordot": np.tensordot,
    "einsum": einsum,
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
