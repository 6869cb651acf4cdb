"""Every operation that files of functions know: the same bits, there and back."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import ingot.core as mx
import ingot.nn as nn
import ingot.optimizers as optim
import numpy as np
import op_table
import pytest
from ingot import _core
from ingot.utils import tree_flatten, tree_unflatten
from op_case import OpCase, Sample
from support import map_arrays, to_core, to_numpy

# Their results look at values, so they have no graph.
LOOKING = "must not be evaluated"


def same(a: mx.array, b: mx.array) -> bool:
    x, y = to_numpy(a), to_numpy(b)
    return x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()


def flat(value: Any) -> list[mx.array]:
    return [
        mx.array(v) for v in (value if isinstance(value, (list, tuple)) else [value])
    ]


def arrays_of(sample: Sample) -> tuple[list[mx.array], Any]:
    """A sample's arrays, and the arguments again from others in their place."""
    found: list[np.ndarray] = []
    map_arrays(found.append, list(sample.args))

    def rebuild(arrays: Any) -> list[Any]:
        given = iter(arrays)
        return [map_arrays(lambda _: next(given), a) for a in sample.args]

    return [to_core(x) for x in found], rebuild


def gradient_of(f: Any) -> Any:
    """The gradients of all outputs of `f` by its floating arguments, weighted."""

    def g(*arrays: mx.array) -> list[mx.array]:
        which = [i for i, x in enumerate(arrays) if mx.issubdtype(x.dtype, mx.floating)]

        def inner(*chosen: mx.array) -> list[mx.array]:
            args = list(arrays)
            for i, x in zip(which, chosen, strict=True):
                args[i] = x
            return f(*args)

        primals = [arrays[i] for i in which]
        outputs = inner(*primals)
        weights = [
            mx.cos(mx.arange(y.size).astype(y.dtype)).reshape(y.shape)
            if mx.issubdtype(y.dtype, mx.floating)
            else mx.zeros_like(y)
            for y in outputs
        ]
        return mx.vjp(inner, primals, weights)[1]

    return g


class RoundTrip:
    """Exports functions, imports them, and compares; notes the rows that were met."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.met: set[str] = set()

    def __call__(self, f: Any, arrays: list[mx.array], label: str) -> None:
        try:
            mx.export_function(self.file, f, tuple(arrays))
        except ValueError as error:
            if LOOKING not in str(error):
                raise
            return
        got = mx.import_function(self.file)(*arrays)
        for a, b in zip(got, flat(f(*arrays)), strict=True):
            assert same(a, b), label
        for signature in document_of(self.file)["signatures"]:
            self.met |= {name for name, *_ in signature["operations"]}


def document_of(file: Path) -> Any:
    _, metadata = mx.load(file, format="safetensors", return_metadata=True)
    return json.loads(metadata["ingot.function"])


def case_round_trips(trip: RoundTrip, case: OpCase, count: int) -> None:
    rng = np.random.default_rng(3)
    for dtype in {"float32", "int32"} & set(case.dtypes) or {case.dtypes[-1]}:
        for number, sample in enumerate(
            itertools.islice(case.samples(rng, dtype), count)
        ):
            arrays, rebuild = arrays_of(sample)

            def f(
                *given: Any, rebuild: Any = rebuild, kwargs: Any = sample.kwargs
            ) -> Any:
                return flat(case(*rebuild(given), **kwargs))

            trip(f, arrays, f"{case.name} {dtype} sample {number}")
    if case.grad_samples is None:
        return
    for number, sample in enumerate(
        itertools.islice(case.grad_samples(rng, "float64"), count)
    ):
        arrays, rebuild = arrays_of(sample)

        def g(*given: Any, rebuild: Any = rebuild, kwargs: Any = sample.kwargs) -> Any:
            return flat(case(*rebuild(given), **kwargs))

        trip(gradient_of(g), arrays, f"{case.name} gradient {number}")


@pytest.mark.parametrize("case", op_table.OPS, ids=lambda c: c.name)
def test_every_op(case: OpCase, tmp_path: Path) -> None:
    """Of the op and of its derivative the bits are the same."""
    case_round_trips(RoundTrip(tmp_path / "f"), case, 10)


# What the op table has no row for.


def trained(make: Any) -> Any:
    """A step of training as a function of lists of arrays, and such lists."""
    mx.random.seed(3)
    model = nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.Tanh(), nn.Linear(6, 2))
    optimizer = make()
    x, y = mx.random.normal((5, 4)), mx.random.normal((5, 2))

    def loss(x: mx.array, y: mx.array) -> mx.array:
        return ((model(x) - y) ** 2).mean()

    step = nn.value_and_grad(model, loss)

    def learn() -> mx.array:
        value, grads = step(x, y)
        optimizer.update(model, optim.clip_grad_norm(grads, 0.1)[0])
        return value

    mx.eval(learn(), model.state, optimizer.state)
    names = [name for name, _ in tree_flatten(model.parameters())]
    states = [name for name, _ in tree_flatten(optimizer.state)]

    def function(*arrays: mx.array) -> list[mx.array]:
        model.update(tree_unflatten(list(zip(names, arrays, strict=False))))
        optimizer.state = tree_unflatten(
            list(zip(states, arrays[len(names) :], strict=True))
        )
        value = learn()
        return [
            value,
            *[x for _, x in tree_flatten(model.parameters())],
            *[x for _, x in tree_flatten(optimizer.state)],
        ]

    arrays = [x for _, x in tree_flatten(model.parameters())]
    arrays += [x for _, x in tree_flatten(optimizer.state)]
    return function, [mx.array(x) for x in arrays]


OPTIMIZERS = {
    "AdamW": lambda: optim.AdamW(0.1),
    "SGD": lambda: optim.SGD(0.1, momentum=0.9),
    "Lion": lambda: optim.Lion(0.1),
    "Adafactor": lambda: optim.Adafactor(0.1, relative_step=False, beta_1=0.9),
    "Muon": lambda: optim.Muon(0.1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_training_step(name: str, tmp_path: Path) -> None:
    """Loss, gradients, clipping and the optimizer's update in one function."""
    function, arrays = trained(OPTIMIZERS[name])
    mx.export_function(tmp_path / "f", function, arrays)
    imported = mx.import_function(tmp_path / "f")
    ours = theirs = arrays
    for _ in range(3):
        got, want = imported(ours), function(*theirs)
        mx.eval(got, want)
        assert all(same(a, b) for a, b in zip(got, want, strict=True))
        ours, theirs = list(got[1:]), want[1:]


