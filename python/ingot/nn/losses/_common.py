"""What every loss does: check shapes, weight, reduce, and round."""

from __future__ import annotations

from typing import Any, Literal

import ingot.core as mx

from .._check import array

__all__ = ["Reduction", "check_axis", "check_same", "finish", "result_dtype"]

Reduction = Literal["none", "mean", "sum"]


def check_same(name: str, what_a: str, a: Any, what_b: str, b: Any) -> None:
    array(name, what_a, a)
    array(name, what_b, b)
    if a.shape != b.shape:
        raise ValueError(
            f"{name}: {what_b} must have the shape of {what_a}, {tuple(a.shape)}, "
            f"got {tuple(b.shape)}"
        )


def check_axis(name: str, what: str, x: Any, axis: int) -> int:
    """An axis of `x`, counted from 0."""
    array(name, what, x)
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(
            f"{name}: axis must be an axis of {what}, of shape {tuple(x.shape)}, "
            f"got {axis}"
        )
    return int(axis % x.ndim)


def result_dtype(*arrays: mx.array) -> mx.Dtype:
    dtype = mx.result_type(*(a.dtype for a in arrays))
    return dtype if mx.issubdtype(dtype, mx.floating) else mx.float32


def finish(
    name: str,
    loss: mx.array,
    weights: mx.array | None,
    reduction: str,
    dtype: mx.Dtype,
) -> mx.array:
    """Weight and reduce the losses, and round them to `dtype`."""
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(
            f'{name}: reduction must be "none", "mean" or "sum", got {reduction!r}'
        )
    if weights is not None:
        array(name, "weights", weights)
        if weights.shape != loss.shape:
            raise ValueError(
                f"{name}: weights must have the losses' shape, {tuple(loss.shape)}, "
                f"got {tuple(weights.shape)}"
            )
        loss = loss * weights
    if reduction == "mean":
        loss = mx.mean(loss)
    elif reduction == "sum":
        loss = mx.sum(loss)
    return loss.astype(dtype)
