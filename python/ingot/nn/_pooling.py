"""Pooling: the maximum or the mean of windows that slide over places."""

from __future__ import annotations

import functools
import math
from typing import ClassVar

import ingot.core as mx

from ._check import array, integers, wide
from ._module import Module

__all__ = [
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
]

Sizes = int | tuple[int, ...]


class _Pool(Module):
    """Windows over the places of (N, ..., C), which are reduced axis by axis."""

    _places: ClassVar[int]

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
    ) -> None:
        super().__init__()
        name, places = type(self).__name__, self._places
        stride = kernel_size if stride is None else stride
        self.kernel_size = integers(name, "kernel_size", kernel_size, places, 1)
        self.stride = integers(name, "stride", stride, places, 1)
        self.padding = integers(name, "padding", padding, places, 0)

    def _extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, "
            f"padding={self.padding}"
        )

    def _padded(self, x: mx.array, value: float) -> mx.array:
        """`x`, checked, with `value` around its places."""
        name = f"{type(self).__name__}({self._extra_repr()})"
        array(name, "x", x)
        if x.ndim != self._places + 2:
            raise ValueError(
                f"{name}: x must have {self._places + 2} dimensions, (N, places, C), "
                f"got shape {tuple(x.shape)}"
            )
        for n, kernel, pad in zip(
            x.shape[1:-1], self.kernel_size, self.padding, strict=True
        ):
            if n + 2 * pad < kernel:
                raise ValueError(
                    f"{name}: a window must fit into the padded x, "
                    f"got shape {tuple(x.shape)}"
                )
        if not any(self.padding):
            return x
        widths = [(0, 0), *((p, p) for p in self.padding), (0, 0)]
        return mx.pad(x, widths, constant_values=value)

    def _axes(self) -> list[tuple[int, int, int]]:
        """Axis, size and stride of the windows, the last axis first."""
        axes = range(1, self._places + 1)
        return [*zip(axes, self.kernel_size, self.stride, strict=True)][::-1]


def _elements(x: mx.array, axis: int, size: int, stride: int) -> list[mx.array]:
    """First, second, ... elements of all windows of `size` along `axis`."""
    count = (x.shape[axis] - size) // stride + 1
    before = (slice(None),) * axis
    if size == stride:  # a split, whose derivative is one concatenation
        blocks = x[(*before, slice(count * size))]
        blocks = blocks.reshape((*x.shape[:axis], count, size, *x.shape[axis + 1 :]))
        return [part.squeeze(axis + 1) for part in mx.split(blocks, size, axis + 1)]
    return [x[(*before, slice(i, i + count * stride, stride))] for i in range(size)]


class _MaxPool(_Pool):
    def __call__(self, x: mx.array) -> mx.array:
        x = self._padded(x, _lowest(x))
        for axis, size, stride in self._axes():
            x = functools.reduce(mx.maximum, _elements(x, axis, size, stride))
        return x


class _AvgPool(_Pool):
    def __call__(self, x: mx.array) -> mx.array:
        padded = self._padded(x, 0)
        dtype = x.dtype if mx.issubdtype(x.dtype, mx.floating) else mx.float32
        y = wide(padded)
        for axis, size, stride in self._axes():
            y = functools.reduce(mx.add, _elements(y, axis, size, stride))
        return (y / math.prod(self.kernel_size)).astype(dtype)


def _lowest(x: mx.array) -> float:
    """What no element of x's dtype is below."""
    if not isinstance(x, mx.array) or mx.issubdtype(x.dtype, mx.floating):
        return -math.inf
    return 0 if x.dtype == mx.bool_ else mx.iinfo(x.dtype).min


class MaxPool1d(_MaxPool):
    """Take the maximum of windows that slide over sequences.

    The input has shape (N, L, C), the output a place for each whole window.
    Where equal elements are the maximum, its derivative belongs to the first in the
    window; NaN propagates.

    Args:
        kernel_size: The size of the windows, an int or a tuple of one.
        stride: The distance between windows, likewise. Default: `kernel_size`.
        padding: How much minus infinity (for integers, their least number) is added
            on both sides of each axis. Default: 0.

    Raises:
        TypeError: An argument is no integer or has the wrong number of them.
        ValueError: A size or stride is below 1 or a padding negative; or, when called,
            the input does not have 3 dimensions or is smaller than a window.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> x = mx.array([1.0, 5.0, 2.0, 4.0]).reshape((1, 4, 1))
        >>> nn.MaxPool1d(2)(x).flatten()
        array([5, 4], dtype=float32)
    """

    _places = 1