def others() -> dict[str, Any]:
    """Functions and their arguments, for rows that no public function has."""
    a = mx.array(np.random.default_rng(5).normal(size=(2, 4, 4)).astype(np.float32))
    spd = a @ a.swapaxes(-1, -2) + 4 * mx.eye(4)
    key = mx.random.key(3)
    x = mx.arange(24.0).reshape(2, 3, 4)

    def cpu(f: Any) -> Any:
        return lambda *args: f(*args, stream=mx.cpu)

    return {
        "draws": (
            lambda k: [
                mx.random.normal((5,), key=k),
                mx.random.split(k, 3),
                mx.random.uniform(-1, 2, (4,), mx.bfloat16, key=k),
                mx.random.truncated_normal(-1, 1, (9,), key=k),
            ],
            [key],
        ),
        "draws of several keys": (
            mx.vmap(lambda k: mx.random.normal((3, 2), key=k)),
            [mx.random.split(key, 4)],
        ),
        "checkpoint": (
            mx.grad(lambda x: mx.checkpoint(lambda y: mx.exp(mx.sin(y)))(x).sum()),
            [x],
        ),
        "depends": (lambda x: mx.depends([x, x + 1], [mx.exp(x)]), [x]),
        "stopped": (lambda x: mx.stop_gradient(x) * x, [x]),
        "viewed": (lambda x: [x.view(mx.int32), x.view(mx.uint8)], [x]),
        "strided": (lambda x: mx.as_strided(x, (3, 3), (2, 1), 1), [x]),
        "copied": (
            lambda x: [mx.contiguous(x.T), x.at[0].add(x[1]), x + mx.arange(4)],
            [x],
        ),
        "solved": (cpu(mx.linalg.solve), [spd, a]),
        "determined": (cpu(mx.linalg.slogdet), [spd]),
        "decomposed": (cpu(mx.linalg.svd), [a]),
        "factored": (cpu(mx.linalg.qr), [a]),
        "eigen": (cpu(mx.linalg.eig), [a]),
        "complex": (
            lambda x: [mx.full((3,), 1 - 2j), mx.conj(x * 1j), mx.imag(x + 2j)],
            [x],
        ),
        "kept": (lambda x: mx.argmax(x, keepdims=True), [x]),
        "nothing": (lambda: mx.ones(3) * 2, []),
        "itself": (lambda x: [x, x], [x]),
    }


@pytest.mark.parametrize("name", others())
def test_other_functions(name: str, tmp_path: Path) -> None:
    function, arrays = others()[name]
    RoundTrip(tmp_path / "f")(function, arrays, name)


def test_every_row_is_met(tmp_path: Path) -> None:
    """No operation that files can have goes untested."""
    trip = RoundTrip(tmp_path / "f")
    for case in op_table.OPS:
        case_round_trips(trip, case, 3)
    for name, (function, arrays) in others().items():
        trip(function, arrays, name)
    for name, make in OPTIMIZERS.items():
        function, arrays = trained(make)
        mx.export_function(trip.file, function, arrays)
        trip.met |= {
            name for name, *_ in document_of(trip.file)["signatures"][0]["operations"]
        }
    assert set(_core._Program.names()) - trip.met == set()
