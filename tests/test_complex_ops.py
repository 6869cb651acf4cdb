"""Operations on complex64: values, layouts and derivatives."""

from __future__ import annotations

import itertools
from typing import Any

import ingot.core as mx
import numpy as np
import op_table_complex
import pytest
from op_case import OpCase, Sample
from support import CORE, LAYOUTS, map_arrays, to_core, to_numpy
from test_ops import arrays_in, check, laid_out
from test_vmap import flat, stacked, versions

cases = pytest.mark.parametrize("case", op_table_complex.OPS, ids=lambda c: c.name)


@cases
def test_matches_oracle(case: OpCase, rng: np.random.Generator) -> None:
    assert case.oracle is not None
    with np.errstate(all="ignore"):
        for number, sample in enumerate(case.samples(rng, "complex64")):
            for shift, start in itertools.product((0, 1), range(len(LAYOUTS))):
                args, values = laid_out(sample, shift, start)
                label = f"{case.name} sample {number}, {LAYOUTS[start]}+{shift}"
                check(case, "complex64", args, values, label)
                if arrays_in(sample) == 0:
                    break


@pytest.mark.parametrize("case", op_table_complex.UNARY, ids=lambda c: c.name)
def test_odd_sizes(case: OpCase, rng: np.random.Generator) -> None:
    z = (rng.normal(size=1025) + 1j * rng.normal(size=1025)).astype(np.complex64)
    whole = to_numpy(case(to_core(z)))
    for n in (1, 2, 3, 7, 8, 9, 31, 33, 1023, 1024):
        assert to_numpy(case(to_core(z[:n]))).tobytes() == whole[:n].tobytes()


@cases
def test_vmap(case: OpCase, rng: np.random.Generator) -> None:
    for sample in itertools.islice(case.samples(rng, "complex64"), 4):

        def f(*args: Any, kwargs: Any = sample.kwargs) -> Any:
            return case(*args, **kwargs)

        examples = versions(sample)
        want = [f(*[map_arrays(to_core, a) for a in e]) for e in examples]
        got = mx.vmap(f)(*[map_arrays(to_core, c) for c in stacked(examples, 0)])
        for a, b in zip(flat(got), [mx.stack(want)], strict=True):
            np.testing.assert_allclose(to_numpy(a), to_numpy(b), rtol=1e-5, atol=1e-6)


# Derivatives ------------------------------------------------------------------

SMOOTH = {
    **dict.fromkeys(("abs", "negative", "square", "sign", "sqrt", "rsqrt"), 1),
    **dict.fromkeys(("reciprocal", "exp", "log", "log2", "log10", "log1p"), 1),
    **dict.fromkeys(("sin", "cos", "tan", "arcsin", "arccos", "arctan"), 1),
    **dict.fromkeys(("sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"), 1),
    **dict.fromkeys(("real", "imag", "conjugate", "sum", "mean", "prod", "var"), 1),
    **dict.fromkeys(("std", "cumsum", "cumprod"), 1),
    **dict.fromkeys(("add", "subtract", "multiply", "divide", "power"), 2),
    **dict.fromkeys(("matmul", "inner", "vecdot", "outer", "kron"), 2),
}
BY_NAME = {case.name: case for case in op_table_complex.OPS}
smooth = pytest.mark.parametrize("name", SMOOTH)


def draw(rng: np.random.Generator, n: int = 5) -> np.ndarray:
    """Away from 0, from branch cuts and from each other."""
    size, angle = rng.uniform(0.5, 1.5, n), rng.uniform(0.3, 1.2, n)
    turns = rng.choice([1, 1j, -1, -1j], n)
    return (size * np.exp(1j * angle) * turns).astype(np.complex64)


def inner(a: Any, b: Any) -> float:
    """Of vectors in the plane: the sum of Re(conj(a) b)."""
    return float(np.sum(np.real(np.conj(a) * b)))


