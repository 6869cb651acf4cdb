"""Loss functions: computed in float32 for half types, returned in the inputs' dtype."""

from __future__ import annotations

from ._classification import (
    binary_cross_entropy,
    cross_entropy,
    kl_div_loss,
    nll_loss,
)
from ._regression import huber_loss, l1_loss, mse_loss, smooth_l1_loss

__all__ = [
    "binary_cross_entropy",
    "cross_entropy",
    "huber_loss",
    "kl_div_loss",
    "l1_loss",
    "mse_loss",
    "nll_loss",
    "smooth_l1_loss",
]
