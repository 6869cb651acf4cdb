"""Reads a thin 64-bit Mach-O file: what dyld and the kernel look at before they run it.

Layouts: <mach-o/loader.h>, <mach-o/fixup-chains.h> and <kern/cs_blobs.h>.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MAGIC, ARM64, BUNDLE = 0xFEEDFACF, 0x0100000C, 8
SEGMENT, BUILD_VERSION, SIGNATURE = 0x19, 0x32, 0x1D
CHAINED_FIXUPS, EXPORTS_TRIE = 0x80000034, 0x80000033
LOAD_DYLIB = {0xC, 0x80000018, 0x8000001F, 0x80000023}  # plain, weak, re-export, upward
SUPERBLOB, CODE_DIRECTORY = 0xFADE0CC0, 0xFADE0C02
ADHOC = 0x2
DYNAMIC_LOOKUP = -2  # wherever in the process it is


@dataclass(frozen=True)
class Import:
    """A symbol that dyld binds: its library, or None for wherever it is."""

    name: str
    library: str | None
    weak: bool


@dataclass
class Signature:
    """An embedded signature: its flags and the pages whose hash is wrong."""

    identifier: str
    flags: int
    pages: int
    wrong_pages: list[int]
    covers_file: bool


@dataclass
class MachO:
    """One file, as far as it is read here."""

    data: bytes
    cpu: int
    file_type: int
    minimum_os: tuple[int, int] = (0, 0)
    libraries: list[str] = field(default_factory=list)
    segments: list[str] = field(default_factory=list)
    sections: list[str] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    exports: list[str] = field(default_factory=list)
    signature: Signature | None = None


def text_at(data: bytes, at: int) -> str:
    """The C string that starts there."""
    return data[at : data.index(b"\0", at)].decode()


def commands(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Number, offset and size of each load command."""
    at = 32
    for _ in range(struct.unpack_from("<I", data, 16)[0]):
        command, size = struct.unpack_from("<2I", data, at)
        yield command, at, size
        at += size


def read(path: Path) -> MachO:
    """Reads a file; ValueError where it is none of this kind."""
    data = path.read_bytes()
    magic, cpu, _, file_type = struct.unpack_from("<4I", data, 0)
    if magic != MAGIC:
        raise ValueError(f"{path}: must be a thin 64-bit Mach-O, got {magic:#x}")
    file = MachO(data, cpu, file_type)
    tables: dict[int, tuple[int, int]] = {}
    for command, at, size in commands(data):
        if command in LOAD_DYLIB:
            name = at + struct.unpack_from("<I", data, at + 8)[0]
            file.libraries.append(text_at(data[: at + size] + b"\0", name))
        elif command == BUILD_VERSION:
            version = struct.unpack_from("<I", data, at + 12)[0]
            file.minimum_os = (version >> 16, version >> 8 & 255)
        elif command == SEGMENT:
            read_segment(file, at)
        elif command in (SIGNATURE, CHAINED_FIXUPS, EXPORTS_TRIE):
            tables[command] = struct.unpack_from("<2I", data, at + 8)
    if CHAINED_FIXUPS in tables:
        file.imports = read_imports(file, *tables[CHAINED_FIXUPS])
    if EXPORTS_TRIE in tables:
        start, length = tables[EXPORTS_TRIE]
        file.exports = sorted(read_trie(data[start : start + length]))
    if SIGNATURE in tables:
        file.signature = read_signature(data, *tables[SIGNATURE])
    return file


def read_segment(file: MachO, at: int) -> None:
    name = file.data[at + 8 : at + 24].rstrip(b"\0").decode()
    file.segments.append(name)
    for i in range(struct.unpack_from("<I", file.data, at + 64)[0]):
        section = file.data[at + 72 + 80 * i :][:16].rstrip(b"\0").decode()
        file.sections.append(f"{name},{section}")


def read_imports(file: MachO, start: int, _: int) -> list[Import]:
    """The table of chained fixups: one word for each import."""
    header = struct.unpack_from("<7I", file.data, start)
    table, names, count, form = (
        start + header[2],
        start + header[3],
        header[4],
        header[5],
    )
    if form != 1:
        raise ValueError(f"imports: must have the plain format 1, got {form}")
    result = []
    for i in range(count):
        word = struct.unpack_from("<I", file.data, table + 4 * i)[0]
        ordinal = (word & 0xFF) - (0x100 if word & 0xFF > 0xF0 else 0)
        library = None if ordinal == DYNAMIC_LOOKUP else file.libraries[ordinal - 1]
        name = text_at(file.data, names + (word >> 9))
        result.append(Import(name, library, bool(word >> 8 & 1)))
    return result


def read_uleb(data: bytes, at: int) -> tuple[int, int]:
    """A variable-length number and the offset behind it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def read_trie(trie: bytes, at: int = 0, prefix: str = "") -> Iterator[str]:
    """The names in a trie of exports, which are spelled along its edges."""
    if not trie:
        return
    terminal, at = read_uleb(trie, at)
    if terminal:
        yield prefix
    at += terminal
    children, at = trie[at], at + 1
    for _ in range(children):
        edge = text_at(trie, at)
        child, at = read_uleb(trie, at + len(edge) + 1)
        yield from read_trie(trie, child, prefix + edge)


def read_signature(data: bytes, start: int, size: int) -> Signature:
    """The code directory, with the hash of every page computed anew."""
    magic, _, count = struct.unpack_from(">3I", data, start)
    if magic != SUPERBLOB:
        raise ValueError(f"signature: must be a super blob, got {magic:#x}")
    blobs = [
        start + struct.unpack_from(">2I", data, start + 12 + 8 * i)[1]
        for i in range(count)
    ]
    at = next(
        b for b in blobs if struct.unpack_from(">I", data, b)[0] == CODE_DIRECTORY
    )
    fields = struct.unpack_from(">9I4B", data, at)
    flags, hashes, identifier, pages, limit = (fields[i] for i in (3, 4, 5, 7, 8))
    width, kind, _, page_bits = fields[9:13]
    if kind != 2:
        raise ValueError(f"signature: hashes must be SHA-256 (2), got {kind}")
    page = 1 << page_bits
    wrong = []
    for i in range(pages):
        content = data[i * page : min((i + 1) * page, limit)]
        stored = at + hashes + i * width
        if hashlib.sha256(content).digest()[:width] != data[stored : stored + width]:
            wrong.append(i)
    covers = limit == start and pages == -(-limit // page) and len(data) == start + size
    return Signature(text_at(data, at + identifier), flags, pages, wrong, covers)
