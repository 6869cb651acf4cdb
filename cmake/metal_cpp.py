"""Finds Apple's metal-cpp headers (Apache-2.0): prints the folder to include from.

    python cmake/metal_cpp.py [--cache DIR]
"""

from __future__ import annotations

from mlx_wheel import cached

if __name__ == "__main__":
    print(cached("metal-cpp", "mlx/include/metal_cpp/", __doc__))
