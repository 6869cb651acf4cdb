"""The libraries that are measured, one module each, imported in their own process."""

from __future__ import annotations

import importlib.util

__all__ = ["ENVIRONMENTS", "LABELS", "LIMIT", "PACKAGES", "PEERS", "missing"]

PEERS = ("mlx", "torch", "jax", "numpy")
LIMIT = "limit"
LABELS = {
    "ingot": "ingot",
    "mlx": "MLX",
    "torch": "PyTorch",
    "jax": "JAX",
    "numpy": "NumPy",
}
# What must be importable, and what pip calls it.
PACKAGES = {
    "mlx": {"mlx.core": "mlx[cpu]"},
    "torch": {"torch": "torch"},
    "jax": {"jax": "jax", "optax": "optax"},
    "numpy": {"numpy": "numpy"},
}
# Environments of which the one that suits a library best is taken: with threads of its
# own choosing, or one OpenMP thread bound to each core.
ENVIRONMENTS: dict[str, list[dict[str, str]]] = {
    "torch": [{}, {"OMP_PROC_BIND": "close", "OMP_PLACES": "cores"}],
}


def missing(peer: str) -> list[str]:
    """What to install for a peer, as pip calls it; empty where all is there."""

    def found(module: str) -> bool:
        try:
            return importlib.util.find_spec(module) is not None
        except ModuleNotFoundError:  # of the package that a module is in
            return False

    return [pip for module, pip in PACKAGES[peer].items() if not found(module)]
