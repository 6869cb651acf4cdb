"""Float64 oracles of attention, rotary positions and cross entropy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Oracle = Callable[..., Any]


def scores(q: np.ndarray, k: np.ndarray, mask: Any, scale: float) -> np.ndarray:
    """scale q k^T, -inf where a query does not see a key; heads of k are repeated."""
    k = np.repeat(k, q.shape[1] // max(k.shape[1], 1), axis=1)
    s = scale * (q @ np.swapaxes(k, -1, -2))
    if isinstance(mask, str):
        last = np.arange(s.shape[-2])[:, None] + s.shape[-1] - s.shape[-2]
        return np.where(np.arange(s.shape[-1]) <= last, s, -np.inf)
    if mask is None:
        return s
    mask = np.asarray(mask)
    return np.where(mask, s, -np.inf) if mask.dtype == np.bool_ else s + mask


def attention(
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    mask: Any,
    scale: float,
    sinks: Any = None,
) -> np.ndarray:
    """softmax(scores) v, where a sink has a score but no value; of no key 0."""
    s = scores(q, k, mask, scale)
    sink = np.full(q.shape[1], -np.inf) if sinks is None else sinks
    s = np.concatenate(
        [s, np.broadcast_to(sink[:, None, None], (*s.shape[:3], 1))], axis=-1
    )
    top = np.max(s, axis=-1, keepdims=True)
    e = np.exp(s - np.where(top == -np.inf, 0.0, top))
    total = np.sum(e, axis=-1, keepdims=True)
    p = e / np.where(total == 0, 1.0, total)
    return p[..., :-1] @ np.repeat(v, q.shape[1] // max(v.shape[1], 1), axis=1)


def attention_scale(
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    mask: Any,
    scale: float,
    sinks: Any = None,
) -> Any:
    """The largest value, times what rounding may add to the exponent of a weight."""
    size = np.max(np.abs(scores(np.abs(q), np.abs(k), None, scale)), initial=0.0)
    if isinstance(mask, np.ndarray):
        size += np.max(np.abs(mask), initial=0.0)
    return (1 + size) * np.max(np.abs(v), initial=0.0)


def rope(
    x: np.ndarray,
    dims: int,
    traditional: bool,
    base: float | None,
    scale: float,
    offset: Any,
    freqs: Any = None,
) -> np.ndarray:
    """Pairs of features turned by scale (offset + t) / base^(2 i / dims)."""
    half = dims // 2
    period = base ** (np.arange(half) / half) if freqs is None else np.asarray(freqs)
    first = np.reshape(np.asarray(offset), (-1, *[1] * (x.ndim - 1)))
    angle = (first + np.arange(x.shape[-2])[:, None]) * scale / period
    y = np.array(x)
    a = slice(0, dims, 2) if traditional else slice(0, half)
    b = slice(1, dims, 2) if traditional else slice(half, dims)
    y[..., a] = x[..., a] * np.cos(angle) - x[..., b] * np.sin(angle)
    y[..., b] = x[..., a] * np.sin(angle) + x[..., b] * np.cos(angle)
    return y


def rope_scale(x: np.ndarray, dims: int, *_: Any) -> Any:
    """The largest feature: each result is a sum of two."""
    return np.max(np.abs(x), initial=0.0)


def cross_entropy(logits: np.ndarray, targets: Any) -> np.ndarray:
    """logsumexp(logits) - logits[target]."""
    top = np.max(logits, axis=-1, keepdims=True)
    total = np.log(np.sum(np.exp(logits - top), axis=-1, keepdims=True)) + top
    index = np.asarray(targets, dtype=np.int64)[..., None]
    return (total - np.take_along_axis(logits, index, axis=-1))[..., 0]


def cross_entropy_scale(logits: np.ndarray, targets: Any) -> Any:
    return 1 + 2 * np.max(np.abs(logits), axis=-1)


FAST: dict[str, Oracle] = {
    "scaled_dot_product_attention": attention,
    "rope": rope,
    "cross_entropy": cross_entropy,
}
