"""clip_grad_norm against a float64 norm, for all dtypes and for absurd sizes."""

from __future__ import annotations

import gc

import ingot.core as mx
import ingot.optimizers as optim
import numpy as np
import pytest
from ingot import _core
from optimizer_cases import FLOATS, from_numpy, same_bits, to_numpy
from step_cases import RULES, operands, settings, trained

# Types of parameters, gradients and states.
KINDS = [
    (mx.float32, mx.float32, mx.float32),
    (mx.float64, mx.float64, mx.float64),
    (mx.bfloat16, mx.bfloat16, mx.float32),
    (mx.float16, mx.float32, mx.float32),
]


def norm_of(tree: list) -> float:
    return float(np.sqrt(sum(np.sum(to_numpy(x) ** 2) for x in tree)))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("max_norm", [0.0, 0.5, 1e6])
def test_norm_and_scale(dtype, max_norm, rng):
    grads = [from_numpy(rng.normal(size=s), dtype) for s in [(7, 5), (), (0,), (101,)]]
    clipped, norm = optim.clip_grad_norm(
        {"a": grads[:2], "b": tuple(grads[2:])}, max_norm
    )
    want = norm_of(grads)
    assert norm.ndim == 0 and abs(norm.item() - want) < 1e-6 * want
    assert isinstance(clipped["b"], tuple)
    factor = min(max_norm / (want + 1e-6), 1.0)
    ulp = {mx.float16: 1e-3, mx.bfloat16: 8e-3}.get(dtype, 1e-6)
    for got, g in zip([*clipped["a"], *clipped["b"]], grads, strict=True):
        assert got.dtype == dtype
        np.testing.assert_allclose(
            to_numpy(got), to_numpy(g) * factor, rtol=ulp, atol=1e-7
        )


def test_half_precision_accumulates_in_float32():
    """5010 ones: a bfloat16 sum sticks at 256, a bfloat16 root of it at 64."""
    for dtype in (mx.float16, mx.bfloat16):
        _, norm = optim.clip_grad_norm([mx.ones((501, 10), dtype)], 1.0)
        assert abs(norm.item() - np.sqrt(5010)) < 1e-4


def test_a_small_factor_is_not_lost_in_half_precision():
    clipped, _ = optim.clip_grad_norm({"w": mx.full((4,), 6e4, mx.float16)}, 1e-3)
    np.testing.assert_allclose(to_numpy(clipped["w"]), 5e-4, rtol=2e-3)


@pytest.mark.parametrize("size", [1e20, 1e25, 1e30, 3e38])
def test_finite_gradients_do_not_overflow(size):
    clipped, norm = optim.clip_grad_norm({"w": mx.full((1000,), size)}, 1.0)
    want = size * np.sqrt(1000)
    if want < 3.4e38:
        assert abs(norm.item() / want - 1) < 1e-6
    np.testing.assert_allclose(to_numpy(clipped["w"]), 1000**-0.5, rtol=1e-5)


def test_tiny_gradients_have_their_norm():
    _, norm = optim.clip_grad_norm({"w": mx.full((4,), 1e-25)}, 1.0)
    assert abs(norm.item() / 2e-25 - 1) < 1e-6


def test_the_same_bits_each_time(rng):
    grads = [from_numpy(rng.normal(size=(300, 41)))]
    norms = {optim.clip_grad_norm(grads, 1.0)[1].item() for _ in range(5)}
    assert len(norms) == 1


def test_a_loop_lets_go_of_the_old_gradients_at_once():
    grads = {"w": [mx.ones((1 << 16,)), mx.ones((1 << 16,))]}
    mx.eval(grads)
    gc.disable()  # what only the collector frees would pile up between its runs
    try:
        before = mx.get_active_memory()
        mx.reset_peak_memory()
        for _ in range(3):
            grads, norm = optim.clip_grad_norm(grads, 1.0)
            mx.eval(grads, norm)
        assert mx.get_active_memory() - before < 1 << 12
        assert mx.get_peak_memory() - before < 1 << 12
    finally:
        gc.enable()


def clipped_step(rule, dtypes, early: bool):
    """New parameters and states of a step after clipping, which is computed early."""
    p, g, s = operands(rule, dtypes)
    clipped, norm = optim.clip_grad_norm(g, 0.5)
    if early:
        mx.eval(clipped)
    new_p, new_s = _core.step(rule, p, clipped, s, settings(rule))
    mx.eval(new_p, new_s)
    return [*new_p, *(x for column in new_s for x in column), *clipped, norm]


@pytest.mark.parametrize("dtypes", KINDS, ids=lambda k: "-".join(map(str, k)))
@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "scale"])
def test_a_step_that_clips_as_it_reads_has_the_same_bits(rule, dtypes):
    fused = clipped_step(rule, dtypes, early=False)
    apart = clipped_step(rule, dtypes, early=True)
    assert same_bits(fused, apart)


