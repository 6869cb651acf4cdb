"""Normalization over batches, places and groups: state, large means, refused input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ingot.core as mx
import ingot.optimizers as optim
import numpy as np
import pytest
import reference_layers as reference
from ingot import nn
from ingot.utils import tree_flatten
from nn_cases import EPS, HALF, close, samples
from support import to_core, to_numpy

Rng = np.random.Generator
STATE = ["running_mean", "running_var"]


def test_running_statistics_follow_the_batches(rng: Rng) -> None:
    """running = 0.7 running + 0.3 batch, with the unbiased variance."""
    layer = nn.BatchNorm(3, momentum=0.3)
    mean, var = np.zeros(3), np.ones(3)
    for shape in ((9, 3), (2, 5, 3), (2, 4, 4, 3), (2, 2, 2, 2, 3)):
        x = samples(rng, *shape)
        close(layer(to_core(x)), reference.batch_norm(x.astype(float)), 1e-5)
        rows = x.astype(float).reshape(-1, 3)
        mean = 0.7 * mean + 0.3 * rows.mean(axis=0)
        var = 0.7 * var + 0.3 * rows.var(axis=0, ddof=1)
        close(layer.running_mean, mean)
        close(layer.running_var, var)


def test_evaluation_uses_the_running_statistics(rng: Rng) -> None:
    layer = nn.BatchNorm(3, eps=1e-3)
    for _ in range(3):
        layer(to_core(samples(rng, 8, 3) * 2 + 5))
    w, b = samples(rng, 3), samples(rng, 3)
    layer.update({"weight": to_core(w), "bias": to_core(b)}).eval()
    before = {n: to_numpy(layer[n]).astype(float) for n in STATE}
    x = samples(rng, 1, 3)
    mean, var = before.values()
    close(layer(to_core(x)), (x - mean) / np.sqrt(var + 1e-3) * w + b, 4e-6)
    for name in STATE:
        np.testing.assert_array_equal(to_numpy(layer[name]), before[name])
    untracked = nn.BatchNorm(3, track_running_stats=False).eval()
    x = samples(rng, 8, 3)
    close(untracked(to_core(x)), reference.batch_norm(x.astype(float)), 1e-5)
    assert list(untracked) == ["weight", "bias"]


def test_running_statistics_are_state_and_not_trained() -> None:
    layer = nn.BatchNorm(2)
    model = nn.Sequential(nn.Linear(2, 2), layer)
    assert list(layer.parameters()) == ["weight", "bias", *STATE]
    assert list(nn.BatchNorm(2, affine=False)) == STATE
    trained = ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"]
    for change in (
        lambda: None,
        layer.unfreeze,
        model.unfreeze,
        lambda: model.freeze().unfreeze(),
        lambda: model.unfreeze(keys=STATE),
    ):
        change()
        flat = tree_flatten(model.trainable_parameters())
        assert [name for name, _ in flat] == trained
    model.freeze().unfreeze(keys=["bias", "running_mean"])
    flat = tree_flatten(model.trainable_parameters())
    assert [name for name, _ in flat] == ["layers.0.bias", "layers.1.bias"]


def test_a_model_trains_with_it_and_is_saved(tmp_path: Path, rng: Rng) -> None:
    """Statistics that move inside value_and_grad stay, and stay evaluated."""
    mx.random.seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm(8), nn.ReLU(), nn.Linear(8, 1))
    x = to_core(samples(rng, 64, 3) + 10)
    y = x.sum(axis=-1, keepdims=True)
    step = nn.value_and_grad(model, lambda: nn.losses.mse_loss(model(x), y))
    optimizer = optim.Adam(0.03)
    losses = []
    for _ in range(120):
        loss, gradients = step()
        optimizer.update(model, gradients)
        mx.eval(model.parameters(), optimizer.state)
        losses.append(loss.item())
    assert losses[-1] < 0.02 * losses[0]
    norm = model.layers[1]
    hidden = to_numpy(model.layers[0](x)).astype(float)
    close(norm.running_mean, hidden.mean(axis=0), 0.2)
    model.eval().save_weights(tmp_path / "model.safetensors")
    other = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm(8), nn.ReLU(), nn.Linear(8, 1))
    other.load_weights(tmp_path / "model.safetensors").eval()
    np.testing.assert_array_equal(to_numpy(other(x)), to_numpy(model(x)))


@pytest.mark.parametrize(
    ("make", "oracle", "shape"),
    [
        (lambda: nn.BatchNorm(4), reference.batch_norm, (64, 4)),
        (lambda: nn.InstanceNorm(4), reference.instance_norm, (2, 64, 4)),
        (
            lambda: nn.GroupNorm(2, 4),
            lambda x: reference.group_norm(x, 2),
            (2, 64, 4),
        ),
    ],
    ids=["BatchNorm", "InstanceNorm", "GroupNorm"],
)
def test_large_means_keep_their_digits(
    make: Callable[[], nn.Module], oracle: Any, shape: tuple[int, ...], rng: Rng
) -> None:
    """Numbers around 1e5 with deviation 1: one pass would lose the variance."""
    x = (rng.standard_normal(shape) + 1e5).astype(np.float32)
    layer = make()
    close(layer(to_core(x)), oracle(x.astype(float)), 1e-5)
    if isinstance(layer, nn.BatchNorm):
        variance = x.astype(float).var(axis=0, ddof=1)
        close(layer.running_var, 0.9 + 0.1 * variance, 1e-5)


@pytest.mark.parametrize("dtype", HALF, ids=str)
def test_half_types_keep_their_state(dtype: Any, rng: Rng) -> None:
    """Squares of 300 are more than float16 holds; the state keeps its dtype."""
    layer = nn.BatchNorm(4)
    x = to_core(samples(rng, 32, 4) * 100).astype(dtype)
    assert layer(x).dtype == mx.float32  # with float32 weights
    assert layer.running_var.dtype == mx.float32
    close(layer.running_var, 0.9 + 0.1 * to_numpy(x).astype(float).var(0, ddof=1), 1e-5)
    layer.set_dtype(dtype)
    y = layer(x)
    assert y.dtype == layer.running_mean.dtype == dtype
    close(y, reference.batch_norm(to_numpy(x).astype(float)), 0.51 * EPS[dtype])
    assert nn.BatchNorm(4, affine=False).eval()(x).dtype == dtype


def test_integers_give_float32() -> None:
    x = mx.array([[[1], [3]], [[5], [9]]])
    for layer in (nn.BatchNorm(1), nn.InstanceNorm(1), nn.GroupNorm(1, 1)):
        assert layer(x).dtype == mx.float32


def test_empty_input_passes() -> None:
    for layer, shape in (
        (nn.InstanceNorm(3), (0, 4, 3)),
        (nn.GroupNorm(1, 3), (0, 4, 3)),
        (nn.BatchNorm(3).eval(), (0, 3)),
    ):
        assert tuple(layer(mx.zeros(shape)).shape) == shape


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.BatchNorm(0), ValueError, "BatchNorm: num_features must be at le"),
        (lambda: nn.BatchNorm(2, eps=-1), ValueError, "BatchNorm: eps must be finite"),
        (
            lambda: nn.BatchNorm(2, momentum=1.5),
            ValueError,
            r"BatchNorm: momentum must be in \[0, 1\], got 1.5",
        ),
        (lambda: nn.BatchNorm(2, momentum=None), TypeError, "momentum must be a numb"),
        (
            lambda: nn.BatchNorm(2)(mx.zeros((2,))),
            ValueError,
            r"BatchNorm\(2\): x must have at least 2 dimensions, got shape \(2,\)",
        ),
        (
            lambda: nn.BatchNorm(2)(mx.zeros((1, 2))),
            ValueError,
            "at least two values for each feature",
        ),
        (lambda: nn.BatchNorm(2)(mx.zeros((0, 2))), ValueError, "at least two values"),
        (
            lambda: nn.BatchNorm(2)(mx.zeros((4, 3))),
            ValueError,
            "last dimension of x must be 2",
        ),
        (lambda: nn.BatchNorm(2)(None), TypeError, "x must be an array, got NoneType"),
        (lambda: nn.InstanceNorm(-1), ValueError, "InstanceNorm: dims must be at leas"),
        (
            lambda: nn.InstanceNorm(2)(mx.zeros((3, 2))),
            ValueError,
            r"InstanceNorm\(2\): x must have at least 3 dimensions",
        ),
        (
            lambda: nn.GroupNorm(3, 4),
            ValueError,
            "GroupNorm: dims must be a multiple of num_groups, 3, got 4",
        ),
        (lambda: nn.GroupNorm(0, 4), ValueError, "num_groups must be at least 1"),
        (
            lambda: nn.GroupNorm(2, 4)(mx.zeros((4,))),
            ValueError,
            r"GroupNorm\(2, 4\): x must have at least 2 dimensions",
        ),
    ],
)
def test_refused(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_refused_batch_changes_no_state() -> None:
    layer = nn.BatchNorm(2)
    with pytest.raises(ValueError, match="two values"):
        layer(mx.ones((1, 2)))
    assert layer.running_mean.tolist() == [0, 0]
