"""The rows of operations on complex64: their oracles are in reference_complex.py."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from op_case import Domain, OpCase, Sample, Sampler, boolean
from reference_complex import COMPLEX_ORACLES
from support import COMPLEX

SHAPES: tuple[tuple[int, ...], ...] = ((67,), (5, 7), (3, 4, 5), (), (0,), (1,))
WIDE, NEAR = Domain(-8.0, 8.0), Domain(-2.0, 2.0)
# On the branch cuts both signs of zero count; the functions are symmetric there.
CUTS = np.array(
    [complex(x, y) for x in (-2.5, -0.5, 0.0, 0.5, 2.5) for y in (0.0, -0.0)]
    + [complex(x, y) for x in (0.0, -0.0) for y in (-2.5, -0.5, 0.5, 2.5)],
    np.complex64,
)
EDGES = np.array([1e30, -1e30j, 1e-30 - 1e-30j, 1 + 1e-7j, 1e-6 + 1j, 3e-5j, 40 + 9j])


def real(dtype: str) -> str:
    return "float32"


def _unary(*more: Any) -> Sampler:
    def samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
        for shape in SHAPES:
            yield Sample((WIDE.draw(rng, dtype, shape),))
        for values in more:
            yield Sample((np.asarray(values, np.complex64),))

    return samples


def _binary(*more: Any) -> Sampler:
    pairs = (((33,), (33,)), ((5, 7), (7,)), ((4, 1), (1, 6)), ((), (5,)), ((0,), (1,)))

    def samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
        for a, b in pairs:
            yield Sample((NEAR.draw(rng, dtype, a), NEAR.draw(rng, dtype, b)))
        for values in more:
            a, b = np.meshgrid(values, values, indexing="ij")
            yield Sample((a.astype(np.complex64), b.astype(np.complex64)))

    return samples


def _along(*keywords: dict[str, Any]) -> Sampler:
    def samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
        for shape in ((5, 7), (3, 4, 5), (3, 1, 2)):
            for kwargs in keywords:
                yield Sample((NEAR.draw(rng, dtype, shape),), dict(kwargs))

    return samples


def _shapes(*rows: tuple[tuple[int, ...], ...]) -> Sampler:
    def samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
        for shapes in rows:
            yield Sample(tuple(NEAR.draw(rng, dtype, s) for s in shapes))

    return samples


def _where(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    flags = rng.integers(0, 2, (4, 5)).astype(bool)
    yield Sample((flags, NEAR.draw(rng, dtype, (5,)), NEAR.draw(rng, dtype, (4, 1))))


def _joined(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
    parts = [NEAR.draw(rng, dtype, (n, 3)) for n in (2, 0, 4)]
    yield Sample((parts,))


def row(name: str, samples: Sampler, **fields: Any) -> OpCase:
    return OpCase(name, samples, (COMPLEX,), oracle=COMPLEX_ORACLES.get(name), **fields)


_ANALYTIC = (
    *("sqrt", "log", "log2", "log10", "log1p", "arcsin", "arccos", "arctan"),
    *("arcsinh", "arccosh", "arctanh"),
)
_ENTIRE = ("exp", "sin", "cos", "tan", "sinh", "cosh", "tanh")
_TESTS = np.array([1j, np.nan, 1j * np.nan, np.inf, complex(0, -np.inf), 0])

UNARY = [
    *[row(name, _unary(CUTS, EDGES)) for name in ("negative", "square", "sign")],
    *[row(name, _unary(CUTS, EDGES[:-1])) for name in ("conjugate", "round")],
    *[row(name, _unary(CUTS, EDGES), result=real) for name in ("abs", "real", "imag")],
    *[row(name, _unary(CUTS, EDGES[2:])) for name in _ANALYTIC],
    *[row(name, _unary(EDGES[2:])) for name in _ENTIRE],
    *[row(name, _unary(EDGES)) for name in ("reciprocal", "rsqrt")],
    *[
        row(name, _unary(_TESTS), result=boolean)
        for name in ("isnan", "isinf", "isfinite", "logical_not")
    ],
]
BINARY = [
    *[row(name, _binary(EDGES)) for name in ("add", "subtract", "multiply", "divide")],
    row("power", _binary([0, 1, 1j, 2, -1.5 + 0.5j]), ulps=8.0),
    *[
        row(name, _binary([0, 1, 1j, 1 + 1j, np.nan]), result=boolean)
        for name in ("equal", "not_equal", "logical_and", "logical_or", "logical_xor")
    ],
]
_AXES: tuple[dict[str, Any], ...] = (
    {},
    {"axis": 0},
    {"axis": -1, "keepdims": True},
    {"axis": (0, 1)},
)
_SCANS: tuple[dict[str, Any], ...] = (
    {"axis": 0},
    {"axis": -1, "reverse": True},
    {"axis": 1, "inclusive": False},
    {"axis": 0, "reverse": True, "inclusive": False},
)


def _total(z: np.ndarray, **kwargs: Any) -> Any:
    return np.sum(np.abs(z), **kwargs)


def _mean_of(x: np.ndarray, ddof: int = 0, **kwargs: Any) -> Any:
    return 2 * np.mean(x, **kwargs)


def _squares(z: np.ndarray, **kwargs: Any) -> Any:
    return _mean_of(np.abs(z) ** 2, **kwargs)


def _size(z: np.ndarray, **kwargs: Any) -> Any:
    return np.sqrt(_mean_of(np.abs(z) ** 2, **kwargs))


def _running(z: np.ndarray, axis: int, **_: Any) -> Any:
    return np.broadcast_to(np.sum(np.abs(z), axis, keepdims=True), z.shape)


SEVERAL = [
    *[row(name, _along(*_AXES), scale=_total) for name in ("sum", "mean")],
    row("prod", _along(*_AXES), ulps=64.0),
    row("var", _along(*_AXES, {"ddof": 1}), result=real, scale=_squares),
    row("std", _along(*_AXES, {"ddof": 1}), result=real, scale=_size),
    *[row(name, _along(*_AXES), result=boolean) for name in ("all", "any")],
    row("cumsum", _along(*_SCANS), scale=_running),
    row("cumprod", _along(*_SCANS), ulps=16.0),
    row(
        "matmul",
        _shapes(
            *(((3, 4), (4, 5)), ((4,), (4,)), ((2, 3, 4), (4,)), ((4,), (2, 4, 3))),
            *(((2, 1, 3, 4), (3, 4, 2)), ((2, 3, 4), (4, 5)), ((0, 3), (3, 2))),
            *(((2, 0), (0, 3)), ((33, 65), (65, 17))),
        ),
        scale=lambda a, b: np.matmul(np.abs(a), np.abs(b)),
    ),
    row(
        "inner",
        _shapes(((4,), (4,)), ((2, 4), (3, 4))),
        scale=lambda a, b: np.inner(np.abs(a), np.abs(b)),
    ),
    row(
        "vecdot",
        _shapes(((4,), (4,)), ((2, 4), (3, 1, 4))),
        scale=lambda a, b: np.vecdot(np.abs(a), np.abs(b)),
    ),
    row("outer", _shapes(((4,), (3,)))),
    row("kron", _shapes(((2, 2), (3, 1)))),
    row("where", _where),
    row("concatenate", _joined),
]
OPS = [*UNARY, *BINARY, *SEVERAL]
