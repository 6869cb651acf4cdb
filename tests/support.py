"""Helpers of the generic tests: dtypes, layouts, ulp distances, comparisons."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import ingot.core as mx
import ml_dtypes
import numpy as np
from ingot.utils import tree_flatten

BOOL = ("bool",)
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
SIGNED = ("int8", "int16", "int32", "int64")
HALF = ("float16", "bfloat16")
INTEGERS = UNSIGNED + SIGNED
FLOATS = (*HALF, "float32", "float64")
ALL = BOOL + INTEGERS + FLOATS  # of real numbers
COMPLEX = "complex64"

NUMPY = {n: np.dtype(n) for n in (*ALL, COMPLEX) if n != "bfloat16"}
NUMPY["bfloat16"] = np.dtype(ml_dtypes.bfloat16)
CORE = {n: getattr(mx, "bool_" if n == "bool" else n) for n in (*ALL, COMPLEX)}

# significand bits and smallest normal exponent
_FORMAT = {
    "float16": (11, -14),
    "bfloat16": (8, -126),
    "float32": (24, -126),
    "float64": (53, -1022),
}


def dtype_name(a: Any) -> str:
    """The short name (`"float32"`, `"bool"`) of a core array's or dtype's dtype."""
    dtype = getattr(a, "dtype", a)
    return next(name for name, d in CORE.items() if d == dtype)


def to_core(x: np.ndarray) -> Any:
    """A contiguous core array with the values and the dtype of `x`."""
    x = np.array(x, order="C", copy=True)
    return mx.array(x, dtype=CORE[x.dtype.name])


def to_numpy(a: Any) -> np.ndarray:
    """The values of a core array, in NumPy's (or ml_dtypes') type of the same name."""
    if dtype_name(a) == "bfloat16":  # exact, and independent of the buffer protocol
        return np.array(a.astype(mx.float32)).astype(ml_dtypes.bfloat16)
    return np.array(a)


def is_float(dtype: str) -> bool:
    return dtype in FLOATS


def widen(x: np.ndarray, result_dtype: str | None = None) -> np.ndarray:
    """`x` as an oracle wants it: floats in float64, integers as Python integers.

    Integers that enter a floating op are rounded to float32 first, as the op does.
    """
    if is_float(x.dtype.name):
        return x.astype(np.float64)
    if x.dtype.kind == "c":
        return x.astype(np.complex128)
    if result_dtype is not None and is_float(result_dtype):
        return x.astype(np.float32).astype(np.float64)
    if x.dtype == np.bool_:
        x = x.astype(np.uint8)
    return x.astype(object)


def wrap(values: Any, dtype: str) -> np.ndarray:
    """Python integers reduced modulo 2**bits, as two's complement arithmetic does."""
    values = np.asarray(values, dtype=object)
    if dtype == "bool":
        flat = [bool(v) for v in values.flat]
    else:
        bits = 8 * NUMPY[dtype].itemsize
        low = 0 if dtype in UNSIGNED else -(1 << (bits - 1))
        flat = [(int(v) - low) % (1 << bits) + low for v in values.flat]
    return np.array(flat, dtype=NUMPY[dtype]).reshape(values.shape)


def ulp(x: np.ndarray, dtype: str) -> np.ndarray:
    """The distance between neighbours of float format `dtype` near each |x|."""
    bits, emin = _FORMAT[dtype]
    finite = np.where(np.isfinite(x) & (x != 0), np.abs(x), 1.0)
    exponent = np.floor(np.log2(finite))
    exponent = np.where(x == 0, emin, np.maximum(exponent, emin))
    return np.ldexp(1.0, (exponent - bits + 1).astype(int))


def eps(dtype: str) -> float:
    return 2.0 ** (1 - _FORMAT[dtype][0])


def largest(dtype: str) -> float:
    return float(ml_dtypes.finfo(NUMPY[dtype]).max)


def smallest_normal(dtype: str) -> float:
    return 2.0 ** _FORMAT[dtype][1]


def assert_close(
    got: np.ndarray,
    want: Any,
    *,
    ulps: float = 4.0,
    scale: Any = None,
    label: str = "",
) -> None:
    """`got` equals the oracle's `want` within the tolerance of its own dtype.

    Integers and bools are exact. float32 is within `ulps` units in the last place,
    half types within 1, float64 within 1e-14 relative. With `scale` the error is
    measured against eps * scale instead (sums: the sum of magnitudes); that of
    complex numbers is measured against eps * |want|.
    """
    dtype = got.dtype.name
    if dtype == COMPLEX:
        assert_complex_close(got, np.asarray(want), ulps, scale, label)
        return
    if not is_float(dtype):
        want = wrap(np.asarray(want), dtype)
        assert got.shape == want.shape, f"{label}: {got.shape} is not {want.shape}"
        np.testing.assert_array_equal(got, want, err_msg=label)
        return
    want = np.asarray(want, dtype=np.float64)
    assert got.shape == want.shape, f"{label}: {got.shape} is not {want.shape}"
    value = got.astype(np.float64)
    if dtype in HALF:
        allowed = ulp(want, dtype) if scale is None else eps(dtype) * np.abs(scale)
    elif dtype == "float32":
        unit = ulp(want, dtype) if scale is None else eps(dtype) * np.abs(scale)
        allowed = ulps * unit
    else:
        allowed = 1e-14 * np.abs(want if scale is None else scale) + 1e-300
    with np.errstate(all="ignore"):
        ok = np.abs(value - want) <= allowed
    ok |= value == want
    ok |= np.isnan(value) & np.isnan(want)
    top = largest(dtype)
    near_top = np.abs(want) >= top - ulps * ulp(np.array(top), dtype)
    ok |= near_top & (np.sign(value) == np.sign(want)) & (np.abs(value) >= top * 0.999)
    ok |= (value == 0) & (np.abs(want) < smallest_normal(dtype))  # flushed
    if not np.all(ok):
        bad = np.argwhere(~ok)[0]
        at = tuple(int(i) for i in bad)
        unit = ulp(want, dtype)[at]
        raise AssertionError(
            f"{label} [{dtype}]: {np.count_nonzero(~ok)} of {ok.size} differ, first at "
            f"{at}: got {value[at]!r}, want {want[at]!r}, "
            f"{abs(value[at] - want[at]) / unit:.3g} ulp"
        )


