"""The table's functions that the array API standard names and MLX does not."""

from __future__ import annotations

from typing import Any

import numpy as np
from op_case import SMALL, Domain, OpCase, calls, smooth
from op_table_linalg import mixed, of_oblong, of_square, regular_rows, row
from reference_scan import cumulative

INITIAL = {"include_initial": True}
LINES: tuple[Any, ...] = (
    ((67,),),
    ((67,), INITIAL),
    ((5, 7), {"axis": 0}),
    ((3, 4, 5), {"axis": -2, **INITIAL}),
    ((0,), INITIAL),
    ((0, 3), {"axis": 0}),
    ((0, 3), {"axis": 1, **INITIAL}),
)
SMOOTH: tuple[Any, ...] = (((5,),), ((2, 3, 2), {"axis": 1, **INITIAL}))


def widened(dtype: str) -> str:
    """Narrow integers become 32 bits wide."""
    if dtype in ("uint8", "uint16"):
        return "uint32"
    return "int32" if dtype in ("bool", "int8", "int16") else dtype


def scan(name: str, f: Any, first: int, domain: Domain, **fields: Any) -> OpCase:
    return OpCase(
        name,
        calls(domain, *LINES),
        oracle=cumulative(f, first),
        result=widened,
        axis=True,
        grad_samples=smooth(SMALL, *SMOOTH),
        **fields,
    )


def _magnitudes(x: np.ndarray, **kwargs: Any) -> Any:
    return cumulative(np.add, 0)(np.abs(x), **kwargs)


def norms(name: str, **kwargs: Any) -> OpCase:
    """Of what is far from 0, where a norm has no slope."""

    def f(xp: Any, a: Any) -> Any:
        return xp.linalg.vector_norm(abs(a) + 1, **kwargs)

    shapes: tuple[Any, ...] = (((4, 4),), ((2, 3, 5),), ((3, 0),))
    few: tuple[Any, ...] = (((3, 4),), ((2, 2, 3),))
    return row(name, f, calls(SMALL, *shapes), smooth(SMALL, *few), ulps=8)


STANDARD = [
    scan("cumulative_sum", np.add, 0, SMALL, ulps=2, scale=_magnitudes),
    scan("cumulative_prod", np.multiply, 1, Domain(-2.0, 2.0, (-2, 3))),
    of_square(
        "linalg.matrix_power 3",
        lambda xp, a: xp.linalg.matrix_power(mixed(xp, a) / 4, 3),
    ),
    of_square(
        "linalg.matrix_power -2",
        lambda xp, a: xp.linalg.matrix_power(mixed(xp, a) / 4, -2),
    ),
    of_square("linalg.matrix_power 0", lambda xp, a: xp.linalg.matrix_power(a, 0)),
    of_oblong("linalg.svdvals", lambda xp, a: xp.linalg.svdvals(regular_rows(xp, a))),
    norms("linalg.vector_norm"),
    norms("linalg.vector_norm 3", axis=(0, -1), ord=3, keepdims=True),
    norms("linalg.vector_norm 1", axis=1, ord=1),
]

__all__ = ["STANDARD"]
