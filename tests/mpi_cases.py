"""What a rank of a job of test_distributed.py does: mpi_cases.py NAME,NAME [ARGS]."""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ingot.core as mx
import ingot.nn as nn
import ml_dtypes
import numpy as np
from ingot.nn.layers.distributed import shard_inplace, shard_linear
from ingot.utils import tree_flatten, tree_map
from support import ALL, FLOATS, layouts, to_core, to_numpy, wrap

SHAPES = ((), (3,), (4, 5), (0, 2), (2, 1, 7))


def of_rank(rank: int, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """What that rank has, as every rank knows."""
    values = np.random.default_rng(rank).normal(size=shape) * 50
    return np.asarray(values).astype(to_numpy(mx.array([], getattr(mx, dtype))).dtype)


def same(got: mx.array, want: Any) -> None:
    values = to_numpy(got)
    want = np.asarray(want).astype(values.dtype)
    np.testing.assert_array_equal(values, want)


def collectives(group: mx.distributed.Group) -> None:
    ranks = range(group.size())
    for dtype in ["bool_" if name == "bool" else name for name in ALL]:
        for shape in SHAPES:
            parts = [of_rank(r, dtype, shape) for r in ranks]
            x = to_core(parts[group.rank()])
            assert x.dtype == getattr(mx, dtype)
            wide = np.stack(parts)
            exact = wide.astype(np.float64 if dtype in FLOATS else object)
            total = exact.sum(axis=0)
            if dtype not in FLOATS:
                total = wrap(total, parts[0].dtype.name)
                if dtype == "bool_":
                    total = wide.any(axis=0)
            same(mx.distributed.all_sum(x), total)
            same(mx.distributed.all_max(x), exact.max(axis=0))
            same(mx.distributed.all_min(x), exact.min(axis=0))
            same(mx.distributed.all_gather(x), wide.reshape(-1, *shape[1:]))


def layouts_and_nan(group: mx.distributed.Group) -> None:
    n = group.size()
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    for _, given, values in layouts(x):
        same(mx.distributed.all_sum(given), n * values)
        same(mx.distributed.all_gather(given), np.concatenate([values] * n))
    nan = mx.array([np.nan if group.rank() == 1 else 1.0])
    for f in (mx.distributed.all_max, mx.distributed.all_min, mx.distributed.all_sum):
        assert np.isnan(f(nan).item())


def shares(group: mx.distributed.Group) -> None:
    rank, n = group.rank(), group.size()
    parts = [of_rank(r, "float32", (3 * n, 2)) for r in range(n)]
    share = mx.distributed.sum_scatter(to_core(parts[rank]))
    total = np.sum(np.stack(parts), axis=0, dtype=np.float64)
    same(share, total[3 * rank : 3 * rank + 3])
    text = refused(mx.distributed.sum_scatter, mx.zeros(n + 1))
    assert f"must be divisible by {n}" in text


def rounding(group: mx.distributed.Group) -> None:
    """Half types are summed in more than half precision."""
    n = group.size()
    x = mx.array([60000.0], mx.float16)
    assert nn.average_gradients({"w": x})["w"].item() == 60000
    small = mx.array([256.0 if group.rank() == 0 else 1.0], mx.bfloat16)
    want = np.float32(256 + n - 1).astype(ml_dtypes.bfloat16)
    assert mx.distributed.all_sum(small).item() == float(want)


def groups(group: mx.distributed.Group) -> None:
    """The world in reversed order, and its even and odd ranks."""
    rank, n = group.rank(), group.size()
    turned = group.split(0, n - rank)
    assert (turned.rank(), turned.size()) == (n - 1 - rank, n)
    x = mx.distributed.all_gather(mx.array(rank), group=turned)
    same(x, list(range(n))[::-1])
    half = group.split(rank % 2)
    assert half.size() == n // 2 and half.rank() == rank // 2
    same(mx.distributed.all_sum(mx.array(rank), group=half), sum(range(rank % 2, n, 2)))
    assert mx.distributed.init() is group


def messages(group: mx.distributed.Group) -> None:
    """Around the ring, from the first to the last."""
    rank, n = group.rank(), group.size()
    x = to_core(of_rank(0, "bfloat16", (5, 3)))
    if rank == 0:
        assert mx.distributed.send(x + 0, 1) is not None
        same(mx.distributed.recv_like(x, n - 1), to_numpy(x))
    else:
        got = mx.distributed.recv((5, 3), mx.bfloat16, rank - 1)
        mx.distributed.send(got, (rank + 1) % n)
    text = refused(mx.distributed.send, x, rank)
    assert "dst must be the rank of another process" in text
    if rank == 0:
        mx.distributed.send(x, 1)
    elif rank == 1:
        text = refused(mx.distributed.recv, (3, 5), mx.bfloat16, 0)
        assert "must have shape (3, 5)" in text and "got shape (5, 3)" in text


def averages(group: mx.distributed.Group) -> None:
    n = group.size()

    def tree(rank: int) -> dict[str, Any]:
        half = of_rank(rank, "float16", (9,))
        return {
            "layers": [
                {"weight": of_rank(rank + k, "float32", (30 + k, 7)), "bias": half}
                for k in range(5)
            ],
            "scale": of_rank(rank, "float64", ()),
            "table": of_rank(rank, "bfloat16", (4, 4)),
            "none": of_rank(rank, "float32", (0, 3)),
            "empty": {},
        }

    leaves = [
        [x.astype(np.float64) for _, x in tree_flatten(tree(r))] for r in range(n)
    ]
    means = [np.mean(np.stack(parts), axis=0) for parts in zip(*leaves, strict=True)]
    gradients = tree_map(to_core, tree(group.rank()))
    for size in (2**25, 2000, 1, 0, -1):
        averaged = nn.average_gradients(gradients, all_reduce_size=size)
        assert averaged["empty"] == {}
        pairs = zip(tree_flatten(averaged), tree_flatten(gradients), strict=True)
        for ((name, got), (other, x)), mean in zip(pairs, means, strict=True):
            assert (name, got.dtype, got.shape) == (other, x.dtype, x.shape)
            same(got, mean)


def refused(f: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    try:
        f(*args, **kwargs)
    except ValueError as error:
        return str(error)
    raise AssertionError("there was no error")


def refusals(group: mx.distributed.Group) -> None:
    """Every rank sees the error, and none waits; afterwards all is well."""
    first = group.rank() == 0
    x, y = mx.zeros((2, 3)), mx.zeros((3, 2))
    average = nn.average_gradients
    text = refused(average, {"a": {"b": x if first else y}, "c": x})
    assert "'a.b' of shape (2, 3) and ingot.core.float32 on rank 0" in text
    assert "'a.b' of shape (3, 2) and ingot.core.float32 on rank 1" in text
    text = refused(average, {"a": x} if first else {"a": x, "b": x})
    assert "no such array on rank 0 and 'b'" in text
    text = refused(average, {"a": x if first else x.astype(mx.float16)})
    assert "float16 on rank 1" in text
    text = refused(average, {} if first else {"a": x})
    assert "no such array on rank 0" in text
    trees = ({"a": x, "b": x}, {"b": x, "a": x})
    assert "'a' of shape" in refused(average, trees[0 if first else 1])
    f = mx.distributed.all_sum if first else mx.distributed.all_max
    assert "got all_sum on rank 0 and all_max on rank 1" in refused(f, x)
    assert "all_sum: arrays must" in refused(mx.distributed.all_sum, x if first else y)
    same(mx.distributed.all_sum(x + 1), np.full((2, 3), group.size()))


def recorded(group: mx.distributed.Group) -> None:
    """Where there are no values there is nothing to send."""
    text = refused(mx.compile(mx.distributed.all_sum), mx.ones(3))
    assert "placeholder" in text or "compile" in text, text
    same(mx.distributed.all_sum(mx.ones(3)), np.full(3, group.size()))


def gradients(group: mx.distributed.Group) -> None:
    """Of a loss that all ranks compute alike, by the array of each."""
    rank, n = group.rank(), group.size()
    parts = [of_rank(r, "float32", (2, 3)) for r in range(n)]
    x, by = to_core(parts[rank]), to_core(of_rank(9, "float32", (2 * n, 3)))

    def summed(x: mx.array) -> mx.array:
        return (mx.distributed.all_sum(x) ** 2).sum()

    same(mx.grad(summed)(x), to_numpy(2 * mx.distributed.all_sum(x)))
    again = mx.grad(lambda x: mx.grad(summed)(x).sum())(x)
    same(again, np.full((2, 3), 2.0))
    got = mx.grad(lambda x: (mx.distributed.all_gather(x) * by).sum())(x)
    same(got, to_numpy(by)[2 * rank : 2 * rank + 2])
    one = mx.grad(lambda x: mx.distributed.all_gather(x)[n - 1])(mx.array(1.0))
    same(one, float(rank == n - 1))
    whole = mx.concatenate([x] * n)
    got = mx.grad(lambda x: mx.distributed.sum_scatter(x).sum() * (rank + 1))(whole)
    same(got, np.repeat(np.arange(1.0, n + 1), 2)[:, None] * np.ones((1, 3)))
    for f in (mx.distributed.all_max, mx.distributed.all_min):
        text = refused(mx.grad(lambda x, f=f: f(x).sum()), x)
        assert f"{f.__name__}: must not be differentiated" in text
    text = refused(lambda: mx.jvp(mx.distributed.all_sum, [x], [x]))
    assert "all_sum: must not be differentiated" in text
    same(mx.distributed.all_sum(mx.array([1])), [n])  # ranks still agree


def sharded(group: mx.distributed.Group) -> None:
    """Two layers that share their work learn what the whole ones do."""
    rank, n = group.rank(), group.size()
    mx.random.seed(5)
    first, second = nn.Linear(6, 4 * n), nn.Linear(4 * n, 3)
    mx.random.seed(5)
    parts = nn.Sequential(
        nn.AllToShardedLinear(6, 4 * n), nn.Tanh(), nn.ShardedToAllLinear(4 * n, 3)
    )
    x = to_core(of_rank(7, "float32", (5, 6)) / 50)

    def learnt(model: nn.Module) -> tuple[mx.array, Any, mx.array]:
        def loss(x: mx.array) -> mx.array:
            return (model(x) ** 2).sum()

        value, gradients = nn.value_and_grad(model, loss)(x)
        return value, gradients["layers"], mx.grad(loss)(x)

    whole = learnt(nn.Sequential(first, nn.Tanh(), second))
    mine = learnt(parts)

    def cut(tree: Any) -> Any:
        top, bottom = tree[0], tree[2]
        rows = slice(4 * rank, 4 * rank + 4)
        return [
            {"weight": top["weight"][rows], "bias": top["bias"][rows]},
            {},
            {"weight": bottom["weight"][:, rows], "bias": bottom["bias"]},
        ]

    want = (whole[0], cut(whole[1]), whole[2])
    for (name, a), (_, b) in zip(tree_flatten(mine), tree_flatten(want), strict=True):
        np.testing.assert_allclose(
            to_numpy(a), to_numpy(b), rtol=2e-5, atol=1e-5, err_msg=name
        )
    for layer, kind, like in (
        (first, "all-to-sharded", parts.layers[0]),
        (second, "sharded-to-all", parts.layers[2]),
    ):
        made = shard_linear(layer, kind)
        assert repr(made) == repr(like) and f"ranks={n}" in repr(made)
        same(made.weight, to_numpy(like.weight))
        same(made.bias, to_numpy(like.bias))


def sharded_words(group: mx.distributed.Group) -> None:
    n = group.size()
    mx.random.seed(6)
    whole = nn.QuantizedLinear(64 * n, 8 * n, group_size=32, bits=3)
    x = to_core(of_rank(7, "float32", (5, 64 * n)) / 50)
    rows = shard_linear(whole, "all-to-sharded")
    same(mx.distributed.all_gather(rows(x).T).T, to_numpy(whole(x)))
    columns = shard_linear(whole, "sharded-to-all")
    share = slice(64 * group.rank(), 64 * group.rank() + 64)
    np.testing.assert_allclose(
        to_numpy(columns(x[:, share])), to_numpy(whole(x)), rtol=1e-4, atol=1e-4
    )
    assert columns.trainable_parameters() == {}
    text = refused(
        nn.QuantizedShardedToAllLinear, 32 * (n + 1), 8, group_size=32, bits=4
    )
    assert "segments must be divisible" in text
    got = columns.scales.shape, columns.weight.shape
    assert got == ((8 * n, 2), (8 * n, 6))


def segments(group: mx.distributed.Group) -> None:
    """Queries, keys and values in one matrix are divided each by itself."""
    rank, n = group.rank(), group.size()
    fused = nn.Linear(4, 6 * n)
    rows = to_numpy(fused.weight).reshape(3, n, 2, 4)[:, rank].reshape(6, 4)
    for how in (3, [2 * n, 4 * n], [1 / 3, 2 / 3]):
        same(shard_linear(fused, "all-to-sharded", segments=how).weight, rows)
    model = nn.Sequential(fused, nn.Linear(6 * n, n, bias=False))
    columns = to_numpy(model.layers[1].weight)[:, 6 * rank : 6 * rank + 6]

    def sharding(path: str, x: mx.array) -> Any:
        return (0, 3) if path.startswith("layers.0") else 1

    shard_inplace(model, sharding)
    same(model.layers[0].weight, rows)
    same(model.layers[1].weight, columns)
    fresh = nn.Sequential(nn.Linear(4, n), nn.Linear(n, n + 1))
    kept = fresh.layers[0].weight
    text = refused(shard_inplace, fresh, "all-to-sharded")
    assert "shard_inplace: layers.1.weight: segments must be divisible" in text
    assert fresh.layers[0].weight is kept
    assert pickle.loads(pickle.dumps(group)) is group
    try:
        pickle.dumps(group.split(0))
    except TypeError as error:
        assert "split() made can't be pickled" in str(error)
    else:
        raise AssertionError("a group of its own was pickled")
    text = refused(nn.AllToShardedLinear, 4, 2 * n + 1)
    assert f"AllToShardedLinear: weight: segments must be divisible among {n}" in text


def raises(group: mx.distributed.Group) -> None:
    if group.rank() == 1:
        raise KeyError("of rank 1 alone")
    mx.distributed.all_sum(mx.ones(3))


def killed(group: mx.distributed.Group) -> None:
    if group.rank() == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    mx.distributed.all_sum(mx.ones(3))


def example(group: mx.distributed.Group, out: str, *arguments: str) -> None:
    sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
    import data_parallel

    losses = data_parallel.main(["--out", out, *arguments])
    path = Path(out) / f"losses-{group.rank()}-of-{group.size()}.json"
    path.write_text(json.dumps(losses))


def main(names: str, *arguments: str) -> None:
    mx.set_default_device(mx.cpu)
    group = mx.distributed.init()
    for name in names.split(","):
        globals()[name](group, *arguments)
        print(f"{name} done\n", end="", flush=True)  # at once: ranks share a line


if __name__ == "__main__":
    main(*sys.argv[1:])
