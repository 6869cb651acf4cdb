"""Upsample: scales and sizes over one table, documented numbers, refused input."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import ingot.core as mx
import numpy as np
import pytest
import reference_layers as reference
from ingot import nn
from nn_cases import close, samples
from support import ALL, dtype_name, to_core, to_numpy

Rng = np.random.Generator
SCALES = (0.3, 0.5, 0.7, 0.8, 1, 1.2, 1.25, 1.5, 1.7, 2, 2.5, 2.7, 3, 3.75)


@pytest.mark.parametrize("n", [1, 2, 5, 10, 16])
@pytest.mark.parametrize("scale", SCALES)
def test_every_scale(scale: float, n: int, rng: Rng) -> None:
    x = samples(rng, 2, n, 3)
    if int(scale * n) == 0:
        with pytest.raises(ValueError, match="each axis must keep a place"):
            nn.Upsample(scale)(to_core(x))
        return
    for mode, corners, antialias in (
        ("nearest", False, False),
        ("linear", False, False),
        ("linear", True, False),
        ("linear", False, True),
        ("cubic", False, False),
        ("cubic", True, False),
        ("cubic", False, True),
    ):
        got = nn.Upsample(scale, mode, corners, antialias)(to_core(x))
        want = reference.upsample(x.astype(float), (scale,), mode, corners, antialias)
        close(got, want, 4e-6)


def test_documented_numbers() -> None:
    x = mx.arange(1, 5).reshape((1, 2, 2, 1))
    got = nn.Upsample(2)(x)
    assert got.dtype == mx.int32
    assert got.squeeze().tolist() == [[1, 1, 2, 2]] * 2 + [[3, 3, 4, 4]] * 2
    third = np.arange(4) / 3
    for corners, steps in ((False, np.array([0, 0.25, 0.75, 1])), (True, third)):
        got = nn.Upsample(2, mode="linear", align_corners=corners)(x)
        close(got.squeeze(), 1 + steps + 2 * steps[:, None])


@pytest.mark.parametrize("dtype", ALL)
def test_dtypes(dtype: str) -> None:
    """Nearest keeps every dtype, the others all floats; constants stay constant."""
    x = to_core(np.ones((1, 3, 1))).astype(getattr(mx, dtype + "_" * (dtype == "bool")))
    for scale in (2, 1.7, 0.7):
        assert dtype_name(nn.Upsample(scale)(x)) == dtype
        for mode in ("linear", "cubic"):
            got = nn.Upsample(scale, mode)(x)
            floats = mx.issubdtype(x.dtype, mx.floating)
            assert got.dtype == (x.dtype if floats else mx.float32)
            close(got, np.ones(got.shape))


def test_infinities_stay_where_they_are() -> None:
    x = mx.array([1.0, math.inf, 2.0]).reshape((1, 3, 1))
    got = to_numpy(nn.Upsample(2)(x)).flatten()
    assert got.tolist() == [1, 1, math.inf, math.inf, 2, 2]


def test_settings_and_repr() -> None:
    layer = nn.Upsample((2, 1.5), mode="cubic")
    want = "Upsample(scale_factor=(2.0, 1.5), mode='cubic', align_corners=False)"
    assert repr(layer) == want
    assert layer(mx.zeros((2, 3, 4, 1))).shape == (2, 6, 6, 1)
    assert layer.parameters() == {}


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.Upsample(2, "area"), ValueError, "mode must be .* got 'area'"),
        (lambda: nn.Upsample(-2), ValueError, "scale_factor must be positive, got -2"),
        (lambda: nn.Upsample((2, 0)), ValueError, "scale_factor must be positive"),
        (lambda: nn.Upsample(math.nan), ValueError, "scale_factor must be finite"),
        (lambda: nn.Upsample("2"), TypeError, "scale_factor must be a number"),
        (
            lambda: nn.Upsample(0.5, antialias=True),
            ValueError,
            'antialias must not be combined with "nearest" or align_corners',
        ),
        (
            lambda: nn.Upsample(0.5, "linear", align_corners=True, antialias=True),
            ValueError,
            "antialias must not be combined",
        ),
        (lambda: nn.Upsample(2)(mx.zeros((3, 4))), ValueError, "x must have shape"),
        (
            lambda: nn.Upsample((2, 3))(mx.zeros((1, 3, 4))),
            ValueError,
            r"an axis of places for each scale, got shape \(1, 3, 4\)",
        ),
        (lambda: nn.Upsample(2)([1.0]), TypeError, "x must be an array, got list"),
    ],
)
def test_refused(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
