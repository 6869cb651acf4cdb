"""Layers against float64 definitions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import ingot.core as mx
import numpy as np
import pytest
import reference_conv
import reference_nn as reference
from ingot import nn
from ingot.utils import tree_flatten
from nn_cases import EPS, HALF, close, samples
from support import to_core, to_numpy


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 0, 4), (2, 3, 4)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear(shape: tuple[int, ...], bias: bool, rng: np.random.Generator) -> None:
    layer = nn.Linear(4, 3, bias=bias)
    x = samples(rng, *shape)
    parameters = {n: to_numpy(p).astype(float) for n, p in layer.parameters().items()}
    assert list(parameters) == (["weight", "bias"] if bias else ["weight"])
    close(layer(to_core(x)), reference.linear(x.astype(float), **parameters))


def test_linear_starts_uniform() -> None:
    layer = nn.Linear(256, 500)
    for name in ("weight", "bias"):
        x = to_numpy(layer[name]).astype(float)
        assert np.abs(x).max() <= 1 / 16
        deviation = x.std() / (1 / 16 / math.sqrt(3))
        assert abs(deviation - 1) < 5 / math.sqrt(2 * x.size)


CONVOLUTIONS: list[tuple[Any, tuple[int, ...], dict[str, Any], str]] = [
    (
        nn.Conv1d,
        (2, 9),
        {"stride": 2, "padding": 1, "groups": 2},
        "Conv1d(4, 6, kernel_size=3, stride=2, padding=1, dilation=1, groups=2, "
        "bias=True)",
    ),
    (
        nn.Conv2d,
        (2, 7, 8),
        {"stride": (2, 1), "dilation": 2, "bias": False},
        "Conv2d(4, 6, kernel_size=(3, 3), stride=(2, 1), padding=(0, 0), dilation=2, "
        "groups=1, bias=False)",
    ),
    (
        nn.Conv3d,
        (1, 4, 3, 5),
        {"padding": (0, 1, 2)},
        "Conv3d(4, 6, kernel_size=(3, 3, 3), stride=(1, 1, 1), padding=(0, 1, 2), "
        "dilation=1, bias=True)",
    ),
    (
        nn.ConvTranspose1d,
        (2, 5),
        {"stride": 2, "output_padding": 1},
        "ConvTranspose1d(4, 6, kernel_size=3, stride=2, padding=0, dilation=1, "
        "output_padding=1, bias=True)",
    ),
    (
        nn.ConvTranspose2d,
        (2, 3, 4),
        {"stride": 2, "padding": (1, 0)},
        "ConvTranspose2d(4, 6, kernel_size=(3, 3), stride=(2, 2), padding=(1, 0), "
        "dilation=1, output_padding=(0, 0), bias=True)",
    ),
    (
        nn.ConvTranspose3d,
        (1, 2, 2, 3),
        {"bias": False},
        "ConvTranspose3d(4, 6, kernel_size=(3, 3, 3), stride=(1, 1, 1), "
        "padding=(0, 0, 0), dilation=1, output_padding=(0, 0, 0), bias=False)",
    ),
]


@pytest.mark.parametrize(("kind", "sizes", "settings", "text"), CONVOLUTIONS)
def test_convolutions(
    kind: Any,
    sizes: tuple[int, ...],
    settings: dict[str, Any],
    text: str,
    rng: np.random.Generator,
) -> None:
    layer = kind(4, 6, 3, **settings)
    assert repr(layer) == text
    settings = dict(settings)
    biased = settings.pop("bias", True)
    assert list(layer.parameters()) == (["weight", "bias"] if biased else ["weight"])
    assert layer.weight.shape == (
        *(6, *[3] * (len(sizes) - 1)),
        4 // settings.get("groups", 1),
    )
    bias = samples(rng, 6) if biased else np.zeros(6)
    if biased:
        assert not to_numpy(layer.bias).any()
        layer.update({"bias": to_core(bias)})
    x = samples(rng, *sizes, 4)
    transposed = "Transpose" in kind.__name__
    oracle = reference_conv.conv_transpose if transposed else reference_conv.conv
    weight = to_numpy(layer.weight).astype(float)
    close(layer(to_core(x)), oracle(x.astype(float), weight, **settings) + bias, 1e-5)


def test_convolutions_start_uniform() -> None:
    for layer in (nn.Conv2d(64, 32, 3, groups=4), nn.ConvTranspose1d(16, 60, 9)):
        x = to_numpy(layer.weight).astype(float)
        k = 1 / 12
        assert np.abs(x).max() <= k
        deviation = x.std() / (k / math.sqrt(3))
        assert abs(deviation - 1) < 5 / math.sqrt(2 * x.size)


def test_convolutions_keep_half_types(rng: np.random.Generator) -> None:
    for dtype in HALF:
        layer = nn.Conv2d(3, 4, 2)
        layer.set_dtype(dtype)
        assert layer(mx.ones((1, 3, 3, 3), dtype=dtype)).dtype == dtype


def test_embedding(rng: np.random.Generator) -> None:
    table = nn.Embedding(400, 16)
    weight = to_numpy(table.weight)
    i = rng.integers(0, 400, (3, 5))
    np.testing.assert_array_equal(to_numpy(table(to_core(i))), weight[i])
    x = samples(rng, 2, 16)
    close(table.as_linear(to_core(x)), reference.linear(x.astype(float), weight), 1e-5)
    assert abs(weight.std() * 4 - 1) < 5 / math.sqrt(2 * weight.size)
    assert repr(table) == "Embedding(400, 16)"
    chosen = to_core(np.array([1, 1, 3]))
    _, gradients = nn.value_and_grad(table, lambda: table(chosen).sum())()
    rows = to_numpy(gradients["weight"]).sum(axis=1)
    assert rows[[1, 3]].tolist() == [32.0, 16.0] and rows.sum() == 48.0


@pytest.mark.parametrize("affine", [True, False])
def test_layer_norm(affine: bool, rng: np.random.Generator) -> None:
    x = samples(rng, 5, 8) + 100
    layer = nn.LayerNorm(8, eps=1e-3, affine=affine)
    parameters = {}
    if affine:
        w, b = samples(rng, 8), samples(rng, 8)
        layer.update({"weight": to_core(w), "bias": to_core(b)})
        parameters = {"weight": w, "bias": b}
    want = reference.layer_norm(x.astype(float), **parameters, eps=1e-3)
    close(layer(to_core(x)), want, 2e-4)
    assert list(nn.LayerNorm(8, bias=False)) == ["weight"]


def test_rms_norm(rng: np.random.Generator) -> None:
    x, w = samples(rng, 5, 8), samples(rng, 8)
    layer = nn.RMSNorm(8, eps=1e-3).update({"weight": to_core(w)})
    close(layer(to_core(x)), reference.rms_norm(x.astype(float), w, 1e-3), 4e-6)


@pytest.mark.parametrize("dtype", HALF, ids=str)
def test_norms_compute_half_types_in_float32(
    dtype: Any, rng: np.random.Generator
) -> None:
    """x = 300 squares to more than float16 holds, and one rounding is all there is."""
    x = to_core(samples(rng, 4, 64) * 100).astype(dtype)
    exact = to_numpy(x).astype(np.float64)
    for layer, oracle in (
        (nn.LayerNorm(64), reference.layer_norm),
        (nn.RMSNorm(64), reference.rms_norm),
    ):
        assert layer(x).dtype == mx.float32  # with float32 weights
        layer.set_dtype(dtype)
        y = layer(x)
        assert y.dtype == dtype
        close(y, oracle(exact), 0.51 * EPS[dtype])


def test_layer_norm_derivative(rng: np.random.Generator) -> None:
    x, w = samples(rng, 3, 5), samples(rng, 3, 5)
    for layer, oracle in (
        (nn.LayerNorm(5), reference.layer_norm),
        (nn.RMSNorm(5), reference.rms_norm),
    ):
        got = mx.grad(lambda v, f=layer: (f(v) * to_core(w)).sum())(to_core(x))
        want = reference.gradient(
            lambda v, f=oracle: float(np.sum(f(v) * w)), x.astype(np.float64)
        )
        close(got, want, 1e-5)


def test_dropout() -> None:
    layer = nn.Dropout(0.25)
    x = mx.ones((200, 200))
    y = to_numpy(layer(x))
    assert set(np.unique(y).tolist()) == {0.0, np.float32(1 / 0.75).item()}
    kept = (y > 0).mean()
    assert abs(kept - 0.75) < 5 * math.sqrt(0.75 * 0.25 / 40_000)
    assert np.any(to_numpy(layer(x)) != y)
    mx.random.seed(3)
    once = to_numpy(layer(x))
    mx.random.seed(3)
    np.testing.assert_array_equal(to_numpy(layer(x)), once)
    np.testing.assert_array_equal(to_numpy(layer.eval()(x)), to_numpy(x))
    np.testing.assert_array_equal(to_numpy(nn.Dropout(0.0)(x)), to_numpy(x))
    assert repr(layer) == "Dropout(p=0.25)"


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Dropout2d(0.25), (50, 3, 4, 80)),
        (nn.Dropout2d(0.25), (3, 4, 4000)),
        (nn.Dropout3d(0.25), (50, 2, 3, 2, 80)),
        (nn.Dropout3d(0.25), (2, 3, 2, 4000)),
    ],
)
def test_dropout_of_channels(layer: nn.Dropout, shape: tuple[int, ...]) -> None:
    """All places of a channel share one fate, which differs between samples."""
    places = 2 if isinstance(layer, nn.Dropout2d) else 3
    y = to_numpy(layer(mx.ones(shape)))
    channels = y.reshape(-1, math.prod(shape[-places - 1 : -1]), shape[-1])
    assert np.all(channels == channels[:, :1])
    fates = channels[:, 0]
    assert set(np.unique(fates).tolist()) == {0.0, np.float32(1 / 0.75).item()}
    kept = (fates > 0).mean()
    assert abs(kept - 0.75) < 5 * math.sqrt(0.75 * 0.25 / fates.size)
    assert len(fates) == 1 or np.any(fates[0] != fates[1])
    assert repr(layer) == f"Dropout{places}d(p=0.25)"
    layer.eval()
    np.testing.assert_array_equal(to_numpy(layer(mx.ones(shape))), np.ones(shape))
    layer.train()


def test_bilinear_starts_uniform() -> None:
    layer = nn.Bilinear(256, 20, 30)
    for name in ("weight", "bias"):
        x = to_numpy(layer[name]).astype(float)
        assert np.abs(x).max() <= 1 / 16
        assert abs(x.std() * 16 * math.sqrt(3) - 1) < 5 / math.sqrt(2 * x.size)
    assert list(nn.Bilinear(2, 3, 4, bias=False)) == ["weight"]


def test_dropout_makes_true_zeros_and_keeps_the_dtype() -> None:
    layer = nn.Dropout(0.5)
    y = to_numpy(layer(mx.full((1000,), math.inf)))
    assert not np.isnan(y).any() and (y == 0).any()
    for dtype in HALF:
        assert layer(mx.ones((4,), dtype=dtype)).dtype == dtype


def test_sequential_and_identity() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.relu, nn.Identity(7, key=1))
    x = mx.array([[1.0, 2.0]])
    close(model(x), to_numpy(nn.relu(model.layers[0](x))))
    assert [n for n, _ in tree_flatten(model.parameters())] == [
        "layers.0.weight",
        "layers.0.bias",
    ]
    assert nn.Sequential()(x) is x


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.Linear(0, 2), ValueError, "Linear: input_dims must be at least 1"),
        (
            lambda: nn.Linear(2, 1.5),
            TypeError,
            "output_dims must be an integer, got 1.5",
        ),
        (
            lambda: nn.Linear(True, 1),
            TypeError,
            "input_dims must be an integer, got Tr",
        ),
        (
            lambda: nn.Conv1d(0, 2, 3),
            ValueError,
            "Conv1d: in_channels must be at least",
        ),
        (lambda: nn.Conv1d(2, 2, (3,)), TypeError, "Conv1d: kernel_size must be an in"),
        (
            lambda: nn.Conv2d(2, 2, (3,)),
            ValueError,
            "kernel_size must be one number, or",
        ),
        (lambda: nn.Conv2d(2, 2, 3, "x"), TypeError, "Conv2d: stride must be an integ"),
        (
            lambda: nn.Conv2d(2, 2, 3, padding=-1),
            ValueError,
            "padding must be at least 0",
        ),
        (
            lambda: nn.Conv2d(2, 2, 3, dilation=0),
            ValueError,
            "dilation must be at least",
        ),
        (
            lambda: nn.Conv2d(4, 2, 3, groups=4),
            ValueError,
            "groups must divide in_channels and out_channels, got 4 for 4 and 2",
        ),
        (
            lambda: nn.ConvTranspose1d(2, 2, 3, output_padding=-1),
            ValueError,
            "output_padding must be at least 0",
        ),
        (
            lambda: nn.Conv2d(4, 2, 3)(mx.zeros((1, 3, 4))),
            ValueError,
            r"Conv2d\(4, 2\): x must have 4 dimensions and 4 channels in the last, got",
        ),
        (lambda: nn.Conv1d(4, 2, 3)([1.0]), TypeError, r"Conv1d\(4, 2\): x must be an"),
        (lambda: nn.Embedding(-1, 2), ValueError, "Embedding: num_embeddings must be"),
        (
            lambda: nn.Dropout(1.0),
            ValueError,
            r"Dropout: p must be in \[0, 1\), got 1.0",
        ),
        (lambda: nn.Dropout("x"), TypeError, "Dropout: p must be a number, got 'x'"),
        (lambda: nn.Dropout(math.nan), ValueError, "Dropout: p must be"),
        (
            lambda: nn.LayerNorm(3, -1.0),
            ValueError,
            "LayerNorm: eps must be finite and",
        ),
        (lambda: nn.RMSNorm(0), ValueError, "RMSNorm: dims must be at least 1, got 0"),
        (lambda: nn.Sequential(nn.ReLU(), 5), TypeError, "Sequential: argument 1 must"),
        (
            lambda: nn.Linear(4, 2)(mx.zeros((3, 5))),
            ValueError,
            r"Linear\(4, 2\): last dimension of x must be 4, got shape \(3, 5\)",
        ),
        (lambda: nn.Linear(4, 2)(mx.zeros(())), ValueError, r"got shape \(\)"),
        (
            lambda: nn.Linear(1, 2)([1.0]),
            TypeError,
            r"Linear\(1, 2\): x must be an array",
        ),
        (
            lambda: nn.Embedding(3, 4)(mx.zeros((2,))),
            TypeError,
            r"Embedding\(3, 4\): x must hold integers, got",
        ),
        (
            lambda: nn.Embedding(3, 4).as_linear(mx.zeros((2, 3))),
            ValueError,
            r"Embedding\(3, 4\).as_linear: last dimension of x must be 4",
        ),
        (
            lambda: nn.LayerNorm(3)(mx.zeros((3, 1))),
            ValueError,
            r"LayerNorm\(3\): last dimension of x must be 3, got shape \(3, 1\)",
        ),
        (lambda: nn.RMSNorm(3)(mx.zeros((4,))), ValueError, r"RMSNorm\(3\): last dim"),
        (
            lambda: nn.Bilinear(2, 0, 1),
            ValueError,
            "Bilinear: input2_dims must be at",
        ),
        (
            lambda: nn.Bilinear(2, 3, 1)(mx.zeros((4, 2)), mx.zeros((4, 2))),
            ValueError,
            r"Bilinear\(2, 3, 1\): last dimension of x2 must be 3, got shape \(4, 2\)",
        ),
        (
            lambda: nn.Bilinear(2, 3, 1)(mx.zeros((4, 2)), mx.zeros((5, 3))),
            ValueError,
            r"Bilinear\(2, 3, 1\): shapes of x1 and x2 must broadcast but for the last",
        ),
        (lambda: nn.Dropout2d(1.0), ValueError, r"Dropout2d: p must be in \[0, 1\)"),
        (
            lambda: nn.Dropout2d()(mx.ones((2, 3))),
            ValueError,
            r"Dropout2d\(0.5\): x must have 3 or 4 dimensions, got shape \(2, 3\)",
        ),
        (
            lambda: nn.Dropout3d()(mx.ones((2, 3, 4))),
            ValueError,
            r"Dropout3d\(0.5\): x must have 4 or 5 dimensions",
        ),
        (lambda: nn.Dropout3d()(None), TypeError, r"Dropout3d\(0.5\): x must be an"),
        (lambda: nn.Dropout()(1.0), TypeError, r"Dropout\(0.5\): x must be an array"),
    ],
)
def test_refused(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
