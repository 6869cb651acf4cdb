"""Linear layers of which each process of a group holds and computes a part."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

import ingot.core as mx
from ingot.core import distributed
from ingot.core._group import group_or_all

from ._check import last_dimension
from ._linear import Linear
from ._module import Module
from ._quantized import QuantizedLinear
from ._shards import Segments, part, sum_gradients

__all__ = [
    "AllToShardedLinear",
    "QuantizedAllToShardedLinear",
    "QuantizedShardedToAllLinear",
    "ShardedToAllLinear",
    "shard_linear",
]

Group = distributed.Group
Self = TypeVar("Self", bound="_Sharded")


class _Sharded(Module):
    """A group, and this rank's part of another layer's parameters."""

    _axis: ClassVar[int]  # of the matrix, which is divided

    def _take(self, layer: Any, segments: Segments, group: Group | None) -> None:
        owner = type(self).__name__
        self.group = group_or_all(owner, group)
        lengths = self._lengths(layer)
        parts = {}
        for name in ("weight", "scales", "biases", "bias"):
            if name not in layer:
                continue
            x = parts[name] = layer[name]
            axis = self._axis if x.ndim > 1 else 0
            if name != "bias" or self._axis == 0:
                parts[name] = part(
                    f"{owner}: {name}", x, axis, segments, self.group, lengths[axis]
                )
        for name, x in parts.items():
            self[name] = x

    @staticmethod
    def _lengths(layer: Any) -> tuple[int, int]:
        """The numbers of outputs and of inputs of a layer, or of this part."""
        outputs, inputs = layer["weight"].shape
        return outputs, inputs

    def _extra_repr(self) -> str:
        sizes = list(self._lengths(self))
        sizes[self._axis] *= self.group.size()
        outputs, inputs = sizes
        return (
            f"input_dims={inputs}, output_dims={outputs}, bias={'bias' in self}, "
            f"ranks={self.group.size()}"
        )

    def _times(self, x: mx.array) -> mx.array:
        """The product with this rank's part of the matrix."""
        y: mx.array = x @ self["weight"].T
        return y

    def _product(self, x: mx.array) -> mx.array:
        owner = f"{type(self).__name__}({self._extra_repr()})"
        last_dimension(owner, x, self._lengths(self)[1])
        return self._times(x)

    def _shifted(self, y: mx.array) -> mx.array:
        return y + self["bias"] if "bias" in self else y


class _AllToSharded(_Sharded):
    _axis = 0

    def __call__(self, x: mx.array) -> mx.array:
        """A part of the outputs, (..., output_dims / ranks), of x (..., input_dims)."""
        return self._shifted(self._product(sum_gradients(self.group)(x)))


class _ShardedToAll(_Sharded):
    _axis = 1

    def __call__(self, x: mx.array) -> mx.array:
        """All outputs, (..., output_dims), of the part (..., input_dims / ranks)."""
        y = distributed.all_sum(self._product(x), group=self.group)
        return self._shifted(y)


class _Plain(_Sharded):
    """What is made as a Linear layer is."""

    def __init__(
        self,
        input_dims: int,
        output_dims: int,
        bias: bool = True,
        group: Group | None = None,
    ) -> None:
        super().__init__()
        self._take(Linear(input_dims, output_dims, bias), 1, group)

    @classmethod
    def from_linear(
        cls: type[Self],
        linear_layer: Module,
        *,
        segments: Segments = 1,
        group: Group | None = None,
    ) -> Self:
        """Make the part of a Linear layer that belongs to this rank.

        Args:
            linear_layer: The Linear layer, which stays as it is.
            segments: As `shard_linear` takes them. Default: 1.
            group: The processes. Default: all.

        Returns:
            A layer of this class.

        Raises:
            ValueError: A segment can't be divided among the ranks.
        """
        layer = cls.__new__(cls)
        Module.__init__(layer)
        layer._take(linear_layer, segments, group)
        return layer


