"""Normalization on the GPU against the float64 oracles: sizes, layouts, types, cost."""

from __future__ import annotations

import ingot.core as mx
import numpy as np
import pytest
from metal_cases import FLOATS, equal, needs_metal, no_fallbacks, on_the_cpu
from normalize_cases import FUNCTIONS, core, core_gradients, gradients, root, value
from optimizer_cases import from_numpy, to_numpy

pytestmark = [needs_metal, on_the_cpu]
by_name = pytest.mark.parametrize("name", FUNCTIONS)
SIZES = [*range(1, 66), 127, 128, 129, 255, 256, 257, 1023, 1024, 1025, 4099]
EPS = {"float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
VECTORS = [(True, True), (True, False), (False, True), (False, False)]


def drawn(rng, dtype, *shapes):
    arrays = [from_numpy(rng.normal(size=s), getattr(mx, dtype)) for s in shapes]
    mx.eval(arrays)
    return arrays


def near(got, want, dtype, units=1.0, terms=0.0):
    """Equal to some units of the largest number, or term of one, and of the dtype."""
    assert got.dtype == getattr(mx, dtype) and got.shape == np.shape(want)
    size = max(np.max(np.abs(want), initial=0.0), np.max(terms, initial=0.0))
    bound = units * EPS[dtype] * size
    np.testing.assert_allclose(to_numpy(got).astype(float), want, rtol=0, atol=bound)


def check(name, x, weight, bias, cotangent, dtype, eps=1e-3):
    """Values and all gradients on the GPU; float32 is exact to a few units."""
    wide = [None if a is None else to_numpy(a).astype(float) for a in (x, weight, bias)]
    with mx.stream(mx.gpu), no_fallbacks():
        y = core(name, x, weight, bias, eps)
        got = core_gradients(name, [x, weight, bias], cotangent, eps)
        mx.eval(y, got)
    units = 6.0 if dtype == "float32" else 1.0
    near(y, value(name, *wide, eps), dtype, units)
    c = to_numpy(cotangent).astype(float)
    wants = gradients(name, wide[0], wide[1], c, eps)
    assert set(got) >= {0}
    terms = np.abs(c if weight is None else c * wide[1]) / root(name, wide[0], eps)
    for i, gradient in got.items():
        near(gradient, wants[i], dtype, units * 2, terms if i == 0 else 0.0)


@by_name
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("weighted", "biased"), VECTORS)
def test_every_choice_of_vectors(name, dtype, weighted, biased, rng):
    x, w, b, c = drawn(rng, dtype, (5, 3, 70), (70,), (70,), (5, 3, 70))
    check(name, x, w if weighted else None, b if biased else None, c, dtype)


@by_name
def test_odd_sizes(name, rng):
    """Rows of every length around those of simdgroups and threadgroups."""
    for n in SIZES:
        x, w, b, c = drawn(rng, "float32", (3, n), (n,), (n,), (3, n))
        if n > 300:  # the oracle's Jacobian has n * n numbers
            x, c = x[:1], c[:1]
        check(name, x, w, b, c, "float32")


@by_name
@pytest.mark.parametrize("rows", [1, 16, 17, 33, 300])
def test_sums_over_rows(name, rows, rng):
    """Blocks of rows are whole or cut; every row is in one."""
    x, w, b, c = drawn(rng, "float32", (rows, 20), (20,), (20,), (rows, 20))
    check(name, x, w, b, c, "float32")


LAYOUTS = {
    "transposed": lambda x: x.T[:20, :20],
    "reversed": lambda x: x[::-1, ::-1],
    "strided": lambda x: x[::2, 1::3],
    "broadcast rows": lambda x: mx.broadcast_to(x[:1], x.shape),
    "broadcast": lambda x: mx.broadcast_to(x[:, :1], x.shape),
    "one row": lambda x: x[3],
    "deep": lambda x: x.reshape(4, 5, 3, 2, 5)[::2, :, ::2, :, ::3].swapaxes(0, 3),
}


@by_name
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(name, layout, rng):
    """Any layout of x and of the cotangent, and reversed vectors, copy nothing."""
    x, c, v = drawn(rng, "float32", (20, 30), (20, 30), (2, 90))
    x, c = LAYOUTS[layout](x), LAYOUTS[layout](c)
    n = x.shape[-1]
    w, b = v[0, ::-3][:n], v[1, ::2][:n]
    mx.eval(x, c, w, b)
    check(name, x, w, b, c, "float32")
    other = mx.contiguous(c)
    mx.eval(other)
    check(name, x, w, b, other, "float32")


@by_name
def test_empty(name):
    for shape in ((0, 5), (5, 0)):
        x, w = mx.zeros(shape), mx.ones(shape[1:])
        mx.eval(x, w)
        with mx.stream(mx.gpu), no_fallbacks():
            y = core(name, x, w, w, 1e-5)
            got = core_gradients(name, [x, w, w], x, 1e-5)
            mx.eval(y, got)
        assert y.shape == shape
        for i, gradient in got.items():
            assert gradient.shape == (shape if i == 0 else shape[1:])
            assert not to_numpy(gradient).any()


