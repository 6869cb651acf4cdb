"""Initializers of matrices: sparse and orthogonal."""

from __future__ import annotations

import math

import ingot.core as mx

from .._check import array, finite
from ._common import Initializer, check_floating, draw_normal

__all__ = ["orthogonal", "sparse"]


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
    check_floating("sparse", dtype)

    def initializer(a: mx.array, *, key: mx.array | None = None) -> mx.array:
        rows, columns = _matrix_shape("sparse", a)
        # Rounded first: 0.7 * 10 is a little more than 7.
        zeros = math.ceil(round(sparsity * columns, 9))
        places, values = (None, None) if key is None else mx.random.split(key)
        shuffle = mx.random.uniform(shape=(rows, columns), key=places)
        # A row of argsort is a random permutation, so its entries below `zeros` are
        # at that many random places.
        is_zero = mx.argsort(shuffle, axis=1) < zeros
        return mx.where(is_zero, 0, draw_normal(a, dtype, mean, std, values))

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
    check_floating("orthogonal", dtype)
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


def _matrix_shape(owner: str, a: mx.array) -> tuple[int, int]:
    array(owner, "a", a)
    if a.ndim != 2:
        raise ValueError(f"{owner}: a must be a matrix, got shape {tuple(a.shape)}")
    rows, columns = a.shape
    return rows, columns
