"""The table's products of chosen matrices and of parts of matrices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import reference_products as ref
from op_case import (
    FLOATS,
    SMALL,
    OpCase,
    Sample,
    Sampler,
    calls,
    floating,
    op,
    smooth,
)
from support import BOOL, INTEGERS


def with_more(rows: tuple[Any, ...], smooth_values: bool) -> Sampler:
    """Samples from rows of (shape, shape, *more arguments)."""

    def samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
        for a, b, *more in rows:
            arrays = [
                SMALL.smooth(rng, s) if smooth_values else SMALL.draw(rng, dtype, s)
                for s in (a, b)
            ]
            yield Sample((*arrays, *more))

    return samples


def ints(*values: Any) -> np.ndarray:
    return np.array(values[0] if len(values) == 1 else values)


GATHER = (
    ((3, 2, 4), (5, 4, 3), ints(0, 2, 2, -1), ints(4, 0, 4, -5)),
    ((3, 2, 4), (5, 4, 3), ints([[0], [2]]), ints(1, 1, 3)),
    ((3, 1, 4), (2, 4, 3), None, ints(1, 0, 1)),
    ((2, 2, 2, 4), (2, 3, 4, 1), ints(3, 3, 0), ints(5, 0, 0)),
    ((2, 4), (3, 4, 2), None, ints(2, 0)),
    ((4,), (3, 4, 2), None, ints(2, 2)),
    ((3, 2, 4), (4,), ints(1, 1), None),
    ((3, 2, 4), (3, 4, 2), ints(1), ints(2)),
    ((3, 2, 4), (3, 4, 2), ints(0, 1), ints(0, 1)),
    ((3, 2, 4), (3, 4, 2), np.zeros(0, np.int64), np.zeros(0, np.int64)),
    ((3, 2, 0), (3, 0, 2), ints(0, 1), ints(2, 1)),
    ((2, 40, 35), (2, 35, 70), ints(1, 0, 1), ints(1, 1, 0)),
)
FEW_GATHER = (GATHER[0], GATHER[2], GATHER[3], GATHER[6])
SEGMENTED = (
    ((2, 9), (9, 3), ints([0, 4], [4, 9])),
    ((2, 9), (9, 3), ints([[[0, 9], [2, 5]], [[3, 3], [7, 2]]])),
    ((2, 9), (9, 3), ints(1, 8)),
    ((2, 0), (0, 3), ints([[0, 0]])),
    ((2, 9), (9, 3), np.zeros((0, 2), np.int64)),
    ((70, 90), (90, 65), ints([0, 33], [33, 34], [60, 90])),
)


def _blocks(smooth_values: bool) -> Sampler:
    """Boolean masks and others, for batches, and for blocks that are cut off."""

    def samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
        def draw(*shape: int) -> np.ndarray:
            if smooth_values:
                return SMALL.smooth(rng, shape)
            return SMALL.draw(rng, dtype, shape)

        def choice(*shape: int) -> np.ndarray:
            return rng.integers(0, 2, shape).astype(bool)

        if not smooth_values:
            a, b = draw(70, 40), draw(40, 33)
            yield Sample((a, b, 32, choice(3, 2), choice(3, 2), choice(2, 2)))
            yield Sample((a, b, 32, draw(3, 2), draw(3, 2), draw(2, 2)))
            yield Sample((a, b, 64, None, choice(2, 1), None))
            yield Sample((a, b))
            yield Sample((draw(64, 64), draw(2, 64, 64), 64, choice(2, 1, 1)))
        a, b = draw(2, 35, 2), draw(2, 33)
        yield Sample((a, b, 32, draw(2, 2), draw(2, 2, 1), draw(1, 2)))

    return samples


def gather_scale(a: np.ndarray, b: np.ndarray, *indices: Any) -> np.ndarray:
    return ref.gather_mm(np.abs(a), np.abs(b), *indices)


def product(name: str, samples: Sampler, grads: Sampler, **fields: Any) -> OpCase:
    return op(
        name,
        samples,
        dtypes=FLOATS,
        ulps=8,
        grad_samples=grads,
        **{"grad_args": (0, 1), "scale": ref.scale_of(name), **fields},
    )


MATRICES: list[OpCase] = [
    product(
        "gather_mm",
        with_more(GATHER, False),
        with_more(FEW_GATHER, True),
        scale=gather_scale,
        refused=BOOL + INTEGERS,
    ),
    product(
        "segmented_mm", with_more(SEGMENTED, False), with_more(SEGMENTED[:3], True)
    ),
    product(
        "block_masked_mm",
        _blocks(False),
        _blocks(True),
        refused=BOOL + INTEGERS,
        grad_args=(0, 1, 3, 4, 5),
    ),
]

HADAMARD: list[OpCase] = [
    op(
        "hadamard_transform",
        calls(
            SMALL,
            ((4,),),
            ((1,),),
            ((),),
            ((3, 12),),
            ((2, 40), 0.5),
            ((2, 3, 56), -3),
            ((5, 2),),
            ((0, 4),),
            ((2, 256),),
        ),
        result=floating,
        ulps=8,
        scale=lambda a, scale=None: (
            np.sqrt(np.shape(a)[-1] if np.ndim(a) else 1)
            * 3
            * max(1.0, abs(scale or 1))
        ),
        grad_samples=smooth(SMALL, ((2, 4),), ((20,),), ((12,), 0.5)),
    )
]

__all__ = ["HADAMARD", "MATRICES"]
