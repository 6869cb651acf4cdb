"""Losses: values and gradients against the definitions, stability, refused input."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import ingot.core as mx
import numpy as np
import pytest
import reference_nn as reference
from ingot.nn import losses
from support import to_core, to_numpy

REDUCTIONS = ("none", "mean", "sum")


def close(got: Any, want: Any, tolerance: float = 2e-6) -> None:
    got = to_numpy(got).astype(np.float64)
    want = np.asarray(want)
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)


def f32(rng: np.random.Generator, *shape: int, scale: float = 2.0) -> np.ndarray:
    return (scale * rng.standard_normal(shape)).astype(np.float32)


def distribution(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return reference.softmax(rng.standard_normal(shape)).astype(np.float32)


def signs(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.choice(np.array([-1, 1], np.int32), shape)


# A loss: named cases of (arguments, keyword arguments), made from a generator.
Cases = dict[str, Callable[[np.random.Generator], tuple[list[np.ndarray], dict]]]

CASES: dict[str, Cases] = {
    "cross_entropy": {
        "indices": lambda r: ([f32(r, 7, 5), r.integers(0, 5, 7)], {}),
        "axis": lambda r: ([f32(r, 4, 5, 3), r.integers(0, 5, (4, 3))], {"axis": 1}),
        "one row": lambda r: ([f32(r, 5), r.integers(0, 5, ())], {}),
        "probabilities": lambda r: ([f32(r, 7, 5), distribution(r, 7, 5)], {}),
        "not normalized": lambda r: ([f32(r, 7, 5), 0.3 * distribution(r, 7, 5)], {}),
        "weights": lambda r: (
            [f32(r, 7, 5), r.integers(0, 5, 7), distribution(r, 7)],
            {},
        ),
        "smoothing": lambda r: (
            [f32(r, 7, 5), r.integers(0, 5, 7)],
            {"label_smoothing": 0.1},
        ),
        "smoothed probabilities": lambda r: (
            [f32(r, 5, 7), distribution(r, 7, 5).T],
            {"label_smoothing": 0.3, "axis": 0},
        ),
    },
    "binary_cross_entropy": {
        "logits": lambda r: ([f32(r, 6, 2), distribution(r, 6, 2)], {}),
        "integer targets": lambda r: ([f32(r, 9), r.integers(0, 2, 9)], {}),
        "weights": lambda r: (
            [f32(r, 6, 2), distribution(r, 6, 2), distribution(r, 6, 2)],
            {},
        ),
        "probabilities": lambda r: (
            [distribution(r, 6, 2), distribution(r, 6, 2)],
            {"with_logits": False},
        ),
    },
    "nll_loss": {
        "last": lambda r: ([f32(r, 7, 5), r.integers(0, 5, 7)], {}),
        "axis": lambda r: ([f32(r, 4, 5, 3), r.integers(0, 5, (4, 3))], {"axis": 1}),
    },
    "mse_loss": {"plain": lambda r: ([f32(r, 6, 3), f32(r, 6, 3)], {})},
    "l1_loss": {"plain": lambda r: ([f32(r, 6, 3), f32(r, 6, 3)], {})},
    "smooth_l1_loss": {
        "plain": lambda r: ([f32(r, 6, 3), f32(r, 6, 3)], {}),
        "beta": lambda r: ([f32(r, 6, 3), f32(r, 6, 3)], {"beta": 2.5}),
        "beta 0": lambda r: ([f32(r, 6, 3), f32(r, 6, 3)], {"beta": 0.0}),
    },
    "huber_loss": {
        "plain": lambda r: ([f32(r, 6, 3), f32(r, 6, 3)], {}),
        "delta": lambda r: ([f32(r, 6, 3), f32(r, 6, 3)], {"delta": 2.5}),
    },
    "log_cosh_loss": {
        "plain": lambda r: ([f32(r, 6, 3), f32(r, 6, 3)], {}),
        "near": lambda r: ([f32(r, 6, 3, scale=0.1), f32(r, 6, 3, scale=0.1)], {}),
    },
    "gaussian_nll_loss": {
        "plain": lambda r: ([f32(r, 6, 3), f32(r, 6, 3), distribution(r, 6, 3)], {}),
        "full": lambda r: (
            [f32(r, 6), f32(r, 6), f32(r, 6)],
            {"full": True, "eps": 0.5},
        ),
    },
    "hinge_loss": {
        "plain": lambda r: ([f32(r, 7), signs(r, 7).astype(np.float32)], {}),
        "integer targets": lambda r: ([f32(r, 7), signs(r, 7)], {}),
    },
    "margin_ranking_loss": {
        "plain": lambda r: ([f32(r, 7), f32(r, 7), signs(r, 7)], {}),
        "margin": lambda r: ([f32(r, 7), f32(r, 7), signs(r, 7)], {"margin": 0.7}),
    },
    "triplet_loss": {
        "plain": lambda r: ([f32(r, 9, 4), f32(r, 9, 4), f32(r, 9, 4)], {}),
        "axis": lambda r: (
            [f32(r, 4, 9), f32(r, 4, 9), f32(r, 4, 9)],
            {"axis": 0, "margin": 2.5},
        ),
        "degree 1": lambda r: ([f32(r, 9, 4), f32(r, 9, 4), f32(r, 9, 4)], {"p": 1}),
        "degree 3": lambda r: (
            [f32(r, 9, 4), f32(r, 9, 4), f32(r, 9, 4)],
            {"p": 3, "eps": 0.1},
        ),
    },
    "cosine_similarity_loss": {
        "plain": lambda r: ([f32(r, 7, 4), f32(r, 7, 4)], {}),
        "axis": lambda r: ([f32(r, 4, 7, 2), f32(r, 4, 7, 2)], {"axis": 0}),
        "short": lambda r: ([f32(r, 7, 4), f32(r, 7, 4)], {"eps": 20.0}),
    },
    "kl_div_loss": {
        "plain": lambda r: (
            [np.log(distribution(r, 6, 4)), np.log(distribution(r, 6, 4))],
            {},
        ),
        "axis": lambda r: ([f32(r, 6, 4), f32(r, 6, 4, scale=0.5)], {"axis": 0}),
    },
}
NAMED = [(loss, case) for loss, cases in CASES.items() for case in cases]


def test_every_loss_has_an_oracle_and_cases() -> None:
    assert set(losses.__all__) == set(reference.LOSSES) == set(CASES)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(("loss", "case"), NAMED)
def test_value(loss: str, case: str, reduction: str, rng: np.random.Generator) -> None:
    arguments, options = CASES[loss][case](rng)
    exact = [a.astype(np.float64) if a.dtype == np.float32 else a for a in arguments]
    want = reference.reduce(reference.LOSSES[loss](*exact, **options), reduction)
    got = getattr(losses, loss)(
        *(to_core(a) for a in arguments), **options, reduction=reduction
    )
    assert got.dtype == mx.float32
    close(got, want)


@pytest.mark.parametrize(("loss", "case"), NAMED)
def test_gradient(loss: str, case: str, rng: np.random.Generator) -> None:
    """The derivative in the first argument is that of the oracle."""
    arguments, options = CASES[loss][case](rng)
    first, *rest = (
        a.astype(np.float64) if a.dtype == np.float32 else a for a in arguments
    )

    def total(x: np.ndarray) -> float:
        return float(np.sum(reference.LOSSES[loss](x, *rest, **options)))

    core = [to_core(a) for a in arguments]
    got = mx.grad(
        lambda x: getattr(losses, loss)(x, *core[1:], **options, reduction="sum")
    )(core[0])
    close(got, reference.gradient(total, first), 2e-4)


@pytest.mark.parametrize("dtype", [mx.float16, mx.bfloat16], ids=str)
@pytest.mark.parametrize(("loss", "case"), NAMED)
def test_half_types_are_rounded_once(
    loss: str, case: str, dtype: Any, rng: np.random.Generator
) -> None:
    """The mean of half inputs is the exact mean of those values, to half an ulp."""
    arguments, options = CASES[loss][case](rng)
    core = [
        to_core(a).astype(dtype) if a.dtype == np.float32 else to_core(a)
        for a in arguments
    ]
    exact = [
        to_numpy(c).astype(np.float64) if a.dtype == np.float32 else a
        for a, c in zip(arguments, core, strict=True)
    ]
    want = np.mean(reference.LOSSES[loss](*exact, **options))
    got = getattr(losses, loss)(*core, **options, reduction="mean")
    assert got.dtype == dtype
    close(got, want, 2.0**-8 if dtype == mx.bfloat16 else 2.0**-11)


def test_cross_entropy_of_huge_logits() -> None:
    logits = mx.array([[1e4, -1e4], [3e38, 0.0]])
    close(losses.cross_entropy(logits, mx.array([0, 0])), [0.0, 0.0])
    close(losses.cross_entropy(logits[:1], mx.array([1])), [2e4])


def test_masked_classes_do_not_make_nan() -> None:
    """A logit of -inf is a class of probability 0; other classes are unaffected."""
    logits = mx.array([[0.0, 0.0, -math.inf]])
    close(losses.cross_entropy(logits, mx.array([0])), [math.log(2)])
    p = mx.array([[0.5, 0.5, 0.0]])
    close(losses.cross_entropy(logits, p), [math.log(2)])
    impossible = losses.cross_entropy(logits, mx.array([2]))
    assert impossible.item() == math.inf
    log_p = mx.array([[math.log(0.5), math.log(0.5), -math.inf]])
    close(losses.kl_div_loss(log_p, log_p, reduction="sum"), 0.0)


@pytest.mark.parametrize("target", [0.0, 1.0])
@pytest.mark.parametrize("x", [-1e4, -50.0, 0.0, 50.0, 1e4])
def test_binary_cross_entropy_of_huge_logits(x: float, target: float) -> None:
    want = reference.binary_cross_entropy(np.array([x]), np.array([target]))
    close(losses.binary_cross_entropy(mx.array([x]), mx.array([target])), want.mean())


def test_binary_cross_entropy_of_certain_probabilities() -> None:
    """Logarithms stop at -100, and the gradient there is finite."""
    q, t = mx.array([0.0, 1.0, 1.0, 0.0]), mx.array([1.0, 0.0, 1.0, 0.0])

    def loss(q: Any) -> Any:
        return losses.binary_cross_entropy(q, t, with_logits=False, reduction="sum")

    close(loss(q), 200.0)
    assert np.isfinite(to_numpy(mx.grad(loss)(q))).all()
    assert math.isnan(loss(mx.array([math.nan, 0.0, 0.0, 0.0])).item())


def test_small_probabilities_keep_their_digits() -> None:
    q = mx.array([1e-10])
    got = losses.binary_cross_entropy(q, mx.array([0.0]), with_logits=False)
    close(got * 1e10, 1.0, 1e-5)


def test_unsigned_integers_do_not_wrap() -> None:
    a, b = mx.array([1], dtype=mx.uint8), mx.array([3], dtype=mx.uint8)
    assert losses.mse_loss(a, b).item() == 4.0
    assert losses.l1_loss(a, b).item() == 2.0


def test_gradients_where_the_branches_meet() -> None:
    """At |d| = beta and at d = 0 the derivative is the limit of both sides."""
    x = mx.array([1.0, -1.0, 0.0])
    for loss in (losses.huber_loss, losses.smooth_l1_loss):
        gradient = mx.grad(lambda x, f=loss: f(x, mx.zeros((3,)), reduction="sum"))(x)
        close(gradient, [1.0, -1.0, 0.0])


LOGITS = np.zeros((2, 3), np.float32)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x: losses.cross_entropy(x, mx.array([0, 1, 1])),
            r"cross_entropy: targets must be class indices of shape \(2,\)",
        ),
        (
            lambda x: losses.cross_entropy(x, mx.zeros((2, 4))),
            r"cross_entropy: targets must have the shape of logits, \(2, 3\), "
            r"got \(2, 4\)",
        ),
        (
            lambda x: losses.cross_entropy(x, mx.array([0, 1]), mx.ones((3,))),
            r"weights must have the losses' shape, \(2,\), got \(3,\)",
        ),
        (
            lambda x: losses.cross_entropy(x, mx.array([0, 1]), label_smoothing=1.0),
            r"label_smoothing must be in \[0, 1\), got 1.0",
        ),
        (
            lambda x: losses.cross_entropy(x, mx.array([0, 1]), axis=2),
            "axis must be an axis of logits",
        ),
        (
            lambda x: losses.cross_entropy(x, mx.array([0, 1]), reduction="avg"),
            'reduction must be "none", "mean" or "sum", got \'avg\'',
        ),
        (lambda x: losses.mse_loss(x, x[0]), "mse_loss: targets must have the shape"),
        (lambda x: losses.nll_loss(x, x), "nll_loss: targets must be class indices"),
        (
            lambda x: losses.huber_loss(x, x, delta=-1),
            "huber_loss: delta must be finite",
        ),
        (lambda x: losses.smooth_l1_loss(x, x, beta=-1), "beta must be finite"),
        (lambda x: losses.binary_cross_entropy(x, x[:, 0]), "targets must have the sh"),
        (lambda x: losses.kl_div_loss(x, x[:1]), "kl_div_loss: targets must have"),
    ],
)
def test_refused_values(call: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(to_core(LOGITS))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x: losses.cross_entropy(x, mx.zeros((2,))),
            "cross_entropy: class indices must be integers, got",
        ),
        (lambda x: losses.cross_entropy(LOGITS, x), "logits must be an array, got nda"),
        (
            lambda x: losses.mse_loss(x, 1.0),
            "mse_loss: targets must be an array, got fl",
        ),
        (
            lambda x: losses.l1_loss(None, x),
            "predictions must be an array, got NoneType",
        ),
    ],
)
def test_refused_types(call: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call(to_core(LOGITS))


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_torch_agrees(torch: Any, reduction: str, rng: np.random.Generator) -> None:
    """Where the definitions coincide: cross entropy, its smoothing, and the others."""
    f = torch.nn.functional
    x, y, c = f32(rng, 7, 5), f32(rng, 7, 5), rng.integers(0, 5, 7)
    tx, ty, tc = (torch.tensor(a) for a in (x, y, c))
    mx_x, mx_y, mx_c = to_core(x), to_core(y), to_core(c)
    for got, want in (
        (
            losses.cross_entropy(mx_x, mx_c, label_smoothing=0.1, reduction=reduction),
            f.cross_entropy(tx, tc, label_smoothing=0.1, reduction=reduction),
        ),
        (
            losses.smooth_l1_loss(mx_x, mx_y, 0.7, reduction=reduction),
            f.smooth_l1_loss(tx, ty, beta=0.7, reduction=reduction),
        ),
        (
            losses.huber_loss(mx_x, mx_y, 0.7, reduction=reduction),
            f.huber_loss(tx, ty, delta=0.7, reduction=reduction),
        ),
        (
            losses.binary_cross_entropy(mx_x, mx.sigmoid(mx_y), reduction=reduction),
            f.binary_cross_entropy_with_logits(
                tx, torch.sigmoid(ty), reduction=reduction
            ),
        ),
    ):
        close(got, want.numpy(), 1e-5)
