"""Checks the macOS wheel that was built on Linux, and prints what was checked.

    python tests/macos/check_wheel.py [WHEEL]

What only a Mac can tell is whether it loads and runs. Everything that can be read from
the file is compared here with what macOS 14 on arm64 accepts.
"""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import macho

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "cmake" / "macos"))
from symbols import read_symbols  # noqa: E402

# The Python that built the wheel: it has twine, abi3audit and pip.
TOOLS = ROOT / "build" / "macos-venv" / "bin" / "python"
NAME = re.compile(
    r"ingot-(?P<version>[^-]+)-(?P<python>cp\d+)-(?P<abi>abi3|cp\d+)-macosx_14_0_arm64"
    r"\.whl"
)
STUBS = {
    f"ingot/_core/{name}.pyi"
    for name in ("__init__", "fft", "linalg", "metal", "random")
}
# Platform, Python, and whether pip must take the stable-ABI wheel there.
TARGETS = [
    ("macosx_14_0_arm64", "3.12", True),
    ("macosx_15_0_arm64", "3.13", True),
    ("macosx_26_0_arm64", "3.14", True),
    ("macosx_13_0_arm64", "3.12", False),
    ("macosx_14_0_x86_64", "3.12", False),
    ("manylinux_2_28_aarch64", "3.12", False),
    ("macosx_14_0_arm64", "3.11", False),
]


