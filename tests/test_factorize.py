"""Functions of matrices: conventions, and what makes a factorisation one.

The op table (op_table_linalg.py) has their values and derivatives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ingot.core as mx
import numpy as np
import pytest
from linalg_cases import (
    DTYPES,
    NAN,
    SHAPES,
    SQUARES,
    close,
    core,
    draw,
    identity_like,
    la,
    turned,
    wide,
)
from support import CORE, HALF, INTEGERS, LAYOUTS, dtype_name, layout, to_numpy


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_svd(shape: tuple[int, ...], dtype: str, name: str) -> None:
    """u diag(s) vt is the matrix; u and vt are square and orthogonal; s descends."""
    a, x = layout(draw(shape, dtype), name)
    u, s, vt = map(wide, la.svd(a))
    m, n, k = *shape[-2:], min(shape[-2:])
    assert u.shape[-2:] == (m, m)
    assert s.shape[-1] == k
    assert vt.shape[-2:] == (n, n)
    close(u[..., :k] * s[..., None, :] @ vt[..., :k, :], x, dtype)
    close(u @ turned(u), identity_like(u), dtype)
    close(vt @ turned(vt), identity_like(vt), dtype)
    assert np.all(np.diff(s) <= 0)
    assert np.all(s >= 0)
    close(wide(la.svd(a, compute_uv=False)), s, dtype)


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SQUARES)
def test_eigh(shape: tuple[int, ...], dtype: str, name: str) -> None:
    """a v is v diag(w), of either triangle's matrix; v is orthogonal; w ascends."""
    a, x = layout(draw(shape, dtype), name)
    for uplo in "LUlu":
        w, v = map(wide, la.eigh(a, uplo))
        keep = np.triu if uplo in "Uu" else np.tril
        half = keep(x.astype(np.float64), 1 if uplo in "Uu" else -1)
        whole = half + turned(half) + x * np.eye(shape[-1])
        close(whole @ v, v * w[..., None, :], dtype)
        close(v @ turned(v), identity_like(v), dtype)
        assert np.all(np.diff(w) >= 0)
        close(wide(la.eigvalsh(a, UPLO=uplo)), w, dtype)


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_lu(shape: tuple[int, ...], dtype: str, name: str) -> None:
    """a is l[p] @ u; l and u are triangular, l has ones and nothing larger."""
    a, x = layout(draw(shape, dtype), name)
    p, lower, upper = la.lu(a)
    assert dtype_name(p) == "uint32"
    rows = mx.take_along_axis(lower, p[..., None], axis=-2)
    close(wide(rows @ upper), x, dtype)
    if len(shape) == 2:
        close(wide(lower[p] @ upper), x, dtype)
    assert np.all(np.sort(to_numpy(p)) == np.arange(shape[-2]))
    lower, upper, k = wide(lower), wide(upper), min(shape[-2:])
    assert np.array_equal(lower, np.tril(lower))
    assert np.array_equal(upper, np.triu(upper))
    assert np.all(lower[..., range(k), range(k)] == 1)
    assert np.max(np.abs(lower)) <= 1
    packed, pivots = la.lu_factor(a)
    close(np.triu(wide(packed))[..., :k, :], upper, dtype)
    close(np.tril(wide(packed), -1)[..., :k], lower - np.eye(*lower.shape[-2:]), dtype)
    for matrix, swaps, order in zip(
        x.reshape(-1, *shape[-2:]),
        to_numpy(pivots).reshape(-1, k),
        to_numpy(p).reshape(-1, shape[-2]),
        strict=True,
    ):
        rows = np.arange(len(matrix))
        for i, j in enumerate(swaps):
            rows[[i, j]] = rows[[j, i]]
        assert np.array_equal(rows[order], np.arange(len(matrix)))


