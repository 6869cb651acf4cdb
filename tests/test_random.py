"""Random numbers: known vectors, the integer oracle, distributions, keys, bad input."""

from __future__ import annotations

import math
from typing import Any

import ingot.core as mx
import numpy as np
import pytest
import reference_random
from support import CORE, dtype_name, raises, to_numpy, ulp

random = mx.random
COUNT = 100_000


def cdf_distance(samples: np.ndarray, cdf: Any) -> float:
    """The Kolmogorov-Smirnov statistic times sqrt(n); above 2 once in 1,500 times."""
    x = np.sort(samples.astype(np.float64))
    n = x.size
    p = np.array([cdf(v) for v in x])
    above = np.arange(1, n + 1) / n - p
    below = p - np.arange(n) / n
    return float(max(above.max(), below.max()) * math.sqrt(n))


def normal_cdf(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


# Vectors and bits -------------------------------------------------------------


def test_known_uniform() -> None:
    """Seed 0 gives the documented first numbers."""
    random.seed(0)
    want = np.array(
        [0.8724143505, 0.4430209994, 0.2770805359, 0.7865950465], np.float32
    )
    np.testing.assert_array_equal(to_numpy(random.uniform(shape=(4,))), want)


def test_known_normal() -> None:
    """Key 0 gives the documented normals, to the ulps of an inverse error function."""
    want = [[1.8160871267, -0.7548847795], [0.3398892581, -0.5348353386]]
    got = to_numpy(random.normal((2, 2), key=random.key(0))).astype(np.float64)
    assert np.all(np.abs(got - want) <= 8 * ulp(np.array(want), "float32"))


@pytest.mark.parametrize("seed", [0, 1, 7, 2**31, 2**40 + 5, 2**64 - 1])
def test_key_words(seed: int) -> None:
    """A key is the two words of its seed."""
    k = random.key(seed)
    assert dtype_name(k) == "uint32"
    assert tuple(k.tolist()) == reference_random.key(seed)


@pytest.mark.parametrize("n", [*range(1, 18), 31, 64, 255, 1000, 1025])
def test_bits_match_the_oracle(n: int) -> None:
    """Uniforms of every count, and splits, are the oracle's to the bit."""
    words = reference_random.key(1234567890123)
    k = random.key(1234567890123)
    got = to_numpy(random.uniform(shape=(n,), key=k))
    np.testing.assert_array_equal(got, reference_random.uniform(words, n))
    np.testing.assert_array_equal(
        to_numpy(random.split(k, n)), reference_random.split(words, n)
    )


def test_shape_does_not_change_the_numbers() -> None:
    """A (3, 5) draw is the (15,) draw, reshaped."""
    k = random.key(9)
    flat = to_numpy(random.uniform(shape=(15,), key=k))
    np.testing.assert_array_equal(
        to_numpy(random.uniform(shape=(3, 5), key=k)), flat.reshape(3, 5)
    )


def test_seed_and_sequence() -> None:
    """The same seed gives the same sequence; successive draws differ."""
    random.seed(5)
    a, b = to_numpy(random.uniform(shape=(8,))), to_numpy(random.normal((8,)))
    random.seed(5)
    np.testing.assert_array_equal(to_numpy(random.uniform(shape=(8,))), a)
    np.testing.assert_array_equal(to_numpy(random.normal((8,))), b)
    c = to_numpy(random.uniform(shape=(8,)))
    assert not np.array_equal(a, c)


def test_explicit_key_leaves_the_global_state() -> None:
    """Draws with a key of their own do not move the global sequence."""
    random.seed(5)
    want = to_numpy(random.uniform(shape=(4,)))
    random.seed(5)
    random.normal((3,), key=random.key(1))
    np.testing.assert_array_equal(to_numpy(random.uniform(shape=(4,))), want)


def test_order_of_evaluation_does_not_matter() -> None:
    """Numbers belong to the call, not to the moment of evaluation."""
    random.seed(3)
    first, second = random.uniform(shape=(4,)), random.uniform(shape=(4,))
    late, early = to_numpy(second), to_numpy(first)
    random.seed(3)
    np.testing.assert_array_equal(to_numpy(random.uniform(shape=(4,))), early)
    np.testing.assert_array_equal(to_numpy(random.uniform(shape=(4,))), late)


def test_split_keys_are_distinct() -> None:
    """Keys of a tree of splits do not repeat, and neither do their numbers."""
    keys = to_numpy(random.split(random.key(0), 1000))
    assert len({tuple(k) for k in keys.tolist()}) == 1000
    left, right = random.split(random.key(0))
    a = to_numpy(random.uniform(shape=(1000,), key=left))
    b = to_numpy(random.uniform(shape=(1000,), key=right))
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.15


# Distributions ----------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_uniform(dtype: str) -> None:
    """Uniform on [low, high): range, dtype, distribution."""
    k = random.key(1)
    x = random.uniform(-2.0, 3.0, (COUNT,), dtype=CORE[dtype], key=k)
    assert dtype_name(x) == dtype
    values = to_numpy(x).astype(np.float64)
    assert values.min() >= -2.0
    assert values.max() <= 3.0
    if dtype == "float32":
        assert values.max() < 3.0
        assert cdf_distance(values[::10], lambda v: (v + 2) / 5) < 2
    assert abs(values.mean() - 0.5) < 0.02
    assert abs(values.var() - 25 / 12) < 0.03


def test_uniform_never_reaches_one() -> None:
    """The unit interval is half open, and 0 is rare but the smallest value."""
    x = to_numpy(random.uniform(shape=(1_000_000,), key=random.key(2)))
    assert x.min() >= 0.0
    assert x.max() < 1.0


def test_uniform_bounds_broadcast() -> None:
    """low and high may be arrays."""
    low, high = mx.array([[0.0], [10.0]]), mx.array([1.0, 2.0, 3.0])
    x = to_numpy(random.uniform(low, high + 10, (2, 3), key=random.key(3)))
    assert np.all(x[0] < 13)
    assert np.all(x[1] >= 10)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_normal(dtype: str) -> None:
    """Normal with location and scale: moments, symmetry, distribution."""
    k = random.key(4)
    x = random.normal((COUNT,), dtype=CORE[dtype], loc=1.0, scale=2.0, key=k)
    assert dtype_name(x) == dtype
    values = (to_numpy(x).astype(np.float64) - 1) / 2
    assert np.all(np.isfinite(values))
    assert abs(values.mean()) < 0.02
    assert abs(values.var() - 1) < 0.03
    assert abs((values**3).mean()) < 0.06
    assert abs((values**4).mean() - 3) < 0.15
    if dtype == "float32":
        assert cdf_distance(values[::10], normal_cdf) < 2


def test_normals_are_erfinv_to_the_bit():
    """Groups of numbers that take a shorter way give what erfinv gives."""
    key, n, edge = mx.random.key(3), 100_003, 0.99999994
    x = mx.random.uniform(low=-edge, high=1.0, shape=(n,), key=key)
    want = mx.erfinv(x) * mx.array(2**0.5, dtype=mx.float32)
    assert mx.array_equal(mx.random.normal(shape=(n,), key=key), want).item()


def test_normal_is_erfinv_of_uniform() -> None:
    """sqrt(2) erfinv of a uniform on (-1, 1): the words decide the normals."""
    k = random.key(6)
    x = to_numpy(random.normal((1000,), key=k)).astype(np.float64)
    u = reference_random.uniform(reference_random.key(6), 1000).astype(np.float64)
    back = np.array([normal_cdf(v) for v in x])
    assert np.max(np.abs(back - u)) < 1e-6


def test_truncated_normal() -> None:
    """All values lie within the bounds, distributed as the normal between them."""
    x = random.truncated_normal(-0.5, 2.0, (COUNT,), key=random.key(7))
    values = to_numpy(x)
    assert values.min() >= -0.5
    assert values.max() <= 2.0
    low, high = normal_cdf(-0.5), normal_cdf(2.0)
    assert (
        cdf_distance(values[::10], lambda v: (normal_cdf(v) - low) / (high - low)) < 2
    )


def test_bernoulli() -> None:
    """Frequencies are the probabilities; 0 and 1 are certain."""
    assert dtype_name(random.bernoulli(0.3, (4,))) == "bool"
    x = to_numpy(random.bernoulli(0.3, (COUNT,), key=random.key(8)))
    assert abs(x.mean() - 0.3) < 0.01
    assert not np.any(to_numpy(random.bernoulli(0.0, (1000,), key=random.key(8))))
    assert np.all(to_numpy(random.bernoulli(1.0, (1000,), key=random.key(8))))
    p = mx.array([0.0, 1.0])
    assert to_numpy(random.bernoulli(p, key=random.key(1))).tolist() == [False, True]


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint32", "int64"])
def test_randint(dtype: str) -> None:
    """All integers of [low, high) and no others, equally often."""
    x = random.randint(3, 13, (COUNT,), dtype=CORE[dtype], key=random.key(9))
    assert dtype_name(x) == dtype
    values, counts = np.unique(to_numpy(x), return_counts=True)
    assert values.tolist() == list(range(3, 13))
    chi_square = np.sum((counts - COUNT / 10) ** 2 / (COUNT / 10))
    assert chi_square < 28  # 9 degrees of freedom: p = 0.001


def test_gumbel() -> None:
    """The Gumbel distribution exp(-exp(-x))."""
    x = to_numpy(random.gumbel((COUNT,), key=random.key(10)))
    assert np.all(np.isfinite(x))
    assert cdf_distance(x[::10], lambda v: math.exp(-math.exp(-v))) < 2


def test_categorical() -> None:
    """Frequencies are softmax(logits); impossible classes never come."""
    p = np.array([0.1, 0.2, 0.7])
    logits = mx.array([math.log(v) for v in p])
    x = random.categorical(logits, num_samples=COUNT, key=random.key(11))
    assert dtype_name(x) == "uint32"
    counts = np.bincount(to_numpy(x), minlength=3)
    assert np.max(np.abs(counts / COUNT - p)) < 0.01
    never = mx.array([0.0, -float("inf")])
    assert not np.any(to_numpy(random.categorical(never, num_samples=1000)))


@pytest.mark.parametrize(
    ("kwargs", "shape"),
    [
        ({}, (2, 3)),
        ({"axis": 0}, (3, 4)),
        ({"axis": 1}, (2, 4)),
        ({"num_samples": 5}, (2, 3, 5)),
        ({"shape": (6, 2, 3)}, (6, 2, 3)),
    ],
)
def test_categorical_shapes(kwargs: Any, shape: tuple[int, ...]) -> None:
    x = random.categorical(mx.zeros((2, 3, 4)), key=random.key(0), **kwargs)
    assert tuple(x.shape) == shape
    assert int(mx.max(x).item()) < 4


def test_permutation() -> None:
    """A permutation holds everything once; along an axis whole slices move."""
    x = random.permutation(1000, key=random.key(12))
    assert sorted(x.tolist()) == list(range(1000))
    assert x.tolist() != list(range(1000))
    rows = mx.arange(12).reshape(4, 3)
    moved = to_numpy(random.permutation(rows, key=random.key(3)))
    assert sorted(map(tuple, moved.tolist())) == sorted(map(tuple, rows.tolist()))
    columns = to_numpy(random.permutation(rows, axis=1, key=random.key(3)))
    assert sorted(map(tuple, columns.T.tolist())) == sorted(map(tuple, rows.T.tolist()))
    first = [random.permutation(4, key=random.key(i)).tolist()[0] for i in range(400)]
    assert np.bincount(first, minlength=4).min() > 60


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (2, 3), (7,)])
def test_shapes(shape: tuple[int, ...]) -> None:
    """Every distribution makes every shape, the empty and the scalar too."""
    k = random.key(0)
    made = [
        random.uniform(shape=shape, key=k),
        random.normal(shape, key=k),
        random.gumbel(shape, key=k),
        random.bernoulli(0.5, shape, key=k),
        random.randint(0, 5, shape, key=k),
        random.truncated_normal(-1.0, 1.0, shape, key=k),
    ]
    for x in made:
        mx.eval(x)
        assert tuple(x.shape) == shape


