"""Activation layers: the functions of _functions.py as modules."""

from __future__ import annotations

from collections.abc import Callable

import ingot.core as mx

from . import _functions as functions
from ._check import finite, positive_integer
from ._module import Module

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "SELU",
    "HardShrink",
    "HardTanh",
    "Hardswish",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "PReLU",
    "ReLU",
    "ReLU2",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Step",
    "Tanh",
]


class ReLU(Module):
    """`relu` as a layer: max(x, 0)."""

    def __call__(self, x: mx.array) -> mx.array:
        return functions.relu(x)


class ReLU2(Module):
    """`relu2` as a layer: max(x, 0)^2."""

    def __call__(self, x: mx.array) -> mx.array:
        return functions.relu2(x)


class ReLU6(Module):
    """`relu6` as a layer: min(max(x, 0), 6)."""

    def __call__(self, x: mx.array) -> mx.array:
        return functions.relu6(x)


class LeakyReLU(Module):
    """`leaky_relu` as a layer.

    Args:
        negative_slope: The slope left of 0. Default: 0.01.
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        super().__init__()
        self.negative_slope = finite("LeakyReLU", "negative_slope", negative_slope)

    def __call__(self, x: mx.array) -> mx.array:
        return functions.leaky_relu(x, self.negative_slope)


class PReLU(Module):
    """`prelu` as a layer, with `weight` the slopes.

    Args:
        num_parameters: The number of slopes, 1 or the last dimension. Default: 1.
        init: Where the slopes start. Default: 0.25.
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        super().__init__()
        count = positive_integer("PReLU", "num_parameters", num_parameters)
        self.weight = mx.full((count,), finite("PReLU", "init", init))

    def __call__(self, x: mx.array) -> mx.array:
        return functions.prelu(x, self["weight"])


class ELU(Module):
    """`elu` as a layer.

    Args:
        alpha: Minus the limit at -inf. Default: 1.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha = finite("ELU", "alpha", alpha)

    def __call__(self, x: mx.array) -> mx.array:
        return functions.elu(x, self.alpha)


class CELU(Module):
    """`celu` as a layer.

    Args:
        alpha: Minus the limit at -inf, not 0. Default: 1.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha = finite("CELU", "alpha", alpha)
        if self.alpha == 0:
            raise ValueError("CELU: alpha must not be 0")

    def __call__(self, x: mx.array) -> mx.array:
        return functions.celu(x, self.alpha)


class SELU(Module):
    """`selu` as a layer."""

    def __call__(self, x: mx.array) -> mx.array:
        return functions.selu(x)


class Softplus(Module):
    """`softplus` as a layer: log(1 + e^x)."""

    def __call__(self, x: mx.array) -> mx.array:
        return functions.softplus(x)


class Softsign(Module):
    """`softsign` as a layer: x / (1 + |x|)."""

    def __call__(self, x: mx.array) -> mx.array:
        return functions.softsign(x)


class Softshrink(Module):
    """`softshrink` as a layer.

    Args:
        lambd: The distance by which x moves towards 0. Default: 0.5.
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = finite("Softshrink", "lambd", lambd, 0.0)

    def __call__(self, x: mx.array) -> mx.array:
        return functions.softshrink(x, self.lambd)


class HardShrink(Module):
    """`hard_shrink` as a layer.

    Args:
        lambd: The bound below which x becomes 0. Default: 0.5.
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = finite("HardShrink", "lambd", lambd, 0.0)

    def __call__(self, x: mx.array) -> mx.array:
        return functions.hard_shrink(x, self.lambd)


class Hardswish(Module):
    """`hardswish` as a layer."""

    def __call__(self, x: mx.array) -> mx.array:
        return functions.hardswish(x)


class HardTanh(Module):
    """`hard_tanh` as a layer: x clipped to [-1, 1]."""

    def __call__(self, x: mx.array) -> mx.array:
        return functions.hard_tanh(x)


class Tanh(Module):
    """Hyperbolic tangent as a layer."""

    def __call__(self, x: mx.array) -> mx.array:
        return functions.tanh(x)


class Sigmoid(Module):
    """`sigmoid` as a layer: 1 / (1 + e^-x)."""

    def __call__(self, x: mx.array) -> mx.array:
        return functions.sigmoid(x)


class LogSigmoid(Module):
    """`log_sigmoid` as a layer: -log(1 + e^-x)."""

    def __call__(self, x: mx.array) -> mx.array:
        return functions.log_sigmoid(x)


class SiLU(Module):
    """`silu` as a layer: x * sigmoid(x)."""

    def __call__(self, x: mx.array) -> mx.array:
        return functions.silu(x)


class Mish(Module):
    """`mish` as a layer: x * tanh(softplus(x))."""

    def __call__(self, x: mx.array) -> mx.array:
        return functions.mish(x)


class GELU(Module):
    """`gelu` or one of its approximations as a layer.

    Args:
        approx: "none" for `gelu`, "precise" or "tanh" for `gelu_approx`, "fast" for
            `gelu_fast_approx`. Default: "none".

    Raises:
        ValueError: `approx` is none of these.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.GELU(approx="fast")(mx.array([1.0])).round(3)
        array([0.846], dtype=float32)
    """

    def __init__(self, approx: str = "none") -> None:
        super().__init__()
        if approx not in _GELU:
            raise ValueError(
                f"GELU: approx must be one of {', '.join(_GELU)}, got {approx!r}"
            )
        self.approx = approx

    def __call__(self, x: mx.array) -> mx.array:
        return _GELU[self.approx](x)


_GELU: dict[str, Callable[[mx.array], mx.array]] = {
    "none": functions.gelu,
    "precise": functions.gelu_approx,
    "tanh": functions.gelu_approx,
    "fast": functions.gelu_fast_approx,
}


class Step(Module):
    """`step` as a layer.

    Args:
        threshold: Where the step from 0 to 1 is. Default: 0.
    """

    def __init__(self, threshold: float = 0.0) -> None:
        super().__init__()
        self.threshold = finite("Step", "threshold", threshold)

    def __call__(self, x: mx.array) -> mx.array:
        return functions.step(x, self.threshold)


class Softmax(Module):
    """`softmax` along the last axis as a layer."""

    def __call__(self, x: mx.array) -> mx.array:
        return functions.softmax(x)


class Softmin(Module):
    """`softmin` along the last axis as a layer."""

    def __call__(self, x: mx.array) -> mx.array:
        return functions.softmin(x)


class LogSoftmax(Module):
    """`log_softmax` along the last axis as a layer."""

    def __call__(self, x: mx.array) -> mx.array:
        return functions.log_softmax(x)


class GLU(Module):
    """`glu` as a layer.

    Args:
        axis: The axis that is halved. Default: -1.
    """

    def __init__(self, axis: int = -1) -> None:
        super().__init__()
        self.axis = axis

    def __call__(self, x: mx.array) -> mx.array:
        return functions.glu(x, self.axis)
