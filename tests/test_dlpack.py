"""DLPack: memory shared with NumPy and torch, and who may write to it."""

from __future__ import annotations

import gc
import threading
import weakref

import ingot.core as mx
import ml_dtypes
import numpy as np
import pytest
from support import ALL, CORE, LAYOUTS, NUMPY, dtype_name, layout, to_numpy

# NumPy takes no bfloat16 by DLPack.
NATIVE = [d for d in ALL if d != "bfloat16"]
X = np.arange(12).reshape(3, 4)
STRIDED = {
    "whole": lambda x: x,
    "transposed": lambda x: x.T,
    "every second": lambda x: x[::2, 1::2],
    "backwards": lambda x: x[::-1, ::-1],
    "broadcast": lambda x: np.broadcast_to(x[1], (2, 3, 4)),
    "a number": lambda x: x[1, 2],
    "nothing": lambda x: x[:0],
}


def address(a):
    return np.asarray(a).__array_interface__["data"][0]


# --- from NumPy ---


@pytest.mark.parametrize("dtype", NATIVE)
@pytest.mark.parametrize("name", STRIDED)
def test_from_numpy_on_the_same_memory(name, dtype):
    x = STRIDED[name](X.astype(NUMPY[dtype]))
    x = np.asarray(x)
    a = mx.from_dlpack(x)
    assert dtype_name(a) == dtype and a.shape == x.shape
    np.testing.assert_array_equal(to_numpy(a), x)
    if x.size:
        assert address(a) == address(x)
        assert np.asarray(a).strides == x.strides
    np.testing.assert_array_equal(to_numpy(a + a), x + x)


def test_what_the_other_side_writes_shows():
    x = np.arange(4.0)
    a = mx.from_dlpack(x)
    later = a + 1
    x[0] = 10
    assert a.tolist() == [10, 1, 2, 3] and later.tolist() == [11, 2, 3, 4]


@pytest.mark.parametrize(
    "f",
    [
        lambda a: mx.exp(a) + 1,
        lambda a: mx.negative(a) * 2,
        lambda a: mx.stop_gradient(a) + 1,
        lambda a: a.reshape(2, -1) + 1,
        lambda a: a.at[0].add(1.0),
        lambda a: mx.sort(a),
        lambda a: mx.put_along_axis(a, mx.array([1]), mx.array([9.0]), axis=0),
    ],
)
def test_nothing_is_written_there(f):
    x = np.arange(1000, dtype=np.float32)
    y = f(mx.from_dlpack(x))
    mx.eval(y)
    np.testing.assert_array_equal(x, np.arange(1000))
    a = mx.from_dlpack(x)
    a[0] = 5
    a += 1
    mx.eval(a)
    np.testing.assert_array_equal(x, np.arange(1000))


def test_an_optimizer_does_not_write_there():
    from ingot import optimizers as optim

    x = np.ones(1000, np.float32)
    optimizer = optim.SGD(0.5, momentum=0.9)
    parameters = {"w": mx.from_dlpack(x)}
    for _ in range(3):
        gradients = {"w": mx.from_dlpack(x)}
        parameters = optimizer.apply_gradients(gradients, parameters)
        mx.eval(parameters, optimizer.state)
        del gradients
    np.testing.assert_array_equal(x, 1)
    np.testing.assert_allclose(parameters["w"], 1 - 0.5 * (1 + 1.9 + 2.71), rtol=1e-6)


def test_read_only_memory_comes_in():
    x = np.arange(3.0)
    x.flags.writeable = False
    a = mx.from_dlpack(x)
    assert address(a) == address(x) and (a * 2).tolist() == [0, 2, 4]


def test_copies():
    x = np.arange(3.0)
    a, b = mx.from_dlpack(x, copy=True), mx.from_dlpack(x, copy=False)
    x[0] = 7
    assert a.tolist() == [0, 1, 2] and b.tolist() == [7, 1, 2]


def test_memory_that_kernels_cannot_read_is_copied():
    bytes_ = np.zeros(4 * 3 + 1, np.uint8)
    odd = np.frombuffer(bytes_.data, np.float32, 3, offset=1)
    bools = np.array([0, 1, 2, 255], np.uint8).view(np.bool_)
    for x, want in ((odd, [0, 0, 0]), (bools, [False, True, True, True])):
        if x is odd and not _gives(x):
            continue
        assert mx.from_dlpack(x).tolist() == want
        with pytest.raises(BufferError, match="copy is False"):
            mx.from_dlpack(x, copy=False)


