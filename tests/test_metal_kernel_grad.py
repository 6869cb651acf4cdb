"""A kernel that a user gives a derivative: images at places between their pixels."""

from __future__ import annotations

import ingot.core as mx
import numpy as np
import pytest
from metal_cases import needs_metal
from metal_kernel_cases import kernel, launched
from optimizer_cases import from_numpy, to_numpy

pytestmark = [needs_metal, pytest.mark.usefixtures("gpu")]

SAMPLE = """
    uint elem = thread_position_in_grid.x;
    int height = x_shape[1], width = x_shape[2], channels = x_shape[3];
    int points = places_shape[1];
    uint channel = elem % channels;
    uint point = elem / channels;
    uint image = point / points;
    float column = (float(places[2 * point]) + 1) * width / 2 - 0.5f;
    float row = (float(places[2 * point + 1]) + 1) * height / 2 - 0.5f;
    int left = int(floor(column)), top = int(floor(row));
    float sum = 0;
    float right_share = column - left, low_share = row - top;
"""
SAMPLE_FORWARD = """
    for (int corner = 0; corner < 4; ++corner) {
      int i = top + corner / 2, j = left + corner % 2;
      if (i < 0 || j < 0 || i >= height || j >= width) continue;
      float share = (corner / 2 ? low_share : 1 - low_share) *
                    (corner % 2 ? right_share : 1 - right_share);
      sum += share * float(x[((image * height + i) * width + j) * channels + channel]);
    }
    out[elem] = T(sum);
"""
SAMPLE_BACKWARD = """
    float up = float(cotangent[elem]);
    float slope_row = 0, slope_column = 0;
    for (int corner = 0; corner < 4; ++corner) {
      int i = top + corner / 2, j = left + corner % 2;
      if (i < 0 || j < 0 || i >= height || j >= width) continue;
      float by_row = corner / 2 ? low_share : 1 - low_share;
      float by_column = corner % 2 ? right_share : 1 - right_share;
      uint place = ((image * height + i) * width + j) * channels + channel;
      atomic_fetch_add_explicit(&dx[place], up * by_row * by_column,
                                memory_order_relaxed);
      float value = float(x[place]) * up;
      slope_row += (corner / 2 ? 1.0f : -1.0f) * by_column * value * height / 2;
      slope_column += (corner % 2 ? 1.0f : -1.0f) * by_row * value * width / 2;
    }
    atomic_fetch_add_explicit(&dplaces[2 * point], slope_column, memory_order_relaxed);
    atomic_fetch_add_explicit(&dplaces[2 * point + 1], slope_row, memory_order_relaxed);
"""


@mx.custom_function
def sample(x, places):
    """Images (n, h, w, c) at places (n, points, 2) in [-1, 1], between pixels."""
    forward = kernel(SAMPLE + SAMPLE_FORWARD, ["x", "places"], name="sample")
    shape = (*places.shape[:2], x.shape[3])
    return launched(forward, [x, places], shape, x.dtype, template=[("T", x.dtype)])


@sample.vjp
def sample_vjp(primals, cotangent, _):
    x, places = primals
    back = kernel(
        SAMPLE + SAMPLE_BACKWARD + "(void)sum;",
        ["x", "places", "cotangent"],
        ["dx", "dplaces"],
        name="sample_vjp",
        atomic_outputs=True,
    )
    return back(
        inputs=[x, places, cotangent],
        output_shapes=[x.shape, places.shape],
        output_dtypes=[x.dtype, places.dtype],
        grid=(cotangent.size, 1, 1),
        threadgroup=(32, 1, 1),
        init_value=0,
    )


def sampled(x: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The same in float64."""
    n, height, width, channels = x.shape
    out = np.zeros((n, places.shape[1], channels))
    for a, p in np.ndindex(n, places.shape[1]):
        column = (places[a, p, 0] + 1) * width / 2 - 0.5
        row = (places[a, p, 1] + 1) * height / 2 - 0.5
        top, left = int(np.floor(row)), int(np.floor(column))
        for i, j in np.ndindex(2, 2):
            if 0 <= top + i < height and 0 <= left + j < width:
                share = (row - top if i else 1 - row + top) * (
                    column - left if j else 1 - column + left
                )
                out[a, p] += share * x[a, top + i, left + j]
    return out


def test_a_kernel_with_a_derivative(rng):
    x = rng.normal(size=(2, 5, 4, 3))
    places = rng.uniform(-1.1, 1.1, size=(2, 7, 2))
    weight = rng.normal(size=(2, 7, 3))
    given = [from_numpy(a, mx.float32) for a in (x, places, weight)]
    y = sample(*given[:2])
    np.testing.assert_allclose(to_numpy(y), sampled(x, places), rtol=1e-4, atol=1e-5)

    def loss(x, places):
        return (sample(x, places) * given[2]).sum()

    gradients = mx.grad(loss, argnums=(0, 1))(*given[:2])
    compiled = mx.compile(mx.grad(loss, argnums=(0, 1)))(*given[:2])
    for k, g in enumerate(gradients):
        want = np.zeros(g.shape)
        for place in np.ndindex(*g.shape):
            arguments = [x.copy(), places.copy()]
            difference = 0.0
            for step in (1e-6, -1e-6):
                moved = [a.copy() for a in arguments]
                moved[k][place] += step
                difference += (sampled(*moved) * weight).sum() / (2 * step)
            want[place] = difference
        np.testing.assert_allclose(to_numpy(g), want, rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(to_numpy(compiled[k]), to_numpy(g), rtol=1e-5)
