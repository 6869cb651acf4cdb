"""Transforms: arguments, structure, errors, higher order, eval inside."""

from __future__ import annotations

from collections import namedtuple

import ingot.core as mx
import numpy as np
import pytest

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)


def cube(x):
    return (x * x * x).sum()


# --- arguments and structure ---


def test_the_first_argument_by_default():
    g = mx.grad(lambda x, y: (x * y).sum())(mx.array([2.0]), mx.array([5.0]))
    assert g.tolist() == [5.0]


def test_argnums():
    def f(x, y, z):
        return x * y + z * z

    x, y, z = mx.array(2.0), mx.array(3.0), mx.array(4.0)
    assert mx.grad(f, argnums=1)(x, y, z).item() == 2.0
    gradients = mx.grad(f, argnums=(2, 0))(x, y, z)
    assert [g.item() for g in gradients] == [8.0, 3.0]


def test_argnames():
    def f(x, *, w, b):
        return x * w + b

    x, w, b = mx.array(2.0), mx.array(3.0), mx.array(4.0)
    positional, named = mx.grad(f, argnames="w")(x, w=w, b=b)
    assert positional is None and list(named) == ["w"] and named["w"].item() == 2.0
    positional, named = mx.grad(f, argnums=0, argnames=["b"])(x, w=w, b=b)
    assert positional.item() == 3.0 and named["b"].item() == 1.0


def test_gradients_have_the_structure_of_the_argument():
    tree = {"a": [mx.array(1.0), (mx.array(2.0),)], "n": 3, "none": None}
    g = mx.grad(lambda t: t["a"][0] * t["a"][1][0] * t["n"])(tree)
    assert g["n"] == 3 and g["none"] is None and isinstance(g["a"][1], tuple)
    assert [g["a"][0].item(), g["a"][1][0].item()] == [6.0, 3.0]


def test_auxiliary_outputs_are_returned_along():
    def f(x):
        return x * x, {"x": x}, "note"

    (value, aux, note), g = mx.value_and_grad(f)(mx.array(3.0))
    assert (value.item(), aux["x"].item(), note, g.item()) == (9.0, 3.0, "note", 6.0)


def test_auxiliary_outputs_in_a_named_tuple():
    Result = namedtuple("Result", "loss accuracy")
    value, g = mx.value_and_grad(lambda x: Result(x * x, x + 1))(mx.array(3.0))
    assert isinstance(value, Result)
    assert (value.loss.item(), value.accuracy.item(), g.item()) == (9.0, 4.0, 6.0)


def test_an_argument_used_twice_and_one_not_used():
    f = mx.grad(lambda x, y: x * x + x, argnums=(0, 1))
    x, y = f(mx.array(3.0), mx.ones((2,)))
    assert x.item() == 7.0 and y.tolist() == [0.0, 0.0]


def test_one_array_in_two_places_gets_two_gradients():
    a = mx.array(3.0)
    g = mx.grad(lambda t: t[0] * t[0] * t[1])([a, a])
    assert [x.item() for x in g] == [18.0, 9.0]


# --- errors ---


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda x: x, r"scalar array, got shape \(3, 4\)"),
        (lambda x: 3.0, "got float"),
        (lambda x: None, "got NoneType"),
        (lambda x: [], "got list"),
    ],
)
def test_the_value_must_be_a_scalar_array(f, message):
    with pytest.raises(ValueError, match=message):
        mx.grad(f)(mx.array(X))


def test_arguments_must_be_floating_arrays_that_exist():
    with pytest.raises(TypeError, match="floating"):
        mx.grad(cube)(mx.array([1, 2]))
    with pytest.raises(ValueError, match="argnums"):
        mx.grad(cube, argnums=1)(mx.array(1.0))
    with pytest.raises(ValueError, match="argnums"):
        mx.grad(cube, argnums=-1)
    with pytest.raises(ValueError, match="argnames"):
        mx.grad(cube, argnames="y")(mx.array(1.0))
    with pytest.raises(ValueError, match="once"):
        mx.grad(cube, argnums=(0, 0))
    with pytest.raises(ValueError, match="at least one array"):
        mx.grad(cube)(1.0)


