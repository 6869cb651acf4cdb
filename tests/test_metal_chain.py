"""Chains of elementwise operations in compiled functions: one kernel on the GPU, with
the bits of each operation alone."""

from __future__ import annotations

import ingot.core as mx
import numpy as np
import pytest
from ingot import _core
from metal_cases import (
    FLOATS,
    WHOLES,
    fail_next,
    identical,
    needs_metal,
    needs_software_metal,
    no_fallbacks,
    operand,
    run_python,
    since,
)
from test_metal import BINARY, DTYPES, KINDS

pytestmark = [needs_metal, pytest.mark.usefixtures("gpu")]

# A kernel takes the software Metal seconds to compile: one type for each kind.
SOME = [*FLOATS, "bool_", "uint8", "int32", "uint64"]


def dispatches(f, *args):
    """The results of f, and what they cost."""
    before = mx.metal._counts()
    results = f(*args)
    mx.eval(results)
    return results, since(before)["dispatches"]


def same(f, *args):
    """Whether a compiled function has the bits of the plain one; what both cost."""
    mx.eval(list(args))
    with no_fallbacks():
        want, plain = dispatches(f, *args)
        got, fused = dispatches(mx.compile(f), *args)
    lists = [y if isinstance(y, (list, tuple)) else [y] for y in (want, got)]
    for a, b in zip(*lists, strict=True):
        assert identical(a, b)
    return plain, fused


def gelu_like(x):
    """Ten operations."""
    cube = x * x * x
    inner = (x + cube * 0.044715) * 0.7978845608
    return (mx.tanh(inner) + 1) * x * 0.5 - x


@pytest.mark.parametrize("dtype", FLOATS)
def test_ten_operations_are_one_dispatch(dtype, rng):
    x = operand(rng, 3000, dtype)
    assert same(gelu_like, x) == (10, 1)


def test_no_kernel_is_written_outside_of_compiled_functions(rng):
    x = operand(rng, 100, "float32")
    _, cost = dispatches(gelu_like, x)
    assert cost == 10
    [_, cost] = dispatches(lambda x: gelu_like(mx.compile(mx.exp)(x)), x)
    assert cost == 11


def operations(dtype):
    """A function for each operation of that type."""
    for name, kind in KINDS.items():
        if dtype in DTYPES[kind] and (name, dtype) != ("negative", "bool_"):
            yield name, getattr(mx, name, None) or getattr(_core, name)


