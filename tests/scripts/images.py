"""A residual network whose steps are compiled, and a variational autoencoder."""

from __future__ import annotations

import sys
from functools import partial

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim


class Residual(nn.Module):
    """Two convolutions beside the way through, which is pooled where they stride."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norms = [nn.BatchNorm(outputs), nn.BatchNorm(outputs)]
        self.pool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
        self.added = outputs - inputs

    def __call__(self, x):
        y = nn.relu(self.norms[0](self.first(x)))
        y = self.norms[1](self.second(y))
        way = mx.pad(self.pool(x), [(0, 0)] * 3 + [(0, self.added)])
        return nn.relu(y + way)


def classifier() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.GroupNorm(4, 8),
        nn.gelu,
        nn.MaxPool2d(2, stride=2),
        Residual(8, 8),
        Residual(8, 16, stride=2),
        lambda x: x.mean(axis=(1, 2)),
        nn.Dropout(0.0),
        nn.Linear(16, 5),
    )


def classify(show) -> None:
    model = classifier()
    images = mx.random.normal((8, 16, 16, 3))
    labels = mx.random.randint(0, 5, (8,))
    optimizer = optim.SGD(optim.step_decay(0.1, 0.5, 3), momentum=0.9, nesterov=True)
    state = [model.state, optimizer.state]

    def loss(images, labels):
        logits = model(images)
        right = mx.mean(mx.argmax(logits, axis=1) == labels)
        ce = nn.losses.cross_entropy(
            logits, labels, label_smoothing=0.1, reduction="mean"
        )
        return ce, right

    @partial(mx.compile, inputs=state, outputs=state)
    def step(images, labels):
        (value, right), grads = nn.value_and_grad(model, loss)(images, labels)
        optimizer.update(model, grads)
        return value, right

    model.train()
    for _ in range(6):
        value, right = step(images, labels)
        mx.eval(state)
        show("loss", [value.item(), right.item(), optimizer.learning_rate.item()])
    model.eval()
    show("scores", model(images[:2]).tolist())
    show("running", model.layers[4].norms[0].running_var.tolist())


class Autoencoder(nn.Module):
    def __init__(self, latent: int) -> None:
        super().__init__()
        self.down = [nn.Conv2d(1, 8, 3, 2, 1), nn.Conv2d(8, 16, 3, 2, 1)]
        self.code = nn.Linear(4 * 4 * 16, 2 * latent)
        self.spread = nn.Linear(latent, 4 * 4 * 16)
        self.up = nn.ConvTranspose2d(16, 8, 4, stride=2, padding=1)
        self.twice = nn.Upsample(scale_factor=2, mode="linear", align_corners=False)
        self.last = nn.Conv2d(8, 1, 3, padding=1)

    def __call__(self, x, key):
        for conv in self.down:
            x = nn.leaky_relu(conv(x))
        mean, log_var = mx.split(self.code(mx.flatten(x, 1)), 2, axis=1)
        z = mean + mx.exp(0.5 * log_var) * mx.random.normal(mean.shape, key=key)
        y = nn.leaky_relu(self.up(nn.relu(self.spread(z)).reshape(-1, 4, 4, 16)))
        return self.last(self.twice(y)), mean, log_var


def encode(show) -> None:
    model = Autoencoder(6)
    images = (mx.random.uniform(shape=(4, 16, 16, 1)) > 0.5).astype(mx.float32)

    def loss(model, images, key):
        logits, mean, log_var = model(images, key)
        found = nn.losses.binary_cross_entropy(logits, images, reduction="sum")
        prior = -0.5 * mx.sum(1 + log_var - mean.square() - log_var.exp())
        return found + prior

    optimizer = optim.Adam(learning_rate=2e-3)
    step = nn.value_and_grad(model, loss)
    key = mx.random.key(11)
    for _ in range(4):
        key, now = mx.random.split(key)
        value, grads = step(model, images, now)
        optimizer.update(model, grads)
        mx.eval(model.parameters(), optimizer.state)
        show("bound", value.item() / images.size)


def main(show) -> None:
    mx.random.seed(5)
    classify(show)
    encode(show)


if __name__ == "__main__":
    import json

    main(lambda name, value: json.dump({name: value}, sys.stdout) or print())
