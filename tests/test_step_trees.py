"""The walk over trees that hands an update to the fused step."""

from __future__ import annotations

import ingot.core as mx
import ingot.optimizers as optim
import numpy as np
from ingot import _core
from optimizer_cases import from_numpy, same_bits
from step_cases import trained


def test_increment_of_a_known_count_is_known():
    step = mx.array(2**40, mx.uint64)
    for _ in range(3):
        step = _core.increment(step)
    assert step.dtype == mx.uint64 and step.item() == 2**40 + 3
    assert _core.increment(mx.array(1.5)).item() == 2.5
    assert mx.grad(_core.increment)(mx.array(1.5)).item() == 1


def matched(gradients, parameters, state, slots=("m",)):
    return _core.match(gradients, parameters, state, ("step",), slots)


def test_match_takes_what_is_regular_and_leaves_the_rest():
    x, leaf = mx.ones((2,)), {"m": mx.zeros((2,))}
    good = {"a": x, "b": [x, {"c": x}], "empty": {}}
    state = {"step": 1, "a": leaf, "b": [leaf, {"c": leaf}]}
    assert matched(good, good, state) is not None
    assert matched({"b": (x,)}, good, state) is not None
    assert matched([x], [x], {0: leaf}) is not None
    assert matched(x, x, leaf) is not None
    for gradients, parameters, kept in (
        ({"a": None}, good, state),
        ({"z": x}, good, state),
        ({"a": mx.ones((3,))}, good, state),
        ({"a": mx.array([1, 2])}, good, state),
        ({"b": [x, {"c": x}, x]}, good, state),
        ({"step": x}, {"step": x}, {"step": leaf}),
        ({"p:step": x}, {"p:step": x}, {"p:step": leaf}),
        ({"b": (x,)}, {"b": (x,)}, {"b": [leaf]}),
        ({"a": x}, good, {"a": {}}),
        ({"a": x}, good, {"a": {"m": mx.zeros((3,))}}),
        ({"a": x}, good, {"a": {"m": None}}),
        ({"a": x}, good, {}),
        (None, None, None),
    ):
        assert matched(gradients, parameters, kept) is None


def test_match_ends_for_a_container_that_holds_itself():
    loop: list = []
    loop.append(loop)
    assert matched(loop, loop, {0: loop}) is None


def test_an_array_object_that_others_hold_keeps_its_value():
    model, grads = {"w": mx.ones((2,))}, {"w": mx.ones((2,))}
    optimizer = trained(model, grads)
    old, state = model["w"], optimizer.state["w"]["m"]
    values = old.tolist(), state.tolist()
    optimizer.update(model, grads)
    assert (old.tolist(), state.tolist()) == values
    assert model["w"].tolist() != values[0]


def test_the_walk_in_python_and_the_match_agree(monkeypatch):
    rng = np.random.default_rng(2)

    def tree():
        a, b, c = (from_numpy(rng.normal(size=s)) for s in [(3,), (2, 2), ()])
        return {"x": [a, {"y": b}], "z": c, "none": []}

    first, grads = tree(), [tree() for _ in range(4)]
    runs = []
    for fast in (True, False):
        if not fast:
            monkeypatch.setattr(_core, "match", lambda *args: None)
        optimizer = optim.AdamW(optim.linear_schedule(0.1, 0.2, 3))
        model = {"x": [first["x"][0], dict(first["x"][1])], "z": first["z"], "none": []}
        for g in grads[:2]:
            optimizer.update(model, g)
        new = model
        for g in grads[2:]:
            new = optimizer.apply_gradients(g, new)
        runs.append((model, new, optimizer.state))
    assert same_bits(*runs)
