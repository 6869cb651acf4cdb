"""random.multivariate_normal: shapes, statistics, numbers, errors."""

from __future__ import annotations

from typing import Any

import ingot.core as mx
import numpy as np
import pytest
from support import CORE, FLOATS, dtype_name, raises, to_numpy

random = mx.random
COUNT = 200_000
COV = np.array([[2.0, 0.5, 0.1], [0.5, 1.0, 0.3], [0.1, 0.3, 0.7]])
MEAN = np.array([1.0, -2.0, 3.0])


def root(a: np.ndarray) -> np.ndarray:
    """The symmetric square root, in float64."""
    w, v = np.linalg.eigh(a)
    return (v * np.sqrt(np.maximum(w, 0))) @ v.T


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_moments(dtype: str) -> None:
    """Mean and covariance are those asked for; higher ones those of normals."""
    mean, cov = mx.array(MEAN, CORE[dtype]), mx.array(COV, CORE[dtype])
    x = random.multivariate_normal(
        mean, cov, (COUNT,), dtype=CORE[dtype], key=random.key(1)
    )
    assert dtype_name(x) == dtype and x.shape == (COUNT, 3)
    values = to_numpy(x).astype(np.float64)
    assert np.max(np.abs(values.mean(0) - MEAN)) < 0.02
    centred = values - MEAN
    assert np.max(np.abs(centred.T @ centred / COUNT - COV)) < 0.03
    white = centred @ np.linalg.inv(root(COV))
    assert np.max(np.abs((white**3).mean(0))) < 0.05
    assert np.max(np.abs((white**4).mean(0) - 3)) < 0.1
    # The squared length of three normals: chi-square of mean 3, variance 6.
    lengths = (white**2).sum(1)
    assert abs(lengths.mean() - 3) < 0.03 and abs(lengths.var() - 6) < 0.2


@pytest.mark.parametrize("shape", [(), (4,), (2, 5)])
def test_numbers_are_normals_times_the_root(shape: tuple[int, ...]) -> None:
    """The draws of normal with that key, turned by the symmetric square root."""
    key = random.key(3)
    x = random.multivariate_normal(mx.array(MEAN), mx.array(COV), shape, key=key)
    z = to_numpy(random.normal((*shape, 3), key=key)).astype(np.float64)
    np.testing.assert_allclose(to_numpy(x), MEAN + z @ root(COV), atol=1e-5)


def test_numbers_of_mlx(mlx: Any) -> None:
    """The same key gives the peer's numbers."""
    for shape in ((), (7,), (2, 3)):
        got = random.multivariate_normal(
            mx.array(MEAN), mx.array(COV), shape, key=random.key(5)
        )
        want = mlx.random.multivariate_normal(
            mlx.array(MEAN.astype(np.float32)),
            mlx.array(COV.astype(np.float32)),
            shape,
            key=mlx.random.key(5),
            stream=mlx.cpu,
        )
        np.testing.assert_allclose(to_numpy(got), np.array(want), atol=1e-5)


def test_singular_covariances() -> None:
    """Of rank 1 all lies on a line, of zeros on the mean."""
    v = np.array([1.0, 2.0, -1.0])
    x = random.multivariate_normal(mx.zeros(3), mx.array(np.outer(v, v)), (1000,))
    ratio = to_numpy(x) / v
    np.testing.assert_allclose(ratio, ratio[:, :1] * np.ones(3), atol=2e-3)
    assert 0.8 < ratio[:, 0].var() < 1.2
    y = random.multivariate_normal(mx.array(MEAN), mx.zeros((3, 3)), (5,))
    np.testing.assert_allclose(to_numpy(y), np.broadcast_to(MEAN, (5, 3)))


@pytest.mark.parametrize(
    ("mean", "cov", "shape", "want"),
    [
        ((3,), (3, 3), (), (3,)),
        ((3,), (3, 3), 4, (4, 3)),
        ((3,), (3, 3), (2, 4), (2, 4, 3)),
        ((2, 3), (3, 3), (), (2, 3)),
        ((3,), (5, 3, 3), (), (5, 3)),
        ((2, 1, 3), (5, 3, 3), (), (2, 5, 3)),
        ((2, 3), (3, 3), (5, 2), (5, 2, 3)),
        ((2, 3), (3, 3), (1,), (2, 3)),
        ((1,), (1, 1), (4,), (4, 1)),
        ((3,), (3, 3), (0,), (0, 3)),
        ((0,), (0, 0), (4,), (4, 0)),
        ((0, 3), (3, 3), (), (0, 3)),
    ],
)
def test_shapes(mean: Any, cov: Any, shape: Any, want: Any) -> None:
    unit = mx.broadcast_to(mx.eye(cov[-1]), cov)
    x = random.multivariate_normal(mx.zeros(mean), unit, shape)
    assert x.shape == want
    mx.eval(x)


