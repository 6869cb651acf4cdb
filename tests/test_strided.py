"""Windows on memory: nothing is copied, nothing that shows it twice is written over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ingot.core as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingot import _core
from reference_views import as_strided
from support import dtype_name, to_core, to_numpy


def allocations_of(work: Callable[[], Any]) -> int:
    """How many buffers the call takes."""
    before = _core._allocations()
    work()
    return _core._allocations() - before


VIEWS: dict[str, Callable[[Any], Any]] = {
    "as_strided": lambda x: mx.as_strided(x, (63, 64, 2), (64, 1, 64)),
    "diagonal": lambda x: mx.diagonal(x, 3),
    "diag": lambda x: mx.diag(x, -3),
    "flip": mx.flip,
    "matrix_transpose": mx.matrix_transpose,
    "unstack": mx.unstack,
    "meshgrid": lambda x: mx.meshgrid(x, x),
    "atleast_3d": mx.atleast_3d,
    "positive": mx.positive,
    "depends": lambda x: mx.depends(x, [x]),
}


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_views_take_no_memory(name: str) -> None:
    x = mx.ones((64, 64))
    mx.eval(x)
    assert allocations_of(lambda: mx.eval(VIEWS[name](x))) == 0


def test_the_diagonal_of_a_strided_array_takes_no_memory() -> None:
    x = mx.reshape(mx.arange(600), (20, 30))
    want = np.diagonal(to_numpy(x)[::2, ::-3], 1)
    y = x[::2, ::-3]
    mx.eval(y)
    assert allocations_of(lambda: mx.eval(mx.diagonal(y, 1))) == 0
    np.testing.assert_array_equal(to_numpy(mx.diagonal(y, 1)), want)


@st.composite
def windows(draw: Any) -> tuple[int, list[int], list[int], int]:
    """Shape, strides and offset of a window that fits into so many elements."""
    shape = draw(st.lists(st.integers(0, 4), max_size=4))
    strides = draw(st.lists(st.integers(-5, 5), min_size=len(shape), max_size=4))
    strides = strides[: len(shape)]
    spans = [(n - 1) * s for n, s in zip(shape, strides, strict=True)]
    low = sum(min(0, s) for s in spans)
    high = sum(max(0, s) for s in spans)
    offset = -low + draw(st.integers(0, 3))
    return offset + high + 1, shape, strides, offset


@given(windows())
def test_any_window(window: tuple[int, list[int], list[int], int]) -> None:
    """Values and gradient: each element gets what all places that show it got."""
    size, shape, strides, offset = window
    x = np.arange(size, dtype=np.float32)
    args = (tuple(shape), tuple(strides), offset)
    np.testing.assert_array_equal(
        to_numpy(mx.as_strided(to_core(x), *args)), as_strided(x, *args)
    )
    weights = np.arange(1, 1 + int(np.prod(shape)), dtype=np.float32).reshape(shape)
    _, (grad,) = mx.vjp(
        lambda a: [mx.as_strided(a, *args)], [to_core(x)], [to_core(weights)]
    )
    want = np.zeros(size, np.float32)
    if weights.size:
        np.add.at(want, as_strided(np.arange(size), *args), weights)
    np.testing.assert_array_equal(to_numpy(grad), want)


@pytest.mark.parametrize("n", [3, 5000])
def test_what_shows_itself_twice_is_not_written_over(n: int) -> None:
    """In-place updates, donation and assignment see each element on its own."""
    base = np.arange(n + 1, dtype=np.float32)
    want = as_strided(base, (n, 2), (1, 1))

    def fresh() -> Any:
        return mx.as_strided(to_core(base) + 0, (n, 2), (1, 1))

    np.testing.assert_array_equal(to_numpy(mx.abs(fresh() - 1)), np.abs(want - 1))
    x = fresh()
    x += 1
    np.testing.assert_array_equal(to_numpy(x), want + 1)
    x = fresh()
    x[1, 0] = -5.0
    changed = want.copy()
    changed[1, 0] = -5.0
    np.testing.assert_array_equal(to_numpy(x), changed)
    added = fresh().at[mx.array([0, 0])].add(10.0)
    changed = want.copy()
    changed[0] += 20.0
    np.testing.assert_array_equal(to_numpy(added), changed)
    column = np.zeros((n, 1), np.int64)
    put = mx.put_along_axis(fresh(), to_core(column), mx.array(-1.0), axis=1)
    changed = want.copy()
    changed[:, 0] = -1.0
    np.testing.assert_array_equal(to_numpy(put), changed)


def test_one_number_as_many_is_not_written_over() -> None:
    """Stride 0: one place in memory for all elements."""
    x = mx.as_strided(mx.array([2.0]) * 1, (4096,), (0,))
    y = x * mx.arange(4096)
    np.testing.assert_array_equal(to_numpy(y), 2 * np.arange(4096, dtype=np.float32))
    x = mx.as_strided(mx.array([2.0]) * 1, (3,), (0,))
    x[0] = 7.0
    assert x.tolist() == [7.0, 2.0, 2.0]


def test_a_step_on_overlapping_parameters_writes_elsewhere() -> None:
    """An optimizer's in-place update of an array that shows itself twice."""
    from ingot import optimizers

    base = np.arange(9, dtype=np.float32)
    want = as_strided(base, (4, 4), (1, 1)) - 0.5
    model = {"w": mx.as_strided(to_core(base) + 0, (4, 4), (1, 1))}
    grads = {"w": mx.ones((4, 4))}
    updated = optimizers.SGD(0.5).apply_gradients(grads, model)
    del model
    np.testing.assert_array_equal(to_numpy(updated["w"]), want)


