"""What the machine allows: bare loops of the extension, a plain kernel of a GPU."""

from __future__ import annotations

import ingot.core as mx
from ingot import __version__, _core
from ingot.bench.contenders import base

__all__ = ["Contender"]


class Contender(base.Contender):
    """Loops that move the same bytes as a case, on some threads."""

    name = "limit"
    timing = "the loops' own clock"

    def version(self) -> str:
        return __version__

    def drop(self) -> None:
        super().drop()
        _core.clear_cache()

    def gpu_copy(self, elements: int) -> base.Run:
        """Reads and writes each element once; the seconds are the GPU's."""
        x = mx.ones((elements,), stream=mx.gpu)
        mx.eval(x)

        def run() -> float:
            before = _core.metal._busy_seconds()
            mx.eval(mx.negative(x, stream=mx.gpu))
            return float(_core.metal._busy_seconds() - before)

        return run

    def loop(self, name: str, elements: int, threads: int) -> base.Run:
        bare = _core._BareLoop(name, elements, threads)
        # A pass over few elements is nothing next to the way here from Python.
        passes = max(1, min(1000, 200_000 // elements))
        return lambda: bare.run(passes)
