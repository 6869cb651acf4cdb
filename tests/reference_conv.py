"""Float64 oracles of convolutions: loops from the definition, channels last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray
Sizes = int | Sequence[int]


def each(value: Any, dims: int) -> list[int]:
    """One number for all spatial dimensions, or one for each."""
    return [value] * dims if np.ndim(value) == 0 else [int(v) for v in value]


def conv_general(
    x: Array,
    weight: Array,
    stride: Sizes = 1,
    padding: Any = 0,
    kernel_dilation: Sizes = 1,
    input_dilation: Sizes = 1,
    groups: int = 1,
    flip: bool = False,
) -> Array:
    """y[n, p, o] = sum_tc w[o, t, c] x[n, p stride + t dilation, c], x with its zeros.

    Tap by tap: each adds its multiple of every stride-th element of what it meets.
    """
    dims = x.ndim - 2
    both = isinstance(padding, tuple) and np.ndim(padding[0]) == 1
    low, high = (each(p, dims) for p in (padding if both else (padding, padding)))
    x = padded(spread(x, each(input_dilation, dims)), low, high)
    s, d = each(stride, dims), each(kernel_dilation, dims)
    taps = weight.shape[1:-1]
    if flip:
        weight = np.flip(weight, axis=range(1, dims + 1))
    counts = [
        (n - (k - 1) * b - 1) // a + 1
        for n, k, a, b in zip(x.shape[1:-1], taps, s, d, strict=True)
    ]
    y = np.zeros((x.shape[0], *counts, weight.shape[0]))
    inputs, outputs = weight.shape[-1], weight.shape[0] // groups
    for tap in np.ndindex(*taps):
        places = [
            slice(t * b, t * b + (n - 1) * a + 1, a)
            for t, b, n, a in zip(tap, d, counts, s, strict=True)
        ]
        met = x[(slice(None), *places)]
        for g in range(groups):
            o = slice(g * outputs, (g + 1) * outputs)
            c = met[..., g * inputs : (g + 1) * inputs]
            y[..., o] += np.tensordot(c, weight[(o, *tap)], axes=(-1, -1))
    return y


def spread(x: Array, dilation: list[int]) -> Array:
    """`x` with dilation - 1 zeros between its elements."""
    pairs = zip(x.shape[1:-1], dilation, strict=True)
    sizes = [max((n - 1) * d + 1, 0) for n, d in pairs]
    y = np.zeros((x.shape[0], *sizes, x.shape[-1]))
    y[(slice(None), *(slice(None, None, d) for d in dilation))] = x
    return y


def padded(x: Array, low: list[int], high: list[int]) -> Array:
    """`x` with zeros around it; negative numbers cut off."""
    pairs = list(zip(low, high, strict=True))
    x = np.pad(x, [(0, 0), *((max(a, 0), max(b, 0)) for a, b in pairs), (0, 0)])
    cut = [
        slice(max(-a, 0), n - max(-b, 0))
        for (a, b), n in zip(pairs, x.shape[1:-1], strict=True)
    ]
    return x[(slice(None), *cut)]


def conv(
    x: Array,
    weight: Array,
    stride: Sizes = 1,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Array:
    return conv_general(x, weight, stride, padding, dilation, 1, groups)


def conv_transpose(
    x: Array,
    weight: Array,
    stride: Sizes = 1,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    output_padding: Sizes = 0,
    groups: int = 1,
) -> Array:
    """Element i of x adds x[i] w[t] at i stride + t dilation, then the ends are cut."""
    dims = x.ndim - 2
    s, p, d, extra = (
        each(v, dims) for v in (stride, padding, dilation, output_padding)
    )
    taps = weight.shape[1:-1]
    full = [
        (n - 1) * a + (k - 1) * b + 1
        for n, a, k, b in zip(x.shape[1:-1], s, taps, d, strict=True)
    ]
    room = [n + e for n, e in zip(full, extra, strict=True)]
    y = np.zeros((x.shape[0], *room, weight.shape[0]))
    inputs, outputs = weight.shape[-1], weight.shape[0] // groups
    for i in np.ndindex(*x.shape[1:-1]):
        for t in np.ndindex(*taps):
            at = tuple(a * b + c * e for a, b, c, e in zip(i, s, t, d, strict=True))
            for g in range(groups):
                o = slice(g * outputs, (g + 1) * outputs)
                c = x[(slice(None), *i, slice(g * inputs, (g + 1) * inputs))]
                y[(slice(None), *at, o)] += c @ weight[(o, *t)].T
    cut = tuple(slice(a, n - a) for a, n in zip(p, room, strict=True))
    return y[(slice(None), *cut)]


def convolve(a: Array, v: Array, mode: str = "full") -> Array:
    """full[k] = sum_i a[i] v[k - i]; the middle of it in the other modes."""
    n, m = max(len(a), len(v)), min(len(a), len(v))
    full = np.zeros(n + m - 1)
    for i in range(len(a)):
        for j in range(len(v)):
            full[i + j] += a[i] * v[j]
    first = {"full": 0, "same": (m - 1) // 2, "valid": m - 1}[mode]
    return full[
        first : first + {"full": n + m - 1, "same": n, "valid": n - m + 1}[mode]
    ]


def scale_of(oracle: Callable[..., Any]) -> Callable[..., Any]:
    """The sum of magnitudes, which errors are measured against."""

    def scale(x: Array, weight: Array, *args: Any, **kwargs: Any) -> Any:
        return oracle(np.abs(x), np.abs(weight), *args, **kwargs)

    return scale


CONVOLUTIONS: dict[str, Callable[..., Any]] = {
    "conv1d": conv,
    "conv2d": conv,
    "conv3d": conv,
    "conv_general": conv_general,
    "conv_transpose1d": conv_transpose,
    "conv_transpose2d": conv_transpose,
    "conv_transpose3d": conv_transpose,
    "convolve": convolve,
}