class Wheel:
    """A wheel on disk with its extension read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.archive = zipfile.ZipFile(path)
        self.names = self.archive.namelist()
        extensions = [name for name in self.names if name.endswith(".so")]
        require(len(extensions) == 1, "extensions: must be one", extensions)
        (self.extension,) = extensions
        with tempfile.TemporaryDirectory() as folder:
            file = Path(self.archive.extract(self.extension, folder))
            self.macho = macho.read(file)

    @property
    def stable(self) -> bool:
        return "-abi3-" in self.path.name

    def text(self, suffix: str) -> str:
        (name,) = (name for name in self.names if name.endswith(suffix))
        return self.archive.read(name).decode()


def require(condition: bool, what: str, got: object) -> None:
    if not condition:
        raise AssertionError(f"{what}, got {got}")


def run_tool(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(TOOLS), "-m", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def check_name(wheel: Wheel) -> str:
    match = NAME.fullmatch(wheel.path.name)
    require(match is not None, f"name: must match {NAME.pattern}", wheel.path.name)
    tag = "-".join(wheel.path.stem.split("-")[2:])
    written = re.findall(r"^Tag: (.*)$", wheel.text(".dist-info/WHEEL"), re.MULTILINE)
    require(written == [tag], f"tag: WHEEL must say {tag}", written)
    if wheel.stable:
        expected = "ingot/_core.abi3.so"
        require(
            wheel.extension == expected, f"file: must be {expected}", wheel.extension
        )
    return tag


def check_record(wheel: Wheel) -> str:
    """Every file is listed with its hash."""
    listed = {}
    for line in wheel.text(".dist-info/RECORD").splitlines():
        name, digest, _ = line.rsplit(",", 2)
        listed[name] = digest
    require(set(listed) == set(wheel.names), "record: must list all", listed.keys())
    for name, digest in listed.items():
        if name.endswith("/RECORD"):
            continue
        raw = hashlib.sha256(wheel.archive.read(name)).digest()
        mine = "sha256=" + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        require(digest == mine, f"record: the hash of {name} must be {mine}", digest)
    return f"{len(listed)} files"


def check_contents(wheel: Wheel) -> str:
    wanted = STUBS | {"ingot/py.typed", "ingot/core/__init__.py"}
    missing = wanted - set(wheel.names)
    require(not missing, "contents: no file may be missing", sorted(missing))
    strange = [n for n in wheel.names if re.search(r"/_lib/|__pycache__|linux|\.c$", n)]
    require(not strange, "contents: nothing of a Linux build may be in", strange)
    stub = wheel.text("_core/__init__.pyi")
    require("class array:" in stub, "stubs: must describe array", stub[:80])
    licence = wheel.text("/licenses/pocketfft/LICENSE.txt")
    require("Max-Planck" in licence, "licence: must be pocketfft's", licence[:80])
    return f"{len(STUBS)} stubs, py.typed and a licence"


def check_format(wheel: Wheel) -> str:
    file = wheel.macho
    require(file.cpu == macho.ARM64, "processor: must be arm64", hex(file.cpu))
    require(file.file_type == macho.BUNDLE, "type: must be a bundle", file.file_type)
    require(file.minimum_os == (14, 0), "minimum OS: must be 14.0", file.minimum_os)
    # Without it no C++ exception can be caught.
    wanted = "__TEXT,__unwind_info"
    require(wanted in file.sections, f"sections: must have {wanted}", file.sections)
    return "arm64 bundle for macOS 14.0"


def check_signature(wheel: Wheel) -> str:
    """The kernel kills a process that loads a page with another hash."""
    signature = wheel.macho.signature
    if signature is None:
        raise AssertionError("signature: there must be one, got none")
    require(
        bool(signature.flags & macho.ADHOC),
        "signature: must be ad hoc",
        hex(signature.flags),
    )
    require(signature.covers_file, "signature: must cover the file", signature)
    require(not signature.wrong_pages, "pages: hashes must hold", signature.wrong_pages)
    return f"ad hoc, {signature.pages} pages"


def check_exports(wheel: Wheel) -> str:
    exports = wheel.macho.exports
    require(exports == ["_PyInit__core"], "exports: must be _PyInit__core", exports)
    return exports[0]


def check_libraries(wheel: Wheel) -> str:
    known = {library.path: name for name, library in read_symbols().items()}
    strange = set(wheel.macho.libraries) - set(known)
    require(not strange, "libraries: must be the system's", sorted(strange))
    return ", ".join(known[path] for path in wheel.macho.libraries)


def check_imports(wheel: Wheel) -> str:
    allowed = {library.path: library.symbols for library in read_symbols().values()}
    python = [i.name for i in wheel.macho.imports if i.library is None]
    strange = [name for name in python if not name.startswith(("_Py", "__Py"))]
    strange += [
        f"{i.name} of {i.library}"
        for i in wheel.macho.imports
        if i.library is not None and i.name not in allowed.get(i.library, set())
    ]
    require(not strange, "imports: must be in cmake/macos/symbols.txt", strange)
    system = len(wheel.macho.imports) - len(python)
    return f"{system} of the system, {len(python)} of Python"


def check_stable_abi(wheel: Wheel) -> str:
    if not wheel.stable:
        return "not a stable-ABI wheel: made for one Python alone"
    done = run_tool("abi3audit", "--strict", "--report", str(wheel.path))
    require(done.returncode == 0, "abi3audit: must pass", done.stdout + done.stderr)
    return "abi3audit --strict"


def check_metadata(wheel: Wheel) -> str:
    done = run_tool("twine", "check", "--strict", str(wheel.path))
    require(done.returncode == 0, "twine: must pass", done.stdout + done.stderr)
    return "twine check --strict"


def pip_takes(wheel: Wheel, platform: str, python: str) -> bool:
    """Whether pip on that platform resolves to the wheel."""
    with tempfile.TemporaryDirectory() as folder:
        done = run_tool(
            *("pip", "install", "--dry-run", "--no-deps", "--no-index"),
            *("--disable-pip-version-check", "--only-binary=:all:"),
            *("--find-links", str(wheel.path.parent), "--target", folder),
            *("--platform", platform, "--python-version", python, "ingot"),
        )
    refused = "No matching distribution found" in done.stderr
    require(refused or done.returncode == 0, "pip: must take or refuse it", done.stderr)
    return not refused


def check_resolution(wheel: Wheel) -> str:
    targets = TARGETS
    if not wheel.stable:
        digits = wheel.path.name.split("-")[2].removeprefix("cp")
        own = f"{digits[0]}.{digits[1:]}"
        targets = [(platform, own, take) for platform, _, take in TARGETS[:-1]]
    for platform, python, take in targets:
        got = pip_takes(wheel, platform, python)
        verb = "take" if take else "refuse"
        require(got == take, f"pip: must {verb} it on {platform}, {python}", got)
    taken = sum(take for _, _, take in targets)
    return f"pip takes it on {taken} targets, refuses it on {len(targets) - taken}"


def check_size(wheel: Wheel) -> str:
    size = wheel.path.stat().st_size
    require(size < 16 << 20, "size: must be under 16 MiB", size)
    return f"{size / 2**20:.2f} MiB, extension {len(wheel.macho.data) / 2**20:.2f} MiB"


CHECKS: list[Callable[[Wheel], str]] = [
    check_name,
    check_record,
    check_contents,
    check_format,
    check_signature,
    check_exports,
    check_libraries,
    check_imports,
    check_stable_abi,
    check_metadata,
    check_resolution,
    check_size,
]


def find_wheel() -> Path | None:
    """The newest wheel for macOS in dist/."""
    wheels = (ROOT / "dist").glob("ingot-*-macosx_*_arm64.whl")
    return max(wheels, key=lambda path: path.stat().st_mtime, default=None)


def main() -> int:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else find_wheel()
    if path is None:
        sys.exit("wheel: must have been built by `make wheel-macos`, found none")
    wheel = Wheel(path)
    failed = 0
    print(path.name)
    for check in CHECKS:
        name = check.__name__.removeprefix("check_").replace("_", " ")
        try:
            result, detail = "ok", check(wheel)
        except AssertionError as error:
            result, detail = "FAIL", str(error)
            failed += 1
        print(f"  {name:12} {result:5} {detail}")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