def assert_complex_close(
    got: np.ndarray, want: np.ndarray, ulps: float, scale: Any, label: str
) -> None:
    """The same of complex64: distances in the plane, infinite and NaN parts alike."""
    assert got.shape == want.shape, f"{label}: {got.shape} is not {want.shape}"
    with np.errstate(all="ignore"):
        rounded = want.astype(np.complex64)
        size = np.abs(want) if scale is None else np.abs(scale)
        allowed = ulps * eps("float32") * size + smallest_normal("float32")
        ok = np.abs(got - want) <= allowed
    same = [
        (a == b) | (np.isnan(a) & np.isnan(b))
        for a, b in ((got.real, rounded.real), (got.imag, rounded.imag))
    ]
    ok |= same[0] & same[1]
    if not np.all(ok):
        at = tuple(int(i) for i in np.argwhere(~ok)[0])
        raise AssertionError(
            f"{label} [complex64]: {np.count_nonzero(~ok)} of {ok.size} differ, first "
            f"at {at}: got {got[at]!r}, want {want[at]!r}"
        )


# Layouts: ways to store the same values ---------------------------------------


def _every(step: int, ndim: int) -> tuple[slice, ...]:
    return (slice(None, None, step),) * ndim


def _strided(x: np.ndarray) -> Any:
    big = np.full([2 * n for n in x.shape], 7, dtype=x.dtype)
    big[_every(2, x.ndim)] = x
    return to_core(big)[_every(2, x.ndim)]


def _reversed(x: np.ndarray) -> Any:
    return to_core(x[_every(-1, x.ndim)])[_every(-1, x.ndim)]


def _transposed(x: np.ndarray) -> Any:
    return mx.transpose(to_core(x.T))


def _offset(x: np.ndarray) -> Any:
    inner = tuple(slice(1, 1 + n) for n in x.shape)
    big = np.full([n + 3 for n in x.shape], 5, dtype=x.dtype)
    big[inner] = x
    return to_core(big)[inner]


_PRESERVING: dict[str, Callable[[np.ndarray], Any]] = {
    "contiguous": to_core,
    "strided": _strided,
    "reversed": _reversed,
    "transposed": _transposed,
    "offset": _offset,
}
LAYOUTS = (*_PRESERVING, "broadcast")


def layout(x: np.ndarray, name: str) -> tuple[Any, np.ndarray]:
    """`x` as a core array stored in layout `name`, and its values in NumPy.

    "broadcast" repeats the first entry of the first axis; the others keep all values.
    """
    if name == "broadcast" and x.ndim and x.shape[0] > 1:
        first = x[:1]
        same = np.broadcast_to(first, x.shape)
        return mx.broadcast_to(to_core(first), x.shape), same
    if name == "broadcast" or x.ndim == 0:
        return to_core(x), x
    return _PRESERVING[name](x), x


def layouts(x: np.ndarray) -> Iterator[tuple[str, Any, np.ndarray]]:
    """Every layout of `x`: its name, the core array, the values in NumPy."""
    for name in LAYOUTS:
        yield (name, *layout(x, name))


def same_bits(a: Any, b: Any) -> None:
    """Two trees have the same leaves, equal to the bit."""
    a, b = tree_flatten(a), tree_flatten(b)
    assert [name for name, _ in a] == [name for name, _ in b] and a
    for (name, x), (_, y) in zip(a, b, strict=True):
        assert to_numpy(x).tobytes() == to_numpy(y).tobytes(), name


def map_arrays(f: Callable[[np.ndarray], Any], value: Any) -> Any:
    """`value` with `f` applied to each NumPy array in it, in lists and tuples too."""
    if isinstance(value, np.ndarray):
        return f(value)
    if isinstance(value, (list, tuple)):
        return type(value)(map_arrays(f, v) for v in value)
    return value


def raises(f: Callable[[], Any]) -> Exception | None:
    """The exception that calling `f` and evaluating its result raises, or None."""
    try:
        result = f()
        mx.eval(result)
    except Exception as error:
        return error
    return None
