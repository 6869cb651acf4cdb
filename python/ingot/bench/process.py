"""The parent's side of a contender's process: asks, and outlives what dies."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from typing import Any

__all__ = ["Process", "cleared", "environment"]

PATIENCE = 240.0  # seconds for one reply
# Variables that choose the kernels of a BLAS or bind threads: all run as they ship.
PINNING = ("OPENBLAS_", "GOTO_NUM_THREADS", "OMP_", "KMP_", "MKL_", "GOMP_")


def cleared() -> list[str]:
    """The variables that no contender gets to see."""
    return sorted(name for name in os.environ if name.startswith(PINNING))


def environment(threads: int, more: dict[str, str]) -> dict[str, str]:
    """What a contender's process sees."""
    kept = {k: v for k, v in os.environ.items() if k not in cleared()}
    if threads:
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "INGOT_NUM_THREADS")
        kept |= dict.fromkeys(names, str(threads))
    return kept | more


class Process:
    """One contender in a process of its own."""

    def __init__(
        self, name: str, settings: dict[str, Any], variables: dict[str, str]
    ) -> None:
        self.name = name
        self.settings = settings
        self.variables = variables
        self.child: subprocess.Popen[bytes] | None = None
        # What it says as it dies.
        self.words = tempfile.TemporaryFile()  # noqa: SIM115

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "ingot.bench.worker", self.name]
        return subprocess.Popen(
            [*command, json.dumps(self.settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.words,
            env=environment(self.settings["threads"], self.variables),
            start_new_session=True,  # Ctrl-C is for the parent, which ends them all
        )

    def ask(self, what: str, **arguments: Any) -> dict[str, Any]:
        """The reply, or a `reason` where there is none."""
        if self.child is None:
            self.child = self.start()
        child = self.child
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.write(json.dumps({"ask": what, **arguments}).encode() + b"\n")
            child.stdin.flush()
            ready, _, _ = select.select([child.stdout], [], [], PATIENCE)
            line = child.stdout.readline() if ready else b""
        except BrokenPipeError:
            ready, line = [child.stdout], b""
        if line:
            reply: dict[str, Any] = json.loads(line)
            return reply
        if not ready:
            self.close()
            return {"reason": f"no answer in {PATIENCE:.0f} s"}
        return {"reason": self.post_mortem()}

    def post_mortem(self) -> str:
        """Why the process died, and the end of it."""
        assert self.child is not None
        code = self.child.wait()
        self.close()
        self.words.seek(0)
        last = self.words.read().decode(errors="replace").strip().splitlines()[-1:]
        if code == -signal.SIGKILL:
            return "killed: out of memory?"
        if code < 0:
            return f"died: {signal.Signals(-code).name}"
        return f"died: {last[0][:200] if last else f'exit code {code}'}"

    def close(self) -> None:
        """End the process, whatever it does."""
        child, self.child = self.child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # of what it never read
                    pipe.close()