def test_a_step_takes_no_memory_for_clipped_gradients():
    n = 300_000
    model = {"a": mx.ones((n,)), "b": mx.ones((n,))}
    grads = {"a": mx.full((n,), 0.5), "b": mx.full((n,), 0.25)}
    optimizer = trained(model, grads)
    before = mx.get_active_memory()
    mx.reset_peak_memory()
    clipped, norm = optim.clip_grad_norm(grads, 1.0)
    optimizer.update(model, clipped)
    mx.eval(model, optimizer.state, norm)
    assert mx.get_peak_memory() - before < 4096
    # Those of two optimizers come from the same clipping; it is computed at last.
    halves = [({k: model[k]}, {k: clipped[k]}) for k in model]
    for part, gradients in halves:
        optimizer = optim.SGD(0.1)
        want = to_numpy(next(iter(part.values()))) - np.float32(0.1) * (
            to_numpy(next(iter(grads[k] for k in part))) / np.float32(norm.item())
        )
        optimizer.update(part, gradients)
        mx.eval(part)
        got = to_numpy(next(iter(part.values())))
        np.testing.assert_allclose(got, want, rtol=1e-6)
    got = np.sqrt(sum(np.sum(to_numpy(g).astype(float) ** 2) for g in clipped.values()))
    np.testing.assert_allclose(got, 1.0, rtol=1e-5)


def test_a_derivative_goes_through_clipping_and_step(rng):
    """Traced, they stay apart."""
    x = from_numpy(rng.normal(size=5), mx.float64)

    def f(g: mx.array) -> mx.array:
        clipped, _ = optim.clip_grad_norm([g], 0.7)
        return (optim.SGD(0.5).apply_gradients(clipped, [g * 0.0])[0] * x).sum()

    def composed(g: mx.array) -> mx.array:
        return -0.5 * (g * x).sum() * (0.7 / (mx.linalg.norm(g) + 1e-6))

    got, want = mx.grad(f)(x), mx.grad(composed)(x)
    np.testing.assert_allclose(to_numpy(got), to_numpy(want), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
def test_gradients_below_the_norm_keep_their_bits_and_memory(dtype, rng):
    values = rng.normal(size=(3, 1000)) / 100
    values[0, :3] = 0.0, -0.0, 1e-5
    gradients = [mx.array(values).astype(getattr(mx, dtype)), mx.zeros(5)]
    mx.eval(gradients)
    before = [to_numpy(g).tobytes() for g in gradients]
    for max_norm in (10.0, 1e30, float("inf")):
        mx.reset_peak_memory()
        start = mx.get_active_memory()
        gradients, _ = optim.clip_grad_norm(gradients, max_norm)
        mx.eval(gradients)
        assert mx.get_peak_memory() - start < 4096
        assert [to_numpy(g).tobytes() for g in gradients] == before
    gradients, norm = optim.clip_grad_norm(gradients, 1e-3)
    assert norm.item() > 0.1
    mx.eval(gradients)
    assert [to_numpy(g).tobytes() for g in gradients] != before


def test_nan_spoils_all_and_infinity_shows():
    clipped, norm = optim.clip_grad_norm([mx.array([1.0, float("nan")])], 1.0)
    assert np.isnan(norm.item()) and np.all(np.isnan(to_numpy(clipped[0])))
    clipped, norm = optim.clip_grad_norm([mx.array([1.0, float("inf")])], 1.0)
    assert norm.item() == float("inf")
    assert to_numpy(clipped[0])[0] == 0 and np.isnan(to_numpy(clipped[0])[1])


def test_integers_become_float32():
    clipped, norm = optim.clip_grad_norm({"w": mx.array([3, 4])}, 1.0)
    assert norm.item() == 5 and clipped["w"].dtype == mx.float32


@pytest.mark.parametrize("empty", [{}, [], {"a": {}, "b": []}])
def test_no_gradients(empty):
    clipped, norm = optim.clip_grad_norm(empty, 1.0)
    assert clipped == empty and norm.item() == 0


def test_max_norm_may_be_an_array():
    clipped, _ = optim.clip_grad_norm([mx.array([3.0, 4.0])], mx.array(1.0))
    np.testing.assert_allclose(to_numpy(clipped[0]), [0.6, 0.8], atol=1e-6)


def test_bad_input():
    for bad in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="clip_grad_norm: max_norm must be in"):
            optim.clip_grad_norm({"w": mx.ones((2,))}, bad)
    with pytest.raises(TypeError, match=r"gradient a\.0 must be an array, got None"):
        optim.clip_grad_norm({"a": [None]}, 1.0)


def test_arrays_of_a_subclass_are_gradients():
    class Weight(mx.array):
        pass

    clipped, norm = optim.clip_grad_norm({"w": [Weight([3.0, 4.0])]}, 1.0)
    assert norm.item() == 5
    np.testing.assert_allclose(to_numpy(clipped["w"][0]), [0.6, 0.8], atol=1e-6)


def test_the_derivative_of_clipping(rng):
    x = rng.normal(size=5)
    weights = mx.array(np.arange(5.0), dtype=mx.float64)

    def f(g: mx.array) -> mx.array:
        return (optim.clip_grad_norm([g], 0.7)[0][0] * weights).sum()

    x64 = from_numpy(x, mx.float64)
    got = to_numpy(mx.grad(f)(x64))
    for i in range(5):
        step = np.eye(5)[i] * 1e-6
        up, down = (f(from_numpy(x + s, mx.float64)).item() for s in (step, -step))
        np.testing.assert_allclose(got[i], (up - down) / 2e-6, rtol=1e-5, atol=1e-8)
