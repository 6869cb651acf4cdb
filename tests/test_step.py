"""The fused step: its bits, its memory, its threads, its derivatives, its errors."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys

import ingot.core as mx
import ingot.optimizers as optim
import numpy as np
import pytest
from ingot import _core
from optimizer_cases import FLOATS, from_numpy, leaves, same_bits, to_numpy

RULES = _core.rules()
every = pytest.mark.parametrize("rule", RULES)
# Around the vector, tile and chunk; enough in all for a second thread.
SIZES = [1, 15, 16, 17, 1023, 1025, 32769, 150_001]
SHAPES = [(), (0, 3), (3, 1, 5), *[(n,) for n in SIZES]]
VALUES = {
    "lr": 0.01,
    "weight_decay": 0.1,
    "momentum": 0.9,
    "dampening": 0.2,
    "nesterov": 1.0,
    "alpha": 0.99,
    "eps": 1e-3,
    "rho": 0.95,
    "beta1": 0.9,
    "beta2": 0.999,
    "bias_correction": 1.0,
    "step": 7.0,
}


def settings(rule: str) -> list:
    """Of several types, as optimizers pass them."""
    values = {
        **VALUES,
        "lr": mx.array(0.01),
        "step": mx.array(7, mx.uint64),
        "beta1": from_numpy(0.9, mx.float64),
    }
    return [values[name] for name in RULES[rule][1]]


def operands(rule, dtypes, shapes=SHAPES, seed=3):
    """Parameters, gradients and positive states of the given three dtypes."""
    rng = np.random.default_rng(seed)

    def draw(dtype, f=lambda x: x):
        return [from_numpy(f(rng.normal(size=s)), dtype) for s in shapes]

    p, g, s = dtypes
    return draw(p), draw(g), [draw(s, np.square) for _ in RULES[rule][0]]


@every
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_the_fused_step_has_the_bits_of_the_composed_graph(rule, dtype):
    state = mx.float32 if dtype in (mx.float16, mx.bfloat16) else dtype
    inputs = operands(rule, (dtype, dtype, state))
    fused = _core.step(rule, *inputs, settings(rule))
    composed = _core.composed_step(rule, *inputs, settings(rule))
    assert same_bits(fused, composed)
    for old, new in zip(inputs[0], fused[0], strict=True):
        assert old.size < 15 or not same_bits(old, new)


@pytest.mark.parametrize("dtypes", list(itertools.product(FLOATS, repeat=3)), ids=str)
def test_dtypes_mix(dtypes):
    shapes = [(1030,), (3, 4)]
    inputs = operands("adamw", dtypes, shapes)
    new, states = _core.step("adamw", *inputs, settings("adamw"))
    composed = _core.composed_step("adamw", *inputs, settings("adamw"))
    assert same_bits((new, states), composed)
    assert {w.dtype for w in new} == {dtypes[0]}
    assert {x.dtype for x in leaves(states)} == {dtypes[2]}


def layouts(x: np.ndarray) -> dict:
    n, m = x.shape
    wide = np.zeros((2 * n, 3 * m), x.dtype)
    wide[::2, ::3] = x
    return {
        "transposed": mx.array(np.ascontiguousarray(x.T)).T,
        "reversed": mx.array(np.ascontiguousarray(x[::-1, ::-1]))[::-1, ::-1],
        "strided": mx.array(wide)[::2, ::3],
        "row": mx.broadcast_to(mx.array(x[:1]), (n, m)),
        "scalar": mx.broadcast_to(mx.array(x[0, 0]), (n, m)),
    }


@pytest.mark.parametrize("dtype", [mx.float32, mx.bfloat16], ids=str)
@pytest.mark.parametrize("kind", ["transposed", "reversed", "strided", "row", "scalar"])
def test_inputs_of_any_layout_are_read_in_place(kind, dtype):
    """A gradient that is a view is not copied whole; no input need be contiguous."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(301, 207)).astype(np.float32) ** 2
    odd = layouts(x)[kind].astype(dtype)
    plain = mx.contiguous(odd) + 0
    fresh = [mx.full(x.shape, 0.5, dtype) + 0 for _ in range(4)]
    mx.eval(odd, plain, fresh)
    for place in range(4):
        got, want = list(fresh), list(fresh)
        got[place], want[place] = odd, plain
        results = [
            _core.step("adam", [p], [g], [[m], [v]], settings("adam"))
            for p, g, m, v in (got, want)
        ]
        assert same_bits(*results)
    del got, want, results
    fresh.append(None)
    p, _, m, v = (fresh.pop(0) for _ in range(4))
    mx.reset_peak_memory()
    before = mx.get_active_memory()
    new = _core.step("adam", [p], [odd], [[m], [v]], settings("adam"))
    del p, m, v
    mx.eval(new)
    assert mx.get_peak_memory() - before < 4096


