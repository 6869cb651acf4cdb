"""JAX with Optax, under jit, with donated buffers where a result replaces an input."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
import optax.contrib

from ingot.bench.contenders import base, models

__all__ = ["Contender"]

RULES: dict[str, Callable[[], Any]] = {
    "sgd": lambda: optax.sgd(1e-3),
    "momentum": lambda: optax.sgd(1e-3, momentum=0.9),
    "adam": lambda: optax.adam(1e-3),
    "adamw": lambda: optax.adamw(1e-3),
    "adamax": lambda: optax.adamax(1e-3),
    "adagrad": lambda: optax.adagrad(1e-3),
    "rmsprop": lambda: optax.rmsprop(1e-3),
    "adadelta": lambda: optax.adadelta(1e-3),
    "lion": lambda: optax.lion(1e-3),
    "adafactor": lambda: optax.adafactor(1e-3),
    "muon": lambda: optax.contrib.muon(1e-3),
}
FILLS: dict[str, Callable[[], Any]] = {
    "normal": lambda: jax.nn.initializers.normal(1.0),
    "uniform": lambda: jax.nn.initializers.uniform(1.0),
    "glorot_uniform": jax.nn.initializers.glorot_uniform,
    "he_normal": jax.nn.initializers.he_normal,
    "orthogonal": jax.nn.initializers.orthogonal,
    "identity": lambda: lambda key, shape, dtype: jnp.eye(*shape, dtype=dtype),
}


def layer_norm(x: Any, w: Any, b: Any) -> Any:
    mean = x.mean(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(x.var(-1, keepdims=True) + 1e-5) * w + b


def rms_norm(x: Any, w: Any) -> Any:
    return x * jax.lax.rsqrt(jnp.square(x).mean(-1, keepdims=True) + 1e-5) * w


OPS: dict[str, Any] = {
    "sigmoid": jax.nn.sigmoid,
    "gelu": functools.partial(jax.nn.gelu, approximate=False),
    "gelu_tanh": jax.nn.gelu,
    "sum_columns": lambda x: x.sum(0),
    "softmax": jax.nn.softmax,
    "logsumexp": lambda x: jax.nn.logsumexp(x, axis=-1),
    "layer_norm": layer_norm,
    "rms_norm": rms_norm,
    "gather": lambda x, i: x[i],
}


class Contender(base.Contender):
    """JAX on its default device of the kind that is asked for."""

    name = "jax"
    imports = "import jax, jax.numpy, optax"

    def version(self) -> str:
        return f"{jax.__version__} (optax {optax.__version__})"

    def array(self, x: Any, dtype: str) -> Any:
        return jnp.asarray(x, None if x.dtype.kind == "i" else dtype)

    def step(
        self, rule: str, shapes: list[base.Shape], dtype: str, state: str = ""
    ) -> base.Run:
        optimizer = RULES[rule]()
        parameters = [jnp.ones(s, dtype) for s in shapes]
        grads = [jnp.full(s, 0.01, dtype) for s in shapes]
        memory = optimizer.init(parameters)

        def update(w: Any, memory: Any, g: Any) -> Any:
            updates, memory = optimizer.update(g, memory, w)
            return optax.apply_updates(w, updates), memory

        step = jax.jit(update, donate_argnums=(0, 1))

        def run() -> None:
            nonlocal parameters, memory
            parameters, memory = step(parameters, memory, grads)
            jax.block_until_ready(parameters)

        return run

    def init(self, name: str, shape: base.Shape, dtype: str) -> base.Run:
        fill, key = FILLS[name](), jax.random.key(0)
        make = jax.jit(lambda key: fill(key, tuple(shape), dtype))
        return self.computed(make, key)

    def clip(self, shapes: list[base.Shape], dtype: str) -> base.Run:
        grads = [jnp.full(s, 0.01, dtype) for s in shapes]
        rule = optax.clip_by_global_norm(1.0)
        clip = jax.jit(lambda g: rule.update(g, rule.init(g))[0], donate_argnums=0)

        def run() -> None:
            nonlocal grads
            grads = clip(grads)
            jax.block_until_ready(grads)

        return run

    def tree_flatten(self, leaves: int) -> base.Run:
        return base.calling(jax.tree.flatten, base.tree_of(leaves, 1.0))

    def tree_unflatten(self, leaves: int) -> base.Run:
        flat, treedef = jax.tree.flatten(base.tree_of(leaves, 1.0))
        return base.calling(jax.tree.unflatten, treedef, flat)

    def tree_map(self, leaves: int) -> base.Run:
        tree = base.tree_of(leaves, 1.0)
        return base.calling(jax.tree.map, lambda x: x, tree)

    def op(self, name: str, inputs: list[Any], dtype: str, **more: Any) -> base.Run:
        function = functools.partial(OPS.get(name) or getattr(jnp, name), **more)
        arrays = [self.array(base.sample(*x), dtype) for x in inputs]
        return self.computed(jax.jit(function), *arrays)

    def computed(self, function: Any, *arrays: Any) -> base.Run:
        def run() -> None:
            function(*arrays).block_until_ready()

        return run

    def random(self, name: str, shape: base.Shape, dtype: str) -> base.Run:
        draw = getattr(jax.random, name)
        make = jax.jit(lambda key: draw(key, tuple(shape), dtype))
        return self.computed(make, jax.random.key(0))

    def small_op(self, calls: int) -> base.Run:
        x, y = jnp.ones(10), jnp.ones(10)
        add = jax.jit(jnp.add)

        def run() -> None:
            for _ in range(calls):
                add(x, y).block_until_ready()

        return run

    def chain(self, ops: int) -> base.Run:
        def chained(x: Any) -> Any:
            y = x
            for _ in range(ops):
                y = y + x
            return y

        return self.computed(jax.jit(chained), jnp.ones(10))

    def train(self, model: str, sizes: dict[str, int], dtype: str) -> base.Run:
        functions = models.Functions(
            linear=lambda x, w, b: x @ w + b,
            conv=lambda x, w, stride: jax.lax.conv_general_dilated(
                x,
                w,
                (stride, stride),
                [(1, 1), (1, 1)],
                dimension_numbers=("NHWC", "OHWI", "NHWC"),
            ),
            relu=jax.nn.relu,
            gelu=jax.nn.gelu,
            layer_norm=layer_norm,
            attention=attention,
            heads=lambda x, shape: jnp.swapaxes(x.reshape(shape), -2, -3),
            embed=lambda table, i: table[i],
            loss=lambda y, t: optax.losses.softmax_cross_entropy_with_integer_labels(
                y, t
            ).mean(),
        )
        arrays, batch = models.inputs(model, sizes)
        parameters = {k: self.array(v, dtype) for k, v in arrays.items()}
        x, y = (self.array(b, dtype) for b in batch)
        optimizer = RULES["adamw"]()
        memory = optimizer.init(parameters)
        loss = functools.partial(models.LOSSES[model], functions, sizes)

        def update(w: Any, memory: Any, x: Any, y: Any) -> Any:
            updates, memory = optimizer.update(jax.grad(loss)(w, x, y), memory, w)
            return optax.apply_updates(w, updates), memory

        step = jax.jit(update, donate_argnums=(0, 1))

        def run() -> None:
            nonlocal parameters, memory
            parameters, memory = step(parameters, memory, x, y)
            jax.block_until_ready(parameters)

        return run


def attention(q: Any, k: Any, v: Any) -> Any:
    n = q.shape[-2]
    scores = q @ jnp.swapaxes(k, -1, -2) * q.shape[-1] ** -0.5
    scores = jnp.where(jnp.tril(jnp.ones((n, n), bool)), scores, -1e9)
    return jax.nn.softmax(scores) @ v
