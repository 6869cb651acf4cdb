"""Samples the contenders of each case in turn, so that all meet the same machine."""

from __future__ import annotations

import datetime
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ingot.core as mx
from ingot.bench.cases import LOOPS, Case
from ingot.bench.contenders import ENVIRONMENTS, LIMIT
from ingot.bench.process import Process, cleared
from ingot.bench.results import Figure, Results, Row, machine

__all__ = ["Bench", "Effort"]

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Effort:
    """How long a contender is sampled for a case."""

    seconds: float = 1.0
    fewest: int = 5
    most: int = 25
    shortest: float = 2e-3  # seconds of a sample
    # Helpers of an OpenMP library spin for some milliseconds after their work, NumPy's
    # OpenBLAS for 115 ms (seen in its threads' times), and whoever comes next has one
    # core less.
    pause: float = 5e-3
    pause_of_products: float = 0.15

    def samples(self, seconds: float) -> int:
        """How many samples of this length are taken."""
        if seconds > self.seconds:
            return 2 if seconds < 4 * self.seconds else 1
        return max(self.fewest, min(self.most, int(self.seconds / seconds)))


FULL = Effort()
QUICK = Effort(
    seconds=0.02, fewest=3, most=5, shortest=2e-4, pause=5e-4, pause_of_products=5e-4
)


