"""Compiles a Metal source to a shared library of kernels that runs on the CPU.

    python compile.py in.metal [-o out.so] [-I dir]... [--sanitize address,undefined]

Without -o it prints where in the cache the library lies. `-` reads standard input.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from lint import lint
from tokens import MetalError, Source
from translate import translate

HERE = Path(__file__).resolve().parent
ENGINE = HERE.parent / "engine"
# Found empty while pre-processing, so that the source alone is translated.
STANDARD_HEADERS = (
    "metal_atomic",
    "metal_common",
    "metal_compute",
    "metal_integer",
    "metal_math",
    "metal_matrix",
    "metal_numeric",
    "metal_relational",
    "metal_simdgroup",
    "metal_simdgroup_matrix",
    "metal_stdlib",
    "metal_type_traits",
    "metal_types",
)
DEFINES = ["-D__METAL_VERSION__=310", "-D__METAL__=1", "-D__METAL_MACOS__=1"]
WARNINGS = [
    "-Wall",
    "-Wno-unused-function",
    "-Wno-unused-const-variable",
    "-Wno-unused-variable",
    "-Wno-unknown-pragmas",
    "-Wno-gnu-line-marker",
]
# In Metal a struct may be made in every address space and copied from and to it.
STRUCT_NOTE = re.compile(
    r"candidate (constructor|function) \(the implicit (copy|move).*address space"
    r"|candidate constructor ignored: cannot be used to construct an object in address"
)
CONTRACT = {"off": "off", "on": "on", "fast": "fast-honor-pragmas"}


def find_compiler() -> str:
    """clang: the kernels need its vectors and address spaces."""
    wanted = os.environ.get("SOFTMETAL_CXX")
    for name in [wanted] if wanted else ["clang++-19", "clang++-20", "clang++"]:
        if path := shutil.which(name):
            return path
    raise MetalError(f"clang++: must be installed, got {wanted or 'none'}")


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True)


def preprocess(cxx: str, text: str, name: str, includes: list[str]) -> str:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for header in STANDARD_HEADERS:
            (folder / header).touch()
        path = folder / "source.metal"
        path.write_text(f'#line 1 "{name}"\n{text}')
        command = [cxx, "-E", "-xc++", "-std=c++14", "-nostdinc", *DEFINES]
        command += ["-I", str(Path(name).parent)] if Path(name).exists() else []
        command += [f"-I{include}" for include in includes]
        done = run([*command, "-I", scratch, str(path)])
        if done.returncode != 0:
            raise MetalError(done.stderr.replace(f"{scratch}/", ""))
        return done.stdout.replace(f"{scratch}/", "")


def machine_flags() -> list[str]:
    """A processor with FMA instructions, or contraction would not show."""
    return ["-march=x86-64-v3"] if platform.machine() in ("x86_64", "AMD64") else []


def common_flags() -> list[str]:
    flags = ["-nostdinc", "-xc++", *DEFINES, *WARNINGS]
    return [*flags, "-isystem", str(HERE / "include"), "-isystem", str(ENGINE)]


def check(cxx: str, unit: Path) -> None:
    """The strict pass: C++14, real address spaces, no double anywhere."""
    command = [cxx, "-fsyntax-only", "-std=c++14", "-pedantic-errors"]
    command += ["-DSOFTMETAL_STRICT=1", "-ferror-limit=0", "-fno-caret-diagnostics"]
    command += ["-Werror=double-promotion", *common_flags(), str(unit)]
    done = run(command)
    errors = diagnostics(done.stderr)
    if done.returncode != 0 and not errors:
        raise MetalError(done.stderr)
    if errors := [error for error in errors if not is_struct_elsewhere(error)]:
        raise MetalError("\n".join(errors))


def diagnostics(text: str) -> list[str]:
    """Each error with its notes, warnings left out."""
    found: list[str] = []
    inside = False
    for line in text.splitlines():
        if re.search(r": (fatal )?error: ", line):
            found.append(line)
            inside = True
        elif ": note: " in line and inside:
            found[-1] += "\n" + line
        else:
            inside = False
    return found


def is_struct_elsewhere(error: str) -> bool:
    """clang has no constructors for address spaces, and so no word in this."""
    return bool(STRUCT_NOTE.search(error))


def build(cxx: str, unit: Path, out: Path, options: argparse.Namespace) -> None:
    command = [cxx, "-std=c++17", *common_flags(), *machine_flags()]
    command += ["-O2", "-g1", "-fPIC", "-shared", "-fvisibility=hidden"]
    command += ["-fno-exceptions", "-fno-rtti", "-fno-math-errno"]
    command += ["-Werror=global-constructors", "-Wno-double-promotion"]
    # Halves round after every operation, as they do where they have registers.
    for kind in ("float16", "bfloat16"):
        command += ["-Xclang", f"-f{kind}-excess-precision=none"]
    if options.math == "fast":
        command += ["-ffast-math"]
    command += [f"-ffp-contract={CONTRACT[options.contract]}"]
    # For the runtime, which opens no library that was made in another way.
    text = f"--sanitize '{options.sanitize}' --contract {options.contract}"
    command += [f'-DSOFTMETAL_OPTIONS="{text}"']
    if options.sanitize:
        command += [f"-fsanitize={options.sanitize}"]
    if "undefined" in options.sanitize:
        command += ["-fno-sanitize-recover=undefined", "-fno-sanitize=function,vptr"]
    # The conversions of bfloat are in compiler-rt, and not in every libgcc.
    command += ["-nostdlib++", "-rtlib=compiler-rt", "-unwindlib=none", "-fuse-ld=lld"]
    done = run([*command, str(unit), "-o", str(out), "-lm"])
    if done.returncode != 0:
        raise MetalError(done.stderr)


def cache_key(cxx: str, text: str, options: argparse.Namespace) -> str:
    tool = [HERE, ENGINE / "abi.h"]
    files = sorted(p for t in tool for p in ([t] if t.is_file() else t.rglob("*")))
    digest = hashlib.sha256()
    for path in files:
        if path.is_file() and path.suffix != ".pyc":
            digest.update(path.read_bytes())
    status = Path(cxx).resolve().stat()
    for part in (cxx, status.st_size, status.st_mtime_ns, platform.machine(), text):
        digest.update(f"{part}\0".encode())
    digest.update(f"{options.sanitize} {options.contract} {options.math}".encode())
    return digest.hexdigest()[:32]


def cache_folder() -> Path:
    if folder := os.environ.get("SOFTMETAL_CACHE"):
        return Path(folder)
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "ingot" / "softmetal"


def compile_source(text: str, name: str, options: argparse.Namespace) -> Path:
    """The library's place in the cache, where it lies when this returns."""
    cxx = find_compiler()
    prepared = preprocess(cxx, text, name, options.include)
    library = cache_folder() / f"{cache_key(cxx, prepared, options)}.so"
    if library.exists():
        return library
    source = Source(prepared)
    if findings := lint(source):
        raise MetalError("\n".join(findings))
    library.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=library.parent) as scratch:
        unit, built = Path(scratch) / "kernels.cpp", Path(scratch) / "kernels.so"
        unit.write_text(translate(source, strict=True))
        check(cxx, unit)
        unit.write_text(translate(source, strict=False))
        build(cxx, unit, built, options)
        built.rename(library)
    return library


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source")
    parser.add_argument("-o", dest="out", type=Path)
    parser.add_argument("-I", dest="include", action="append", default=[])
    parser.add_argument("--sanitize", default="")
    parser.add_argument("--contract", choices=CONTRACT, default="off")
    parser.add_argument("--math", choices=("safe", "fast"), default="safe")
    options = parser.parse_args()
    try:
        if options.source == "-":
            text, name = sys.stdin.read(), "program_source"
        else:
            text, name = Path(options.source).read_text(), options.source
        library = compile_source(text, name, options)
    except MetalError as error:
        sys.exit(str(error))
    if options.out:
        shutil.copyfile(library, options.out)
    else:
        print(library)


if __name__ == "__main__":
    main()
