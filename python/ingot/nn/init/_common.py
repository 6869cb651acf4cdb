"""Draws and checks that initializers share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ingot.core as mx

__all__ = [
    "Initializer",
    "check_dtype",
    "check_floating",
    "draw_normal",
    "draw_uniform",
]

Initializer = Callable[..., mx.array]


def draw_normal(
    a: mx.array, dtype: mx.Dtype, mean: float, std: float, key: mx.array | None
) -> mx.array:
    """Normal numbers in the shape of `a`."""
    # One call, so that one kernel goes from random bits to final values.
    return mx.random.normal(shape=a.shape, dtype=dtype, loc=mean, scale=std, key=key)


def draw_uniform(
    a: mx.array, dtype: mx.Dtype, low: float, high: float, key: mx.array | None
) -> mx.array:
    """Uniform numbers in the shape of `a`."""
    return mx.random.uniform(low=low, high=high, shape=a.shape, dtype=dtype, key=key)


def check_dtype(owner: str, dtype: Any) -> None:
    """Refuse what is no dtype."""
    if not isinstance(dtype, mx.Dtype):
        raise TypeError(f"{owner}: dtype must be a dtype, got {dtype!r}")


def check_floating(owner: str, dtype: Any) -> None:
    """Refuse what is no floating dtype."""
    check_dtype(owner, dtype)
    if not mx.issubdtype(dtype, mx.floating):
        raise ValueError(f"{owner}: dtype must be floating, got {dtype}")
