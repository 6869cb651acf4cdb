"""Numbers in few bits: words bit for bit, edges, threads, and what has no gradient."""

from __future__ import annotations

from typing import Any

import ingot.core as mx
import numpy as np
import pytest
import reference_quantized as ref
from op_table_quantized import BITS, matrix
from support import FLOATS, NUMPY, layouts, to_core, to_numpy

MODES = ("mxfp4", "mxfp8", "nvfp4")
Rng = np.random.Generator

# A ramp in each number of bits, as MLX 0.32 packs it.
RAMP = [i / 31 - 0.25 for i in range(32)]
GOLDEN = {
    3: [1840737719, 651915849, 1198665],
    4: [3167608559, 2291767979, 1146447479, 1122867],
    5: [1975416799, 978769862, 902792293, 3343013046, 4469268],
    6: [2011676543, 2871969597, 2183734946, 375498526, 2735620389, 2164256],
}


def spread(rng: Rng, shape: tuple[int, ...], dtype: str = "float32") -> np.ndarray:
    """Rows of numbers of several sizes."""
    sizes = 10.0 ** rng.integers(-3, 3, (*shape[:-1], 1))
    return (rng.normal(size=shape) * sizes).astype(NUMPY[dtype])


def roots(w: np.ndarray, group: int) -> tuple[np.ndarray, np.ndarray]:
    """The end of each group that is further from 0, and all in groups."""
    groups = w.reshape(*w.shape[:-1], -1, group).astype(np.float64)
    low, high = groups.min(-1), groups.max(-1)
    return np.where(np.abs(low) > np.abs(high), low, high), groups


@pytest.mark.parametrize("bits", BITS)
def test_words_are_packed_from_the_lowest_bit_up(bits: int, rng: Rng) -> None:
    """Codes that nothing has to round: the words are the oracle's, bit for bit."""
    codes = rng.integers(0, 2**bits, (3, 256))
    codes[:, ::128], codes[:, 1::128] = 0, 2**bits - 1
    w = codes.astype(np.float32)
    _, _, want = ref.quantize(w.astype(np.float64), 128, bits)
    words, _, _ = mx.quantize(to_core(w), 128, bits)
    assert words.dtype == mx.uint32
    np.testing.assert_array_equal(to_numpy(words), ref.pack(want.astype(int), bits))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("bits", BITS)
def test_affine_keeps_its_promises(bits: int, dtype: str, rng: Rng) -> None:
    """The far end comes back exactly, 0 too, and no number is off by over a step."""
    w = spread(rng, (9, 192), dtype)
    w[:, 5] = 0
    words, scales, biases = mx.quantize(to_core(w), 64, bits)
    assert scales.dtype == biases.dtype == to_core(w).dtype
    back = to_numpy(mx.dequantize(words, scales, biases, 64, bits))
    back = back.astype(np.float64).reshape(9, 3, 64)
    end, groups = roots(w, 64)
    step = np.abs(to_numpy(scales).astype(np.float64))
    loss = {"float16": 2.0**-9, "bfloat16": 2.0**-6}.get(dtype, 1e-6)
    slack = loss * np.abs(end) + 1e-12
    # Of one bit the ends are as far apart as they are.
    assert (np.abs(back - groups).max(-1) <= step * 1.01 + slack * 2**bits).all()
    if bits > 1:
        far = np.take_along_axis(
            back, np.abs(groups).argmax(-1)[..., None], -1
        ).squeeze(-1)
        np.testing.assert_allclose(
            far, end, rtol=0, atol=slack.max() if loss > 1e-6 else 0
        )
        assert (np.abs(back.reshape(9, 192)[:, 5]) <= slack[:, 0] * 2).all()


@pytest.mark.parametrize("bits", BITS)
def test_scales_are_those_of_the_formula(bits: int, rng: Rng) -> None:
    w = spread(rng, (7, 128))
    scale, bias, codes = ref.quantize(w.astype(np.float64), 32, bits)
    words, scales, biases = mx.quantize(to_core(w), 32, bits)
    np.testing.assert_allclose(to_numpy(scales), scale, rtol=1e-6)
    np.testing.assert_allclose(to_numpy(biases), bias, rtol=1e-6)
    same = ref.unpack(to_numpy(words), bits) == codes
    assert same.mean() > 0.999  # all but halves that float32 rounds the other way


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("mode", MODES)
def test_small_floats_are_the_nearest(mode: str, dtype: str, rng: Rng) -> None:
    w = spread(rng, (9, 96), dtype)
    w[3] = 0
    scales_want, codes = ref.quantize_floats(w.astype(np.float64), mode)
    words, scales = mx.quantize(to_core(w), mode=mode)
    assert scales.dtype == mx.uint8
    np.testing.assert_array_equal(to_numpy(scales), scales_want)
    bits = ref.DEFAULTS[mode][1]
    np.testing.assert_array_equal(to_numpy(words), ref.pack(codes, bits))
    back = mx.dequantize(words, scales, mode=mode, dtype=mx.float32)
    want = ref.dequantize(scales_want, None, to_numpy(words), {"mode": mode})
    np.testing.assert_array_equal(to_numpy(back), want.astype(np.float32))
    assert mx.dequantize(words, scales, mode=mode).dtype == mx.bfloat16


