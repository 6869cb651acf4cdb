"""The Metal backend against the CPU: bits, layouts, steps, what a step costs.

Needs a Metal device. Without a Mac that is the software Metal of tests/softmetal, which
`make test-metal` builds; there every other test of the suite runs on the GPU as well.
"""

from __future__ import annotations

import itertools
import subprocess
import sys

import ingot.core as mx
import ingot.optimizers as optim
import numpy as np
import pytest
from ingot import _core
from optimizer_cases import from_numpy, leaves, same_bits, to_numpy

pytestmark = pytest.mark.skipif(
    not mx.metal.is_available(), reason="metal: there is no device (make test-metal)"
)

SIZES = [*range(1, 66), 127, 128, 129, 255, 256, 257, 1023, 1024, 1025, 4099]
FLOATS = ["float32", "float16", "bfloat16"]
WHOLES = ["bool_", "uint8", "uint16", "uint32", "uint64"]
WHOLES += ["int8", "int16", "int32", "int64"]


@pytest.fixture(autouse=True)
def prepared_on_the_cpu():
    """Operands are made on the CPU, unless a test says otherwise."""
    with mx.stream(mx.cpu):
        yield


class no_fallbacks:
    """Nothing within has run on the CPU."""

    def __enter__(self):
        self.before = mx.metal.fallbacks()

    def __exit__(self, *error):
        if error[0] is None:
            assert mx.metal.fallbacks() == self.before


def special(rng: np.random.Generator, n: int) -> np.ndarray:
    """Numbers of every size, with the special ones among them."""
    x = rng.normal(size=n) * 10.0 ** rng.integers(-6, 7, size=n)
    edges = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 0.5, 2.0, 1e30]
    x[: len(edges)] = edges[:n]
    return x


def operand(rng, n: int, dtype: str) -> mx.array:
    if dtype in FLOATS:
        return from_numpy(special(rng, n), getattr(mx, dtype))
    low = 0 if dtype.startswith(("u", "b")) else -100
    whole = rng.integers(low, 2 if dtype == "bool_" else 100, size=n)
    return mx.array(whole).astype(getattr(mx, dtype))


