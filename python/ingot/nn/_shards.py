"""Parts of parameters, one for each process of a group, and sums of their gradients."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import ingot.core as mx
from ingot.core import distributed
from ingot.core._group import group_or_all

from ._module import Module
from ._walk import parameter_slots

__all__ = ["Segments", "part", "shard_inplace", "sum_gradients"]

# How a fused matrix falls apart: into so many equal segments, or at these places, whole
# numbers or fractions.
Segments = int | Sequence[int | float]


def _ends(owner: str, segments: Segments, length: int) -> list[int]:
    """Where segments end, but for the last."""
    if isinstance(segments, int) and segments >= 1:
        return [length * i // segments for i in range(1, segments)]
    if isinstance(segments, (list, tuple)):
        ends = [int(s * length) if isinstance(s, float) else s for s in segments]
        if all(isinstance(end, int) for end in ends) and all(
            begin < end for begin, end in itertools.pairwise([0, *ends, length])
        ):
            return ends
    kind = ValueError if isinstance(segments, (int, list, tuple)) else TypeError
    raise kind(
        f"{owner}: segments must be a positive number or ascending places below "
        f"{length}, got {segments!r}"
    )


def part(
    owner: str,
    x: mx.array,
    axis: int,
    segments: Segments,
    group: distributed.Group,
    length: int | None = None,
) -> mx.array:
    """What this rank has of x: of each segment along the axis its share.

    The axis stands for `length` features, of which words and scales hold several each.
    """
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(f"{owner}: axis must be one of shape {x.shape}, got {axis}")
    if x.shape[axis] == 0:
        return x
    ranks, size = group.size(), x.shape[axis]
    length = size if length is None else length
    ends = _ends(owner, segments, length)
    shares = []
    for begin, end in itertools.pairwise([0, *ends, length]):
        whole = begin * size % length == 0
        if not whole or (end - begin) * size % (length * ranks) != 0:
            raise ValueError(
                f"{owner}: segments must be divisible among {ranks} ranks, got one of "
                f"{end - begin} features along axis {axis} of shape {x.shape}"
            )
        share = (end - begin) * size // (length * ranks)
        first = begin * size // length + group.rank() * share
        index = [slice(None)] * x.ndim
        index[axis] = slice(first, first + share)
        shares.append(x[tuple(index)])
    return mx.contiguous(mx.concatenate(shares, axis))


def sum_gradients(group: distributed.Group) -> Callable[[mx.array], mx.array]:
    """A function that gives back its array, whose gradient is summed over the ranks.

    Args:
        group: The processes.

    Returns:
        A function of an array.

    Example:
        >>> import ingot.core as mx
        >>> from ingot.nn.layers.distributed import sum_gradients
        >>> f = sum_gradients(mx.distributed.init())
        >>> mx.grad(lambda x: f(x).sum())(mx.ones(2))
        array([1, 1], dtype=float32)
    """
    if group.size() == 1:
        return lambda x: x

    @mx.custom_function
    def f(x: mx.array) -> mx.array:
        return x

    @f.vjp
    def summed(x: mx.array, dy: mx.array, _: mx.array) -> mx.array:
        return distributed.all_sum(dy, group=group)

    return f


# For a parameter's path and value: the axis to divide, with its segments if there are
# others than one; or None, which leaves it whole.
Sharding = Callable[[str, mx.array], "int | tuple[int, Segments] | None"]


def _named(sharding: str, segments: Segments) -> Sharding:
    """That of a linear layer, by its name."""
    if sharding == "all-to-sharded":
        return lambda path, x: (max(x.ndim - 2, 0), segments)
    if sharding == "sharded-to-all":
        return lambda path, x: None if path.endswith("bias") else (-1, segments)
    raise ValueError(
        "shard_inplace: sharding must be 'all-to-sharded', 'sharded-to-all' or a "
        f"function, got {sharding!r}"
    )


def shard_inplace(
    module: Module,
    sharding: str | Sharding,
    *,
    segments: Segments = 1,
    group: distributed.Group | None = None,
) -> None:
    """Replace the parameters of a module by the parts that belong to this process.

    The module computes as before, of less: it has to communicate by itself. On an error
    nothing has changed.

    Args:
        module: The module, which is changed.
        sharding: "all-to-sharded" divides the outputs of linear maps, "sharded-to-all"
            their inputs and leaves biases whole. Or a function of each parameter's
            dotted path and value that returns the axis to divide, or a pair of that and
            the segments, or None for what stays whole.
        segments: Of how many equal segments a matrix is made (3 where queries, keys and
            values are one), or where they end, as indices or as fractions; each is
            divided by itself. Default: 1.
        group: The processes. Default: all, as `ingot.core.distributed.init` gives them.

    Raises:
        ValueError: The number of processes does not divide a segment, or there is no
            such sharding.
        TypeError: `module` is not a Module or `group` not a Group.

    Example:
        >>> import ingot.nn as nn
        >>> from ingot.nn.layers.distributed import shard_inplace
        >>> layer = nn.Linear(4, 6)
        >>> shard_inplace(layer, "all-to-sharded", segments=3)
        >>> layer.weight.shape  # of a group of one
        (6, 4)
    """
    if not isinstance(module, Module):
        raise TypeError(
            f"shard_inplace: module must be a Module, got {type(module).__name__}"
        )
    processes = group_or_all("shard_inplace", group)
    which = _named(sharding, segments) if isinstance(sharding, str) else sharding

    def divided(path: str, x: mx.array) -> mx.array:
        wish: Any = which(path, x)
        if wish is None:
            return x
        axis, pieces = wish if isinstance(wish, tuple) else (wish, 1)
        return part(f"shard_inplace: {path}", x, axis, pieces, processes)

    slots = parameter_slots(module, module.valid_parameter_filter)
    parts = [divided(path, container[key]) for path, container, key in slots]
    for (_, container, key), x in zip(slots, parts, strict=True):
        container[key] = x
