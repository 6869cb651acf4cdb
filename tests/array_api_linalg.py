"""Calls of the functions in the array API standard's extension linalg."""

from __future__ import annotations

from typing import Any

import array_api_shapes  # noqa: F401, adds its cases
import numpy as np
from array_api_cases import (
    CASES,
    FILLED,
    FLOATS,
    MATRICES,
    NUMERIC,
    Case,
    Draw,
    Name,
    array,
    axes_of,
)
from hypothesis import strategies as st

LINALG: dict[str, Case] = {
    name: CASES[name] for name in ("matmul", "matrix_transpose", "tensordot", "vecdot")
}
BATCHES = ((), (2,), (0,), (2, 1))
# Factors have signs of their own: what is compared is what they are factors of.
LOOSE = {"rtol": 1e-3, "atol": 1e-3}


def case(name: str, **fields: Any) -> Any:
    def add(draw: Any) -> Any:
        LINALG[name] = Case(draw, **fields)
        return draw

    return add


def matrix(draw: Draw, m: int, n: int) -> np.ndarray:
    """A batch of random matrices, which are well conditioned."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    batch = draw(st.sampled_from(BATCHES))
    x = rng.normal(size=(*batch, m, n)) + 3 * np.eye(m, n)
    return np.asarray(x.astype(draw(st.sampled_from(FLOATS))))


def square(draw: Draw) -> np.ndarray:
    n = draw(st.integers(1, 4))
    return matrix(draw, n, n)


def oblong(draw: Draw) -> np.ndarray:
    return matrix(draw, draw(st.integers(1, 4)), draw(st.integers(1, 4)))


def symmetric(draw: Draw) -> np.ndarray:
    x = square(draw)
    return x @ np.swapaxes(x, -1, -2) + np.eye(x.shape[-1], dtype=x.dtype)


case("cholesky", **LOOSE)(
    lambda draw: ((symmetric(draw),), {"upper": draw(st.booleans())})
)
case("det", **LOOSE)(lambda draw: ((square(draw),), {}))
case("eigh", form=lambda r: [r[0], (r[1] * r[0][..., None, :]) @ r[1].mT], **LOOSE)(
    lambda draw: ((symmetric(draw),), {})
)
case("eigvalsh", **LOOSE)(lambda draw: ((symmetric(draw),), {}))
case("inv", **LOOSE)(lambda draw: ((square(draw),), {}))
case("pinv", **LOOSE)(lambda draw: ((oblong(draw),), _tolerance(draw)))
case("matrix_rank", default=True)(lambda draw: ((_low_rank(draw),), _tolerance(draw)))
case("slogdet", form=list, **LOOSE)(lambda draw: ((square(draw),), {}))
case("svdvals", **LOOSE)(lambda draw: ((oblong(draw),), {}))
case("diagonal")(lambda draw: ((array(draw, shape=MATRICES),), _offset(draw)))


def _tolerance(draw: Draw) -> dict[str, Any]:
    return draw(st.sampled_from([{}, {"rtol": 1e-2}]))


def _offset(draw: Draw) -> dict[str, Any]:
    return {"offset": draw(st.integers(-4, 4))}


def _low_rank(draw: Draw) -> np.ndarray:
    x = oblong(draw)
    x[..., -1] = x[..., 0]
    return x


@case("trace", default=True, atol=1e-4)
def _(draw: Draw) -> Any:
    x = array(draw, NUMERIC, MATRICES, special=False)
    dtype = Name("int64" if x.dtype.kind != "f" else "float64")
    kwargs = draw(st.sampled_from([{}, {"dtype": dtype}]))
    return (x,), {**_offset(draw), **kwargs}


@case("cross", atol=1e-4)
def _(draw: Draw) -> Any:
    shape = list(draw(FILLED))
    axis = draw(st.integers(-len(shape), -1))
    shape[axis] = 3
    dtype = draw(st.sampled_from(NUMERIC))
    span = {"low": 0 if dtype[0] == "u" else -9, "high": 9, "special": False}
    x, y = (array(draw, (dtype,), tuple(shape), **span) for _ in range(2))
    return (x, y), {"axis": axis}


@case("outer")
def _(draw: Draw) -> Any:
    dtype = draw(st.sampled_from(NUMERIC))
    sizes = (draw(st.integers(0, 4)) for _ in range(2))
    span = {"low": -9, "high": 9, "special": False}
    return tuple(array(draw, (dtype,), (n,), **span) for n in sizes), {}


@case("matrix_power", **LOOSE)
def _(draw: Draw) -> Any:
    return (square(draw), draw(st.integers(-2, 4))), {}


@case("solve", **LOOSE)
def _(draw: Draw) -> Any:
    a = square(draw)
    b = np.ones((a.shape[-1], 2), a.dtype) * np.arange(1, 3, dtype=a.dtype)
    return (a, draw(st.sampled_from([b, b[:, 0].copy()]))), {}


def _whole(factors: Any) -> list[Any]:
    """q r, q' q and the shapes."""
    q, r = factors
    return [q @ r, q.mT @ q, [q.shape, r.shape]]


@case("qr", form=_whole, **LOOSE)
def _(draw: Draw) -> Any:
    return (oblong(draw),), {"mode": draw(st.sampled_from(["reduced", "complete"]))}


def _sum(factors: Any) -> list[Any]:
    """u s v', s, u' u, v' v and the shapes."""
    u, s, vt = factors
    k = s.shape[-1]
    whole = (u[..., :k] * s[..., None, :]) @ vt[..., :k, :]
    return [whole, s, u.mT @ u, vt @ vt.mT, [u.shape, vt.shape]]


@case("svd", form=_sum, **LOOSE)
def _(draw: Draw) -> Any:
    return (oblong(draw),), {"full_matrices": draw(st.booleans())}


@case("matrix_norm", **LOOSE)
def _(draw: Draw) -> Any:
    ord_ = draw(st.sampled_from(["fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf]))
    return (oblong(draw),), {"ord": ord_, "keepdims": draw(st.booleans())}


@case("vector_norm", **LOOSE)
def _(draw: Draw) -> Any:
    x = array(draw, FLOATS, FILLED, low=1, high=50, special=False)
    ord_ = draw(st.sampled_from([2, 1, 0, 3, 0.5, -1, np.inf, -np.inf]))
    return (x,), {
        "axis": axes_of(draw, x),
        "keepdims": draw(st.booleans()),
        "ord": ord_,
    }


__all__ = ["LINALG"]
