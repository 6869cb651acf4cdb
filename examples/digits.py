"""Train a small network on handwritten digits: 1,797 images of 8 x 8 pixels.

    python examples/digits.py                        # under a minute, >= 97 % correct
    python examples/digits.py --optimizer muon
    python examples/digits.py --resume               # go on where a run was stopped

A run writes checkpoint.safetensors (weights, optimizer, random key, curves) and
curves.png to --out. A run that is killed and resumed, any number of times, ends with
the same bits as one that is not.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import ingot.core as mx
import ingot.nn as nn
import ingot.optimizers as optim
import numpy as np
from ingot.utils import tree_flatten, tree_unflatten
from sklearn.datasets import load_digits
from tqdm import tqdm

# Peak learning rate and other arguments of each optimizer.
RECIPES: dict[str, tuple[float, dict[str, Any]]] = {
    "AdaDelta": (3.0, {}),
    "Adafactor": (1e-2, {"relative_step": False, "scale_parameter": False}),
    "Adagrad": (2e-2, {}),
    "Adam": (3e-3, {"bias_correction": True}),
    "AdamW": (3e-3, {"bias_correction": True, "weight_decay": 0.02}),
    "Adamax": (1e-2, {}),
    "Lion": (5e-4, {"weight_decay": 0.1}),
    "MultiOptimizer": (2e-2, {"weight_decay": 0.0}),
    "Muon": (2e-2, {"weight_decay": 0.0}),
    "RMSprop": (1e-3, {}),
    "SGD": (0.1, {"momentum": 0.9, "nesterov": True, "weight_decay": 1e-4}),
}
OPTIMIZERS = {
    name.lower(): name
    for name, value in vars(optim).items()
    if isinstance(value, type)
    and issubclass(value, optim.Optimizer)
    and value is not optim.Optimizer
}
DTYPES = {"float32": mx.float32, "float16": mx.float16, "bfloat16": mx.bfloat16}


@dataclass(frozen=True)
class Settings:
    """What decides the numbers of a run; a resumed one must have the same."""

    optimizer: str
    dtype: str
    epochs: int
    seed: int
    batch_size: int
    learning_rate: float | None


@dataclass
class Data:
    """The images, one row of 64 pixels in [0, 1] each, and their digits."""

    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray

    @classmethod
    def load(cls) -> Data:
        """Hold out a fifth, always the same."""
        images, digits = load_digits(return_X_y=True)
        order = np.random.default_rng(0).permutation(len(images))
        x = (images[order] / 16).astype(np.float32)
        y = digits[order].astype(np.int32)
        held_out = len(x) // 5
        return cls(x[held_out:], y[held_out:], x[:held_out], y[:held_out])


class Classifier(nn.Module):
    """64 pixels -> 128 -> 128 -> the logits of 10 digits."""

    def __init__(self, hidden: int = 128) -> None:
        super().__init__()
        sizes = [64, hidden, hidden, 10]
        self.layers = [nn.Linear(m, n) for m, n in pairwise(sizes)]
        self.dropout = nn.Dropout(0.2)

    def __call__(self, x: mx.array) -> mx.array:
        x = x.astype(self.layers[0].weight.dtype)
        for layer in self.layers[:-1]:
            x = self.dropout(nn.gelu(layer(x)))
        return self.layers[-1](x).astype(mx.float32)


def loss_fn(model: Classifier, x: mx.array, y: mx.array) -> mx.array:
    return nn.losses.cross_entropy(model(x), y, reduction="mean")


def warmup_cosine(peak: float, steps: int) -> Callable[[Any], Any]:
    """A linear warm-up over a tenth of the steps, joined to a cosine decay."""
    warmup = max(1, steps // 10)
    rise = optim.linear_schedule(peak / warmup, peak, warmup)
    fall = optim.cosine_decay(peak, max(1, steps - warmup))
    return optim.join_schedules([rise, fall], [warmup])


def make_optimizer(settings: Settings, steps: int) -> optim.Optimizer:
    """The optimizer of these settings, with its schedule."""
    name = settings.optimizer
    peak, arguments = RECIPES.get(name, (1e-3, {}))
    peak = settings.learning_rate or peak
    if name != "MultiOptimizer":
        return getattr(optim, name)(warmup_cosine(peak, steps), **arguments)
    # Muon is meant for matrices; the biases go to AdamW.
    muon = optim.Muon(warmup_cosine(peak, steps), **arguments)
    adamw = optim.AdamW(warmup_cosine(peak / 10, steps), bias_correction=True)
    return optim.MultiOptimizer([muon, adamw], [lambda _path, w: w.ndim == 2])


@dataclass
class Run:
    """A training run: all that changes while it lasts, and how to keep it."""

    settings: Settings
    data: Data
    model: Classifier = field(init=False)
    optimizer: optim.Optimizer = field(init=False)
    # One entry a step: loss, learning_rate; one an epoch: test_loss, accuracy.
    curves: dict[str, list[float]] = field(init=False)

    def __post_init__(self) -> None:
        mx.random.seed(self.settings.seed)
        self.model = Classifier()
        self.model.set_dtype(DTYPES[self.settings.dtype])
        self.optimizer = make_optimizer(self.settings, self.steps)
        self.optimizer.init(self.model.trainable_parameters())
        self.loss_and_grad = nn.value_and_grad(self.model, loss_fn)
        self.curves = {
            n: [] for n in ("loss", "learning_rate", "test_loss", "accuracy")
        }

    @property
    def steps_per_epoch(self) -> int:
        return -(-len(self.data.train_x) // self.settings.batch_size)

    @property
    def steps(self) -> int:
        return self.settings.epochs * self.steps_per_epoch

    @property
    def step(self) -> int:
        return len(self.curves["loss"])

    def batch(self) -> tuple[mx.array, mx.array]:
        """The images and digits of this step: a function of the seed and the step."""
        epoch, number = divmod(self.step, self.steps_per_epoch)
        rng = np.random.default_rng((self.settings.seed, epoch))
        order = rng.permutation(len(self.data.train_x))
        size = self.settings.batch_size
        chosen = order[number * size : (number + 1) * size]
        return mx.array(self.data.train_x[chosen]), mx.array(self.data.train_y[chosen])

    def advance(self) -> None:
        """Take one step."""
        loss, gradients = self.loss_and_grad(self.model, *self.batch())
        gradients, _ = optim.clip_grad_norm(gradients, max_norm=1.0)
        self.optimizer.update(self.model, gradients)
        mx.eval(self.model.parameters(), self.optimizer.state, loss)
        self.curves["loss"].append(loss.item())
        self.curves["learning_rate"].append(float(self.optimizer.learning_rate))

    def test(self) -> None:
        """Measure loss and accuracy on the images held out."""
        x, y = mx.array(self.data.test_x), mx.array(self.data.test_y)
        self.model.eval()
        logits = self.model(x)
        self.model.train()
        loss = nn.losses.cross_entropy(logits, y, reduction="mean")
        correct = mx.mean((mx.argmax(logits, axis=-1) == y).astype(mx.float32))
        self.curves["test_loss"].append(loss.item())
        self.curves["accuracy"].append(correct.item())

    def save(self, path: Path) -> None:
        """Write everything as one file, which is replaced as a whole."""
        arrays = {
            "random_key": mx.random.state[0],
            **{f"curves.{n}": mx.array(v, mx.float32) for n, v in self.curves.items()},
        }
        tree_flatten(self.model.parameters(), ".model", destination=arrays)
        tree_flatten(self.optimizer.state, ".optimizer", destination=arrays)
        metadata = {"settings": json.dumps(asdict(self.settings))}
        mx.save_safetensors(str(path), arrays, metadata)

    def restore(self, path: Path) -> None:
        """Go back to where the checkpoint was written."""
        arrays, metadata = mx.load(str(path), return_metadata=True)
        written = json.loads(metadata["settings"])
        for name, value in asdict(self.settings).items():
            if written[name] != value:
                raise SystemExit(
                    f"--resume: {name} must be {written[name]!r} as in {path}, "
                    f"got {value!r}"
                )

        def below(prefix: str) -> list[tuple[str, mx.array]]:
            start = len(prefix)
            return [(n[start:], a) for n, a in arrays.items() if n.startswith(prefix)]

        self.model.load_weights(below("model."))
        self.optimizer.state = tree_unflatten(below("optimizer."))
        self.optimizer.init(self.model.trainable_parameters())
        high, low = arrays["random_key"].tolist()
        mx.random.seed(high << 32 | low)  # the key of a seed is its two halves
        self.curves = {name: values.tolist() for name, values in below("curves.")}


def train(run: Run, checkpoint: Path, every: int) -> None:
    """Take the steps that remain, with a checkpoint every so many and every epoch."""
    epochs, per_epoch = run.settings.epochs, run.steps_per_epoch
    with tqdm(total=run.steps, initial=run.step, unit="step", leave=False) as bar:
        while run.step < run.steps:
            run.advance()
            bar.update()
            if run.step % per_epoch == 0:
                run.test()
                loss = sum(run.curves["loss"][-per_epoch:]) / per_epoch
                bar.write(
                    f"epoch {run.step // per_epoch:3}/{epochs}  loss {loss:.4f}  "
                    f"test loss {run.curves['test_loss'][-1]:.4f}  "
                    f"accuracy {run.curves['accuracy'][-1]:.2%}  "
                    f"learning rate {run.curves['learning_rate'][-1]:.2e}"
                )
                run.save(checkpoint)
            elif run.step % every == 0:
                run.save(checkpoint)


def plot(run: Run, path: Path) -> None:
    """Draw loss, accuracy and learning rate over the epochs."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    per_epoch = run.steps_per_epoch
    steps = np.arange(1, run.step + 1) / per_epoch
    epochs = np.arange(1, len(run.curves["accuracy"]) + 1)
    loss = np.array(run.curves["loss"])
    means = loss[: len(epochs) * per_epoch].reshape(-1, per_epoch).mean(axis=1)
    accuracy = 100 * np.array(run.curves["accuracy"])

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 3.8))
    left.semilogy(steps, loss, color="tab:blue", alpha=0.2, linewidth=0.8)
    left.semilogy(epochs, means, color="tab:blue", label="training, mean of an epoch")
    left.semilogy(epochs, run.curves["test_loss"], color="tab:orange", label="test")
    left.set_title("cross entropy")
    left.legend(frameon=False)
    middle.plot(epochs, accuracy, color="tab:orange")
    middle.axhline(97, color="grey", linestyle=":", linewidth=1)
    middle.set_ylim(max(0, min(90, accuracy.min() - 1)), 100)
    middle.set_title(f"test accuracy: {accuracy[-1]:.2f} %")
    right.plot(steps, run.curves["learning_rate"], color="tab:green")
    right.ticklabel_format(axis="y", style="sci", scilimits=(-2, 2))
    right.set_title("learning rate")
    for axis in (left, middle, right):
        axis.set_xlabel("epoch")
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"{run.settings.optimizer}, {run.settings.dtype}")
    figure.tight_layout()
    figure.savefig(path, dpi=140)
    plt.close(figure)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--optimizer", default="adamw", type=str.lower, choices=sorted(OPTIMIZERS))
    add("--dtype", default="float32", choices=DTYPES, help="of the weights")
    add("--epochs", default=40, type=int)
    add("--seed", default=0, type=int)
    add("--batch-size", default=64, type=int)
    add("--learning-rate", type=float, help="the peak; the default is the optimizer's")
    add("--out", default=Path("out/digits"), type=Path, help="where the files go")
    add("--checkpoint-every", default=50, type=int, metavar="STEPS")
    add("--resume", action="store_true", help="continue from the checkpoint in --out")
    options = parser.parse_args(arguments)
    for name in ("epochs", "batch_size", "checkpoint_every"):
        if getattr(options, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1")
    if options.seed < 0:
        parser.error("--seed must not be negative")
    return options


def main(arguments: list[str] | None = None) -> Run:
    options = parse(arguments)
    settings = Settings(
        optimizer=OPTIMIZERS[options.optimizer],
        dtype=options.dtype,
        epochs=options.epochs,
        seed=options.seed,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
    )
    run = Run(settings, Data.load())
    options.out.mkdir(parents=True, exist_ok=True)
    checkpoint = options.out / "checkpoint.safetensors"
    if options.resume and checkpoint.exists():
        run.restore(checkpoint)
        print(f"resumed at step {run.step} of {run.steps}")
    start = time.perf_counter()
    train(run, checkpoint, options.checkpoint_every)
    curves = options.out / "curves.png"
    plot(run, curves)
    print(
        f"test accuracy {run.curves['accuracy'][-1]:.2%} after {run.step} steps in "
        f"{time.perf_counter() - start:.1f} s; curves in {curves}"
    )
    return run


if __name__ == "__main__":
    main()
