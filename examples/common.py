"""What the examples share: a choice of optimizers, the loop's bar, and a plot."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ingot.optimizers as optim
from tqdm import tqdm

# Optimizer and what it is given beside a learning rate; the rate is relative to Adam's.
CHOICES: dict[str, tuple[Callable[..., optim.Optimizer], float, dict[str, Any]]] = {
    "adafactor": (
        optim.Adafactor,
        1.0,
        {"relative_step": False, "scale_parameter": False},
    ),
    "adam": (optim.Adam, 1.0, {"bias_correction": True}),
    "adamw": (optim.AdamW, 1.0, {"bias_correction": True}),
    "lion": (optim.Lion, 0.2, {"weight_decay": 0.1}),
    "muon": (optim.Muon, 5.0, {"weight_decay": 0.0}),
    "rmsprop": (optim.RMSprop, 0.5, {}),
    "sgd": (optim.SGD, 30.0, {"momentum": 0.9, "nesterov": True}),
}


def parser_of(doc: str | None, steps: int, rate: float) -> argparse.ArgumentParser:
    """The arguments that every example has."""
    parser = argparse.ArgumentParser(description=(doc or "").split("\n")[0])
    add = parser.add_argument
    add("--optimizer", default="adamw", choices=sorted(CHOICES))
    add("--steps", default=steps, type=int)
    add("--learning-rate", default=rate, type=float, help="the peak, as for Adam")
    add("--seed", default=0, type=int)
    add("--plain", action="store_true", help="do not compile the step")
    add("--out", default=None, type=Path, help="where the plot goes")
    return parser


def optimizer_of(options: argparse.Namespace) -> optim.Optimizer:
    """The chosen one, with a short warm-up and a cosine decay to a tenth."""
    kind, factor, more = CHOICES[options.optimizer]
    peak = factor * options.learning_rate
    warmup = max(1, min(100, options.steps // 10))
    schedule = optim.join_schedules(
        [
            optim.linear_schedule(peak / warmup, peak, warmup),
            optim.cosine_decay(peak, max(1, options.steps - warmup), peak / 10),
        ],
        [warmup],
    )
    return kind(schedule, **more)


def progress(steps: int, hidden: bool = False) -> Iterator[tuple[int, tqdm[int]]]:
    """Counts steps beside a bar, unless that is hidden."""
    with tqdm(range(steps), unit="step", leave=False, disable=hidden) as bar:
        for step in bar:
            yield step, bar


def folder_of(options: argparse.Namespace, name: str) -> Path:
    """Made if need be."""
    folder: Path = options.out or Path("out") / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def plot(
    path: Path, what: str, curves: dict[str, tuple[list[int], list[float]]]
) -> None:
    """Draws curves of `what` over steps; losses fall by powers of ten."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib import ticker

    figure, axis = plt.subplots(figsize=(7, 4))
    for name, (steps, values) in curves.items():
        noisy = len(steps) > 100
        axis.plot(steps, values, label=name, linewidth=0.8 if noisy else 1.6)
    axis.set_yscale("log")
    low, high = axis.get_ylim()
    if high < 20 * low:  # else numbers like 2 x 10^0 would stand there
        axis.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
        axis.yaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
        axis.yaxis.set_minor_formatter(ticker.NullFormatter())
    axis.set_xlabel("step")
    axis.set_ylabel(what)
    axis.grid(alpha=0.25, which="both")
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, dpi=140)
    plt.close(figure)
