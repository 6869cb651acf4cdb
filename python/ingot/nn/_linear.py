"""Linear, Bilinear, Identity: layers that are affine in each input, or do nothing."""

from __future__ import annotations

import math
from typing import Any

import ingot.core as mx

from ._check import last_dimension, positive_integer
from ._module import Module
from ._qq_linear import QQLinear
from ._quantized import QuantizedLinear

__all__ = ["Bilinear", "Identity", "Linear"]


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

    def to_quantized(
        self,
        group_size: int | None = None,
        bits: int | None = None,
        mode: str = "affine",
        quantize_input: bool = False,
    ) -> QuantizedLinear | QQLinear:
        """Return a layer like this one whose matrix is quantized.

        Args:
            group_size: The numbers that share a scale. Default: the mode's.
            bits: The bits of a number. Default: the mode's.
            mode: "affine", "mxfp4", "mxfp8" or "nvfp4". Default: "affine".
            quantize_input: Whether inputs are quantized as well, in mode "nvfp4" or
                "mxfp8". Default: False.

        Returns:
            A QuantizedLinear layer; a QQLinear layer where inputs are quantized.

        Raises:
            ValueError: The number of input features is not a multiple of the group
                size, or the mode does not have the group size or the bits, or does not
                quantize inputs.
        """
        if quantize_input:
            return QQLinear.from_linear(self, group_size, bits, mode)
        return QuantizedLinear.from_linear(self, group_size, bits, mode)


class Bilinear(Module):
    """Apply a map that is affine in each of two inputs: y_i = x2^T W_i x1 + b_i.

    `weight` W has shape (output_dims, input2_dims, input1_dims), `bias` b has shape
    (output_dims,); both start uniform on [-k, k) with k = 1 / sqrt(input1_dims), in
    float32.

    Args:
        input1_dims: The number of features of the first input.
        input2_dims: The number of features of the second input.
        output_dims: The number of output features.
        bias: Whether there is a bias. Default: True.

    Raises:
        ValueError: A dimension is below 1; or, when called, the last dimension of an
            input is not as said, or the others do not broadcast.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> layer = nn.Bilinear(4, 3, 2)
        >>> layer
        Bilinear(input1_dims=4, input2_dims=3, output_dims=2, bias=True)
        >>> layer(mx.zeros((5, 4)), mx.zeros((5, 3))).shape
        (5, 2)
    """

    def __init__(
        self, input1_dims: int, input2_dims: int, output_dims: int, bias: bool = True
    ) -> None:
        super().__init__()
        shape = tuple(
            positive_integer("Bilinear", name, value)
            for name, value in (
                ("output_dims", output_dims),
                ("input2_dims", input2_dims),
                ("input1_dims", input1_dims),
            )
        )
        k = 1 / math.sqrt(input1_dims)
        self.weight = mx.random.uniform(low=-k, high=k, shape=shape)
        if bias:
            self.bias = mx.random.uniform(low=-k, high=k, shape=shape[:1])

    def _extra_repr(self) -> str:
        outputs, inputs2, inputs1 = self.weight.shape
        return (
            f"input1_dims={inputs1}, input2_dims={inputs2}, output_dims={outputs}, "
            f"bias={'bias' in self}"
        )

    def __call__(self, x1: mx.array, x2: mx.array) -> mx.array:
        weight: mx.array = self["weight"]
        outputs, inputs2, inputs1 = weight.shape
        name = f"Bilinear({inputs1}, {inputs2}, {outputs})"
        last_dimension(name, x1, inputs1, "x1")
        last_dimension(name, x2, inputs2, "x2")
        try:
            mx.broadcast_shapes(x1.shape[:-1], x2.shape[:-1])
        except ValueError:
            raise ValueError(
                f"{name}: shapes of x1 and x2 must broadcast but for the last "
                f"dimension, got {tuple(x1.shape)} and {tuple(x2.shape)}"
            ) from None
        # One product for all outputs: (..., outputs, inputs2), then one with x2.
        rows = x1 @ weight.reshape((outputs * inputs2, inputs1)).T
        matrices = rows.reshape((*x1.shape[:-1], outputs, inputs2))
        y = (matrices @ x2[..., None]).squeeze(-1)
        return y + self["bias"] if "bias" in self else y
