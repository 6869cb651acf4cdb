"""The macOS wheel: each check passes on it, and fails where something is wrong."""

from __future__ import annotations

import shutil
import struct
import zipfile
from pathlib import Path

import check_wheel
import macho
import pytest
from check_wheel import Wheel
from symbols import read_symbols, write_stubs

WHEEL = check_wheel.find_wheel()
needs_wheel = pytest.mark.skipif(
    WHEEL is None, reason="wheel: not built here (make wheel-macos)"
)
needs_tools = pytest.mark.skipif(
    not check_wheel.TOOLS.exists(), reason="wheel: its build environment is gone"
)
USES_TOOLS = {
    check_wheel.check_stable_abi,
    check_wheel.check_metadata,
    check_wheel.check_resolution,
}


@pytest.fixture
def wheel() -> Wheel:
    assert WHEEL is not None
    return Wheel(WHEEL)


def changed(wheel: Wheel, at: int, folder: Path) -> macho.MachO:
    """The extension with one bit flipped."""
    data = bytearray(wheel.macho.data)
    data[at] ^= 1
    path = folder / "_core.abi3.so"
    path.write_bytes(data)
    return macho.read(path)


@needs_wheel
@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, marks=needs_tools if check in USES_TOOLS else [])
        for check in check_wheel.CHECKS
    ],
)
def test_check_passes(check, wheel: Wheel) -> None:
    assert check(wheel)


@needs_wheel
def test_a_changed_page_is_found(wheel: Wheel, tmp_path: Path) -> None:
    wheel.macho = changed(wheel, 5 * 4096 + 7, tmp_path)
    with pytest.raises(AssertionError, match=r"pages: hashes must hold, got \[5\]"):
        check_wheel.check_signature(wheel)


@needs_wheel
def test_another_processor_is_refused(wheel: Wheel, tmp_path: Path) -> None:
    wheel.macho = changed(wheel, 4, tmp_path)
    with pytest.raises(AssertionError, match="processor: must be arm64"):
        check_wheel.check_format(wheel)


@needs_wheel
@pytest.mark.parametrize("library", [None, "/usr/lib/libSystem.B.dylib", "/opt/x.so"])
def test_an_unknown_import_is_refused(wheel: Wheel, library: str | None) -> None:
    wheel.macho.imports.append(macho.Import("_getrandom", library, False))
    with pytest.raises(AssertionError, match=r"symbols\.txt"):
        check_wheel.check_imports(wheel)


@needs_wheel
def test_a_library_of_the_build_machine_is_refused(wheel: Wheel) -> None:
    wheel.macho.libraries.append("@rpath/libc++.1.dylib")
    with pytest.raises(AssertionError, match="libraries: must be the system's"):
        check_wheel.check_libraries(wheel)


@needs_wheel
def test_a_second_export_is_refused(wheel: Wheel) -> None:
    wheel.macho.exports.append("__Znwm")
    with pytest.raises(AssertionError, match="exports"):
        check_wheel.check_exports(wheel)


@needs_wheel
def test_another_platform_in_the_name_is_refused(wheel: Wheel, tmp_path: Path) -> None:
    other = tmp_path / wheel.path.name.replace("14_0", "11_0")
    shutil.copy(wheel.path, other)
    with pytest.raises(AssertionError, match="name: must match"):
        check_wheel.check_name(Wheel(other))


@needs_wheel
def test_a_wheel_without_stubs_is_refused(wheel: Wheel, tmp_path: Path) -> None:
    bare = tmp_path / wheel.path.name
    with zipfile.ZipFile(bare, "w") as out:
        for name in wheel.names:
            if not name.endswith(".pyi"):
                out.writestr(name, wheel.archive.read(name))
    with pytest.raises(AssertionError, match="no file may be missing"):
        check_wheel.check_contents(Wheel(bare))
    with pytest.raises(AssertionError, match="record"):
        check_wheel.check_record(Wheel(bare))


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "elf.so"
    path.write_bytes(struct.pack("<4I", 0x464C457F, 0, 0, 0))
    with pytest.raises(ValueError, match="must be a thin 64-bit Mach-O"):
        macho.read(path)


def test_a_trie_of_exports_is_read() -> None:
    # "_a" -> { "b": export, "cd": export }
    leaf = b"\x02\x00\x00\x00"
    branch = b"\x00\x02b\x00\x0f" + b"cd\x00\x13"
    trie = b"\x00\x01_a\x00\x06" + branch + leaf + leaf
    assert sorted(macho.read_trie(trie)) == ["_ab", "_acd"]


def test_symbols_are_listed_once_and_sorted() -> None:
    """Each symbol belongs to one library."""
    libraries = read_symbols()
    every = [name for library in libraries.values() for name in library.symbols]
    assert len(every) == len(set(every))
    assert {"libSystem", "Accelerate", "Metal", "Foundation"} <= set(libraries)


def test_stubs_name_what_is_listed(tmp_path: Path) -> None:
    write_stubs(tmp_path)
    text = (tmp_path / "Accelerate.framework" / "Accelerate.tbd").read_text()
    for name in read_symbols()["Accelerate"].symbols:
        assert f"'{name}'" in text
    assert not (tmp_path / "libSystem.tbd").exists()
    foundation = (tmp_path / "Foundation.framework" / "Foundation.tbd").read_text()
    assert foundation.count("--- !tapi-tbd") == 2
