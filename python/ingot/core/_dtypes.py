"""Questions about dtypes: categories, limits, promotion."""

from __future__ import annotations

import enum
import math
from typing import Any

from ingot import _core

__all__ = [
    "DtypeCategory",
    "can_cast",
    "complexfloating",
    "finfo",
    "floating",
    "generic",
    "iinfo",
    "inexact",
    "integer",
    "isdtype",
    "issubdtype",
    "number",
    "result_type",
    "signedinteger",
    "unsignedinteger",
]

Dtype = _core.Dtype


class DtypeCategory(enum.Enum):
    """Groups of dtypes, each within the one it names as its value's first part."""

    generic = "generic"
    number = "generic.number"
    integer = "generic.number.integer"
    signedinteger = "generic.number.integer.signed"
    unsignedinteger = "generic.number.integer.unsigned"
    inexact = "generic.number.inexact"
    floating = "generic.number.inexact.floating"
    complexfloating = "generic.number.inexact.complex"


generic = DtypeCategory.generic
number = DtypeCategory.number
integer = DtypeCategory.integer
signedinteger = DtypeCategory.signedinteger
unsignedinteger = DtypeCategory.unsignedinteger
inexact = DtypeCategory.inexact
floating = DtypeCategory.floating
complexfloating = DtypeCategory.complexfloating

_SIGNED = (_core.int8, _core.int16, _core.int32, _core.int64)
_UNSIGNED = (_core.uint8, _core.uint16, _core.uint32, _core.uint64)
# Bits of the significand with the implied one, and the largest exponent.
_FLOATING = {
    _core.float16: (11, 15),
    _core.bfloat16: (8, 127),
    _core.float32: (24, 127),
    _core.float64: (53, 1023),
}

_NUMBERS = (bool, int, float, complex)


def _category(dtype: Dtype) -> DtypeCategory:
    if dtype == _core.complex64:
        return complexfloating
    if dtype in _FLOATING:
        return floating
    if dtype in _SIGNED:
        return signedinteger
    return unsignedinteger if dtype in _UNSIGNED else generic


def issubdtype(arg1: Dtype | DtypeCategory, arg2: Dtype | DtypeCategory) -> bool:
    """Whether a dtype or category lies within another.

    Args:
        arg1: dtype or category to ask about.
        arg2: dtype or category that may hold it; a dtype holds only itself.

    Raises:
        TypeError: if an argument is neither.

    Example:
        >>> import ingot.core as mx
        >>> mx.issubdtype(mx.bfloat16, mx.floating), mx.issubdtype(mx.int8, mx.inexact)
        (True, False)
    """
    for arg in (arg1, arg2):
        if not isinstance(arg, (Dtype, DtypeCategory)):
            raise TypeError(
                "issubdtype: arguments must be dtypes or categories, "
                f"got {type(arg).__name__}"
            )
    if isinstance(arg2, Dtype):
        return bool(arg1 == arg2)
    inner = _category(arg1) if isinstance(arg1, Dtype) else arg1
    return f"{inner.value}.".startswith(f"{arg2.value}.")


def result_type(*arrays_and_dtypes: Any) -> Dtype:
    """The dtype in which arrays and dtypes are combined.

    Args:
        *arrays_and_dtypes: arrays, dtypes, or Python numbers, which are weak.

    Example:
        >>> import ingot.core as mx
        >>> mx.result_type(mx.int32, mx.float16), mx.result_type(mx.int8, 1)
        (ingot.core.float16, ingot.core.int8)
    """
    if not arrays_and_dtypes:
        raise ValueError("result_type: there must be at least one argument")
    numbers = [x for x in arrays_and_dtypes if isinstance(x, _NUMBERS)]
    result: Dtype | None = None
    for arg in arrays_and_dtypes:
        if isinstance(arg, _NUMBERS):
            continue
        dtype = arg if isinstance(arg, Dtype) else _core.array(arg).dtype
        result = dtype if result is None else _core._promote(result, dtype)
    if result is None:
        result, numbers = _core.array(numbers[0]).dtype, numbers[1:]
    for value in numbers:
        result = (_core.zeros((), result) + value).dtype
    return result


