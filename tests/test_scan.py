"""Scans: long lines, layouts, numbers at the edge, and derivatives there."""

from __future__ import annotations

from typing import Any

import ingot.core as mx
import numpy as np
import pytest
from reference_scan import SCANS as ORACLES
from reference_scan import cumsum_scale
from support import CORE, LAYOUTS, NUMPY, layout, to_core, to_numpy
from test_ops_grad import central_difference

SCANS = ["cumsum", "cumprod", "cummax", "cummin", "logcumsumexp"]
FLAGS = [{"reverse": r, "inclusive": i} for r in (False, True) for i in (True, False)]
# Few long lines, which are cut into blocks; lines of several groups; many short ones.
SHAPES = [((50_001,), 0), ((3, 20_000), 1), ((20_000, 3), 0), ((16_385, 2, 3), 0)]
SHAPES += [((7, 3000), 1), ((9, 3000), 0), ((3000, 7), 1)]


def draw(rng: np.random.Generator, name: str, shape: Any) -> np.ndarray:
    if name == "cumprod":  # which stays in range
        return rng.choice([-1.0, 1.0, 1.0001, 0.9999], shape).astype(np.float32)
    return rng.normal(size=shape).astype(np.float32)


def agree(got: mx.array, name: str, x: np.ndarray, **kwargs: Any) -> None:
    """To the rounding of the result, of sums to that of the sum of magnitudes."""
    x = x.astype(np.float64)
    want = ORACLES[name](x, **kwargs)
    scale = np.abs(want)
    if name == "cumsum":
        scale = cumsum_scale(x, **kwargs)
    elif name == "logcumsumexp":
        scale = 2 * (scale + 1)  # a GPU has no double
    eps = {2: 2.0**-8, 4: 2.0**-23}[got.itemsize]
    error = np.abs(to_numpy(got).astype(np.float64) - want)
    assert got.shape == want.shape
    assert np.all((error <= eps * scale) | (want == to_numpy(got)))


@pytest.mark.parametrize("name", SCANS)
@pytest.mark.parametrize(("shape", "axis"), SHAPES, ids=str)
def test_long_lines(name, shape, axis, rng):
    x = draw(rng, name, shape)
    for flags in FLAGS:
        got = getattr(mx, name)(mx.array(x), axis=axis, **flags)
        agree(got, name, x, axis=axis, **flags)


@pytest.mark.usefixtures("cpu")
@pytest.mark.parametrize("name", ["cumsum", "cummax"])
def test_blocks_of_several_groups_of_lines(name, rng):
    x = rng.normal(size=(16_400, 300)).astype(np.float32)
    agree(getattr(mx, name)(mx.array(x), axis=0), name, x, axis=0)


@pytest.mark.parametrize("name", SCANS)
@pytest.mark.parametrize("form", LAYOUTS)
def test_layouts_of_long_lines(name, form, rng):
    x, values = layout(draw(rng, name, (5, 17_000)), form)
    if form == "broadcast":
        x, values = layout(draw(rng, name, (17_000, 3)), form)
    for axis, flags in ((0, FLAGS[1]), (1, FLAGS[2])):
        got = getattr(mx, name)(x, axis=axis, **flags)
        agree(got, name, values, axis=axis, **flags)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_types_are_rounded_once(dtype, rng):
    x = rng.normal(size=(5, 20_000)).astype(NUMPY[dtype])
    agree(mx.cumsum(to_core(x), axis=1), "cumsum", x, axis=1)
    agree(mx.cumsum(to_core(x), axis=0), "cumsum", x, axis=0)


