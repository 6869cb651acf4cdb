"""Upsample: more (or fewer) places of a signal, by interpolation."""

from __future__ import annotations

import functools
from typing import Literal

import ingot.core as mx

from ._check import array, finite, wide
from ._module import Module

__all__ = ["Upsample"]


class Upsample(Module):
    """Change the number of places of a signal by interpolating between them.

    The input has shape (N, places ..., C) with one or more axes of places, which are
    interpolated one after another: "linear" is bilinear for images, "cubic" bicubic.
    n places become m = floor(scale n). Place i of the result lies at
    i (n - 1) / (m - 1) in the input if corners are aligned, and else at i / scale,
    shifted so that the middles of both agree; beyond the ends, the signal continues
    with its last value.

    Weights are those of the hat function, or of Keys' cubic with a = -3/4. Half types
    are computed in float32 and rounded once; integers give float32, except with
    "nearest", which keeps every value and dtype.

    Args:
        scale_factor: The factor for all axes of places, or a tuple of one for each.
        mode: "nearest", "linear" or "cubic". Default: "nearest".
        align_corners: Whether first and last places of input and result agree; it does
            not matter for "nearest". Default: False.
        antialias: Whether "linear" and "cubic" widen their weights by 1 / scale where
            scale < 1, so that no place of the input is skipped; the cubic is then that
            with a = -1/2. Default: False.

    Raises:
        ValueError: A scale is not positive and finite, the mode is unknown, or
            antialias is combined with "nearest" or aligned corners; or, when called,
            the input has no places, another number of axes of them than scales, or
            so few that none would be left.

    Reference:
        Keys (1981), Cubic convolution interpolation for digital image processing.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> x = mx.array([1.0, 2.0]).reshape((1, 2, 1))
        >>> nn.Upsample(2)(x).flatten()
        array([1, 1, 2, 2], dtype=float32)
        >>> nn.Upsample(2, mode="linear")(x).flatten()
        array([1, 1.25, 1.75, 2], dtype=float32)
    """

    def __init__(
        self,
        scale_factor: float | tuple[float, ...],
        mode: Literal["nearest", "linear", "cubic"] = "nearest",
        align_corners: bool = False,
        antialias: bool = False,
    ) -> None:
        super().__init__()
        if mode not in ("nearest", "linear", "cubic"):
            raise ValueError(
                f'Upsample: mode must be "nearest", "linear" or "cubic", got {mode!r}'
            )
        if antialias and (mode == "nearest" or align_corners):
            raise ValueError(
                'Upsample: antialias must not be combined with "nearest" or '
                f"align_corners, got mode {mode!r} and {align_corners=}"
            )
        if isinstance(scale_factor, (tuple, list)):
            self.scale_factor: float | tuple[float, ...] = tuple(
                map(_scale, scale_factor)
            )
        else:
            self.scale_factor = _scale(scale_factor)
        self.mode = mode
        self.align_corners = bool(align_corners)
        self.antialias = bool(antialias)

    def _extra_repr(self) -> str:
        return (
            f"scale_factor={self.scale_factor}, mode={self.mode!r}, "
            f"align_corners={self.align_corners}"
        )

    def __call__(self, x: mx.array) -> mx.array:
        name = f"Upsample({self._extra_repr()})"
        array(name, "x", x)
        scales = self.scale_factor
        if not isinstance(scales, tuple):
            scales = (scales,) * (x.ndim - 2)
        if x.ndim < 3 or len(scales) != x.ndim - 2:
            raise ValueError(
                f"{name}: x must have shape (N, places ..., C) with an axis of places "
                f"for each scale, got shape {tuple(x.shape)}"
            )
        if any(int(s * n) < 1 for s, n in zip(scales, x.shape[1:-1], strict=True)):
            raise ValueError(
                f"{name}: each axis must keep a place, got shape {tuple(x.shape)}"
            )
        change = self._nearest if self.mode == "nearest" else self._weighted
        y = x if self.mode == "nearest" else wide(x)
        for axis, scale in enumerate(scales, 1):
            y = change(y, axis, scale)
        keeps = self.mode == "nearest" or mx.issubdtype(x.dtype, mx.floating)
        return y.astype(x.dtype if keeps else mx.float32)

    def _nearest(self, x: mx.array, axis: int, scale: float) -> mx.array:
        """Copies along an axis."""
        if scale == int(scale):
            return mx.repeat(x, int(scale), axis=axis)
        from ._taps import nearest

        return mx.take(x, mx.array(nearest(x.shape[axis], scale)), axis=axis)

    def _weighted(self, x: mx.array, axis: int, scale: float) -> mx.array:
        """Weighted sums along an axis."""
        from ._taps import interpolated

        places, weights = interpolated(
            x.shape[axis], scale, self.mode, self.align_corners, self.antialias
        )
        # Rounded here: the GPU has no float64 to round.
        rounded = weights.astype("float64" if x.dtype == mx.float64 else "float32")
        after = (1,) * (x.ndim - axis - 1)
        terms = [
            mx.take(x, mx.array(place), axis=axis) * mx.array(w).reshape((-1, *after))
            for place, w in zip(places, rounded, strict=True)
        ]
        return functools.reduce(mx.add, terms)


def _scale(value: float) -> float:
    scale = finite("Upsample", "scale_factor", value)
    if scale <= 0:
        raise ValueError(f"Upsample: scale_factor must be positive, got {value!r}")
    return scale
