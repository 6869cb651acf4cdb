"""Layers, activations and value_and_grad against float64 definitions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import ingot.core as mx
import numpy as np
import pytest
import reference_nn as reference
from ingot import nn
from ingot.utils import tree_flatten
from support import to_core, to_numpy

HALF = [mx.float16, mx.bfloat16]
EPS = {mx.float16: 2.0**-10, mx.bfloat16: 2.0**-7}


def close(got: Any, want: Any, tolerance: float = 2e-6) -> None:
    got = to_numpy(got).astype(np.float64)
    assert got.shape == np.shape(want)
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)


def samples(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return (3 * rng.standard_normal(shape)).astype(np.float32)


# Activations ---------------------------------------------------------------------


LAYER_OF = {
    "glu": nn.GLU,
    "gelu": nn.GELU,
    "gelu_approx": lambda: nn.GELU("precise"),
    "gelu_fast_approx": lambda: nn.GELU("fast"),
    **{
        name.__name__.lower(): name
        for name in (
            nn.CELU,
            nn.ELU,
            nn.Hardswish,
            nn.Mish,
            nn.PReLU,
            nn.ReLU,
            nn.ReLU2,
            nn.ReLU6,
            nn.SELU,
            nn.SiLU,
            nn.Sigmoid,
            nn.Softmax,
            nn.Softmin,
            nn.Softplus,
            nn.Softshrink,
            nn.Softsign,
            nn.Step,
            nn.Tanh,
        )
    },
    "hard_shrink": nn.HardShrink,
    "hard_tanh": nn.HardTanh,
    "leaky_relu": nn.LeakyReLU,
    "log_sigmoid": nn.LogSigmoid,
    "log_softmax": nn.LogSoftmax,
}


def activation(name: str) -> Callable[[Any], Any]:
    if name == "prelu":
        return lambda x: nn.prelu(x, mx.array([0.25]))
    return getattr(nn, name)


def test_every_activation_has_an_oracle_and_a_layer() -> None:
    from ingot.nn import _functions

    assert set(_functions.__all__) == set(reference.ACTIVATIONS) == set(LAYER_OF)


@pytest.mark.parametrize("name", reference.ACTIVATIONS)
def test_activation(name: str, rng: np.random.Generator) -> None:
    """The function and the layer agree with the definition, 0 and extremes included."""
    x = samples(rng, 40, 6)
    x[0] = [0.0, -0.0, 30.0, -30.0, 3.0, -3.0]
    want = reference.ACTIVATIONS[name](x.astype(np.float64))
    close(activation(name)(to_core(x)), want, 4e-6)
    layer = LAYER_OF[name]()
    close(layer(to_core(x)), want, 4e-6)
    assert repr(layer) == f"{type(layer).__name__}()"


@pytest.mark.parametrize("name", sorted(reference.ACTIVATIONS.keys() - {"step"}))
def test_activation_derivative(name: str, rng: np.random.Generator) -> None:
    x = samples(rng, 5, 6) + np.float32(0.013)
    oracle = reference.ACTIVATIONS[name]
    weights = rng.standard_normal(oracle(x).shape)
    wide = to_core(weights.astype(np.float32))
    got = mx.grad(lambda v: (activation(name)(v) * wide).sum())(to_core(x))
    x64 = x.astype(np.float64)
    want = reference.gradient(lambda v: float(np.sum(oracle(v) * weights)), x64)
    close(got, want, 2e-5)


@pytest.mark.parametrize("name", ["elu", "celu", "selu", "softplus", "mish", "silu"])
def test_derivatives_stay_finite_far_from_zero(name: str) -> None:
    """The branch that is not taken overflows without making NaN of the derivative."""
    x = mx.array([-200.0, -1.0, 0.0, 1.0, 200.0])
    gradient = to_numpy(mx.grad(lambda v: activation(name)(v).sum())(x))
    assert np.isfinite(gradient).all()
    assert gradient[0] == pytest.approx(0, abs=1e-6)
    assert gradient[-1] == pytest.approx(1.0507 if name == "selu" else 1, abs=1e-4)


@pytest.mark.parametrize("dtype", HALF, ids=str)
@pytest.mark.parametrize(
    "name", sorted(reference.ACTIVATIONS.keys() - {"step", "prelu"})
)
def test_activations_keep_half_types(
    name: str, dtype: Any, rng: np.random.Generator
) -> None:
    x = to_core(samples(rng, 20, 6)).astype(dtype)
    y = activation(name)(x)
    assert y.dtype == dtype
    want = reference.ACTIVATIONS[name](to_numpy(x).astype(np.float64))
    close(y, want, 12 * EPS[dtype])


def test_error_bounds_of_the_approximations() -> None:
    x = np.linspace(-6, 6, 2001).astype(np.float32)
    exact = reference.gelu(x.astype(np.float64))
    assert np.abs(to_numpy(nn.gelu_approx(to_core(x))) - exact).max() < 5e-4
    assert np.abs(to_numpy(nn.gelu_fast_approx(to_core(x))) - exact).max() < 0.021


def test_parameters_of_activations() -> None:
    x = mx.array([-2.0, 0.3, 2.0])
    close(nn.LeakyReLU(2.0)(x), [-4.0, 0.3, 2.0])
    close(nn.ELU(0.5)(x), [0.5 * math.expm1(-2), 0.3, 2.0])
    close(nn.CELU(0.5)(x), [0.5 * math.expm1(-4), 0.3, 2.0])
    close(nn.Softshrink(1.0)(x), [-1.0, 0.0, 1.0])
    close(nn.HardShrink(1.0)(x), [-2.0, 0.0, 2.0])
    close(nn.hard_tanh(x, -1.5, 0.1), [-1.5, 0.1, 0.1])
    close(nn.Step(0.3)(x), [0, 1, 1])
    close(nn.PReLU(3, 0.5)(x), [-1.0, 0.3, 2.0])
    close(nn.softmax(mx.zeros((2, 3)), axis=0), np.full((2, 3), 0.5))
    assert [n for n, _ in tree_flatten(nn.PReLU(3).parameters())] == ["weight"]
    for call, message in (
        (lambda: nn.GELU("exact"), "GELU: approx must be one of none, precise, tanh"),
        (lambda: nn.CELU(0.0), "CELU: alpha must not be 0"),
        (lambda: nn.celu(x, 0.0), "celu: alpha must not be 0"),
        (lambda: nn.glu(x), "glu: axis -1 must have even length, got 3"),
        (lambda: nn.ELU(math.nan), "ELU: alpha must be finite"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


# Layers --------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 0, 4), (2, 3, 4)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear(shape: tuple[int, ...], bias: bool, rng: np.random.Generator) -> None:
    layer = nn.Linear(4, 3, bias=bias)
    x = samples(rng, *shape)
    parameters = {n: to_numpy(p).astype(float) for n, p in layer.parameters().items()}
    assert list(parameters) == (["weight", "bias"] if bias else ["weight"])
    close(layer(to_core(x)), reference.linear(x.astype(float), **parameters))


def test_linear_starts_uniform() -> None:
    layer = nn.Linear(256, 500)
    for name in ("weight", "bias"):
        x = to_numpy(layer[name]).astype(float)
        assert np.abs(x).max() <= 1 / 16
        deviation = x.std() / (1 / 16 / math.sqrt(3))
        assert abs(deviation - 1) < 5 / math.sqrt(2 * x.size)


def test_embedding(rng: np.random.Generator) -> None:
    table = nn.Embedding(400, 16)
    weight = to_numpy(table.weight)
    i = rng.integers(0, 400, (3, 5))
    np.testing.assert_array_equal(to_numpy(table(to_core(i))), weight[i])
    x = samples(rng, 2, 16)
    close(table.as_linear(to_core(x)), reference.linear(x.astype(float), weight), 1e-5)
    assert abs(weight.std() * 4 - 1) < 5 / math.sqrt(2 * weight.size)
    assert repr(table) == "Embedding(400, 16)"
    chosen = to_core(np.array([1, 1, 3]))
    _, gradients = nn.value_and_grad(table, lambda: table(chosen).sum())()
    rows = to_numpy(gradients["weight"]).sum(axis=1)
    assert rows[[1, 3]].tolist() == [32.0, 16.0] and rows.sum() == 48.0


@pytest.mark.parametrize("affine", [True, False])
def test_layer_norm(affine: bool, rng: np.random.Generator) -> None:
    x = samples(rng, 5, 8) + 100
    layer = nn.LayerNorm(8, eps=1e-3, affine=affine)
    parameters = {}
    if affine:
        w, b = samples(rng, 8), samples(rng, 8)
        layer.update({"weight": to_core(w), "bias": to_core(b)})
        parameters = {"weight": w, "bias": b}
    want = reference.layer_norm(x.astype(float), **parameters, eps=1e-3)
    close(layer(to_core(x)), want, 2e-4)
    assert list(nn.LayerNorm(8, bias=False)) == ["weight"]


def test_rms_norm(rng: np.random.Generator) -> None:
    x, w = samples(rng, 5, 8), samples(rng, 8)
    layer = nn.RMSNorm(8, eps=1e-3).update({"weight": to_core(w)})
    close(layer(to_core(x)), reference.rms_norm(x.astype(float), w, 1e-3), 4e-6)


@pytest.mark.parametrize("dtype", HALF, ids=str)
def test_norms_compute_half_types_in_float32(
    dtype: Any, rng: np.random.Generator
) -> None:
    """x = 300 squares to more than float16 holds, and one rounding is all there is."""
    x = to_core(samples(rng, 4, 64) * 100).astype(dtype)
    exact = to_numpy(x).astype(np.float64)
    for layer, oracle in (
        (nn.LayerNorm(64), reference.layer_norm),
        (nn.RMSNorm(64), reference.rms_norm),
    ):
        assert layer(x).dtype == mx.float32  # with float32 weights
        layer.set_dtype(dtype)
        y = layer(x)
        assert y.dtype == dtype
        close(y, oracle(exact), 0.51 * EPS[dtype])


def test_layer_norm_derivative(rng: np.random.Generator) -> None:
    x, w = samples(rng, 3, 5), samples(rng, 3, 5)
    for layer, oracle in (
        (nn.LayerNorm(5), reference.layer_norm),
        (nn.RMSNorm(5), reference.rms_norm),
    ):
        got = mx.grad(lambda v, f=layer: (f(v) * to_core(w)).sum())(to_core(x))
        want = reference.gradient(
            lambda v, f=oracle: float(np.sum(f(v) * w)), x.astype(np.float64)
        )
        close(got, want, 1e-5)


def test_dropout() -> None:
    layer = nn.Dropout(0.25)
    x = mx.ones((200, 200))
    y = to_numpy(layer(x))
    assert set(np.unique(y).tolist()) == {0.0, np.float32(1 / 0.75).item()}
    kept = (y > 0).mean()
    assert abs(kept - 0.75) < 5 * math.sqrt(0.75 * 0.25 / 40_000)
    assert np.any(to_numpy(layer(x)) != y)
    mx.random.seed(3)
    once = to_numpy(layer(x))
    mx.random.seed(3)
    np.testing.assert_array_equal(to_numpy(layer(x)), once)
    np.testing.assert_array_equal(to_numpy(layer.eval()(x)), to_numpy(x))
    np.testing.assert_array_equal(to_numpy(nn.Dropout(0.0)(x)), to_numpy(x))
    assert repr(layer) == "Dropout(p=0.25)"


def test_dropout_makes_true_zeros_and_keeps_the_dtype() -> None:
    layer = nn.Dropout(0.5)
    y = to_numpy(layer(mx.full((1000,), math.inf)))
    assert not np.isnan(y).any() and (y == 0).any()
    for dtype in HALF:
        assert layer(mx.ones((4,), dtype=dtype)).dtype == dtype


def test_sequential_and_identity() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.relu, nn.Identity(7, key=1))
    x = mx.array([[1.0, 2.0]])
    close(model(x), to_numpy(nn.relu(model.layers[0](x))))
    assert [n for n, _ in tree_flatten(model.parameters())] == [
        "layers.0.weight",
        "layers.0.bias",
    ]
    assert nn.Sequential()(x) is x


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.Linear(0, 2), ValueError, "Linear: input_dims must be at least 1"),
        (
            lambda: nn.Linear(2, 1.5),
            TypeError,
            "output_dims must be an integer, got 1.5",
        ),
        (
            lambda: nn.Linear(True, 1),
            TypeError,
            "input_dims must be an integer, got Tr",
        ),
        (lambda: nn.Embedding(-1, 2), ValueError, "Embedding: num_embeddings must be"),
        (
            lambda: nn.Dropout(1.0),
            ValueError,
            r"Dropout: p must be in \[0, 1\), got 1.0",
        ),
        (lambda: nn.Dropout("x"), TypeError, "Dropout: p must be a number, got 'x'"),
        (lambda: nn.Dropout(math.nan), ValueError, "Dropout: p must be"),
        (
            lambda: nn.LayerNorm(3, -1.0),
            ValueError,
            "LayerNorm: eps must be finite and",
        ),
        (lambda: nn.RMSNorm(0), ValueError, "RMSNorm: dims must be at least 1, got 0"),
        (lambda: nn.Sequential(nn.ReLU(), 5), TypeError, "Sequential: argument 1 must"),
        (
            lambda: nn.Linear(4, 2)(mx.zeros((3, 5))),
            ValueError,
            r"Linear\(4, 2\): last dimension of x must be 4, got shape \(3, 5\)",
        ),
        (lambda: nn.Linear(4, 2)(mx.zeros(())), ValueError, r"got shape \(\)"),
        (
            lambda: nn.Linear(1, 2)([1.0]),
            TypeError,
            r"Linear\(1, 2\): x must be an array",
        ),
        (
            lambda: nn.Embedding(3, 4)(mx.zeros((2,))),
            TypeError,
            r"Embedding\(3, 4\): x must hold integers, got",
        ),
        (
            lambda: nn.Embedding(3, 4).as_linear(mx.zeros((2, 3))),
            ValueError,
            r"Embedding\(3, 4\).as_linear: last dimension of x must be 4",
        ),
        (
            lambda: nn.LayerNorm(3)(mx.zeros((3, 1))),
            ValueError,
            r"LayerNorm\(3\): last dimension of x must be 3, got shape \(3, 1\)",
        ),
        (lambda: nn.RMSNorm(3)(mx.zeros((4,))), ValueError, r"RMSNorm\(3\): last dim"),
        (lambda: nn.Dropout()(1.0), TypeError, r"Dropout\(0.5\): x must be an array"),
    ],
)
def test_refused(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


# value_and_grad ------------------------------------------------------------------


class Perceptron(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(3, 4)
        self.activation = nn.Tanh()
        self.out = [nn.Linear(4, 2)]

    def __call__(self, x: Any) -> Any:
        return self.out[0](self.activation(self.hidden(x)))


def test_gradients_of_a_perceptron(rng: np.random.Generator) -> None:
    """Every weight's derivative is that of the float64 network."""
    model = Perceptron()
    x, y = samples(rng, 5, 3), samples(rng, 5, 2)

    def loss(model: Any, x: Any, y: Any) -> Any:
        return nn.losses.mse_loss(model(x), y)

    value, gradients = nn.value_and_grad(model, loss)(model, to_core(x), to_core(y))
    assert gradients["activation"] == {}
    parameters = {
        n: to_numpy(p).astype(np.float64) for n, p in tree_flatten(model.parameters())
    }

    def exact(**changed: np.ndarray) -> float:
        p = {**parameters, **changed}
        hidden = np.tanh(reference.linear(x, p["hidden.weight"], p["hidden.bias"]))
        out = reference.linear(hidden, p["out.0.weight"], p["out.0.bias"])
        return float(np.mean((out - y) ** 2))

    close(value, exact(), 1e-5)
    for name, gradient in tree_flatten(gradients):
        want = reference.gradient(lambda v, n=name: exact(**{n: v}), parameters[name])
        close(gradient, want, 1e-5)


