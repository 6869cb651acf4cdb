"""Compiled functions: recorded once, and the same as plain ones in every way."""

from __future__ import annotations

import functools
import gc
import weakref

import ingot.core as mx
import ingot.nn as nn
import ingot.optimizers as optim
import numpy as np
import pytest
from ingot import _core
from ingot.utils import tree_flatten


def counted(f):
    """`f`, and the number of its calls in `.calls`."""

    @functools.wraps(f)
    def counting(*args, **kwargs):
        counting.calls += 1
        return f(*args, **kwargs)

    counting.calls = 0
    return counting


def same(a: mx.array, b: mx.array) -> bool:
    return a.dtype == b.dtype and np.asarray(a).tobytes() == np.asarray(b).tobytes()


def work(x, y):
    a, b = mx.split(mx.exp(-x) * y, 2, axis=-1)
    return {"sum": (a + b).sum(axis=0), "parts": (a.T, mx.softmax(b, axis=-1))}


def test_results_are_those_of_the_function(rng):
    f = counted(work)
    g = mx.compile(f)
    for _ in range(3):
        x, y = (mx.array(rng.normal(size=(6, 8)).astype(np.float32)) for _ in "xy")
        got, want = g(x, y), work(x, y)
        assert same(got["sum"], want["sum"])
        assert type(got["parts"]) is tuple
        for a, b in zip(got["parts"], want["parts"], strict=True):
            assert same(a, b)
    assert f.calls == 1


def test_what_makes_a_new_recording():
    f = counted(lambda x, n=2, *, kind="a": x * n + (kind == "a"))
    g = mx.compile(f)
    x = mx.arange(3.0)
    assert g(x).tolist() == [1, 3, 5]
    assert g(x).tolist() == [1, 3, 5] and f.calls == 1
    calls = [
        lambda: g(x, 3),
        lambda: g(x, 3.0),
        lambda: g(x, True),
        lambda: g(x, n=2),
        lambda: g(x, kind="b"),
        lambda: g(mx.arange(4.0)),
        lambda: g(x.astype(mx.float16)),
        lambda: g(x, -0.0),
        lambda: g(x, 0.0),
    ]
    for count, call in enumerate(calls, 2):
        assert same(call(), call()) and f.calls == count
    assert g(x, -0.0).tolist() == [1, 1, 1] and f.calls == len(calls) + 1


def test_trees_tell_calls_apart():
    f = counted(lambda tree: [leaf for _, leaf in tree_flatten(tree)])
    g = mx.compile(f)
    x, y = mx.array(1.0), mx.array(2.0)
    for tree in ({"a": x, "b": y}, {"b": x, "a": y}, [x, y], [[x], y], [x, [y]]):
        before = f.calls
        for _ in range(2):
            assert [a.item() for a in g(tree)] == [1, 2]
        assert f.calls == before + 1


def test_equal_operations_are_kept_once():
    def f(x):
        return mx.exp(x * 2.0) + mx.exp(x * 2.0) + (x * 2.0)

    x = mx.array([0.5])
    [p] = _core._placeholders([x])
    recording = _core._Recording([p], [f(p)])
    assert len(recording) == 4  # multiply, exp, add, add
    assert same(recording.replay([x])[0], f(x))
    with pytest.raises(ValueError, match=r"compile: input 0 must have shape \(1,\)"):
        recording.replay([mx.ones(2)])
    with pytest.raises(ValueError, match="compile: there must be 1 inputs"):
        recording.replay([])


def test_operations_to_other_shapes_are_not_equal():
    def f(x):
        wide = mx.broadcast_to(x, (2, 3)).sum(), mx.broadcast_to(x, (4, 3)).sum()
        return (
            x[None] - x[:, None],
            x.reshape(1, 3).sum(0),
            x.reshape(3, 1).sum(0),
            *wide,
        )

    x = mx.array([1.0, 2.0, 4.0])
    for got, want in zip(mx.compile(f)(x), f(x), strict=True):
        assert same(got, want)
    many = mx.stack([x, x + 1])
    for got, want in zip(mx.vmap(f)(many), f(many[1]), strict=True):
        assert same(got[1], want)

    def g(x, y):
        return *mx.depends([x], [y]), *mx.depends([x, y], [])

    assert [a.item() for a in mx.compile(g)(x[0], x[1])] == [1, 1, 2]


