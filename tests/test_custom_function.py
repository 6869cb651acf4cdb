"""custom_function: which rule is asked, with what, and what it may return."""

from __future__ import annotations

import ingot.core as mx
import numpy as np
import pytest


def product():
    @mx.custom_function
    def f(x, y):
        """x sin y."""
        return x * mx.sin(y)

    return f


X, Y = mx.array([2.0, 3.0]), mx.array([0.5, 1.0])
ONE = mx.ones((2,))


def test_without_rules_it_is_the_function():
    f = product()
    assert f.__doc__ == "x sin y." and f.__name__ == "f"
    np.testing.assert_array_equal(f(X, Y), X * mx.sin(Y))
    for argnums in (0, 1, (0, 1)):
        got = mx.grad(lambda x, y: f(x, y).sum(), argnums)(X, Y)
        want = mx.grad(lambda x, y: (x * mx.sin(y)).sum(), argnums)(X, Y)
        np.testing.assert_array_equal(np.array(got), np.array(want))
    np.testing.assert_array_equal(
        mx.jvp(f, [X, Y], [ONE, ONE])[1][0],
        mx.jvp(lambda x, y: x * mx.sin(y), [X, Y], [ONE, ONE])[1][0],
    )


def test_vjp_takes_primals_cotangents_and_outputs():
    f, seen = product(), []

    @f.vjp
    def rule(primals, cotangents, outputs):
        assert isinstance(primals, tuple) and len(primals) == 2
        seen.append((cotangents, outputs))
        return 10 * cotangents, 100 * cotangents

    gx, gy = mx.grad(lambda x, y: (f(x, y) * 2).sum(), argnums=(0, 1))(X, Y)
    assert gx.tolist() == [20, 20] and gy.tolist() == [200, 200]
    [(cotangents, outputs)] = seen
    assert cotangents.tolist() == [2, 2]
    np.testing.assert_array_equal(outputs, X * mx.sin(Y))
    assert mx.grad(lambda x: f(x, Y).sum())(X).tolist() == [10, 10]
    assert callable(rule)


def test_one_argument_is_given_as_itself():
    @mx.custom_function
    def f(tree):
        return [tree["a"] * 2, {"b": tree["a"] * 3}, "note"]

    @f.vjp
    def rule(primals, cotangents, outputs):
        assert primals.keys() == {"a", "n"} and primals["n"] == 4
        assert cotangents[2] == "note" and cotangents[0].tolist() == [0, 0]
        return {"a": cotangents[1]["b"] * 7, "n": None}

    def loss(tree):
        return f(tree)[1]["b"].sum()

    assert mx.grad(loss)({"a": X, "n": 4})["a"].tolist() == [7, 7]


def test_a_missing_gradient_is_zero():
    f = product()
    f.vjp(lambda primals, cotangents, outputs: (None, cotangents))
    gx, gy = mx.grad(lambda x, y: f(x, y).sum(), argnums=(0, 1))(X, Y)
    assert gx.tolist() == [0, 0] and gy.tolist() == [1, 1]


def test_jvp_asks_its_own_rule_and_the_gradient_does_not():
    f = product()

    @f.jvp
    def rule(primals, tangents):
        _, y = primals
        dx, dy = tangents
        assert dy is None
        return 5 * dx * mx.sin(y)

    tangents = mx.jvp(lambda x: f(x, Y), [X], [ONE])[1][0]
    np.testing.assert_allclose(tangents, 5 * np.sin([0.5, 1.0]), rtol=1e-6)
    np.testing.assert_array_equal(mx.grad(lambda x: f(x, Y).sum())(X), mx.sin(Y))


def test_vjp_is_not_asked_by_jvp():
    f = product()
    f.vjp(lambda primals, cotangents, outputs: (cotangents * 0, cotangents * 0))
    tangents = mx.jvp(lambda x: f(x, Y), [X], [ONE])[1][0]
    np.testing.assert_array_equal(tangents, mx.sin(Y))


def test_rules_nest():
    """The rule's own derivative is taken; outputs have the rule again."""

    @mx.custom_function
    def exp(x):
        return mx.exp(x)

    @exp.vjp
    def rule(x, cotangent, output):
        return 2 * cotangent * output

    f = lambda x: exp(x)  # noqa: E731
    for order in range(4):
        got = f(mx.array(0.5)).item()
        assert got == pytest.approx(2**order * np.exp(0.5), rel=1e-6)
        f = mx.grad(f)
    jvp_of_grad = mx.jvp(mx.grad(exp), [mx.array(0.5)], [mx.array(1.0)])[1][0]
    # In it the gradient's rule counts, and the function's own jvp.
    assert jvp_of_grad.item() == pytest.approx(2 * np.exp(0.5), rel=1e-6)


def test_gradients_through_checkpoints():
    f = product()
    f.vjp(lambda primals, cotangents, outputs: (3 * cotangents, None))
    g = mx.checkpoint(lambda x: f(x, Y) * 2)
    assert mx.grad(lambda x: g(x).sum())(X).tolist() == [6, 6]


