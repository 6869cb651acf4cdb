"""What there is of the documented names, and how far it goes: docs/coverage.md.

python tests/coverage_table.py      # writes it; needs the software Metal
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ingot.core as mx
import numpy as np
import op_table
from documented import NAMES
from ingot import _core
from op_case import OpCase, Sample
from support import map_arrays, to_core

COVERAGE = Path(__file__).parents[1] / "docs" / "coverage.md"
HEAD = """# What there is

Every name of MLX's documented array library. Written by
`python tests/coverage_table.py`, which runs each op of the tests' table.

- CPU: all that is here runs there. GPU: whether a call in float32 (or the first type
  that the op takes) runs by Metal kernels alone, or needs the CPU for part of it.
- gradient: whether the table tests its derivatives, against differences of the oracle.
- vmap: whether an operation is built once for a batch, or one example after the other.
- "-" where that does not apply, or where a test of its own takes the place of a row.

"""


def sample_of(case: OpCase) -> Sample | None:
    """A call with arrays that are not empty."""
    rng = np.random.default_rng(0)
    dtype = "float32" if "float32" in case.dtypes else case.dtypes[0]
    samples = list(case.samples(rng, dtype))
    for sample in [*samples[1:], *samples[:1]]:
        arrays: list[np.ndarray] = []
        map_arrays(arrays.append, list(sample.args))
        if arrays and all(a.size > 0 for a in arrays):
            return sample
    return None


def needs_cpu(case: OpCase, sample: Sample) -> bool:
    """Whether a call on the GPU falls back on the CPU."""
    with mx.stream(mx.gpu):
        args = [map_arrays(to_core, a) for a in sample.args]
        mx.eval(args)
        before = mx.metal.fallbacks()
        mx.eval(case(*args, **sample.kwargs))
        return mx.metal.fallbacks() != before


def built_once(case: OpCase, sample: Sample) -> bool | None:
    """Whether vmap builds as many operations for 5 examples as for 2."""
    sizes = []
    for size in (2, 5):
        args = [
            map_arrays(lambda x, size=size: to_core(np.stack([x] * size)), a)
            for a in sample.args
        ]
        placeholders = _core._placeholders(_core._tree_arrays(args))
        inputs = _core._tree_replace(args, placeholders)
        try:
            y = mx.vmap(lambda *a: case(*a, **sample.kwargs))(*inputs)
        except ValueError:  # looks at values
            return None
        sizes.append(len(_core._Recording(placeholders, _core._tree_arrays(y))))
    return sizes[0] == sizes[1]


def columns(module: str, name: str, space: Any, gpu: bool) -> list[str]:
    """CPU, GPU, gradient and vmap of a name."""
    if not hasattr(space, name):
        return ["missing", "", "", ""]
    row = op_table.ALIASES.get(name, name)
    inner = module.partition(".")[2]
    case = op_table.BY_NAME.get(f"{inner}.{row}") or op_table.BY_NAME.get(row)
    sample = sample_of(case) if case else None
    if case is None or sample is None:
        return ["yes", "-", "-", "-"]
    where = "?"
    if gpu:
        where = "partly CPU" if needs_cpu(case, sample) else "kernel"
    gradient = "yes" if case.grad_samples else "-"
    once = built_once(case, sample)
    vmap = "-" if once is None else "once" if once else "one by one"
    return ["yes", where, gradient, vmap]


def lines(gpu: bool) -> Iterator[str]:
    for module, listed in NAMES.items():
        names = listed.split()
        space: Any = mx
        for part in module.split(".")[1:]:
            space = getattr(space, part, None)
        here = sum(hasattr(space, name) for name in names)
        yield f"## {module}: {here} of {len(names)}"
        yield ""
        yield "| name | CPU | GPU | gradient | vmap |"
        yield "|---|---|---|---|---|"
        for name in names:
            yield f"| `{name}` | {' | '.join(columns(module, name, space, gpu))} |"
        yield ""


def main() -> None:
    if not mx.is_available(mx.gpu):
        raise SystemExit("coverage: a build with the software Metal is needed")
    COVERAGE.write_text(HEAD + "\n".join(lines(gpu=True)).rstrip() + "\n")


if __name__ == "__main__":
    main()
