"""The table's rows of numbers in few bits."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import ingot.core as mx
import numpy as np
import reference_quantized as ref
from op_case import FLOATS, SMALL, Domain, OpCase, Sample, op, unary_samples
from support import NUMPY

BITS = (1, 2, 3, 4, 5, 6, 8)

# Calls for the table, of ours or of another module: floating arrays come by position,
# words and the scales of 8 bits as lists. -------------------------------------------


def parts_of(module: Any, scales: Any, biases: Any, words: Any) -> tuple[Any, ...]:
    if isinstance(scales, list):
        scales = module.array(scales, dtype=module.uint8)
    return module.array(words, dtype=module.uint32), scales, biases


def quantize(module: Any, w: Any, group: int, bits: int) -> Any:
    """Scales, biases, and codes as numbers of their type."""
    how = {"group_size": group, "bits": bits}
    words, scales, biases = module.quantize(w, **how)
    one, zero = module.ones_like(scales), module.zeros_like(biases)
    return scales, biases, module.dequantize(words, one, zero, **how)


def dequantize(module: Any, scales: Any, biases: Any, words: Any, how: Any) -> Any:
    return module.dequantize(*parts_of(module, scales, biases, words), **how)


def quantized_matmul(
    module: Any, x: Any, scales: Any, biases: Any, words: Any, transpose: bool, how: Any
) -> Any:
    parts = parts_of(module, scales, biases, words)
    return module.quantized_matmul(x, *parts, transpose=transpose, **how)


def gather_qmm(
    module: Any,
    x: Any,
    scales: Any,
    biases: Any,
    words: Any,
    lhs: Any,
    rhs: Any,
    how: Any,
) -> Any:
    parts = parts_of(module, scales, biases, words)
    left, right = (i if i is None else module.array(i) for i in (lhs, rhs))
    return module.gather_qmm(x, *parts, left, right, **how)


# Samples --------------------------------------------------------------------------


def matrix(
    draw: Any, rng: np.random.Generator, shape: tuple[int, ...], how: dict[str, Any]
) -> tuple[Any, Any, list[Any]]:
    """Scales, biases and words of a matrix of that shape."""
    mode, group, bits = ref.options(how)
    groups = (*shape[:-1], shape[-1] // group)
    words = ref.pack(rng.integers(0, 2**bits, shape), bits)
    if mode == "affine":
        return draw(groups), draw(groups), words.tolist()
    if mode == "mxfp8":  # without codes of NaN
        codes = rng.integers(0, 127, shape) | rng.integers(0, 2, shape) << 7
        words = ref.pack(codes, bits)
    low, high = (30, 70) if mode == "nvfp4" else (120, 131)
    return rng.integers(low, high, groups).tolist(), None, words.tolist()


HOWS = (
    *({"group_size": 32, "bits": bits} for bits in BITS),
    {"group_size": 64},
    {"group_size": 128, "bits": 3},
    {},
)


def quantize_samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    """Whole numbers whose group has the one with all bits: nothing is rounded."""
    for bits in BITS:
        codes = rng.integers(0, 2**bits, (2, 3, 256))
        codes[..., ::32], codes[..., 1::32] = 0, 2**bits - 1
        for sign in (1, -1) if bits > 1 else (1,):
            yield Sample(((sign * codes).astype(NUMPY[dtype]), 32, bits))
            yield Sample(((sign * codes[0]).astype(NUMPY[dtype]), 128, bits))


def dequantize_samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    def draw(shape: Any) -> np.ndarray:
        return SMALL.draw(rng, dtype, shape)

    for how in HOWS:
        yield Sample((*matrix(draw, rng, (5, 384), how), how))
    yield Sample((*matrix(draw, rng, (2, 3, 64), {}), {}))


def dequantize_smooth(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    for how in ({"group_size": 32}, {"group_size": 32, "bits": 3}):
        yield Sample((*matrix(lambda s: SMALL.smooth(rng, s), rng, (2, 64), how), how))


# x and w without its last axis; then k.
PRODUCTS = (
    ((3,), (5,), 64),
    ((), (4,), 32),
    ((1,), (1,), 384),
    ((2, 7), (17,), 96),
    ((40,), (130,), 608),
    ((3, 2), (3, 5), 64),
    ((2, 1, 4), (3, 5), 32),
)


def product_samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    def draw(shape: Any) -> np.ndarray:
        return SMALL.draw(rng, dtype, shape)

    group = {"group_size": 32}
    for rows, w, k in PRODUCTS:
        x = draw((*rows, k))
        yield Sample((x, *matrix(draw, rng, (*w, k), group), True, group))
        x = draw((*rows, w[-1]))
        yield Sample((x, *matrix(draw, rng, (*w, k), group), False, group))
    for how in HOWS:
        for m in (1, 6):
            w = matrix(draw, rng, (7, 384), how)
            yield Sample((draw((m, 384)), *w, True, how))
    for mode in ("mxfp4", "mxfp8", "nvfp4"):
        for m, k in ((2, 96), (45, 160)):
            w = matrix(draw, rng, (6, k), {"mode": mode})
            yield Sample((draw((m, k)), *w, True, {"mode": mode}))
            yield Sample((draw((m, 6)), *w, False, {"mode": mode}))


def product_smooth(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    def draw(shape: Any) -> np.ndarray:
        return SMALL.smooth(rng, shape)

    how = {"group_size": 32}
    for transpose, rows, w in (
        (True, (2, 32), (3, 32)),
        (False, (2, 3), (3, 32)),
        (True, (2, 1, 32), (2, 2, 32)),
        (True, (2, 32), (2, 2, 32)),
    ):
        yield Sample((draw(rows), *matrix(draw, rng, w, how), transpose, how))


INDICES = (
    ([0, 3, 3], [2, 1, 0]),
    ([[0], [1]], [[0, 2, 1]]),
    (None, [1, 0, 2, 2]),
    ([2, 0, 1], None),
)


def gather_samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    def draw(shape: Any) -> np.ndarray:
        return SMALL.draw(rng, dtype, shape)

    how = {"group_size": 32}
    for lhs, rhs in INDICES:
        for m in (1, 5):
            w = matrix(draw, rng, (3, 6, 96), how)
            yield Sample((draw((4, m, 96)), *w, lhs, rhs, how))


def gather_smooth(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    def draw(shape: Any) -> np.ndarray:
        return SMALL.smooth(rng, shape)

    how = {"group_size": 32}
    w = matrix(draw, rng, (3, 2, 32), how)
    yield Sample((draw((2, 1, 32)), *w, [0, 1, 1], [2, 0, 0], how))


def qqmm(module: Any, x: Any, w: Any, mode: str) -> Any:
    return module.qqmm(x, w, mode=mode)


def qqmm_samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    def draw(*shape: int) -> np.ndarray:
        return SMALL.draw(rng, dtype, shape)

    for mode, group in (("nvfp4", 16), ("mxfp8", 32)):
        yield Sample((draw(3, 2 * group), draw(5, 2 * group), mode))
        yield Sample((draw(group), draw(4, group), mode))
        yield Sample((draw(2, 3, 96), draw(7, 96), mode))
        yield Sample((draw(2, 1, 3, group), draw(2, 5, group), mode))
        yield Sample((draw(0, group), draw(5, group), mode))


def bytes_samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    yield Sample((np.arange(256, dtype=np.uint8).reshape(8, 32),))
    yield Sample((np.zeros((0, 3), np.uint8),))


FP8 = Domain(
    -500.0, 500.0, special=(0.0, -0.0, 448.0, 463.9, -464.0, 2.0**-9, 2.0**-10)
)

QUANTIZED: list[OpCase] = [
    op("quantize", quantize_samples, call=partial(quantize, mx), dtypes=FLOATS),
    op(
        "dequantize",
        dequantize_samples,
        call=partial(dequantize, mx),
        dtypes=FLOATS,
        scale=partial(ref.dequantize, size=True),
        grad_samples=dequantize_smooth,
        grad_args=(0, 1),
    ),
    op(
        "quantized_matmul",
        product_samples,
        call=partial(quantized_matmul, mx),
        dtypes=FLOATS,
        scale=partial(ref.quantized_matmul, size=True),
        grad_samples=product_smooth,
        grad_args=(0, 1, 2),
    ),
    op(
        "gather_qmm",
        gather_samples,
        call=partial(gather_qmm, mx),
        dtypes=FLOATS,
        scale=partial(ref.gather_qmm, size=True),
        grad_samples=gather_smooth,
        grad_args=(0, 1, 2),
    ),
    op(
        "qqmm",  # whose gradients are not those of what it computes: test_qqmm.py
        qqmm_samples,
        call=partial(qqmm, mx),
        dtypes=FLOATS,
        scale=partial(ref.qqmm, size=True),
    ),
    op("to_fp8", unary_samples(FP8), dtypes=FLOATS, result=lambda _: "uint8"),
    op("from_fp8", bytes_samples, dtypes=("uint8",), result=lambda _: "bfloat16"),
]

# What must be refused, and with which error. -----------------------------------------

W, X = mx.ones((4, 64)), mx.ones((2, 64))
WORDS, SCALES, BIASES = PARTS = mx.quantize(W)
FP4 = mx.quantize(W, mode="mxfp4")
BATCH = mx.quantize(mx.ones((3, 4, 64)))


def times(x: Any, *parts: Any, **how: Any) -> Any:
    return mx.quantized_matmul(x, *parts, **how)


def gathered(**how: Any) -> Any:
    return mx.gather_qmm(mx.ones((2, 1, 64)), *BATCH, **how)


REFUSED: list[tuple[str, Any, Any]] = [
    ("quantize", lambda: mx.quantize(mx.ones((64,))), ValueError),
    ("quantize", lambda: mx.quantize(mx.ones((2, 63))), ValueError),
    ("quantize", lambda: mx.quantize(mx.array(1.0)), ValueError),
    ("quantize", lambda: mx.quantize(mx.ones((2, 64), mx.int32)), TypeError),
    ("quantize", lambda: mx.quantize(W, bits=7), ValueError),
    ("quantize", lambda: mx.quantize(W, bits=0), ValueError),
    ("quantize", lambda: mx.quantize(W, bits=-(2**62)), ValueError),
    ("quantize", lambda: mx.quantize(W, group_size=16), ValueError),
    ("quantize", lambda: mx.quantize(W, group_size=0), ValueError),
    ("quantize", lambda: mx.quantize(W, mode="mxfp4", bits=8), ValueError),
    ("quantize", lambda: mx.quantize(W, mode="nvfp4", group_size=32), ValueError),
    ("quantize", lambda: mx.quantize(W, mode="int4"), ValueError),
    ("quantize", lambda: mx.quantize(W, global_scale=mx.array(1.0)), ValueError),
    (
        "quantize",
        lambda: mx.quantize(W, mode="nvfp4", global_scale=mx.ones((2,))),
        ValueError,
    ),
    ("dequantize", lambda: mx.dequantize(W, SCALES, BIASES), TypeError),
    ("dequantize", lambda: mx.dequantize(WORDS, SCALES), ValueError),
    ("dequantize", lambda: mx.dequantize(WORDS, SCALES, BIASES[:2]), ValueError),
    ("dequantize", lambda: mx.dequantize(WORDS[0], SCALES[0], BIASES[0]), ValueError),
    ("dequantize", lambda: mx.dequantize(*PARTS, bits=2), ValueError),
    ("dequantize", lambda: mx.dequantize(*PARTS, bits=3), ValueError),
    ("dequantize", lambda: mx.dequantize(*PARTS, group_size=32), ValueError),
    ("dequantize", lambda: mx.dequantize(*PARTS, dtype=mx.int32), TypeError),
    ("dequantize", lambda: mx.dequantize(*PARTS, mode="mxfp4"), ValueError),
    ("dequantize", lambda: mx.dequantize(WORDS, SCALES, mode="mxfp4"), TypeError),
    ("dequantize", lambda: mx.dequantize(*FP4), ValueError),
    ("dequantize", lambda: mx.dequantize(*FP4, BIASES), TypeError),
    ("quantized_matmul", lambda: times(mx.ones((2, 63)), *PARTS), ValueError),
    ("quantized_matmul", lambda: times(mx.array(1.0), *PARTS), ValueError),
    ("quantized_matmul", lambda: times(X, *PARTS, transpose=False), ValueError),
    ("quantized_matmul", lambda: times(X, *PARTS, bits=8), ValueError),
    ("quantized_matmul", lambda: times(X, WORDS, SCALES), ValueError),
    ("quantized_matmul", lambda: times(X, WORDS, FP4[1], BIASES), TypeError),
    ("quantized_matmul", lambda: times(mx.ones((2, 5, 64)), *BATCH), ValueError),
    ("gather_qmm", lambda: mx.gather_qmm(mx.ones((64,)), *PARTS), ValueError),
    ("gather_qmm", lambda: gathered(), ValueError),
    ("gather_qmm", lambda: gathered(rhs_indices=mx.array([0.5, 1.0])), TypeError),
    ("gather_qmm", lambda: gathered(rhs_indices=mx.array([0, 3])), IndexError),
    ("gather_qmm", lambda: gathered(rhs_indices=mx.array([0, -4])), IndexError),
    (
        "gather_qmm",
        lambda: gathered(lhs_indices=mx.array([2]), rhs_indices=mx.array([0])),
        IndexError,
    ),
    ("qqmm", lambda: mx.qqmm(X, W, mode="affine"), ValueError),
    ("qqmm", lambda: mx.qqmm(X, W, mode="mxfp4"), ValueError),
    ("qqmm", lambda: mx.qqmm(X, W, mode="fp4"), ValueError),
    ("qqmm", lambda: mx.qqmm(X, W, group_size=32), ValueError),
    ("qqmm", lambda: mx.qqmm(X, W, bits=8), ValueError),
    ("qqmm", lambda: mx.qqmm(mx.array(1.0), W), ValueError),
    ("qqmm", lambda: mx.qqmm(X, mx.ones((64,))), ValueError),
    ("qqmm", lambda: mx.qqmm(X, mx.ones((4, 48))), ValueError),
    ("qqmm", lambda: mx.qqmm(mx.ones((2, 40)), mx.ones((2, 40))), ValueError),
    ("qqmm", lambda: mx.qqmm(mx.ones((2, 64), mx.int32), W), TypeError),
    ("qqmm", lambda: mx.qqmm(X, mx.ones((4, 64), mx.int32)), TypeError),
    ("qqmm", lambda: mx.qqmm(X, WORDS), TypeError),
    ("qqmm", lambda: mx.qqmm(X, W, SCALES), TypeError),
    ("qqmm", lambda: mx.qqmm(X, *FP4), ValueError),
    ("qqmm", lambda: mx.qqmm(X, W, global_scale_x=mx.ones((2,))), ValueError),
    (
        "qqmm",
        lambda: mx.qqmm(X, W, mode="mxfp8", global_scale_w=mx.array(1.0)),
        ValueError,
    ),
    ("qqmm", lambda: mx.qqmm(None, W), (TypeError, ValueError)),
    ("to_fp8", lambda: mx.to_fp8(mx.array([1])), TypeError),
    ("to_fp8", lambda: mx.to_fp8(None), (TypeError, ValueError)),
    ("from_fp8", lambda: mx.from_fp8(mx.array([1])), TypeError),
    (
        "from_fp8",
        lambda: mx.from_fp8(mx.zeros((2,), mx.uint8), dtype=mx.int8),
        TypeError,
    ),
]

__all__ = ["QUANTIZED", "REFUSED"]
