"""Libraries with MLX's documented interface: the same script for ingot and MLX."""

from __future__ import annotations

import importlib
import time
from functools import partial
from typing import Any

from ingot.bench.contenders import base, models

__all__ = ["Arrays"]

# Class and settings of each rule.
RULES: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {"learning_rate": 1e-3}),
    "momentum": ("SGD", {"learning_rate": 1e-3, "momentum": 0.9}),
    "adam": ("Adam", {"learning_rate": 1e-3, "bias_correction": True}),
    "adamw": ("AdamW", {"learning_rate": 1e-3, "bias_correction": True}),
    "adamax": ("Adamax", {"learning_rate": 1e-3}),
    "adagrad": ("Adagrad", {"learning_rate": 1e-3}),
    "rmsprop": ("RMSprop", {"learning_rate": 1e-3}),
    "adadelta": ("AdaDelta", {"learning_rate": 1e-3}),
    "lion": ("Lion", {"learning_rate": 1e-3}),
    "adafactor": ("Adafactor", {}),
    "muon": ("Muon", {"learning_rate": 1e-3}),
}


class Arrays(base.Contender):
    """A library whose modules are `core`, `nn`, `optimizers` and `utils`."""

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__(settings)
        self.mx: Any = importlib.import_module(f"{self.name}.core")
        self.nn: Any = importlib.import_module(f"{self.name}.nn")
        self.optim: Any = importlib.import_module(f"{self.name}.optimizers")
        self.utils: Any = importlib.import_module(f"{self.name}.utils")
        mx, nn = self.mx, self.nn
        self.imports = ", ".join(
            f"import {self.name}.{m}"[0 if m == "core" else 7 :]
            for m in ("core", "nn", "optimizers")
        )
        mx.set_default_device(getattr(mx, self.device))
        if self.device == "gpu":
            self.timing = "wall clock around eval; the GPU's timestamps are not read"
        # Where a name or an argument differs from `mx.<op>(*inputs)`.
        self.ops: dict[str, Any] = {
            "gelu": nn.gelu,
            "gelu_tanh": nn.gelu_approx,
            "sum_columns": partial(mx.sum, axis=0),
            "softmax": partial(mx.softmax, axis=-1),
            "logsumexp": partial(mx.logsumexp, axis=-1),
            "layer_norm": lambda x, w, b: mx.fast.layer_norm(x, w, b, 1e-5),
            "rms_norm": lambda x, w: mx.fast.rms_norm(x, w, 1e-5),
            "gather": lambda x, i: x[i],
            "cast": lambda x, dtype_out: x.astype(getattr(mx, dtype_out)),
        }

    def extra_memory(self, run: base.Run) -> int | None:
        mx = self.mx
        run()
        mx.synchronize()
        before = mx.get_active_memory()
        mx.reset_peak_memory()
        run()
        mx.synchronize()
        return max(0, int(mx.get_peak_memory()) - int(before))

    def drop(self) -> None:
        super().drop()
        self.mx.clear_cache()

    def ones(self, shape: base.Shape, dtype: str, value: float = 1.0) -> Any:
        return self.mx.full(shape, value, getattr(self.mx, dtype))

    def array(self, x: Any, dtype: str) -> Any:
        array = self.mx.array(x)
        return array if x.dtype.kind == "i" else array.astype(getattr(self.mx, dtype))

    def optimizer(self, rule: str, **more: Any) -> Any:
        name, settings = RULES[rule]
        return getattr(self.optim, name)(**settings, **more)

    def training(self, rule: str, shapes: list[base.Shape], dtype: str) -> Any:
        """Parameters, gradients and an optimizer, computed."""
        model = {f"w{i}": self.ones(s, dtype) for i, s in enumerate(shapes)}
        grads = {f"w{i}": self.ones(s, dtype, 0.01) for i, s in enumerate(shapes)}
        optimizer = self.optimizer(rule)
        optimizer.init(model)
        self.mx.eval(model, grads, optimizer.state)
        return model, grads, optimizer

    def step(
        self, rule: str, shapes: list[base.Shape], dtype: str, state: str = "default"
    ) -> base.Run:
        model, grads, optimizer = self.training(rule, shapes, dtype)

        def run() -> None:
            optimizer.update(model, grads)
            self.mx.eval(model, optimizer.state)

        return run

    def update_call(self, rule: str, shapes: list[base.Shape], dtype: str) -> base.Run:
        """The building of the step's graph alone."""
        model, grads, optimizer = self.training(rule, shapes, dtype)

        def run() -> float:
            start = time.perf_counter()
            optimizer.update(model, grads)
            spent = time.perf_counter() - start
            self.mx.eval(model, optimizer.state)
            return spent

        return run

    def init(self, name: str, shape: base.Shape, dtype: str) -> base.Run:
        fill = getattr(self.nn.init, name)(dtype=getattr(self.mx, dtype))
        like = self.ones((1,), dtype)
        like = self.mx.broadcast_to(like, shape)
        return lambda: self.mx.eval(fill(like))

    def clip(self, shapes: list[base.Shape], dtype: str) -> base.Run:
        grads = {f"w{i}": self.ones(s, dtype, 0.01) for i, s in enumerate(shapes)}
        self.mx.eval(grads)

        def run() -> None:
            nonlocal grads
            grads, norm = self.optim.clip_grad_norm(grads, 1.0)
            self.mx.eval(grads, norm)

        return run

    def tree_flatten(self, leaves: int) -> base.Run:
        return base.calling(self.utils.tree_flatten, base.tree_of(leaves, 1.0))

    def tree_unflatten(self, leaves: int) -> base.Run:
        flat = self.utils.tree_flatten(base.tree_of(leaves, 1.0))
        return base.calling(self.utils.tree_unflatten, flat)

    def tree_map(self, leaves: int) -> base.Run:
        tree = base.tree_of(leaves, 1.0)
        return base.calling(self.utils.tree_map, lambda x: x, tree)

    def op(self, name: str, inputs: list[Any], dtype: str, **more: Any) -> base.Run:
        function = partial(self.ops.get(name) or getattr(self.mx, name), **more)
        arrays = [self.array(base.sample(*x), dtype) for x in inputs]
        self.mx.eval(arrays)
        return lambda: self.mx.eval(function(*arrays))

    def random(self, name: str, shape: base.Shape, dtype: str) -> base.Run:
        draw = getattr(self.mx.random, name)
        number = getattr(self.mx, dtype)
        return lambda: self.mx.eval(draw(shape=tuple(shape), dtype=number))

    def node(self, nodes: int) -> base.Run:
        x = self.ones((10,), "float32")
        self.mx.eval(x)

        def run() -> float:
            y = x
            start = time.perf_counter()
            for _ in range(nodes):
                y = y + x
            spent = time.perf_counter() - start
            self.mx.eval(y)
            return spent

        return run

    def small_op(self, calls: int) -> base.Run:
        x, y = self.ones((10,), "float32"), self.ones((10,), "float32")
        evaluate = self.mx.eval

        def run() -> None:
            for _ in range(calls):
                evaluate(x + y)

        return run

    def chain(self, ops: int) -> base.Run:
        x = self.ones((10,), "float32")

        def run() -> None:
            y = x
            for _ in range(ops):
                y = y + x
            self.mx.eval(y)

        return run

    def attention(self, q: Any, k: Any, v: Any) -> Any:
        mx = self.mx
        if hasattr(mx.fast, "scaled_dot_product_attention"):
            scale = q.shape[-1] ** -0.5
            return mx.fast.scaled_dot_product_attention(
                q, k, v, scale=scale, mask="causal"
            )
        n = q.shape[-2]
        bias = mx.triu(mx.full((n, n), -1e9, q.dtype), 1)
        scores = q @ mx.swapaxes(k, -1, -2) * q.shape[-1] ** -0.5 + bias
        return mx.softmax(scores, axis=-1) @ v

    def train(self, model: str, sizes: dict[str, int], dtype: str) -> base.Run:
        mx, nn = self.mx, self.nn
        functions = models.Functions(
            linear=lambda x, w, b: mx.addmm(b, x, w),
            conv=lambda x, w, stride: mx.conv2d(x, w, stride, 1),
            relu=nn.relu,
            gelu=nn.gelu_approx,
            layer_norm=lambda x, w, b: mx.fast.layer_norm(x, w, b, 1e-5),
            attention=self.attention,
            heads=lambda x, shape: mx.swapaxes(mx.reshape(x, shape), -2, -3),
            embed=lambda table, i: table[i],
            loss=lambda y, t: nn.losses.cross_entropy(y, t, reduction="mean"),
        )
        arrays, batch = models.inputs(model, sizes)
        parameters = {k: self.array(v, dtype) for k, v in arrays.items()}
        x, y = (self.array(b, dtype) for b in batch)
        optimizer = self.optimizer("adamw")
        optimizer.init(parameters)
        loss = partial(models.LOSSES[model], functions, sizes)
        gradients = mx.value_and_grad(loss)

        def run() -> None:
            _, grads = gradients(parameters, x, y)
            optimizer.update(parameters, grads)
            mx.eval(parameters, optimizer.state)

        return run