def test_lu_of_a_singular_matrix() -> None:
    """Elimination needs no inverse."""
    for x in (np.ones((3, 3)), np.zeros((2, 2)), np.array([[0.0, 1.0], [0.0, 2.0]])):
        p, lower, upper = la.lu(core(x))
        close(wide(lower[p] @ upper), x, "float64")


def test_conventions_of_the_documentation() -> None:
    """The numbers of a matrix that needs three exchanges."""
    a = mx.array([[0.0, 1, 0], [0, 0, 3], [5, 0, 0]])
    p, lower, upper = la.lu(a)
    assert p.tolist() == [1, 2, 0]
    assert upper.tolist() == [[5, 0, 0], [0, 1, 0], [0, 0, 3]]
    assert la.lu_factor(a)[1].tolist() == [2, 2, 2]
    zero, one = mx.zeros_like(lower), mx.array(1.0)
    whole = mx.put_along_axis(zero, p[..., None], one, axis=-1)
    assert (whole @ lower @ upper).tolist() == a.tolist()
    assert la.det(a).item() == 15
    sign, log = la.slogdet(-a)
    assert sign.item() == -1
    assert log.item() == pytest.approx(np.log(15))
    assert isinstance(la.svd(a), tuple)
    assert isinstance(la.svd(a, False), mx.array)


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize(
    "kind", ["tri_inv", "cholesky", "cholesky_inv", "solve", "eigh"]
)
def test_the_other_triangle_is_not_read(kind: str, upper: bool) -> None:
    """NaN there changes nothing, and comes out nowhere."""
    x = draw((2, 5, 5))
    x = x @ turned(x) + 5 * np.eye(5)
    junk = np.tril(np.full((5, 5), NAN), -1)
    bad = core(x + (junk if upper else junk.T))
    f: dict[str, Callable[[Any], Any]] = {
        "tri_inv": lambda a: la.tri_inv(a, upper),
        "cholesky": lambda a: la.cholesky(a, upper=upper),
        "cholesky_inv": lambda a: la.cholesky_inv(a, upper),
        "solve": lambda a: la.solve_triangular(a, core(np.ones((5, 2))), upper=upper),
        "eigh": lambda a: la.eigh(a, "U" if upper else "L")[0],
    }
    got = wide(f[kind](bad))
    assert np.all(np.isfinite(got))
    np.testing.assert_array_equal(got, wide(f[kind](core(x))))


def test_solve_broadcasts() -> None:
    """One matrix for many right sides, many for one, and for one vector."""
    for a_shape, b_shape in [
        ((3, 3), (4, 3, 2)),
        ((4, 3, 3), (3, 2)),
        ((4, 1, 3, 3), (5, 3, 2)),
        ((4, 3, 3), (3,)),
        ((3, 3), (3,)),
    ]:
        a, b = draw(a_shape), draw(b_shape, seed=2)
        column = b[:, None] if b.ndim == 1 else b
        x = wide(la.solve(core(a), core(b)))
        close(
            a @ (x[..., None] if b.ndim == 1 else x), column + 0 * a[..., :1], "float64"
        )
        for upper in (False, True):
            t = np.triu(a) if upper else np.tril(a)
            for view in (core(a), mx.swapaxes(core(turned(a)), -1, -2)):
                x = wide(la.solve_triangular(view, core(b), upper=upper))
                x = x[..., None] if b.ndim == 1 else x
                np.testing.assert_allclose(t @ x - column, 0 * (t @ x), atol=1e-9)


def test_solve_promotes() -> None:
    """To the type that both promote to."""
    a, half = mx.eye(2), mx.ones((2,), mx.float16)
    assert la.solve(a, half).dtype == mx.float32
    assert la.solve_triangular(core(np.eye(2)), half).dtype == mx.float64
    assert la.solve(a, mx.ones((2,), mx.int32)).dtype == mx.float32


