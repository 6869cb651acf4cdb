"""A case of every layer: how it is made, what it takes, and its float64 oracle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import ingot.core as mx
import numpy as np
import reference_layers as layers
import reference_nn as reference
from ingot import nn
from ingot.utils import tree_flatten
from support import to_core, to_numpy

__all__ = ["CASES", "LayerCase", "arrays_of", "parameters", "randomize"]

Shape = tuple[int, ...]


@dataclass(frozen=True)
class LayerCase:
    """A layer, the shapes of its inputs, and what it computes.

    The oracle takes inputs and parameters, by name, of float64; a layer of several
    results is compared with them stacked.
    """

    make: Callable[[], nn.Module]
    shapes: tuple[Shape, ...]
    oracle: Callable[..., Any]
    rounds_once: bool = False  # half types: computed in float32, rounded at the end


def embed(x: Any, weight: np.ndarray) -> np.ndarray:
    """Rows of the table, at places made of any numbers."""
    return weight[np.abs(x).astype(int) % len(weight)]


class Lookup(nn.Embedding):
    """An Embedding of the same places."""

    def __call__(self, x: Any) -> Any:
        return super().__call__(mx.abs(x).astype(mx.int32) % self.weight.shape[0])


def pool(name: str, places: int, *arguments: Any) -> LayerCase:
    """A pooling layer with (kernel, stride, padding), tuples or numbers."""
    kernel, stride, padding = (
        a if isinstance(a, tuple) else (a,) * places for a in arguments
    )
    oracle = layers.max_pool if name == "Max" else layers.average_pool
    shape = (2, *(7, 6, 5)[:places], 3)
    return LayerCase(
        partial(getattr(nn, f"{name}Pool{places}d"), *arguments),
        (shape,),
        partial(oracle, kernel=kernel, stride=stride, padding=padding),
        rounds_once=True,
    )


def upsample(scales: Any, *arguments: Any, **options: Any) -> LayerCase:
    each = scales if isinstance(scales, tuple) else (scales, scales)
    return LayerCase(
        partial(nn.Upsample, scales, *arguments, **options),
        ((2, *(5, 4)[: len(each)], 3),),
        lambda x: layers.upsample(x, each, *arguments, **options),
        rounds_once=True,
    )


def lstm_with_states(
    x: np.ndarray, hidden: np.ndarray, cell: np.ndarray, **parameters: np.ndarray
) -> np.ndarray:
    return layers.lstm(x, **parameters, hidden=hidden, cell=cell)


CASES: dict[str, LayerCase] = {
    "Linear": LayerCase(lambda: nn.Linear(4, 3), ((5, 4),), reference.linear),
    "Bilinear": LayerCase(
        lambda: nn.Bilinear(4, 3, 2), ((5, 4), (5, 3)), layers.bilinear
    ),
    "Bilinear bias=False": LayerCase(
        lambda: nn.Bilinear(4, 3, 2, bias=False), ((2, 5, 4), (3,)), layers.bilinear
    ),
    "Embedding": LayerCase(lambda: Lookup(6, 3), ((5, 2),), embed),
    "Identity": LayerCase(nn.Identity, ((5, 2),), lambda x: x),
    "Sequential": LayerCase(
        lambda: nn.Sequential(nn.Linear(4, 3)),
        ((5, 4),),
        lambda x, **p: reference.linear(x, p["layers.0.weight"], p["layers.0.bias"]),
    ),
    **{
        name: LayerCase(lambda c=c: c(0.0), ((2, 3, 3, 4),), lambda x: x, True)
        for name, c in (("Dropout", nn.Dropout), ("Dropout2d", nn.Dropout2d))
    },
    "Dropout3d": LayerCase(
        lambda: nn.Dropout3d(0.0), ((2, 3, 3, 2, 4),), lambda x: x, True
    ),
    "LayerNorm": LayerCase(
        lambda: nn.LayerNorm(6), ((5, 6),), reference.layer_norm, True
    ),
    "RMSNorm": LayerCase(lambda: nn.RMSNorm(6), ((5, 6),), reference.rms_norm, True),
    "BatchNorm": LayerCase(
        lambda: nn.BatchNorm(3, eps=1e-3, track_running_stats=False),
        ((9, 3),),
        partial(layers.batch_norm, eps=1e-3),
        True,
    ),
    "BatchNorm affine=False": LayerCase(
        lambda: nn.BatchNorm(3, affine=False, track_running_stats=False),
        ((2, 4, 5, 3),),
        layers.batch_norm,
        True,
    ),
    "InstanceNorm": LayerCase(
        lambda: nn.InstanceNorm(3), ((2, 4, 5, 3),), layers.instance_norm, True
    ),
    "InstanceNorm affine": LayerCase(
        lambda: nn.InstanceNorm(3, eps=0.1, affine=True),
        ((2, 7, 3),),
        partial(layers.instance_norm, eps=0.1),
        True,
    ),
    "GroupNorm": LayerCase(
        lambda: nn.GroupNorm(2, 6),
        ((2, 4, 5, 6),),
        partial(layers.group_norm, groups=2),
        True,
    ),
    "GroupNorm as in PyTorch": LayerCase(
        lambda: nn.GroupNorm(3, 6, pytorch_compatible=True),
        ((2, 5, 6),),
        partial(layers.group_norm, groups=3, in_a_row=True),
        True,
    ),
    "GroupNorm affine=False": LayerCase(
        lambda: nn.GroupNorm(2, 6, eps=0.1, affine=False),
        ((4, 6),),
        partial(layers.group_norm, groups=2, eps=0.1),
        True,
    ),
    "RNN": LayerCase(lambda: nn.RNN(3, 4), ((2, 5, 3),), layers.rnn),
    "RNN nonlinearity": LayerCase(
        lambda: nn.RNN(3, 4, bias=False, nonlinearity=nn.sigmoid),
        ((5, 3), (4,)),
        lambda x, h, **p: layers.rnn(x, **p, hidden=h, nonlinearity=reference.sigmoid),
    ),
    "GRU": LayerCase(lambda: nn.GRU(3, 4), ((2, 5, 3),), layers.gru),
    "GRU hidden": LayerCase(
        lambda: nn.GRU(3, 4, bias=False),
        ((2, 2, 5, 3), (2, 2, 4)),
        lambda x, h, **p: layers.gru(x, **p, hidden=h),
    ),
    "LSTM": LayerCase(lambda: nn.LSTM(3, 4), ((2, 5, 3),), layers.lstm),
    "LSTM states": LayerCase(
        lambda: nn.LSTM(3, 4, bias=False), ((5, 3), (4,), (4,)), lstm_with_states
    ),
    **{
        f"{kind}Pool{d}d": pool(kind, d, 2, 2, 0)
        for kind in ("Max", "Avg")
        for d in (1, 2, 3)
    },
    **{
        f"{kind}Pool{d}d overlapping": pool(
            kind, d, (3, 2, 3)[:d], (2, 1, 1)[:d], (1, 0, 2)[:d]
        )
        for kind in ("Max", "Avg")
        for d in (1, 2, 3)
    },
    "Upsample": upsample(2),
    "Upsample nearest 1.7": upsample(1.7),
    "Upsample nearest 0.6": upsample((0.6, 0.5)),
    **{
        f"Upsample {mode} {scales} {corners=}": upsample(scales, mode, corners)
        for mode in ("linear", "cubic")
        for scales in (2.0, (1.7, 0.6))
        for corners in (False, True)
    },
    **{
        f"Upsample {mode} antialias": upsample((0.4, 1.5), mode, antialias=True)
        for mode in ("linear", "cubic")
    },
}


def randomize(layer: nn.Module, rng: np.random.Generator) -> nn.Module:
    """Give the layer parameters that are no one's initial values."""

    def draw(p: Any) -> Any:
        return to_core((0.7 * rng.standard_normal(p.shape)).astype(np.float32))

    return layer.apply(draw)


def parameters(layer: nn.Module) -> dict[str, np.ndarray]:
    flat = tree_flatten(layer.parameters())
    return {name: to_numpy(p).astype(np.float64) for name, p in flat}


def arrays_of(result: Any) -> Any:
    """The results of a layer as one array, stacked if there are several."""
    return mx.stack(result) if isinstance(result, tuple) else result