def trained(model: dict, grads: dict) -> optim.Optimizer:
    """An optimizer after two updates, everything computed."""
    optimizer = optim.AdamW(1e-2, bias_correction=True)
    for _ in range(2):
        optimizer.update(model, grads)
        mx.eval(model, optimizer.state)
    return optimizer


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


def digest(rule: str) -> bytes:
    inputs = operands(rule, (mx.float32,) * 3)
    fused = _core.step(rule, *inputs, settings(rule))
    return b"".join(np.array(x).tobytes() for x in leaves(fused))


def test_any_number_of_threads_gives_the_same_bits():
    threads = mx.get_num_threads()
    try:
        mx.set_num_threads(1)
        one = [digest(rule) for rule in RULES]
        for n in (2, 5):
            mx.set_num_threads(n)
            assert [digest(rule) for rule in RULES] == one
    finally:
        mx.set_num_threads(threads)


PRINT_DIGESTS = """
import hashlib, test_step
for rule in test_step.RULES:
    print(hashlib.sha256(test_step.digest(rule)).hexdigest())
"""


def test_any_instruction_set_gives_the_same_bits():
    def run(level: str) -> str:
        env = {**os.environ, "INGOT_SIMD": level}
        env["PYTHONPATH"] = os.pathsep.join(sys.path)
        command = [sys.executable, "-c", PRINT_DIGESTS]
        return subprocess.run(
            command, env=env, check=True, capture_output=True, text=True
        ).stdout

    narrow = run("avx2")
    assert len(narrow.split()) == len(RULES)
    assert narrow == run("")


def test_subnormals_are_flushed_in_a_step_only():
    tiny = from_numpy(1e-40)
    w, g, v = [mx.zeros(())], [mx.zeros(())], [mx.array(tiny)]
    _, states = _core.step("rmsprop", w, g, [v], [0.1, 0.5, 1e-8])
    assert states[0][0].item() == 0
    assert mx.abs(tiny).item() > 0


# Derivatives -------------------------------------------------------------------------


def loss_of(step, rule):
    """A scalar of all that a step returns, as a function of all its inputs."""
    slots, names = RULES[rule]

    def loss(*args):
        lists, values = args[: 2 + len(slots)], args[2 + len(slots) :]
        parameters, gradients, *states = map(list, lists)
        new = step(rule, parameters, gradients, states, list(values))
        return sum((mx.sum(mx.square(x)) for x in leaves(new)), mx.array(0.0))

    inputs = operands(rule, (mx.float64,) * 3, shapes=[(3, 2), (), (4,)])
    values = [from_numpy(VALUES[name], mx.float64) for name in names]
    return loss, [inputs[0], inputs[1], *inputs[2], *values]


@every
def test_gradients_reach_parameters_gradients_states_and_settings(rule):
    fused, args = loss_of(_core.step, rule)
    composed, _ = loss_of(_core.composed_step, rule)
    every_argument = tuple(range(len(args)))
    got = mx.grad(fused, argnums=every_argument)(*args)
    want = mx.grad(composed, argnums=every_argument)(*args)
    for x, y in zip(leaves(got), leaves(want), strict=True):
        np.testing.assert_allclose(to_numpy(x), to_numpy(y), rtol=1e-12, atol=1e-14)
    assert any(np.any(to_numpy(x) != 0) for x in leaves(got[-len(RULES[rule][1]) :]))


