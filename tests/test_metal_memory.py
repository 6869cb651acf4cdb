"""What is watched of the GPU's memory: the strips around arrays, and live objects.

The fixture `guards` of conftest.py looks at the strips after every test; here they are
seen to tell, in builds with the software Metal.
"""

from __future__ import annotations

from pathlib import Path

import ingot.core as mx
import ingot.optimizers as optim
import numpy as np
import pytest
from metal_cases import (
    fail_next,
    model_of,
    needs_software_metal,
    run_python,
    software_metal,
)

pytestmark = needs_software_metal
COMPILER = Path(__file__).parent / "softmetal" / "msl" / "compile.py"


def damage(code: str, **variables: str) -> str:
    """What a process that writes where it must not is told."""
    try:
        return run_python(code, **variables)
    except AssertionError as error:  # ASan ends it at once
        return str(error)


WRITE = """
import ctypes, numpy
mx.set_default_device(mx.cpu)  # in memory of the GPU's
for size in (1000, 1024, 1 << 20):
    x = mx.ones((size,)) + 1
    mx.eval(x)
    assert mx.metal._damages() == []
    byte = 4 * size + {byte} if {byte} >= 0 else {byte}
    ctypes.memset(numpy.asarray(x).ctypes.data + byte, 0, 1)
    {free}
    [said] = mx.metal._damages()
    assert f"of {{4 * size}} bytes" in said and f"got byte {{byte}}" in said, said
    assert mx.metal._damages() == []
"""
FREE = [
    "",
    "del x; mx.clear_cache()",
    "del x; x = mx.ones((size - 5,)) * 3; mx.eval(x)",
]


@pytest.mark.parametrize("byte", [0, 63, -1, -64])
@pytest.mark.parametrize("free", FREE)
def test_a_write_outside_of_an_array_is_found(byte, free):
    said = damage(WRITE.format(byte=byte, free=free))
    assert said == "" or "use-after-poison" in said


BROKEN = """
import subprocess, sys
source = sys.stdin.read().replace("out[i] = ", "out[i + 1] = ")
command = [sys.executable, {compiler!r}, *sys.argv[1:]]
sys.exit(subprocess.run(command, input=source, text=True).returncode)
"""


def test_a_kernel_that_writes_one_element_too_far_is_found(tmp_path):
    (tmp_path / "compile.py").write_text(BROKEN.format(compiler=str(COMPILER)))
    said = damage(
        "x = mx.ones((500,), dtype=mx.int64)  # its abs is not in metal/usual.txt\n"
        "mx.eval(abs(x)); print(mx.metal._damages())",
        SOFTMETAL_MSL=str(tmp_path),
    )
    assert "4000 bytes must" in said or "use-after-poison" in said


# --- objects that nobody released ---


def train(rng):
    model, optimizer = model_of(rng, 5), optim.AdamW(0.1)
    for _ in range(2):
        grads = mx.grad(lambda m: sum((w * w).sum() for w in m.values()))(model)
        optimizer.update(model, grads)
        mx.eval(model, optimizer)


def large(rng):
    x = mx.array(np.ones(1 << 20, np.float32))  # a buffer of its own
    mx.eval([x[:10] + i for i in range(3)])


def fall_back(rng):
    mx.eval(mx.linalg.qr(mx.array(rng.normal(size=(5, 3)).astype(np.float32))))


def many_dispatches(rng):
    x = mx.ones((10,))
    for _ in range(70):  # more than go into one command buffer
        x = mx.sin(x)
    mx.async_eval(x)
    x.tolist()


def index_out_of_range(rng):
    bad = mx.take(mx.ones((10,)), mx.array([10]))
    with pytest.raises(IndexError, match="got 10"):
        mx.eval(bad)


def gpu_error(rng):
    fail_next("command buffer", "the GPU is gone")
    with pytest.raises(RuntimeError, match="the GPU is gone"):
        mx.eval(mx.ones((10,)) * 2)


def no_memory(rng):
    mx.clear_cache()
    fail_next("buffer", "")
    mx.array(np.ones(1 << 20, np.float32))  # the allocator asks again


def capture(rng):
    with pytest.raises(RuntimeError, match="start_capture"):
        mx.metal.start_capture("x.gputrace")
    mx.metal.stop_capture()


WORK = [train, large, fall_back, many_dispatches]
WORK += [index_out_of_range, gpu_error, no_memory, capture]


def live() -> int:
    """Objects of Metal's that somebody holds when all work is done."""
    mx.metal._damages()  # waits for the GPU
    software_metal().softmetal_live()  # waits for what it hands back
    mx.clear_cache()
    return software_metal().softmetal_live()


@pytest.mark.parametrize("work", WORK)
def test_no_object_outlives_its_work(work, rng):
    with mx.stream(mx.gpu):
        for _ in range(2):
            work(rng)
        before = live()
        for _ in range(3):
            work(rng)
        assert live() == before
    assert software_metal().softmetal_count(b"leaks") == 0


def test_a_kernel_that_does_not_compile_leaves_no_object():
    run_python(
        "import ctypes\n"
        "metal = ctypes.CDLL('libsoftmetal.so')\n"
        "x = mx.ones((10,), dtype=mx.int64)  # its abs is not in metal/usual.txt\n"
        "mx.eval(mx.exp(mx.ones((10,))))\n"
        "def fail(what):\n"
        "    metal.softmetal_fail_next(what, b'the log')\n"
        "    try: mx.eval(mx.abs(x))\n"
        "    except RuntimeError: mx.synchronize()\n"
        "    else: raise AssertionError\n"
        "    return metal.softmetal_live()\n"
        "for what in (b'library', b'pipeline'):\n"
        "    first = fail(what)\n"
        "    assert [fail(what) for _ in range(3)] == [first] * 3, what\n"
    )
