"""What the generic tests need to know about one op, and how samples are drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import ingot.core as mx
import numpy as np
from ingot import _core
from reference import ORACLES, Oracle
from support import (
    ALL,
    COMPLEX,
    CORE,
    FLOATS,
    NUMPY,
    UNSIGNED,
    is_float,
    map_arrays,
    widen,
)


@dataclass(frozen=True)
class Sample:
    """One call: NumPy arrays stand for core arrays, all else is passed as it is."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)


Sampler = Callable[[np.random.Generator, str], Iterable[Sample]]


@dataclass(frozen=True)
class OpCase:
    """An op: its oracle, where it is defined, how exact it is, where it may not go."""

    name: str
    samples: Sampler
    dtypes: tuple[str, ...] = ALL
    result: Callable[[str], str] = str  # dtype of the result, from that of the input
    oracle: Oracle | None = None
    call: Callable[..., Any] | None = None
    ulps: float = 4.0  # float32; half types get 1, float64 1e-14 relative
    scale: Callable[..., Any] | None = None  # errors are relative to it, not |want|
    grad_samples: Sampler | None = None
    grad_args: tuple[int, ...] = (0,)
    axis: bool = False  # takes axis=...
    refused: tuple[str, ...] = ()  # dtypes that raise
    elementwise: bool = False
    single: bool = False  # computes in float32, whatever it is given

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The op of ingot.core; dtypes are given by name."""
        if "dtype" in kwargs:
            kwargs["dtype"] = CORE[kwargs["dtype"]]
        call = self.call or getattr(mx, self.name, None) or getattr(_core, self.name)
        return call(*args, **kwargs)

    def reference(self, sample: Sample, dtype: str) -> Any:
        """What the oracle says about `sample`, whose arrays have `dtype`."""
        return self._widened(self.oracle, sample, dtype)

    def error_scale(self, sample: Sample, dtype: str) -> Any:
        return None if self.scale is None else self._widened(self.scale, sample, dtype)

    def _widened(self, f: Any, sample: Sample, dtype: str) -> Any:
        result = self.result(dtype)

        def convert(x: np.ndarray) -> np.ndarray:
            return widen(x, result)

        kwargs = {k: v for k, v in sample.kwargs.items() if k != "dtype"}
        args = [map_arrays(convert, a) for a in sample.args]
        return f(*args, **{k: map_arrays(convert, v) for k, v in kwargs.items()})


def op(name: str, samples: Sampler, **fields: Any) -> OpCase:
    """An OpCase with the oracle of its name."""
    return OpCase(name, samples, oracle=ORACLES.get(name), **fields)


# Result dtypes ----------------------------------------------------------------


def floating(dtype: str) -> str:
    """Integers and bool become float32."""
    return dtype if is_float(dtype) else "float32"


def boolean(dtype: str) -> str:
    return "bool"


def index(dtype: str) -> str:
    return "uint32"


def accumulated(dtype: str) -> str:
    """Sums and products of narrow integers are 32 bits wide."""
    if dtype in ("bool", "int8", "int16"):
        return "int32"
    return "uint32" if dtype in ("uint8", "uint16") else dtype


# Values -----------------------------------------------------------------------

SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -3.0, 100.0, 1e-3)
COMPLEX_SPECIAL = (0, 1, -1, 1j, -1j, 1 + 1j, -3 + 1e-3j, 1e-20j, 1e20 - 1e20j)
NONFINITE = (np.inf, -np.inf, np.nan)


@dataclass(frozen=True)
class Domain:
    """Where an op's argument lives: a float range, an integer range, special values."""

    low: float = -10.0
    high: float = 10.0
    integers: tuple[int, int] = (-11, 12)
    extremes: bool = False  # also the ends of the integer dtype
    special: tuple[float, ...] = SPECIAL + NONFINITE

    def draw(self, rng: np.random.Generator, dtype: str, shape: Any) -> np.ndarray:
        """Random values of `dtype`, without special ones."""
        if dtype == "bool":
            return np.asarray(rng.integers(0, 2, shape)).astype(np.bool_)
        if is_float(dtype):
            values = rng.uniform(self.low, self.high, shape)
            return np.asarray(values).astype(NUMPY[dtype])
        if dtype == COMPLEX:
            parts = rng.uniform(self.low, self.high, (2, *shape))
            return np.asarray(parts[0] + 1j * parts[1]).astype(np.complex64)
        low, high = self.integers
        low = max(low, 0) if dtype in UNSIGNED else low
        values = rng.integers(low, max(high, low + 1), shape)
        return np.asarray(values).astype(NUMPY[dtype])

    def edges(self, dtype: str) -> np.ndarray:
        """The special values of `dtype`."""
        if dtype == "bool":
            return np.array([False, True])
        if is_float(dtype):
            return np.array(self.special, dtype=NUMPY[dtype])
        if dtype == COMPLEX:
            return np.array(COMPLEX_SPECIAL, dtype=np.complex64)
        low, high = self.integers
        values = {0, 1, high - 1, max(low, 0)}
        if dtype not in UNSIGNED:
            values |= {low, -1 if low < 0 else low}
        if self.extremes:
            info = np.iinfo(NUMPY[dtype])
            values |= {info.min, info.max, info.max - 1}
        return np.array(sorted(values), dtype=NUMPY[dtype])

    def smooth(self, rng: np.random.Generator, shape: Any) -> np.ndarray:
        """Float64 values away from integers, where piecewise ops have their corners."""
        low, high = max(self.low, -4.0), min(self.high, 4.0)
        x = np.asarray(rng.uniform(low, high, shape))
        return np.asarray(np.floor(x) + np.clip(x - np.floor(x), 0.15, 0.85))


