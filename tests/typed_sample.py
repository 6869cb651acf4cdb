"""A program of a user who checks types strictly; tests run mypy over it."""

from __future__ import annotations

import ingot.core as mx
import ingot.nn as nn
import ingot.optimizers as optim
from ingot.utils import tree_flatten


def loss_fn(model: nn.Module, x: mx.array, y: mx.array) -> mx.array:
    return nn.losses.mse_loss(model(x), y, reduction="mean")


def train(steps: int) -> float:
    mx.random.seed(0)
    x: mx.array = mx.random.normal((8, 4))
    y: mx.array = mx.sum(x * 2.0, axis=-1, keepdims=True)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    optimizer = optim.AdamW(learning_rate=optim.cosine_decay(1e-2, steps))
    step = nn.value_and_grad(model, loss_fn)
    loss = mx.array(0.0)
    for _ in range(steps):
        loss, gradients = step(model, x, y)
        optimizer.update(model, gradients)
        mx.eval(model.parameters(), optimizer.state)
    names: list[str] = [name for name, _ in tree_flatten(model.parameters())]
    shape: tuple[int, ...] = x.shape
    dtype: mx.Dtype = x.dtype
    print(names, shape, dtype, (x @ x.T)[0, 0].item(), len(x), float(loss))
    return float(loss)


if __name__ == "__main__":
    assert train(50) < train(1)
