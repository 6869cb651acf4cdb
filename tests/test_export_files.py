"""Files of functions that are damaged or made by hand: refused, with the place."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ingot.core as mx
import pytest
from ingot.core import _files

BAD = (ValueError, OSError)


def function(x: mx.array, i: mx.array, *, w: mx.array) -> list[mx.array]:
    y = mx.softmax(mx.fast.layer_norm(x @ w, mx.ones(6), None, 1e-5), axis=-1)
    a, b = mx.split(y[:, ::2].T.reshape(3, 2, 2), 2, axis=1)
    z = mx.concatenate([a, b], axis=0)[..., None]
    q = mx.fast.scaled_dot_product_attention(z, z, z, scale=1.0)
    c = mx.conv2d(x.reshape(1, 4, 4, 1), mx.ones((2, 3, 3, 1)), padding=1)
    return [
        q.sum((1, 2)),
        mx.take(y, i, axis=1),
        x.at[i].add(1.0),
        c.max(-1),
        mx.linalg.solve(x + 3 * mx.eye(4), x),
        mx.cumsum(mx.sort(x, axis=0), axis=1),
        mx.as_strided(x, (2, 2), (3, 1), 1),
        mx.random.normal((2,), key=mx.view(i[:2].astype(mx.uint32), mx.uint32)),
    ]


ARGUMENTS = (mx.arange(16.0).reshape(4, 4) / 7, mx.array([2, 0, 1]))
NAMED = {"w": mx.arange(24.0).reshape(4, 6) / 11}


@pytest.fixture
def good(tmp_path: Path) -> Path:
    file = tmp_path / "good"
    mx.export_function(file, function, *ARGUMENTS, **NAMED)
    return file


def parts(file: Path) -> tuple[dict[str, mx.array], Any]:
    tensors, metadata = _files.load_safetensors(file)
    return tensors, json.loads(metadata["ingot.function"])


def written(file: Path, tensors: dict[str, mx.array], text: str) -> Path:
    data = _files.safetensors_bytes(tensors, {"ingot.function": text}, "test")
    file.write_bytes(data)
    return file


def attempt(file: Path) -> bool:
    """Imports and runs it; whether it was refused, as it must be if it is wrong."""
    try:
        f = mx.import_function(file)
    except BAD as error:
        assert file.name in str(error)
        return True
    with contextlib.suppress(ValueError, IndexError, MemoryError):
        mx.eval(f(*ARGUMENTS, **NAMED))
    return False


def test_truncated_files(good: Path, tmp_path: Path) -> None:
    data = good.read_bytes()
    file = tmp_path / "cut"
    for length in (0, 1, 7, 8, 9, 100, len(data) // 2, len(data) - 1):
        file.write_bytes(data[:length])
        with pytest.raises(ValueError, match="cut must be a whole function"):
            mx.import_function(file)


def test_mutated_files(good: Path, tmp_path: Path) -> None:
    """Random damage is refused or changes values; it never crashes or hangs."""
    dice = random.Random(9)
    data = good.read_bytes()
    file = tmp_path / "bad"
    refused = 0
    for _ in range(1000):
        damaged = bytearray(data)
        for _ in range(dice.randint(1, 3)):
            damaged[dice.randrange(len(data))] = dice.choice(b'0129-.,"[]{}x\x00\xff')
        file.write_bytes(damaged)
        refused += attempt(file)
    assert refused > 300


def numbers_in(tree: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """The places in a tree of JSON, as containers and keys."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in items:
        found.append((tree, key))
        if isinstance(value, (dict, list)):
            numbers_in(value, found)
    return found


def test_mutated_documents(good: Path, tmp_path: Path) -> None:
    """The same of what JSON holds, one or two values at a time."""
    dice = random.Random(7)
    tensors, document = parts(good)
    text = json.dumps(document)
    strange = [0, 1, 2, 3, -1, -2, 7, 100, 2**31, 2**53, -(2**53), 2**63 - 1, 2**64]
    strange += [0.5, float("nan"), 1e300, "", "exp", "gpu", "int32", "float64", None]
    strange += [True, [], [0], [1, 1], [-1], [4, 4], [2**31, 2**31], {}, {"a": 1}]
    refused = 0
    for _ in range(1000):
        damaged = json.loads(text)
        for _ in range(dice.randint(1, 2)):
            container, key = dice.choice(numbers_in(damaged, []))
            if isinstance(container, list) and dice.random() < 0.2:
                container.insert(key, dice.choice(strange))
            else:
                container[key] = dice.choice(strange)
        refused += attempt(written(tmp_path / "bad", tensors, json.dumps(damaged)))
    assert refused > 800


def changed(good: Path, change: Callable[[Any], Any]) -> Path:
    tensors, document = parts(good)
    document = change(document) or document
    return written(good.with_name("changed"), tensors, json.dumps(document))


def operation(document: Any, name: str) -> Any:
    """A line of the document: [name, fields, operands, outputs, device]."""
    lines = document["signatures"][0]["operations"]
    return next(line for line in lines if line[0] == name)


