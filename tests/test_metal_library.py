"""Kernels that the build has compiled, and those compiled when first used.

Needs the software Metal (`make test-metal`), built with its libraries of kernels.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import ingot.core as mx
import pytest
import usual_work
from ingot import _core
from metal_cases import NAME, run_python

TESTS = Path(__file__).parent
STATUS = mx.metal.device_info()["kernels"] if NAME else ""
needs_libraries = pytest.mark.skipif(
    NAME != "Software Metal" or STATUS == "compiled when first used",
    reason="metal: needs the software Metal with its libraries of kernels",
)

BITS = """
x = mx.sin(mx.arange(4000, dtype=mx.float32).reshape(40, 100))
w = x[0] * x.T[:, 1]
y = [mx.softmax(x @ x.T, axis=1), mx.fast.layer_norm(x, w, w, 1e-5), mx.var(x)]
y += [mx.tanh(x) - x.T.reshape(40, 100), mx.logsumexp(x, axis=0), mx.erf(x)]
mx.eval(y)
print([bytes(memoryview(z)).hex() for z in y])
print(sorted(set(mx.metal._kernels().values())), mx.metal.device_info()["kernels"])
"""


def test_the_list_is_sorted_and_names_sources():
    rows = usual_work.rows()
    assert rows and rows == sorted(set(rows))
    families = {path.stem for path in (usual_work.ROOT / "metal").glob("*.metal")}
    assert {row.split()[0] for row in rows} <= families


@needs_libraries
def test_usual_training_compiles_nothing_and_nothing_else_is_listed():
    assert STATUS == "precompiled"
    code = (
        "import usual_work as usual\n"
        "trained = usual.work([usual.training])\n"
        "print([row for row, built in trained.items() if not built])\n"
        "worked, rows = usual.work(usual.PARTS[1:]), usual.rows()\n"
        "print([row for row in rows if row not in worked])\n"
        "print([row for row, built in worked.items() if built != (row in rows)])"
    )
    assert run_python(code, PYTHONPATH=str(TESTS)) == "[]\n[]\n[]\n"


@needs_libraries
def test_what_the_libraries_lack_is_compiled():
    print_compiled = (
        "x = mx.array([1, -2, 1 << 30], mx.int64)\n"
        "assert mx.abs(x * x).tolist() == [1, 4, 1 << 60]\n"
        "for row, built in mx.metal._kernels().items(): print(row, built)"
    )
    assert run_python(print_compiled) == (
        "elementwise INGOT_KERNEL_3(binary_flat, Multiply, int64_t, int64_t) False\n"
        "elementwise INGOT_KERNEL_3(unary_flat, Abs, int64_t, int64_t) False\n"
    )


@needs_libraries
def test_kernels_have_the_same_bits_whenever_they_are_compiled():
    before, made = run_python(BITS).splitlines()
    assert made == "[True] precompiled"
    # A library made with another contraction is not opened.
    now, made = run_python(BITS, SOFTMETAL_CONTRACT="on").splitlines()
    assert made.startswith(
        "[False] compiled when first used: adafactor, attention, conv, copies, "
    )
    assert "--contract on, got" in made
    assert now == before


# The extension as if it lay in the folder named first.
ELSEWHERE = """
import importlib.util, sys
path = sys.argv[1]
spec = importlib.util.spec_from_file_location("ingot._core", path)
sys.modules["ingot._core"] = core = importlib.util.module_from_spec(spec)
spec.loader.exec_module(core)
import ingot.core as mx
from ingot.__main__ import main
assert mx.sum(mx.ones((100,)) + 1).item() == 200
assert mx.matmul(mx.ones((2, 3)), mx.ones((3, 2))).tolist() == [[3, 3], [3, 3]]
print(sorted(row.split()[0] for row, built in mx.metal._kernels().items() if not built))
main()
"""


@needs_libraries
def test_missing_libraries_are_made_up_for_and_reported(tmp_path):
    extension = Path(_core.__file__)
    for name in (extension.name, "_lib"):
        (tmp_path / name).symlink_to(extension.with_name(name))
    (tmp_path / "_kernels").mkdir()
    for library in extension.with_name("_kernels").iterdir():
        if library.stem not in ("matmul", "reduce"):
            (tmp_path / "_kernels" / library.name).symlink_to(library)
    (tmp_path / "_kernels" / "matmul.metallib").write_text("kernels" * 1000)
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(tmp_path / extension.name)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    compiled, *report = done.stdout.splitlines()
    assert compiled == "['matmul', 'reduce', 'reduce']"
    (line,) = (line for line in report if line.startswith("kernels"))
    assert "compiled when first used: matmul, reduce (" in line
    assert f"{tmp_path}/_kernels/matmul.metallib: invalid ELF header" in line
