"""Convolutions of more than one panel, block or thread, with gradients, on the CPU and
on the GPU; the table has the small ones."""

from __future__ import annotations

from typing import Any

import ingot.core as mx
import numpy as np
import pytest
from metal_cases import identical, needs_metal, no_fallbacks
from reference_conv import conv, conv_general, conv_transpose
from support import to_core, to_numpy

DEVICES = ["cpu", pytest.param("gpu", marks=needs_metal)]
# Input, weight and settings.
CASES: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "panels": ((2, 21, 22, 16), (24, 3, 3, 16), {"padding": 1}),
    "few channels": ((3, 33, 31, 3), (16, 3, 3, 3), {"stride": 2, "padding": 1}),
    "many channels": ((1, 5, 7, 300), (130, 2, 2, 300), {}),
    "pointwise": ((2, 19, 20, 24), (40, 1, 1, 24), {}),
    "groups": ((2, 20, 19, 16), (24, 3, 3, 4), {"groups": 4, "dilation": 2}),
    "depthwise": ((2, 24, 25, 20), (20, 3, 3, 1), {"groups": 20, "padding": 1}),
    "strided depthwise": ((2, 24, 25, 20), (20, 3, 3, 1), {"groups": 20, "stride": 2}),
    "more panels than blocks": ((1, 66, 67, 115), (6, 3, 3, 115), {"padding": 1}),
    "few outputs": ((3, 9, 8, 40), (3, 3, 2, 40), {"dilation": 2, "padding": 1}),
    "line": ((2, 3000, 2), (3, 9, 2), {"padding": 4}),
}