class _OfWords(_Sharded):
    """What is made as a QuantizedLinear layer is, frozen as well."""

    _state_names: ClassVar[frozenset[str]] = frozenset({"weight", "scales", "biases"})

    def __init__(
        self,
        input_dims: int,
        output_dims: int,
        bias: bool = True,
        group_size: int = 64,
        bits: int = 4,
        mode: str = "affine",
        group: Group | None = None,
    ) -> None:
        super().__init__()
        whole = QuantizedLinear(input_dims, output_dims, bias, group_size, bits, mode)
        self._take(whole, 1, group)

    def _take(self, layer: Any, segments: Segments, group: Group | None) -> None:
        super()._take(layer, segments, group)
        self.group_size, self.bits, self.mode = (
            layer.group_size,
            layer.bits,
            layer.mode,
        )
        self.freeze()

    @staticmethod
    def _lengths(layer: Any) -> tuple[int, int]:
        outputs, words = layer["weight"].shape
        return outputs, words * 32 // layer.bits

    def _extra_repr(self) -> str:
        return (
            f"{super()._extra_repr()}, group_size={self.group_size}, "
            f"bits={self.bits}, mode={self.mode}"
        )

    def _times(self, x: mx.array) -> mx.array:
        return mx.quantized_matmul(
            x,
            self["weight"],
            self["scales"],
            self.get("biases"),
            group_size=self.group_size,
            bits=self.bits,
            mode=self.mode,
        )

    @classmethod
    def from_quantized_linear(
        cls: type[Self],
        quantized_linear_layer: Module,
        *,
        segments: Segments = 1,
        group: Group | None = None,
    ) -> Self:
        """Make the part of a QuantizedLinear layer that belongs to this rank.

        Args:
            quantized_linear_layer: The QuantizedLinear layer, which stays as it is.
            segments: As `shard_linear` takes them. Default: 1.
            group: The processes. Default: all.

        Returns:
            A layer of this class.

        Raises:
            ValueError: A segment can't be divided among the ranks, with whole groups of
                numbers for each.
        """
        layer = cls.__new__(cls)
        Module.__init__(layer)
        layer._take(quantized_linear_layer, segments, group)
        return layer


class AllToShardedLinear(_AllToSharded, _Plain):
    """Compute a part of the outputs of an affine map: rows of y = x W^T + b.

    All ranks have the same input; rank r of n has the r-th of n parts of the outputs,
    of W and of b. The gradient of the input is summed over the ranks. Where all of them
    have drawn the same random numbers before, they hold the parts of one Linear layer.

    Args:
        input_dims: The number of input features.
        output_dims: The number of output features of all ranks together.
        bias: Whether there is a bias. Default: True.
        group: The processes. Default: all, as `ingot.core.distributed.init` gives them.

    Raises:
        ValueError: A dimension is below 1, or the number of ranks does not divide the
            outputs; or, when called, the last dimension of the input is another one.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> layer = nn.AllToShardedLinear(4, 6)
        >>> layer(mx.zeros((3, 4))).shape  # of a group of one
        (3, 6)
    """


class ShardedToAllLinear(_ShardedToAll, _Plain):
    """Compute an affine map of inputs that are spread over ranks: y = sum x W^T + b.

    Rank r of n has the r-th of n parts of the inputs and of the columns of W; their
    products are summed, so that all ranks have the whole output. Where all of them have
    drawn the same random numbers before, they hold the parts of one Linear layer.

    Args:
        input_dims: The number of input features of all ranks together.
        output_dims: The number of output features.
        bias: Whether there is a bias. Default: True.
        group: The processes. Default: all, as `ingot.core.distributed.init` gives them.

    Raises:
        ValueError: A dimension is below 1, or the number of ranks does not divide the
            inputs; or, when called, the last dimension of the input is not a rank's
            part of them.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> layer = nn.ShardedToAllLinear(4, 6)
        >>> layer(mx.zeros((3, 4))).shape  # of a group of one
        (3, 6)
    """


