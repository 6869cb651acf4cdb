"""Several processes: what they exchange, how they disagree, and a group of one."""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import ingot.core as mx
import ingot.nn as nn
import numpy as np
import pytest

CASES = Path(__file__).with_name("mpi_cases.py")
BESIDE = Path(sys.executable).with_name("mpiexec")
MPIEXEC = str(BESIDE) if BESIDE.exists() else shutil.which("mpiexec")
needs_mpi = pytest.mark.skipif(
    MPIEXEC is None or importlib.util.find_spec("mpi4py") is None,
    reason="mpi: mpi4py or mpiexec is not installed",
)
# Nothing leaves the machine, and two cores are enough for four ranks.
LOCAL = {"HYDRA_IFACE": "lo", "FI_TCP_IFACE": "lo", "INGOT_NUM_THREADS": "1"}
if sys.platform == "darwin":
    LOCAL |= {"HYDRA_IFACE": "lo0", "FI_TCP_IFACE": "lo0"}


def launch(ranks: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a case on so many ranks; everything is killed after two minutes."""
    assert MPIEXEC is not None
    job = subprocess.Popen(
        [MPIEXEC, "-n", str(ranks), sys.executable, str(CASES), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | LOCAL,
        start_new_session=True,
    )
    try:
        out, err = job.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        os.killpg(job.pid, signal.SIGKILL)
        out, err = job.communicate()
        pytest.fail(f"{arguments[0]} on {ranks} ranks hangs: {out}{err}")
    return subprocess.CompletedProcess(job.args, job.returncode, out, err)


# One job does them all, since each takes seconds to start.
TOGETHER = ["collectives", "layouts_and_nan", "shares", "rounding", "groups"]
TOGETHER += ["messages", "averages", "refusals", "recorded", "gradients"]
TOGETHER += ["sharded", "sharded_words", "segments"]


@needs_mpi
@pytest.mark.parametrize("ranks", [2, 4])
def test_on_several_ranks(ranks: int) -> None:
    result = launch(ranks, ",".join(TOGETHER))
    assert result.returncode == 0, result.stdout + result.stderr
    for case in TOGETHER:
        assert result.stdout.count(f"{case} done") == ranks


@needs_mpi
@pytest.mark.parametrize(
    ("case", "code", "text"),
    [("raises", 1, "KeyError: 'of rank 1 alone'"), ("killed", 9, "")],
)
def test_one_rank_ends_the_job(case: str, code: int, text: str) -> None:
    result = launch(2, case)
    assert result.returncode == code
    assert text in result.stderr and "done" not in result.stdout


@needs_mpi
def test_the_example_has_the_curve_of_the_whole_batch(tmp_path: Path) -> None:
    """1, 2 and 4 ranks with parts of one batch; sums differ in their last bits."""
    for module in ("sklearn", "tqdm", "matplotlib"):
        pytest.importorskip(module, reason=f"examples: {module} is not installed")
    curves: dict[int, np.ndarray] = {}
    for ranks in (1, 2, 4):
        out = tmp_path / str(ranks)
        out.mkdir()
        result = launch(ranks, "example", str(out), "--steps", "20")
        assert result.returncode == 0, result.stdout + result.stderr
        files = [out / f"losses-{rank}-of-{ranks}.json" for rank in range(ranks)]
        losses = [json.loads(file.read_text()) for file in files]
        assert all(curve == losses[0] for curve in losses)
        curves[ranks] = np.array(losses[0])
        assert f"after 20 steps of {ranks} process(es)" in result.stdout
        assert (out / "curves.png").stat().st_size > 1000
    assert curves[1][-1] < 0.9 * curves[1][0]
    for ranks in (2, 4):
        np.testing.assert_allclose(curves[ranks], curves[1], rtol=2e-5)


def test_the_example_refuses_batches_that_can_not_be_divided(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    pytest.importorskip("sklearn", reason="examples: scikit-learn is not installed")
    pytest.importorskip("tqdm", reason="examples: tqdm is not installed")
    monkeypatch.syspath_prepend(str(CASES.parents[1] / "examples"))
    import data_parallel

    with pytest.raises(SystemExit):
        data_parallel.parse(["--batch-size", "130"], 4)
    assert "must be a multiple of the 4 processes" in capsys.readouterr().err


ALONE = """
import sys
sys.modules["mpi4py"] = None  # as if it were not installed
import ingot.core as mx, ingot.nn as nn
assert not mx.distributed.is_available() and not mx.distributed.is_available("mpi")
group = mx.distributed.init()
assert (group.rank(), group.size(), group.split(3).size()) == (0, 1, 1)
x, tree = mx.ones((2, 3)), {"a": [mx.ones(2)]}
for name in ("all_sum", "all_max", "all_min", "all_gather", "sum_scatter"):
    assert getattr(mx.distributed, name)(x) is x
assert nn.average_gradients(tree) is tree
try:
    mx.distributed.init(strict=True)
except RuntimeError as error:
    print(error)
"""


@pytest.mark.parametrize("launched", ["", "2"])
def test_alone_without_mpi4py(launched: str) -> None:
    """Processes that were launched together must not train each by itself."""
    result = subprocess.run(
        [sys.executable, "-c", ALONE],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"PMI_SIZE": launched},
    )
    text = "backend 'any' is not available"
    if launched:
        assert result.returncode == 1 and f"{text} for 2 process" in result.stderr
    else:
        assert result.returncode == 0, result.stderr
        assert text in result.stdout


GROUP = mx.distributed.Group()
X = mx.ones((2, 3))


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: mx.distributed.init(backend="other"), ValueError),
        (lambda: mx.distributed.is_available("other"), ValueError),
        (lambda: mx.distributed.init(strict=True, backend="ring"), RuntimeError),
        (lambda: mx.distributed.init(all_gather_factory=print), ValueError),
        (lambda: mx.distributed.all_sum([1.0], group=GROUP), TypeError),
        (lambda: mx.distributed.all_gather(X, group=1), TypeError),
        (lambda: mx.distributed.sum_scatter(X[0, 0], group=GROUP), ValueError),
        (lambda: mx.distributed.send(X, 0, group=GROUP), ValueError),
        (lambda: mx.distributed.recv_like(X, 1, group=GROUP), ValueError),
        (lambda: mx.distributed.recv((2,), mx.int8, -1, group=GROUP), ValueError),
        (lambda: mx.distributed.recv((-2,), mx.int8, 0, group=GROUP), ValueError),
        (lambda: GROUP.split(-1), ValueError),
        (lambda: GROUP.split(0.5), TypeError),
        (lambda: nn.average_gradients({"a": None}, GROUP), TypeError),
        (lambda: nn.average_gradients({"a": mx.array(1)}, GROUP), TypeError),
        (lambda: nn.average_gradients({"a": X}, "group"), TypeError),
        (lambda: nn.average_gradients({"a": X}, GROUP, 1.5), TypeError),
    ],
)
def test_nonsense(call: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        call()


def test_signatures(mlx: Any) -> None:
    """Names, order and defaults are those that are documented."""
    import mlx.nn

    theirs = inspect.signature(mlx.nn.average_gradients).parameters
    ours = inspect.signature(nn.average_gradients).parameters
    assert [(p.name, p.default) for p in ours.values()] == [
        (p.name, p.default) for p in theirs.values()
    ]
    assert set(mx.distributed.__all__) == {
        name for name in dir(mlx.core.distributed) if not name.startswith("_")
    }
