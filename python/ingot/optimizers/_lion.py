"""Lion, which steps by signs."""

from __future__ import annotations

from collections.abc import Sequence

import ingot.core as mx

from ._betas import Betas
from ._checks import Schedule, Setting
from ._fused import StateDtype

__all__ = ["Lion"]


class Lion(Betas):
    """Lion.

        c = beta1 * m + (1 - beta1) * g
        m = beta2 * m + (1 - beta2) * g
        w = w * (1 - lr * weight_decay) - lr * sign(c)

    Steps are of one size, so the learning rate is best taken 3 to 10 times smaller than
    for Adam, and the weight decay as much larger.

    Args:
        learning_rate: A number, scalar array or function of the step.
        betas: Two numbers in [0, 1). Default: (0.9, 0.99).
        weight_decay: At least 0. Default: 0.
        state_dtype: "float32" keeps the state of half-precision parameters in float32,
            "param" in their own dtype. Default: "float32".

    Raises:
        ValueError: Where a hyperparameter is out of range.

    Reference: X. Chen et al., "Symbolic Discovery of Optimization Algorithms", NeurIPS
    2023, algorithm 2.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.optimizers as optim
        >>> model = {"w": mx.array([1.0, 1.0])}
        >>> optim.Lion(0.25).update(model, {"w": mx.array([4.0, -0.1])})
        >>> model["w"].tolist()
        [0.75, 1.25]
    """

    rule = "lion"

    def __init__(
        self,
        learning_rate: float | mx.array | Schedule,
        betas: Sequence[Setting] = (0.9, 0.99),
        weight_decay: Setting = 0.0,
        *,
        state_dtype: StateDtype = "float32",
    ) -> None:
        super().__init__(learning_rate, state_dtype)
        self._set_betas(betas)
        self.weight_decay = self._number("weight_decay", weight_decay, "[0, inf)")
