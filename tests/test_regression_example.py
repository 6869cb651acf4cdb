"""The regression example: as good as least squares, and right about its own error."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="examples: scikit-learn is not installed")
pytest.importorskip("tqdm", reason="examples: tqdm is not installed")
pytest.importorskip("matplotlib", reason="examples: matplotlib is not installed")

EXAMPLE = Path(__file__).parent.parent / "examples" / "regression.py"


def run(out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(EXAMPLE), "--out", str(out), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("optimizer", ["adamw", "muon", "sgd"])
def test_it_knows_how_sure_it_is(tmp_path: Path, optimizer: str) -> None:
    result = run(tmp_path, "--optimizer", optimizer, "--epochs", "60")
    assert result.returncode == 0, result.stderr
    line = re.search(
        r"^error ([\d.]+) deviations \(least squares ([\d.]+)\), (\d+)% in the interv",
        result.stdout,
    )
    assert line
    assert float(line[1]) < 1.1 * float(line[2])
    assert 80 <= int(line[3]) <= 98
    assert "epoch/s" in result.stderr  # the progress bar
    png = (tmp_path / "regression.png").read_bytes()
    assert png.startswith(b"\x89PNG") and len(png) > 10_000


@pytest.mark.parametrize(
    "arguments", [["--epochs", "0"], ["--batch-size", "1"], ["--optimizer", "none"]]
)
def test_bad_arguments(arguments: list[str], tmp_path: Path) -> None:
    result = run(tmp_path / "out", *arguments)
    assert result.returncode == 2 and arguments[0] in result.stderr
    assert not (tmp_path / "out").exists()
