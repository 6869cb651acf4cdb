"""Several processes train one network together, on handwritten digits.

    pip install "ingot[mpi,examples]"
    mpiexec -n 2 python examples/data_parallel.py
    python examples/data_parallel.py               # alone: the same curve

Each process takes its part of every batch, and nn.average_gradients makes one gradient
of theirs: the loss is that of one process with the whole batch, whose size --batch-size
gives. The first process shows a bar and writes curves.png to --out.
"""

from __future__ import annotations

import argparse
import time
from itertools import pairwise

import common
import ingot.core as mx
import ingot.nn as nn
import numpy as np
from sklearn.datasets import load_digits


class Classifier(nn.Module):
    """64 pixels -> 128 -> 128 -> the logits of 10 digits."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = [nn.Linear(m, n) for m, n in pairwise([64, 128, 128, 10])]

    def __call__(self, x: mx.array) -> mx.array:
        for layer in self.layers[:-1]:
            x = nn.gelu(layer(x))
        return self.layers[-1](x)


def load() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images and digits, then a fifth of them that is held out, always the same."""
    images, digits = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    x, y = (images[order] / 16).astype(np.float32), digits[order].astype(np.int32)
    held_out = len(x) // 5
    return x[held_out:], y[held_out:], x[:held_out], y[:held_out]


def loss_of(model: Classifier, x: mx.array, y: mx.array) -> mx.array:
    return nn.losses.cross_entropy(model(x), y, reduction="mean")


def train(
    options: argparse.Namespace, group: mx.distributed.Group
) -> tuple[Classifier, list[float]]:
    """The same model on all ranks, and the loss of each whole batch."""
    rank, size = group.rank(), group.size()
    mx.random.seed(options.seed)  # the same weights, and below the same batches
    rng = np.random.default_rng(options.seed)
    x, y, _, _ = load()
    model, optimizer = Classifier(), common.optimizer_of(options)
    optimizer.init(model.trainable_parameters())

    def step(x: mx.array, y: mx.array) -> tuple[mx.array, dict]:
        return nn.value_and_grad(model, loss_of)(model, x, y)

    if not options.plain:
        step = mx.compile(step, inputs=[model.state])
    losses = []
    for _, bar in common.progress(options.steps, hidden=rank > 0):
        chosen = rng.permutation(len(x))[: options.batch_size][rank::size]
        loss, gradients = step(mx.array(x[chosen]), mx.array(y[chosen]))
        gradients = nn.average_gradients(gradients, group)
        optimizer.update(model, gradients)
        total = mx.distributed.all_sum(loss, group=group)
        mx.eval(model.parameters(), optimizer.state)
        losses.append(total.item() / size)
        bar.set_postfix_str(f"loss {losses[-1]:.3f}", refresh=False)
    return model, losses


def accuracy_of(model: Classifier) -> float:
    """The part of the images held out that it gets right."""
    _, _, x, y = load()
    return float(np.mean(np.array(mx.argmax(model(mx.array(x)), axis=-1)) == y))


def parse(arguments: list[str] | None, processes: int) -> argparse.Namespace:
    parser = common.parser_of(__doc__, steps=500, rate=3e-3)
    parser.add_argument("--batch-size", default=128, type=int, help="of all processes")
    options = parser.parse_args(arguments)
    if options.steps < 1:
        parser.error("--steps must be at least 1")
    if options.batch_size < 1 or options.batch_size % processes != 0:
        parser.error(f"--batch-size must be a multiple of the {processes} processes")
    return options


def main(arguments: list[str] | None = None) -> list[float]:
    group = mx.distributed.init()
    options = parse(arguments, group.size())
    start = time.perf_counter()
    model, losses = train(options, group)
    seconds = time.perf_counter() - start
    if group.rank() == 0:
        folder = common.folder_of(options, "data_parallel")
        curve = {"training": (list(range(len(losses))), losses)}
        common.plot(folder / "curves.png", "cross entropy", curve)
        print(
            f"test accuracy {accuracy_of(model):.2%} after {options.steps} steps of "
            f"{group.size()} process(es) in {seconds:.1f} s; the curve is in "
            f"{folder / 'curves.png'}"
        )
    return losses


if __name__ == "__main__":
    main()
