"""Muon: momentum, made orthogonal."""

from __future__ import annotations

from typing import Any

import ingot.core as mx
from ingot import _core

from ._checks import Schedule, Setting
from ._fused import Fused, StateDtype, working_dtype

__all__ = ["Muon"]


class Muon(Fused):
    """Muon.

        g = g + weight_decay * w
        v = momentum * v + (1 - momentum) * g
        u = momentum * v + (1 - momentum) * g  if nesterov  else  v
        w = w - lr * sqrt(max(1, rows / columns)) * orthogonal(u)

    where orthogonal(u), for two dimensions and more, brings the singular values of u,
    as a matrix of shape (u.shape[0], -1), close to 1 by Newton-Schulz steps. Parameters
    of fewer dimensions get plain momentum. Embeddings and the last layer usually train
    better with `AdamW`: see `MultiOptimizer`.

    Args:
        learning_rate: A number, scalar array or function of the step.
        momentum: In [0, 1]. Default: 0.95.
        weight_decay: An L2 penalty, at least 0. Default: 0.01.
        nesterov: Default: True.
        ns_steps: Newton-Schulz steps, at least 0. Default: 5.
        state_dtype: "float32" keeps the state of half-precision parameters in float32,
            "param" in their own dtype. Default: "float32".

    Raises:
        ValueError: Where a hyperparameter is out of range.

    Reference: K. Jordan et al., "Muon: An optimizer for hidden layers in neural
    networks", 2024, https://kellerjordan.github.io/posts/muon.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.optimizers as optim
        >>> model = {"w": mx.zeros((2, 2))}
        >>> optim.Muon(0.1, ns_steps=15).update(model, {"w": mx.eye(2)})
        >>> bool(model["w"][0, 0].item() < -0.05)
        True
    """

    rule = "sgd"

    def __init__(
        self,
        learning_rate: float | mx.array | Schedule,
        momentum: Setting = 0.95,
        weight_decay: Setting = 0.01,
        nesterov: bool = True,
        ns_steps: int = 5,
        *,
        state_dtype: StateDtype = "float32",
    ) -> None:
        super().__init__(learning_rate, state_dtype)
        self.momentum = self._number("momentum", momentum, "[0, 1]")
        self.weight_decay = self._number("weight_decay", weight_decay, "[0, inf)")
        self.nesterov = bool(nesterov)
        if not isinstance(ns_steps, int):
            raise TypeError(f"{self._name}: ns_steps must be an int, got {ns_steps!r}")
        self.ns_steps = int(self._number("ns_steps", ns_steps, "[0, inf)"))

    @property
    def slots(self) -> tuple[str, ...]:
        """The momentum."""
        return ("v",)

    def _fuse(
        self,
        gradients: list[mx.array],
        parameters: list[mx.array],
        states: list[dict[str, Any]],
    ) -> list[mx.array]:
        momentum = self._setting("momentum")
        weight_decay = self._setting("weight_decay")
        updates, fresh = [], []
        for gradient, parameter, state in zip(
            gradients, parameters, states, strict=True
        ):
            dtype = working_dtype(parameter.dtype)
            g = gradient.astype(dtype) + weight_decay * parameter.astype(dtype)
            g = (1 - momentum) * g
            v = momentum * state["v"] + g
            fresh.append(v.astype(state["v"].dtype))
            updates.append(self._direction(momentum * v + g if self.nesterov else v))
        lr = self._setting("lr")
        new, _ = _core.step("sgd", parameters, updates, [], [lr, 0.0])
        for state, v in zip(states, fresh, strict=True):
            state["v"] = v
        return new

    def _direction(self, update: mx.array) -> mx.array:
        if update.ndim < 2 or not update.size:
            return update
        matrix = update.reshape(update.shape[0], -1)
        rows, columns = matrix.shape
        matrix = _orthogonal(matrix, self.ns_steps)
        if rows > columns:
            matrix = (rows / columns) ** 0.5 * matrix
        return matrix.reshape(update.shape)


def _orthogonal(x: mx.array, steps: int) -> mx.array:
    """U V^T, roughly, for x = U S V^T: singular values end up in [0.7, 1.2]."""
    a, b, c = 3.4445, -4.7750, 2.0315  # the reference's, steepest at 0
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x  # the smaller Gram matrix
    x = x / (mx.sqrt(mx.sum(mx.square(x))) + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.T if tall else x
