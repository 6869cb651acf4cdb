"""A small convolutional network on handwritten digits: 1,797 images of 8 x 8 pixels.

    python examples/cnn.py                         # well under a minute, >= 98.5 %
    python examples/cnn.py --optimizer muon

Images are turned, moved and scaled a little as they are learned from. Writes curves.png
and mistakes.png, the held-out images that it gets wrong, to --out.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import common
import ingot.core as mx
import ingot.nn as nn
import numpy as np
from sklearn.datasets import load_digits

BATCH = 128


class Classifier(nn.Module):
    """Two convolutions, one that halves the image, and two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = [
            nn.Conv2d(1, 32, 3, padding=1),
            nn.Conv2d(32, 32, 3, padding=1),
            nn.Conv2d(32, 64, 3, stride=2, padding=1),
        ]
        self.hidden = nn.Linear(64 * 4 * 4, 128)
        self.out = nn.Linear(128, 10)
        self.dropout = nn.Dropout(0.3)

    def __call__(self, x: mx.array) -> mx.array:
        for convolution in self.convolutions:
            x = nn.relu(convolution(x))
        x = self.dropout(x.reshape(x.shape[0], -1))
        return self.out(self.dropout(nn.relu(self.hidden(x))))


def load() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images and digits, then a fifth of them that is held out, always the same."""
    images, digits = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    x = (images[order] / 16).astype(np.float32).reshape(-1, 8, 8, 1)
    y = digits[order].astype(np.int32)
    held_out = len(x) // 5
    return x[held_out:], y[held_out:], x[:held_out], y[:held_out]


def distorted(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each image turned by up to 10 degrees, scaled by 10 % and moved by a pixel."""
    n, side = len(x), x.shape[1]
    angle, scale = rng.uniform(-0.17, 0.17, n), rng.uniform(0.9, 1.1, n)
    move = rng.uniform(-0.7, 0.7, (n, 2))
    center = (side - 1) / 2
    row, column = np.mgrid[0:side, 0:side] - center
    cos, sin = (
        f(angle)[:, None, None] / scale[:, None, None] for f in (np.cos, np.sin)
    )
    at = np.stack([cos * row - sin * column, sin * row + cos * column])
    at += center + move.T[:, :, None, None]
    low = np.floor(at).astype(int)
    part = at - low
    image = np.arange(n)[:, None, None]
    result = np.zeros((n, side, side))
    for i in (0, 1):  # between the four pixels around each place
        for j in (0, 1):
            r, c = low[0] + i, low[1] + j
            inside = (r >= 0) & (r < side) & (c >= 0) & (c < side)
            value = x[image, r.clip(0, side - 1), c.clip(0, side - 1), 0] * inside
            weight = np.abs(1 - i - part[0]) * np.abs(1 - j - part[1])
            result += weight * value
    return result[..., None].astype(np.float32)


def loss_of(model: Classifier, x: mx.array, y: mx.array) -> mx.array:
    return nn.losses.cross_entropy(model(x), y, label_smoothing=0.05, reduction="mean")


def train(
    options: argparse.Namespace, x: np.ndarray, y: np.ndarray
) -> tuple[Classifier, list[float]]:
    mx.random.seed(options.seed)
    rng = np.random.default_rng(options.seed)
    model, optimizer = Classifier(), common.optimizer_of(options)
    optimizer.init(model.trainable_parameters())
    state = [model.state, optimizer.state, mx.random.state]
    loss_and_grad = nn.value_and_grad(model, loss_of)

    def step(x: mx.array, y: mx.array) -> mx.array:
        loss, gradients = loss_and_grad(model, x, y)
        optimizer.update(model, gradients)
        return loss

    if not options.plain:
        step = mx.compile(step, inputs=state, outputs=state)
    losses = []
    for _, bar in common.progress(options.steps):
        chosen = rng.permutation(len(x))[:BATCH]
        loss = step(mx.array(distorted(x[chosen], rng)), mx.array(y[chosen]))
        mx.eval(state, loss)
        losses.append(loss.item())
        bar.set_postfix_str(f"loss {losses[-1]:.3f}", refresh=False)
    return model, losses


def draw(
    path: Path, images: np.ndarray, guesses: np.ndarray, digits: np.ndarray
) -> None:
    """The images that were taken for something else."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, max(len(images), 1), squeeze=False)
    figure.set_size_inches(1.2 * max(len(images), 2), 1.7)
    for axis in axes[0]:
        axis.axis("off")
    for axis, image, guess, digit in zip(
        axes[0], images, guesses, digits, strict=False
    ):
        axis.imshow(image[..., 0], cmap="gray_r")
        axis.set_title(f"{digit}, not {guess}", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=140)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> float:
    parser = common.parser_of(__doc__, steps=1000, rate=2e-3)
    options = parser.parse_args(arguments)
    folder = common.folder_of(options, "cnn")
    train_x, train_y, test_x, test_y = load()
    start = time.perf_counter()
    model, losses = train(options, train_x, train_y)
    seconds = time.perf_counter() - start
    model.eval()
    guesses = np.array(mx.argmax(model(mx.array(test_x)), axis=-1))
    wrong = guesses != test_y
    accuracy = 1 - float(wrong.mean())
    curve = {"training": (list(range(len(losses))), losses)}
    common.plot(folder / "curves.png", "cross entropy", curve)
    draw(folder / "mistakes.png", test_x[wrong], guesses[wrong], test_y[wrong])
    print(
        f"test accuracy {accuracy:.2%} after {options.steps} steps in {seconds:.1f} s; "
        f"what it gets wrong is in {folder / 'mistakes.png'}"
    )
    return accuracy


if __name__ == "__main__":
    main()
