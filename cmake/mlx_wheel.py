"""Takes headers out of a pinned wheel on PyPI: mlx-metal, for macOS.

It carries Apple's metal-cpp and the header of pocketfft, which have no packages of
their own. It is fetched with pip and checked against its hash, whatever the system
that builds.
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


def fetch(folder: Path, inside: str) -> None:
    """Puts the files below `inside` into `folder`, all of them or none."""
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
                if name.startswith(inside) and not name.endswith("/"):
                    path = headers / name.removeprefix(inside)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(archive.read(name))
        try:
            headers.rename(folder)
        except OSError:  # another process was first
            if not folder.is_dir():
                raise


def cached(name: str, inside: str, description: str | None) -> Path:
    """The folder that holds the files below `inside`, from the cache or fetched."""
    parser = argparse.ArgumentParser(description=description)
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser.add_argument("--cache", type=Path, default=home / "ingot")
    folder: Path = parser.parse_args().cache / f"{name}-{VERSION}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not folder.is_dir():
        fetch(folder, inside)
    return folder