def test_overlapping_operands_of_a_product() -> None:
    """Rows one element apart are no matrix for BLAS, but have their product."""
    base = np.random.default_rng(2).normal(size=40).astype(np.float32)
    a = as_strided(base, (17, 9), (1, 1)).astype(np.float64)
    x = mx.as_strided(to_core(base), (17, 9), (1, 1))
    np.testing.assert_allclose(to_numpy(x @ x.T), a @ a.T, rtol=2e-5)
    np.testing.assert_allclose(to_numpy(mx.sum(x, axis=0)), a.sum(0), rtol=1e-5)


def test_what_is_not_row_major_is_copied_first() -> None:
    x = mx.arange(6).reshape(2, 3).T
    assert mx.as_strided(x).tolist() == [[0, 3], [1, 4], [2, 5]]
    assert mx.as_strided(x, (6,), (1,)).tolist() == [0, 3, 1, 4, 2, 5]


def test_more_elements_than_32_bits_count() -> None:
    """Sizes, strides and offsets past 2^31, without so much memory."""
    x = mx.array([3, 4], mx.int8)
    wide = mx.as_strided(x, (2, 2**33), (1, 0))
    assert wide.shape == (2, 2**33)
    assert wide[1, 2**32 + 5 : 2**32 + 8].tolist() == [4, 4, 4]
    many = mx.broadcast_to(mx.array(1, mx.int8), (2**33,))
    ends = mx.flip(many)[:: 2**32]
    assert ends.tolist() == [1, 1]
    assert mx.roll(x, 2**40 + 1).tolist() == [4, 3]
    assert mx.roll(x, (2**63 - 1, -(2**63)), (0, 0)).tolist() == [4, 3]
    assert (mx.as_strided(x, (1, 2), (2**62, 1)) * 2)[::-1].tolist() == [[6, 8]]
    assert mx.diagonal(mx.ones((3, 3)), -(2**63)).shape == (0,)
    n = 2**31 + 9
    square = mx.broadcast_to(mx.array(5, mx.int8), (n, n))
    assert mx.diagonal(square, 7).shape == (2**31 + 2,)
    assert mx.diagonal(square, 7)[2**31 :].tolist() == [5, 5]