@pytest.mark.parametrize("bits", GOLDEN)
def test_words_are_those_of_mlx(bits: int) -> None:
    words, _, _ = mx.quantize(mx.array([RAMP]), 32, bits)
    assert words.tolist() == [GOLDEN[bits]]


@pytest.mark.parametrize("mode", ["affine", *MODES])
@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_a_group_that_is_not_finite_comes_back_as_nan(mode: str, odd: float) -> None:
    """And no other does."""
    w = np.ones((1, 128), np.float32)
    w[0, 70] = odd
    group = ref.DEFAULTS[mode][0]
    back = to_numpy(mx.dequantize(*mx.quantize(to_core(w), mode=mode), mode=mode))
    of_odd = np.arange(128) // group == 70 // group
    np.testing.assert_array_equal(np.isnan(back.astype(np.float32))[0], of_odd)


@pytest.mark.parametrize("mode", ["affine", *MODES])
def test_layouts_do_not_matter(mode: str, rng: Rng) -> None:
    for name, w, values in layouts(spread(rng, (4, 64))):
        got, want = mx.quantize(w, mode=mode), mx.quantize(to_core(values), mode=mode)
        for a, b in zip(got, want, strict=True):
            np.testing.assert_array_equal(to_numpy(a), to_numpy(b), err_msg=name)