def can_cast(from_: Any, to: Dtype) -> bool:
    """Whether the two promote to `to`: nothing is lost but digits.

    Args:
        from_: array or dtype.
        to: dtype.

    Raises:
        TypeError: if to is no dtype, or from_ neither.

    Example:
        >>> import ingot.core as mx
        >>> mx.can_cast(mx.int8, mx.float16), mx.can_cast(mx.float32, mx.int64)
        (True, False)
    """
    dtype = getattr(from_, "dtype", from_)
    for name, value in (("from_", dtype), ("to", to)):
        if not isinstance(value, Dtype):
            raise TypeError(
                f"can_cast: {name} must be a dtype, got {type(value).__name__}"
            )
    return bool(_core._promote(dtype, to) == to)


# The kinds of the array API standard.
_KINDS: dict[str, tuple[DtypeCategory, ...]] = {
    "bool": (generic,),
    "signed integer": (signedinteger,),
    "unsigned integer": (unsignedinteger,),
    "integral": (signedinteger, unsignedinteger),
    "real floating": (floating,),
    "complex floating": (complexfloating,),
    "numeric": (signedinteger, unsignedinteger, floating, complexfloating),
}


def isdtype(dtype: Dtype, kind: Dtype | str | tuple[Dtype | str, ...]) -> bool:
    """Whether a dtype is of a kind, as the array API standard names them.

    Args:
        dtype: dtype.
        kind: another dtype; "bool", "signed integer", "unsigned integer",
            "integral", "real floating", "complex floating" or "numeric"; or a
            tuple of those, any of which will do.

    Raises:
        TypeError: if dtype is no dtype, or kind neither dtype, string nor tuple.
        ValueError: if a kind is not one of these.

    Example:
        >>> import ingot.core as mx
        >>> mx.isdtype(mx.uint8, "integral"), mx.isdtype(mx.bool_, "numeric")
        (True, False)
    """
    if not isinstance(dtype, Dtype):
        raise TypeError(f"isdtype: dtype must be a dtype, got {type(dtype).__name__}")
    matches = False
    for one in kind if isinstance(kind, tuple) else (kind,):
        if isinstance(one, Dtype):
            matches |= bool(dtype == one)
        elif not isinstance(one, str):
            raise TypeError(
                "isdtype: kind must be a dtype, a string or a tuple of those, "
                f"got {type(one).__name__}"
            )
        elif one not in _KINDS:
            raise ValueError(
                f"isdtype: kind must be one of {sorted(_KINDS)}, got {one!r}"
            )
        else:
            matches |= _category(dtype) in _KINDS[one]
    return matches


class finfo:
    """Limits of a floating dtype: min, max, eps, smallest_normal, bits.

    Args:
        dtype: floating dtype, or an array of one; complex64 has the limits of its
            parts, float32.

    Raises:
        ValueError: if it is not one.

    Example:
        >>> import ingot.core as mx
        >>> mx.finfo(mx.float16).max
        65504.0
    """

    def __init__(self, dtype: Dtype | _core.array) -> None:
        if isinstance(dtype, _core.array):
            dtype = dtype.dtype
        if dtype == _core.complex64:
            dtype = _core.float32
        if dtype not in _FLOATING:
            raise ValueError(f"finfo: dtype must be floating, got {dtype}")
        significand, exponent = _FLOATING[dtype]
        self.dtype = dtype
        self.bits = 8 * dtype.size
        self.eps = math.ldexp(1.0, 1 - significand)
        self.max = math.ldexp(2.0 - self.eps, exponent)
        self.min = -self.max
        self.smallest_normal = math.ldexp(1.0, 1 - exponent)

    def __repr__(self) -> str:
        return f"finfo(min={self.min}, max={self.max}, dtype={self.dtype})"


class iinfo:
    """Limits of an integer dtype: min, max, bits.

    Args:
        dtype: integer dtype, or an array of one.

    Raises:
        ValueError: if it is not one.

    Example:
        >>> import ingot.core as mx
        >>> mx.iinfo(mx.int8).max
        127
    """

    def __init__(self, dtype: Dtype | _core.array) -> None:
        if isinstance(dtype, _core.array):
            dtype = dtype.dtype
        if dtype not in _SIGNED and dtype not in _UNSIGNED:
            raise ValueError(f"iinfo: dtype must be an integer, got {dtype}")
        self.dtype = dtype
        self.bits = 8 * dtype.size
        signed = dtype in _SIGNED
        self.max = 2 ** (self.bits - signed) - 1
        self.min = -self.max - 1 if signed else 0

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
