"""Optimizers of several passes on the Metal backend: their numbers and their cost."""

from __future__ import annotations

import ingot.core as mx
import ingot.optimizers as optim
import numpy as np
import pytest
from metal_cases import both, cost_since, needs_metal, no_fallbacks, on_the_cpu, since
from optimizer_cases import from_numpy, leaves, to_numpy

pytestmark = [needs_metal, on_the_cpu]

# Rows and columns around the sizes of tiles; stacks of matrices; vectors.
SHAPES = [(3, 5), (65, 33), (130, 257), (300, 70), (2, 3, 4, 40), (1000, 3), (1, 600)]
SHAPES += [(600, 1), (1, 1), (7,), (20_000,), (), (0, 4), (3, 0), (0,)]
# Of parameters, gradients and state, with the error that rounding may leave.
TYPES = {
    ("float32", "float32", "float32"): 1e-5,
    ("float16", "float16", "float32"): 2e-3,
    ("bfloat16", "bfloat16", "float32"): 1.6e-2,
    ("bfloat16", "float32", "param"): 1.6e-2,
}


def train(make, shapes, rng, dtype, gradient, steps=3):
    """A function that gives parameters and state after a few steps."""
    draws = [[rng.normal(size=s) for s in shapes] for _ in range(1 + steps)]
    draws = [[from_numpy(x, getattr(mx, dtype)) for x in draws[0]]] + [
        [from_numpy(x, getattr(mx, gradient)) for x in draw] for draw in draws[1:]
    ]
    mx.eval(draws)

    def run():
        optimizer, model = make(), {str(i): +x for i, x in enumerate(draws[0])}
        for draw in draws[1:]:
            optimizer.update(model, {str(i): x for i, x in enumerate(draw)})
            mx.eval(model, optimizer)
        return leaves(model) + leaves(optimizer.state)

    return run


@pytest.mark.parametrize("types", TYPES, ids=str)
@pytest.mark.parametrize(
    "settings",
    [{}, {"learning_rate": 0.1, "beta_1": 0.9, "weight_decay": 0.1}],
    ids=["relative", "means"],
)
def test_adafactor_gives_the_numbers_of_the_cpu(settings, types, rng):
    dtype, gradient, state = types

    def make():
        return optim.Adafactor(**settings, state_dtype=state)

    with no_fallbacks():
        slow, fast = both(train(make, SHAPES, rng, dtype, gradient))
    for a, b in zip(slow, fast, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_allclose(
            to_numpy(b), to_numpy(a), rtol=TYPES[types], atol=TYPES[types] / 10
        )


@pytest.mark.parametrize("tensors", [1, 148])
def test_adafactor_takes_six_dispatches(tensors, rng):
    shapes = [SHAPES[i % 9] for i in range(tensors)]
    model = {str(i): from_numpy(rng.normal(size=s)) for i, s in enumerate(shapes)}
    grads = {str(i): from_numpy(rng.normal(size=s)) for i, s in enumerate(shapes)}
    with mx.stream(mx.gpu):
        optimizer = optim.Adafactor(beta_1=0.9)
        optimizer.update(model, grads)
        mx.eval(model, grads, optimizer)
        before = mx.metal._counts()
        optimizer.update(model, grads)
        mx.eval(model, optimizer)
    spent = cost_since(before)
    assert (spent["dispatches"], spent["barriers"]) == (6, 5)
    assert spent["command_buffers"] == 1


def test_adafactor_reads_gradients_three_times_and_parameters_twice(rng):
    model = {"w": from_numpy(rng.normal(size=(512, 512)))}
    grads = {"w": from_numpy(rng.normal(size=(512, 512)))}
    with mx.stream(mx.gpu):
        optimizer = optim.Adafactor()
        optimizer.update(model, grads)
        mx.eval(model, grads, optimizer)
        before = mx.metal._counts()
        optimizer.update(model, grads)
        mx.eval(model, optimizer)
    array, spent = 4 * 512 * 512, since(before)
    assert 5 * array <= spent["bytes_read"] < 5.2 * array
    # The sums of tiles stand in all passes as written.
    assert array <= spent["bytes_written"] < 1.5 * array


def test_adafactor_reads_operands_of_any_layout(rng):
    w, g = (from_numpy(rng.normal(size=(40, 30))) for _ in range(2))
    mx.eval(w, g)

    def run():
        model = {"w": w[::2, ::-1].T}
        optimizer = optim.Adafactor()
        optimizer.update(model, {"w": mx.broadcast_to(g[:, :1], (40, 20))[:30]})
        return leaves(model) + leaves(optimizer.state)

    with no_fallbacks():
        slow, fast = both(run)
    for a, b in zip(slow, fast, strict=True):
        np.testing.assert_allclose(to_numpy(b), to_numpy(a), rtol=1e-5, atol=1e-6)


def cost_of_muon(shapes, rng) -> dict[str, int]:
    model = {str(i): from_numpy(rng.normal(size=s)) for i, s in enumerate(shapes)}
    grads = {str(i): from_numpy(rng.normal(size=s)) for i, s in enumerate(shapes)}
    with mx.stream(mx.gpu), no_fallbacks():
        optimizer = optim.Muon(0.1)
        optimizer.update(model, grads)
        mx.eval(model, grads, optimizer)
        before = mx.metal._counts()
        optimizer.update(model, grads)
        mx.eval(model, optimizer)
    return cost_since(before)


def test_muon_costs_as_much_for_many_matrices_as_for_two(rng):
    wide, tall, vector = (8, 12), (12, 8), (7,)
    assert cost_of_muon([vector] * 148, rng)["dispatches"] == 2
    assert cost_of_muon([wide, wide, vector], rng)["dispatches"] == 2 + 32
    assert cost_of_muon([wide] * 100 + [vector] * 48, rng)["dispatches"] == 2 + 32
    both_shapes = cost_of_muon([wide] * 75 + [tall] * 73, rng)["dispatches"]
    assert both_shapes == 2 + 32 + 33


@pytest.mark.parametrize("types", TYPES, ids=str)
def test_muon_gives_the_numbers_of_the_cpu(types, rng):
    dtype, gradient, state = types
    shapes = [(6, 10), (10, 6), (6, 10), (6, 2, 5), (33, 20), (5,), (), (0, 3)]

    def make():
        return optim.Muon(0.1, state_dtype=state)

    with no_fallbacks():
        slow, fast = both(train(make, shapes, rng, dtype, gradient))
    tolerance = max(5e-4, TYPES[types])  # small singular values grow by 3.4 a step
    for a, b in zip(slow, fast, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_allclose(
            to_numpy(b), to_numpy(a), rtol=tolerance, atol=tolerance
        )
