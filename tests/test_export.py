"""Functions in files: signatures, constants, devices, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ingot.core as mx
import numpy as np
import pytest
from support import to_numpy

# What an error says that evaluates an array while it is recorded.
LOOKING = "must not be evaluated"


def same(a: mx.array, b: mx.array) -> bool:
    x, y = to_numpy(a), to_numpy(b)
    return x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()


def document_of(file: Path) -> Any:
    _, metadata = mx.load(file, format="safetensors", return_metadata=True)
    return json.loads(metadata["ingot.function"])


def test_transforms_of_an_imported_function(tmp_path: Path) -> None:
    """It is made of ordinary operations: derivatives, vmap and compile go through."""

    def f(x: mx.array, w: mx.array) -> mx.array:
        return (mx.tanh(mx.fast.layer_norm(x @ w, None, None, 1e-5)) ** 2).sum()

    x, w = mx.random.normal((3, 4)), mx.random.normal((4, 5))
    mx.export_function(tmp_path / "f", f, x, w)
    imported = mx.import_function(tmp_path / "f")

    def g(x: mx.array, w: mx.array) -> mx.array:
        return imported(x, w)[0]

    for a, b in zip(mx.grad(g, (0, 1))(x, w), mx.grad(f, (0, 1))(x, w), strict=True):
        assert same(a, b)
    assert same(mx.compile(g)(x, w), f(x, w))
    many = mx.stack([x, x + 1])
    got = mx.vmap(g, in_axes=(0, None))(many, w)
    assert np.allclose(got, [f(many[0], w).item(), f(many[1], w).item()], rtol=1e-5)
    mx.export_function(tmp_path / "g", mx.grad(g), x, w)
    assert same(mx.import_function(tmp_path / "g")(x, w)[0], mx.grad(f)(x, w))


def test_signatures(tmp_path: Path) -> None:
    """Several traces in one file: number, names, shapes and dtypes tell them apart."""
    file = tmp_path / "f"
    with mx.exporter(
        file, lambda *args, scale=1, **kwargs: sum(args) * scale
    ) as export:
        export(mx.array(1.0))
        export(mx.array(1.0), mx.array(2.0))
        export(mx.ones(3), mx.array(2.0))
        export(mx.array(1), scale=mx.array(2))
        assert not file.exists()
    f = mx.import_function(str(file))
    one, two = mx.array(1.0), mx.array(2.0)
    assert f(two)[0].item() == 2
    assert type(f(two)) is tuple
    assert f(one, two)[0].item() == 3
    assert f(mx.ones(3), two)[0].tolist() == [3, 3, 3]
    assert f(mx.array(3), scale=mx.array(5))[0].item() == 15
    # A tuple and a dict may stand for arguments.
    assert f((one, two))[0].item() == 3
    assert f([mx.array(3)], {"scale": mx.array(5)})[0].item() == 15
    assert f(mx.array(3), {"scale": mx.array(5)})[0].item() == 15
    for args, kwargs in (
        ((), {}),
        ((mx.array(1),), {}),
        ((mx.ones(2),), {}),
        ((one, two, one), {}),
        ((mx.array(1),), {"scales": mx.array(2)}),
    ):
        with pytest.raises(
            ValueError, match=r"import_function: arguments must be like"
        ):
            f(*args, **kwargs)
    with pytest.raises(
        ValueError, match=r"float32\[3\], float32\[\].*got \(float32\[2\]\)"
    ):
        f(mx.ones(2))
    for bad in (1.0, np.ones(3), None, [[one]]):
        with pytest.raises(
            TypeError, match="import_function: arguments must be arrays"
        ):
            f(bad)


def test_shapeless(tmp_path: Path) -> None:
    """Other sizes are taken, where no operation holds one."""
    file = tmp_path / "f"
    w, table = mx.random.normal((4, 3)), mx.random.normal((7, 4))

    def f(x: mx.array, i: mx.array) -> list[mx.array]:
        y = mx.softmax(x @ w + 1, axis=-1)
        return [
            y,
            y.sum(0),
            (y - y.mean(-1, keepdims=True)).T,
            mx.argmax(y, -1),
            table[i],
        ]

    mx.export_function(file, f, mx.ones((2, 4)), mx.array([1]), shapeless=True)
    imported = mx.import_function(file)
    for n in (1, 2, 5, 0):
        args = mx.random.normal((n, 4)), mx.arange(n + 2)
        for a, b in zip(imported(*args), f(*args), strict=True):
            assert same(a, b)
    with pytest.raises(ValueError, match=r"arguments must be like"):
        imported(mx.ones(4), mx.array([1]))
    with pytest.raises(ValueError, match=r"operation \d+, matmul"):
        imported(mx.ones((2, 3)), mx.array([1]))
    for g in (
        lambda x: x[1:],
        lambda x: x.reshape(4),
        lambda x: mx.broadcast_to(x, (3, 2, 2)),
    ):
        with pytest.raises(ValueError, match="which no shapeless function may"):
            mx.export_function(file, g, mx.ones((2, 2)), shapeless=True)
    assert same(
        imported(mx.ones((2, 4)), mx.array([1]))[0],
        f(mx.ones((2, 4)), mx.array([1]))[0],
    )


def test_metadata(tmp_path: Path) -> None:
    mx.export_function(tmp_path / "f", mx.exp, mx.array(1.0), metadata="wörds")
    f, words = mx.import_function(tmp_path / "f", return_metadata=True)
    assert words == "wörds"
    assert same(f(mx.array(1.0))[0], mx.exp(mx.array(1.0)))
    mx.export_function(tmp_path / "f", mx.exp, mx.array(1.0))
    assert mx.import_function(tmp_path / "f", return_metadata=True)[1] is None


def test_constants(tmp_path: Path) -> None:
    """Weights are in the file once; what is made of nothing is made again."""
    file = tmp_path / "f"
    w = mx.random.normal((100, 100))
    with mx.exporter(file, lambda x: x @ w + w[0] + mx.zeros(100)) as export:
        export(mx.ones((1, 100)))
        export(mx.ones((2, 100)))
    assert 40_000 < file.stat().st_size < 50_000
    assert len(mx.load(file, format="safetensors")) == 2
    y = mx.import_function(file)(mx.ones((1, 100)))[0]
    assert same(y, mx.ones((1, 100)) @ w + w[0] + mx.zeros(100))


def test_random_numbers(tmp_path: Path) -> None:
    """As in compile: without a key they are constants, with one they follow it."""
    mx.export_function(tmp_path / "f", lambda: mx.random.uniform(shape=(3,)))
    f = mx.import_function(tmp_path / "f")
    assert same(f()[0], f()[0])
    mx.export_function(
        tmp_path / "f", lambda k: mx.random.uniform(shape=(3,), key=k), mx.random.key(1)
    )
    f = mx.import_function(tmp_path / "f")
    for seed in (1, 2):
        assert same(
            f(mx.random.key(seed))[0],
            mx.random.uniform(shape=(3,), key=mx.random.key(seed)),
        )


def test_devices(tmp_path: Path) -> None:
    """Operations run on the device that is current, unless they were put on one."""
    devices = [mx.cpu, mx.gpu] if mx.is_available(mx.gpu) else [mx.cpu]
    x = mx.random.normal((4, 8))

    def f(x: mx.array) -> list[mx.array]:
        y = mx.exp(x) * 2 + x[:, ::-1]
        return [y, mx.add(y, 1, stream=mx.cpu), y.sum(1)]

    for where in devices:
        with mx.stream(where):
            mx.export_function(tmp_path / "f", f, x)
        lines = document_of(tmp_path / "f")["signatures"][0]["operations"]
        assert [line[-1] for line in lines if line[-1]] == ["cpu"] * (where == mx.gpu)
        for there in devices:
            with mx.stream(there):
                for a, b in zip(
                    mx.import_function(tmp_path / "f")(x), f(x), strict=True
                ):
                    assert same(a, b)


def test_what_cannot_be_exported(tmp_path: Path) -> None:
    """Errors name the operation; an older file stays, and no other is left."""
    file = tmp_path / "f"
    mx.export_function(file, mx.exp, mx.array(1.0))
    before = file.read_bytes()

    @mx.custom_function
    def custom(x: mx.array) -> mx.array:
        return x * 2

    custom.vjp(lambda primals, cotangents, outputs: cotangents)
    one = mx.array(1.0)
    with pytest.raises(
        ValueError, match=r"export_function: operation 2, custom_function"
    ):
        mx.export_function(file, custom, one)
    with pytest.raises(ValueError, match=LOOKING):
        mx.export_function(file, lambda x: x if x > 0 else -x, one)
    with pytest.raises(KeyError, match="mine"), mx.exporter(file, mx.exp) as export:
        export(one)
        raise KeyError("mine")
    for wrong in (lambda x: None, lambda x: 3, lambda x: {"a": x}, lambda x: [x, [x]]):
        with pytest.raises(TypeError, match="export_function: fun must return"):
            mx.export_function(file, wrong, one)
    for bad in (3, "x", None, np.ones(2), [[one]], {"a": 1}):
        with pytest.raises(TypeError, match="export_function: arguments must be"):
            mx.export_function(file, mx.exp, bad)
    with pytest.raises(TypeError, match="fun must be callable"):
        mx.export_function(file, 3, one)
    with pytest.raises(TypeError, match="file must be a path"):
        mx.export_function(print, mx.exp, one)
    with pytest.raises(TypeError, match="metadata must be a string"):
        mx.export_function(file, mx.exp, one, metadata=3)
    assert file.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["f"]
    with pytest.raises(OSError):
        mx.export_function(tmp_path / "no" / "f", mx.exp, one)


def test_an_exporter_has_each_signature_once_and_ends(tmp_path: Path) -> None:
    export = mx.exporter(tmp_path / "f", mx.exp)
    export(mx.array(1.0))
    with pytest.raises(
        ValueError, match=r"exporter: arguments must differ.*float32\[\]"
    ):
        export(mx.array(2.0))
    export.close()
    export.close()
    with pytest.raises(ValueError, match="exporter: it must be open"):
        export(mx.ones(2))
    assert len(document_of(tmp_path / "f")["signatures"]) == 1
