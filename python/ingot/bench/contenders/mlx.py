"""MLX, eager: what a script runs that does not call `compile`."""

from __future__ import annotations

import importlib.metadata

from ingot.bench.contenders.arrays import Arrays

__all__ = ["Contender"]


class Contender(Arrays):
    """MLX, with `eval` in each call."""

    name = "mlx"

    def version(self) -> str:
        return importlib.metadata.version("mlx")