@pytest.mark.usefixtures("cpu")
@pytest.mark.parametrize("name", SCANS)
def test_the_number_of_threads_changes_nothing(name, rng):
    arrays = [mx.array(draw(rng, name, shape)) for shape, _ in SHAPES]
    threads = mx.get_num_threads()
    results = []
    try:
        for count in (1, 3):
            mx.set_num_threads(count)
            scans = [
                getattr(mx, name)(x, axis=axis)
                for x, (_, axis) in zip(arrays, SHAPES, strict=True)
            ]
            results.append([np.array(y) for y in scans])
    finally:
        mx.set_num_threads(threads)
    for a, b in zip(*results, strict=True):
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int32", "uint64"])
def test_extremes_of_no_integers(dtype):
    """They are the least and the greatest number of the type."""
    kind = NUMPY[dtype]
    low, high = (
        (False, True)
        if dtype == "bool"
        else (
            np.iinfo(kind).min,
            np.iinfo(kind).max,
        )
    )
    x = mx.array([1, 0, 1], dtype=CORE[dtype])
    assert mx.cummax(x, inclusive=False).tolist() == [low, 1, 1]
    assert mx.cummin(x, inclusive=False).tolist() == [high, 1, 0]
    assert mx.cummax(x, reverse=True, inclusive=False).tolist() == [1, 1, low]


def test_integers_wrap():
    x = mx.full((1000,), 100, mx.int8)
    want = (100 * np.arange(1, 1001)).astype(np.int8)
    np.testing.assert_array_equal(np.array(mx.cumsum(x)), want)
    twos = mx.full((70,), 2, mx.int64)
    assert mx.cumprod(twos)[62:].tolist() == [-(2**63), *[0] * 7]
    assert mx.cumsum(mx.array([True, True])).dtype == mx.int32
    assert mx.cumprod(mx.array([True, False])).tolist() == [True, False]


def test_another_dtype_is_converted_to_first():
    x = mx.array([1.5, 2.5])
    assert mx.cumsum(x, dtype=mx.int32).tolist() == [1, 3]
    assert mx.cumprod(x, dtype=mx.float16).dtype == mx.float16
    assert mx.cumsum(mx.array([1, 2]), dtype=mx.bool_).dtype == mx.int32


@pytest.mark.parametrize("name", SCANS)
def test_methods(name, rng):
    x = mx.array(rng.normal(size=(3, 4)).astype(np.float32))
    for kwargs in ({}, {"axis": 1, "reverse": True}, {"axis": 0, "inclusive": False}):
        a, b = getattr(x, name)(**kwargs), getattr(mx, name)(x, **kwargs)
        assert a.tolist() == b.tolist()


def test_a_product_is_zero_from_the_first_zero_on():
    """Also where the product of what follows is out of range."""
    x = np.full(40_000, 1e30, np.float32)
    x[3] = 0
    got = np.array(mx.cumprod(mx.array(x)))
    assert got[0] == np.float32(1e30) and np.isinf(got[1]) and not got[3:].any()


def test_products_may_leave_the_range_of_float32_on_the_way():
    x = mx.array([1e30, 1e30, 1e-30, 1e-30])
    assert mx.cumprod(x)[3].item() == 1.0


def test_exponentials_do_not_overflow():
    x = mx.array([-1000.0, 1000.0, 1000.0, -mx.inf, mx.inf, 0.0])
    got = mx.logcumsumexp(x).tolist()
    assert got[:2] == [-1000.0, 1000.0]
    assert got[3] == pytest.approx(1000 + np.log(2))
    assert got[4:] == [np.inf, np.inf]
    assert mx.logcumsumexp(mx.array([-mx.inf, -mx.inf])).tolist() == [-np.inf] * 2


def test_logcumsumexp_keeps_digits_of_long_lines(rng):
    x = rng.normal(size=200_000).astype(np.float32)
    want = np.logaddexp.accumulate(x.astype(np.float64))
    np.testing.assert_allclose(np.array(mx.logcumsumexp(mx.array(x))), want, rtol=2e-7)


# Derivatives ------------------------------------------------------------------


def slopes(name: str, weights: np.ndarray, **kwargs: Any) -> Any:
    return mx.grad(lambda x: (getattr(mx, name)(x, **kwargs) * mx.array(weights)).sum())


def test_the_last_of_equal_extremes_gets_the_gradient():
    weights = np.array([1.0, 10.0, 100.0], np.float32)
    x = mx.array([2.0, 2.0, 1.0])
    assert slopes("cummax", weights)(x).tolist() == [1, 110, 0]
    assert slopes("cummin", weights)(-x).tolist() == [1, 110, 0]
    # in reverse the last that is met
    y = mx.array([1.0, 2.0, 2.0])
    assert slopes("cummax", weights, reverse=True)(y).tolist() == [0, 11, 100]
    assert slopes("cummax", weights, inclusive=False)(x).tolist() == [10, 100, 0]


