"""Writes a family's Metal source with the lines that ask for its usual kernels.

python cmake/usual_kernels.py metal/copies.metal metal/usual.txt OUT.metal
"""

from __future__ import annotations

import sys
from pathlib import Path

from embed_kernels import flattened


def lines_of(family: str, usual: Path) -> list[str]:
    """Of the rows `family line`."""
    rows = (row.partition(" ") for row in usual.read_text().splitlines())
    return [line for name, _, line in rows if name == family]


def main() -> None:
    source, usual, out = map(Path, sys.argv[1:])
    text = flattened(source.resolve(), set())
    out.write_text("\n".join([text, *lines_of(source.stem, usual)]) + "\n")


if __name__ == "__main__":
    main()
