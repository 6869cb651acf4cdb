"""Every op of the table, in every dtype and layout, against its float64 oracle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ingot.core as mx
import numpy as np
import op_table
import pytest
from ingot import _core
from op_case import OpCase, Sample
from support import (
    LAYOUTS,
    assert_close,
    dtype_name,
    is_float,
    layout,
    map_arrays,
    to_core,
    to_numpy,
)

CASES = [
    pytest.param(case, dtype, id=f"{case.name}-{dtype}")
    for case in op_table.OPS
    for dtype in case.dtypes
]
ELEMENTWISE = [case for case in op_table.OPS if case.elementwise]
SIZES = [*range(66), 127, 128, 129, 255, 256, 257, 1023, 1024, 1025, 4097]


def laid_out(sample: Sample, shift: int, start: int) -> tuple[list[Any], Sample]:
    """The arguments in layout `start`, each next array `shift` layouts further on."""
    count = 0

    def place(x: np.ndarray) -> tuple[Any, np.ndarray]:
        nonlocal count
        name = LAYOUTS[(start + shift * count) % len(LAYOUTS)]
        count += 1
        return layout(x, name)

    def split(value: Any) -> tuple[Any, Any]:
        if isinstance(value, np.ndarray):
            return place(value)
        if isinstance(value, list) and value and isinstance(value[0], np.ndarray):
            pairs = [place(v) for v in value]
            return [p[0] for p in pairs], [p[1] for p in pairs]
        return value, value

    pairs = [split(a) for a in sample.args]
    return [p[0] for p in pairs], Sample(tuple(p[1] for p in pairs), sample.kwargs)


def arrays_in(sample: Sample) -> int:
    found: list[np.ndarray] = []
    for a in sample.args:
        map_arrays(found.append, a)
    return len(found)


def check(
    case: OpCase, dtype: str, args: list[Any], sample: Sample, label: str
) -> None:
    got = case(*args, **sample.kwargs)
    want = case.reference(sample, dtype)
    scale = case.error_scale(sample, dtype)
    if not isinstance(got, (list, tuple)):
        got, want, scale = [got], [want], [scale]
    else:
        scale = [scale] * len(got)
        assert len(got) == len(want), label
    for g, w, s in zip(got, want, scale, strict=True):
        assert dtype_name(g) == case.result(dtype), label
        assert tuple(g.shape) == np.shape(w), label
        assert_close(to_numpy(g), w, ulps=case.ulps, scale=s, label=label)


@pytest.mark.parametrize(("case", "dtype"), CASES)
def test_matches_oracle(case: OpCase, dtype: str, rng: np.random.Generator) -> None:
    """Values, shape and dtype are the oracle's, however the arguments are stored."""
    for number, sample in enumerate(case.samples(rng, dtype)):
        several = arrays_in(sample) > 1
        shifts = (0, 1) if several and dtype in ("float32", "int32") else (0,)
        starts = range(len(LAYOUTS) if arrays_in(sample) else 1)
        for shift in shifts:
            for start in starts:
                args, values = laid_out(sample, shift, start)
                shapes = [getattr(a, "shape", a) for a in sample.args]
                label = (
                    f"{case.name} sample {number} {shapes} {sample.kwargs} "
                    f"layout {LAYOUTS[start]}+{shift}"
                )
                check(case, dtype, args, values, label)


def bits(x: np.ndarray) -> bytes:
    """The bits of the values, with one NaN for all."""
    if is_float(x.dtype.name):
        x = np.where(np.isnan(x), np.array(np.nan, x.dtype), x)
    return x.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64", "int8"])
@pytest.mark.parametrize("case", ELEMENTWISE, ids=lambda c: c.name)
def test_odd_sizes(case: OpCase, dtype: str, rng: np.random.Generator) -> None:
    """No element is lost or doubled at the ends of vectors, tiles and shares."""
    if dtype not in case.dtypes:
        pytest.skip(f"{case.name} is not defined for {dtype}")
    sample = next(s for s in case.samples(rng, dtype) if np.size(s.args[0]) > 1)
    pick = rng.integers(0, sample.args[0].size, SIZES[-1])
    flat = [
        a.reshape(-1)[pick] if isinstance(a, np.ndarray) and a.ndim else a
        for a in sample.args
    ]
    whole = to_numpy(case(*[map_arrays(to_core, a) for a in flat]))
    want = case.reference(Sample(tuple(flat)), dtype)
    scale = case.error_scale(Sample(tuple(flat)), dtype)
    assert_close(whole, want, ulps=case.ulps, scale=scale, label=case.name)
    for n in SIZES[:-1]:
        args = [a[:n] if isinstance(a, np.ndarray) and a.ndim else a for a in flat]
        part = to_numpy(case(*[map_arrays(to_core, a) for a in args]))
        assert part.shape == (n,)
        assert bits(part) == bits(whole[:n]), f"{case.name} at {n} elements"


@pytest.mark.parametrize("name", sorted(op_table.ALIASES))
def test_alias(name: str, rng: np.random.Generator) -> None:
    """A second name computes the same."""
    if not hasattr(mx, name):
        pytest.skip(f"ingot.core has no {name}")
    case = op_table.BY_NAME[op_table.ALIASES[name]]
    sample = next(iter(case.samples(rng, case.dtypes[-1])))
    args = [map_arrays(to_core, a) for a in sample.args]
    got = to_numpy(getattr(mx, name)(*args, **sample.kwargs))
    want = to_numpy(case(*args, **sample.kwargs))
    np.testing.assert_array_equal(got, want)


def test_every_row_has_an_oracle() -> None:
    """A row without an oracle tests nothing."""
    assert [case.name for case in op_table.OPS if case.oracle is None] == []


def test_every_elementwise_op_is_in_the_table() -> None:
    """The core's own list of elementwise ops and the table agree."""
    listed = {name for name, _ in _core.elementwise_ops()}
    tabled = {case.name for case in ELEMENTWISE}
    assert listed - tabled - set(op_table.ALIASES) == set()


def test_every_public_function_is_accounted_for() -> None:
    """A public function has a row, is another name of one, or is tested elsewhere."""
    known = {*op_table.BY_NAME, *op_table.ALIASES, *op_table.EXEMPT, *op_table.RUNTIME}
    public = {
        name
        for owner in (mx, mx.fast)
        for name in dir(owner)
        if not name.startswith("_")
        and callable(getattr(owner, name))
        and not isinstance(getattr(owner, name), type)
        and not isinstance(getattr(owner, name), type(mx.float32))
    }
    assert sorted(public - known) == []


def test_exemptions_are_kept() -> None:
    """The file said to test an exempt function exists and names it."""
    folder = Path(__file__).parent
    for name, file in op_table.EXEMPT.items():
        if hasattr(mx, name):
            assert name in (folder / file).read_text(), f"{file} does not test {name}"


def test_every_row_exists() -> None:
    """The table names nothing that does not exist."""
    names = {c.name for c in op_table.OPS if not c.call}
    assert names - {*dir(mx), *dir(_core)} == set()


def test_sample_helper_covers_lists() -> None:
    """map_arrays, which the table's calls rest on, reaches into lists."""
    found = map_arrays(lambda x: x + 1, [np.zeros(1), (np.ones(1), "a")])
    assert found[0][0] == 1
    assert found[1][0][0] == 2
    assert found[1][1] == "a"
