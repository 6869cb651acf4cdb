"""Optimizers that scale each element by a mean of its squared gradients."""

from __future__ import annotations

import ingot.core as mx

from ._checks import Schedule, Setting
from ._fused import Fused, StateDtype

__all__ = ["AdaDelta", "Adagrad", "RMSprop"]


class RMSprop(Fused):
    """RMSprop.

        v = alpha * v + (1 - alpha) * g^2
        w = w - lr * g / (sqrt(v) + eps)

    Args:
        learning_rate: A number, scalar array or function of the step.
        alpha: Decay of the mean square, in [0, 1]. Default: 0.99.
        eps: More than 0. Default: 1e-8.
        state_dtype: "float32" keeps the state of half-precision parameters in float32,
            "param" in their own dtype. Default: "float32".

    Raises:
        ValueError: Where a hyperparameter is out of range.

    Reference: T. Tieleman, G. Hinton, "Lecture 6.5: RMSprop", COURSERA: Neural Networks
    for Machine Learning, 2012.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.optimizers as optim
        >>> model = {"w": mx.array([1.0])}
        >>> optim.RMSprop(0.1, alpha=0.75).update(model, {"w": mx.array([4.0])})
        >>> round(model["w"].item(), 6)
        0.8
    """

    rule = "rmsprop"

    def __init__(
        self,
        learning_rate: float | mx.array | Schedule,
        alpha: Setting = 0.99,
        eps: Setting = 1e-8,
        *,
        state_dtype: StateDtype = "float32",
    ) -> None:
        super().__init__(learning_rate, state_dtype)
        self.alpha = self._number("alpha", alpha, "[0, 1]")
        self.eps = self._number("eps", eps, "(0, inf)")


class Adagrad(Fused):
    """Adagrad.

        v = v + g^2
        w = w - lr * g / (sqrt(v) + eps)

    Args:
        learning_rate: A number, scalar array or function of the step.
        eps: More than 0. Default: 1e-8.
        state_dtype: "float32" keeps the state of half-precision parameters in float32,
            "param" in their own dtype. Default: "float32".

    Raises:
        ValueError: Where a hyperparameter is out of range.

    Reference: J. Duchi, E. Hazan, Y. Singer, "Adaptive Subgradient Methods for Online
    Learning and Stochastic Optimization", JMLR 2011.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.optimizers as optim
        >>> model = {"w": mx.array([1.0])}
        >>> optim.Adagrad(0.25).update(model, {"w": mx.array([4.0])})
        >>> round(model["w"].item(), 6)
        0.75
    """

    rule = "adagrad"

    def __init__(
        self,
        learning_rate: float | mx.array | Schedule,
        eps: Setting = 1e-8,
        *,
        state_dtype: StateDtype = "float32",
    ) -> None:
        super().__init__(learning_rate, state_dtype)
        self.eps = self._number("eps", eps, "(0, inf)")


class AdaDelta(Fused):
    """AdaDelta.

        v = rho * v + (1 - rho) * g^2
        d = sqrt(u + eps) / sqrt(v + eps) * g
        u = rho * u + (1 - rho) * d^2
        w = w - lr * d

    Args:
        learning_rate: A number, scalar array or function of the step.
        rho: Decay of both mean squares, in [0, 1]. Default: 0.9.
        eps: More than 0. Default: 1e-6.
        state_dtype: "float32" keeps the state of half-precision parameters in float32,
            "param" in their own dtype. Default: "float32".

    Raises:
        ValueError: Where a hyperparameter is out of range.

    Reference: M. Zeiler, "ADADELTA: An Adaptive Learning Rate Method", arXiv 1212.5701.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.optimizers as optim
        >>> model = {"w": mx.array([1.0])}
        >>> optim.AdaDelta(1.0, rho=0.0).update(model, {"w": mx.array([100.0])})
        >>> round(model["w"].item(), 6)
        0.999
    """

    rule = "adadelta"

    def __init__(
        self,
        learning_rate: float | mx.array | Schedule,
        rho: Setting = 0.9,
        eps: Setting = 1e-6,
        *,
        state_dtype: StateDtype = "float32",
    ) -> None:
        super().__init__(learning_rate, state_dtype)
        self.rho = self._number("rho", rho, "[0, 1]")
        self.eps = self._number("eps", eps, "(0, inf)")
