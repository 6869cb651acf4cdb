"""What optimizers promise about trees, state, schedules, files and subclasses."""

from __future__ import annotations

import pickle

import ingot.core as mx
import ingot.nn as nn
import ingot.optimizers as optim
import numpy as np
import pytest
from ingot.utils import tree_flatten, tree_map, tree_unflatten
from optimizer_cases import (
    NAMES,
    OPTIMIZERS,
    from_numpy,
    leaves,
    rate,
    same_bits,
    to_numpy,
    tree,
)

every = pytest.mark.parametrize("case", OPTIMIZERS, ids=NAMES)


@pytest.mark.parametrize("case", OPTIMIZERS, ids=NAMES)
def test_a_number_or_a_schedule_is_all_it_takes(case):
    for lr in (0.1, lambda step: 0.1, lambda step: mx.array(0.1)):
        for make in (case.make(lr), case.make(learning_rate=lr)):
            model = {"w": mx.ones((1,), mx.float16)}
            make.update(model, {"w": mx.ones((1,), mx.float16)})
            assert model["w"].dtype == mx.float16
            assert abs(make.learning_rate.item() - 0.1) < 1e-7


@every
def test_a_tree_is_updated_as_its_parts_are(case, rng):
    """One step of all tensors gives the bits of one step each."""
    settings, lr = case.sample(rng), rate(rng)
    model, together = tree(rng), case.build(settings, lr)
    alone = [(w, case.build(settings, lr)) for w in leaves(model)]
    for _ in range(3):
        grads = tree(rng)
        new = together.apply_gradients(grads, model)
        parts = [
            (one.apply_gradients({"w": g}, {"w": w})["w"], one)
            for (w, one), g in zip(alone, leaves(grads), strict=True)
        ]
        assert same_bits(new, [w for w, _ in parts])
        model, alone = new, parts


def test_state_mirrors_the_parameters(rng):
    model, optimizer = tree(rng), optim.Adam(0.1)
    optimizer.init(model)
    state = optimizer.state
    assert set(state) == {"step", "learning_rate", *model}
    assert state["step"].dtype == mx.uint64 and state["step"].item() == 0
    assert state["learning_rate"].dtype == mx.float32
    assert set(state["layers"][0]["weight"]) == {"m", "v"}
    assert state["layers"][1] == {}
    assert state["pair"][1]["v"].shape == (2, 1, 3)
    optimizer.update(model, tree(rng))
    assert optimizer.state is state and optimizer.step.item() == 1


@every
def test_resuming_from_a_file_changes_no_bit(case, rng, tmp_path):
    settings, lr = case.sample(rng), optim.cosine_decay(0.01, 20)
    optimizer = case.make(lr, **settings)
    model = {"a": [from_numpy(rng.normal(size=(4, 3)))], "b": from_numpy(1.0)}
    grads = [
        tree_map(lambda w: from_numpy(rng.normal(size=w.shape)), model)
        for _ in range(10)
    ]
    for g in grads[:5]:
        optimizer.update(model, g)
    path = str(tmp_path / "state.safetensors")
    mx.save_safetensors(path, dict(tree_flatten(optimizer.state)))
    other, copy = case.make(lr, **settings), tree_map(lambda w: w, model)
    other.state = tree_unflatten(list(mx.load(path).items()))
    for g in grads[5:]:
        optimizer.update(model, g)
        other.update(copy, g)
    assert same_bits(model, copy)
    assert same_bits(optimizer.state, other.state)


def test_resuming_works_where_a_file_turns_names_into_lists(tmp_path):
    """Digits as names come back as a list, a list at the root as names."""
    for model in ({"0": mx.ones((2,)), "1": mx.ones((3,))}, [mx.ones((2,))]):
        grads = tree_map(mx.ones_like, model)
        optimizer = optim.Adam(0.1)
        model = {"inner": model} if isinstance(model, dict) else model
        grads = {"inner": grads} if isinstance(grads, dict) else grads
        model = optimizer.apply_gradients(grads, model)
        path = str(tmp_path / "state.safetensors")
        mx.save_safetensors(path, dict(tree_flatten(optimizer.state)))
        other = optim.Adam(0.1)
        other.state = tree_unflatten(list(mx.load(path).items()))
        a = optimizer.apply_gradients(grads, model)
        b = other.apply_gradients(grads, model)
        assert same_bits(a, b)


@every
def test_optimizers_pickle_with_their_schedules(case, rng):
    settings = case.sample(rng)
    optimizer = case.make(optim.linear_schedule(0.01, 0.1, 5), **settings)
    model = {"w": from_numpy(rng.normal(size=(3, 2)))}
    g = {"w": from_numpy(rng.normal(size=(3, 2)))}
    optimizer.update(model, g)
    other, copy = pickle.loads(pickle.dumps(optimizer)), dict(model)
    optimizer.update(model, g)
    other.update(copy, g)
    assert same_bits(model, copy) and same_bits(optimizer.state, other.state)


