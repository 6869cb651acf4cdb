"""What the benchmarks share: fair sampling, medians, C++ limits, tables."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

__all__ = ["clear_environment", "compiled", "describe", "sample", "table"]

HERE = Path(__file__).parent


def clear_environment() -> None:
    """Unsets what would hold a library back; says so. To be called before imports."""
    cleared = [name for name in os.environ if name.startswith("OPENBLAS_")]
    for name in cleared:
        del os.environ[name]
    if cleared:
        print(f"cleared {', '.join(cleared)}")


def describe() -> str:
    """The machine, in words."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [x for x in info.read_text().splitlines() if x.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    return f"{model}, {os.cpu_count()} cores, {platform.system()}"


def compiled(source: str) -> ctypes.CDLL:
    """A C++ file of this directory as a library, built for this very processor."""
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")
    if not compiler:
        raise RuntimeError("benchmarks: a C++ compiler must be installed, got none")
    library = Path(tempfile.mkdtemp()) / "limit.so"
    flags = ["-std=c++20", "-O3", "-march=native", "-fno-math-errno", "-shared"]
    command = [compiler, *flags, "-fPIC", "-pthread", str(HERE / source)]
    subprocess.run([*command, "-o", str(library)], check=True)
    return ctypes.CDLL(str(library))


def sample(
    contenders: Mapping[str, Callable[[], object]], rounds: int, warm_up: int = 2
) -> dict[str, float]:
    """The median seconds of a call of each contender, all sampled in turn.

    A contender that returns a float has timed itself.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for i in range(warm_up + rounds):
        for name, run in contenders.items():
            start = time.perf_counter()
            own = run()
            spent = time.perf_counter() - start
            if i >= warm_up:
                seconds[name].append(own if isinstance(own, float) else spent)
    return {name: statistics.median(values) for name, values in seconds.items()}


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Prints rows under their heads, the first column to the left."""
    text = [[f"{x:.3g}" if isinstance(x, float) else str(x) for x in r] for r in rows]
    widths = [max(map(len, column)) for column in zip(head, *text, strict=True)]
    for row in ([*head], ["-" * w for w in widths], *text):
        first = row[0].ljust(widths[0])
        rest = (x.rjust(w) for x, w in zip(row[1:], widths[1:], strict=True))
        print("  ".join([first, *rest]))
