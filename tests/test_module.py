"""Module: attributes, trees, updates that are whole or refused, freezing, copies."""

from __future__ import annotations

from typing import Any

import ingot.core as mx
import numpy as np
import pytest
from ingot import nn
from ingot.utils import tree_flatten, tree_map
from module_cases import MODULES, PARAMETERS, Branched, assert_same, names, values
from support import to_numpy

# Attributes ----------------------------------------------------------------------


def test_arrays_and_containers_are_entries_and_other_attributes_are_not() -> None:
    model = Branched()
    assert list(model) == ["first", "layers", "named", "arrays", "pair", "_cache"]
    assert model.state is model
    assert model.rate == 0.5
    model.rate = mx.ones((1,))
    assert "rate" in model and "rate" not in vars(model)
    model.rate = None
    assert "rate" not in model and model.rate is None
    del model.rate, model.first
    assert not hasattr(model, "rate") and not hasattr(model, "first")
    with pytest.raises(AttributeError, match="'Branched' object has no attribute 'x'"):
        model.x  # noqa: B018
    with pytest.raises(AttributeError):
        del model.x


def test_names_that_could_not_be_read_back_are_refused() -> None:
    model = Branched()
    for name in ("values", "update", "keys"):
        with pytest.raises(AttributeError, match=f"attribute '{name}' would be hidden"):
            setattr(model, name, mx.zeros((1,)))
        assert name not in model
    with pytest.raises(AttributeError):
        model.training = False  # type: ignore[misc]


def test_properties_of_a_subclass_receive_arrays() -> None:
    class Doubling(nn.Module):
        @property
        def doubled(self) -> Any:
            return 2 * self.value

        @doubled.setter
        def doubled(self, x: Any) -> None:
            self.value = x / 2

    model = Doubling()  # which has no __init__ of its own
    model.doubled = mx.array([4.0])
    assert model.value.item() == 2.0
    assert names(model.parameters()) == ["value"]


def test_init_of_the_base_class_may_be_forgotten() -> None:
    class Forgetful(nn.Module):
        def __init__(self) -> None:
            self.weight = mx.zeros((1,))

    assert Forgetful().train(False).freeze().trainable_parameters() == {}


def test_equality_is_identity() -> None:
    a, b = nn.Linear(2, 2), nn.Linear(2, 2)
    assert a == a and a != b and len({a, b, a}) == 2


def test_repr() -> None:
    assert repr(Branched()) == (
        "Branched(\n"
        "  (first): Linear(input_dims=2, output_dims=3, bias=True)\n"
        "  (layers.0): Linear(input_dims=3, output_dims=3, bias=True)\n"
        "  (layers.1): ReLU()\n"
        "  (named.out): Linear(input_dims=3, output_dims=1, bias=False)\n"
        ")"
    )
    nested = repr(nn.Sequential(nn.Sequential(nn.Tanh())))
    assert nested == (
        "Sequential(\n  (layers.0): Sequential(\n    (layers.0): Tanh()\n  )\n)"
    )


# Reading -------------------------------------------------------------------------


def test_parameters_and_modules() -> None:
    model = Branched()
    assert names(model.parameters()) == PARAMETERS
    assert names(model.trainable_parameters()) == PARAMETERS
    assert [name for name, _ in model.named_modules()] == MODULES
    assert model.modules()[0] is model and len(model.modules()) == len(MODULES)
    children = tree_flatten(model.children(), is_leaf=nn.Module.is_module)
    assert [name for name, _ in children] == MODULES[1:]
    assert model.parameters()["layers"][1:] == [{}, {}]
    assert nn.ReLU().parameters() == {}


def test_leaf_modules_hold_no_modules() -> None:
    model = nn.Sequential(nn.Sequential(nn.Linear(1, 1)), nn.ReLU())
    leaves = tree_flatten(model.leaf_modules(), is_leaf=nn.Module.is_module)
    assert [name for name, _ in leaves] == ["layers.0.layers.0", "layers.1"]


