"""Quantized tensors of GGUF files: packed, expanded or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ingot.core as mx
import ingot.nn as nn
import numpy as np
import pytest
from support import to_numpy

gguf = pytest.importorskip("gguf", reason="GGUF: the package gguf is not installed")

# Blocks as the format's documentation has them: 32 numbers each.


def q8_0(block: bytes) -> list[float]:
    [d] = np.frombuffer(block[:2], np.float16).astype(float)
    return [d * q for q in np.frombuffer(block[2:], np.int8)]


def q4_0(block: bytes) -> list[float]:
    [d] = np.frombuffer(block[:2], np.float16).astype(float)
    q = np.frombuffer(block[2:], np.uint8)
    return [d * (int(n) - 8) for n in (*(q & 15), *(q >> 4))]


def q4_1(block: bytes) -> list[float]:
    d, m = np.frombuffer(block[:4], np.float16).astype(float)
    q = np.frombuffer(block[4:], np.uint8)
    return [d * int(n) + m for n in (*(q & 15), *(q >> 4))]


def write_blocks(file: Path, kind: str, data: np.ndarray) -> None:
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_tensor("w", data, raw_dtype=gguf.GGMLQuantizationType[kind])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.mark.parametrize(
    ("kind", "bits", "size", "expand"),
    [("Q8_0", 8, 34, q8_0), ("Q4_0", 4, 18, q4_0), ("Q4_1", 4, 20, q4_1)],
)
def test_quantized_matrices(
    kind: str,
    bits: int,
    size: int,
    expand: Any,
    tmp_path: Path,
    rng: np.random.Generator,
) -> None:
    """They stay packed, and give back each number of each block."""
    data = rng.integers(0, 256, (5, 3 * size), dtype=np.uint8)
    scales = rng.normal(size=(5, 3, 2)).astype(np.float16)
    blocks = data.reshape(5, 3, size)
    blocks[:, :, :4] = scales.view(np.uint8)
    write_blocks(tmp_path / "q.gguf", kind, data)
    want = [[expand(b.tobytes()) for b in row] for row in blocks]
    parts = mx.load(tmp_path / "q.gguf")
    assert list(parts) == ["w", "w.scales", "w.biases"]
    words, scales, biases = parts.values()
    assert scales.dtype == biases.dtype == mx.float16
    scales, biases = scales.astype(mx.float64), biases.astype(mx.float64)
    got = mx.dequantize(words, scales, biases, group_size=32, bits=bits)
    np.testing.assert_array_equal(to_numpy(got), np.array(want).reshape(5, 96))


def test_a_layer_of_a_file(tmp_path: Path, mlx: Any) -> None:
    """Names, words, scales and biases are those that MLX reads; a layer takes them."""
    rng = np.random.default_rng(3)
    kinds = {"a.weight": "Q4_0", "b.weight": "Q4_1", "c.weight": "Q8_0", "d": "Q4_0"}
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama")
    for name, kind in kinds.items():
        kind = gguf.GGMLQuantizationType[kind]
        blocks = gguf.quants.quantize(rng.normal(size=(6, 64)).astype("f4"), kind)
        writer.add_tensor(name, blocks, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    ours, theirs = mx.load(tmp_path / "m.gguf"), mlx.load(str(tmp_path / "m.gguf"))
    assert ours.keys() == theirs.keys()
    for name, x in theirs.items():
        assert to_numpy(ours[name]).tobytes() == np.array(x).tobytes(), name
    layer = nn.QuantizedLinear(64, 6, bias=False, group_size=32, bits=8)
    layer.load_weights([(n[2:], x) for n, x in ours.items() if n[0] == "c"])
    assert layer(mx.ones((2, 64))).shape == (2, 6)


@pytest.mark.parametrize(
    "kind", ["Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q6_K", "IQ4_NL"]
)
def test_other_blocks(kind: str, tmp_path: Path, rng: np.random.Generator) -> None:
    """Whatever the package expands is what it says."""
    type_ = gguf.GGMLQuantizationType[kind]
    _, size = gguf.GGML_QUANT_SIZES[type_]
    data = rng.integers(0, 60, (2, 2 * size), dtype=np.uint8)
    write_blocks(tmp_path / "q.gguf", kind, data)
    with np.errstate(all="ignore"):
        want = gguf.quants.dequantize(data, type_).astype(np.float16)
    np.testing.assert_array_equal(to_numpy(mx.load(tmp_path / "q.gguf")["w"]), want)


def test_blocks_that_the_package_cannot_expand(tmp_path: Path) -> None:
    write_blocks(tmp_path / "q.gguf", "Q8_1", np.zeros((1, 40), np.uint8))
    with pytest.raises(ValueError, match=r"q.gguf.*Q8_1"):
        mx.load(tmp_path / "q.gguf")
