"""ingot.core.fast.layer_norm and rms_norm: digits, ranges, types and derivatives.

The op table compares values and float64 derivatives with the oracles already.
"""

from __future__ import annotations

from typing import Any

import ingot.core as mx
import numpy as np
import pytest
from normalize_cases import FUNCTIONS, core, core_gradients, gradients, value
from support import CORE, FLOATS, HALF, eps, to_core, to_numpy

by_name = pytest.mark.parametrize("name", FUNCTIONS)


def near(got: Any, want: Any, tolerance: float) -> None:
    """Equal to `tolerance` times the largest of `want`."""
    got = to_numpy(got).astype(np.float64)
    assert got.shape == np.shape(want)
    bound = tolerance * np.max(np.abs(want), initial=0.0)
    np.testing.assert_allclose(got, want, rtol=0, atol=bound)


@by_name
@pytest.mark.parametrize("mean", [0.0, 1e4, -1e6])
def test_large_means_cost_no_digits(
    name: str, mean: float, rng: np.random.Generator
) -> None:
    """Rows far from zero come out, and back, as exactly as others do."""
    x = rng.normal(mean, 1.0, (9, 700)).astype(np.float32)
    w, c = (rng.normal(size=s).astype(np.float32) for s in ((700,), (9, 700)))
    arrays = [to_core(x), to_core(w), to_core(w)]
    wide = x.astype(np.float64)
    near(core(name, *arrays, 1e-5), value(name, wide, w, w, 1e-5), 3e-7)
    got = core_gradients(name, arrays, to_core(c), 1e-5)
    wants = gradients(name, wide, w.astype(np.float64), c.astype(np.float64), 1e-5)
    for i, gradient in got.items():
        near(gradient, wants[i], 1e-6)


@by_name
@pytest.mark.parametrize("size", [1e-38, 1e-25, 1e-12, 1e15, 1e30, 3e38])
def test_squares_leave_no_range(
    name: str, size: float, rng: np.random.Generator
) -> None:
    """Rows of any size of float32 are normalized, though their squares are not one."""
    x = (rng.uniform(0.1, 1, (3, 50)) * size).astype(np.float32)
    wide = x.astype(np.float64)
    for small in (1e-5, 0.0):
        got = core(name, to_core(x), None, None, small)
        want = value(name, wide, None, None, small)
        near(got, want, 3e-7 if size > 1e-37 else 1e-4)


@by_name
def test_largest_float16(name: str) -> None:
    """Squares of 65,504 are beyond float16, and their mean is not."""
    x = to_core(np.array([[65504, -65504], [65504, 60000]], np.float16))
    want = value(name, to_numpy(x).astype(np.float64), None, None, 1e-5)
    got = core(name, x, None, None, 1e-5)
    assert got.dtype == mx.float16
    near(got, want, 2**-11)


def test_constant_rows_give_the_bias() -> None:
    x = mx.full((3, 7), 0.1)
    b = mx.arange(7).astype(mx.float32)
    y = mx.fast.layer_norm(x, None, b, 1e-5)
    assert to_numpy(y).tolist() == [list(range(7))] * 3


@by_name
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("dtype", FLOATS)
def test_gradients_with_and_without_vectors(
    name: str, weighted: bool, biased: bool, dtype: str, rng: np.random.Generator
) -> None:
    """Of each operand that is there, in its dtype."""
    drawn = [rng.normal(size=s) for s in ((5, 3, 33), (33,), (33,), (5, 3, 33))]
    x, w, b, c = (to_core(a).astype(CORE[dtype]) for a in drawn)
    xs, ws, cs = (to_numpy(a).astype(np.float64) for a in (x, w, c))
    arrays = [x, w if weighted else None, b if biased else None]
    got = core_gradients(name, arrays, c, 1e-3)
    wants = gradients(name, xs, ws if weighted else None, cs, 1e-3)
    for i, gradient in got.items():
        assert gradient.dtype == CORE[dtype]
        near(gradient, wants[i], 8 * eps(dtype))


@by_name
@pytest.mark.parametrize("rows", [1, 4, 5, 33, 300, 1003])
def test_sums_over_rows(name: str, rows: int, rng: np.random.Generator) -> None:
    """Blocks of rows are whole or cut; every row is in one."""
    drawn = [rng.normal(size=s) for s in ((rows, 7), (7,), (rows, 7))]
    x, w, c = (a.astype(np.float32) for a in drawn)
    arrays = [to_core(x), to_core(w), to_core(w)]
    got = core_gradients(name, arrays, to_core(c), 1e-3)
    wants = gradients(name, *(a.astype(np.float64) for a in (x, w, c)), 1e-3)
    for i, gradient in got.items():
        near(gradient, wants[i], 2e-6)


@by_name
def test_gradients_of_rows_without_elements(name: str) -> None:
    for shape in ((0, 5), (5, 0)):
        x, w, c = mx.zeros(shape), mx.ones(shape[1:]), mx.zeros(shape)
        got = core_gradients(name, [x, w, w], c, 1e-5)
        for i, gradient in got.items():
            assert gradient.shape == (shape if i == 0 else shape[1:])
            assert not to_numpy(gradient).any()


TYPES = [(a, b) for a in FLOATS for b in FLOATS]


