"""Initializers: each makes a function from an array to a new array of its shape.

Those that are random take numbers from `mx.random`'s global state, or from `key`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import ingot.core as mx

from ._check import array, finite

__all__ = [
    "constant",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "normal",
    "orthogonal",
    "sparse",
    "uniform",
]

Initializer = Callable[..., mx.array]


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
    _check_dtype("constant", dtype)

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
    _check_floating("normal", dtype)

    def initializer(a: mx.array, *, key: mx.array | None = None) -> mx.array:
        array("normal", "a", a)
        return _normal(a.shape, dtype, mean, std, key)

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
    _check_floating("uniform", dtype)

    def initializer(a: mx.array, *, key: mx.array | None = None) -> mx.array:
        array("uniform", "a", a)
        return _uniform(a.shape, dtype, low, high, key)

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
    _check_dtype("identity", dtype)

    def initializer(a: mx.array) -> mx.array:
        array("identity", "a", a)
        if a.ndim != 2 or a.shape[0] != a.shape[1]:
            raise ValueError(
                f"identity: a must be a square matrix, got shape {tuple(a.shape)}"
            )
        return mx.eye(a.shape[0], dtype=dtype)

    return initializer


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
    _check_floating("glorot_normal", dtype)

    def initializer(
        a: mx.array, gain: float = 1.0, *, key: mx.array | None = None
    ) -> mx.array:
        std = finite("glorot_normal", "gain", gain, 0.0) * _glorot("glorot_normal", a)
        return _normal(a.shape, dtype, 0.0, std, key)

    return initializer


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
    _check_floating("glorot_uniform", dtype)

    def initializer(
        a: mx.array, gain: float = 1.0, *, key: mx.array | None = None
    ) -> mx.array:
        std = finite("glorot_uniform", "gain", gain, 0.0) * _glorot("glorot_uniform", a)
        limit = math.sqrt(3) * std
        return _uniform(a.shape, dtype, -limit, limit, key)

    return initializer


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
    _check_floating("he_normal", dtype)

    def initializer(
        a: mx.array,
        mode: Literal["fan_in", "fan_out"] = "fan_in",
        gain: float = 1.0,
        *,
        key: mx.array | None = None,
    ) -> mx.array:
        std = finite("he_normal", "gain", gain, 0.0) * _he("he_normal", a, mode)
        return _normal(a.shape, dtype, 0.0, std, key)

    return initializer


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
    _check_floating("he_uniform", dtype)

    def initializer(
        a: mx.array,
        mode: Literal["fan_in", "fan_out"] = "fan_in",
        gain: float = 1.0,
        *,
        key: mx.array | None = None,
    ) -> mx.array:
        std = finite("he_uniform", "gain", gain, 0.0) * _he("he_uniform", a, mode)
        limit = math.sqrt(3) * std
        return _uniform(a.shape, dtype, -limit, limit, key)

    return initializer


def sparse(
    sparsity: float,
    mean: float = 0.0,
    std: float = 1.0,
    dtype: mx.Dtype = mx.float32,
) -> Initializer:
    """Make an initializer of sparse matrices: normal, but for zeros in each row.

    Each row of n entries has ceil(sparsity n) zeros, at places drawn for that row.

    Args:
        sparsity: The fraction of zeros, in [0, 1].
        mean: The mean of the other entries. Default: 0.
        std: Their standard deviation, at least 0. Default: 1.
        dtype: The floating dtype of the result. Default: float32.

    Returns:
        A function of a matrix `a` and a random `key` (keyword, default None: the
        global state), which returns an array of `a`'s shape.

    Raises:
        ValueError: An argument is out of range; or, when called, `a` is not a matrix.

    Reference:
        Martens (2010), Deep learning via Hessian-free optimization.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> w = nn.init.sparse(sparsity=0.5)(mx.zeros((3, 4)))
        >>> (w == 0).sum(axis=1).tolist()
        [2, 2, 2]
    """
    sparsity = finite("sparse", "sparsity", sparsity)
    if not 0 <= sparsity <= 1:
        raise ValueError(f"sparse: sparsity must be in [0, 1], got {sparsity}")
    mean = finite("sparse", "mean", mean)
    std = finite("sparse", "std", std, 0.0)
    _check_floating("sparse", dtype)

    def initializer(a: mx.array, *, key: mx.array | None = None) -> mx.array:
        rows, columns = _matrix_shape("sparse", a)
        # Rounded first: 0.7 * 10 is a little more than 7.
        zeros = math.ceil(round(sparsity * columns, 9))
        places, values = (None, None) if key is None else mx.random.split(key)
        shuffle = mx.random.uniform(shape=(rows, columns), key=places)
        # A row of argsort is a random permutation, so its entries below `zeros` are
        # at that many random places.
        is_zero = mx.argsort(shuffle, axis=1) < zeros
        return mx.where(is_zero, 0, _normal(a.shape, dtype, mean, std, values))

    return initializer


def orthogonal(gain: float = 1.0, dtype: mx.Dtype = mx.float32) -> Initializer:
    """Make an initializer of matrices with orthonormal rows or columns, times `gain`.

    The shorter of rows and columns are orthonormal. The matrix is uniform among these
    (Haar measure): Q of the QR decomposition of a normal matrix, with the signs chosen
    to make R's diagonal positive.

    Args:
        gain: The factor. Default: 1.
        dtype: The floating dtype of the result; float64 is computed in float64, others
            in float32. Default: float32.

    Returns:
        A function of a matrix `a` and a random `key` (keyword, default None: the
        global state), which returns an array of `a`'s shape.

    Raises:
        ValueError: `gain` is not finite or `dtype` not floating; or, when called, `a`
            is not a matrix.

    Reference:
        Saxe, McClelland and Ganguli (2014), https://arxiv.org/abs/1312.6120; Mezzadri
        (2007), How to generate random matrices from the classical compact groups.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> w = nn.init.orthogonal()(mx.zeros((2, 3)))
        >>> bool(mx.allclose(w @ w.T, mx.eye(2), atol=1e-5))
        True
    """
    gain = finite("orthogonal", "gain", gain)
    _check_floating("orthogonal", dtype)
    working = mx.float64 if dtype == mx.float64 else mx.float32

    def initializer(a: mx.array, *, key: mx.array | None = None) -> mx.array:
        rows, columns = _matrix_shape("orthogonal", a)
        if rows == 0 or columns == 0:
            return mx.zeros((rows, columns), dtype=dtype)
        tall, narrow = max(rows, columns), min(rows, columns)
        samples = mx.random.normal(shape=(tall, narrow), key=key).astype(working)
        q, r = mx.linalg.qr(samples)
        i = mx.arange(narrow)
        q = gain * q * mx.where(r[i, i] < 0, -1, 1)
        return (q if rows >= columns else q.T).astype(dtype)

    return initializer


def _normal(
    shape: Any, dtype: mx.Dtype, mean: float, std: float, key: mx.array | None
) -> mx.array:
    # One call, so that one kernel goes from random bits to final values.
    return mx.random.normal(shape=shape, dtype=dtype, loc=mean, scale=std, key=key)


def _uniform(
    shape: Any, dtype: mx.Dtype, low: float, high: float, key: mx.array | None
) -> mx.array:
    return mx.random.uniform(low=low, high=high, shape=shape, dtype=dtype, key=key)


def _glorot(owner: str, a: mx.array) -> float:
    """sqrt(2 / (fan_in + fan_out))."""
    fan_in, fan_out = _fans(owner, a)
    if fan_in + fan_out == 0:
        raise ValueError(
            f"{owner}: fan_in + fan_out must not be 0, got shape {tuple(a.shape)}"
        )
    return math.sqrt(2 / (fan_in + fan_out))


def _he(owner: str, a: mx.array, mode: str) -> float:
    """1 / sqrt(fan)."""
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f'{owner}: mode must be "fan_in" or "fan_out", got {mode!r}')
    fan = _fans(owner, a)[mode == "fan_out"]
    if fan == 0:
        raise ValueError(f"{owner}: {mode} must not be 0, got shape {tuple(a.shape)}")
    return 1 / math.sqrt(fan)


def _fans(owner: str, a: mx.array) -> tuple[int, int]:
    """fan_in and fan_out of a weight (outputs, *kernel, inputs)."""
    array(owner, "a", a)
    if a.ndim < 2:
        raise ValueError(
            f"{owner}: a must have at least 2 dimensions, got shape {tuple(a.shape)}"
        )
    kernel = math.prod(a.shape[1:-1])
    return a.shape[-1] * kernel, a.shape[0] * kernel


def _matrix_shape(owner: str, a: mx.array) -> tuple[int, int]:
    array(owner, "a", a)
    if a.ndim != 2:
        raise ValueError(f"{owner}: a must be a matrix, got shape {tuple(a.shape)}")
    rows, columns = a.shape
    return rows, columns


def _check_dtype(owner: str, dtype: Any) -> None:
    if not isinstance(dtype, mx.Dtype):
        raise TypeError(f"{owner}: dtype must be a dtype, got {dtype!r}")


def _check_floating(owner: str, dtype: Any) -> None:
    _check_dtype(owner, dtype)
    if not mx.issubdtype(dtype, mx.floating):
        raise ValueError(f"{owner}: dtype must be floating, got {dtype}")