def equal(a: mx.array, b: mx.array) -> bool:
    """The same bits; any NaN equals any other, and 0 a number that is subnormal."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if not mx.issubdtype(a.dtype, mx.floating):
        return np.array_equal(np.asarray(a), np.asarray(b))
    x, y = to_numpy(a), to_numpy(b)
    tiny = np.float32(np.finfo(np.float32).tiny)
    x, y = (np.where(np.abs(z) < tiny, 0, z) for z in (x, y))
    return np.array_equal(x, y, equal_nan=True)


def both(f):
    """A result on the CPU and on the GPU."""
    with mx.stream(mx.cpu):
        slow = f()
        mx.eval(slow)
    with mx.stream(mx.gpu):
        fast = f()
        mx.eval(fast)
    return slow, fast


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
    f, arity = getattr(mx, name), 2 if name in BINARY else 1
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


def model_of(rng, tensors: int) -> dict[str, mx.array]:
    return {
        f"w{i}": mx.array(rng.normal(size=(i % 7 + 1, i % 5 + 3)).astype(np.float32))
        for i in range(tensors)
    }


def cost(dispatches: int, barriers: int = 0) -> dict[str, int]:
    """What work that fits one command buffer costs."""
    once = {"encoders": 1, "command_buffers": 1}
    return {"dispatches": dispatches, "barriers": barriers, **once}


def cost_since(before: dict[str, int]) -> dict[str, int]:
    return {name: n - before[name] for name, n in mx.metal._counts().items()}


@pytest.mark.parametrize(
    "make",
    [
        lambda: optim.SGD(0.1),
        lambda: optim.SGD(0.1, momentum=0.9, nesterov=True),
        lambda: optim.RMSprop(0.1),
        lambda: optim.Adagrad(0.1),
        lambda: optim.AdaDelta(0.1),
        lambda: optim.Adam(0.1),
        lambda: optim.AdamW(0.1, bias_correction=True),
        lambda: optim.Adamax(0.1),
        lambda: optim.Lion(0.1),
        lambda: optim.AdamW(optim.cosine_decay(0.1, 50)),
    ],
)
def test_a_step_is_one_dispatch_for_148_tensors(make, rng):
    model, grads = model_of(rng, 148), model_of(rng, 148)
    with mx.stream(mx.gpu):
        optimizer = make()
        optimizer.update(model, grads)
        mx.eval(model, optimizer)
        before = mx.metal._counts()
        optimizer.update(model, grads)
        mx.eval(model, optimizer)
    assert cost_since(before) == cost(1)


def test_a_donated_step_writes_in_place(rng):
    with mx.stream(mx.gpu):
        model = {"w": mx.zeros((1_000_000,))}
        grads = {"w": mx.ones((1_000_000,))}
        optimizer = optim.AdamW(0.1)
        for _ in range(2):
            optimizer.update(model, grads)
            mx.eval(model, optimizer)
        mx.reset_peak_memory()
        before = mx.get_active_memory()
        optimizer.update(model, grads)
        mx.eval(model, optimizer)
        assert mx.get_peak_memory() - before < 8192


def test_chains_reuse_memory_in_order(rng):
    """What one operation frees the next may take while the first is still to run."""
    x = mx.array(rng.normal(size=100_000).astype(np.float32))

    def chain():
        y = x
        for i in range(300):
            y = mx.sin(y) + mx.cos(y * (i + 1))
        return y

    slow, fast = both(chain)
    assert equal(slow, fast)


def test_cpu_and_gpu_operations_mix(rng):
    x = mx.array(rng.normal(size=(64, 64)).astype(np.float32))
    with mx.stream(mx.gpu):
        a = mx.exp(x)
    with mx.stream(mx.cpu):
        b = a @ a
    with mx.stream(mx.gpu):
        c = mx.sum(b * 2, axis=0) + a[0]  # the sum has no kernel yet
    with mx.stream(mx.cpu):
        want = mx.sum((mx.exp(x) @ mx.exp(x)) * 2, axis=0) + mx.exp(x)[0]
    np.testing.assert_allclose(to_numpy(c), to_numpy(want), rtol=1e-6)


def test_float64_runs_on_the_cpu_and_is_counted():
    x = from_numpy(np.arange(5.0), mx.float64)
    before = mx.metal.fallbacks().get("unary", 0)
    with mx.stream(mx.gpu):
        y = mx.exp(x)
        mx.eval(y)
    assert np.array_equal(to_numpy(y), np.exp(np.arange(5.0)))
    assert mx.metal.fallbacks()["unary"] == before + 1


def test_device_info_and_capture(tmp_path):
    info = mx.metal.device_info()
    assert info["device_name"] and info["max_buffer_length"] > 0
    with pytest.raises(RuntimeError, match="start_capture"):
        mx.metal.start_capture(str(tmp_path / "x.gputrace"))


def test_training_gives_the_numbers_of_the_cpu(rng):
    data = rng.normal(size=(64, 8)).astype(np.float32)

    def train():
        model = {"w": mx.array(data[:8].copy()), "b": mx.zeros((8,))}
        optimizer = optim.AdamW(0.01, bias_correction=True)
        x = mx.array(data)

        def loss(model):
            return ((mx.tanh(x @ model["w"]) + model["b"] - 1) ** 2).mean()

        for _ in range(5):
            gradients = mx.grad(loss)(model)
            optimizer.update(model, gradients)
            mx.eval(model, optimizer)
        return [model["w"], model["b"]]

    slow, fast = both(train)
    assert same_bits(slow, fast)


@pytest.mark.parametrize("size", [1.0, 1e-30, 1e30])
def test_the_norm_of_a_tree_takes_two_dispatches(size, rng):
    arrays = [x * size for x in model_of(rng, 148).values()]
    mx.eval(arrays)
    before = mx.metal._counts()
    with mx.stream(mx.gpu), no_fallbacks():
        norm = _core.global_norm(arrays)
        mx.eval(norm)
    assert cost_since(before) == cost(2, barriers=1)
    want = np.sqrt(sum((to_numpy(x).astype(np.float64) ** 2).sum() for x in arrays))
    np.testing.assert_allclose(norm.item(), want, rtol=1e-6)


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


def test_fallbacks_leave_memory_alone_that_the_gpu_still_uses(rng):
    """What one operation frees a fallback may take over, but not write at once."""
    starts, others = (
        [mx.array(rng.normal(size=70).astype(np.float32)) for _ in range(30)]
        for _ in range(2)
    )
    mx.eval(starts, others)

    def mixed():
        total = mx.zeros((70,))
        for x, other in zip(starts, others, strict=True):
            y = mx.exp(mx.sin(x) * 2) + 1  # temporaries that are free soon
            total = total + y * mx.sort(other)  # which needs nothing of the GPU
        return total

    slow, fast = both(mixed)
    assert equal(slow, fast)


HANDLER = """
import os, signal, threading, ingot.core as mx
weights, seen = mx.ones((4,)) * 2, []
x = mx.ones((1 << 16,))
for _ in range(300): x = mx.tan(mx.sin(x))
def save(*_):
    seen.append(weights.tolist())
    try:
        x[0].item()
    except RuntimeError as error:
        seen.append("signal handler" in str(error))
signal.signal(signal.SIGUSR1, save)
threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGUSR1)).start()
mx.eval(x)
assert seen and seen[0] == [2.0] * 4 and seen[1:] in ([], [True]), seen
"""


def test_a_signal_handler_does_not_wait_for_what_it_interrupts():
    command = [sys.executable, "-c", HANDLER]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
