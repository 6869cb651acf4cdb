"""Adam and its nearest relatives."""

from __future__ import annotations

from collections.abc import Sequence

import ingot.core as mx

from ._betas import Betas
from ._checks import Schedule, Setting
from ._fused import StateDtype

__all__ = ["Adam", "AdamW", "Adamax"]


class Adam(Betas):
    """Adam.

        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g^2
        w = w - lr * m / (sqrt(v) + eps)

    With `bias_correction`, m / (1 - beta1^t) and v / (1 - beta2^t) take the place of
    m and v in the last line, t being the number of updates with this one.

    Args:
        learning_rate: A number, scalar array or function of the step.
        betas: Two numbers in [0, 1). Default: (0.9, 0.999).
        eps: At least 0. Default: 1e-8.
        bias_correction: Default: False, unlike in the paper.
        state_dtype: "float32" keeps the state of half-precision parameters in float32,
            "param" in their own dtype. Default: "float32".

    Raises:
        ValueError: Where a hyperparameter is out of range.

    Reference: D. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR
    2015, algorithm 1.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.optimizers as optim
        >>> model = {"w": mx.array([1.0])}
        >>> optimizer = optim.Adam(0.25, bias_correction=True)
        >>> optimizer.update(model, {"w": mx.array([4.0])})
        >>> round(model["w"].item(), 6)
        0.75
    """

    rule = "adam"

    def __init__(
        self,
        learning_rate: float | mx.array | Schedule,
        betas: Sequence[Setting] = (0.9, 0.999),
        eps: Setting = 1e-8,
        bias_correction: bool = False,
        *,
        state_dtype: StateDtype = "float32",
    ) -> None:
        super().__init__(learning_rate, state_dtype)
        self._set_betas(betas)
        self.eps = self._number("eps", eps, "[0, inf)")
        self.bias_correction = bool(bias_correction)


class AdamW(Adam):
    """Adam with decoupled weight decay.

        w = w * (1 - lr * weight_decay)

    and then the update of Adam.

    Args:
        learning_rate: A number, scalar array or function of the step.
        betas: Two numbers in [0, 1). Default: (0.9, 0.999).
        eps: At least 0. Default: 1e-8.
        weight_decay: At least 0. Default: 0.01.
        bias_correction: As in `Adam`. Default: False.
        state_dtype: "float32" keeps the state of half-precision parameters in float32,
            "param" in their own dtype. Default: "float32".

    Raises:
        ValueError: Where a hyperparameter is out of range.

    Reference: I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization", ICLR
    2019, algorithm 2.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.optimizers as optim
        >>> model = {"w": mx.array([1.0])}
        >>> optimizer = optim.AdamW(0.25, weight_decay=1.0)
        >>> optimizer.update(model, {"w": mx.array([0.0])})
        >>> model["w"].item()
        0.75
    """

    rule = "adamw"

    def __init__(
        self,
        learning_rate: float | mx.array | Schedule,
        betas: Sequence[Setting] = (0.9, 0.999),
        eps: Setting = 1e-8,
        weight_decay: Setting = 0.01,
        bias_correction: bool = False,
        *,
        state_dtype: StateDtype = "float32",
    ) -> None:
        super().__init__(
            learning_rate, betas, eps, bias_correction, state_dtype=state_dtype
        )
        self.weight_decay = self._number("weight_decay", weight_decay, "[0, inf)")


class Adamax(Adam):
    """Adam with the largest of the decayed gradients in place of their mean square.

        m = beta1 * m + (1 - beta1) * g
        v = max(beta2 * v, |g|)
        w = w - lr * m / (v + eps)

    Args:
        learning_rate: A number, scalar array or function of the step.
        betas: Two numbers in [0, 1). Default: (0.9, 0.999).
        eps: At least 0; 0 gives NaN where every gradient was 0. Default: 1e-8.
        state_dtype: "float32" keeps the state of half-precision parameters in float32,
            "param" in their own dtype. Default: "float32".

    Raises:
        ValueError: Where a hyperparameter is out of range.

    Reference: D. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR
    2015, algorithm 2, without its bias correction.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.optimizers as optim
        >>> model = {"w": mx.array([1.0])}
        >>> optimizer = optim.Adamax(0.5, betas=(0.5, 0.999))
        >>> optimizer.update(model, {"w": mx.array([4.0])})
        >>> round(model["w"].item(), 6)
        0.75
    """

    rule = "adamax"

    def __init__(
        self,
        learning_rate: float | mx.array | Schedule,
        betas: Sequence[Setting] = (0.9, 0.999),
        eps: Setting = 1e-8,
        *,
        state_dtype: StateDtype = "float32",
    ) -> None:
        super().__init__(learning_rate, betas, eps, state_dtype=state_dtype)
