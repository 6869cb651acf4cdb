"""What the tests of users' Metal kernels share: calls with a thread per element."""

from __future__ import annotations

import ingot.core as mx
import numpy as np


def launched(kernel, inputs, shape, dtype=mx.float32, **options):
    """The one output of a kernel with a thread for each of its elements."""
    size = int(np.prod(shape))
    defaults = {"grid": (size, 1, 1), "threadgroup": (min(size, 64) or 1, 1, 1)}
    [out] = kernel(
        inputs=inputs,
        output_shapes=[shape],
        output_dtypes=[dtype],
        **{**defaults, **options},
    )
    return out


def kernel(body, inputs=("x",), outputs=("out",), name="mine", **options):
    return mx.fast.metal_kernel(name, list(inputs), list(outputs), body, **options)


COPY = "uint i = thread_position_in_grid.x; out[i] = x[i];"


def run(body, inputs, shape, dtype=mx.float32, names=("x",), header="", **options):
    return launched(kernel(body, names, header=header), inputs, shape, dtype, **options)
