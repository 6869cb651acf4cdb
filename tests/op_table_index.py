"""The table's indexing ops and sorts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from op_case import (
    ANY,
    SMALL,
    Domain,
    Sample,
    Sampler,
    calls,
    index,
    op,
    smooth,
)
from op_table_reduce import with_nonfinite

# Indexing, sorting ------------------------------------------------------------

TAKE = (
    ((7,), np.array([0, 6, -1, 3]), {}),
    ((3, 4), np.array([[11, 0], [-12, 5]]), {}),
    ((3, 4), np.array([2, 0, -1]), {"axis": 0}),
    ((3, 4, 5), np.array([[1, 3], [-4, 0]]), {"axis": 1}),
    ((3, 4), np.array(1), {"axis": 1}),
    ((3, 4), np.zeros(0, np.int32), {"axis": 1}),
)
TAKE_ALONG = (
    ((3, 4), np.array([[0, -1], [3, 2], [1, 1]]), {"axis": 1}),
    ((3, 4), np.array([[2, 0, -1, 1]]), {"axis": 0}),
    ((7,), np.array([6, 0, 0, -7]), {"axis": None}),
    ((2, 3, 4), np.array([[[1]], [[2]]]), {"axis": -2}),
)


def _put(smooth_values: bool) -> Sampler:
    def samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
        def draw(shape: Any) -> np.ndarray:
            if smooth_values:
                return SMALL.smooth(rng, shape)
            return SMALL.draw(rng, dtype, shape)

        columns = np.array([[0, -1], [3, 2], [1, 0]])
        yield Sample((draw((3, 4)), columns, draw((3, 2))), {"axis": 1})
        yield Sample((draw((3, 4)), columns, draw((1, 2))), {"axis": -1})
        yield Sample((draw((7,)), np.array([6, 0, -3]), draw((3,))), {"axis": None})

    return samples


def _slice_update(smooth_values: bool) -> Sampler:
    def samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
        def draw(shape: Any) -> np.ndarray:
            if smooth_values:
                return SMALL.smooth(rng, shape)
            return SMALL.draw(rng, dtype, shape)

        yield Sample((draw((4, 5)), draw((2, 3)), np.array([1, 2]), (0, 1)))
        yield Sample((draw((4, 5)), draw((4, 2)), np.array([3]), (1,)))
        yield Sample((draw((6,)), draw((6,)), np.array([0]), (0,)))

    return samples


def _getitem(x: Any, *indices: Any) -> Any:
    return x[indices if len(indices) > 1 else indices[0]]


GATHER = (
    ((7,), np.array([0, 6, -1, 3])),
    ((3, 4), np.array([[2, 0], [-1, 1]])),
    ((3, 4), np.array([2, 0, -1]), np.array([3, 3, 0])),
    ((3, 4, 5), np.array([[2], [0]]), np.array([1, -4])),
    ((3, 4), np.zeros(0, np.int32)),
)
SORT = (
    ((67,),),
    ((5, 7), {"axis": 0}),
    ((5, 7), {"axis": -1}),
    ((3, 4, 5), {"axis": 1}),
    ((3, 4), {"axis": None}),
    ((0,),),
    ((1,),),
)
_TAKE_GRAD = tuple(row for row in TAKE if row[0] != (3, 4, 5))
SORTED = Domain(-9.0, 9.0, (-5, 6), extremes=True)

INDEXING = [
    op(
        "take",
        calls(ANY, *TAKE),
        ulps=0,
        axis=True,
        grad_samples=smooth(SMALL, *_TAKE_GRAD),
    ),
    op(
        "take_along_axis",
        calls(ANY, *TAKE_ALONG),
        ulps=0,
        grad_samples=smooth(SMALL, *TAKE_ALONG),
    ),
    op(
        "put_along_axis",
        _put(False),
        ulps=0,
        grad_samples=_put(True),
        grad_args=(0, 2),
    ),
    op(
        "slice_update",
        _slice_update(False),
        ulps=0,
        grad_samples=_slice_update(True),
        grad_args=(0, 1),
    ),
    op(
        "getitem",
        calls(ANY, *GATHER),
        ulps=0,
        call=_getitem,
        grad_samples=smooth(SMALL, *GATHER),
    ),
    op(
        "sort",
        with_nonfinite(calls(SORTED, *SORT)),
        ulps=0,
        axis=True,
        grad_samples=smooth(SMALL, ((5,),), ((3, 4), {"axis": 0})),
    ),
    op("argsort", with_nonfinite(calls(SORTED, *SORT)), result=index, axis=True),
]

OPTIONAL = [
    op("slice", calls(ANY, ((4, 5), np.array([1, 2]), (0, 1), (2, 3))), ulps=0),
]
__all__ = ["INDEXING", "OPTIONAL"]
