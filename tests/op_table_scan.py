"""The table's scans, and what rests on sorting."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ingot.core as mx
import numpy as np
import reference_scan as ref
from op_case import (
    ANY,
    FLOATS,
    SMALL,
    Domain,
    OpCase,
    Sample,
    Sampler,
    calls,
    floating,
    index,
    op,
    smooth,
)
from op_table_reduce import AXES, EMPTY, SMOOTH_AXES, reduction, with_nonfinite
from support import ALL, BOOL, NUMPY

# Scans ------------------------------------------------------------------------

LINES: tuple[Any, ...] = (
    ((67,),),
    ((5, 7), {"axis": 0}),
    ((5, 7), {"axis": -1}),
    ((3, 4, 5), {"axis": 1}),
    ((3, 4, 5),),
    ((67,), {"reverse": True}),
    ((3, 4, 5), {"axis": 1, "reverse": True}),
    ((4, 300), {"axis": 0, "reverse": True}),
    ((),),
    ((1, 7), {"axis": 0}),
    ((0,),),
    ((0, 3), {"axis": 0}),
    ((0, 3), {"axis": 1}),
)
EXCLUSIVE: tuple[Any, ...] = (
    ((67,), {"inclusive": False}),
    ((3, 4, 5), {"axis": 1, "inclusive": False}),
    ((5, 7), {"axis": 0, "reverse": True, "inclusive": False}),
    ((5, 7), {"axis": 1, "reverse": True, "inclusive": False}),
    ((0, 3), {"axis": 0, "inclusive": False}),
)
SMOOTH: tuple[Any, ...] = (
    ((5,),),
    ((2, 3, 2), {"axis": 1}),
    ((3, 4), {"axis": 0, "reverse": True}),
    ((1,),),
)
# Where what there is of no elements is finite; test_scan.py has the others.
SMOOTH_EXCLUSIVE: tuple[Any, ...] = (
    ((2, 3, 2), {"axis": 1, "inclusive": False}),
    ((3, 2), {"axis": 0, "reverse": True, "inclusive": False}),
)


def _first_of_floats(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    """Extremes of no elements are infinite; test_scan.py has those of integers."""
    if dtype in FLOATS:
        yield from calls(SMALL, *EXCLUSIVE)(rng, dtype)


def _both(first: Sampler, second: Sampler) -> Sampler:
    def samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
        yield from first(rng, dtype)
        yield from second(rng, dtype)

    return samples


def scan(name: str, *, finite: bool = True, **fields: Any) -> OpCase:
    """`finite`: what there is of no elements is so, whatever the type."""
    samples = calls(fields.pop("domain", SMALL), *LINES)
    exclusive = calls(SMALL, *EXCLUSIVE) if finite else _first_of_floats
    return op(
        name,
        with_nonfinite(_both(samples, exclusive)),
        axis=True,
        grad_samples=smooth(SMALL, *SMOOTH, *(SMOOTH_EXCLUSIVE if finite else ())),
        **fields,
    )


def summed(dtype: str) -> str:
    return "int32" if dtype == "bool" else dtype


SCANS = [
    scan("cumsum", result=summed, ulps=2, scale=ref.cumsum_scale),
    scan("cumprod", domain=Domain(-2.0, 2.0, (-2, 3))),
    scan("cummax", domain=ANY, finite=False, ulps=0),
    scan("cummin", domain=ANY, finite=False, ulps=0),
    scan(
        "logcumsumexp",
        finite=False,
        result=floating,
        scale=ref.logcumsumexp_scale,
    ),
    op(
        "diff",
        calls(
            SMALL,
            ((67,),),
            ((5, 7), {"axis": 0}),
            ((3, 4, 5), {"axis": 1, "n": 3}),
            ((3, 4), {"n": 0}),
            ((3, 4), {"n": 9}),
            ((0,),),
        ),
        dtypes=tuple(d for d in ALL if d not in BOOL),
        scale=lambda x, n=1, axis=-1: 2.0**n * np.max(np.abs(x), initial=0.0),
        axis=True,
        grad_samples=smooth(SMALL, ((5,),), ((4, 2), {"axis": 0, "n": 2})),
    ),
]

# Selections -------------------------------------------------------------------

SORTED = Domain(-9.0, 9.0, (-5, 6), extremes=True)
KTH = (
    ((67,), 30),
    ((5, 7), 0, {"axis": 0}),
    ((5, 7), -1, {"axis": -1}),
    ((3, 4, 5), 2, {"axis": 1}),
    ((3, 4), 11, {"axis": None}),
    ((1,), 0),
)
TOP = (
    *KTH[:2],
    ((5, 7), 7, {"axis": -1}),
    ((3, 4, 5), 2, {"axis": 1}),
    ((3, 4), 11, {"axis": None}),
    ((0,), 0),
)
_SMOOTH_KTH = (((5,), 2), ((3, 4), 1, {"axis": 0}))


def _search(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    for n, shape in ((0, (3,)), (1, (2, 3)), (9, ()), (40, (3, 0)), (40, (4, 9))):
        a, v = SORTED.draw(rng, dtype, (n,)), SORTED.draw(rng, dtype, shape)
        if dtype in FLOATS and v.size > 9:
            a[:3], v[0, 0] = (np.nan, np.inf, -np.inf), np.nan
        wide = a.astype(np.float64) if dtype in FLOATS else a  # whose NaN come last
        for side in ("left", "right"):
            yield Sample((np.sort(wide).astype(a.dtype), v), {"side": side})


def _unique(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    for shape, size in (((40,), 9), ((5, 7), 60), ((), 1), ((3, 2), 0), ((8,), 3)):
        values = rng.integers(0, 2 if dtype == "bool" else 9, shape)
        x = np.asarray(values).astype(NUMPY[dtype])
        yield Sample((x, size))
        yield Sample((x, size), {"fill_value": 1})


def counted(dtype: str) -> str:
    return "int32"


def _parts_in_order(f: Any, x: Any, kth: int, axis: int | None) -> Any:
    """f of each of the three parts of a partition: all is in order if that is one."""
    if axis is None:
        x, axis = x.reshape(-1), 0
    line = mx.moveaxis(x, axis, -1)
    k = kth % line.shape[-1]
    parts = (slice(0, k), slice(k, k + 1), slice(k + 1, None))
    y = mx.concatenate([f(line, kth, part) for part in parts], axis=-1)
    return mx.moveaxis(y, -1, axis)


def _partition(x: Any, kth: int, axis: int | None = -1) -> Any:
    return _parts_in_order(
        lambda a, k, part: mx.sort(mx.partition(a, k)[..., part]), x, kth, axis
    )


def _argpartition(x: Any, kth: int, axis: int | None = -1) -> Any:
    def stable(a: Any, k: int, part: slice) -> Any:
        order = mx.sort(mx.argpartition(a, k)[..., part])
        values = mx.take_along_axis(a, order, -1)
        return mx.take_along_axis(order, mx.argsort(values), -1)

    return _parts_in_order(stable, x, kth, axis)


SELECTIONS = [
    op(
        "partition",
        calls(SORTED, *KTH),
        ulps=0,
        call=_partition,
        grad_samples=smooth(SMALL, *_SMOOTH_KTH),
    ),
    op("argpartition", calls(SORTED, *KTH), result=index, call=_argpartition),
    op("topk", calls(SORTED, *TOP), ulps=0, grad_samples=smooth(SMALL, *_SMOOTH_KTH)),
    op(
        "median",
        with_nonfinite(calls(SMALL, *AXES)),
        result=floating,
        ulps=1,
        axis=True,
        grad_samples=smooth(SMALL, ((4,),), *SMOOTH_AXES),
    ),
    op("searchsorted", _search, result=index),
    op(
        "unique",
        _unique,
        ulps=0,
        grad_samples=smooth(SMALL, ((5,), 7), ((2, 3), 4)),
    ),
    reduction("minmax", empty=False, ulps=0.5, domain=ANY),
    op("count_nonzero", with_nonfinite(calls(SMALL, *AXES, *EMPTY)), result=counted),
]

__all__ = ["SCANS", "SELECTIONS"]
