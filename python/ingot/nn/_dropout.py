"""Dropout: random zeros during training, of elements or of whole channels."""

from __future__ import annotations

from typing import ClassVar

import ingot.core as mx

from ._check import array, finite
from ._module import Module

__all__ = ["Dropout", "Dropout2d", "Dropout3d"]


class Dropout(Module):
    """Zero each element with probability p and multiply the others by 1 / (1 - p).

    In evaluation mode the input passes unchanged, which is its expected value in
    training mode.

    Args:
        p: The probability of a zero. Default: 0.5.

    Raises:
        ValueError: `p` is not in [0, 1).

    Reference:
        Srivastava et al. (2014), Dropout: A simple way to prevent neural networks from
        overfitting.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> layer = nn.Dropout(0.5)
        >>> y = layer(mx.ones((100,)))
        >>> bool(mx.all((y == 0) | (y == 2)))
        True
        >>> bool(mx.all(layer.eval()(y) == y))
        True
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        name = type(self).__name__
        p = finite(name, "p", p)
        if not 0 <= p < 1:
            raise ValueError(f"{name}: p must be in [0, 1), got {p}")
        self.p = p

    def _extra_repr(self) -> str:
        return f"p={self.p}"

    def __call__(self, x: mx.array) -> mx.array:
        array(f"Dropout({self.p})", "x", x)
        return self._drop(x, tuple(x.shape))

    def _drop(self, x: mx.array, shape: tuple[int, ...]) -> mx.array:
        """`x` with one decision for each element of `shape`, which broadcasts to it."""
        if self.p == 0 or not self.training:
            return x
        keep = mx.random.bernoulli(1 - self.p, shape)
        # where, not a product: a dropped infinity is 0, not NaN.
        return mx.where(keep, x * (1 / (1 - self.p)), 0)


class _ChannelDropout(Dropout):
    """Dropout of all places of a channel at once."""

    _places: ClassVar[int]

    def __call__(self, x: mx.array) -> mx.array:
        name = f"{type(self).__name__}({self.p})"
        array(name, "x", x)
        places = self._places
        if x.ndim not in (places + 1, places + 2):
            raise ValueError(
                f"{name}: x must have {places + 1} or {places + 2} dimensions, "
                f"got shape {tuple(x.shape)}"
            )
        shape = tuple(x.shape)
        return self._drop(x, (*shape[: -places - 1], *(1,) * places, shape[-1]))


class Dropout2d(_ChannelDropout):
    """Zero each channel of an image with probability p, multiply others by 1 / (1 - p).

    The input has shape (N, H, W, C) or (H, W, C); each of the N C channels is dropped
    or kept as a whole. In evaluation mode the input passes unchanged.

    Args:
        p: The probability that a channel is zeroed. Default: 0.5.

    Raises:
        ValueError: `p` is not in [0, 1); or, when called, the input has other than 3
            or 4 dimensions.

    Reference:
        Tompson et al. (2015), Efficient object localization using convolutional
        networks, https://arxiv.org/abs/1411.4280

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> y = nn.Dropout2d(0.5)(mx.ones((4, 5, 5, 3)))
        >>> bool(mx.all(y == y[:, :1, :1]))
        True
    """

    _places = 2


class Dropout3d(_ChannelDropout):
    """Zero each channel of a volume with probability p, multiply others by 1 / (1 - p).

    The input has shape (N, D, H, W, C) or (D, H, W, C); each of the N C channels is
    dropped or kept as a whole. In evaluation mode the input passes unchanged.

    Args:
        p: The probability that a channel is zeroed. Default: 0.5.

    Raises:
        ValueError: `p` is not in [0, 1); or, when called, the input has other than 4
            or 5 dimensions.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> y = nn.Dropout3d(0.5)(mx.ones((4, 2, 5, 5, 3)))
        >>> bool(mx.all(y == y[:, :1, :1, :1]))
        True
    """

    _places = 3
