"""LayerNorm and RMSNorm: each row of features brought to one scale."""

from __future__ import annotations

import ingot.core as mx

from ._check import finite, last_dimension, positive_integer
from ._module import Module

__all__ = ["LayerNorm", "RMSNorm"]


class LayerNorm(Module):
    """Normalize the last dimension: y = (x - E[x]) / sqrt(Var[x] + eps) * gamma + beta.

    `weight` gamma and `bias` beta have shape (dims,) and start at 1 and 0. Half types
    are computed in float32 and rounded once, at the end.

    Args:
        dims: The number of features.
        eps: Added to the variance. Default: 1e-5.
        affine: Whether there is a weight. Default: True.
        bias: Whether there is a bias too. Default: True.

    Raises:
        ValueError: `dims` is below 1 or `eps` negative; or, when called, the last
            dimension of the input is not `dims`.

    Reference:
        Ba, Kiros and Hinton (2016), Layer normalization, https://arxiv.org/abs/1607.06450

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.LayerNorm(2)(mx.array([[1.0, 3.0]])).round(2)
        array([[-1, 1]], dtype=float32)
    """

    def __init__(
        self, dims: int, eps: float = 1e-5, affine: bool = True, bias: bool = True
    ) -> None:
        super().__init__()
        self.dims = positive_integer("LayerNorm", "dims", dims)
        self.eps = finite("LayerNorm", "eps", eps, 0.0)
        if affine:
            self.weight = mx.ones((self.dims,))
            if bias:
                self.bias = mx.zeros((self.dims,))

    def _extra_repr(self) -> str:
        return f"{self.dims}, eps={self.eps}, affine={'weight' in self}"

    def __call__(self, x: mx.array) -> mx.array:
        last_dimension(f"LayerNorm({self.dims})", x, self.dims)
        return mx.fast.layer_norm(x, self.get("weight"), self.get("bias"), self.eps)


class RMSNorm(Module):
    """Divide by the root mean square of the last dimension.

    y = x / sqrt(E[x^2] + eps) * gamma. `weight` gamma has shape (dims,) and starts
    at 1. Half types are computed in float32 and rounded once, at the end.

    Args:
        dims: The number of features.
        eps: Added to the mean square. Default: 1e-5.

    Raises:
        ValueError: `dims` is below 1 or `eps` negative; or, when called, the last
            dimension of the input is not `dims`.

    Reference:
        Zhang and Sennrich (2019), Root mean square layer normalization,
        https://arxiv.org/abs/1910.07467

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.RMSNorm(2)(mx.array([[3.0, 3.0]])).round(2)
        array([[1, 1]], dtype=float32)
    """

    def __init__(self, dims: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.dims = positive_integer("RMSNorm", "dims", dims)
        self.eps = finite("RMSNorm", "eps", eps, 0.0)
        self.weight = mx.ones((self.dims,))

    def _extra_repr(self) -> str:
        return f"{self.dims}, eps={self.eps}"

    def __call__(self, x: mx.array) -> mx.array:
        last_dimension(f"RMSNorm({self.dims})", x, self.dims)
        return mx.fast.rms_norm(x, self["weight"], self.eps)
