"""Oracles of the ops that are not elementwise: reductions, products, shapes, indexing.

Arguments arrive as support.widen leaves them: float64, or Python integers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Oracle = Callable[..., Any]


# Reductions -------------------------------------------------------------------


def _axes(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


def _reduction(f: Callable[..., Any]) -> Oracle:
    def over(x: np.ndarray, axis: Any = None, keepdims: bool = False) -> Any:
        return f(x, axis=_axes(axis), keepdims=keepdims)

    return over


def mean(x: np.ndarray, axis: Any = None, keepdims: bool = False) -> Any:
    total = np.sum(x, axis=_axes(axis), keepdims=keepdims)
    return total / np.float64(x.size // max(np.size(total), 1))


def var(x: np.ndarray, axis: Any = None, keepdims: bool = False, ddof: int = 0) -> Any:
    """The mean squared deviation from the mean, over n - ddof."""
    axis = _axes(axis)
    deviation = x - np.mean(x, axis=axis, keepdims=True)
    total = np.sum(deviation**2, axis=axis, keepdims=keepdims)
    count = deviation.size // max(total.size, 1)
    return total / np.float64(max(count - ddof, 0))


def std(x: np.ndarray, axis: Any = None, keepdims: bool = False, ddof: int = 0) -> Any:
    return np.sqrt(var(x, axis, keepdims, ddof))


def logsumexp(x: np.ndarray, axis: Any = None, keepdims: bool = False) -> Any:
    """log(sum(exp(x))), shifted by the maximum where that is finite."""
    axis = _axes(axis)
    top = np.max(x, axis=axis, keepdims=True)
    shift = np.where(np.isfinite(top), top, 0.0)
    total = np.log(np.sum(np.exp(x - shift), axis=axis, keepdims=True)) + shift
    return total if keepdims else total.reshape(np.sum(x, axis=axis).shape)


def softmax(x: np.ndarray, axis: Any = None) -> Any:
    axis = _axes(axis)
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def _arg(f: Callable[..., Any]) -> Oracle:
    """The first index of the extreme, a NaN counting as the extreme."""

    def over(x: np.ndarray, axis: Any = None, keepdims: bool = False) -> Any:
        result = f(x, axis=axis, keepdims=keepdims)
        return np.asarray(result)

    return over


def _truth(f: Callable[..., Any]) -> Oracle:
    def over(x: np.ndarray, axis: Any = None, keepdims: bool = False) -> Any:
        x = np.asarray(x != 0, dtype=bool)
        return f(x, axis=_axes(axis), keepdims=keepdims)

    return over


REDUCTIONS: dict[str, Oracle] = {
    "sum": _reduction(np.sum),
    "prod": _reduction(np.prod),
    "max": _reduction(np.max),
    "min": _reduction(np.min),
    "mean": mean,
    "var": var,
    "std": std,
    "logsumexp": logsumexp,
    "softmax": softmax,
    "all": _truth(np.all),
    "any": _truth(np.any),
    "argmax": _arg(np.argmax),
    "argmin": _arg(np.argmin),
}


# The magnitudes that errors of sums and products are measured against ---------


def sum_scale(x: np.ndarray, axis: Any = None, keepdims: bool = False) -> Any:
    return np.sum(np.abs(x), axis=_axes(axis), keepdims=keepdims)


def mean_scale(x: np.ndarray, axis: Any = None, keepdims: bool = False) -> Any:
    return mean(np.abs(x), axis, keepdims)


def var_scale(
    x: np.ndarray, axis: Any = None, keepdims: bool = False, ddof: int = 0
) -> Any:
    """The variance, and what rounding the mean may add to it."""
    rounding = 1e-6 * np.mean(x * x, axis=_axes(axis), keepdims=keepdims)
    return var(x, axis, keepdims, ddof) + rounding


def std_scale(
    x: np.ndarray, axis: Any = None, keepdims: bool = False, ddof: int = 0
) -> Any:
    return std(x, axis, keepdims, ddof) + mean_scale(x, axis, keepdims)


def prod_scale(x: np.ndarray, axis: Any = None, keepdims: bool = False) -> Any:
    product = np.prod(np.abs(x), axis=_axes(axis), keepdims=keepdims)
    return product * max(1, x.size // max(1, np.size(product)))


def logsumexp_scale(x: np.ndarray, axis: Any = None, keepdims: bool = False) -> Any:
    return np.max(np.abs(x), axis=_axes(axis), keepdims=keepdims) + 1


def matmul_scale(a: np.ndarray, b: np.ndarray) -> Any:
    return np.abs(a) @ np.abs(b)


def addmm_scale(
    c: np.ndarray, a: np.ndarray, b: np.ndarray, alpha: float = 1.0, beta: float = 1.0
) -> Any:
    return abs(alpha) * (np.abs(a) @ np.abs(b)) + abs(beta) * np.abs(c)


# Normalization ----------------------------------------------------------------


def rms_norm(x: np.ndarray, weight: Any, eps: float) -> Any:
    """x over the root of its mean square along the last axis, times the weight."""
    square = np.sum(x * x, axis=-1, keepdims=True) / np.float64(x.shape[-1])
    return x / np.sqrt(square + eps) * (1.0 if weight is None else weight)


def layer_norm(x: np.ndarray, weight: Any, bias: Any, eps: float) -> Any:
    """The same of deviations from the mean, plus the bias."""
    mean = np.sum(x, axis=-1, keepdims=True) / np.float64(x.shape[-1])
    return rms_norm(x - mean, weight, eps) + (0.0 if bias is None else bias)


def layer_norm_scale(x: np.ndarray, weight: Any, bias: Any, eps: float) -> Any:
    """The magnitudes of the terms."""
    size = np.abs(layer_norm(x, weight, None, eps))
    return size + (0.0 if bias is None else np.abs(bias))


NORMALIZATION: dict[str, Oracle] = {"layer_norm": layer_norm, "rms_norm": rms_norm}


# Products ---------------------------------------------------------------------


def addmm(
    c: np.ndarray, a: np.ndarray, b: np.ndarray, alpha: float = 1.0, beta: float = 1.0
) -> Any:
    return alpha * (a @ b) + beta * c


PRODUCTS: dict[str, Oracle] = {"matmul": np.matmul, "addmm": addmm}


# Shapes -----------------------------------------------------------------------


def flatten(x: np.ndarray, start_axis: int = 0, end_axis: int = -1) -> np.ndarray:
    """Axes start to end, both included, become one; a 0-d array becomes 1-d."""
    if x.ndim == 0:
        return x.reshape(1)
    start, end = start_axis % x.ndim, end_axis % x.ndim
    middle = int(np.prod(x.shape[start : end + 1]))
    return x.reshape(*x.shape[:start], middle, *x.shape[end + 1 :])


def unflatten(x: np.ndarray, axis: int, shape: tuple[int, ...]) -> np.ndarray:
    axis %= x.ndim
    known = int(np.prod([n for n in shape if n != -1]))
    sizes = [x.shape[axis] // known if n == -1 else n for n in shape]
    return x.reshape(*x.shape[:axis], *sizes, *x.shape[axis + 1 :])


def pad(
    x: np.ndarray, pad_width: Any, mode: str = "constant", constant_values: Any = 0
) -> np.ndarray:
    if mode == "constant":
        return np.pad(x, pad_width, constant_values=constant_values)
    return np.pad(x, pad_width, mode=mode)


def roll(x: np.ndarray, shift: Any, axis: Any = None) -> np.ndarray:
    return np.roll(x, shift, axis)


SHAPES: dict[str, Oracle] = {
    "transpose": lambda x, axes=None: np.transpose(x, axes),
    "reshape": lambda x, shape: np.reshape(x, shape),
    "flatten": flatten,
    "unflatten": unflatten,
    "squeeze": lambda x, axis=None: np.squeeze(x, _axes(axis)),
    "expand_dims": lambda x, axis: np.expand_dims(x, _axes(axis)),
    "broadcast_to": lambda x, shape: np.broadcast_to(x, shape),
    "broadcast_arrays": lambda *x: list(np.broadcast_arrays(*x)),
    "concatenate": lambda arrays, axis=0: np.concatenate(arrays, axis),
    "stack": lambda arrays, axis=0: np.stack(arrays, axis),
    "split": lambda x, parts, axis=0: np.split(x, parts, axis),
    "repeat": lambda x, repeats, axis=None: np.repeat(x, repeats, axis),
    "tile": lambda x, reps: np.tile(x, reps),
    "pad": pad,
    "moveaxis": lambda x, source, destination: np.moveaxis(x, source, destination),
    "swapaxes": lambda x, axis1, axis2: np.swapaxes(x, axis1, axis2),
    "atleast_1d": np.atleast_1d,
    "atleast_2d": np.atleast_2d,
    "atleast_3d": np.atleast_3d,
    "flip": lambda x, axis=None: np.flip(x, _axes(axis)),
    "roll": roll,
    "contiguous": lambda x: x,
    "stop_gradient": lambda x: x,
}


# Creation ---------------------------------------------------------------------


def linspace(
    start: float, stop: float, num: int = 50, endpoint: bool = True
) -> np.ndarray:
    return np.linspace(start, stop, num, endpoint)


CREATION: dict[str, Oracle] = {
    "zeros": lambda shape: np.zeros(shape),
    "ones": lambda shape: np.ones(shape),
    "empty": lambda shape: np.zeros(shape),
    "full": lambda shape, value: np.broadcast_to(value, shape),
    "eye": lambda n, m=None, k=0: np.eye(n, m, k),
    "identity": lambda n: np.eye(n),
    "arange": lambda *bounds: np.arange(*bounds),
    "linspace": linspace,
    "tri": lambda n, m=None, k=0: np.tri(n, m, k),
    "tril": lambda x, k=0: np.where(np.tri(*x.shape[-2:], k).astype(bool), x, 0),
    "triu": lambda x, k=0: np.where(np.tri(*x.shape[-2:], k - 1).astype(bool), 0, x),
    "zeros_like": lambda x: np.zeros(x.shape),
    "empty_like": lambda x: np.zeros(x.shape),
    "ones_like": lambda x: np.ones(x.shape),
    "full_like": lambda x, value: np.full(x.shape, value),
}


# Indexing and sorting ---------------------------------------------------------


def _integers(indices: np.ndarray) -> np.ndarray:
    return np.asarray(indices).astype(np.int64)


def take(x: np.ndarray, indices: Any, axis: int | None = None) -> Any:
    return np.take(x, _integers(indices), axis=axis)


def take_along_axis(x: np.ndarray, indices: np.ndarray, axis: int | None = -1) -> Any:
    return np.take_along_axis(x, _integers(indices), axis)


def put_along_axis(
    x: np.ndarray, indices: np.ndarray, values: np.ndarray, axis: int | None = None
) -> Any:
    out = np.array(x, order="C")
    np.put_along_axis(out, _integers(indices), values, axis)
    return out


def slice_update(
    x: np.ndarray, update: np.ndarray, start: np.ndarray, axes: tuple[int, ...]
) -> Any:
    """`x` with `update` written from `start` on, along `axes`."""
    begin = dict(
        zip([a % x.ndim for a in axes], _integers(start).tolist(), strict=True)
    )
    where = tuple(
        slice(begin.get(a, 0), begin.get(a, 0) + update.shape[a]) for a in range(x.ndim)
    )
    out = np.array(x)
    out[where] = update
    return out


def dynamic_slice(
    x: np.ndarray, start: np.ndarray, axes: tuple[int, ...], size: tuple[int, ...]
) -> Any:
    begin = dict(
        zip([a % x.ndim for a in axes], _integers(start).tolist(), strict=True)
    )
    where = tuple(
        slice(begin.get(a, 0), begin.get(a, 0) + n) for a, n in enumerate(size)
    )
    return x[where]


def getitem(x: np.ndarray, *indices: np.ndarray) -> Any:
    return x[tuple(_integers(i) for i in indices)]


def sort(x: np.ndarray, axis: int | None = -1) -> Any:
    """Ascending, NaN last."""
    return np.sort(x, axis=axis)


def argsort(x: np.ndarray, axis: int | None = -1) -> Any:
    return np.argsort(x, axis=axis, kind="stable")


INDEXING: dict[str, Oracle] = {
    "take": take,
    "take_along_axis": take_along_axis,
    "put_along_axis": put_along_axis,
    "slice": dynamic_slice,
    "slice_update": slice_update,
    "getitem": getitem,
    "sort": sort,
    "argsort": argsort,
}

ARRAYS: dict[str, Oracle] = {
    **REDUCTIONS,
    **NORMALIZATION,
    **PRODUCTS,
    **SHAPES,
    **CREATION,
    **INDEXING,
}
