"""The core on arm64: the same bits as here, under an emulator, and vector loops."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import arm64
import ingot.core as mx
import numpy as np
import pytest
from ingot import _core

ROWS, COLUMNS = 36, 541
SIZE = ROWS * COLUMNS
VECTOR = re.compile(r"\.(?:4s|2d)\b")
HALF = {"float16": np.uint16, "bfloat16": np.uint16}
SETTINGS = {
    "lr": 0.01,
    "eps": 0.01,
    "bias_correction": 1.0,
    "nesterov": 1.0,
    "step": 7.0,
}
# Kinds of elementwise ops by the operands that they are tried on.
FLOATS = {
    "UN": {"floating", "rounding", "test", "logical", "numeric"},
    "BIN": {"floating", "logical", "compare", "arithmetic"},
}
INTEGERS = {"UN": {"numeric", "integer"}, "BIN": {"compare", "arithmetic", "integer"}}

needs_zig = pytest.mark.skipif(
    arm64.ZIG is None, reason="arm64: zig is not installed (pip install ziglang)"
)
needs_qemu = pytest.mark.skipif(
    arm64.QEMU is None, reason="arm64: qemu-aarch64 is not installed"
)
needs_disassembler = pytest.mark.skipif(
    arm64.DISASSEMBLER is None, reason="arm64: llvm-objdump is not installed"
)


def bits(seed: int) -> mx.array:
    return mx.flatten(mx.random.split(mx.random.key(seed), SIZE // 2))


def any_floats(seed: int) -> mx.array:
    return bits(seed).view(mx.float32)


def normals(seed: int, dtype: mx.Dtype = mx.float32) -> mx.array:
    return mx.random.normal((SIZE,), dtype, key=mx.random.key(seed))


def random_results() -> Iterator[tuple[str, mx.array]]:
    key = mx.random.key(7)
    yield "random.uniform", mx.random.uniform(-1.0, 3.0, (SIZE,), key=key)
    for name in ("float32", "float16", "bfloat16"):
        yield f"random.normal.{name}", normals(7, getattr(mx, name))
    truncated = mx.random.truncated_normal(-2.0, 2.0, (SIZE,), key=key)
    yield "random.truncated", truncated
    yield "random.randint", mx.random.randint(-5, 1000, (SIZE,), key=key)
    yield "random.permutation", mx.random.permutation(SIZE, key=key)


def elementwise_results() -> Iterator[tuple[str, mx.array]]:
    operands = {
        "any": (any_floats(1), any_floats(2)),
        "normal": (normals(3), normals(4)),
        "int": (bits(1).view(mx.int32), bits(2).view(mx.int32)),
    }
    lines = (arm64.ROOT / "csrc" / "ops.def").read_text()
    for arity, name, kind in re.findall(
        r"^(UN|BIN)ARY\((\w+), \w+, (\w+)", lines, re.M
    ):
        for group, (a, b) in operands.items():
            takes = INTEGERS if group == "int" else FLOATS
            if kind in takes[arity]:
                inputs = (a,) if arity == "UN" else (a, b)
                yield (
                    f"{arity.lower()}ary.{group}.{name}",
                    getattr(_core, name)(*inputs),
                )


def cast_results() -> Iterator[tuple[str, mx.array]]:
    for name in ("bool_", "float16", "bfloat16", "float32", "float64", "complex64"):
        label = "bool" if name == "bool_" else name
        yield f"cast.{label}", any_floats(1).astype(getattr(mx, name))
    for sign in ("int", "uint"):
        for width in (8, 16, 32, 64):
            dtype = getattr(mx, f"{sign}{width}")
            yield f"cast.{sign}{width}", any_floats(1).astype(dtype)


def reduction_results() -> Iterator[tuple[str, mx.array]]:
    x = normals(5).reshape(ROWS, COLUMNS)
    for label, axis in (("rows", 1), ("columns", 0), ("all", None)):
        for name in REDUCTIONS:
            yield f"{name}.{label}", getattr(mx, name)(x, axis)
    yield "argmax.rows", mx.argmax(x, 1)
    yield "argmin.columns", mx.argmin(x, 0)
    yield "sort.rows", mx.sort(x)
    yield "layer_norm.rows", mx.fast.layer_norm(x, None, None, 1e-5)
    yield "rms_norm.rows", mx.fast.rms_norm(x, None, 1e-5)
    yield "norm.all", _core.global_norm([x, x])


def step_results() -> Iterator[tuple[str, mx.array]]:
    for rule, (slots, settings) in _core.rules().items():
        values = [SETTINGS.get(name, 0.875) for name in settings]
        for dtype in ("float32", "bfloat16"):
            parameters = [normals(8, getattr(mx, dtype))]
            gradients = [normals(9, getattr(mx, dtype))]
            states = [[mx.square(normals(10 + k))] for k in range(len(slots))]
            for _ in range(3):
                parameters, states = _core.step(
                    rule, parameters, gradients, states, values
                )
            for k, x in enumerate([parameters[0], *(slot[0] for slot in states)]):
                yield f"step.{dtype}.{rule}.{k}", x


def as_bits(data: bytes, dtype: str) -> np.ndarray:
    """Bits to compare; processors differ in which NaN an operation gives."""
    if dtype in HALF:
        words = np.frombuffer(data, np.uint16)
        top = 0x7C00 if dtype == "float16" else 0x7F80
        return np.where((words & 0x7FFF) > top, 0x7FFF, words)
    values = np.frombuffer(data, "float32" if dtype == "complex64" else dtype)
    if values.dtype.kind != "f":
        return values
    words = values.view(f"u{values.itemsize}")
    return np.where(np.isnan(values), ~words.dtype.type(0), words)


@pytest.fixture(scope="module")
def arm_results() -> dict[str, tuple[str, bytes]]:
    """Dtype and bytes of every result of the program for arm64, by name."""
    output = arm64.run(arm64.core_program())
    results, at = {}, 0
    while at < len(output):
        end = output.index(b"\n", at)
        name, dtype, count = output[at:end].decode().split()
        size = int(count) * (2 if dtype in HALF else np.dtype(dtype).itemsize)
        results[name] = (dtype, output[end + 1 : end + 1 + size])
        at = end + 1 + size
    return results


REDUCTIONS = ("sum", "prod", "max", "mean", "var", "softmax")
# The first words of the names of a group's results, and what makes them here.
GROUPS = {
    "random": ("random.", random_results),
    "elementwise": (("unary.", "binary."), elementwise_results),
    "cast": ("cast.", cast_results),
    "reduction": (
        (*REDUCTIONS, "arg", "sort", "norm", "layer_norm", "rms_norm"),
        reduction_results,
    ),
    "step": ("step.", step_results),
}


@needs_zig
@needs_qemu
@pytest.mark.parametrize("group", GROUPS)
def test_same_bits_as_here(
    group: str, arm_results: dict[str, tuple[str, bytes]]
) -> None:
    """Random numbers, elementwise ops, casts, reductions and steps."""
    prefixes, results = GROUPS[group]
    expected = {name for name in arm_results if name.startswith(prefixes)}
    assert expected
    for name, x in results():
        dtype, data = arm_results[name]
        there = as_bits(data, dtype)
        here = as_bits(np.array(mx.contiguous(x)).tobytes(), dtype)
        assert here.shape == there.shape, name
        wrong = np.flatnonzero(here != there)[:3]
        assert not wrong.size, (name, wrong, here[wrong], there[wrong])
        expected.remove(name)
    assert not expected


@needs_zig
@needs_qemu
@pytest.mark.parametrize("name", ["shared_headers", "math_accuracy"])
def test_cpp_programs(name: str, tmp_path: Path) -> None:
    """The tests of the shared headers hold on arm64."""
    # Those of metal/msl/ are for kernels alone.
    headers = sorted((arm64.ROOT / "metal").rglob("*.h"))
    headers = [path for path in headers if path.parent.name != "msl"]
    everything = tmp_path / "all_headers.h"
    everything.write_text("".join(f'#include "{header}"\n' for header in headers))
    flags = [
        "-target",
        arm64.LINUX,
        "-std=c++14",
        "-O2",
        "-ffp-contract=off",
        "-static",
    ]
    source = arm64.ROOT / "tests" / "cpp" / f"{name}.cpp"
    program = tmp_path / name
    arm64.zig(*flags, "-include", everything, source, "-o", program)
    arm64.run(program)


# Of float32, of bfloat16 with states in float32, of bfloat16 throughout.
STEPS = r"loop<ingot::\w+, float, (ingot::Bfloat16|float), (ingot::Bfloat16|float)>"


def kernels(file: str, pattern: str) -> dict[str, list[tuple[int, str]]]:
    """The code of the kernels of one file whose names match."""
    code = arm64.functions(arm64.kernel(file))
    return {name: code[name] for name in code if re.search(pattern, name)}


@needs_zig
@needs_disassembler
@pytest.mark.parametrize(
    ("file", "pattern", "number"),
    [
        ("step", STEPS, 3 * len(_core.rules())),
        ("unary", r"loop<ingot::(Exp|Log|Tanh|Erf|Sin|Sqrt), float, float>", 6),
        ("binary", r"loop<ingot::(Add|Multiply|Divide|Maximum), float, float>", 4),
        ("reduce", r"rows<.*::Sum, .*::Itself, float, double>", 1),
    ],
)
def test_hot_loops_are_vectors(file: str, pattern: str, number: int) -> None:
    """Each has an inner loop in which most instructions work on whole registers."""
    found = kernels(file, pattern)
    assert len(found) == number
    for name, code in found.items():
        vectors = [VECTOR.findall("\n".join(loop)) for loop in arm64.loops(code)]
        assert max(map(len, vectors)) >= 4, name


@needs_zig
@needs_disassembler
def test_steps_in_place_take_the_vector_loop() -> None:
    """No test for overlap, which would send steps in place to a scalar loop."""
    found = kernels("step", STEPS)
    assert found
    for name, code in found.items():
        first = next(i for i, (_, text) in enumerate(code) if VECTOR.search(text))
        between = [t for _, t in code[:first] if re.match(r"c?cmp\s+x\d+, x\d+", t)]
        assert not between, (name, between)
