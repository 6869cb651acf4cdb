"""Pooling: ties, NaN, integers, windows that do not fit, refused input."""

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
from support import ALL, NUMPY, to_core, to_numpy

Rng = np.random.Generator


@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("stride", [1, 2, 3, 5])
@pytest.mark.parametrize("kernel", [1, 2, 3])
def test_every_window(kernel: int, stride: int, padding: int, rng: Rng) -> None:
    """Sizes, strides and paddings in all combinations, also windows of padding only."""
    x = samples(rng, 2, 8, 5, 3)
    each = [(n, n) for n in (kernel, stride, padding)]
    for make, oracle in (
        (nn.MaxPool2d, reference.max_pool),
        (nn.AvgPool2d, reference.average_pool),
    ):
        got = make(kernel, stride, padding)(to_core(x))
        close(got, oracle(x.astype(float), *each))


def test_a_window_as_large_as_the_input(rng: Rng) -> None:
    x = samples(rng, 2, 40, 30, 3)
    got = nn.AvgPool2d((40, 30))(to_core(x))
    close(got, x.astype(float).mean(axis=(1, 2), keepdims=True))
    got = nn.MaxPool2d((40, 30))(to_core(x))
    close(got, x.max(axis=(1, 2), keepdims=True), 0)


@pytest.mark.parametrize("stride", [1, 2])
def test_a_tie_belongs_to_the_first_in_its_window(stride: int) -> None:
    x = mx.zeros((1, 2, 2, 1))
    gradient = mx.grad(lambda v: nn.MaxPool2d(2, stride)(v).sum())(x)
    assert gradient.flatten().tolist() == [1, 0, 0, 0]
    row = mx.array([0.0, 1.0, 1.0, 0.0]).reshape((1, 2, 2, 1))  # a diagonal
    gradient = mx.grad(lambda v: nn.MaxPool2d(2, stride)(v).sum())(row)
    assert gradient.flatten().tolist() == [0, 1, 0, 0]


def test_nan_propagates() -> None:
    x = mx.array([1.0, math.nan, math.nan, 1.0, 2.0, 3.0]).reshape((1, 6, 1))
    for layer in (nn.MaxPool1d(2), nn.AvgPool1d(2)):
        nans = np.isnan(to_numpy(layer(x))).flatten()
        assert nans.tolist() == [True, True, False]


@pytest.mark.parametrize("dtype", ALL)
def test_dtypes(dtype: str) -> None:
    """Maxima keep every dtype, means are floats; padding is below all numbers."""
    values = np.array([1, 1, 0, 1, 0, 0], NUMPY[dtype]).reshape(1, 6, 1)
    if dtype.startswith(("int", "float", "bf")):
        values = -values
    x = to_core(values)
    got = nn.MaxPool1d(3, 2, 1)(x)
    assert got.dtype == x.dtype
    padded = np.pad(values.flatten().astype(float), 1, constant_values=-2)
    want = [padded[i : i + 3].max() for i in (0, 2, 4)]
    assert to_numpy(got).flatten().astype(float).tolist() == want
    mean = nn.AvgPool1d(2)(x)
    floats = mx.issubdtype(x.dtype, mx.floating)
    assert mean.dtype == (x.dtype if floats else mx.float32)
    assert abs(mean.flatten().tolist()[1]) == 0.5


def test_means_of_large_half_numbers() -> None:
    """A sum of 60000s is more than float16 holds; their mean is not."""
    x = mx.full((1, 4, 4, 1), 60000, mx.float16)
    for layer in (nn.AvgPool2d(2), nn.AvgPool2d(2, 1)):
        assert set(layer(x).flatten().tolist()) == {60000.0}


def test_settings_and_repr() -> None:
    layer = nn.MaxPool2d((2, 3), padding=1)
    assert repr(layer) == (
        "MaxPool2d(kernel_size=(2, 3), stride=(2, 3), padding=(1, 1))"
    )
    assert repr(nn.AvgPool1d(4, 2)) == (
        "AvgPool1d(kernel_size=(4,), stride=(2,), padding=(0,))"
    )
    assert layer.parameters() == {}


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.MaxPool1d(0), ValueError, "MaxPool1d: kernel_size must be at leas"),
        (lambda: nn.AvgPool2d(2, 0), ValueError, "AvgPool2d: stride must be at least"),
        (lambda: nn.AvgPool3d(2, 1, -1), ValueError, "padding must be at least 0"),
        (
            lambda: nn.MaxPool2d((2, 3, 4)),
            TypeError,
            r"MaxPool2d: kernel_size must be an integer or 2 of them, got \(2, 3, 4\)",
        ),
        (lambda: nn.MaxPool2d(2.5), TypeError, "kernel_size must be an integer or 2"),
        (lambda: nn.MaxPool2d(True), TypeError, "kernel_size must be an integer"),
        (lambda: nn.MaxPool2d(2, "2"), TypeError, "stride must be an integer"),
        (
            lambda: nn.MaxPool2d(2)(mx.zeros((4, 4, 3))),
            ValueError,
            r"x must have 4 dimensions, \(N, places, C\), got shape \(4, 4, 3\)",
        ),
        (
            lambda: nn.AvgPool1d(5, padding=1)(mx.zeros((1, 2, 3))),
            ValueError,
            "a window must fit into the padded x",
        ),
        (lambda: nn.AvgPool1d(2)(None), TypeError, "x must be an array, got NoneType"),
        (lambda: nn.MaxPool1d(2)(None), TypeError, "x must be an array, got NoneType"),
    ],
)
def test_refused(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
