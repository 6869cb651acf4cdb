"""Losses between distributions over classes."""

from __future__ import annotations

from typing import Any

import ingot.core as mx

from .._check import array, finite, wide
from ._common import Reduction, check_axis, check_same, finish, result_dtype

__all__ = ["binary_cross_entropy", "cross_entropy", "kl_div_loss", "nll_loss"]


def cross_entropy(
    logits: mx.array,
    targets: mx.array,
    weights: mx.array | None = None,
    axis: int = -1,
    label_smoothing: float = 0.0,
    reduction: Reduction = "none",
) -> mx.array:
    """Cross entropy of softmax(logits) relative to targets.

    For probabilities p, sum_k p_k (log(sum_j e^(x_j)) - x_k); a class index c stands
    for the p with p_c = 1. Label smoothing s replaces p by (1 - s) p + s / K.

    Args:
        logits: Unnormalized log probabilities of the K classes, along `axis`.
        targets: Integer class indices, of `logits`' shape without `axis`, or
            probabilities, of `logits`' shape.
        weights: Factors of the losses, of the shape of the result with reduction
            "none". Default: None.
        axis: The axis of the classes. Default: -1.
        label_smoothing: s, in [0, 1). Default: 0.
        reduction: "none", "mean" (of all weighted losses) or "sum". Default: "none".

    Returns:
        The losses, of `logits`' shape without `axis`, or their mean or sum.

    Raises:
        ValueError: Shapes do not match, or an argument is out of range.
        TypeError: Class indices that are not integers.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> logits = mx.array([[2.0, -1.0], [-1.0, 2.0]])
        >>> nn.losses.cross_entropy(logits, mx.array([0, 1])).round(4)
        array([0.0486, 0.0486], dtype=float32)
    """
    name = "cross_entropy"
    axis = check_axis(name, "logits", logits, axis)
    array(name, "targets", targets)
    smoothing = finite(name, "label_smoothing", label_smoothing)
    if not 0 <= smoothing < 1:
        raise ValueError(f"{name}: label_smoothing must be in [0, 1), got {smoothing}")
    x = wide(logits)
    normalizer = mx.logsumexp(x, axis=axis)
    if targets.ndim == logits.ndim:
        check_same(name, "logits", logits, "targets", targets)
        p = wide(targets)
        loss = mx.sum(p, axis=axis) * normalizer - _expected(p, x, axis)
        dtype = result_dtype(logits, targets)
    else:
        loss = normalizer - _select(name, x, targets, axis)
        dtype = result_dtype(logits, logits)
    if smoothing > 0:
        uniform = normalizer - mx.mean(x, axis=axis)
        loss = (1 - smoothing) * loss + smoothing * uniform
    return finish(name, loss, weights, reduction, dtype)


def binary_cross_entropy(
    inputs: mx.array,
    targets: mx.array,
    weights: mx.array | None = None,
    with_logits: bool = True,
    reduction: Reduction = "mean",
) -> mx.array:
    """Cross entropy of one probability q relative to a target t.

    -(t log(q) + (1 - t) log(1 - q)), where q = sigmoid(inputs) with logits, computed
    as log(1 + e^x) - t x; else q = inputs, with the logarithms bounded below by -100.

    Args:
        inputs: Logits, or probabilities in [0, 1].
        targets: The targets, 0, 1 or between, of the shape of `inputs`.
        weights: Factors of the losses, of the shape of `inputs`. Default: None.
        with_logits: Whether `inputs` are logits. Default: True.
        reduction: "none", "mean" or "sum". Default: "mean".

    Returns:
        The losses, of the shape of `inputs`, or their mean or sum.

    Raises:
        ValueError: Shapes differ, or `reduction` is unknown.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> q = mx.array([0.1, 0.1, 0.4, 0.4])
        >>> t = mx.array([0, 0, 1, 1])
        >>> nn.losses.binary_cross_entropy(q, t, with_logits=False)
        array(0.510826, dtype=float32)
    """
    name = "binary_cross_entropy"
    check_same(name, "inputs", inputs, "targets", targets)
    x, t = wide(inputs), wide(targets)
    if with_logits:
        loss = mx.logaddexp(x, 0) - t * x
    else:
        loss = -(t * _bounded_log(x, 0) + (1 - t) * _bounded_log(x, 1))
    return finish(name, loss, weights, reduction, result_dtype(inputs, targets))


