"""What the GPU's failures become: Python errors, with the CPU and other arrays well.

Needs the software Metal, which can be told to fail (`make test-metal`).
"""

from __future__ import annotations

import contextlib

import ingot.core as mx
import pytest
from metal_cases import fail_next, needs_software_metal, run_python

pytestmark = needs_software_metal


@pytest.fixture
def x() -> mx.array:
    """A ready array of the GPU's."""
    with mx.stream(mx.gpu):
        x = mx.ones((1000,)) * 3
        mx.eval(x)
    return x


UNCOMPILED = """
import ctypes
x = mx.ones((1000,)) * 3
before, y = x + 1, mx.abs(x.astype(mx.int64))  # not one of metal/usual.txt
mx.eval(x + 1, x.astype(mx.int64))
ctypes.CDLL("libsoftmetal.so").softmetal_fail_next(b"{what}", b"the compiler's log")
try: mx.eval(before, y)
except RuntimeError as error: assert "the compiler's log" in str(error), error
else: raise AssertionError
assert before.tolist() == [4] * 1000
assert y[0].item() == 3  # this time it compiles
"""


@pytest.mark.parametrize("what", ["library", "pipeline"])
def test_a_kernel_that_does_not_compile_leaves_the_graph_whole(what):
    run_python(UNCOMPILED.format(what=what))


def test_a_gpu_error_is_raised_wherever_its_results_are_used(x):
    with mx.stream(mx.gpu):
        y = x * 2
        fail_next("command buffer", "the GPU is gone")
        with pytest.raises(RuntimeError, match=r"metal.*the GPU is gone"):
            mx.eval(y)
        for use in (y.tolist, lambda: mx.eval(y + 1)):
            with pytest.raises(RuntimeError, match="the GPU is gone"):
                use()
        assert (x + 1).tolist() == [4] * 1000
    with mx.stream(mx.cpu):
        assert (x + 2).tolist() == [5] * 1000


def test_an_index_out_of_range_is_an_index_error(x):
    grid = x.reshape(10, 100)
    with mx.stream(mx.gpu):
        for f, message in (
            (lambda: mx.take(grid, mx.array([0, 10]), axis=0), r"\[-10, 10\).*got 10"),
            (lambda: grid[mx.array([1]), mx.array([-101])], "axis 1, got -101"),
            (lambda: mx.take(grid[:, :0], mx.array([10]), axis=0), "got 10"),
            (
                lambda: mx.take_along_axis(grid, mx.array([[2**40]]), axis=1),
                "got 1099511627776",
            ),
        ):
            bad = f()
            for _ in range(2):
                with pytest.raises(IndexError, match=message):
                    mx.eval(bad)
        assert (x + 1).tolist() == [4] * 1000
        assert mx.take(grid, mx.array([9]), axis=0).tolist() == [[3] * 100]


def test_an_error_of_async_work_is_raised_later(x):
    with mx.stream(mx.gpu):
        y = x - 1
        fail_next("command buffer", "the GPU is gone")
        mx.async_eval(y)
        with pytest.raises(RuntimeError, match="the GPU is gone"):
            y.tolist()
        assert (x * x).tolist() == [9] * 1000


def test_no_more_memory_is_a_memory_error(x):
    with mx.stream(mx.gpu):
        y = mx.zeros((3 << 20,)) + 1
        mx.clear_cache()
        limit = mx.set_memory_limit(mx.get_active_memory() + (4 << 20))
        try:
            with pytest.raises(MemoryError, match="12582912 bytes"):
                mx.eval(y)
        finally:
            mx.set_memory_limit(limit)
        assert y[0].item() == 1


def test_a_buffer_longer_than_the_device_allows_is_a_memory_error():
    run_python(
        "try: mx.eval(mx.zeros((64 << 20,)))\n"
        "except MemoryError as error: assert '268435456 bytes' in str(error)\n"
        "else: raise AssertionError\n"
        "assert mx.ones((4,)).sum().item() == 4",
        SOFTMETAL_MAX_BUFFER=str(64 << 20),
    )