class MaxPool2d(_MaxPool):
    """Take the maximum of windows that slide over images.

    The input has shape (N, H, W, C), the output a place for each whole window.
    Where equal elements are the maximum, its derivative belongs to the first in the
    window; NaN propagates.

    Args:
        kernel_size: The size of the windows, an int or a tuple of two, for height and
            width.
        stride: The distance between windows, likewise. Default: `kernel_size`.
        padding: How much minus infinity (for integers, their least number) is added
            on both sides of each axis. Default: 0.

    Raises:
        TypeError: An argument is no integer or has the wrong number of them.
        ValueError: A size or stride is below 1 or a padding negative; or, when called,
            the input does not have 4 dimensions or is smaller than a window.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> x = mx.arange(16.0).reshape((1, 4, 4, 1))
        >>> nn.MaxPool2d(2)(x).flatten()
        array([5, 7, 13, 15], dtype=float32)
    """

    _places = 2


class MaxPool3d(_MaxPool):
    """Take the maximum of windows that slide over volumes.

    The input has shape (N, D, H, W, C), the output a place for each whole window.
    Where equal elements are the maximum, its derivative belongs to the first in the
    window; NaN propagates.

    Args:
        kernel_size: The size of the windows, an int or a tuple of three, for depth,
            height and width.
        stride: The distance between windows, likewise. Default: `kernel_size`.
        padding: How much minus infinity (for integers, their least number) is added
            on both sides of each axis. Default: 0.

    Raises:
        TypeError: An argument is no integer or has the wrong number of them.
        ValueError: A size or stride is below 1 or a padding negative; or, when called,
            the input does not have 5 dimensions or is smaller than a window.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> x = mx.arange(16.0).reshape((1, 2, 2, 4, 1))
        >>> nn.MaxPool3d(2)(x).flatten()
        array([13, 15], dtype=float32)
    """

    _places = 3


class AvgPool1d(_AvgPool):
    """Take the mean of windows that slide over sequences.

    The input has shape (N, L, C), the output a place for each whole window.
    Padding counts in the mean. Half types are computed in float32 and rounded once,
    integers give float32.

    Args:
        kernel_size: The size of the windows, an int or a tuple of one.
        stride: The distance between windows, likewise. Default: `kernel_size`.
        padding: How many zeros are added on both sides of each axis. Default: 0.

    Raises:
        TypeError: An argument is no integer or has the wrong number of them.
        ValueError: A size or stride is below 1 or a padding negative; or, when called,
            the input does not have 3 dimensions or is smaller than a window.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> x = mx.array([1.0, 5.0, 2.0, 4.0]).reshape((1, 4, 1))
        >>> nn.AvgPool1d(2)(x).flatten()
        array([3, 3], dtype=float32)
    """

    _places = 1


class AvgPool2d(_AvgPool):
    """Take the mean of windows that slide over images.

    The input has shape (N, H, W, C), the output a place for each whole window.
    Padding counts in the mean. Half types are computed in float32 and rounded once,
    integers give float32.

    Args:
        kernel_size: The size of the windows, an int or a tuple of two, for height and
            width.
        stride: The distance between windows, likewise. Default: `kernel_size`.
        padding: How many zeros are added on both sides of each axis. Default: 0.

    Raises:
        TypeError: An argument is no integer or has the wrong number of them.
        ValueError: A size or stride is below 1 or a padding negative; or, when called,
            the input does not have 4 dimensions or is smaller than a window.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> x = mx.arange(16.0).reshape((1, 4, 4, 1))
        >>> nn.AvgPool2d(2)(x).flatten()
        array([2.5, 4.5, 10.5, 12.5], dtype=float32)
    """

    _places = 2


class AvgPool3d(_AvgPool):
    """Take the mean of windows that slide over volumes.

    The input has shape (N, D, H, W, C), the output a place for each whole window.
    Padding counts in the mean. Half types are computed in float32 and rounded once,
    integers give float32.

    Args:
        kernel_size: The size of the windows, an int or a tuple of three, for depth,
            height and width.
        stride: The distance between windows, likewise. Default: `kernel_size`.
        padding: How many zeros are added on both sides of each axis. Default: 0.

    Raises:
        TypeError: An argument is no integer or has the wrong number of them.
        ValueError: A size or stride is below 1 or a padding negative; or, when called,
            the input does not have 5 dimensions or is smaller than a window.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> x = mx.arange(16.0).reshape((1, 2, 2, 4, 1))
        >>> nn.AvgPool3d(2)(x).flatten()
        array([6.5, 8.5], dtype=float32)
    """

    _places = 3