class QuantizedAllToShardedLinear(_AllToSharded, _OfWords):
    """Compute a part of the outputs of an affine map whose matrix is quantized.

    AllToShardedLinear with the parameters of QuantizedLinear, which are frozen.

    Args:
        input_dims: The number of input features, a multiple of the group size.
        output_dims: The number of output features of all ranks together.
        bias: Whether there is a bias. Default: True.
        group_size: The numbers that share a scale. Default: 64.
        bits: The bits of a number. Default: 4.
        mode: "affine", "mxfp4", "mxfp8" or "nvfp4". Default: "affine".
        group: The processes. Default: all, as `ingot.core.distributed.init` gives them.

    Raises:
        ValueError: As AllToShardedLinear and QuantizedLinear.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> layer = nn.QuantizedAllToShardedLinear(64, 6)
        >>> layer(mx.zeros((3, 64))).shape  # of a group of one
        (3, 6)
    """


class QuantizedShardedToAllLinear(_ShardedToAll, _OfWords):
    """Compute an affine map of inputs spread over ranks, whose matrix is quantized.

    ShardedToAllLinear with the parameters of QuantizedLinear, which are frozen.

    Args:
        input_dims: The number of input features of all ranks together; a rank's part is
            a multiple of the group size.
        output_dims: The number of output features.
        bias: Whether there is a bias. Default: True.
        group_size: The numbers that share a scale. Default: 64.
        bits: The bits of a number. Default: 4.
        mode: "affine", "mxfp4", "mxfp8" or "nvfp4". Default: "affine".
        group: The processes. Default: all, as `ingot.core.distributed.init` gives them.

    Raises:
        ValueError: As ShardedToAllLinear and QuantizedLinear.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> layer = nn.QuantizedShardedToAllLinear(64, 6)
        >>> layer(mx.zeros((3, 64))).shape  # of a group of one
        (3, 6)
    """


def shard_linear(
    module: Module,
    sharding: str,
    *,
    segments: Segments = 1,
    group: Group | None = None,
) -> Module:
    """Make the layer that computes this rank's part of a linear layer.

    Args:
        module: A Linear or QuantizedLinear layer, which stays as it is.
        sharding: "all-to-sharded" divides its outputs, "sharded-to-all" its inputs.
        segments: Of how many equal segments the matrix is made (3 where queries, keys
            and values are one), or where they end, as indices or as fractions; each is
            divided by itself. Default: 1.
        group: The processes. Default: all, as `ingot.core.distributed.init` gives them.

    Returns:
        An AllToShardedLinear or ShardedToAllLinear layer, or its quantized equivalent.

    Raises:
        ValueError: There is no such sharding, or a segment can't be divided among the
            ranks.
        TypeError: `module` is neither, or `group` not a Group.

    Example:
        >>> import ingot.nn as nn
        >>> from ingot.nn.layers.distributed import shard_linear
        >>> shard_linear(nn.Linear(4, 6), "all-to-sharded")
        AllToShardedLinear(input_dims=4, output_dims=6, bias=True, ranks=1)
    """
    kinds: dict[str, tuple[type[_Plain], type[_OfWords]]] = {
        "all-to-sharded": (AllToShardedLinear, QuantizedAllToShardedLinear),
        "sharded-to-all": (ShardedToAllLinear, QuantizedShardedToAllLinear),
    }
    if sharding not in kinds:
        raise ValueError(
            "shard_linear: sharding must be 'all-to-sharded' or 'sharded-to-all', got "
            f"{sharding!r}"
        )
    plain, quantized = kinds[sharding]
    if isinstance(module, QuantizedLinear):
        return quantized.from_quantized_linear(module, segments=segments, group=group)
    if isinstance(module, Linear):
        return plain.from_linear(module, segments=segments, group=group)
    raise TypeError(
        "shard_linear: module must be a Linear or QuantizedLinear layer, got "
        f"{type(module).__name__}"
    )
