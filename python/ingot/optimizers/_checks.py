"""Checks of hyperparameters: one notation for the bound and for its message."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

import ingot.core as mx

__all__ = ["Schedule", "Setting", "number", "pair"]

Schedule = Callable[[mx.array], mx.array | float]
Setting = float | mx.array | Schedule


def number(owner: str, name: str, value: Any, interval: str) -> Any:
    """`value`, if it lies in an `interval` written as in "[0, 1)" or "(0, inf)".

    Schedules and arrays pass unread: their values are known only later.
    """
    if callable(value) or isinstance(value, mx.array):
        return value
    if not isinstance(value, Real):
        raise TypeError(f"{owner}: {name} must be a number, got {value!r}")
    low, high = map(float, interval[1:-1].split(","))
    real = float(value)
    above = real >= low if interval[0] == "[" else real > low
    below = real <= high if interval[-1] == "]" else real < high
    if not (above and below):
        raise ValueError(f"{owner}: {name} must be in {interval}, got {value}")
    return real


def pair(
    owner: str, names: tuple[str, str], values: Sequence[Any], intervals: Sequence[str]
) -> tuple[Any, Any]:
    """Two checked numbers, such as betas."""
    if not isinstance(values, (list, tuple)) or len(values) != 2:
        raise ValueError(
            f"{owner}: {names[0]} and {names[1]} must be a pair of numbers, "
            f"got {values!r}"
        )
    first, second = (
        number(owner, name, value, interval)
        for name, value, interval in zip(names, values, intervals, strict=True)
    )
    return first, second
