"""Quantized layers, and a function that puts them in the place of others."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import ingot.core as mx
from ingot.utils import tree_map_with_path

from ._check import array, last_dimension, positive_integer
from ._module import Module

__all__ = ["Quantized", "QuantizedEmbedding", "QuantizedLinear", "quantize"]

# What a mode takes where nothing is said: group size and bits.
_DEFAULTS = {"affine": (64, 4), "mxfp4": (32, 4), "mxfp8": (32, 8), "nvfp4": (16, 4)}


class Quantized(Module):
    """What quantized layers share: a matrix in few bits, as parameters."""

    # Words of codes have no gradient, so unfreeze leaves what belongs to them alone.
    _state_names: ClassVar[frozenset[str]] = frozenset({"weight", "scales", "biases"})

    def __init__(self, group_size: int | None, bits: int | None, mode: str) -> None:
        super().__init__()
        usual = _DEFAULTS.get(mode, (0, 0))
        self.group_size = usual[0] if group_size is None else group_size
        self.bits = usual[1] if bits is None else bits
        self.mode = mode

    def _set_weight(self, weight: mx.array) -> None:
        self.weight, self.scales, *biases = mx.quantize(weight, **self._format())
        if biases:
            self.biases = biases[0]

    def _format(self) -> dict[str, Any]:
        return {"group_size": self.group_size, "bits": self.bits, "mode": self.mode}

    def _shape(self) -> tuple[int, int]:
        """That of the matrix."""
        rows, words = self.weight.shape
        return rows, words * 32 // self.bits

    def _times(self, x: mx.array) -> mx.array:
        return mx.quantized_matmul(
            x, self["weight"], self["scales"], self.get("biases"), **self._format()
        )


class QuantizedLinear(Quantized):
    """Apply an affine map whose matrix is quantized: y = x W^T + b.

    `weight`, `scales` and, in mode "affine", `biases` are what `ingot.core.quantize`
    makes of W; `bias` b is as in Linear. All of them are frozen, and but for `bias`
    stay so.

    Args:
        input_dims: The number of input features, a multiple of the group size.
        output_dims: The number of output features.
        bias: Whether there is a bias. Default: True.
        group_size: The numbers that share a scale. Default: the mode's.
        bits: The bits of a number. Default: the mode's.
        mode: "affine", "mxfp4", "mxfp8" or "nvfp4". Default: "affine".

    Raises:
        ValueError: A dimension is below 1, or the mode does not have the group size or
            the bits; or, when called, the last dimension of the input is not
            `input_dims`.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> layer = nn.QuantizedLinear.from_linear(nn.Linear(64, 8), bits=8)
        >>> layer.weight.shape, layer.scales.shape, layer.biases.shape
        ((8, 16), (8, 1), (8, 1))
        >>> layer(mx.zeros((3, 64))).shape
        (3, 8)
    """

    def __init__(
        self,
        input_dims: int,
        output_dims: int,
        bias: bool = True,
        group_size: int | None = None,
        bits: int | None = None,
        mode: str = "affine",
    ) -> None:
        super().__init__(group_size, bits, mode)
        input_dims = positive_integer("QuantizedLinear", "input_dims", input_dims)
        output_dims = positive_integer("QuantizedLinear", "output_dims", output_dims)
        k = 1 / math.sqrt(input_dims)
        self._set_weight(
            mx.random.uniform(low=-k, high=k, shape=(output_dims, input_dims))
        )
        if bias:
            self.bias = mx.zeros((output_dims,))
        self.freeze()

    def _extra_repr(self) -> str:
        outputs, inputs = self._shape()
        return (
            f"input_dims={inputs}, output_dims={outputs}, bias={'bias' in self}, "
            f"group_size={self.group_size}, bits={self.bits}, mode={self.mode}"
        )

    def __call__(self, x: mx.array) -> mx.array:
        outputs, inputs = self._shape()
        last_dimension(f"QuantizedLinear({inputs}, {outputs})", x, inputs)
        y = self._times(x)
        return y + self["bias"] if "bias" in self else y

    @classmethod
    def from_linear(
        cls,
        linear_layer: Module,
        group_size: int | None = None,
        bits: int | None = None,
        mode: str = "affine",
    ) -> QuantizedLinear:
        """Make the quantized equivalent of a Linear layer.

        Args:
            linear_layer: The Linear layer, which stays as it is.
            group_size: The numbers that share a scale. Default: the mode's.
            bits: The bits of a number. Default: the mode's.
            mode: "affine", "mxfp4", "mxfp8" or "nvfp4". Default: "affine".

        Returns:
            A QuantizedLinear layer.

        Raises:
            ValueError: The number of input features is not a multiple of the group
                size, or the mode does not have the group size or the bits.
        """
        layer = cls.__new__(cls)
        Quantized.__init__(layer, group_size, bits, mode)
        layer._set_weight(linear_layer["weight"])
        if "bias" in linear_layer:
            layer.bias = linear_layer["bias"]
        return layer.freeze().train(linear_layer.training)


class QuantizedEmbedding(Quantized):
    """Map each integer i to row i of a quantized table.

    `weight`, `scales` and, in mode "affine", `biases` are what `ingot.core.quantize`
    makes of the table; they are frozen.

    Args:
        num_embeddings: The number of rows, for tokens the size of the vocabulary.
        dims: The number of features of a row, a multiple of the group size.
        group_size: The numbers that share a scale. Default: the mode's.
        bits: The bits of a number. Default: the mode's.
        mode: "affine", "mxfp4", "mxfp8" or "nvfp4". Default: "affine".

    Raises:
        ValueError: A dimension is below 1, or the mode does not have the group size or
            the bits.
        TypeError: When called: the input is not an array of integers.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> table = nn.QuantizedEmbedding.from_embedding(nn.Embedding(10, 64))
        >>> table(mx.array([[1, 2, 9]])).shape
        (1, 3, 64)
        >>> table.as_linear(mx.zeros((3, 64))).shape
        (3, 10)
    """

    def __init__(
        self,
        num_embeddings: int,
        dims: int,
        group_size: int | None = None,
        bits: int | None = None,
        mode: str = "affine",
    ) -> None:
        super().__init__(group_size, bits, mode)
        rows = positive_integer("QuantizedEmbedding", "num_embeddings", num_embeddings)
        dims = positive_integer("QuantizedEmbedding", "dims", dims)
        self._set_weight(
            mx.random.normal(shape=(rows, dims), scale=1 / math.sqrt(dims))
        )
        self.freeze()

    def _extra_repr(self) -> str:
        rows, dims = self._shape()
        return (
            f"{rows}, {dims}, group_size={self.group_size}, bits={self.bits}, "
            f"mode={self.mode}"
        )

    def __call__(self, x: mx.array) -> mx.array:
        owner = f"QuantizedEmbedding({self._extra_repr()})"
        array(owner, "x", x)
        if not mx.issubdtype(x.dtype, mx.integer):
            raise TypeError(f"{owner}: x must hold integers, got {x.dtype}")
        places = x.flatten()
        biases = self["biases"][places] if "biases" in self else None
        words, scales = self["weight"][places], self["scales"][places]
        y = mx.dequantize(words, scales, biases, **self._format())
        return y.reshape((*x.shape, y.shape[-1]))

    def as_linear(self, x: mx.array) -> mx.array:
        """Apply the table as a QuantizedLinear layer without bias.

        Args:
            x: An array of shape (..., dims).

        Returns:
            An array of shape (..., num_embeddings).

        Raises:
            ValueError: The last dimension of `x` is not `dims`.
        """
        owner = f"QuantizedEmbedding({self._extra_repr()}).as_linear"
        last_dimension(owner, x, self._shape()[1])
        return self._times(x)

    @classmethod
    def from_embedding(
        cls,
        embedding_layer: Module,
        group_size: int | None = None,
        bits: int | None = None,
        mode: str = "affine",
    ) -> QuantizedEmbedding:
        """Make the quantized equivalent of an Embedding layer.

        Args:
            embedding_layer: The Embedding layer, which stays as it is.
            group_size: The numbers that share a scale. Default: the mode's.
            bits: The bits of a number. Default: the mode's.
            mode: "affine", "mxfp4", "mxfp8" or "nvfp4". Default: "affine".

        Returns:
            A QuantizedEmbedding layer.

        Raises:
            ValueError: The number of features is not a multiple of the group size, or
                the mode does not have the group size or the bits.
        """
        layer = cls.__new__(cls)
        Quantized.__init__(layer, group_size, bits, mode)
        layer._set_weight(embedding_layer["weight"])
        return layer.freeze().train(embedding_layer.training)


def _replacement(
    path: str,
    module: Any,
    predicate: Callable[[str, Module], bool | dict[str, Any]],
    options: dict[str, Any],
) -> Any:
    """The module that takes the place of one, or that one itself."""
    if not isinstance(module, Module):
        return module
    wish = predicate(path, module)
    if not isinstance(wish, (bool, dict)):
        raise ValueError(
            f"quantize: class_predicate must return a bool or a dict, got {wish!r} "
            f"for {path}"
        )
    if wish is False:
        return module
    if not hasattr(module, "to_quantized"):
        raise ValueError(
            f"quantize: {path} must have a to_quantized() method where class_predicate "
            f"is true, got {type(module).__name__}"
        )
    return module.to_quantized(**(wish if isinstance(wish, dict) else options))


def quantize(
    model: Module,
    group_size: int | None = None,
    bits: int | None = None,
    *,
    mode: str = "affine",
    quantize_input: bool = False,
    class_predicate: Callable[[str, Module], bool | dict[str, Any]] | None = None,
) -> None:
    """Put quantized layers in the place of a model's Linear and Embedding layers.

    Every layer that has a `to_quantized` method is replaced by what that returns; a
    layer that the model holds in several places, by one. On an error nothing has
    changed.

    Args:
        model: The model, which is changed.
        group_size: The numbers that share a scale. Default: the mode's.
        bits: The bits of a number. Default: the mode's.
        mode: "affine", "mxfp4", "mxfp8" or "nvfp4". Default: "affine".
        quantize_input: Whether the inputs of Linear layers are quantized as well, in
            mode "nvfp4" or "mxfp8"; embeddings have none to quantize, so that
            `class_predicate` must leave them out. Default: False.
        class_predicate: Called with the dotted name and each module that holds no
            others; says whether it is quantized, or with which arguments of
            `to_quantized`. Default: those that have that method are.

    Raises:
        ValueError: The mode does not have the group size or the bits; a layer's
            features are not a multiple of the group size; the predicate's result is
            not as said or names a layer without `to_quantized`; the model is such a
            layer itself; or `quantize_input` is True for another mode or an embedding.
        TypeError: `model` is not a Module.

    Example:
        >>> import ingot.nn as nn
        >>> model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
        >>> nn.quantize(model, 64, 8, class_predicate=lambda path, _: "0" in path)
        >>> model.layers[0].weight.shape, model.layers[2].weight.shape
        ((128, 16), (10, 128))
    """
    if not isinstance(model, Module):
        raise TypeError(f"quantize: model must be a Module, got {type(model).__name__}")
    if hasattr(model, "to_quantized"):
        raise ValueError(
            "quantize: model must hold layers, got a layer; to_quantized() returns its "
            "quantized equivalent"
        )
    options: dict[str, Any] = {"group_size": group_size, "bits": bits, "mode": mode}
    if quantize_input:
        options["quantize_input"] = True
    predicate = class_predicate or (lambda _, module: hasattr(module, "to_quantized"))
    made: dict[int, Any] = {}

    def replace(path: str, module: Any) -> Any:
        if id(module) not in made:
            made[id(module)] = _replacement(path, module, predicate, options)
        return made[id(module)]

    leaves = model.leaf_modules()
    model.update_modules(tree_map_with_path(replace, leaves, is_leaf=Module.is_module))
