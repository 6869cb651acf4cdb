"""GGUF files: read within their bytes, written by the package gguf.

The package knows types and block formats. Its own reader trusts the counts and offsets
of a file, so the header is read here, with each of them checked.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

from ingot import _core
from ingot.core import _files

__all__ = ["load_gguf", "save_gguf"]

array = _core.array
Metadata = dict[str, Any]  # arrays, strings and lists of strings

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)  # 3 is 2 with a choice of byte order: little here
_MOST_DIMENSIONS = 8
_ALIGNMENT = "general.alignment"

# Numbers of metadata by the format's value types.
_NUMBERS = {
    0: _core.uint8,
    1: _core.int8,
    2: _core.uint16,
    3: _core.int16,
    4: _core.uint32,
    5: _core.int32,
    6: _core.float32,
    7: _core.bool_,
    10: _core.uint64,
    11: _core.int64,
    12: _core.float64,
}
_STRING, _ARRAY = 8, 9

# Tensors by the format's names of types; others are blocks.
_TENSORS = {
    "F32": _core.float32,
    "F16": _core.float16,
    "BF16": _core.bfloat16,
    "F64": _core.float64,
    "I8": _core.int8,
    "I16": _core.int16,
    "I32": _core.int32,
    "I64": _core.int64,
}

# Blocks of 32 that quantize() makes as well, and the bits of their codes; those of
# others are expanded.
_PACKED = {"Q4_0": 4, "Q4_1": 4, "Q8_0": 8}
_BLOCK = 32


def _package() -> Any:
    try:
        import gguf
    except ImportError as error:
        raise ImportError(
            "GGUF files need the package gguf: pip install ingot[gguf]"
        ) from error
    return gguf


# Reading ------------------------------------------------------------------------


class _Header:
    """What lies in a file one after another; nothing beyond its end is read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        if size > len(self.data) - self.at:
            raise ValueError(
                f"it must have {size} bytes at {self.at}, but ends at {len(self.data)}"
            )
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, kind: str) -> int:
        [value] = struct.unpack("<" + kind, self.take(struct.calcsize("<" + kind)))
        return int(value)

    def text(self) -> str:
        return self.take(self.number("Q")).decode()

    def numbers(self, kind: int, shape: tuple[int, ...]) -> array:
        """One number, or a vector, of a value type."""
        dtype = _NUMBERS.get(kind)
        if dtype is None:
            raise ValueError(f"value type {kind} is not known")
        data = self.take(_size_of(dtype) * (shape[0] if shape else 1))
        if dtype == _core.bool_:
            data = bytes(byte != 0 for byte in data)
        return _core._rebuild_array(data, shape, _core._dtype_number(dtype))

    def value(self) -> Any:
        kind = self.number("I")
        if kind == _STRING:
            return self.text()
        if kind != _ARRAY:
            return self.numbers(kind, ())
        kind, count = self.number("I"), self.number("Q")
        if kind != _STRING:
            return self.numbers(kind, (count,))
        return [self.text() for _ in range(count)]


def _size_of(dtype: Any) -> int:
    return int(dtype.size)


