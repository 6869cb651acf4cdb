"""Oracles of numbers in few bits, from the formats' definitions: MLX's documentation,
OCP Microscaling Formats (MX) 1.0, and OCP 8-bit Floating Point 1.0 for E4M3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Oracle = Callable[..., Any]

# E2M1 by code, without the sign.
FP4 = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0])
DEFAULTS = {"affine": (64, 4), "mxfp4": (32, 4), "mxfp8": (32, 8), "nvfp4": (16, 4)}


def unpack(words: Any, bits: int) -> np.ndarray:
    """The codes in words of 32 bits: one after the other, from the lowest bit up."""
    words = np.asarray(words, np.uint32)
    stream = np.unpackbits(words.view(np.uint8), axis=-1, bitorder="little")
    each = stream.reshape(*words.shape[:-1], words.shape[-1] * 32 // bits, bits)
    return np.asarray(each @ (1 << np.arange(bits)))


def pack(codes: np.ndarray, bits: int) -> np.ndarray:
    """The words of codes."""
    stream = (codes[..., None] >> np.arange(bits)) & 1
    stream = stream.reshape(*codes.shape[:-1], -1).astype(np.uint8)
    return np.packbits(stream, axis=-1, bitorder="little").view(np.uint32)


def fp4_value(code: np.ndarray) -> np.ndarray:
    return FP4[code & 7] * np.where(code & 8, -1.0, 1.0)


def fp8_value(code: np.ndarray) -> np.ndarray:
    """E4M3: a sign, four bits of exponent and three of fraction; 127 is NaN."""
    exponent, fraction = code >> 3 & 15, code & 7
    small = fraction * 2.0**-9
    size = np.where(exponent == 0, small, (8 + fraction) * 2.0 ** (exponent - 10))
    size = np.where(code & 127 == 127, np.nan, size)
    return np.asarray(np.where(code & 128, -size, size))


def to_fp8(x: np.ndarray) -> np.ndarray:
    """The nearest of all numbers, of two the one with an even code; 448 beyond."""
    sizes = fp8_value(np.arange(127))
    distance = np.abs(np.abs(x)[..., None] - sizes)
    distance = np.where(np.isinf(x)[..., None], np.arange(127)[::-1], distance)
    tied = distance == distance.min(axis=-1, keepdims=True)
    code = np.argmax(tied * (2 - np.arange(127) % 2), axis=-1)
    code = np.where(np.isnan(x), 127, code)
    return np.asarray(code | np.where(np.signbit(x), 128, 0))


def scale_value(code: Any, mode: str) -> np.ndarray:
    code = np.asarray(code, np.int64)
    if mode == "nvfp4":
        return fp8_value(code)
    return np.where(code == 255, np.nan, 2.0 ** (code.astype(np.float64) - 127))


def options(how: dict[str, Any]) -> tuple[str, int, int]:
    """The mode, the group size and the bits of the calls' keywords."""
    mode = how.get("mode", "affine")
    group, bits = DEFAULTS[mode]
    return mode, how.get("group_size", group), how.get("bits", bits)


def dequantize(
    scales: Any, biases: Any, words: Any, how: dict[str, Any], size: bool = False
) -> np.ndarray:
    """scale * code + bias, or scale * value; or the sum of the magnitudes of that."""
    mode, group, bits = options(how)
    codes = unpack(words, bits)

    def each(x: Any) -> np.ndarray:
        return np.repeat(np.abs(x) if size else x, group, axis=-1)

    if mode == "affine":
        return each(scales) * codes + each(biases)
    value = fp8_value(codes) if mode == "mxfp8" else fp4_value(codes)
    return each(scale_value(scales, mode)) * (np.abs(value) if size else value)


def quantized_matmul(
    x: np.ndarray,
    scales: Any,
    biases: Any,
    words: Any,
    transpose: bool,
    how: dict[str, Any],
    size: bool = False,
) -> np.ndarray:
    w = dequantize(scales, biases, words, how, size)
    return np.matmul(
        np.abs(x) if size else x, np.swapaxes(w, -1, -2) if transpose else w
    )