def test_large_draw_is_the_small_ones_layout() -> None:
    """Threads and tiles do not show: a large draw is the oracle's, end to end."""
    n = 300_001
    got = to_numpy(random.uniform(shape=(n,), key=random.key(77)))
    want = reference_random.uniform(reference_random.key(77), n)
    np.testing.assert_array_equal(got, want)


# Parity and bad arguments -----------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 7, 64, 1001])
def test_parity_with_mlx(n: int, mlx: Any) -> None:
    """Uniforms, integers, flips and keys equal the peer's bits; normals to 8 ulp."""
    for seed in (0, 3, 2**35 + 1):
        ours, theirs = random.key(seed), mlx.random.key(seed)
        exact = [
            ("uniform", {"low": -1.0, "high": 2.5, "shape": (n,)}),
            ("uniform", {"shape": (n,)}),
            ("randint", {"low": -7, "high": 90, "shape": (n,)}),
            ("bernoulli", {"p": 0.37, "shape": (n,)}),
        ]
        for name, kwargs in exact:
            got = to_numpy(getattr(random, name)(key=ours, **kwargs))
            want = np.array(getattr(mlx.random, name)(key=theirs, **kwargs))
            np.testing.assert_array_equal(got, want, err_msg=f"{name} {kwargs}")
        split = np.array(mlx.random.split(theirs, n))
        np.testing.assert_array_equal(to_numpy(random.split(ours, n)), split)
        got = to_numpy(random.normal((n,), key=ours)).astype(np.float64)
        normal = np.array(mlx.random.normal((n,), key=theirs)).astype(np.float64)
        bound = 8 * ulp(normal, "float32") + 1e-6  # near 0 its erfinv cancels
        assert np.all(np.abs(got - normal) <= bound)
    random.seed(11)
    mlx.random.seed(11)
    for _ in range(3):
        got, want = random.uniform(shape=(n,)), mlx.random.uniform(shape=(n,))
        np.testing.assert_array_equal(to_numpy(got), np.array(want))


