"""The models of the training suite, written once over the functions of a library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ingot.bench.contenders.base import sample

__all__ = ["LOSSES", "Functions", "inputs"]

Sizes = dict[str, int]


@dataclass(frozen=True)
class Functions:
    """What differs between libraries: each gives the form that suits it best."""

    linear: Callable[[Any, Any, Any], Any]  # x, weight (in, out), bias
    conv: Callable[[Any, Any, int], Any]  # NHWC, weight (out, 3, 3, in), stride
    relu: Callable[[Any], Any]
    gelu: Callable[[Any], Any]  # by tanh
    layer_norm: Callable[[Any, Any, Any], Any]
    attention: Callable[[Any, Any, Any], Any]  # causal, (batch, head, token, channel)
    heads: Callable[[Any, Any], Any]  # reshape, then swap tokens and heads
    embed: Callable[[Any, Any], Any]  # rows of a table
    loss: Callable[[Any, Any], Any]  # mean cross entropy with class indices


def mlp(f: Functions, sizes: Sizes, p: dict[str, Any], x: Any, y: Any) -> Any:
    """The loss of a perceptron with two hidden layers."""
    x = f.relu(f.linear(x, p["0.w"], p["0.b"]))
    x = f.relu(f.linear(x, p["1.w"], p["1.b"]))
    return f.loss(f.linear(x, p["2.w"], p["2.b"]), y)


def cnn(f: Functions, sizes: Sizes, p: dict[str, Any], x: Any, y: Any) -> Any:
    """The loss of three convolutions, of which two halve the image, and a layer."""
    for i in range(3):
        x = f.relu(f.conv(x, p[f"conv{i}.w"], 1 if i == 0 else 2) + p[f"conv{i}.b"])
    x = x.reshape((sizes["batch"], -1))
    return f.loss(f.linear(x, p["head.w"], p["head.b"]), y)


def transformer(f: Functions, sizes: Sizes, p: dict[str, Any], x: Any, y: Any) -> Any:
    """The loss of a small language model, its blocks normalized beforehand."""
    width, heads = sizes["width"], sizes["heads"]
    batch, tokens = x.shape
    split = (batch, tokens, heads, width // heads)
    h = f.embed(p["words"], x) + p["places"]
    for i in range(sizes["layers"]):
        norm = f.layer_norm(h, p[f"n{i}.w"], p[f"n{i}.b"])
        q, k, v = (
            f.heads(f.linear(norm, p[f"{n}{i}.w"], p[f"{n}{i}.b"]), split)
            for n in "qkv"
        )
        mixed = f.heads(f.attention(q, k, v), (batch, heads, tokens, width // heads))
        mixed = mixed.reshape((batch, tokens, width))
        h = h + f.linear(mixed, p[f"o{i}.w"], p[f"o{i}.b"])
        norm = f.layer_norm(h, p[f"m{i}.w"], p[f"m{i}.b"])
        hidden = f.gelu(f.linear(norm, p[f"u{i}.w"], p[f"u{i}.b"]))
        h = h + f.linear(hidden, p[f"d{i}.w"], p[f"d{i}.b"])
    h = f.linear(h, p["head.w"], p["head.b"])
    return f.loss(h.reshape((batch * tokens, sizes["words"])), y.reshape((-1,)))


LOSSES = {"mlp": mlp, "cnn": cnn, "transformer": transformer}


def inputs(model: str, sizes: Sizes) -> tuple[dict[str, Any], tuple[Any, Any]]:
    """Parameters by name and a batch, as NumPy arrays."""
    arrays: dict[str, Any] = {}

    def linear(name: str, rows: int, columns: int) -> None:
        arrays[f"{name}.w"] = sample((rows, columns), "normal") / float(rows) ** 0.5
        arrays[f"{name}.b"] = sample((columns,), "normal") * 0

    batch = sizes["batch"]
    if model == "mlp":
        widths = (784, 256, 256, 10)
        for i in range(3):
            linear(f"{i}", widths[i], widths[i + 1])
        return arrays, (sample((batch, 784), "normal"), sample((batch,), "below:10"))
    if model == "cnn":
        side, widths = sizes["side"], (1, 16, 32, 64)
        for i in range(3):
            linear(f"conv{i}", 9 * widths[i], widths[i + 1])
            shape = (widths[i + 1], 3, 3, widths[i])
            arrays[f"conv{i}.w"] = arrays[f"conv{i}.w"].T.reshape(shape)
        linear("head", (side // 4) ** 2 * widths[3], 10)
        images = sample((batch, side, side, 1), "normal")
        return arrays, (images, sample((batch,), "below:10"))
    width, tokens, words = sizes["width"], sizes["tokens"], sizes["words"]
    arrays["words"] = sample((words, width), "normal")
    arrays["places"] = sample((tokens, width), "normal")
    for i in range(sizes["layers"]):
        for name in "qkvo":
            linear(f"{name}{i}", width, width)
        linear(f"u{i}", width, 4 * width)
        linear(f"d{i}", 4 * width, width)
        for name in "nm":
            arrays[f"{name}{i}.w"] = arrays[f"q{i}.b"] + 1
            arrays[f"{name}{i}.b"] = arrays[f"q{i}.b"] + 0
    linear("head", width, words)
    x, y = (sample((batch, tokens), f"below:{words}", seed) for seed in (1, 2))
    return arrays, (x, y)
