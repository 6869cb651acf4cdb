"""A small GPT on the text of Python's own help topics, then a sample of its prose.

    python examples/char_lm.py                     # a few minutes on a laptop's CPU
    python examples/char_lm.py --optimizer muon --steps 300

The text is that of `pydoc_data.topics`, which every CPython has (465,000 characters);
its last tenth is held out. Writes loss.png and sample.txt to --out.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field
from pydoc_data.topics import topics

import common
import ingot.core as mx
import ingot.nn as nn
import ingot.optimizers as optim
import numpy as np


@dataclass(frozen=True)
class Size:
    layers: int = 4
    width: int = 128
    heads: int = 4
    tokens: int = 128
    batch: int = 24


class Block(nn.Module):
    """Attention to what came before, then two layers for each token by itself."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        width = size.width
        self.heads = size.heads
        self.before = nn.RMSNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.between = nn.RMSNorm(width)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)

    def attention(self, x: mx.array) -> mx.array:
        batch, tokens, width = x.shape
        x = self.queries_keys_values(x).reshape(batch, tokens, 3, self.heads, -1)
        q, k, v = x.transpose(2, 0, 3, 1, 4)
        scale = (width // self.heads) ** -0.5
        y = mx.fast.scaled_dot_product_attention(q, k, v, scale=scale, mask="causal")
        return self.out(y.swapaxes(1, 2).reshape(batch, tokens, width))

    def __call__(self, x: mx.array) -> mx.array:
        x = x + self.attention(self.before(x))
        return x + self.down(nn.gelu_approx(self.up(self.between(x))))


class GPT(nn.Module):
    """Characters -> the logits of the next ones."""

    def __init__(self, size: Size, characters: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(characters, size.width)
        self.position = nn.Embedding(size.tokens, size.width)
        self.blocks = [Block(size) for _ in range(size.layers)]
        self.norm = nn.RMSNorm(size.width)
        self.head = nn.Linear(size.width, characters, bias=False)
        self.update({"embedding": {"weight": 0.5 * self.embedding.weight}})

    def __call__(self, tokens: mx.array) -> mx.array:
        x = self.embedding(tokens) + self.position(mx.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


@dataclass
class Text:
    """Help topics as numbers of characters."""

    characters: str = field(init=False)
    train: np.ndarray = field(init=False)
    held_out: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        text = "".join(topics.values())
        self.characters = "".join(sorted(set(text)))
        numbers = {c: i for i, c in enumerate(self.characters)}
        tokens = np.array([numbers[c] for c in text], np.int32)
        cut = len(tokens) * 9 // 10
        self.train, self.held_out = tokens[:cut], tokens[cut:]

    def batch(
        self, tokens: np.ndarray, size: Size, rng: np.random.Generator
    ) -> tuple[mx.array, mx.array]:
        """Pieces of the text, and the same one character on."""
        starts = rng.integers(0, len(tokens) - size.tokens - 1, size.batch)
        at = starts[:, None] + np.arange(size.tokens + 1)
        pieces = tokens[at]
        return mx.array(pieces[:, :-1]), mx.array(pieces[:, 1:])


def loss_of(model: GPT, x: mx.array, y: mx.array) -> mx.array:
    """Nats a character."""
    return nn.losses.cross_entropy(model(x), y, reduction="mean")


@dataclass
class Run:
    options: argparse.Namespace
    size: Size
    text: Text = field(default_factory=Text)
    losses: list[float] = field(default_factory=list)
    held_out: list[float] = field(default_factory=list)
    tested_at: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        mx.random.seed(self.options.seed)
        self.rng = np.random.default_rng(self.options.seed)
        self.model = GPT(self.size, len(self.text.characters))
        self.optimizer = common.optimizer_of(self.options)
        self.optimizer.init(self.model.trainable_parameters())
        state = [self.model.state, self.optimizer.state]
        loss_and_grad = nn.value_and_grad(self.model, loss_of)

        def step(x: mx.array, y: mx.array) -> mx.array:
            loss, gradients = loss_and_grad(self.model, x, y)
            gradients, _ = optim.clip_grad_norm(gradients, 1.0)
            self.optimizer.update(self.model, gradients)
            return loss

        plain = self.options.plain
        self.step = step if plain else mx.compile(step, inputs=state, outputs=state)
        self.state = state

    def test(self, batches: int = 8) -> float:
        """The loss on text that was held out."""
        rng = np.random.default_rng(0)
        total = 0.0
        for _ in range(batches):
            x, y = self.text.batch(self.text.held_out, self.size, rng)
            total += loss_of(self.model, x, y).item()
        return total / batches

    def train(self) -> None:
        every = max(1, self.options.steps // 20)
        for step, bar in common.progress(self.options.steps):
            loss = self.step(*self.text.batch(self.text.train, self.size, self.rng))
            mx.eval(self.state, loss)
            self.losses.append(loss.item())
            if (step + 1) % every == 0:
                self.tested_at.append(step)
                self.held_out.append(self.test())
                bar.set_postfix_str(f"held out {self.held_out[-1]:.3f}", refresh=False)

    def sample(self, start: str, characters: int) -> str:
        """Goes on from `start`, each character drawn by its probability."""
        numbers = [self.text.characters.index(c) for c in start]
        forward = self.model if self.options.plain else mx.compile(self.model)
        window = self.size.tokens
        for _ in range(characters):
            # Always of one length, so that one recording serves.
            seen = numbers[-window:]
            tokens = mx.array([seen + [0] * (window - len(seen))])
            logits = forward(tokens)[0, len(seen) - 1]
            numbers.append(mx.random.categorical(logits / 0.8).item())
        return "".join(self.text.characters[i] for i in numbers)


def main(arguments: list[str] | None = None, size: Size = Size()) -> Run:
    parser = common.parser_of(__doc__, steps=1500, rate=3e-3)
    parser.add_argument("--sample", default=500, type=int, help="characters to write")
    options = parser.parse_args(arguments)
    folder = common.folder_of(options, "char_lm")
    run = Run(options, size)
    start = time.perf_counter()
    run.train()
    seconds = time.perf_counter() - start
    curves = {
        "training": (list(range(options.steps)), run.losses),
        "held out": (run.tested_at, run.held_out),
    }
    common.plot(folder / "loss.png", "cross entropy, nats a character", curves)
    sample = run.sample("The ", options.sample)
    (folder / "sample.txt").write_text(sample, encoding="utf-8")
    print(sample)
    recent = run.losses[-50:]
    print(
        f"\n{sum(recent) / len(recent):.3f} nats a character in training, "
        f"{run.held_out[-1]:.3f} held out, after {options.steps} steps in "
        f"{seconds:.0f} s; the curves are in {folder / 'loss.png'}"
    )
    return run


if __name__ == "__main__":
    main()
