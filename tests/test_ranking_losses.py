"""Losses of scores, vectors and likelihoods: large and small inputs, kinks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import ingot.core as mx
import numpy as np
import pytest
import reference_nn as reference
from ingot.nn import losses
from nn_cases import close, samples
from support import to_core, to_numpy

Rng = np.random.Generator


def gradient(loss: Callable[..., Any], x: Any, *rest: Any, **options: Any) -> Any:
    return mx.grad(lambda v: loss(v, *rest, **options, reduction="sum"))(x)


def test_log_cosh_of_any_size() -> None:
    """Digits are kept near 0 and far away; the derivative is tanh."""
    d = np.array([0, 1e-30, 1e-8, 1e-4, 0.1, 0.999, 1, 1.001, 20, 1e4, 3e38])
    d = np.concatenate([d, -d]).astype(np.float32)
    x, zero = to_core(d), mx.zeros(d.shape)
    got = to_numpy(losses.log_cosh_loss(x, zero)).astype(float)
    want = reference.log_cosh_loss(d.astype(float), 0.0)
    np.testing.assert_allclose(got, want, rtol=5e-7, atol=1e-45)
    close(gradient(losses.log_cosh_loss, x, zero), np.tanh(d.astype(float)))
    second = mx.grad(lambda v: gradient(losses.log_cosh_loss, v, zero).sum())(x)
    close(second, 1 - np.tanh(d.astype(float)) ** 2)


def test_cosines_of_any_size(rng: Rng) -> None:
    """Neither squares nor products of the norms overflow or vanish."""
    x, y = samples(rng, 5, 4), samples(rng, 5, 4)
    want = reference.cosine_similarity_loss(x.astype(float), y.astype(float))
    for a, b in ((1e30, 1e30), (1e30, 1e-30), (1e-30, 1e30), (3e-3, 1e-4)):
        got = losses.cosine_similarity_loss(to_core(x) * a, to_core(y) * b)
        close(got, want, 4e-6)
    short = losses.cosine_similarity_loss(to_core(x) * 1e-30, to_core(y) * 1e-30)
    close(short, np.zeros(5))


def test_cosine_of_nothing() -> None:
    """A zero vector has cosine 0 and the derivative of its product over eps."""
    x, y = mx.zeros((1, 2)), mx.array([[3.0, 4.0]])
    assert losses.cosine_similarity_loss(x, y).tolist() == [0.0]
    got = gradient(losses.cosine_similarity_loss, x, y, eps=0.5)
    close(got, [[6.0, 8.0]])
    assert losses.cosine_similarity_loss(x, x).tolist() == [0.0]
    close(gradient(losses.cosine_similarity_loss, x, x), [[0.0, 0.0]])


@pytest.mark.parametrize("p", [1, 2, 3])
def test_triplets_of_any_size(p: int) -> None:
    """Powers of 1e30 are more than float32 holds; equal vectors have a derivative."""
    a, b, c = mx.zeros((1, 2)), mx.array([[3e30, 4e30]]), mx.array([[1e30, 0.0]])
    norm = (3.0**p + 4.0**p) ** (1 / p)
    close(losses.triplet_loss(a, b, c, p=p) / 1e30, [norm - 1])
    assert losses.triplet_loss(a, c, b, p=p).tolist() == [0.0]
    same = gradient(losses.triplet_loss, a, a, a, p=p)
    assert np.isfinite(to_numpy(same)).all()


def test_hinges_have_no_slope_where_they_are_met() -> None:
    one = mx.ones((1,))
    assert gradient(losses.hinge_loss, one, one).tolist() == [0.0]
    assert gradient(losses.margin_ranking_loss, one, one, one).tolist() == [0.0]
    assert gradient(losses.hinge_loss, 0.5 * one, one).tolist() == [-1.0]


def test_likelihoods_of_small_and_large_variances() -> None:
    x, zero = mx.array([1e20, 1.0, 0.0]), mx.zeros((3,))
    v = mx.array([1e30, 0.0, -5.0])
    got = losses.gaussian_nll_loss(x, zero, v, reduction="none")
    floor = 0.5 * math.log(1e-6)
    close(
        got / mx.array([1e10, 1e5, 1.0]),
        [0.5, (floor + 5e5) / 1e5, floor],
    )
    slope = mx.grad(lambda v: losses.gaussian_nll_loss(x, zero, v))(v)
    assert np.isfinite(to_numpy(slope)).all() and slope.tolist()[1:] == [0, 0]


SECOND: dict[str, Callable[[Rng], list[np.ndarray]]] = {
    "cosine_similarity_loss": lambda r: [samples(r, 5, 3), samples(r, 5, 3)],
    "gaussian_nll_loss": lambda r: [
        samples(r, 6),
        samples(r, 6),
        np.abs(samples(r, 6)) + 1,
    ],
    "log_cosh_loss": lambda r: [samples(r, 9), samples(r, 9)],
    "triplet_loss": lambda r: [samples(r, 5, 3) for _ in range(3)],
}


@pytest.mark.parametrize("name", SECOND)
def test_second_derivatives(name: str, rng: Rng) -> None:
    first, *rest = (to_core(a.astype(np.float64)) for a in SECOND[name](rng))
    w = to_core(rng.standard_normal(first.shape))

    def along_w(x: Any) -> Any:
        return (gradient(getattr(losses, name), x, *rest) * w).sum()

    want = reference.gradient(lambda x: along_w(to_core(x)).item(), to_numpy(first))
    close(mx.grad(along_w)(first), want, 1e-6)


def test_torch_agrees(torch: Any, rng: Rng) -> None:
    f = torch.nn.functional
    x, y, z = samples(rng, 7, 5), samples(rng, 7, 5), np.abs(samples(rng, 7, 5)) + 0.1
    tx, ty, tz = (torch.tensor(a) for a in (x, y, z))
    cx, cy, cz = (to_core(a) for a in (x, y, z))
    for got, want in (
        (losses.gaussian_nll_loss(cx, cy, cz), f.gaussian_nll_loss(tx, ty, tz)),
        (losses.cosine_similarity_loss(cx, cy), f.cosine_similarity(tx, ty)),
        (
            losses.margin_ranking_loss(cx, cy, mx.sign(cz), 0.3),
            f.margin_ranking_loss(tx, ty, tz.sign(), 0.3, reduction="none"),
        ),
        (
            losses.triplet_loss(cx, cy, cz, reduction="mean"),
            f.triplet_margin_loss(tx, ty, tz),
        ),
    ):
        close(got, want.numpy(), 2e-5)


X = np.zeros((2, 3), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda x: losses.hinge_loss(x, x[0]),
            ValueError,
            r"hinge_loss: targets must have the shape of inputs, \(2, 3\), got \(3,\)",
        ),
        (
            lambda x: losses.log_cosh_loss(x, x, reduction="avg"),
            ValueError,
            "log_cosh_loss: reduction must be",
        ),
        (
            lambda x: losses.margin_ranking_loss(x, x, x[0]),
            ValueError,
            "margin_ranking_loss: targets must have the shape of inputs1",
        ),
        (
            lambda x: losses.margin_ranking_loss(x, x, x, math.nan),
            ValueError,
            "margin must be finite",
        ),
        (
            lambda x: losses.triplet_loss(x, x, x, p=0.5),
            ValueError,
            "triplet_loss: p must be finite and at least 1, got 0.5",
        ),
        (
            lambda x: losses.triplet_loss(x, x, x, axis=2),
            ValueError,
            "triplet_loss: axis must be an axis of anchors",
        ),
        (lambda x: losses.triplet_loss(x, x, x[:1]), ValueError, "negatives must have"),
        (
            lambda x: losses.cosine_similarity_loss(x[0], x[0]),
            ValueError,
            r"axis must be an axis of x1, of shape \(3,\), got 1",
        ),
        (
            lambda x: losses.cosine_similarity_loss(x, x, eps=0),
            ValueError,
            "eps must be above 0, got 0",
        ),
        (
            lambda x: losses.gaussian_nll_loss(x, x, x[:, :1]),
            ValueError,
            "gaussian_nll_loss: vars must have the shape of inputs",
        ),
        (
            lambda x: losses.gaussian_nll_loss(x, x, x, eps=-1),
            ValueError,
            "eps must be above 0",
        ),
        (lambda x: losses.hinge_loss(x, 1.0), TypeError, "targets must be an array"),
        (
            lambda x: losses.triplet_loss(X, x, x),
            TypeError,
            "anchors must be an array, got ndarray",
        ),
    ],
)
def test_refused(
    call: Callable[[Any], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call(to_core(X))
