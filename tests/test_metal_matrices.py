"""Gathered products, selections and searches of several vectors on the GPU."""

from __future__ import annotations

import ingot.core as mx
import numpy as np
import pytest
from metal_cases import (
    FLOATS,
    both,
    equal,
    identical,
    needs_metal,
    no_fallbacks,
    on_the_cpu,
)
from optimizer_cases import to_numpy
from support import raises

pytestmark = [needs_metal, on_the_cpu]


def draw(rng, *shape, dtype="float32"):
    return mx.array(rng.normal(size=shape).astype(np.float32)).astype(
        getattr(mx, dtype)
    )


def near(a, b, dtype):
    bound = {"float32": 1e-4, "float16": 4e-3, "bfloat16": 4e-2}[dtype]
    a, b = (to_numpy(x).astype(np.float64) for x in (a, b))
    np.testing.assert_allclose(a, b, rtol=bound, atol=bound * 20)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("sides", [(1, 70, 130), (70, 5, 9), (3, 40, 64)], ids=str)
def test_gathered_products_and_their_gradients(sides, dtype, rng):
    m, k, n = sides
    a, b = draw(rng, 5, m, k, dtype=dtype), draw(rng, 4, k, n, dtype=dtype)
    left = mx.array(rng.integers(-5, 5, 30))
    right = mx.array(rng.integers(-4, 3, 30)).astype(mx.int32)
    mx.eval(a, b, left, right)

    def results(a=a, b=b):
        f = lambda a, b: mx.gather_mm(a, b, left, right)  # noqa: E731
        return f(a, b), *mx.grad(lambda a, b: (f(a, b) * 0.1).sum(), (0, 1))(a, b)

    with no_fallbacks():
        slow, fast = both(results)
    for x, y in zip(slow, fast, strict=True):
        near(x, y, dtype)
    transposed = b.swapaxes(1, 2)
    mx.eval(transposed)
    with no_fallbacks():
        slow, fast = both(
            lambda: mx.gather_mm(a, transposed.swapaxes(1, 2), left, right)
        )
    near(slow, fast, dtype)


def test_an_index_out_of_range_is_an_error_there_too():
    a, b = mx.ones((3, 1, 2)), mx.ones((4, 2, 1))
    with mx.stream(mx.gpu):
        y = mx.gather_mm(a, b, mx.array([0, 3]), mx.array([0, 1]))
        error = raises(lambda: mx.eval(y))
    assert isinstance(error, IndexError)
    assert "gather_mm: index must be in [-3, 3)" in str(error)


def test_segments_run_on_the_cpu_and_are_counted():
    before = mx.metal.fallbacks().get("segmented_matmul", 0)
    with mx.stream(mx.gpu):
        y = mx.segmented_mm(mx.ones((2, 5)), mx.ones((5, 3)), mx.array([[0, 2]]))
        mx.eval(y)
    assert y.tolist() == [[[2] * 3] * 2]
    assert mx.metal.fallbacks()["segmented_matmul"] == before + 1


@pytest.mark.parametrize("n", [64, 40, 112])
def test_hadamard_transforms(n, rng):
    x = draw(rng, 5, n)
    mx.eval(x)
    with no_fallbacks():
        slow, fast = both(lambda: mx.hadamard_transform(x))
    near(slow, fast, "float32")


@pytest.mark.parametrize("n", [50, 300, 70_000])
def test_selections_have_the_bits_of_the_cpu(n, rng):
    """But for the order within the parts of a partition."""
    x = mx.array(rng.integers(-n // 5, n // 5, (2, n)).astype(np.float32))
    mx.eval(x)
    for f in (lambda: mx.median(x, axis=1), lambda: mx.topk(x, 7)):
        with no_fallbacks():
            slow, fast = both(f)
        assert identical(slow, fast)
    k = n // 3
    for f in (mx.partition, mx.argpartition):
        with no_fallbacks():
            slow, fast = both(lambda f=f: f(x, k))
        for part in (slice(0, k), slice(k, k + 1), slice(k + 1, None)):
            assert equal(mx.sort(slow[:, part]), mx.sort(fast[:, part]))


def test_several_vectors_are_searched_at_once(rng):
    a = mx.sort(mx.array(rng.normal(size=(3, 40)).astype(np.float32)))
    v = mx.array(rng.normal(size=(3, 5, 7)).astype(np.float32))
    mx.eval(a, v)
    with no_fallbacks():
        slow, fast = both(lambda: mx.vmap(mx.searchsorted)(a, v))
    assert identical(slow, fast)
    for i in range(3):
        want = np.searchsorted(np.array(a[i]), np.array(v[i]))
        np.testing.assert_array_equal(np.array(slow[i]), want)