def test_a_recording_holds_no_graph_and_goes_with_its_function():
    f = mx.compile(lambda x: (mx.exp(x) + 1).sum())
    x = mx.ones((1 << 20,))
    f(x).item()
    before = mx.get_active_memory()
    for _ in range(3):
        f(x).item()
    assert mx.get_active_memory() == before
    held = weakref.ref(f)
    del f
    gc.collect()
    assert held() is None


def test_few_recordings_are_kept():
    f = counted(lambda x: x + 1)
    g = mx.compile(f)
    for n in range(70):
        g(mx.ones(n))
    assert f.calls == 70
    g(mx.ones(69))
    assert f.calls == 70
    g(mx.ones(0))
    assert f.calls == 71


def test_inputs_and_constants_that_are_outputs():
    f = mx.compile(lambda x, n: (x, mx.zeros(2), n, None, "word"))
    x = mx.array([1.0, 2.0])
    for _ in range(2):
        a, b, n, nothing, word = f(x, 3)
        assert a.tolist() == [1, 2] and b.tolist() == [0, 0]
        assert (n, nothing, word) == (3, None, "word")


def test_gradients_inside_and_outside(rng):
    def f(x, w):
        return (mx.tanh(x @ w) ** 2).sum()

    x, w = (mx.array(rng.normal(size=(5, 5)).astype(np.float32)) for _ in "xw")
    want = mx.grad(f, argnums=(0, 1))(x, w)
    for g in (
        mx.compile(mx.grad(f, argnums=(0, 1))),
        mx.grad(mx.compile(f), argnums=(0, 1)),
        mx.compile(mx.grad(mx.compile(f), argnums=(0, 1))),
    ):
        for _ in range(2):
            for a, b in zip(g(x, w), want, strict=True):
                assert same(a, b)
    second = mx.grad(lambda x: mx.grad(f)(x, w).sum())
    assert same(mx.compile(second)(x), second(x))
    compiled = mx.compile(f)
    outer = mx.grad(lambda x: mx.grad(compiled)(x, w).sum())
    assert same(outer(x), second(x))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = [nn.Linear(6, 16), nn.Linear(16, 1)]
        self.dropout = nn.Dropout(0.3)

    def __call__(self, x):
        return self.layers[1](self.dropout(nn.gelu(self.layers[0](x))))


def train(compiled: bool, captured: bool = True, steps: int = 5, ready: bool = False):
    """Losses, parameters and the number of Python steps of a small training."""
    mx.random.seed(3)
    net = Net()
    optimizer = optim.AdamW(optim.cosine_decay(1e-2, 10), weight_decay=0.1)
    if ready:
        optimizer.init(net.trainable_parameters())
    x, y = mx.random.normal((32, 6)), mx.random.normal((32, 1))
    loss = nn.value_and_grad(net, lambda x, y: nn.losses.mse_loss(net(x), y))
    state = [net.state, optimizer.state]
    if captured:
        state.append(mx.random.state)
    mx.eval(state, x, y)

    @counted
    def step(x, y):
        value, gradients = loss(x, y)
        gradients, _ = optim.clip_grad_norm(gradients, 0.5)
        optimizer.update(net, gradients)
        return value

    run = mx.compile(step, inputs=state, outputs=state) if compiled else step
    losses = []
    for _ in range(steps):
        losses.append(run(x, y))
        mx.eval(state, losses)
    return [v.item() for v in losses], tree_flatten(net.parameters()), step.calls


@pytest.mark.parametrize("ready", [False, True])
def test_training_has_the_bits_of_the_plain_loop(ready):
    losses, parameters, calls = train(compiled=True, ready=ready)
    want, expected, _ = train(compiled=False, ready=ready)
    assert losses == want
    for (_, a), (_, b) in zip(parameters, expected, strict=True):
        assert same(a, b)
    # The first call creates the optimizer's state, unless it was there.
    assert calls == (1 if ready else 2)


def test_random_numbers_repeat_unless_their_state_is_captured():
    mx.random.seed(0)
    f = mx.compile(lambda x: x + mx.random.uniform(shape=(3,)))
    x = mx.zeros(3)
    assert same(f(x), f(x))
    g = mx.compile(
        lambda x: x + mx.random.uniform(shape=(3,)),
        inputs=mx.random.state,
        outputs=mx.random.state,
    )
    mx.random.seed(7)
    got = [g(x), g(x), mx.random.uniform(shape=(3,))]
    mx.random.seed(7)
    for a in got:
        assert same(a, mx.random.uniform(shape=(3,)))
    h = mx.compile(lambda key: mx.random.normal((4,), key=key))
    for seed in (1, 2):
        key = mx.random.key(seed)
        assert same(h(key), mx.random.normal((4,), key=key))


