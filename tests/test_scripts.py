"""Scripts written for MLX's documented interface run once their imports are changed.

Where MLX is installed, they run under it, too, and must say the same: initial weights,
losses, gradients and random numbers to rounding.
"""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.py"))
# Names under which a script shows its losses, and how many numbers it shows for a step,
# the loss first.
LOSSES = {
    "language_model": {"losses": 2, "adapted": 2},
    "images": {"loss": 3, "bound": 1},
    "graphs_and_sequences": {"graph": 1, "RNN": 1, "GRU": 1, "LSTM": 1, "mixed": 1},
}
Shown = dict[str, list[Any]]


def run(path: Path) -> Shown:
    """All that a script shows, by name."""
    shown: Shown = {}
    show = lambda name, value: shown.setdefault(name, []).append(value)  # noqa: E731
    runpy.run_path(str(path))["main"](show)
    return shown


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Shown]:
    """What each script shows with its imports changed."""
    folder = tmp_path_factory.mktemp("changed")
    for path in SCRIPTS:
        text = re.sub(r"\bmlx\b(?=\.)", "ingot", path.read_text())
        (folder / path.name).write_text(text)
    return {path.stem: run(folder / path.name) for path in SCRIPTS}


@pytest.mark.parametrize("name", [path.stem for path in SCRIPTS])
def test_it_trains(name: str, changed: dict[str, Shown]) -> None:
    for series, numbers in LOSSES[name].items():
        losses = np.ravel(changed[name][series])[::numbers]
        assert np.isfinite(losses).all() and losses[-1] < losses[0], (series, losses)


@pytest.mark.parametrize("name", [path.stem for path in SCRIPTS])
def test_it_says_what_mlx_says(name: str, changed: dict[str, Shown], mlx: Any) -> None:
    theirs = run(Path(__file__).parent / "scripts" / f"{name}.py")
    assert list(changed[name]) == list(theirs)
    for what, values in theirs.items():
        # Eight bits of digits, of which the order of sums takes one or two.
        tolerance = 2e-2 if what == "bfloat16" else 1e-3
        assert_same(changed[name][what], values, tolerance, what)


def assert_same(ours: Any, theirs: Any, tolerance: float, where: str) -> None:
    """Nested lists with numbers that agree but for rounding, and equal words."""
    assert type(ours) is type(theirs), where
    if isinstance(ours, list | tuple):
        assert len(ours) == len(theirs), where
        for i, pair in enumerate(zip(ours, theirs, strict=True)):
            assert_same(*pair, tolerance, f"{where}[{i}]")
    elif isinstance(ours, float):
        assert ours == pytest.approx(theirs, rel=tolerance, abs=1e-5), where
    else:
        assert ours == theirs, where
