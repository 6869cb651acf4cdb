"""Attention layers, transformers and positional encodings against float64."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import ingot.core as mx
import numpy as np
import pytest
import reference_attention
import reference_transformer as reference
from ingot import nn
from ingot.utils import tree_flatten
from nn_cases import HALF, close, samples
from support import to_core, to_numpy


def stirred(model: nn.Module, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Moves every parameter from where it starts; their values in float64."""
    moved = [
        (name, to_core(to_numpy(p) + 0.2 * samples(rng, *p.shape)))
        for name, p in tree_flatten(model.parameters())
    ]
    model.load_weights(moved)
    return {name: to_numpy(p).astype(np.float64) for name, p in moved}


def names(model: nn.Module) -> list[str]:
    return [name for name, _ in tree_flatten(model.parameters())]


MASKS = {
    "none": lambda rng: None,
    "causal": lambda rng: "causal",
    "boolean": lambda rng: rng.random((2, 1, 5, 5)) < 0.7,
    "additive": lambda rng: samples(rng, 5, 5),
}


def given(mask: Any) -> Any:
    return to_core(mask) if isinstance(mask, np.ndarray) else mask


@pytest.mark.parametrize("kind", MASKS)
def test_multi_head_attention(kind: str, rng: np.random.Generator) -> None:
    mask = MASKS[kind](rng)
    layer = nn.MultiHeadAttention(12, 3, bias=True)
    p = stirred(layer, rng)
    q, k, v = (samples(rng, 2, 5, 12) for _ in range(3))
    y = layer(*map(to_core, (q, k, v)), mask=given(mask))
    close(y, reference.attention(p, 3, q, k, v, mask), 5e-5)


def test_multi_head_attention_of_other_features(rng: np.random.Generator) -> None:
    layer = nn.MultiHeadAttention(
        8,
        2,
        query_input_dims=3,
        key_input_dims=5,
        value_input_dims=7,
        value_dims=6,
        value_output_dims=9,
    )
    shapes = {n: p.shape for n, p in tree_flatten(layer.parameters())}
    assert shapes == {
        "query_proj.weight": (8, 3),
        "key_proj.weight": (8, 5),
        "value_proj.weight": (6, 7),
        "out_proj.weight": (9, 6),
    }
    p = stirred(layer, rng)
    q, k, v = samples(rng, 2, 4, 3), samples(rng, 2, 6, 5), samples(rng, 2, 6, 7)
    y = layer(*map(to_core, (q, k, v)))
    close(y, reference.attention(p, 2, q, k, v, None), 5e-5)
    default = nn.MultiHeadAttention(8, 2, key_input_dims=5)
    assert default.value_proj.weight.shape == (8, 5)


@pytest.mark.parametrize("dtype", [mx.float32, *HALF], ids=str)
def test_create_additive_causal_mask(dtype: Any) -> None:
    mask = nn.MultiHeadAttention.create_additive_causal_mask(3, dtype)
    assert mask.dtype == dtype
    lowest = float(mx.finfo(dtype).min)
    want = [[0, lowest, lowest], [0, 0, lowest], [0, 0, 0]]
    np.testing.assert_array_equal(to_numpy(mask).astype(np.float64), want)


def test_causal_masks_agree(rng: np.random.Generator) -> None:
    layer = nn.MultiHeadAttention(8, 2)
    x = to_core(samples(rng, 2, 5, 8))
    additive = layer.create_additive_causal_mask(5)
    close(layer(x, x, x, additive), to_numpy(layer(x, x, x, "causal")))


@pytest.mark.parametrize("norm_first", [True, False])
def test_encoder_layer(norm_first: bool, rng: np.random.Generator) -> None:
    layer = nn.TransformerEncoderLayer(8, 2, mlp_dims=11, norm_first=norm_first)
    p = stirred(layer, rng)
    x, mask = samples(rng, 2, 5, 8), samples(rng, 5, 5)
    want = reference.encoder_layer(p, 2, x, mask, norm_first)
    close(layer(to_core(x), to_core(mask)), want, 5e-5)
    assert nn.TransformerEncoderLayer(8, 2).linear1.weight.shape == (32, 8)


