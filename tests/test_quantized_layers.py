"""Quantized layers: values, parameters, files, and models that are changed to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ingot.core as mx
import numpy as np
import pytest
import reference_quantized as ref
from ingot import nn
from ingot.utils import tree_flatten
from support import to_numpy

MODES = ("affine", "mxfp4", "mxfp8", "nvfp4")
Rng = np.random.Generator


def matrix_of(layer: Any) -> np.ndarray:
    """What the layer's parameters stand for, by the oracle."""
    parts = [to_numpy(layer[name]) for name in ("scales", "weight")]
    biases = to_numpy(layer["biases"]) if "biases" in layer else None
    how = {"group_size": layer.group_size, "bits": layer.bits, "mode": layer.mode}
    return ref.dequantize(parts[0].astype(np.float64), biases, parts[1], how)


def model() -> nn.Sequential:
    return nn.Sequential(
        nn.Embedding(20, 64), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10)
    )


def names(layer: nn.Module) -> list[str]:
    return [name for name, _ in tree_flatten(layer.parameters())]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("mode", MODES)
def test_linear(mode: str, bias: bool, rng: Rng) -> None:
    linear = nn.Linear(96, 5, bias=bias)
    size = None if mode != "affine" else 32
    layer = linear.to_quantized(size, mode=mode)
    x = rng.normal(size=(2, 7, 96)).astype(np.float32)
    want = x.astype(np.float64) @ matrix_of(layer).T
    if bias:
        want = want + to_numpy(linear.bias)
    np.testing.assert_allclose(to_numpy(layer(mx.array(x))), want, rtol=0, atol=1e-4)
    full = to_numpy(linear(mx.array(x)))
    assert 0 < np.abs(want - full).max() < 0.5


def test_linear_has_the_documented_parameters() -> None:
    layer = nn.QuantizedLinear(128, 6, group_size=32, bits=3)
    shapes = {name: (p.shape, p.dtype) for name, p in tree_flatten(layer.parameters())}
    assert shapes == {
        "weight": ((6, 12), mx.uint32),
        "scales": ((6, 4), mx.float32),
        "biases": ((6, 4), mx.float32),
        "bias": ((6,), mx.float32),
    }
    assert "biases" not in nn.QuantizedLinear(64, 4, mode="mxfp8")
    assert repr(layer) == (
        "QuantizedLinear(input_dims=128, output_dims=6, bias=True, group_size=32, "
        "bits=3, mode=affine)"
    )


@pytest.mark.parametrize("mode", MODES)
def test_embedding(mode: str, rng: Rng) -> None:
    table = nn.Embedding(11, 64)
    layer = table.to_quantized(mode=mode)
    rows = matrix_of(layer)
    for places in ([[1, 10], [0, 3]], [-1], 4, []):
        index = mx.array(places, dtype=mx.int32)
        want = rows[np.array(places, np.int32)]
        got = to_numpy(layer(index).astype(mx.float32))
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)
    x = rng.normal(size=(3, 64)).astype(np.float32)
    y = layer.as_linear(mx.array(x))
    np.testing.assert_allclose(to_numpy(y), x @ rows.T, rtol=0, atol=1e-4)
    assert ("biases" in layer) == (mode == "affine")
    size, bits = ref.DEFAULTS[mode]
    assert repr(layer) == (
        f"QuantizedEmbedding(11, 64, group_size={size}, bits={bits}, mode={mode})"
    )


def test_codes_stay_frozen() -> None:
    """What unfreeze gives back is the bias alone."""
    layer = nn.Linear(64, 4).to_quantized()
    assert layer.trainable_parameters() == {}
    layer.unfreeze()
    assert list(layer.trainable_parameters()) == ["bias"]
    table = nn.QuantizedEmbedding(8, 64)
    assert table.trainable_parameters() == {}
    assert table.unfreeze().trainable_parameters() == {}


def test_gradients_pass_through(rng: Rng) -> None:
    """What comes before a quantized layer trains."""
    net = nn.Sequential(nn.Linear(8, 64), nn.Linear(64, 2))
    nn.quantize(net, class_predicate=lambda path, _: path == "layers.1")
    x = mx.array(rng.normal(size=(5, 8)).astype(np.float32))
    _, grads = nn.value_and_grad(net, lambda: net(x).sum())()
    want = to_numpy(x).sum(0)[None] * matrix_of(net.layers[1]).sum(0)[:, None]
    got = to_numpy(grads["layers"][0]["weight"])
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-4)
    assert grads["layers"][1] == {}


def test_training_mode_is_kept() -> None:
    linear, table = nn.Linear(64, 2).eval(), nn.Embedding(3, 64).eval()
    assert not linear.to_quantized().training
    assert not table.to_quantized().training
    assert nn.Linear(64, 2).to_quantized().training


