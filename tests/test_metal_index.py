"""Reading and writing places on the GPU has the bits of the CPU's results."""

from __future__ import annotations

import itertools

import ingot.core as mx
import numpy as np
import pytest
from metal_cases import (
    FLOATS,
    WHOLES,
    both,
    equal,
    identical,
    needs_metal,
    no_fallbacks,
    on_the_cpu,
    operand,
)
from optimizer_cases import from_numpy

pytestmark = [needs_metal, on_the_cpu]

UPDATES = ["add", "subtract", "multiply", "divide", "maximum", "minimum"]
INDEX_TYPES = [kind for kind in WHOLES if kind not in ("bool_", "uint64")]
LAYOUTS = {
    "transposed": lambda x: x.T,
    "reversed": lambda x: x[::-1, ::-1],
    "strided": lambda x: x[::2, ::3],
    "broadcast": lambda x: mx.broadcast_to(x[:, :1], x.shape),
}


def numbers(rng, dtype: str, *shape: int) -> mx.array:
    return operand(rng, int(np.prod(shape)), dtype).reshape(shape)


def compare(f, *arrays, same=identical) -> None:
    mx.eval(arrays)
    with no_fallbacks():
        slow, fast = both(f)
    assert same(slow, fast)


def assigned(x: mx.array, index, value) -> mx.array:
    y = mx.array(x)
    y[index] = value
    return y


def updated(name: str, x: mx.array, index, value) -> mx.array:
    return getattr(x.at[index], name)(value)


def test_gather(rng):
    x = mx.array(rng.normal(size=(5, 6, 7)).astype(np.float32))
    i = mx.array([[0, -1, 3], [4, 2, -5]])
    j = mx.array([5, -6, 1], mx.int8)
    rows = mx.array(rng.integers(0, 5, size=(3, 6, 7)), mx.uint32)
    layouts = [x, x.swapaxes(0, 2)[:5], x[:, ::-1, ::2]]
    mx.eval(i, j, rows, layouts)
    for y in layouts:
        for f in (
            lambda y=y: y[i],
            lambda y=y: y[i, j],
            lambda y=y: y[:, j],
            lambda y=y: mx.take(y, i, axis=1),
            lambda y=y: mx.take(y.astype(mx.float16), i, axis=0),
            lambda y=y: mx.take(y, mx.array(3), axis=0),
        ):
            with no_fallbacks():
                slow, fast = both(f)
            assert equal(slow, fast)
    for axis in range(3):
        shape = [5, 6, 7]
        shape[axis] = 3
        at = mx.array(rng.integers(-4, 4, size=shape))
        mx.eval(at)
        with no_fallbacks():
            slow, fast = both(lambda a=at, b=axis: mx.take_along_axis(x, a, axis=b))
        assert equal(slow, fast)


@pytest.mark.parametrize("name", UPDATES)
@pytest.mark.parametrize("dtype", FLOATS + WHOLES)
def test_updates_of_all_types(name, dtype, rng):
    if name == "subtract" and dtype == "bool_":
        return  # a TypeError
    x = numbers(rng, dtype, 9, 5)
    rows = mx.array(rng.integers(-9, 9, size=300))
    values = numbers(rng, dtype, 300, 5)
    if dtype in FLOATS and name in ("multiply", "divide"):
        values = mx.where(mx.abs(values) > 100, mx.ones_like(values), values)
    compare(lambda: updated(name, x, rows, values), x, rows, values, same=equal)


@pytest.mark.parametrize("dtype", WHOLES[1:])
def test_integers_are_divided_without_a_trap(dtype):
    kind = getattr(mx, dtype)
    bounds = np.iinfo(dtype)
    x = mx.array(np.array([bounds.min, bounds.max, 7, 7, 0, 9], dtype))
    by = mx.array([-1, 0, 0, 2, 5, -2], mx.int64).astype(kind)
    rows = mx.arange(6)
    compare(lambda: x.at[rows].divide(by), x, rows, by)


@pytest.mark.parametrize("dtype", FLOATS + WHOLES)
def test_the_last_assignment_wins(dtype, rng):
    x = numbers(rng, dtype, 40, 3)
    for n in (0, 1, 2, 33, 1025):
        rows = mx.array(rng.integers(-40, 40, size=n), mx.int32)
        values = numbers(rng, dtype, max(n, 1), 3)[:n]
        compare(lambda i=rows, v=values: assigned(x, i, v), x, rows, values)


