"""Weights in files, copies and ties of modules."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ingot.core as mx
import numpy as np
import pytest
from ingot import nn
from ingot.utils import tree_flatten, tree_map
from module_cases import Branched, Tied, assert_same, names, values
from support import to_numpy

# Files ---------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["safetensors", "npz"])
def test_weights_round_trip(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"model.{suffix}"
    model, other = Branched(), Branched()
    model.save_weights(path)
    other.load_weights(str(path))
    assert_same(values(other), values(model))
    if suffix == "safetensors":
        model.set_dtype(mx.bfloat16)
        model.save_weights(str(path))
        assert other.load_weights(path).first.weight.dtype == mx.bfloat16


def test_weights_want_a_known_format(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must end in .safetensors or .npz"):
        Branched().save_weights(tmp_path / "model.bin")
    assert not list(tmp_path.iterdir())


def bad_weights(kind: str) -> Any:
    weights = dict(tree_flatten(tree_map(lambda x: x * 0 + 9, Branched().parameters())))
    if kind == "shape":
        weights["arrays.1"] = mx.zeros((3,))
    elif kind == "missing":
        del weights["arrays.1"]
    elif kind == "unknown":
        weights["arrays.2"] = mx.zeros((1,))
    elif kind == "type":
        weights["arrays.1"] = 5
    pairs = list(weights.items())
    return [*pairs, pairs[0]] if kind == "twice" else pairs


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("shape", r"arrays.1 must have shape \(2,\), got \(3,\)"),
        ("missing", "missing: arrays.1$"),
        ("unknown", "not in the model: arrays.2$"),
        ("type", "arrays.1 must be an array, got int"),
        ("twice", "first.weight must be given once"),
    ],
)
def test_load_weights_is_whole_or_refused(kind: str, message: str) -> None:
    model = Branched()
    before = values(model)
    with pytest.raises(ValueError, match=f"load_weights: .*{message}"):
        model.load_weights(bad_weights(kind))
    assert_same(values(model), before)


def test_load_weights_that_is_not_strict() -> None:
    model = Branched()
    before = values(model)
    model.load_weights(
        [("first.bias", mx.ones((3,))), ("q", mx.ones((1,)))], strict=False
    )
    after = values(model)
    assert [n for n in before if np.any(before[n] != after[n])] == ["first.bias"]
    with pytest.raises(ValueError, match=r"first\.bias must have shape"):
        model.load_weights([("first.bias", mx.ones((4,)))], strict=False)


def test_a_damaged_file_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    model = Branched()
    model.save_weights(path)
    whole = path.read_bytes()
    before = values(model)
    for damaged in (whole[:-1], whole[:20], b"", b"\xff" * 64):
        path.write_bytes(damaged)
        with pytest.raises((ValueError, RuntimeError, OSError)):
            model.load_weights(path)
        assert_same(values(model), before)


# Copies and ties -----------------------------------------------------------------


class Small(nn.Module):
    """What pickle can carry: no functions of other modules."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = [nn.Linear(2, 3), nn.Dropout(0.25)]
        self.rate = 0.5


COPIES: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{
        f"pickle {p}": lambda m, p=p: pickle.loads(pickle.dumps(m, p))
        for p in range(2, pickle.HIGHEST_PROTOCOL + 1)
    },
}


@pytest.mark.parametrize("way", COPIES)
def test_copies_are_equal_and_apart(way: str) -> None:
    model = Small().freeze(keys="bias").eval()
    twin = COPIES[way](model)
    assert type(twin) is Small and repr(twin) == repr(model)
    assert_same(values(twin), values(model))
    assert names(twin.trainable_parameters()) == ["layers.0.weight"]
    assert twin.rate == 0.5 and twin.layers[1].p == 0.25 and not twin.training
    twin.extra = mx.zeros((1,))
    twin.freeze(keys="extra", recurse=False)
    assert "extra" not in model and "extra" not in model._no_grad
    if way != "copy":
        twin.update({"layers": [{"weight": mx.zeros((3, 2))}]})
        assert np.any(values(model)["layers.0.weight"] != 0)


def test_a_deep_copy_keeps_ties() -> None:
    for make in (copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))):
        twin = make(Tied())
        assert twin.a is twin.b[0]


def test_a_shared_module_trains_as_one(tmp_path: Path) -> None:
    model = Tied()
    model.update(model.parameters())
    assert model.a is model.b[0]
    model.save_weights(tmp_path / "tied.safetensors")
    loaded = Tied().load_weights(tmp_path / "tied.safetensors")
    assert_same(values(loaded), values(model))
    x = mx.array([[1.0, -2.0]])
    _, gradients = nn.value_and_grad(model, lambda: model(x).sum())()
    flat = dict(tree_flatten(gradients))
    assert list(flat) == ["a.weight", "a.bias", "b.0.weight", "b.0.bias", "c.weight"]
    # the whole derivative in a's bias: through the layer's second use, and its first
    a, c = to_numpy(model.a.weight), to_numpy(model.c.weight)
    ones = np.ones(2)
    want = ones @ c @ (np.eye(2) + a)
    got = to_numpy(flat["a.bias"]) + to_numpy(flat["b.0.bias"])
    np.testing.assert_allclose(got, want, rtol=1e-5)
    stepped = tree_map(lambda p, g: p - 0.1 * g, model.parameters(), gradients)
    before = to_numpy(model.a.bias)
    model.update(stepped)
    np.testing.assert_allclose(to_numpy(model.a.bias), before - 0.1 * want, rtol=1e-5)
    assert model.a is model.b[0]
