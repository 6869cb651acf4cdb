"""Kernels that users write in Metal: fast.metal_kernel."""

from __future__ import annotations

import ingot.core as mx
import numpy as np
import pytest
from metal_cases import (
    FLOATS,
    WHOLES,
    needs_metal,
    needs_software_metal,
    no_fallbacks,
    run_python,
)
from metal_kernel_cases import COPY, kernel, launched, run
from optimizer_cases import from_numpy, to_numpy

pytestmark = [needs_metal, pytest.mark.usefixtures("gpu")]

EXP = """
    uint elem = thread_position_in_grid.x;
    T tmp = T(inp[elem]);
    out[elem] = Out(metal::exp(tmp));
"""


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_example_of_the_documentation(dtype, rng, capfd):
    a = from_numpy(rng.normal(size=(4, 16)), getattr(mx, dtype))
    exp = mx.fast.metal_kernel(
        name="myexp", input_names=["inp"], output_names=["out"], source=EXP
    )
    outputs = exp(
        inputs=[a],
        template=[("T", mx.float32), ("Out", a.dtype)],
        grid=(a.size, 1, 1),
        threadgroup=(256, 1, 1),
        output_shapes=[a.shape],
        output_dtypes=[a.dtype],
        verbose=True,
    )
    assert len(outputs) == 1 and outputs[0].dtype == a.dtype
    tolerance = {"float32": 1e-6, "float16": 1e-3, "bfloat16": 8e-3}[dtype]
    np.testing.assert_allclose(
        to_numpy(outputs[0]), np.exp(to_numpy(a)), rtol=tolerance
    )
    printed = capfd.readouterr().out
    assert "[[kernel]] void custom_kernel_myexp(" in printed
    assert "template <typename T, typename Out>" in printed
    assert 'host_name("custom_kernel_myexp_float_' in printed
    assert "inp_shape" not in printed and "thread_index_in_simdgroup" not in printed


@pytest.mark.parametrize("dtype", FLOATS + WHOLES)
def test_every_type_goes_in_and_comes_out(dtype, rng):
    x = from_numpy(rng.integers(0, 2, size=70), getattr(mx, dtype))
    assert mx.array_equal(run(COPY, [x], (70,), x.dtype), x)


def test_it_is_lazy_and_one_dispatch(rng):
    x = mx.array(rng.normal(size=1000).astype(np.float32))
    mx.eval(x)
    before = mx.metal._counts()["dispatches"]
    y = run(COPY, [x], (1000,))
    assert mx.metal._counts()["dispatches"] == before
    with no_fallbacks():
        mx.eval(y)
    assert mx.metal._counts()["dispatches"] == before + 1


def test_it_is_in_order_with_other_operations(rng):
    x = mx.array(rng.normal(size=5000).astype(np.float32))
    y = x
    want = to_numpy(x)
    for i in range(20):
        y = run(COPY, [y + i], (5000,)) * 2
        want = ((want + np.float32(i)) * 2).astype(np.float32)
    assert np.array_equal(to_numpy(y), want)


def test_inputs_are_row_contiguous(rng):
    x = rng.normal(size=(6, 5)).astype(np.float32)
    given = mx.array(x)
    for got, want in [
        (given.T, x.T),
        (given[::-1], x[::-1]),
        (given[1:, ::2], x[1:, ::2]),
        (mx.broadcast_to(given[0], (3, 5)), np.broadcast_to(x[0], (3, 5))),
    ]:
        assert np.array_equal(to_numpy(run(COPY, [got], want.shape)), want)


STRIDED = """
    uint elem = thread_position_in_grid.x;
    uint loc = elem_to_loc(elem, inp_shape, inp_strides, inp_ndim);
    out[elem] = inp[loc];
"""


def test_strides_tell_the_layout(rng):
    """Negative ones are removed by a copy, so that places are unsigned."""
    x = rng.normal(size=(6, 5, 4)).astype(np.float32)
    given = mx.array(x)
    copy = kernel(STRIDED, ["inp"], ensure_row_contiguous=False)
    for got, want, copies in [
        (given, x, 0),
        (given.T, x.T, 0),
        (given[1:, ::2], x[1:, ::2], 0),
        (given[::-1], x[::-1], 1),
        (mx.broadcast_to(given[0], (3, 5, 4)), np.broadcast_to(x[0], (3, 5, 4)), 0),
    ]:
        mx.eval(got)
        before = mx.metal._counts()["dispatches"]
        y = launched(copy, [got], want.shape)
        mx.eval(y)
        assert mx.metal._counts()["dispatches"] == before + 1 + copies
        assert np.array_equal(to_numpy(y), want)


