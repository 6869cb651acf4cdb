"""PyTorch, eager: fused optimizers where it has them, else its foreach ones."""

from __future__ import annotations

import functools
from typing import Any

import torch
import torch.nn.functional as F
from torch.utils import _pytree as pytree

from ingot.bench.contenders import base, models

__all__ = ["Contender"]

optim = torch.optim
# Class and settings of each rule. fused=True stands where the CPU has such a kernel.
RULES: dict[str, tuple[Any, dict[str, Any]]] = {
    "sgd": (optim.SGD, {"lr": 1e-3, "fused": True}),
    "momentum": (optim.SGD, {"lr": 1e-3, "momentum": 0.9, "fused": True}),
    "adam": (optim.Adam, {"lr": 1e-3, "fused": True}),
    "adamw": (optim.AdamW, {"lr": 1e-3, "fused": True}),
    "adamax": (optim.Adamax, {"lr": 1e-3, "foreach": True}),
    "adagrad": (optim.Adagrad, {"lr": 1e-3, "fused": True}),
    "rmsprop": (optim.RMSprop, {"lr": 1e-3, "foreach": True}),
    "adadelta": (optim.Adadelta, {"lr": 1e-3, "foreach": True}),
    "adafactor": (optim.Adafactor, {"foreach": True}),
    "muon": (getattr(optim, "Muon", None), {"lr": 1e-3}),
}
FILLS: dict[str, Any] = {
    "normal": torch.nn.init.normal_,
    "uniform": torch.nn.init.uniform_,
    "glorot_uniform": torch.nn.init.xavier_uniform_,
    "he_normal": torch.nn.init.kaiming_normal_,
    "orthogonal": torch.nn.init.orthogonal_,
    "identity": torch.nn.init.eye_,
}
DRAWS: dict[str, Any] = {"normal": torch.randn, "uniform": torch.rand}
OPS: dict[str, Any] = {
    "gelu": F.gelu,
    "gelu_tanh": functools.partial(F.gelu, approximate="tanh"),
    "max": torch.amax,
    "sum_columns": lambda x: x.sum(0),
    "softmax": lambda x: torch.softmax(x, -1),
    "logsumexp": lambda x: torch.logsumexp(x, -1),
    "layer_norm": lambda x, w, b: F.layer_norm(x, w.shape, w, b),
    "rms_norm": lambda x, w: F.rms_norm(x, w.shape, w, 1e-5),
    "gather": lambda x, i: x[i],
    "sort": lambda x: torch.sort(x).values,
}


class Contender(base.Contender):
    """PyTorch on the CPU, or on the GPU of a Mac."""

    name = "torch"
    imports = "import torch"

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__(settings)
        self.where = {"cpu": "cpu", "gpu": "mps"}[self.device]
        if self.threads:
            torch.set_num_threads(self.threads)
        torch.set_default_device(self.where)

    def version(self) -> str:
        return str(torch.__version__)

    def done(self) -> None:
        if self.where == "mps":
            torch.mps.synchronize()

    def array(self, x: Any, dtype: str) -> Any:
        array = torch.from_numpy(x).to(self.where)
        return array.long() if x.dtype.kind == "i" else array.to(getattr(torch, dtype))

    def ones(self, shape: base.Shape, dtype: str, value: float = 1.0) -> Any:
        return torch.full(tuple(shape), value, dtype=getattr(torch, dtype))

    def parameters(self, shapes: list[base.Shape], dtype: str) -> list[Any]:
        """Parameters that have gradients."""
        parameters = [torch.nn.Parameter(self.ones(s, dtype)) for s in shapes]
        for w in parameters:
            w.grad = torch.full_like(w, 0.01)
        return parameters

    def step(
        self, rule: str, shapes: list[base.Shape], dtype: str, state: str = ""
    ) -> base.Run:
        if rule not in RULES or RULES[rule][0] is None:
            raise base.NoEquivalent(f"torch.optim has no {rule}")
        make, settings = RULES[rule]
        step = make(self.parameters(shapes, dtype), **settings).step

        def run() -> None:
            step()
            self.done()

        return run

    def init(self, name: str, shape: base.Shape, dtype: str) -> base.Run:
        fill, array = FILLS[name], self.ones(shape, dtype)

        def run() -> None:
            fill(array)
            self.done()

        return run

    def clip(self, shapes: list[base.Shape], dtype: str) -> base.Run:
        parameters = self.parameters(shapes, dtype)

        def run() -> None:
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            self.done()

        return run

    def tree_flatten(self, leaves: int) -> base.Run:
        return base.calling(pytree.tree_flatten, base.tree_of(leaves, 1.0))

    def tree_unflatten(self, leaves: int) -> base.Run:
        flat, spec = pytree.tree_flatten(base.tree_of(leaves, 1.0))
        return base.calling(pytree.tree_unflatten, flat, spec)

    def tree_map(self, leaves: int) -> base.Run:
        tree = base.tree_of(leaves, 1.0)
        return base.calling(pytree.tree_map, lambda x: x, tree)

    def op(self, name: str, inputs: list[Any], dtype: str, **more: Any) -> base.Run:
        function = functools.partial(OPS.get(name) or getattr(torch, name), **more)
        arrays = [self.array(base.sample(*x), dtype) for x in inputs]

        def run() -> None:
            with torch.inference_mode():
                function(*arrays)
                self.done()

        return run

    def random(self, name: str, shape: base.Shape, dtype: str) -> base.Run:
        draw, number = DRAWS[name], getattr(torch, dtype)

        def run() -> None:
            draw(*shape, dtype=number)
            self.done()

        return run

    def small_op(self, calls: int) -> base.Run:
        x, y = self.ones((10,), "float32"), self.ones((10,), "float32")

        def run() -> None:
            with torch.inference_mode():
                for _ in range(calls):
                    x + y
                    self.done()

        return run

    def chain(self, ops: int) -> base.Run:
        x = self.ones((10,), "float32")

        def run() -> None:
            with torch.inference_mode():
                y = x
                for _ in range(ops):
                    y = y + x
                self.done()

        return run

    def train(self, model: str, sizes: dict[str, int], dtype: str) -> base.Run:
        functions = models.Functions(
            linear=lambda x, w, b: F.linear(x, w.T, b),
            # Its layout with channels last: no element moves.
            conv=lambda x, w, stride: F.conv2d(
                x.permute(0, 3, 1, 2), w.permute(0, 3, 1, 2), None, stride, 1
            ).permute(0, 2, 3, 1),
            relu=F.relu,
            gelu=OPS["gelu_tanh"],
            layer_norm=OPS["layer_norm"],
            attention=functools.partial(F.scaled_dot_product_attention, is_causal=True),
            heads=lambda x, shape: x.reshape(shape).transpose(-2, -3),
            embed=lambda table, i: F.embedding(i, table),
            loss=F.cross_entropy,
        )
        arrays, batch = models.inputs(model, sizes)
        parameters = {
            k: torch.nn.Parameter(self.array(v, dtype)) for k, v in arrays.items()
        }
        x, y = (self.array(b, dtype) for b in batch)
        make, settings = RULES["adamw"]
        optimizer = make(parameters.values(), **settings)

        def run() -> None:
            optimizer.zero_grad()
            models.LOSSES[model](functions, sizes, parameters, x, y).backward()
            optimizer.step()
            self.done()

        return run
