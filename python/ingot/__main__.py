"""`python -m ingot`: what this installation is and what it runs on."""

from __future__ import annotations

import platform

import ingot.core as mx
from ingot import __version__, _core

__all__ = ["main"]


def main() -> None:
    """Prints versions, devices, instruction set, BLAS and threads."""
    import numpy as np

    gpu = kernels = "none"
    if mx.metal.is_available():
        info = mx.metal.device_info()
        gpu = f"{info['device_name']}, steps {info['steps']}, "
        gpu += f"self-test: {info['self_test']}"
        kernels = str(info["kernels"])
    rows = {
        "ingot": __version__,
        "python": f"{platform.python_version()} on {platform.platform()}",
        "numpy": np.__version__,
        "default device": mx.default_device(),
        "gpu": gpu,
        "kernels": kernels,
        "SIMD level": _core._simd_level(),
        "BLAS": _core._blas(),
        "threads": mx.get_num_threads(),
        "memory limit": f"{mx.get_memory_limit() / 2**30:.1f} GiB",
    }
    for name, value in rows.items():
        print(f"{name:<15} {value}")


if __name__ == "__main__":
    main()
