"""Adafactor: second moments kept as one row and one column per matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ingot.core as mx
from ingot import _core

from ._checks import Schedule, Setting, pair
from ._fused import Fused, StateDtype

__all__ = ["Adafactor"]


class Adafactor(Fused):
    """Adafactor.

        s = lr * max(eps[1], rms(w))        (rms(w) with `scale_parameter` only)
        beta2 = 1 - t^decay_rate
        v = beta2 * v + (1 - beta2) * (g^2 + eps[0])
        u = g / sqrt(v)
        u = s * u / max(1, rms(u) / clip_threshold)
        w = w - weight_decay * s * w - u

    For two dimensions and more v is not kept but estimated, over the last two, from its
    means along rows and columns. With `beta_1` a mean of past u takes the place of u.

    Args:
        learning_rate: A number, scalar array or function of the step. Default: None,
            for min(1e-2, 1 / sqrt(t)), or min(1e-6 * t, ...) with `warmup_init`.
        eps: Added to squared gradients; least scale of a parameter. Both at least 0.
            Default: (1e-30, 1e-3).
        clip_threshold: Largest root mean square of the unscaled update, more than 0.
            Default: 1.
        decay_rate: Default: -0.8.
        beta_1: In [0, 1), or None for no mean of updates. Default: None.
        weight_decay: At least 0. Default: 0.
        scale_parameter: Default: True.
        relative_step: Whether the learning rate comes from the step. Default: None,
            for True unless a learning rate is given.
        warmup_init: Starts the relative step small. Default: False.
        state_dtype: "float32" keeps the state of half-precision parameters in float32,
            "param" in their own dtype. Default: "float32".

    Raises:
        ValueError: Where a hyperparameter is out of range, or would be ignored: a
            learning rate with `relative_step=True`, or `warmup_init` without.

    Reference: N. Shazeer, M. Stern, "Adafactor: Adaptive Learning Rates with Sublinear
    Memory Cost", ICML 2018.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.optimizers as optim
        >>> model = {"w": mx.ones((2, 3))}
        >>> optimizer = optim.Adafactor()
        >>> optimizer.update(model, {"w": mx.full((2, 3), 5.0)})
        >>> round(model["w"][0, 0].item(), 6)
        0.99
        >>> sorted(optimizer.state["w"])
        ['exp_avg_sq_col', 'exp_avg_sq_row']
    """

    def __init__(
        self,
        learning_rate: float | mx.array | Schedule | None = None,
        eps: Sequence[Setting] = (1e-30, 1e-3),
        clip_threshold: Setting = 1.0,
        decay_rate: Setting = -0.8,
        beta_1: Setting | None = None,
        weight_decay: Setting = 0.0,
        scale_parameter: bool = True,
        relative_step: bool | None = None,
        warmup_init: bool = False,
        *,
        state_dtype: StateDtype = "float32",
    ) -> None:
        if relative_step is None:
            relative_step = learning_rate is None
        self.relative_step = bool(relative_step)
        self.warmup_init = bool(warmup_init)
        if self.relative_step != (learning_rate is None):
            raise ValueError(
                f"{self._name}: learning_rate must be given exactly where "
                f"relative_step is False, got {learning_rate} and {relative_step}"
            )
        if self.warmup_init and not self.relative_step:
            raise ValueError(
                f"{self._name}: warmup_init must come with relative_step=True, "
                f"got {relative_step}"
            )
        super().__init__(learning_rate, state_dtype)
        zero = "[0, inf)"
        self.eps = pair(self._name, ("eps[0]", "eps[1]"), eps, (zero, zero))
        self.clip_threshold = self._number("clip_threshold", clip_threshold, "(0, inf)")
        self.decay_rate = self._number("decay_rate", decay_rate, "(-inf, 0]")
        self.beta_1 = beta_1
        if beta_1 is not None:
            self.beta_1 = self._number("beta_1", beta_1, "[0, 1)")
        self.weight_decay = self._number("weight_decay", weight_decay, zero)
        self.scale_parameter = bool(scale_parameter)

    @property
    def learning_rate(self) -> mx.array:
        """The learning rate of the last update; set by the step if relative."""
        if not self.relative_step:
            return mx.array(self._setting("lr"))
        t = mx.maximum(self.step, 1).astype(mx.float32)
        most = 1e-6 * t if self.warmup_init else 1e-2
        return mx.minimum(most, mx.rsqrt(t))

    @learning_rate.setter
    def learning_rate(self, value: float | mx.array | Schedule) -> None:
        if self.relative_step:
            raise ValueError(
                f"{self._name}: learning_rate must not be set with relative_step=True, "
                f"got {value}"
            )
        self._maybe_schedule("learning_rate", value)

    def init_single(self, parameter: mx.array, state: dict[str, Any]) -> None:
        """Fills the empty `state` of one parameter with zeros."""
        shape, dtype = tuple(parameter.shape), parameter.dtype
        if len(shape) >= 2:
            state["exp_avg_sq_row"] = self._zeros(shape[:-1], dtype)
            state["exp_avg_sq_col"] = self._zeros(shape[:-2] + shape[-1:], dtype)
        else:
            state["exp_avg_sq"] = self._zeros(shape, dtype)
        if self.beta_1 is not None:
            state["exp_avg"] = self._zeros(shape, dtype)

    def _fuse(
        self,
        gradients: list[mx.array],
        parameters: list[mx.array],
        states: list[dict[str, Any]],
    ) -> list[mx.array]:
        operands = []
        for gradient, parameter, state in zip(
            gradients, parameters, states, strict=True
        ):
            slots = [state[slot] for slot in self._slots_of(parameter)]
            operands += [parameter, gradient, *slots]
        means = self.beta_1 is not None
        results = iter(_core.adafactor(operands, means, self._settings()))
        new = []
        for parameter, state in zip(parameters, states, strict=True):
            new.append(next(results))
            for slot in self._slots_of(parameter):
                state[slot] = next(results)
        return new

    def _slots_of(self, parameter: mx.array) -> tuple[str, ...]:
        slots: tuple[str, ...] = ("exp_avg_sq",)
        if parameter.ndim >= 2:
            slots = ("exp_avg_sq_row", "exp_avg_sq_col")
        return slots if self.beta_1 is None else (*slots, "exp_avg")

    def _settings(self) -> list[mx.array | float]:
        relative = self.relative_step
        return [
            0.0 if relative else self._setting("lr"),
            float(relative),
            float(self.warmup_init),
            self.step,
            self._setting("decay_rate"),
            *self.eps,
            self._setting("clip_threshold"),
            0.0 if self.beta_1 is None else self._setting("beta_1"),
            self._setting("weight_decay"),
            float(self.scale_parameter),
        ]

    def _approximate_exp_moving_avg(
        self, exp_avg_sq_row: mx.array, exp_avg_sq_col: mx.array
    ) -> mx.array:
        """1 / sqrt(v), for v as the outer product of its row and column means."""
        whole = mx.mean(exp_avg_sq_row, axis=-1, keepdims=True)
        row = mx.rsqrt(exp_avg_sq_row / whole)
        col = mx.rsqrt(exp_avg_sq_col)
        return mx.expand_dims(row, -1) * mx.expand_dims(col, -2)
