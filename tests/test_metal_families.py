"""Each family of kernels once, on operands of a few hundred elements.

Little enough for ThreadSanitizer and for many orders of the GPU's threads
(`make test-metal SANITIZE=thread`, SOFTMETAL_SEED).
"""

from __future__ import annotations

import ingot.core as mx
import ingot.optimizers as optim
import numpy as np
import pytest
from ingot import _core
from metal_cases import both, needs_metal, on_the_cpu
from optimizer_cases import leaves, to_numpy
from step_cases import VALUES

pytestmark = [needs_metal, on_the_cpu]


def step(rule):
    slots, names = _core.rules()[rule]
    values = [VALUES[name] for name in names]

    def f(x):
        w = [x.a, x.b, x.c]
        state = [[abs(y) for y in w] for _ in slots]
        return _core.step(rule, w, [-y for y in w], state, values)

    return f


def adafactor(x):
    model, optimizer = {"a": x.a, "b": x.b, "c": x.c}, optim.Adafactor()
    optimizer.update(model, {name: -w for name, w in model.items()})
    return model


CASES = {
    "unary": lambda x: mx.tanh(x.a),
    "unary of a view": lambda x: mx.exp(x.a[::-1, ::2].T),
    "binary": lambda x: x.a * x.b.T,
    "binary by rows": lambda x: x.a - x.a[0],
    "select": lambda x: mx.where(x.a > 0, x.a, x.b.T),
    "casts": lambda x: [x.a.astype(t) for t in (mx.float16, mx.int8, mx.int64)],
    "copy": lambda x: mx.concatenate([x.a, x.b.T], axis=1),
    "fill": lambda x: mx.full((300,), 3.0) + 1,
    "arange and eye": lambda x: mx.eye(9) + mx.arange(9),
    "sum of all": lambda x: mx.sum(x.a),
    "sum of many": lambda x: mx.sum(mx.broadcast_to(x.a, (30, 15, 17))),
    "sum of rows": lambda x: mx.sum(x.a, axis=1),
    "sum of columns": lambda x: mx.sum(x.a, axis=0),
    "largest": lambda x: [mx.max(x.a), mx.min(x.a, axis=0), mx.argmax(x.a, axis=1)],
    "truth": lambda x: [mx.all(x.a > -9), mx.any(x.a > 9, axis=1)],
    "moments": lambda x: [mx.var(x.a, axis=0), mx.std(x.a), mx.mean(x.a, axis=1)],
    "logsumexp": lambda x: mx.logsumexp(x.a, axis=0),
    "layer norm": lambda x: mx.fast.layer_norm(x.a, x.c[:17], x.c[17:34], 1e-5),
    "gradients of layer norm": lambda x: mx.grad(
        lambda a, w: (mx.fast.layer_norm(a, w, w, 1e-5) * x.b.T).sum(), argnums=(0, 1)
    )(x.a, x.c[:17]),
    "rms norm": lambda x: mx.fast.rms_norm(x.a, x.c[:17], 1e-5),
    "attention": lambda x: [
        mx.fast.scaled_dot_product_attention(q, q, q, scale=0.5, mask=mask)
        for q in (x.d[None, :, :, :], x.a[None, None])
        for mask in (None, "causal")
    ],
    "gradients of attention": lambda x: mx.grad(
        lambda q, k, v: mx.fast.scaled_dot_product_attention(
            q, k, v, scale=0.5, mask=x.c[:17]
        ).sum(),
        argnums=(0, 1, 2),
    )(x.a[None, None, :, :15], x.b[None, None], x.a.T[None, None]),
    "rope": lambda x: mx.fast.rope(
        x.d, 4, traditional=True, base=10.0, scale=1.0, offset=3
    ),
    "scans": lambda x: [mx.cumsum(x.a, axis=0), mx.cummax(x.b), mx.cumsum(x.c)],
    "exponentials so far": lambda x: mx.logcumsumexp(x.a, axis=1, reverse=True),
    "search": lambda x: mx.searchsorted(mx.sort(x.c), x.a),
    "softmax": lambda x: [mx.softmax(x.a, axis=axis) for axis in (0, 1)],
    "sort": lambda x: [mx.sort(x.a, axis=0), mx.argsort(x.b, axis=1)],
    "matmul": lambda x: [x.a @ x.b, x.b @ x.a, x.a.T @ x.b.T],
    "matmul in batches": lambda x: x.d @ mx.swapaxes(x.d, 1, 2),
    "addmm": lambda x: mx.addmm(x.a[:, :15], x.a, x.b, alpha=0.5, beta=2.0),
    "conv": lambda x: mx.conv2d(x.e, x.f, stride=(2, 1), padding=1),
    "gradients of conv": lambda x: mx.grad(
        lambda e, f: (mx.conv2d(e, f, stride=2, padding=1) ** 2).sum(), argnums=(0, 1)
    )(x.e, x.f),
    "norm of a tree": lambda x: _core.global_norm([x.a, x.b, x.c, x.d]),
    "gather": lambda x: [x.a[x.i], x.a[x.i, x.i], mx.take(x.a, x.i, axis=1)],
    "take_along_axis": lambda x: mx.take_along_axis(x.a[:4], x.i[:, None], axis=1),
    "scatter": lambda x: [x.a.at[x.i].add(x.a[:4]), mx.zeros((15,)).at[x.i].add(1)],
    "random bits": lambda x: mx.random.normal((300,), key=mx.random.key(1)),
    "keys": lambda x: mx.random.split(mx.random.key(1), 9),
    "chain": lambda x: mx.sum(mx.softmax(mx.tanh(x.a @ x.b) @ x.a, axis=0), axis=1),
    "adafactor": adafactor,
    **{f"step of {rule}": step(rule) for rule in _core.rules()},
}


class Operands:
    def __init__(self, rng: np.random.Generator):
        shapes = {"a": (15, 17), "b": (17, 15), "c": (300,), "d": (3, 6, 5)}
        shapes |= {"e": (2, 6, 5, 3), "f": (4, 3, 2, 3)}
        for name, shape in shapes.items():
            setattr(self, name, mx.array(rng.normal(size=shape).astype(np.float32)))
        self.i = mx.array([3, 0, -1, 3])
        mx.eval(*vars(self).values())


@pytest.mark.parametrize("name", CASES)
def test_small_operands_give_the_numbers_of_the_cpu(name, rng):
    operands = Operands(rng)
    slow, fast = both(lambda: CASES[name](operands))
    for a, b in zip(leaves(slow), leaves(fast), strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_allclose(to_numpy(b), to_numpy(a), rtol=2e-5, atol=2e-6)