@pytest.mark.parametrize("mode", MODES)
def test_weights_round_trip(mode: str, tmp_path: Path) -> None:
    """A file of quantized weights loads into another model, bit for bit."""
    first, second = model(), model()
    for net in (first, second):
        nn.quantize(net, mode=mode)
    first.save_weights(tmp_path / "w.safetensors")
    second.load_weights(tmp_path / "w.safetensors")
    stored = mx.load(str(tmp_path / "w.safetensors"))
    assert sorted(stored) == sorted(names(second))
    for (name, a), (_, b) in zip(
        tree_flatten(first.parameters()),
        tree_flatten(second.parameters()),
        strict=True,
    ):
        assert a.dtype == b.dtype, name
        np.testing.assert_array_equal(to_numpy(a), to_numpy(b), err_msg=name)
    tokens = mx.array([[1, 2, 19]])
    assert mx.array_equal(first(tokens), second(tokens))


def test_quantize_takes_every_layer_that_can() -> None:
    net = model()
    relu, weight = net.layers[2], net.layers[3].weight
    nn.quantize(net, 32, 8)
    kinds = [type(layer).__name__ for layer in net.layers]
    assert kinds == ["QuantizedEmbedding", "QuantizedLinear", "ReLU", "QuantizedLinear"]
    assert net.layers[2] is relu
    assert {layer.bits for layer in net.layers if "scales" in layer} == {8}
    want = mx.quantize(weight, 32, 8)[0]
    assert mx.array_equal(net.layers[3].weight, want)
    before = net.layers[0]
    nn.quantize(net)  # there is nothing left to do
    assert net.layers[0] is before


def test_predicate() -> None:
    """It sees the leaves by name, and chooses, or says how."""
    seen = []

    def choose(path: str, layer: nn.Module) -> Any:
        seen.append((path, type(layer).__name__))
        if path == "layers.1":
            return {"group_size": 32, "bits": 6}
        return isinstance(layer, nn.Embedding)

    net = model()
    nn.quantize(net, mode="mxfp4", class_predicate=choose)
    assert seen == [
        ("layers.0", "Embedding"),
        ("layers.1", "Linear"),
        ("layers.2", "ReLU"),
        ("layers.3", "Linear"),
    ]
    assert (net.layers[1].mode, net.layers[1].bits) == ("affine", 6)
    assert net.layers[0].mode == "mxfp4"
    assert type(net.layers[3]) is nn.Linear


def test_a_shared_layer_stays_shared() -> None:
    linear = nn.Linear(64, 64)
    net = nn.Sequential(linear, nn.Tanh(), linear)
    nn.quantize(net)
    assert net.layers[0] is net.layers[2]


class Nested(nn.Module):
    """Layers in lists, dicts and modules of their own, and one by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = model()
        self.heads = {"a": nn.Linear(64, 2), "b": [nn.Linear(64, 3)]}
        self.scale = mx.ones((3,))


def test_nested_models() -> None:
    net = Nested()
    nn.quantize(net)
    assert type(net.heads["b"][0]) is nn.QuantizedLinear
    assert type(net.heads["a"]) is nn.QuantizedLinear
    assert type(net.inner.layers[0]) is nn.QuantizedEmbedding


def odd() -> nn.Sequential:
    return nn.Sequential(nn.Linear(64, 8), nn.Linear(60, 3))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: nn.quantize(odd()), ValueError, "divisible by 64"),
        (lambda: nn.quantize(odd(), bits=7), ValueError, "bits must be"),
        (lambda: nn.quantize(odd(), mode="q4_0"), ValueError, "mode must be"),
        (lambda: nn.quantize(nn.Linear(64, 2)), ValueError, "to_quantized"),
        (lambda: nn.quantize([nn.Linear(64, 2)]), TypeError, "Module"),
        (
            lambda: nn.quantize(odd(), quantize_input=True),
            ValueError,
            "QQLinear: mode must be 'nvfp4' or 'mxfp8', got 'affine'",
        ),
        (
            lambda: nn.quantize(model(), class_predicate=lambda *_: True),
            ValueError,
            "layers.2 must have a to_quantized",
        ),
        (
            lambda: nn.quantize(model(), class_predicate=lambda *_: None),
            ValueError,
            "class_predicate must return",
        ),
        (lambda: nn.Linear(60, 2).to_quantized(), ValueError, "divisible by 64"),
        (
            lambda: nn.Embedding(4, 64).to_quantized(quantize_input=True),
            ValueError,
            "Embedding.to_quantized: quantize_input must be False",
        ),
        (lambda: nn.QuantizedLinear(64, 0), ValueError, "output_dims"),
        (lambda: nn.QuantizedLinear(64, 2, bits=9), ValueError, "bits"),
        (lambda: nn.QuantizedEmbedding(-1, 64), ValueError, "num_embeddings"),
        (
            lambda: nn.QuantizedLinear(64, 2)(mx.ones((3, 60))),
            ValueError,
            r"QuantizedLinear\(64, 2\): last dimension of x must be 64",
        ),
        (
            lambda: nn.QuantizedEmbedding(4, 64)(mx.ones((3,))),
            TypeError,
            "x must hold integers",
        ),
        (
            lambda: nn.QuantizedEmbedding(4, 64).as_linear(mx.ones((3, 4))),
            ValueError,
            "last dimension of x must be 64",
        ),
    ],
)
def test_refused(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()


def test_an_error_changes_nothing() -> None:
    net = odd()
    before = list(net.layers)
    with pytest.raises(ValueError, match="divisible"):
        nn.quantize(net)
    assert all(a is b for a, b in zip(net.layers, before, strict=True))
