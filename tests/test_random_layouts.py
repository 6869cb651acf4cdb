"""Random programs of views, then an op: always what NumPy computes from copies."""

from __future__ import annotations

from typing import Any

import ingot.core as mx
import numpy as np
import op_table
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from op_case import Sample
from support import assert_close, raises, to_core, to_numpy

OPS = ("abs", "exp", "sum", "max", "argmax", "sort", "softmax", "logsumexp", "mean")
BINARY = ("add", "multiply", "maximum", "less", "divide")
VIEWS = (
    "transpose",
    "reverse",
    "slice",
    "step",
    "broadcast",
    "reshape",
    "expand",
    "copy",
)


@st.composite
def start(draw: Any) -> np.ndarray:
    shape = draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    size = int(np.prod(shape))
    values = np.random.default_rng(draw(st.integers(0, 9))).uniform(-3, 3, size)
    return values.astype(np.float32).reshape(shape)


@st.composite
def view_step(draw: Any, shape: tuple[int, ...]) -> tuple[str, Any]:
    """One view op that fits `shape`, and its argument."""
    name = draw(st.sampled_from(VIEWS))
    axis = draw(st.integers(0, max(0, len(shape) - 1)))
    if not shape and name not in ("expand", "copy"):
        return "copy", None
    if name == "transpose":
        return name, tuple(draw(st.permutations(range(len(shape)))))
    if name == "slice":
        low = draw(st.integers(0, shape[axis]))
        return name, (axis, low, draw(st.integers(low, shape[axis])))
    if name == "step":
        return name, (axis, draw(st.sampled_from([2, 3, -1, -2])))
    if name == "broadcast":
        return name, draw(st.integers(1, 3))
    if name == "reshape":
        return name, draw(st.sampled_from(["flat", "column", "first"]))
    return name, axis


def apply(x: Any, name: str, argument: Any, library: Any) -> Any:
    """The view step on a NumPy or a core array alike."""
    whole = [slice(None)] * x.ndim
    if name == "transpose":
        return library.transpose(x, argument)
    if name == "reverse":
        whole[argument] = slice(None, None, -1)
        return x[tuple(whole)]
    if name == "slice":
        axis, low, high = argument
        whole[axis] = slice(low, high)
        return x[tuple(whole)]
    if name == "step":
        axis, step = argument
        whole[axis] = slice(None, None, step)
        return x[tuple(whole)]
    if name == "broadcast":
        return library.broadcast_to(x, (argument, *x.shape))
    if name == "reshape":
        size = int(np.prod(x.shape))
        first = x.shape[0]
        shapes = {"flat": (size,), "column": (size, 1)}
        keep = (first, size // first if first else 0)
        return library.reshape(x, shapes.get(argument, keep))
    if name == "expand":
        return library.expand_dims(x, argument)
    return x


@st.composite
def program(draw: Any) -> tuple[Any, np.ndarray]:
    """A chain of views as a core array, and NumPy's copy of the same chain."""
    want = draw(start())
    core = to_core(want)
    for _ in range(draw(st.integers(0, 5))):
        name, argument = draw(view_step(want.shape))
        moved = apply(want, name, argument, np)
        if moved.ndim > 6 or moved.size > 5000:
            break
        core, want = apply(core, name, argument, mx), moved
    return core, np.array(want)


@settings(max_examples=300)
@given(program(), st.sampled_from(OPS), st.data())
def test_unary_and_reductions(made: Any, name: str, data: Any) -> None:
    """Views in any order feed elementwise ops, reductions and sorts rightly."""
    core, want = made
    np.testing.assert_array_equal(to_numpy(core), want)
    case = op_table.BY_NAME[name]
    kwargs = {}
    if case.axis and want.ndim:
        kwargs["axis"] = data.draw(st.integers(0, want.ndim - 1))
    sample = Sample((want,), kwargs)
    along = want.shape[kwargs["axis"]] if kwargs else want.size
    if along == 0 or want.size == 0:
        error = raises(lambda: case(core, **kwargs))
        assert error is None or isinstance(error, ValueError)
        return
    if name == "sort" and not want.ndim:
        return
    scale = case.error_scale(sample, "float32")
    got = to_numpy(case(core, **kwargs))
    expected = case.reference(sample, "float32")
    assert_close(got, expected, ulps=case.ulps, scale=scale, label=f"{name} {kwargs}")


@settings(max_examples=200)
@given(program(), program(), st.sampled_from(BINARY))
def test_binary(first: Any, second: Any, name: str) -> None:
    """Two differently stored arrays broadcast as in NumPy, or are refused as there."""
    case = op_table.BY_NAME[name]
    (a, x), (b, y) = first, second
    try:
        np.broadcast_shapes(x.shape, y.shape)
    except ValueError:
        assert isinstance(raises(lambda: case(a, b)), ValueError)
        return
    want = case.reference(Sample((x, y)), "float32")
    assert_close(to_numpy(case(a, b)), want, ulps=case.ulps, label=name)


@settings(max_examples=100)
@given(program(), program())
def test_matmul_of_views(first: Any, second: Any) -> None:
    """Matrices are multiplied from whatever strides they have."""
    (a, x), (b, y) = first, second
    if min(x.ndim, y.ndim) == 0 or max(x.ndim, y.ndim) > 4:
        return
    try:
        want = np.matmul(x.astype(np.float64), y.astype(np.float64))
        scale = np.matmul(np.abs(x), np.abs(y))
    except ValueError:
        assert isinstance(raises(lambda: mx.matmul(a, b)), ValueError)
        return
    assert_close(to_numpy(mx.matmul(a, b)), want, ulps=8, scale=scale, label="matmul")


@settings(max_examples=100)
@given(program(), st.lists(st.sampled_from(["add", "mul", "set", "view"]), max_size=6))
def test_in_place_programs(made: Any, actions: list[str]) -> None:
    """In-place updates of an array never show in its views, whatever was evaluated."""
    core, want = made
    kept = [(core[...], want.copy())]
    for number, action in enumerate(actions):
        if action == "add":
            core += 1.0
            want = want + np.float32(1)
        elif action == "mul":
            core *= 2.0
            want = want * np.float32(2)
        elif action == "set" and want.ndim and want.shape[0]:
            core[0] = -1.0
            want[0] = -1.0
        elif action == "view":
            mx.eval(core)
        if number % 2:
            kept.append((core[...], want.copy()))
    for view, values in [*kept, (core, want)]:
        np.testing.assert_array_equal(to_numpy(view), values)


@pytest.mark.parametrize("shape", [(4097,), (129, 65), (3, 1025)])
def test_large_views(shape: tuple[int, ...]) -> None:
    """Sizes beyond a vector and a tile, in every simple view."""
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    views: list[Any] = [
        lambda a: a[::-1],
        lambda a: a[..., ::-2],
        lambda a: a.T,
        lambda a: a[1:, ...],
    ]
    for view in views:
        got, want = view(to_core(x)), view(x)
        np.testing.assert_array_equal(to_numpy(got + got), want + want)
        wide = want.astype(np.float64)
        assert_close(
            to_numpy(mx.sum(got, axis=0)),
            wide.sum(0),
            ulps=8,
            scale=np.abs(wide).sum(0),
            label="sum",
        )
