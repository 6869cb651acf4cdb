"""Result dtypes: the promotion matrix, Python scalars, and dtype queries."""

from __future__ import annotations

from typing import Any

import ingot.core as mx
import ml_dtypes
import numpy as np
import pytest
from support import (
    ALL,
    COMPLEX,
    CORE,
    FLOATS,
    INTEGERS,
    NUMPY,
    SIGNED,
    UNSIGNED,
    dtype_name,
    to_numpy,
)

# One row per left dtype, one column per right dtype, both in the order of ALL.
SHORT = {
    "b": "bool",
    **{f"u{8 << i}": name for i, name in enumerate(UNSIGNED)},
    **{f"i{8 << i}": name for i, name in enumerate(SIGNED)},
    "f16": "float16",
    "bf": "bfloat16",
    "f32": "float32",
    "f64": "float64",
}
MATRIX = """
b    b   u8  u16 u32 u64 i8  i16 i32 i64 f16 bf  f32 f64
u8   u8  u8  u16 u32 u64 i16 i16 i32 i64 f16 bf  f32 f64
u16  u16 u16 u16 u32 u64 i32 i32 i32 i64 f16 bf  f32 f64
u32  u32 u32 u32 u32 u64 i64 i64 i64 i64 f16 bf  f32 f64
u64  u64 u64 u64 u64 u64 f32 f32 f32 f32 f16 bf  f32 f64
i8   i8  i16 i32 i64 f32 i8  i16 i32 i64 f16 bf  f32 f64
i16  i16 i16 i32 i64 f32 i16 i16 i32 i64 f16 bf  f32 f64
i32  i32 i32 i32 i64 f32 i32 i32 i32 i64 f16 bf  f32 f64
i64  i64 i64 i64 i64 f32 i64 i64 i64 i64 f16 bf  f32 f64
f16  f16 f16 f16 f16 f16 f16 f16 f16 f16 f16 f32 f32 f64
bf   bf  bf  bf  bf  bf  bf  bf  bf  bf  f32 bf  f32 f64
f32  f32 f32 f32 f32 f32 f32 f32 f32 f32 f32 f32 f32 f64
f64  f64 f64 f64 f64 f64 f64 f64 f64 f64 f64 f64 f64 f64
"""
PROMOTED = {
    (SHORT[row.split()[0]], right): SHORT[cell]
    for row in MATRIX.strip().splitlines()
    for right, cell in zip(ALL, row.split()[1:], strict=True)
}


@pytest.mark.parametrize("left", ALL)
def test_promotion_matrix(left: str) -> None:
    """Two arrays meet in the smallest dtype of the matrix."""
    for right in ALL:
        a, b = mx.zeros((2,), CORE[left]), mx.ones((2,), CORE[right])
        want = PROMOTED[left, right]
        assert dtype_name(a + b) == want, (left, right)
        assert dtype_name(mx.maximum(a, b)) == want, (left, right)
        assert dtype_name(mx.where(mx.array(True), a, b)) == want, (left, right)
        assert dtype_name(mx.concatenate([a, b])) == want, (left, right)
        assert to_numpy(a + b).astype(np.float64).tolist() == [1.0, 1.0]


@pytest.mark.skipif(not hasattr(mx, "result_type"), reason="no result_type")
def test_result_type() -> None:
    """result_type tells the matrix without computing."""
    for (left, right), want in PROMOTED.items():
        a, b = mx.zeros((1,), CORE[left]), mx.zeros((1,), CORE[right])
        assert dtype_name(mx.result_type(a, b)) == want
        assert dtype_name(mx.result_type(CORE[left], CORE[right])) == want


def test_matrix_is_symmetric() -> None:
    """The order of the operands does not matter."""
    assert all(PROMOTED[a, b] == PROMOTED[b, a] for a in ALL for b in ALL)


@pytest.mark.parametrize("dtype", ALL)
def test_python_scalars_are_weak(dtype: str) -> None:
    """A Python scalar takes the array's dtype unless it is of a higher kind."""
    x = mx.ones((2,), CORE[dtype])
    integer = "int32" if dtype == "bool" else dtype
    real = dtype if dtype in FLOATS else "float32"
    assert dtype_name(x + True) == dtype
    for y in (x + 2, 2 + x, mx.add(x, 2), mx.add(2, x), mx.maximum(x, 2)):
        assert dtype_name(y) == integer
    for y in (x + 2.5, 2.5 + x, mx.multiply(2.5, x), mx.minimum(x, 2.5)):
        assert dtype_name(y) == real
    assert dtype_name(mx.where(x > 0, x, 0)) == integer


@pytest.mark.parametrize("dtype", ALL)
def test_scalars_alone(dtype: str) -> None:
    """Division and functions of integers are float32; comparisons are bool."""
    x = mx.ones((2,), CORE[dtype])
    real = dtype if dtype in FLOATS else "float32"
    assert dtype_name(x / x) == real
    assert dtype_name(x / 2) == real
    assert dtype_name(2 / x) == real
    assert dtype_name(mx.exp(x)) == real
    assert dtype_name(x == 2) == "bool"
    assert dtype_name(x < 2.5) == "bool"


def test_zero_dimensional_arrays_are_not_weak() -> None:
    """An array is an array, whatever its number of dimensions."""
    half, one = mx.ones((2,), mx.float16), mx.array(1.0)
    assert dtype_name(half + one) == "float32"


