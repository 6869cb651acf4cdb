"""Fourier transforms asked of the GPU: the CPU computes them, and that is counted."""

from __future__ import annotations

from collections.abc import Callable

import ingot.core as mx
import numpy as np
import pytest
from metal_cases import both, needs_metal, no_fallbacks, on_the_cpu

pytestmark = [needs_metal, on_the_cpu]


def signal() -> mx.array:
    x = mx.array(np.random.default_rng(3).normal(size=(6, 40)).astype(np.float32))
    mx.eval(x)
    return x


FUNCTIONS: dict[str, Callable[[mx.array], mx.array]] = {
    "fft": mx.fft.fft,
    "turned": lambda x: mx.fft.ifft2(x[::2, ::-1].T),
    "real": lambda x: mx.fft.irfft(mx.fft.rfft(x * 2, 64)),
    "frames": lambda x: mx.fft.istft(mx.fft.stft(x, 8)),
    "gradient": mx.grad(lambda x: mx.abs(mx.fft.rfft2(x)).sum()),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_numbers_are_those_of_the_cpu(name: str) -> None:
    x, before = signal(), mx.metal.fallbacks().get("fourier", 0)
    slow, fast = both(lambda: FUNCTIONS[name](x))
    assert slow.dtype == fast.dtype
    np.testing.assert_allclose(np.array(fast), np.array(slow), 1e-5, 1e-5)
    assert mx.metal.fallbacks()["fourier"] > before


def test_shifts_need_no_help() -> None:
    x = signal()
    with no_fallbacks():
        slow, fast = both(lambda: mx.fft.fftshift(x, axes=1))
    assert np.array_equal(np.array(slow), np.array(fast))
