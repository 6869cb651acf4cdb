"""average_gradients: one step of training by several processes."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import ingot.core as mx
from ingot.core import _mpi, distributed
from ingot.core._group import group_or_all

from ..utils import tree_flatten, tree_map

__all__ = ["average_gradients"]


def average_gradients(
    gradients: Any,
    group: distributed.Group | None = None,
    all_reduce_size: int = 32 * 1024**2,
    communication_stream: mx.Stream | None = None,
) -> Any:
    """Average gradients over the processes that were started together.

    Several of one dtype are put together and exchanged at once, since many small
    messages take longer than a large one. Half types are averaged in float32 or better,
    and rounded once. Gradients are evaluated: the call has its place between compiled
    functions, not in one.

    Args:
        gradients: A tree of floating arrays, with the same names, shapes and dtypes on
            all ranks.
        group: The processes. Default: all, as `ingot.core.distributed.init` gives them.
        all_reduce_size: Bytes above which no further array is put to those that are
            exchanged at once; 0 or less exchanges each by itself. Default: 32 MiB.
        communication_stream: Where the averages are computed. Default: the CPU.

    Returns:
        A tree like `gradients`; for a group of one the tree itself.

    Raises:
        TypeError: A leaf is not a floating array.
        ValueError: Ranks do not have the same names, shapes and dtypes, or do not make
            the same call; all of them raise it.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.average_gradients({"weight": mx.array([1.0, 3.0])})
        {'weight': array([1, 3], dtype=float32)}
    """
    size = operator.index(all_reduce_size)
    group = group_or_all("average_gradients", group)
    named = tree_flatten(gradients)
    for name, leaf in named:
        if not isinstance(leaf, mx.array) or not mx.issubdtype(leaf.dtype, mx.floating):
            kind = leaf.dtype if isinstance(leaf, mx.array) else type(leaf).__name__
            raise TypeError(
                f"average_gradients: {name!r} must be a floating array, got {kind}"
            )
    if group.size() == 1:
        return gradients
    arrays = [leaf for _, leaf in named]
    mx.eval(arrays)
    entries = [(name, a.shape, a.dtype) for name, a in named]
    _mpi.agree(group._comm, f"average_gradients(all_reduce_size={size})", entries)
    averages: dict[int, mx.array] = {}  # by the number of the leaf
    stream = mx.cpu if communication_stream is None else communication_stream
    with mx.stream(stream):
        for numbers in _buckets(arrays, size):
            bucket = [arrays[i] for i in numbers]
            means = _average(group._comm, bucket)
            averages.update(zip(numbers, means, strict=True))
    ordered = (averages[i] for i in range(len(arrays)))
    return tree_map(lambda _: next(ordered), gradients)


def _buckets(arrays: list[mx.array], size: int) -> Iterator[list[int]]:
    """The numbers of arrays of one dtype that together first exceed so many bytes."""
    waiting: dict[mx.Dtype, list[int]] = {}
    nbytes: dict[mx.Dtype, int] = {}
    for i, a in enumerate(arrays):
        waiting.setdefault(a.dtype, []).append(i)
        nbytes[a.dtype] = nbytes.get(a.dtype, 0) + a.nbytes
        if nbytes[a.dtype] > size:
            nbytes[a.dtype] = 0
            yield waiting.pop(a.dtype)
    yield from waiting.values()


def _average(comm: Any, arrays: list[mx.array]) -> list[mx.array]:
    """The averages of arrays of one dtype, as parts of one piece of memory."""
    dtype = arrays[0].dtype
    shares = _mpi.room(comm, sum(a.size for a in arrays), dtype.size)
    flat, end, parts = shares.reshape(-1), 0, []
    for a in arrays:
        start, end = end, end + a.size
        parts.append(flat[start:end].reshape(a.shape))
        parts[-1][...] = _mpi.to_host(a)
    _mpi.combine(comm, shares, dtype, mx.mean)
    return [_mpi.from_host(part, dtype) for part in parts]
