"""A decoder: rotary places, shared keys, gates, a cache, adapters, files."""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
from mlx.utils import tree_flatten, tree_map, tree_reduce, tree_unflatten

WIDTH, HEADS, SHARED, LAYERS, WORDS = 32, 4, 2, 2, 50


class Attention(nn.Module):
    """Attention in which some heads share their keys and values."""

    def __init__(self) -> None:
        super().__init__()
        side = WIDTH // HEADS
        self.scale = side**-0.5
        self.query = nn.Linear(WIDTH, HEADS * side, bias=False)
        self.key = nn.Linear(WIDTH, SHARED * side, bias=False)
        self.value = nn.Linear(WIDTH, SHARED * side, bias=False)
        self.out = nn.Linear(HEADS * side, WIDTH, bias=False)
        self.rope = nn.RoPE(side, base=1000)

    def __call__(self, x, mask=None, seen=None):
        batch, length, _ = x.shape

        def heads(y, n):
            return y.reshape(batch, length, n, -1).transpose(0, 2, 1, 3)

        q = heads(self.query(x), HEADS)
        k, v = heads(self.key(x), SHARED), heads(self.value(x), SHARED)
        before = 0 if seen is None else seen[0].shape[2]
        q, k = self.rope(q, offset=before), self.rope(k, offset=before)
        if seen is not None:
            k = mx.concatenate([seen[0], k], axis=2)
            v = mx.concatenate([seen[1], v], axis=2)
        y = mx.fast.scaled_dot_product_attention(q, k, v, scale=self.scale, mask=mask)
        return self.out(y.transpose(0, 2, 1, 3).reshape(batch, length, -1)), (k, v)


class Gated(nn.Module):
    """silu(a x) * (b x), and back."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.up = nn.Linear(WIDTH, 2 * hidden, bias=False)
        self.down = nn.Linear(hidden, WIDTH, bias=False)

    def __call__(self, x):
        gate, value = mx.split(self.up(x), 2, axis=-1)
        return self.down(nn.silu(gate) * value)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention, self.gated = Attention(), Gated(2 * WIDTH)
        self.norms = [nn.RMSNorm(WIDTH), nn.RMSNorm(WIDTH)]

    def __call__(self, x, mask=None, seen=None):
        y, seen = self.attention(self.norms[0](x), mask, seen)
        x = x + y
        return x + self.gated(self.norms[1](x)), seen


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.blocks = [Block() for _ in range(LAYERS)]
        self.norm = nn.RMSNorm(WIDTH)

    def __call__(self, words, seen=None):
        x = self.words(words)
        mask = "causal" if words.shape[1] > 1 else None
        new = []
        for i, block in enumerate(self.blocks):
            x, kept = block(x, mask, seen[i] if seen else None)
            new.append(kept)
        return self.words.as_linear(self.norm(x)), new


class Adapted(nn.Module):
    """A frozen layer beside a product of low rank."""

    def __init__(self, layer: nn.Linear, rank: int) -> None:
        super().__init__()
        outputs, inputs = layer.weight.shape
        self.layer = layer.freeze()
        self.a = mx.random.normal((inputs, rank), scale=inputs**-0.5)
        self.b = mx.zeros((rank, outputs))

    def __call__(self, x):
        return self.layer(x) + (x @ self.a) @ self.b


def continued(model: Model, prompt, count: int) -> list[int]:
    """The likeliest words after a prompt, one at a time."""
    logits, seen = model(prompt[None])
    words = []
    for _ in range(count):
        word = mx.argmax(logits[:, -1], axis=-1)
        words.append(word.item())
        logits, seen = model(word[:, None], seen)
    return words


def loss(model: Model, words, lengths):
    """Of the words that are there, and how many these are."""
    logits, _ = model(words[:, :-1])
    there = mx.arange(words.shape[1] - 1) < lengths[:, None]
    losses = nn.losses.cross_entropy(logits.astype(mx.float32), words[:, 1:])
    return (losses * there).sum() / there.sum(), there.sum()


def trained(model: Model, optimizer, words, lengths, steps: int) -> list[float]:
    """The losses of compiled steps."""
    state = [model.state, optimizer.state, mx.random.state]

    @partial(mx.compile, inputs=state, outputs=state)
    def step(words, lengths):
        (value, _), grads = nn.value_and_grad(model, loss)(model, words, lengths)
        grads, norm = optim.clip_grad_norm(grads, max_norm=1.0)
        optimizer.update(model, grads)
        return value, norm

    seen = []
    for _ in range(steps):
        value, norm = step(words, lengths)
        mx.eval(state, value, norm)
        seen += [value.item(), norm.item()]
    return seen


def main(show) -> None:
    mx.random.seed(3)
    model = Model()
    mx.eval(model.parameters())
    show("names", sorted(name for name, _ in tree_flatten(model.parameters())))
    show("size", tree_reduce(lambda n, x: n + x.size, model.parameters(), 0))
    words = mx.random.randint(0, WORDS, (4, 11))
    lengths = mx.array([10, 7, 3, 9])
    rate = optim.join_schedules(
        [optim.linear_schedule(0.0, 1e-2, 3), optim.cosine_decay(1e-2, 20)], [3]
    )
    show(
        "losses",
        trained(model, optim.AdamW(rate, betas=[0.9, 0.95]), words, lengths, 8),
    )
    show("continued", continued(model, words[0, :5], 6))

    for block in model.blocks:
        block.attention.query = Adapted(block.attention.query, rank=2)
    model.freeze()
    model.apply_to_modules(
        lambda _, m: m.unfreeze(keys=["a", "b"]) if isinstance(m, Adapted) else None
    )
    show("adapters", [n for n, _ in tree_flatten(model.trainable_parameters())])
    before = tree_map(lambda x: x + 0, model.words.parameters())
    show("adapted", trained(model, optim.Adam(1e-2), words, lengths, 4))
    show("frozen", mx.array_equal(before["weight"], model.words.weight).item())

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "adapters.safetensors")
        kept = dict(tree_flatten(model.trainable_parameters()))
        mx.save_safetensors(path, kept, metadata={"rank": "2"})
        model.update(tree_unflatten([(n, mx.zeros_like(x)) for n, x in kept.items()]))
        loaded, metadata = mx.load(path, return_metadata=True)
        model.load_weights(list(loaded.items()), strict=False)
        show("metadata", metadata["rank"])
    show("loaded", loss(model, words, lengths)[0].item())
    model.set_dtype(mx.bfloat16)
    show("bfloat16", loss(model, words, lengths)[0].item())


if __name__ == "__main__":
    import json

    main(lambda name, value: json.dump({name: value}, sys.stdout) or print())
