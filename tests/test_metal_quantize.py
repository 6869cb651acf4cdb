"""Numbers in few bits on the GPU: the CPU's words and, of few rows, its sums."""

from __future__ import annotations

import ingot.core as mx
import numpy as np
import pytest
from metal_cases import FLOATS, both, equal, needs_metal, no_fallbacks, on_the_cpu
from op_table_quantized import BITS
from optimizer_cases import from_numpy, to_numpy
from support import layouts

pytestmark = [needs_metal, on_the_cpu]
HOWS = [
    *({"group_size": 32, "bits": bits} for bits in BITS),
    {"group_size": 128, "bits": 4},
    *({"mode": mode} for mode in ("mxfp4", "mxfp8", "nvfp4")),
]
by_format = pytest.mark.parametrize("how", HOWS, ids=lambda h: str(list(h.values())))
by_dtype = pytest.mark.parametrize("dtype", FLOATS)


def drawn(rng, dtype, *shape):
    sizes = 10.0 ** rng.integers(-2, 2, (*shape[:-1], 1))
    made = from_numpy(rng.normal(size=shape) * sizes, getattr(mx, dtype))
    mx.eval(made)
    return made


@by_dtype
@by_format
def test_both_ways(how, dtype, rng):
    """Words, scales, biases and numbers have the CPU's bits."""
    w = drawn(rng, dtype, 5, 384)
    with no_fallbacks():
        slow, fast = both(lambda: mx.quantize(w, **how))
        assert all(equal(a, b) for a, b in zip(slow, fast, strict=True))
        for out in (None, mx.float32, mx.float16):
            slow, fast = both(
                lambda o=out: mx.dequantize(*quantized(w, how), **how, dtype=o)
            )
            assert equal(slow, fast)


def quantized(w, how):
    with mx.stream(mx.cpu):
        parts = mx.quantize(w, **how)
        mx.eval(parts)
    return parts


@by_dtype
@by_format
@pytest.mark.parametrize("m", [1, 4, 6])
def test_a_few_rows(m, how, dtype, rng):
    """Sums have the CPU's order, so its bits."""
    parts = quantized(drawn(rng, dtype, 19, 384), how)
    x = drawn(rng, dtype, m, 384)
    with no_fallbacks():
        slow, fast = both(lambda: mx.quantized_matmul(x, *parts, **how))
    assert equal(slow, fast)


@by_dtype
@pytest.mark.parametrize("transpose", [True, False])
@pytest.mark.parametrize("how", [{"group_size": 32, "bits": 5}, {"mode": "nvfp4"}])
def test_many_rows(how, transpose, dtype, rng):
    parts = quantized(drawn(rng, dtype, 70, 96), how)
    x = drawn(rng, dtype, 40, 96 if transpose else 70)
    with no_fallbacks():
        slow, fast = both(
            lambda: mx.quantized_matmul(x, *parts, transpose=transpose, **how)
        )
    a, b = (to_numpy(y).astype(float) for y in (slow, fast))
    unit = {"float32": 1e-5, "float16": 2e-3, "bfloat16": 1.6e-2}[dtype]
    assert np.abs(a - b).max() <= unit * np.abs(a).max()


def test_batches_layouts_and_gradients(rng):
    how = {"group_size": 32}
    parts = quantized(drawn(rng, "float32", 3, 5, 64), how)
    for _, x, _ in layouts(rng.normal(size=(3, 2, 64)).astype(np.float32)):
        with no_fallbacks():
            slow, fast = both(lambda x=x: mx.quantized_matmul(x, *parts, **how))
            assert equal(slow, fast)
            slow, fast = both(
                lambda x=x: mx.grad(
                    lambda x: mx.square(mx.quantized_matmul(x, *parts, **how)).sum()
                )(x)
            )
        np.testing.assert_allclose(to_numpy(slow), to_numpy(fast), rtol=1e-5, atol=1e-3)


def test_layouts_of_what_is_quantized(rng):
    for name, w, _ in layouts(rng.normal(size=(4, 64)).astype(np.float32)):
        with no_fallbacks():
            slow, fast = both(lambda w=w: mx.quantize(w))
        assert all(equal(a, b) for a, b in zip(slow, fast, strict=True)), name


def test_what_has_no_kernel_is_counted(rng):
    w = mx.array(rng.normal(size=(4, 64)))
    parts = quantized(drawn(rng, "float32", 3, 5, 64), {})
    x = mx.ones((2, 1, 64))
    index = mx.array([0, 2])
    mx.eval(w, x, index)
    before = mx.metal.fallbacks()
    slow, fast = both(lambda: mx.gather_qmm(x, *parts, None, index))
    assert equal(slow, fast)
    wide = w.astype(mx.float64, stream=mx.cpu)
    with mx.stream(mx.gpu):
        mx.eval(mx.quantize(wide))
    after = mx.metal.fallbacks()
    counted = {k: after[k] - before.get(k, 0) for k in ("quantized_matmul", "quantize")}
    assert counted == {"quantized_matmul": 1, "quantize": 1}


def test_fp8(rng):
    x = from_numpy(rng.normal(size=1000) * 100, mx.float32)
    with no_fallbacks():
        slow, fast = both(lambda: mx.to_fp8(x))
        assert equal(slow, fast)
        slow, fast = both(lambda: mx.from_fp8(mx.to_fp8(x), mx.float16))
        assert equal(slow, fast)
