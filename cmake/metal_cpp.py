"""Finds Apple's metal-cpp headers: prints the folder to include from.

They are part of a pinned wheel on PyPI (mlx-metal, for macOS; the headers are
Apache-2.0), which is fetched once, checked against its hash, and kept in the cache.

    python cmake/metal_cpp.py [--cache DIR]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

VERSION = "0.32.4"
SHA256 = "8019b2db622599267d66cc168b2f0dbf5af929790a6c3b3913e00eabc42a7947"
INSIDE = "mlx/include/metal_cpp/"


def fetch(folder: Path) -> None:
    """Puts the headers into `folder`, whole or not at all."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        wanted = Path(scratch) / "requirements.txt"
        wanted.write_text(f"mlx-metal=={VERSION} --hash=sha256:{SHA256}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary=:all:", "--platform", "macosx_14_0_arm64"]
        command += ["--require-hashes", "--dest", scratch, "--requirement", str(wanted)]
        subprocess.run(command, check=True, stdout=sys.stderr)
        (wheel,) = Path(scratch).glob("*.whl")
        headers = Path(scratch) / "headers"
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.startswith(INSIDE) and not name.endswith("/"):
                    path = headers / name.removeprefix(INSIDE)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(archive.read(name))
        try:
            headers.rename(folder)
        except OSError:  # another process was first
            if not folder.is_dir():
                raise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser.add_argument("--cache", type=Path, default=home / "ingot")
    folder: Path = parser.parse_args().cache / f"metal-cpp-{VERSION}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not folder.is_dir():
        fetch(folder)
    print(folder)


if __name__ == "__main__":
    main()