def _aligned(offset: int, alignment: int) -> int:
    return -(-offset // alignment) * alignment


def _alignment_of(metadata: Metadata) -> int:
    value = metadata.get(_ALIGNMENT)
    if value is None:
        return 32
    if not isinstance(value, array) or value.dtype != _core.uint32 or value.ndim > 0:
        raise ValueError(f"{_ALIGNMENT} must be a uint32")
    alignment: int = value.tolist()
    if alignment == 0 or alignment % 8 != 0:
        raise ValueError(f"{_ALIGNMENT} must be a multiple of 8, got {alignment}")
    return alignment


class _Tensor:
    """Where one lies, by the header alone."""

    def __init__(self, header: _Header, gguf: Any) -> None:
        self.name = header.text()
        dimensions = header.number("I")
        if dimensions > _MOST_DIMENSIONS:
            raise ValueError(
                f"{self.name!r} must have at most {_MOST_DIMENSIONS} dimensions, "
                f"got {dimensions}"
            )
        self.shape = tuple(header.number("Q") for _ in range(dimensions))[::-1]
        self.type = gguf.GGMLQuantizationType(header.number("I"))
        self.offset = header.number("Q")
        count = 1
        for n in self.shape:
            count *= n
        elements, size = gguf.GGML_QUANT_SIZES[self.type]
        row = self.shape[-1] if self.shape else 1
        if row % elements != 0:
            raise ValueError(
                f"{self.name!r} must have rows of whole blocks of {elements}, "
                f"got shape {self.shape}"
            )
        self.row_size = row // elements * size
        self.size = count // elements * size

    def read(self, data: memoryview, gguf: Any) -> dict[str, array]:
        """The tensor; of one that is quantized also its scales and biases."""
        bits = _PACKED.get(self.type.name)
        if bits is not None and self.shape:
            return self._packed(data, bits)
        dtype = _TENSORS.get(self.type.name)
        if dtype is None:
            dtype, data = _core.float16, self._expanded(data, gguf)
        return {self.name: _array_of(data, self.shape, dtype)}

    def _packed(self, data: memoryview, bits: int) -> dict[str, array]:
        """Codes that count from 0 up, in words, with scales and biases in float16."""
        import numpy as np

        *batch, n = self.shape
        blocks = np.frombuffer(data, np.uint8).reshape(-1, self.row_size * _BLOCK // n)
        scales = blocks[:, :2].copy().view("<f2")
        biases: Any
        codes: Any = blocks[:, 2:]
        with np.errstate(over="ignore"):
            if self.type.name == "Q4_1":
                biases, codes = codes[:, :2].copy().view("<f2"), codes[:, 2:]
            else:
                biases = -(1 << bits - 1) * scales
        if bits == 8:
            codes = codes ^ 128
        else:  # the first half of a block lies in the low bits of its bytes
            codes = np.concatenate([codes & 15, codes >> 4], 1)
            codes = codes[:, ::2] | codes[:, 1::2] << 4
        groups = (*batch, n // _BLOCK)
        base = self.name.removesuffix(".weight")
        return {
            self.name: _array_of(codes, (*batch, n * bits // 32), _core.uint32),
            f"{base}.scales": _array_of(scales, groups, _core.float16),
            f"{base}.biases": _array_of(biases, groups, _core.float16),
        }

    def _expanded(self, data: memoryview, gguf: Any) -> Any:
        import numpy as np

        if self.size == 0:
            return b""
        rows = np.frombuffer(data, np.uint8).reshape(-1, self.row_size)
        with np.errstate(all="ignore"):
            values = gguf.quants.dequantize(rows, self.type).astype(np.float16)
        return values.tobytes()


def _array_of(data: Any, shape: tuple[int, ...], dtype: Any) -> array:
    return _core._rebuild_array(bytes(data), shape, _core._dtype_number(dtype))


def _tensors_of(header: _Header, count: int, gguf: Any) -> list[_Tensor]:
    tensors = []
    names = set()
    for _ in range(count):
        tensor = _Tensor(header, gguf)
        if tensor.name in names:
            raise ValueError(f"names must differ, got {tensor.name!r} twice")
        names.add(tensor.name)
        tensors.append(tensor)
    return tensors


def _check_places(tensors: list[_Tensor], size: int) -> None:
    """Each lies among the `size` bytes of all, and no two overlap."""
    end = 0
    for tensor in sorted(tensors, key=lambda t: (t.offset, t.size)):
        if tensor.offset < end or tensor.offset + tensor.size > size:
            raise ValueError(
                f"{tensor.name!r} must lie within {size} bytes and overlap no other, "
                f"got {tensor.size} bytes at {tensor.offset}"
            )
        end = tensor.offset + tensor.size


def load_gguf(file: _files.File) -> tuple[dict[str, array], Metadata]:
    """The tensors and the metadata of a file; ValueError where it is damaged."""
    gguf = _package()
    data = _files.read_file(file)
    header = _Header(data)
    if header.take(4) != _MAGIC:
        raise ValueError("it must begin with GGUF")
    version = header.number("I")
    if version not in _VERSIONS:
        raise ValueError(f"its version must be one of {_VERSIONS}, got {version}")
    count, pairs = header.number("Q"), header.number("Q")
    metadata: Metadata = {}
    for _ in range(pairs):
        key = header.text()
        if key in metadata:
            raise ValueError(f"keys must differ, got {key!r} twice")
        metadata[key] = header.value()
    tensors = _tensors_of(header, count, gguf)
    start = _aligned(header.at, _alignment_of(metadata))
    _check_places(tensors, max(0, len(data) - start))
    view = memoryview(data)
    arrays: dict[str, array] = {}
    for tensor in tensors:
        at = start + tensor.offset
        parts = tensor.read(view[at : at + tensor.size], gguf)
        if clash := parts.keys() & arrays.keys():
            raise ValueError(f"names must differ, got {min(clash)!r} twice")
        arrays.update(parts)
    return arrays, metadata


# Writing ------------------------------------------------------------------------


def _is_empty(value: Any) -> bool:
    return value.size == 0 if isinstance(value, array) else value == []


def _add_metadata(writer: Any, key: str, value: Any, gguf: Any) -> None:
    kinds = gguf.GGUFValueType
    if _is_empty(value):
        raise ValueError(f"save_gguf: metadata {key!r} must have an element, got none")
    if isinstance(value, str):
        writer.add_key_value(key, value, kinds.STRING)
    elif isinstance(value, list) and all(isinstance(text, str) for text in value):
        writer.add_key_value(key, value, kinds.ARRAY, sub_type=kinds.STRING)
    elif isinstance(value, array) and value.ndim <= 1:
        known = [kind for kind, dtype in _NUMBERS.items() if dtype == value.dtype]
        if not known:
            raise TypeError(
                f"save_gguf: metadata {key!r} must have a dtype that the format has, "
                f"got {value.dtype}"
            )
        kind = kinds(known[0])
        if value.ndim == 0:
            writer.add_key_value(key, value.item(), kind)
        else:
            writer.add_key_value(key, value.tolist(), kinds.ARRAY, sub_type=kind)
    else:
        raise TypeError(
            "save_gguf: metadata must map strings to strings, lists of strings, and "
            f"arrays of at most one dimension, got {key!r}: {type(value).__name__}"
        )


def _add_tensor(writer: Any, name: str, value: array, data: Any, gguf: Any) -> None:
    import numpy as np

    known = [kind for kind, dtype in _TENSORS.items() if dtype == value.dtype]
    if not known or value.ndim > _MOST_DIMENSIONS:
        raise TypeError(
            f"save_gguf: arrays must be floats or signed integers of at most "
            f"{_MOST_DIMENSIONS} dimensions, got {value.dtype} of shape "
            f"{value.shape} for {name!r}"
        )
    if known[0] == "BF16":
        data = data.view(np.uint16)
    writer.add_tensor(name, data, raw_dtype=gguf.GGMLQuantizationType[known[0]])


def _write_gguf(
    path: Path, arrays: dict[str, array], metadata: Metadata, gguf: Any
) -> None:
    writer = gguf.GGUFWriter(path, "")
    writer.kv_data[0].clear()  # what it thinks up itself
    for key, value in metadata.items():
        _add_metadata(writer, key, value, gguf)
    alignment = metadata.get(_ALIGNMENT)
    if alignment is not None:
        writer.data_alignment = _alignment_of(metadata)
    for name, data in _files.numpy_arrays(arrays, "save_gguf").items():
        _add_tensor(writer, name, arrays[name], data, gguf)
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()


def save_gguf(
    file: _files.File, arrays: dict[str, array], metadata: Metadata | None = None
) -> None:
    """Saves named arrays in the GGUF format.

    Needs the package gguf: ``pip install ingot[gguf]``.

    Args:
        file: path (``.gguf`` is added if missing) or binary file object; a path is
            written atomically.
        arrays: names to arrays of a floating or signed integer dtype.
        metadata: names to strings, lists of strings, and arrays of none or one
            dimension. It is written as given: what other programs ask for, such as
            ``"general.architecture"``, is for the caller to add.

    Raises:
        ImportError: if the package gguf is not installed.
        TypeError: if a name is no string, a value is of another type, or its dtype is
            one that the format lacks.
        ValueError: if ``"general.alignment"`` is no uint32 multiple of 8.
        OSError: if the file can't be written; an older file stays as it was.

    Example:
        >>> import ingot.core as mx, os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "weights.gguf")
        >>> mx.save_gguf(path, {"w": mx.ones((2,))}, {"general.name": "two ones"})
        >>> mx.load(path, return_metadata=True)
        ({'w': array([1, 1], dtype=float32)}, {'general.name': 'two ones'})
    """
    gguf = _package()
    metadata = {} if metadata is None else metadata
    if not isinstance(metadata, dict) or not all(isinstance(k, str) for k in metadata):
        raise TypeError("save_gguf: metadata must be a dict whose names are strings")
    if isinstance(file, (str, os.PathLike)):
        with _files.replacing(_files.with_suffix(file, ".gguf")) as temporary:
            _write_gguf(temporary, arrays, metadata, gguf)
        return
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "arrays.gguf"
        _write_gguf(path, arrays, metadata, gguf)
        file.write(path.read_bytes())
