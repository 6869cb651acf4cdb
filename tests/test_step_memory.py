"""The memory of the fused step: what it writes in place, and what it must not."""

from __future__ import annotations

import ingot.core as mx
import ingot.optimizers as optim
import numpy as np
import pytest
from ingot import _core
from optimizer_cases import from_numpy, leaves, same_bits, to_numpy
from step_cases import RULES, settings, trained


def extra_memory(run) -> int:
    before = mx.get_active_memory()
    mx.reset_peak_memory()
    run()
    return mx.get_peak_memory() - before


N = 300_000
BYTES = 4 * N


@pytest.mark.parametrize("dtype", [mx.float32, mx.float16], ids=str)
def test_the_plain_loop_takes_no_memory(dtype):
    """Only scalars are allocated: parameters and states are written in place."""
    model = {"a": mx.ones((N,), dtype), "b": {"c": [mx.ones((3, 5), dtype)]}}
    grads = {"a": mx.full((N,), 0.5, dtype), "b": {"c": [mx.ones((3, 5), dtype)]}}
    optimizer = trained(model, grads)

    def run():
        optimizer.update(model, grads)
        mx.eval(model, optimizer.state)

    assert extra_memory(run) < 4096
    count = _core._allocations()
    run()
    assert _core._allocations() - count <= len(RULES["adamw"][1]) + 1


def test_a_module_takes_no_memory_either():
    nn = pytest.importorskip("ingot.nn")
    model = nn.Sequential(nn.Linear(600, 500), nn.ReLU(), nn.Linear(500, 1))
    optimizer = optim.Adam(1e-3)
    grads = model.trainable_parameters()
    grads = {"layers": [{k: w * 0.1 for k, w in x.items()} for x in grads["layers"]]}
    mx.eval(model, grads)

    def run():
        optimizer.update(model, grads)
        mx.eval(model.parameters(), optimizer.state)

    run()
    run()
    assert extra_memory(run) < 8192


def test_a_tensor_that_others_hold_costs_one_copy_of_itself():
    model = {"a": mx.ones((N,)), "b": mx.ones((N,))}
    grads = {k: mx.full((N,), 0.5) for k in model}
    optimizer = trained(model, grads)
    old = model["a"]
    value = to_numpy(old)
    view = mx.reshape(optimizer.state["b"]["m"], (2, -1))
    mx.eval(view)
    kept = to_numpy(view)

    def run():
        optimizer.update(model, grads)
        mx.eval(model, optimizer.state)

    extra = extra_memory(run)
    assert 2 * BYTES <= extra < 3 * BYTES  # sizes are rounded up by at most a quarter
    assert np.array_equal(to_numpy(old), value)
    assert np.array_equal(to_numpy(view), kept)
    assert not np.array_equal(to_numpy(model["a"]), value)


def test_a_loss_not_yet_computed_reads_the_old_parameter():
    model = {"a": mx.ones((N,)), "b": mx.ones((N,))}
    grads = {k: mx.full((N,), 0.5) for k in model}
    optimizer = trained(model, grads)
    want = to_numpy(model["a"])[0] * N
    loss = mx.sum(model["a"])

    def run():
        optimizer.update(model, grads)
        mx.eval(model, optimizer.state)

    assert BYTES <= extra_memory(run) < 2 * BYTES
    assert abs(loss.item() - want) < 1e-4 * want


def test_numpy_views_are_never_written_over():
    model = {"a": mx.ones((N,))}
    grads = {"a": mx.full((N,), 0.5)}
    optimizer = trained(model, grads)
    seen = np.asarray(memoryview(model["a"]))
    value = seen.copy()
    optimizer.update(model, grads)
    mx.eval(model)
    assert np.array_equal(seen, value)


def test_one_array_in_several_places_is_never_written_over():
    rng = np.random.default_rng(5)
    w = from_numpy(rng.normal(size=1000))
    alone, _ = _core.step("sgd", [w], [w], [], [0.5, 0.0])
    mx.eval(alone)
    copies = [from_numpy(to_numpy(w)) for _ in range(3)]
    mx.eval(copies)
    tied = [copies[0], copies[0], copies[1], copies[2]]
    gradients = [w, copies[0], copies[1], w]
    del copies
    new, _ = _core.step("sgd", tied, gradients, [], [0.5, 0.0])
    del tied, gradients
    assert all(same_bits(x, alone[0]) for x in new)


def test_states_that_are_one_array_stay_apart():
    m = mx.zeros((1000,))
    mx.eval(m)
    p, g = [mx.ones((1000,))], [mx.full((1000,), 0.5)]
    want = _core.composed_step("adam", p, g, [[m], [m + 0]], settings("adam"))
    mx.eval(want)
    states = [[m], [m]]
    del m
    new = _core.step("adam", p, g, states, settings("adam"))
    del states
    assert same_bits(new, want)


def test_a_step_that_runs_out_of_memory_can_be_computed_later():
    model = {k: mx.full((N,), float(i)) for i, k in enumerate("abc")}
    grads = {k: mx.ones((N,)) for k in model}
    optimizer = trained(model, grads)
    held = [dict(model), {k: dict(optimizer.state[k]) for k in model}]
    before = [to_numpy(x) for x in leaves(held)]
    optimizer.update(model, grads)
    mx.clear_cache()
    limit = mx.set_memory_limit(mx.get_active_memory() + 4 * BYTES)
    try:
        with pytest.raises(MemoryError):
            mx.eval(model)
    finally:
        mx.set_memory_limit(limit)
    after = [to_numpy(x) for x in leaves(held)]
    assert all(np.array_equal(x, y) for x, y in zip(before, after, strict=True))
    for (k, w), (_, new) in zip(held[0].items(), model.items(), strict=True):
        state = held[1][k]
        values = [mx.array(1e-2), 0.9, 0.999, 1e-8, 0.01, 1.0, 3.0]
        states = [[state["m"]], [state["v"]]]
        want, _ = _core.composed_step("adamw", [w], [grads[k]], states, values)
        assert same_bits(new, want[0])
