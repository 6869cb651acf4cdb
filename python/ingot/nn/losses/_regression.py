"""Losses of a difference between numbers and their targets."""

from __future__ import annotations

import math
from typing import Any

import ingot.core as mx

from .._check import finite, wide
from ._common import Reduction, check_same, finish, result_dtype

__all__ = [
    "gaussian_nll_loss",
    "huber_loss",
    "l1_loss",
    "log_cosh_loss",
    "mse_loss",
    "smooth_l1_loss",
]


def mse_loss(
    predictions: mx.array, targets: mx.array, reduction: Reduction = "mean"
) -> mx.array:
    """Squared error: (prediction - target)^2.

    Args:
        predictions: The predictions.
        targets: The targets, of the same shape.
        reduction: "none", "mean" or "sum". Default: "mean".

    Returns:
        The losses, of the shape of `predictions`, or their mean or sum.

    Raises:
        ValueError: Shapes differ, or `reduction` is unknown.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.losses.mse_loss(mx.array([1.0, 3.0]), mx.array([1.0, 1.0]))
        array(2, dtype=float32)
    """
    name = "mse_loss"
    difference = _difference(name, "predictions", predictions, targets)
    dtype = result_dtype(predictions, targets)
    return finish(name, mx.square(difference), None, reduction, dtype)


def l1_loss(
    predictions: mx.array, targets: mx.array, reduction: Reduction = "mean"
) -> mx.array:
    """Absolute error: |prediction - target|.

    Args:
        predictions: The predictions.
        targets: The targets, of the same shape.
        reduction: "none", "mean" or "sum". Default: "mean".

    Returns:
        The losses, of the shape of `predictions`, or their mean or sum.

    Raises:
        ValueError: Shapes differ, or `reduction` is unknown.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.losses.l1_loss(mx.array([1.0, 3.0]), mx.array([1.0, 1.0]))
        array(1, dtype=float32)
    """
    name = "l1_loss"
    difference = _difference(name, "predictions", predictions, targets)
    dtype = result_dtype(predictions, targets)
    return finish(name, mx.abs(difference), None, reduction, dtype)


def smooth_l1_loss(
    predictions: mx.array,
    targets: mx.array,
    beta: float = 1.0,
    reduction: Reduction = "mean",
) -> mx.array:
    """Absolute error, rounded off near 0.

    d^2 / (2 beta) where d = |prediction - target| < beta, d - beta / 2 elsewhere.

    Args:
        predictions: The predictions.
        targets: The targets, of the same shape.
        beta: Where the two meet, at least 0; 0 gives `l1_loss`. Default: 1.
        reduction: "none", "mean" or "sum". Default: "mean".

    Returns:
        The losses, of the shape of `predictions`, or their mean or sum.

    Raises:
        ValueError: Shapes differ, `beta` is negative, or `reduction` is unknown.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> x, y = mx.array([0.5, 3.0]), mx.array([0.0, 0.0])
        >>> nn.losses.smooth_l1_loss(x, y, reduction="none")
        array([0.125, 2.5], dtype=float32)
    """
    name = "smooth_l1_loss"
    beta = finite(name, "beta", beta, 0.0)
    loss = mx.abs(_difference(name, "predictions", predictions, targets))
    if beta > 0:
        loss = _rounded_off(loss, beta) / beta
    dtype = result_dtype(predictions, targets)
    return finish(name, loss, None, reduction, dtype)


def huber_loss(
    inputs: mx.array,
    targets: mx.array,
    delta: float = 1.0,
    reduction: Reduction = "none",
) -> mx.array:
    """Squared error near 0, linear beyond.

    a^2 / 2 where a = |input - target| <= delta, delta (a - delta / 2) elsewhere.

    Args:
        inputs: The predictions.
        targets: The targets, of the same shape.
        delta: Where the two meet, at least 0. Default: 1.
        reduction: "none", "mean" or "sum". Default: "none".

    Returns:
        The losses, of the shape of `inputs`, or their mean or sum.

    Raises:
        ValueError: Shapes differ, `delta` is negative, or `reduction` is unknown.

    Reference:
        Huber (1964), Robust estimation of a location parameter.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.losses.huber_loss(mx.array([0.5, 3.0]), mx.array([0.0, 0.0]))
        array([0.125, 2.5], dtype=float32)
    """
    name = "huber_loss"
    delta = finite(name, "delta", delta, 0.0)
    error = mx.abs(_difference(name, "inputs", inputs, targets))
    dtype = result_dtype(inputs, targets)
    return finish(name, _rounded_off(error, delta), None, reduction, dtype)