def test_without_a_device_the_cpu_is_the_default():
    run_python(
        "assert mx.default_device() == mx.cpu and not mx.metal.is_available()\n"
        "try: mx.set_default_device(mx.gpu)\n"
        "except ValueError as error: assert 'no Metal device' in str(error)\n"
        "else: raise AssertionError\n"
        "assert mx.ones((4,)).sum().item() == 4",
        SOFTMETAL_DEVICE="none",
    )


def test_a_forked_child_says_that_it_has_no_gpu_and_computes_on_the_cpu():
    run_python(
        "import os\n"
        "mx.eval(mx.ones((4,)) + 1)\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    try: mx.set_default_device(mx.gpu)\n"
        "    except ValueError as error: assert 'forked' in str(error)\n"
        "    os._exit(0 if mx.ones((4,)).sum().item() == 4 else 1)\n"
        "assert os.waitpid(pid, 0)[1] == 0",
    )


def test_steps_go_tensor_by_tensor_where_addresses_are_of_no_use():
    run_python(
        "import ingot.optimizers as optim\n"
        "assert mx.metal.device_info()['steps'] == 'tensor by tensor'\n"
        "def train():\n"
        "    model = {'a': mx.ones((5,)), 'b': mx.full((3, 2), 2.0)}\n"
        "    optimizer = optim.AdamW(0.1, bias_correction=True)\n"
        "    for _ in range(3):\n"
        "        optimizer.update(model, {k: mx.sin(w) for k, w in model.items()})\n"
        "        mx.eval(model, optimizer)\n"
        "    return [w.tolist() for w in model.values()]\n"
        "fast = train()\n"
        "assert mx.metal.fallbacks() == {}\n"
        "mx.set_default_device(mx.cpu)\n"
        "assert train() == fast",
        SOFTMETAL_TIER="1",
    )


def test_only_what_follows_a_failure_is_lost(x):
    with mx.stream(mx.gpu):
        y = x * 2
        fail_next("command buffer", "the GPU is gone")
        mx.async_eval(y)
        other, later = x + 5, mx.exp(y.reshape(10, 100)[3:])
        mx.async_eval(other)
        with contextlib.suppress(RuntimeError):  # known already, or not
            mx.async_eval(later)
        assert other.tolist() == [8] * 1000
        for lost in (later, y, y.reshape(10, 100) + 1):
            with pytest.raises(RuntimeError, match="the GPU is gone"):
                mx.eval(lost)


def test_results_beside_an_index_out_of_range_are_kept(x):
    with mx.stream(mx.gpu):
        bad = mx.take(x, mx.array([1000]))
        worse = mx.take(x, bad.astype(mx.int32))
        before, after = x + 1, x + 2
        with pytest.raises(IndexError, match="got 1000"):
            mx.eval(before, bad, worse, after)
        allocated = mx.metal._counts()["dispatches"]
        assert before.tolist() == [4] * 1000 and after.tolist() == [5] * 1000
        assert mx.metal._counts()["dispatches"] == allocated
        with pytest.raises(IndexError, match="got 1000"):
            mx.eval(worse)


def test_a_failure_amid_work_on_the_cpu_is_raised_as_itself(x):
    """What the CPU takes from the GPU stands in the failed work, or beside it."""
    with mx.stream(mx.gpu):
        other = mx.ones((1000,)) + 3
        mx.eval(other)
        for follows in (True, False) * 20:
            y = x * 2
            wide = mx.abs((y if follows else other).astype(mx.float64))
            fail_next("command buffer", "the GPU is gone")
            with pytest.raises(RuntimeError, match="the GPU is gone"):
                mx.eval(y, wide)
            if follows:
                with pytest.raises(RuntimeError, match="the GPU is gone"):
                    mx.eval(wide)
            else:
                assert wide.tolist() == [4] * 1000


def test_memory_is_free_once_its_results_are_there(x):
    with mx.stream(mx.gpu):
        for _ in range(20):
            mx.eval((x + 1).sum())
            mx.clear_cache()
            assert mx.get_cache_memory() == 0
