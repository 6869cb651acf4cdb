"""Builds the wheel for macOS on arm64 from Linux, into dist/.

    python cmake/macos/build_wheel.py [--out DIR]

Run it with a Python that has this very source of ingot installed: a Mach-O file can't
be imported here, so the type stubs are those of the Linux build. PYTHON_ABI3 may name
a Python 3.12 or newer, whose wheel serves all that follow. Needs Debian's lld-19.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PLATFORM = "macosx-14.0-arm64"
# Prints the version where an interpreter works, is CPython and has a GIL.
PROBE = (
    "import sys, sysconfig; assert not sysconfig.get_config_var('Py_GIL_DISABLED');"
    "print(sys.implementation.name, *sys.version_info[:2])"
)


def version_of(python: str) -> tuple[int, int]:
    """Major and minor version, or (0, 0) where it is of no use."""
    try:
        done = subprocess.run(
            [python, "-c", PROBE], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return (0, 0)
    name, major, minor = done.stdout.split()
    return (int(major), int(minor)) if name == "cpython" else (0, 0)


def find_python() -> str:
    """A Python for the stable ABI, or else this one."""
    if wished := os.environ.get("PYTHON_ABI3"):
        if version_of(wished) < (3, 12):
            sys.exit(f"PYTHON_ABI3: must be CPython 3.12 or newer, got {wished}")
        return wished
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for name in ("python3.12", "python3.13", "python3.14"):
        paths = sorted(pyenv.glob(f"{name.removeprefix('python')}.*/bin/python"))
        for candidate in [name, *map(str, paths)]:
            if version_of(candidate) >= (3, 12):
                return candidate
    major, minor = version_of(sys.executable)
    print(
        f"No Python 3.12 or newer was found: this wheel is for {major}.{minor} alone."
        " Name one in PYTHON_ABI3 to get the wheel for all that follow 3.12."
    )
    return sys.executable


def environment(python: str) -> Path:
    """The folder of programs of a virtual environment with all that builds wheels."""
    folder = ROOT / "build" / "macos-venv"
    wanted = f"{version_of(python)}\n{(HERE / 'requirements.txt').read_text()}"
    done = folder / "installed.txt"
    if not done.exists() or done.read_text() != wanted:
        subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
        install = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet"]
        install += ["--disable-pip-version-check", "-r", str(HERE / "requirements.txt")]
        subprocess.run(install, check=True)
        done.write_text(wanted)
    return folder / "bin"


def stubs_folder() -> Path:
    """The installed package, whose stubs the Linux build made."""
    spec = importlib.util.find_spec("ingot")
    if spec is None or spec.origin is None:
        sys.exit(f"stubs: ingot must be installed for {sys.executable}, found none")
    folder = Path(spec.origin).parent / "_core"
    if not (folder / "__init__.pyi").exists():
        sys.exit(f"stubs: the installed ingot must have type stubs, none in {folder}")
    return folder


def build(programs: Path, version: tuple[int, int], out: Path) -> None:
    variables = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "CMAKE_TOOLCHAIN_FILE": str(HERE / "toolchain.cmake"),
        # From these two the tag and the name of the extension are taken.
        "_PYTHON_HOST_PLATFORM": PLATFORM,
        "SETUPTOOLS_EXT_SUFFIX": f".cpython-{version[0]}{version[1]}-darwin.so",
    }
    command = [str(programs / "python"), "-m", "build", "--wheel", "--no-isolation"]
    # BLAS is the system's there: the package that Linux takes it from isn't needed.
    command += ["--skip-dependency-check", "--outdir", str(out)]
    command += [f"-Ccmake.define.INGOT_STUBS={stubs_folder()}"]
    subprocess.run([*command, str(ROOT)], env=variables, cwd=ROOT, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    out = parser.parse_args().out.resolve()
    linker = os.environ.get("LD64_LLD", "ld64.lld-19")
    if shutil.which(linker) is None:
        sys.exit(f"linker: {linker} must be on the path; apt-get install lld-19")
    python = find_python()
    programs = environment(python)
    for old in out.glob("ingot-*-macosx_*_arm64.whl"):
        old.unlink()
    build(programs, version_of(python), out)
    (wheel,) = out.glob("ingot-*-macosx_*_arm64.whl")
    print(f"{wheel}: {wheel.stat().st_size / 2**20:.2f} MiB")


if __name__ == "__main__":
    main()
