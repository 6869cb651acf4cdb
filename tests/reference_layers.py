"""Float64 oracles of normalization, recurrent, pooling and upsampling layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from reference_nn import sigmoid

__all__ = [
    "average_pool",
    "batch_norm",
    "bilinear",
    "group_norm",
    "gru",
    "instance_norm",
    "lstm",
    "max_pool",
    "rnn",
    "upsample",
]

Array = np.ndarray


def bilinear(x1: Array, x2: Array, weight: Array, bias: Any = 0.0) -> Array:
    """y_o = sum_ij x2_i W_oij x1_j + b_o."""
    return np.einsum("...j,oij,...i->...o", x1, weight, x2) + bias


# Normalization -------------------------------------------------------------------


def standardized(x: Array, axes: tuple[int, ...], eps: float) -> Array:
    mean = x.mean(axis=axes, keepdims=True)
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean(axis=axes, keepdims=True) + eps)


def batch_norm(
    x: Array, weight: Any = 1.0, bias: Any = 0.0, eps: float = 1e-5
) -> Array:
    return standardized(x, tuple(range(x.ndim - 1)), eps) * weight + bias


def instance_norm(
    x: Array, weight: Any = 1.0, bias: Any = 0.0, eps: float = 1e-5
) -> Array:
    return standardized(x, tuple(range(1, x.ndim - 1)), eps) * weight + bias


def group_norm(
    x: Array,
    groups: int,
    weight: Any = 1.0,
    bias: Any = 0.0,
    eps: float = 1e-5,
    in_a_row: bool = False,
) -> Array:
    """Feature i is in group i // size if groups are in a row, else in i mod groups."""
    features = np.arange(x.shape[-1])
    of = features * groups // x.shape[-1] if in_a_row else features % groups
    y = np.empty_like(x)
    for group in range(groups):
        part = x[..., of == group]
        y[..., of == group] = standardized(part, tuple(range(1, x.ndim)), eps)
    return y * weight + bias


# Recurrent layers ----------------------------------------------------------------


def over_steps(x: Array, state: Any, step: Callable[[Array, Any], Any]) -> Array:
    """The states after each step, (part of the state, ..., step, feature)."""
    states = []
    for t in range(x.shape[-2]):
        state = step(x[..., t, :], state)
        states.append(state)
    return np.stack(states, axis=-2)


def rnn(
    x: Array,
    Wxh: Array,
    Whh: Array,
    bias: Any = 0.0,
    hidden: Array | None = None,
    nonlinearity: Callable[[Array], Array] = np.tanh,
) -> Array:
    start = np.zeros(len(Whh)) if hidden is None else hidden
    return over_steps(x, start, lambda v, h: nonlinearity(v @ Wxh.T + h @ Whh.T + bias))


def gru(
    x: Array,
    Wx: Array,
    Wh: Array,
    b: Any = 0.0,
    bhn: Any = 0.0,
    hidden: Array | None = None,
) -> Array:
    size = Wh.shape[1]
    xr, xz, xn = np.split(Wx, 3)
    hr, hz, hn = np.split(Wh, 3)
    br, bz, bn = np.split(np.broadcast_to(b, 3 * size), 3)

    def step(v: Array, h: Array) -> Array:
        r = sigmoid(v @ xr.T + h @ hr.T + br)
        z = sigmoid(v @ xz.T + h @ hz.T + bz)
        n = np.tanh(v @ xn.T + bn + r * (h @ hn.T + bhn))
        return (1 - z) * n + z * h

    return over_steps(x, np.zeros(size) if hidden is None else hidden, step)


def lstm(
    x: Array,
    Wx: Array,
    Wh: Array,
    bias: Any = 0.0,
    hidden: Array | None = None,
    cell: Array | None = None,
) -> Array:
    """Hidden and cell states, stacked."""
    size = Wh.shape[1]
    zeros = np.zeros((*x.shape[:-2], size))

    def step(v: Array, state: Array) -> Array:
        h, c = state
        i, f, g, o = np.split(v @ Wx.T + h @ Wh.T + bias, 4, axis=-1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return np.stack([sigmoid(o) * np.tanh(c), c])

    start = [zeros if s is None else s for s in (hidden, cell)]
    return over_steps(x, np.stack(start), step)


# Pooling -------------------------------------------------------------------------


def windows(
    x: Array,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    value: float,
) -> Array:
    """(N, places ..., C, window ...) of (N, places ..., C), padded with `value`."""
    widths = [(0, 0), *((p, p) for p in padding), (0, 0)]
    padded = np.pad(x, widths, constant_values=value)
    axes = tuple(range(1, x.ndim - 1))
    view = np.lib.stride_tricks.sliding_window_view(padded, kernel, axis=axes)
    return view[(slice(None), *(slice(None, None, s) for s in stride))]


def max_pool(x: Array, kernel: Any, stride: Any, padding: Any) -> Array:
    w = windows(x, kernel, stride, padding, -np.inf)
    return w.max(axis=tuple(range(x.ndim, w.ndim)))


def average_pool(x: Array, kernel: Any, stride: Any, padding: Any) -> Array:
    w = windows(x, kernel, stride, padding, 0)
    return w.mean(axis=tuple(range(x.ndim, w.ndim)))


# Upsampling ----------------------------------------------------------------------


def keys(t: Array, a: float) -> Array:
    """Keys (1981), equation 6: a cubic convolution kernel."""
    t = np.abs(t)
    near = (a + 2) * t**3 - (a + 3) * t**2 + 1
    far = a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a
    return np.where(t <= 1, near, np.where(t < 2, far, 0))


def upsample_matrix(
    n: int, scale: float, mode: str, align_corners: bool, antialias: bool
) -> Array:
    """What the n places of an axis are multiplied with, (result, n)."""
    m = int(scale * n)
    rows = np.zeros((m, n))
    for i in range(m):
        if mode == "nearest":
            if scale == int(scale):
                rows[i, i // int(scale)] = 1
            elif scale < 1:
                rows[i, int(i * n / m)] = 1
            else:
                rows[i, round((i + 0.5) * n / m - 0.5)] = 1
            continue
        if align_corners:
            at = i * (n - 1) / (m - 1) if m > 1 else 0.0
        else:
            at = i / scale + ((n - 1) - (m - 1) / scale) / 2
        a = -0.5 if antialias else -0.75
        width = max(1, 1 / scale) if antialias else 1
        if mode == "linear" and not antialias:
            rows[i] = [np.interp(at, np.arange(n), unit) for unit in np.eye(n)]
            continue
        for j in range(n) if antialias else range(-3, n + 3):  # as if repeated
            t = np.array((at - j) / width)
            weight = keys(t, a) if mode == "cubic" else max(0, 1 - abs(t))
            rows[i, min(max(j, 0), n - 1)] += weight
        if antialias:
            rows[i] /= rows[i].sum()
    return rows


def upsample(
    x: Array,
    scales: tuple[float, ...],
    mode: str = "nearest",
    align_corners: bool = False,
    antialias: bool = False,
) -> Array:
    for axis, scale in enumerate(scales, 1):
        rows = upsample_matrix(x.shape[axis], scale, mode, align_corners, antialias)
        x = np.moveaxis(np.tensordot(rows, x, (1, axis)), 0, axis)
    return x