@by_name
@pytest.mark.parametrize("x_type", FLOATS)
@pytest.mark.parametrize("w_type", FLOATS)
def test_mixed_types(name, x_type, w_type, rng):
    (x,), (w,) = drawn(rng, x_type, (4, 70)), drawn(rng, w_type, (70,))
    (b,) = drawn(rng, "float32", (70,))
    for bias in (None, b) if name == "layer_norm" else (None,):
        with mx.stream(mx.gpu), no_fallbacks():
            y = core(name, x, w, bias, 1e-3)
            got = core_gradients(name, [x, w, bias], mx.ones_like(y), 1e-3)
            mx.eval(y, got)
        dtype = str(y.dtype).rsplit(".", 1)[-1]
        xs, ws = (to_numpy(a).astype(float) for a in (x, w))
        bs = None if bias is None else to_numpy(bias).astype(float)
        near(y, value(name, xs, ws, bs, 1e-3), dtype, 6.0)
        wants = gradients(name, xs, ws, np.ones(xs.shape), 1e-3)
        near(got[0], wants[0], x_type, 12.0)
        near(got[1], wants[1], w_type, 12.0)


@by_name
@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_special_numbers_stay_in_their_row(name, special, rng):
    x = rng.normal(size=(3, 300))
    x[1, 270] = special
    a = from_numpy(x, mx.float32)
    mx.eval(a)
    with mx.stream(mx.gpu), no_fallbacks():
        y = core(name, a, None, None, 1e-5)
        mx.eval(y)
    want = value(name, to_numpy(a).astype(float), None, None, 1e-5)
    np.testing.assert_allclose(to_numpy(y), want, rtol=1e-5, atol=1e-6)


@by_name
def test_what_it_costs(name, rng):
    """One dispatch; with all gradients three, whatever the number of rows."""
    for rows in (2, 400):
        x, w, b, c = drawn(rng, "float32", (rows, 300), (300,), (300,), (rows, 300))
        with mx.stream(mx.gpu):
            before = mx.metal._counts()["dispatches"]
            mx.eval(core(name, x, w, b, 1e-5))
            between = mx.metal._counts()["dispatches"]
            got = core_gradients(name, [x, w, b], c, 1e-5)
            mx.eval(got)
            after = mx.metal._counts()["dispatches"]
        assert (between - before, after - between) == (1, 3)


@by_name
def test_the_same_bits_every_time(name, rng):
    x, w, b, c = drawn(rng, "float32", (200, 300), (300,), (300,), (200, 300))
    with mx.stream(mx.gpu):
        runs = [core_gradients(name, [x, w, b], c, 1e-5) for _ in range(3)]
        mx.eval(runs)
    for run in runs[1:]:
        assert all(equal(run[i], runs[0][i]) for i in run)


def test_float64_runs_on_the_cpu_and_is_counted(rng):
    x = from_numpy(rng.normal(size=(3, 5)), mx.float64)
    mx.eval(x)
    before = dict(mx.metal.fallbacks())
    with mx.stream(mx.gpu):
        y = mx.fast.layer_norm(x, None, None, 1e-5)
        slope = mx.grad(lambda a: mx.fast.rms_norm(a, None, 1e-5).sum())(x)
        mx.eval(y, slope)
    want = value("layer_norm", to_numpy(x), None, None, 1e-5)
    np.testing.assert_allclose(to_numpy(y), want, rtol=1e-13)
    wants = gradients("rms_norm", to_numpy(x), None, np.ones((3, 5)), 1e-5)
    np.testing.assert_allclose(to_numpy(slope), wants[0], rtol=1e-12)
    after = mx.metal.fallbacks()
    for family in ("normalize", "normalize_vjp"):
        assert after[family] > before.get(family, 0)


def test_what_does_not_fit_runs_on_the_cpu(rng):
    """More dimensions than a kernel walks, and longer rows than a float counts."""
    deep = from_numpy(rng.normal(size=(4,) * 9 + (3,)), mx.float32)[
        (slice(0, 4, 2),) * 9
    ]
    long = mx.arange(2**24 + 1).astype(mx.float32)
    mx.eval(deep, long)
    for x in (deep, long):
        before = mx.metal.fallbacks().get("normalize", 0)
        with mx.stream(mx.gpu):
            y = mx.fast.layer_norm(x, None, None, 1e-5)
            mx.eval(y)
        assert mx.metal.fallbacks()["normalize"] == before + 1
        want = value("layer_norm", to_numpy(x).astype(float), None, None, 1e-5)
        np.testing.assert_allclose(to_numpy(y), want, rtol=0, atol=1e-6)
