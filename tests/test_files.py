"""Files: exact round trips, atomic writes under kill -9, and refusal of bad files."""

from __future__ import annotations

import os
import pickle
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import ingot.core as mx
import numpy as np
import pytest
from support import (
    ALL,
    COMPLEX,
    CORE,
    LAYOUTS,
    NUMPY,
    dtype_name,
    layout,
    to_core,
    to_numpy,
)

SHAPES = [(), (1,), (0,), (7,), (3, 5), (2, 0, 3), (2, 3, 4)]
NPY = (*[d for d in ALL if d != "bfloat16"], COMPLEX)  # those of NumPy's formats
BAD = (ValueError, OSError)


def values(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    x = np.arange(int(np.prod(shape))) * 3 % 127
    x = x + 1j * x[::-1] if dtype == COMPLEX else x
    return x.astype(NUMPY[dtype]).reshape(shape)


def assert_same(a: Any, x: np.ndarray) -> None:
    got = to_numpy(a)
    assert dtype_name(a) == x.dtype.name
    assert got.shape == x.shape
    assert got.tobytes() == x.tobytes()


@pytest.mark.parametrize("dtype", [*ALL, COMPLEX])
def test_safetensors_round_trip(dtype: str, tmp_path: Path) -> None:
    """Every dtype and shape comes back to the bit, under its name."""
    file = tmp_path / "x.safetensors"
    want = {f"layer.{i}": values(dtype, shape) for i, shape in enumerate(SHAPES)}
    mx.save_safetensors(str(file), {k: to_core(v) for k, v in want.items()})
    got = mx.load(str(file))
    assert set(got) == set(want)
    for name, x in want.items():
        assert_same(got[name], x)


@pytest.mark.parametrize("dtype", NPY)
def test_npy_round_trip(dtype: str, tmp_path: Path) -> None:
    for shape in SHAPES:
        file = tmp_path / "x.npy"
        x = values(dtype, shape)
        mx.save(str(file), to_core(x))
        assert_same(mx.load(str(file)), x)
        np.testing.assert_array_equal(np.load(file), x)


@pytest.mark.parametrize("writer", ["savez", "savez_compressed"])
def test_npz_round_trip(writer: str, tmp_path: Path) -> None:
    """Positional arrays are arr_0, arr_1, ...; the others keep their names."""
    file = tmp_path / "x.npz"
    a, b = values("float32", (3, 5)), values("int8", (4,))
    getattr(mx, writer)(str(file), to_core(a), to_core(b), w=to_core(b))
    got = mx.load(str(file))
    assert set(got) == {"arr_0", "arr_1", "w"}
    assert_same(got["arr_0"], a)
    assert_same(got["arr_1"], b)
    assert_same(got["w"], b)


@pytest.mark.parametrize("name", LAYOUTS)
def test_views_are_saved_as_their_values(name: str, tmp_path: Path) -> None:
    core, x = layout(values("float32", (4, 6)), name)
    mx.save_safetensors(str(tmp_path / "x.safetensors"), {"x": core, "t": core.T})
    got = mx.load(str(tmp_path / "x.safetensors"))
    assert_same(got["x"], np.ascontiguousarray(x))
    assert_same(got["t"], np.ascontiguousarray(x.T))


def test_paths_and_file_objects(tmp_path: Path) -> None:
    """pathlib paths, missing suffixes and open binary files all work."""
    x = mx.arange(5)
    mx.save(tmp_path / "a", x)
    assert mx.load(tmp_path / "a.npy").tolist() == [0, 1, 2, 3, 4]
    mx.savez(tmp_path / "b", x=x)
    assert mx.load(tmp_path / "b.npz")["x"].tolist() == [0, 1, 2, 3, 4]
    mx.save_safetensors(tmp_path / "c", {"x": x})
    assert mx.load(tmp_path / "c.safetensors")["x"].tolist() == [0, 1, 2, 3, 4]
    with (tmp_path / "d.npy").open("wb") as file:
        mx.save(file, x)
    with (tmp_path / "d.npy").open("rb") as file:
        assert mx.load(file, format="npy").tolist() == [0, 1, 2, 3, 4]


def test_metadata(tmp_path: Path) -> None:
    """Strings saved with the arrays come back when asked for."""
    file = tmp_path / "x.safetensors"
    mx.save_safetensors(file, {"x": mx.ones((2,))}, metadata={"step": "7", "ü": "é"})
    arrays, metadata = mx.load(file, return_metadata=True)
    assert set(arrays) == {"x"}
    assert metadata["step"] == "7"
    assert metadata["ü"] == "é"


def test_safetensors_interchange(tmp_path: Path) -> None:
    """The file is a plain safetensors file for its own library, and the reverse."""
    from safetensors.numpy import load_file, save_file

    x = values("bfloat16", (3, 5))
    mx.save_safetensors(tmp_path / "ours.safetensors", {"x": to_core(x)})
    theirs = load_file(tmp_path / "ours.safetensors")["x"]
    assert theirs.tobytes() == x.tobytes()
    save_file({"x": values("float16", (4,))}, tmp_path / "theirs.safetensors")
    assert_same(mx.load(tmp_path / "theirs.safetensors")["x"], values("float16", (4,)))


def test_saving_lazy_arrays(tmp_path: Path) -> None:
    """What has not been evaluated yet is, on saving."""
    x = mx.arange(4) * 2 + 1
    mx.save(tmp_path / "x.npy", x)
    assert mx.load(tmp_path / "x.npy").tolist() == [1, 3, 5, 7]


def test_saving_over_the_file_an_array_came_from(tmp_path: Path) -> None:
    """Loaded arrays do not depend on their file any more."""
    file = tmp_path / "x.safetensors"
    mx.save_safetensors(file, {"x": mx.arange(1000)})
    x = mx.load(file)["x"]
    mx.save_safetensors(file, {"x": x + 1})
    assert x.tolist() == list(range(1000))
    assert mx.load(file)["x"].tolist() == list(range(1, 1001))


# Atomic writes ----------------------------------------------------------------

# Forks a writer per line of input, so that what writing needs is imported only once.
NURSERY = """
import os, sys
import ingot.core as mx

def write(kind, path, n):
    x, y = mx.full((200_000,), n), mx.full((100,), n)
    if kind == "safetensors":
        mx.save_safetensors(path, {"x": x, "y": y})
    elif kind == "npz":
        mx.savez(path, x=x, y=y)
    else:
        mx.save(path, x)

kind, path = sys.argv[1:]
write(kind, path, 0)
for line in sys.stdin:
    writer = os.fork()
    n = 0
    while writer == 0:
        n += 1
        write(kind, path, n)
    print(writer, flush=True)
    os.waitpid(writer, 0)
    print("dead", flush=True)
"""


def check_whole(file: Path, kind: str) -> int:
    """The file loads and is of one write; its number."""
    loaded = mx.load(file)
    arrays = [loaded] if kind == "npy" else [loaded["x"], loaded["y"]]
    numbers = {int(v) for a in arrays for v in np.unique(to_numpy(a))}
    assert len(numbers) == 1
    return numbers.pop()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize(
    ("kind", "kills"), [("safetensors", 100), ("npz", 50), ("npy", 50)]
)
def test_kill_9_never_loses_a_file(kind: str, kills: int, tmp_path: Path) -> None:
    """A process killed while it overwrites a file leaves the old or the new one."""
    file = tmp_path / f"x.{kind}"
    dice = random.Random(4)
    seen = set()
    with subprocess.Popen(
        [sys.executable, "-c", NURSERY, kind, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as nursery:
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        for _ in range(kills):
            nursery.stdin.write("next\n")
            writer = int(nursery.stdout.readline())
            time.sleep(dice.uniform(0.0, 0.06))
            os.kill(writer, signal.SIGKILL)
            assert nursery.stdout.readline() == "dead\n"
            seen.add(check_whole(file, kind))
    assert len(seen) > 3, "the writers hardly wrote: the kills prove nothing"


def test_failed_write_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error on the way leaves the old file, and no temporary one."""
    file = tmp_path / "x.safetensors"
    mx.save_safetensors(file, {"x": mx.arange(3)})

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        mx.save_safetensors(file, {"x": mx.arange(4)})
    monkeypatch.undo()
    assert mx.load(file)["x"].tolist() == [0, 1, 2]
    assert [p.name for p in tmp_path.iterdir()] == ["x.safetensors"]


def test_no_temporary_files_remain(tmp_path: Path) -> None:
    for _ in range(3):
        mx.save_safetensors(tmp_path / "x.safetensors", {"x": mx.ones((2,))})
        mx.save(tmp_path / "x.npy", mx.ones((2,)))
    assert {p.name for p in tmp_path.iterdir()} == {"x.npy", "x.safetensors"}


# Bad files --------------------------------------------------------------------


def refuse(file: Path) -> None:
    """Loading is a ValueError or OSError that names the file."""
    with pytest.raises(BAD) as caught:
        mx.eval(mx.load(file))
    assert file.name in str(caught.value)


@pytest.fixture
def good(tmp_path: Path) -> dict[str, bytes]:
    """A whole file of each format."""
    x = {"x": mx.arange(100), "y": mx.ones((3, 4))}
    mx.save_safetensors(tmp_path / "g.safetensors", x)
    mx.savez(tmp_path / "g.npz", **x)
    mx.save(tmp_path / "g.npy", x["x"])
    names = ("safetensors", "npz", "npy")
    return {name: (tmp_path / f"g.{name}").read_bytes() for name in names}


@pytest.mark.parametrize("kind", ["safetensors", "npz", "npy"])
def test_truncated_files(kind: str, good: dict[str, bytes], tmp_path: Path) -> None:
    """Any proper beginning of a file is refused."""
    data = good[kind]
    file = tmp_path / f"cut.{kind}"
    lengths = {0, 1, 7, 8, 9, 20, len(data) // 2, len(data) - 9, len(data) - 1}
    for length in sorted(lengths):
        file.write_bytes(data[:length])
        refuse(file)


@pytest.mark.parametrize("kind", ["safetensors", "npz", "npy"])
def test_mutated_files(kind: str, good: dict[str, bytes], tmp_path: Path) -> None:
    """Random damage is refused or changes values; it never crashes or hangs."""
    dice = random.Random(9)
    file = tmp_path / f"bad.{kind}"
    for _ in range(300):
        data = bytearray(good[kind])
        for _ in range(dice.randint(1, 4)):
            place = min(int(dice.expovariate(0.01)), len(data) - 1)
            data[place] = dice.randrange(256)
        file.write_bytes(data)
        try:
            mx.eval(mx.load(file))
        except BAD as error:
            assert file.name in str(error)


def safetensors_bytes(header: str, data: bytes) -> bytes:
    return len(header.encode()).to_bytes(8, "little") + header.encode() + data


@pytest.mark.parametrize(
    ("header", "size"),
    [
        ('{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', 4),
        ('{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,80]}}', 8),
        ('{"x":{"dtype":"F32","shape":[4294967300],"data_offsets":[0,16]}}', 16),
        ('{"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}', 8),
        ('{"x":{"dtype":"Q99","shape":[2],"data_offsets":[0,8]}}', 8),
        ('{"x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}', 8),
        ('{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', 16),
        ("{not json", 0),
        ("[]", 0),
        ('{"x": 3}', 0),
    ],
)
def test_false_headers(header: str, size: int, tmp_path: Path) -> None:
    """Headers that contradict the data, or themselves, are refused."""
    file = tmp_path / "false.safetensors"
    file.write_bytes(safetensors_bytes(header, bytes(size)))
    refuse(file)


def test_no_pickle(tmp_path: Path) -> None:
    """Files that would run code are refused without running it."""
    marker = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> Any:
            return (Path.touch, (marker,))

    np.save(tmp_path / "evil.npy", np.array([Evil()], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "evil.npz", x=np.array([Evil()], dtype=object))
    (tmp_path / "plain.npy").write_bytes(pickle.dumps(Evil()))
    for name in ("evil.npy", "evil.npz", "plain.npy"):
        refuse(tmp_path / name)
    assert not marker.exists()


def test_missing_files_and_formats(tmp_path: Path) -> None:
    for name in ("none.npy", "none.npz", "none.safetensors"):
        with pytest.raises(OSError, match=name):
            mx.load(tmp_path / name)
    (tmp_path / "x.weird").write_bytes(b"abc")
    with pytest.raises(ValueError, match="format"):
        mx.load(tmp_path / "x.weird")
    with pytest.raises(OSError):
        mx.save(tmp_path / "no" / "folder.npy", mx.ones((2,)))
    with pytest.raises(BAD):
        mx.load(tmp_path)


def test_bad_arguments(tmp_path: Path) -> None:
    """Wrong names, values and metadata are refused before anything is written."""
    file = tmp_path / "x.safetensors"
    bad: list[Any] = [[mx.ones((2,))], {"x": 3}, {3: mx.ones((2,))}, None, {"x": None}]
    for arrays in bad:
        with pytest.raises((TypeError, ValueError), match="save_safetensors"):
            mx.save_safetensors(file, arrays)
    with pytest.raises((TypeError, ValueError), match="metadata"):
        mx.save_safetensors(file, {"x": mx.ones((2,))}, metadata={"a": 1})
    with pytest.raises((TypeError, ValueError), match="save"):
        mx.save(tmp_path / "x.npy", [1, 2])
    assert list(tmp_path.iterdir()) == []


def test_core_dtypes_are_all_saved() -> None:
    """The round trip above leaves no dtype out."""
    assert {*ALL, COMPLEX} == set(CORE)