@pytest.mark.parametrize(
    ("dtype", "value"),
    [("uint8", 300), ("uint8", -1), ("int8", 128), ("int32", 2**40), ("uint64", -1)],
)
def test_scalar_that_does_not_fit(dtype: str, value: int) -> None:
    """A Python integer outside the array's dtype is refused, not wrapped."""
    x = mx.ones((2,), CORE[dtype])
    with pytest.raises((ValueError, OverflowError), match=str(value)):
        mx.eval(x + value)


@pytest.mark.parametrize("dtype", ALL)
def test_in_place_operators(dtype: str) -> None:
    """`a += b` gives what `a = a + b` gives; copies and views of `a` stay."""
    for other in (mx.array(2), mx.array(2.5), mx.ones((2,), mx.uint8)):
        a = mx.ones((2,), CORE[dtype])
        same, copy, view = a, mx.array(a), a[...]
        want = a + other
        a += other
        assert same is a
        assert dtype_name(a) == dtype_name(want)
        np.testing.assert_array_equal(to_numpy(a), to_numpy(want))
        assert to_numpy(copy).astype(np.float64).tolist() == [1.0, 1.0]
        assert to_numpy(view).astype(np.float64).tolist() == [1.0, 1.0]


CATEGORIES = {
    "generic": (*ALL, COMPLEX),
    "number": (*INTEGERS, *FLOATS, COMPLEX),
    "integer": INTEGERS,
    "signedinteger": SIGNED,
    "unsignedinteger": UNSIGNED,
    "inexact": (*FLOATS, COMPLEX),
    "floating": FLOATS,
    "complexfloating": (COMPLEX,),
}


@pytest.mark.skipif(not hasattr(mx, "issubdtype"), reason="no issubdtype")
@pytest.mark.parametrize("category", sorted(CATEGORIES))
def test_issubdtype(category: str) -> None:
    """Dtypes belong to the categories of the documentation."""
    for dtype in (*ALL, COMPLEX):
        inside = mx.issubdtype(CORE[dtype], getattr(mx, category))
        assert inside == (dtype in CATEGORIES[category]), dtype


KINDS = {
    "bool": ("bool",),
    "signed integer": SIGNED,
    "unsigned integer": UNSIGNED,
    "integral": INTEGERS,
    "real floating": FLOATS,
    "complex floating": (COMPLEX,),
    "numeric": (*INTEGERS, *FLOATS, COMPLEX),
}


@pytest.mark.parametrize("dtype", [*ALL, COMPLEX])
def test_isdtype(dtype: str) -> None:
    """Kinds are those of the array API; a tuple holds what any of it holds."""
    for kind, members in KINDS.items():
        assert mx.isdtype(CORE[dtype], kind) is (dtype in members), kind
    for other in ALL:
        assert mx.isdtype(CORE[dtype], CORE[other]) is (dtype == other)
    either = ("bool", mx.int8)
    assert mx.isdtype(CORE[dtype], either) is (dtype in ("bool", "int8"))
    assert mx.isdtype(CORE[dtype], ()) is False


def test_isdtype_refuses() -> None:
    for dtype, kind in [(1, "bool"), (mx.int8, 3), (mx.int8, ["bool"]), (None, None)]:
        with pytest.raises(TypeError, match="isdtype"):
            mx.isdtype(dtype, kind)
    for kind in ("float", ("bool", "x")):
        with pytest.raises(ValueError, match="isdtype"):
            mx.isdtype(mx.int8, kind)


def test_can_cast() -> None:
    """To what both promote to."""
    for (left, right), want in PROMOTED.items():
        assert mx.can_cast(CORE[left], CORE[right]) is (want == right)
        assert mx.can_cast(mx.zeros((1,), CORE[left]), CORE[right]) is (want == right)
    for args in [(1.0, mx.int8), (mx.int8, 1), (mx.int8, mx.array(1)), (None, None)]:
        with pytest.raises(TypeError, match="can_cast"):
            mx.can_cast(*args)


@pytest.mark.parametrize("dtype", ALL)
def test_dtype_size_and_names(dtype: str) -> None:
    """A dtype knows its size and is equal only to itself."""
    core = CORE[dtype]
    x = mx.zeros((2, 3), core)
    assert core.size == x.itemsize
    assert x.nbytes == 6 * core.size
    assert [other for other in ALL if CORE[other] == core] == [dtype]
    assert len({hash(d) for d in CORE.values()}) > 1
    assert {core: 1}[core] == 1
    assert dtype in str(core)


def test_accumulating_reductions() -> None:
    """Sums of narrow integers are 32 bits wide and do not overflow on the way."""
    kinds: dict[str, Any] = {"bool": 1, "int8": 100, "uint8": 200, "int16": 30000}
    for dtype, value in kinds.items():
        total = mx.sum(mx.full((1000,), value, CORE[dtype]))
        assert total.item() == 1000 * value
        assert dtype_name(total) == ("uint32" if dtype == "uint8" else "int32")


@pytest.mark.skipif(not hasattr(mx, "finfo"), reason="no finfo")
@pytest.mark.parametrize("dtype", ALL)
def test_limits(dtype: str) -> None:
    """finfo and iinfo tell the ends of a dtype, and refuse the other kind."""
    if dtype in FLOATS:
        info, want = mx.finfo(CORE[dtype]), ml_dtypes.finfo(NUMPY[dtype])
        assert (info.min, info.max) == (float(want.min), float(want.max))
        assert info.eps == float(want.eps)
    elif dtype != "bool":
        limits, ends = mx.iinfo(CORE[dtype]), np.iinfo(NUMPY[dtype])
        assert (limits.min, limits.max) == (ends.min, ends.max)
    with pytest.raises((ValueError, TypeError)):
        (mx.iinfo if dtype in FLOATS else mx.finfo)(CORE[dtype])
