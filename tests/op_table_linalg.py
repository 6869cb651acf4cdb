"""The table's functions of matrices: expressions that mean the same in numpy.linalg.

Factors are free in their signs, and some matrices have no inverse: a row calls its
function within an expression of any matrix that has one value and one slope.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import ingot.core as mx
import numpy as np
import reference_linalg
from op_case import SMALL, OpCase, Sampler, calls, draws_of, smooth
from support import ALL

NUMPY = SimpleNamespace(
    linalg=reference_linalg, eye=np.eye, swapaxes=np.swapaxes, sum=np.sum
)
DTYPES = ("float32", "float64")
SQUARE: tuple[Any, ...] = (
    ((4, 4),),
    ((1, 1),),
    ((2, 3, 3, 3),),
    ((13, 13),),
    ((0, 0),),
    ((0, 3, 3),),
    ((2, 0, 0),),
)
OBLONG: tuple[Any, ...] = (*SQUARE, ((5, 3),), ((2, 3, 5),), ((0, 3),), ((2, 4, 0),))
FEW: tuple[Any, ...] = (((3, 3),), ((2, 2, 2),))
FEW_OBLONG: tuple[Any, ...] = (((4, 2),), ((2, 4),), ((3, 3),))


def row(
    name: str,
    f: Callable[..., Any],
    samples: Sampler,
    grad_samples: Sampler,
    **fields: Any,
) -> OpCase:
    """f(the library, arrays) for ours and for NumPy; errors relative to the largest."""

    def oracle(*args: np.ndarray, **kwargs: Any) -> Any:
        return f(NUMPY, *args, **kwargs)

    def scale(*args: np.ndarray, **kwargs: Any) -> Any:
        values = oracle(*args, **kwargs)
        several = values if isinstance(values, (list, tuple)) else [values]
        return 1 + max(np.max(np.abs(v), initial=0.0) for v in several)

    return OpCase(
        name,
        samples,
        oracle=oracle,
        call=functools.partial(f, mx),
        grad_samples=grad_samples,
        **{"dtypes": DTYPES, "ulps": 64, "scale": scale, **fields},
    )


def of_square(name: str, f: Callable[..., Any], **fields: Any) -> OpCase:
    return row(name, f, calls(SMALL, *SQUARE), smooth(SMALL, *FEW), **fields)


def of_oblong(name: str, f: Callable[..., Any]) -> OpCase:
    return row(name, f, calls(SMALL, *OBLONG), smooth(SMALL, *FEW_OBLONG))


def constant(xp: Any, x: np.ndarray, like: Any) -> Any:
    return mx.array(x, dtype=like.dtype) if xp is mx else x


def regular(xp: Any, a: Any) -> Any:
    """With a diagonal that outweighs the rest."""
    return a / 4 + 12 * xp.eye(a.shape[-1])


def mixed(xp: Any, a: Any) -> Any:
    """The same with its rows in another order, so that elimination exchanges them."""
    turn = np.roll(np.eye(a.shape[-1]), 1, axis=0)
    return a / 4 + constant(xp, 12 * turn, a)


def symmetric(xp: Any, a: Any) -> Any:
    return (a + xp.swapaxes(a, -1, -2)) / 2


def positive(xp: Any, a: Any) -> Any:
    return symmetric(xp, regular(xp, a))


def of_eigen(xp: Any, a: Any, UPLO: str) -> Any:
    """The values, and the cube of the matrix."""
    w, v = xp.linalg.eigh(symmetric(xp, a), UPLO)
    return w, v * (w**3)[..., None, :] @ xp.swapaxes(v, -1, -2)


def of_singular(xp: Any, a: Any) -> Any:
    """The values, a matrix with their cubes, and projections onto what is left."""
    u, s, vt = xp.linalg.svd(regular_rows(xp, a))
    k = s.shape[-1]
    cubes = u[..., :k] * (s**3)[..., None, :] @ vt[..., :k, :]
    left, right = u[..., k:], vt[..., k:, :]
    onto_left = left @ xp.swapaxes(left, -1, -2)
    return s, cubes, onto_left, xp.swapaxes(right, -1, -2) @ right


def regular_rows(xp: Any, a: Any) -> Any:
    """With singular values that differ, and rows that elimination exchanges."""
    m, n = a.shape[-2:]
    steps = np.linspace(9.0, 18.0, min(m, n))[:, None] * np.eye(min(m, n), n)
    rows = np.concatenate([steps, np.zeros((m - len(steps), n))])
    return a / 4 + constant(xp, np.roll(rows, 1, axis=0), a)


def of_lu(xp: Any, a: Any) -> Any:
    return xp.linalg.lu(regular_rows(xp, a))[1:]


def system(name: str, f: Callable[..., Any]) -> OpCase:
    shapes = (((4, 4), (4, 3)), ((3, 3), (3,)), ((2, 3, 3), (3, 2)))
    shapes += (((3, 3), (2, 1, 3, 4)), ((2, 2, 2), (2,)), ((0, 0), (0, 2)))
    return row(
        name,
        f,
        draws_of(shapes, False),
        draws_of((((3, 3), (3, 2)), ((2, 2), (2,)), ((2, 2, 2), (2, 2))), True),
        grad_args=(0, 1),
    )


MATRICES = [
    of_square("linalg.inv", lambda xp, a: xp.linalg.inv(mixed(xp, a))),
    of_square("linalg.det", lambda xp, a: xp.linalg.det(mixed(xp, a))),
    of_square("linalg.slogdet", lambda xp, a: xp.linalg.slogdet(mixed(xp, a))),
    of_oblong("linalg.lu", of_lu),
    of_oblong("linalg.pinv", lambda xp, a: xp.linalg.pinv(regular_rows(xp, a))),
    of_oblong("linalg.svd", of_singular),
    of_oblong(
        "linalg.svd values",
        lambda xp, a: xp.linalg.svd(regular_rows(xp, a), compute_uv=False),
    ),
    system("linalg.solve", lambda xp, a, b: xp.linalg.solve(mixed(xp, a), b)),
    row(
        "linalg.cross",
        lambda xp, a, b: xp.linalg.cross(a, b),
        draws_of((((3,), (3,)), ((4, 3), (3,)), ((4, 2), (1, 3)), ((2,), (2,))), False),
        draws_of((((3,), (3,)), ((2, 3), (3,)), ((2,), (3,))), True),
        dtypes=ALL,
        ulps=4,
        scale=lambda a, b: 18.0,  # of the products
        grad_args=(0, 1),
    ),
]
for upper in (False, True):
    end, uplo = (" upper", "U") if upper else ("", "L")
    keywords: dict[str, Any] = {"upper": upper}
    MATRICES += [
        of_square(
            "linalg.tri_inv" + end,
            lambda xp, a, k=keywords: xp.linalg.tri_inv(regular(xp, a), **k),
        ),
        of_square(
            "linalg.cholesky" + end,
            lambda xp, a, k=keywords: xp.linalg.cholesky(positive(xp, a), **k),
        ),
        of_square(
            "linalg.cholesky_inv" + end,
            lambda xp, a, k=keywords: xp.linalg.cholesky_inv(regular(xp, a), **k),
        ),
        of_square("linalg.eigh" + end, functools.partial(of_eigen, UPLO=uplo)),
        of_square(
            "linalg.eigvalsh" + end,
            lambda xp, a, u=uplo: xp.linalg.eigvalsh(symmetric(xp, a), u),
        ),
        system(
            "linalg.solve_triangular" + end,
            lambda xp, a, b, k=keywords: xp.linalg.solve_triangular(
                regular(xp, a), b, **k
            ),
        ),
    ]

__all__ = ["MATRICES"]
