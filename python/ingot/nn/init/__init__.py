"""Initializers: each makes a function from an array to a new array of its shape.

Those that are random take numbers from `mx.random`'s global state, or from `key`.
"""

from __future__ import annotations

from ._entries import constant, identity, normal, uniform
from ._fans import glorot_normal, glorot_uniform, he_normal, he_uniform
from ._matrices import orthogonal, sparse

__all__ = [
    "constant",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "normal",
    "orthogonal",
    "sparse",
    "uniform",
]