def test_value_may_be_a_tuple_and_arguments_pass_through() -> None:
    model = nn.Linear(2, 1)

    def loss(x: Any, *, scale: float) -> Any:
        """Say it."""
        return (scale * model(x)).sum(), {"aux": x}

    function = nn.value_and_grad(model, loss)
    assert function.__doc__ == "Say it."
    x = mx.ones((3, 2))
    (value, aux), gradients = function(x, scale=2.0)
    assert aux["aux"].shape == (3, 2)
    close(gradients["bias"], [6.0])
    close(value, to_numpy(2 * model(x).sum()), 1e-6)


def test_only_trainable_parameters_have_gradients() -> None:
    model = Perceptron()
    model.hidden.freeze()
    x = mx.ones((1, 3))
    _, gradients = nn.value_and_grad(model, lambda: model(x).sum())()
    assert [n for n, _ in tree_flatten(gradients)] == ["out.0.weight", "out.0.bias"]
    assert gradients["hidden"] == {}
    model.freeze()
    with pytest.raises(
        ValueError, match="value_and_grad: the model must have trainable"
    ):
        nn.value_and_grad(model, lambda: model(x).sum())()


def test_the_model_is_as_it_was_afterwards_and_after_errors() -> None:
    model = Perceptron()
    before = [p for _, p in tree_flatten(model.parameters())]
    x = mx.ones((1, 3))

    def fail() -> Any:
        model(x)
        raise RuntimeError("stop")

    nn.value_and_grad(model, lambda: model(x).sum())()
    with pytest.raises(RuntimeError, match="stop"):
        nn.value_and_grad(model, fail)()
    with pytest.raises(ValueError):
        nn.value_and_grad(model, lambda: model(x))()  # not a scalar
    after = [p for _, p in tree_flatten(model.parameters())]
    assert all(a is b for a, b in zip(after, before, strict=True))


