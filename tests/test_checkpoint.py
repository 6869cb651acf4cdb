"""checkpoint: the same gradients to the bit, with less memory."""

from __future__ import annotations

import gc
import weakref

import ingot.core as mx
import numpy as np
import pytest
from ingot.utils import tree_flatten
from support import same_bits

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)


def block(x):
    return mx.tanh(mx.sin(mx.exp(mx.sin(x) * 1.25) * 0.5) + x)


def deep(wrap, depth=6):
    def f(x):
        for _ in range(depth):
            x = wrap(block)(x)
        return (x * x).sum()

    return f


def test_values_and_gradients_are_the_same_to_the_bit():
    x = mx.array(X)
    plain, saving = deep(lambda f: f), deep(mx.checkpoint)
    same_bits(mx.value_and_grad(saving)(x), mx.value_and_grad(plain)(x))


def test_gradients_of_any_order():
    x = mx.array(X)
    plain, saving = deep(lambda f: f, 3), deep(mx.checkpoint, 3)
    for _ in range(3):
        np.testing.assert_allclose(saving(x), plain(x), rtol=1e-5)
        plain, saving = (
            lambda x, f=plain: (mx.grad(f)(x) * X).sum(),
            lambda x, f=saving: (mx.grad(f)(x) * X).sum(),
        )


def test_jvp():
    x, t = mx.array(X), mx.array(X[::-1].copy())
    same_bits(mx.jvp(mx.checkpoint(block), [x], [t]), mx.jvp(block, [x], [t]))
    same_bits(
        mx.jvp(mx.grad(deep(mx.checkpoint)), [x], [t]),
        mx.jvp(mx.grad(deep(lambda f: f)), [x], [t]),
    )


def peak(f, x):
    """Bytes that a gradient needs at most, in arrays like x."""
    for _ in range(2):
        before = mx.get_active_memory()
        mx.reset_peak_memory()
        mx.eval(mx.grad(f)(x))
        mx.synchronize()
    return (mx.get_peak_memory() - before) / mx.array(tree_flatten([x])[0][1]).nbytes


def test_a_deep_chain_needs_less_memory():
    x = mx.random.normal((1 << 18,))
    mx.eval(x)
    plain, saving = peak(deep(lambda f: f, 12), x), peak(deep(mx.checkpoint, 12), x)
    # One array for each block and what one block needs, not all that all need.
    assert saving < 12 + 8
    assert saving < 0.5 * plain


def test_deep_layers_need_less_memory(cpu):
    """Their weights' gradients begin with what is computed again."""
    depth = 12
    weights = [mx.random.normal((256, 256)) * 0.05 for _ in range(depth)]
    x = mx.random.normal((256, 256))
    mx.eval(weights, x)

    def layer(w, x):
        return block(block(x)) @ w

    def loss(wrap):
        def f(weights):
            y = x
            for w in weights:
                y = wrap(layer)(w, y)
            return (y * y).sum()

        return f

    plain, saving = loss(lambda f: f), loss(mx.checkpoint)
    same_bits(mx.grad(saving)(weights), mx.grad(plain)(weights))
    # A gradient and an input of each layer, and what one layer needs.
    assert peak(saving, weights) < 2 * depth + 14
    assert peak(saving, weights) < 0.6 * peak(plain, weights)


def test_nothing_is_computed_again_before_its_cotangents_are_there(cpu):
    """Also where a derivative takes what is computed again first."""

    @mx.custom_function
    def wave(x):
        return mx.sin(x)

    @wave.vjp
    def rule(x, cotangent, output):
        return mx.cos(x) * cotangent

    def loss(x):
        for _ in range(12):
            x = mx.checkpoint(lambda x: wave(block(x)))(x)
        return x.sum()

    x = mx.random.normal((1 << 18,))
    mx.eval(x)
    assert peak(loss, x) < 12 + 10


def test_trees_keywords_and_what_is_no_array():
    @mx.checkpoint
    def f(tree, *, scale, name):
        assert name == "f"
        y = mx.sin(tree["a"][0]) * scale
        return {"y": y, "pair": (y * y, name), "index": mx.argmax(y)}

    def loss(x, s):
        out = f({"a": [x]}, scale=s, name="f")
        assert out["pair"][1] == "f" and isinstance(out["pair"], tuple)
        return (out["pair"][0] + out["y"][out["index"]]).sum()

    x, s = mx.array([0.5, 1.0]), mx.array(2.0)
    gx, gs = mx.grad(loss, argnums=(0, 1))(x, s)
    sin, cos = np.sin([0.5, 1.0]), np.cos([0.5, 1.0])
    # sum((s sin x)^2) + 2 s sin(x[1])
    np.testing.assert_allclose(gx, 8 * sin * cos + [0, 4 * cos[1]], rtol=1e-6)
    np.testing.assert_allclose(gs, (4 * sin * sin).sum() + 2 * sin[1], rtol=1e-6)


