"""What contenders share: their interface, inputs, and the time of an import."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["Contender", "NoEquivalent", "Run", "Shape", "calling", "sample", "tree_of"]

# One call of what is measured. A float that it returns is its own account of the
# seconds it took.
Run = Callable[[], float | None]
Shape = Sequence[int]


class NoEquivalent(Exception):
    """The library has nothing that does the same; the message says what it lacks."""


class Contender:
    """One library. A method named as a case's `call` takes its arguments, gives a Run.

    `settings` has the device, the number of threads (0: all) and nothing else.
    """

    name = ""
    imports = ""  # what a script begins with
    timing = "wall clock"

    def __init__(self, settings: dict[str, Any]) -> None:
        self.device: str = settings["device"]
        self.threads: int = settings["threads"]

    def version(self) -> str:
        """The library's version."""
        raise NotImplementedError

    def timed(self, run: Run, calls: int) -> tuple[float, float]:
        """What a call takes by its own account, and by the clock on the wall."""
        own = 0.0
        start = time.perf_counter()
        for _ in range(calls):
            result = run()
            if result is not None:
                own += result
        wall = (time.perf_counter() - start) / calls
        return own / calls or wall, wall

    def busy_seconds(self) -> float | None:
        """What the device has computed so far by its own clock; None: not known."""
        return None

    def extra_memory(self, run: Run) -> int | None:
        """Bytes that a call holds at most beyond those held before; None: not known."""
        return None

    def drop(self) -> None:
        """Give back the memory of the last case."""
        gc.collect()

    def import_time(self) -> Run:
        """Importing the library in a new interpreter, whose own start is not timed."""
        code = f"from time import perf_counter as t; b = t(); {self.imports}; "
        command = [sys.executable, "-c", code + "print(t() - b)"]

        def run() -> float:
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            return float(done.stdout.split()[-1])

        return run


def calling(function: Callable[..., Any], *args: Any) -> Run:
    """A Run that calls a function and drops what it returns."""

    def run() -> None:
        function(*args)

    return run


def sample(shape: Shape, kind: str, seed: int = 0) -> Any:
    """NumPy numbers: `normal`, `uniform` in (0, 1), or indices `below:n`."""
    import numpy as np

    rng = np.random.default_rng(seed)
    if kind.startswith("below:"):
        return rng.integers(0, int(kind[6:]), size=shape, dtype=np.int32)
    if kind == "normal":
        return rng.standard_normal(shape, dtype=np.float32)
    return rng.random(shape, dtype=np.float32) * np.float32(0.98) + np.float32(0.01)


def tree_of(leaves: int, leaf: Any) -> dict[str, Any]:
    """A model's tree: layers of eight parameters in two modules."""

    def module(n: int) -> dict[str, Any]:
        return {f"weight_{i}": leaf for i in range(n)}

    layers = [{"attention": module(4), "mlp": module(4)} for _ in range(leaves // 8)]
    rest = {"head": module(leaves % 8)} if leaves % 8 else {}
    return {"layers": layers, **rest}
