"""Chains of elementwise operations: computed together, to the bits of each alone."""

from __future__ import annotations

import ingot.core as mx
import ingot.nn as nn
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.skipif(
    mx.metal.is_available(), reason="chains: the GPU computes one operation at a time"
)

FLOATS = [mx.float32, mx.float16, mx.bfloat16, mx.float64]
WHOLES = [mx.int32, mx.uint8, mx.int64]
UNARY = [mx.negative, mx.abs, mx.square, mx.sign, mx.exp, mx.tanh, mx.isnan]
BINARY = [mx.add, mx.subtract, mx.multiply, mx.divide, mx.maximum, mx.less, mx.equal]


def bits(x: mx.array) -> bytes:
    return np.asarray(
        x.view(mx.uint8) if x.ndim else x.reshape(1).view(mx.uint8)
    ).tobytes()


def operands(rng: np.random.Generator, shape: tuple[int, ...]) -> list[mx.array]:
    """Arrays of several types and layouts that broadcast to the shape."""
    found = []
    for dtype in [*FLOATS, *WHOLES, mx.bool_]:
        full = mx.array(rng.normal(size=shape) * 3).astype(dtype)
        row = mx.array(rng.normal(size=shape[-1:]) * 3).astype(dtype)
        turned = mx.array(rng.normal(size=shape[::-1]) * 3).astype(dtype).T
        found += [full, row, turned, mx.array(rng.normal() * 3).astype(dtype)]
    mx.eval(found)
    return found


@st.composite
def programs(draw):
    """Operations on operands (numbers below 32) and on results before them."""
    steps = []
    for k in range(draw(st.integers(2, 40))):
        # Most take what was made last, so that long chains arise.
        recent = (
            st.integers(32 + max(0, k - 3), 32 + k - 1) if k else st.integers(0, 31)
        )
        source = st.one_of(recent, recent, st.integers(0, 31 + k))
        what = draw(st.sampled_from(["unary", "binary", "binary", "where", "cast"]))
        function = draw(st.integers(0, 6))
        steps.append((what, function, [draw(source) for _ in range(3)]))
    held = draw(st.sets(st.integers(0, len(steps) - 1), max_size=4))
    return steps, held | {len(steps) - 1}


def number(x: mx.array) -> mx.array:
    """Of bool there is no negative."""
    return x.astype(mx.uint8) if x.dtype == mx.bool_ else x


def run(program, values: list[mx.array], at_once: bool) -> dict[int, mx.array]:
    steps, held = program
    values = list(values)
    for what, function, (a, b, c) in steps:
        if what == "unary":
            y = UNARY[function](number(values[a]))
        elif what == "binary":
            y = BINARY[function](number(values[a]), values[b])
        elif what == "where":
            y = mx.where(values[a], values[b], values[c])
        else:
            y = values[a].astype([*FLOATS, *WHOLES][function])
        if not at_once:
            mx.eval(y)
        values.append(y)
    results = {k: values[32 + k] for k in held}
    del values
    mx.eval(list(results.values()))
    return results


@settings(max_examples=150, deadline=None)
@given(
    programs(), st.sampled_from([(3, 5), (1, 1), (70, 33), (2, 700)]), st.integers(0, 9)
)
def test_results_have_the_bits_of_one_operation_after_the_other(program, shape, seed):
    rng = np.random.default_rng(seed)
    values = operands(rng, shape)
    expected = run(program, values, at_once=False)
    got = run(program, values, at_once=True)
    for k, y in got.items():
        assert y.dtype == expected[k].dtype and y.shape == expected[k].shape
        assert bits(y) == bits(expected[k])


def peak_beyond(make) -> int:
    """Bytes held at most while computing, beyond those held before."""
    before = mx.get_active_memory()
    mx.reset_peak_memory()
    y = make()
    mx.eval(y)
    return mx.get_peak_memory() - before


def test_what_lies_between_takes_no_memory():
    x = mx.ones((1 << 18,))
    mx.eval(x)
    with_rest = 4096  # the constants
    assert peak_beyond(lambda: nn.gelu_approx(x)) <= x.nbytes + with_rest
    assert peak_beyond(lambda: mx.exp(x) * 2 + mx.sin(x) / 3) <= x.nbytes + with_rest


def test_a_chain_takes_the_memory_of_what_nobody_needs_any_more():
    x = mx.ones((1 << 18,))
    mx.eval(x)
    before = mx.get_active_memory()
    mx.reset_peak_memory()
    x = mx.exp(x) * 2 + x  # the last link reads x as well
    mx.eval(x)
    assert mx.get_peak_memory() - before <= 4096
    assert x[5].item() == pytest.approx(2 * np.e + 1)


def test_memory_that_later_links_read_is_not_taken():
    x = mx.arange(4096.0)
    mx.eval(x)
    y = x + 1
    z = y * x  # reads x after y has been written
    del x
    mx.eval(y, z)
    n = np.arange(4096.0)
    assert np.array_equal(np.asarray(y), n + 1)
    assert np.array_equal(np.asarray(z), (n + 1) * n)


def test_held_results_in_the_middle_are_kept():
    x = mx.array([1.0, 2.0])
    middle = x + 1
    end = mx.exp(middle * 0) + middle
    mx.eval(end)
    assert middle.tolist() == [2, 3] and end.tolist() == [3, 4]


def test_an_interrupted_chain_can_be_computed_again():
    x = mx.ones((1 << 20,))
    mx.eval(x)
    y = mx.tanh(x) * 2
    limit = mx.set_memory_limit(mx.get_active_memory() + 1024)
    try:
        for _ in range(3):  # a handle too many let go of would show by now
            with pytest.raises(MemoryError):
                mx.eval(y)
    finally:
        mx.set_memory_limit(limit)
    assert y[7].item() == pytest.approx(2 * np.tanh(1))


def test_gradients_of_chains_evaluated_while_traced():
    def f(x):
        y = mx.sin(x) * x
        mx.eval(y)  # its nodes are still needed
        return (y * y + y).sum()

    x = mx.array([0.3, -2.0])
    n = np.array([0.3, -2.0])
    y, dy = np.sin(n) * n, np.cos(n) * n + np.sin(n)
    np.testing.assert_allclose(mx.grad(f)(x), (2 * y + 1) * dy, rtol=1e-6)
