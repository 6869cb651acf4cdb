"""Bad hyperparameters, gradients and states: a clear error, and nothing changed."""

from __future__ import annotations

import ingot.core as mx
import ingot.optimizers as optim
import numpy as np
import pytest
from optimizer_cases import NAMES, OPTIMIZERS, leaves, same_bits

nan, inf = float("nan"), float("inf")

BAD_HYPERPARAMETERS = [
    (optim.AdamW, {"betas": (1.2, 0.9)}, "adamw: beta1 must be in [0, 1), got 1.2"),
    (optim.Adam, {"betas": (0.9, 1.0)}, "adam: beta2 must be in [0, 1), got 1.0"),
    (optim.Adam, {"betas": (0.9, -0.1)}, "adam: beta2 must be in [0, 1), got -0.1"),
    (optim.Adam, {"betas": (0.9,)}, "adam: beta1 and beta2 must be a pair"),
    (optim.Adam, {"betas": 0.9}, "adam: beta1 and beta2 must be a pair"),
    (optim.Adam, {"eps": -1e-8}, "adam: eps must be in [0, inf), got -1e-08"),
    (optim.Adam, {"eps": nan}, "adam: eps must be in [0, inf), got nan"),
    (optim.AdamW, {"weight_decay": -1}, "adamw: weight_decay must be in [0, inf)"),
    (optim.AdamW, {"weight_decay": inf}, "adamw: weight_decay must be in [0, inf)"),
    (optim.Adamax, {"betas": (nan, 0.9)}, "adamax: beta1 must be in [0, 1), got nan"),
    (optim.Lion, {"betas": (0.9, 2)}, "lion: beta2 must be in [0, 1), got 2"),
    (optim.RMSprop, {"eps": 0.0}, "rmsprop: eps must be in (0, inf), got 0.0"),
    (optim.RMSprop, {"alpha": -0.1}, "rmsprop: alpha must be in [0, 1], got -0.1"),
    (optim.Adagrad, {"eps": 0}, "adagrad: eps must be in (0, inf), got 0"),
    (optim.AdaDelta, {"rho": -1}, "adadelta: rho must be in [0, 1], got -1"),
    (optim.AdaDelta, {"eps": 0}, "adadelta: eps must be in (0, inf), got 0"),
    (optim.SGD, {"momentum": -0.1}, "sgd: momentum must be in [0, inf), got -0.1"),
    (optim.SGD, {"nesterov": True}, "sgd: nesterov must come with momentum"),
    (
        optim.SGD,
        {"nesterov": True, "momentum": 0.9, "dampening": 0.1},
        "sgd: nesterov must come with momentum",
    ),
    (optim.Muon, {"momentum": 1.5}, "muon: momentum must be in [0, 1], got 1.5"),
    (optim.Muon, {"ns_steps": -1}, "muon: ns_steps must be in [0, inf), got -1"),
    (optim.Adafactor, {"relative_step": True}, "adafactor: learning_rate must be"),
    (optim.Adafactor, {"warmup_init": True}, "adafactor: warmup_init must come"),
    (optim.Adafactor, {"clip_threshold": 0}, "adafactor: clip_threshold must be in"),
    (optim.Adafactor, {"decay_rate": 0.8}, "adafactor: decay_rate must be in"),
    (optim.Adafactor, {"beta_1": 1.0}, "adafactor: beta_1 must be in [0, 1), got 1.0"),
]


@pytest.mark.parametrize(("make", "settings", "message"), BAD_HYPERPARAMETERS)
def test_hyperparameters_out_of_range(make, settings, message):
    with pytest.raises(ValueError) as error:
        make(0.1, **settings)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize("case", OPTIMIZERS, ids=NAMES)
def test_learning_rates_out_of_range(case):
    for bad in (-0.1, nan, inf, mx.ones((2,))):
        with pytest.raises(ValueError, match="learning_rate must be"):
            case.make(bad)
        optimizer = case.make(0.1)
        with pytest.raises(ValueError, match="learning_rate must be"):
            optimizer.learning_rate = bad
        assert abs(optimizer.learning_rate.item() - 0.1) < 1e-7
    with pytest.raises(ValueError, match="state_dtype must be 'float32' or 'param'"):
        case.make(0.1, state_dtype="half")


def test_settings_that_are_no_numbers():
    with pytest.raises(TypeError, match="adam: eps must be a number, got 'x'"):
        optim.Adam(0.1, eps="x")
    with pytest.raises(TypeError, match=r"muon: ns_steps must be an int, got 2\.5"):
        optim.Muon(0.1, ns_steps=2.5)


def test_adafactor_needs_a_learning_rate_or_a_relative_step():
    with pytest.raises(ValueError, match="learning_rate must be given exactly where"):
        optim.Adafactor(relative_step=False)


def model() -> dict:
    return {"a": {"b": [mx.ones((3,)), mx.ones((2, 2))]}, "c": mx.ones(())}


