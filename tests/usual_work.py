"""Work that asks for the usual kernels, those that a build compiles beforehand.

    python tests/usual_work.py      # writes metal/usual.txt; needs the software Metal

A row of that file is a family of kernels with a line of library.cpp.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import ingot.core as mx
import ingot.nn as nn
import ingot.optimizers as optim
from ingot import _core
from ingot.nn import init
from ingot.utils import tree_map

ROOT = Path(__file__).parents[1]
USUAL = ROOT / "metal" / "usual.txt"
HEAD = "# The kernels that a build compiles: what tests/usual_work.py asked for.\n"
OP = re.compile(r"^(UNARY|BINARY)\((\w+), \w+, (\w+),", re.MULTILINE)

FLOATS = [mx.float32, mx.float16, mx.bfloat16]
WHOLES = [mx.int32, mx.uint32]
KINDS = {
    "floating": FLOATS,
    "rounding": FLOATS,
    "test": FLOATS,
    "numeric": FLOATS + WHOLES,
    "arithmetic": FLOATS + WHOLES,
    "compare": [*FLOATS, *WHOLES, mx.bool_],
    "integer": [*WHOLES, mx.bool_],
    "logical": [mx.bool_],
}


def grid(dtype: mx.Dtype, rows: int = 6, columns: int = 80) -> mx.array:
    return mx.ones((rows, columns)).astype(dtype)


def elementwise() -> None:
    """Each op, of whole arrays and of views."""
    for arity, name, kind in OP.findall((ROOT / "csrc" / "ops.def").read_text()):
        for dtype in KINDS[kind]:
            f, x = getattr(_core, name), grid(dtype)
            if arity == "UNARY":
                mx.eval(f(x), f(x.T))
            else:
                mx.eval(f(x, x), f(x, x[0]))


def copies() -> None:
    """Casts, views made whole, selections, and arrays from nothing."""
    for a, b in product([*FLOATS, *WHOLES, mx.bool_], repeat=2):
        mx.eval(grid(a).astype(b))
    for x in map(grid, [*FLOATS, mx.int64, mx.uint8]):
        mx.eval(mx.contiguous(x.T), mx.where(x > 0, x, x[0]))
        mx.eval(mx.concatenate([x, x]), mx.concatenate([x, x], axis=1))
        mx.eval(mx.pad(x, 1), mx.full((9,), 2, dtype=x.dtype))
    for dtype in FLOATS:
        mx.eval(mx.eye(4, dtype=dtype), mx.arange(0.5, 3.5, dtype=dtype))
        mx.eval(mx.linspace(0, 1, 5, dtype=dtype), mx.tril(grid(dtype)))
    mx.eval(mx.arange(9), mx.arange(9, dtype=mx.uint32))


def reductions() -> None:
    """Over rows of a few elements and of many."""
    for dtype in FLOATS:
        for f in (mx.sum, mx.mean, mx.max, mx.min, mx.prod, mx.var, mx.std):
            mx.eval(f(grid(dtype), axis=0), f(grid(dtype), axis=1))
        for f in (mx.logsumexp, mx.argmax, mx.argmin, mx.softmax):
            mx.eval(f(grid(dtype), axis=0), f(grid(dtype), axis=1))
    for dtype in [*WHOLES, mx.bool_]:
        wanted = [mx.sum, mx.max, mx.min, mx.argmax, mx.argmin]
        for f in [mx.all, mx.any, mx.sum] if dtype == mx.bool_ else wanted:
            mx.eval(f(grid(dtype), axis=0), f(grid(dtype), axis=1))


def products() -> None:
    """Matrix products and normalization, with derivatives."""
    for dtype in FLOATS:
        x, w = grid(dtype), grid(dtype)[0]

        def normalized(x: mx.array, w: mx.array, b: mx.array) -> mx.array:
            y = mx.fast.layer_norm(x, w, b, 1e-5) + mx.fast.rms_norm(x, w, 1e-5)
            return y.sum()

        mx.eval(x @ x.T, mx.addmm(x, x, mx.eye(80, dtype=dtype)))
        mx.eval(mx.grad(normalized, argnums=(0, 1, 2))(x, w, w))
        mx.eval(mx.fast.layer_norm(x, None, None, 1e-5), mx.linalg.norm(x))
        mx.eval(mx.conv2d(mx.ones((1, 4, 4, 2), dtype), mx.ones((3, 3, 3, 2), dtype)))


def attention() -> None:
    """Attention with every kind of mask, and the layers around it."""
    for dtype in FLOATS:
        x = mx.ones((2, 6, 16)).astype(dtype)
        model = nn.Transformer(16, 2, 1, 1, dropout=0.1)
        model.set_dtype(dtype)
        for mask in (None, mx.ones((6, 6)) > 0, mx.zeros((6, 6), dtype=dtype)):

            def loss(model: nn.Module, x: mx.array, mask: object = mask) -> mx.array:
                y = model(x, x, None, mask, None)
                return mx.fast.cross_entropy(y, x[..., 0].astype(mx.int32)).mean()

            mx.eval(nn.value_and_grad(model, loss)(model, x))
        rope = mx.grad(lambda x: nn.RoPE(16)(x).sum())
        mx.eval(rope(x), nn.RoPE(8, traditional=True)(x))
        mx.eval(nn.SinusoidalPositionalEncoding(16)(x), nn.ALiBi()(x[None]))


def indexing() -> None:
    """Reading, writing and sorting by index."""
    i = mx.array([2, 0, 1])
    for x in map(grid, [*FLOATS, *WHOLES]):
        along = mx.zeros((6, 1), dtype=mx.int32)
        mx.eval(x[i], mx.take(x, i.astype(mx.uint32), axis=1))
        mx.eval(mx.take_along_axis(x, along, axis=1))
        mx.eval(mx.put_along_axis(x, along, mx.array(1, x.dtype), axis=1))
        mx.eval(x.at[i].add(x[:3]))
        x[i] = x[:3]
        mx.eval(x, mx.sort(x, axis=1), mx.argsort(x, axis=1))
        mx.eval(mx.sort(grid(x.dtype, 1, 2000)), mx.argsort(grid(x.dtype, 1, 2000)))


def draws() -> None:
    """Random numbers of each distribution."""
    for dtype in FLOATS:
        mx.eval(mx.random.uniform(shape=(9,), dtype=dtype))
        mx.eval(mx.random.normal((9,), dtype=dtype), mx.random.gumbel((9,), dtype))
        mx.eval(mx.random.truncated_normal(-1, 1, (9,), dtype))
        mx.eval(mx.random.categorical(grid(dtype)))
        matrix = mx.zeros((9, 9), dtype=dtype)
        for name in init.__all__:
            made = getattr(init, name)
            takes_value = {"constant": (1.0,), "sparse": (0.5,)}
            mx.eval(made(*takes_value.get(name, ()))(matrix))
    mx.eval(mx.random.randint(0, 9, (9,)), mx.random.bernoulli(0.5, (9,)))
    mx.eval(mx.random.permutation(9), mx.random.split(mx.random.key(0), 3))


class Classifier(nn.Module):
    """The layers of examples/digits.py, with normalization, and an embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 64)
        self.layers = [nn.Linear(64, 32), nn.LayerNorm(32), nn.Linear(32, 10)]
        self.dropout = nn.Dropout(0.2)

    def __call__(self, x: mx.array, y: mx.array) -> mx.array:
        x = x.astype(self.layers[0].weight.dtype) + self.embedding(y)
        for layer in self.layers[:-1]:
            x = self.dropout(nn.relu(nn.gelu(layer(x))))
        return self.layers[-1](x).astype(mx.float32)