@by_name
@pytest.mark.parametrize(("a", "b"), TYPES, ids=str)
def test_mixed_types_promote(
    name: str, a: str, b: str, rng: np.random.Generator
) -> None:
    """The result has the dtype of x * weight, and each gradient its operand's."""
    x = to_core(rng.normal(size=(4, 9))).astype(CORE[a])
    w = to_core(rng.normal(size=(9,))).astype(CORE[b])
    y = core(name, x, w, None, 1e-5)
    assert y.dtype == mx.result_type(x, w)
    xs, ws = (to_numpy(v).astype(np.float64) for v in (x, w))
    rounding = 2 * eps(next(d for d in FLOATS if CORE[d] == y.dtype))
    near(y, value(name, xs, ws, None, 1e-5), max(rounding, 1e-14))
    got = core_gradients(name, [x, w, None], mx.ones_like(y), 1e-5)
    assert got[0].dtype == x.dtype and got[1].dtype == w.dtype


def test_integers_alone_are_float32() -> None:
    x = mx.array([[1, 3]])
    y = mx.fast.layer_norm(x, mx.array([2, 2]), None, 0.0)
    assert y.dtype == mx.float32 and y.tolist() == [[-2.0, 2.0]]
    assert mx.fast.rms_norm(x, mx.ones((2,), mx.float16), 0.0).dtype == mx.float16


@by_name
@pytest.mark.parametrize("dtype", HALF)
def test_half_types_are_rounded_once(
    name: str, dtype: str, rng: np.random.Generator
) -> None:
    """Products and sums between are those of float32: half an ulp is all they lose."""
    x, w, b = (
        to_core(rng.normal(size=s)).astype(CORE[dtype]) for s in ((8, 300), 300, 300)
    )
    wide = [to_numpy(v).astype(np.float64) for v in (x, w, b)]
    got = to_numpy(core(name, x, w, b, 1e-5)).astype(np.float64)
    want = value(name, *wide, 1e-5)
    terms = np.abs(value(name, wide[0], wide[1], None, 1e-5)) + np.abs(wide[2])
    bound = 0.5 * eps(dtype) * np.abs(want) + 1e-6 * terms
    assert np.all(np.abs(got - want) <= bound)


@by_name
def test_threads_change_no_bit(name: str, rng: np.random.Generator) -> None:
    """Rows are summed in blocks that the shape alone fixes."""
    shapes = ((1003, 300), (300,), (300,), (1003, 300))
    x, w, b, c = (to_core(rng.normal(size=s).astype(np.float32)) for s in shapes)

    def results() -> list[np.ndarray]:
        with mx.stream(mx.cpu):
            got = core_gradients(name, [x, w, b], c, 1e-5)
            return [to_numpy(v) for v in (core(name, x, w, b, 1e-5), *got.values())]

    before = mx.get_num_threads()
    runs = []
    try:
        for threads in (1, 2, 5):
            mx.set_num_threads(threads)
            runs.append(results())
    finally:
        mx.set_num_threads(before)
    for run in runs[1:]:
        for a, b in zip(run, runs[0], strict=True):
            assert a.tobytes() == b.tobytes()


@by_name
def test_a_result_may_take_the_memory_of_x(name: str, rng: np.random.Generator) -> None:
    """What was computed for this alone is written over, and the rest is kept."""
    x = to_core(rng.normal(size=(300, 400)).astype(np.float32))
    want = value(name, to_numpy(x).astype(np.float64) + 1, None, None, 1e-5)
    near(core(name, x + 1, None, None, 1e-5), want, 3e-7)
    vector = to_core(rng.normal(size=400).astype(np.float32))
    got = core(name, x[0], vector + 0, vector + 0, 1e-5)
    row, v = (to_numpy(a).astype(np.float64) for a in (x[0], vector))
    near(got, value(name, row, v, v, 1e-5), 3e-7)


@by_name
def test_frozen_operands_cost_nothing(name: str, rng: np.random.Generator) -> None:
    """Each operand's gradient is the same, asked for alone or with the others."""
    x, w, c = (to_core(rng.normal(size=s)) for s in ((6, 10), 10, (6, 10)))
    both = core_gradients(name, [x, w, None], c, 1e-5)
    only_x = mx.grad(lambda a: (core(name, a, w, None, 1e-5) * c).sum())(x)
    only_w = mx.grad(lambda a: (core(name, x, a, None, 1e-5) * c).sum())(w)
    assert to_numpy(only_x).tobytes() == to_numpy(both[0]).tobytes()
    assert to_numpy(only_w).tobytes() == to_numpy(both[1]).tobytes()


@by_name
def test_second_derivatives_without_vectors(
    name: str, rng: np.random.Generator
) -> None:
    """The Hessian of x alone is symmetric, and the slope of the gradient."""
    x, c, v = (rng.normal(size=7) for _ in range(3))

    def gradient(a: Any) -> Any:
        return mx.grad(lambda t: (core(name, t, None, None, 0.1) * to_core(c)).sum())(a)

    got = mx.grad(lambda a: (gradient(a) * to_core(v)).sum())(to_core(x))
    _, (forward,) = mx.jvp(lambda a: [gradient(a)], [to_core(x)], [to_core(v)])
    step = 1e-6
    slope = to_numpy(gradient(to_core(x + step * v)))
    slope = (slope - to_numpy(gradient(to_core(x - step * v)))) / (2 * step)
    near(got, slope, 1e-7)
    near(forward, slope, 1e-7)
