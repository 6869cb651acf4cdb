"""Evaluation: laziness, donation, memory, streams, deep graphs, failures."""

from __future__ import annotations

import threading
import time

import ingot.core as mx
import numpy as np
import pytest
from ingot import _core

MIB = 2**20


def allocations_of(work) -> int:
    """How many buffers the call takes."""
    before = _core._allocations()
    work()
    return _core._allocations() - before


def test_nothing_is_computed_before_eval():
    before = mx.get_active_memory()
    x = mx.ones((MIB,)) + mx.ones((MIB,))
    assert mx.get_active_memory() - before < MIB
    mx.eval(x)
    assert mx.get_active_memory() - before > 3 * MIB


def test_temporaries_are_donated():
    x = mx.ones((MIB,))
    mx.eval(x)

    def chain():
        y = x
        for _ in range(10):
            y = mx.exp(-y)
        mx.eval(y)

    assert allocations_of(chain) == 1


def test_an_array_that_somebody_holds_is_not_donated():
    x = mx.ones((16,)) + 1
    y = x * 2
    mx.eval(y)
    assert x.tolist() == [2.0] * 16


def test_a_buffer_that_numpy_views_is_not_donated():
    x = mx.arange(1000).astype(mx.float32)
    view = np.asarray(x)
    kept = view.copy()
    y = x * 2
    del x
    mx.eval(y)
    np.testing.assert_array_equal(view, kept)


def test_depends_computes_others_first():
    """The arrays are the same, one or several; what they depend on is computed too."""
    x, other = mx.array([1.0, 2.0]) + 1, mx.ones((MIB,)) * 2
    before = mx.get_active_memory()
    y = mx.depends(x, other)
    mx.eval(y)
    assert mx.get_active_memory() - before > 3 * MIB
    assert y.tolist() == [2.0, 3.0]
    a, b = mx.depends([x, mx.array(3)], [other])
    assert (a.tolist(), b.item()) == ([2.0, 3.0], 3)
    assert mx.depends(x, []).tolist() == [2.0, 3.0]
    assert mx.depends([], x) == []


def test_depends_fails_with_what_it_waits_for():
    x, bad = mx.array([1.0]), mx.take(mx.arange(3), mx.array([9]))
    y = mx.depends(x, bad)
    with pytest.raises(IndexError):
        mx.eval(y)
    assert x.tolist() == [1.0]


def test_depends_passes_gradients_to_its_arrays_alone():
    def f(x, y):
        first, second = mx.depends([x * x, x], y * 5)
        return mx.sum(first + 3 * second)

    gx, gy = mx.grad(f, argnums=[0, 1])(mx.array([2.0]), mx.array([7.0]))
    assert (gx.tolist(), gy.tolist()) == ([7.0], [0.0])


@pytest.mark.parametrize("bad", [None, 1.5, "x", object()])
def test_depends_refuses(bad):
    for args in [(bad, mx.array(1)), (mx.array(1), bad)]:
        with pytest.raises((TypeError, ValueError)):
            mx.depends(*args)


def test_views_take_no_memory():
    x = mx.ones((1024, 1024))
    mx.eval(x)
    before = mx.get_active_memory()
    views = [x.T, x[::2], x[:, ::-1], mx.broadcast_to(x, (8, 1024, 1024))]
    mx.eval(views)
    assert mx.get_active_memory() == before


def test_strided_inputs_are_read_in_place():
    x = mx.ones((512, 2048))
    mx.eval(x)
    assert allocations_of(lambda: mx.eval(mx.exp(x.T[::-1]))) == 1


def test_outputs_that_nobody_holds_take_no_memory():
    x = mx.ones((512, 512))
    mx.eval(x)
    before = mx.get_active_memory()
    q, r = mx.linalg.qr(x)
    del r  # before it is computed
    mx.eval(q)
    assert mx.get_active_memory() == before + q.nbytes
    q, r = mx.linalg.qr(x)
    mx.eval(q)
    del q  # afterwards
    assert mx.get_active_memory() == before + r.nbytes
    del r
    assert mx.get_active_memory() == before


