"""Kill training runs at random moments and resume them; used by test_digits.py.

    python kill_digits.py OUT KILLS [ARGUMENTS OF digits.py]

Each attempt is a fork of this process, which imports everything and evaluates nothing.
OUT/whole is the unbroken run; OUT/0, OUT/1 ... are runs that were finished in spite of
being killed. Prints the number of kills and of finished runs.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))

import digits
from safetensors.numpy import load_file


def start(out: Path, arguments: list[str]) -> int:
    """Fork a process that trains into `out`, and return its id."""
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        error = os.dup(2)
        os.dup2(quiet, 2)
        digits.main(["--out", str(out), "--resume", *arguments])
        status = 0
    except BaseException:
        os.dup2(error, 2)
        traceback.print_exc()
    finally:
        os._exit(status)


def finished(process: int, seconds: float) -> bool:
    """Whether the process ended by itself within this time; kill it otherwise."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            if status:
                raise SystemExit(f"a resumed run failed with status {status}")
            return True
        time.sleep(0.0005)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return False


def steps_kept(checkpoint: Path) -> int:
    """How many steps a checkpoint holds; fails unless every array can be read."""
    return len(load_file(checkpoint)["curves.loss"]) if checkpoint.exists() else 0


def main(out: Path, kills: int, arguments: list[str]) -> None:
    data = digits.Data.load()
    digits.Data.load = lambda: data  # type: ignore[method-assign]
    digits.plot = lambda *_: None  # type: ignore[assignment]
    began = time.monotonic()
    if not finished(start(out / "whole", arguments), 120):
        raise SystemExit("the unbroken run took longer than two minutes")
    duration = time.monotonic() - began
    choice = random.Random(0)
    killed, runs, kept = 0, 0, 0
    while killed < kills or runs == 0:
        folder = out / str(runs)
        checkpoint = folder / "checkpoint.safetensors"
        if finished(start(folder, arguments), choice.uniform(0, 0.8 * duration)):
            runs, kept = runs + 1, 0
            continue
        killed += 1
        now = steps_kept(checkpoint)
        if now < kept:
            raise SystemExit(f"kill {killed}: {kept} steps were kept, now {now} are")
        kept = now
    print(killed, runs)


if __name__ == "__main__":
    arguments: Any = sys.argv[1:]
    main(Path(arguments[0]), int(arguments[1]), arguments[2:])
