"""Layers that are divided among ranks, in a group of one; mpi_cases.py has more."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import ingot.core as mx
import ingot.nn as nn
import numpy as np
import pytest
from ingot.nn.layers.distributed import shard_inplace, shard_linear, sum_gradients
from support import same_bits

KINDS = ["all-to-sharded", "sharded-to-all"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bias", [True, False])
def test_one_rank_computes_all(kind: str, bias: bool) -> None:
    linear = nn.Linear(64, 6, bias)
    layer = shard_linear(linear, kind, segments=2)
    same_bits(layer.parameters(), linear.parameters())
    x = mx.random.normal((2, 3, 64))
    np.testing.assert_allclose(np.array(layer(x)), np.array(linear(x)), atol=1e-6)
    assert f"bias={bias}, ranks=1" in repr(layer)
    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        same_bits([again(x)], [layer(x)])


@pytest.mark.parametrize("kind", KINDS)
def test_quantized(kind: str) -> None:
    linear = nn.QuantizedLinear(64, 6, group_size=32, bits=8)
    layer = shard_linear(linear, kind)
    same_bits(layer.parameters(), linear.parameters())
    x = mx.random.normal((3, 64))
    same_bits([layer(x)], [linear(x)])
    assert layer.trainable_parameters() == {}
    assert list(layer.unfreeze().trainable_parameters()) == ["bias"]
    assert "ranks=1, group_size=32, bits=8, mode=affine" in repr(layer)


def test_the_same_seed_gives_the_parameters_of_linear() -> None:
    for kind, whole in (
        (nn.AllToShardedLinear, nn.Linear),
        (nn.ShardedToAllLinear, nn.Linear),
        (nn.QuantizedAllToShardedLinear, nn.QuantizedLinear),
        (nn.QuantizedShardedToAllLinear, nn.QuantizedLinear),
    ):
        made = []
        for make in (kind, whole):
            mx.random.seed(3)
            extra = {} if whole is nn.Linear else {"group_size": 64, "bits": 4}
            made.append(make(64, 6, **extra).parameters())
        same_bits(*made)


def test_gradients_of_one_rank_are_its_own() -> None:
    f = sum_gradients(mx.distributed.init())
    assert mx.grad(lambda x: (f(x) ** 2).sum())(mx.array([1.0, 3.0])).tolist() == [2, 6]


X = mx.zeros((2, 5))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: shard_linear(nn.Linear(4, 2), "rows"), ValueError, "sharding must be"),
        (lambda: shard_linear(nn.ReLU(), KINDS[0]), TypeError, "got ReLU"),
        (
            lambda: shard_linear(nn.Linear(4, 2), KINDS[0], group=3),
            TypeError,
            "got int",
        ),
        (
            lambda: shard_linear(nn.Linear(4, 2), KINDS[0], segments=0),
            ValueError,
            "segments must",
        ),
        (
            lambda: shard_linear(nn.Linear(4, 2), KINDS[0], segments=[3]),
            ValueError,
            "segments must",
        ),
        (
            lambda: shard_linear(nn.Linear(4, 2), KINDS[0], segments="qkv"),
            TypeError,
            "segments must",
        ),
        (lambda: shard_inplace([], KINDS[0]), TypeError, "module must be a Module"),
        (lambda: shard_inplace(nn.Linear(4, 2), "rows"), ValueError, "sharding must"),
        (
            lambda: shard_inplace(nn.Linear(4, 2), lambda path, x: 2),
            ValueError,
            "axis",
        ),
        (lambda: nn.AllToShardedLinear(4, 0), ValueError, "output_dims"),
        (lambda: nn.ShardedToAllLinear(4, 2, group="all"), TypeError, "group must be"),
        (
            lambda: nn.AllToShardedLinear(4, 2)(X),
            ValueError,
            r"AllToShardedLinear\(input_dims=4, .*last dimension of x must be 4",
        ),
        (
            lambda: nn.QuantizedShardedToAllLinear(64, 2)(X),
            ValueError,
            r"QuantizedShardedToAllLinear\(.*last dimension of x must be 64",
        ),
    ],
)
def test_refused(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()


def test_what_is_empty_stays() -> None:
    layer = nn.Linear(4, 2)
    layer.weight = mx.zeros((0, 4))
    shard_inplace(layer, "all-to-sharded", segments=2)
    assert layer.weight.shape == (0, 4)
