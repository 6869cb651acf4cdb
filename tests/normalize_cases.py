"""What tests of normalization on both devices share: the oracle with gradients."""

from __future__ import annotations

from typing import Any

import ingot.core as mx
import numpy as np
from reference_arrays import layer_norm, rms_norm

FUNCTIONS = ["layer_norm", "rms_norm"]


def value(name: str, x: Any, weight: Any, bias: Any, eps: float) -> Any:
    """The oracle of either function; rms_norm has no bias."""
    if name == "rms_norm":
        return rms_norm(x, weight, eps)
    return layer_norm(x, weight, bias, eps)


def core(name: str, x: Any, weight: Any, bias: Any, eps: float) -> Any:
    """The function itself."""
    if name == "rms_norm":
        return mx.fast.rms_norm(x, weight, eps)
    return mx.fast.layer_norm(x, weight, bias, eps)


def root(name: str, x: Any, eps: float) -> Any:
    """What rows are divided by."""
    d = x - np.mean(x, axis=-1, keepdims=True) if name == "layer_norm" else x
    return np.sqrt(np.mean(d * d, axis=-1, keepdims=True) + eps)


def gradients(name: str, x: Any, weight: Any, cotangent: Any, eps: float) -> list[Any]:
    """Of x, weight and bias: the closed form, in float64.

    With y = (x - m) / r, r its root, and g the gradient of y, that of x is J'g, where
    dy_i / dx_j = (delta_ij - centred / n - y_i y_j / n) / r.
    """
    centred = float(name == "layer_norm")
    y, r = value(name, x, None, None, eps), root(name, x, eps)
    g = cotangent if weight is None else cotangent * weight
    n = x.shape[-1]
    jacobian = np.eye(n) - centred / n - y[..., :, None] * y[..., None, :] / n
    dx = np.einsum("...ij,...i->...j", jacobian, g) / r
    rows = tuple(range(x.ndim - 1))
    return [dx, np.sum(cotangent * y, axis=rows), np.sum(cotangent, axis=rows)]


def given(name: str, weighted: bool, biased: bool) -> tuple[int, ...]:
    """The arguments of `core` that are arrays."""
    chosen = [0, *([1] if weighted else [])]
    return tuple(chosen + ([2] if biased and name == "layer_norm" else []))


def core_gradients(
    name: str, arrays: list[Any], cotangent: Any, eps: float
) -> dict[int, Any]:
    """By argument: of those among x, weight and bias that are not None."""
    present = given(name, arrays[1] is not None, arrays[2] is not None)

    def f(*some: Any) -> list[Any]:
        full = list(arrays)
        for i, a in zip(present, some, strict=True):
            full[i] = a
        return [core(name, *full, eps)]

    _, got = mx.vjp(f, [arrays[i] for i in present], [cotangent])
    return dict(zip(present, got, strict=True))