def loss_of(model: Classifier, x: mx.array, y: mx.array) -> mx.array:
    return nn.losses.cross_entropy(model(x, y), y, reduction="mean")


OPTIMIZERS = [
    *(lambda: optim.SGD(0.1), lambda: optim.SGD(0.1, momentum=0.9)),
    *(lambda: optim.Adam(0.1, bias_correction=True), lambda: optim.AdamW(0.1)),
    *(lambda: optim.Adamax(0.1), lambda: optim.Lion(0.1), lambda: optim.Muon(0.1)),
    *(lambda: optim.RMSprop(0.1), lambda: optim.Adagrad(0.1)),
    *(lambda: optim.AdaDelta(0.1), lambda: optim.Adafactor()),
]


def training() -> None:
    """Steps of every optimizer; float32 gradients of other parameters as well."""
    x, y = mx.ones((70, 64)), mx.zeros((70,), dtype=mx.int32)
    for dtype, make in product(FLOATS, OPTIMIZERS):
        model, optimizer = Classifier(), make()
        model.set_dtype(dtype)
        for wide in (False, True):
            loss, gradients = nn.value_and_grad(model, loss_of)(model, x, y)
            if wide:
                gradients = tree_map(lambda g: g.astype(mx.float32), gradients)
            gradients, _ = optim.clip_grad_norm(gradients, max_norm=1.0)
            optimizer.update(model, gradients)
            mx.eval(model, optimizer.state, loss)
        model.eval()
        right = mx.argmax(model(x, y), axis=-1) == y
        mx.eval(mx.mean(right.astype(mx.float32)), mx.mean(right))


PARTS = (training, elementwise, copies, reductions, products, attention)
PARTS += (indexing, draws)


def work(parts: Sequence[Callable[[], None]] = PARTS) -> dict[str, bool]:
    """The rows asked for so far, and whether the build had compiled them."""
    with mx.stream(mx.gpu):
        for part in parts:
            part()
    kernels = mx.metal._kernels()
    return {row: built for row, built in kernels.items() if "INGOT_KERNEL" in row}


def rows() -> list[str]:
    """Those of the file."""
    return [row for row in USUAL.read_text().splitlines() if not row.startswith("#")]


if __name__ == "__main__":
    USUAL.write_text(HEAD + "".join(f"{row}\n" for row in sorted(work())))
