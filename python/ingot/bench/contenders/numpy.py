"""NumPy, for what someone would write with it by hand, in place where one would."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from ingot.bench.contenders import base

__all__ = ["Contender"]


def softmax(x: Any) -> Any:
    y = np.exp(x - x.max(-1, keepdims=True))
    y /= y.sum(-1, keepdims=True)
    return y


def logsumexp(x: Any) -> Any:
    top = x.max(-1, keepdims=True)
    return np.log(np.exp(x - top).sum(-1)) + top[..., 0]


def gelu_tanh(x: Any) -> Any:
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))


def layer_norm(x: Any, w: Any, b: Any) -> Any:
    y = x - x.mean(-1, keepdims=True)
    y *= w / np.sqrt(np.square(y).mean(-1, keepdims=True) + np.float32(1e-5))
    y += b
    return y


def rms_norm(x: Any, w: Any) -> Any:
    return x * (w / np.sqrt(np.square(x).mean(-1, keepdims=True) + np.float32(1e-5)))


OPS: dict[str, Any] = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "gelu_tanh": gelu_tanh,
    "sum_columns": functools.partial(np.sum, axis=0),
    "softmax": softmax,
    "logsumexp": logsumexp,
    "layer_norm": layer_norm,
    "rms_norm": rms_norm,
    "gather": lambda x, i: x[i],
}


def sgd(w: Any, g: Any) -> None:
    w -= np.float32(1e-3) * g


def momentum(w: Any, g: Any, v: Any) -> None:
    v *= np.float32(0.9)
    v += g
    w -= np.float32(1e-3) * v


def adamw(w: Any, g: Any, m: Any, v: Any) -> None:
    m *= np.float32(0.9)
    m += np.float32(0.1) * g
    v *= np.float32(0.999)
    v += np.float32(0.001) * np.square(g)
    w *= np.float32(1 - 1e-5)
    w -= np.float32(1e-3) * m / (np.sqrt(v) + np.float32(1e-8))


def lion(w: Any, g: Any, m: Any) -> None:
    w -= np.float32(1e-3) * np.sign(np.float32(0.9) * m + np.float32(0.1) * g)
    m *= np.float32(0.99)
    m += np.float32(0.01) * g


RULES: dict[str, tuple[Any, int]] = {  # and how many states it has
    "sgd": (sgd, 0),
    "momentum": (momentum, 1),
    "adamw": (adamw, 2),
    "lion": (lion, 1),
}


class Contender(base.Contender):
    """NumPy, on the CPU whatever the others run on."""

    name = "numpy"
    imports = "import numpy"

    def version(self) -> str:
        return np.__version__

    def dtype(self, name: str) -> Any:
        if name == "bfloat16":
            raise base.NoEquivalent("numpy has no bfloat16")
        return np.dtype(name)

    def step(
        self, rule: str, shapes: list[base.Shape], dtype: str, state: str = ""
    ) -> base.Run:
        if rule not in RULES:
            raise base.NoEquivalent(f"nobody writes {rule} by hand")
        update, slots = RULES[rule]
        number = self.dtype(dtype)
        tensors = [
            [np.ones(s, number), np.full(s, 0.01, number)]
            + [np.zeros(s, number) for _ in range(slots)]
            for s in shapes
        ]

        def run() -> None:
            for tensor in tensors:
                update(*tensor)

        return run

    def init(self, name: str, shape: base.Shape, dtype: str) -> base.Run:
        rng, number = np.random.default_rng(0), self.dtype(dtype)
        if name == "identity":
            return base.calling(functools.partial(np.eye, *shape, dtype=number))
        if name == "orthogonal":
            draw = functools.partial(rng.standard_normal, shape, number)
            return base.calling(lambda: np.linalg.qr(draw()))
        return self.random(name, shape, dtype)

    def random(self, name: str, shape: base.Shape, dtype: str) -> base.Run:
        rng, number = np.random.default_rng(0), self.dtype(dtype)
        draws: dict[str, Any] = {"normal": rng.standard_normal, "uniform": rng.random}
        if name not in draws or number.itemsize == 2:
            raise base.NoEquivalent(f"numpy draws no {dtype} {name}")

        return base.calling(draws[name], shape, number)

    def clip(self, shapes: list[base.Shape], dtype: str) -> base.Run:
        grads = [np.full(s, 0.01, self.dtype(dtype)) for s in shapes]

        def run() -> None:
            norm = math.sqrt(sum(float(np.vdot(g, g)) for g in grads))
            for g in grads:
                g *= np.float32(min(1.0, 1.0 / (norm + 1e-6)))

        return run

    def op(self, name: str, inputs: list[Any], dtype: str, **more: Any) -> base.Run:
        if name not in OPS and not hasattr(np, name):
            raise base.NoEquivalent(f"numpy has no {name}")
        self.dtype(str(more.get("dtype", dtype)))
        function = functools.partial(OPS.get(name) or getattr(np, name), **more)
        arrays = [base.sample(*x) for x in inputs]
        arrays = [x if x.dtype.kind == "i" else x.astype(dtype) for x in arrays]

        return base.calling(function, *arrays)

    def small_op(self, calls: int) -> base.Run:
        x, y = np.ones(10, np.float32), np.ones(10, np.float32)

        def run() -> None:
            for _ in range(calls):
                x + y

        return run

    def chain(self, ops: int) -> base.Run:
        x = np.ones(10, np.float32)

        def run() -> None:
            y = x
            for _ in range(ops):
                y = y + x

        return run