def test_filter_and_map_sees_dotted_keys() -> None:
    seen: list[str] = []

    def record(module: nn.Module, key: str, value: Any) -> bool:
        seen.append(f"{type(module).__name__}.{key}")
        return nn.Module.valid_parameter_filter(module, key, value)

    shapes = Branched().filter_and_map(record, lambda x: x.shape)
    assert shapes["arrays"] == [(1,), (2,)]
    assert "Branched.named.out" in seen and "Linear.weight" in seen
    with pytest.raises(ValueError, match="'weight' is neither a leaf nor a contai"):
        Branched().filter_and_map(lambda *_: True, is_leaf_fn=lambda *_: False)


def test_a_module_that_contains_itself_is_refused() -> None:
    model = nn.Sequential(nn.Linear(1, 1))
    model.layers.append({"again": model})
    for call in (
        model.parameters,
        model.named_modules,
        model.eval,
        model.freeze,
        lambda: model.load_weights([]),
    ):
        with pytest.raises(ValueError, match="Sequential: the tree contains itself"):
            call()


# Updating ------------------------------------------------------------------------


def test_update_takes_a_part_and_leaves_the_rest() -> None:
    model = Branched()
    before = values(model)
    assert model.update({"arrays": [{}, mx.array([3.0, 4.0])]}) is model
    model.update({"layers": [{"bias": mx.ones((3,))}], "named": {}})
    after = values(model)
    changed = [n for n in before if np.any(before[n] != after[n])]
    assert changed == ["layers.0.bias", "arrays.1"]
    model.update(tree_map(lambda x: x * 0, model.parameters()))
    assert all(np.all(v == 0) for v in values(model).values())


GOOD = {"weight": mx.ones((3, 2))}
BAD_UPDATES: list[tuple[Any, str]] = [
    (
        {"first": GOOD, "named": {"scale": mx.ones((2,))}},
        r"named.scale must have shape",
    ),
    ({"first": {**GOOD, "wieght": mx.ones((1,))}}, "the model has no 'first.wieght'"),
    ({"first": GOOD, "last": {}}, "the model has no 'last'"),
    ({"first": GOOD, "arrays": [{}, {}, GOOD]}, "the model has no 'arrays.2'"),
    ({"first": GOOD, "named": {"scale": 5}}, "named.scale must be an array, got int"),
    (
        {"first": GOOD, "arrays": {"0": mx.ones((1,))}},
        "arrays must be a list, got dict",
    ),
    ({"first": {**GOOD, "bias": {"x": GOOD}}}, "first.bias must be an array, got dict"),
    ({"first": GOOD, "named": mx.ones((1,))}, "named is not a parameter but dict"),
    ({"first": GOOD, "pair": (mx.zeros((4,)),)}, "pair must be an array, got tuple"),
    ({"first": GOOD, "rate": mx.zeros(())}, "the model has no 'rate'"),
    ([GOOD], "the argument must be a dict, got list"),
]


@pytest.mark.parametrize(("parameters", "message"), BAD_UPDATES)
def test_update_is_whole_or_refused(parameters: Any, message: str) -> None:
    model = Branched()
    before = values(model)
    with pytest.raises(ValueError, match=f"update: {message}"):
        model.update(parameters)
    assert_same(values(model), before)


def test_update_that_is_not_strict_ignores_unknown_names_only() -> None:
    model = Branched()
    model.update({"last": mx.ones((1,)), "first": GOOD}, strict=False)
    assert np.all(values(model)["first.weight"] == 1)
    assert "last" not in model
    with pytest.raises(ValueError, match="must have shape"):
        model.update({"first": {"bias": mx.ones((9,))}}, strict=False)


