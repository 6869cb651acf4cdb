"""The package as installed: versions, types, import, instruction sets."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import ingot
import ingot.core as mx
import pytest
from ingot import _core

SAMPLE = Path(__file__).parent / "typed_sample.py"


def run(*command: str, **environment: str) -> str:
    """The output of a Python command that must succeed."""
    result = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=300,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_the_version_is_that_of_the_distribution():
    assert ingot.__version__ == importlib.metadata.version("ingot")


def test_python_m_ingot_says_what_it_runs_on():
    text = run("-m", "ingot")
    for word in (ingot.__version__, "SIMD level", "BLAS", "threads"):
        assert word in text
    assert str(mx.default_device()) in text


def test_import_loads_no_numpy():
    code = "import sys, ingot.core, ingot.nn, ingot.optimizers; "
    code += "print('numpy' in sys.modules)"
    assert run("-c", code).strip() == "False"


def test_the_sample_program_trains_and_passes_strict_types():
    run(str(SAMPLE))
    pytest.importorskip("mypy", reason="types: mypy is not installed")
    run("-m", "mypy", "--strict", "--no-incremental", str(SAMPLE))


def test_stubs_and_marker_are_installed():
    package = Path(ingot.__file__).parent
    assert (package / "py.typed").exists()
    stub = (package / "_core" / "__init__.pyi").read_text()
    assert "def matmul(" in stub
    assert "class array:" in stub


def test_every_public_name_has_a_docstring():
    missing = [
        name
        for name in mx.__all__
        if callable(getattr(mx, name)) and not getattr(mx, name).__doc__
    ]
    assert not missing


@pytest.mark.skipif(
    _core._simd_level() != "avx512", reason="levels: this machine has only one"
)
def test_instruction_sets_give_the_same_bits():
    code = """
import hashlib, ingot.core as mx, numpy as np
from ingot import _core
mx.random.seed(1)
x = mx.random.normal((100_003,))
digest = hashlib.sha256()
for name, kind in _core.elementwise_ops():
    if kind in ("floating", "numeric", "rounding"):
        f = getattr(_core, name)
        two = ("divide", "logaddexp", "arctan2", "hypot", "copysign")
        y = f(x, x[::-1]) if name in two else f(x)
        digest.update(np.array(y).tobytes())
print(digest.hexdigest())
"""
    assert run("-c", code, INGOT_SIMD="avx2") == run("-c", code)