def test_what_the_function_assigns_to_the_model_stays() -> None:
    model = Perceptron()

    def loss(x: Any) -> Any:
        model.seen = mx.stop_gradient(x)
        model.hidden.bias = mx.zeros((4,))
        return model(x).sum()

    nn.value_and_grad(model, loss)(mx.ones((1, 3)))
    close(model.seen, np.ones((1, 3)))
    close(model.hidden.bias, np.zeros(4))


def test_value_and_grad_checks_its_arguments() -> None:
    with pytest.raises(TypeError, match="model must be a Module, got dict"):
        nn.value_and_grad({}, lambda: None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="fn must be callable, got int"):
        nn.value_and_grad(nn.ReLU(), 5)  # type: ignore[arg-type]


# With optimizers -----------------------------------------------------------------


def test_state_of_an_optimizer_of_a_layer() -> None:
    """The documentation's first snippet."""
    from ingot import optimizers as optim

    optimizer = optim.SGD(learning_rate=1e-1, momentum=0.9)
    model = nn.Linear(2, 2)
    optimizer.init(model.trainable_parameters())
    assert set(optimizer.state.keys()) == {"step", "learning_rate", "weight", "bias"}


def test_a_training_loop() -> None:
    """The documentation's loop, on a line that the model can fit."""
    from ingot import optimizers as optim

    mx.random.seed(0)
    x = mx.random.normal((64, 2))
    y = x @ mx.array([[2.0], [-1.0]]) + 0.5
    model = nn.Linear(2, 1)
    optimizer = optim.SGD(learning_rate=0.1)

    def loss_fn(model: Any, x: Any, y: Any) -> Any:
        return nn.losses.mse_loss(model(x), y)

    for _ in range(100):
        loss, grads = nn.value_and_grad(model, loss_fn)(model, x, y)
        optimizer.update(model, grads)
        mx.eval(model.parameters(), optimizer.state)
    assert loss.item() < 1e-6
    close(model.weight, [[2.0, -1.0]], 1e-2)
    close(model.bias, [0.5], 1e-2)