@pytest.mark.parametrize("norm_first", [True, False])
def test_decoder_layer(norm_first: bool, rng: np.random.Generator) -> None:
    layer = nn.TransformerDecoderLayer(8, 2, norm_first=norm_first)
    p = stirred(layer, rng)
    x, memory, mask = samples(rng, 2, 5, 8), samples(rng, 2, 7, 8), samples(rng, 5, 7)
    y = layer(to_core(x), to_core(memory), "causal", to_core(mask))
    want = reference.decoder_layer(p, 2, x, memory, "causal", mask, norm_first)
    close(y, want, 5e-5)


def test_transformer(rng: np.random.Generator) -> None:
    model = nn.Transformer(
        8, 2, num_encoder_layers=2, num_decoder_layers=3, mlp_dims=16
    )
    p = stirred(model, rng)
    src, tgt = samples(rng, 2, 7, 8), samples(rng, 2, 5, 8)
    y = model(to_core(src), to_core(tgt), None, "causal", None)
    memory = reference.encoder(reference.within(p, "encoder"), 2, 2, src, None)
    inner = reference.within(p, "decoder")
    close(y, reference.decoder(inner, 2, 3, tgt, memory, "causal", None), 5e-5)
    assert len([n for n in names(model) if n.startswith("encoder.layers.1.")]) == 12
    assert "decoder.layers.2.cross_attention.out_proj.weight" in names(model)
    assert "encoder.ln.weight" in names(model) and "decoder.ln.bias" in names(model)


def test_names_of_a_decoder_layer() -> None:
    layer = nn.TransformerDecoderLayer(8, 2, dropout=0.25)
    norms = [f"ln{i}.{n}" for i in (1, 2, 3) for n in ("weight", "bias")]
    maps = [f"linear{i}.{n}" for i in (1, 2) for n in ("weight", "bias")]
    heads = [
        f"{a}_attention.{n}_proj.weight"
        for a in ("self", "cross")
        for n in ("query", "key", "value", "out")
    ]
    assert sorted(names(layer)) == sorted([*norms, *maps, *heads])
    assert [layer[f"dropout{i}"].p for i in (1, 2, 3)] == [0.25] * 3


def test_custom_parts(rng: np.random.Generator) -> None:
    """Any modules take the places of the encoder and the decoder, without parameters
    as well."""

    class Encoder(nn.Module):
        def __call__(self, src: Any, mask: Any) -> Any:
            return src * 2

    class Decoder(nn.Module):
        def __call__(self, tgt: Any, memory: Any, mask: Any, memory_mask: Any) -> Any:
            return tgt + memory

    model = nn.Transformer(8, 2, custom_encoder=Encoder(), custom_decoder=Decoder())
    x = samples(rng, 2, 5, 8)
    close(model(to_core(x), to_core(x), None, None, None), 3 * x.astype(float))
    assert names(model) == []


def test_dropout_and_activation_are_used(rng: np.random.Generator) -> None:
    layer = nn.TransformerEncoderLayer(8, 2, dropout=0.5, activation=nn.tanh)
    x = to_core(samples(rng, 2, 5, 8))
    first, second = to_numpy(layer(x, None)), to_numpy(layer(x, None))
    assert np.any(first != second)
    layer.eval()
    plain = nn.TransformerEncoderLayer(8, 2)
    plain.update(layer.parameters())
    assert np.abs(to_numpy(layer(x, None)) - to_numpy(plain(x, None))).max() > 1e-3
    np.testing.assert_array_equal(to_numpy(layer(x, None)), to_numpy(layer(x, None)))


@pytest.mark.parametrize("dtype", HALF, ids=str)
def test_half_types_stay(dtype: Any) -> None:
    model = nn.Transformer(8, 2, 1, 1)
    model.set_dtype(dtype)
    x = mx.ones((1, 3, 8), dtype=dtype)
    assert model(x, x, None, "causal", None).dtype == dtype


def test_a_transformer_learns_to_copy() -> None:
    """Gradients reach every parameter, and steps along them lower the loss."""
    mx.random.seed(2)
    model = nn.TransformerEncoder(1, 16, 2)
    x = mx.random.normal((4, 6, 16))

    def loss(model: nn.Module, x: Any) -> Any:
        return mx.square(model(x, "causal") - x[:, ::-1]).mean()

    before, gradients = nn.value_and_grad(model, loss)(model, x)
    assert all(np.any(to_numpy(g) != 0) for _, g in tree_flatten(gradients))
    for _ in range(20):
        _, gradients = nn.value_and_grad(model, loss)(model, x)
        moved = [
            (n, p - 0.1 * g)
            for (n, p), (_, g) in zip(
                tree_flatten(model.parameters()), tree_flatten(gradients), strict=True
            )
        ]
        model.load_weights(moved)
    assert loss(model, x).item() < 0.9 * before.item()


