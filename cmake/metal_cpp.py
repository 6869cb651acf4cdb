"""Finds Apple's metal-cpp headers: prints the folder to include from.

They are licensed as Apache-2.0, by a file beside them.

    python cmake/metal_cpp.py [--cache DIR]
"""

from __future__ import annotations

from mlx_wheel import cached

if __name__ == "__main__":
    print(cached("metal-cpp", "mlx/include/metal_cpp/", __doc__))
