"""Every update rule against its float64 oracle, and against MLX and torch."""

from __future__ import annotations

import importlib

import ingot.core as mx
import ingot.optimizers as optim
import ml_dtypes
import numpy as np
import pytest
import reference_rules as reference
from ingot import _core
from optimizer_cases import (
    NAMES,
    OPTIMIZERS,
    Case,
    from_numpy,
    leaves,
    rate,
    to_numpy,
)

every = pytest.mark.parametrize("case", OPTIMIZERS, ids=NAMES)
STEPS = 100
# Ranks 0 to 5, odd sizes, more elements than one vector.
SHAPES = [(), (1,), (67,), (4, 3), (3, 5), (2, 3, 4), (3, 1, 2, 2), (2, 2, 1, 3, 2)]


def test_every_rule_has_an_oracle_and_a_case():
    assert set(_core.rules()) == set(reference.RULES)
    assert set(_core.rules()) - {"scale"} <= set(NAMES)  # which is no optimizer's


def trained(case: Case, seed: int, dtype: mx.Dtype) -> tuple[list, list]:
    """Parameters and states after STEPS updates, as (ingot's, oracle's) pairs."""
    rng = np.random.default_rng([seed, NAMES.index(case.name)])
    settings, lr = case.sample(rng), rate(rng)
    optimizer = case.build(settings, lr)
    start = [rng.normal(size=shape) for shape in SHAPES]
    model = {"w": [from_numpy(w, dtype) for w in start]}
    runs = [case.reference(to_numpy(w), settings, lr) for w in model["w"]]
    for _ in range(STEPS):
        grads = [from_numpy(rng.normal(size=shape), dtype) for shape in SHAPES]
        optimizer.update(model, {"w": grads})
        mx.eval(model, optimizer.state)
        for run, grad in zip(runs, grads, strict=True):
            run.update(to_numpy(grad))
    weights = [(to_numpy(w), r.w) for w, r in zip(model["w"], runs, strict=True)]
    states = [
        (to_numpy(state[slot]), value)
        for state, run in zip(optimizer.state["w"], runs, strict=True)
        for slot, value in run.state.items()
    ]
    return weights, states


def error(pairs: list) -> float:
    """The largest error, relative to the largest value of its array or to 1."""
    return max(
        np.max(np.abs(got - want) / max(1.0, np.max(np.abs(want))))
        for got, want in pairs
    )


@every
@pytest.mark.parametrize("seed", range(4))
def test_100_steps_in_float64_match_the_oracle(case, seed):
    weights, states = trained(case, seed, mx.float64)
    assert error(weights + states) < 1e-12


@every
@pytest.mark.parametrize("seed", range(4))
def test_100_steps_in_float32_match_the_oracle(case, seed):
    weights, states = trained(case, seed, mx.float32)
    assert error(weights + states) < case.tolerance


@every
@pytest.mark.parametrize(
    ("dtype", "numpy_dtype"),
    [(mx.float16, np.float16), (mx.bfloat16, ml_dtypes.bfloat16)],
    ids=["float16", "bfloat16"],
)
def test_half_precision_rounds_once_a_step(case, dtype, numpy_dtype):
    """Each new parameter is the oracle's, rounded: at most one unit away from it."""
    rng = np.random.default_rng(5)
    settings, lr = case.sample(rng), rate(rng)
    optimizer = case.build(settings, lr)
    model = {"w": from_numpy(rng.normal(size=(5, 7)), dtype)}
    run = case.reference(to_numpy(model["w"]), settings, lr)
    for _ in range(30):
        grad = from_numpy(rng.normal(size=(5, 7)), dtype)
        run.w = to_numpy(model["w"])  # what was rounded away is not to add up here
        want = run.update(to_numpy(grad)).astype(numpy_dtype)
        optimizer.update(model, {"w": grad})
        assert model["w"].dtype == dtype
        got = to_numpy(model["w"]).astype(numpy_dtype)
        near = np.nextafter(want, got)
        assert np.all((got == want) | (got == near))
        for slot, value in run.state.items():
            kept = optimizer.state["w"][slot]
            assert kept.dtype == mx.float32
            np.testing.assert_allclose(to_numpy(kept), value, rtol=1e-4, atol=1e-5)


@every
def test_half_precision_with_zero_gradients_stays_finite(case):
    model = {"w": mx.ones((3, 2), mx.float16), "b": mx.ones((2,), mx.float16)}
    optimizer = case.build({"momentum": 0.9} if case.name == "momentum" else {}, 0.1)
    zero = {"w": mx.zeros((3, 2), mx.float16), "b": mx.zeros((2,), mx.float16)}
    small = {
        "w": mx.full((3, 2), 1e-4, mx.float16),
        "b": mx.full((2,), 1e-4, mx.float16),
    }
    for grads in (zero, small, zero):
        optimizer.update(model, grads)
        assert all(bool(mx.all(mx.isfinite(w)).item()) for w in leaves(model))


