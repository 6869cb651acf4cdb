"""The Metal backend's numbers against the CPU's: bits, layouts, types, steps.

Needs a Metal device. Without a Mac that is the software Metal of tests/softmetal, which
`make test-metal` builds; there much of the suite runs on the GPU as well.
"""

from __future__ import annotations

import itertools

import ingot.core as mx
import numpy as np
import pytest
from ingot import _core
from metal_cases import (
    FLOATS,
    WHOLES,
    both,
    equal,
    identical,
    needs_metal,
    no_fallbacks,
    on_the_cpu,
    operand,
)
from optimizer_cases import from_numpy, leaves, to_numpy

pytestmark = [needs_metal, on_the_cpu]

SIZES = [*range(1, 66), 127, 128, 129, 255, 256, 257, 1023, 1024, 1025, 4099]
DTYPES = {
    "floating": FLOATS,
    "numeric": FLOATS + WHOLES,
    "rounding": FLOATS,
    "test": FLOATS,
    "integer": WHOLES,
    "logical": ["bool_"],
    "arithmetic": FLOATS + WHOLES,
    "compare": FLOATS + WHOLES,
}
KINDS = dict(_core.elementwise_ops())  # in the order of ops.def: unary ones first
BINARY = list(KINDS)[list(KINDS).index("add") :]


@pytest.mark.parametrize("name", KINDS)
def test_elementwise_ops_have_the_bits_of_the_cpu(name, rng):
    f = getattr(mx, name, None) or getattr(_core, name)
    arity = 2 if name in BINARY else 1
    for dtype in DTYPES[KINDS[name]]:
        if name == "negative" and dtype == "bool_":
            continue  # a TypeError
        xs = [operand(rng, 300, dtype) for _ in range(arity)]
        mx.eval(xs)
        with no_fallbacks():
            slow, fast = both(lambda xs=xs: f(*xs))
        assert equal(slow, fast), dtype


@pytest.mark.parametrize("n", SIZES)
def test_odd_sizes(n, rng):
    x, y = operand(rng, n, "float32"), operand(rng, n, "float32")
    mx.eval(x, y)
    with no_fallbacks():
        slow, fast = both(lambda: mx.exp(x) * y + 1)
    assert equal(slow, fast)


LAYOUTS = {
    "transposed": lambda x: x.T,
    "reversed": lambda x: x[::-1, ::-1],
    "strided": lambda x: x[::2, 1::3],
    "broadcast": lambda x: mx.broadcast_to(x[:, :1], x.shape),
    "scalar": lambda x: x[3, 4],
    "empty": lambda x: x[:0],
    "deep": lambda x: x.reshape(4, 5, 3, 2, 5)[::2, :, ::2, :, ::3].swapaxes(0, 3),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout, rng):
    x = LAYOUTS[layout](mx.array(rng.normal(size=(20, 30)).astype(np.float32)))
    mx.eval(x)
    for f in (lambda: mx.abs(x), lambda: x * x, lambda: mx.contiguous(x)):
        with no_fallbacks():
            slow, fast = both(f)
        assert equal(slow, fast)
    slow, fast = both(lambda: mx.where(x > 0, x, -x))
    assert equal(slow, fast)


@pytest.mark.parametrize("source", [*FLOATS, *WHOLES])
def test_casts(source, rng):
    x = operand(rng, 300, source)
    mx.eval(x)
    for target in [*FLOATS, *WHOLES]:
        with no_fallbacks():
            slow, fast = both(lambda target=target: x.astype(getattr(mx, target)))
        assert equal(slow, fast), target


@pytest.mark.parametrize("dtype", FLOATS)
def test_random_numbers_are_those_of_the_cpu(dtype):
    key, kind = mx.random.key(3), getattr(mx, dtype)
    mx.eval(key)
    for n in (1, 2, 3, 255, 1024, 5001):
        for f in (
            lambda n=n: mx.random.uniform(-1, 2, (n,), kind, key=key),
            lambda n=n: mx.random.normal((n,), kind, 0.5, 2.0, key=key),
            lambda n=n: mx.random.truncated_normal(-1, 2, (n,), kind, key=key),
            lambda n=n: mx.random.split(key, n + 64),
        ):
            with no_fallbacks():
                slow, fast = both(f)
            assert equal(slow, fast)