def test_each_of_a_batch_has_its_own_mean_and_covariance() -> None:
    means = mx.array([[0.0, 0.0], [10.0, -10.0]])
    covs = mx.array([[[1.0, 0.9], [0.9, 1.0]], [[4.0, -1.0], [-1.0, 1.0]]])
    x = to_numpy(random.multivariate_normal(means, covs, (20_000, 2)))
    for i in range(2):
        np.testing.assert_allclose(x[:, i].mean(0), to_numpy(means)[i], atol=0.08)
        np.testing.assert_allclose(np.cov(x[:, i].T), to_numpy(covs)[i], atol=0.15)


def test_keys() -> None:
    mean, cov = mx.array(MEAN), mx.array(COV)
    draw = random.multivariate_normal
    a, b = draw(mean, cov, key=random.key(1)), draw(mean, cov, key=random.key(1))
    assert mx.array_equal(a, b).item()
    random.seed(4)
    c, d = draw(mean, cov), draw(mean, cov)
    assert not mx.array_equal(c, d).item()
    random.seed(4)
    assert mx.array_equal(c, draw(mean, cov)).item()


def test_integers_and_lists() -> None:
    x = random.multivariate_normal([1, 2], [[1, 0], [0, 1]], (3,))
    assert dtype_name(x) == "float32" and x.shape == (3, 2)


def test_gradients_pass_to_mean_and_covariance() -> None:
    key = random.key(2)
    cov = mx.array(COV, mx.float64)

    def total(mean: Any, cov: Any) -> Any:
        draw = random.multivariate_normal(mean, cov, (5,), mx.float64, key)
        return (draw * draw).sum()

    mean = mx.array(MEAN, mx.float64)
    by_mean, by_cov = mx.grad(total, argnums=(0, 1))(mean, cov)
    step = 1e-6
    for i in range(3):
        unit = mx.array(np.eye(3)[i] * step, mx.float64)
        slope = (total(mean + unit, cov) - total(mean - unit, cov)) / (2 * step)
        np.testing.assert_allclose(by_mean[i].item(), slope.item(), rtol=1e-6)
        bump = mx.array(np.outer(np.eye(3)[i], np.eye(3)[i]) * step, mx.float64)
        slope = (total(mean, cov + bump) - total(mean, cov - bump)) / (2 * step)
        np.testing.assert_allclose(by_cov[i, i].item(), slope.item(), rtol=1e-5)


ONES, UNIT = mx.ones(3), mx.eye(3)
BAD = {
    "scalar mean": (lambda f: f(mx.array(1.0), UNIT), "at least 1 dimension"),
    "vector cov": (lambda f: f(ONES, ONES), "square matrices"),
    "scalar cov": (lambda f: f(ONES, mx.array(1.0)), "square matrices"),
    "cov not square": (lambda f: f(ONES, mx.ones((3, 2))), "square matrices"),
    "lengths": (lambda f: f(mx.ones(4), UNIT), "one length"),
    "int dtype": (lambda f: f(ONES, UNIT, dtype=mx.int32), "floating"),
    "bool dtype": (lambda f: f(ONES, UNIT, dtype=mx.bool_), "floating"),
    "shape": (lambda f: f(mx.ones((2, 3)), UNIT, (5,)), "broadcast"),
    "batches": (lambda f: f(mx.ones((2, 3)), mx.ones((5, 3, 3))), "broadcast"),
    "negative": (lambda f: f(ONES, UNIT, (-1,)), "negative"),
    "huge": (lambda f: f(ONES, UNIT, (2**62,)), ""),
    "key": (lambda f: f(ONES, UNIT, key=mx.ones(2)), "key"),
    "none": (lambda f: f(None, UNIT), ""),
    "text": (lambda f: f("a", UNIT), ""),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments(name: str) -> None:
    """Refused by name; the global state is left alone."""
    call, words = BAD[name]
    random.seed(1)
    want = to_numpy(random.uniform(shape=(2,)))
    random.seed(1)
    error = raises(lambda: call(random.multivariate_normal))
    assert isinstance(error, (ValueError, TypeError, MemoryError)), repr(error)
    assert words in str(error)
    np.testing.assert_array_equal(to_numpy(random.uniform(shape=(2,))), want)


@pytest.mark.parametrize("dtype", FLOATS)
def test_nan_stays_nan(dtype: str) -> None:
    cov = mx.array([[np.nan, 0.0], [0.0, 1.0]], CORE[dtype])
    x = random.multivariate_normal(mx.zeros(2, CORE[dtype]), cov, dtype=CORE[dtype])
    assert bool(mx.any(mx.isnan(x)))