def nll_loss(
    inputs: mx.array, targets: mx.array, axis: int = -1, reduction: Reduction = "none"
) -> mx.array:
    """Negative log likelihood: minus the input at the index of the target.

    Args:
        inputs: Log probabilities of the classes, along `axis`.
        targets: Integer class indices, of `inputs`' shape without `axis`.
        axis: The axis of the classes. Default: -1.
        reduction: "none", "mean" or "sum". Default: "none".

    Returns:
        The losses, of `targets`' shape, or their mean or sum.

    Raises:
        ValueError: Shapes do not match, or `reduction` is unknown.
        TypeError: `targets` are not integers.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.losses.nll_loss(mx.array([[-0.5, -1.0]]), mx.array([1]))
        array([1], dtype=float32)
    """
    name = "nll_loss"
    axis = check_axis(name, "inputs", inputs, axis)
    loss = -_select(name, wide(inputs), targets, axis)
    return finish(name, loss, None, reduction, result_dtype(inputs, inputs))


def kl_div_loss(
    inputs: mx.array, targets: mx.array, axis: int = -1, reduction: Reduction = "none"
) -> mx.array:
    """Kullback-Leibler divergence: sum(e^t (t - x)), t = targets, x = inputs.

    A target of -inf, probability 0, contributes 0.

    Args:
        inputs: Log probabilities of the predicted distribution.
        targets: Log probabilities of the target distribution, of the same shape.
        axis: The axis to sum over. Default: -1.
        reduction: "none", "mean" or "sum". Default: "none".

    Returns:
        The losses, of `inputs`' shape without `axis`, or their mean or sum.

    Raises:
        ValueError: Shapes differ, or `reduction` or `axis` is unknown.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> same = mx.log(mx.array([[0.5, 0.5]]))
        >>> nn.losses.kl_div_loss(same, same)
        array([0], dtype=float32)
    """
    name = "kl_div_loss"
    axis = check_axis(name, "inputs", inputs, axis)
    check_same(name, "inputs", inputs, "targets", targets)
    x, t = wide(inputs), wide(targets)
    loss = _expected(mx.exp(t), t - x, axis)
    return finish(name, loss, None, reduction, result_dtype(inputs, targets))


def _select(name: str, x: mx.array, indices: Any, axis: int) -> mx.array:
    """`x` at one index along `axis`, which disappears."""
    array(name, "targets", indices)
    shape = tuple(x.shape)
    without = shape[:axis] + shape[axis + 1 :]
    if tuple(indices.shape) != without:
        raise ValueError(
            f"{name}: targets must be class indices of shape {without}, without axis "
            f"{axis}, got shape {tuple(indices.shape)}"
        )
    if not mx.issubdtype(indices.dtype, mx.integer):
        raise TypeError(
            f"{name}: class indices must be integers, got {indices.dtype} targets of "
            f"shape {tuple(indices.shape)}"
        )
    chosen = mx.take_along_axis(x, mx.expand_dims(indices, axis), axis=axis)
    return mx.squeeze(chosen, axis=axis)


def _expected(p: mx.array, x: mx.array, axis: int) -> mx.array:
    """sum(p x), where 0 times infinity is 0."""
    return mx.sum(p * mx.where(p == 0, 0, x), axis=axis)


def _bounded_log(q: mx.array, pole: int) -> mx.array:
    """max(log|q - pole|, -100), for a pole of 0 or 1."""
    at_pole = q == pole
    # The pole itself is kept from the logarithm, whose derivative is infinite there.
    inner = mx.where(at_pole, 1 - pole, q)
    log = mx.log1p(-inner) if pole else mx.log(inner)
    return mx.where(at_pole, -100.0, mx.maximum(log, -100.0))