@smooth
def test_vjp_is_the_slope_in_every_direction(
    name: str, rng: np.random.Generator
) -> None:
    """<c, f'(z) t> = <vjp(c), t>, and the jvp is f'(z) t itself."""
    oracle: Any = BY_NAME[name].oracle
    f = getattr(mx, name)
    axis = {"axis": 0} if name.startswith("cum") else {}
    for _ in range(3):
        zs = [draw(rng) for _ in range(SMOOTH[name])]
        ts = [draw(rng) for _ in zs]
        step = 1e-6

        def at(h: float, zs: Any = zs, ts: Any = ts) -> Any:
            pairs = zip(zs, ts, strict=True)
            moved = [z + h * t.astype(np.complex128) for z, t in pairs]
            return np.asarray(oracle(*moved, **axis))

        slope = (at(step) - at(-step)) / (2 * step)
        primals = [to_core(z) for z in zs]
        [y] = mx.vjp(lambda *z: [f(*z, **axis)], primals, [f(*primals, **axis)])[0]
        c = draw(rng, y.size).reshape(y.shape)
        c = c if y.dtype == mx.complex64 else c.real
        gradients = mx.vjp(lambda *z: [f(*z, **axis)], primals, [to_core(c)])[1]
        assert [g.dtype for g in gradients] == [mx.complex64] * len(zs)
        want = inner(c, slope)
        pairs = zip(gradients, ts, strict=True)
        got = sum(inner(to_numpy(g), t) for g, t in pairs)
        size = np.sum(np.abs(slope)) + 1
        assert abs(got - want) < 2e-5 * size, name
        [tangent] = mx.jvp(
            lambda *z: [f(*z, **axis)], primals, [to_core(t) for t in ts]
        )[1]
        np.testing.assert_allclose(to_numpy(tangent), slope, atol=2e-5 * size)


@smooth
def test_second_derivatives(name: str, rng: np.random.Generator) -> None:
    """The gradient of a directional slope is the difference of gradients."""
    f = getattr(mx, name)
    zs = [draw(rng) for _ in range(SMOOTH[name])]
    ts = [draw(rng) for _ in zs]

    def loss(*args: Any) -> Any:
        y = f(*args, axis=0) if name.startswith("cum") else f(*args)
        return (mx.real(y) * 0.7 + mx.imag(y) * 0.4).sum()

    numbers = tuple(range(len(zs)))
    gradient = mx.grad(loss, numbers)

    def first(*args: Any) -> Any:
        found = gradient(*args)
        return found if isinstance(found, tuple) else (found,)

    directions = [to_core(t) for t in ts]

    def slope(*args: Any) -> Any:
        pairs = zip(first(*args), directions, strict=True)
        return sum(mx.real(mx.conj(g) * t).sum() for g, t in pairs)

    second = mx.grad(slope, numbers)(*[to_core(z) for z in zs])
    second = second if isinstance(second, tuple) else (second,)
    h = 1e-2
    pairs = list(zip(zs, ts, strict=True))
    high_and_low = [first(*[to_core(z + s * t) for z, t in pairs]) for s in (h, -h)]
    for high, low, got in zip(*high_and_low, second, strict=True):
        want = (to_numpy(high) - to_numpy(low)) / (2 * h)
        scale = np.abs(want).max() + 1
        np.testing.assert_allclose(to_numpy(got), want, atol=5e-3 * scale)


def test_the_convention_is_that_of_the_steepest_ascent() -> None:
    """Of a real loss the gradient is dL/dx + i dL/dy; c goes back as c conj(f')."""
    z, w = mx.array([1 + 2j]), mx.array([2 - 1j])
    assert mx.grad(lambda z: (mx.abs(z) ** 2).sum())(z).item() == pytest.approx(2 + 4j)
    c = mx.array([1 + 0.5j])

    def vjp(f: Any, *args: Any) -> list[complex]:
        cotangent = c if f(*args).dtype == mx.complex64 else mx.array([1.0])
        return [complex(g) for g in mx.vjp(f, list(args), [cotangent])[1]]

    assert vjp(mx.real, z) == [1]
    assert vjp(mx.imag, z) == [1j]
    assert vjp(mx.conj, z) == [1 - 0.5j]
    assert vjp(mx.multiply, z, w) == [1.5 + 2j, 2 - 1.5j]
    assert vjp(mx.exp, z) == [pytest.approx(0.104659 - 3.03733j, rel=1e-5)]
    assert vjp(lambda x, y: x * y, mx.array([1.0]), z) == [2, 1 + 0.5j]
    assert vjp(mx.abs, mx.array([0j])) == [0]


