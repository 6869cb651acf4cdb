"""Convolutions and transposed convolutions over one, two or three dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import ingot.core as mx

from ._check import array, integer, positive_integer
from ._module import Module

__all__ = [
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
]

Sizes = int | tuple[int, ...]


class _Convolution(Module):
    """A weight (out_channels, taps..., in_channels / groups), a bias, settings."""

    _function: ClassVar[Callable[..., mx.array]]
    _dims: ClassVar[int]  # spatial ones

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        owner = type(self).__name__
        inputs = positive_integer(owner, "in_channels", in_channels)
        outputs = positive_integer(owner, "out_channels", out_channels)
        self.groups = positive_integer(owner, "groups", groups)
        if inputs % groups or outputs % groups:
            raise ValueError(
                f"{owner}: groups must divide in_channels and out_channels, got "
                f"{groups} for {inputs} and {outputs}"
            )
        taps = self._sizes("kernel_size", kernel_size, 1)
        shape = (outputs, *([taps] if isinstance(taps, int) else taps))
        shape = (*shape, inputs // groups)
        k = 1 / math.sqrt(math.prod(shape[1:]))
        self.weight = mx.random.uniform(low=-k, high=k, shape=shape)
        if bias:
            self.bias = mx.zeros((outputs,))
        self.stride = self._sizes("stride", stride, 1)
        self.padding = self._sizes("padding", padding, 0)
        self._sizes("dilation", dilation, 1)
        self.dilation = dilation

    def _sizes(self, name: str, value: Any, minimum: int) -> Sizes:
        """`value` as an int, or for several dimensions as a tuple of one for each."""
        owner = type(self).__name__
        if self._dims == 1:
            return integer(owner, name, value, minimum)
        values = value if isinstance(value, (tuple, list)) else [value] * self._dims
        if len(values) != self._dims:
            raise ValueError(
                f"{owner}: {name} must be one number, or one for each of "
                f"{self._dims} dimensions, got {value!r}"
            )
        return tuple(integer(owner, name, v, minimum) for v in values)

    def _settings(self) -> dict[str, Any]:
        names = ("stride", "padding", "dilation", "groups")
        return {name: getattr(self, name) for name in names}

    def _channels(self) -> tuple[int, int]:
        outputs, *_, inputs = self.weight.shape
        return inputs * self.groups, outputs

    def _extra_repr(self) -> str:
        inputs, outputs = self._channels()
        taps = tuple(self.weight.shape[1:-1])
        settings = {
            "kernel_size": taps[0] if self._dims == 1 else taps,
            **self._settings(),
            "bias": "bias" in self,
        }
        shown = ", ".join(f"{name}={value}" for name, value in settings.items())
        return f"{inputs}, {outputs}, {shown}"

    def __call__(self, x: mx.array) -> mx.array:
        inputs, outputs = self._channels()
        owner = f"{type(self).__name__}({inputs}, {outputs})"
        array(owner, "x", x)
        if x.ndim != self._dims + 2 or x.shape[-1] != inputs:
            raise ValueError(
                f"{owner}: x must have {self._dims + 2} dimensions and {inputs} "
                f"channels in the last, got shape {tuple(x.shape)}"
            )
        y = type(self)._function(x, self["weight"], **self._settings())
        return y + self["bias"] if "bias" in self else y


class Conv1d(_Convolution):
    """Convolve a sequence of shape (N, L, in_channels).

    `weight` has shape (out_channels, kernel_size, in_channels / groups) and starts
    uniform on [-k, k) with k = 1 / sqrt(kernel_size * in_channels / groups); `bias` has
    shape (out_channels,) and starts at 0. Both are float32.

    Args:
        in_channels: The number of input channels.
        out_channels: The number of output channels.
        kernel_size: The number of taps.
        stride: The positions to move on by. Default: 1.
        padding: The zeros on both sides. Default: 0.
        dilation: The distance of neighbouring taps. Default: 1.
        groups: The parts of the channels that are convolved each by itself. Default: 1.
        bias: Whether there is a bias. Default: True.

    Raises:
        ValueError: A number is too small, or `groups` does not divide the channels; or,
            when called, the shape of the input does not fit.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.Conv1d(4, 8, kernel_size=3, padding=1)(mx.zeros((2, 10, 4))).shape
        (2, 10, 8)
    """

    _function, _dims = staticmethod(mx.conv1d), 1


class Conv2d(_Convolution):
    """Convolve images of shape (N, H, W, in_channels).

    `weight` has shape (out_channels, *kernel_size, in_channels / groups) and starts
    uniform on [-k, k) with k = 1 / sqrt(taps * in_channels / groups); `bias` has shape
    (out_channels,) and starts at 0. Both are float32.

    Args:
        in_channels: The number of input channels.
        out_channels: The number of output channels.
        kernel_size: The number of taps, in both dimensions or in each.
        stride: The positions to move on by. Default: 1.
        padding: The zeros on both sides. Default: 0.
        dilation: The distance of neighbouring taps. Default: 1.
        groups: The parts of the channels that are convolved each by itself. Default: 1.
        bias: Whether there is a bias. Default: True.

    Raises:
        ValueError: A number is too small, or `groups` does not divide the channels; or,
            when called, the shape of the input does not fit.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> layer = nn.Conv2d(3, 16, kernel_size=3, stride=2, bias=False)
        >>> layer(mx.zeros((1, 9, 7, 3))).shape
        (1, 4, 3, 16)
    """

    _function, _dims = staticmethod(mx.conv2d), 2


class Conv3d(_Convolution):
    """Convolve volumes of shape (N, D, H, W, in_channels).

    `weight` has shape (out_channels, *kernel_size, in_channels) and starts uniform on
    [-k, k) with k = 1 / sqrt(taps * in_channels); `bias` has shape (out_channels,) and
    starts at 0. Both are float32.

    Args:
        in_channels: The number of input channels.
        out_channels: The number of output channels.
        kernel_size: The number of taps, in all dimensions or in each.
        stride: The positions to move on by. Default: 1.
        padding: The zeros on both sides. Default: 0.
        dilation: The distance of neighbouring taps. Default: 1.
        bias: Whether there is a bias. Default: True.

    Raises:
        ValueError: A number is too small; or, when called, the shape of the input does
            not fit.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.Conv3d(1, 4, kernel_size=(1, 3, 3))(mx.zeros((1, 2, 5, 5, 1))).shape
        (1, 2, 3, 3, 4)
    """

    _function, _dims = staticmethod(mx.conv3d), 3

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        bias: bool = True,
    ) -> None:
        sizes = (kernel_size, stride, padding, dilation)
        super().__init__(in_channels, out_channels, *sizes, bias=bias)

    def _settings(self) -> dict[str, Any]:
        settings = super()._settings()
        del settings["groups"]
        return settings


class _ConvolutionTranspose(_Convolution):
    """The same with an input that the stride spreads out."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        output_padding: Sizes = 0,
        bias: bool = True,
    ) -> None:
        sizes = (kernel_size, stride, padding, dilation)
        super().__init__(in_channels, out_channels, *sizes, bias=bias)
        self.output_padding = self._sizes("output_padding", output_padding, 0)

    def _settings(self) -> dict[str, Any]:
        names = ("stride", "padding", "dilation", "output_padding")
        return {name: getattr(self, name) for name in names}


