"""The table's diagonals, strided windows, and window functions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import reference_views as ref
from op_case import SMALL, OpCase, Sample, accumulated, calls, draws_of, op, smooth
from op_table_shape import shape_op

# Views ------------------------------------------------------------------------

TRACES: tuple[Any, ...] = (
    ((4, 4),),
    ((3, 5), 1),
    ((2, 3, 4), -1, 0, 2),
    ((3, 3), 9),
    ((2, 3, 3), {"axis1": -2, "axis2": -1}),
    ((0, 3),),
)


def _grids(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    shapes: tuple[Any, ...] = (((2,), (3,)), ((2,), (3,), (4,)), ((), (3,)), ((3,),))
    for row in (*shapes, ((0,), (2,))):
        arrays = tuple(SMALL.draw(rng, dtype, s) for s in row)
        yield Sample(arrays)
        yield Sample(arrays, {"indexing": "ij"})
        yield Sample(arrays, {"sparse": True})


VIEWS: list[OpCase] = [
    shape_op("atleast_1d", ((),), ((3,),), ((2, 3),), ((0,),)),
    shape_op("atleast_2d", ((),), ((3,),), ((2, 3),), ((2, 2, 2),)),
    shape_op("atleast_3d", ((),), ((3,),), ((2, 3),), ((2, 1, 2, 2),)),
    shape_op(
        "flip",
        ((4,),),
        ((3, 4), {"axis": 1}),
        ((3, 4), {"axis": (0, -1)}),
        ((2, 3, 4),),
        ((),),
        ((0, 2),),
    ),
    shape_op(
        "roll",
        ((5,), 2),
        ((3, 4), 1, 1),
        ((3, 4), (1, -2), (0, 1)),
        ((3, 4), -5),
        ((3, 4), (1, 2)),
        ((3, 4), 1, (0, 1)),
        ((3, 4), (1, 2), 1),
        ((3, 4), (1, 1), (0, 0)),
        ((), 1),
        ((0, 3), 1),
        ((0, 3), 1, 0),
    ),
    shape_op(
        "as_strided",
        ((10,), (4, 3), (2, 1)),
        ((3, 4), (2, 3), (1, 2), 3),
        ((4,), (2, 3), (0, 1)),
        ((5,), (5,), (-1,), 4),
        ((3, 4), (4, 3)),
        ((3, 4),),
        ((67,), (60, 8), (1, 1)),
        ((6,), (2, 2, 2), (1, -1, 2), 1),
        ((4,), (), (), 2),
        ((), (1, 1), (5, -7)),
        ((4,), (0, 3), (9, 9), 7),
        ((0,), (2, 0)),
    ),
    shape_op(
        "diag",
        ((4,),),
        ((3,), 1),
        ((3, 4), {"k": -1}),
        ((3,), -2),
        ((4, 3),),
        ((3, 3), 7),
        ((3, 3), -7),
        ((0,),),
        ((0,), 2),
    ),
    shape_op(
        "diagonal",
        ((4, 4),),
        ((3, 5), 1),
        ((2, 3, 4), -1, 0, 2),
        ((2, 3, 4), 0, -1, 1),
        ((2, 3, 4), {"axis1": 2, "axis2": 1}),
        ((3, 3), 9),
        ((0, 3),),
    ),
    op(
        "trace",
        calls(SMALL, *TRACES),
        result=accumulated,
        ulps=8,
        scale=ref.trace_scale,
        grad_samples=smooth(SMALL, *TRACES[:3]),
    ),
    shape_op(
        "unstack",
        ((3, 4),),
        ((3, 4), {"axis": 1}),
        ((2, 3, 4), {"axis": -2}),
        ((3,),),
        ((0, 2),),
    ),
    op(
        "meshgrid",
        _grids,
        ulps=0,
        grad_samples=draws_of((((2,), (3,)),), True),
        grad_args=(0, 1),
    ),
    shape_op("matrix_transpose", ((3, 4),), ((2, 3, 4),), ((0, 3),)),
    shape_op("positive", ((3, 4),), ((),), ((0,),)),
]


# Window functions ---------------------------------------------------------------


def _lengths(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    for samples in (-3, 0, 1, 2, 3, 8, 33, 1000, 4097):
        yield Sample((samples,))


def window(name: str, ulps: float) -> OpCase:
    """NumPy loses digits where the window ends: errors there are relative to 1e-8."""

    def scale(samples: int) -> Any:
        return np.abs(ref.WINDOWS[name](samples)) + 1e-8

    return op(name, _lengths, dtypes=("float32",), ulps=ulps, scale=scale)


WINDOWS: list[OpCase] = [window(name, 6) for name in sorted(ref.WINDOWS)]

__all__ = ["VIEWS", "WINDOWS"]