def draw(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype(np.float32)


def weight_gradient(
    x: np.ndarray, cotangent: np.ndarray, taps: tuple[int, ...], settings: Any
) -> np.ndarray:
    """dw[o, t, c] = sum of cotangent[n, p, o] x[n, p stride + t dilation, c]."""
    groups = settings.get("groups", 1)
    parts = []
    for xs, ys in zip(
        np.split(x, groups, axis=-1), np.split(cotangent, groups, axis=-1), strict=True
    ):
        part = conv_general(
            np.swapaxes(xs, 0, -1),
            np.swapaxes(ys, 0, -1),
            stride=settings.get("dilation", 1),
            padding=settings.get("padding", 0),
            kernel_dilation=settings.get("stride", 1),
        )
        cut = tuple(slice(0, t) for t in taps)
        parts.append(np.swapaxes(part[(slice(None), *cut)], 0, -1))
    return np.concatenate(parts)


def input_gradient(
    x: np.ndarray, weight: np.ndarray, cotangent: np.ndarray, settings: Any
) -> np.ndarray:
    """The transposed convolution, as long as the input."""
    groups = settings.get("groups", 1)
    parts = [np.swapaxes(w, 0, -1) for w in np.split(weight, groups)]
    whole = {k: v for k, v in settings.items() if k != "padding"}
    full = conv_transpose(cotangent, np.concatenate(parts), **whole)
    padding = settings.get("padding", 0)
    result = np.zeros(x.shape)
    inner = full[(slice(None), *[slice(padding, None)] * (x.ndim - 2))]
    inner = inner[tuple(slice(0, n) for n in x.shape)]
    result[tuple(slice(0, n) for n in inner.shape)] = inner
    return result


def near(got: Any, want: np.ndarray, scale: np.ndarray) -> None:
    assert got.shape == want.shape
    error = np.abs(to_numpy(got).astype(float) - want)
    assert np.max(error / np.maximum(scale, 1e-30)) < 2.0**-21


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients(name: str, device: str, rng: np.random.Generator) -> None:
    x_shape, w_shape, settings = CASES[name]
    f = mx.conv2d if len(x_shape) == 4 else mx.conv1d
    x, w = draw(rng, *x_shape), draw(rng, *w_shape)
    a, b = x.astype(float), w.astype(float)
    want = conv(a, b, **settings)
    c = draw(rng, *want.shape)
    with mx.stream(getattr(mx, device)), no_fallbacks():
        y, gradients = mx.vjp(
            lambda x, w: f(x, w, **settings), [to_core(x), to_core(w)], [to_core(c)]
        )
        mx.eval(y, gradients)
    near(y[0], want, conv(np.abs(a), np.abs(b), **settings))
    g = c.astype(float)
    by_x = [input_gradient(a, v, u, settings) for v, u in ((b, g), (abs(b), abs(g)))]
    near(gradients[0], by_x[0], by_x[1])
    taps = w_shape[1:-1]
    by_w = [
        weight_gradient(v, u, taps, settings) for v, u in ((a, g), (abs(a), abs(g)))
    ]
    near(gradients[1], by_w[0], by_w[1])


def test_few_outputs_of_a_large_batch(rng: np.random.Generator) -> None:
    """More products than are kept at once: the batch is taken in parts."""
    x, w = draw(rng, 3, 290, 300, 12), draw(rng, 3, 3, 3, 12)
    with mx.stream(mx.cpu):
        y = mx.conv2d(to_core(x), to_core(w))
        mx.eval(y)
    a, b = x.astype(float), w.astype(float)
    near(y, conv(a, b), conv(abs(a), abs(b)))


@pytest.mark.parametrize("name", CASES)
def test_threads_do_not_change_the_bits(name: str, rng: np.random.Generator) -> None:
    x_shape, w_shape, settings = CASES[name]
    f = mx.conv2d if len(x_shape) == 4 else mx.conv1d
    x, w = to_core(draw(rng, *x_shape)), to_core(draw(rng, *w_shape))
    before, results = mx.get_num_threads(), []
    try:
        for threads in (1, 4):
            mx.set_num_threads(threads)
            with mx.stream(mx.cpu):
                y = f(x, w, **settings)
                _, g = mx.vjp(lambda x, w: f(x, w, **settings), [x, w], [y])
                mx.eval(y, g)
            results.append([y, *g])
    finally:
        mx.set_num_threads(before)
    for a, b in zip(*results, strict=True):
        assert identical(a, b)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_types_are_rounded_once(
    dtype: str, device: str, rng: np.random.Generator
) -> None:
    """Sums of 4,500 ones stop at 2,048 in float16 and at 256 in bfloat16."""
    kind = getattr(mx, dtype)
    x, w = mx.ones((1, 3, 3, 500), dtype=kind), mx.ones((1, 3, 3, 500), dtype=kind)
    with mx.stream(getattr(mx, device)):
        y = mx.conv2d(x, w)
        _, g = mx.vjp(mx.conv2d, [mx.broadcast_to(x, (3000, 3, 3, 500)), w], [
            mx.ones((3000, 1, 1, 1), dtype=kind)
        ])  # fmt: skip
        mx.eval(y, g)
    assert y.dtype == kind and y.item() == mx.array(4500.0, dtype=kind).item()
    assert g[1].dtype == kind
    assert set(to_numpy(g[1]).astype(float).flat) == {
        mx.array(3000.0, dtype=kind).item()
    }


@needs_metal
def test_float64_runs_on_the_cpu_and_is_counted(rng: np.random.Generator) -> None:
    x, w = to_core(rng.normal(size=(1, 5, 2))), to_core(rng.normal(size=(3, 2, 2)))
    before = mx.metal.fallbacks()
    with mx.stream(mx.gpu):
        _, g = mx.vjp(mx.conv1d, [x, w], [mx.ones((1, 4, 3), dtype=mx.float64)])
        mx.eval(g)
    after = mx.metal.fallbacks()
    assert after["conv"] > before.get("conv", 0)
    assert after["conv_weight"] > before.get("conv_weight", 0)


def test_a_gap_of_a_million(rng: np.random.Generator) -> None:
    """Dilations cost no memory beside the result's."""
    x, w = mx.ones((1, 2, 1)), mx.ones((1, 2, 1))
    y = mx.conv_general(x, w, input_dilation=2**20, kernel_dilation=2**18)
    assert y.shape == (1, 2**20 + 1 - 2**18, 1)
    assert mx.sum(y).item() == 2.0
    z = mx.conv_general(x, w, kernel_dilation=2**30, padding=2**30)
    assert z.shape == (1, 2**30 + 2, 1)
