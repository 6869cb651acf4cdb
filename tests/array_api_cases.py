"""Calls of the functions of the array API standard, with drawn arguments.

A call is made of NumPy arrays, which stand for arrays of either library, names of
dtypes (`Name`), and anything else, which is passed as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

Draw = Callable[..., Any]
BOOL = ("bool",)
SIGNED = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
INTEGERS = SIGNED + UNSIGNED
FLOATS = ("float32", "float64")
NUMERIC = INTEGERS + FLOATS
ALL = BOOL + NUMERIC
SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 3.0, -3.0, np.inf, -np.inf, np.nan)


class Name(str):
    """The name of a dtype."""


@dataclass(frozen=True)
class Case:
    """How arguments are drawn, and what of the result may differ."""

    draw: Callable[[Draw], tuple[tuple[Any, ...], dict[str, Any]]]
    default: bool = False  # the result has a default dtype: 64 bits there, 32 here
    rtol: float = 1e-5  # of float32; float64 has its square
    atol: float = 0.0  # if it is 0, zeros have their signs
    widens: bool = False  # integers of less than 32 bits are widened
    form: Callable[[Any], Any] | None = None  # what of the result is compared


CASES: dict[str, Case] = {}


def elements(dtype: str, low: float, high: float, special: bool) -> Any:
    if dtype == "bool":
        return st.booleans()
    if dtype in INTEGERS:
        least = max(low, 0 if dtype in UNSIGNED else low)
        return st.integers(int(max(least, -100)), int(min(high, 100)))
    width = 32 if dtype == "float32" else 64
    span = {"min_value": float(low), "max_value": float(high)}
    plain = st.floats(width=width, allow_subnormal=False, **span)
    plain = plain.filter(lambda v: v == 0 or abs(v) > 1e-30)
    edges = [v for v in SPECIAL if special or low <= v <= high]
    return st.one_of(plain, st.sampled_from(edges))


SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
FILLED = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4)
MATRICES = hnp.array_shapes(min_dims=2, max_dims=3, min_side=0, max_side=4)


def array(
    draw: Draw,
    dtypes: tuple[str, ...] = ALL,
    shape: Any = SHAPES,
    low: float = -100,
    high: float = 100,
    special: bool = True,
) -> np.ndarray:
    dtype = draw(st.sampled_from(dtypes))
    shape = shape if isinstance(shape, tuple) else draw(shape)
    return draw(hnp.arrays(dtype, shape, elements=elements(dtype, low, high, special)))


def axis_of(draw: Draw, x: np.ndarray) -> int:
    return draw(st.integers(-x.ndim, x.ndim - 1))


def axes_of(draw: Draw, x: np.ndarray) -> Any:
    """None, an axis or several."""
    if x.ndim == 0:
        return draw(st.sampled_from([None, ()]))
    several = st.lists(st.integers(0, x.ndim - 1), unique=True, min_size=1)
    return draw(
        st.one_of(st.none(), st.integers(-x.ndim, x.ndim - 1), several.map(tuple))
    )


def pair(draw: Draw, dtypes: tuple[str, ...], **span: Any) -> list[np.ndarray]:
    """Two arrays whose shapes broadcast and whose dtypes promote."""
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3))
    first = draw(st.sampled_from(dtypes))
    allowed = [d for d in dtypes if promotes(first, d)]
    second = draw(st.sampled_from(allowed))
    names = zip((first, second), shapes.input_shapes, strict=True)
    return [array(draw, (d,), s, **span) for d, s in names]


def promotes(a: str, b: str) -> bool:
    """Whether the standard says what the two promote to."""
    if a == b:
        return True
    if a in FLOATS or b in FLOATS:
        return a in FLOATS and b in FLOATS
    if "bool" in (a, b):
        return False
    return not ("uint64" in (a, b) and (a in SIGNED or b in SIGNED))


def case(name: str, **fields: Any) -> Callable[[Any], Any]:
    def add(draw: Any) -> Any:
        CASES[name] = Case(draw, **fields)
        return draw

    return add


# Elementwise --------------------------------------------------------------------


def unary(names: str, dtypes: tuple[str, ...], **fields: Any) -> None:
    span = {k: fields.pop(k) for k in ("low", "high", "special") if k in fields}
    for name in names.split():
        case(name, **fields)(lambda draw: ((array(draw, dtypes, **span),), {}))


def binary(names: str, dtypes: tuple[str, ...], **fields: Any) -> None:
    span = {k: fields.pop(k) for k in ("low", "high", "special") if k in fields}
    for name in names.split():
        case(name, **fields)(lambda draw: (tuple(pair(draw, dtypes, **span)), {}))


# -2^(n-1) has no magnitude, and what wraps is not the standard's.
unary("abs negative positive sign square", NUMERIC, low=-11, high=11)
unary("ceil floor round trunc isfinite isinf isnan", NUMERIC)
unary("acos asin atanh", FLOATS, low=-1, high=1)
unary("acosh asinh atan cos sin tan log log1p log2 log10 sqrt", FLOATS)
unary("cosh sinh exp expm1", FLOATS, low=-80, high=80)
unary("tanh reciprocal signbit", FLOATS)
unary("logical_not", BOOL)
unary("bitwise_invert", BOOL + INTEGERS)
binary("add subtract multiply maximum minimum", NUMERIC, low=-5, high=5)
binary("equal not_equal", ALL)
binary("greater greater_equal less less_equal", NUMERIC)
binary("divide atan2 copysign hypot logaddexp nextafter", FLOATS)
binary("logical_and logical_or logical_xor", BOOL)
binary("bitwise_and bitwise_or bitwise_xor", BOOL + INTEGERS)


@case("pow")
def _(draw: Draw) -> Any:
    if draw(st.booleans()):
        return tuple(pair(draw, FLOATS)), {}
    x, n = pair(draw, INTEGERS, low=0, high=3)
    return (x, n), {}


def _division(draw: Draw) -> Any:
    if draw(st.booleans()):
        return tuple(pair(draw, FLOATS)), {}
    x, y = pair(draw, INTEGERS, low=-50, high=50)
    return (x, np.where(y == 0, 1, y).astype(y.dtype)), {}


case("floor_divide")(_division)
case("remainder", atol=1e-4)(_division)


def _shift(draw: Draw) -> Any:
    x = array(draw, INTEGERS)
    return (x, array(draw, (x.dtype.name,), x.shape, 0, 6)), {}


case("bitwise_left_shift")(_shift)
case("bitwise_right_shift")(_shift)


@case("clip")
def _(draw: Draw) -> Any:
    x = array(draw, NUMERIC, special=False)
    names = draw(st.sampled_from([("min",), ("max",), ("min", "max")]))
    bounds = {"min": draw(st.integers(0, 3)), "max": draw(st.integers(4, 9))}
    if x.dtype.kind == "f":
        bounds = {k: float(v) for k, v in bounds.items()}
    if draw(st.booleans()):
        return (x,), {k: np.array(bounds[k], x.dtype) for k in names}
    return (x,), {k: bounds[k] for k in names}


# Creation -----------------------------------------------------------------------


def _dtype(draw: Draw, dtypes: tuple[str, ...] = ALL) -> dict[str, Any]:
    """Sometimes a dtype."""
    name = draw(st.one_of(st.none(), st.sampled_from(dtypes)))
    return {} if name is None else {"dtype": Name(name)}


def _shape(draw: Draw) -> Any:
    return draw(st.one_of(SHAPES, st.integers(0, 4)))


for _name in ("zeros", "ones"):
    case(_name, default=True)(lambda draw: ((_shape(draw),), _dtype(draw)))
case("empty", default=True, form=lambda x: [x.shape, x.dtype])(
    lambda draw: ((_shape(draw),), _dtype(draw, NUMERIC))
)
for _name in ("zeros_like", "ones_like"):
    case(_name)(lambda draw: ((array(draw),), _dtype(draw)))
case("empty_like", form=lambda x: [x.shape, x.dtype])(
    lambda draw: ((array(draw, NUMERIC),), _dtype(draw, NUMERIC))
)


@case("full", default=True)
def _(draw: Draw) -> Any:
    value = draw(st.sampled_from([True, 3, 2.5, -1.0, np.nan]))
    return (_shape(draw), value), {}


@case("full_like")
def _(draw: Draw) -> Any:
    x = array(draw, FLOATS)
    return (x, draw(st.sampled_from([3.0, 2.5, np.inf]))), _dtype(draw, FLOATS)


@case("arange", default=True)
def _(draw: Draw) -> Any:
    numbers = st.integers(-9, 9)
    real = draw(st.booleans())
    step = draw(numbers.filter(bool))
    start, stop = draw(numbers), draw(numbers)
    if real:
        start, stop, step = start / 2, stop / 2, step / 4
    kwargs = _dtype(draw, FLOATS if real else SIGNED + FLOATS)
    form = draw(st.integers(0, 2))
    if form == 0:
        return (stop,), kwargs
    return ((start, stop), kwargs) if form == 1 else ((start, stop, step), kwargs)


@case("linspace", default=True, atol=1e-5)
def _(draw: Draw) -> Any:
    ends = st.floats(-50, 50, width=32)
    kwargs = {"endpoint": draw(st.booleans()), **_dtype(draw, FLOATS)}
    return (draw(ends), draw(ends)), {"num": draw(st.integers(1, 9)), **kwargs}


@case("eye", default=True)
def _(draw: Draw) -> Any:
    size = st.integers(0, 5)
    kwargs = {"k": draw(st.integers(-6, 6)), **_dtype(draw)}
    args = (draw(size), draw(st.one_of(st.none(), size)))
    return (args if draw(st.booleans()) else args[:1]), kwargs


@case("asarray", default=True)
def _(draw: Draw) -> Any:
    if draw(st.booleans()):
        copy = draw(st.sampled_from([{}, {"copy": True}, {"copy": None}]))
        return (array(draw),), copy
    kind = draw(st.sampled_from([st.booleans(), st.integers(-9, 9)]))
    return (draw(st.one_of(kind, st.lists(kind, min_size=1, max_size=3))),), {}


case("from_dlpack")(lambda draw: ((array(draw),), {}))


@case("meshgrid")
def _(draw: Draw) -> Any:
    dtype = draw(st.sampled_from(NUMERIC))
    sizes = draw(st.lists(st.integers(0, 4), min_size=1, max_size=3))
    arrays = tuple(array(draw, (dtype,), (n,)) for n in sizes)
    return arrays, {"indexing": draw(st.sampled_from(["xy", "ij"]))}


def _triangle(draw: Draw) -> Any:
    return (array(draw, shape=MATRICES),), {"k": draw(st.integers(-5, 5))}


case("tril")(_triangle)
case("triu")(_triangle)

# Data types ---------------------------------------------------------------------


@case("astype")
def _(draw: Draw) -> Any:
    x = array(draw, special=False, low=0, high=100)
    kwargs = draw(st.sampled_from([{}, {"copy": True}, {"copy": False}]))
    return (x, Name(draw(st.sampled_from(ALL)))), kwargs


@case("isdtype")
def _(draw: Draw) -> Any:
    kinds = ("bool", "signed integer", "unsigned integer", "integral", "numeric")
    kinds += ("real floating", "complex floating")
    kind = draw(st.one_of(st.sampled_from(kinds), st.sampled_from(ALL).map(Name)))
    kind = draw(st.sampled_from([kind, (kind, "bool"), (kind,)]))
    return (Name(draw(st.sampled_from(ALL))), kind), {}


@case("can_cast")
def _(draw: Draw) -> Any:
    a = draw(st.sampled_from(ALL))
    b = draw(st.sampled_from([d for d in ALL if promotes(a, d)]))
    source = draw(st.sampled_from([Name(a), np.zeros(2, a)]))
    return (source, Name(b)), {}


@case("result_type")
def _(draw: Draw) -> Any:
    a = draw(st.sampled_from(ALL))
    b = draw(st.sampled_from([d for d in ALL if promotes(a, d)]))
    args = [draw(st.sampled_from([Name(d), np.zeros(2, d)])) for d in (a, b)]
    if "bool" not in (a, b) and draw(st.booleans()):
        args.append(3 if a in INTEGERS else 2.5)
    return tuple(args), {}


LIMITS = ("bits", "min", "max")


def _limits(*names: str) -> Callable[[Any], list[float]]:
    return lambda info: [getattr(info, n) for n in names]


case("iinfo", form=_limits(*LIMITS))(lambda draw: ((_type(draw, INTEGERS),), {}))
case("finfo", form=_limits(*LIMITS, "eps", "smallest_normal"))(
    lambda draw: ((_type(draw, FLOATS),), {})
)


def _type(draw: Draw, dtypes: tuple[str, ...]) -> Any:
    name = draw(st.sampled_from(dtypes))
    return draw(st.sampled_from([Name(name), np.zeros(2, name)]))