def _gives(x):
    """Whether NumPy exports it at all."""
    try:
        x.__dlpack__(max_version=(1, 0))
    except BufferError:
        return False
    return True


class Watched(np.ndarray):
    """An array that can be watched to go."""


def watched(n=1000):
    x = np.arange(n, dtype=np.float32).view(Watched)
    return x, weakref.ref(x)


def test_the_exporter_lives_as_long_as_the_memory_is_needed():
    x, gone = watched()
    a = mx.from_dlpack(x)
    del x
    gc.collect()
    view = a[10:20]
    lazy = mx.exp(a * 0)
    del a
    gc.collect()
    assert gone() is not None
    assert view.tolist() == list(range(10, 20))
    mx.eval(view)
    assert gone() is not None and lazy.sum().item() == 1000
    del view, lazy
    gc.collect()
    assert gone() is None


def test_it_is_let_go_from_any_thread():
    gone = []
    for big in (10, 1 << 20):
        x, watch = watched(big)
        gone.append(watch)
        held = [mx.from_dlpack(x)]
        y = mx.from_dlpack(x) * 2
        del x
        mx.async_eval(y)
        mx.eval(y)
        thread = threading.Thread(target=held.clear)
        thread.start()
        thread.join()
        del y
    for _ in range(1000):
        gc.collect()
        mx.eval(mx.ones((2,)) + 1)
        if all(watch() is None for watch in gone):
            break
    assert all(watch() is None for watch in gone)


def test_memory_of_others_is_not_counted():
    x = np.zeros(1 << 20, np.float32)
    before = mx.get_active_memory()
    a = mx.from_dlpack(x)
    assert mx.get_active_memory() == before
    del a
    assert mx.get_active_memory() == before


def test_it_works_on_every_device():
    x = np.arange(100, dtype=np.float32).reshape(10, 10)
    for device in (mx.cpu, mx.gpu):
        if not mx.is_available(device):
            continue
        a = mx.from_dlpack(x.T, device=device)
        with mx.stream(device):
            y = mx.exp(a * 0.1).sum(axis=0)
            z = a.T[1:] + 1
        np.testing.assert_allclose(y, np.exp(x.T * 0.1).sum(0), rtol=1e-6)
        np.testing.assert_array_equal(z, x[1:] + 1)


# --- what comes in must be right ---


class Fake:
    def __init__(self, capsule, device=(1, 0)):
        self.capsule, self.device = capsule, device

    def __dlpack__(self, **arguments):
        self.arguments = arguments
        return self.capsule

    def __dlpack_device__(self):
        return self.device


class Old:
    """A library from before 2023.12."""

    def __init__(self, x):
        self.x = x

    def __dlpack__(self, stream=None):
        return self.x.__dlpack__()

    def __dlpack_device__(self):
        return self.x.__dlpack_device__()


def test_old_libraries():
    x = np.arange(3.0)
    assert address(mx.from_dlpack(Old(x))) == address(x)


def test_another_device_is_asked_for_a_copy():
    x = np.arange(3.0)
    fake = Fake(x.__dlpack__(max_version=(1, 0)), (2, 1))
    assert mx.from_dlpack(fake).tolist() == [0, 1, 2]
    assert fake.arguments["dl_device"] == (1, 0)


def test_bad_capsules():
    x = np.arange(3.0)
    capsule = x.__dlpack__()
    assert mx.from_dlpack(Fake(capsule)).tolist() == [0, 1, 2]
    for wrong in (capsule, 3, None):  # a used one, and none
        with pytest.raises(TypeError, match="must return a capsule"):
            mx.from_dlpack(Fake(wrong))
    for wrong in (3, None, [1.0], capsule, "x"):
        with pytest.raises(TypeError, match="must have the methods"):
            mx.from_dlpack(wrong)
    for device in (3, (1,), "ab", None, (1.5, 0)):
        with pytest.raises(TypeError, match="must be a pair of ints"):
            mx.from_dlpack(Fake(capsule, device))


def test_other_elements_are_refused_and_the_memory_given_back():
    x = np.ones(3, np.complex128).view(Watched)
    gone = weakref.ref(x)
    with pytest.raises(TypeError, match="elements must be bool, integer, floating"):
        mx.from_dlpack(x)
    del x
    gc.collect()
    assert gone() is None


# --- to others ---


@pytest.mark.parametrize("dtype", NATIVE)
@pytest.mark.parametrize("name", STRIDED)
def test_to_numpy_on_the_same_memory(name, dtype):
    x = X.astype(NUMPY[dtype])
    a = mx.from_dlpack(np.asarray(STRIDED[name](x)))
    y = np.from_dlpack(a)
    np.testing.assert_array_equal(y, STRIDED[name](x))
    assert not y.flags.writeable
    if y.size:
        assert address(y) == address(a) and y.strides == np.asarray(a).strides


