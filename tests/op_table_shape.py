"""The table's shape and creation ops."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from op_case import (
    ANY,
    FLOATS,
    SMALL,
    OpCase,
    Sample,
    Sampler,
    calls,
    draws_of,
    op,
    smooth,
)
from support import INTEGERS

NON_BOOL = INTEGERS + FLOATS

# Shapes -----------------------------------------------------------------------


def shape_op(name: str, *rows: tuple[Any, ...], **fields: Any) -> OpCase:
    small = [r for r in rows if 0 < np.prod(r[0]) <= 30][:3]
    grad = fields.pop("grad_samples", smooth(SMALL, *small))
    return op(name, calls(ANY, *rows), ulps=0, grad_samples=grad, **fields)


def _lists(shapes: tuple[Any, ...], smooth_values: bool = False) -> Sampler:
    """Samples whose argument is a list of arrays."""

    def samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
        for row, *rest in shapes:
            arrays = [
                SMALL.smooth(rng, s) if smooth_values else ANY.draw(rng, dtype, s)
                for s in row
            ]
            yield Sample((arrays,), *rest)

    return samples


CONCATENATE = (
    (((3, 4), (2, 4)), {"axis": 0}),
    (((3, 4), (3, 1), (3, 0)), {"axis": 1}),
    (((5,),), {}),
    (((2, 3, 4), (2, 3, 4)), {"axis": -1}),
)
STACK = (
    (((3, 4), (3, 4)), {"axis": 0}),
    (((5,), (5,), (5,)), {"axis": 1}),
    (((), ()), {}),
    (((0, 2), (0, 2)), {"axis": -1}),
)


def _broadcast_call(mx_name: str) -> Callable[..., Any]:
    def call(*arrays: Any) -> Any:
        import ingot.core as mx

        return list(getattr(mx, mx_name)(*arrays))

    return call


SHAPES = [
    shape_op(
        "transpose",
        ((5, 7),),
        ((3, 4, 5),),
        ((3, 4, 5), (1, 2, 0)),
        ((3, 4, 5), (-1, 0, 1)),
        ((4,),),
        ((),),
        ((0, 3),),
    ),
    shape_op(
        "reshape",
        ((3, 4), (2, 6)),
        ((3, 4, 5), (5, -1)),
        ((3, 4, 5), (60,)),
        ((1,), ()),
        ((), (1, 1)),
        ((0, 3), (3, 0)),
        ((2, 3, 4), (-1, 4)),
    ),
    shape_op("flatten", ((3, 4),), ((2, 3, 4), 1), ((2, 3, 4), 0, 1), ((),), ((0, 3),)),
    shape_op(
        "unflatten", ((12,), 0, (3, 4)), ((2, 12), -1, (3, -1)), ((6, 2), 0, (-1, 3))
    ),
    shape_op(
        "squeeze",
        ((1, 3, 1),),
        ((1, 3, 1), 0),
        ((1, 3, 1), (0, -1)),
        ((1,),),
        ((1, 0),),
    ),
    shape_op(
        "expand_dims", ((3, 4), 0), ((3, 4), -1), ((3, 4), (0, 2)), ((), 0), ((0,), 1)
    ),
    shape_op(
        "broadcast_to",
        ((4,), (3, 4)),
        ((3, 1), (2, 3, 4)),
        ((), (2, 2)),
        ((1, 0), (3, 0)),
    ),
    op(
        "concatenate",
        _lists(CONCATENATE),
        ulps=0,
        grad_samples=_lists(CONCATENATE, True),
    ),
    op("stack", _lists(STACK), ulps=0, grad_samples=_lists(STACK[:2], True)),
    shape_op(
        "split",
        ((6,), 3),
        ((6, 4), 2, {"axis": 1}),
        ((6, 4), [1, 4]),
        ((3, 8), [2, 5], {"axis": -1}),
        ((0, 4), 2, {"axis": 1}),
    ),
    shape_op("repeat", ((4,), 3), ((3, 4), 2), ((3, 4), 2, {"axis": 1}), ((3, 4), 0)),
    shape_op(
        "tile", ((4,), 3), ((3, 4), (2, 1)), ((3,), (2, 2)), ((2, 3), 2), ((2,), 0)
    ),
    shape_op(
        "pad",
        ((3, 4), [(2, 1), (0, 3)], {"mode": "reflect"}),
        ((3, 4), [(3, 1), (0, 4)], {"mode": "symmetric"}),
        ((4,), 2),
        ((4,), (1, 2), {"constant_values": 1}),
        ((3, 4), [(1, 0), (2, 3)]),
        ((3, 4), [(1, 0), (2, 3)], {"mode": "edge"}),
        ((2, 1, 3), [(0, 1), (0, 0), (2, 0)], {"mode": "reflect"}),
        ((2,), 2, {"mode": "symmetric"}),
        ((), 0),
        ((0, 2), 1),
    ),
    shape_op("moveaxis", ((3, 4, 5), 0, 2), ((3, 4, 5), -1, 0), ((4,), 0, 0)),
    shape_op("swapaxes", ((3, 4, 5), 0, 2), ((3, 4), -1, -2), ((4,), 0, 0)),
    op(
        "broadcast_arrays",
        draws_of((((3, 1), (4,)), ((), (2, 2)), ((0,), (1,))), False),
        ulps=0,
        call=_broadcast_call("broadcast_arrays"),
        grad_samples=draws_of((((3, 1), (4,)),), True),
        grad_args=(0, 1),
    ),
]


# Creation ---------------------------------------------------------------------


def made(*rows: Sample) -> Sampler:
    """Samples with the dtype as keyword."""

    def samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
        for row in rows:
            yield Sample(row.args, {**row.kwargs, "dtype": dtype})

    return samples


_FILLED = made(Sample(((3, 4),)), Sample((5,)), Sample(((),)), Sample(((0, 2),)))
_SQUARES = (((4, 4),), ((3, 5), {"k": 1}), ((5, 3), {"k": -1}), ((2, 3, 4), {"k": 9}))


def _full(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    yield Sample(((3, 4), 1), {"dtype": dtype})
    yield Sample(((3, 4), SMALL.draw(rng, dtype, (4,))), {"dtype": dtype})
    yield Sample(((), SMALL.draw(rng, dtype, ())), {"dtype": dtype})


CREATION = [
    op("zeros", _FILLED, ulps=0),
    op("ones", _FILLED, ulps=0),
    op("empty", _FILLED, ulps=0),
    op("full", _full, ulps=0),
    op(
        "eye",
        made(
            Sample((4,)), Sample((3, 5)), Sample((5, 3), {"k": -1}), Sample((3, 3, 9))
        ),
        ulps=0,
    ),
    op("identity", made(Sample((4,)), Sample((1,)), Sample((0,))), ulps=0),
    op(
        "arange",
        made(Sample((7,)), Sample((2, 9)), Sample((1, 12, 3)), Sample((5, 5))),
        dtypes=NON_BOOL,
        ulps=0,
    ),
    op(
        "linspace",
        made(Sample((0, 1, 7)), Sample((-3.0, 5.0, 33, False)), Sample((2, 3, 1))),
        dtypes=FLOATS,
        scale=lambda start, stop, num, endpoint=True: max(abs(start), abs(stop)),
    ),
    op("tri", made(Sample((4,)), Sample((3, 5)), Sample((5, 3, 1))), ulps=0),
    shape_op("tril", *_SQUARES),
    shape_op("triu", *_SQUARES),
    shape_op("zeros_like", ((3, 4),), ((),), ((0,),)),
    shape_op("empty_like", ((3, 4),), ((0,),)),
    shape_op("ones_like", ((3, 4),), ((),), ((0,),)),
    shape_op("full_like", ((3, 4), 1), ((), 1), ((0,), 1), grad_samples=None),
]

OPTIONAL = [  # of the MLX list, beyond what was asked for
    shape_op("contiguous", ((3, 4),), ((),)),
]

__all__ = ["CREATION", "OPTIONAL", "SHAPES", "shape_op"]
