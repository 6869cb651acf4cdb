"""linalg.eig and eigvals: residuals, NumPy's values, batches, layouts, errors."""

from __future__ import annotations

from typing import Any

import ingot.core as mx
import numpy as np
import pytest
from support import LAYOUTS, layout


def in_order(w: np.ndarray) -> np.ndarray:
    """One order for all: by real, then by imaginary part, up to rounding."""
    return np.take_along_axis(w, np.lexsort((w.imag, np.round(w.real, 3))), -1)


def check(a: Any, x: np.ndarray, rtol: float = 2e-5) -> None:
    w, v = (np.array(y) for y in mx.linalg.eig(a))
    assert (w.dtype, v.dtype) == (np.complex64, np.complex64)
    assert w.shape == x.shape[:-1]
    assert v.shape == x.shape
    scale = np.linalg.norm(x.astype(np.float64), axis=(-1, -2)).max(initial=1.0)
    np.testing.assert_allclose(x @ v, v * w[..., None, :], atol=rtol * scale)
    np.testing.assert_allclose(np.linalg.norm(v, axis=-2), 1, rtol=1e-5)
    want = np.linalg.eigvals(x.astype(np.float64)).astype(np.complex128)
    for got in (w, np.array(mx.linalg.eigvals(a))):
        np.testing.assert_allclose(in_order(got), in_order(want), atol=rtol * scale)
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


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts_and_batches(name: str, rng: np.random.Generator) -> None:
    a, x = layout(rng.normal(size=(3, 4, 4)).astype(np.float32), name)
    check(a, x)
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
    for i in (1, 2):
        assert np.isnan(w[i]).all()
        assert np.isnan(v[i]).all()


def test_empty() -> None:
    for shape in [(0, 0), (0, 3, 3), (2, 0, 0)]:
        w, v = mx.linalg.eig(mx.zeros(shape))
        assert (w.shape, v.shape) == (shape[:-1], shape)
        assert mx.linalg.eigvals(mx.zeros(shape)).shape == shape[:-1]


@pytest.mark.parametrize("name", ["eig", "eigvals"])
def test_refusals(name: str) -> None:
    f = getattr(mx.linalg, name)
    for bad in (mx.zeros((2, 3)), mx.zeros(3), mx.zeros((2, 2), mx.int32)):
        with pytest.raises(ValueError, match=f"{name}: a must"):
            f(bad)
    for dtype in (mx.complex64, mx.float16, mx.bfloat16):
        with pytest.raises(ValueError, match=f"{name}: a must be float32 or float64"):
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
    for f in (mx.linalg.eigvals, lambda a: mx.linalg.eig(a)[1]):
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
