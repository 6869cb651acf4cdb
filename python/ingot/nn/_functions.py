"""Activation functions; each is elementwise but for softmax and its kin."""

from __future__ import annotations

import ingot.core as mx
from ingot import _core

from ._check import finite

__all__ = [
    "celu",
    "elu",
    "gelu",
    "gelu_approx",
    "gelu_fast_approx",
    "glu",
    "hard_shrink",
    "hard_tanh",
    "hardswish",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "prelu",
    "relu",
    "relu2",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "step",
    "tanh",
]

# Klambauer et al. (2017), Self-normalizing neural networks, section "SELU".
_SELU_ALPHA = 1.6732632423543772
_SELU_SCALE = 1.0507009873554805


def _negative_part(x: mx.array) -> mx.array:
    # Not minimum(x, 0): the derivative at 0 must be that of the left branch.
    return mx.where(x > 0, 0, x)


def relu(x: mx.array) -> mx.array:
    """Rectified linear unit: max(x, 0).

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.relu(mx.array([-1.0, 2.0]))
        array([0, 2], dtype=float32)
    """
    return mx.maximum(x, 0)


def relu2(x: mx.array) -> mx.array:
    """Squared rectified linear unit: max(x, 0)^2."""
    return mx.square(mx.maximum(x, 0))


def relu6(x: mx.array) -> mx.array:
    """Rectified linear unit with a ceiling: min(max(x, 0), 6)."""
    return mx.minimum(mx.maximum(x, 0), 6.0)


def leaky_relu(x: mx.array, negative_slope: float = 0.01) -> mx.array:
    """Leaky rectified linear unit: x where x > 0, negative_slope * x elsewhere.

    Args:
        x: An array.
        negative_slope: The slope left of 0. Default: 0.01.
    """
    return mx.where(x > 0, x, negative_slope * x)


def prelu(x: mx.array, alpha: mx.array) -> mx.array:
    """Rectified linear unit with learned slopes: max(x, 0) + alpha * min(x, 0).

    Args:
        x: An array.
        alpha: The slopes left of 0; broadcasts with `x`.
    """
    return mx.where(x > 0, x, alpha * x)


def elu(x: mx.array, alpha: float = 1.0) -> mx.array:
    """Exponential linear unit: x where x > 0, alpha * (e^x - 1) elsewhere.

    Args:
        x: An array.
        alpha: Minus the limit at -inf. Default: 1.

    Reference:
        Clevert, Unterthiner and Hochreiter (2015), https://arxiv.org/abs/1511.07289
    """
    return mx.where(x > 0, x, alpha * mx.expm1(_negative_part(x)))


def celu(x: mx.array, alpha: float = 1.0) -> mx.array:
    """Exponential linear unit, differentiable for every alpha.

    x where x > 0, alpha * (e^(x / alpha) - 1) elsewhere.

    Args:
        x: An array.
        alpha: Minus the limit at -inf, not 0. Default: 1.

    Reference:
        Barron (2017), https://arxiv.org/abs/1704.07483
    """
    if finite("celu", "alpha", alpha) == 0:
        raise ValueError("celu: alpha must not be 0")
    return mx.where(x > 0, x, alpha * mx.expm1(_negative_part(x) / alpha))


def selu(x: mx.array) -> mx.array:
    """Scaled exponential linear unit: 1.0507 * elu(x, alpha=1.67326)."""
    return _SELU_SCALE * elu(x, _SELU_ALPHA)


def softplus(x: mx.array) -> mx.array:
    """A smooth max(x, 0): log(1 + e^x), without overflow."""
    return mx.logaddexp(x, 0)


def softsign(x: mx.array) -> mx.array:
    """x / (1 + |x|)."""
    return x / (1 + mx.abs(x))


def softshrink(x: mx.array, lambd: float = 0.5) -> mx.array:
    """Move x towards 0 by lambd, and to 0 where |x| <= lambd.

    Args:
        x: An array.
        lambd: The distance. Default: 0.5.
    """
    return mx.where(mx.abs(x) > lambd, x - mx.sign(x) * lambd, 0)


def hard_shrink(x: mx.array, lambd: float = 0.5) -> mx.array:
    """x where |x| > lambd, 0 elsewhere.

    Args:
        x: An array.
        lambd: The bound. Default: 0.5.
    """
    return mx.where(mx.abs(x) > lambd, x, 0)


