"""The training example: accuracy, files, every optimizer, and runs that are killed."""

from __future__ import annotations

import importlib.util
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import ingot.core as mx
import numpy as np
import pytest
from ingot.utils import tree_flatten
from support import to_numpy

pytest.importorskip("sklearn", reason="examples: scikit-learn is not installed")
pytest.importorskip("tqdm", reason="examples: tqdm is not installed")
pytest.importorskip("matplotlib", reason="examples: matplotlib is not installed")

HERE = Path(__file__).parent
EXAMPLE = HERE.parent / "examples" / "digits.py"


@pytest.fixture(scope="module")
def digits() -> Any:
    """The example as a module."""
    spec = importlib.util.spec_from_file_location("digits", EXAMPLE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["digits"] = module
    spec.loader.exec_module(module)
    return module


def command(out: Path, *arguments: str) -> list[str]:
    return [sys.executable, str(EXAMPLE), "--out", str(out), *arguments]


def train(out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(out, *arguments),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def checkpoint(out: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Arrays (as bits, so that NaN equals NaN) and metadata of a run's checkpoint."""
    path = str(out / "checkpoint.safetensors")
    arrays, metadata = mx.load(path, return_metadata=True)
    return {name: to_numpy(a) for name, a in arrays.items()}, metadata


def assert_same_run(out: Path, other: Path) -> None:
    """Two checkpoints hold the same names and the same bits."""
    (a, a_metadata), (b, b_metadata) = checkpoint(out), checkpoint(other)
    assert a.keys() == b.keys()
    assert a_metadata["settings"] == b_metadata["settings"]
    for name in a:
        assert a[name].dtype == b[name].dtype, name
        assert a[name].tobytes() == b[name].tobytes(), name


def test_the_main_run(tmp_path: Path) -> None:
    """At least 97 % of a held-out fifth in under a minute, with its files and lines."""
    start = time.monotonic()
    result = train(tmp_path)
    assert result.returncode == 0, result.stderr
    assert time.monotonic() - start < 60
    accuracy = re.search(r"test accuracy ([\d.]+)%", result.stdout)
    assert accuracy and float(accuracy[1]) >= 97
    lines = re.findall(
        r"^epoch +(\d+)/40  loss [\d.]+  test loss [\d.]+  accuracy [\d.]+%  "
        r"learning rate [\d.e-]+$",
        result.stdout,
        re.MULTILINE,
    )
    assert [int(n) for n in lines] == list(range(1, 41))
    assert "step/s" in result.stderr  # the progress bar
    png = (tmp_path / "curves.png").read_bytes()
    assert png.startswith(b"\x89PNG") and len(png) > 20_000
    arrays, _ = checkpoint(tmp_path)
    loss, rate = arrays["curves.loss"], arrays["curves.learning_rate"]
    assert len(loss) == len(rate) == 920
    assert loss[-100:].mean() < 0.1 * loss[:23].mean()
    assert np.argmax(rate) == 92 and rate[0] < 0.02 * rate.max() and rate[-1] < 1e-6
    again = train(tmp_path, "--resume")
    assert "resumed at step 920 of 920" in again.stdout
    assert accuracy[0] in again.stdout


def test_the_data_are_held_out(digits: Any) -> None:
    data = digits.Data.load()
    assert len(data.test_x) == 359 and len(data.train_x) == 1438
    rows = {row.tobytes() for row in data.train_x}
    assert not any(row.tobytes() in rows for row in data.test_x)
    assert data.train_x.min() == 0 and data.train_x.max() == 1
    assert set(data.test_y.tolist()) == set(range(10))


def test_every_optimizer_has_a_recipe(digits: Any) -> None:
    assert set(digits.OPTIMIZERS.values()) == set(digits.RECIPES)


OPTIMIZERS = [
    "AdaDelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "MultiOptimizer",
    "Muon",
    "RMSprop",
    "SGD",
]


@pytest.fixture
def quiet(digits: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(digits, "plot", lambda *_: None)
    return digits


def test_the_list_of_optimizers_is_whole(digits: Any) -> None:
    assert set(OPTIMIZERS) == set(digits.RECIPES)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_learns_and_resumes(
    quiet: Any, name: str, tmp_path: Path
) -> None:
    """Six epochs reach 85 %, and a restored run takes the same next step."""
    arguments = ["--optimizer", name, "--epochs", "6", "--batch-size", "32"]
    run = quiet.main([*arguments, "--out", str(tmp_path)])
    assert run.curves["accuracy"][-1] > 0.85
    for folder in ("on", "restored"):
        if folder == "restored":
            losses = run.curves["loss"][:-1]
            run = quiet.Run(run.settings, run.data)
            run.restore(tmp_path / "checkpoint.safetensors")
            assert run.curves["loss"] == losses
        run.advance()
        (tmp_path / folder).mkdir()
        run.save(tmp_path / folder / "checkpoint.safetensors")
    assert_same_run(tmp_path / "on", tmp_path / "restored")


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_types_train(quiet: Any, dtype: str, tmp_path: Path) -> None:
    arguments = ["--dtype", dtype, "--epochs", "12", "--out", str(tmp_path)]
    run = quiet.main(arguments)
    dtypes = {a.dtype for _, a in tree_flatten(run.model.parameters())}
    assert dtypes == {getattr(mx, dtype)}
    assert run.curves["accuracy"][-1] > 0.94
    assert np.isfinite(run.curves["loss"]).all()


def test_runs_repeat_and_seeds_differ(quiet: Any, tmp_path: Path) -> None:
    for folder, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        quiet.main(["--epochs", "1", "--seed", seed, "--out", str(tmp_path / folder)])
    assert_same_run(tmp_path / "a", tmp_path / "b")
    a, c = (checkpoint(tmp_path / f)[0]["curves.loss"] for f in "ac")
    assert np.all(a != c)


def test_resuming_wants_the_same_settings(tmp_path: Path) -> None:
    assert train(tmp_path, "--epochs", "1").returncode == 0
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    result = train(tmp_path, "--resume", "--epochs", "2")
    assert result.returncode != 0
    assert "--resume: epochs must be 1 as in" in result.stderr
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    "arguments", [["--epochs", "0"], ["--optimizer", "none"], ["--dtype", "int32"]]
)
def test_bad_arguments(arguments: list[str], tmp_path: Path) -> None:
    result = train(tmp_path / "out", *arguments)
    assert result.returncode == 2 and arguments[0] in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_process_killed_from_outside_resumes(tmp_path: Path) -> None:
    """The command line, killed as soon as there is a checkpoint, then resumed."""
    arguments = ["--epochs", "8", "--checkpoint-every", "7"]
    killed = tmp_path / "killed"
    process = subprocess.Popen(
        command(killed, *arguments),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 120
        while not (killed / "checkpoint.safetensors").exists():
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.001)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    result = train(killed, "--resume", *arguments)
    assert result.returncode == 0, result.stderr
    assert "resumed at step" in result.stdout
    assert train(tmp_path / "whole", *arguments).returncode == 0
    assert_same_run(killed, tmp_path / "whole")


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_a_hundred_kills_lose_nothing(tmp_path: Path) -> None:
    """Runs killed at any moment keep every checkpoint and end as the unbroken one."""
    result = subprocess.run(
        [
            sys.executable,
            str(HERE / "kill_digits.py"),
            *(str(tmp_path), "100", "--epochs", "3", "--checkpoint-every", "2"),
        ],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    kills, runs = map(int, result.stdout.split())
    assert kills >= 100 and runs >= 1
    for i in range(runs):
        assert_same_run(tmp_path / str(i), tmp_path / "whole")