@pytest.mark.parametrize("dtype", [*HALF, *INTEGERS, "bool"])
def test_determinants_of_other_types(dtype: str) -> None:
    """Half types compute in float32 and are rounded once; integers are float32."""
    x = np.array([[3, 1], [1, 2]]) if dtype != "bool" else np.array([[1, 1], [0, 1]])
    a = mx.array(x).astype(CORE[dtype])
    want = dtype if dtype in HALF else "float32"
    sign, log = la.slogdet(a)
    value = np.linalg.det(x)
    assert [dtype_name(y) for y in (la.det(a), sign, log)] == [want] * 3
    assert la.det(a).item() == pytest.approx(value)
    assert sign.item() == 1
    assert log.item() == pytest.approx(
        np.log(value), rel=1e-2 if dtype in HALF else 1e-6
    )
    if dtype in HALF:
        grad = mx.grad(la.det)(a)
        assert dtype_name(grad) == dtype
        assert grad.tolist() == [[2, -1], [-1, 3]]


@pytest.mark.parametrize("order", [2, -2, "nuc"])
def test_norms_by_singular_values(order: Any) -> None:
    """Along any two axes, with and without keeping them."""
    x = draw((4, 3, 5))
    for axis in [(0, 1), (2, 0), (-1, 1)]:
        for keep in (False, True):
            got = wide(la.norm(core(x), order, axis=axis, keepdims=keep))
            want = np.linalg.norm(x, order, axis=axis, keepdims=keep)
            close(got, want, "float64")
    half = mx.array(x[0]).astype(mx.float16)
    assert la.norm(half, order).dtype == mx.float16
    slope = mx.grad(lambda a: la.norm(a, order))(core(x[0]))
    step = 1e-6 * draw((3, 5), seed=3)
    rise = np.linalg.norm(x[0] + step, order) - np.linalg.norm(x[0] - step, order)
    assert np.sum(wide(slope) * step) * 2 == pytest.approx(rise, rel=1e-6)


def test_cross_along_other_axes() -> None:
    x, y = draw((3, 4)), draw((2, 3, 4), seed=2)
    got = wide(la.cross(core(x), core(y), axis=-2))
    close(got, np.cross(x, y, axisa=0, axisb=1, axisc=1), "float64")
    close(
        wide(la.cross(core(x), core(x[::-1]), axis=0)),
        np.cross(x, x[::-1], axis=0),
        "float64",
    )
    assert la.cross(mx.array([1.0, 2.0]), mx.array([3.0, 4.0])).tolist() == [0, 0, -2]
    assert la.cross(mx.array([1, 2]), mx.array([3, 4, 5])).tolist() == [10, -5, -2]


@pytest.mark.parametrize("shape", [(3, 3), (5, 3), (3, 5), (2, 3, 3)])
def test_parity(shape: tuple[int, ...], mlx: Any) -> None:
    """Shapes, dtypes and conventions are MLX's; vectors are free in their signs."""
    x = draw(shape, "float32")
    ours, theirs = mx.array(x), mlx.array(x)
    names = ["lu", "lu_factor", "svd", "pinv"]
    if shape[-1] == shape[-2]:
        names += [
            "inv",
            "tri_inv",
            "cholesky_inv",
            "det",
            "slogdet",
            "eigh",
            "eigvalsh",
        ]
    for name in names:
        got, want = getattr(la, name)(ours), getattr(mlx.linalg, name)(theirs)
        gots, wants = (y if isinstance(y, tuple) else [y] for y in (got, want))
        for g, w in zip(gots, wants, strict=True):
            assert dtype_name(g) == str(w.dtype).rsplit(".", 1)[-1], name
            assert tuple(g.shape) == tuple(w.shape), name
            a, b = to_numpy(g), np.array(w)
            if name in ("svd", "eigh"):
                a, b = np.sort(np.abs(a)), np.sort(np.abs(b))
                if a.ndim > len(shape) - 1 and shape[-1] != shape[-2]:
                    continue  # vectors of what is left over are free
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4, err_msg=name)
