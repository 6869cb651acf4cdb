"""Layers and modules of which each process of a group holds a part."""

from __future__ import annotations

from .._sharded import (
    AllToShardedLinear,
    QuantizedAllToShardedLinear,
    QuantizedShardedToAllLinear,
    ShardedToAllLinear,
    shard_linear,
)
from .._shards import shard_inplace, sum_gradients

__all__ = [
    "AllToShardedLinear",
    "QuantizedAllToShardedLinear",
    "QuantizedShardedToAllLinear",
    "ShardedToAllLinear",
    "shard_inplace",
    "shard_linear",
    "sum_gradients",
]