def test_gradients_of_writing(rng: np.random.Generator) -> None:
    """Scatter multiplies and divides like the operators."""
    z, u = to_core(draw(rng, 4)), to_core(draw(rng, 2))
    index = mx.array([2, 0])
    for name in ("add", "multiply", "divide", "subtract"):

        def write(z: Any, u: Any, name: str = name) -> Any:
            return mx.abs(getattr(z.at[index], name)(u)).sum()

        def plain(z: Any, u: Any, name: str = name) -> Any:
            one = mx.array([0j if name in ("add", "subtract") else 1 + 0j])
            full = mx.concatenate([u[1:], one, u[:1], one])
            return mx.abs(getattr(mx, name)(z, full)).sum()

        for a, b in zip(
            mx.grad(write, (0, 1))(z, u), mx.grad(plain, (0, 1))(z, u), strict=True
        ):
            np.testing.assert_allclose(to_numpy(a), to_numpy(b), rtol=1e-5)


def test_linear_algebra(rng: np.random.Generator) -> None:
    a, b = draw(rng, 6).reshape(2, 3), draw(rng, 12).reshape(3, 4)
    x, y = to_core(a), to_core(b)
    np.testing.assert_allclose(np.array(x @ y), a @ b, rtol=1e-5)
    np.testing.assert_allclose(
        np.array(mx.addmm(mx.array(1j), x, y, 2.0, 0.5)), 2 * a @ b + 0.5j, rtol=1e-5
    )
    real = rng.normal(size=(3, 4)).astype(np.float32)
    np.testing.assert_allclose(np.array(x @ mx.array(real)), a @ real, rtol=1e-5)
    np.testing.assert_allclose(
        np.array(mx.einsum("ij,jk->ki", x, y)), (a @ b).T, rtol=1e-5
    )
    np.testing.assert_allclose(
        np.array(mx.tensordot(x, y, 1)), np.tensordot(a, b, 1), rtol=1e-5
    )
    assert mx.linalg.norm(x).dtype == mx.float32
    orders: list[Any] = [None, "fro", 1, -1, np.inf, -np.inf]
    for order in orders:
        want = np.linalg.norm(a, order)
        assert mx.linalg.norm(x, order).item() == pytest.approx(want, rel=1e-5)
    for order in (0, 1, 2, 3, np.inf):
        want = np.linalg.norm(a[0], order)
        assert mx.linalg.norm(x[0], order).item() == pytest.approx(want, rel=1e-5)
    for order in ("nuc", 2, -2):
        with pytest.raises(TypeError, match="norm: arrays must be real"):
            mx.linalg.norm(x, order)


def test_infinite_factors_stay_in_their_place() -> None:
    """No 0 * inf comes in that the sum of products does not have."""
    a, b = mx.array([[np.inf + 0j]]), mx.array([[1.0 + 1j]])
    want = complex(np.complex128(np.inf) * np.complex128(1 + 1j))
    assert (a @ b).item() == want


Z = mx.array([1 + 2j, 3 - 1j])


# Everything at once -----------------------------------------------------------


def test_descent_in_the_plane() -> None:
    """A complex least squares problem, solved by hand-written gradient steps."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=(20, 3)) + 1j * rng.normal(size=(20, 3))
    truth = np.array([1 - 2j, 0.5j, -1 + 0.25j])
    x, y = mx.array(a), mx.array(a @ truth)
    w = mx.zeros((3,), mx.complex64)
    step = mx.compile(
        lambda w: w - 0.02 * mx.grad(lambda w: mx.square(mx.abs(x @ w - y)).mean())(w)
    )
    for _ in range(300):
        w = step(w)
    np.testing.assert_allclose(np.array(w), truth, atol=1e-3)


@pytest.mark.parametrize("dtype", ["bool", "int32", "uint64", "bfloat16", "float64"])
def test_mixed_operands(dtype: str) -> None:
    """Real arrays become complex beside complex ones."""
    x = mx.array([1, 0]).astype(CORE[dtype])
    for y in (x + Z, Z * x, mx.where(mx.array(True), x, Z), mx.concatenate([x, Z])):
        assert y.dtype == mx.complex64
    assert (x + Z).tolist() == [2 + 2j, 3 - 1j]
    assert (x * 1j).tolist() == [1j, 0]
    assert (x == Z).tolist() == [False, False]


def test_sample_type() -> None:
    """Samples of the rows are of complex64, or the rows test nothing."""
    rng = np.random.default_rng(0)
    for case in op_table_complex.OPS:
        sample: Sample = next(iter(case.samples(rng, "complex64")))
        found: list[Any] = []
        map_arrays(found.append, list(sample.args))
        assert np.complex64 in [x.dtype for x in found], case.name
