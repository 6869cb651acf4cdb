"""Float64 oracles of the optimizers, each written from its paper in NumPy.

An oracle takes a parameter, its gradient, its state (empty at first; the oracle fills
it), the number of the update, counted from 1, and the hyperparameters by name. It
returns the new parameter and writes the new state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Oracle = Callable[..., np.ndarray]


def sgd(w, g, state, t, *, lr, weight_decay=0.0):
    """Robbins & Monro 1951; the decay is the gradient of an L2 penalty."""
    return w - lr * (g + weight_decay * w)


def momentum(
    w, g, state, t, *, lr, momentum, dampening=0.0, weight_decay=0.0, nesterov=False
):
    """Sutskever et al. 2013, section 2, the velocity in units of the gradient."""
    g = g + weight_decay * w
    v = momentum * state.get("v", np.zeros_like(w)) + (1 - dampening) * g
    state["v"] = v
    return w - lr * (g + momentum * v) if nesterov else w - lr * v


def rmsprop(w, g, state, t, *, lr, alpha=0.99, eps=1e-8):
    """Tieleman & Hinton 2012, lecture 6.5."""
    v = alpha * state.get("v", np.zeros_like(w)) + (1 - alpha) * g**2
    state["v"] = v
    return w - lr * g / (np.sqrt(v) + eps)


def adagrad(w, g, state, t, *, lr, eps=1e-8):
    """Duchi et al. 2011, equation 1 with a diagonal matrix."""
    v = state.get("v", np.zeros_like(w)) + g**2
    state["v"] = v
    return w - lr * g / (np.sqrt(v) + eps)


def adadelta(w, g, state, t, *, lr, rho=0.9, eps=1e-6):
    """Zeiler 2012, algorithm 1, its update times a learning rate."""
    v = rho * state.get("v", np.zeros_like(w)) + (1 - rho) * g**2
    u = state.get("u", np.zeros_like(w))
    delta = np.sqrt(u + eps) / np.sqrt(v + eps) * g
    state["v"], state["u"] = v, rho * u + (1 - rho) * delta**2
    return w - lr * delta


def adam(
    w, g, state, t, *, lr, beta1=0.9, beta2=0.999, eps=1e-8, bias_correction=False
):
    """Kingma & Ba 2015, algorithm 1; without the correction where not asked for."""
    m = beta1 * state.get("m", np.zeros_like(w)) + (1 - beta1) * g
    v = beta2 * state.get("v", np.zeros_like(w)) + (1 - beta2) * g**2
    state["m"], state["v"] = m, v
    if bias_correction:
        m, v = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - lr * m / (np.sqrt(v) + eps)


def adamw(w, g, state, t, *, lr, weight_decay=0.01, **rest):
    """Loshchilov & Hutter 2019, algorithm 2: the decay is not part of the gradient."""
    return adam(w, g, state, t, lr=lr, **rest) - lr * weight_decay * w


def adamax(w, g, state, t, *, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    """Kingma & Ba 2015, algorithm 2, without its bias correction."""
    m = beta1 * state.get("m", np.zeros_like(w)) + (1 - beta1) * g
    v = np.maximum(beta2 * state.get("v", np.zeros_like(w)), np.abs(g))
    state["m"], state["v"] = m, v
    return w - lr * m / (v + eps)


def lion(w, g, state, t, *, lr, beta1=0.9, beta2=0.99, weight_decay=0.0):
    """Chen et al. 2023, algorithm 2."""
    m = state.get("m", np.zeros_like(w))
    c = beta1 * m + (1 - beta1) * g
    state["m"] = beta2 * m + (1 - beta2) * g
    return w - lr * (np.sign(c) + weight_decay * w)


def adafactor(
    w,
    g,
    state,
    t,
    *,
    lr=None,
    eps=(1e-30, 1e-3),
    clip_threshold=1.0,
    decay_rate=-0.8,
    beta_1=None,
    weight_decay=0.0,
    scale_parameter=True,
    warmup_init=False,
):
    """Shazeer & Stern 2018, algorithms 4 and 5; lr None is the relative step."""

    def rms(x):
        return np.sqrt(np.mean(x**2))

    if lr is None:
        lr = min(1e-6 * t if warmup_init else 1e-2, 1 / np.sqrt(t))
    alpha = lr * max(eps[1], rms(w)) if scale_parameter else lr
    beta2 = 1 - t**decay_rate
    square = g**2 + eps[0]
    if w.ndim < 2:
        v = beta2 * state.get("exp_avg_sq", 0.0) + (1 - beta2) * square
        state["exp_avg_sq"] = v
    else:
        # Sums in the paper; with means, R C / sum(R) reads R C / mean(R).
        row, col = square.mean(-1), square.mean(-2)
        row = beta2 * state.get("exp_avg_sq_row", 0.0) + (1 - beta2) * row
        col = beta2 * state.get("exp_avg_sq_col", 0.0) + (1 - beta2) * col
        state["exp_avg_sq_row"], state["exp_avg_sq_col"] = row, col
        whole = row.mean(-1)[..., None, None]
        v = row[..., :, None] * col[..., None, :] / whole
    u = g / np.sqrt(v)
    u = alpha * u / max(1.0, rms(u) / clip_threshold)
    if beta_1 is not None:
        u = beta_1 * state.get("exp_avg", 0.0) + (1 - beta_1) * u
        state["exp_avg"] = u
    return w - u - weight_decay * alpha * w


def muon(
    w, g, state, t, *, lr, momentum=0.95, weight_decay=0.01, nesterov=True, ns_steps=5
):
    """Jordan et al. 2024, with an L2 penalty; convolutions as (out, rest) matrices."""
    g = g + weight_decay * w
    v = momentum * state.get("v", np.zeros_like(w)) + (1 - momentum) * g
    state["v"] = v
    u = momentum * v + (1 - momentum) * g if nesterov else v
    if w.ndim < 2:
        return w - lr * u
    x = u.reshape(len(u), -1)
    rows, columns = x.shape
    # On the singular values s of x, a step is s -> a s + b s^3 + c s^5.
    left, s, right = np.linalg.svd(x, full_matrices=False)
    s = s / (np.linalg.norm(s) + 1e-7)
    for _ in range(ns_steps):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    x = (left * s) @ right
    return w - lr * np.sqrt(max(1.0, rows / columns)) * x.reshape(w.shape)


def scale(w, g, state, t, *, max_norm, norm, eps):
    """Pascanu et al. 2013, with the norm given (the gradient is not looked at)."""
    return w * min(1.0, max_norm / (norm + eps))


# By the name of the rule in the core.
RULES: dict[str, Oracle] = {
    "sgd": sgd,
    "momentum": momentum,
    "rmsprop": rmsprop,
    "adagrad": adagrad,
    "adadelta": adadelta,
    "adam": adam,
    "adamw": adamw,
    "adamax": adamax,
    "lion": lion,
    "muon": muon,
    "scale": scale,
}


class Run:
    """An oracle applied to one parameter, update after update."""

    def __init__(self, oracle: Oracle, w: Any, **settings: Any) -> None:
        self.oracle, self.settings = oracle, settings
        self.w = np.asarray(w, np.float64)
        self.state: dict[str, np.ndarray] = {}
        self.t = 0

    def update(self, g: Any) -> np.ndarray:
        self.t += 1
        g = np.asarray(g, np.float64)
        self.w = self.oracle(self.w, g, self.state, self.t, **self.settings)
        return self.w
