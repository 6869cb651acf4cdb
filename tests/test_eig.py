"""linalg.eig, and eigh of complex matrices: residuals, NumPy's values, gradients."""

from __future__ import annotations

from typing import Any

import ingot.core as mx
import numpy as np
import pytest
from support import LAYOUTS, layout


def in_order(w: np.ndarray) -> np.ndarray:
    """One order for all: by real, then by imaginary part, up to rounding."""
    return np.take_along_axis(w, np.lexsort((w.imag, np.round(w.real, 3))), -1)


def widened(x: np.ndarray) -> np.ndarray:
    return x.astype(np.complex128 if np.iscomplexobj(x) else np.float64)


def drawn(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Complex numbers."""
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)


def adjoint(x: Any) -> Any:
    return x.conj().swapaxes(-1, -2)


def check(a: Any, x: np.ndarray, rtol: float = 2e-5) -> None:
    w, v = (np.array(y) for y in mx.linalg.eig(a))
    assert (w.dtype, v.dtype) == (np.complex64, np.complex64)
    assert w.shape == x.shape[:-1]
    assert v.shape == x.shape
    scale = np.linalg.norm(widened(x), axis=(-1, -2)).max(initial=1.0)
    np.testing.assert_allclose(x @ v, v * w[..., None, :], atol=rtol * scale)
    np.testing.assert_allclose(np.linalg.norm(v, axis=-2), 1, rtol=1e-5)
    want = np.linalg.eigvals(widened(x)).astype(np.complex128)
    for got in (w, np.array(mx.linalg.eigvals(a))):
        np.testing.assert_allclose(in_order(got), in_order(want), atol=rtol * scale)
    if np.iscomplexobj(x):
        return
    # Values that are not real come in conjugate pairs, the vectors with them.
    for values, vectors in zip(
        w.reshape(-1, x.shape[-1]), v.reshape(-1, *x.shape[-2:]), strict=True
    ):
        first = np.flatnonzero(values.imag > 0)
        np.testing.assert_array_equal(values[first + 1], values[first].conj())
        np.testing.assert_array_equal(vectors[:, first + 1], vectors[:, first].conj())


@pytest.mark.parametrize("n", [1, 2, 3, 8, 33])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_random_matrices(n: int, dtype: Any, rng: np.random.Generator) -> None:
    x = rng.normal(size=(n, n)).astype(dtype)
    check(mx.array(x, mx.float64 if dtype is np.float64 else mx.float32), x)


@pytest.mark.parametrize("n", [1, 2, 3, 8, 33])
def test_complex_matrices(n: int, rng: np.random.Generator) -> None:
    x = drawn(rng, n, n)
    check(mx.array(x), x)


def check_hermitian(a: Any, x: np.ndarray, uplo: str = "L") -> None:
    """Against NumPy in double, which reads the same triangle."""
    w, v = (np.array(y) for y in mx.linalg.eigh(a, uplo))
    assert (w.dtype, v.dtype) == (np.float32, np.complex64)
    want, vectors = np.linalg.eigh(widened(x), uplo)
    scale = np.abs(want).max(initial=1.0)
    for got in (w, np.array(mx.linalg.eigvalsh(a, uplo))):
        np.testing.assert_allclose(got, want, atol=1e-5 * scale)
    np.testing.assert_allclose(
        adjoint(v) @ v, np.broadcast_to(np.eye(x.shape[-1]), v.shape), atol=1e-5
    )
    whole = (vectors * want[..., None, :]) @ adjoint(vectors)
    np.testing.assert_allclose(whole @ v, v * w[..., None, :], atol=1e-5 * scale)


@pytest.mark.parametrize("uplo", ["L", "U"])
@pytest.mark.parametrize("n", [1, 2, 3, 8, 33])
def test_hermitian_matrices(n: int, uplo: str, rng: np.random.Generator) -> None:
    x = drawn(rng, 2, n, n)  # the other triangle is not looked at
    check_hermitian(mx.array(x), x, uplo)


@pytest.mark.parametrize("uplo", ["L", "U"])
def test_hermitian_gradients(uplo: str, rng: np.random.Generator) -> None:
    """Of values, and of vectors where their phase does not matter."""
    x, by = drawn(rng, 4, 4), mx.array(rng.normal(size=(4, 4)))

    def f(re: Any, im: Any) -> Any:
        a = re + 1j * im
        w, v = mx.linalg.eigh((a + mx.conj(a).T) * 0.5, uplo)
        return (mx.sin(w) * by[0]).sum() + (mx.abs(v) ** 2 * by).sum()

    def oracle(re: np.ndarray, im: np.ndarray) -> Any:
        a = re + 1j * im
        w, v = np.linalg.eigh((a + adjoint(a)) / 2)
        b = np.array(by, np.float64)
        return (np.sin(w) * b[0]).sum() + (np.abs(v) ** 2 * b).sum()

    parts = [x.real.astype(np.float64), x.imag.astype(np.float64)]
    got = mx.grad(f, argnums=(0, 1))(*(mx.array(p) for p in parts))
    for k in range(2):
        want = np.zeros((4, 4))
        for at in np.ndindex(4, 4):
            ends = []
            for step in (1e-5, -1e-5):
                moved = [p.copy() for p in parts]
                moved[k][at] += step
                ends.append(oracle(*moved))
            want[at] = (ends[0] - ends[1]) / 2e-5
        np.testing.assert_allclose(np.array(got[k]), want, atol=2e-4)


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts_and_batches(name: str, rng: np.random.Generator) -> None:
    a, x = layout(rng.normal(size=(3, 4, 4)).astype(np.float32), name)
    check(a, x)
    a, x = layout(drawn(rng, 3, 4, 4), name)
    check(a, x)
    check_hermitian(a, x)
    a, x = layout(rng.normal(size=(2, 2, 3, 3)).astype(np.float32), name)
    check(a, x)


def test_known_matrices() -> None:
    turn = mx.array([[0.0, 1.0], [-1.0, 0.0]])
    assert mx.linalg.eigvals(turn).tolist() == [1j, -1j]
    assert mx.linalg.eigvals(mx.array([[2.0, 1.0], [0.0, 3.0]])).tolist() == [2, 3]
    symmetric = mx.array([[1.0, -2.0], [-2.0, 1.0]])
    w, v = mx.linalg.eig(symmetric)
    np.testing.assert_allclose(np.array(w), [3, -1], rtol=1e-6)
    assert np.abs(np.array(v).imag).max() == 0
    triple = mx.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    np.testing.assert_allclose(np.array(mx.linalg.eigvals(triple)) ** 3, 1, rtol=1e-5)


def test_one_batch_item_that_is_not_finite() -> None:
    x = np.stack([np.eye(3), np.full((3, 3), np.nan), np.eye(3)]).astype(np.float32)
    x[2, 0, 1] = np.inf
    w, v = (np.array(y) for y in mx.linalg.eig(mx.array(x)))
    np.testing.assert_array_equal(w[0], 1)
    x[1] = np.eye(3)
    complex_ones = mx.array(x + 1j * np.diag([0, 0, np.nan]).astype(np.float32))
    assert np.isnan(np.array(mx.linalg.eig(complex_ones)[1])).all()
    assert np.isnan(np.array(mx.linalg.eigh(complex_ones, "U")[0])).all()
    for i in (1, 2):
        assert np.isnan(w[i]).all()
        assert np.isnan(v[i]).all()


def test_empty() -> None:
    for shape in [(0, 0), (0, 3, 3), (2, 0, 0)]:
        w, v = mx.linalg.eig(mx.zeros(shape))
        assert (w.shape, v.shape) == (shape[:-1], shape)
        assert mx.linalg.eigvals(mx.zeros(shape)).shape == shape[:-1]
        w, v = mx.linalg.eigh(mx.zeros(shape, mx.complex64))
        assert (w.shape, v.shape) == (shape[:-1], shape)
        assert (w.dtype, v.dtype) == (mx.float32, mx.complex64)


@pytest.mark.parametrize("name", ["eig", "eigvals"])
def test_refusals(name: str) -> None:
    f = getattr(mx.linalg, name)
    for bad in (mx.zeros((2, 3)), mx.zeros(3), mx.zeros((2, 2), mx.int32)):
        with pytest.raises(ValueError, match=f"{name}: a must"):
            f(bad)
    for dtype in (mx.float16, mx.bfloat16):
        with pytest.raises(
            ValueError, match=f"{name}: a must be float32, float64 or complex64"
        ):
            f(mx.zeros((2, 2), dtype))
    with pytest.raises(TypeError):
        f(None)
    with pytest.raises(ValueError, match=f"{name} must be differentiable"):
        mx.grad(
            lambda a: mx.abs(
                mx.linalg.eigvals(a) if name == "eigvals" else mx.linalg.eig(a)[0]
            ).sum()
        )(mx.eye(2))


def test_vmap(rng: np.random.Generator) -> None:
    a = mx.array(rng.normal(size=(3, 4, 4)))
    for f in (
        mx.linalg.eigvals,
        lambda a: mx.linalg.eig(a)[1],
        lambda a: mx.linalg.eigh(a * 1j)[1],
    ):
        want = np.stack([np.array(f(x)) for x in a])
        np.testing.assert_array_equal(np.array(mx.vmap(f)(a)), want)


def test_threads_do_not_matter(rng: np.random.Generator) -> None:
    a = mx.array(rng.normal(size=(16, 24, 24)))
    threads = mx.get_num_threads()
    try:
        results = []
        for n in (1, 2):
            mx.set_num_threads(n)
            results.append(np.array(mx.linalg.eig(a)[1]).tobytes())
    finally:
        mx.set_num_threads(threads)
    assert results[0] == results[1]