def test_update_modules() -> None:
    model = Branched()
    tanh, linear = nn.Tanh(), nn.Linear(5, 5)
    model.update_modules({"layers": [{}, tanh], "first": linear})
    assert model.layers[1] is tanh and model.first is linear
    model.update_modules({"nothing": nn.Tanh()}, strict=False)
    for modules, message in (
        ({"first": nn.Tanh(), "nothing": nn.Tanh()}, "the model has no 'nothing'"),
        ({"first": nn.Tanh(), "layers": [mx.ones((1,))]}, "layers.0 must be a module"),
        ({"first": nn.Tanh(), "arrays": [nn.Tanh()]}, "arrays.0 is not a module"),
        ({"first": nn.Tanh(), "layers": {"1": nn.Tanh()}}, "layers must be a list"),
    ):
        with pytest.raises(ValueError, match=f"update_modules: {message}"):
            model.update_modules(modules)
    assert model.first is linear and "nothing" not in model


def test_apply_replaces_all_or_nothing() -> None:
    model = Branched()
    model.apply(lambda x: x * 0 + 2)
    assert all(np.all(v == 2) for v in values(model).values())
    assert np.all(to_numpy(model._cache) == 0)
    model.apply(
        lambda x: x * 0,
        lambda m, k, v: k != "weight" and m.valid_parameter_filter(m, k, v),
    )
    assert np.all(values(model)["first.weight"] == 2)
    assert np.all(values(model)["first.bias"] == 0)
    before = values(model)
    for wrong, message in (
        (lambda x: 5, "first.weight must be an array, got int"),
        (lambda x: x[None], "first.weight must have shape"),
        (lambda x: x if x.ndim == 2 else x[:0], "first.bias must have shape"),
    ):
        with pytest.raises(ValueError, match=message):
            model.apply(wrong)
        assert_same(values(model), before)


def test_apply_to_modules_passes_names() -> None:
    seen: list[tuple[str, str]] = []
    model = Branched()
    result = model.apply_to_modules(lambda n, m: seen.append((n, type(m).__name__)))
    assert result is model
    assert seen[:2] == [("", "Branched"), ("first", "Linear")]
    assert [name for name, _ in seen] == MODULES


def test_set_dtype_casts_floating_parameters() -> None:
    model = Branched()
    model.counts = mx.array([1, 2])
    model.set_dtype(mx.bfloat16)
    dtypes = {n: a.dtype for n, a in tree_flatten(model.parameters())}
    assert dtypes.pop("counts") == mx.array([1]).dtype
    assert set(dtypes.values()) == {mx.bfloat16}
    model.set_dtype(mx.float32, predicate=None)
    assert model.counts.dtype == mx.float32


# Training and freezing -----------------------------------------------------------


def test_training_mode_reaches_every_module() -> None:
    model = Branched()
    assert model.training
    assert model.eval() is model
    assert not any(m.training for m in model.modules())
    assert model.train() is model and all(m.training for m in model.modules())


def test_freezing() -> None:
    model = Branched()
    assert model.freeze() is model
    assert names(model.trainable_parameters()) == []
    assert names(model.parameters()) == PARAMETERS
    model.unfreeze(keys="bias")
    assert names(model.trainable_parameters()) == ["first.bias", "layers.0.bias"]
    model.unfreeze(keys=["arrays"], recurse=False)
    assert "arrays.0" in names(model.trainable_parameters())
    model.unfreeze()
    assert names(model.trainable_parameters()) == PARAMETERS
    model.freeze(recurse=False)
    own = [n for n in PARAMETERS if n.startswith("arrays") or n == "named.scale"]
    expected = [n for n in PARAMETERS if n not in own]
    assert names(model.trainable_parameters()) == expected


def test_strict_freezing_knows_its_keys() -> None:
    model = Branched()
    model.freeze(keys=["weight", "arrays.1"], strict=True)  # no module has both
    frozen = set(PARAMETERS) - set(names(model.trainable_parameters()))
    assert frozen == {
        "first.weight",
        "layers.0.weight",
        "named.out.weight",
        "arrays.1",
    }
    for call in (model.freeze, model.unfreeze):
        with pytest.raises(KeyError, match="no parameter named 'wieght' in Branched"):
            call(keys=["bias", "wieght"], strict=True)
    with pytest.raises(KeyError):
        model.freeze(keys="bias", recurse=False, strict=True)
    assert "first.bias" in names(model.trainable_parameters())