def test_an_array_that_is_let_go_while_it_is_computed_leaves_no_memory():
    before = mx.get_active_memory()
    for _ in range(20):
        x = mx.full((MIB // 4,), 0.5)
        for _ in range(10):
            x = mx.sin(x)
        mx.async_eval(x)
        del x
    mx.synchronize()
    assert mx.get_active_memory() == before


def test_memory_is_reused():
    x = mx.ones((4 * MIB,))
    mx.eval(x)
    mx.eval(x + 1)
    cached = mx.get_cache_memory()
    for _ in range(5):
        mx.eval(x + 1)
    assert mx.get_cache_memory() == cached
    mx.synchronize()  # a GPU lets go of memory a little after its results are there
    mx.clear_cache()
    assert mx.get_cache_memory() == 0


def test_memory_limit_raises_and_leaves_arrays_usable():
    limit = mx.set_memory_limit(mx.get_active_memory() + 8 * MIB)
    try:
        x = mx.ones((MIB,))
        with pytest.raises(MemoryError, match=r"float32 array of shape \(4194304,\)"):
            mx.eval(mx.ones((4 * MIB,)))
        assert x.sum().item() == MIB
    finally:
        mx.set_memory_limit(limit)


def test_absurd_sizes_are_memory_errors():
    with pytest.raises(MemoryError, match="bytes"):
        mx.eval(mx.ones((2**17, 2**17, 2**6)))
    with pytest.raises(MemoryError, match=r"2\^63"):
        mx.zeros((2**40, 2**40))


def test_an_error_leaves_the_graph_evaluable():
    x = mx.arange(4)
    index = mx.array([10])
    good = x + 1
    bad = mx.take(x, index)
    for _ in range(2):
        with pytest.raises(IndexError, match="take"):
            mx.eval(good, bad)
    assert good.tolist() == [1, 2, 3, 4]


def slow_graph(seconds: float = 1.0) -> mx.array:
    """A graph that takes about so long."""
    x = mx.ones((MIB,))
    mx.eval(x)
    start = time.perf_counter()
    mx.eval(mx.tan(mx.sin(x)))
    each = max(time.perf_counter() - start, 1e-5)
    for _ in range(int(seconds / each)):
        x = mx.tan(mx.sin(x))
    return x


def test_async_eval_returns_while_the_graph_runs():
    x = slow_graph(1.0)
    start = time.perf_counter()
    mx.async_eval(x)
    handed_over = time.perf_counter() - start
    mx.eval(x)
    total = time.perf_counter() - start
    assert handed_over < 0.5 * total


def test_async_errors_are_raised_where_the_array_is_used():
    x = mx.take(mx.arange(4), mx.array([7]))
    mx.async_eval(x)
    with pytest.raises(IndexError):
        x.tolist()


def test_streams_wait_for_each_other_where_data_flows():
    other = mx.new_stream(mx.cpu)
    for _ in range(20):
        a = mx.exp(mx.zeros((1000,)))
        b = mx.add(a, a, stream=other)
        with mx.stream(other):
            c = b * 2
        d = mx.subtract(c, a)
        assert d.sum().item() == 3000
    mx.synchronize(other)


def test_gpu_is_refused_where_there_is_none():
    if mx.is_available(mx.gpu):
        pytest.skip("there is a GPU")
    with pytest.raises(ValueError, match="no Metal"):
        mx.set_default_device(mx.gpu)
    with pytest.raises(ValueError, match="no Metal"):
        mx.add(mx.array(1), 1, stream=mx.gpu)
    assert mx.default_device() == mx.cpu


def test_eval_takes_trees_modules_and_optimizers():
    class Optimizer:
        def __init__(self) -> None:
            self.state = {"m": [mx.ones((MIB,)) + 1]}

    optimizer = Optimizer()
    before = mx.get_active_memory()
    mx.eval({"a": [mx.array(1) + 1]}, (mx.array(2) + 1,), None, 3, optimizer)
    assert mx.get_active_memory() - before > 3 * MIB


def test_a_tree_that_contains_itself_is_refused():
    tree: list = [mx.array(1)]
    tree.append(tree)
    with pytest.raises(ValueError, match="contain itself"):
        mx.eval(tree)


# --- deep graphs ---


def test_a_million_nodes_evaluate():
    x = mx.array([0.0])
    for _ in range(1_000_000):
        x = x + 1.0
    assert x.item() == 1_000_000


def test_a_million_nodes_are_dropped():
    x = mx.array([0.0])
    for _ in range(1_000_000):
        x = mx.sin(x)
    del x


def test_a_million_nodes_are_differentiated():
    def f(x):
        for _ in range(1_000_000):
            x = -x
        return x

    assert mx.grad(f)(mx.array(1.0)).item() == 1.0


def test_deep_graphs_evaluate_on_a_small_stack():
    result = []

    def work():
        x = mx.array([0.0])
        for _ in range(100_000):
            x = x + 1.0
        result.append(x.item())

    size = threading.stack_size(512 * 1024)
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(size)
    assert result == [100_000]


# --- failures ---


def test_every_failing_allocation_leaves_the_graph_whole():
    x = mx.array(np.random.default_rng(1).normal(size=(256, 256)))
    limit = mx.get_memory_limit()

    def f(a):
        b = mx.softmax(mx.exp(a) @ a.T, axis=0)
        return mx.concatenate([mx.sort(b).T, mx.linalg.qr(b)[0]]).reshape(-1) * 2

    expected = np.array(f(x))
    before, y, failures = mx.get_active_memory(), f(x), 0
    for room in range(0, 8 * MIB, MIB // 16):
        mx.set_memory_limit(before + room)
        try:
            mx.eval(y)
            break
        except MemoryError:
            failures += 1
        finally:
            mx.set_memory_limit(limit)
    assert failures > 5
    np.testing.assert_array_equal(np.array(y), expected)
    del y
    assert mx.get_active_memory() == before


def test_errors_reach_numpy():
    x = mx.take(mx.arange(4), mx.array([7]))
    with pytest.raises(IndexError):
        np.array(x)


def test_lists_that_change_while_they_are_read_are_refused():
    class Grows(list):
        length = 2

        def __len__(self):
            Grows.length += 1000
            return Grows.length

        def __getitem__(self, i):
            return 1.0

    class Clears:
        def __array__(self, *_, **__):
            items.clear()
            return np.array(1.0)

    items = [Clears(), Clears(), Clears()]
    with pytest.raises(IndexError):
        mx.array(items)
    try:
        mx.array(Grows([1.0, 2.0]))
    except ValueError as error:
        assert "change" in str(error)


def test_leaving_a_stream_context_twice_does_nothing():
    before = mx.default_device()
    context = mx.stream(mx.cpu)
    context.__exit__(None, None, None)
    with context:
        pass
    context.__exit__(None, None, None)
    assert mx.default_device() == before
