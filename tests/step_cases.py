"""What the tests of the fused step share: rules, settings, operands."""

from __future__ import annotations

import ingot.core as mx
import ingot.optimizers as optim
import numpy as np
from ingot import _core
from optimizer_cases import from_numpy

RULES = _core.rules()
# Around the vector, tile and chunk; enough in all for a second thread.
SIZES = [1, 15, 16, 17, 1023, 1025, 32769, 150_001]
SHAPES = [(), (0, 3), (3, 1, 5), *[(n,) for n in SIZES]]
VALUES = {
    "lr": 0.01,
    "weight_decay": 0.1,
    "momentum": 0.9,
    "dampening": 0.2,
    "nesterov": 1.0,
    "alpha": 0.99,
    "eps": 1e-3,
    "rho": 0.95,
    "beta1": 0.9,
    "beta2": 0.999,
    "bias_correction": 1.0,
    "step": 7.0,
    "max_norm": 0.3,
    "norm": 1.7,
}


def settings(rule: str) -> list:
    """Of several types, as optimizers pass them."""
    values = {
        **VALUES,
        "lr": mx.array(0.01),
        "step": mx.array(7, mx.uint64),
        "beta1": from_numpy(0.9, mx.float64),
    }
    return [values[name] for name in RULES[rule][1]]


def operands(rule, dtypes, shapes=SHAPES, seed=3):
    """Parameters, gradients and positive states of the given three dtypes."""
    rng = np.random.default_rng(seed)

    def draw(dtype, f=lambda x: x):
        return [from_numpy(f(rng.normal(size=s)), dtype) for s in shapes]

    p, g, s = dtypes
    return draw(p), draw(g), [draw(s, np.square) for _ in RULES[rule][0]]


def trained(model: dict, grads: dict) -> optim.Optimizer:
    """An optimizer after two updates, everything computed."""
    optimizer = optim.AdamW(1e-2, bias_correction=True)
    for _ in range(2):
        optimizer.update(model, grads)
        mx.eval(model, optimizer.state)
    return optimizer