def gather_qmm(
    x: np.ndarray,
    scales: Any,
    biases: Any,
    words: Any,
    lhs: Any,
    rhs: Any,
    how: dict[str, Any],
    size: bool = False,
) -> np.ndarray:
    w = np.swapaxes(dequantize(scales, biases, words, how, size), -1, -2)
    x = np.abs(x) if size else x

    def chosen(a: np.ndarray, index: Any) -> np.ndarray:
        flat = a.reshape(-1, *a.shape[-2:])
        return flat[np.asarray(index)] if index is not None else a

    return np.matmul(chosen(x, lhs), chosen(w, rhs))


def quantize(w: np.ndarray, group: int, bits: int) -> tuple[np.ndarray, ...]:
    """Scales, biases and codes in mode affine.

    Codes count the steps from the end of the group's range that is further from 0;
    a step is (high - low) / (2^bits - 1), changed so that 0 is a whole number of them.
    """
    w = w.reshape(*w.shape[:-1], -1, group)
    low, high = w.min(-1), w.max(-1)
    step = np.maximum((high - low) / (2**bits - 1), 1e-7)
    below = np.abs(low) > np.abs(high)
    end = np.where(below, low, high)
    scale = np.where(below, step, -step)
    count = np.rint(end / scale)
    bias = np.where(count == 0, 0.0, end)
    scale = np.where(count == 0, scale, end / np.where(count == 0, 1.0, count))
    if bits == 1:
        scale, bias = step, low
    codes = np.rint((w - bias[..., None]) / scale[..., None])
    codes = np.clip(codes, 0, 2**bits - 1)
    return scale, bias, codes.reshape(*w.shape[:-2], -1)


def nearest_fp4(x: np.ndarray) -> np.ndarray:
    """The nearest code, of two the one towards 0, which has no sign."""
    code = np.argmin(np.abs(np.abs(x)[..., None] - FP4), axis=-1)
    return np.asarray(np.where((x < 0) & (code > 0), code | 8, code))


def quantize_floats(w: np.ndarray, mode: str) -> tuple[np.ndarray, np.ndarray]:
    """Codes of scales and codes of numbers, of finite groups.

    The scale is the least of its format that the largest magnitude of the group over
    the largest number of the format does not exceed; in nvfp4 the nearest one.
    """
    group, largest = DEFAULTS[mode][0], 448.0 if mode == "mxfp8" else 6.0
    shape = w.shape
    w = w.reshape(*shape[:-1], shape[-1] // group, group)
    ratio = np.abs(w).max(-1) / largest
    if mode == "nvfp4":
        scale_codes = to_fp8(ratio)
    else:
        exponent = np.ceil(np.log2(np.where(ratio == 0, 1.0, ratio)))
        scale_codes = np.clip(exponent, -126, 127).astype(np.int64) + 127
    scale = scale_value(scale_codes, mode)[..., None]
    x = np.where(scale == 0, 0.0, w / np.where(scale == 0, 1.0, scale))
    codes = to_fp8(x) if mode == "mxfp8" else nearest_fp4(x)
    return scale_codes, codes.reshape(shape)


def rounded(x: np.ndarray, mode: str) -> np.ndarray:
    """The numbers of the format that stand for x."""
    scales, codes = quantize_floats(x.astype(np.float64), mode)
    value = fp8_value(codes) if mode == "mxfp8" else fp4_value(codes)
    return np.repeat(scale_value(scales, mode), DEFAULTS[mode][0], axis=-1) * value


def qqmm(x: np.ndarray, w: np.ndarray, mode: str, size: bool = False) -> np.ndarray:
    """The product of rounded numbers; or the sum of magnitudes."""
    a, b = rounded(x, mode), np.swapaxes(rounded(w, mode), -1, -2)
    return np.abs(a) @ np.abs(b) if size else a @ b


QUANTIZED: dict[str, Oracle] = {
    "quantize": quantize,
    "dequantize": dequantize,
    "quantized_matmul": quantized_matmul,
    "gather_qmm": gather_qmm,
    "qqmm": qqmm,
    "to_fp8": to_fp8,
    "from_fp8": lambda x: fp8_value(x.astype(np.int64)),
}

__all__ = [
    "QUANTIZED",
    "dequantize",
    "gather_qmm",
    "pack",
    "qqmm",
    "quantize",
    "quantize_floats",
    "quantized_matmul",
    "rounded",
    "unpack",
]
