"""qqmm and the layer made of it: words, gradients, modes of training, files."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import ingot.core as mx
import ingot.nn as nn
import ingot.optimizers as optim
import numpy as np
import pytest
import reference_quantized as ref
from ingot.utils import tree_flatten
from support import same_bits

Rng = np.random.Generator
MODES = ["nvfp4", "mxfp8"]


def drawn(rng: Rng, *shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", [mx.float32, mx.float16, mx.bfloat16])
def test_words_give_the_same(mode: str, dtype: mx.Dtype, rng: Rng) -> None:
    x = mx.array(drawn(rng, 5, 96)).astype(dtype)
    w = mx.array(drawn(rng, 7, 96)).astype(dtype)
    got, want = (
        mx.qqmm(x, *mx.quantize(w, mode=mode), mode=mode),
        mx.qqmm(x, w, mode=mode),
    )
    assert got.dtype == want.dtype == dtype
    eps = 1e-6 if dtype == mx.float32 else 1e-2
    np.testing.assert_allclose(
        np.array(got, np.float32), np.array(want, np.float32), rtol=eps, atol=eps
    )


@pytest.mark.parametrize("mode", MODES)
def test_gradients_pass_straight_through(mode: str, rng: Rng) -> None:
    x, w, dy = drawn(rng, 2, 5, 64), drawn(rng, 7, 64), drawn(rng, 2, 5, 7)

    def f(x: Any, w: Any, *scales: Any) -> Any:
        return mx.qqmm(x, w, *scales, mode=mode)

    arrays = [mx.array(x), mx.array(w)]
    _, (dx, dw) = mx.vjp(f, arrays, [mx.array(dy)])
    x_rounded, w_rounded = ref.rounded(x, mode), ref.rounded(w, mode)
    np.testing.assert_allclose(np.array(dx), dy @ w_rounded, rtol=1e-5, atol=1e-5)
    want = np.einsum("bmn,bmk->nk", dy, x_rounded)
    np.testing.assert_allclose(np.array(dw), want, rtol=1e-5, atol=1e-5)
    words = mx.quantize(arrays[1], mode=mode)
    _, (again,) = mx.vjp(lambda x: f(x, *words), arrays[:1], [mx.array(dy)])
    np.testing.assert_allclose(np.array(again), np.array(dx), rtol=1e-5, atol=1e-5)


def test_global_scales(rng: Rng) -> None:
    """Numbers that nvfp4 alone has no scales for; words and numbers agree."""
    x, w = drawn(rng, 3, 32) * 1e-6, drawn(rng, 5, 32) * 1e6
    scale_x = mx.array(np.abs(x).max())
    scale_w = mx.array(np.abs(w).max())
    want = x.astype(np.float64) @ w.T.astype(np.float64)
    got = mx.qqmm(
        mx.array(x), mx.array(w), global_scale_x=scale_x, global_scale_w=scale_w
    )
    np.testing.assert_allclose(np.array(got), want, atol=0.3 * np.abs(want).max())
    words = mx.quantize(mx.array(w), mode="nvfp4", global_scale=scale_w)
    again = mx.qqmm(mx.array(x), *words, None, None, "nvfp4", scale_x, scale_w)
    np.testing.assert_allclose(np.array(again), np.array(got), rtol=1e-5)
    # Between, numbers are up to 448 times as large: none may overflow.
    half = mx.full((1, 32), 100.0, mx.float16)
    one = mx.array(1.0)
    ones = mx.quantize(mx.ones((2, 32)), mode="nvfp4", global_scale=one)
    y = mx.qqmm(half, *ones, global_scale_w=one)
    assert y.dtype == mx.float16
    np.testing.assert_allclose(np.array(y, np.float32), 3200, rtol=0.1)


def test_transforms(rng: Rng) -> None:
    x, w = mx.array(drawn(rng, 4, 5, 32)), mx.array(drawn(rng, 4, 3, 32))
    want = mx.stack([mx.qqmm(a, b) for a, b in zip(x, w, strict=True)])
    np.testing.assert_allclose(np.array(mx.vmap(mx.qqmm)(x, w)), np.array(want))
    rows = mx.vmap(lambda a: mx.qqmm(a, w[0]))(x[0])  # vectors
    np.testing.assert_allclose(np.array(rows), np.array(want[0]), rtol=1e-6)
    same_bits([mx.compile(mx.qqmm)(x[0], w[0])], [mx.qqmm(x[0], w[0])])


def test_export(tmp_path: Path, rng: Rng) -> None:
    x, w = mx.array(drawn(rng, 5, 32)), mx.array(drawn(rng, 3, 32))
    f = mx.grad(lambda x, w: (mx.qqmm(x, w) ** 2).sum(), argnums=(0, 1))
    mx.export_function(tmp_path / "f", f, x, w)
    same_bits(list(mx.import_function(tmp_path / "f")(x, w)), list(f(x, w)))


@pytest.mark.parametrize("mode", MODES)
def test_the_layer(mode: str, rng: Rng) -> None:
    linear = nn.Linear(64, 8)
    layer = linear.to_quantized(mode=mode, quantize_input=True)
    assert isinstance(layer, nn.QQLinear)
    x = drawn(rng, 3, 64)
    want = ref.qqmm(x, np.array(linear.weight), mode) + np.array(linear.bias)
    np.testing.assert_allclose(np.array(layer(mx.array(x))), want, rtol=1e-5, atol=1e-6)
    assert f"mode={mode}" in repr(layer)
    assert "input_dims=64, output_dims=8, bias=True" in repr(layer.eval())


def test_evaluation_loses_nothing(rng: Rng) -> None:
    x = mx.array(drawn(rng, 3, 64))
    layer = nn.QQLinear(64, 8)
    weight = layer.weight
    y = layer(x)
    assert list(layer.eval().parameters()) == ["weight", "scales"]
    assert layer.weight.dtype == mx.uint32
    assert layer.trainable_parameters() == {}
    np.testing.assert_allclose(np.array(layer(x)), np.array(y), rtol=1e-6)
    layer.eval()  # once more
    layer.train()
    assert layer.weight is weight
    assert list(layer.trainable_parameters()) == ["weight"]
    layer.freeze().eval().train()
    assert layer.trainable_parameters() == {}
    # What has been put there since counts, not what was there before.
    other = nn.QQLinear(64, 8).eval()
    layer.eval().update(other.parameters())
    np.testing.assert_array_equal(
        np.array(layer.train().weight),
        np.array(mx.dequantize(other.weight, other.scales, mode="nvfp4")),
    )


def test_it_learns(rng: Rng) -> None:
    """A linear map, as well as 8 bits allow; copies and files keep all of it."""
    target = mx.array(drawn(rng, 4, 64))
    model = nn.Sequential(nn.QQLinear(64, 4, mode="mxfp8"))
    optimizer = optim.Adam(1e-2)
    x = mx.array(drawn(rng, 256, 64))

    def loss() -> mx.array:
        return ((model(x) - x @ target.T) ** 2).mean()

    step = nn.value_and_grad(model, loss)
    first = loss().item()
    for _ in range(300):
        optimizer.update(model, step()[1])
        mx.eval(model.parameters(), optimizer.state)
    assert loss().item() < 0.01 * first
    again = pickle.loads(pickle.dumps(model.eval()))
    same_bits(again.parameters(), model.parameters())
    same_bits(again.train().parameters(), model.train().parameters())


def test_quantize_puts_it_in_place(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Embedding(8, 32), nn.Linear(32, 8), nn.Linear(8, 3))
    nn.quantize(
        model,
        mode="nvfp4",
        quantize_input=True,
        class_predicate=lambda path, _: path == "layers.1",
    )
    assert [type(m).__name__ for m in model.layers] == [
        "Embedding",
        "QQLinear",
        "Linear",
    ]
    model.eval().save_weights(tmp_path / "w.safetensors")
    names = [name for name, _ in tree_flatten(model.parameters())]
    assert "layers.1.scales" in names
    model.load_weights(str(tmp_path / "w.safetensors"))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: nn.QQLinear(64, 8, mode="affine"), "QQLinear: mode must be 'nvfp4'"),
        (lambda: nn.QQLinear(64, 8, bits=8), "bits must be 4 in mode nvfp4"),
        (lambda: nn.QQLinear(40, 8), "divisible by 16"),
        (lambda: nn.QQLinear(64, 0), "QQLinear: output_dims must be at least 1"),
        (
            lambda: nn.QQLinear(64, 8)(mx.ones((2, 60))),
            r"QQLinear\(64, 8\): last dimension of x must be 64",
        ),
        (
            lambda: nn.QQLinear(64, 8).eval()(mx.ones((2, 60))),
            r"QQLinear\(64, 8\): last dimension of x must be 64",
        ),
    ],
)
def test_refused(call: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call()
