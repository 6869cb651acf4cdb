"""Oracles of scans, and of what rests on sorting.

Arguments arrive as support.widen leaves them: float64, or Python integers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Oracle = Callable[..., Any]


# Scans ------------------------------------------------------------------------


def _scan(f: Any, none: Any) -> Oracle:
    """f.accumulate; without the element itself, `none` comes first."""

    def over(
        x: np.ndarray,
        axis: int | None = None,
        reverse: bool = False,
        inclusive: bool = True,
    ) -> np.ndarray:
        if axis is None:
            x, axis = np.reshape(x, -1), 0
        lines = np.moveaxis(x, axis, -1)
        lines = lines[..., ::-1] if reverse else lines
        out = np.array(lines)
        if x.size:
            sofar = f.accumulate(lines, axis=-1)
            out = sofar if inclusive else out
            if not inclusive:
                out[..., 0], out[..., 1:] = none, sofar[..., :-1]
        return np.moveaxis(out[..., ::-1] if reverse else out, -1, axis)

    return over


def cumulative(f: Any, none: Any) -> Oracle:
    """f.accumulate as the array API standard says; `none` may come first."""

    def over(
        x: np.ndarray, axis: int | None = None, include_initial: bool = False
    ) -> np.ndarray:
        axis = 0 if axis is None else axis
        out = np.moveaxis(f.accumulate(x, axis=axis) if x.size else x, axis, -1)
        if include_initial:
            first = np.full((*out.shape[:-1], 1), none, out.dtype)
            out = np.concatenate([first, out], -1)
        return np.moveaxis(out, -1, axis)

    return over


SCANS: dict[str, Oracle] = {
    "cumsum": _scan(np.add, 0),
    "cumprod": _scan(np.multiply, 1),
    "cummax": _scan(np.maximum, -np.inf),
    "cummin": _scan(np.minimum, np.inf),
    "logcumsumexp": _scan(np.logaddexp, -np.inf),
    "diff": lambda x, n=1, axis=-1: np.diff(x, n, axis),
}


def cumsum_scale(x: np.ndarray, *args: Any, **kwargs: Any) -> Any:
    return SCANS["cumsum"](np.abs(x), *args, **kwargs)


def logcumsumexp_scale(x: np.ndarray, *args: Any, **kwargs: Any) -> Any:
    finite = np.where(np.isfinite(x), np.abs(x), 0.0)
    return SCANS["cummax"](finite, *args, **kwargs) + 1


# Selections -------------------------------------------------------------------


def partition(x: np.ndarray, kth: int, axis: int | None = -1) -> Any:
    """One of many: all in order."""
    return np.sort(x, axis=axis)


def argpartition(x: np.ndarray, kth: int, axis: int | None = -1) -> Any:
    return np.argsort(x, axis=axis, kind="stable")


def topk(x: np.ndarray, k: int, axis: int | None = -1) -> Any:
    """The last k in order."""
    if axis is None:
        x, axis = np.reshape(x, -1), 0
    order = np.moveaxis(np.sort(x, axis=axis), axis, -1)
    return np.moveaxis(order[..., order.shape[-1] - k :], -1, axis)


def median(x: np.ndarray, axis: Any = None, keepdims: bool = False) -> Any:
    axis = tuple(axis) if isinstance(axis, list) else axis
    return np.median(x, axis=axis, keepdims=keepdims)


def searchsorted(a: np.ndarray, values: np.ndarray, side: str = "left") -> Any:
    """How many elements come before each value, by comparing with all."""
    less = np.less if side == "left" else np.less_equal
    values, a = np.asarray(values)[..., None], np.asarray(a)
    before = less(a, values)
    if a.dtype != object:  # NaN comes last, and equals itself
        before |= np.isnan(values) & (~np.isnan(a) | (side == "right"))
    return np.sum(before, axis=-1)


def unique(x: np.ndarray, size: int, fill_value: Any = None) -> Any:
    values = np.unique(x)[:size]
    fill = fill_value if fill_value is not None else values[:1]
    return np.concatenate([values, np.resize(fill, size - values.size)])


def minmax(x: np.ndarray, axis: Any = None, keepdims: bool = False) -> list[Any]:
    axis = tuple(axis) if isinstance(axis, list) else axis
    return [f(x, axis=axis, keepdims=keepdims) for f in (np.min, np.max)]


def count_nonzero(x: np.ndarray, axis: Any = None, keepdims: bool = False) -> Any:
    axis = tuple(axis) if isinstance(axis, list) else axis
    return np.sum(x != 0, axis=axis, keepdims=keepdims)


SELECTIONS: dict[str, Oracle] = {
    "partition": partition,
    "argpartition": argpartition,
    "topk": topk,
    "median": median,
    "searchsorted": searchsorted,
    "unique": unique,
    "minmax": minmax,
    "count_nonzero": count_nonzero,
}
