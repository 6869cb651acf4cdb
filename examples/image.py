"""Fit a picture by a network from coordinates to colours, and save what it drew.

    python examples/image.py                       # china.jpg, about a minute
    python examples/image.py --optimizer muon --steps 500

The coordinates go through random sines (Tancik et al. 2020, Fourier features), without
which such networks only draw what is smooth. Writes picture.png and loss.png to --out.
"""

from __future__ import annotations

import argparse
import time
from itertools import pairwise

import common
import ingot.core as mx
import ingot.nn as nn
import numpy as np
from sklearn.datasets import load_sample_image

WIDTH, FEATURES, SCALE = 128, 128, 12.0
BATCH = 4096  # pixels a step


class Painter(nn.Module):
    """Coordinates in [0, 1]^2 -> sines -> three layers -> a colour in [0, 1]^3."""

    def __init__(self) -> None:
        super().__init__()
        self._waves = mx.random.normal((2, FEATURES), scale=SCALE)  # not trained
        sizes = [2 * FEATURES, WIDTH, WIDTH, 3]
        self.layers = [nn.Linear(m, n) for m, n in pairwise(sizes)]

    def __call__(self, at: mx.array) -> mx.array:
        angle = 2 * mx.pi * (at @ self._waves)
        x = mx.concatenate([mx.sin(angle), mx.cos(angle)], axis=-1)
        for layer in self.layers[:-1]:
            x = nn.gelu(layer(x))
        return mx.sigmoid(self.layers[-1](x))


def pixels(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The place and the colour of each pixel."""
    rows, columns, _ = image.shape
    y, x = np.mgrid[0:rows, 0:columns]
    at = np.stack([(y + 0.5) / rows, (x + 0.5) / columns], axis=-1)
    return at.reshape(-1, 2).astype(np.float32), image.reshape(-1, 3)


def decibels(squared_error: float) -> float:
    """The peak signal-to-noise ratio of colours in [0, 1]."""
    return float(-10 * np.log10(squared_error))


def train(
    options: argparse.Namespace, at: np.ndarray, colour: np.ndarray
) -> tuple[Painter, list[float]]:
    mx.random.seed(options.seed)
    model, optimizer = Painter(), common.optimizer_of(options)
    optimizer.init(model.trainable_parameters())
    state = [model.state, optimizer.state]
    loss_and_grad = nn.value_and_grad(
        model, lambda x, y: nn.losses.mse_loss(model(x), y)
    )

    def step(x: mx.array, y: mx.array) -> mx.array:
        loss, gradients = loss_and_grad(x, y)
        optimizer.update(model, gradients)
        return loss

    if not options.plain:
        step = mx.compile(step, inputs=state, outputs=state)
    rng = np.random.default_rng(options.seed)
    losses = []
    for _, bar in common.progress(options.steps):
        chosen = rng.integers(0, len(at), BATCH)
        loss = step(mx.array(at[chosen]), mx.array(colour[chosen]))
        mx.eval(state, loss)
        losses.append(loss.item())
        bar.set_postfix_str(f"{decibels(losses[-1]):.1f} dB", refresh=False)
    return model, losses


def paint(model: Painter, at: np.ndarray) -> np.ndarray:
    parts = [np.array(model(mx.array(part))) for part in np.array_split(at, 16)]
    return np.concatenate(parts)


def main(arguments: list[str] | None = None) -> float:
    parser = common.parser_of(__doc__, steps=1500, rate=4e-3)
    parser.add_argument("--every", default=1, type=int, help="take each n-th pixel")
    options = parser.parse_args(arguments)
    folder = common.folder_of(options, "image")
    image = load_sample_image("china.jpg")[:: options.every, :: options.every]
    at, colour = pixels(np.float32(image) / 255)
    start = time.perf_counter()
    model, losses = train(options, at, colour)
    drawn = paint(model, at)
    quality = decibels(float(np.mean((drawn - colour) ** 2)))

    import matplotlib.image

    both = np.concatenate([colour.reshape(image.shape), drawn.reshape(image.shape)], 1)
    matplotlib.image.imsave(folder / "picture.png", np.clip(both, 0, 1))
    curve = {"training, pixels of a step": (list(range(len(losses))), losses)}
    common.plot(folder / "loss.png", "squared error of a colour", curve)
    print(
        f"{quality:.2f} dB after {options.steps} steps in "
        f"{time.perf_counter() - start:.1f} s; the picture and what it is of are in "
        f"{folder / 'picture.png'}"
    )
    return quality


if __name__ == "__main__":
    main()
