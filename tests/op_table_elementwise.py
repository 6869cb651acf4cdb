"""The table's elementwise ops: unary, binary, where and clip."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from op_case import (
    ALL,
    FLOATS,
    Domain,
    OpCase,
    Sample,
    binary_samples,
    boolean,
    floating,
    op,
    smooth_samples,
    unary_samples,
)
from support import BOOL, INTEGERS

ANY = Domain(extremes=True)
REAL = Domain()
POSITIVE = Domain(0.01, 50.0, (1, 60))
UNIT = Domain(-0.99, 0.99, (-1, 2))
NON_BOOL = INTEGERS + FLOATS


def unary(
    name: str, domain: Domain = REAL, *, grad: bool = True, **fields: Any
) -> OpCase:
    fields.setdefault("grad_samples", smooth_samples(domain) if grad else None)
    return op(name, unary_samples(domain), elementwise=True, **fields)


def function(name: str, low: float, high: float, **fields: Any) -> OpCase:
    """A function of a real number: integers become float32."""
    integers = (int(np.ceil(low)), int(np.floor(high)) + 1)
    integers = (max(integers[0], -20), min(integers[1], 21))
    return unary(name, Domain(low, high, integers), result=floating, **fields)


def binary(
    name: str,
    first: Domain = REAL,
    second: Domain | None = None,
    *,
    grad: bool = True,
    **fields: Any,
) -> OpCase:
    second = second or first
    samples = binary_samples(first, second)
    gradients = smooth_samples(first, second) if grad else None
    return op(
        name,
        samples,
        grad_samples=gradients,
        grad_args=(0, 1),
        elementwise=True,
        **fields,
    )


def predicate(make: Callable[..., OpCase], name: str) -> OpCase:
    return make(name, ANY, grad=False, result=boolean)


def _gate(x: np.ndarray) -> np.ndarray:
    """A slope is a sum whose terms are about so large, and 0 somewhere."""
    return (1 + np.minimum(np.abs(x), 1e30)) * np.exp(np.minimum(x, 0)) + 1e-30


UNARY = [
    unary("abs", ANY, ulps=0.5),
    unary("negative", ANY, ulps=0.5, dtypes=NON_BOOL, refused=BOOL),
    unary("sign", ANY, ulps=0.5),
    unary("square", ANY, ulps=0.5),
    unary("floor", ANY, ulps=0.5),
    unary("ceil", ANY, ulps=0.5),
    unary("round", ANY, ulps=0.5),
    function("sqrt", 0.0, 100.0, ulps=0.5, grad_samples=smooth_samples(POSITIVE)),
    function("rsqrt", 0.01, 100.0),
    function("reciprocal", 0.01, 100.0, ulps=0.5),
    function("exp", -80.0, 80.0),
    function("expm1", -20.0, 40.0),
    function("log", 1e-3, 100.0),
    function("log2", 1e-3, 100.0),
    function("log10", 1e-3, 100.0),
    function("log1p", -0.9, 100.0),
    function("sin", -100.0, 100.0),
    function("cos", -100.0, 100.0),
    function("tan", -100.0, 100.0, ulps=8, grad_samples=smooth_samples(UNIT)),
    function("arcsin", -1.0, 1.0, grad_samples=smooth_samples(UNIT)),
    function("arccos", -1.0, 1.0, grad_samples=smooth_samples(UNIT)),
    function("arctan", -50.0, 50.0),
    function("sinh", -20.0, 20.0),
    function("cosh", -20.0, 20.0),
    function("tanh", -10.0, 10.0),
    function("arcsinh", -50.0, 50.0),
    function("arccosh", 1.0, 50.0),
    function("arctanh", -0.99, 0.99),
    function("erf", -4.0, 4.0),
    function("erfinv", -0.999, 0.999, grad_samples=smooth_samples(UNIT)),
    function("sigmoid", -20.0, 20.0),
    function("silu", -20.0, 20.0),
    function("silu_slope", -9.0, 20.0, scale=_gate),
    function("gelu", -4.0, 20.0, ulps=20),
    function("gelu_slope", -9.0, 20.0, scale=_gate),
    function("gelu_approx", -4.0, 20.0, ulps=8),
    function("gelu_approx_slope", -9.0, 20.0, scale=_gate),
    unary("logical_not", ANY, grad=False, result=boolean),
    unary(
        "bitwise_invert",
        ANY,
        grad=False,
        dtypes=INTEGERS,
        refused=("float16", "bfloat16", "float32", "float64"),
    ),
    predicate(unary, "isnan"),
    predicate(unary, "isinf"),
    predicate(unary, "isfinite"),
    predicate(unary, "isneginf"),
    predicate(unary, "isposinf"),
]

WHOLE = BOOL + INTEGERS
SHIFT = Domain(integers=(0, 8))
POWER_BASE = Domain(0.05, 10.0, (-3, 4))
POWER_EXPONENT = Domain(-5.0, 5.0, (0, 7))
NAN_TO_NUM = {"nan": 7.0, "posinf": 8.0, "neginf": -9.0}


def _nan_to_num_samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    yield Sample((REAL.edges(dtype),))
    yield Sample((REAL.edges(dtype),), NAN_TO_NUM)


def _divmod_call(a: Any, b: Any) -> Any:
    import ingot.core as mx

    return list(mx.divmod(a, b))


OPTIONAL = [  # of the MLX list, beyond what was asked for: tested where they exist
    unary("trunc", ANY, ulps=0.5),
    function("exp2", -100.0, 100.0),
    op(
        "divmod",
        binary_samples(ANY, ANY),
        dtypes=INTEGERS,
        call=_divmod_call,
        elementwise=False,
    ),
    op("nan_to_num", _nan_to_num_samples, dtypes=("float32", "float64"), ulps=0),
    function("degrees", -100.0, 100.0),
    function("radians", -1000.0, 1000.0),
    predicate(binary, "logical_xor"),
    # Of the array API standard.
    predicate(unary, "signbit"),
    binary("copysign", ANY, ulps=0.5, result=floating),
    binary("hypot", REAL, result=floating),
]

BINARY = [
    binary("add", ANY, ulps=0.5),
    binary("subtract", ANY, ulps=0.5),
    binary("multiply", ANY, ulps=0.5),
    binary("divide", REAL, ulps=0.5, result=floating),
    binary("floor_divide", ANY, ulps=0.5),
    binary("remainder", ANY),
    binary("power", POWER_BASE, POWER_EXPONENT, ulps=8),
    binary("maximum", ANY, ulps=0.5),
    binary("minimum", ANY, ulps=0.5),
    binary("logaddexp", REAL, result=floating),
    binary("arctan2", REAL, result=floating),
    predicate(binary, "equal"),
    predicate(binary, "not_equal"),
    predicate(binary, "less"),
    predicate(binary, "less_equal"),
    predicate(binary, "greater"),
    predicate(binary, "greater_equal"),
    predicate(binary, "logical_and"),
    predicate(binary, "logical_or"),
    binary("bitwise_and", ANY, grad=False, dtypes=WHOLE, refused=FLOATS),
    binary("bitwise_or", ANY, grad=False, dtypes=WHOLE, refused=FLOATS),
    binary("bitwise_xor", ANY, grad=False, dtypes=WHOLE, refused=FLOATS),
    binary("left_shift", ANY, SHIFT, grad=False, dtypes=WHOLE, refused=FLOATS),
    binary("right_shift", ANY, SHIFT, grad=False, dtypes=WHOLE, refused=FLOATS),
]


def _where_samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    edges = ANY.edges(dtype)
    yield Sample(
        (rng.integers(0, 2, edges.shape).astype(bool), edges, edges[::-1].copy())
    )
    shapes = [
        ((67,), (67,), (67,)),
        ((5, 7), (7,), (5, 1)),
        ((), (4,), ()),
        ((3, 1, 4), (2, 1), (4,)),
        ((0,), (1,), (0,)),
        ((), (), ()),
    ]
    for c, x, y in shapes:
        condition = rng.integers(0, 2, c).astype(bool)
        yield Sample((condition, ANY.draw(rng, dtype, x), ANY.draw(rng, dtype, y)))


def _where_smooth(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    condition = np.array([[True], [False], [True]])
    yield Sample((condition, REAL.smooth(rng, (3, 4)), REAL.smooth(rng, (4,))))


def _clip_samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    low, high = (
        np.array(0, REAL.edges(dtype).dtype),
        np.array(5, REAL.edges(dtype).dtype),
    )
    yield Sample((REAL.edges(dtype), low, high))
    yield Sample((REAL.draw(rng, dtype, (5, 7)), None, high))
    yield Sample((REAL.draw(rng, dtype, (5, 7)), low, None))
    lows = REAL.draw(rng, dtype, (7,))
    yield Sample((REAL.draw(rng, dtype, (5, 7)), lows, lows + lows.dtype.type(3)))
    yield Sample((REAL.draw(rng, dtype, ()), low, high))
    yield Sample((REAL.draw(rng, dtype, (0, 3)), low, high))


def _clip_smooth(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    yield Sample((REAL.smooth(rng, (4, 5)), np.array(-1.0), np.full(5, 1.0)))


TERNARY = [
    op("where", _where_samples, grad_samples=_where_smooth, grad_args=(1, 2)),
    op(
        "clip",
        _clip_samples,
        dtypes=NON_BOOL,
        grad_samples=_clip_smooth,
        grad_args=(0, 1, 2),
    ),
]

ELEMENTWISE: list[OpCase] = UNARY + BINARY + TERNARY
__all__ = ["ALL", "BINARY", "ELEMENTWISE", "OPTIONAL", "TERNARY", "UNARY"]
