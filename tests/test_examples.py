"""The examples in their short form: what they reach, compiled and plain."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sklearn", reason="examples: scikit-learn is not installed")
pytest.importorskip("tqdm", reason="examples: tqdm is not installed")
pytest.importorskip("matplotlib", reason="examples: matplotlib is not installed")

FOLDER = Path(__file__).parents[1] / "examples"


@pytest.fixture
def example(monkeypatch) -> Any:
    """Imports an example by name."""
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module
    for name in ("common", "cnn", "image", "char_lm"):
        sys.modules.pop(name, None)


def options(out: Path, steps: int, *more: str) -> list[str]:
    return ["--out", str(out), "--steps", str(steps), *more]


def test_cnn(example, tmp_path, capsys):
    accuracy = example("cnn").main(options(tmp_path, 300))
    assert accuracy >= 0.98
    assert f"test accuracy {accuracy:.2%} after 300 steps" in capsys.readouterr().out
    assert (tmp_path / "curves.png").stat().st_size > 1000
    assert (tmp_path / "mistakes.png").stat().st_size > 1000


def test_image(example, tmp_path, capsys):
    """A picture of one color that fits best has 10.5 dB."""
    quality = example("image").main(options(tmp_path, 150, "--every", "8"))
    assert quality >= 17
    assert f"{quality:.2f} dB after 150 steps" in capsys.readouterr().out
    assert (tmp_path / "picture.png").stat().st_size > 1000


def test_char_lm(example, tmp_path, capsys):
    """Far below the 3.2 nats of the characters' own frequencies."""
    char_lm = example("char_lm")
    small = char_lm.Size(layers=1, width=64, heads=2, tokens=64, batch=16)
    run = char_lm.main(options(tmp_path, 300, "--sample", "40"), small)
    assert run.held_out[-1] < 2.75
    assert len((tmp_path / "sample.txt").read_text()) == 44
    assert "nats a character in training" in capsys.readouterr().out


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_compiling_changes_no_number(example, tmp_path, optimizer):
    char_lm = example("char_lm")
    small = char_lm.Size(layers=2, width=32, heads=2, tokens=32, batch=4)
    same = options(tmp_path, 12, "--sample", "30", "--optimizer", optimizer)
    compiled, plain = (char_lm.main([*same, *p], small) for p in ([], ["--plain"]))
    assert compiled.losses == plain.losses
    assert compiled.held_out == plain.held_out

    cnn = example("cnn")
    x, y, _, _ = cnn.load()
    parser = example("common").parser_of("", steps=8, rate=2e-3)
    runs = [
        parser.parse_args(["--optimizer", optimizer, *p]) for p in ([], ["--plain"])
    ]
    assert cnn.train(runs[0], x, y)[1] == cnn.train(runs[1], x, y)[1]


def test_bad_arguments(example, capsys):
    with pytest.raises(SystemExit):
        example("cnn").main(["--optimizer", "nonsense"])
    assert "invalid choice: 'nonsense'" in capsys.readouterr().err
