"""Float64 oracles of activations, layers, losses and initializers, from definitions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray
Oracle = Callable[..., Any]


# Activations ---------------------------------------------------------------------


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x), written for either sign so that e^ never overflows."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def softplus(x: Array) -> Array:
    """ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|)."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def log_softmax(x: Array, axis: int = -1) -> Array:
    """x - ln(sum(e^x)), shifted by the maximum."""
    shifted = x - np.max(x, axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


def softmax(x: Array, axis: int = -1) -> Array:
    return np.exp(log_softmax(x, axis))


def gelu(x: Array) -> Array:
    """x Phi(x), with the distribution function of the standard normal."""
    phi = np.vectorize(lambda t: 0.5 * math.erfc(-t / math.sqrt(2)), otypes=[float])
    return x * phi(x)


def gelu_approx(x: Array) -> Array:
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def elu(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def celu(x: Array, alpha: float = 1.0) -> Array:
    return np.maximum(x, 0) + np.minimum(0, alpha * np.expm1(np.minimum(x, 0) / alpha))


def selu(x: Array) -> Array:
    """The constants are the fixed point of Klambauer et al. (2017), equation 14."""
    half = math.exp(0.5)
    c, d = math.erfc(1 / math.sqrt(2)), math.erfc(math.sqrt(2))
    alpha = -math.sqrt(2 / math.pi) / (c * half - 1)
    scale = (1 - c * half) * math.sqrt(2 * math.pi)
    scale /= math.sqrt(
        2 * d * math.e**2
        + math.pi * c**2 * math.e
        - 2 * (2 + math.pi) * c * half
        + math.pi
        + 2
    )
    return scale * elu(x, alpha)


def softshrink(x: Array, lambd: float = 0.5) -> Array:
    return np.where(x > lambd, x - lambd, np.where(x < -lambd, x + lambd, 0))


def hard_shrink(x: Array, lambd: float = 0.5) -> Array:
    return np.where((x > lambd) | (x < -lambd), x, 0)


def glu(x: Array, axis: int = -1) -> Array:
    a, b = np.split(x, 2, axis=axis)
    return a * sigmoid(b)


# name of the function in ingot.nn: oracle of one array
ACTIVATIONS: dict[str, Oracle] = {
    "celu": celu,
    "elu": elu,
    "gelu": gelu,
    "gelu_approx": gelu_approx,
    "gelu_fast_approx": lambda x: x * sigmoid(1.702 * x),
    "glu": glu,
    "hard_shrink": hard_shrink,
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "hardswish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "log_sigmoid": lambda x: -softplus(-x),
    "log_softmax": log_softmax,
    "mish": lambda x: x * np.tanh(softplus(x)),
    "prelu": lambda x: np.maximum(x, 0) + 0.25 * np.minimum(x, 0),
    "relu": lambda x: np.maximum(x, 0),
    "relu2": lambda x: np.maximum(x, 0) ** 2,
    "relu6": lambda x: np.clip(x, 0, 6),
    "selu": selu,
    "sigmoid": sigmoid,
    "silu": lambda x: x * sigmoid(x),
    "softmax": softmax,
    "softmin": lambda x: softmax(-x),
    "softplus": softplus,
    "softshrink": softshrink,
    "softsign": lambda x: x / (1 + np.abs(x)),
    "step": lambda x: (x >= 0).astype(np.int32),
    "tanh": np.tanh,
}


# Layers --------------------------------------------------------------------------


def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """y_o = sum_i W_oi x_i + b_o."""
    y = np.einsum("...i,oi->...o", x, weight)
    return y if bias is None else y + bias


def layer_norm(
    x: Array, weight: Any = 1.0, bias: Any = 0.0, eps: float = 1e-5
) -> Array:
    mean = np.mean(x, axis=-1, keepdims=True)
    variance = np.mean((x - mean) ** 2, axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + eps) * weight + bias


def rms_norm(x: Array, weight: Any = 1.0, eps: float = 1e-5) -> Array:
    return x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + eps) * weight


# Losses --------------------------------------------------------------------------


def reduce(loss: Array, reduction: str) -> Any:
    """The loss itself, its mean or its sum."""
    return {"none": lambda v: v, "mean": np.mean, "sum": np.sum}[reduction](loss)


def one_hot(indices: Array, classes: int, axis: int) -> Array:
    """Probabilities that are 1 at the index along a new axis."""
    return np.moveaxis(np.eye(classes)[indices], -1, axis)


def cross_entropy(
    logits: Array,
    targets: Array,
    weights: Array | None = None,
    axis: int = -1,
    label_smoothing: float = 0.0,
) -> Array:
    """-sum_k p_k ln(q_k), q = softmax(logits), p smoothed towards 1 / K."""
    classes = logits.shape[axis]
    p = targets if targets.ndim == logits.ndim else one_hot(targets, classes, axis)
    p = (1 - label_smoothing) * p + label_smoothing / classes
    loss = -np.sum(p * log_softmax(logits, axis), axis=axis)
    return loss if weights is None else loss * weights


def binary_cross_entropy(
    inputs: Array,
    targets: Array,
    weights: Array | None = None,
    with_logits: bool = True,
) -> Array:
    """-(t ln q + (1 - t) ln(1 - q)); without logits both logarithms are >= -100."""
    if with_logits:
        log_q, log_r = -softplus(-inputs), -softplus(inputs)
    else:
        log_q = np.maximum(np.log(inputs), -100)
        log_r = np.maximum(np.log1p(-inputs), -100)
    loss = -(targets * log_q + (1 - targets) * log_r)
    return loss if weights is None else loss * weights


def nll_loss(inputs: Array, targets: Array, axis: int = -1) -> Array:
    return -np.sum(inputs * one_hot(targets, inputs.shape[axis], axis), axis=axis)


def smooth_l1_loss(predictions: Array, targets: Array, beta: float = 1.0) -> Array:
    d = np.abs(predictions - targets)
    if beta == 0:
        return d
    return np.where(d < beta, 0.5 * d**2 / beta, d - 0.5 * beta)


def huber_loss(inputs: Array, targets: Array, delta: float = 1.0) -> Array:
    a = np.abs(inputs - targets)
    return np.where(a <= delta, 0.5 * a**2, delta * (a - 0.5 * delta))


def kl_div_loss(inputs: Array, targets: Array, axis: int = -1) -> Array:
    """sum p (ln p - ln q), where p = 0 contributes 0."""
    p = np.exp(targets)
    return np.sum(np.where(p == 0, 0, p * (targets - inputs)), axis=axis)


def log_cosh_loss(inputs: Array, targets: Array) -> Array:
    """ln(cosh(d)) = ln(1 + 2 sinh^2(d/2)), or |d| - ln 2 where that has no digits."""
    d = np.minimum(np.abs(inputs - targets), 30)
    rest = np.abs(inputs - targets) - d
    return np.log1p(2 * np.sinh(d / 2) ** 2) + rest


def gaussian_nll_loss(
    inputs: Array, targets: Array, vars: Array, full: bool = False, eps: float = 1e-6
) -> Array:
    """-ln of the normal density, without its constant unless full."""
    v = np.maximum(vars, eps)
    loss = 0.5 * (np.log(v) + (inputs - targets) ** 2 / v)
    return loss + 0.5 * math.log(2 * math.pi) if full else loss


def cosine_similarity_loss(
    x1: Array, x2: Array, axis: int = 1, eps: float = 1e-8
) -> Array:
    norms = np.linalg.norm(x1, axis=axis) * np.linalg.norm(x2, axis=axis)
    return np.sum(x1 * x2, axis=axis) / np.maximum(norms, eps)


def triplet_loss(
    anchors: Array,
    positives: Array,
    negatives: Array,
    axis: int = -1,
    p: float = 2,
    margin: float = 1.0,
    eps: float = 1e-6,
) -> Array:
    def norm(d: Array) -> Array:
        return (np.sum(np.abs(d) ** p, axis=axis) + eps) ** (1 / p)

    return np.maximum(norm(anchors - positives) - norm(anchors - negatives) + margin, 0)


LOSSES: dict[str, Oracle] = {
    "binary_cross_entropy": binary_cross_entropy,
    "cosine_similarity_loss": cosine_similarity_loss,
    "cross_entropy": cross_entropy,
    "gaussian_nll_loss": gaussian_nll_loss,
    "hinge_loss": lambda x, y: np.maximum(0, 1 - x * y),
    "huber_loss": huber_loss,
    "kl_div_loss": kl_div_loss,
    "l1_loss": lambda x, y: np.abs(x - y),
    "log_cosh_loss": log_cosh_loss,
    "margin_ranking_loss": lambda a, b, y, margin=0.0: np.maximum(
        0, margin - y * (a - b)
    ),
    "mse_loss": lambda x, y: (x - y) ** 2,
    "nll_loss": nll_loss,
    "smooth_l1_loss": smooth_l1_loss,
    "triplet_loss": triplet_loss,
}


# Initializers --------------------------------------------------------------------


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Inputs that reach one output, and outputs that one input reaches."""
    outputs, *kernel, inputs = shape
    return inputs * math.prod(kernel), outputs * math.prod(kernel)


def glorot_std(shape: tuple[int, ...], gain: float = 1.0) -> float:
    """The standard deviation of both Glorot initializers."""
    return gain * math.sqrt(2 / sum(fans(shape)))


def he_std(shape: tuple[int, ...], mode: str = "fan_in", gain: float = 1.0) -> float:
    """The standard deviation of both He initializers."""
    return gain / math.sqrt(fans(shape)[mode == "fan_out"])


def uniform_limit(std: float) -> float:
    """The bound of the symmetric uniform distribution with this deviation."""
    return std * math.sqrt(3)


def gradient(f: Callable[[Array], float], x: Array, step: float = 1e-5) -> Array:
    """Central differences of a scalar function."""
    result = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        plus, minus = x.copy(), x.copy()
        plus[i] += step
        minus[i] -= step
        result[i] = (f(plus) - f(minus)) / (2 * step)
    return result
