"""Sums of many numbers: 1e-6 relative to the magnitudes, whatever the size or axis."""

from __future__ import annotations

from typing import Any

import ingot.core as mx
import numpy as np
import pytest
from support import to_core, to_numpy

MANY = 20_000_000
SUMS = ("sum", "mean", "var", "std", "logsumexp")


def test_sum_does_not_stall() -> None:
    """2e7 ones add up to 2e7, which one float32 counter cannot reach."""
    ones = mx.ones((MANY,))
    assert mx.sum(ones).item() == MANY
    assert mx.mean(ones).item() == 1.0
    assert mx.mean(mx.ones((MANY // 2, 2)), axis=0).tolist() == [1.0, 1.0]


def test_half_types_accumulate_in_float32() -> None:
    """100,000 half ones have mean 1, and their sum overflows only when it is stored."""
    for dtype in (mx.float16, mx.bfloat16):
        ones = mx.ones((100_000,), dtype)
        assert mx.mean(ones).item() == 1.0
        assert mx.sum(ones.reshape(100, 1000), axis=1).tolist() == [1000.0] * 100
        assert mx.var(ones).item() == 0.0


@pytest.mark.parametrize("name", SUMS)
def test_offset_normals(name: str) -> None:
    """A million values around 1e4: the mean is right and the variance near 1."""
    x = np.random.default_rng(0).normal(1e4, 1.0, 1_000_000).astype(np.float32)
    wide = x.astype(np.float64)
    want = {
        "sum": wide.sum(),
        "mean": wide.mean(),
        "var": wide.var(),
        "std": wide.std(),
        "logsumexp": wide.max() + np.log(np.exp(wide - wide.max()).sum()),
    }[name]
    got = getattr(mx, name)(to_core(x)).item()
    assert got == pytest.approx(want, rel=1e-6)


def test_a_hundred_million() -> None:
    """1e8 numbers, summed up by chunks in float64, against one float32 reduction."""
    a = mx.random.normal((100_000_000,), key=mx.random.key(4))
    got = {name: getattr(mx, name)(a).item() for name in SUMS}
    total = magnitude = squares = exponentials = 0.0
    for chunk in np.split(np.asarray(a), 1000):
        x = chunk.astype(np.float64)
        total += x.sum()
        magnitude += np.abs(x).sum()
        squares += np.dot(x, x)
        exponentials += np.exp(x, out=x).sum()
    n, lse = a.size, np.log(exponentials)
    var = squares / n - (total / n) ** 2
    assert abs(got["sum"] - total) <= 1e-6 * magnitude
    assert abs(got["mean"] - total / n) <= 1e-6 * magnitude / n
    assert abs(got["var"] - var) <= 1e-6 * var
    assert abs(got["std"] - np.sqrt(var)) <= 1e-6 * np.sqrt(var)
    assert abs(got["logsumexp"] - lse) <= 1e-6 * lse


@pytest.mark.parametrize("axis", [0, 1, (0, 2), None])
@pytest.mark.parametrize("name", ["sum", "mean", "var"])
def test_every_axis(name: str, axis: Any) -> None:
    """Rows, columns and both are equally exact, on strided inputs too."""
    x = np.random.default_rng(1).uniform(0, 1, (300, 70, 111)).astype(np.float32)
    for view in (lambda a: a, lambda a: a[::-2, :, ::3]):
        wide = view(x).astype(np.float64)
        want = getattr(np, name)(wide, axis=axis)
        got = to_numpy(getattr(mx, name)(view(to_core(x)), axis=axis))
        np.testing.assert_allclose(got, want, rtol=1e-6)


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_fixed_order(threads: int) -> None:
    """The number of threads does not change a bit of a sum or a product of matrices."""
    if not hasattr(mx, "set_num_threads"):
        pytest.skip("no set_num_threads")
    x = np.random.default_rng(2).normal(size=(700, 900)).astype(np.float32)
    before = mx.get_num_threads()
    want = [to_numpy(v) for v in results(x)]
    try:
        mx.set_num_threads(threads)
        got = [to_numpy(v) for v in results(x)]
    finally:
        mx.set_num_threads(before)
    for a, b in zip(got, want, strict=True):
        assert a.tobytes() == b.tobytes()


def results(x: np.ndarray) -> list[Any]:
    a = to_core(x)
    return [
        mx.sum(a),
        mx.sum(a, axis=0),
        mx.var(a, axis=1),
        mx.matmul(a, a.T),
        mx.softmax(a, axis=-1),
        mx.random.normal((10_001,), key=mx.random.key(0)),
        mx.sort(a, axis=0),
    ]
