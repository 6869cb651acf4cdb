"""The snippets that users of the documented API bring along, as they stand."""

from __future__ import annotations

import ingot.core as mx
import ingot.nn as nn
import ingot.optimizers as optim
from ingot.utils import tree_flatten, tree_unflatten
from optimizer_cases import (
    same_bits,
)


def test_snippet_state_keys():
    optimizer = optim.SGD(learning_rate=1e-1, momentum=0.9)
    model = nn.Linear(2, 2)
    optimizer.init(model.trainable_parameters())
    assert list(optimizer.state.keys()) == ["step", "learning_rate", "weight", "bias"]


def test_snippet_training_loop():
    mx.random.seed(0)
    model = nn.Linear(3, 1)
    optimizer = optim.SGD(learning_rate=0.1)
    X = mx.random.normal((32, 3))
    y = X @ mx.array([[1.0], [-2.0], [0.5]])

    def loss_fn(model, X, y):
        return mx.mean(mx.square(model(X) - y))

    losses = []
    for _ in range(100):
        loss, grads = nn.value_and_grad(model, loss_fn)(model, X, y)
        optimizer.update(model, grads)
        mx.eval(model.parameters(), optimizer.state)
        losses.append(loss.item())
    assert losses[-1] < 1e-3 * losses[0]


def test_snippet_save_and_load(tmp_path):
    path = str(tmp_path / "optimizer.safetensors")
    optimizer = optim.Adam(learning_rate=1e-2)
    model = {"w": mx.zeros((5, 5))}
    grads = {"w": mx.ones((5, 5))}
    optimizer.update(model, grads)
    mx.save_safetensors(path, dict(tree_flatten(optimizer.state)))
    other = optim.Adam(learning_rate=1e-2)
    other.state = tree_unflatten(list(mx.load(path).items()))
    copy = dict(model)
    optimizer.update(model, grads)
    other.update(copy, grads)
    assert same_bits(model, copy) and same_bits(optimizer.state, other.state)


def test_snippet_multi_optimizer():
    mx.random.seed(1)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    optimizer = optim.MultiOptimizer(
        [optim.Muon(0.02), optim.AdamW(1e-2)], [lambda path, w: w.ndim == 2]
    )
    X = mx.random.normal((64, 4))
    y = mx.sum(X, axis=-1, keepdims=True)

    def loss_fn(model):
        return mx.mean(mx.square(model(X) - y))

    losses = []
    for _ in range(60):
        loss, grads = nn.value_and_grad(model, loss_fn)(model)
        optimizer.update(model, grads)
        mx.eval(model.parameters(), optimizer.state)
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]