class ConvTranspose1d(_ConvolutionTranspose):
    """Apply the transpose of a convolution to a sequence (N, L, in_channels).

    `weight` has shape (out_channels, kernel_size, in_channels) and starts uniform on
    [-k, k) with k = 1 / sqrt(kernel_size * in_channels); `bias` has shape
    (out_channels,) and starts at 0. Both are float32.

    Args:
        in_channels: The number of input channels.
        out_channels: The number of output channels.
        kernel_size: The number of taps.
        stride: The distance of neighbouring elements of the input. Default: 1.
        padding: The elements of the result to cut off on both sides. Default: 0.
        dilation: The distance of neighbouring taps. Default: 1.
        output_padding: The elements to add at the end of the result. Default: 0.
        bias: Whether there is a bias. Default: True.

    Raises:
        ValueError: A number is too small; or, when called, the shape of the input does
            not fit.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.ConvTranspose1d(4, 8, 3, stride=2)(mx.zeros((2, 10, 4))).shape
        (2, 21, 8)
    """

    _function, _dims = staticmethod(mx.conv_transpose1d), 1


class ConvTranspose2d(_ConvolutionTranspose):
    """Apply the transpose of a convolution to images (N, H, W, in_channels).

    `weight` has shape (out_channels, *kernel_size, in_channels) and starts uniform on
    [-k, k) with k = 1 / sqrt(taps * in_channels); `bias` has shape (out_channels,) and
    starts at 0. Both are float32.

    Args:
        in_channels: The number of input channels.
        out_channels: The number of output channels.
        kernel_size: The number of taps, in both dimensions or in each.
        stride: The distance of neighbouring elements of the input. Default: 1.
        padding: The elements of the result to cut off on both sides. Default: 0.
        dilation: The distance of neighbouring taps. Default: 1.
        output_padding: The elements to add at the end of the result. Default: 0.
        bias: Whether there is a bias. Default: True.

    Raises:
        ValueError: A number is too small; or, when called, the shape of the input does
            not fit.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> layer = nn.ConvTranspose2d(3, 8, 3, stride=2, padding=1, output_padding=1)
        >>> layer(mx.zeros((1, 4, 5, 3))).shape
        (1, 8, 10, 8)
    """

    _function, _dims = staticmethod(mx.conv_transpose2d), 2


class ConvTranspose3d(_ConvolutionTranspose):
    """Apply the transpose of a convolution to volumes (N, D, H, W, in_channels).

    `weight` has shape (out_channels, *kernel_size, in_channels) and starts uniform on
    [-k, k) with k = 1 / sqrt(taps * in_channels); `bias` has shape (out_channels,) and
    starts at 0. Both are float32.

    Args:
        in_channels: The number of input channels.
        out_channels: The number of output channels.
        kernel_size: The number of taps, in all dimensions or in each.
        stride: The distance of neighbouring elements of the input. Default: 1.
        padding: The elements of the result to cut off on both sides. Default: 0.
        dilation: The distance of neighbouring taps. Default: 1.
        output_padding: The elements to add at the end of the result. Default: 0.
        bias: Whether there is a bias. Default: True.

    Raises:
        ValueError: A number is too small; or, when called, the shape of the input does
            not fit.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.ConvTranspose3d(1, 4, 3, stride=2)(mx.zeros((1, 2, 2, 2, 1))).shape
        (1, 5, 5, 5, 4)
    """

    _function, _dims = staticmethod(mx.conv_transpose3d), 3
