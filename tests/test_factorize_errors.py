"""Functions of matrices: what they refuse, and what has no result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ingot.core as mx
import numpy as np
import pytest
from linalg_cases import (
    DTYPES,
    INF,
    NAN,
    la,
)
from support import CORE, HALF, raises, to_numpy

SINGULAR: dict[str, Callable[[Any], Any]] = {
    "inv": la.inv,
    "tri_inv": la.tri_inv,
    "cholesky": la.cholesky,
    "cholesky_inv": la.cholesky_inv,
    "solve": lambda a: la.solve(a, mx.ones((2, 1))),
    "solve_triangular": lambda a: la.solve_triangular(a, mx.ones((2, 1)), upper=True),
}


@pytest.mark.parametrize("name", SINGULAR)
def test_what_has_no_result(name: str) -> None:
    """The error names the function and the matrix; all else stays well."""
    x = np.broadcast_to(2 * np.eye(2, dtype=np.float32), (3, 4, 2, 2)).copy()
    x[1, 2] = x[2, 0] = 0
    a = mx.array(x)
    bad, good = SINGULAR[name](a) + 1, SINGULAR[name](a[0])
    must = "positive definite" if name == "cholesky" else "invertible"
    for _ in range(2):
        with pytest.raises(ValueError, match=rf"^{name}: .*{must}.*\(1, 2\)"):
            mx.eval(bad)
    mx.eval(good)
    assert np.array_equal(to_numpy(a), x)
    error = raises(lambda: SINGULAR[name](mx.zeros((2, 2))))
    assert isinstance(error, ValueError)
    assert " at " not in str(error)


@pytest.mark.parametrize("name", ["det", "slogdet"])
def test_determinants_of_singular_matrices(name: str) -> None:
    """They have one; what they lack is a gradient."""
    a = mx.ones((2, 2))
    assert la.det(a).item() == 0
    sign, log = la.slogdet(a)
    assert (sign.item(), log.item()) == (0, -INF)
    f = (lambda x: la.slogdet(x)[1]) if name == "slogdet" else la.det
    error = raises(lambda: mx.grad(f)(a))
    assert isinstance(error, ValueError)
    assert str(error).startswith(f"{name}: ")


def test_sign_has_no_slope() -> None:
    grad = mx.grad(lambda a: la.slogdet(a)[0])(2 * mx.eye(2))
    assert grad.tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 2, 5, 70])
def test_numbers_that_are_none(n: int, dtype: str, value: float) -> None:
    """Iterations and square roots give NaN, for that matrix alone; nothing hangs."""
    x = np.broadcast_to(np.eye(n), (2, n, n)).astype(dtype)
    x = x * np.arange(1, n + 1, dtype=dtype)
    x[1, n - 1, n // 2] = x[1, n // 2, n - 1] = value
    a = mx.array(x, dtype=CORE[dtype])
    u, s, vt = la.svd(a)
    w, v = la.eigh(a)
    lower = to_numpy(la.cholesky(a))
    for y in (u, s, vt, w, v, la.svd(a, False), la.eigvalsh(a), la.pinv(a)):
        got = to_numpy(y)
        assert np.all(np.isnan(got[1]))
        assert np.all(np.isfinite(got[0]))
    assert np.all(np.isnan(lower[1][np.tril_indices(n)]))
    assert np.all(np.isfinite(lower[0]))
    for f in (la.inv, la.det, la.lu, la.slogdet, la.tri_inv):
        mx.eval(f(a))  # arithmetic, which ends
    mx.eval(la.solve(a, a), la.solve_triangular(a, a))


FACTORS = ["inv", "tri_inv", "cholesky", "cholesky_inv", "eigh", "eigvalsh", "lu"]
FACTORS += ["lu_factor", "pinv", "svd"]
OF_ONE = [*FACTORS, "det", "slogdet"]
OF_SQUARES = [n for n in OF_ONE if n not in ("lu", "lu_factor", "pinv", "svd")]
SYSTEMS = ["solve", "solve_triangular"]
NO_SYSTEMS = [
    ((2, 3), (2,)),
    ((2,), (2,)),
    ((), ()),
    ((2, 2), ()),
    ((2, 2), (3,)),
    ((2, 2), (3, 2)),
    ((4, 2, 2), (4, 2)),
    ((4, 2, 2), (3, 2, 2)),
]
NO_CROSS = [
    ((4,), (4,), -1),
    ((3,), (3,), 1),
    ((3,), (3,), -100),
    ((), (), -1),
    ((3,), (2, 4), -1),
    ((5, 3), (4, 3), -1),
    ((3,), (2, 3, 4), 1),
]
# (function, arguments), where tuples are shapes of arrays of ones
BAD: list[tuple[str, tuple[Any, ...]]] = [
    *[(name, (shape,)) for name in OF_ONE for shape in ((), (3,))],
    *[(name, ((2, 3),)) for name in OF_SQUARES],
    *[
        (name, (mx.ones((2, 2), CORE[dtype]),))
        for name in FACTORS
        for dtype in (*HALF, "int32", "uint8", "bool")
    ],
    *[(name, ((2, 2), uplo)) for name in ("eigh", "eigvalsh") for uplo in ("X", "")],
    *[(name, shapes) for name in SYSTEMS for shapes in NO_SYSTEMS],
    *[
        (name, (mx.ones((2, 2), CORE[dtype]),) * 2)
        for name in SYSTEMS
        for dtype in (*HALF, "int32", "bool")
    ],
    *[("cross", row) for row in NO_CROSS],
]


@pytest.mark.parametrize(("name", "arguments"), BAD)
def test_refused(name: str, arguments: tuple[Any, ...]) -> None:
    """Wrong shapes, types and words: a ValueError at once that names the function."""
    arguments = tuple(mx.ones(a) if isinstance(a, tuple) else a for a in arguments)
    with pytest.raises(ValueError, match=f"^{name}: "):
        getattr(la, name)(*arguments)


@pytest.mark.parametrize("f", [getattr(la, n) for n in OF_ONE])
@pytest.mark.parametrize("bad", [None, "text", object(), {}])
def test_not_an_array(f: Callable[[Any], Any], bad: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        mx.eval(f(bad))


@pytest.mark.parametrize(
    "f",
    [
        lambda one: la.svd(mx.broadcast_to(one, (2**31, 1)), compute_uv=False),
        lambda one: la.eigh(mx.broadcast_to(one, (2**16, 2**16))),
        lambda one: la.svd(mx.broadcast_to(one, (2**15, 2**15))),
        lambda one: la.inv(mx.broadcast_to(one, (2**31, 2**31))),
    ],
)
def test_more_than_lapack_counts(f: Callable[[Any], Any]) -> None:
    """Its sizes have 32 bits: what needs more is a MemoryError, at once."""
    error = raises(lambda: f(mx.array(1.0)))
    assert isinstance(error, MemoryError), repr(error)
    assert la.det(mx.eye(2)).item() == 1
