"""Functions of matrices: empty ones, batches, threads, streams."""

from __future__ import annotations

import ingot.core as mx
import numpy as np
import pytest
from linalg_cases import (
    DTYPES,
    draw,
    everything,
    la,
)
from support import CORE, to_numpy


@pytest.mark.parametrize("dtype", DTYPES)
def test_empty(dtype: str) -> None:
    """Matrices without elements have results of the right shape."""
    t = CORE[dtype]
    for shape in [(0, 0), (3, 0, 0), (0, 3, 3)]:
        a = mx.zeros(shape, t)
        for f in (la.inv, la.tri_inv, la.cholesky, la.cholesky_inv, la.pinv):
            assert f(a).shape == shape
        assert la.det(a).tolist() == (1 if len(shape) == 2 else [1] * shape[0])
        assert la.slogdet(a)[1].shape == shape[:-2]
        assert [y.shape for y in la.eigh(a)] == [shape[:-1], shape]
        assert la.solve(a, a).shape == shape
        mx.eval(
            la.svd(a), la.lu(a), la.eigvalsh(a), mx.grad(lambda x: la.det(x).sum())(a)
        )
    u, s, vt = la.svd(mx.zeros((2, 3, 0), t))
    assert u.tolist() == [np.eye(3).tolist()] * 2
    assert (s.shape, vt.shape) == ((2, 0), (2, 0, 0))
    p, lower, upper = la.lu(mx.zeros((3, 0), t))
    assert (p.tolist(), lower.shape, upper.shape) == ([0, 1, 2], (3, 0), (0, 0))
    assert la.pinv(mx.zeros((3, 0), t)).shape == (0, 3)


@pytest.mark.parametrize("shape", [(50, 8, 8), (7, 60, 60)])
def test_threads_change_nothing(shape: tuple[int, ...]) -> None:
    """The same bits from one thread and from several."""
    x, threads = draw(shape, "float32"), mx.get_num_threads()
    try:
        mx.set_num_threads(1)
        alone = [to_numpy(y) for y in everything(x)]
        mx.set_num_threads(4)
        for _ in range(3):
            for a, b in zip(alone, everything(x), strict=True):
                np.testing.assert_array_equal(a, to_numpy(b))
    finally:
        mx.set_num_threads(threads)


def test_a_batch_is_its_matrices() -> None:
    """Each matrix of a batch gives what it gives alone."""
    x = draw((3, 2, 6, 6), "float32")
    whole = [to_numpy(y) for y in everything(x)]
    for i in np.ndindex(3, 2):
        for a, b in zip(whole, everything(x[i]), strict=True):
            np.testing.assert_array_equal(a[i], to_numpy(b))


@pytest.mark.skipif(not mx.metal.is_available(), reason="metal: there is no device")
def test_on_the_gpu() -> None:
    """There is no kernel: the CPU computes, on the same memory, and it is counted."""
    x, before = draw((3, 6, 6), "float32"), mx.metal.fallbacks()
    with mx.stream(mx.cpu):
        slow = [to_numpy(y) for y in everything(x)]
    with mx.stream(mx.gpu):
        fast = [to_numpy(y) for y in everything(x)]
        with pytest.raises(ValueError, match="inv"):
            mx.eval(la.inv(mx.zeros((2, 2))))
    after = mx.metal.fallbacks()
    for name in ("inv", "cholesky", "svd", "eigh", "lu", "solve", "pinv"):
        assert after.get(name, 0) > before.get(name, 0), name
    for a, b in zip(slow, fast, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_streams_of_the_documentation() -> None:
    """What MLX asks for, stream=mx.cpu, is taken."""
    a = 2 * mx.eye(2)
    for f in (la.inv, la.tri_inv, la.cholesky, la.cholesky_inv, la.pinv, la.det, la.lu):
        mx.eval(f(a, stream=mx.cpu))
    for f in (la.slogdet, la.eigh, la.eigvalsh, la.svd, la.lu_factor):
        mx.eval(f(a, stream=mx.cpu))
    for f in (la.solve, la.solve_triangular):
        mx.eval(f(a, a, stream=mx.cpu))
    mx.eval(la.cross(mx.ones((3,)), mx.ones((3,)), stream=mx.cpu))