@pytest.mark.parametrize("traditional", [False, True])
def test_rope(traditional: bool, rng: np.random.Generator) -> None:
    layer = nn.RoPE(6, traditional=traditional, base=100, scale=0.5)
    x = samples(rng, 2, 3, 5, 8)
    want = reference_attention.rope(
        x.astype(float), 6, traditional, 100.0, 0.5, [[4], [9]]
    )
    close(layer(to_core(x), offset=mx.array([4, 9])), want, 1e-6)
    assert repr(layer) == f"RoPE(6, traditional={traditional})"
    assert names(layer) == []


def test_sinusoidal_positional_encoding() -> None:
    x = np.arange(50).reshape(2, 25)
    layer = nn.SinusoidalPositionalEncoding(8)
    want = reference.sinusoids(x, 8, 1e-4, 1.0)
    close(layer(to_core(x)), 0.5 * want, 1e-5)
    turns = nn.SinusoidalPositionalEncoding(
        8, min_freq=0.01, max_freq=0.5, scale=2.0, cos_first=True, full_turns=True
    )
    sines, cosines = np.split(
        reference.sinusoids(2 * np.pi * x, 8, 0.01, 0.5), 2, axis=-1
    )
    close(turns(to_core(x)), 2 * np.concatenate([cosines, sines], axis=-1), 5e-5)
    assert names(layer) == []


@pytest.mark.parametrize("heads", [1, 3, 8, 12])
def test_alibi(heads: int, rng: np.random.Generator) -> None:
    x, mask = samples(rng, 2, heads, 4, 7), samples(rng, 4, 7)
    y = nn.ALiBi()(to_core(x), offset=3, mask=to_core(mask))
    close(y, x + mask + reference.alibi(heads, 4, 7, 3), 1e-6)
    close(nn.ALiBi()(to_core(x)), x + reference.alibi(heads, 4, 7), 1e-6)
    matrix = nn.ALiBi.create_alibi_matrix(7, 9, heads, 2, mx.float16)
    assert matrix.shape == (1, heads, 5, 9) and matrix.dtype == mx.float16


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: nn.MultiHeadAttention(10, 3),
            ValueError,
            "MultiHeadAttention: dims must be a multiple of num_heads, 3, got 10",
        ),
        (
            lambda: nn.MultiHeadAttention(9, 3, value_dims=10),
            ValueError,
            "MultiHeadAttention: value_dims must be a multiple of num_heads, 3, got 10",
        ),
        (
            lambda: nn.MultiHeadAttention(8, 0),
            ValueError,
            "MultiHeadAttention: num_heads must be at least 1, got 0",
        ),
        (
            lambda: nn.MultiHeadAttention(8, 2)(*[mx.zeros((5, 8))] * 3),
            ValueError,
            r"MultiHeadAttention: queries, keys and values must have 3 dimensions, got "
            r"shape \(5, 8\)",
        ),
        (
            lambda: nn.TransformerEncoder(0, 8, 2),
            ValueError,
            "TransformerEncoder: num_layers must be at least 1, got 0",
        ),
        (lambda: nn.RoPE(5), ValueError, "RoPE: dims must be even, got 5"),
        (lambda: nn.RoPE(4, base=0), ValueError, "RoPE: base must be positive, got 0"),
        (
            lambda: nn.RoPE(4, scale=math.nan),
            ValueError,
            "RoPE: scale must be finite, got nan",
        ),
        (
            lambda: nn.SinusoidalPositionalEncoding(5),
            ValueError,
            "SinusoidalPositionalEncoding: dims must be even and at least 4, got 5",
        ),
        (
            lambda: nn.SinusoidalPositionalEncoding(8, min_freq=0),
            ValueError,
            "SinusoidalPositionalEncoding: min_freq must be positive, got 0",
        ),
        (
            lambda: nn.ALiBi()(mx.zeros((2, 3))),
            ValueError,
            r"ALiBi: attention_scores must have 4 dimensions, got shape \(2, 3\)",
        ),
        (lambda: nn.ALiBi()(None), TypeError, "ALiBi: attention_scores must be an arr"),
        (
            lambda: nn.ALiBi.create_alibi_slope(0),
            ValueError,
            "ALiBi: num_heads must be at least 1, got 0",
        ),
    ],
)
def test_refused(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
