"""astype and view: every pair of dtypes, saturation, NaN, rounding, sizes."""

from __future__ import annotations

import ingot.core as mx
import numpy as np
import pytest
from support import (
    ALL,
    CORE,
    FLOATS,
    INTEGERS,
    LAYOUTS,
    NUMPY,
    dtype_name,
    largest,
    layout,
    to_core,
    to_numpy,
    ulp,
    widen,
    wrap,
)

VALUES = [0, -0.0, 1, -1, 0.5, -0.5, 2.5, -2.5, 3.5, 100.7, -100.7, 127, 128, 255, 256]
VALUES += [-128, -129, 32767, 65504, 65536, 2.0**31, -(2.0**31), 2.0**63, 2.0**64]
VALUES += [-(2.0**64), 1e10, 1e-7, 1e-30, 3e38, np.inf, -np.inf, np.nan]


def source(dtype: str) -> np.ndarray:
    """Awkward values of `dtype`."""
    if dtype == "bool":
        return np.array([False, True])
    if dtype in FLOATS:
        return np.array(VALUES).astype(NUMPY[dtype])
    info = np.iinfo(NUMPY[dtype])
    inside = {int(v) for v in VALUES if np.isfinite(v) and info.min <= v <= info.max}
    edges = {info.min, info.max, info.max - 1, 2**24 + 1, 2**53 + 1}
    values = sorted(v for v in inside | edges if info.min <= v <= info.max)
    return np.array(values, dtype=NUMPY[dtype])


def cast(x: np.ndarray, dtype: str) -> np.ndarray:
    """The definition: integers wrap, floats truncate and saturate, NaN becomes 0."""
    wide = widen(x)
    if dtype == "bool":
        return np.asarray(wide != 0, dtype=bool)
    if dtype in FLOATS:
        return wide.astype(np.float64)
    if wide.dtype != np.float64:
        return wrap(wide, dtype)
    info = np.iinfo(NUMPY[dtype])
    whole = [0 if np.isnan(v) else v for v in wide.flat]
    clipped = [
        info.min if v <= info.min else info.max if v >= info.max else int(v)
        for v in whole
    ]
    return np.array(clipped, dtype=NUMPY[dtype]).reshape(x.shape)


@pytest.mark.parametrize("to", ALL)
@pytest.mark.parametrize("start", ALL)
def test_astype(start: str, to: str) -> None:
    """Every dtype converts to every other, by the definition, in every layout."""
    x = source(start)
    for name in LAYOUTS:
        core, values = layout(x, name)
        got = core.astype(CORE[to])
        assert dtype_name(got) == to
        want, result = cast(values, to), to_numpy(got)
        if to not in FLOATS:
            np.testing.assert_array_equal(result, want)
            continue
        wide = result.astype(np.float64)
        with np.errstate(all="ignore"):
            near = np.abs(wide - want) <= ulp(want, to)
        over = (np.abs(want) > largest(to)) & np.isinf(wide)
        same = (wide == want) | (np.isnan(wide) & np.isnan(want))
        tiny = np.abs(want) < 2.0**-126  # subnormals may be flushed
        assert np.all(near | over | same | tiny), (start, to, name)


@pytest.mark.parametrize("to", ["float16", "bfloat16"])
def test_float32_to_half_rounds_to_even(to: str, rng: np.random.Generator) -> None:
    """Halfway cases go to the even neighbour, and the result is NumPy's to the bit."""
    bits = rng.integers(0, 2**32, 20000, dtype=np.uint64).astype(np.uint32)
    ties = (bits & np.uint32(0xFFFF0000)) | np.uint32(0x8000)
    ties16 = (bits & np.uint32(0xFFFFE000)) | np.uint32(0x1000)
    x = np.concatenate([bits, ties, ties16]).view(np.float32)
    x = x[np.isfinite(x) & (np.abs(x) > 1e-4)]
    got = to_numpy(to_core(x).astype(CORE[to]))
    want = x.astype(NUMPY[to])
    np.testing.assert_array_equal(got.view(np.uint16), want.view(np.uint16))


def test_same_dtype_is_the_same_array() -> None:
    """A cast to the own dtype changes nothing."""
    x = mx.array([1.0, 2.0])
    assert x.astype(mx.float32).tolist() == [1.0, 2.0]
    assert mx.array(5, mx.int8).astype(mx.int8).item() == 5


@pytest.mark.parametrize("to", INTEGERS)
@pytest.mark.parametrize("start", FLOATS)
def test_large_arrays_saturate_like_small(start: str, to: str) -> None:
    """The vector loop and its remainder agree."""
    x = np.resize(source(start), 1027)
    got = to_numpy(to_core(x).astype(CORE[to]))
    np.testing.assert_array_equal(got, cast(x, to))


@pytest.mark.parametrize("to", [d for d in ALL if d != "bool"])
@pytest.mark.parametrize("start", [d for d in ALL if d != "bool"])
def test_view(start: str, to: str) -> None:
    """view keeps the bytes; the last axis grows or shrinks with the element size."""
    x = np.arange(48).astype(NUMPY[start]).reshape(2, 24)[:, :16]
    x = np.ascontiguousarray(x)
    want = x.view(NUMPY[to])
    got = to_core(x).view(CORE[to])
    assert tuple(got.shape) == want.shape
    assert to_numpy(got).tobytes() == want.tobytes()
    back = to_numpy(mx.view(got, CORE[start]))
    assert back.tobytes() == x.tobytes()


def test_view_of_views() -> None:
    """Strided arrays view as their values do."""
    x = np.arange(24, dtype=np.int32).reshape(4, 6)
    for name in ("strided", "reversed", "transposed", "offset"):
        core, values = layout(x, name)
        got = to_numpy(core.view(mx.uint8))
        np.testing.assert_array_equal(got, np.ascontiguousarray(values).view(np.uint8))


def test_view_refuses_partial_elements() -> None:
    """Three bytes are not an int32."""
    with pytest.raises(ValueError, match="view"):
        mx.eval(mx.view(mx.zeros((3,), mx.int8), mx.int32))
    with pytest.raises(ValueError, match="view"):
        mx.eval(mx.view(mx.zeros((), mx.int8), mx.int32))


@pytest.mark.parametrize("bad", ["float32", None, 3, float])
def test_astype_refuses_what_is_no_dtype(bad: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        mx.zeros((2,)).astype(bad)