looped: list = [mx.ones(())]
looped.append(looped)

BAD_GRADIENTS = [
    ({"a": {"b": [mx.ones((1,))]}}, ValueError, "a.b.0 must have shape (3,), got (1,)"),
    ({"a": {"b": [mx.ones((3,)), mx.ones((4,))]}}, ValueError, "a.b.1 must have shape"),
    ({"a": {"b": [None]}}, TypeError, "a.b.0 must be an array, got None"),
    ({"a": {"b": [1.0]}}, TypeError, "a.b.0 must be an array, got 1.0"),
    ({"a": {"b": [np.ones(3)]}}, TypeError, "a.b.0 must be an array"),
    (None, TypeError, "the root must be an array, got None"),
    ({"a": {"x": mx.ones((3,))}}, ValueError, "a.x must belong to a parameter"),
    ({"a": mx.ones((3,))}, ValueError, "a is an array"),
    ({"a": {"b": {"0": mx.ones((3,))}}}, ValueError, "a.b is a dict"),
    ({"c": [mx.ones(())]}, ValueError, "c is a list"),
    ({"a": {"b": [mx.ones((3,))] * 3}}, ValueError, "a.b must have at most 2 entries"),
    ({"c": mx.ones((), mx.int32)}, TypeError, "c must be of a floating dtype"),
    ([mx.ones(())], ValueError, "the root is a list"),
    ({"a": {"b": looped}}, (ValueError, TypeError), "adam: "),
]


@pytest.mark.parametrize(("gradients", "kind", "message"), BAD_GRADIENTS)
def test_gradients_that_do_not_fit(gradients, kind, message):
    optimizer, params = optim.Adam(0.1), model()
    optimizer.update(params, {"c": mx.ones(())})
    state, weights = leaves(optimizer.state), leaves(params)
    multi = optim.MultiOptimizer([optim.Adam(0.1)])
    for one, name in ((optimizer, "adam: "), (multi, "multioptimizer: ")):
        with pytest.raises(kind) as error:
            one.update(params, gradients)
        text = str(error.value)
        assert text.startswith((name, "adam: "))
        assert message.removeprefix("adam: ") in text
    assert same_bits(leaves(optimizer.state), state) and same_bits(
        leaves(params), weights
    )


def test_a_container_that_holds_itself_is_refused():
    params: list = [mx.ones(())]
    params.append(params)
    with pytest.raises(ValueError, match="nest at most"):
        optim.SGD(0.1).init({"a": params})
    with pytest.raises(ValueError, match="nest at most"):
        optim.clip_grad_norm({"a": params}, 1.0)


@pytest.mark.parametrize("case", OPTIMIZERS, ids=NAMES)
def test_integer_parameters_are_refused(case):
    optimizer, params = case.make(0.1), {"a": {"n": mx.ones((2,), mx.int32)}}
    message = r"parameter a\.n must be of a floating dtype"
    with pytest.raises(TypeError, match=message):
        optimizer.update(params, {"a": {"n": mx.ones((2,))}})
    with pytest.raises(TypeError, match=message):
        optimizer.init(params)
    assert optimizer.step.item() == 0


def test_update_needs_a_model_it_can_change():
    for params in (mx.ones((2,)), (mx.ones((2,)),), None):
        with pytest.raises(TypeError, match="sgd: model must be a module"):
            optim.SGD(0.1).update(params, mx.ones((2,)))


def good_state() -> dict:
    optimizer = optim.Adam(0.1)
    optimizer.init({"w": mx.ones((2,))})
    return optimizer.state


def edited(**changes) -> dict:
    return {**good_state(), **changes}


BAD_STATES = [
    (edited(w={"v": mx.ones((2,))}), "state of w must hold m, v, got v"),
    (edited(w={"m": mx.ones((2,)), "v": mx.ones((3,))}), "state v of w must have sha"),
    (edited(w={"m": mx.ones((2,)), "v": None}), "state v of w must have shape (2,)"),
    (edited(w=mx.ones((2,))), "state of w must be a dict"),
    (
        edited(w={**good_state()["w"], "u": mx.ones((2,))}),
        "state of w must hold m, v only",
    ),
    ({"learning_rate": mx.array(0.1)}, "state must hold the scalar step"),
    (edited(step=mx.ones((3,))), "state must hold the scalar step"),
    ({"step": mx.array(0, mx.uint64)}, "state must hold learning_rate"),
]


@pytest.mark.parametrize(("state", "message"), BAD_STATES)
def test_states_of_others_are_refused(state, message):
    optimizer, params = optim.Adam(0.1), {"w": mx.ones((2,))}
    optimizer.state = state
    with pytest.raises(ValueError) as error:
        optimizer.update(params, {"w": mx.ones((2,))})
    assert str(error.value).startswith(f"adam: {message}")
    assert params["w"].tolist() == [1, 1]
