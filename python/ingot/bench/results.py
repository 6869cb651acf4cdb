"""What a run gives: figures of each case, where they come from, and their file."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

__all__ = ["Figure", "Results", "Row", "machine"]

FORMAT = 1


@dataclass(frozen=True)
class Figure:
    """Seconds that a case takes one contender; or the reason why there are none."""

    median: float | None = None
    low: float | None = None  # 10th and 90th percentile of the samples
    high: float | None = None
    samples: int = 0
    calls: int = 0  # in a sample
    memory: int | None = None  # extra bytes at the peak of a call
    reason: str = ""
    absent: bool = False  # the library has no equivalent: no failure
    gpu: float | None = None  # seconds that the GPU computes, by its own clock

    @staticmethod
    def of(
        samples: list[float],
        calls: int,
        memory: int | None,
        gpu: Sequence[float] = (),
    ) -> Figure:
        ordered = sorted(samples)
        at = (len(ordered) - 1) / 10
        low, high = ordered[round(at)], ordered[round(9 * at)]
        median = statistics.median(ordered)
        busy = statistics.median(gpu) if gpu else None
        return Figure(median, low, high, len(ordered), calls, memory, gpu=busy)

    @property
    def spread(self) -> float | None:
        """Half of what lies between the percentiles, as a share of the median."""
        if self.median is None or self.low is None or self.high is None:
            return None
        return (self.high - self.low) / 2 / self.median


@dataclass
class Row:
    """A case with the figures of all its contenders, by name."""

    suite: str
    name: str
    bytes: int = 0
    flops: int = 0
    headline: bool = False
    figures: dict[str, Figure] = field(default_factory=dict)

    def median(self, name: str) -> float | None:
        figure = self.figures.get(name)
        return figure.median if figure else None

    def computing(self) -> float | None:
        """The seconds that ingot computes: of a GPU by its own clock."""
        figure = self.figures.get("ingot")
        return figure.gpu or figure.median if figure else None

    def limit(self) -> float | None:
        """The seconds of the bare loop, on as many threads as make it fastest."""
        loops = [f.median for n, f in self.figures.items() if n.startswith("limit")]
        return min((s for s in loops if s is not None), default=None)

    def share(self) -> float | None:
        """How much of what the machine allows ingot reaches."""
        ours, limit = self.computing(), self.limit()
        return limit / ours if ours and limit else None

    def speed_up(self, peer: str) -> float | None:
        """A peer's time as a multiple of ingot's."""
        ours, theirs = self.median("ingot"), self.median(peer)
        return theirs / ours if ours and theirs else None

    def peers(self) -> list[str]:
        """Those that have a time, the fastest first."""
        others = [
            (f.median, n)
            for n, f in self.figures.items()
            if f.median is not None and n != "ingot" and not n.startswith("limit")
        ]
        return [name for _, name in sorted(others)]


@dataclass
class Results:
    """All rows of a run, and how it was made."""

    command: str
    when: str
    machine: dict[str, Any]
    settings: dict[str, Any]
    versions: dict[str, str]
    notes: list[str] = field(default_factory=list)
    # GB/s of each bare loop over large arrays, by the number of threads.
    loops: dict[str, dict[str, float]] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)

    def contenders(self) -> list[str]:
        """ingot and the peers that were asked."""
        return [name for name in self.versions if name != "limit"]

    def within(self, earlier: Results) -> Results:
        """An earlier run with the rows of this one in the place of its own."""
        for what in ("machine", "settings", "versions"):
            mine, theirs = getattr(self, what), getattr(earlier, what)
            if mine != theirs:
                raise ValueError(f"--renew: {what} must be {theirs}, got {mine}")
        mine = {(row.suite, row.name): row for row in self.rows}
        rows = [mine.pop((row.suite, row.name), row) for row in earlier.rows]
        note = f"{len(self.rows)} cases measured anew, {self.when}: {self.command}"
        return replace(
            earlier, rows=[*rows, *mine.values()], notes=[*earlier.notes, note]
        )

    def save(self, path: Path) -> None:
        """Write a file that `load` reads."""
        content = {"format": FORMAT, **asdict(self)}
        rows = ",\n".join(json.dumps(row) for row in content.pop("rows"))  # a line each
        head = json.dumps(content, indent=1).removesuffix("\n}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'{head},\n "rows": [\n{rows}\n]}}\n', encoding="utf-8")

    @staticmethod
    def load(path: Path) -> Results:
        """Read what `save` has written; ValueError if it is anything else."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content.pop("format") != FORMAT:
                raise ValueError("of another format")
            rows = [
                Row(**{**row, "figures": _figures(row["figures"])})
                for row in content.pop("rows")
            ]
            return Results(**content, rows=rows)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"bench: {path} must be a file of --json, got {error}"
            ) from None


def _figures(content: dict[str, Any]) -> dict[str, Figure]:
    return {name: Figure(**figure) for name, figure in content.items()}


def machine(device: str, threads: int) -> dict[str, Any]:
    """What it runs on, in words."""
    from ingot import _core

    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text(encoding="utf-8").splitlines()
        names = [line for line in lines if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    chip = _core.metal.device_info()["device_name"] if device == "gpu" else ""
    return {
        "cpu": model,
        "gpu": chip,
        "cores": os.cpu_count(),
        "threads": threads,
        "memory_gib": round(_memory() / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "simd": _core._simd_level(),
        "blas": _core._blas(),
        "python": platform.python_version(),
    }


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
