"""Oracles of diagonals, strided windows and window functions, from their definitions.

Places are computed, not viewed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Oracle = Callable[..., Any]


# Views ------------------------------------------------------------------------


def as_strided(
    x: np.ndarray, shape: Any = None, strides: Any = None, offset: int = 0
) -> np.ndarray:
    """Element i of the window is number offset + i . strides of the flat array."""
    shape = x.shape if shape is None else shape
    if strides is None:
        strides = [int(np.prod(shape[i + 1 :])) for i in range(len(shape))]
    places = np.full(shape, offset)
    for axis, stride in enumerate(strides):
        places += stride * np.indices(shape, sparse=True)[axis]
    return np.reshape(x, -1)[places]


def unstack(x: np.ndarray, axis: int = 0) -> list[np.ndarray]:
    return [np.take(x, i, axis) for i in range(x.shape[axis])]


VIEWS: dict[str, Oracle] = {
    "as_strided": as_strided,
    "diag": np.diag,
    "diagonal": np.diagonal,
    "trace": np.trace,
    "unstack": unstack,
    "meshgrid": lambda *x, **options: list(np.meshgrid(*x, **options)),
    "matrix_transpose": lambda x: np.swapaxes(x, -1, -2),
    "positive": lambda x: x,
}


def trace_scale(x: np.ndarray, *args: Any, **kwargs: Any) -> Any:
    return np.trace(np.abs(x), *args, **kwargs)


# Window functions ---------------------------------------------------------------

WINDOWS: dict[str, Oracle] = {
    "bartlett": np.bartlett,
    "blackman": np.blackman,
    "hamming": np.hamming,
    "hanning": np.hanning,
}

__all__ = ["VIEWS", "WINDOWS", "trace_scale"]
