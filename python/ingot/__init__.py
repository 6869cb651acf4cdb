"""Lazy arrays, fused optimizers and initializers, for people who train on Macs.

Example:
    >>> import ingot.core as mx
    >>> mx.array([1.0, 2.0]) + 1
    array([2, 3], dtype=float32)
"""

from __future__ import annotations

__all__ = ["__version__"]

from ingot._core import _version as __version__