BAD: list[tuple[str, Any]] = [
    ("uniform", lambda: random.uniform(dtype=mx.int32, shape=(3,))),
    ("uniform", lambda: random.uniform(shape=(-1,))),
    ("key", lambda: random.uniform(shape=(3,), key=mx.array([1, 2]))),
    ("key", lambda: random.uniform(shape=(3,), key=mx.zeros((3,), mx.uint32))),
    ("uniform", lambda: random.uniform(mx.zeros((2,)), 1.0, (3,))),
    ("uniform", lambda: random.uniform(shape=(3,), key=5)),
    ("normal", lambda: random.normal((2,), dtype=mx.int32)),
    ("normal", lambda: random.normal((-2,))),
    ("normal", lambda: random.normal((2,), loc=mx.zeros((3,)))),
    ("truncated_normal", lambda: random.truncated_normal(-1, 1, (2,), dtype=mx.int32)),
    ("bernoulli", lambda: random.bernoulli(mx.zeros((2,)), (3,))),
    ("randint", lambda: random.randint(0, 5, (3,), dtype=mx.float32)),
    ("randint", lambda: random.randint(0, 5, (-3,))),
    ("categorical", lambda: random.categorical(mx.zeros((2, 3)), axis=5)),
    ("categorical", lambda: random.categorical(mx.zeros((2, 3)), axis=-100)),
    (
        "categorical",
        lambda: random.categorical(mx.zeros((2,)), shape=(2,), num_samples=3),
    ),
    ("categorical", lambda: random.categorical(mx.zeros((2, 3)), shape=(5,))),
    ("permutation", lambda: random.permutation(-1)),
    ("permutation", lambda: random.permutation(mx.zeros((2, 3)), axis=100)),
    ("gumbel", lambda: random.gumbel((2,), dtype=mx.int32)),
    ("key", lambda: random.split(mx.array([1, 2, 3]))),
    ("split", lambda: random.split(random.key(0), -1)),
    ("key", lambda: random.key("a")),
    ("key", lambda: random.key(1.5)),
    ("seed", lambda: random.seed("a")),
]


@pytest.mark.parametrize(
    ("name", "f"), [pytest.param(name, f, id=name) for name, f in BAD]
)
def test_bad_arguments(name: str, f: Any) -> None:
    """Refused by name; the global state is left alone."""
    random.seed(1)
    want = to_numpy(random.uniform(shape=(2,)))
    random.seed(1)
    error = raises(f)
    assert isinstance(error, (ValueError, TypeError, IndexError)), repr(error)
    assert name in str(error)
    np.testing.assert_array_equal(to_numpy(random.uniform(shape=(2,))), want)
