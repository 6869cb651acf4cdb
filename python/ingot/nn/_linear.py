"""Linear and Identity: layers that are an affine map, or none."""

from __future__ import annotations

import math
from typing import Any

import ingot.core as mx

from ._check import last_dimension, positive_integer
from ._module import Module

__all__ = ["Identity", "Linear"]


class Identity(Module):
    """Return the input unchanged, as a placeholder for a layer.

    Args:
        args: Ignored.
        kwargs: Ignored.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.Identity(3, bias=True)(mx.array([1.0, 2.0]))
        array([1, 2], dtype=float32)
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def __call__(self, x: mx.array) -> mx.array:
        return x


class Linear(Module):
    """Apply an affine map to the last dimension: y = x W^T + b.

    `weight` W has shape (output_dims, input_dims), `bias` b has shape (output_dims,);
    both start uniform on [-k, k) with k = 1 / sqrt(input_dims), in float32.

    Args:
        input_dims: The number of input features.
        output_dims: The number of output features.
        bias: Whether there is a bias. Default: True.

    Raises:
        ValueError: A dimension is below 1; or, when called, the last dimension of the
            input is not `input_dims`.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> layer = nn.Linear(4, 2)
        >>> layer
        Linear(input_dims=4, output_dims=2, bias=True)
        >>> layer(mx.zeros((3, 4))).shape
        (3, 2)
    """

    def __init__(self, input_dims: int, output_dims: int, bias: bool = True) -> None:
        super().__init__()
        input_dims = positive_integer("Linear", "input_dims", input_dims)
        output_dims = positive_integer("Linear", "output_dims", output_dims)
        k = 1 / math.sqrt(input_dims)
        self.weight = mx.random.uniform(low=-k, high=k, shape=(output_dims, input_dims))
        if bias:
            self.bias = mx.random.uniform(low=-k, high=k, shape=(output_dims,))

    def _extra_repr(self) -> str:
        outputs, inputs = self.weight.shape
        return f"input_dims={inputs}, output_dims={outputs}, bias={'bias' in self}"

    def __call__(self, x: mx.array) -> mx.array:
        weight: mx.array = self["weight"]
        outputs, inputs = weight.shape
        last_dimension(f"Linear({inputs}, {outputs})", x, inputs)
        if "bias" in self:
            return mx.addmm(self["bias"], x, weight.T)
        return x @ weight.T
