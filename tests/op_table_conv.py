"""The table's rows of convolutions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import ingot.core as mx
import numpy as np
from op_case import FLOATS, SMALL, OpCase, Sample, Sampler, op
from reference_conv import CONVOLUTIONS as ORACLES
from reference_conv import scale_of
from support import BOOL, INTEGERS

# Shapes of input and weight, and settings.
Row = tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]


def _pairs(rows: tuple[Row, ...], smooth: bool) -> Sampler:
    def samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
        for first, second, settings in rows:
            shapes = (first, second)
            arrays = [
                SMALL.smooth(rng, s) if smooth else SMALL.draw(rng, dtype, s)
                for s in shapes
            ]
            yield Sample(tuple(arrays), dict(settings))

    return samples


def _row(name: str, rows: tuple[Row, ...], grad_rows: tuple[Row, ...]) -> OpCase:
    return op(
        name,
        _pairs(rows, False),
        dtypes=FLOATS,
        refused=BOOL + INTEGERS,
        ulps=8,
        scale=scale_of(ORACLES[name]),
        grad_samples=_pairs(grad_rows, True),
        grad_args=(0, 1),
    )


CONV1D: tuple[Row, ...] = (
    ((2, 9, 3), (4, 3, 3), {}),
    ((1, 9, 3), (4, 3, 3), {"stride": 2, "padding": 2}),
    ((2, 9, 4), (6, 3, 2), {"dilation": 2, "groups": 2}),
    ((3, 8, 5), (5, 4, 1), {"groups": 5, "padding": 1}),
    ((3, 8, 3), (6, 2, 1), {"groups": 3, "stride": 3}),
    ((2, 7, 3), (4, 1, 3), {}),
    ((2, 7, 3), (4, 1, 3), {"stride": 2}),
    ((1, 4, 1), (1, 4, 1), {}),
    ((2, 5, 2), (3, 2, 2), {"padding": -1}),
    ((0, 5, 2), (3, 2, 2), {}),
    ((2, 5, 2), (0, 2, 2), {}),
    ((2, 5, 0), (3, 2, 0), {}),
    ((2, 0, 2), (3, 2, 2), {"padding": 1}),
    ((1, 300, 2), (3, 130, 2), {}),
)
CONV2D: tuple[Row, ...] = (
    ((2, 6, 7, 3), (4, 3, 3, 3), {"padding": 1}),
    ((1, 7, 5, 2), (3, 2, 3, 2), {"stride": (2, 1), "padding": (0, 2)}),
    ((2, 8, 7, 4), (4, 3, 2, 2), {"dilation": (2, 3), "groups": 2}),
    ((2, 5, 6, 3), (3, 3, 3, 1), {"groups": 3, "padding": 1, "stride": 2}),
    ((2, 5, 6, 3), (4, 1, 1, 3), {}),
    ((3, 17, 18, 5), (33, 3, 3, 5), {"padding": 1}),
    ((2, 33, 34, 6), (6, 3, 3, 1), {"padding": 1, "groups": 6}),
)
CONV3D: tuple[Row, ...] = (
    ((1, 4, 5, 3, 2), (3, 2, 3, 1, 2), {}),
    ((2, 3, 4, 5, 2), (4, 2, 2, 2, 1), {"groups": 2, "padding": (1, 0, 1)}),
    ((1, 5, 4, 4, 1), (2, 2, 2, 2, 1), {"stride": 2, "dilation": (2, 1, 1)}),
)
GENERAL: tuple[Row, ...] = (
    ((2, 7, 2), (3, 3, 2), {"padding": ([2], [1]), "flip": True}),
    ((2, 5, 4, 2), (3, 2, 3, 2), {"input_dilation": (2, 3)}),
    ((1, 6, 2), (2, 3, 2), {"input_dilation": 4, "stride": 3, "padding": 1}),
    ((1, 6, 2), (2, 3, 2), {"input_dilation": 4, "kernel_dilation": 2, "padding": 3}),
    ((1, 6, 2), (2, 3, 2), {"input_dilation": 6, "stride": 4, "kernel_dilation": 9}),
    ((2, 5, 6), (6, 2, 2), {"input_dilation": 2, "groups": 3, "flip": True}),
    ((2, 5, 4), (4, 3, 1), {"input_dilation": 2, "groups": 4, "stride": 3}),
    ((1, 6, 5, 1), (1, 2, 2, 1), {"padding": ([-1, 3], [0, -2])}),
    ((1, 3, 4, 3, 2), (2, 2, 2, 2, 2), {"stride": [1, 2, 1], "padding": [1, 0, 2]}),
    ((1, 1, 2), (2, 1, 2), {"input_dilation": 5, "padding": 4}),
)
TRANSPOSE1D: tuple[Row, ...] = (
    ((2, 5, 3), (4, 3, 3), {}),
    ((2, 5, 3), (4, 3, 3), {"stride": 2, "padding": 1, "output_padding": 1}),
    ((1, 5, 4), (6, 3, 2), {"stride": 3, "groups": 2, "dilation": 2}),
    ((1, 5, 4), (4, 3, 1), {"stride": 2, "groups": 4}),
    ((2, 3, 2), (3, 1, 2), {"stride": 3, "output_padding": 4}),
    ((0, 3, 2), (3, 2, 2), {}),
)
TRANSPOSE2D: tuple[Row, ...] = (
    ((2, 4, 3, 2), (3, 3, 2, 2), {"stride": (2, 3), "padding": 1}),
    ((1, 4, 4, 2), (2, 4, 4, 2), {"stride": 2, "padding": (1, 2)}),
    ((2, 3, 3, 4), (2, 2, 2, 2), {"dilation": 2, "groups": 2, "output_padding": 1}),
)
TRANSPOSE3D: tuple[Row, ...] = (
    ((1, 2, 3, 2, 2), (3, 2, 1, 2, 2), {"stride": (1, 2, 2)}),
    ((1, 2, 2, 2, 2), (2, 3, 3, 3, 1), {"stride": 2, "padding": 1, "groups": 2}),
)
VECTORS: tuple[Row, ...] = (
    ((9,), (4,), {}),
    ((4,), (9,), {"mode": "same"}),
    ((9,), (4,), {"mode": "same"}),
    ((9,), (3,), {"mode": "same"}),
    ((9,), (4,), {"mode": "valid"}),
    ((5,), (5,), {"mode": "valid"}),
    ((1,), (1,), {}),
)

CONVOLUTIONS = [
    _row(
        "conv1d",
        CONV1D,
        (
            ((2, 5, 2), (3, 3, 2), {"stride": 2, "padding": 1}),
            ((1, 5, 4), (4, 2, 2), {"dilation": 2, "groups": 2}),
            ((2, 4, 3), (3, 2, 1), {"groups": 3}),
            ((1, 3, 2), (4, 2, 1), {"groups": 2}),
            ((2, 3, 2), (3, 1, 2), {}),
            ((1, 4, 2), (2, 2, 2), {"padding": -1}),
        ),
    ),
    _row(
        "conv2d",
        CONV2D,
        (
            ((1, 4, 3, 2), (2, 2, 2, 2), {"stride": (2, 1), "padding": (1, 0)}),
            ((1, 3, 3, 2), (2, 2, 2, 1), {"groups": 2, "padding": 1, "stride": 2}),
        ),
    ),
    _row("conv3d", CONV3D, (((1, 2, 3, 2, 1), (2, 2, 2, 1, 1), {"padding": 1}),)),
    _row(
        "conv_general",
        GENERAL,
        (
            ((1, 3, 2), (2, 3, 2), {"input_dilation": 2, "flip": True, "padding": 1}),
            ((1, 3, 2), (2, 2, 2), {"input_dilation": 3, "stride": 2}),
            ((1, 3, 4), (4, 2, 2), {"input_dilation": 2, "stride": 3, "groups": 2}),
            ((2, 4, 2), (2, 2, 2), {"padding": ([2], [-1])}),
        ),
    ),
    _row(
        "conv_transpose1d",
        TRANSPOSE1D,
        (
            ((2, 3, 2), (3, 3, 2), {"stride": 2, "padding": 1, "output_padding": 1}),
            ((1, 3, 4), (4, 2, 2), {"stride": 2, "dilation": 2, "groups": 2}),
            ((1, 3, 2), (2, 2, 1), {"stride": 3, "groups": 2}),
        ),
    ),
    _row(
        "conv_transpose2d",
        TRANSPOSE2D,
        (((1, 2, 3, 1), (2, 2, 2, 1), {"stride": (2, 1), "padding": (0, 1)}),),
    ),
    _row(
        "conv_transpose3d",
        TRANSPOSE3D,
        (((1, 2, 1, 2, 1), (1, 2, 2, 2, 1), {"stride": 2}),),
    ),
    _row("convolve", VECTORS, (((5,), (3,), {}), ((3,), (4,), {"mode": "same"}))),
]

# Wrong calls: the function's name, which the error has, the call and the error.
ONES = mx.ones((2, 3))
X1, W1 = mx.ones((2, 6, 4)), mx.ones((6, 3, 4))
X2, W2 = mx.ones((2, 6, 5, 4)), mx.ones((6, 3, 3, 4))
REFUSED: list[tuple[str, Callable[[], Any], Any]] = [
    ("conv1d", lambda: mx.conv1d(X2, W2), ValueError),
    ("conv1d", lambda: mx.conv1d(X1, W2), ValueError),
    ("conv1d", lambda: mx.conv1d(X1[0], W1[0]), ValueError),
    ("conv1d", lambda: mx.conv1d(X1, W1[..., :2]), ValueError),
    ("conv1d", lambda: mx.conv1d(X1, W1[:, :0]), ValueError),
    ("conv1d", lambda: mx.conv1d(X1[:, :2], W1), ValueError),
    ("conv1d", lambda: mx.conv1d(X1, W1, 0), ValueError),
    ("conv1d", lambda: mx.conv1d(X1, W1, -1), ValueError),
    ("conv1d", lambda: mx.conv1d(X1, W1, 2**31), ValueError),
    ("conv1d", lambda: mx.conv1d(X1, W1, 2**64), TypeError),
    ("conv1d", lambda: mx.conv1d(X1, W1, 1.5), TypeError),
    ("conv1d", lambda: mx.conv1d(X1, W1, None), TypeError),
    ("conv1d", lambda: mx.conv1d(X1, W1, (1,)), TypeError),
    ("conv1d", lambda: mx.conv1d(X1, W1, dilation=0), ValueError),
    ("conv1d", lambda: mx.conv1d(X1, W1, padding=-2), ValueError),
    ("conv1d", lambda: mx.conv1d(X1, W1, padding=-(2**62)), ValueError),
    ("conv1d", lambda: mx.conv1d(X1, W1, groups=0), ValueError),
    ("conv1d", lambda: mx.conv1d(X1, W1, groups=-1), ValueError),
    ("conv1d", lambda: mx.conv1d(X1, W1, groups=2), ValueError),
    ("conv1d", lambda: mx.conv1d(X1, W1[..., :1], groups=3), ValueError),
    ("conv1d", lambda: mx.conv1d(X1, W1[:5, :, :2], groups=2), ValueError),
    ("conv2d", lambda: mx.conv2d(X1, W1), ValueError),
    ("conv2d", lambda: mx.conv2d(X2, W2, (1, 2, 3)), ValueError),
    ("conv2d", lambda: mx.conv2d(X2, W2, ()), ValueError),
    ("conv2d", lambda: mx.conv2d(X2, W2, padding=(1, None)), TypeError),
    ("conv2d", lambda: mx.conv2d(X2, W2, dilation=(1, 3)), ValueError),
    ("conv3d", lambda: mx.conv3d(X2, W2), ValueError),
    ("conv_general", lambda: mx.conv_general(ONES, ONES), ValueError),
    ("conv_general", lambda: mx.conv_general(mx.ones((1,) * 6), 1.0), ValueError),
    ("conv_general", lambda: mx.conv_general(X1, W1, input_dilation=0), ValueError),
    (
        "conv_general",
        lambda: mx.conv_general(X1, W1, padding=([1, 1], [1])),
        ValueError,
    ),
    ("conv_general", lambda: mx.conv_general(X1, W1, padding=([-4], [0])), ValueError),
    ("conv_transpose1d", lambda: mx.conv_transpose1d(X1, W1, 0), ValueError),
    ("conv_transpose1d", lambda: mx.conv_transpose1d(X1, W1, padding=4), ValueError),
    (
        "conv_transpose1d",
        lambda: mx.conv_transpose1d(X1, W1, output_padding=-1),
        ValueError,
    ),
    ("conv_transpose2d", lambda: mx.conv_transpose2d(X1, W1), ValueError),
    ("conv_transpose2d", lambda: mx.conv_transpose2d(X2, W2, groups=4), ValueError),
    ("conv_transpose3d", lambda: mx.conv_transpose3d(X2, W2), ValueError),
    ("convolve", lambda: mx.convolve(ONES, ONES), ValueError),
    ("convolve", lambda: mx.convolve(mx.zeros((0,)), mx.ones((2,))), ValueError),
    ("convolve", lambda: mx.convolve(mx.arange(3), mx.arange(2)), ValueError),
    ("convolve", lambda: mx.convolve(ONES[0], ONES[0], "other"), ValueError),
]

__all__ = ["CONVOLUTIONS", "REFUSED"]
