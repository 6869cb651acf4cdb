"""Optimizers, learning-rate schedules and gradient clipping."""

from __future__ import annotations

from . import schedulers
from ._adafactor import Adafactor
from ._adam import Adam, Adamax, AdamW
from ._adaptive import AdaDelta, Adagrad, RMSprop
from ._clip import clip_grad_norm
from ._lion import Lion
from ._multi import MultiOptimizer
from ._muon import Muon
from ._optimizer import Optimizer
from ._sgd import SGD
from .schedulers import (
    cosine_decay,
    exponential_decay,
    join_schedules,
    linear_schedule,
    step_decay,
)

__all__ = [
    "SGD",
    "AdaDelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "MultiOptimizer",
    "Muon",
    "Optimizer",
    "RMSprop",
    "clip_grad_norm",
    "cosine_decay",
    "exponential_decay",
    "join_schedules",
    "linear_schedule",
    "schedulers",
    "step_decay",
]
