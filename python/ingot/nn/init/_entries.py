"""Initializers of any array: constant, normal, uniform; and the identity matrix."""

from __future__ import annotations

import ingot.core as mx

from .._check import array, finite
from ._common import (
    Initializer,
    check_dtype,
    check_floating,
    draw_normal,
    draw_uniform,
)

__all__ = ["constant", "identity", "normal", "uniform"]


def constant(value: float, dtype: mx.Dtype = mx.float32) -> Initializer:
    """Make an initializer that fills with one value.

    Args:
        value: The value.
        dtype: The dtype of the result. Default: float32.

    Returns:
        A function of an array `a`, which returns an array of `a`'s shape.

    Raises:
        TypeError: `dtype` is not a dtype; or, when called, `a` is not an array.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.init.constant(0.5)(mx.zeros((2, 2)))
        array([[0.5, 0.5],
               [0.5, 0.5]], dtype=float32)
    """
    check_dtype("constant", dtype)

    def initializer(a: mx.array) -> mx.array:
        array("constant", "a", a)
        return mx.full(a.shape, value, dtype=dtype)

    return initializer


def normal(
    mean: float = 0.0, std: float = 1.0, dtype: mx.Dtype = mx.float32
) -> Initializer:
    """Make an initializer that draws from the normal distribution N(mean, std^2).

    Args:
        mean: The mean. Default: 0.
        std: The standard deviation, at least 0. Default: 1.
        dtype: The floating dtype of the result. Default: float32.

    Returns:
        A function of an array `a` and a random `key` (keyword, default None: the
        global state), which returns an array of `a`'s shape.

    Raises:
        ValueError: `mean` or `std` is not finite, `std` is negative, or `dtype` is not
            floating.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.init.normal()(mx.zeros((2, 2)), key=mx.random.key(0))
        array([[1.81609, -0.754885],
               [0.339889, -0.534835]], dtype=float32)
    """
    mean = finite("normal", "mean", mean)
    std = finite("normal", "std", std, 0.0)
    check_floating("normal", dtype)

    def initializer(a: mx.array, *, key: mx.array | None = None) -> mx.array:
        array("normal", "a", a)
        return draw_normal(a, dtype, mean, std, key)

    return initializer


def uniform(
    low: float = 0.0, high: float = 1.0, dtype: mx.Dtype = mx.float32
) -> Initializer:
    """Make an initializer that draws uniformly from [low, high).

    Args:
        low: The lower bound. Default: 0.
        high: The upper bound, at least `low`. Default: 1.
        dtype: The floating dtype of the result. Default: float32.

    Returns:
        A function of an array `a` and a random `key` (keyword, default None: the
        global state), which returns an array of `a`'s shape.

    Raises:
        ValueError: A bound is not finite, `high` is below `low`, or `dtype` is not
            floating.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> model = nn.Sequential(nn.Linear(5, 10), nn.ReLU(), nn.Linear(10, 5))
        >>> model = model.apply(nn.init.uniform(low=-0.1, high=0.1))
        >>> bool(mx.max(mx.abs(model.layers[0].weight)) <= 0.1)
        True
    """
    low = finite("uniform", "low", low)
    high = finite("uniform", "high", high)
    if high < low:
        raise ValueError(f"uniform: high must be at least low = {low}, got {high}")
    check_floating("uniform", dtype)

    def initializer(a: mx.array, *, key: mx.array | None = None) -> mx.array:
        array("uniform", "a", a)
        return draw_uniform(a, dtype, low, high, key)

    return initializer


def identity(dtype: mx.Dtype = mx.float32) -> Initializer:
    """Make an initializer that returns the identity matrix.

    Args:
        dtype: The dtype of the result. Default: float32.

    Returns:
        A function of a square matrix `a`, which returns an array of `a`'s shape.

    Raises:
        ValueError: When called: `a` is not a square matrix.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.init.identity()(mx.zeros((2, 2)))
        array([[1, 0],
               [0, 1]], dtype=float32)
    """
    check_dtype("identity", dtype)

    def initializer(a: mx.array) -> mx.array:
        array("identity", "a", a)
        if a.ndim != 2 or a.shape[0] != a.shape[1]:
            raise ValueError(
                f"identity: a must be a square matrix, got shape {tuple(a.shape)}"
            )
        return mx.eye(a.shape[0], dtype=dtype)

    return initializer
