"""GGUF files: round trips, and refusal of bad files."""

from __future__ import annotations

import io
import random
import struct
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import ingot.core as mx
import numpy as np
import pytest
from support import CORE, FLOATS, NUMPY, SIGNED, dtype_name, to_core, to_numpy

gguf = pytest.importorskip("gguf", reason="GGUF: the package gguf is not installed")

DTYPES = SIGNED + FLOATS
NUMBERS = tuple(d for d in CORE if d not in ("float16", "bfloat16", "complex64"))
SHAPES = [(), (1,), (0,), (7,), (3, 5), (2, 0, 3), (2, 3, 4), (1, 2, 1, 3, 2)]
BAD = (ValueError, OSError)


def values(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    x = np.arange(int(np.prod(shape))) * 3 % 127
    return x.astype(NUMPY[dtype]).reshape(shape)


def assert_same(a: Any, x: np.ndarray) -> None:
    assert dtype_name(a) == x.dtype.name
    assert tuple(a.shape) == x.shape
    assert to_numpy(a).tobytes() == x.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
def test_round_trip(dtype: str, tmp_path: Path) -> None:
    """Every dtype and shape that the format has comes back to the bit."""
    file = tmp_path / "x.gguf"
    want = {f"layer.{i}": values(dtype, shape) for i, shape in enumerate(SHAPES)}
    mx.save_gguf(file, {k: to_core(v) for k, v in want.items()})
    got = mx.load(file)
    assert list(got) == list(want)
    for name, x in want.items():
        assert_same(got[name], x)


def test_views_are_saved_as_their_values(tmp_path: Path) -> None:
    x = values("float32", (4, 6))
    mx.save_gguf(tmp_path / "x", {"t": to_core(x).T, "s": to_core(x)[::2, ::-1]}, {})
    got = mx.load(tmp_path / "x.gguf")
    assert_same(got["t"], np.ascontiguousarray(x.T))
    assert_same(got["s"], np.ascontiguousarray(x[::2, ::-1]))


def test_metadata(tmp_path: Path) -> None:
    """Strings, lists of them, numbers and vectors of every type come back."""
    metadata: dict[str, Any] = {"name": "ü", "none": "", "words": ["a", "", "bcd"]}
    for dtype in NUMBERS:
        metadata[f"scalar.{dtype}"] = to_core(np.array(1, NUMPY[dtype]))
        metadata[f"vector.{dtype}"] = to_core(values(dtype, (3,)))
    mx.save_gguf(tmp_path / "x.gguf", {"w": mx.ones(2)}, metadata)
    arrays, got = mx.load(tmp_path / "x.gguf", return_metadata=True)
    assert arrays["w"].tolist() == [1, 1]
    assert list(got) == list(metadata)
    for key, want in metadata.items():
        if isinstance(want, mx.array):
            assert_same(got[key], to_numpy(want))
        else:
            assert got[key] == want


def test_alignment(tmp_path: Path) -> None:
    """Tensors begin at multiples of what the metadata say."""
    arrays = {"a": mx.array([1.0]), "b": mx.array([2.0, 3.0])}
    for alignment in (8, 64):
        given = {"general.alignment": mx.array(alignment, mx.uint32)}
        mx.save_gguf(tmp_path / "x.gguf", arrays, given)
        got = mx.load(tmp_path / "x.gguf")
        assert [got["a"].tolist(), got["b"].tolist()] == [[1], [2, 3]]
        reader = gguf.GGUFReader(tmp_path / "x.gguf")
        assert reader.alignment == alignment
        assert [t.data.tolist() for t in reader.tensors] == [[1], [2, 3]]


def test_interchange_with_the_package(tmp_path: Path) -> None:
    """Its reader finds what we write, and we what its writer writes."""
    x = values("float32", (3, 5))
    mx.save_gguf(tmp_path / "a.gguf", {"x": to_core(x)}, {"general.name": "word"})
    reader = gguf.GGUFReader(tmp_path / "a.gguf")
    assert reader.tensors[0].data.tobytes() == x.tobytes()
    assert reader.fields["general.name"].contents() == "word"
    writer = gguf.GGUFWriter(tmp_path / "b.gguf", "llama")
    writer.add_array("numbers", [1, 2, 3])
    writer.add_tensor("x", x)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    arrays, metadata = mx.load(tmp_path / "b.gguf", return_metadata=True)
    assert_same(arrays["x"], x)
    assert metadata["general.architecture"] == "llama"
    assert metadata["numbers"].tolist() == [1, 2, 3]


def test_interchange_with_mlx(mlx: Any, tmp_path: Path) -> None:
    """What MLX writes we read as it does, and the reverse."""
    arrays = {d: values(d, (3, 5)) for d in ("float32", "float16", "int8", "int32")}
    theirs = {k: mlx.array(v) for k, v in arrays.items()}
    words = {"s": "word", "l": ["a", "bc"], "n": mlx.array(3), "v": mlx.array([0.5, 2])}
    mlx.save_gguf(str(tmp_path / "theirs.gguf"), theirs, words)
    got, metadata = mx.load(tmp_path / "theirs.gguf", return_metadata=True)
    mx.save_gguf(tmp_path / "ours.gguf", got, metadata)
    back, again = mlx.load(str(tmp_path / "ours.gguf"), return_metadata=True)
    for name, x in arrays.items():
        assert_same(got[name], x)
        assert np.array(back[name]).tobytes() == x.tobytes()
    for found in (metadata, again):
        assert (found["s"], found["l"]) == ("word", ["a", "bc"])
        assert found["n"].item() == 3
        assert found["v"].tolist() == [0.5, 2]


# Files and arguments ------------------------------------------------------------


def test_paths_and_file_objects(tmp_path: Path) -> None:
    mx.save_gguf(str(tmp_path / "a"), {"x": mx.arange(3)})
    assert mx.load(tmp_path / "a.gguf", format="gguf")["x"].tolist() == [0, 1, 2]
    stream = io.BytesIO()
    mx.save_gguf(stream, {"x": mx.arange(3)})
    assert stream.getvalue() == (tmp_path / "a.gguf").read_bytes()
    stream.seek(0)
    assert mx.load(stream, format="gguf")["x"].tolist() == [0, 1, 2]
    assert [p.name for p in tmp_path.iterdir()] == ["a.gguf"]
    with pytest.raises(OSError, match=r"none\.gguf"):
        mx.load(tmp_path / "none.gguf")


def test_bad_arguments(tmp_path: Path) -> None:
    """Wrong names, values and metadata are refused before anything is written."""
    file = tmp_path / "x.gguf"
    one = mx.ones(2)
    bad: list[Any] = [[one], {"x": 3}, {3: one}, None, {"x": mx.array([True])}]
    bad += [{"x": mx.array([1], mx.uint8)}, {"x": mx.ones((1,) * 9)}]
    for arrays in bad:
        with pytest.raises(TypeError, match="save_gguf"):
            mx.save_gguf(file, arrays)
    words: list[Any] = [{"a": 1}, {1: "a"}, ["a"], {"a": ["b", 1]}, {"a": None}]
    words += [{"a": mx.ones((1, 2))}, {"a": mx.array(1, mx.float16)}]
    for metadata in words:
        with pytest.raises(TypeError, match="save_gguf: metadata"):
            mx.save_gguf(file, {"x": one}, metadata)
    for metadata in ({"a": []}, {"a": mx.zeros(0)}):
        with pytest.raises(ValueError, match="save_gguf: metadata 'a'"):
            mx.save_gguf(file, {"x": one}, metadata)
    for alignment in (
        mx.array(12, mx.uint32),
        mx.array(0, mx.uint32),
        mx.array(8),
        "8",
    ):
        with pytest.raises(ValueError, match="alignment"):
            mx.save_gguf(file, {"x": one}, {"general.alignment": alignment})
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "x.gguf"
    mx.save_gguf(file, {"x": mx.arange(3)})

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gguf.GGUFWriter, "write_tensors_to_file", full)
    with pytest.raises(OSError, match="No space left"):
        mx.save_gguf(file, {"x": mx.arange(4)})
    assert mx.load(file)["x"].tolist() == [0, 1, 2]
    assert [p.name for p in tmp_path.iterdir()] == ["x.gguf"]


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.gguf").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(ImportError, match=r"pip install ingot\[gguf\]"):
        mx.load(tmp_path / "x.gguf")
    with pytest.raises(ImportError, match=r"pip install ingot\[gguf\]"):
        mx.save_gguf(tmp_path / "y.gguf", {})


