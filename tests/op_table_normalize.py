"""The table's rows of ingot.core.fast: normalization along the last axis."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ingot.core as mx
import numpy as np
import reference_arrays as ref
from op_case import ALL, FLOATS, SMALL, OpCase, Sample, Sampler, floating, op

SHAPES = ((67,), (5, 7), (3, 4, 5), (4, 1), (2, 129), (0, 3), (3, 0), (1, 1030))


def _normalization(vectors: int) -> Sampler:
    """Samples of x, with each choice of vectors that are there, and eps."""

    def samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
        for number, shape in enumerate(SHAPES):
            x, *rest = (
                SMALL.draw(rng, dtype, s) for s in (shape, *[shape[-1:]] * vectors)
            )
            absent = [v if number >> i & 1 else None for i, v in enumerate(rest)]
            yield Sample((x, *rest, 1e-5))
            yield Sample((x, *absent, 0.25))
        if dtype in FLOATS:
            x = SMALL.draw(rng, dtype, (5, 9))
            x[1, 3], x[2, 8], x[3, 0] = np.nan, np.inf, -np.inf
            yield Sample((x, *[SMALL.draw(rng, dtype, (9,))] * vectors, 1e-5))

    return samples


def _smooth(vectors: int) -> Sampler:
    def samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
        for shape in ((5,), (3, 4), (2, 3, 2)):
            shapes = (shape, *[shape[-1:]] * vectors)
            yield Sample((*(SMALL.smooth(rng, s) for s in shapes), 0.1))

    return samples


def _row(name: str, vectors: int, **fields: Any) -> OpCase:
    return op(
        name,
        _normalization(vectors),
        call=getattr(mx.fast, name),
        dtypes=ALL,
        result=floating,
        grad_samples=_smooth(vectors),
        grad_args=tuple(range(1 + vectors)),
        **fields,
    )


NORMALIZATION = [
    _row("layer_norm", 2, scale=ref.layer_norm_scale),
    _row("rms_norm", 1),
]

__all__ = ["NORMALIZATION"]
