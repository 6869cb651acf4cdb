"""Dropout: random zeros during training."""

from __future__ import annotations

import ingot.core as mx

from ._check import array, finite
from ._module import Module

__all__ = ["Dropout"]


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
        p = finite("Dropout", "p", p)
        if not 0 <= p < 1:
            raise ValueError(f"Dropout: p must be in [0, 1), got {p}")
        self.p = p

    def _extra_repr(self) -> str:
        return f"p={self.p}"

    def __call__(self, x: mx.array) -> mx.array:
        array(f"Dropout({self.p})", "x", x)
        if self.p == 0 or not self.training:
            return x
        keep = mx.random.bernoulli(1 - self.p, x.shape)
        # where, not a product: a dropped infinity is 0, not NaN.
        return mx.where(keep, x * (1 / (1 - self.p)), 0)