def test_places_of_a_grid_of_three_axes(rng):
    x = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    body = """
        uint3 elem = thread_position_in_grid;
        uint row = elem.x + threads_per_grid.x * (elem.y + threads_per_grid.y * elem.z);
        out[row] = x[elem_to_loc(elem, x_shape, x_strides, x_ndim)];
    """
    copy = kernel(body, ensure_row_contiguous=False)
    for axes in [(0, 1, 2, 3), (3, 1, 0, 2)]:
        want = x.transpose(axes)
        *rest, second, last = want.shape
        y = launched(
            copy,
            [mx.array(x).transpose(axes)],
            want.shape,
            grid=(last, second, int(np.prod(rest))),
            threadgroup=(4, 2, 2),
        )
        assert np.array_equal(to_numpy(y), want)
    for one in (x[0, 0], x[0, 0, 0]):
        y = launched(
            copy, [mx.array(one)], one.shape, grid=(*one.shape[::-1], 1, 1)[:3]
        )
        assert np.array_equal(to_numpy(y), one)


def test_numbers_and_arrays_without_dimensions_are_references(rng):
    x = mx.array(rng.normal(size=9).astype(np.float32))
    halves = mx.array(rng.normal(size=9)).astype(mx.float16)
    body = """
        uint i = thread_position_in_grid.x;
        out[i] = negative ? -x[i] * scale + float(half_one)
                          : float(shift + x_ndim + scale_ndim);
    """
    names = ["x", "negative", "scale", "shift", "half_one"]
    for k in range(3):
        y = run(body, [x, True, 2.5, 7, halves[k]], (9,), names=names)
        want = -to_numpy(x) * np.float32(2.5) + np.float32(to_numpy(halves)[k])
        np.testing.assert_allclose(to_numpy(y), want, rtol=1e-6)
    y = run(body, [x, False, 2.5, 7, halves[0]], (9,), names=names)
    assert y.tolist() == [8.0] * 9


def test_templates_take_types_numbers_and_truth():
    body = """
        uint i = thread_position_in_grid.x;
        T sum = T(0);
        for (int k = 0; k < N; ++k) sum += T(i) * T(M);
        out[i] = negate ? -sum : sum;
    """
    four = kernel(body, [])
    for dtype in (mx.float32, mx.int32, mx.float16):
        for negate in (False, True):
            values = [("T", dtype), ("N", 4), ("negate", negate), ("M", -3)]
            y = launched(four, [], (5,), dtype, template=values)
            sign = -1 if negate else 1
            assert y.tolist() == [sign * -12 * i for i in range(5)]


def test_several_outputs_of_other_shapes_and_types(rng):
    x = mx.array(rng.normal(size=12).astype(np.float32))
    body = """
        uint i = thread_position_in_grid.x;
        sign[i] = x[i] < 0;
        if (i < 3) first[i] = int(x[i] * 100);
    """
    sign, first = kernel(body, outputs=["sign", "first"])(
        inputs=[x],
        output_shapes=[(3, 4), (3,)],
        output_dtypes=[mx.bool_, mx.int32],
        grid=(12, 1, 1),
        threadgroup=(12, 1, 1),
    )
    values = to_numpy(x)
    assert np.array_equal(np.asarray(sign), (values < 0).reshape(3, 4))
    assert first.tolist() == [int(v) for v in (values[:3] * np.float32(100)).tolist()]


def test_a_header_and_attributes_of_threads():
    header = """
        constant int kOffset = 1000;
        inline int shifted(int x) { return x + kOffset; }
    """
    body = """
        uint3 i = thread_position_in_grid;
        uint place = (i.z * threads_per_grid.y + i.y) * threads_per_grid.x + i.x;
        out[place] = shifted(int(
            threadgroup_position_in_grid.x + 10 * thread_position_in_threadgroup.y +
            100 * thread_index_in_threadgroup * 0 + 100 * threadgroups_per_grid.z));
    """
    y = run(
        body, [], (2, 3, 5), mx.int32, names=[], header=header,
        grid=(5, 3, 2), threadgroup=(2, 3, 1),
    )  # fmt: skip
    z, y_, x = np.meshgrid(range(2), range(3), range(5), indexing="ij")
    assert np.array_equal(np.asarray(y), 1000 + x // 2 + 10 * y_ + 200 + 0 * z)


def test_threadgroup_memory_and_barriers(rng):
    """Sums of 64 neighbours, by halves."""
    body = """
        threadgroup float part[64];
        uint i = thread_index_in_threadgroup;
        part[i] = x[thread_position_in_grid.x];
        for (uint n = 32; n > 0; n /= 2) {
          threadgroup_barrier(mem_flags::mem_threadgroup);
          if (i < n) part[i] += part[i + n];
        }
        if (i == 0) out[threadgroup_position_in_grid.x] = part[0];
    """
    x = rng.normal(size=256).astype(np.float32)
    y = run(body, [mx.array(x)], (4,), grid=(256, 1, 1), threadgroup=(64, 1, 1))
    want = x.astype(float).reshape(4, 64).sum(axis=1)
    np.testing.assert_allclose(to_numpy(y), want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "uint32", "int32"])