def test_integers_pass_through():
    table = mx.array(X)
    tokens = mx.array([2, 0, 2])

    def loss(table, look):
        return (look(table, tokens) * mx.array(X)).sum()

    def look(table, tokens):
        return mx.sin(table[tokens])

    same_bits(
        mx.grad(loss)(table, mx.checkpoint(look)),
        mx.grad(loss)(table, look),
    )


@pytest.mark.parametrize("order", [1, 2])
def test_captured_arrays_have_their_gradients(order):
    def loss(wrap):
        def f(w, x):
            h = mx.sin(w)  # captured, and not by itself a primal
            inner = wrap(lambda x: mx.exp(x * h) * w)
            return inner(inner(x)).sum()

        return f

    def total(f):
        def g(w, x):
            a, b = mx.grad(f, argnums=(0, 1))(w, x)
            return (a * b).sum()

        return g

    plain, saving = loss(lambda f: f), loss(mx.checkpoint)
    if order == 2:
        plain, saving = total(plain), total(saving)
    w, x = mx.array([0.5, -0.25]), mx.array([0.1, 0.3])
    for argnums in (0, 1, (0, 1)):
        got = mx.grad(saving, argnums=argnums)(w, x)
        want = mx.grad(plain, argnums=argnums)(w, x)
        for a, b in zip(tree_flatten([got]), tree_flatten([want]), strict=True):
            np.testing.assert_allclose(a[1], b[1], rtol=1e-6)


def test_the_second_call_draws_the_same_numbers():
    def f(x):
        return mx.sin(x * mx.random.bernoulli(0.5, x.shape))

    def loss(wrap):
        def g(x):
            return wrap(f)(wrap(f)(x)).sum() * mx.random.uniform()

        return g

    x = mx.ones((100,))
    results = []
    for wrap in (mx.checkpoint, lambda f: f):
        mx.random.seed(3)
        results.append([mx.value_and_grad(loss(wrap))(x), mx.random.uniform()])
    same_bits(*results)


def test_it_calls_again_only_for_a_gradient():
    calls = []

    @mx.checkpoint
    def f(x):
        calls.append(1)
        return x * x

    x = mx.array(3.0)
    assert f(x).item() == 9.0 and len(calls) == 1
    assert mx.grad(f)(x).item() == 6.0 and len(calls) == 3
    assert mx.grad(lambda x: x * f(mx.array(2.0)))(x).item() == 4.0
    assert len(calls) == 4


def test_another_result_of_the_second_call_is_refused():
    calls = []

    @mx.checkpoint
    def f(x):
        calls.append(1)
        return x.sum() if len(calls) == 1 else x

    with pytest.raises(ValueError, match="same arrays when it is called again"):
        mx.grad(lambda x: f(x).sum())(mx.ones((2,)))


def test_errors():
    with pytest.raises(TypeError, match="fun must be callable, got int"):
        mx.checkpoint(3)
    with pytest.raises(ZeroDivisionError):
        mx.grad(mx.checkpoint(lambda x: x / (1 // 0)))(mx.array(1.0))
    assert mx.grad(lambda x: x * x)(mx.array(1.0)).item() == 2.0


def test_a_value_keeps_neither_arguments_nor_results():
    kept = []
    x = mx.random.normal((1 << 18,))
    mx.eval(x)
    before = mx.get_active_memory()
    for _ in range(3):
        y = x + len(kept)
        value, gradient = mx.value_and_grad(lambda y: mx.checkpoint(block)(y).sum())(y)
        mx.eval(value, gradient)
        kept.append(value)
        del y, gradient
    gc.collect()
    assert mx.get_active_memory() - before < x.nbytes


def test_the_function_is_let_go_with_its_graph():
    class Scale:
        def __call__(self, x):
            return mx.exp(x)

    scale = Scale()
    gone = weakref.ref(scale)
    saving = mx.checkpoint(scale)
    gradient = mx.grad(lambda x: saving(x).sum())(mx.array(X))
    scale = saving = None
    mx.async_eval(gradient)
    mx.eval(gradient)
    del gradient
    gc.collect()
    for _ in range(1000):  # a worker leaves it to the main thread
        if gone() is None:
            break
        mx.eval(mx.ones((2,)) + 1)
    assert gone() is None