def test_a_gradient_goes_to_the_nan_that_is_shown():
    x = mx.array([1.0, mx.nan, 3.0, mx.nan])
    got = slopes("cummax", np.array([1, 10, 100, 1000], np.float32))(x)
    assert got.tolist() == [1, 110, 0, 1000]


@pytest.mark.parametrize("zeros", [(0,), (2,), (1, 3), (0, 1, 2, 3, 4)])
@pytest.mark.parametrize("flags", FLAGS, ids=str)
def test_gradients_of_products_with_zeros(zeros, flags, rng):
    x, weights = rng.uniform(0.5, 2, 5), rng.uniform(0.5, 1.5, 5)
    x[list(zeros)] = 0

    def oracle(y: np.ndarray) -> float:
        return float(np.sum(ORACLES["cumprod"](y, **flags) * weights))

    core = to_core(weights)

    def loss(y: Any) -> Any:
        return mx.sum(mx.cumprod(y, **flags) * core)

    got = mx.grad(loss)(to_core(x))
    want = central_difference(oracle, x)
    np.testing.assert_allclose(to_numpy(got), want, atol=1e-9)
    second = mx.grad(lambda y: mx.sum(mx.grad(loss)(y) * core))(to_core(x))

    def projected(y: np.ndarray) -> float:
        return float(np.sum(to_numpy(mx.grad(loss)(to_core(y))) * weights))

    np.testing.assert_allclose(
        to_numpy(second), central_difference(projected, x), atol=1e-8
    )


def test_gradients_of_logcumsumexp_far_from_zero(rng):
    """They are those of the same numbers around 0, where nothing overflows."""
    x = rng.integers(-50, 50, 40).astype(np.float32)
    weights = rng.normal(size=40).astype(np.float32)
    f = slopes("logcumsumexp", weights)
    near, far = f(mx.array(x)), f(mx.array(x + 4096))
    np.testing.assert_allclose(np.array(far), np.array(near), rtol=2e-3, atol=1e-6)
    spread = f(mx.array(np.linspace(-3e4, 3e4, 40).astype(np.float32)))
    np.testing.assert_allclose(np.array(spread), weights, rtol=1e-6)


@pytest.mark.parametrize("name", ["cummax", "cummin", "logcumsumexp"])
@pytest.mark.parametrize("flags", [FLAGS[1], FLAGS[3]], ids=str)
def test_gradients_without_the_element_itself(name, flags, rng):
    """Those of the inclusive scan, moved by one; what is infinite has none."""
    x, weights = rng.normal(size=6), rng.uniform(0.5, 1.5, 6)
    reverse = flags["reverse"]
    weights[-1 if reverse else 0] = 0
    moved = to_core(np.roll(weights, 1 if reverse else -1))
    scan = getattr(mx, name)
    got = mx.vjp(lambda y: [scan(y, **flags)], [to_core(x)], [to_core(weights)])
    want = mx.vjp(lambda y: [scan(y, reverse=reverse)], [to_core(x)], [moved])
    np.testing.assert_allclose(to_numpy(got[1][0]), to_numpy(want[1][0]), rtol=1e-12)


def test_gradients_of_long_lines(rng):
    x = mx.array(rng.uniform(0.99, 1.01, 3000))
    weights = rng.normal(size=3000)
    y = np.cumprod(np.array(x).astype(np.float64))
    want = np.cumsum((weights * y)[::-1])[::-1] / np.array(x)
    got = slopes("cumprod", weights.astype(np.float32))(x)
    np.testing.assert_allclose(np.array(got), want, rtol=1e-4, atol=1e-3)


def test_empty_lines_have_gradients():
    for name in SCANS:
        f = mx.grad(lambda x, name=name: getattr(mx, name)(x, axis=0).sum())
        assert f(mx.zeros((0, 3))).shape == (0, 3)


def test_differences_of_bool():
    x = mx.array([True, False, False, True])
    assert mx.diff(x).tolist() == [True, False, True]
    assert mx.diff(x, 2).tolist() == [True, True]
    assert mx.diff(x).dtype == mx.bool_
