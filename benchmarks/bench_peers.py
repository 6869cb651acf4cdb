"""One AdamW update with eval, ours and those of the libraries that are installed.

    python benchmarks/bench_peers.py [--rounds 3]

Each contender runs in a process of its own, in turn; the median of the rounds' medians
is shown, and its ratio to ours.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from common import clear_environment, describe, table

# name: sizes of the tensors, updates that are timed
CASES = {
    "one tensor of 64M": ([64 << 20], 9),
    "1,000 tensors of 1,000": ([1000] * 1000, 60),
    "4 tensors of 10": ([10] * 4, 400),
}


def array_update(core: Any, optimizers: Any, sizes: list[int]) -> Callable[[], None]:
    """An update of ingot or of MLX, whose documented API it follows."""
    model = {f"w{i}": core.ones((n,)) for i, n in enumerate(sizes)}
    gradients = {name: core.full(w.shape, 0.01) for name, w in model.items()}
    optimizer = optimizers.AdamW(1e-3, bias_correction=True)
    optimizer.init(model)
    core.eval(model, gradients, optimizer.state)

    def update() -> None:
        optimizer.update(model, gradients)
        core.eval(model, optimizer.state)

    return update


def ingot(sizes: list[int]) -> Callable[[], None]:
    import ingot.core
    import ingot.optimizers

    return array_update(ingot.core, ingot.optimizers, sizes)


def mlx(sizes: list[int]) -> Callable[[], None]:
    import mlx.core
    import mlx.optimizers

    mlx.core.set_default_device(mlx.core.cpu)
    return array_update(mlx.core, mlx.optimizers, sizes)


def torch(sizes: list[int]) -> Callable[[], None]:
    import torch

    parameters = [torch.nn.Parameter(torch.ones(n)) for n in sizes]
    for w in parameters:
        w.grad = torch.full_like(w, 0.01)
    step: Callable[[], None] = torch.optim.AdamW(parameters, lr=1e-3, fused=True).step
    return step


CONTENDERS = {"ingot": ingot, "torch": torch, "mlx": mlx}


def run_one(contender: str, case: str) -> None:
    """Prints the median seconds of an update; the work of a process of its own."""
    sizes, repeats = CASES[case]
    update = CONTENDERS[contender](sizes)
    for _ in range(3):
        update()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        update()
        seconds.append(time.perf_counter() - start)
    print(statistics.median(seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return run_one(*options.one)
    clear_environment()
    print(describe())
    found = [name for name in CONTENDERS if importlib.util.find_spec(name)]
    rows = []
    for case in CASES:
        times: dict[str, list[float]] = {name: [] for name in found}
        for _ in range(options.rounds):
            for name in found:
                command = [sys.executable, __file__, "--one", name, case]
                done = subprocess.run(command, capture_output=True, text=True)
                times[name].append(float(done.stdout.split()[-1]))
        medians = {name: statistics.median(t) for name, t in times.items()}
        cells = [
            f"{m * 1e3:.3g} ({m / medians['ingot']:.1f}x)" for m in medians.values()
        ]
        rows.append((case, *cells))
    table(("AdamW float32, ms", *found), rows)


if __name__ == "__main__":
    main()
