"""Embedding: a table of vectors, looked up by integers."""

from __future__ import annotations

import math

import ingot.core as mx

from ._check import array, last_dimension, positive_integer
from ._module import Module
from ._quantized import QuantizedEmbedding

__all__ = ["Embedding"]


class Embedding(Module):
    """Map each integer i to row i of a table: y = weight[x].

    `weight` has shape (num_embeddings, dims) and starts normal with mean 0 and
    standard deviation 1 / sqrt(dims), in float32.

    Args:
        num_embeddings: The number of rows, for tokens the size of the vocabulary.
        dims: The number of features of a row.

    Raises:
        ValueError: An argument is below 1.
        TypeError: When called: the input is not an array of integers.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> table = nn.Embedding(10, 4)
        >>> table(mx.array([[1, 2, 9]])).shape
        (1, 3, 4)
        >>> table.as_linear(mx.zeros((3, 4))).shape
        (3, 10)
    """

    def __init__(self, num_embeddings: int, dims: int) -> None:
        super().__init__()
        num_embeddings = positive_integer("Embedding", "num_embeddings", num_embeddings)
        dims = positive_integer("Embedding", "dims", dims)
        self.weight = mx.random.normal(
            shape=(num_embeddings, dims), scale=1 / math.sqrt(dims)
        )

    def _extra_repr(self) -> str:
        rows, dims = self.weight.shape
        return f"{rows}, {dims}"

    def __call__(self, x: mx.array) -> mx.array:
        array(f"Embedding({self._extra_repr()})", "x", x)
        if not mx.issubdtype(x.dtype, mx.integer):
            raise TypeError(
                f"Embedding({self._extra_repr()}): x must hold integers, got {x.dtype}"
            )
        weight: mx.array = self["weight"]
        return weight[x]

    def as_linear(self, x: mx.array) -> mx.array:
        """Apply the table as a Linear layer without bias: y = x weight^T.

        Args:
            x: An array of shape (..., dims).

        Returns:
            An array of shape (..., num_embeddings).

        Raises:
            ValueError: The last dimension of `x` is not `dims`.
        """
        weight: mx.array = self["weight"]
        last_dimension(
            f"Embedding({self._extra_repr()}).as_linear", x, weight.shape[-1]
        )
        return x @ weight.T

    def to_quantized(
        self,
        group_size: int | None = None,
        bits: int | None = None,
        mode: str = "affine",
        quantize_input: bool = False,
    ) -> QuantizedEmbedding:
        """Return a layer like this one whose table is quantized.

        Args:
            group_size: The numbers that share a scale. Default: the mode's.
            bits: The bits of a number. Default: the mode's.
            mode: "affine", "mxfp4", "mxfp8" or "nvfp4". Default: "affine".
            quantize_input: Must be False: inputs are integers.

        Returns:
            A QuantizedEmbedding layer.

        Raises:
            ValueError: The number of features is not a multiple of the group size, the
                mode does not have the group size or the bits, or `quantize_input` is
                True.
        """
        if quantize_input:
            raise ValueError(
                "Embedding.to_quantized: quantize_input must be False, since inputs "
                f"are integers, got {quantize_input!r}; nn.quantize leaves out what "
                "its class_predicate says"
            )
        return QuantizedEmbedding.from_embedding(self, group_size, bits, mode)
