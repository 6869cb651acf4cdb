"""Losses that compare scores, or vectors, with each other."""

from __future__ import annotations

import ingot.core as mx

from .._check import finite, wide
from ._common import Reduction, check_axis, check_same, finish, result_dtype

__all__ = [
    "cosine_similarity_loss",
    "hinge_loss",
    "margin_ranking_loss",
    "triplet_loss",
]


def hinge_loss(
    inputs: mx.array, targets: mx.array, reduction: Reduction = "none"
) -> mx.array:
    """How far scores are from being right by 1: max(0, 1 - input target).

    Args:
        inputs: The scores.
        targets: The classes, -1 or 1, of the same shape.
        reduction: "none", "mean" or "sum". Default: "none".

    Returns:
        The losses, of the shape of `inputs`, or their mean or sum.

    Raises:
        ValueError: Shapes differ, or `reduction` is unknown.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.losses.hinge_loss(mx.array([0.5, 3.0, 0.5]), mx.array([1, 1, -1]))
        array([0.5, 0, 1.5], dtype=float32)
    """
    name = "hinge_loss"
    check_same(name, "inputs", inputs, "targets", targets)
    loss = _positive_part(1 - wide(inputs) * wide(targets))
    return finish(name, loss, None, reduction, result_dtype(inputs, targets))


def margin_ranking_loss(
    inputs1: mx.array,
    inputs2: mx.array,
    targets: mx.array,
    margin: float = 0.0,
    reduction: Reduction = "none",
) -> mx.array:
    """How far pairs of scores are from the order wanted.

    max(0, -target (input1 - input2) + margin).

    Args:
        inputs1: The first scores.
        inputs2: The second scores, of the same shape.
        targets: 1 where the first is to be higher, -1 where the second is, of the
            same shape.
        margin: By how much it is to be higher. Default: 0.
        reduction: "none", "mean" or "sum". Default: "none".

    Returns:
        The losses, of the shape of `inputs1`, or their mean or sum.

    Raises:
        ValueError: Shapes differ, or `reduction` is unknown.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> x, y = mx.array([1.0, 1.0]), mx.array([3.0, 3.0])
        >>> nn.losses.margin_ranking_loss(x, y, mx.array([1, -1]), margin=0.5)
        array([2.5, 0], dtype=float32)
    """
    name = "margin_ranking_loss"
    check_same(name, "inputs1", inputs1, "inputs2", inputs2)
    check_same(name, "inputs1", inputs1, "targets", targets)
    margin = finite(name, "margin", margin)
    difference = wide(inputs1) - wide(inputs2)
    loss = _positive_part(margin - wide(targets) * difference)
    dtype = result_dtype(inputs1, inputs2, targets)
    return finish(name, loss, None, reduction, dtype)


def triplet_loss(
    anchors: mx.array,
    positives: mx.array,
    negatives: mx.array,
    axis: int = -1,
    p: float = 2,
    margin: float = 1.0,
    eps: float = 1e-6,
    reduction: Reduction = "none",
) -> mx.array:
    """How much nearer anchors ought to be to positives than to negatives.

    max(0, |anchor - positive| - |anchor - negative| + margin), where
    |d| = (sum |d_i|^p + eps)^(1/p).

    Args:
        anchors: The vectors to compare with.
        positives: Vectors that are to be near, of the same shape.
        negatives: Vectors that are to be far, of the same shape.
        axis: The axis of the vectors' elements. Default: -1.
        p: The degree of the norm, at least 1. Default: 2.
        margin: By how much the negatives are to be farther. Default: 1.
        eps: Added to the sums. Default: 1e-6.
        reduction: "none", "mean" or "sum". Default: "none".

    Returns:
        The losses, of `anchors`' shape without `axis`, or their mean or sum.

    Raises:
        ValueError: Shapes differ, `axis` is none of theirs, `p` is below 1, `eps`
            negative, or `reduction` is unknown.

    Reference:
        Balntas et al. (2016), Learning local feature descriptors with triplets and
        shallow convolutional neural networks.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> a, b, c = mx.array([0.0, 0.0]), mx.array([3.0, 4.0]), mx.array([0.0, 2.0])
        >>> nn.losses.triplet_loss(a, b, c)
        array(4, dtype=float32)
    """
    name = "triplet_loss"
    check_same(name, "anchors", anchors, "positives", positives)
    check_same(name, "anchors", anchors, "negatives", negatives)
    axis = check_axis(name, "anchors", anchors, axis)
    p = finite(name, "p", p, 1.0)
    margin = finite(name, "margin", margin)
    eps = finite(name, "eps", eps, 0.0)
    near = _norm(wide(anchors) - wide(positives), axis, p, eps)
    far = _norm(wide(anchors) - wide(negatives), axis, p, eps)
    loss = _positive_part(near - far + margin)
    dtype = result_dtype(anchors, positives, negatives)
    return finish(name, loss, None, reduction, dtype)


