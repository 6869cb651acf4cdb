"""Updates are differentiable: gradients through them against central differences."""

from __future__ import annotations

import ingot.core as mx
import ingot.optimizers as optim
import numpy as np
import pytest
from optimizer_cases import NAMES, OPTIMIZERS, from_numpy, to_numpy

every = pytest.mark.parametrize("case", OPTIMIZERS, ids=NAMES)
SETTINGS = {
    "momentum": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    "adam": {"bias_correction": True},
    "adamw": {"bias_correction": True, "weight_decay": 0.1},
    "adafactor": {"beta_1": 0.9, "weight_decay": 0.1},
}


def probe(case, lr, w, g):
    """A scalar after two updates whose gradients depend on the parameters."""
    optimizer = case.build(SETTINGS.get(case.name, {}), 0.1)
    optimizer.learning_rate = lr
    params = {"w": w}
    for _ in range(2):
        params = optimizer.apply_gradients({"w": g + params["w"]}, params)
    return mx.sum(mx.square(params["w"]) * mx.array([1.0, 2.0, 3.0]))


def central_difference(f, x: np.ndarray, h: float = 1e-6) -> np.ndarray:
    out = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += h
        down[i] -= h
        out[i] = (f(up) - f(down)) / (2 * h)
    return out


@every
@pytest.mark.parametrize("argument", [0, 1, 2], ids=["lr", "parameter", "gradient"])
def test_gradients_match_central_differences(case, argument):
    values = [
        np.array(0.125),
        np.array([[0.5, -1.5, 2.0], [1.0, 0.7, -0.4]]),
        np.array([[1.0, 0.3, -0.8], [0.2, -1.1, 0.6]]),
    ]
    arrays = [from_numpy(v, mx.float64) for v in values]
    got = mx.grad(lambda *a: probe(case, *a), argnums=argument)(*arrays)

    def f(x):
        moved = list(arrays)
        moved[argument] = from_numpy(x, mx.float64)
        return probe(case, *moved).item()

    want = central_difference(f, values[argument])
    np.testing.assert_allclose(to_numpy(got), want, rtol=1e-6, atol=1e-7)


def test_gradients_reach_other_hyperparameters():
    def f(decay):
        optimizer = optim.AdamW(0.1, weight_decay=decay, bias_correction=True)
        params = {"w": from_numpy([1.0, 2.0], mx.float64)}
        grads = {"w": from_numpy([0.5, -0.5], mx.float64)}
        return mx.sum(optimizer.apply_gradients(grads, params)["w"])

    got = mx.grad(f)(from_numpy(0.3, mx.float64)).item()
    assert abs(got + 0.1 * 3) < 1e-7


def test_second_order_through_an_update():
    """w' = w - lr * (w^2 + g): d2 (w'^2) / d lr^2 = 2 (w^2 + g)^2."""

    def f(lr):
        optimizer = optim.SGD(0.1)
        optimizer.learning_rate = lr
        w = from_numpy(3.0, mx.float64)
        return mx.square(optimizer.apply_gradients(mx.square(w) + 1, w))

    assert abs(mx.grad(mx.grad(f))(from_numpy(0.1, mx.float64)).item() - 200) < 1e-9


@every
def test_the_graph_gives_the_same_numbers_as_the_fused_step(case):
    """Under a transform the rule runs as array operations, with the same result."""
    rng = np.random.default_rng(4)
    w, g = (from_numpy(rng.normal(size=(2, 3))) for _ in range(2))
    lr = mx.array(0.125)
    plain = probe(case, lr, w, g)
    traced, _ = mx.value_and_grad(lambda lr: probe(case, lr, w, g))(lr)
    np.testing.assert_allclose(plain.item(), traced.item(), rtol=2e-6)