RANGES = [(0, 0, 1), (0, 5000, 1), (3, -4000, -7), (-0.0, -3, -1), (5, 6, 2.5)]
RANGES += [(0, 300, 0.1), (-1.7, 400.3, 1 / 3), (1e-3, 1, 1e-4), (7, -7, -0.007)]
RANGES += [(0.1, 0.3, 1e-4), (-1e15, 1e15 + 1, 1e12 / 3), (2**24 - 9, 2**24 + 99, 0.5)]


@pytest.mark.parametrize("dtype", FLOATS + WHOLES[1:])
def test_ranges(dtype, rng):
    def at_random(size):
        start, step = rng.normal(size=2) * 10.0 ** rng.integers(-4, 5, size=2)
        return start, start + size * step, step

    signed = not dtype.startswith("u")
    ranges = RANGES + [at_random(n) for n in (1, 33, 1025, 4099)]
    for start, stop, step in ranges if signed else [(2, 200, 3), (0, 99, 0.7)]:
        with no_fallbacks():
            slow, fast = both(
                lambda bounds=(start, stop, step): mx.arange(
                    *bounds, dtype=getattr(mx, dtype)
                )
            )
        assert identical(slow, fast), (start, stop, step)


def test_ranges_of_two_ends_and_identities():
    for n in (0, 1, 2, 100, 1001):
        for f in (
            lambda n=n: mx.linspace(-1, 1.1, n),
            lambda n=n: mx.linspace(0, 1, n, dtype=mx.float16),
            lambda n=n: mx.eye(n, 7, k=-3),
            lambda n=n: mx.eye(5, n, k=2, dtype=mx.bfloat16),
            lambda n=n: mx.tri(n, n, dtype=mx.bool_),
        ):
            with no_fallbacks():
                slow, fast = both(f)
            assert identical(slow, fast), n


def test_ranges_that_only_the_cpu_can_round():
    """Those of no finite end, and whole numbers that 64 bits do not hold."""
    before = mx.metal.fallbacks().get("arange", 0)
    slow, fast = both(lambda: mx.linspace(-1e308, 1e308, 5))
    assert equal(slow, fast)
    assert mx.metal.fallbacks()["arange"] == before + 1


RULES = _core.rules()


def step_of(rule, inputs, values):
    return _core.step(rule, *inputs, [values[name] for name in RULES[rule][1]])


# Of parameters, gradients and state: all for one rule, the usual ones for the rest.
COMBINATIONS = list(itertools.product(FLOATS, repeat=3))
USUAL = [(x, x, "float32") for x in FLOATS] + [("bfloat16", "float32", "float32")]
STEPS = [("adamw", types) for types in COMBINATIONS]
STEPS += [(rule, types) for rule in RULES if rule != "adamw" for types in USUAL]


@pytest.mark.parametrize(("rule", "dtypes"), STEPS, ids=str)
def test_steps_have_the_bits_of_the_cpu(rule, dtypes, rng):
    from step_cases import VALUES

    shapes = [(), (7,), (3, 1, 5), (0, 3), (1023,), (16_385,), (40_000,)]
    p, g, s = (getattr(mx, dtype) for dtype in dtypes)

    def draw(dtype, f=lambda x: x):
        return [from_numpy(f(rng.normal(size=shape)), dtype) for shape in shapes]

    inputs = draw(p), draw(g), [draw(s, np.square) for _ in RULES[rule][0]]
    mx.eval(inputs)
    with no_fallbacks():
        slow, fast = both(lambda: step_of(rule, inputs, VALUES))
    for a, b in zip(leaves(slow), leaves(fast), strict=True):
        assert equal(a, b)


