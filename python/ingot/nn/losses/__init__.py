"""Loss functions: computed in float32 for half types, returned in the inputs' dtype."""

from __future__ import annotations

from ._classification import (
    binary_cross_entropy,
    cross_entropy,
    kl_div_loss,
    nll_loss,
)
from ._ranking import (
    cosine_similarity_loss,
    hinge_loss,
    margin_ranking_loss,
    triplet_loss,
)
from ._regression import (
    gaussian_nll_loss,
    huber_loss,
    l1_loss,
    log_cosh_loss,
    mse_loss,
    smooth_l1_loss,
)

__all__ = [
    "binary_cross_entropy",
    "cosine_similarity_loss",
    "cross_entropy",
    "gaussian_nll_loss",
    "hinge_loss",
    "huber_loss",
    "kl_div_loss",
    "l1_loss",
    "log_cosh_loss",
    "margin_ranking_loss",
    "mse_loss",
    "nll_loss",
    "smooth_l1_loss",
    "triplet_loss",
]
