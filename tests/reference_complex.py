"""Oracles of operations on complex64, in complex128."""

from __future__ import annotations

from typing import Any

import numpy as np
from reference_elementwise import Oracle


def _rsqrt(z: np.ndarray) -> np.ndarray:
    return 1 / np.sqrt(z)


def _log1p(z: np.ndarray) -> np.ndarray:
    """ln(1 + z), whose real part NumPy rounds to a multiple of 1e-16."""
    x, y = np.real(z), np.imag(z)
    less = x * (x + 2) + y * y
    size = np.where(less > -0.5, np.log1p(less) / 2, np.log(np.abs(1 + z)))
    return size + 1j * np.arctan2(y, 1 + x)


def _sign(z: np.ndarray) -> np.ndarray:
    size = np.abs(z)
    return np.where(size == 0, 0, z / np.where(size == 0, 1, size))


def _power(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """e^(b ln a), which is 1 for b = 0 and else 0 at a = 0, where Re b > 0."""
    nowhere = a == 0
    y = np.exp(b * np.log(np.where(nowhere, 1, a)))
    of_zero = np.where(b == 0, 1, np.where(np.real(b) > 0, 0, np.nan + 0j))
    return np.where(nowhere, of_zero, y)


def _var(z: np.ndarray, axis: Any = None, keepdims: bool = False, ddof: int = 0) -> Any:
    """The mean of the squared distances from the mean."""
    return np.var(z, axis=axis, keepdims=keepdims, ddof=ddof)


def _scan(ufunc: Any, start: float) -> Oracle:
    def scan(
        z: np.ndarray, axis: int = 0, reverse: bool = False, inclusive: bool = True
    ) -> np.ndarray:
        z = np.flip(z, axis) if reverse else z
        y = ufunc.accumulate(z, axis=axis)
        if not inclusive:
            first = np.full_like(np.take(y, [0], axis), start)
            rest = np.take(y, range(y.shape[axis] - 1), axis)
            y = np.concatenate([first, rest], axis)
        return np.flip(y, axis) if reverse else y

    return scan


def _complex(f: Any) -> Oracle:
    """NumPy's own, whose complex functions are the C library's."""
    return lambda *args, **kwargs: f(*args, **kwargs)


COMPLEX_ORACLES: dict[str, Oracle] = {
    **{
        name: _complex(getattr(np, name))
        for name in (
            *("abs", "negative", "square", "sqrt", "reciprocal", "exp", "log"),
            *("log2", "log10", "sin", "cos", "tan", "arcsin", "arccos"),
            *("arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"),
            *("isnan", "isinf", "isfinite", "real", "imag", "conjugate", "round"),
            *("add", "subtract", "multiply", "divide", "equal", "not_equal"),
            *("logical_not", "logical_and", "logical_or", "logical_xor"),
            *("sum", "mean", "prod", "std", "all", "any"),
            *("matmul", "inner", "vecdot", "outer", "kron", "where", "concatenate"),
        )
    },
    "sign": _sign,
    "rsqrt": _rsqrt,
    "log1p": _log1p,
    "power": _power,
    "var": _var,
    "cumsum": _scan(np.add, 0),
    "cumprod": _scan(np.multiply, 1),
}
