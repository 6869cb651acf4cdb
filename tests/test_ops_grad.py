"""Gradients of every differentiable op: central differences, vjp against jvp, second
order; and the ways to ask for them (arguments, trees, auxiliary outputs)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ingot.core as mx
import numpy as np
import op_table
import pytest
from op_case import OpCase, Sample
from support import (
    FLOATS,
    NUMPY,
    dtype_name,
    eps,
    layout,
    map_arrays,
    to_core,
    to_numpy,
)

DIFFERENTIABLE = [case for case in op_table.OPS if case.grad_samples is not None]
STEP = 1e-3  # with the fourth-order formula: error about STEP**4, rounding 1e-13
by_name = pytest.mark.parametrize("case", DIFFERENTIABLE, ids=lambda c: c.name)
NARROW = [
    pytest.param(case, dtype, id=f"{case.name}-{dtype}")
    for case in DIFFERENTIABLE
    for dtype in FLOATS
    if dtype != "float64" and dtype in case.dtypes
]


def central_difference(f: Callable[[np.ndarray], float], x: np.ndarray) -> np.ndarray:
    """The gradient of `f` at `x`, to fourth order."""
    slope = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        values = []
        for k in (-2, -1, 1, 2):
            moved = x.copy()
            moved[i] += k * STEP
            values.append(f(moved))
        slope[i] = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * STEP)
    return slope


def partial_difference(f: Any, arrays: list[np.ndarray], i: int) -> np.ndarray:
    """The gradient of `f` for its argument `i`."""
    return central_difference(lambda x: f(*arrays[:i], x, *arrays[i + 1 :]), arrays[i])


def samples_of(case: OpCase) -> list[Sample]:
    assert case.grad_samples is not None
    return list(case.grad_samples(np.random.default_rng(7), "float64"))


def flat_arguments(case: OpCase, sample: Sample) -> tuple[list[np.ndarray], Any]:
    """The differentiable arrays of a sample, and how to call with others."""
    if isinstance(sample.args[0], list):  # concatenate and its like: one list of arrays
        return list(sample.args[0]), lambda arrays: ((list(arrays), *sample.args[1:]))
    picked = [sample.args[i] for i in case.grad_args]

    def rebuild(arrays: Any) -> tuple[Any, ...]:
        args = list(sample.args)
        for i, value in zip(case.grad_args, arrays, strict=True):
            args[i] = value
        return tuple(args)

    return picked, rebuild


def outputs(case: OpCase, rebuild: Any, sample: Sample) -> Callable[..., list[Any]]:
    """The op as a function of its differentiable core arrays, always giving a list."""

    def f(*arrays: Any) -> list[Any]:
        args = [map_arrays(to_core, a) for a in rebuild(arrays)]
        result = case(*args, **sample.kwargs)
        return list(result) if isinstance(result, (list, tuple)) else [result]

    return f


def oracle_outputs(case: OpCase, args: Any, sample: Sample) -> list[np.ndarray]:
    result = case.reference(Sample(tuple(args), sample.kwargs), "float64")
    return list(result) if isinstance(result, (list, tuple)) else [np.asarray(result)]


def weights_for(values: list[Any]) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.uniform(0.5, 1.5, np.shape(v)) for v in values]


def weighted(case: OpCase, sample: Sample) -> tuple[Any, Any, list[np.ndarray], Any]:
    """A scalar of the op (its outputs times fixed weights), for core and for oracle."""
    arrays, rebuild = flat_arguments(case, sample)
    f = outputs(case, rebuild, sample)
    weights = weights_for(oracle_outputs(case, sample.args, sample))

    def core(*xs: Any) -> Any:
        terms = [mx.sum(y * to_core(w)) for y, w in zip(f(*xs), weights, strict=True)]
        return sum(terms[1:], terms[0])

    def oracle(*xs: np.ndarray) -> float:
        values = oracle_outputs(case, rebuild(xs), sample)
        return float(sum(np.sum(v * w) for v, w in zip(values, weights, strict=True)))

    return core, oracle, arrays, f


def gradients(f: Any, arrays: list[Any]) -> list[Any]:
    """The gradient of `f` for each of its arguments."""
    if len(arrays) == 1:
        return [mx.grad(f)(*arrays)]
    return list(mx.grad(f, argnums=tuple(range(len(arrays))))(*arrays))


def assert_gradient(got: Any, want: np.ndarray, rel: float, label: str) -> None:
    got = to_numpy(got).astype(np.float64)
    assert got.shape == want.shape, label
    bound = rel * max(1.0, float(np.max(np.abs(want), initial=0.0)))
    np.testing.assert_allclose(got, want, rtol=rel, atol=bound, err_msg=label)


@by_name
def test_grad_is_central_difference(case: OpCase) -> None:
    """The gradient of each argument is the slope of the float64 oracle."""
    for number, sample in enumerate(samples_of(case)):
        core, oracle, arrays, _ = weighted(case, sample)
        grads = gradients(core, [to_core(x) for x in arrays])
        for i, got in enumerate(grads):
            assert dtype_name(got) == "float64"

            want = partial_difference(oracle, arrays, i)
            assert_gradient(
                got, want, 1e-6, f"{case.name} sample {number} argument {i}"
            )


@by_name
def test_vjp_and_jvp_agree(case: OpCase) -> None:
    """The two directions are transposes of one matrix: <u, Jv> is <J'u, v>."""
    rng = np.random.default_rng(5)
    for sample in samples_of(case):
        _, _, arrays, f = weighted(case, sample)
        primals = [to_core(x) for x in arrays]
        v = [rng.normal(size=x.shape) for x in arrays]
        values, jv = mx.jvp(f, primals, [to_core(t) for t in v])
        u = [rng.normal(size=tuple(y.shape)) for y in values]
        _, ju = mx.vjp(f, primals, [to_core(t) for t in u])
        left = [float(np.vdot(a, to_numpy(b))) for a, b in zip(u, jv, strict=True)]
        right = [float(np.vdot(a, to_numpy(b))) for a, b in zip(v, ju, strict=True)]
        size = sum(np.sum(np.abs(a * to_numpy(b))) for a, b in zip(v, ju, strict=True))
        allowed = (1e-6 if case.single else 1e-10) * (size + 1)
        assert abs(sum(left) - sum(right)) <= allowed, case.name


