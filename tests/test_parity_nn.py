"""Layers and losses against MLX, where it is installed, with parameters copied.

The oracles decide what is right; this test shows where a model moved over from MLX
would compute something else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ingot import nn
from ingot.nn import losses
from ingot.utils import tree_flatten
from layer_cases import arrays_of, randomize
from nn_cases import close, samples
from support import to_core, to_numpy
from test_losses import CASES as LOSSES

Rng = np.random.Generator

# How a layer is made of the library's nn, and the shapes of its inputs.
Layer = tuple[Callable[[Any], Any], list[tuple[int, ...]]]
IMAGES = [(2, 6, 5, 4)]

LAYERS: dict[str, Layer] = {
    "Bilinear": (lambda nn: nn.Bilinear(4, 3, 2), [(5, 4), (5, 3)]),
    "BatchNorm": (lambda nn: nn.BatchNorm(4, momentum=0.3), IMAGES),
    "BatchNorm plain": (
        lambda nn: nn.BatchNorm(4, 1e-3, affine=False, track_running_stats=False),
        [(7, 4)],
    ),
    "InstanceNorm": (lambda nn: nn.InstanceNorm(4, affine=True), IMAGES),
    "GroupNorm": (lambda nn: nn.GroupNorm(2, 4), IMAGES),
    "GroupNorm as in PyTorch": (
        lambda nn: nn.GroupNorm(2, 4, pytorch_compatible=True),
        IMAGES,
    ),
    "RNN": (lambda nn: nn.RNN(3, 4), [(2, 5, 3)]),
    "RNN relu": (
        lambda nn: nn.RNN(3, 4, bias=False, nonlinearity=nn.relu),
        [(5, 3), (4,)],
    ),
    "GRU": (lambda nn: nn.GRU(3, 4), [(2, 5, 3), (2, 4)]),
    "GRU plain": (lambda nn: nn.GRU(3, 4, bias=False), [(5, 3)]),
    "LSTM": (lambda nn: nn.LSTM(3, 4), [(2, 5, 3), (2, 4), (2, 4)]),
    "LSTM plain": (lambda nn: nn.LSTM(3, 4, bias=False), [(5, 3)]),
    **{
        f"{kind}Pool2d {arguments}": (
            lambda nn, k=kind, a=arguments: getattr(nn, f"{k}Pool2d")(*a),
            IMAGES,
        )
        for kind in ("Max", "Avg")
        for arguments in ((2,), (3, 1), ((3, 2), (2, 1), (1, 0)))
    },
    **{
        f"{kind}Pool{d}d": (
            lambda nn, k=kind, d=d: getattr(nn, f"{k}Pool{d}d")(3, 2, 1),
            [(2, *(6, 5, 7)[:d], 4)],
        )
        for kind in ("Max", "Avg")
        for d in (1, 3)
    },
    **{
        f"Upsample {mode} {scale} {options}": (
            lambda nn, m=mode, s=scale, o=options: nn.Upsample(s, m, **o),
            IMAGES,
        )
        for mode in ("nearest", "linear", "cubic")
        for scale in (2, (1.7, 0.6))
        for options in ({}, {"align_corners": True}, {"antialias": True})
        if mode != "nearest" or not options
    },
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name: str, mlx: Any, rng: Rng) -> None:
    """The parameters, the results in training and evaluation, the gradients."""
    import mlx.nn as peer

    make, shapes = LAYERS[name]
    ours, theirs = make(nn), make(peer)
    initial = {n: to_numpy(p) for n, p in tree_flatten(ours.parameters())}
    peers = {n: np.array(p) for n, p in theirs.parameters().items()}
    assert {n: p.shape for n, p in initial.items()} == {
        n: p.shape for n, p in peers.items()
    }
    assert set(ours.trainable_parameters()) == set(theirs.trainable_parameters())
    if "Norm" in name:
        for n, p in initial.items():
            np.testing.assert_array_equal(p, peers[n])
    else:
        randomize(ours, rng)
    pairs = tree_flatten(ours.parameters())
    theirs.load_weights([(n, mlx.array(to_numpy(p))) for n, p in pairs])
    given = [samples(rng, *shape) for shape in shapes]
    for _ in range(2):
        got = arrays_of(ours(*map(to_core, given)))
        want = theirs(*map(mlx.array, given))
        want = mlx.stack(want) if isinstance(want, tuple) else want
        close(got, np.array(want), 1e-5)
        compare_gradients(ours, theirs, given, mlx, peer)
        ours.eval()
        theirs.eval()
    for n, p in theirs.parameters().items():  # what training has moved
        close(ours[n], np.array(p), 1e-5)


def compare_gradients(
    ours: Any, theirs: Any, given: list[np.ndarray], mlx: Any, peer: Any
) -> None:
    if not ours.trainable_parameters():
        return
    _, got = nn.value_and_grad(ours, lambda *x: (arrays_of(ours(*x)) ** 2).sum())(
        *map(to_core, given)
    )

    def total(*x: Any) -> Any:
        y = theirs(*x)
        return ((mlx.stack(y) if isinstance(y, tuple) else y) ** 2).sum()

    _, want = peer.value_and_grad(theirs, total)(*map(mlx.array, given))
    assert set(got) == set(want)
    for n, g in want.items():
        close(got[n], np.array(g), 1e-3)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize(
    ("loss", "case"),
    [
        (loss, case)
        for loss in LOSSES
        for case in LOSSES[loss]
        if case != "not normalized"  # taken for probabilities that sum to 1 there
    ],
)
def test_loss(loss: str, case: str, reduction: str, mlx: Any, rng: Rng) -> None:
    import mlx.nn as peer

    arguments, options = LOSSES[loss][case](rng)
    got = getattr(losses, loss)(
        *map(to_core, arguments), **options, reduction=reduction
    )
    want = getattr(peer.losses, loss)(
        *map(mlx.array, arguments), **options, reduction=reduction
    )
    close(got, np.array(want), 1e-5)


def test_every_loss_of_theirs_is_here(mlx: Any) -> None:
    import inspect

    import mlx.nn as peer

    for name in LOSSES:
        theirs = inspect.signature(getattr(peer.losses, name)).parameters
        ours = inspect.signature(getattr(losses, name)).parameters
        assert list(ours) == list(theirs)
        for argument in theirs:
            assert ours[argument].default == theirs[argument].default
