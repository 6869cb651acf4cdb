"""Writes the Metal sources as one C++ file, each with all that it includes.

    python cmake/embed_kernels.py OUT.cpp metal/a.metal metal/b.metal ...

A header is taken once, a .def file as often as it is included.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

INCLUDE = re.compile(r'\s*#\s*include\s+"([^"]+)"')


def flattened(path: Path, seen: set[Path]) -> str:
    """The text of a file, with its own includes in their places."""
    lines = []
    for line in path.read_text().splitlines():
        if line.strip() == "#pragma once":
            continue
        if match := INCLUDE.match(line):
            other = (path.parent / match[1]).resolve()
            if other not in seen:
                if other.suffix != ".def":
                    seen.add(other)
                lines.append(flattened(other, seen))
            continue
        lines.append(line)
    return "\n".join(lines)


def main() -> None:
    out, *sources = map(Path, sys.argv[1:])
    parts = [
        "// Written by cmake/embed_kernels.py.",
        '#include "csrc/metal/library.h"',
        "namespace ingot::metal {",
        "const KernelSource kKernelSources[] = {",
    ]
    for source in sources:
        text = flattened(source.resolve(), set())
        parts.append(f'{{"{source.stem}", R"msl({text})msl"}},')
    parts.append("};")
    parts.append(f"const int kKernelSourceCount = {len(sources)};")
    parts.append("}  // namespace ingot::metal")
    out.write_text("\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
