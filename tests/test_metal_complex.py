"""complex64 on Metal: the CPU's numbers, and what moves without the CPU's help."""

from __future__ import annotations

import itertools
from typing import Any

import ingot.core as mx
import numpy as np
import op_table_complex
import pytest
from metal_cases import both, needs_metal, no_fallbacks, on_the_cpu
from op_case import OpCase
from support import map_arrays, to_core

pytestmark = [needs_metal, on_the_cpu]


def complex_array(rng: np.random.Generator, *shape: int) -> mx.array:
    parts = rng.normal(size=(2, *shape))
    z = mx.array((parts[0] + 1j * parts[1]).astype(np.complex64))
    mx.eval(z)
    return z


@pytest.mark.parametrize("case", op_table_complex.OPS, ids=lambda c: c.name)
def test_numbers_are_those_of_the_cpu(case: OpCase, rng: np.random.Generator) -> None:
    for sample in itertools.islice(case.samples(rng, "complex64"), 3):
        args = [map_arrays(to_core, a) for a in sample.args]

        def f(args: Any = args, kwargs: Any = sample.kwargs) -> Any:
            return case(*args, **kwargs)

        slow, fast = both(f)
        assert slow.dtype == fast.dtype
        atol = 0 if case.scale is None else 1e-5
        np.testing.assert_allclose(np.array(fast), np.array(slow), 1e-5, atol)


MOVES: dict[str, Any] = {
    "contiguous": lambda z: mx.contiguous(z.T),
    "concatenate": lambda z: mx.concatenate([z, z[::-1]]),
    "where": lambda z: mx.where(mx.real(z) > 0, z, z[0]),
    "take": lambda z: mx.take(z, mx.array([2, 0]), axis=1),
    "pad": lambda z: mx.pad(z, 1),
    "full": lambda z: mx.full((9,), 1 + 2j),
    "eye": lambda z: mx.eye(3, dtype=mx.complex64),
    "assign": lambda z: mx.put_along_axis(z, mx.array([[1]] * 4), z[:, :1], 1),
    "real": lambda z: mx.real(z) + mx.imag(z.T[:4, :4]).T[:4, :1],
    "conj": lambda z: mx.conj(z[::2].T),
    "sum": lambda z: mx.sum(z, axis=0),
    "cumsum": lambda z: mx.cumsum(z, axis=1),
    "matmul": lambda z: z @ z.T,
}


@pytest.mark.parametrize("name", MOVES)
def test_no_cpu_is_needed(name: str, rng: np.random.Generator) -> None:
    """What moves elements, and what pairs of reals can do, has kernels."""
    z = complex_array(rng, 4, 6)
    with no_fallbacks():
        slow, fast = both(lambda: MOVES[name](z))
    np.testing.assert_allclose(np.array(fast), np.array(slow), rtol=1e-6, atol=1e-6)


def test_arithmetic_goes_to_the_cpu_and_is_counted(rng: np.random.Generator) -> None:
    z = complex_array(rng, 4, 6)
    before = mx.metal.fallbacks()
    with mx.stream(mx.gpu):
        y = mx.exp(z) * z + 1j
        mx.eval(y)
    after = mx.metal.fallbacks()
    assert after["unary"] == before.get("unary", 0) + 1
    assert after["binary"] == before.get("binary", 0) + 2
    np.testing.assert_allclose(
        np.array(y), np.exp(np.array(z)) * np.array(z) + 1j, rtol=1e-5
    )