def log_cosh_loss(
    inputs: mx.array, targets: mx.array, reduction: Reduction = "none"
) -> mx.array:
    """Squared error near 0, absolute error beyond: log(cosh(input - target)).

    Args:
        inputs: The predictions.
        targets: The targets, of the same shape.
        reduction: "none", "mean" or "sum". Default: "none".

    Returns:
        The losses, of the shape of `inputs`, or their mean or sum.

    Raises:
        ValueError: Shapes differ, or `reduction` is unknown.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.losses.log_cosh_loss(mx.array([1.0, 1e4]), mx.array([0.0, 0.0]))
        array([0.433781, 9999.31], dtype=float32)
    """
    name = "log_cosh_loss"
    d = _difference(name, "inputs", inputs, targets)
    a = mx.abs(d)
    # 1 + 2 sinh^2(d / 2) keeps the digits of small d; large d do not overflow in
    # a + log(1 + e^-2a) - log(2). Each is kept from where the other is meant.
    near = mx.log1p(2 * mx.square(mx.sinh(0.5 * mx.clip(d, -1, 1))))
    far = a + mx.log1p(mx.exp(-2 * mx.maximum(a, 1))) - math.log(2)
    loss = mx.where(a < 1, near, far)
    return finish(name, loss, None, reduction, result_dtype(inputs, targets))


def gaussian_nll_loss(
    inputs: mx.array,
    targets: mx.array,
    vars: mx.array,
    full: bool = False,
    eps: float = 1e-6,
    reduction: Reduction = "mean",
) -> mx.array:
    """Negative log likelihood of targets from normal distributions.

    (log(v) + (input - target)^2 / v) / 2, where v = max(variance, eps), and
    log(2 pi) / 2 more if it is to be the full likelihood.

    Args:
        inputs: The means of the distributions.
        targets: What was drawn from them, of the same shape.
        vars: Their variances, of the same shape.
        full: Whether to add the constant term. Default: False.
        eps: The least variance, above 0. Default: 1e-6.
        reduction: "none", "mean" or "sum". Default: "mean".

    Returns:
        The losses, of the shape of `inputs`, or their mean or sum.

    Raises:
        ValueError: Shapes differ, `eps` is not above 0, or `reduction` is unknown.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> x, y = mx.array([1.0, 2.0]), mx.array([1.0, 4.0])
        >>> nn.losses.gaussian_nll_loss(x, y, mx.array([1.0, 1.0]))
        array(1, dtype=float32)
    """
    name = "gaussian_nll_loss"
    d = _difference(name, "inputs", inputs, targets)
    check_same(name, "inputs", inputs, "vars", vars)
    eps = finite(name, "eps", eps)
    if eps <= 0:
        raise ValueError(f"{name}: eps must be above 0, got {eps}")
    v = mx.maximum(wide(vars), eps)
    # d^2 may be out of range where d^2 / v is not.
    loss = 0.5 * (mx.log(v) + d * (d / v))
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    dtype = result_dtype(inputs, targets, vars)
    return finish(name, loss, None, reduction, dtype)


def _difference(name: str, what: str, x: Any, targets: Any) -> mx.array:
    check_same(name, what, x, "targets", targets)
    return wide(x) - wide(targets)


def _rounded_off(a: mx.array, delta: float) -> mx.array:
    # a^2 / 2 up to delta, then the tangent there.
    inner = mx.minimum(a, delta)
    return inner * (a - 0.5 * inner)
