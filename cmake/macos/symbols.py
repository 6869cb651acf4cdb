"""Reads symbols.txt, and writes the linker's stubs of the libraries that it names."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

LIST = Path(__file__).with_name("symbols.txt")
# The linker gets this one from the compiler, whole.
SYSTEM = "libSystem"
# What a library hands on to those who link it.
REEXPORTS = {"Foundation": "libobjc"}


@dataclass
class Library:
    """A library of the system: its name, where dyld finds it, what may be used."""

    name: str
    path: str
    symbols: set[str] = field(default_factory=set)


def read_symbols(path: Path = LIST) -> dict[str, Library]:
    """The libraries by name."""
    libraries: dict[str, Library] = {}
    for line in path.read_text().splitlines():
        if line.startswith("["):
            name, library_path = line[1:].split("] ")
            libraries[name] = Library(name, library_path)
        elif line and not line.startswith("#"):
            libraries[name].symbols.update(line.split())
    return libraries


def stub(library: Library, reexported: Library | None = None) -> str:
    """The text of a stub in the linker's format, version 4."""
    lines = ["--- !tapi-tbd", "tbd-version: 4", "targets: [ arm64-macos ]"]
    lines.append(f"install-name: '{library.path}'")
    if reexported:
        lines += ["reexported-libraries:", "  - targets: [ arm64-macos ]"]
        lines.append(f"    libraries: [ '{reexported.path}' ]")
    if library.symbols:
        names = ", ".join(f"'{name}'" for name in sorted(library.symbols))
        lines += ["exports:", "  - targets: [ arm64-macos ]"]
        lines.append(f"    symbols: [ {names} ]")
    return "\n".join(lines) + "\n"


def write_stubs(folder: Path) -> None:
    """Stubs of all libraries but the system's own, for -F and -L of the linker."""
    libraries = read_symbols()
    for name, library in libraries.items():
        if name == SYSTEM:
            continue
        text = stub(library)
        if name in REEXPORTS:
            reexported = libraries[REEXPORTS[name]]
            text = stub(library, reexported) + stub(reexported)
        path = folder / f"{name}.tbd"
        if ".framework/" in library.path:
            path = folder / f"{name}.framework" / f"{name}.tbd"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + "...\n")