def test_atomics_begin_with_the_initial_value(dtype):
    body = """
        uint i = thread_position_in_grid.x;
        atomic_fetch_add_explicit(&out[i % 3], x[i], memory_order_relaxed);
    """
    x = mx.arange(100).astype(getattr(mx, dtype))
    histogram = kernel(body, atomic_outputs=True)
    y = launched(
        histogram, [x], (4,), x.dtype,
        grid=(100, 1, 1), threadgroup=(32, 1, 1), init_value=5,
    )  # fmt: skip
    assert y.tolist() == [5 + sum(range(k, 100, 3)) for k in range(3)] + [5]


@pytest.mark.parametrize("value", [0, 1.5, -2, np.inf])
def test_all_outputs_are_filled_first(value):
    body = "if (thread_position_in_grid.x == 1) out[1] = 9.0f;"
    y = run(body, [], (4,), names=[], init_value=float(value))
    assert y.tolist() == [value, 9, value, value]


def test_nothing_runs_for_an_empty_grid_and_nothing_is_read_of_empty_arrays():
    empty = mx.zeros((0, 3))
    assert run(COPY, [empty], (0, 3)).shape == (0, 3)
    y = run("out[0] = 1.0f;", [empty], (2,), init_value=4, grid=(0, 1, 1))
    assert y.tolist() == [4, 4]
    body = "out[thread_position_in_grid.x] = float(x_shape[0] + x_shape[1]);"
    assert run(body, [empty], (2,)).tolist() == [3, 3]


@needs_software_metal
def test_it_is_compiled_once_for_each_source_and_types():
    code = """
import ctypes
soft = ctypes.CDLL("libsoftmetal.so")
body = "uint i = thread_position_in_grid.x; out[i] = x[i] + 1;"
def run(n, dtype, body):
    kernel = mx.fast.metal_kernel("k", ["x"], ["out"], body)
    x = mx.zeros((n,), dtype)
    [y] = kernel(inputs=[x], output_shapes=[(n,)], output_dtypes=[dtype],
                 grid=(n, 1, 1), threadgroup=(n, 1, 1))
    mx.eval(x)
    before = soft.softmetal_count(b"libraries")
    mx.eval(y)
    return soft.softmetal_count(b"libraries") - before
print([run(4, mx.float32, body), run(4, mx.float32, body), run(9, mx.float32, body)])
print([run(4, mx.int32, body), run(4, mx.float32, body + " "), run(4, mx.int32, body)])
"""
    assert run_python(code) == "[1, 0, 0]\n[1, 1, 0]\n"


def test_a_compiled_function_records_it(rng):
    body = "uint i = thread_position_in_grid.x; out[i] = x[i] * s[0] + T(N);"
    scaled = kernel(body, ["x", "s"])
    calls = []

    @mx.compile
    def f(x, s):
        calls.append(1)
        values = [("T", mx.float32), ("N", 2)]
        return launched(scaled, [x + 1, s.T], x.shape, template=values) * 3

    for k in range(3):
        x = rng.normal(size=(4, 8)).astype(np.float32)
        s = np.full((2, 1), k + 1, np.float32)
        want = ((x + 1) * np.float32(k + 1) + 2) * 3
        np.testing.assert_allclose(to_numpy(f(mx.array(x), mx.array(s))), want, 1e-5)
    assert len(calls) == 1


def test_vmap_runs_it_for_each_example(rng):
    x = mx.array(rng.normal(size=(3, 8)).astype(np.float32))
    y = mx.vmap(lambda row: run(COPY, [row], (8,)) + 1)(x)
    assert mx.array_equal(y, x + 1)


def test_it_has_no_derivative_of_its_own():
    with pytest.raises(ValueError, match=r"grad: metal_kernel must be differentiable"):
        mx.grad(lambda x: run(COPY, [x], (3,)).sum())(mx.ones((3,)))
