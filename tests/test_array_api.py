"""The functions of the array API standard, against array-api-strict.

Each is called with drawn arguments of all dtypes and many shapes; dtype, shape and
values must agree. `python tests/test_array_api.py` prints how many functions do.
"""

from __future__ import annotations

from typing import Any

import array_api
import ingot.core as mx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from support import CORE, dtype_name

xp = pytest.importorskip(
    "array_api_strict", reason="the array API: array-api-strict is not installed"
)
from array_api_cases import CASES, INTEGERS, Case, Name  # noqa: E402
from array_api_linalg import LINALG  # noqa: E402

# Default dtypes have 64 bits there, 32 here; indices are unsigned.
DEFAULTS = {
    ("int64", "int32"),
    ("int64", "uint32"),
    ("uint64", "uint32"),
    ("float64", "float32"),
}
COMPLEX = {"conj", "imag", "real"}
FUNCTIONS = [
    ("", name)
    for text in array_api.FUNCTIONS.values()
    for name in (array_api.written(s)[0] for s in array_api.signatures(text))
    if name not in COMPLEX
] + [
    ("linalg.", array_api.written(s)[0]) for s in array_api.signatures(array_api.LINALG)
]
BY_HAND = {"__array_namespace_info__"}


def for_strict(value: Any) -> Any:
    if isinstance(value, Name):
        return getattr(xp, value)
    if isinstance(value, np.ndarray):
        return xp.asarray(value.copy())
    if isinstance(value, list):
        return [for_strict(v) for v in value]
    return tuple(map(for_strict, value)) if isinstance(value, tuple) else value


def for_core(value: Any) -> Any:
    if isinstance(value, Name):
        return CORE[value]
    if isinstance(value, np.ndarray):
        return mx.array(value, CORE[value.dtype.name])
    if isinstance(value, list):
        return [for_core(v) for v in value]
    return tuple(map(for_core, value)) if isinstance(value, tuple) else value


def assert_dtype(got: str, want: str, case: Case) -> None:
    """The same, or one that the case lets differ."""
    wide = "uint32" if want[0] == "u" else "int32"
    widened = case.widens and want in INTEGERS and want[-2:] in ("t8", "16")
    allowed = [want, *([wide] if widened else [])]
    assert got in allowed or (case.default and (want, got) in DEFAULTS), (got, want)


def assert_same(got: Any, want: Any, case: Case) -> None:
    if isinstance(want, (list, tuple)):
        assert isinstance(got, (list, tuple)) and len(got) == len(want)
        for g, w in zip(got, want, strict=True):
            assert_same(g, w, case)
        return
    if isinstance(got, type(mx.float32)):
        assert_dtype(dtype_name(got), str(want).rpartition(".")[2], case)
        return
    if not hasattr(want, "shape"):
        assert got == pytest.approx(want, rel=1e-12, nan_ok=True)
        return
    values = np.from_dlpack(want)
    assert got.shape == values.shape
    kinds = (values.dtype.name, dtype_name(got))
    assert_dtype(kinds[1], kinds[0], case)
    mine = np.array(got).astype(values.dtype if case.widens else kinds[1])
    if mine.dtype.kind != "f":
        np.testing.assert_array_equal(mine, values)
        return
    rtol = case.rtol if dtype_name(got) == "float32" else max(case.rtol**2, 1e-11)
    atol = max(case.atol, 1e-37) if "float32" in kinds else case.atol * 1e-6
    np.testing.assert_allclose(mine, values, rtol=rtol, atol=atol)
    zero = (values == 0) & (mine == 0)
    if case.atol == 0:
        np.testing.assert_array_equal(np.signbit(mine[zero]), np.signbit(values[zero]))


def check(prefix: str, name: str, case: Case, draw: Any) -> None:
    args, kwargs = case.draw(draw)
    strict, core = (xp.linalg, mx.linalg) if prefix else (xp, mx)

    def call(owner: Any, convert: Any) -> Any:
        converted = {k: convert(v) for k, v in kwargs.items()}
        result = getattr(owner, name)(*map(convert, args), **converted)
        return case.form(result) if case.form else result

    with np.errstate(all="ignore"):
        want = call(strict, for_strict)
    assert_same(call(core, for_core), want, case)


@pytest.mark.parametrize(("prefix", "name"), FUNCTIONS, ids="".join)
def test_it_does_what_the_standard_says(prefix: str, name: str) -> None:
    if name in BY_HAND:
        return
    case = (LINALG if prefix else CASES)[name]

    @seed(0)
    @settings(
        max_examples=25,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def run(data: Any) -> None:
        check(prefix, name, case, data.draw)

    run()


def test_every_function_has_a_case() -> None:
    names = {(prefix, name) for prefix, name in FUNCTIONS if name not in BY_HAND}
    cases = {("", n) for n in CASES} | {("linalg.", n) for n in LINALG}
    assert cases == names


def test_the_namespace_says_what_it_has() -> None:
    info = mx.__array_namespace_info__()
    assert info.default_device() == mx.default_device()
    assert info.default_device() in info.devices()
    assert all(mx.is_available(d) for d in info.devices())
    assert info.capabilities() == {
        "boolean indexing": False,
        "data-dependent shapes": True,
        "max dimensions": None,
    }
    defaults = info.default_dtypes(device=mx.cpu)
    assert defaults["real floating"] == mx.array(1.0).dtype
    assert defaults["integral"] == mx.array(1).dtype
    assert defaults["indexing"] == mx.argmax(mx.ones(2)).dtype
    every = info.dtypes()
    assert every["bool"] == mx.bool_ and len(every) == 11
    for kind in ("integral", ("bool", "real floating"), "complex floating"):
        want = {n: d for n, d in every.items() if mx.isdtype(d, kind)}
        assert info.dtypes(kind=kind) == want


if __name__ == "__main__":
    failed = []
    for prefix, name in FUNCTIONS:
        try:
            test_it_does_what_the_standard_says(prefix, name)
        except Exception as error:
            failed.append(prefix + name)
            print(f"{prefix}{name}: {str(error).strip().splitlines()[:1]}")
    print(f"{len(FUNCTIONS) - len(failed)} of {len(FUNCTIONS)} agree")