@pytest.mark.skipif(
    mx.default_device() == mx.gpu, reason="2 GiB are slow on the software Metal"
)
def test_an_offset_past_32_bits() -> None:
    n = 2**31 + 8
    x = mx.zeros((n,), mx.int8)
    x[n - 3 :] = mx.array([7, 8, 9], mx.int8)
    mx.eval(x)
    assert mx.as_strided(x, (2, 2), (-(2**31), 1), n - 2).tolist() == [[8, 9], [0, 0]]
    assert mx.as_strided(x, (3,), (2**30,), 5).tolist() == [0, 0, 7]


BEYOND = [
    ((3,), (3,), 0, "0 to 6"),
    ((3,), (1,), 3, "3 to 5"),
    ((2,), (-1,), 0, "-1 to 0"),
    ((1,), (1,), -1, "-1 to -1"),
    ((6,), (1,), 0, "0 to 5"),
    ((1,), (0,), 5, "5 to 5"),
    ((2, 2), (2**62, 2**62), 0, "2^63"),
    ((2**40,), (2**40,), 0, "2^63"),
]


@pytest.mark.parametrize(("shape", "strides", "offset", "reach"), BEYOND)
def test_a_window_beyond_the_array_is_refused(
    shape: Any, strides: Any, offset: int, reach: str
) -> None:
    """The error says how far it would reach."""
    with pytest.raises(ValueError, match="as_strided") as error:
        mx.as_strided(mx.arange(5), shape, strides, offset)
    assert reach in str(error.value)


def test_several_arrays_are_a_list() -> None:
    x, y = mx.array(1), mx.zeros((2, 3))
    shapes = {1: [(1,), (2, 3)], 2: [(1, 1), (2, 3)], 3: [(1, 1, 1), (2, 3, 1)]}
    for n, want in shapes.items():
        f = getattr(mx, f"atleast_{n}d")
        got = f(x, y)
        assert isinstance(got, list)
        assert [a.shape for a in got] == want
        assert f() == []
        assert f(7).ndim == n


def test_tuples() -> None:
    """unstack and meshgrid give tuples, of nothing too."""
    assert isinstance(mx.unstack(mx.ones((2, 3))), tuple)
    assert isinstance(mx.meshgrid(mx.ones((2,))), tuple)
    assert mx.meshgrid() == ()
    assert mx.unstack(mx.ones((0, 3))) == ()
    x = mx.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(
        to_numpy(mx.stack(mx.unstack(x, axis=1), axis=1)), to_numpy(x)
    )


@pytest.mark.parametrize("dtype", ["int8", "float16", "float32", "int64"])
def test_trace_in_another_dtype(dtype: str) -> None:
    """The sum is taken in it, and has it."""
    x = mx.full((3, 3), 100, mx.uint8)
    got = mx.trace(x, dtype=getattr(mx, dtype))
    assert dtype_name(got) == dtype
    assert got.item() == (44 if dtype == "int8" else 300)


def test_methods() -> None:
    """array.diag, array.diagonal and array.mT are the functions."""
    x = mx.arange(24).reshape(2, 3, 4)
    assert x[0].diag(1).tolist() == mx.diag(x[0], 1).tolist()
    assert x[0, 0].diag().tolist() == mx.diag(x[0, 0]).tolist()
    assert x.diagonal(1, 0, 2).tolist() == mx.diagonal(x, 1, 0, 2).tolist()
    assert x.mT.tolist() == mx.swapaxes(x, 1, 2).tolist()
    with pytest.raises(ValueError, match="matrix_transpose"):
        _ = x[0, 0].mT


def test_empty_is_defined() -> None:
    """Fresh memory may hold anything: empty arrays hold zeros."""
    junk = mx.full((MANY := 1 << 16,), 7)
    mx.eval(junk)
    del junk
    assert mx.empty(MANY).sum().item() == 0
    assert mx.empty_like(mx.ones((2,), mx.int8)).tolist() == [0, 0]
