"""Modules that the tests of nn.Module share, and how to compare them."""

from __future__ import annotations

from typing import Any

import ingot.core as mx
import numpy as np
from ingot import nn
from ingot.utils import tree_flatten
from support import to_numpy

__all__ = [
    "MODULES",
    "PARAMETERS",
    "Branched",
    "Tied",
    "assert_same",
    "names",
    "values",
]


class Branched(nn.Module):
    """Modules and arrays at every kind of place."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.layers = [nn.Linear(3, 3), nn.ReLU(), nn.relu]
        self.named = {"out": nn.Linear(3, 1, bias=False), "scale": mx.ones((1,))}
        self.arrays = [mx.zeros((1,)), mx.ones((2,))]
        self.pair = (mx.zeros((4,)), nn.Linear(9, 9))
        self._cache = mx.zeros((5,))
        self.rate = 0.5


class Tied(nn.Module):
    """One layer under two names, and one array under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(2, 2)
        self.b = [self.a]
        self.c = nn.Linear(2, 2, bias=False)
        self.c.weight = self.a.weight

    def __call__(self, x: Any) -> Any:
        return self.c(self.b[0](self.a(x)))


PARAMETERS = [
    "first.weight",
    "first.bias",
    "layers.0.weight",
    "layers.0.bias",
    "named.out.weight",
    "named.scale",
    "arrays.0",
    "arrays.1",
]
MODULES = ["", "first", "layers.0", "layers.1", "named.out"]


def names(tree: Any) -> list[str]:
    return [name for name, _ in tree_flatten(tree)]


def values(model: nn.Module) -> dict[str, np.ndarray]:
    return {n: to_numpy(a) for n, a in tree_flatten(model.parameters())}


def assert_same(got: dict[str, np.ndarray], want: dict[str, np.ndarray]) -> None:
    assert got.keys() == want.keys()
    for name in want:
        np.testing.assert_array_equal(got[name], want[name], err_msg=name)