def hardswish(x: mx.array) -> mx.array:
    """x * min(max(x + 3, 0), 6) / 6.

    Reference:
        Howard et al. (2019), https://arxiv.org/abs/1905.02244
    """
    return x * (relu6(x + 3) / 6)


def hard_tanh(x: mx.array, min_val: float = -1.0, max_val: float = 1.0) -> mx.array:
    """Clip x: max(min(x, max_val), min_val).

    Args:
        x: An array.
        min_val: The lower bound. Default: -1.
        max_val: The upper bound. Default: 1.
    """
    return mx.maximum(mx.minimum(x, max_val), min_val)


def tanh(x: mx.array) -> mx.array:
    """Hyperbolic tangent: (e^x - e^-x) / (e^x + e^-x)."""
    return mx.tanh(x)


def sigmoid(x: mx.array) -> mx.array:
    """Logistic function: 1 / (1 + e^-x)."""
    return mx.sigmoid(x)


def log_sigmoid(x: mx.array) -> mx.array:
    """Logarithm of the logistic function: -log(1 + e^-x)."""
    return -softplus(-x)


def silu(x: mx.array) -> mx.array:
    """Sigmoid linear unit, also called swish: x * sigmoid(x).

    Reference:
        Hendrycks and Gimpel (2016), https://arxiv.org/abs/1606.08415
    """
    return _core.silu(x)


def mish(x: mx.array) -> mx.array:
    """x * tanh(softplus(x)).

    Reference:
        Misra (2019), https://arxiv.org/abs/1908.08681
    """
    return x * mx.tanh(softplus(x))


def gelu(x: mx.array) -> mx.array:
    """Gaussian error linear unit: x * (1 + erf(x / sqrt(2))) / 2.

    Reference:
        Hendrycks and Gimpel (2016), https://arxiv.org/abs/1606.08415

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.gelu(mx.array([0.0, 1.0]))
        array([0, 0.841345], dtype=float32)
    """
    return _core.gelu(x)


def gelu_approx(x: mx.array) -> mx.array:
    """`gelu` within 5e-4, by x * (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2."""
    return _core.gelu_approx(x)


def gelu_fast_approx(x: mx.array) -> mx.array:
    """`gelu` within 0.021, by x * sigmoid(1.702 x)."""
    return x * mx.sigmoid(1.702 * x)


def step(x: mx.array, threshold: float = 0.0) -> mx.array:
    """1 where x >= threshold, 0 elsewhere, as int32.

    Args:
        x: An array.
        threshold: Where the step is. Default: 0.
    """
    return (x >= threshold).astype(mx.int32)


def softmax(x: mx.array, axis: int = -1) -> mx.array:
    """e^x divided by its sum along an axis.

    Args:
        x: An array.
        axis: The axis. Default: -1.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.softmax(mx.array([0.0, 0.0]))
        array([0.5, 0.5], dtype=float32)
    """
    return mx.softmax(x, axis=axis)


def softmin(x: mx.array, axis: int = -1) -> mx.array:
    """e^-x divided by its sum along an axis.

    Args:
        x: An array.
        axis: The axis. Default: -1.
    """
    return mx.softmax(-x, axis=axis)


def log_softmax(x: mx.array, axis: int = -1) -> mx.array:
    """Logarithm of `softmax`: x - log(sum(e^x)), without overflow.

    Args:
        x: An array.
        axis: The axis. Default: -1.
    """
    return x - mx.logsumexp(x, axis=axis, keepdims=True)


def glu(x: mx.array, axis: int = -1) -> mx.array:
    """Gated linear unit: a * sigmoid(b), where a and b are the halves of x.

    Args:
        x: An array.
        axis: The axis that is halved. Default: -1.

    Raises:
        ValueError: The axis has an odd length.

    Reference:
        Dauphin et al. (2016), https://arxiv.org/abs/1612.08083
    """
    if x.shape[axis] % 2:
        raise ValueError(f"glu: axis {axis} must have even length, got {x.shape[axis]}")
    a, b = mx.split(x, 2, axis=axis)
    return a * mx.sigmoid(b)
