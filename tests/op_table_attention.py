"""The table's rows of ingot.core.fast: attention, rotary positions, cross entropy."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import ingot.core as mx
import numpy as np
import reference_attention as ref
from op_case import ALL, FLOATS, SMALL, OpCase, Sample, op

# Calls for the table, of ours or of another module: arrays come by position. ------


def attend(
    module: Any, q: Any, k: Any, v: Any, mask: Any, scale: float, sinks: Any = None
) -> Any:
    if isinstance(mask, list):
        mask = module.array(mask)
    return module.fast.scaled_dot_product_attention(
        q, k, v, scale=scale, mask=mask, sinks=sinks
    )


def rope(
    module: Any,
    x: Any,
    dims: int,
    traditional: bool,
    base: float | None,
    scale: float,
    offset: Any,
    freqs: Any = None,
) -> Any:
    if isinstance(offset, list):
        offset = module.array(offset)
    if isinstance(freqs, list):
        freqs = module.array(freqs)
    return module.fast.rope(
        x,
        dims,
        traditional=traditional,
        base=base,
        scale=scale,
        offset=offset,
        freqs=freqs,
    )


def cross_entropy(module: Any, logits: Any, targets: list[Any]) -> Any:
    return module.fast.cross_entropy(logits, module.array(targets))


# Samples --------------------------------------------------------------------------

# Batch, heads of q, heads of k and v, queries, keys, features, features of v.
SHAPES = (
    (2, 2, 2, 5, 5, 8, 8),
    (1, 4, 2, 3, 7, 5, 6),
    (2, 3, 1, 7, 3, 1, 3),
    (1, 1, 1, 1, 300, 4, 4),
    (1, 2, 2, 70, 19, 16, 16),
)
EMPTY = ((0, 2, 1, 3, 3, 4, 4), (1, 2, 2, 0, 3, 4, 4), (1, 2, 2, 3, 0, 4, 4))


def masks(
    rng: np.random.Generator, dtype: str, sizes: tuple[int, ...]
) -> Iterable[Any]:
    """Of every kind; bool ones are lists, which keep their dtype, some rows empty."""
    b, n, _, queries, keys, *_ = sizes
    yield from (None, "causal")
    yield (rng.random((b, n, queries, keys)) < 0.6).tolist()
    yield (rng.random((queries, 1)) < 0.6).tolist()
    for shape in ((queries, keys), (n, 1, keys), (b, 1, queries, keys)):
        yield SMALL.draw(rng, dtype, shape)


def drawn(draw: Any, sizes: tuple[int, ...]) -> list[np.ndarray]:
    b, n, kv, queries, keys, depth, values = sizes
    shapes = ((b, n, queries, depth), (b, kv, keys, depth), (b, kv, keys, values))
    return [draw(shape) for shape in shapes]


def attention_samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    for sizes in SHAPES:
        for mask in masks(rng, dtype, sizes):
            arrays = drawn(lambda s: SMALL.draw(rng, dtype, s), sizes)
            yield Sample((*arrays, mask, 0.3))
    for sizes in EMPTY:
        yield Sample((*drawn(lambda s: SMALL.draw(rng, dtype, s), sizes), None, 0.3))
    sinks = SMALL.draw(rng, dtype, (4,))
    arrays = drawn(lambda s: SMALL.draw(rng, dtype, s), SHAPES[1])
    yield Sample((*arrays, "causal", 0.3, sinks))


def attention_smooth(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    for sizes in ((1, 2, 1, 3, 4, 2, 3), (1, 1, 1, 3, 2, 2, 2)):
        for mask in (None, "causal", [[True, False, True, True]]):
            if isinstance(mask, list):
                mask = [row[: sizes[4]] for row in mask]
            yield Sample((*drawn(lambda s: SMALL.smooth(rng, s), sizes), mask, 0.25))
    arrays = drawn(lambda s: SMALL.smooth(rng, s), (1, 2, 2, 2, 2, 2, 2))
    yield Sample((*arrays, None, 0.25, np.array([0.5, -0.5])))


def rope_samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    for shape in ((2, 3, 4), (3, 2, 5, 8), (2, 1, 7, 3, 6), (1, 0, 4), (0, 2, 4)):
        for traditional in (False, True):
            x = SMALL.draw(rng, dtype, shape)
            yield Sample((x, 4, traditional, 100.0, 1.0, 0))
            offsets = list(range(shape[0])) or 3
            yield Sample((x, 2, traditional, 10.0, 0.5, offsets))
            yield Sample((x, 4, traditional, None, 1.5, 2, [1.0, 7.5]))


def rope_smooth(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    for traditional in (False, True):
        yield Sample((SMALL.smooth(rng, (1, 3, 4)), 4, traditional, 10.0, 1.0, 1))
        yield Sample((SMALL.smooth(rng, (2, 2, 5)), 2, traditional, 10.0, 1.0, [1, 3]))


def cross_entropy_samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    for shape in ((5,), (7, 3), (2, 3, 130), (4, 1), (0, 3)):
        targets = rng.integers(0, shape[-1], shape[:-1]).tolist()
        if shape[0] != 0:
            yield Sample((SMALL.draw(rng, dtype, shape), targets))


def cross_entropy_smooth(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    yield Sample((SMALL.smooth(rng, (3, 4)), [2, 0, 3]))


def wide(dtype: str) -> str:
    return "float64" if dtype == "float64" else "float32"


ATTENTION: list[OpCase] = [
    op(
        "scaled_dot_product_attention",
        attention_samples,
        call=partial(attend, mx),
        dtypes=FLOATS,
        scale=ref.attention_scale,
        grad_samples=attention_smooth,
        grad_args=(0, 1, 2),
    ),
    op(
        "rope",
        rope_samples,
        call=partial(rope, mx),
        dtypes=FLOATS,
        scale=ref.rope_scale,
        grad_samples=rope_smooth,
    ),
    op(
        "cross_entropy",
        cross_entropy_samples,
        call=partial(cross_entropy, mx),
        dtypes=ALL,
        result=wide,
        scale=ref.cross_entropy_scale,
        grad_samples=cross_entropy_smooth,
    ),
]

__all__ = ["ATTENTION"]
