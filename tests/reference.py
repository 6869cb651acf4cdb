"""The float64 oracles of all ops, written from the definitions, by public name.

Oracles take what `support.widen` makes of an array: float64 values, or Python integers
of any size, which the comparison then wraps to the width of the result's dtype.
"""

from __future__ import annotations

from reference_arrays import (
    ARRAYS,
    CREATION,
    INDEXING,
    PRODUCTS,
    REDUCTIONS,
    SHAPES,
    Oracle,
)
from reference_attention import FAST
from reference_conv import CONVOLUTIONS
from reference_elementwise import BINARY, ELEMENTWISE, TERNARY, UNARY
from reference_products import PRODUCTS as TENSORS
from reference_quantized import QUANTIZED
from reference_scan import SCANS, SELECTIONS
from reference_views import VIEWS, WINDOWS

ORACLES: dict[str, Oracle] = {
    **ELEMENTWISE,
    **ARRAYS,
    **CONVOLUTIONS,
    **FAST,
    **VIEWS,
    **TENSORS,
    **QUANTIZED,
    **WINDOWS,
    **SCANS,
    **SELECTIONS,
}

__all__ = [
    "ARRAYS",
    "BINARY",
    "CONVOLUTIONS",
    "CREATION",
    "ELEMENTWISE",
    "FAST",
    "INDEXING",
    "ORACLES",
    "PRODUCTS",
    "QUANTIZED",
    "REDUCTIONS",
    "SCANS",
    "SELECTIONS",
    "SHAPES",
    "TENSORS",
    "TERNARY",
    "UNARY",
    "VIEWS",
    "WINDOWS",
    "Oracle",
]
