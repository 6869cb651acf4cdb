"""The table's products of vectors and tensors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import reference_products as ref
from op_case import FLOATS, SMALL, OpCase, Sample, Sampler, accumulated, op
from support import ALL


def pairs(*rows: tuple[Any, ...], smooth_values: bool = False) -> Sampler:
    """Samples from rows of (shape, shape, *more arguments, {keywords})."""

    def samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
        for a, b, *rest in rows:
            kwargs = rest.pop() if rest and isinstance(rest[-1], dict) else {}
            arrays = [
                SMALL.smooth(rng, s) if smooth_values else SMALL.draw(rng, dtype, s)
                for s in (a, b)
            ]
            yield Sample((*arrays, *rest), dict(kwargs))

    return samples


def product(name: str, *rows: tuple[Any, ...], **fields: Any) -> OpCase:
    small = [r for r in rows if 0 < np.prod(r[0]) * np.prod(r[1]) <= 80][:3]
    return op(
        name,
        pairs(*rows),
        ulps=8,
        scale=ref.scale_of(name),
        grad_samples=pairs(*small, smooth_values=True),
        grad_args=(0, 1),
        **fields,
    )


EQUATIONS: tuple[tuple[Any, ...], ...] = (
    ("ij,jk->ik", (3, 4), (4, 5)),
    ("ij,kj", (3, 4), (2, 4)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 3)),
    ("ij,jk,kl->il", (2, 3), (3, 2), (2, 3)),
    ("i,i->", (5,), (5,)),
    ("i,j->ji", (3,), (4,)),
    ("ij,ij->j", (3, 4), (3, 4)),
    ("ij,k->k", (3, 4), (2,)),
    ("ij,jk->k", (3, 4), (4, 2)),
    ("...ij,...jk->...ik", (2, 1, 2, 3), (4, 3, 2)),
    ("...i,i...->...", (2, 3), (3, 2)),
    ("i...,i...", (3, 2), (3, 4, 1)),
    ("ij,ij->ij", (1, 3), (2, 1)),
    ("ij,jk->ik", (2, 1), (3, 4)),
    ("iij,jk->ik", (3, 3, 2), (2, 4)),
    ("abc,cd,ab->d", (2, 3, 4), (4, 2), (2, 3)),
    ("abcd,bcde->ae", (2, 3, 2, 3), (3, 2, 3, 2)),
    ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)),
    (" i j , J j -> J i ", (2, 3), (4, 3)),
    (",i->i", (), (3,)),
    ("ij,jk->ik", (2, 0), (0, 3)),
    ("a,b,c,d,e,f,g,h,i->", *[(2,)] * 9),
    ("ab,bc,cd,de,ef,fg,gh,hi,ij->aj", *[(2, 2)] * 9),
)
SINGLE: tuple[tuple[Any, ...], ...] = (
    ("ij->ji", (3, 4)),
    ("ba", (3, 4)),
    ("ij->", (3, 4)),
    ("ij->i", (3, 4)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("iijj->ji", (2, 2, 3, 3)),
    ("iiji->j", (2, 2, 3, 2)),
    ("...ij->...ji", (2, 3, 4)),
    ("i...->...", (2, 3)),
    ("...", (2, 3)),
    ("", ()),
)


def equations(rows: tuple[tuple[Any, ...], ...], smooth_values: bool) -> Sampler:
    def samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
        for text, *shapes in rows:
            arrays = [
                SMALL.smooth(rng, s) if smooth_values else SMALL.draw(rng, dtype, s)
                for s in shapes
            ]
            yield Sample((text, *arrays))

    return samples


# Narrow integers become 32 bits wide where something is summed: see test_einsum.py.
WIDE = tuple(d for d in ALL if d in FLOATS or d.endswith(("32", "64")))

PRODUCTS: list[OpCase] = [
    product(
        "inner",
        ((4,), (4,)),
        ((2, 3), (4, 3)),
        ((2, 3), (3,)),
        ((2, 2, 3), (4, 3)),
        ((0,), (0,)),
        ((2, 67), (3, 67)),
        result=accumulated,
    ),
    product("outer", ((3,), (4,)), ((2, 2), (3,)), ((), (3,)), ((0,), (3,))),
    product(
        "kron",
        ((2, 2), (2, 3)),
        ((2,), (3,)),
        ((2,), (2, 3)),
        ((), (3,)),
        ((2, 1, 3), (2, 2)),
    ),
    product(
        "vecdot",
        ((4,), (4,)),
        ((2, 3), (2, 3), {"axis": 0}),
        ((2, 1, 3), (4, 3)),
        ((2, 3), (3,)),
        ((5, 67), (5, 67)),
        ((0,), (0,)),
        ((3, 0), (3, 0)),
        result=accumulated,
    ),
    product(
        "tensordot",
        ((2, 3), (3, 2), 1),
        ((2, 3), (2, 3)),
        ((2, 3, 2), (3, 2, 4), [[1, 2], [0, 1]]),
        ((2, 3, 4), (4, 3), [[2, 1], [0, 1]]),
        ((2, 3), (3, 4), ((1,), (0,))),
        ((2, 0), (0, 3), 1),
        result=accumulated,
    ),
    op(
        "tensordot",
        pairs(((2, 3), (4,), 0), ((), (3,), 0)),
        ulps=1,
        grad_samples=pairs(((2, 3), (4,), 0), smooth_values=True),
        grad_args=(0, 1),
    ),
    op(
        "einsum",
        equations(EQUATIONS, False),
        dtypes=WIDE,
        ulps=8,
        scale=ref.scale_of("einsum"),
        grad_samples=equations(EQUATIONS[:16], True),
        grad_args=(1, 2),
    ),
    op(
        "einsum",
        equations(SINGLE, False),
        dtypes=WIDE,
        ulps=8,
        scale=ref.scale_of("einsum"),
        grad_samples=equations(SINGLE[:10], True),
        grad_args=(1,),
    ),
]


__all__ = ["PRODUCTS"]