CHANGES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "version": (lambda d: d.update(version=2), "version must be 1, got 2"),
    "kind": (lambda d: [1], "must be a whole function"),
    "shapeless": (lambda d: d.update(shapeless=1), "shapeless must be a bool"),
    "metadata": (lambda d: d.update(metadata=1), "metadata must be a string"),
    "arguments": (
        lambda d: d["signatures"][0].update(positional=1),
        "an input for each",
    ),
    "names": (lambda d: d["signatures"][0].update(names=[1]), "names must be strings"),
    "constants": (lambda d: d["signatures"][0].update(constants=["99"]), "99"),
    "outputs": (lambda d: d["signatures"][0].update(results=[-1]), "got -1"),
    "inputs": (lambda d: d["signatures"][0]["inputs"][0].__setitem__(0, [4, -4]), "-4"),
    "a size": (
        lambda d: d["signatures"][0]["inputs"][0].__setitem__(0, [2**31, 2**31]),
        "2^63 bytes",
    ),
    "a name": (
        lambda d: operation(d, "softmax").__setitem__(0, "os.system"),
        "no such",
    ),
    "a field": (lambda d: operation(d, "softmax")[1].append(1), "must be 0 fields"),
    "a kind": (lambda d: operation(d, "transpose")[1].__setitem__(0, "x"), "a list of"),
    "an axis": (
        lambda d: operation(d, "transpose")[1].__setitem__(0, [0, 7]),
        "transpose",
    ),
    "a count": (
        lambda d: operation(d, "softmax")[2].append(0),
        "must be 1 inputs, got 2",
    ),
    "a cycle": (
        lambda d: operation(d, "softmax").__setitem__(2, [40]),
        "values must be among",
    ),
    "below 0": (lambda d: operation(d, "softmax").__setitem__(2, [-1]), "got -1"),
    "a shape": (
        lambda d: operation(d, "softmax")[3][0].__setitem__(0, [4, 7]),
        "got float32 of",
    ),
    "a dtype": (
        lambda d: operation(d, "softmax")[3][0].__setitem__(1, "int8"),
        "got int8 of",
    ),
    "no dtype": (
        lambda d: operation(d, "softmax")[3][0].__setitem__(1, "q4"),
        "got q4",
    ),
    "an output": (lambda d: operation(d, "softmax")[3].clear(), "must be outputs"),
    "a device": (lambda d: operation(d, "softmax").__setitem__(4, "tpu"), "cpu or gpu"),
    "bounds": (lambda d: operation(d, "slice")[1].__setitem__(0, [0, 9]), "slice"),
    "reach": (lambda d: operation(d, "as_strided")[1].__setitem__(1, 13), "as_strided"),
    "a reshape": (
        lambda d: operation(d, "reshape")[3][0].__setitem__(0, [5]),
        "reshape",
    ),
    "a memory": (
        lambda d: operation(d, "full")[3][0].__setitem__(0, [2**40, 2**40]),
        "full",
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_false_documents(what: str, good: Path) -> None:
    change, match = CHANGES[what]
    with pytest.raises(ValueError, match="changed must be a whole function") as caught:
        mx.import_function(changed(good, change))
    assert match in str(caught.value)


def test_exchanged_rows_are_checked(tmp_path: Path) -> None:
    """What LU gives is a constant of the file here, and so may be anything."""
    a = mx.arange(9.0).reshape(3, 3) + mx.eye(3)
    mx.export_function(
        tmp_path / "good", lambda b: mx.linalg.solve(a, b), mx.ones((3, 1))
    )
    tensors, document = parts(tmp_path / "good")
    [name] = [k for k, x in tensors.items() if x.dtype == mx.uint32 and x.shape == (3,)]
    tensors[name] = mx.array([1, 2**31, 2], mx.uint32)
    file = written(tmp_path / "bad", tensors, json.dumps(document))
    with pytest.raises(ValueError, match="exchanged rows must be among the 3 of a"):
        mx.eval(mx.import_function(file)(mx.ones((3, 1))))


def test_deep_and_wide_documents(good: Path) -> None:
    tensors, _ = parts(good)
    for text in (
        "[" * 100_000,
        '{"version": 1' + "0" * 5000 + "}",
        '{"version": 1}',
        "null",
    ):
        file = written(good.with_name("changed"), tensors, text)
        with pytest.raises(ValueError, match="changed must be a whole function"):
            mx.import_function(file)


def test_other_files(tmp_path: Path) -> None:
    mx.save_safetensors(tmp_path / "x.safetensors", {"x": mx.ones(2)})
    with pytest.raises(ValueError, match=r"x\.safetensors must be a whole function"):
        mx.import_function(tmp_path / "x.safetensors")
    with pytest.raises(FileNotFoundError):
        mx.import_function(tmp_path / "none")
    with pytest.raises(TypeError, match="file must be a path"):
        mx.import_function(3)