def test_memory_is_donated_as_in_the_plain_loop():
    state = {"x": mx.zeros((1 << 20,))}

    def step():
        state["x"] = state["x"] * 0.5 + 1

    run = mx.compile(step, inputs=state, outputs=state)
    run()
    mx.eval(state)
    mx.reset_peak_memory()
    before = mx.get_active_memory()
    for _ in range(3):
        run()
        mx.eval(state)
    assert mx.get_peak_memory() - before < 1 << 16
    assert state["x"][0].item() == 1.875


def test_an_exception_leaves_everything_as_it_was():
    state = {"list": [mx.array(1.0)], "x": mx.array(2.0)}

    def f(y, fail):
        state["x"] = state["x"] + y
        state["list"].append(y)
        state["new"] = y
        if fail:
            raise KeyError("mine")
        return y

    g = mx.compile(f, inputs=state, outputs=state)
    for _ in range(2):
        with pytest.raises(KeyError, match="mine"):
            g(mx.array(3.0), True)
        assert set(state) == {"list", "x"} and len(state["list"]) == 1
        assert (state["list"][0] + state["x"]).item() == 3
    assert g(mx.array(3.0), False).item() == 3
    assert state["x"].item() == 5 and state["new"].item() == 3
    assert [a.item() for a in state["list"]] == [1, 3]


def test_outputs_that_are_not_inputs_may_change_meanwhile():
    state: dict = {"x": mx.array(0.0)}
    f = mx.compile(lambda y: state.update(x=y, z=y + 1), outputs=state)
    f(mx.array(1.0))
    assert state["x"].item() == 1 and state["z"].item() == 2
    del state["z"]
    state["more"] = [mx.array(5.0)]
    f(mx.array(2.0))
    assert [state[k].item() for k in "xz"] == [2, 3]
    assert state["more"][0].item() == 5


@pytest.mark.parametrize(
    "look",
    [mx.eval, bool, float, np.asarray, lambda x: x.item(), lambda x: x.tolist(), str],
)
def test_arrays_have_no_value_while_they_are_recorded(look):
    f = mx.compile(lambda x: look(x.sum() + 1) and x)
    for _ in range(2):
        with pytest.raises(
            ValueError, match="compile, vmap: arrays must not be evaluated"
        ):
            f(mx.ones(2))
    assert mx.compile(lambda x: x + 1)(mx.ones(2)).tolist() == [2, 2]


def test_an_array_kept_from_a_recording_has_no_value():
    kept = []
    mx.compile(lambda x: kept.append(x) or x)(mx.ones(2))
    y = mx.compile(lambda x: x + kept[0])(mx.ones(2))
    for x in (kept[0], y):
        with pytest.raises(ValueError, match="nor afterwards if they are not returned"):
            mx.eval(x)


def test_wrong_arguments():
    with pytest.raises(TypeError, match="compile: fun must be callable, got int"):
        mx.compile(3)
    f = mx.compile(lambda x: x)
    for bad in (np.ones(2), object(), {1, 2}, nn.Linear(2, 2), 1j):
        with pytest.raises(TypeError, match="compile: arguments must be arrays"):
            f(bad)
    with pytest.raises(TypeError, match="captured state must be in dicts and lists"):
        mx.compile(lambda: 0, inputs=(mx.ones(2),))()
    loop = []
    loop.append(loop)
    with pytest.raises(ValueError, match="contain itself"):
        f(loop)


def test_it_can_be_switched_off():
    f = counted(lambda x: mx.array(x.item()))
    g = mx.compile(f)
    try:
        mx.disable_compile()
        assert g(mx.array(2.0)).item() == 2
    finally:
        mx.enable_compile()
    with pytest.raises(ValueError, match="compile, vmap: arrays must not be evaluated"):
        g(mx.array(2.0))


def test_as_a_decorator_with_state():
    state = [mx.array(0)]

    @functools.partial(mx.compile, inputs=state, outputs=state)
    def count(n: int = 1) -> None:
        """Counts."""
        state[0] = state[0] + n

    assert count.__doc__ == "Counts." and count.__name__ == "count"
    count(), count(2), count()
    assert state[0].item() == 4


def test_streams_are_those_of_the_function():
    f = mx.compile(lambda x: mx.add(x, 1, stream=mx.cpu).sum())
    assert f(mx.ones(3)).item() == 6
    with mx.stream(mx.new_stream(mx.cpu)):
        assert f(mx.ones(3)).item() == 6
