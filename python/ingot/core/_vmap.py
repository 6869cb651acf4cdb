"""Functions of one example as functions of a batch."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ingot import _core

__all__ = ["vmap"]

Function = Callable[..., Any]
array = _core.array
Axis = int | None


def _axes_of(tree: Any, axes: Any, name: str) -> list[Axis]:
    """An axis for each array of a tree, from a prefix of it."""
    if axes is None or type(axes) is int:
        return [axes] * len(_core._tree_arrays(tree))
    if isinstance(axes, dict):
        if not isinstance(tree, dict) or axes.keys() != tree.keys():
            raise ValueError(
                f"vmap: {name} must have the keys of its tree, got {list(axes)} for "
                f"{list(tree) if isinstance(tree, dict) else type(tree).__name__}"
            )
        pairs = [(tree[key], axes[key]) for key in tree]
    elif isinstance(axes, (list, tuple)):
        if not isinstance(tree, (list, tuple)) or len(axes) != len(tree):
            count = len(tree) if isinstance(tree, (list, tuple)) else "no"
            raise ValueError(
                f"vmap: {name} must have one entry for each of its tree, got "
                f"{len(axes)} for {count} entries"
            )
        pairs = list(zip(tree, axes, strict=True))
    else:
        raise TypeError(
            f"vmap: {name} must be an integer, None or a tree of these, "
            f"got {type(axes).__name__}"
        )
    return [axis for part, given in pairs for axis in _axes_of(part, given, name)]


def _batch_size(arrays: list[array], axes: list[Axis]) -> int:
    sizes = set()
    for x, axis in zip(arrays, axes, strict=True):
        if axis is None:
            continue
        if not -x.ndim <= axis < x.ndim:
            raise ValueError(
                f"vmap: in_axes must be axes of their arrays, got {axis} for "
                f"shape {x.shape}"
            )
        sizes.add(x.shape[axis])
    if not sizes:
        raise ValueError("vmap: in_axes must give at least one array an axis")
    if len(sizes) > 1:
        raise ValueError(f"vmap: mapped axes must have one length, got {sorted(sizes)}")
    [size] = sizes
    return size


def _placed(x: array, has_axis: bool, axis: Axis, size: int) -> array:
    """An output whose first axis, if it has one, is that of the batch."""
    if axis is None:
        if has_axis:
            raise ValueError(
                "vmap: out_axes must not be None for an output that depends on the "
                f"batch, got shape {x.shape}"
            )
        return x
    if not has_axis:
        x = _core.broadcast_to(x, (size, *x.shape))
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(
            f"vmap: out_axes must be axes of the outputs, got {axis} for {x.ndim} "
            "dimensions"
        )
    return _core.moveaxis(x, 0, axis)


def vmap(fun: Function, in_axes: Any = 0, out_axes: Any = 0) -> Function:
    """A function that does for a batch what ``fun`` does for one example.

    ``fun`` runs once, with placeholders that lack the mapped axes, and each of its
    operations is built once for the whole batch. What has no rule for a batch
    (factorizations, optimizer steps, draws from mapped keys, gradients of
    normalizations) is built for one example after the other. Inside ``fun`` no array
    has a value; random draws without a key are the same for all examples.

    Args:
        fun: a function of arrays and trees of arrays.
        in_axes: the axis along which the examples lie in an argument, or None for
            an argument that is the same for all; or a tuple of these, or of trees
            that begin as the arguments do. Default: 0.
        out_axes: the same for what ``fun`` returns. Default: 0.

    Returns:
        A function of the same positional arguments.

    Raises:
        TypeError: if ``fun`` cannot be called, or for keyword arguments.
        ValueError: if mapped axes are missing, or differ in length.

    Example:
        >>> import ingot.core as mx
        >>> rows = mx.array([[1, 2], [3, 4]])
        >>> mx.vmap(lambda a, b: (a * b).sum(), (0, None))(rows, mx.array([1, 1]))
        array([3, 7], dtype=int32)
    """
    if not callable(fun):
        raise TypeError(f"vmap: fun must be callable, got {type(fun).__name__}")

    @functools.wraps(fun, updated=())
    def mapped(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            raise TypeError(
                f"vmap: arguments must be positional, got {', '.join(kwargs)}"
            )
        arrays = _core._tree_arrays(args)
        axes = _axes_of(args, in_axes, "in_axes")
        size = _batch_size(arrays, axes)
        moved = [
            x if axis is None else _core.moveaxis(x, axis, 0)
            for x, axis in zip(arrays, axes, strict=True)
        ]
        has_axis = [axis is not None for axis in axes]
        placeholders = _core._placeholders(moved, has_axis)
        value = fun(*_core._tree_replace(args, placeholders))
        recording = _core._Recording(placeholders, _core._tree_arrays(value))
        outputs, out_has_axis = recording.vmap(moved, has_axis, size)
        wanted = _axes_of(value, out_axes, "out_axes")
        placed = [
            _placed(x, has, axis, size)
            for x, has, axis in zip(outputs, out_has_axis, wanted, strict=True)
        ]
        return _core._tree_replace(value, placed)

    return mapped