@every
def test_frozen_parameters_stay_and_unfrozen_ones_join(case, rng):
    settings, lr = case.sample(rng), 0.01
    optimizer = case.build(settings, lr)
    a, b = rng.normal(size=(3, 2)), rng.normal(size=(3, 2))
    model = {"a": from_numpy(a), "b": {"c": from_numpy(b), "d": mx.ones((2,))}}
    g = from_numpy(rng.normal(size=(3, 2)))
    optimizer.update(model, {"a": g})
    assert same_bits(model["b"]["c"], from_numpy(b)) and "b" not in optimizer.state
    optimizer.update(model, {"a": g, "b": {"c": g}})
    assert not same_bits(model["b"]["c"], from_numpy(b))
    assert same_bits(model["b"]["d"], mx.ones((2,)))
    kept = tree_map(lambda x: x, optimizer.state["a"])
    optimizer.update(model, {"b": {"c": g}})
    assert same_bits(optimizer.state["a"], kept)


def test_init_fills_only_what_is_missing():
    model = {"a": mx.ones((2,)), "b": mx.ones((2,))}
    optimizer = optim.Adam(0.1)
    optimizer.update(model, {"a": mx.ones((2,))})
    m = optimizer.state["a"]["m"]
    optimizer.init(model)
    assert optimizer.state["a"]["m"] is m and "m" in optimizer.state["b"]


def test_a_shared_module_is_trained_as_one():
    mx.random.seed(2)
    shared = nn.Linear(3, 3)
    model = nn.Sequential(shared, nn.ReLU(), shared)
    optimizer = optim.SGD(0.05)
    X = mx.random.normal((16, 3))

    def loss_fn(model):
        return mx.mean(mx.square(model(X) - X))

    losses = []
    for _ in range(50):
        loss, grads = nn.value_and_grad(model, loss_fn)(model)
        optimizer.update(model, grads)
        mx.eval(model.parameters(), optimizer.state)
        losses.append(loss.item())
    assert model.layers[0] is model.layers[2]
    assert losses[-1] < 0.9 * losses[0]


def test_one_array_in_two_places_gives_two_results():
    """Neither update may write over what the other reads."""
    for case in OPTIMIZERS:
        w = mx.array([1.0, 2.0])
        model, optimizer = {"a": w, "b": w}, case.build({}, 0.125)
        del w
        single = {"a": mx.array([1.0, 2.0])}
        case.build({}, 0.125).update(single, {"a": mx.array([3.0, 3.0])})
        g = mx.array([3.0, 3.0])
        optimizer.update(model, {"a": g, "b": g})
        mx.eval(model)
        assert same_bits(model["a"], single["a"]), case.name
        assert same_bits(model["b"], single["a"]), case.name


def test_parameters_may_be_named_like_state_entries(tmp_path):
    names = ("step", "learning_rate", "m", "parameter:step")
    model = {name: mx.ones((2,)) for name in names}
    optimizer = optim.Adam(0.1)
    optimizer.update(model, {name: mx.ones((2,)) for name in names})
    assert optimizer.step.item() == 1
    assert len({model[name].tolist()[0] for name in names}) == 1
    path = str(tmp_path / "state.safetensors")
    mx.save_safetensors(path, dict(tree_flatten(optimizer.state)))
    other = optim.Adam(0.1)
    other.state = tree_unflatten(list(mx.load(path).items()))
    copy = dict(model)
    for one, parameters in ((optimizer, model), (other, copy)):
        one.update(parameters, {name: mx.ones((2,)) for name in names})
    assert same_bits(model, copy)


@pytest.mark.parametrize("empty", [{}, {"a": {}}, {"a": [{}, ()]}])
def test_no_gradients_still_count_as_an_update(empty):
    optimizer = optim.Adam(0.1)
    assert optimizer.apply_gradients(empty, empty) == empty
    assert optimizer.step.item() == 1


def test_update_keeps_what_gradients_leave_out():
    model = {"a": {"x": mx.ones((2,)), "y": mx.ones((2,))}, "c": (mx.ones(()), 3)}
    optim.SGD(1.0).update(model, {"a": {"x": mx.ones((2,))}, "c": (mx.ones(()),)})
    assert model["a"]["x"].tolist() == [0, 0] and model["a"]["y"].tolist() == [1, 1]
    assert model["c"][0].item() == 0 and model["c"][1] == 3


def test_apply_gradients_changes_neither_tree(rng):
    model, grads = tree(rng), tree(rng)
    before = [to_numpy(x) for x in leaves(model) + leaves(grads)]
    new = optim.Adam(0.1).apply_gradients(grads, model)
    mx.eval(new)
    assert isinstance(new["pair"], tuple)
    after = [to_numpy(x) for x in leaves(model) + leaves(grads)]
    assert all(np.array_equal(x, y) for x, y in zip(before, after, strict=True))


def test_a_bare_array_is_a_tree():
    optimizer = optim.Adam(0.1)
    new = optimizer.apply_gradients(mx.ones((2,)), mx.ones((2,)))
    new = optimizer.apply_gradients(mx.ones((2,)), new)
    assert optimizer.step.item() == 2 and new.shape == (2,)


