"""Builds and runs arm64 code on a machine that has none: zig compiles, qemu runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "arm64"
QEMU = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
DISASSEMBLER = shutil.which("llvm-objdump-19") or shutil.which("llvm-objdump")
# Static, so that qemu needs no libraries of that system; and the wheel's own target.
LINUX, MACOS = "aarch64-linux-musl", "aarch64-macos.14.0"
COMMON = ["-std=c++20", "-mcpu=apple_m1", "-DNDEBUG", "-ffp-contract=off", f"-I{ROOT}"]
# As CMakeLists.txt has them.
CORE = ["-O2"]
KERNEL = ["-O3", "-fno-math-errno", "-fno-trapping-math", "-DINGOT_SIMD=neon"]
KERNEL += ["-Wno-pass-failed"]
# Replaced by what tests/macos/core.cpp has.
LEFT_OUT = {"attention.cpp", "conv.cpp", "conv_weight.cpp", "eigen.cpp"}
LEFT_OUT |= {
    "factorize.cpp",
    "fft.cpp",
    "gather_matmul.cpp",
    "linalg.cpp",
    "matmul.cpp",
}
LEFT_OUT |= {"quantized_matmul.cpp", "segmented_matmul.cpp"}


def find_zig() -> list[str] | None:
    """The command of zig: of this Python, of the wheel's build, or on the path."""
    for python in (Path(sys.executable), ROOT / "build/macos-venv/bin/python"):
        command = [str(python), "-m", "ziglang"]
        if (
            python.exists()
            and not subprocess.run(
                [*command, "version"], capture_output=True, check=False
            ).returncode
        ):
            return command
    zig = shutil.which("zig")
    return [zig] if zig else None


ZIG = find_zig()


def zig(*arguments: str | Path) -> None:
    command = [*(ZIG or []), "c++", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]


def compile_object(source: Path, target: str, flags: list[str]) -> Path:
    """An object file, made again where it is older than any source."""
    name = "_".join(source.relative_to(ROOT).with_suffix(".o").parts)
    out = BUILD / target / name
    if not out.exists() or out.stat().st_mtime < newest_source():
        out.parent.mkdir(parents=True, exist_ok=True)
        zig("-target", target, *COMMON, *flags, "-c", source, "-o", out)
    return out


def newest_source() -> float:
    folders = [ROOT / "csrc", ROOT / "metal", ROOT / "tests" / "macos"]
    paths = [path for folder in folders for path in folder.rglob("*.*")]
    return max(p.stat().st_mtime for p in paths if p.suffix in (".h", ".cpp", ".def"))


def kernel(name: str, target: str = MACOS) -> Path:
    """The object of one file of csrc/cpu/kernels."""
    return compile_object(ROOT / f"csrc/cpu/kernels/{name}.cpp", target, KERNEL)


def core_program() -> Path:
    """tests/macos/core.cpp with the graph, the operations and the CPU backend."""
    csrc = ROOT / "csrc"
    sources = [*csrc.glob("*.cpp"), *csrc.glob("ops/*.cpp"), *csrc.glob("cpu/*.cpp")]
    sources = [s for s in sources if s.parent.name != "cpu" or s.name not in LEFT_OUT]
    sources.append(ROOT / "tests/macos/core.cpp")
    objects = [compile_object(source, LINUX, CORE) for source in sorted(sources)]
    objects += [kernel(s.stem, LINUX) for s in sorted(csrc.glob("cpu/kernels/*.cpp"))]
    program = BUILD / "core"
    zig("-target", LINUX, "-static", *objects, "-o", program)
    return program


def run(program: Path, timeout: int = 600) -> bytes:
    """What a program for arm64 Linux prints."""
    command = [QEMU or "", "-cpu", "max", str(program)]
    environment = {**os.environ, "INGOT_NUM_THREADS": "2"}
    done = subprocess.run(
        command, capture_output=True, check=False, env=environment, timeout=timeout
    )
    output = done.stdout[-2000:] + done.stderr[-2000:]
    assert done.returncode == 0, output.decode(errors="replace")
    return done.stdout


def functions(object_file: Path) -> dict[str, list[tuple[int, str]]]:
    """Address and text of each instruction, by the function's readable name."""
    command = [DISASSEMBLER or "", "-d", "--no-show-raw-insn", "--demangle"]
    done = subprocess.run(
        [*command, str(object_file)], capture_output=True, text=True, check=True
    )
    found = {}
    for match in re.finditer(r"^[0-9a-f]+ <(.*)>:\n((?:.+\n)*)", done.stdout, re.M):
        lines = (line.split(":", 1) for line in match[2].splitlines() if ":" in line)
        found[match[1]] = [(int(at, 16), text.strip()) for at, text in lines]
    return found


def loops(code: list[tuple[int, str]]) -> list[list[str]]:
    """The innermost loops: from a backward branch's target to the branch."""
    index = {at: i for i, (at, _) in enumerate(code)}
    spans = []
    for i, (at, text) in enumerate(code):
        branch = re.match(r"(?:b|b\.\w+|cbn?z|tbn?z)\s.*?0x([0-9a-f]+)", text)
        if branch and int(branch[1], 16) <= at and int(branch[1], 16) in index:
            spans.append((index[int(branch[1], 16)], i))
    inner = [
        (start, end)
        for start, end in spans
        if not any(s >= start and e <= end and (s, e) != (start, end) for s, e in spans)
    ]
    return [[text for _, text in code[start : end + 1]] for start, end in inner]
