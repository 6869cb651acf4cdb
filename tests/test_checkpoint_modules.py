"""checkpoint of modules: the same gradients, and the memory of one layer at a time."""

from __future__ import annotations

import gc

import ingot.core as mx
import ingot.nn as nn
import ingot.optimizers as optim
import numpy as np
import pytest
from ingot.utils import tree_flatten, tree_map
from support import same_bits

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)


class Net(nn.Module):
    def __init__(self, wrap):
        super().__init__()
        self.layers = [nn.Linear(4, 4) for _ in range(3)]
        self.norm = nn.LayerNorm(4)
        self._wrap = wrap

    def __call__(self, x):
        for layer in self.layers:
            x = self._wrap(layer, lambda x, layer=layer: mx.tanh(layer(x)))(x)
        return self._wrap(self.norm)(x)


def net(wrap):
    mx.random.seed(1)
    return Net(wrap)


def gradients(model):
    x, y = mx.array(X), mx.array(X[::-1].copy())
    loss = nn.value_and_grad(model, lambda: nn.losses.mse_loss(model(x), y))
    return loss()


def test_modules():
    plain, saving = net(lambda module, fn=None: fn or module), net(nn.utils.checkpoint)
    before = [p for _, p in tree_flatten(saving.parameters())]
    same_bits(gradients(saving), gradients(plain))
    after = [p for _, p in tree_flatten(saving.parameters())]
    assert all(a is b for a, b in zip(before, after, strict=True))
    for model in (plain, saving):
        model.layers[1].freeze(keys="weight")
    same_bits(gradients(saving), gradients(plain))


def test_module_errors():
    with pytest.raises(TypeError, match="module must be a Module, got dict"):
        nn.utils.checkpoint({})
    with pytest.raises(TypeError, match="fn must be callable, got int"):
        nn.utils.checkpoint(nn.ReLU(), 3)


def test_parameters_as_an_argument_put_into_the_module():
    """The usual way to checkpoint every layer of a class."""

    def wrap(layer, fn=None):
        def forward(parameters, x):
            layer.update(parameters)
            return (fn or layer)(x)

        saving = mx.checkpoint(forward)
        return lambda x: saving(layer.trainable_parameters(), x)

    plain = net(lambda module, fn=None: fn or module)
    same_bits(gradients(net(wrap)), gradients(plain))


def transformer(checkpoint):
    """One with dropout, masks and frozen parameters, and its loss and gradients."""
    mx.random.seed(7)
    model = nn.Transformer(
        16, 2, 3, 3, mlp_dims=256, dropout=0.25, checkpoint=checkpoint
    )
    model.decoder.layers[0].freeze()
    src, tgt = mx.random.normal((4, 32, 16)), mx.random.normal((4, 24, 16))
    seen = mx.random.bernoulli(0.9, (24, 32))
    mx.eval(model.parameters(), src, tgt, seen)
    return model, nn.value_and_grad(
        model, lambda: (model(src, tgt, None, "causal", seen) ** 2).mean()
    )


def test_transformer():
    """Equal to the bit but where what the decoder's layers say of the encoder's
    output is added in another order."""
    (loss, want), (again, got) = (transformer(c)[1]() for c in (False, True))
    same_bits([again, got["decoder"]], [loss, want["decoder"]])
    for (name, x), (_, y) in zip(
        tree_flatten(got["encoder"]), tree_flatten(want["encoder"]), strict=True
    ):
        np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-7, err_msg=name)


def training(model, step, way):
    """A step of training, and the arrays that it changes."""
    optimizer = optim.Adam(1e-3)
    state = [model.state, optimizer.state, mx.random.state]

    def learn():
        loss, gradients = step()
        if way == "scaled":  # one after the other, the first layer's first
            gradients = tree_map(lambda g: g * 0.5, gradients)
        optimizer.update(model, gradients)
        return loss

    if way == "compiled":
        learn = mx.compile(learn, inputs=state, outputs=state)
    return lambda: mx.eval(learn(), state)


@pytest.mark.parametrize("way", ["plain", "scaled", "compiled"])
def test_memory_of_training(way):
    """That of one layer at a time, whatever becomes of the gradients."""
    peaks = []
    for checkpoint in (False, True):
        learn = training(*transformer(checkpoint), way)
        learn()
        gc.collect()
        mx.reset_peak_memory()
        before = mx.get_active_memory()
        learn()
        peaks.append(mx.get_peak_memory() - before)
    more, less = peaks
    assert less < 0.5 * more