def test_captured_arrays_and_keywords_are_constants_under_a_rule():
    def g(x, y, k):
        @mx.custom_function
        def f(x, k):
            return x * y * k

        @f.vjp
        def rule(primals, cotangents, outputs):
            raise RuntimeError("abort")

        return f(x, k=k)

    x, y, k = mx.array(2.0), mx.array(3.0), mx.array(5.0)
    assert g(x, y, k).item() == 30.0
    with pytest.raises(RuntimeError, match="abort"):
        mx.grad(g)(x, y, k)
    for argnums in (1, 2):
        assert mx.grad(g, argnums=argnums)(x, y, k).item() == 0.0


def test_integer_arguments_have_no_gradient():
    @mx.custom_function
    def pick(x, i):
        return x[i]

    @pick.vjp
    def rule(primals, cotangents, outputs):
        x, i = primals
        return mx.zeros_like(x).at[i].add(cotangents), None

    i = mx.array([1, 1])
    assert mx.grad(lambda x: pick(x, i).sum())(X).tolist() == [0, 2]


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (lambda c: c, r"vjp must return a tuple of 2, got array"),
        (lambda c: None, r"vjp must return a tuple of 2, got NoneType"),
        (lambda c: (c,), r"vjp must return a tuple of 2, got 1 of them"),
        (lambda c: (c, c[:1]), r"shape \(2,\) or None at \[1\], got shape \(1,\)"),
        (lambda c: (c, 3.0), r"shape \(2,\) or None at \[1\], got float"),
        (lambda c: (c, [c]), r"or None at \[1\], got list"),
    ],
)
def test_errors_name_what_vjp_must_return(result, message):
    f = product()
    f.vjp(lambda primals, cotangents, outputs: result(cotangents))
    with pytest.raises(ValueError, match=message):
        mx.grad(lambda x: f(x, Y).sum())(X)


def test_errors_name_what_jvp_must_return():
    f = mx.custom_function(lambda x: {"a": x, "b": [x]})
    flat = lambda x: [f(x)["a"], f(x)["b"][0]]  # noqa: E731
    for result, message in [
        (lambda t: t, r"jvp must return a dict of \['a', 'b'\], got array"),
        (lambda t: {"a": t}, r"must return a dict of \['a', 'b'\], got \['a'\]"),
        (lambda t: {"a": t, "b": []}, r"list of 1 at \['b'\], got 0 of them"),
    ]:
        f.jvp(lambda x, t, result=result: result(t))
        with pytest.raises(ValueError, match=message):
            mx.jvp(flat, [X], [ONE])


def test_other_errors():
    f = product()
    with pytest.raises(TypeError, match="f must be callable, got int"):
        mx.custom_function(3)
    with pytest.raises(TypeError, match="vjp must be callable, got NoneType"):
        f.vjp(None)
    with pytest.raises(TypeError, match="jvp must be callable, got str"):
        f.jvp("x")
    with pytest.raises(TypeError, match="vmap must be callable, got int"):
        f.vmap(3)


def clipped():
    """Its gradient is 2, which no differentiation would give."""

    @mx.custom_function
    def f(x):
        return mx.minimum(x, 1)

    f.vjp(lambda x, cotangent, y: 2 * cotangent)
    return f


@pytest.mark.parametrize("transform", [mx.compile, mx.vmap, mx.checkpoint])
def test_rules_stand_under_other_transforms(transform):
    x = mx.array([[0.5, 2.0], [3.0, 0.1]])
    g = transform(clipped())
    for _ in range(2):
        assert mx.grad(lambda x: g(x).sum())(x).tolist() == [[2, 2], [2, 2]]
    inside = transform(mx.grad(lambda x: clipped()(x).sum()))
    assert inside(x).tolist() == [[2, 2], [2, 2]]


def test_a_rule_for_batches():
    seen = []

    @mx.custom_function
    def f(x, y):
        return {"sum": mx.sin(x) + y["b"], "y": y["b"]}

    @f.vmap
    def rule(inputs, axes):
        (x, y), (a, b) = inputs, axes
        seen.append((x.shape, y["b"].shape, a, b))
        return {"sum": (mx.sin(x) + y["b"] + 100).T, "y": y["b"]}, {
            "sum": 1,
            "y": b["b"],
        }

    x, b = mx.arange(6.0).reshape(3, 2), mx.array([1.0, 2.0])
    got = mx.vmap(f, in_axes=(0, None))(x, {"b": b})
    assert seen == [((3, 2), (2,), 0, {"b": None})]
    assert np.allclose(got["sum"], np.sin(x) + b + 100)
    assert got["y"].tolist() == [[1, 2]] * 3
    assert np.allclose(f(x, {"b": b})["sum"], np.sin(x) + b)


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (lambda x: x, "must return the outputs and their axes, got array"),
        (
            lambda x: (x, 1),
            r"3 examples along their axes, got shape \(3, 2\) and axis 1",
        ),
        (lambda x: ([x, x], 0), "must return 1 arrays, got 2"),
        (lambda x: (x, "a"), "must be an integer, None or a tree of these"),
    ],
)
def test_bad_rules_for_batches(result, words):
    f = mx.custom_function(lambda x: x + 1)
    f.vmap(lambda x, axis: result(x))
    with pytest.raises((ValueError, TypeError), match=words):
        mx.vmap(f)(mx.ones((3, 2)))
