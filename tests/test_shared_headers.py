"""The headers shared by the CPU and Metal: C++14, accurate, self-contained."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Those of metal/msl/ are for kernels alone.
HEADERS = sorted(
    path for path in (ROOT / "metal").rglob("*.h") if path.parent.name != "msl"
)
COMPILER = shutil.which(os.environ.get("CXX", "g++")) or shutil.which("c++")
STRICT = ["-std=c++14", "-pedantic-errors", "-Wall", "-Wextra", "-Werror"]
# As the kernels are built, see CMakeLists.txt.
KERNEL = ["-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"]

# What the headers may take from Metal's library. Without double, and with Metal's own
# type names taken, as they are there.
METAL_STDLIB = """
#pragma once
#include <stdint.h>
#define half float
#define bfloat float
#define device
#define constant const
#define thread
#define threadgroup
#pragma GCC poison double
namespace metal {
inline float fabs(float x) { return __builtin_fabsf(x); }
inline float floor(float x) { return __builtin_floorf(x); }
inline float ceil(float x) { return __builtin_ceilf(x); }
inline float trunc(float x) { return __builtin_truncf(x); }
inline float rint(float x) { return __builtin_rintf(x); }
inline float fma(float x, float y, float z) { return __builtin_fmaf(x, y, z); }
// Wrong on purpose: shared code that calls these would differ between GPUs.
inline float sqrt(float) { return 0; }
inline float exp(float) { return 0; }
inline float max(float, float) { return 0; }
namespace precise {
inline float sqrt(float x) { return __builtin_sqrtf(x); }
}
template <class To, class From>
inline To as_type(From x) { return __builtin_bit_cast(To, x); }
}
"""
# The float functions, to compare with what the CPU computes.
METAL_PROGRAM = """
extern "C" int printf(const char*, ...);
static void show(float y) {  // whose NaN comes out of two is a compiler's choice
  printf("%08x\\n", y != y ? 0x7fc00000u : __builtin_bit_cast(unsigned, y));
}
int main() {
  for (unsigned i = 0; i < 4096; ++i) {
    float x = __builtin_bit_cast(float, i * 1048583u), y = float(i % 37) - 18.5f;
#define UNARY_floating(F) show(ingot::F::apply(x)), show(ingot::F::apply(y));
#define UNARY_rounding UNARY_floating
#define UNARY_numeric UNARY_floating
#define UNARY_test(F)
#define UNARY_logical(F)
#define UNARY_integer(F)
#define BINARY_arithmetic(F) show(ingot::F::apply(x, y));
#define BINARY_floating BINARY_arithmetic
#define BINARY_compare(F)
#define BINARY_logical(F)
#define BINARY_integer(F)
#define UNARY(name, F, kind, doc) UNARY_##kind(F)
#define BINARY(name, F, kind, doc) BINARY_##kind(F)
#include "csrc/ops.def"
  }
}
"""

needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C++ compiler")


def compile_source(source: Path, out: Path, *options: str) -> None:
    command = [COMPILER or "", *STRICT, *KERNEL, *options, str(source), "-o", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]


def run(program: Path) -> None:
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def include_all(folder: Path) -> Path:
    """A header that includes every shared header."""
    path = folder / "all_headers.h"
    path.write_text("".join(f'#include "{header}"\n' for header in HEADERS))
    return path


@needs_compiler
@pytest.mark.parametrize("options", [["-O2"], ["-O1", "-fsanitize=undefined"]])
def test_functors_and_random(tmp_path: Path, options: list[str]) -> None:
    """All headers together are C++14, and the functors hold at the edges."""
    trap = ["-fsanitize-undefined-trap-on-error"] if len(options) > 1 else []
    source = ROOT / "tests" / "cpp" / "shared_headers.cpp"
    everything = ["-include", str(include_all(tmp_path))]
    compile_source(source, tmp_path / "run", *options, *trap, *everything)
    run(tmp_path / "run")


@needs_compiler
def test_each_header_stands_alone(tmp_path: Path) -> None:
    """Each header includes what it uses, and leaves no symbol a linker could merge."""
    units = []
    for number, header in enumerate(HEADERS):
        unit = tmp_path / f"{number}.cpp"
        unit.write_text(f'#include "{header}"\n')
        compile_source(unit, tmp_path / f"{number}.o", "-c", "-O0")
        units.append(tmp_path / f"{number}.o")
    if nm := shutil.which("nm"):
        listing = subprocess.run([nm, *units], capture_output=True, text=True)
        assert not re.findall(r"^\S+ [WV] .*$", listing.stdout, re.MULTILINE)


@needs_compiler
@pytest.mark.parametrize("level", ["", "-march=native"])
def test_math_accuracy(tmp_path: Path, level: str) -> None:
    """Every function keeps its bound in ulp, with and without fma in hardware."""
    source = ROOT / "tests" / "cpp" / "math_accuracy.cpp"
    compile_source(source, tmp_path / "run", "-O2", *([level] if level else []))
    run(tmp_path / "run")


@needs_compiler
def test_metal_dialect(tmp_path: Path) -> None:
    """As Metal sees them, without double, the headers compile to the same bits."""
    (tmp_path / "metal_stdlib").write_text(METAL_STDLIB)
    (tmp_path / "main.cpp").write_text(METAL_PROGRAM)
    include = ["-O2", f"-I{ROOT}", "-include", str(include_all(tmp_path))]
    metal = ["-D__METAL_VERSION__=310", "-Wdouble-promotion", f"-I{tmp_path}"]
    outputs = []
    for name, options in (("cpu", []), ("metal", metal)):
        program = tmp_path / name
        compile_source(tmp_path / "main.cpp", program, *include, *options)
        outputs.append(
            subprocess.run([program], capture_output=True, check=True).stdout
        )
    assert len(outputs[0]) > 100_000
    assert outputs[0] == outputs[1]


def test_no_standard_library() -> None:
    """Nothing under metal/ names std:: or a C++ header: Metal has neither."""
    sources = sorted((ROOT / "metal").rglob("*.*[hl]"))
    assert sources
    for path in sources:
        text = re.sub(r"//.*", "", path.read_text())
        assert "std::" not in text, path
        allowed = {"stdint.h", "metal_stdlib"}
        assert set(re.findall(r"#include <(.*?)>", text)) <= allowed, path
