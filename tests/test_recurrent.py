"""RNN, GRU and LSTM: states, lengths, torch's numbers, refused input."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import ingot.core as mx
import numpy as np
import pytest
import reference_layers as reference
from ingot import nn
from layer_cases import arrays_of, parameters
from nn_cases import close, samples
from support import to_core, to_numpy

Rng = np.random.Generator
LAYERS = {"RNN": nn.RNN, "GRU": nn.GRU, "LSTM": nn.LSTM}
every_layer = pytest.mark.parametrize("kind", LAYERS)


@pytest.mark.parametrize("bias", [True, False])
@every_layer
def test_parameters(kind: str, bias: bool) -> None:
    """Their names and shapes, and the range that they start in."""
    layer = LAYERS[kind](30, 64, bias=bias)
    n = {"RNN": 1, "GRU": 3, "LSTM": 4}[kind]
    want: dict[str, Any] = {"RNN": {"Wxh": (64, 30), "Whh": (64, 64)}}.get(
        kind, {"Wx": (n * 64, 30), "Wh": (n * 64, 64)}
    )
    if bias:
        want["b" if kind == "GRU" else "bias"] = (n * 64,)
    if bias and kind == "GRU":
        want["bhn"] = (64,)
    assert {k: tuple(v.shape) for k, v in layer.parameters().items()} == want
    for x in parameters(layer).values():
        assert np.abs(x).max() <= 1 / 8
        assert abs(x.std() * 8 * math.sqrt(3) - 1) < 5 / math.sqrt(2 * x.size)
    name = f"{kind}(input_dims=30, hidden_size=64, bias={bias}"
    assert repr(layer).startswith(name)


@pytest.mark.parametrize("batch", [(), (3,), (2, 3)])
@every_layer
def test_a_sequence_in_parts(kind: str, batch: tuple[int, ...], rng: Rng) -> None:
    """What the last states carry over makes the parts equal to the whole."""
    layer = LAYERS[kind](4, 5)
    x = to_core(samples(rng, *batch, 7, 4))
    whole = arrays_of(layer(x))
    first = layer(x[..., :3, :])
    parts = first if isinstance(first, tuple) else (first,)
    rest = layer(x[..., 3:, :], *(p[..., -1, :] for p in parts))
    joined = mx.concatenate([arrays_of(first), arrays_of(rest)], axis=-2)
    assert tuple(whole.shape[-len(batch) - 2 :]) == (*batch, 7, 5)
    close(joined, to_numpy(whole).astype(float))


def test_one_state_alone(rng: Rng) -> None:
    """An LSTM begins with zeros in the place of the state not given."""
    layer = nn.LSTM(3, 4)
    x, s = samples(rng, 2, 5, 3), samples(rng, 2, 4)
    for name in ("hidden", "cell"):
        got = mx.stack(layer(to_core(x), **{name: to_core(s)}))
        exact = {name: s.astype(float)}
        close(got, reference.lstm(x.astype(float), **parameters(layer), **exact), 4e-6)


@every_layer
def test_empty_sequences(kind: str) -> None:
    layer = LAYERS[kind](3, 4)
    for shape in ((0, 3), (2, 0, 3), (0, 5, 3)):
        result = layer(mx.zeros(shape))
        for part in result if isinstance(result, tuple) else (result,):
            assert tuple(part.shape) == (*shape[:-1], 4)


@every_layer
def test_a_long_sequence(kind: str, rng: Rng) -> None:
    """A graph of a thousand steps is walked without recursion, and stays finite."""
    layer = LAYERS[kind](2, 3)
    x = to_core(samples(rng, 2, 1000, 2))

    def total() -> Any:
        return arrays_of(layer(x))[..., -1, :].sum()

    value, gradients = nn.value_and_grad(layer, total)()
    assert math.isfinite(value.item())
    for g in gradients.values():
        assert np.isfinite(to_numpy(g)).all() and np.any(to_numpy(g) != 0)


@every_layer
def test_large_inputs_saturate(kind: str) -> None:
    layer = LAYERS[kind](2, 3)
    for value in (1e30, -1e30):
        states = arrays_of(layer(mx.full((4, 2), value)))
        assert np.isfinite(to_numpy(states)).all()


@every_layer
def test_torch_agrees(torch: Any, kind: str, rng: Rng) -> None:
    """With parameters copied; torch has two biases where one would do."""
    layer = LAYERS[kind](4, 5)
    theirs = getattr(torch.nn, kind)(4, 5, batch_first=True)
    p = {k: torch.tensor(to_numpy(v)) for k, v in layer.parameters().items()}
    weights = ("Wxh", "Whh") if kind == "RNN" else ("Wx", "Wh")
    second = torch.zeros_like(theirs.bias_hh_l0)
    if kind == "GRU":
        second[10:] = p["bhn"]
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(p[weights[0]])
        theirs.weight_hh_l0.copy_(p[weights[1]])
        theirs.bias_ih_l0.copy_(p["b" if kind == "GRU" else "bias"])
        theirs.bias_hh_l0.copy_(second)
        x = samples(rng, 3, 6, 4)
        want = theirs(torch.tensor(x))[0].numpy()
    got = layer(to_core(x))
    close(got[0] if kind == "LSTM" else got, want, 4e-6)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.RNN(0, 2), ValueError, "RNN: input_size must be at least 1, got 0"),
        (lambda: nn.GRU(1, -2), ValueError, "GRU: hidden_size must be at least 1"),
        (lambda: nn.LSTM(1, 2.5), TypeError, "LSTM: hidden_size must be an integer"),
        (
            lambda: nn.RNN(1, 2, nonlinearity=3),
            TypeError,
            "RNN: nonlinearity must be a function, got 3",
        ),
        (
            lambda: nn.RNN(3, 2)(mx.zeros((3,))),
            ValueError,
            r"RNN\(3, 2\): x must have shape \(N, L, 3\) or \(L, 3\), got \(3,\)",
        ),
        (
            lambda: nn.GRU(3, 2)(mx.zeros((4, 2))),
            ValueError,
            r"GRU\(3, 2\): last dimension of x must be 3, got shape \(4, 2\)",
        ),
        (lambda: nn.GRU(3, 2)([1.0]), TypeError, r"GRU\(3, 2\): x must be an array"),
        (
            lambda: nn.GRU(3, 2)(mx.zeros((5, 4, 3)), mx.zeros((2,))),
            ValueError,
            r"hidden must have shape \(5, 2\), for x of shape \(5, 4, 3\), got \(2,\)",
        ),
        (
            lambda: nn.LSTM(3, 2)(mx.zeros((4, 3)), cell=mx.zeros((3,))),
            ValueError,
            r"LSTM\(3, 2\): cell must have shape \(2,\)",
        ),
        (
            lambda: nn.LSTM(3, 2)(mx.zeros((4, 3)), 0.0),
            TypeError,
            "hidden must be an array, got float",
        ),
    ],
)
def test_refused(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
