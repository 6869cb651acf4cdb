"""The benchmark runs, and its files, tables and charts say what it measured."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ingot import _core
from ingot.bench import report
from ingot.bench.__main__ import chosen_peers, main
from ingot.bench.cases import LOOPS, Sizes, gpt2, total
from ingot.bench.contenders import PACKAGES, PEERS
from ingot.bench.process import Process, environment
from ingot.bench.results import Figure, Results, Row
from ingot.bench.suites import SUITES, cases
from metal_cases import needs_metal

ROOT = Path(__file__).parent.parent
RUN = [sys.executable, "-m", "ingot.bench"]


def bench(*arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    """What the command line says, with the status that it must have."""
    done = subprocess.run(
        [*RUN, *arguments], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done


def made_up(ingot: float = 1e-3, torch: float | None = 2e-3) -> Results:
    """Results of one case, without a run."""
    theirs = Figure.of([torch] * 5, 1, None) if torch else Figure(reason="killed")
    figures = {
        "ingot": Figure.of([ingot] * 5, 2, 128),
        "torch": theirs,
        "limit 1": Figure.of([9e-4] * 5, 1, 0),
        "limit 2": Figure.of([5e-4] * 5, 1, 0),
    }
    row = Row("step", "AdamW, 4 tensors", 28_000, 0, True, figures)
    machine = {"cpu": "a processor", "gpu": "", "cores": 2, "threads": 2}
    machine |= {"memory_gib": 24, "system": "Linux", "simd": "avx2"}
    settings = {"device": "cpu", "threads": 0, "dtype": "float32", "quick": False}
    versions = {"ingot": "1", "torch": "2"}
    return Results(
        "command", "now", machine, settings, versions, ["a note"], rows=[row]
    )


@pytest.mark.parametrize("suite", SUITES)
def test_each_suite_measures_each_of_its_cases(suite: str, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    text = bench(suite, "--quick", "--against", "none", "--json", str(path)).stdout
    results = Results.load(path)
    expected = cases([suite], Sizes(quick=True))
    assert [row.name for row in results.rows] == [case.name for case in expected]
    for row, case in zip(results.rows, expected, strict=True):
        figure = row.figures["ingot"]
        assert figure.reason == "", f"{row.name}: {figure.reason}"
        numbers = (figure.median, figure.low, figure.high)
        assert all(x is not None and 0 < x < math.inf for x in numbers), row.name
        assert row.name in text
        share = row.share()
        assert bool(case.loop) == (share is not None)
        assert share is None or 0 < share < math.inf
        assert set(row.figures) - {"ingot"} == {
            name for name in row.figures if name.startswith("limit")
        }


@needs_metal
def test_a_gpu_is_timed_by_its_own_clock(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    options = ["--device", "gpu", "--against", "none", "--json", str(path)]
    text = bench("clip", "--quick", "--filter", "1,000 tensors", *options).stdout
    results = Results.load(path)
    row = results.rows[-1]
    figure = row.figures["ingot"]
    assert figure.median and figure.gpu and 0 < figure.gpu < figure.median
    assert row.computing() == figure.gpu
    assert row.share() == row.figures["limit gpu"].median / figure.gpu
    assert list(results.loops) == ["copy"] and "GPU alone" in text
    assert results.machine["gpu"] in text


def test_case_names_are_unique_and_loops_are_those_of_the_extension() -> None:
    for quick in (True, False):
        every = cases(list(SUITES), Sizes(quick=quick))
        assert len({(c.suite, c.name) for c in every}) == len(every)
    for name, size in LOOPS.items():
        assert _core._BareLoop(name, 100, 1).bytes == 100 * size
    shapes = gpt2(768, 12, 50257, 1024)
    assert (len(shapes), total(shapes)) == (148, 124_439_808)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", LOOPS)
def test_bare_loops_take_time(name: str, threads: int) -> None:
    assert 0 < _core._BareLoop(name, 200_000, threads).run(3) < 60


def test_bare_loops_refuse_what_is_none() -> None:
    with pytest.raises(ValueError, match=r"name must be one of read, .*, got spin"):
        _core._BareLoop("spin", 100, 1)
    with pytest.raises(ValueError, match=r"elements must be in \[1, 2\^40\], got 0"):
        _core._BareLoop("read", 0, 1)
    with pytest.raises(ValueError, match="threads must be in"):
        _core._BareLoop("read", 100, 0)
    with pytest.raises(ValueError, match="passes must be positive, got -1"):
        _core._BareLoop("read", 100, 1).run(-1)


def test_files_give_back_what_was_saved(tmp_path: Path) -> None:
    results = made_up()
    results.loops = {"read": {"1": 43.0, "2": 93.0}}
    assert "GB/s on 1 / 2 threads: read 43 / 93" in report.table(results)
    results.save(tmp_path / "deep" / "a.json")
    assert Results.load(tmp_path / "deep" / "a.json") == results
    for content in ("", "[]", '{"format": 0}', '{"format": 1, "rows": [{}]}'):
        (tmp_path / "b.json").write_text(content)
        with pytest.raises(ValueError, match="must be a file of --json"):
            Results.load(tmp_path / "b.json")


def test_renewed_rows_take_the_place_of_their_own() -> None:
    earlier, now = made_up(), made_up(ingot=7e-3)
    kept = dataclasses.replace(earlier.rows[0], name="Lion, 4 tensors")
    new = dataclasses.replace(kept, name="of no earlier run")
    earlier.rows.insert(0, kept)
    now.rows.append(new)
    now.when, now.command, now.loops = "later", "another", {"read": {"1": 1.0}}
    merged = now.within(earlier)
    assert merged.rows == [kept, now.rows[0], new]
    assert (merged.command, merged.when, merged.loops) == ("command", "now", {})
    assert merged.notes == ["a note", "2 cases measured anew, later: another"]
    now.machine = {**now.machine, "cores": 128}
    with pytest.raises(ValueError, match=r"--renew: machine must be .* got .*128"):
        now.within(earlier)


def test_medians_and_spread() -> None:
    figure = Figure.of([5.0, 1.0, 2.0, 4.0, 3.0], 1, None)
    assert (figure.median, figure.low, figure.high, figure.samples) == (3, 1, 5, 5)
    assert figure.spread == pytest.approx(2 / 3)
    wide = Figure.of([float(i) for i in range(21)], 1, None)
    assert (wide.low, wide.median, wide.high) == (2, 10, 18)


def test_the_table_has_time_rate_share_ratio_and_memory() -> None:
    text = report.table(made_up())
    row = next(line for line in text.splitlines() if "AdamW" in line)
    for words in ("1 ms", "0.028", "50%", "2 ms", "2.00x PyTorch", "128 B", " 5"):
        assert words in row
    for words in ("a processor", "PyTorch 2", "a note", "of limit"):
        assert words in text


def test_a_failure_is_a_cell_with_a_reason() -> None:
    text = report.table(made_up(torch=None))
    assert "[1] killed" in text
    assert "[1]" in next(line for line in text.splitlines() if "AdamW" in line)


def test_compare_says_what_became_slower() -> None:
    text = report.compare(made_up(1.5e-3), made_up(1e-3))
    row = next(line for line in text.splitlines() if "AdamW" in line)
    assert " ".join(row.split()) == "AdamW, 4 tensors 1 ms 1.5 ms 1.50 slower"
    assert "faster" in report.compare(made_up(1e-3), made_up(1.5e-3))
    same = report.compare(made_up(), made_up()).splitlines()
    assert next(line for line in same if "AdamW" in line).endswith("1.00")


def test_readme_is_rewritten_between_its_marks(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.write_readme(made_up(), path)
    text = path.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n")
    assert "old" not in text
    assert "| AdamW, 4 tensors | 1 ms | 50% | 2 ms (2.00x) |" in text
    path.write_text("no marks")
    with pytest.raises(ValueError, match="must have"):
        report.write_readme(made_up(), path)


def test_the_readme_has_the_table_of_the_file_of_this_repository() -> None:
    results = Results.load(ROOT / "benchmarks" / "results" / "linux-x86.json")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    begin, end = text.index(report.BEGIN), text.index(report.END)
    assert text[begin + len(report.BEGIN) : end].strip() == report.readme(results)


def test_the_chart_has_bars(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="bench: matplotlib is not installed")
    from matplotlib import image

    source, path = tmp_path / "a.json", tmp_path / "a.png"
    made_up().save(source)
    bench("--load", str(source), "--plot", str(path))
    pixels = image.imread(path)
    assert pixels.shape[0] > 200 and pixels.shape[1] > 600
    orange = (abs(pixels[..., :3] - [0.933, 0.498, 0.294]) < 0.02).all(-1)
    assert orange.sum() > 500


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["spet"], "SUITE: must be among step, init, .*, got spet"),
        (["--against", "tensorflow"], "--against: must be among mlx, .*got tensorflow"),
        (["--threads", "-1"], "--threads: must be in"),
        (["--dtype", "int8"], "--dtype: invalid choice"),
        (["--compare", "none.json"], "--compare: must be a file, got none.json"),
        (["--load", "none.json"], "--load: must be a file, got none.json"),
        (["step", "--filter", "nothing at all"], "--filter: no case has it"),
    ],
)
def test_bad_options_are_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit:
        main(arguments)
    assert exit.value.code == 2
    assert re.search(message, capsys.readouterr().err.replace("\n", " "))


def test_absent_peers_are_named_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = {peer: {"a_module.that_is_not": f"the-{peer}"} for peer in PEERS}
    monkeypatch.setattr("ingot.bench.contenders.PACKAGES", absent)
    peers, words = chosen_peers(None)
    assert peers == [] and len(words) == len(PEERS)
    assert "pip install 'the-jax'" in words[PEERS.index("jax")]
    with pytest.raises(ValueError, match="torch must be installed: pip install"):
        chosen_peers("torch")
    assert chosen_peers("none") == ([], [])


def test_peers_that_are_installed_are_measured(tmp_path: Path) -> None:
    peers, _ = chosen_peers(None)
    assert "numpy" in peers and set(peers) <= set(PACKAGES)
    path = tmp_path / "a.json"
    words = ("--filter", "64K", "ops", "--quick", "--against", ",".join(peers))
    bench(*words, "--json", str(path))
    for row in Results.load(path).rows:
        for peer in peers:
            figure = row.figures[peer]
            assert figure.median or figure.absent, (row.name, peer, figure.reason)


def test_blas_variables_are_cleared_and_threads_are_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("A_VARIABLE", "kept")
    seen = environment(0, {"OMP_PROC_BIND": "close"})
    assert "OPENBLAS_CORETYPE" not in seen
    assert (seen["A_VARIABLE"], seen["OMP_PROC_BIND"]) == ("kept", "close")
    assert environment(1, {})["OPENBLAS_NUM_THREADS"] == "1"


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_contender_that_dies_is_a_reason_and_comes_back() -> None:
    process = Process("ingot", {"device": "cpu", "threads": 0}, {})
    try:
        assert process.ask("hello")["version"]
        assert process.child is not None
        os.kill(process.child.pid, signal.SIGKILL)
        assert process.ask("hello") == {"reason": "killed: out of memory?"}
        assert process.ask("hello")["version"]
        bad = process.ask("load", call="op", args={"name": "no"}, shortest=1.0)
        assert bad["reason"].startswith("TypeError: ")
        assert process.ask("load", call="fly", args={}, shortest=1.0)["absent"]
    finally:
        process.close()
    broken = Process("not_there", {"device": "cpu", "threads": 0}, {})
    assert "No module named" in broken.ask("hello")["reason"]
    assert broken.child is None


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_gives_the_table_so_far_and_leaves_no_process(
    name: signal.Signals, tmp_path: Path
) -> None:
    path = tmp_path / "a.json"
    command = [*RUN, "step", "--quick", "--against", "none", "--json", str(path)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    deadline = time.time() + 60
    workers: list[int] = []
    while len(workers) < 2 and time.time() < deadline:
        time.sleep(0.05)
        listed = Path(f"/proc/{child.pid}/task/{child.pid}/children")
        if not listed.exists():
            child.kill()
            pytest.skip("processes: this system does not list them")
        workers = [int(pid) for pid in listed.read_text().split()]
    while not path.exists() and time.time() < deadline:
        time.sleep(0.05)
    child.send_signal(name)
    text, _ = child.communicate(timeout=60)
    assert child.returncode == 130, text
    assert "stopped by Ctrl-C" in text
    done = len(json.loads(path.read_text())["rows"])
    assert 0 < done < len(cases(["step"], Sizes(quick=True)))
    assert workers and not any(map(alive, workers))


def test_rows_know_their_best_peer() -> None:
    row = made_up().rows[0]
    figures = {**row.figures, "jax": Figure.of([5e-4], 1, None)}
    row = dataclasses.replace(row, figures=figures)
    assert row.peers() == ["jax", "torch"]
    assert row.speed_up("jax") == pytest.approx(0.5)
    assert row.limit() == 5e-4