class Bench:
    """The processes of a run."""

    def __init__(
        self, peers: list[str], device: str, dtype: str, threads: int, quick: bool
    ) -> None:
        self.effort = QUICK if quick else FULL
        self.threads = threads or mx.get_num_threads()
        self.settings: dict[str, Any] = {"device": device, "threads": threads}
        self.notes: list[str] = []
        if cleared():
            self.notes.append(f"cleared for all: {', '.join(cleared())}")
        self.processes = {
            name: Process(name, self.settings, {}) for name in ("ingot", *peers)
        }
        # On each number of threads in a process of its own, to be sampled in turn.
        counts = {1, self.threads} if device == "cpu" else {0}
        self.limits = {
            f"{LIMIT} {n or device}": (Process(LIMIT, self.settings, {}), n)
            for n in sorted(counts)
        }
        self.results = Results(
            command=shlex.join(["python", "-m", "ingot.bench", *sys.argv[1:]]),
            when=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
            machine=machine(device, self.threads),
            settings={**self.settings, "dtype": dtype, "quick": quick},
            versions={},
            notes=self.notes,
        )

    @contextmanager
    def running(self) -> Iterator[None]:
        """Ends all processes, however it is left."""
        try:
            yield
        finally:
            for process in self.everyone():
                process.close()

    def everyone(self) -> list[Process]:
        return [*self.processes.values(), *(p for p, _ in self.limits.values())]

    def greet(self, progress: Progress) -> None:
        """Start the contenders, each with the variables that suit it best."""
        for name, process in self.processes.items():
            progress(f"starting {name}")
            choices = ENVIRONMENTS.get(name, [{}])
            if len(choices) > 1 and self.effort is FULL:
                process.variables = self.best(name, choices)
                words = " ".join(f"{k}={v}" for k, v in process.variables.items())
                self.notes.append(f"{name} is fastest with {words or 'no variables'}")
            reply = process.ask("hello")
            self.results.versions[name] = reply.get("version", reply.get("reason", ""))
            if name == "ingot":
                self.notes.append(f"timed by {reply.get('timing')}")

    def measure_loops(self, elements: int, progress: Progress) -> None:
        """What the machine allows, whatever the cases are."""
        gpu = self.settings["device"] == "gpu"
        for name, size in {"copy": LOOPS["copy"]}.items() if gpu else LOOPS.items():
            progress(f"bare loop: {name}")
            figures = self.figures(
                {}, Case("", "", "", loop=name, bytes=elements * size)
            )
            self.results.loops[name] = {
                limit.removeprefix(f"{LIMIT} "): elements * size / f.median / 1e9
                for limit, f in figures.items()
                if f.median
            }

    def best(self, name: str, choices: list[dict[str, str]]) -> dict[str, str]:
        """The variables with which a large step and a product take least."""
        trials = [Process(name, self.settings, variables) for variables in choices]
        step = {"rule": "adamw", "shapes": [[8 << 20]], "dtype": "float32"}
        inputs = [[[1024, 1024], "normal"]] * 2
        product = {"name": "matmul", "inputs": inputs, "dtype": "float32"}
        scores = [1.0] * len(trials)
        try:
            for call, args in (("step", step), ("op", product)):
                case = Case("", "", call, args)
                turns = dict(zip(map(str, range(len(trials))), trials, strict=True))
                figures = self.figures(turns, case)
                for i in range(len(trials)):
                    scores[i] *= figures[str(i)].median or 1.0
        finally:
            for trial in trials:
                trial.close()
        return choices[scores.index(min(scores))]

    def measure(self, case: Case, progress: Progress) -> None:
        """Add the row of a case; its contenders have dropped it after that."""
        names = [n for n in self.processes if case.peers or n == "ingot"]
        row = Row(case.suite, case.name, case.bytes, case.flops, case.headline)
        progress(f"{case.suite}: {case.name}")
        turns = {name: self.processes[name] for name in names}
        row.figures = self.figures(turns, case)
        self.results.rows.append(row)

    def figures(self, turns: dict[str, Process], case: Case) -> dict[str, Figure]:
        """Loads the case everywhere, then takes the samples in turn."""
        asked = {name: (p, case.call, case.args) for name, p in turns.items()}
        for name, (p, threads) in self.limits.items() if case.loop else ():
            if threads == 0:  # the GPU
                elements = max(1, case.bytes // LOOPS["copy"])
                asked[name] = (p, "gpu_copy", {"elements": elements})
            else:
                elements = max(1, case.bytes // LOOPS[case.loop])
                args = {"name": case.loop, "elements": elements, "threads": threads}
                asked[name] = (p, "loop", args)
        loaded = {
            name: p.ask("load", call=call, args=args, shortest=self.effort.shortest)
            for name, (p, call, args) in asked.items()
        }
        processes = {name: p for name, (p, _, _) in asked.items()}
        pause = self.effort.pause_of_products if case.flops else self.effort.pause
        figures = self.sampled(processes, loaded, case.per, pause)
        for name, process in processes.items():
            if not figures[name].absent:
                process.ask("drop")
        return figures

    def sampled(
        self,
        asked: dict[str, Process],
        loaded: dict[str, dict[str, Any]],
        per: int,
        pause: float,
    ) -> dict[str, Figure]:
        """One sample each, round after round; the slow sit rounds out."""
        reasons = {n: r["reason"] for n, r in loaded.items() if "reason" in r}
        times: dict[str, list[float]] = {n: [] for n in loaded if n not in reasons}
        busy: dict[str, list[float]] = {n: [] for n in times}
        wanted = {n: self.effort.samples(loaded[n]["seconds"]) for n in times}
        rounds = max(wanted.values(), default=0)
        for i in range(rounds):
            for name, samples in times.items():
                due = (i + 1) * wanted[name] // rounds > i * wanted[name] // rounds
                if not due or name in reasons:
                    continue
                time.sleep(pause)
                reply = asked[name].ask("sample")
                if "reason" in reply:
                    reasons[name] = reply["reason"]
                else:
                    samples.append(reply["seconds"] / per)
                    if reply["gpu"] is not None:
                        busy[name].append(reply["gpu"] / per)
        return {
            n: Figure(reason=reasons[n], absent=bool(loaded[n].get("absent")))
            if n in reasons
            else Figure.of(times[n], loaded[n]["calls"], loaded[n]["memory"], busy[n])
            for n in loaded
        }
