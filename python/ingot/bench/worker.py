"""A contender's process: builds a case, then gives one sample whenever it is asked.

    python -m ingot.bench.worker NAME SETTINGS

Requests and replies are lines of JSON, over standard input and output. When the other
side is gone the input ends, and so does the process.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import os
import sys
from pathlib import Path
from typing import Any

from ingot.bench.contenders.base import Contender, NoEquivalent, Run

__all__ = ["main"]

# A sample lasts this long at least: the clock's own cost is nothing to it.
SHORTEST = 2e-3
# What is slower than this is not called more often than it must be.
SLOW = 0.2


class Worker:
    """Answers requests about one contender."""

    def __init__(self, contender: Contender) -> None:
        self.contender = contender
        self.run: Run | None = None
        self.calls = 1

    def hello(self) -> dict[str, Any]:
        return {"version": self.contender.version(), "timing": self.contender.timing}

    def load(self, call: str, args: dict[str, Any], shortest: float) -> dict[str, Any]:
        """Build a case, warm it up, and find how many calls make a sample."""
        build = getattr(self.contender, call, None)
        if build is None:
            raise NoEquivalent(f"{self.contender.name} has no {call}")
        run: Run = build(**args)
        self.run = run
        timed = self.contender.timed
        wall = timed(run, 1)[1]
        for _ in range(2):  # the first call compiles, and meets the page faults
            if wall < SLOW:
                wall = min(wall, timed(run, 1)[1])
        self.calls = 1
        while wall * self.calls < shortest and self.calls < 1 << 20:
            # By leaps while it is far away, since what was timed was short.
            enough = math.ceil(1.1 * shortest / max(wall, 1e-7))
            self.calls = min(enough, 16 * self.calls)
            wall = timed(run, self.calls)[1]
        memory = self.contender.extra_memory(run) if wall < 10 * SLOW else None
        return {"seconds": wall * self.calls, "calls": self.calls, "memory": memory}

    def sample(self) -> dict[str, Any]:
        """The mean time of a call of one sample; what of it a GPU took, if known."""
        assert self.run is not None
        if self.calls > 1:
            self.run()  # others have had the caches since
        before = self.contender.busy_seconds()
        seconds = self.contender.timed(self.run, self.calls)[0]
        after = self.contender.busy_seconds()
        gpu = None
        if before is not None and after is not None:
            gpu = (after - before) / self.calls
        return {"seconds": seconds, "gpu": gpu}

    def drop(self) -> dict[str, Any]:
        """Forget the case and give back its memory."""
        self.run = None
        self.contender.drop()
        return {}


def answer(worker: Worker, request: dict[str, Any]) -> dict[str, Any]:
    """A reply to one request; what goes wrong is its `reason`."""
    what = request.pop("ask")
    try:
        reply: dict[str, Any] = getattr(worker, what)(**request)
        return reply
    except NoEquivalent as error:
        return {"reason": str(error), "absent": True}
    except Exception as error:
        first = (str(error).splitlines() or [""])[0]
        return {"reason": f"{type(error).__name__}: {first}"[:200]}


def main() -> None:
    """Serves until the input ends."""
    name, settings = sys.argv[1], json.loads(sys.argv[2])
    # What libraries print goes elsewhere than to the reader of the replies.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with contextlib.suppress(OSError):  # memory runs out here, not in the parent
        Path("/proc/self/oom_score_adj").write_text("900")
    threads = settings["threads"]
    if threads and hasattr(os, "sched_setaffinity"):
        # For those that take as many threads as there are cores for them.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    module = importlib.import_module(f"ingot.bench.contenders.{name}")
    worker = Worker(module.Contender(settings))
    for line in sys.stdin:
        reply = answer(worker, json.loads(line))
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main()