@every
def test_second_derivatives_by_the_learning_rate_and_a_parameter(rule):
    """The inner gradient is by parameters alone, the outer one by the rate alone."""

    def nested(step):
        loss, args = loss_of(step, rule)
        rate = 2 + len(RULES[rule][0])

        def inner(lr):
            changed = [*args[:rate], lr, *args[rate + 1 :]]
            by_parameter = mx.grad(loss, argnums=0)(*changed)
            return sum((mx.sum(x) for x in by_parameter), mx.array(0.0))

        return mx.grad(inner)(args[rate]).item()

    fused, composed = nested(_core.step), nested(_core.composed_step)
    assert fused != 0 and abs(fused - composed) <= 1e-12 * abs(composed)


def test_forward_derivatives():
    loss, args = loss_of(_core.step, "adamw")
    lr = 4

    def f(x):
        return loss(*args[:lr], x, *args[lr + 1 :])

    _, (tangent,) = mx.jvp(f, [args[lr]], [mx.ones((), mx.float64)])
    assert abs(tangent.item() - mx.grad(f)(args[lr]).item()) < 1e-12


def test_an_unused_result_has_no_gradient():
    def f(w):
        _, states = _core.step("momentum", [w], [w], [[w]], [0.1, 0.9, 0, 0, 0])
        return mx.sum(states[0][0])

    assert mx.grad(f)(mx.array([1.0, 2.0])).tolist() == pytest.approx([1.9, 1.9])


def test_a_traced_step_writes_over_nothing():
    w = mx.ones((N,))

    def f(lr):
        p, g = w * 2, w * 3
        new, _ = _core.step("sgd", [p], [g], [], [lr, 0.0])
        mx.eval(new)
        return mx.sum(new[0] * p)

    value, gradient = mx.value_and_grad(f)(mx.array(0.5))
    assert value.item() == pytest.approx((2 - 1.5) * 2 * N)
    assert gradient.item() == pytest.approx(-6 * N)


# Errors ------------------------------------------------------------------------------

ONE = mx.ones((2,))
BAD = [
    (("adams", [ONE], [ONE], [], []), ValueError, "rule must be one of sgd, momentum,"),
    (("sgd", [ONE], [], [], [1, 0]), ValueError, "one gradient for each of 1 para"),
    (("sgd", [ONE], [ONE], [[ONE]], [1, 0]), ValueError, "sgd must have 0 slots, got"),
    (("sgd", [ONE], [ONE], [], [1]), ValueError, "sgd must have 2 settings, got 1"),
    (
        ("lion", [ONE], [ONE], [[]], [1, 0, 0, 0]),
        ValueError,
        "there must be one m for each of 1 parameters, got 0",
    ),
    (
        ("sgd", [ONE, ONE], [ONE, mx.ones((3,))], [], [1, 0]),
        ValueError,
        "gradient 1 must have shape (2,), got (3,)",
    ),
    (
        ("lion", [ONE], [ONE], [[mx.ones(())]], [1, 0, 0, 0]),
        ValueError,
        "m 0 must have shape (2,), got ()",
    ),
    (
        ("sgd", [mx.array([1, 2])], [ONE], [], [1, 0]),
        TypeError,
        "parameter 0 must be of a floating dtype, got int32",
    ),
    (
        ("sgd", [ONE], [mx.array([1, 2])], [], [1, 0]),
        TypeError,
        "gradient 0 must be of a floating dtype, got int32",
    ),
    (
        ("sgd", [ONE], [ONE], [], [ONE, 0]),
        ValueError,
        "setting lr must be a scalar, got shape (2,)",
    ),
]


@pytest.mark.parametrize(("args", "kind", "message"), BAD)
@pytest.mark.parametrize("step", [_core.step, _core.composed_step])
def test_errors_name_what_is_wrong(step, args, kind, message):
    with pytest.raises(kind) as error:
        step(*args)
    assert str(error.value).startswith("step: ") and message in str(error.value)


def test_no_tensors_are_a_step_too():
    assert _core.step("adam", [], [], [[], []], settings("adam")) == ([], [[], []])


# Trees -------------------------------------------------------------------------------


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
