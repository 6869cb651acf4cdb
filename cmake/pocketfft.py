"""Finds the header of pocketfft (BSD-3-Clause): prints the folder to include from.

Beside it lies its licence, as its first comment has it, for the wheel to carry.

    python cmake/pocketfft.py [--cache DIR]
"""

from __future__ import annotations

from pathlib import Path

from mlx_wheel import cached


def write_licence(folder: Path) -> None:
    """The comment that the header begins with, as a file of its own."""
    text = (folder / "pocketfft.h").read_text(encoding="utf-8")
    begin, end = text.index("/*") + 2, text.index("*/")
    (folder / "LICENSE.txt").write_text(text[begin:end].strip() + "\n")


if __name__ == "__main__":
    folder = cached("pocketfft", "mlx/include/mlx/3rdparty/", __doc__)
    if not (folder / "LICENSE.txt").exists():
        write_licence(folder)
    print(folder)
