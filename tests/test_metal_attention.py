"""Attention on the GPU against the float64 oracles: sizes, masks, types, cost."""

from __future__ import annotations

from functools import partial

import ingot.core as mx
import numpy as np
import pytest
import reference_attention as ref
from metal_cases import FLOATS, both, equal, needs_metal, no_fallbacks, on_the_cpu
from optimizer_cases import from_numpy, to_numpy
from test_attention import gradients

pytestmark = [needs_metal, on_the_cpu]
EPS = {"float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}


def drawn(rng, dtype, *shapes):
    arrays = [from_numpy(rng.normal(size=s), getattr(mx, dtype)) for s in shapes]
    mx.eval(arrays)
    return arrays


def near(got, want, dtype, units):
    assert got.dtype == getattr(mx, dtype) and got.shape == want.shape
    bound = units * EPS[dtype] * max(1.0, np.max(np.abs(want), initial=0.0))
    np.testing.assert_allclose(to_numpy(got).astype(float), want, rtol=0, atol=bound)


def check(arrays, mask, dtype, scale=0.25, fallbacks=False):
    """Values and gradients on the GPU, without the CPU."""
    exact = [to_numpy(x).astype(float) for x in arrays]
    c = np.random.default_rng(1).normal(size=(*exact[0].shape[:3], exact[2].shape[3]))
    (cotangent,) = (from_numpy(c, getattr(mx, dtype)),)
    given = mask
    if isinstance(mask, np.ndarray):
        kind = mx.bool_ if mask.dtype == bool else getattr(mx, dtype)
        given = mx.array(mask).astype(kind)
        mask = mask if mask.dtype == bool else to_numpy(given).astype(float)
    mx.eval(cotangent, given if isinstance(given, mx.array) else [])

    def f(*xs):
        return [mx.fast.scaled_dot_product_attention(*xs, scale=scale, mask=given)]

    with mx.stream(mx.gpu), no_fallbacks():
        (y,), got = mx.vjp(f, arrays, [cotangent])
        mx.eval(y, got)
    units = 20.0 if dtype == "float32" else 1.0
    near(y, ref.attention(*exact, mask, scale), dtype, units)
    c = to_numpy(cotangent).astype(float)
    for a, b in zip(got, gradients(*exact, mask, scale, c), strict=False):
        near(a, b, dtype, 2 * units)


@pytest.mark.parametrize(
    ("queries", "keys", "depth", "values"),
    [(1, 1, 1, 1), (15, 17, 3, 5), (16, 16, 16, 16), (33, 40, 20, 7), (7, 50, 64, 256)],
)
@pytest.mark.parametrize("mask", [None, "causal"])
def test_lengths_around_tiles(queries, keys, depth, values, mask, rng):
    shapes = ((2, 2, queries, depth), (2, 2, keys, depth), (2, 2, keys, values))
    check(drawn(rng, "float32", *shapes), mask, "float32")


def test_more_queries_than_keys(rng):
    """The first queries see no key."""
    shapes = ((1, 2, 40, 8), (1, 2, 20, 8), (1, 2, 20, 8))
    check(drawn(rng, "float32", *shapes), "causal", "float32")


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("kind", ["boolean", "additive"])
@pytest.mark.parametrize("shape", [(18, 35), (4, 1, 35), (2, 1, 18, 1)])
def test_masks(dtype, kind, shape, rng):
    """Of heads that share keys."""
    mask = rng.random(shape) < 0.6 if kind == "boolean" else rng.normal(size=shape)
    shapes = ((2, 4, 18, 12), (2, 2, 35, 12), (2, 2, 35, 12))
    check(drawn(rng, dtype, *shapes), mask, dtype)


def test_layouts(rng):
    """Views and repeated arrays are read where they are."""
    q, k = drawn(rng, "float32", (2, 20, 3, 12), (1, 12, 19, 2))
    arrays = [
        q.swapaxes(1, 2),
        mx.broadcast_to(k.swapaxes(1, 3)[:, :1], (2, 1, 19, 12)),
        mx.broadcast_to(k.swapaxes(1, 3)[:, 1:, ::-1], (2, 1, 19, 12)),
    ]
    mx.eval(arrays)
    check(arrays, "causal", "float32")


def test_second_order(rng):
    """From the gradient's formula, on the GPU too."""
    q, k, v = drawn(rng, "float32", (1, 2, 5, 4), (1, 2, 6, 4), (1, 2, 6, 4))

    def slope(q):
        f = mx.fast.scaled_dot_product_attention
        g = mx.grad(lambda a: mx.square(f(a, k, v, scale=0.5, mask="causal")).sum())(q)
        return mx.square(g).sum()

    with mx.stream(mx.gpu), no_fallbacks():
        fast = mx.grad(slope)(q)
        mx.eval(fast)
    with mx.stream(mx.cpu):
        slow = mx.grad(slope)(q)
    np.testing.assert_allclose(to_numpy(fast), to_numpy(slow), rtol=1e-4, atol=1e-5)


def test_what_it_costs(rng):
    """One dispatch, whatever the lengths."""
    q, k = drawn(rng, "float32", (1, 2, 40, 8), (1, 2, 70, 8))
    with mx.stream(mx.gpu):
        before = mx.metal._counts()["dispatches"]
        mx.eval(mx.fast.scaled_dot_product_attention(q, k, k, scale=1.0))
        assert mx.metal._counts()["dispatches"] - before == 1


def test_the_same_bits_every_time(rng):
    q, k = drawn(rng, "float32", (2, 2, 40, 8), (2, 2, 70, 8))
    f = lambda q, k: mx.fast.scaled_dot_product_attention(q, k, k, scale=1.0).sum()  # noqa: E731
    with mx.stream(mx.gpu):
        runs = [mx.grad(f, argnums=(0, 1))(q, k) for _ in range(3)]
        mx.eval(runs)
    for run in runs[1:]:
        assert all(equal(a, b) for a, b in zip(run, runs[0], strict=True))


def test_what_does_not_fit_runs_on_the_cpu(rng):
    """float64, and more features than threads keep; both are counted."""
    narrow = [rng.normal(size=(1, 1, 5, 8)) for _ in range(3)]
    long = [rng.normal(size=(1, 1, 5, 257)) for _ in range(3)]
    for arrays, dtype in ((narrow, mx.float64), (long, mx.float32)):
        given = [from_numpy(x, dtype) for x in arrays]
        mx.eval(given)
        before = dict(mx.metal.fallbacks())
        with mx.stream(mx.gpu):
            f = lambda *xs: [mx.fast.scaled_dot_product_attention(*xs, scale=0.1)]  # noqa: E731
            (y,), got = mx.vjp(f, given, [mx.ones(given[0].shape, dtype=dtype)])
            mx.eval(y, got)
        after = mx.metal.fallbacks()
        for family in ("attention", "attention_vjp"):
            assert after[family] == before.get(family, 0) + 1
        exact = [to_numpy(x).astype(float) for x in given]
        want = ref.attention(*exact, None, 0.1)
        np.testing.assert_allclose(to_numpy(y), want, rtol=1e-5, atol=1e-6)
        wants = gradients(*exact, None, 0.1, np.ones(want.shape))
        for a, b in zip(got, wants, strict=False):
            np.testing.assert_allclose(to_numpy(a), b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("traditional", [False, True])
def test_rope(traditional, rng):
    """Positions of a million are exact on the GPU too; it has the CPU's bits."""
    (x,) = drawn(rng, "float32", (2, 9, 3, 12))
    x = x.swapaxes(1, 2)
    options = {"traditional": traditional, "base": 1e4, "scale": 1.0}
    for offset in (10**6, mx.array([10**6, 7])):
        mx.eval(x, offset if isinstance(offset, mx.array) else [])

        def both_ways(offset=offset):
            turn = partial(mx.fast.rope, dims=8, **options, offset=offset)
            (y,), slopes = mx.vjp(lambda v: [turn(v)], [x], [x])
            return [y, *slopes]

        with no_fallbacks():
            slow, fast = both(both_ways)
        assert all(equal(a, b) for a, b in zip(slow, fast, strict=True))
        first = np.asarray(offset).reshape(-1, 1)
        exact = to_numpy(x).astype(float)
        want = ref.rope(exact, 8, traditional, 1e4, 1.0, first)
        near(fast[0], want, "float32", 4.0)


def test_cross_entropy(rng):
    (x,) = drawn(rng, "float32", (5, 9))
    targets = rng.integers(0, 9, 5)
    with mx.stream(mx.gpu), no_fallbacks():
        y = mx.fast.cross_entropy(x, mx.array(targets))
        mx.eval(y)
    near(y, ref.cross_entropy(to_numpy(x).astype(float), targets), "float32", 8.0)
