"""What the tests of the Metal backend share: operands, and both devices' results."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import ingot.core as mx
import numpy as np
import pytest
from optimizer_cases import from_numpy, to_numpy

needs_metal = pytest.mark.skipif(
    not mx.metal.is_available(), reason="metal: there is no device (make test-metal)"
)
NAME = ""
if mx.metal.is_available():
    NAME = str(mx.metal.device_info()["device_name"])
needs_software_metal = pytest.mark.skipif(
    NAME != "Software Metal", reason="metal: needs the software Metal"
)
# Operands are made on the CPU, unless a test says otherwise.
on_the_cpu = pytest.mark.usefixtures("cpu")

FLOATS = ["float32", "float16", "bfloat16"]
WHOLES = ["bool_", "uint8", "uint16", "uint32", "uint64"]
WHOLES += ["int8", "int16", "int32", "int64"]


def software_metal() -> ctypes.CDLL:
    """The functions of tests/softmetal/include/softmetal.h."""
    return ctypes.CDLL("libsoftmetal.so")


def fail_next(what: str, text: str) -> None:
    """The next thing of that kind fails."""
    software_metal().softmetal_fail_next(what.encode(), text.encode())


def run_python(code: str, **variables: str) -> str:
    """What a process of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", f"import ingot.core as mx\n{code}"],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **variables},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


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


def identical(a: mx.array, b: mx.array) -> bool:
    """The same bits, of zeros and NaN too."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    words = {1: mx.uint8, 2: mx.uint16, 4: mx.uint32, 8: mx.uint64}
    x, y = (np.asarray(z.view(words[z.dtype.size])) for z in (a, b))
    return np.array_equal(x, y)


def both(f):
    """A result on the CPU and on the GPU."""
    with mx.stream(mx.cpu):
        slow = f()
        mx.eval(slow)
    with mx.stream(mx.gpu):
        fast = f()
        mx.eval(fast)
    return slow, fast


def model_of(rng, tensors: int) -> dict[str, mx.array]:
    return {
        f"w{i}": mx.array(rng.normal(size=(i % 7 + 1, i % 5 + 3)).astype(np.float32))
        for i in range(tensors)
    }


def since(before: dict[str, int]) -> dict[str, int]:
    """What the encoder has done since it said `before`."""
    return {name: n - before[name] for name, n in mx.metal._counts().items()}


def cost_since(before: dict[str, int]) -> dict[str, int]:
    """The same without the bytes."""
    return {k: n for k, n in since(before).items() if not k.startswith("bytes")}
