"""One AdamW update with eval, next to a bare C++ loop over the same bytes.

    python benchmarks/bench_step.py [--rounds 15] [--elements 67108864]

An update reads parameter, gradient and two states and writes all but the gradient: 28
bytes an element. The ratio is to the bare loop of the same run; extra memory is what a
step holds at most beyond what lives before it (its scalars: one cache line each).
"""

from __future__ import annotations

import argparse
import ctypes
from collections.abc import Callable

from common import clear_environment, compiled, describe, sample, table

clear_environment()

import ingot.core as mx  # noqa: E402
import ingot.optimizers as optim  # noqa: E402

BYTES = 28


class Training:
    """Parameters of the given sizes and their optimizer."""

    def __init__(self, sizes: list[int], dtype: mx.Dtype = mx.float32) -> None:
        self.model = {f"w{i}": mx.ones((n,), dtype) for i, n in enumerate(sizes)}
        self.grads = {k: mx.full(w.shape, 0.01, dtype) for k, w in self.model.items()}
        self.optimizer = optim.AdamW(1e-3, bias_correction=True)
        self.optimizer.init(self.model)
        mx.eval(self.model, self.grads, self.optimizer)

    def step(self) -> None:
        """One update, computed."""
        self.optimizer.update(self.model, self.grads)
        mx.eval(self.model, self.optimizer)

    def extra_memory(self) -> int:
        """Bytes of a step's peak beyond what it began with."""
        self.step()
        before = mx.get_active_memory()
        mx.reset_peak_memory()
        self.step()
        return mx.get_peak_memory() - before


def bare_loop(elements: int, threads: int, repeats: int) -> Callable[[], float]:
    library = compiled("limit.cpp")
    library.adamw_new.restype = ctypes.c_void_p
    library.adamw_new.argtypes = [ctypes.c_int64, ctypes.c_int]
    library.adamw_run.restype = ctypes.c_double
    library.adamw_run.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
    state = library.adamw_new(elements, threads)
    return lambda: float(library.adamw_run(state, threads, repeats))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--elements", type=int, default=64 << 20)
    options = parser.parse_args()
    cases = {
        "one tensor": ([options.elements], 1),
        "1,000 x 1,000": ([1000] * 1000, 50),
        "4 tiny": ([10] * 4, 1000),
    }
    print(describe())
    rows = []
    for name, (sizes, repeats) in cases.items():
        ours = Training(sizes)
        total = sum(sizes)
        threads = 1 if total < 128 << 10 else mx.get_num_threads()
        limit = bare_loop(total, threads, repeats)

        def run(ours: Training = ours, repeats: int = repeats) -> None:
            for _ in range(repeats):
                ours.step()

        times = sample({"limit": limit, "ingot": run}, options.rounds)
        step = times["ingot"] / repeats
        rows.append(
            (
                f"{name} ({total:,} elements)",
                times["limit"] * 1e6,
                step * 1e6,
                step / times["limit"],
                total * BYTES / step / 1e9,
                ours.extra_memory(),
            )
        )
        del ours, limit, run
        mx.clear_cache()
    table(
        ("AdamW float32", "limit us", "ingot us", "ratio", "GB/s", "extra bytes"),
        rows,
    )


if __name__ == "__main__":
    main()
