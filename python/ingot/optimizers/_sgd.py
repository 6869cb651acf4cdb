"""Stochastic gradient descent."""

from __future__ import annotations

import ingot.core as mx

from ._checks import Schedule, Setting
from ._fused import Fused, StateDtype

__all__ = ["SGD"]


class SGD(Fused):
    """Stochastic gradient descent, with optional (Nesterov) momentum.

        g = g + weight_decay * w
        v = momentum * v + (1 - dampening) * g
        w = w - lr * (g + momentum * v  if nesterov  else  v)

    and w - lr * g where momentum is 0. The first gradient is dampened too.

    Args:
        learning_rate: A number, scalar array or function of the step.
        momentum: At least 0. Default: 0.
        weight_decay: An L2 penalty, at least 0. Default: 0.
        dampening: Default: 0.
        nesterov: Needs momentum and no dampening. Default: False.
        state_dtype: "float32" keeps the state of half-precision parameters in float32,
            "param" in their own dtype. Default: "float32".

    Raises:
        ValueError: Where a hyperparameter is out of range.

    Reference: I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the importance of
    initialization and momentum in deep learning", ICML 2013.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.optimizers as optim
        >>> model = {"w": mx.array([1.0, 2.0])}
        >>> optim.SGD(0.5, momentum=0.9).update(model, {"w": mx.array([2.0, 2.0])})
        >>> model["w"].tolist()
        [0.0, 1.0]
    """

    def __init__(
        self,
        learning_rate: float | mx.array | Schedule,
        momentum: Setting = 0.0,
        weight_decay: Setting = 0.0,
        dampening: Setting = 0.0,
        nesterov: bool = False,
        *,
        state_dtype: StateDtype = "float32",
    ) -> None:
        super().__init__(learning_rate, state_dtype)
        self.momentum = self._number("momentum", momentum, "[0, inf)")
        self.weight_decay = self._number("weight_decay", weight_decay, "[0, inf)")
        self.dampening = self._number("dampening", dampening, "[0, inf)")
        self.nesterov = bool(nesterov)
        plain = self.rule == "sgd"
        damped = not isinstance(self.dampening, float) or self.dampening != 0
        if self.nesterov and (plain or damped):
            raise ValueError(
                f"{self._name}: nesterov must come with momentum > 0 and dampening 0, "
                f"got momentum {momentum} and dampening {dampening}"
            )

    @property
    def slots(self) -> tuple[str, ...]:
        """A velocity also where momentum is 0: it may be set later."""
        return ("v",)

    @property
    def rule(self) -> str:  # type: ignore[override]
        """Without momentum the velocity stays untouched."""
        none = isinstance(self.momentum, (int, float)) and self.momentum <= 0
        return "sgd" if none else "momentum"
