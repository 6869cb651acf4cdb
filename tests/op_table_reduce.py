"""The table's reductions and matrix products."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import reference_arrays as ref
from op_case import (
    ANY,
    FLOATS,
    SMALL,
    Domain,
    OpCase,
    Sample,
    Sampler,
    accumulated,
    boolean,
    calls,
    draws_of,
    floating,
    index,
    op,
    smooth,
)
from support import BOOL, INTEGERS

# Reductions -------------------------------------------------------------------

AXES: tuple[Any, ...] = (
    ((67,),),
    ((5, 7), {"axis": 0}),
    ((5, 7), {"axis": 1}),
    ((5, 7), {"axis": -1, "keepdims": True}),
    ((3, 4, 5), {"axis": 1}),
    ((3, 4, 5), {"axis": (0, 2)}),
    ((3, 4, 5), {"axis": [1, -1], "keepdims": True}),
    ((3, 4, 5),),
    ((2, 3, 4, 5), {"axis": (1, 2)}),
    ((), {}),
    ((1, 7), {"axis": 0}),
    ((0, 3), {"axis": 1}),
)
EMPTY: tuple[Any, ...] = (((0,),), ((0, 3), {"axis": 0}), ((3, 0), {"axis": (1,)}))
SMOOTH_AXES = (((5,),), ((3, 4), {"axis": 0}), ((2, 3, 2), {"axis": (0, 2)}))


def with_nonfinite(samples: Sampler) -> Sampler:
    """The samples, then float matrices whose rows hold NaN and the infinities."""

    def extended(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
        yield from samples(rng, dtype)
        if dtype in FLOATS:
            x = SMALL.draw(rng, dtype, (5, 9))
            x[1, 3], x[2, 8], x[3, 0] = np.nan, np.inf, -np.inf
            yield Sample((x,), {"axis": 1})
            yield Sample((x,), {"axis": 0})

    return extended


def reduction(
    name: str, *, empty: bool = True, grad: bool = True, **fields: Any
) -> OpCase:
    samples = calls(fields.pop("domain", SMALL), *AXES, *(EMPTY if empty else ()))
    gradients = smooth(SMALL, *SMOOTH_AXES) if grad else None
    return op(
        name, with_nonfinite(samples), axis=True, grad_samples=gradients, **fields
    )


DDOF: tuple[Any, ...] = (((9,), {"ddof": 1}), ((4, 6), {"axis": 0, "ddof": 2}))


def spread(name: str, scale: Callable[..., Any]) -> OpCase:
    """var and std: also with ddof."""
    return op(
        name,
        calls(SMALL, *AXES[:9], *DDOF),
        result=floating,
        ulps=8,
        scale=scale,
        axis=True,
        grad_samples=smooth(SMALL, *SMOOTH_AXES, ((5,), {"ddof": 1})),
    )


ONE_AXIS: tuple[Any, ...] = (
    ((67,),),
    ((5, 7), {"axis": 0}),
    ((5, 7), {"axis": -1, "keepdims": True}),
    ((3, 4, 5), {"axis": 1}),
    ((3, 4, 5),),
    ((0, 3), {"axis": 1}),
)
SOFTMAX = (((67,),), ((5, 7), {"axis": 0}), ((3, 4, 5), {"axis": (0, 2)}), ((), {}))
PROD = Domain(-2.0, 2.0, (-2, 3))

REDUCTIONS = [
    reduction("sum", result=accumulated, ulps=8, scale=ref.sum_scale),
    reduction("prod", result=accumulated, domain=PROD, scale=ref.prod_scale),
    reduction("max", empty=False, ulps=0.5, domain=ANY),
    reduction("min", empty=False, ulps=0.5, domain=ANY),
    reduction("mean", result=floating, ulps=8, scale=ref.mean_scale),
    reduction(
        "logsumexp", empty=False, result=floating, ulps=8, scale=ref.logsumexp_scale
    ),
    spread("var", ref.var_scale),
    spread("std", ref.std_scale),
    reduction("all", grad=False, result=boolean),
    reduction("any", grad=False, result=boolean),
    op(
        "softmax",
        calls(SMALL, *SOFTMAX),
        dtypes=FLOATS,
        ulps=8,
        axis=True,
        grad_samples=smooth(SMALL, ((5,),), ((3, 4), {"axis": -1})),
    ),
    op("argmax", with_nonfinite(calls(SMALL, *ONE_AXIS)), result=index, axis=True),
    op("argmin", with_nonfinite(calls(SMALL, *ONE_AXIS)), result=index, axis=True),
]


# Products ---------------------------------------------------------------------

MATRICES = (
    ((3, 4), (4, 5)),
    ((1, 1), (1, 1)),
    ((17, 33), (33, 9)),
    ((4,), (4,)),
    ((4,), (4, 5)),
    ((3, 4), (4,)),
    ((2, 3, 4), (2, 4, 5)),
    ((2, 1, 3, 4), (5, 4, 2)),
    ((3, 4), (6, 4, 2)),
    ((2, 0), (0, 3)),
    ((0, 2), (2, 3)),
    ((65, 70), (70, 67)),
)


def _addmm(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    for c, a, b in (
        ((3, 5), (3, 4), (4, 5)),
        ((5,), (3, 4), (4, 5)),
        ((), (3, 4), (4, 5)),
        ((2, 3, 5), (2, 3, 4), (2, 4, 5)),
        ((3, 1), (3, 4), (4, 5)),
    ):
        arrays = tuple(SMALL.draw(rng, dtype, s) for s in (c, a, b))
        yield Sample(arrays)
        yield Sample(arrays, {"alpha": 0.5, "beta": -2.0})


def _addmm_smooth(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    arrays = tuple(SMALL.smooth(rng, s) for s in ((4,), (2, 3), (3, 4)))
    yield Sample(arrays, {"alpha": 0.5, "beta": -2.0})


_SMOOTH_MATRICES = (((3, 4), (4, 2)), ((4,), (4,)), ((2, 3, 4), (4, 2)), ((4,), (4, 2)))
PRODUCTS = [
    op(
        "matmul",
        draws_of(MATRICES, False),
        dtypes=INTEGERS + FLOATS,
        refused=BOOL,
        ulps=8,
        scale=ref.matmul_scale,
        grad_samples=draws_of(_SMOOTH_MATRICES, True),
        grad_args=(0, 1),
    ),
    op(
        "addmm",
        _addmm,
        dtypes=FLOATS,
        ulps=8,
        scale=ref.addmm_scale,
        grad_samples=_addmm_smooth,
        grad_args=(0, 1, 2),
    ),
]

__all__ = ["PRODUCTS", "REDUCTIONS", "with_nonfinite"]