REDUCTIONS = ["sum", "prod", "max", "min", "all", "any"]
REDUCTIONS += ["mean", "var", "std", "logsumexp"]
AXES = [None, 0, 1, 2, (0, 2)]


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name, rng):
    f = getattr(mx, name)
    for dtype in [*FLOATS, "int32", "bool_"]:
        if dtype not in FLOATS and name in REDUCTIONS[6:]:
            continue  # of integers on the CPU, where double holds them
        x = mx.array(rng.normal(size=(5, 9, 70)) * 2 + 1).astype(getattr(mx, dtype))
        layouts = [x, x[::2, ::-1, 1::3], x.swapaxes(0, 2)]
        mx.eval(layouts)
        for y, axis in itertools.product(layouts, AXES):
            with no_fallbacks():
                slow, fast = both(lambda y=y, axis=axis: f(y, axis=axis))
            assert slow.dtype == fast.dtype and slow.shape == fast.shape
            rtol = {"float16": 2e-3, "bfloat16": 1.6e-2}.get(dtype, 2e-6)
            if name == "prod" and dtype == "float32":
                rtol = 1e-4
            np.testing.assert_allclose(
                to_numpy(fast).astype(np.float64),
                to_numpy(slow).astype(np.float64),
                rtol=rtol,
                atol=1e-6 if dtype == "float32" else 0,
            )


def test_a_long_sum_keeps_its_digits():
    x = mx.full((2_000_000,), 0.1)
    mx.eval(x)
    with no_fallbacks(), mx.stream(mx.gpu):
        total = mx.sum(x).item()
    assert abs(total - 2_000_000 * float(np.float32(0.1))) < 2e-7 * 200_000


@pytest.mark.parametrize("dtype", FLOATS)
def test_softmax(dtype, rng):
    x = mx.array(rng.normal(size=(3, 7, 300)) * 5).astype(getattr(mx, dtype))
    mx.eval(x)
    for axis in (-1, 1):
        with no_fallbacks():
            slow, fast = both(lambda axis=axis: mx.softmax(x, axis=axis))
        rtol = {"float16": 2e-3, "bfloat16": 1.6e-2}.get(dtype, 1e-6)
        np.testing.assert_allclose(
            to_numpy(fast).astype(np.float64),
            to_numpy(slow).astype(np.float64),
            rtol=rtol,
            atol=1e-7,
        )


SHAPES = [
    ((1, 1), (1, 1)),
    ((7, 5), (5, 3)),
    ((64, 16), (16, 64)),
    ((65, 33), (33, 130)),
    ((2, 3, 20, 40), (40, 30)),
    ((4, 1, 9, 8), (2, 8, 17)),
    ((3, 0), (0, 4)),
]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_matrix_products(shapes, dtype, rng):
    a, b = (mx.array(rng.normal(size=s)).astype(getattr(mx, dtype)) for s in shapes)
    swapped = [mx.contiguous(x.swapaxes(-1, -2)).swapaxes(-1, -2) for x in (a, b)]
    c = mx.array(rng.normal(size=shapes[1][-1])).astype(getattr(mx, dtype))
    mx.eval(a, b, swapped, c)
    exact = to_numpy(a).astype(np.float64) @ to_numpy(b).astype(np.float64)
    rtol = {"float16": 2e-3, "bfloat16": 1.6e-2}.get(dtype, 2e-6)
    with mx.stream(mx.gpu), no_fallbacks():
        pairs = [(a, b), (swapped[0], b), (a, swapped[1]), swapped]
        products = [x @ y for x, y in pairs]
        shifted = mx.addmm(c, a, b, alpha=0.5, beta=2.0)
        mx.eval(products, shifted)
    for product in products:
        got = to_numpy(product).astype(np.float64)
        np.testing.assert_allclose(got, exact, rtol=rtol, atol=rtol * 4)
    got = to_numpy(shifted).astype(np.float64)
    want = 0.5 * exact + 2 * to_numpy(c).astype(np.float64)
    np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol * 8)
