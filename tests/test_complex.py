"""complex64: from and to Python, NumPy, files and DLPack; copies, views, indexing."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import ingot.core as mx
import numpy as np
import pytest
from support import ALL, CORE, FLOATS, LAYOUTS, NUMPY, layout, to_core, to_numpy

Z = np.array([[1 + 2j, -3.5 - 0.25j, 1e30j], [0, -0.0, 2]], np.complex64)
ODD = np.array([complex(np.nan, 1), complex(-np.inf, np.nan), complex(0.0, -0.0)])


def same(a: Any, x: Any) -> None:
    """Dtype, shape and bits."""
    got = np.array(a)
    assert a.dtype == mx.complex64
    assert got.dtype == np.complex64
    assert got.shape == np.shape(x)
    assert got.tobytes() == np.asarray(x, np.complex64).tobytes()


# From Python and back ---------------------------------------------------------


def test_numbers_and_lists() -> None:
    same(mx.array(1 + 2j), 1 + 2j)
    same(mx.array([1, 2.5, 3j, True]), [1, 2.5, 3j, 1])
    same(mx.array([[1j], [2]]), [[1j], [2]])
    same(mx.array([mx.array(1), 2j, mx.array(0.5)]), [1, 2j, 0.5])
    same(mx.array([], mx.complex64), [])
    same(mx.array([1, 2], mx.complex64), [1, 2])
    same(mx.array(np.complex128(1 + 2j)), 1 + 2j)
    same(mx.array(np.complex64(1 + 2j)), 1 + 2j)
    assert mx.array([1 + 2j, 3]).tolist() == [1 + 2j, 3 + 0j]
    value = mx.array(1 + 2j).item()
    assert type(value) is complex
    assert value == 1 + 2j
    assert complex(mx.array([1 + 2j])) == 1 + 2j
    assert complex(mx.array(1.5)) == 1.5
    assert bool(mx.array(1j))
    assert not bool(mx.array(0j))


@pytest.mark.parametrize("convert", [int, float])
def test_no_real_number_of_a_complex_one(convert: Any) -> None:
    with pytest.raises(TypeError):
        convert(mx.array(1 + 0j))
    with pytest.raises(TypeError, match="integer"):
        range(3)[mx.array(1 + 0j)]  # type: ignore[call-overload]


@pytest.mark.parametrize("dtype", ALL)
def test_complex_numbers_do_not_become_real(dtype: str) -> None:
    for value in (1j, [1j], [[1, 2j]]):
        with pytest.raises(TypeError, match="must be real for"):
            mx.array(value, CORE[dtype])
    with pytest.raises(TypeError, match="must be real for"):
        mx.full((2,), 1j, CORE[dtype])


def test_text() -> None:
    assert str(mx.array([1 + 2j, -1.5 - 0.25j])) == (
        "array([1+2j, -1.5-0.25j], dtype=complex64)"
    )
    odd = mx.array([complex(0, -0.0), complex(np.nan, -np.nan), complex(1e10, np.inf)])
    assert str(odd) == "array([0-0j, nan+nanj, 1e+10+infj], dtype=complex64)"
    assert f"{mx.array(1 + 2j):.1f}" == "1.0+2.0j"
    assert repr(mx.complex64) == "ingot.core.complex64"


def test_dtype() -> None:
    assert mx.complex64.size == 8
    assert mx.zeros((3,), mx.complex64).nbytes == 24
    assert pickle.loads(pickle.dumps(mx.complex64)) == mx.complex64
    assert mx.finfo(mx.complex64).eps == mx.finfo(mx.float32).eps
    assert mx.finfo(mx.complex64).bits == 32
    with pytest.raises(ValueError, match="iinfo"):
        mx.iinfo(mx.complex64)
    assert mx.result_type(mx.int8, 1j) == mx.complex64
    assert mx.result_type(mx.complex64, 1.5) == mx.complex64
    assert mx.result_type(1j) == mx.complex64


@pytest.mark.parametrize("dtype", ALL)
def test_promotion(dtype: str) -> None:
    """Beside complex64 everything is complex64."""
    x, z = mx.ones((2,), CORE[dtype]), mx.array([1j, 2])
    assert mx.result_type(x, z) == mx.complex64
    assert mx.can_cast(CORE[dtype], mx.complex64)
    assert not mx.can_cast(mx.complex64, CORE[dtype])
    for y in (x + z, z + x, x * 1j, 1j * x, mx.add(x, 1j), z + 1, z + 1.5):
        assert y.dtype == mx.complex64
    assert (x + z).tolist() == [1 + 1j, 3]


# NumPy, files, DLPack ---------------------------------------------------------


@pytest.mark.parametrize("source", [Z, ODD.astype(np.complex64), Z[:0], Z[0, 0]])
def test_numpy_keeps_the_bits(source: Any) -> None:
    same(mx.array(source), source)
    same(mx.array(source.astype(np.complex128)), source)
    same(mx.array(np.asarray(source).T), np.asarray(source).T)


def test_numpy_strides_and_byte_orders() -> None:
    same(mx.array(Z[::-1, ::2]), Z[::-1, ::2])
    same(mx.array(Z.astype(">c8")), Z)
    same(mx.array(Z.astype(">c16")), Z)
    with pytest.raises(TypeError, match="imaginary part"):
        mx.array(Z, mx.float32)


def test_export() -> None:
    a = mx.array(Z)
    view = memoryview(a)  # type: ignore[arg-type]
    assert (view.format, view.itemsize, view.shape) == ("Zf", 8, (2, 3))
    assert np.shares_memory(np.asarray(a), np.asarray(a))
    assert np.asarray(a, dtype=np.complex128).dtype == np.complex128
    assert np.abs(Z - a).max() == 0
    same(mx.array(np.asarray(a.T)), Z.T)
    np.testing.assert_array_equal(np.real(a), Z.real)


@pytest.mark.parametrize("name", LAYOUTS)
def test_pickles_and_copies(name: str) -> None:
    a, x = layout(Z, name)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        same(pickle.loads(pickle.dumps(a, protocol)), x)
    same(copy.deepcopy(a), x)
    same(mx.array(a), x)
    same(mx.contiguous(a), x)


@pytest.mark.parametrize("name", LAYOUTS)
def test_files(name: str, tmp_path: Path) -> None:
    a, x = layout(Z, name)
    mx.save(tmp_path / "a.npy", a)
    same(mx.load(tmp_path / "a.npy"), x)
    mx.savez(tmp_path / "a.npz", a=a)
    same(mx.load(tmp_path / "a.npz")["a"], x)
    mx.save_safetensors(tmp_path / "a.safetensors", {"a": a})
    same(mx.load(tmp_path / "a.safetensors")["a"], x)
    np.save(tmp_path / "b.npy", Z.astype(np.complex128))
    same(mx.load(tmp_path / "b.npy"), Z)


def test_dlpack() -> None:
    x = Z.copy()
    a = mx.from_dlpack(x)
    same(a, Z)
    x[0, 0] = 7j
    assert a[0, 0].item() == 7j
    same(mx.from_dlpack(x[:, ::2]), x[:, ::2])
    assert np.shares_memory(np.from_dlpack(a), np.asarray(a))
    same(mx.array(np.from_dlpack(mx.array(Z).T)), Z.T)
    with pytest.raises(TypeError, match="complex64"):
        mx.from_dlpack(Z.astype(np.complex128))


# Casts ------------------------------------------------------------------------


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("dtype", ALL)
def test_casts(dtype: str, name: str) -> None:
    """From real numbers exactly; to real ones by the real part, to bool if not 0."""
    small = np.array([[0, 1, 3], [2, 100, 0]], NUMPY[dtype])
    a, x = layout(small, name)
    same(a.astype(mx.complex64), x.astype(np.float64).astype(np.complex64))
    z = np.array([[1 + 2j, 2.5 - 1j, 3j], [0, 7, 0.5]], np.complex64)
    a, w = layout(z, name)
    want = to_core(w != 0 if dtype == "bool" else np.ascontiguousarray(w.real))
    got = a.astype(CORE[dtype])
    assert got.dtype == CORE[dtype]
    np.testing.assert_array_equal(
        to_numpy(got), to_numpy(want.astype(CORE[dtype])), strict=True
    )


def test_long_casts(rng: np.random.Generator) -> None:
    """Beyond a tile, and in place."""
    z = (rng.normal(size=5000) + 1j * rng.normal(size=5000)).astype(np.complex64)
    for dtype in (np.float16, np.float32, np.float64):
        got = np.array(mx.array(z).astype(CORE[np.dtype(dtype).name]))
        np.testing.assert_array_equal(got, z.real.astype(dtype))
    whole = rng.integers(0, 2**20, 5000)
    same(mx.array(whole, mx.int64).astype(mx.complex64), whole.astype(np.complex64))


def test_view_as_other_types() -> None:
    a = mx.array(Z)
    assert a.view(mx.float32).tolist() == Z.view(np.float32).tolist()
    same(a.view(mx.float32).view(mx.complex64), Z)
    same(a.view(mx.uint64).view(mx.complex64), Z)


# Parts ------------------------------------------------------------------------


@pytest.mark.parametrize("name", LAYOUTS)
def test_parts(name: str) -> None:
    a, x = layout(Z, name)
    np.testing.assert_array_equal(np.array(a.real), x.real, strict=True)
    np.testing.assert_array_equal(np.array(a.imag), x.imag, strict=True)
    same(a.conj(), x.conj())
    same(mx.conjugate(mx.conj(a)), x)


@pytest.mark.parametrize("dtype", FLOATS)
def test_parts_of_real_arrays(dtype: str) -> None:
    x = mx.array([1.5, -2], CORE[dtype])
    for y in (mx.real(x), mx.conj(x), x.real, x.conj()):
        assert y.dtype == x.dtype
        assert y.tolist() == [1.5, -2]
    assert mx.imag(x).dtype == x.dtype
    assert x.imag.tolist() == [0, 0]


def test_parts_are_views() -> None:
    """No element moves."""
    a = mx.array(Z)
    with mx.stream(mx.cpu):
        parts = [a.real, a.imag]
        mx.eval(a, parts)
    for i, part in enumerate(parts):
        got, whole = np.asarray(part), np.asarray(a)
        assert got.ctypes.data == whole.ctypes.data + 4 * i
        assert got.strides == whole.strides


# Creation, shapes, indexing ---------------------------------------------------


def test_creation() -> None:
    same(mx.zeros((2,), mx.complex64), [0, 0])
    same(mx.ones((2,), mx.complex64), [1, 1])
    same(mx.full((2,), 1 + 2j), [1 + 2j] * 2)
    same(mx.full((2,), 3, mx.complex64), [3, 3])
    same(mx.full((2, 2), mx.array([1j, 2])), [[1j, 2]] * 2)
    same(mx.ones_like(mx.array(Z)), np.ones_like(Z))
    same(mx.full_like(mx.array(Z), 1j), np.full_like(Z, 1j))
    same(mx.eye(2, 3, dtype=mx.complex64), np.eye(2, 3))
    same(mx.arange(3, dtype=mx.complex64), [0, 1, 2])
    same(mx.linspace(0, 1, 3, dtype=mx.complex64), [0, 0.5, 1])
    same(mx.tril(mx.array(Z)), np.tril(Z))
    same(mx.full((3000,), 1 - 1j), np.full(3000, 1 - 1j))
    with pytest.raises(TypeError, match="real numbers"):
        mx.arange(1j)


SHAPES: dict[str, tuple[Any, Any]] = {
    "transpose": (lambda a: mx.transpose(a), lambda x: x.T),
    "reshape": (lambda a: mx.reshape(a, (3, 2)), lambda x: x.reshape(3, 2)),
    "flip": (lambda a: mx.flip(a, 1), lambda x: np.flip(x, 1)),
    "roll": (lambda a: mx.roll(a, 1), lambda x: np.roll(x, 1)),
    "tile": (lambda a: mx.tile(a, 2), lambda x: np.tile(x, 2)),
    "repeat": (lambda a: mx.repeat(a, 2, 0), lambda x: np.repeat(x, 2, 0)),
    "stack": (lambda a: mx.stack([a, a]), lambda x: np.stack([x, x])),
    "concatenate": (
        lambda a: mx.concatenate([a, mx.ones((1, 3))]),
        lambda x: np.concatenate([x, np.ones((1, 3), np.complex64)]),
    ),
    "split": (lambda a: mx.split(a, [1], 1)[1], lambda x: x[:, 1:]),
    "pad": (
        lambda a: mx.pad(a, 1, constant_values=1j),
        lambda x: np.pad(x, 1, constant_values=1j),
    ),
    "pad edge": (lambda a: mx.pad(a, 1, "edge"), lambda x: np.pad(x, 1, "edge")),
    "broadcast": (
        lambda a: mx.broadcast_to(a, (2, 2, 3)),
        lambda x: np.broadcast_to(x, (2, 2, 3)),
    ),
    "diagonal": (lambda a: mx.diagonal(a), lambda x: np.diagonal(x)),
    "diag": (lambda a: mx.diag(a[0]), lambda x: np.diag(x[0])),
    "as_strided": (
        lambda a: mx.as_strided(a, (2, 2), (1, 2), 1),
        lambda x: np.array([[x.flat[1], x.flat[3]], [x.flat[2], x.flat[4]]]),
    ),
    "where": (
        lambda a: mx.where(mx.array([True, False, True]), a, 2j),
        lambda x: np.where([True, False, True], x, np.complex64(2j)),
    ),
    "take": (
        lambda a: mx.take(a, mx.array([2, 0]), 1),
        lambda x: np.take(x, [2, 0], 1),
    ),
    "take_along_axis": (
        lambda a: mx.take_along_axis(a, mx.array([[1], [2]]), 1),
        lambda x: np.take_along_axis(x, np.array([[1], [2]]), 1),
    ),
    "slices": (lambda a: a[::-1, 1:], lambda x: x[::-1, 1:]),
    "arrays": (
        lambda a: a[mx.array([1, 0]), mx.array([2, 1])],
        lambda x: x[[1, 0], [2, 1]],
    ),
    "sum of where": (lambda a: a + (a == a), lambda x: x + (x == x)),
}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_and_indices(shape: str, name: str) -> None:
    a, x = layout(Z, name)
    f, want = SHAPES[shape]
    same(f(a), want(np.ascontiguousarray(x)))


def test_assignment() -> None:
    a, x = mx.array(Z), Z.copy()
    for index, value in [((0, 1), 5j), (1, 2.5), ((slice(None), 0), [1j, 2])]:
        a[index] = value
        x[index] = value
        same(a, x)
    a[mx.array([1]), mx.array([2])] = mx.array([9 - 9j])
    x[[1], [2]] = 9 - 9j
    same(a, x)
    a += 1j
    same(a, x + np.complex64(1j))


def test_scatter() -> None:
    a, index, value = mx.array(Z), mx.array([1, 1, 0]), mx.array([1j, 2, 3 + 1j])
    x = Z.copy()
    np.add.at(x, ([1, 1, 0], [0, 0, 2]), [1j, 2, 3 + 1j])
    same(a.at[index, mx.array([0, 0, 2])].add(value), x)
    x = Z.copy()
    np.multiply.at(x, ([1, 1, 0], [2, 2, 0]), np.array([1j, 2, 3 + 1j], np.complex64))
    same(a.at[index, mx.array([2, 2, 0])].multiply(value), x)
    put = mx.put_along_axis(a, mx.array([[1], [0]]), mx.array([[7j], [8]]), 1)
    x = Z.copy()
    np.put_along_axis(x, np.array([[1], [0]]), np.array([[7j], [8]]), 1)
    same(put, x)


def test_compiled_and_lazy() -> None:
    """Constants of a recording are told apart by both parts."""
    f = mx.compile(lambda z: z * mx.array(2j) + mx.array(2 + 0j))
    same(f(mx.array([1 + 1j, 3])), [2j, 2 + 6j])
    z = mx.array(Z)
    y = mx.checkpoint(lambda z: z * z)(z)
    np.testing.assert_allclose(np.array(y), Z * Z, rtol=1e-6)


def test_isclose() -> None:
    a = mx.array([1 + 1j, 1 + 1j, complex(np.nan, 0)])
    b = mx.array([1 + 1.000001j, 1 + 1.1j, complex(np.nan, 0)])
    assert mx.isclose(a, b).tolist() == [True, False, False]
    assert mx.isclose(a, b, equal_nan=True).tolist() == [True, False, True]
    assert mx.array_equal(a[:2], a[:2]).item()
    assert not mx.array_equal(a, a).item()
