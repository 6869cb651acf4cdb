"""nn.value_and_grad: gradients of a model, and training with them."""

from __future__ import annotations

from typing import Any

import ingot.core as mx
import numpy as np
import pytest
import reference_nn as reference
from ingot import nn
from ingot.utils import tree_flatten
from nn_cases import close, samples
from support import to_core, to_numpy


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


def test_nothing_is_computed_before_it_is_asked_for():
    x = mx.ones((1000, 1000))
    mx.eval(x)
    before = mx.get_active_memory()
    mx.reset_peak_memory()
    value, gradient = mx.value_and_grad(lambda x: (x @ x).sum())(x)
    assert mx.get_peak_memory() - before < x.nbytes
    assert gradient.shape == x.shape and value.item() == 1e9
