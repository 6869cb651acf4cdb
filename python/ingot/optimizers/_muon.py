"""Muon: momentum, made orthogonal."""

from __future__ import annotations

from typing import Any

import ingot.core as mx
from ingot import _core

from ._checks import Schedule, Setting
from ._fused import Fused, StateDtype

__all__ = ["Muon"]

# Elements of matrices that go through Newton-Schulz together, at most.
BATCH = 1 << 26


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

    rule = "muon"

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

    def _fuse(
        self,
        gradients: list[mx.array],
        parameters: list[mx.array],
        states: list[dict[str, Any]],
    ) -> list[mx.array]:
        momenta = [state["v"] for state in states]
        updates, (momenta,) = _core.step(
            "muon", parameters, gradients, [momenta], self._settings()
        )
        # Those of one shape are made orthogonal together.
        alike: dict[tuple[int, int, mx.Dtype], list[int]] = {}
        for i, update in enumerate(updates):
            if update.ndim >= 2 and update.size:
                rows = update.shape[0]
                key = (rows, update.size // rows, update.dtype)
                alike.setdefault(key, []).append(i)
        for (rows, columns, _), members in alike.items():
            most = max(1, BATCH // (rows * columns))
            for at in range(0, len(members), most):
                batch = members[at : at + most]
                matrices = mx.stack([updates[i].reshape(rows, columns) for i in batch])
                matrices = _orthogonal(matrices, self.ns_steps)
                for i, matrix in zip(batch, matrices, strict=True):
                    updates[i] = matrix.reshape(updates[i].shape)
        lr = self._setting("lr")
        new, _ = _core.step("sgd", parameters, updates, [], [lr, 0.0])
        for state, v in zip(states, momenta, strict=True):
            state["v"] = v
        return new

    def _settings(self) -> list[mx.array | float]:
        settings = [self._setting(name) for name in ("momentum", "weight_decay")]
        return [*settings, float(self.nesterov)]


def _orthogonal(x: mx.array, steps: int) -> mx.array:
    """sqrt(max(1, rows / columns)) U V^T, roughly, for each matrix x = U S V^T.

    Singular values of U V^T end up in [0.7, 1.2].
    """
    a, b, c = 3.4445, -4.7750, 2.0315  # the reference's, steepest at 0
    rows, columns = x.shape[-2:]
    tall = rows > columns
    x = x.swapaxes(-1, -2) if tall else x  # the smaller Gram matrix
    norm = mx.sqrt(mx.sum(mx.square(x), axis=(-2, -1), keepdims=True))
    x = x / (norm + 1e-7)
    for _ in range(steps):
        gram = x @ x.swapaxes(-1, -2)
        # Its transpose is itself; written so, half of the square is computed.
        again = gram.swapaxes(-1, -2)
        polynomial = mx.addmm(gram, gram, again, alpha=c, beta=b)
        x = mx.addmm(x, polynomial, x, beta=a)
    return (rows / columns) ** 0.5 * x.swapaxes(-1, -2) if tall else x
