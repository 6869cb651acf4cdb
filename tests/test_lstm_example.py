"""The sequence example: what it learns, its line, its plot, bad arguments."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tqdm", reason="examples: tqdm is not installed")
pytest.importorskip("matplotlib", reason="examples: matplotlib is not installed")

EXAMPLE = Path(__file__).parent.parent / "examples" / "lstm.py"


def run(out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(EXAMPLE), "--out", str(out), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "bound"),
    [
        (["--length", "8", "--steps", "400"], 0.02),
        (["--length", "8", "--steps", "400", "--layer", "gru"], 0.02),
        (["--length", "8", "--steps", "400", "--optimizer", "rmsprop"], 0.05),
    ],
    ids=["lstm", "gru", "rmsprop"],
)
def test_it_learns_to_add(tmp_path: Path, arguments: list[str], bound: float) -> None:
    """Short sequences, learnt in seconds: far below the 1/6 of who always says 1."""
    result = run(tmp_path, *arguments)
    assert result.returncode == 0, result.stderr
    error = re.search(r"^mean squared error ([\d.]+) on new", result.stdout)
    assert error and float(error[1]) < bound
    assert "step/s" in result.stderr  # the progress bar
    png = (tmp_path / "lstm.png").read_bytes()
    assert png.startswith(b"\x89PNG") and len(png) > 10_000


@pytest.mark.parametrize(
    "arguments", [["--steps", "0"], ["--length", "1"], ["--optimizer", "none"]]
)
def test_bad_arguments(arguments: list[str], tmp_path: Path) -> None:
    result = run(tmp_path / "out", *arguments)
    assert result.returncode == 2 and arguments[0] in result.stderr
    assert not (tmp_path / "out").exists()