SHAPES = ((67,), (5, 7), (3, 4, 5), (), (0,), (3, 0, 2), (1,))
PAIRS = (
    ((33,), (33,)),
    ((5, 7), (5, 7)),
    ((5, 7), (7,)),
    ((4, 1), (1, 6)),
    ((), (5,)),
    ((3, 1, 5), (4, 1)),
    ((0,), (1,)),
    ((3, 0, 2), (2,)),
    ((), ()),
)


def unary_samples(domain: Domain) -> Sampler:
    def samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
        yield Sample((domain.edges(dtype),))
        for shape in SHAPES:
            yield Sample((domain.draw(rng, dtype, shape),))

    return samples


def binary_samples(first: Domain, second: Domain) -> Sampler:
    def samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
        a, b = np.meshgrid(first.edges(dtype), second.edges(dtype), indexing="ij")
        yield Sample((a, b))
        for left, right in PAIRS:
            x, y = first.draw(rng, dtype, left), second.draw(rng, dtype, right)
            yield Sample((x, y))

    return samples


def smooth_samples(*domains: Domain) -> Sampler:
    """Float64 arguments for gradients: equal shapes, then broadcast against (3, 1)."""

    def samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
        yield Sample(tuple(d.smooth(rng, (5,)) for d in domains))
        shapes = [(2,), (3, 1), (3, 2)][: len(domains)]
        yield Sample(
            tuple(d.smooth(rng, s) for d, s in zip(domains, shapes, strict=True))
        )

    return samples


# Samplers of the other ops -----------------------------------------------------

SMALL = Domain(-3.0, 3.0, (-3, 4))
ANY = Domain(extremes=True)


def calls(domain: Domain, *rows: tuple[Any, ...]) -> Sampler:
    """Samples from rows of (shape, *more arguments, {keywords})."""

    def samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
        for shape, *rest in rows:
            kwargs = rest.pop() if rest and isinstance(rest[-1], dict) else {}
            yield Sample((domain.draw(rng, dtype, shape), *rest), dict(kwargs))

    return samples


def smooth(domain: Domain, *rows: tuple[Any, ...]) -> Sampler:
    """The same in float64, for gradients."""

    def samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
        for shape, *rest in rows:
            kwargs = rest.pop() if rest and isinstance(rest[-1], dict) else {}
            yield Sample((domain.smooth(rng, shape), *rest), dict(kwargs))

    return samples


def draws_of(rows: tuple[Any, ...], smooth_values: bool) -> Sampler:
    """Samples of one array for each shape of a row."""

    def samples(rng: np.random.Generator, dtype: str) -> Iterable[Sample]:
        for shapes in rows:
            draw = [
                SMALL.smooth(rng, s) if smooth_values else SMALL.draw(rng, dtype, s)
                for s in shapes
            ]
            yield Sample(tuple(draw))

    return samples


__all__ = [
    "ALL",
    "ANY",
    "FLOATS",
    "SMALL",
    "Domain",
    "OpCase",
    "Sample",
    "Sampler",
    "accumulated",
    "binary_samples",
    "boolean",
    "calls",
    "draws_of",
    "floating",
    "index",
    "op",
    "smooth",
    "smooth_samples",
    "unary_samples",
]
