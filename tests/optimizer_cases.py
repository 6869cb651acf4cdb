"""The list of optimizers that drives every generic test of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ingot.core as mx
import ingot.optimizers as optim
import numpy as np
import reference_rules as reference

Settings = dict[str, Any]
FLOATS = (mx.float16, mx.bfloat16, mx.float32, mx.float64)


def rate(rng: np.random.Generator, low: float = 1e-3, high: float = 1e-1) -> float:
    """A learning rate that float32 holds exactly, as the state keeps it in float32."""
    return float(np.float32(np.exp(rng.uniform(np.log(low), np.log(high)))))


def sample_sgd(rng):
    return {"weight_decay": rng.choice([0.0, rng.uniform(0, 0.1)])}


def sample_momentum(rng):
    nesterov = bool(rng.integers(2))
    return {
        "momentum": rng.uniform(0.1, 0.95),
        "weight_decay": rng.choice([0.0, rng.uniform(0, 0.1)]),
        "dampening": 0.0 if nesterov else rng.uniform(0, 1),
        "nesterov": nesterov,
    }


def sample_rmsprop(rng):
    return {"alpha": rng.uniform(0.5, 0.999), "eps": 10 ** rng.uniform(-8, -3)}


def sample_adagrad(rng):
    return {"eps": 10 ** rng.uniform(-8, -3)}


def sample_adadelta(rng):
    return {"rho": rng.uniform(0.5, 0.99), "eps": 10 ** rng.uniform(-6, -3)}


def sample_adam(rng):
    return {
        "betas": (rng.uniform(0, 0.95), rng.uniform(0.9, 0.999)),
        "eps": 10 ** rng.uniform(-8, -3),
        "bias_correction": bool(rng.integers(2)),
    }


def sample_adamw(rng):
    return {**sample_adam(rng), "weight_decay": rng.uniform(0, 0.5)}


def sample_adamax(rng):
    return {"betas": (rng.uniform(0, 0.95), rng.uniform(0.9, 0.999)), "eps": 1e-8}


def sample_lion(rng):
    return {
        "betas": (rng.uniform(0, 0.95), rng.uniform(0.5, 0.99)),
        "weight_decay": rng.uniform(0, 0.5),
    }


def sample_adafactor(rng):
    return {
        "clip_threshold": rng.uniform(0.5, 2),
        "decay_rate": -rng.uniform(0.5, 1),
        "beta_1": rng.choice([None, rng.uniform(0, 0.95)]),
        "weight_decay": rng.choice([0.0, rng.uniform(0, 0.1)]),
        "scale_parameter": bool(rng.integers(2)),
    }


def sample_muon(rng):
    return {
        "momentum": rng.uniform(0.1, 0.95),
        "weight_decay": rng.uniform(0, 0.1),
        "nesterov": bool(rng.integers(2)),
        "ns_steps": int(rng.integers(1, 6)),
    }


@dataclass(frozen=True)
class Case:
    """An optimizer, its oracle, and how to draw its hyperparameters."""

    name: str
    make: Callable[..., optim.Optimizer]
    oracle: reference.Oracle
    sample: Callable[[np.random.Generator], Settings]
    # Largest error of a float32 run of 100 updates, next to parameters around 1.
    tolerance: float = 1e-5

    def build(self, settings: Settings, lr: float, **extra: Any) -> optim.Optimizer:
        return self.make(learning_rate=lr, **settings, **extra)

    def reference(self, w: Any, settings: Settings, lr: float) -> reference.Run:
        settings = dict(settings)
        if "betas" in settings:
            settings["beta1"], settings["beta2"] = settings.pop("betas")
        return reference.Run(self.oracle, w, lr=lr, **settings)


OPTIMIZERS = [
    Case("sgd", optim.SGD, reference.sgd, sample_sgd),
    Case("momentum", optim.SGD, reference.momentum, sample_momentum),
    Case("rmsprop", optim.RMSprop, reference.rmsprop, sample_rmsprop),
    Case("adagrad", optim.Adagrad, reference.adagrad, sample_adagrad),
    Case("adadelta", optim.AdaDelta, reference.adadelta, sample_adadelta),
    Case("adam", optim.Adam, reference.adam, sample_adam),
    Case("adamw", optim.AdamW, reference.adamw, sample_adamw),
    Case("adamax", optim.Adamax, reference.adamax, sample_adamax),
    Case("lion", optim.Lion, reference.lion, sample_lion),
    Case("adafactor", optim.Adafactor, reference.adafactor, sample_adafactor),
    # Newton-Schulz multiplies small singular values, and their errors, by 3.4 a step.
    Case("muon", optim.Muon, reference.muon, sample_muon, tolerance=2e-4),
]
NAMES = [case.name for case in OPTIMIZERS]


def to_numpy(x: mx.array) -> np.ndarray:
    """A float64 copy."""
    return np.array(x.astype(mx.float64), np.float64)


def from_numpy(x: Any, dtype: mx.Dtype = mx.float32) -> mx.array:
    return mx.array(np.asarray(x, np.float64), dtype=mx.float64).astype(dtype)


def leaves(tree: Any) -> list[Any]:
    """What a tree of dicts, lists and tuples holds, in the order of the keys."""
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree, key=str) for leaf in leaves(tree[key])]
    if isinstance(tree, (list, tuple)):
        return [leaf for child in tree for leaf in leaves(child)]
    return [tree]


def same_bits(a: Any, b: Any) -> bool:
    """Equal arrays in equal places, dtypes too."""
    left, right = leaves(a), leaves(b)
    return len(left) == len(right) and all(
        x.dtype == y.dtype and x.shape == y.shape and bool(mx.all(x == y).item())
        for x, y in zip(left, right, strict=True)
    )


def tree(rng: np.random.Generator) -> dict:
    """Parameters in dicts, lists, tuples, with parameterless parts, of ranks 0 to 3."""
    shapes = {
        "layers": [{"weight": (4, 3), "bias": (4,)}, {}, {"weight": (2, 4)}],
        "pair": ((3,), (2, 1, 3)),
        "scale": (),
        "nothing": {},
        "none": (0, 3),
    }

    def fill(part):
        if isinstance(part, dict):
            return {key: fill(child) for key, child in part.items()}
        if isinstance(part, list):
            return [fill(child) for child in part]
        if part and isinstance(part[0], tuple):
            return tuple(fill(child) for child in part)
        return from_numpy(rng.normal(size=part))

    return fill(shapes)
