"""Initializers whose scale follows from the sizes of a layer: Glorot and He."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import ingot.core as mx

from .._check import array, finite
from ._common import Initializer, check_floating, draw_normal, draw_uniform

__all__ = ["glorot_normal", "glorot_uniform", "he_normal", "he_uniform"]

# From an array, a dtype, a standard deviation and a key to numbers of mean 0.
Draw = Callable[[mx.array, mx.Dtype, float, "mx.array | None"], mx.array]


def glorot_normal(dtype: mx.Dtype = mx.float32) -> Initializer:
    """Make a Glorot initializer: normal with std = gain sqrt(2 / (fan_in + fan_out)).

    fan_in = shape[-1] n and fan_out = shape[0] n, where n is the product of the
    dimensions between (a convolution's kernel).

    Args:
        dtype: The floating dtype of the result. Default: float32.

    Returns:
        A function of an array `a`, a `gain` (default 1) and a random `key` (keyword,
        default None: the global state), which returns an array of `a`'s shape.

    Raises:
        ValueError: `dtype` is not floating; or, when called, `a` has fewer than 2
            dimensions or fan_in + fan_out is 0.

    Reference:
        Glorot and Bengio (2010), Understanding the difficulty of training deep
        feedforward neural networks, https://proceedings.mlr.press/v9/glorot10a.html

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.init.glorot_normal()(mx.zeros((4, 8)), gain=2.0).shape
        (4, 8)
    """
    return _glorot("glorot_normal", dtype, _normal)


def glorot_uniform(dtype: mx.Dtype = mx.float32) -> Initializer:
    """Make a Glorot initializer: uniform with limit gain sqrt(6 / (fan_in + fan_out)).

    Args:
        dtype: The floating dtype of the result. Default: float32.

    Returns:
        A function of an array `a`, a `gain` (default 1) and a random `key` (keyword,
        default None: the global state), which returns an array of `a`'s shape.

    Raises:
        ValueError: As for `glorot_normal`, which defines the fans.

    Reference:
        Glorot and Bengio (2010), Understanding the difficulty of training deep
        feedforward neural networks, https://proceedings.mlr.press/v9/glorot10a.html

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.init.glorot_uniform()(mx.zeros((4, 8)), gain=2.0).shape
        (4, 8)
    """
    return _glorot("glorot_uniform", dtype, _uniform)


def he_normal(dtype: mx.Dtype = mx.float32) -> Initializer:
    """Make a He initializer: normal with std = gain / sqrt(fan).

    The gain for a network of rectified linear units is sqrt(2); the default is 1.

    Args:
        dtype: The floating dtype of the result. Default: float32.

    Returns:
        A function of an array `a`, a `mode` ("fan_in", the default, or "fan_out"), a
        `gain` (default 1) and a random `key` (keyword, default None: the global
        state), which returns an array of `a`'s shape.

    Raises:
        ValueError: `dtype` is not floating; or, when called, `a` has fewer than 2
            dimensions, the fan is 0, or `mode` is neither of these.

    Reference:
        He et al. (2015), Delving deep into rectifiers, https://arxiv.org/abs/1502.01852

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.init.he_normal()(mx.zeros((4, 8)), mode="fan_out", gain=2**0.5).shape
        (4, 8)
    """
    return _he("he_normal", dtype, _normal)


def he_uniform(dtype: mx.Dtype = mx.float32) -> Initializer:
    """Make a He initializer: uniform with limit gain sqrt(3 / fan).

    Args:
        dtype: The floating dtype of the result. Default: float32.

    Returns:
        A function of an array `a`, a `mode` ("fan_in", the default, or "fan_out"), a
        `gain` (default 1) and a random `key` (keyword, default None: the global
        state), which returns an array of `a`'s shape.

    Raises:
        ValueError: As for `he_normal`.

    Reference:
        He et al. (2015), Delving deep into rectifiers, https://arxiv.org/abs/1502.01852

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.init.he_uniform()(mx.zeros((4, 8)), mode="fan_out").shape
        (4, 8)
    """
    return _he("he_uniform", dtype, _uniform)


def _normal(a: mx.array, dtype: mx.Dtype, std: float, key: mx.array | None) -> mx.array:
    return draw_normal(a, dtype, 0.0, std, key)


def _uniform(
    a: mx.array, dtype: mx.Dtype, std: float, key: mx.array | None
) -> mx.array:
    limit = math.sqrt(3) * std
    return draw_uniform(a, dtype, -limit, limit, key)


def _glorot(owner: str, dtype: mx.Dtype, draw: Draw) -> Initializer:
    check_floating(owner, dtype)

    def initializer(
        a: mx.array, gain: float = 1.0, *, key: mx.array | None = None
    ) -> mx.array:
        factor = finite(owner, "gain", gain, 0.0)
        total = sum(_fans(owner, a))
        if total == 0:
            raise ValueError(
                f"{owner}: fan_in + fan_out must not be 0, got shape {a.shape}"
            )
        return draw(a, dtype, factor * math.sqrt(2 / total), key)

    return initializer


def _he(owner: str, dtype: mx.Dtype, draw: Draw) -> Initializer:
    check_floating(owner, dtype)

    def initializer(
        a: mx.array,
        mode: Literal["fan_in", "fan_out"] = "fan_in",
        gain: float = 1.0,
        *,
        key: mx.array | None = None,
    ) -> mx.array:
        factor = finite(owner, "gain", gain, 0.0)
        if mode not in ("fan_in", "fan_out"):
            raise ValueError(
                f'{owner}: mode must be "fan_in" or "fan_out", got {mode!r}'
            )
        fan = _fans(owner, a)[mode == "fan_out"]
        if fan == 0:
            raise ValueError(f"{owner}: {mode} must not be 0, got shape {a.shape}")
        return draw(a, dtype, factor * (1 / math.sqrt(fan)), key)

    return initializer


def _fans(owner: str, a: mx.array) -> tuple[int, int]:
    """fan_in and fan_out of a weight (outputs, *kernel, inputs)."""
    array(owner, "a", a)
    if a.ndim < 2:
        raise ValueError(
            f"{owner}: a must have at least 2 dimensions, got shape {tuple(a.shape)}"
        )
    kernel = math.prod(a.shape[1:-1])
    return a.shape[-1] * kernel, a.shape[0] * kernel
