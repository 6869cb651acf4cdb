"""Docstrings: every public name has one, every argument is explained, examples run."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ingot
import ingot.core as mx
import pytest
from ingot import _core, nn, optimizers, utils

STUBS = Path(ingot.__file__).parent / "_core"
Function = ast.FunctionDef


def functions(stub: Path) -> Iterator[tuple[str, Function]]:
    """Functions and methods of a stub of the extension, with dotted names."""
    for node in ast.parse(stub.read_text(encoding="utf-8")).body:
        if isinstance(node, Function):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            assert node.name.startswith("_") or ast.get_docstring(node), node.name
            for item in node.body:
                if isinstance(item, Function) and not node.name.startswith("_"):
                    yield f"{node.name}.{item.name}", item


EXTENSION = [
    pytest.param(node, id=f"{stub.stem}.{name}")
    for stub in sorted(STUBS.glob("*.pyi"))
    for name, node in functions(stub)
    if not node.name.startswith("_")
]


@pytest.mark.parametrize("node", EXTENSION)
def test_extension_explains_its_arguments(node: Function) -> None:
    text = ast.get_docstring(node) or ""
    if any("overload" in ast.unparse(d) for d in node.decorator_list) and not text:
        return  # the last one speaks for all
    assert re.match(r".+\.(\n\n|$)", text), "the first line must be a summary"
    arguments = [*node.args.args, *node.args.kwonlyargs]
    names = [a.arg for a in arguments if a.arg != "self"]
    if "See ingot.core." not in text and "self" not in [a.arg for a in arguments]:
        assert [n for n in names if f"    {n}: " not in text] == []


PYTHON = {
    f"{module.__name__}.{name}": getattr(module, name)
    for module in (
        *(mx, mx.distributed, nn, nn.init, nn.losses, nn.utils, optimizers, utils),
    )
    for name in module.__all__
    if inspect.isfunction(getattr(module, name))
    or inspect.isclass(getattr(module, name))
}


@pytest.mark.parametrize("name", PYTHON)
def test_python_explains_its_arguments(name: str) -> None:
    value = PYTHON[name]
    text = inspect.getdoc(value) or ""
    assert re.match(r".+\.(\n\n|$)", text), "the first line must be a summary"
    if type(value).__module__ == "nanobind" or value.__module__ == "ingot._core":
        return
    if inspect.isclass(value) and "__init__" not in vars(value):
        return
    names = [n for n in inspect.signature(value).parameters if n != "self"]
    assert [n for n in names if not re.search(rf"\b{n}\b", text)] == []


def modules() -> list[Any]:
    names = [m.name for m in pkgutil.walk_packages(ingot.__path__, "ingot.")]
    return [
        importlib.import_module(name)
        for name in sorted(names)
        # Contenders import the libraries that they measure.
        if not name.startswith(("ingot._core", "ingot.__main__", "ingot.bench.cont"))
    ]


def examples() -> Iterator[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    for module in [ingot, *modules()]:
        yield from (t for t in finder.find(module, globs={}) if t.examples)
    # doctest does not know the functions and classes of an extension.
    parser = doctest.DocTestParser()
    parts = [
        getattr(_core, name) for name in ("array", "fast", "fft", "linalg", "random")
    ]
    for owner in (_core, *parts):
        for name, value in vars(owner).items():
            text = getattr(value, "__doc__", None) or ""
            if ">>> " in text:
                label = f"{owner.__name__}.{name}"
                yield parser.get_doctest(inspect.cleandoc(text), {}, label, None, 0)


@pytest.mark.parametrize("example", list(examples()), ids=lambda e: e.name)
def test_examples_run(
    example: doctest.DocTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if example.name.endswith("save_gguf"):
        pytest.importorskip("gguf", reason="GGUF: the package gguf is not installed")
    monkeypatch.chdir(tmp_path)
    report: list[str] = []
    runner = doctest.DocTestRunner(
        optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    )
    runner.run(example, out=report.append)
    assert not runner.failures, "".join(report)
