"""Calls of the array API's functions that look things up, move, sort and reduce."""

from __future__ import annotations

from typing import Any

import numpy as np
from array_api_cases import (
    ALL,
    BOOL,
    FILLED,
    FLOATS,
    MATRICES,
    NUMERIC,
    SHAPES,
    Draw,
    Name,
    array,
    axes_of,
    axis_of,
    case,
    pair,
    promotes,
)
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

# Indexing and searching ---------------------------------------------------------


@case("take")
def _(draw: Draw) -> Any:
    x = array(draw, shape=FILLED)
    axis = axis_of(draw, x)
    index = st.integers(0, x.shape[axis] - 1)
    indices = np.array(draw(st.lists(index, max_size=5)), np.int64)
    kwargs = {} if x.ndim == 1 and draw(st.booleans()) else {"axis": axis}
    return (x, indices), kwargs


@case("take_along_axis")
def _(draw: Draw) -> Any:
    x = array(draw, shape=FILLED)
    axis = axis_of(draw, x)
    shape = list(x.shape)
    shape[axis] = draw(st.integers(0, 4))
    index = st.integers(0, x.shape[axis] - 1)
    indices = draw(hnp.arrays("int64", tuple(shape), elements=index))
    return (x, indices), {"axis": axis}


def _extreme(draw: Draw) -> Any:
    x = array(draw, NUMERIC, FILLED, special=False)
    axis = draw(st.one_of(st.none(), st.integers(-x.ndim, x.ndim - 1)))
    return (x,), {"axis": axis, "keepdims": draw(st.booleans())}


for _name in ("argmax", "argmin"):
    case(_name, default=True)(_extreme)
case("count_nonzero", default=True)(
    lambda draw: ((x := array(draw),), {"axis": axes_of(draw, x)})
)
case("nonzero", default=True)(lambda draw: ((array(draw, shape=FILLED),), {}))


@case("searchsorted", default=True)
def _(draw: Draw) -> Any:
    x = array(draw, NUMERIC, (draw(st.integers(1, 6)),), special=False)
    v = array(draw, (x.dtype.name,), special=False)
    kwargs = {"side": draw(st.sampled_from(["left", "right"]))}
    if draw(st.booleans()):
        return (x, v), {**kwargs, "sorter": np.argsort(x, kind="stable")}
    return (np.sort(x), v), kwargs


@case("where")
def _(draw: Draw) -> Any:
    x, y = pair(draw, ALL)
    shape = np.broadcast_shapes(x.shape, y.shape)
    return (array(draw, BOOL, shape), x, y), {}


# Linear algebra -----------------------------------------------------------------


@case("matmul", atol=1e-4)
def _(draw: Draw) -> Any:
    m, k, n = (draw(st.integers(1, 4)) for _ in range(3))
    shapes = [((m, k), (k, n)), ((k,), (k, n)), ((m, k), (k,)), ((k,), (k,))]
    shapes += [((2, m, k), (k, n)), ((2, m, k), (2, k, n)), ((0, k), (k, n))]
    return _products(draw, *draw(st.sampled_from(shapes)))


def _products(draw: Draw, a: Any, b: Any) -> Any:
    first = draw(st.sampled_from(NUMERIC))
    second = draw(st.sampled_from([d for d in NUMERIC if promotes(first, d)]))
    span = {"low": -3, "high": 3, "special": False}
    return (array(draw, (first,), a, **span), array(draw, (second,), b, **span)), {}


case("matrix_transpose")(lambda draw: ((array(draw, shape=MATRICES),), {}))


@case("vecdot", atol=1e-4, widens=True)
def _(draw: Draw) -> Any:
    shape = draw(FILLED)
    args, _ = _products(draw, shape, shape)
    return args, {"axis": draw(st.integers(-len(shape), -1))}


@case("tensordot", atol=1e-4, widens=True)
def _(draw: Draw) -> Any:
    axes = draw(st.sampled_from([0, 1, 2, ((0, 2), (1, 0)), ((1,), (0,))]))
    args, _ = _products(
        draw, (2, 3, 3), (3, 3, 2) if axes != ((0, 2), (1, 0)) else (3, 2)
    )
    return args, {"axes": axes}