def test_exported_memory_is_not_written_while_it_is_seen():
    a = mx.arange(1000).astype(mx.float32)
    view = np.from_dlpack(a)
    a += 1.0
    a = a * 2
    mx.eval(a)
    del a
    gc.collect()
    mx.eval([mx.zeros((1000,)) + i for i in range(8)])
    np.testing.assert_array_equal(view, np.arange(1000))


def test_exported_memory_is_counted_until_it_is_let_go():
    before = mx.get_active_memory()
    view = np.from_dlpack(mx.zeros((1 << 20,)))
    gc.collect()
    assert mx.get_active_memory() >= before + view.nbytes
    del view
    gc.collect()
    assert mx.get_active_memory() == before
    capsule = mx.zeros((1 << 20,)).__dlpack__(max_version=(1, 0))
    assert mx.get_active_memory() > before
    del capsule  # which nobody took
    assert mx.get_active_memory() == before


def test_copies_are_the_consumers_own():
    a = mx.arange(4)
    x = np.from_dlpack(a, copy=True)
    assert x.flags.writeable and address(x) != address(a)
    x[0] = 9
    assert a.tolist() == [0, 1, 2, 3]
    # An old consumer can't be told that memory is read-only.
    assert address(np.from_dlpack(Old(a))) != address(a)


def test_arguments():
    a = mx.arange(4)
    assert a.__dlpack_device__() == (1, 0)
    for version in (None, (0, 8), (1, 0), (1, 1), [2, 5]):
        name = "dltensor" if version in (None, (0, 8)) else "dltensor_versioned"
        assert f'"{name}"' in repr(a.__dlpack__(max_version=version))
    a.__dlpack__(dl_device=(1, 0), copy=True, stream=None)
    with pytest.raises(BufferError, match=r"max_version must be at least \(1, 0\)"):
        a.__dlpack__(copy=False)
    with pytest.raises(BufferError, match=r"dl_device must be \(1, 0\)"):
        a.__dlpack__(dl_device=(8, 0))
    with pytest.raises(ValueError, match="stream must be None"):
        a.__dlpack__(stream=1)
    for pair in (3, "ab", (1,), (1, 2, 3), (1.5, 0), (2**70, 0)):
        with pytest.raises(TypeError, match="must be a pair of ints"):
            a.__dlpack__(max_version=pair)
    with pytest.raises(TypeError):
        a.__dlpack__(copy=3)


@pytest.mark.parametrize("dtype", ALL)
@pytest.mark.parametrize("name", LAYOUTS)
def test_round_trip(name, dtype):
    core, x = layout(X.astype(NUMPY[dtype]), name)
    back = mx.from_dlpack(core)
    assert dtype_name(back) == dtype
    np.testing.assert_array_equal(to_numpy(back), x)


def test_numpy_refuses_bfloat16():
    with pytest.raises((BufferError, RuntimeError)):
        np.from_dlpack(mx.array([1.0], dtype=mx.bfloat16))
    assert np.asarray(mx.array([1.0], dtype=mx.bfloat16)).dtype == ml_dtypes.bfloat16


def test_errors_of_computing_come_out():
    with pytest.raises(IndexError):
        mx.take(mx.ones((2,)), mx.array([5])).__dlpack__()


# --- torch ---


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "bfloat16"])
def test_torch_both_ways(torch, dtype):
    t = torch.arange(12).reshape(3, 4).to(getattr(torch, dtype)).T
    a = mx.from_dlpack(t)
    assert dtype_name(a) == dtype and a.shape == (4, 3)
    np.testing.assert_array_equal(a.astype(mx.float32), t.float().numpy())
    t[1, 1] = 0
    np.testing.assert_array_equal(a.astype(mx.float32), t.float().numpy())
    back = torch.from_dlpack(mx.array(X % 2, dtype=CORE[dtype]).T)
    assert back.dtype == t.dtype and back.shape == (4, 3)
    np.testing.assert_array_equal(back.float().numpy(), X.T % 2)


def test_torch_shares_memory(torch):
    t = torch.arange(4.0)
    a = mx.from_dlpack(t)
    assert address(a) == t.data_ptr()
    del t
    gc.collect()
    assert (a + 1).tolist() == [1, 2, 3, 4]
    back = torch.from_dlpack(a)
    assert back.data_ptr() == address(a)