def test_sums_are_in_order_and_rounded_once(rng):
    """Of half types too, whose every partial sum would be another number."""
    for dtype in FLOATS:
        x = numbers(rng, dtype, 7)
        values = mx.array(rng.normal(size=5000)).astype(getattr(mx, dtype))
        rows = mx.array(rng.integers(0, 7, size=5000))
        compare(lambda x=x, v=values, i=rows: x.at[i].add(v), x, values, rows)
        compare(lambda x=x, v=values: x.at[mx.array([2] * 5000)].add(v), x, values)


def test_shapes_of_indices(rng):
    x = numbers(rng, "float32", 5, 6, 7)
    i, j = mx.array([[0, -1, 3], [4, 2, -5]]), mx.array([5, -6, 1], mx.int8)
    mx.eval(x, i, j)
    indices = [i, (i, j), (slice(None), j), (i, slice(None), j)]
    indices += [(i, 2), (slice(1, 4), j), (..., i), (i[..., None], j[:2]), (1, 2, 3)]
    for index in indices:
        values = mx.contiguous(x[index]) * 3 + 1
        compare(lambda k=index, v=values: assigned(x, k, v), values)
        compare(lambda k=index, v=values: x.at[k].add(v), values)
        compare(lambda k=index: x.at[k].multiply(2))
        compare(lambda k=index: x[k])


@pytest.mark.parametrize("kind", INDEX_TYPES)
def test_types_of_indices(kind, rng):
    x = numbers(rng, "float32", 120, 2)
    low = 0 if kind.startswith("u") else -120
    rows = mx.array(rng.integers(low, 120, size=65)).astype(getattr(mx, kind))
    values = numbers(rng, "float32", 65, 2)
    compare(lambda: x.at[rows].add(values), x, rows, values)
    compare(lambda: mx.take(x, rows, axis=0))
    columns = mx.broadcast_to(rows[:, None], (65, 2))
    compare(lambda: mx.put_along_axis(x, columns, values, axis=0))


def test_uint64_indices_are_read_on_the_cpu(rng):
    x = numbers(rng, "float32", 9)
    rows = mx.array([3, 3, 8], mx.uint64)
    mx.eval(x, rows)
    before = mx.metal.fallbacks().get("scatter", 0)
    slow, fast = both(lambda: x.at[rows].add(1))
    assert identical(slow, fast)
    assert mx.metal.fallbacks()["scatter"] == before + 1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout, rng):
    view = LAYOUTS[layout]
    x, values = (view(numbers(rng, "float32", 20, 30)) for _ in range(2))
    rows = view(mx.array(rng.integers(-20, 20, size=(20, 30))))[:, 0]
    at = view(mx.array(rng.integers(-10, 10, size=(20, 30))))
    mx.eval(x, values, rows, at)
    values = values[: rows.size]
    rows = rows % x.shape[0]
    compare(lambda: x.at[rows].add(values[: rows.size]), rows, values)
    for axis in (0, 1):
        compare(lambda axis=axis: mx.put_along_axis(x, at, values, axis=axis))
        compare(lambda axis=axis: mx.take_along_axis(x, at, axis=axis))


@pytest.mark.parametrize("dtype", FLOATS + WHOLES)
def test_put_and_add_along_axes(dtype, rng):
    x = numbers(rng, dtype, 4, 65, 3)
    for axis, count in itertools.product(range(3), (1, 3, 129)):
        shape = [4, 65, 3]
        shape[axis] = count
        at = mx.array(rng.integers(-3, 3, size=shape))
        values = numbers(rng, dtype, *shape)
        mx.eval(x, at, values)
        compare(lambda a=at, v=values, k=axis: mx.put_along_axis(x, a, v, axis=k))

        def sums(at=at, values=values, axis=axis):
            def f(y):
                return (mx.take_along_axis(y, at, axis=axis) * values).sum()

            return mx.grad(f)(x)  # which is add_along_axis

        if dtype in FLOATS:
            compare(sums, same=equal)


@pytest.mark.parametrize("n", [1024, 4099, 100_003])
def test_many_places(n, rng):
    x, values = numbers(rng, "float32", n), numbers(rng, "float32", n)
    rows = mx.array(rng.integers(-n, n, size=n))
    order = mx.array(rng.permutation(n))
    compare(lambda: x.at[rows].add(values), x, rows, values, same=equal)
    compare(lambda: assigned(x, order, values), order)
    compare(lambda: mx.put_along_axis(x, rows, values, axis=0))