def test_state_reads_back_as_it_was_set():
    optimizer = optim.SGD(0.1)
    optimizer.state = {0: 1}
    assert optimizer.state == {0: 1}


def test_learning_rate_takes_effect_at_once():
    model, optimizer = {"w": mx.zeros(())}, optim.SGD(optim.linear_schedule(1, 3, 2))
    seen = []

    def update():
        before = model["w"].item()
        optimizer.update(model, {"w": mx.ones(())})
        seen.append(before - model["w"].item())

    update()
    update()
    optimizer.learning_rate = 8
    update()
    optimizer.learning_rate = mx.array(16.0)
    update()
    optimizer.learning_rate = lambda step: 10.0 * step
    update()
    assert seen == [1, 2, 8, 16, 40]
    assert optimizer.learning_rate.item() == 40


def test_schedules_are_called_with_0_0_1_2():
    steps = []

    def schedule(step):
        steps.append(int(step.item()))
        return 0.1

    optimizer = optim.SGD(schedule)
    for _ in range(3):
        optimizer.update({"w": mx.ones(())}, {"w": mx.ones(())})
    assert steps == [0, 0, 1, 2]


def test_any_hyperparameter_may_follow_a_schedule():
    decay = optim.linear_schedule(0.0, 1.0, 4)
    model = {"w": mx.ones(())}
    optimizer = optim.AdamW(0.5, weight_decay=decay, betas=(lambda step: 0.9, 0.999))
    run = []
    for _ in range(3):
        optimizer.update(model, {"w": mx.zeros(())})
        run.append(model["w"].item())
    assert run == [1.0, 0.875, 0.875 * 0.75]
    assert set(optimizer.state) == {"step", "learning_rate", "w"}


def test_nothing_changes_where_an_update_fails():
    def schedule(step):
        if step.item() == 1:
            raise RuntimeError("no more")
        return 0.1

    optimizer, model = optim.Adam(schedule), {"w": mx.ones((2,))}
    optimizer.update(model, {"w": mx.ones((2,))})
    before = dict(tree_flatten(optimizer.state)) | model
    with pytest.raises(RuntimeError):
        optimizer.update(model, {"w": mx.ones((2,))})
    assert same_bits(dict(tree_flatten(optimizer.state)) | model, before)


class PlainAdam(optim.Optimizer):
    """Adam in array operations, as a user writes it."""

    def __init__(self, learning_rate):
        super().__init__()
        self._maybe_schedule("learning_rate", learning_rate)

    def init_single(self, parameter, state):
        state["m"] = mx.zeros_like(parameter)
        state["v"] = mx.zeros_like(parameter)

    def apply_single(self, gradient, parameter, state):
        state["m"] = 0.9 * state["m"] + (1 - 0.9) * gradient
        state["v"] = 0.999 * state["v"] + (1 - 0.999) * mx.square(gradient)
        update = self.learning_rate * state["m"] / (mx.sqrt(state["v"]) + 1e-8)
        return parameter - update


def test_an_optimizer_in_python_agrees_with_the_fused_one(rng):
    model = tree(rng)
    plain, fused = (
        PlainAdam(optim.step_decay(0.1, 0.5, 2)),
        optim.Adam(optim.step_decay(0.1, 0.5, 2)),
    )
    mine = theirs = model
    for _ in range(5):
        grads = tree(rng)
        mine = plain.apply_gradients(grads, mine)
        theirs = fused.apply_gradients(grads, theirs)
    for x, y in zip(leaves(mine), leaves(theirs), strict=True):
        np.testing.assert_allclose(to_numpy(x), to_numpy(y), rtol=1e-5, atol=1e-6)


def test_a_built_in_may_be_extended(rng):
    class Halved(optim.Adam):
        def apply_single(self, gradient, parameter, state):
            new = super().apply_single(gradient, parameter, state)
            return parameter + 0.5 * (new - parameter)

    model = tree(rng)
    grads = tree(rng)
    half = Halved(0.1).apply_gradients(grads, model)
    whole = optim.Adam(0.1).apply_gradients(grads, model)
    for w, h, f in zip(leaves(model), leaves(half), leaves(whole), strict=True):
        want = to_numpy(w) + 0.5 * (to_numpy(f) - to_numpy(w))
        np.testing.assert_allclose(to_numpy(h), want, atol=1e-6)


@every
def test_apply_single_works_on_its_own(case, rng):
    optimizer = case.build(case.sample(rng), 0.01)
    w, state = from_numpy(rng.normal(size=(3, 2))), {}
    optimizer.init_single(w, state)
    new = optimizer.apply_single(from_numpy(rng.normal(size=(3, 2))), w, state)
    assert new.shape == (3, 2) and bool(mx.all(mx.isfinite(new)).item())


def test_the_base_class_leaves_the_update_to_others():
    with pytest.raises(NotImplementedError, match="init_single"):
        optim.Optimizer().update({"w": mx.ones(())}, {"w": mx.ones(())})
