"""A graph network, recurrent taggers, an encoder, and derivatives of several kinds."""

from __future__ import annotations

import sys

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
from mlx.utils import tree_flatten, tree_map


class Graph(nn.Module):
    """Two layers, each a product and a sum over neighbours."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = [nn.Linear(7, 12), nn.Linear(12, 3)]

    def __call__(self, nodes, sources, targets):
        for i, layer in enumerate(self.layers):
            sums = mx.zeros((nodes.shape[0], layer.weight.shape[0]))
            sums = sums.at[targets].add(layer(nodes)[sources])
            nodes = nn.elu(sums) if i == 0 else sums
        return nodes


def graph(show) -> None:
    model = Graph()
    nodes = mx.random.normal((9, 7))
    sources, targets = mx.random.randint(0, 9, (2, 30))
    labels = mx.random.randint(0, 3, (9,))
    chosen = mx.array([0, 3, 4, 8])

    def loss(model):
        scores = model(nodes, sources, targets)
        found = nn.losses.cross_entropy(scores[chosen], labels[chosen]).mean()
        decay = sum(x.square().sum() for _, x in tree_flatten(model.parameters()))
        return found + 1e-3 * decay

    optimizer = optim.RMSprop(learning_rate=1e-2, alpha=0.95)
    for _ in range(4):
        value, grads = nn.value_and_grad(model, loss)(model)
        optimizer.update(model, grads)
        mx.eval(model, optimizer.state)
        show("graph", value.item())


class Tagger(nn.Module):
    def __init__(self, layer: str) -> None:
        super().__init__()
        self.words = nn.Embedding(20, 6)
        self.over = getattr(nn, layer)(6, 8)
        self.tags = nn.Linear(8, 4)

    def __call__(self, words):
        states = self.over(self.words(words))
        return self.tags(states[0] if isinstance(states, tuple) else states)


def taggers(show) -> None:
    words = mx.random.randint(0, 20, (3, 10))
    tags = words % 4
    for layer, optimizer in (
        ("RNN", optim.Adagrad(0.1)),
        ("GRU", optim.Lion(1e-2, weight_decay=0.01)),
        ("LSTM", optim.Adamax(2e-2)),
    ):
        model = Tagger(layer)

        def loss(model):
            return nn.losses.cross_entropy(model(words), tags, reduction="mean")

        values = []
        for _ in range(4):
            value, grads = nn.value_and_grad(model, loss)(model)
            optimizer.update(model, grads)
            mx.eval(model.parameters(), optimizer.state)
            values.append(value.item())
        show(layer, values)


def encoder(show) -> None:
    places = nn.SinusoidalPositionalEncoding(16)
    model = nn.TransformerEncoder(2, 16, 4, mlp_dims=32, dropout=0.0, norm_first=True)
    x = mx.random.normal((2, 6, 16)) + places(mx.arange(6))
    mask = nn.MultiHeadAttention.create_additive_causal_mask(6)
    show("encoder", model(x, mask)[0, -1].tolist())
    show("modules", len(model.modules()))
    optimizer = optim.MultiOptimizer(
        [optim.Muon(1e-2), optim.AdamW(1e-3)], [lambda _, x: x.ndim == 2]
    )
    for _ in range(2):
        value, grads = nn.value_and_grad(model, lambda m: m(x, mask).square().mean())(
            model
        )
        optimizer.update(model, grads)
        mx.eval(model.parameters(), optimizer.state)
        show("mixed", value.item())


def derivatives(show) -> None:
    def energy(w, x):
        return mx.tanh(mx.sin(x) @ w).sum()

    w, xs = mx.random.normal((4,)), mx.random.normal((3, 4))
    each = mx.vmap(mx.grad(energy), in_axes=(None, 0))(w, xs)
    show("each", each.tolist())
    hessian = mx.vmap(
        lambda e: mx.jvp(mx.grad(lambda w: energy(w, xs[0])), [w], [e])[1][0]
    )(mx.eye(4))
    show("hessian", hessian.tolist())
    _, (pulled, _) = mx.vjp(lambda a, b: a @ b, [xs, w], [mx.ones(3)])
    show("pulled", pulled.tolist())

    @mx.custom_function
    def straight(x):
        return mx.round(x)

    @straight.vjp
    def straight_vjp(x, cotangent, _):
        return cotangent

    show("straight", mx.grad(lambda w: (straight(w) * w).sum())(w).tolist())
    heavy = mx.checkpoint(lambda w: mx.exp(-w * w).sum())
    show("checkpoint", mx.grad(heavy)(w).tolist())
    trees = {"a": [w, {"b": xs}], "c": (w,)}
    show("tree", tree_flatten(tree_map(lambda x: x.sum().item(), trees)))


def main(show) -> None:
    mx.random.seed(9)
    for part in (graph, taggers, encoder, derivatives):
        part(show)


if __name__ == "__main__":
    import json

    main(lambda name, value: json.dump({name: value}, sys.stdout) or print())