def test_second_moment_in_half_precision_does_not_stall():
    """1 - 0.999^2000 = 0.865; a bfloat16 state stops at 0.5."""
    model = {"w": mx.ones((3,), mx.bfloat16)}
    optimizer = optim.Adam(1e-3)
    grads = {"w": mx.ones((3,), mx.bfloat16)}
    for _ in range(2000):
        optimizer.update(model, grads)
        mx.eval(model, optimizer.state)
    want = 1 - 0.999**2000
    assert abs(to_numpy(optimizer.state["w"]["v"])[0] - want) < 1e-5


def test_state_dtype_param_keeps_state_in_half_precision():
    for case in OPTIMIZERS:
        model = {"w": mx.ones((3, 2), mx.bfloat16)}
        optimizer = case.build({}, 0.1, state_dtype="param")
        optimizer.update(model, {"w": mx.ones((3, 2), mx.bfloat16)})
        assert {x.dtype for x in leaves(optimizer.state["w"])} <= {mx.bfloat16}


@every
def test_dtypes_may_differ_between_parameter_gradient_and_state(case):
    """The parameter keeps its dtype and the state follows the parameter's."""
    rng = np.random.default_rng(3)
    w, g = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    for kind in (mx.float16, mx.bfloat16, mx.float32, mx.float64):
        for grad_kind in (mx.float16, mx.bfloat16, mx.float32, mx.float64):
            model = {"w": from_numpy(w, kind)}
            grads = {"w": from_numpy(g, grad_kind)}
            optimizer = case.build({}, 0.125)
            run = (
                case.reference(to_numpy(model["w"]), {}, 0.125)
                if (case.name != "momentum")
                else case.reference(to_numpy(model["w"]), {"momentum": 0.0}, 0.125)
            )
            optimizer.update(model, grads)
            want = run.update(to_numpy(grads["w"]))
            tolerance = {mx.float16: 2e-3, mx.bfloat16: 2e-2}.get(kind, 1e-5)
            assert model["w"].dtype == kind
            np.testing.assert_allclose(to_numpy(model["w"]), want, atol=tolerance)
            state = mx.float64 if kind == mx.float64 else mx.float32
            assert {x.dtype for x in leaves(optimizer.state["w"])} <= {state}


def test_nan_and_infinity_in_a_gradient_reach_the_parameter():
    for case in OPTIMIZERS:
        model = {"w": mx.ones((3,))}
        case.build({}, 0.1).update(model, {"w": mx.array([1.0, float("nan"), 1.0])})
        assert np.isnan(to_numpy(model["w"])[1]), case.name


PEERS = {
    "sgd": ({"weight_decay": 0.1}, {"weight_decay": 0.1}),
    "momentum": (
        {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
        {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    ),
    "rmsprop": ({}, {}),
    "adagrad": ({}, {"eps": 1e-8}),
    "adadelta": ({}, {}),
    "adam": ({"bias_correction": True}, {}),
    "adamw": ({"bias_correction": True}, {}),
    "adafactor": ({"relative_step": False}, {}),
}


def compared(case: Case, settings: dict, peer_step, shape=(16, 8)) -> float:
    """Largest difference to a peer after 50 float32 updates."""
    rng = np.random.default_rng(7)
    w = rng.normal(size=shape).astype(np.float32)
    grads = rng.normal(size=(50, *shape)).astype(np.float32)
    model, optimizer = {"w": from_numpy(w)}, case.build(settings, 0.01)
    for g in grads:
        optimizer.update(model, {"w": from_numpy(g)})
    return float(np.max(np.abs(to_numpy(model["w"]) - peer_step(w, grads))))


@every
def test_float32_agrees_with_mlx(case, mlx):
    peer = importlib.import_module("mlx.optimizers")
    rng = np.random.default_rng(11)
    settings = case.sample(rng)
    settings.pop("scale_parameter", None)
    extra = {"relative_step": False} if case.name == "adafactor" else {}

    def run(w, grads):
        made = getattr(peer, case.make.__name__)(0.01, **settings, **extra)
        model = {"w": mlx.array(w)}
        for g in grads:
            model = made.apply_gradients({"w": mlx.array(g)}, model)
        return np.array(model["w"])

    assert compared(case, settings, run) < max(3e-6, case.tolerance)


@pytest.mark.parametrize("name", PEERS)
def test_float32_agrees_with_torch(name, torch):
    case = OPTIMIZERS[NAMES.index(name)]
    ours, theirs = PEERS[name]
    peer = {"adadelta": "Adadelta", "adafactor": "Adafactor"}.get(name)
    peer = getattr(torch.optim, peer or case.make.__name__)

    def run(w, grads):
        parameter = torch.nn.Parameter(torch.tensor(w))
        made = peer([parameter], lr=0.01, **theirs)
        for g in grads:
            parameter.grad = torch.tensor(g)
            made.step()
        return parameter.detach().numpy()

    assert compared(case, ours, run) < 3e-6
