"""What the GPU's work costs, in which order it is done, and whose memory it takes."""

from __future__ import annotations

import subprocess
import sys

import ingot.core as mx
import ingot.optimizers as optim
import numpy as np
import pytest
from ingot import _core
from metal_cases import (
    both,
    cost_since,
    equal,
    model_of,
    needs_metal,
    no_fallbacks,
    on_the_cpu,
    since,
)
from optimizer_cases import from_numpy, same_bits, to_numpy

pytestmark = [needs_metal, on_the_cpu]


def cost(dispatches: int, barriers: int = 0) -> dict[str, int]:
    """What work that fits one command buffer costs."""
    once = {"encoders": 1, "command_buffers": 1}
    return {"dispatches": dispatches, "barriers": barriers, **once}


@pytest.mark.parametrize(
    ("make", "slots"),
    [
        (lambda: optim.SGD(0.1), 0),
        (lambda: optim.SGD(0.1, momentum=0.9, nesterov=True), 1),
        (lambda: optim.RMSprop(0.1), 1),
        (lambda: optim.Adagrad(0.1), 1),
        (lambda: optim.AdaDelta(0.1), 2),
        (lambda: optim.Adam(0.1), 2),
        (lambda: optim.AdamW(0.1, bias_correction=True), 2),
        (lambda: optim.Adamax(0.1), 2),
        (lambda: optim.Lion(0.1), 1),
        (lambda: optim.AdamW(optim.cosine_decay(0.1, 50)), 2),
    ],
)
def test_a_step_is_one_dispatch_for_148_tensors(make, slots, rng):
    """It reads parameters, gradients and states once, and writes all but gradients."""
    model, grads = model_of(rng, 148), model_of(rng, 148)
    with mx.stream(mx.gpu):
        optimizer = make()
        optimizer.update(model, grads)
        mx.eval(model, optimizer)
        before = mx.metal._counts()
        optimizer.update(model, grads)
        mx.eval(model, optimizer)
    assert cost_since(before) == cost(1)
    array, table = 4 * sum(w.size for w in model.values()), 64 * 148
    assert since(before)["bytes_read"] == (2 + slots) * array + table
    assert since(before)["bytes_written"] == (1 + slots) * array


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
        c = mx.sum(b * 2, axis=0) + a[0]
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


def test_clipping_takes_three_dispatches(rng):
    grads = model_of(rng, 148)
    mx.eval(grads)
    before = mx.metal._counts()
    with mx.stream(mx.gpu), no_fallbacks():
        clipped, _ = optim.clip_grad_norm(grads, 1.0)
        mx.eval(clipped)
    assert cost_since(before) == cost(3, barriers=2)


@pytest.mark.parametrize("dtype", [mx.float32, mx.bfloat16], ids=str)
def test_a_step_clips_as_it_reads(dtype, rng):
    """Two dispatches for the norm, one for the step, which gives the same bits."""
    values = {k: to_numpy(x) for k, x in model_of(rng, 148).items()}

    def train(early: bool) -> list[mx.array]:
        model, grads = (
            {k: from_numpy(x, dtype) for k, x in values.items()} for _ in "pg"
        )
        optimizer = optim.AdamW(1e-2)
        optimizer.update(model, grads)
        mx.eval(model, optimizer.state, grads)
        before = mx.metal._counts()
        with no_fallbacks():
            clipped, _ = optim.clip_grad_norm(grads, 1.0)
            if early:
                mx.eval(clipped)
            optimizer.update(model, clipped)
            mx.eval(model, optimizer.state)
        if not early:
            assert cost_since(before) == cost(3, barriers=2)
        return [*model.values(), *clipped.values()]

    with mx.stream(mx.gpu):
        assert same_bits(train(early=False), train(early=True))


def test_what_sorting_and_indexing_cost(rng):
    """A dispatch for blocks of 1024, one for each doubling, one for indices."""
    x = mx.array(rng.normal(size=1024).astype(np.float32))
    long, rows = mx.array(rng.normal(size=5000)), mx.array(rng.integers(0, 9, 1024))
    long = long.astype(mx.float32)
    mx.eval(x, long, rows)
    cases = [
        (lambda: mx.argmax(x), cost(2, barriers=1)),
        (lambda: mx.sort(x), cost(1)),
        (lambda: mx.sort(long), cost(4, barriers=3)),
        (lambda: mx.argsort(long), cost(5, barriers=4)),
        # a copy of x, the places, their order, and the sums
        (lambda: x.at[rows].add(x), cost(4, barriers=2)),
    ]
    for f, want in cases:
        before = mx.metal._counts()
        with mx.stream(mx.gpu), no_fallbacks():
            mx.eval(f())
        assert cost_since(before) == want


def test_fallbacks_leave_memory_alone_that_the_gpu_still_uses(rng):
    """What one operation frees a fallback may take over, but not write at once."""
    starts, others = (
        [mx.array(rng.normal(size=shape).astype(np.float32)) for _ in range(30)]
        for shape in (70, (10, 7))
    )
    mx.eval(starts, others)

    def mixed():
        total = mx.zeros((70,))
        for x, other in zip(starts, others, strict=True):
            y = mx.exp(mx.sin(x) * 2) + 1  # temporaries that are free soon
            q, _ = mx.linalg.qr(other)  # which needs nothing of the GPU
            total = total + y * q.reshape(70)
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


INTERRUPT = """
import os, signal, threading, time, ingot.core as mx, numpy as np
mx.set_default_device(mx.gpu)
x = mx.ones((1 << 21,))
for _ in range(20): x = mx.tan(mx.sin(x))
q, r = mx.linalg.qr(x[:16].reshape(4, 4) + mx.eye(4), stream=mx.gpu)
def press():
    global pressed
    pressed = time.monotonic()
    os.kill(os.getpid(), signal.SIGINT)
threading.Timer(0.2, press).start()
try:
    mx.eval(r)
    raise SystemExit("not interrupted")
except KeyboardInterrupt:
    took = time.monotonic() - pressed
product = np.array(q @ r)
np.testing.assert_allclose(product, np.array(x)[:16].reshape(4, 4) + np.eye(4), 1e-5)
print(took)
"""


def test_ctrl_c_reaches_a_fallback_that_waits_for_the_gpu():
    command = [sys.executable, "-c", INTERRUPT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 0.5


ASKING = """
import os, signal, threading, time, ingot.core as mx
mx.set_default_device(mx.gpu)
mx.eval(mx.tan(mx.sin(mx.ones((2,))))[0] + 1)  # compiles
x = mx.ones((1 << 21,))
for _ in range(200): x = mx.tan(mx.sin(x))
y = x[0]
for _ in range(100_000): y = y + 1  # takes seconds to ask for
def press():
    global pressed
    pressed = time.monotonic()
    os.kill(os.getpid(), signal.SIGINT)
threading.Timer(0.3, press).start()
try:
    mx.eval(y)
    raise SystemExit("not interrupted")
except KeyboardInterrupt:
    print(time.monotonic() - pressed)
os._exit(0)
"""


def test_ctrl_c_does_not_wait_for_what_the_gpu_was_asked_for():
    command = [sys.executable, "-c", ASKING]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 3  # of more than ten
