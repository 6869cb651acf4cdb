"""Checks of arguments that layers, initializers and losses share."""

from __future__ import annotations

import math
import operator
from typing import Any

import ingot.core as mx

__all__ = [
    "array",
    "finite",
    "integer",
    "integers",
    "last_dimension",
    "positive_integer",
    "wide",
]


def integer(owner: str, name: str, value: Any, minimum: int) -> int:
    """`value` as an int; TypeError or ValueError unless an integer >= `minimum`."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{owner}: {name} must be an integer, got {value!r}") from None
    if number < minimum:
        raise ValueError(f"{owner}: {name} must be at least {minimum}, got {number}")
    return number


def positive_integer(owner: str, name: str, value: Any) -> int:
    """`value` as an int; TypeError or ValueError unless it is an integer >= 1."""
    return integer(owner, name, value, 1)


def integers(
    owner: str, name: str, value: Any, count: int, minimum: int
) -> tuple[int, ...]:
    """`value`, or one int `count` times, as a tuple of `count` ints >= `minimum`."""
    values = value if isinstance(value, (tuple, list)) else (value,) * count
    try:
        if len(values) != count or any(isinstance(v, bool) for v in values):
            raise TypeError
        numbers = tuple(operator.index(v) for v in values)
    except TypeError:
        raise TypeError(
            f"{owner}: {name} must be an integer or {count} of them, got {value!r}"
        ) from None
    if min(numbers) < minimum:
        raise ValueError(f"{owner}: {name} must be at least {minimum}, got {value!r}")
    return numbers


def finite(owner: str, name: str, value: Any, minimum: float = -math.inf) -> float:
    """`value` as a float; TypeError or ValueError unless finite and >= `minimum`."""
    try:
        if isinstance(value, (str, bytes)):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{owner}: {name} must be a number, got {value!r}") from None
    if not math.isfinite(number) or number < minimum:
        bound = "" if minimum == -math.inf else f" and at least {minimum:g}"
        raise ValueError(f"{owner}: {name} must be finite{bound}, got {value!r}")
    return number


def array(owner: str, name: str, value: Any) -> None:
    """TypeError unless `value` is an array."""
    if not isinstance(value, mx.array):
        raise TypeError(f"{owner}: {name} must be an array, got {type(value).__name__}")


def last_dimension(owner: str, x: Any, size: int, name: str = "x") -> None:
    """Raise unless `x` is an array whose last dimension is `size`."""
    array(owner, name, x)
    if x.ndim == 0 or x.shape[-1] != size:
        raise ValueError(
            f"{owner}: last dimension of {name} must be {size}, "
            f"got shape {tuple(x.shape)}"
        )


def wide(x: mx.array) -> mx.array:
    """`x` as it is in float32 or float64, else in float32; not of complex numbers."""
    if x.dtype == mx.complex64:
        raise TypeError(f"nn: arrays must be real, got {x.dtype}")
    return x if x.dtype in (mx.float32, mx.float64) else x.astype(mx.float32)
