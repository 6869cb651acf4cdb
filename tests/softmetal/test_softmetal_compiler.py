"""The kernel compiler of the software Metal: what it rejects, accepts and keeps."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

COMPILERS = ("clang++-19", "clang++-20", "clang++")
COMPILE = [sys.executable, str(Path(__file__).parent / "msl" / "compile.py")]

pytestmark = pytest.mark.skipif(
    not any(map(shutil.which, COMPILERS)), reason="clang++ is not installed"
)


def compile_text(text: str, tmp_path: Path, *options: str) -> str:
    """What it prints of a source; nothing where it has nothing to say."""
    source = tmp_path / "lint.metal"
    source.write_text(f"#include <metal_stdlib>\nusing namespace metal;\n{text}\n")
    command = [*COMPILE, str(source), "-o", str(tmp_path / "lint.so"), *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode != 0) == bool(done.stderr), done.stderr
    return done.stderr


KERNEL = """[[kernel]] void k(device float* x [[buffer(0)]],
                  uint i [[thread_position_in_grid]]) { %s }"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (KERNEL % "double y = 1; x[i] = y;", "must do without double"),
        (KERNEL % "x[i] = x[i] * 1.5;", "must have a suffix, got 1.5"),
        (KERNEL % "x[i] = 1e-8;", "must have a suffix, got 1e-8"),
        (KERNEL % "x[i] = *new float(1.0f);", "must do without dynamic memory"),
        (KERNEL % "goto end; end: x[i] = 1.0f;", "must do without goto"),
        (KERNEL % "try { x[i] = 1.0f; } catch (int) {}", "must do without exceptions"),
        (KERNEL % 'asm("nop");', "must do without inline assembly"),
        (KERNEL % "thread_local int y; x[i] = 1.0f;", "must do without thread_local"),
        (KERNEL % "static int calls = 0; x[i] = float(calls);", "no static variables"),
        (KERNEL % "long long y = 1; x[i] = float(y);", "must be long, got 'long long'"),
        (KERNEL % "auto f = [] { return 1.0f; }; x[i] = f();", "lambda expressions"),
        (KERNEL % "x[i] = std::sqrt(x[i]);", "must do without the C\\+\\+ library"),
        (KERNEL % "float* y = nullptr; x[i] = y[0];", "a pointer must have an address"),
        ("struct S { virtual void f(); };", "must do without virtual functions"),
        ("void f(float& x) { x = 1.0f; }", "a reference must have an address space"),
        ("struct S { int n; };\nvoid f(S* s) { s->n = 1; }", "a pointer must have"),
        # found by clang in the strict pass
        (KERNEL % "thread float* y = x; y[i] = 1.0f;", "cannot initialize a variable"),
        (KERNEL % "threadgroup float* y = x; y[i] = 1.0f;", "cannot initialize"),
        (KERNEL % "if constexpr (true) x[i] = 1.0f;", r"C\+\+17 extension"),
        (KERNEL % "x[i] = y;", "undeclared identifier 'y'"),
        (KERNEL % "x[i] = printf(1);", "undeclared identifier 'printf'"),
        ("[[kernel]] void k(device float* x) {}", "a parameter must have an attribute"),
    ],
)
def test_the_compiler_rejects(text, message, tmp_path):
    error = compile_text(text, tmp_path)
    assert re.search(rf"lint\.metal:\d+(:\d+)?: error: .*{message}", error), error


@pytest.mark.parametrize(
    "text",
    [
        # copies of structs from and to every address space
        """struct S { device float* x; uint n; };
        [[kernel]] void k(device S* s [[buffer(0)]], constant S& t [[buffer(1)]]) {
          threadgroup S shared;
          S a = s[0], b = t;
          shared = a; s[1] = b; s[2] = shared;
        }""",
        # a device and a threadgroup pointer in one template
        """template <class P> static float first(P p) { return p[0]; }
        kernel void k(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]])
        {
          threadgroup float y[4];
          y[i & 3] = x[0];
          x[0] = first(y) + first(x);
        }""",
        # namespaces, and both ways to name an instantiation
        """namespace a {
        template <class T, int n> kernel void k(device T* x [[buffer(0)]]) { x[0] = n; }
        }
        template [[host_name("one")]] [[kernel]]
        decltype(a::k<float, 1>) a::k<float, 1>;
        template [[host_name("two")]] kernel void a::k<int, 2>(device int*);""",
        # literals, types, constants, vectors of a dependent type
        """constant float table[2] = {1.0f, 2.0f};
        template <class T> static vec<T, 2> pair(T x) { return vec<T, 2>(x, x + 1.0h); }
        static_assert(is_same_v<conditional_t<true, half, int>, half>, "");
        static_assert(numeric_limits<short>::max() == 32767, "");
        [[kernel]] void k(device half2* x [[buffer(0)]]) {
          x[0] = pair(half(table[1])) * half2(half(INFINITY), 2.0h);
          x[1] = half2(numeric_limits<half>::lowest(), half(mulhi(7u, 1u << 31)));
        }""",
        # atomics in both memories
        """[[kernel]] void k(device atomic_uint* x [[buffer(0)]]) {
          threadgroup atomic<float> y;
          atomic_store_explicit(&y, 1.0f, memory_order_relaxed);
          uint old = atomic_load_explicit(x, memory_order_relaxed);
          while (!atomic_compare_exchange_weak_explicit(
              x, &old, old * 2, memory_order_relaxed, memory_order_relaxed)) {}
        }""",
    ],
    ids=["copies", "spaces", "instantiations", "literals", "atomics"],
)
def test_the_compiler_accepts(text, tmp_path):
    assert compile_text(text, tmp_path) == ""


def test_the_compiler_finds_headers(tmp_path):
    (tmp_path / "one.h").write_text("#define ONE 1.0f\n")
    text = '#include "one.h"\n' + KERNEL % "x[i] = ONE;"
    assert compile_text(text, tmp_path, "-I", str(tmp_path)) == ""


def test_results_are_cached(tmp_path):
    cache = tmp_path / "cache"
    source = tmp_path / "k.metal"
    source.write_text("#include <metal_stdlib>\n" + KERNEL % "x[i] = 1.0f;")

    def compiled(*options: str) -> str:
        environment = os.environ | {"SOFTMETAL_CACHE": str(cache)}
        command = [*COMPILE, str(source), *options]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, env=environment
        ).stdout.strip()

    first = compiled()
    made = Path(first).stat().st_mtime_ns
    assert compiled() == first and Path(first).stat().st_mtime_ns == made
    assert compiled("--contract", "fast") != first
    assert compiled("--math", "fast") != first
    source.write_text(source.read_text().replace("1.0f", "2.0f"))
    assert compiled() != first
    assert len(list(cache.iterdir())) == 4