# Bad files ----------------------------------------------------------------------


def refuse(file: Path) -> None:
    """Loading is a ValueError or OSError that names the file, at little cost."""
    tracemalloc.start()
    with pytest.raises(BAD) as caught:
        mx.eval(mx.load(file))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * file.stat().st_size + 200_000
    assert file.name in str(caught.value)


@pytest.fixture
def good(tmp_path: Path) -> bytes:
    """A whole file, which ends where its last tensor does."""
    file = tmp_path / "good.gguf"
    arrays = {
        "x": mx.arange(100),
        "h": mx.ones((3, 4), mx.float16),
        "y": mx.ones((4, 8)),
    }
    words = {"name": "word", "list": ["a", "bc"], "n": mx.array(3), "v": mx.arange(5)}
    mx.save_gguf(file, arrays, words)
    return file.read_bytes()


def test_truncated_files(good: bytes, tmp_path: Path) -> None:
    """Any proper beginning of a file is refused."""
    file = tmp_path / "cut.gguf"
    for length in (*range(0, 400, 7), len(good) // 2, len(good) - 9, len(good) - 1):
        file.write_bytes(good[:length])
        refuse(file)


def test_mutated_files(good: bytes, tmp_path: Path) -> None:
    """Random damage is refused or changes values; it never crashes or hangs."""
    dice = random.Random(9)
    file = tmp_path / "bad.gguf"
    refused = 0
    for _ in range(600):
        data = bytearray(good)
        for _ in range(dice.randint(1, 4)):
            place = min(int(dice.expovariate(0.01)), len(data) - 1)
            data[place] = dice.choice((0, 1, 2, 9, 127, 128, 255, dice.randrange(256)))
        file.write_bytes(data)
        try:
            mx.eval(mx.load(file))
        except BAD as error:
            refused += 1
            assert file.name in str(error)
    assert refused > 100, "the damage hardly hit anything that is checked"


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def tensor(name: str, shape: tuple[int, ...], kind: int, offset: int) -> bytes:
    dims = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return text(name) + dims + struct.pack("<IQ", kind, offset)


def header(tensors: int, pairs: int, version: int = 3, magic: bytes = b"GGUF") -> bytes:
    return magic + struct.pack("<IQQ", version, tensors, pairs)


def whole(data: bytes, size: int) -> bytes:
    return data + bytes(-len(data) % 32 + size)


FALSE = {
    "magic": header(0, 0, magic=b"GGML"),
    "version": header(0, 0, version=1),
    "byte order": b"GGUF" + struct.pack(">IQQ", 3, 0, 0),
    "tensors without end": header(2**40, 0),
    "pairs without end": header(0, 2**63),
    "a long key": header(0, 1) + struct.pack("<Q", 2**63) + b"key",
    "a value type": header(0, 1) + text("k") + struct.pack("<I", 13),
    "a list of lists": header(0, 1) + text("k") + struct.pack("<IIQ", 9, 9, 1),
    "a long list": header(0, 1) + text("k") + struct.pack("<IIQ", 9, 8, 2**60),
    "a long vector": header(0, 1) + text("k") + struct.pack("<IIQ", 9, 12, 2**61),
    "a key twice": header(0, 2) + (text("k") + struct.pack("<IB", 0, 1)) * 2,
    "no UTF-8": header(0, 1)
    + struct.pack("<Q", 1)
    + b"\xff"
    + struct.pack("<IB", 0, 1),
    "alignment": header(0, 1) + text("general.alignment") + struct.pack("<II", 4, 0),
    "alignment type": header(0, 1)
    + text("general.alignment")
    + struct.pack("<IQ", 10, 8),
    "dimensions": whole(header(1, 0) + tensor("x", (1,) * 9, 0, 0), 32),
    "many dimensions": header(1, 0) + text("x") + struct.pack("<I", 2**32 - 1),
    "a wide shape": whole(header(1, 0) + tensor("x", (2**32, 2**32), 0, 0), 32),
    "a type": whole(header(1, 0) + tensor("x", (1,), 5, 0), 32),
    "an offset": whole(header(1, 0) + tensor("x", (8,), 0, 32), 32),
    "a far offset": whole(header(1, 0) + tensor("x", (8,), 0, 2**64 - 32), 32),
    "half a block": whole(header(1, 0) + tensor("x", (16,), 8, 0), 34),
    "names": whole(
        header(2, 0) + tensor("x", (1,), 0, 0) + tensor("x", (1,), 0, 32), 64
    ),
    "overlap": whole(
        header(2, 0) + tensor("x", (9,), 0, 0) + tensor("y", (1,), 0, 32), 64
    ),
}


@pytest.mark.parametrize("what", FALSE)
def test_false_headers(what: str, tmp_path: Path) -> None:
    """Headers that contradict the data, or themselves, are refused."""
    file = tmp_path / "false.gguf"
    file.write_bytes(FALSE[what])
    refuse(file)


def test_true_headers(tmp_path: Path) -> None:
    """The same helpers make files that are taken."""
    file = tmp_path / "true.gguf"
    data = (
        header(2, 0, version=2) + tensor("x", (3, 2), 0, 0) + tensor("y", (1,), 0, 32)
    )
    file.write_bytes(whole(data, 36))
    got = mx.load(file)
    assert got["x"].tolist() == [[0, 0, 0], [0, 0, 0]]
    assert got["y"].tolist() == [0]


def test_flags_are_zero_or_one(tmp_path: Path) -> None:
    file = tmp_path / "flags.gguf"
    file.write_bytes(
        header(0, 1) + text("k") + struct.pack("<IIQ3B", 9, 7, 3, 0, 1, 200)
    )
    _, metadata = mx.load(file, return_metadata=True)
    assert to_numpy(metadata["k"]).view(np.uint8).tolist() == [0, 1, 1]
