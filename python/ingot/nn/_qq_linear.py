"""A linear layer that rounds both its matrix and its inputs to few bits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import ingot.core as mx

from ._check import last_dimension, positive_integer
from ._module import Module
from ._quantized import Quantized

__all__ = ["QQLinear"]


@dataclass(frozen=True)
class _Packed:
    """What train() looks at: the words, the matrix they stand for, its freezing."""

    words: mx.array
    exact: mx.array
    frozen: bool


class QQLinear(Quantized):
    """Apply a linear map by `ingot.core.qqmm`: y = q(x) q(W)^T, plus b if it has one.

    In training mode `weight` is W, of shape (output_dims, input_dims). It is rounded
    whenever the layer is called, and learns as if nothing were rounded. In evaluation
    mode `weight` and `scales` are what `ingot.core.quantize` makes of W, and are
    frozen. `train()` then gives back the very W, unless `weight` has been replaced
    meanwhile: then the numbers that its words stand for.

    W starts uniform on [-k, k) with k = 1 / sqrt(input_dims), in float32.

    Args:
        input_dims: The number of input features, a multiple of the group size.
        output_dims: The number of output features.
        group_size: The numbers that share a scale. Default: the mode's.
        bits: The bits of a number. Default: the mode's.
        mode: "nvfp4" or "mxfp8". Default: "nvfp4".

    Raises:
        ValueError: A dimension is below 1 or no multiple of the group size, or the mode
            is another one or does not have the group size or the bits; or, when called,
            the last dimension of the input is not `input_dims`.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> layer = nn.QQLinear(64, 8)
        >>> layer(mx.zeros((3, 64))).shape
        (3, 8)
        >>> layer.eval().weight.shape, layer.train().weight.shape
        ((8, 8), (8, 64))
    """

    _state_names: ClassVar[frozenset[str]] = frozenset()  # W is trained

    def __init__(
        self,
        input_dims: int,
        output_dims: int,
        group_size: int | None = None,
        bits: int | None = None,
        mode: str = "nvfp4",
    ) -> None:
        input_dims = positive_integer("QQLinear", "input_dims", input_dims)
        output_dims = positive_integer("QQLinear", "output_dims", output_dims)
        k = 1 / math.sqrt(input_dims)
        self._start(
            mx.random.uniform(low=-k, high=k, shape=(output_dims, input_dims)),
            group_size,
            bits,
            mode,
        )

    def _start(
        self, weight: mx.array, group_size: int | None, bits: int | None, mode: str
    ) -> None:
        if mode not in ("nvfp4", "mxfp8"):
            raise ValueError(f"QQLinear: mode must be 'nvfp4' or 'mxfp8', got {mode!r}")
        Quantized.__init__(self, group_size, bits, mode)
        mx.quantize(weight, **self._format())  # or says what does not fit
        self.weight = weight
        self._packed: _Packed | None = None

    def _shape(self) -> tuple[int, int]:
        if "scales" in self:
            return super()._shape()
        rows, columns = self.weight.shape
        return rows, columns

    def _extra_repr(self) -> str:
        outputs, inputs = self._shape()
        return (
            f"input_dims={inputs}, output_dims={outputs}, bias={'bias' in self}, "
            f"group_size={self.group_size}, bits={self.bits}, mode={self.mode}"
        )

    def _set_training_mode(self, mode: bool) -> None:
        super()._set_training_mode(mode)
        if mode and "scales" in self:
            self._unpack()
        elif not mode and "scales" not in self:
            self._pack()

    def _pack(self) -> None:
        exact, frozen = self.weight, "weight" in self._no_grad
        self.weight, self.scales = mx.quantize(exact, **self._format())
        self._packed = _Packed(self.weight, exact, frozen)
        self.freeze(keys=["weight", "scales"])

    def _unpack(self) -> None:
        packed, self._packed = self._packed, None
        if packed is not None and packed.words is self.weight:
            self.weight = packed.exact
        else:
            self.weight = mx.dequantize(self.weight, self.scales, **self._format())
        del self.scales
        self.unfreeze(keys=["weight", "scales"])
        if packed is not None and packed.frozen:
            self.freeze(keys="weight")

    def __call__(self, x: mx.array) -> mx.array:
        outputs, inputs = self._shape()
        last_dimension(f"QQLinear({inputs}, {outputs})", x, inputs)
        y = mx.qqmm(x, self["weight"], self.get("scales"), **self._format())
        return y + self["bias"] if "bias" in self else y

    @classmethod
    def from_linear(
        cls,
        linear_layer: Module,
        group_size: int | None = None,
        bits: int | None = None,
        mode: str = "nvfp4",
    ) -> QQLinear:
        """Make a layer that rounds what a Linear layer does not.

        Args:
            linear_layer: The Linear layer, which stays as it is; a bias is kept.
            group_size: The numbers that share a scale. Default: the mode's.
            bits: The bits of a number. Default: the mode's.
            mode: "nvfp4" or "mxfp8". Default: "nvfp4".

        Returns:
            A QQLinear layer, in the mode that the other one is in.

        Raises:
            ValueError: The number of input features is not a multiple of the group
                size, or the mode is another one or does not have the group size or the
                bits.
        """
        layer = cls.__new__(cls)
        layer._start(linear_layer["weight"], group_size, bits, mode)
        if "bias" in linear_layer:
            layer.bias = linear_layer["bias"]
        return layer.train(linear_layer.training)