def test_what_the_function_raises_passes_and_ends_the_trace():
    x = mx.array(2.0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            mx.grad(lambda y: y * (1 / 0))(x)
    y = mx.exp(x)
    mx.eval(y)
    assert mx.grad(cube)(y).shape == ()
    with pytest.raises(ZeroDivisionError):
        mx.grad(lambda y: mx.grad(lambda z: z * (1 / 0))(y) * y)(x)
    assert mx.grad(lambda y: y * y)(x).item() == 4.0


def test_vjp_and_jvp_check_what_they_are_given():
    x = mx.array(X)
    with pytest.raises(ValueError, match="one cotangent"):
        mx.vjp(mx.exp, [x], [])
    with pytest.raises(ValueError, match="shape"):
        mx.vjp(mx.exp, [x], [mx.ones((2,))])
    with pytest.raises(ValueError, match="one tangent"):
        mx.jvp(mx.exp, [x], [])
    with pytest.raises(ValueError, match="shape"):
        mx.jvp(mx.exp, [x], [mx.ones((2,))])
    with pytest.raises(TypeError, match="must return arrays"):
        mx.vjp(lambda x: [1], [x], [x])


def test_a_tree_that_the_function_changes_is_refused():
    tree = {"a": mx.array(1.0)}

    def f(copy):
        tree["b"] = mx.array(2.0)
        return copy["a"] * 2

    with pytest.raises(ValueError, match="change"):
        mx.grad(f)(tree)


# --- forward mode and higher order ---


def test_jvp_and_vjp_are_transposes():
    def f(x, y):
        return [mx.sin(x) @ y, (x * y.T).sum(axis=0)]

    rng = np.random.default_rng(3)
    primals = [mx.array(X), mx.array(rng.normal(size=(4, 3)))]
    tangents = [mx.array(rng.normal(size=p.shape)) for p in primals]
    outputs, forward = mx.jvp(f, primals, tangents)
    seeds = [mx.array(rng.normal(size=y.shape)) for y in outputs]
    _, reverse = mx.vjp(f, primals, seeds)
    left = sum((a * b).sum().item() for a, b in zip(forward, seeds, strict=True))
    right = sum((a * b).sum().item() for a, b in zip(reverse, tangents, strict=True))
    assert left == pytest.approx(right, rel=1e-4)


def test_jvp_of_identity_constants_and_repeated_outputs():
    two, three = mx.array(2.0), mx.array(3.0)
    outputs, tangents = mx.jvp(
        lambda x: [x, x, mx.array(5.0), mx.stop_gradient(x) * x], [two], [three]
    )
    assert [y.item() for y in outputs] == [2.0, 2.0, 5.0, 4.0]
    assert [t.item() for t in tangents] == [3.0, 3.0, 0.0, 6.0]


@pytest.mark.parametrize("order", range(5))
def test_any_order(order):
    f, expected = (lambda x: x**4), [16.0, 32.0, 48.0, 48.0, 24.0]
    for _ in range(order):
        f = mx.grad(f)
    assert f(mx.array(2.0)).item() == pytest.approx(expected[order], rel=1e-5)


def test_transforms_nest_in_any_order():
    x, one = mx.array(2.0), mx.array(1.0)
    grad_of_jvp = mx.grad(lambda x: mx.jvp(lambda y: y * y * y, [x], [one])[1][0])
    assert grad_of_jvp(x).item() == 12.0
    _, [jvp_of_grad] = mx.jvp(mx.grad(lambda y: y * y * y), [x], [one])
    assert jvp_of_grad.item() == 12.0
    outer = mx.grad(lambda x: mx.grad(lambda y: x * y * y)(x) * x)
    assert outer(x).item() == 24.0  # the derivative of 2 x^3


def test_stop_gradient():
    g = mx.grad(lambda x: mx.stop_gradient(x * x) * x)(mx.array(3.0))
    assert g.item() == 9.0
    assert mx.grad(lambda x: mx.stop_gradient(x))(mx.array(3.0)).item() == 0.0


# --- eval inside ---


@pytest.mark.parametrize("compute", [mx.eval, mx.async_eval, str, np.array])
def test_eval_inside_keeps_the_graph(compute):
    def f(x):
        y = mx.exp(x) * 2
        compute(y)
        z = mx.sin(y)
        compute(z)
        return (y * z).sum()

    def plain(x):
        y = mx.exp(x) * 2
        return (y * mx.sin(y)).sum()

    def total(f):
        return lambda x: mx.grad(f)(x).sum()

    x = mx.array(X)
    np.testing.assert_array_equal(mx.grad(f)(x), mx.grad(plain)(x))
    np.testing.assert_array_equal(mx.grad(total(f))(x), mx.grad(total(plain))(x))
    np.testing.assert_array_equal(
        mx.jvp(f, [x], [x])[1][0], mx.jvp(plain, [x], [x])[1][0]
    )


def test_eval_inside_does_not_write_over_what_is_traced():
    seen = []

    def f(x):
        y = x * 2
        mx.eval(y)
        seen.append((np.asarray(y), np.array(y)))
        z = mx.exp(y)
        mx.eval(z)
        return (z * y).sum()

    mx.eval(mx.grad(f)(mx.array(X)))
    view, copy = seen[0]
    np.testing.assert_array_equal(view, copy)


def test_eval_inside_with_a_dropped_output():
    views = []

    def f(x, inside):
        q, r = mx.linalg.qr(x)
        del r
        if inside:
            mx.eval(q)
            views.append((np.asarray(q), np.array(q)))
        return (q * q * q).sum()

    x = mx.array(np.random.default_rng(0).normal(size=(64, 64)))
    inside, plain = (mx.grad(lambda a: f(a, i))(x) for i in (True, False))  # noqa: B023
    mx.eval(inside)
    junk = [mx.full((64, 64), 7.0) for _ in range(8)]
    mx.eval(junk)
    view, copy = views[0]
    np.testing.assert_array_equal(view, copy)
    np.testing.assert_array_equal(inside, plain)


def test_values_computed_inside_keep_no_graph_afterwards():
    def f(x):
        hidden = mx.exp(x)
        loss = (hidden * hidden).sum()
        mx.eval(loss)
        return loss, hidden.sum()

    x = mx.ones((2**18,))
    mx.eval(x)
    before, kept = mx.get_active_memory(), []
    for _ in range(4):
        (loss, aux), gradient = mx.value_and_grad(f)(x)
        mx.eval(gradient, aux)
        del gradient
        kept.append((loss, aux))
    assert mx.get_active_memory() - before < 2**18
