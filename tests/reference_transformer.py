"""Float64 oracles of transformers, from parameters by their names."""

from __future__ import annotations

from typing import Any

import numpy as np
import reference_attention
import reference_nn

Array = np.ndarray
Parameters = dict[str, Array]


def within(parameters: Parameters, prefix: str) -> Parameters:
    """Those of a layer, by its own names."""
    start = prefix + "."
    return {n[len(start) :]: p for n, p in parameters.items() if n.startswith(start)}


def linear(p: Parameters, name: str, x: Array) -> Array:
    return reference_nn.linear(x, **within(p, name))


def norm(p: Parameters, name: str, x: Array) -> Array:
    return reference_nn.layer_norm(x, **within(p, name))


def attention(
    p: Parameters, heads: int, q: Array, k: Array, v: Array, mask: Any
) -> Array:
    """Of linear maps of q, k and v, in heads, and joined by another."""

    def split(name: str, x: Array) -> Array:
        y = linear(p, name, x)
        return y.reshape(*y.shape[:2], heads, -1).transpose(0, 2, 1, 3)

    q, k, v = split("query_proj", q), split("key_proj", k), split("value_proj", v)
    y = reference_attention.attention(q, k, v, mask, q.shape[-1] ** -0.5)
    return linear(
        p, "out_proj", y.transpose(0, 2, 1, 3).reshape(*y[:, 0].shape[:2], -1)
    )


def feed(p: Parameters, x: Array) -> Array:
    return linear(p, "linear2", np.maximum(linear(p, "linear1", x), 0))


def encoder_layer(
    p: Parameters, heads: int, x: Array, mask: Any, norm_first: bool = True
) -> Array:
    def attend(x: Array) -> Array:
        return attention(within(p, "attention"), heads, x, x, x, mask)

    if norm_first:
        x = x + attend(norm(p, "ln1", x))
        return x + feed(p, norm(p, "ln2", x))
    x = norm(p, "ln1", x + attend(x))
    return norm(p, "ln2", x + feed(p, x))


def decoder_layer(
    p: Parameters,
    heads: int,
    x: Array,
    memory: Array,
    mask: Any,
    memory_mask: Any,
    norm_first: bool = True,
) -> Array:
    def to_itself(x: Array) -> Array:
        return attention(within(p, "self_attention"), heads, x, x, x, mask)

    def to_memory(x: Array) -> Array:
        inner = within(p, "cross_attention")
        return attention(inner, heads, x, memory, memory, memory_mask)

    if norm_first:
        x = x + to_itself(norm(p, "ln1", x))
        x = x + to_memory(norm(p, "ln2", x))
        return x + feed(p, norm(p, "ln3", x))
    x = norm(p, "ln1", x + to_itself(x))
    x = norm(p, "ln2", x + to_memory(x))
    return norm(p, "ln3", x + feed(p, x))


def encoder(p: Parameters, heads: int, layers: int, x: Array, mask: Any) -> Array:
    for i in range(layers):
        x = encoder_layer(within(p, f"layers.{i}"), heads, x, mask)
    return norm(p, "ln", x)


def decoder(
    p: Parameters,
    heads: int,
    layers: int,
    x: Array,
    memory: Array,
    mask: Any,
    memory_mask: Any,
) -> Array:
    for i in range(layers):
        inner = within(p, f"layers.{i}")
        x = decoder_layer(inner, heads, x, memory, mask, memory_mask)
    return norm(p, "ln", x)


def sinusoids(x: Array, dims: int, low: float, high: float) -> Array:
    """Sines, then cosines, of geometrically spaced frequencies from high to low."""
    angles = x[..., None] * np.geomspace(high, low, dims // 2)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=-1)


def alibi(heads: int, queries: int, keys: int, offset: int = 0) -> Array:
    """-2^(-8 h / heads) |i - j| for heads h from 1, where a power of two."""
    distance = np.abs(np.arange(offset, offset + queries)[:, None] - np.arange(keys))

    def slopes(n: int) -> Array:
        return np.asarray(2.0 ** (-8 * np.arange(1, n + 1) / n))

    below = 2 ** int(np.log2(heads))
    slope = np.concatenate([slopes(below), slopes(2 * below)[::2]])[:heads]
    return -slope[:, None, None] * distance
