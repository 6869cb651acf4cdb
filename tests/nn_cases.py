"""What tests of layers and activations share."""

from __future__ import annotations

from typing import Any

import ingot.core as mx
import numpy as np
from support import to_numpy

__all__ = ["EPS", "HALF", "close", "samples"]

HALF = [mx.float16, mx.bfloat16]
EPS = {mx.float16: 2.0**-10, mx.bfloat16: 2.0**-7}


def close(got: Any, want: Any, tolerance: float = 2e-6) -> None:
    got = to_numpy(got).astype(np.float64)
    assert got.shape == np.shape(want)
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)


def samples(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return (3 * rng.standard_normal(shape)).astype(np.float32)
