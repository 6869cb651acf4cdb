"""Slices with bounds and steps of any size mean what they mean in Python."""

from __future__ import annotations

import itertools

import ingot.core as mx
import numpy as np
import pytest
from support import to_numpy

HUGE = [s * 2**p + d for p in (31, 62, 63, 64, 80) for s in (1, -1) for d in (-1, 0, 1)]
BOUNDS = [None, 0, 1, -1, 3, 4, 5, -4, -5, *HUGE]
STEPS = [None, 1, -1, 2, -2, 3, *HUGE]
SIZES = [0, 1, 4]


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("step", STEPS, ids=str)
def test_reading(n: int, step: int | None) -> None:
    x, values = mx.arange(n), list(range(n))
    for start, stop in itertools.product(BOUNDS, BOUNDS):
        window = slice(start, stop, step)
        got = x[window]
        assert got.shape == (len(values[window]),), window
        assert got.tolist() == values[window], window


@pytest.mark.parametrize("step", [None, 2, -1, *HUGE], ids=str)
def test_writing(step: int | None) -> None:
    few = (None, 0, 3, -2, 2**63, -(2**63), 2**64)
    for start, stop in itertools.product(few, few):
        window = slice(start, stop, step)
        x, want = mx.arange(4), np.arange(4)
        x[window] = 9
        want[window] = 9
        np.testing.assert_array_equal(to_numpy(x), want, err_msg=str(window))
        np.testing.assert_array_equal(
            to_numpy(mx.arange(4).at[window].add(5)),
            np.where(want == 9, np.arange(4) + 5, np.arange(4)),
            err_msg=str(window),
        )


def test_among_other_axes() -> None:
    x, values = mx.arange(24).reshape(2, 3, 4), np.arange(24).reshape(2, 3, 4)
    big = 2**63
    for index in [
        np.s_[:big, ::-1, 0 : 2**64 : 2**63],
        np.s_[-(2**64) :, None, 1, ::big],
        np.s_[..., :: -(2**64)],
    ]:
        want = values[index]
        np.testing.assert_array_equal(to_numpy(x[index]), want)
    rows = mx.array([1, 0])
    np.testing.assert_array_equal(
        to_numpy(x[rows, ::big, -(2**70) :]), values[[1, 0], ::big, -(2**70) :]
    )


def test_gradients_pass() -> None:
    gradient = mx.grad(lambda x: (3 * x[1 : 2**64 : 2**63]).sum())(mx.ones(4))
    assert gradient.tolist() == [0, 3, 0, 0]


@pytest.mark.parametrize("index", [*HUGE, 4, -5], ids=str)
def test_integers_out_of_range_are_named(index: int) -> None:
    with pytest.raises(IndexError, match=rf"in \[-4, 4\) along axis 0, got {index}$"):
        mx.arange(4)[index]


def test_a_step_of_zero() -> None:
    with pytest.raises(ValueError, match="zero"):
        mx.arange(4)[:: 2**64 - 2**64]
