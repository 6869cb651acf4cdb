"""Clipping of gradients by their norm."""

from __future__ import annotations

from typing import Any

import ingot.core as mx
from ingot import _core

from . import _trees
from ._checks import number

__all__ = ["clip_grad_norm"]


def clip_grad_norm(grads: Any, max_norm: float | mx.array) -> tuple[Any, mx.array]:
    """Scales gradients down to a global norm of at most `max_norm`.

        norm = sqrt(sum of g^2 over all elements of all arrays)
        g = g * min(1, max_norm / (norm + 1e-6))

    The norm is summed in at least float32 in a fixed order, whatever the dtypes, and
    without overflow; only a norm beyond float32 itself is returned as infinity. Each
    array keeps its dtype, integers become float32. A NaN anywhere makes every gradient
    NaN; an infinity becomes NaN and turns all finite gradients to 0. Test the norm with
    `mx.isfinite` to skip such an update.

    Args:
        grads: A tree of arrays.
        max_norm: At least 0.

    Returns:
        The clipped tree and the norm before clipping, a scalar.

    Raises:
        ValueError: Where `max_norm` is negative or NaN.
        TypeError: Where a leaf is not an array.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.optimizers as optim
        >>> grads, norm = optim.clip_grad_norm({"w": mx.array([3.0, 4.0])}, 1.0)
        >>> norm.item(), [round(g, 4) for g in grads["w"].tolist()]
        (5.0, [0.6, 0.8])
    """
    number("clip_grad_norm", "max_norm", max_norm, "[0, inf]")
    clipped = _core.clip_norm(grads, max_norm)
    if clipped is None:
        raise _trees.foreign_leaf("clip_grad_norm", grads)
    return clipped
