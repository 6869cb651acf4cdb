"""Fit a network that says how sure it is: diabetes in 442 patients, a year later.

    python examples/regression.py                # seconds on a CPU
    python examples/regression.py --optimizer muon

The network gives a mean and a variance for the progression of the disease, and is
trained on the likelihood of what was measured (nn.losses.gaussian_nll_loss). A fifth of
the patients is held out; on them its error is compared with that of least squares, and
nine of ten ought to lie in its intervals of 90 %.

A run writes regression.png to --out, if matplotlib is installed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ingot.core as mx
import ingot.nn as nn
import ingot.optimizers as optim
import numpy as np
from sklearn.datasets import load_diabetes
from tqdm import tqdm

# What makes an optimizer of the peak learning rate, and its default.
OPTIMIZERS: dict[str, tuple[Callable[[Any], optim.Optimizer], float]] = {
    "adam": (lambda rate: optim.Adam(rate, bias_correction=True), 3e-3),
    "adamw": (
        lambda rate: optim.AdamW(rate, weight_decay=0.1, bias_correction=True),
        3e-3,
    ),
    "muon": (
        lambda rate: optim.MultiOptimizer(
            [optim.Muon(rate), optim.AdamW(rate, bias_correction=True)],
            [lambda _path, w: w.ndim == 2],
        ),
        3e-3,
    ),
    "rmsprop": (optim.RMSprop, 1e-3),
    "sgd": (lambda rate: optim.SGD(rate, momentum=0.9), 1e-2),
}
WIDTH_90 = 1.645  # standard deviations on both sides hold nine of ten


@dataclass
class Data:
    """Measurements and progressions, in deviations of those to train on."""

    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray

    @classmethod
    def load(cls) -> Data:
        """Hold out a fifth, always the same."""
        x, y = load_diabetes(return_X_y=True)
        order = np.random.default_rng(0).permutation(len(x))
        x, y = x[order], y[order]
        held_out = len(x) // 5
        test, train = slice(held_out), slice(held_out, None)
        x = ((x - x[train].mean(axis=0)) / x[train].std(axis=0)).astype(np.float32)
        y = ((y - y[train].mean()) / y[train].std()).astype(np.float32)
        return cls(x[train], y[train], x[test], y[test])


class Estimator(nn.Module):
    """10 measurements -> 64 -> the mean and the variance of a normal distribution."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Sequential(
            nn.Linear(10, 64), nn.BatchNorm(64), nn.SiLU(), nn.Dropout(0.3)
        )
        self.out = nn.Linear(64, 2)

    def __call__(self, x: mx.array) -> tuple[mx.array, mx.array]:
        mean, width = mx.split(self.out(self.hidden(x)), 2, axis=-1)
        return mean.squeeze(-1), nn.softplus(width.squeeze(-1))


def loss_fn(model: Estimator, x: mx.array, y: mx.array) -> mx.array:
    mean, variance = model(x)
    return nn.losses.gaussian_nll_loss(mean, y, variance, eps=1e-3)


def train(data: Data, options: argparse.Namespace) -> Estimator:
    """A model after so many passes over the patients to train on."""
    mx.random.seed(options.seed)
    rng = np.random.default_rng(options.seed)
    model, size = Estimator(), options.batch_size
    batches = max(1, len(data.train_x) // size)
    make, rate = OPTIMIZERS[options.optimizer]
    peak = options.learning_rate or rate
    optimizer = make(optim.cosine_decay(peak, options.epochs * batches))
    step = nn.value_and_grad(model, loss_fn)
    with tqdm(total=options.epochs, unit="epoch", leave=False) as bar:
        for _ in range(options.epochs):
            order = rng.permutation(len(data.train_x))
            for i in range(batches):
                chosen = order[i * size : (i + 1) * size]
                x, y = mx.array(data.train_x[chosen]), mx.array(data.train_y[chosen])
                loss, gradients = step(model, x, y)
                optimizer.update(model, gradients)
                mx.eval(model.parameters(), optimizer.state, loss)
            bar.update()
            bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
    return model.eval()


def least_squares(data: Data) -> float:
    """The error of the best affine function, to compare with."""
    train, test = (np.c_[x, np.ones(len(x))] for x in (data.train_x, data.test_x))
    weights, *_ = np.linalg.lstsq(train, data.train_y, rcond=None)
    return root_mean_square(test @ weights - data.test_y)


def root_mean_square(error: np.ndarray) -> float:
    return float(np.sqrt(np.mean(error**2)))


def plot(data: Data, mean: np.ndarray, width: np.ndarray, path: Path) -> bool:
    """Draw what was said of those held out; False if there is no matplotlib."""
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    order = np.argsort(mean)
    inside = np.abs(mean - data.test_y) <= width
    place = np.arange(len(mean))
    figure, axis = plt.subplots(figsize=(7.4, 4))
    axis.fill_between(
        place,
        (mean - width)[order],
        (mean + width)[order],
        color="tab:blue",
        alpha=0.15,
        label="90 % interval",
    )
    axis.plot(place, mean[order], color="tab:blue", label="predicted mean")
    for within, color in ((True, "black"), (False, "tab:red")):
        chosen = inside[order] == within
        label = f"measured, {'inside' if within else 'outside'}"
        axis.plot(
            place[chosen], data.test_y[order][chosen], ".", color=color, label=label
        )
    axis.set_title("progression of diabetes in patients held out")
    axis.set_xlabel("patient, in the order of the predicted mean")
    axis.set_ylabel("standard deviations from the average")
    axis.legend(frameon=False)
    axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=140)
    plt.close(figure)
    return True


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--optimizer", default="adamw", type=str.lower, choices=sorted(OPTIMIZERS))
    add("--learning-rate", type=float, help="the peak; the default is the optimizer's")
    add("--epochs", default=100, type=int)
    add("--batch-size", default=32, type=int, help="at least 2")
    add("--seed", default=0, type=int)
    add("--out", default=Path("out/regression"), type=Path, help="where the plot goes")
    options = parser.parse_args(arguments)
    for name, least in {"epochs": 1, "batch_size": 2, "seed": 0}.items():
        if getattr(options, name) < least:
            parser.error(f"--{name.replace('_', '-')} must be at least {least}")
    return options


def main(arguments: list[str] | None = None) -> tuple[float, float]:
    options = parse(arguments)
    start = time.perf_counter()
    data = Data.load()
    model = train(data, options)
    mean, variance = (np.array(a) for a in model(mx.array(data.test_x)))
    width = WIDTH_90 * np.sqrt(variance)
    error = root_mean_square(mean - data.test_y)
    inside = float(np.mean(np.abs(mean - data.test_y) <= width))
    print(
        f"error {error:.3f} deviations (least squares {least_squares(data):.3f}), "
        f"{inside:.0%} in the intervals of 90 %, "
        f"in {time.perf_counter() - start:.1f} s"
    )
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "regression.png"
    if plot(data, mean, width, path):
        print(f"plot in {path}")
    return error, inside


if __name__ == "__main__":
    main()
