"""The fused step: its bits, its threads, its derivatives, its errors."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys

import ingot.core as mx
import numpy as np
import pytest
from ingot import _core
from optimizer_cases import FLOATS, from_numpy, leaves, same_bits, to_numpy
from step_cases import RULES, VALUES, operands, settings

every = pytest.mark.parametrize("rule", RULES)


@every
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_the_fused_step_has_the_bits_of_the_composed_graph(rule, dtype):
    states = {mx.float16: [mx.float32], mx.bfloat16: [mx.float32, mx.bfloat16]}
    for state in states.get(dtype, [dtype]):
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


@pytest.mark.usefixtures("cpu")
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


@pytest.mark.usefixtures("cpu")
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
    inner_argument = 1 if rule == "scale" else 0  # which reads its gradients alone

    def nested(step):
        loss, args = loss_of(step, rule)
        rate = 2 + len(RULES[rule][0])

        def inner(lr):
            changed = [*args[:rate], lr, *args[rate + 1 :]]
            by_parameter = mx.grad(loss, argnums=inner_argument)(*changed)
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
    w = mx.ones((300_000,))

    def f(lr):
        p, g = w * 2, w * 3
        new, _ = _core.step("sgd", [p], [g], [], [lr, 0.0])
        mx.eval(new)
        return mx.sum(new[0] * p)

    value, gradient = mx.value_and_grad(f)(mx.array(0.5))
    assert value.item() == pytest.approx((2 - 1.5) * 2 * 300_000)
    assert gradient.item() == pytest.approx(-6 * 300_000)


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