@by_name
def test_second_order(case: OpCase) -> None:
    """The gradient of a projected gradient is the slope of that projection."""
    rng = np.random.default_rng(6)
    for number, sample in enumerate(samples_of(case)):
        core, _, arrays, _ = weighted(case, sample)
        x, rest = arrays[0], [to_core(a) for a in arrays[1:]]
        v = to_core(rng.uniform(0.5, 1.5, x.shape))

        def projected(
            y: Any, core: Any = core, rest: list[Any] = rest, v: Any = v
        ) -> Any:
            return mx.sum(mx.grad(core)(y, *rest) * v)

        got = mx.grad(projected)(to_core(x))
        want = central_difference(lambda y: projected(to_core(y)).item(), x)
        assert_gradient(got, want, 1e-4, f"{case.name} sample {number}, second order")


@pytest.mark.parametrize("name", ["strided", "reversed", "transposed", "offset"])
@by_name
def test_grad_of_a_view(case: OpCase, name: str) -> None:
    """How the arguments are stored does not change their gradient."""
    sample = samples_of(case)[-1]
    core, _, arrays, _ = weighted(case, sample)
    plain = gradients(core, [to_core(x) for x in arrays])
    viewed = gradients(core, [layout(x, name)[0] for x in arrays])
    for a, b in zip(plain, viewed, strict=True):
        np.testing.assert_allclose(to_numpy(a), to_numpy(b), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(("case", "dtype"), NARROW)
def test_grad_dtype(case: OpCase, dtype: str) -> None:
    """A gradient has its argument's dtype, and float64's value to that precision."""
    sample = samples_of(case)[0]
    core, _, arrays, f = weighted(case, sample)
    arrays = [x.astype(NUMPY[dtype]).astype(np.float64) for x in arrays]
    wide = mx.grad(core)(*[to_core(x) for x in arrays])
    narrow_arrays = [to_core(x.astype(NUMPY[dtype])) for x in arrays]
    cotangents = weights_for(oracle_outputs(case, sample.args, sample))
    narrow_cotangents = [to_core(w.astype(NUMPY[dtype])) for w in cotangents]
    _, grads = mx.vjp(f, narrow_arrays, narrow_cotangents)
    assert dtype_name(grads[0]) == dtype
    want = to_numpy(wide)
    bound = 40 * eps(dtype) * max(1.0, float(np.max(np.abs(want))))
    error = np.abs(to_numpy(grads[0]).astype(np.float64) - want)
    assert float(np.max(error, initial=0.0)) <= bound, case.name


# The transformations themselves -----------------------------------------------


def test_argnums_and_values() -> None:
    """argnums picks the arguments; value_and_grad returns the value first."""

    def f(x: Any, y: Any) -> Any:
        return mx.sum(x * x * y)

    x, y = mx.array([1.0, 2.0]), mx.array([3.0, 4.0])
    assert mx.grad(f)(x, y).tolist() == [6.0, 16.0]
    assert mx.grad(f, argnums=1)(x, y).tolist() == [1.0, 4.0]
    both = mx.grad(f, argnums=[0, 1])(x, y)
    assert [g.tolist() for g in both] == [[6.0, 16.0], [1.0, 4.0]]
    value, grad = mx.value_and_grad(f)(x, y)
    assert value.item() == 19.0
    assert grad.tolist() == [6.0, 16.0]


def test_argnames() -> None:
    """Keyword arguments are differentiated by name."""

    def f(x: Any, *, scale: Any) -> Any:
        return mx.sum(x * scale)

    x, scale = mx.array([1.0, 2.0]), mx.array(3.0)
    grads = mx.grad(f, argnames="scale")(x, scale=scale)
    found = grads["scale"] if isinstance(grads, dict) else grads[-1]["scale"]
    assert found.item() == 3.0


def test_trees_of_arguments() -> None:
    """A tree of parameters gets a tree of gradients of the same structure."""
    tree = {"a": mx.array(2.0), "b": [mx.array(3.0), {"c": mx.array(4.0)}]}

    def f(t: Any) -> Any:
        return t["a"] * t["b"][0] * t["b"][1]["c"]

    grads = mx.grad(f)(tree)
    assert grads["a"].item() == 12.0
    assert grads["b"][0].item() == 8.0
    assert grads["b"][1]["c"].item() == 6.0


def test_auxiliary_outputs() -> None:
    """Only the first output is differentiated; the others come back as they are."""

    def f(x: Any) -> Any:
        return mx.sum(x * x), {"twice": 2 * x}, 7

    (value, aux, seven), grad = mx.value_and_grad(f)(mx.array([1.0, 3.0]))
    assert value.item() == 10.0
    assert aux["twice"].tolist() == [2.0, 6.0]
    assert seven == 7
    assert grad.tolist() == [2.0, 6.0]


def test_stop_gradient() -> None:
    """What passes through stop_gradient is a constant."""
    grad = mx.grad(lambda x: mx.sum(x * mx.stop_gradient(x)))(mx.array([1.0, 3.0]))
    assert grad.tolist() == [1.0, 3.0]


def test_unused_argument_has_zero_gradient() -> None:
    """An argument the output does not depend on has gradient 0 of its shape."""
    x, y = mx.array([1.0, 2.0]), mx.zeros((2, 3))
    gx, gy = mx.grad(lambda a, b: mx.sum(a), argnums=[0, 1])(x, y)
    assert gx.tolist() == [1.0, 1.0]
    assert gy.tolist() == [[0.0] * 3] * 2


def test_shared_node_accumulates() -> None:
    """Every use of an array adds to its gradient."""

    def f(x: Any) -> Any:
        y = mx.exp(x)
        return mx.sum(y * y + y)

    x = np.array([0.1, 0.2])
    want = 2 * np.exp(2 * x) + np.exp(x)
    np.testing.assert_allclose(to_numpy(mx.grad(f)(to_core(x))), want, rtol=1e-12)


def test_third_order() -> None:
    """Derivatives nest: the third derivative of x**4 is 24 x."""
    f: Any = lambda x: x * x * x * x  # noqa: E731
    third = mx.grad(mx.grad(mx.grad(f)))
    assert third(mx.array(2.0)).item() == 48.0


def test_grad_inside_evaluated_trace() -> None:
    """Evaluating an intermediate while it is being traced keeps its gradient."""

    def f(x: Any) -> Any:
        y = mx.sin(x)
        mx.eval(y)
        return mx.sum(y * y)

    x = np.array([0.3, 0.5])
    want = 2 * np.sin(x) * np.cos(x)
    got = mx.grad(f)(mx.array(x.astype(np.float32)))
    np.testing.assert_allclose(to_numpy(got), want, rtol=1e-5)


def test_grad_through_item_assignment() -> None:
    """Assigned entries take their gradient from the assigned value."""

    def f(x: Any, y: Any) -> Any:
        z = x * 1
        z[1] = y
        return mx.sum(z * mx.array([1.0, 10.0, 100.0]))

    gx, gy = mx.grad(f, argnums=[0, 1])(mx.array([1.0, 2.0, 3.0]), mx.array(5.0))
    assert gx.tolist() == [1.0, 0.0, 100.0]
    assert gy.item() == 10.0


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (lambda x: x, (mx.zeros((2,)),)),  # not a scalar
        (lambda x: 3.0, (mx.zeros(()),)),  # not an array
        (lambda x: x, (mx.zeros((), mx.int32),)),  # integers have no gradient
        (lambda x: x, (3.0,)),
        (lambda x: mx.sum(x), ()),
    ],
)
def test_grad_refuses(f: Any, args: Any) -> None:
    """Only a scalar of floating arrays can be differentiated."""
    with pytest.raises((ValueError, TypeError)):
        mx.eval(mx.grad(f)(*args))


@pytest.mark.parametrize("argnums", [3, -2, [0, 0], "x"])
def test_grad_refuses_argnums(argnums: Any) -> None:
    with pytest.raises((ValueError, TypeError, IndexError)):
        mx.grad(lambda x: mx.sum(x), argnums=argnums)(mx.zeros((2,)))


def test_vjp_refuses_wrong_cotangents() -> None:
    """Cotangents match the outputs in number and shape, tangents the inputs."""
    x = mx.array([1.0, 2.0])
    with pytest.raises(ValueError):
        mx.vjp(lambda a: [a * 2], [x], [])
    with pytest.raises(ValueError):
        mx.vjp(lambda a: [a * 2], [x], [mx.zeros((3,))])
    with pytest.raises(ValueError):
        mx.jvp(lambda a: [a * 2], [x], [])
    with pytest.raises(ValueError):
        mx.jvp(lambda a: [a * 2], [x], [mx.zeros((3,))])


def test_an_error_inside_a_traced_function_comes_out() -> None:
    """A user's exception passes through grad, and later gradients work."""

    def f(x: Any) -> Any:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        mx.grad(f)(mx.array(1.0))
    assert mx.grad(lambda x: x * x)(mx.array(3.0)).item() == 6.0