@pytest.mark.parametrize("dtype", SOME)
def test_every_operation_has_its_bits_in_a_chain(dtype, rng):
    x, y = operand(rng, 500, dtype), operand(rng, 500, dtype)

    def f(x, y):
        return [g(x, y) if name in BINARY else g(x) for name, g in operations(dtype)]

    plain, fused = same(f, x, y)
    assert fused <= -(-plain // 10)


@pytest.mark.parametrize("dtype", SOME)
def test_casts_and_selections_have_their_bits_in_a_chain(dtype, rng):
    x, y = operand(rng, 500, dtype), operand(rng, 500, dtype)

    def f(x, y):
        others = [x.astype(getattr(mx, name)) for name in FLOATS + WHOLES]
        back = [z.astype(x.dtype) for z in others[:4]]
        return [*others, *back, mx.where(x < y, x, y), mx.where(y, others[2], 1.5)]

    plain, fused = same(f, x, y)
    assert fused <= 3 < plain


LAYOUTS = {
    "transposed": lambda x: x.T,
    "reversed": lambda x: x[::-1, ::-1],
    "strided": lambda x: x[::2, 1::3],
    "empty": lambda x: x[:0],
    "deep": lambda x: x.reshape(4, 5, 3, 2, 5)[::2, :, ::2, :, ::3].swapaxes(0, 3),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout, rng):
    x = LAYOUTS[layout](operand(rng, 600, "float32").reshape(20, 30))
    plain = operand(rng, x.size, "float32").reshape(x.shape)
    row, number = operand(rng, 40, "float32")[:1], mx.array(3.0)
    last = operand(rng, 40, "float32")[: x.shape[-1]]

    def f(x, plain, row, number, last):
        y = x * plain + row
        return y - last * number, mx.maximum(y, x)

    assert same(f, x, plain, row, number, last)[1] <= 3


@pytest.mark.parametrize("n", [1, 2, 255, 1023, 1024, 1025, 4099])
def test_odd_sizes(n, rng):
    assert same(gelu_like, operand(rng, n, "float32")) == (10, 1)


def test_long_chains_are_cut(rng):
    x = operand(rng, 1000, "float32")

    def f(x):
        for k in range(40):
            x = mx.sin(x + k)
        return x

    assert same(f, x) == (80, 5)


def test_chains_of_many_arrays_fit_the_buffers_of_a_kernel(rng):
    xs = [operand(rng, 50, "float32") for _ in range(40)]

    def f(*xs):
        sums = [a * b for a, b in zip(xs[::2], xs[1::2], strict=True)]
        return [mx.exp(s) for s in sums]

    plain, fused = same(f, *xs)
    assert plain == 40 and fused <= 4


def test_other_operations_come_between(rng):
    x = operand(rng, 900, "float32").reshape(30, 30)

    def f(x):
        y = mx.tanh(mx.sin(x) * 2)
        z = (y @ y.T).sum(axis=0)
        return mx.exp(-mx.abs(z)) + 1

    same(f, x)


def test_a_gradient_has_its_bits(rng):
    x, w = operand(rng, 64, "float32").reshape(8, 8), operand(rng, 8, "float32")

    def loss(x, w):
        return (gelu_like(mx.tanh(x) * w) ** 2).sum()

    plain, fused = same(mx.grad(loss, argnums=(0, 1)), x, w)
    assert fused < plain / 2


def test_memory_is_taken_over(rng):
    """That of an array which nobody needs any more."""
    f = mx.compile(lambda x: mx.exp(x) * 2 + x)
    x = mx.ones((1 << 18,))
    mx.eval(x)
    y = f(x)
    mx.eval(y)
    mx.reset_peak_memory()
    before = mx.get_active_memory()
    z = f(y)
    del y
    mx.eval(z)
    assert mx.get_peak_memory() - before <= 4096
    once = 2 * np.exp(np.float64(1)) + 1
    assert z[5].item() == pytest.approx(2 * np.exp(once) + once, rel=1e-5)


def test_float64_is_no_link(rng):
    x = mx.array(rng.normal(size=50)).astype(mx.float64)
    f = lambda x: mx.exp(x) * 2 + x.astype(mx.float32).astype(mx.float64)  # noqa: E731
    assert identical(mx.compile(f)(x), f(x))


def test_chains_depend_on_work_that_is_still_to_be_done(rng):
    x = operand(rng, 2000, "float32")
    f = mx.compile(gelu_like)
    y = z = mx.sin(x)
    for _ in range(20):
        y, z = f(mx.sin(y)), gelu_like(mx.sin(z))
        mx.async_eval(y)
    assert identical(y, z)


@needs_software_metal
def test_a_chain_is_compiled_once_for_its_structure_and_types():
    code = """
import ctypes
soft = ctypes.CDLL("libsoftmetal.so")
def made(f, *args):
    mx.eval(list(args))
    before = soft.softmetal_count(b"libraries")
    mx.eval(mx.compile(f)(*args))
    return soft.softmetal_count(b"libraries") - before
f = lambda x: mx.sin(x) * 2 + 1
g = lambda x: mx.sin(x) * 5 + 7
one, two = mx.ones((70,)), mx.ones((3, 40))
print([made(f, one), made(f, two), made(g, one), made(f, one.astype(mx.float16))])
print([made(lambda x: mx.sin(x) + 2 * x, one), made(f, two.T), made(f, one + 1)])
"""
    assert run_python(code) == "[1, 0, 0, 1]\n[1, 1, 0]\n"


@needs_software_metal
def test_a_chain_that_does_not_compile_leaves_the_graph_whole():
    x = mx.arange(50.0)
    y = mx.compile(lambda x: mx.cosh(x) * 3 - mx.log1p(x) + 8)(x)
    fail_next("library", "the compiler's log")
    with pytest.raises(RuntimeError, match="the compiler's log"):
        mx.eval(y)
    assert y[0].item() == 11