def cosine_similarity_loss(
    x1: mx.array,
    x2: mx.array,
    axis: int = 1,
    eps: float = 1e-8,
    reduction: Reduction = "none",
) -> mx.array:
    """The cosine of the angle between vectors: x1 . x2 / max(|x1| |x2|, eps).

    It is 1 for vectors of one direction: to bring them together, maximize it.

    Args:
        x1: The first vectors.
        x2: The second vectors, of the same shape.
        axis: The axis of the vectors' elements. Default: 1.
        eps: The least denominator, above 0. Default: 1e-8.
        reduction: "none", "mean" or "sum". Default: "none".

    Returns:
        The cosines, of `x1`'s shape without `axis`, or their mean or sum.

    Raises:
        ValueError: Shapes differ, `axis` is none of theirs, `eps` is not above 0, or
            `reduction` is unknown.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> x = mx.array([[1.0, 0.0], [1.0, 1.0]])
        >>> nn.losses.cosine_similarity_loss(x, mx.array([[2.0, 0.0], [3.0, -3.0]]))
        array([1, 0], dtype=float32)
    """
    name = "cosine_similarity_loss"
    check_same(name, "x1", x1, "x2", x2)
    axis = check_axis(name, "x1", x1, axis)
    eps = finite(name, "eps", eps)
    if eps <= 0:
        raise ValueError(f"{name}: eps must be above 0, got {eps}")
    (unit1, scale1), (unit2, scale2) = (_scaled(wide(x), axis) for x in (x1, x2))
    product = mx.sum(unit1 * unit2, axis=axis)
    norms = _length(unit1, axis) * _length(unit2, axis)
    loss = product / mx.maximum(norms, eps / scale1 / scale2)
    return finish(name, loss, None, reduction, result_dtype(x1, x2))


def _positive_part(x: mx.array) -> mx.array:
    # x first would have a derivative of 1 at 0.
    return mx.maximum(0, x)


def _scaled(x: mx.array, axis: int) -> tuple[mx.array, mx.array]:
    """x / s and s, the greatest magnitude along `axis` (1 if that is 0).

    s counts as a constant: what is made of both does not depend on it.
    """
    scale = mx.stop_gradient(mx.max(mx.abs(x), axis=axis, keepdims=True))
    scale = mx.where(scale == 0, 1, scale)
    return x / scale, mx.squeeze(scale, axis)


def _length(x: mx.array, axis: int) -> mx.array:
    """The Euclidean norm, with a derivative of 0 at 0."""
    square = mx.sum(mx.square(x), axis=axis)
    zero = square == 0
    return mx.where(zero, 0, mx.sqrt(mx.where(zero, 1, square)))


def _norm(x: mx.array, axis: int, p: float, eps: float) -> mx.array:
    """(sum |x|^p + eps)^(1/p), of numbers whose powers may be out of range."""
    scale = mx.stop_gradient(mx.max(mx.abs(x), axis=axis, keepdims=True))
    scale = mx.maximum(scale, 1)
    unit = mx.abs(x / scale)
    powers = mx.square(unit) if p == 2 else mx.power(unit, p)
    scale = mx.squeeze(scale, axis)
    total = mx.sum(powers, axis=axis) + eps / mx.power(scale, p)
    return scale * (mx.sqrt(total) if p == 2 else mx.power(total, 1 / p))
