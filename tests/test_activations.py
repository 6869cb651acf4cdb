"""Activations and their layers against float64 definitions."""

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
from nn_cases import EPS, HALF, close, samples
from support import to_core, to_numpy

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
