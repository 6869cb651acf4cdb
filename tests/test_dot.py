"""export_to_dot: the graph that has not been computed, as text for Graphviz."""

from __future__ import annotations

import io
import re
from pathlib import Path

import ingot.core as mx
import pytest


def dot(*outputs, **named):
    file = io.StringIO()
    mx.export_to_dot(file, *outputs, **named)
    return file.getvalue()


def edges(text):
    """Pairs of labels."""
    labels = dict(re.findall(r'^  (\w+) \[label="(.*?)(?:\\n.*)?"', text, re.M))
    pairs = re.findall(r"^  (\w+) -> (\w+);$", text, re.M)
    assert len(text.splitlines()) == len(labels) + len(pairs) + 2
    return {(labels[a], labels[b]) for a, b in pairs}


def test_names_letters_and_operations():
    x, y = mx.array([1.0]), mx.array([[2.0], [3.0]])
    z = mx.exp(x) + y
    text = dot(z, x=x, **{'the "sum"': z})
    assert text.startswith("digraph {\n") and text.endswith("}\n")
    assert r'[label="x\n(1,) float32"]' in text
    assert r'[label="the \"sum\"\n(2, 1) float32"]' in text
    assert {("x", "exp"), ("exp", "A")} <= edges(text.replace('\\"', ""))


def test_an_array_used_twice_and_several_outputs():
    x = mx.array(1.0)
    y = mx.sin(x)
    q, r = mx.linalg.qr(mx.ones((3, 2)))
    text = dot(y * y, y, q, y=y, q=q, r=r)
    assert text.count('label="sin"') == 1
    assert {("y", "multiply"), ("qr", "q"), ("qr", "r")} <= edges(text)


def test_what_is_computed_is_a_leaf():
    y = mx.sin(mx.array(1.0))
    z = mx.exp(y)
    mx.eval(y)
    assert edges(dot(z, y=y, z=z)) == {("y", "exp"), ("exp", "z")}
    mx.eval(z)
    assert dot(z, z=z) == 'digraph {\n  array0 [label="z\\n() float32"];\n}\n'


def test_a_deep_graph():
    x = mx.array(1.0)
    for _ in range(20_000):
        x = mx.sin(x)
    text = dot(x)
    assert text.count("shape=box") == 20_000
    assert "ACOG" in text  # the last letters


def test_nothing_is_computed():
    x = mx.full((1 << 20,), 2.0) + 1
    mx.reset_peak_memory()
    before = mx.get_peak_memory()
    dot(x)
    assert mx.get_peak_memory() - before < x.nbytes


def test_paths(tmp_path: Path):
    x = mx.sin(mx.array(1.0))
    for path in (tmp_path / "a.dot", str(tmp_path / "b.dot")):
        mx.export_to_dot(path, x)
        assert Path(path).read_text() == dot(x)


def test_errors(tmp_path: Path):
    x = mx.array(1.0)
    with pytest.raises(ValueError, match="at least one output"):
        mx.export_to_dot(io.StringIO(), x=x)
    for call in (
        lambda: mx.export_to_dot(io.StringIO(), 3),
        lambda: mx.export_to_dot(io.StringIO(), x, y=[x]),
        lambda: mx.export_to_dot(3, x),
    ):
        with pytest.raises(TypeError, match=r"export_to_dot: .* must be"):
            call()
    with pytest.raises(FileNotFoundError):
        mx.export_to_dot(tmp_path / "no" / "a.dot", x)