def test_what_is_empty() -> None:
    for shape in ((0, 64), (2, 0), (0, 3, 64)):
        words, scales, biases = mx.quantize(mx.zeros(shape))
        assert words.shape == (*shape[:-1], shape[-1] // 8)
        assert scales.shape == biases.shape == (*shape[:-1], shape[-1] // 64)
        assert mx.dequantize(words, scales, biases).shape == shape
    none = mx.quantize(mx.zeros((0, 64)))
    assert mx.quantized_matmul(mx.ones((3, 64)), *none).shape == (3, 0)
    y = mx.quantized_matmul(mx.ones((3, 0)), *none, transpose=False)
    np.testing.assert_array_equal(to_numpy(y), np.zeros((3, 64)))
    some = mx.quantize(mx.ones((5, 64)))
    assert mx.quantized_matmul(mx.zeros((0, 64)), *some).shape == (0, 5)
    y = mx.quantized_matmul(mx.ones((2, 0)), *mx.quantize(mx.ones((3, 0))))
    np.testing.assert_array_equal(to_numpy(y), np.zeros((2, 3)))


@pytest.mark.usefixtures("cpu")
@pytest.mark.parametrize("transpose", [True, False])
@pytest.mark.parametrize("m", [1, 5, 32, 33, 600])
def test_threads_do_not_matter(m: int, transpose: bool, rng: Rng) -> None:
    """The same bits from one thread and from three."""
    how = {"group_size": 32, "bits": 3}
    scales, biases, words = matrix(
        lambda s: rng.normal(size=s).astype(np.float32), rng, (513, 544), how
    )
    parts = mx.array(words, dtype=mx.uint32), mx.array(scales), mx.array(biases)
    x = mx.array(rng.normal(size=(m, 544 if transpose else 513)).astype(np.float32))
    before = mx.get_num_threads()
    try:
        results = []
        for threads in (1, 3):
            mx.set_num_threads(threads)
            y = mx.quantized_matmul(x, *parts, transpose=transpose, **how)
            results.append(to_numpy(y))
    finally:
        mx.set_num_threads(before)
    np.testing.assert_array_equal(*results)


def test_half_types_are_rounded_once(rng: Rng) -> None:
    w = mx.array(rng.normal(size=(16, 256)).astype(np.float16))
    x = mx.array(rng.normal(size=(3, 256)).astype(np.float16))
    parts = mx.quantize(w)
    wide = [p.astype(mx.float32) for p in parts[1:]]
    y = mx.quantized_matmul(x.astype(mx.float32), parts[0], *wide)
    got = mx.quantized_matmul(x, *parts)
    assert got.dtype == mx.float16
    np.testing.assert_array_equal(to_numpy(got), to_numpy(y.astype(mx.float16)))


def test_dtypes_promote() -> None:
    parts = mx.quantize(mx.ones((4, 64), mx.float16))
    product = mx.quantized_matmul
    assert product(mx.ones((2, 64), mx.float16), *parts).dtype == mx.float16
    assert product(mx.ones((2, 64), mx.bfloat16), *parts).dtype == mx.float32
    assert product(mx.ones((2, 64), mx.int32), *parts).dtype == mx.float32
    assert product(mx.ones((2, 64), mx.float64), *parts).dtype == mx.float64
    small = mx.quantize(mx.ones((4, 64)), mode="mxfp4")
    assert product(mx.ones((2, 64), mx.float16), *small, mode="mxfp4").dtype == (
        mx.float16
    )
    assert mx.dequantize(*parts, dtype=mx.float32).dtype == mx.float32


@pytest.mark.parametrize("rows", [(), (35,)])
def test_one_matrix_meets_each_of_a_batch(rows: tuple[int, ...], rng: Rng) -> None:
    how = {"group_size": 32}
    scales, biases, words = matrix(lambda s: rng.normal(size=s), rng, (2, 3, 64), how)
    x = rng.normal(size=(*rows, 64))
    parts = [mx.array(words, dtype=mx.uint32), to_core(scales), to_core(biases)]
    y = mx.quantized_matmul(to_core(x), *parts, **how)
    want = ref.quantized_matmul(x, scales, biases, words, True, how)
    np.testing.assert_allclose(to_numpy(y), want, rtol=1e-12, atol=1e-12)
    dx = mx.grad(lambda x: mx.quantized_matmul(x, *parts, **how).sum())(to_core(x))
    slope = ref.dequantize(scales, biases, words, how).sum((0, 1))
    np.testing.assert_allclose(to_numpy(dx), np.broadcast_to(slope, x.shape))


def test_what_has_no_gradient() -> None:
    parts = mx.quantize(mx.ones((4, 64)))
    with pytest.raises(ValueError, match="quantize: no gradient passes"):
        mx.grad(lambda w: mx.quantize(w)[1].sum())(mx.ones((4, 64)))
    with pytest.raises(TypeError, match="floating"):
        mx.grad(lambda w: mx.dequantize(w, *parts[1:]).sum())(parts[0])
    straight = mx.grad(
        lambda w: mx.quantized_matmul(w, *mx.quantize(mx.stop_gradient(w))).sum()
    )
    assert straight(mx.ones((4, 64))).shape == (4, 64)


@pytest.mark.parametrize("mode", MODES)
def test_gradients_of_small_floats(mode: str, rng: Rng) -> None:
    """By x, whatever the mode."""
    w = mx.quantize(mx.array(rng.normal(size=(5, 64)).astype(np.float32)), mode=mode)
    full = mx.dequantize(*w, mode=mode, dtype=mx.float32)
    x = mx.array(rng.normal(size=(3, 64)).astype(np.float32))
    c = mx.array(rng.normal(size=(3, 5)).astype(np.float32))
    got = mx.grad(lambda x: (mx.quantized_matmul(x, *w, mode=mode) * c).sum())(x)
    np.testing.assert_allclose(to_numpy(got), to_numpy(c @ full), rtol=1e-4, atol=1e-4)


def test_a_global_scale_is_undone(rng: Rng) -> None:
    """Whole tensors that E4M3's scales alone would not reach."""
    w = mx.array((rng.normal(size=(4, 64)) * 1e-6).astype(np.float32))
    top = mx.abs(w).max()
    alone = mx.dequantize(*mx.quantize(w, mode="nvfp4"), mode="nvfp4")
    assert mx.abs(alone).max().item() == 0
    parts = mx.quantize(w, mode="nvfp4", global_scale=top)
    back = mx.dequantize(*parts, mode="nvfp4", global_scale=top, dtype=mx.float32)
    assert mx.abs(back - w).max().item() < 0.17 * top.item()
    x, index = mx.ones((1, 1, 64)), mx.array([0])
    one = [p[None] for p in parts]
    y = mx.gather_qmm(
        x, *one, lhs_indices=index, rhs_indices=index, mode="nvfp4", global_scale=top
    )
    np.testing.assert_allclose(to_numpy(y)[0, 0], to_numpy(back.sum(1)), rtol=1e-5)


def test_fp8_keeps_nan_and_infinities_saturate() -> None:
    x = mx.array([np.nan, np.inf, -np.inf, -0.0])
    assert mx.to_fp8(x).tolist() == [127, 126, 254, 128]
    for dtype in (mx.float16, mx.bfloat16, mx.float32, mx.float64):
        every = mx.arange(256).astype(mx.uint8)
        back: Any = mx.to_fp8(mx.from_fp8(every, dtype))
        want = np.arange(256)
        want[255] = to_numpy(back)[255]  # NaN may lose its sign
        np.testing.assert_array_equal(to_numpy(back), want)
