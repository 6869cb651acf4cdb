"""Train an LSTM to remember: the adding problem of Hochreiter and Schmidhuber (1997).

    python examples/lstm.py                      # seconds on a CPU
    python examples/lstm.py --optimizer rmsprop --layer gru

A sequence has two numbers a step, a random one in [0, 1) and a mark that is 1 at two
steps and 0 elsewhere. The network reads it once and then has to name the sum of the two
marked numbers. Who always says 1 has a mean squared error of 1/6 = 0.167.

A run writes lstm.png to --out, if matplotlib is installed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ingot.core as mx
import ingot.nn as nn
import ingot.optimizers as optim
import numpy as np
from tqdm import tqdm

LAYERS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
# What makes an optimizer of the peak learning rate, and its default.
OPTIMIZERS: dict[str, tuple[Callable[[Any], optim.Optimizer], float]] = {
    "adam": (lambda rate: optim.Adam(rate, bias_correction=True), 1e-2),
    "adamw": (lambda rate: optim.AdamW(rate, bias_correction=True), 1e-2),
    "lion": (optim.Lion, 1e-3),
    "rmsprop": (optim.RMSprop, 3e-3),
    "sgd": (lambda rate: optim.SGD(rate, momentum=0.9), 0.1),
}


class Adder(nn.Module):
    """The last hidden state of a recurrent layer, made one number."""

    def __init__(self, layer: str, hidden: int) -> None:
        super().__init__()
        self.recurrent = LAYERS[layer](2, hidden)
        self.out = nn.Linear(hidden, 1)

    def __call__(self, x: mx.array) -> mx.array:
        states = self.recurrent(x)
        hidden = states[0] if isinstance(states, tuple) else states
        return self.out(hidden[:, -1]).squeeze(-1)


def sequences(
    rng: np.random.Generator, count: int, length: int
) -> tuple[mx.array, mx.array]:
    """Sequences (count, length, 2), marked once in each half, and their sums."""
    numbers = rng.random((count, length), dtype=np.float32)
    marks = np.zeros_like(numbers)
    rows, half = np.arange(count), length // 2
    marks[rows, rng.integers(0, half, count)] = 1
    marks[rows, rng.integers(half, length, count)] = 1
    sums = (numbers * marks).sum(axis=1)
    return mx.array(np.stack([numbers, marks], axis=-1)), mx.array(sums)


def loss_fn(model: Adder, x: mx.array, y: mx.array) -> mx.array:
    return nn.losses.mse_loss(model(x), y)


def train(options: argparse.Namespace) -> tuple[list[float], float]:
    """The loss of each step, and that of new sequences at the end."""
    mx.random.seed(options.seed)
    rng = np.random.default_rng(options.seed)
    model = Adder(options.layer, options.hidden)
    make, rate = OPTIMIZERS[options.optimizer]
    peak = options.learning_rate or rate
    optimizer = make(optim.cosine_decay(peak, options.steps))
    step = nn.value_and_grad(model, loss_fn)
    losses: list[float] = []
    with tqdm(total=options.steps, unit="step", leave=False) as bar:
        for _ in range(options.steps):
            x, y = sequences(rng, options.batch_size, options.length)
            loss, gradients = step(model, x, y)
            # Through many steps gradients vanish or explode; this bounds the latter.
            gradients, _ = optim.clip_grad_norm(gradients, max_norm=1.0)
            optimizer.update(model, gradients)
            mx.eval(model.parameters(), optimizer.state, loss)
            losses.append(loss.item())
            bar.update()
            bar.set_postfix(loss=f"{np.mean(losses[-50:]):.4f}", refresh=False)
    test = loss_fn(model, *sequences(rng, 1000, options.length))
    return losses, test.item()


def plot(losses: list[float], title: str, path: Path) -> bool:
    """Draw the loss of each step; False if there is no matplotlib."""
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    width = max(1, len(losses) // 50)
    means = np.convolve(losses, np.full(width, 1 / width), mode="valid")
    steps = np.arange(1, len(losses) + 1)
    figure, axis = plt.subplots(figsize=(6.4, 3.8))
    axis.semilogy(steps, losses, color="tab:blue", alpha=0.2, linewidth=0.8)
    axis.semilogy(steps[width - 1 :], means, color="tab:blue")
    axis.axhline(1 / 6, color="grey", linestyle=":", linewidth=1)
    axis.annotate(
        "always 1", (len(losses), 1 / 6), ha="right", va="bottom", color="grey"
    )
    axis.set_title(title)
    axis.set_xlabel("step")
    axis.set_ylabel("mean squared error")
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=140)
    plt.close(figure)
    return True


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--layer", default="lstm", choices=LAYERS)
    add("--optimizer", default="adam", type=str.lower, choices=sorted(OPTIMIZERS))
    add("--learning-rate", type=float, help="the peak; the default is the optimizer's")
    add("--length", default=30, type=int, help="steps of a sequence, at least 2")
    add("--hidden", default=32, type=int)
    add("--batch-size", default=64, type=int)
    add("--steps", default=800, type=int)
    add("--seed", default=0, type=int)
    add("--out", default=Path("out/lstm"), type=Path, help="where the plot goes")
    options = parser.parse_args(arguments)
    least = {"length": 2, "hidden": 1, "batch_size": 1, "steps": 1, "seed": 0}
    for name, bound in least.items():
        if getattr(options, name) < bound:
            parser.error(f"--{name.replace('_', '-')} must be at least {bound}")
    return options


def main(arguments: list[str] | None = None) -> float:
    options = parse(arguments)
    start = time.perf_counter()
    losses, test = train(options)
    print(
        f"mean squared error {test:.5f} on new sequences of {options.length} steps "
        f"after {options.steps} batches in {time.perf_counter() - start:.1f} s"
    )
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "lstm.png"
    title = f"{options.layer}, {options.optimizer}: {test:.5f} at the end"
    if plot(losses, title, path):
        print(f"curve in {path}")
    return test


if __name__ == "__main__":
    main()