# Manipulation -------------------------------------------------------------------


@case("broadcast_to")
def _(draw: Draw) -> Any:
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=1, max_dims=3))
    return (array(draw, shape=shapes.input_shapes[0]), shapes.result_shape), {}


case("broadcast_arrays", form=list)(lambda draw: (tuple(pair(draw, ALL)), {}))


def _several(draw: Draw, shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
    first = draw(st.sampled_from(ALL))
    names = [d for d in ALL if promotes(first, d) and d != "uint64"] or [first]
    second = draw(st.sampled_from(names))
    names = [first] + [second] * (len(shapes) - 1)
    return [array(draw, (d,), s) for d, s in zip(names, shapes, strict=True)]


@case("concat")
def _(draw: Draw) -> Any:
    shape = draw(FILLED)
    axis = draw(st.one_of(st.none(), st.integers(-len(shape), len(shape) - 1)))
    shapes = []
    for _ in range(draw(st.integers(1, 3))):
        sizes = list(shape)
        sizes[axis or 0] = draw(st.integers(0, 3))
        shapes.append(tuple(sizes))
    return (_several(draw, shapes),), {"axis": axis}


@case("stack")
def _(draw: Draw) -> Any:
    shape = draw(SHAPES)
    axis = draw(st.integers(-len(shape) - 1, len(shape)))
    return (_several(draw, [shape] * draw(st.integers(1, 3))),), {"axis": axis}


@case("expand_dims")
def _(draw: Draw) -> Any:
    x = array(draw)
    return (x,), {"axis": draw(st.integers(-x.ndim - 1, x.ndim))}


case("flip")(lambda draw: ((x := array(draw),), {"axis": axes_of(draw, x)}))


@case("moveaxis")
def _(draw: Draw) -> Any:
    x = array(draw, shape=FILLED)
    if draw(st.booleans()):
        return (x, axis_of(draw, x), axis_of(draw, x)), {}
    order = st.permutations(range(x.ndim))
    n = draw(st.integers(0, x.ndim))
    return (x, tuple(draw(order)[:n]), tuple(draw(order)[:n])), {}


@case("permute_dims")
def _(draw: Draw) -> Any:
    x = array(draw)
    return (x, tuple(draw(st.permutations(range(x.ndim))))), {}


@case("repeat")
def _(draw: Draw) -> Any:
    x = array(draw, shape=FILLED)
    axis = draw(st.one_of(st.none(), st.integers(-x.ndim, x.ndim - 1)))
    n = x.size if axis is None else x.shape[axis]
    often = st.integers(0, 3)
    if draw(st.booleans()):
        return (x, draw(often)), {"axis": axis}
    return (x, np.array([draw(often) for _ in range(n)], np.int64)), {"axis": axis}


@case("reshape")
def _(draw: Draw) -> Any:
    x = array(draw, shape=FILLED)
    shape = draw(st.sampled_from([(-1,), x.shape[::-1], (1, -1), (x.size, 1)]))
    return (x, shape), draw(st.sampled_from([{}, {"copy": True}, {"copy": None}]))


@case("roll")
def _(draw: Draw) -> Any:
    x = array(draw, shape=FILLED)
    shift = draw(st.integers(-9, 9))
    if draw(st.booleans()):
        axes = tuple(range(x.ndim))
        return (x, tuple([shift] * x.ndim)), {"axis": axes}
    axis = draw(st.one_of(st.none(), st.integers(-x.ndim, x.ndim - 1)))
    return (x, shift), {"axis": axis}


@case("squeeze")
def _(draw: Draw) -> Any:
    x = array(draw, shape=FILLED)
    ones = [i for i, n in enumerate(x.shape) if n == 1]
    if len(ones) == 1 and draw(st.booleans()):
        return (x, ones[0] - x.ndim), {}
    return (x, tuple(ones)), {}


@case("tile")
def _(draw: Draw) -> Any:
    reps = draw(st.lists(st.integers(0, 3), max_size=4).map(tuple))
    return (array(draw), reps), {}


case("unstack", form=list)(
    lambda draw: ((x := array(draw, shape=FILLED),), {"axis": axis_of(draw, x)})
)

# Sets and sorting ---------------------------------------------------------------


def _set(draw: Draw) -> Any:
    return (array(draw, special=False, low=-4, high=4),), {}


for _name in ("unique_all", "unique_counts", "unique_inverse", "unique_values"):
    case(_name, default=True, atol=1e-30)(_set)


def _order(draw: Draw) -> Any:
    x = array(draw, NUMERIC, FILLED, special=False, low=-5, high=5)
    kwargs = {"descending": draw(st.booleans()), "stable": True}
    return (x + 0,), {"axis": axis_of(draw, x), **kwargs}


case("sort")(_order)
case("argsort", default=True)(_order)

# Statistics and utilities -------------------------------------------------------


def _reduced(dtypes: tuple[str, ...], shape: Any = SHAPES, **span: Any) -> Any:
    def draw_call(draw: Draw) -> Any:
        x = array(draw, dtypes, shape, **span)
        return (x,), {"axis": axes_of(draw, x), "keepdims": draw(st.booleans())}

    return draw_call


case("all")(_reduced(ALL))
case("any")(_reduced(ALL))
case("max")(_reduced(NUMERIC, FILLED))
case("min")(_reduced(NUMERIC, FILLED))
case("mean", atol=1e-4)(_reduced(FLOATS, FILLED))


def _total(low: int, high: int) -> Any:
    def draw_call(draw: Draw) -> Any:
        x = array(draw, NUMERIC, low=low, high=high)
        kwargs = {"axis": axes_of(draw, x), "keepdims": draw(st.booleans())}
        dtype = {"dtype": Name("int64" if x.dtype.kind != "f" else "float64")}
        return (x,), {**kwargs, **(dtype if draw(st.booleans()) else {})}

    return draw_call


case("sum", default=True, atol=1e-4)(_total(-50, 50))
case("prod", default=True, atol=1e-4)(_total(-1, 1))


def _spread(draw: Draw) -> Any:
    x = array(draw, FLOATS, FILLED, special=False)
    kwargs = {"axis": axes_of(draw, x), "keepdims": draw(st.booleans())}
    axes = kwargs["axis"]
    over = range(x.ndim) if axes is None else np.atleast_1d(np.array(axes, int))
    n = int(np.prod([x.shape[i] for i in over]))
    corrections = [c for c in (0, 1, 0.0, 0.5, 1.0) if c < n]
    return (x,), {**kwargs, "correction": draw(st.sampled_from(corrections))}


case("std", atol=1e-3)(_spread)
case("var", atol=1e-4)(_spread)


def _cumulative(low: int, high: int) -> Any:
    def draw_call(draw: Draw) -> Any:
        x = array(draw, NUMERIC, FILLED, low=low, high=high)
        axis = None if x.ndim == 1 and draw(st.booleans()) else axis_of(draw, x)
        dtype = {"dtype": Name("int64" if x.dtype.kind != "f" else "float64")}
        kwargs = {"axis": axis, "include_initial": draw(st.booleans())}
        return (x,), {**kwargs, **(dtype if draw(st.booleans()) else {})}

    return draw_call


case("cumulative_sum", default=True, atol=1e-4)(_cumulative(-20, 20))
case("cumulative_prod", default=True, atol=1e-4)(_cumulative(-1, 1))


@case("diff", atol=1e-4)
def _(draw: Draw) -> Any:
    x = array(draw, NUMERIC, FILLED, low=0, high=50, special=False)
    x = np.sort(x, -1)  # so that unsigned ones do not wrap
    kwargs: dict[str, Any] = {"axis": -1, "n": draw(st.integers(0, 1))}
    end = np.array(60, x.dtype) * np.ones((*x.shape[:-1], 1), x.dtype)
    if kwargs["n"] and draw(st.booleans()):
        kwargs["append"] = end
    if kwargs["n"] and draw(st.booleans()):
        kwargs["prepend"] = end * 0
    return (x,), kwargs