@pytest.mark.parametrize("size", [1, 3])
def test_windows(size, rng):
    x = numbers(rng, "float16", 7, 8)
    window, start = numbers(rng, "float16", size, 5), mx.array([4, 2])
    compare(lambda: mx.slice_update(x, window, start, (0, 1)), x, window, start)
    compare(lambda: mx.slice(x, start, (0, 1), (size, 5)))


def test_nothing_to_write(rng):
    x, none = numbers(rng, "float32", 4, 3), mx.zeros((0,), mx.int32)
    compare(lambda: x.at[none].add(mx.zeros((0, 3))), x, none)
    compare(lambda: mx.put_along_axis(x, none[None], mx.zeros((1, 0)), axis=1))
    narrow = x[:, :0]
    compare(lambda: narrow.at[mx.array([3, -4])].add(mx.zeros((2, 0))))
    compare(lambda: mx.take(narrow, mx.array([3, -4]), axis=0))


def test_what_is_donated_is_written_in_place(rng):
    rows = mx.array(rng.integers(0, 1000, size=5000))
    values = numbers(rng, "float32", 5000)
    mx.eval(rows, values)

    def chain():
        x = mx.zeros((1000,)) + 1
        for _ in range(5):
            x = (x.at[rows].add(values)) * 0.5
            x[rows[:70]] = x[rows[70:140]]
        return x

    compare(chain, same=equal)


def test_gradients(rng):
    x, w = numbers(rng, "float32", 9, 4), numbers(rng, "float32", 65, 4)
    rows = mx.array(rng.integers(-9, 9, size=65))
    at = mx.array(rng.integers(-4, 4, size=(9, 3)))
    losses = [
        lambda y: (mx.take(y, rows, axis=0) * w).sum(),
        lambda y: (y[rows] * w).sum(),
        lambda y: (y.at[rows].add(w) * y).sum(),
        lambda y: (y.at[rows].multiply(w) * y).sum(),
        lambda y: (assigned(y, rows, w * y[0]) * y).sum(),
        lambda y: (mx.put_along_axis(y, at, w[:9, :3] * y[:, :3], 1) * y).sum(),
    ]
    for loss, dtype in itertools.product(losses, (mx.float32, mx.bfloat16)):
        argument = x.astype(dtype)
        compare(lambda f=loss, a=argument: mx.grad(f)(a), argument, w, at, same=equal)


OUTSIDE = {
    "at.add": lambda x: x.at[mx.array([0, 10])].add(1),
    "setitem": lambda x: assigned(x, mx.array([-11, 3]), 1.0),
    "two axes": lambda x: x.at[mx.array([1, 2]), mx.array([3, 2**40])].multiply(2),
    "put": lambda x: mx.put_along_axis(x, mx.array([[1, 20]]), mx.ones((10, 2)), 1),
    "window": lambda x: mx.slice_update(x, mx.ones((3, 2)), mx.array([8, 0]), (0, 1)),
    "take of nothing": lambda x: mx.take(x[:, :0], mx.array([-11]), axis=0),
    "empty window": lambda x: x[:, :0].at[mx.array([10])].add(mx.ones((1, 0))),
    "empty axis": lambda x: x[:0].at[mx.array([0])].add(1),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_an_index_out_of_range_writes_nothing(name, rng):
    x = numbers(rng, "float32", 10, 20)
    mx.eval(x)
    before, messages = np.array(x), []
    for device in (mx.cpu, mx.gpu):
        with mx.stream(device), no_fallbacks():
            bad = OUTSIDE[name](x)
            for _ in range(2):
                with pytest.raises(IndexError) as caught:
                    mx.eval(bad)
                messages.append(str(caught.value))
            assert np.array_equal(np.asarray(x * 1), before, equal_nan=True)
    assert len(set(messages)) == 1 and "got " in messages[0]


def test_float64_is_combined_on_the_cpu_and_assigned_on_the_gpu(rng):
    x = from_numpy(rng.normal(size=9), mx.float64)
    rows, values = mx.array([3, 3, 8]), from_numpy(rng.normal(size=3), mx.float64)
    compare(lambda: assigned(x, rows, values), x, rows, values)
    before = mx.metal.fallbacks().get("scatter", 0)
    slow, fast = both(lambda: x.at[rows].add(values))
    assert identical(slow, fast)
    assert mx.metal.fallbacks()["scatter"] == before + 1
