"""Adafactor's fused step: shapes beyond a tile, layouts, threads, memory, errors."""

from __future__ import annotations

import ingot.core as mx
import ingot.optimizers as optim
import numpy as np
import pytest
import reference_rules as reference
from ingot import _core
from optimizer_cases import from_numpy, leaves, same_bits, to_numpy

# One column, one row, narrow, wide, several tiles both ways, stacks, a long vector.
SHAPES = [(3000, 1), (1, 3000), (50_000, 3), (70, 2500), (900, 1100), (40, 3, 2, 64)]
# Moments of several pieces each.
SHAPES += [(140_000, 1), (1, 140_000), (2, 70_000, 2), (2, 2, 70_000)]
SHAPES += [(2, 0, 3), (200_000,), (5,), ()]
SETTINGS = {"clip_threshold": 0.7, "beta_1": 0.5, "weight_decay": 0.01}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(mx.float32, 2e-5), (mx.float64, 1e-12)], ids=str
)
def test_any_shape_agrees_with_the_oracle(shape, dtype, tolerance, rng):
    w = rng.normal(size=shape)
    oracle = reference.Run(reference.adafactor, w, **SETTINGS)
    model, optimizer = {"w": from_numpy(w, dtype)}, optim.Adafactor(**SETTINGS)
    for _ in range(3 if w.size else 0):
        g = rng.normal(size=shape) * np.exp(rng.normal(size=shape))
        optimizer.update(model, {"w": from_numpy(g, dtype)})
        want = oracle.update(to_numpy(from_numpy(g, dtype)))
        np.testing.assert_allclose(to_numpy(model["w"]), want, atol=tolerance)
    for name, want in oracle.state.items():
        got = to_numpy(optimizer.state["w"][name])
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)


def updated(w: mx.array, g: mx.array, **settings) -> list[mx.array]:
    model, optimizer = {"w": w}, optim.Adafactor(**settings)
    optimizer.update(model, {"w": g})
    mx.eval(model, optimizer.state)
    return leaves(model) + leaves(optimizer.state)


@pytest.mark.parametrize("dtype", [mx.float32, mx.bfloat16], ids=str)
@pytest.mark.parametrize("shape", [(700, 1300), (1, 300_000), (300_000, 1)], ids=str)
def test_threads_and_layouts_change_no_bit(shape, dtype, rng):
    w, g = (from_numpy(rng.normal(size=shape), dtype) for _ in range(2))
    want = updated(mx.contiguous(w.T[::-1]), mx.contiguous(g.T[::-1]))
    before = mx.get_num_threads()
    try:
        for threads in (1, 2, 8):
            mx.set_num_threads(threads)
            assert same_bits(updated(w.T[::-1], g.T[::-1]), want)
    finally:
        mx.set_num_threads(before)


def test_mixed_dtypes_are_computed_in_the_parameters(rng):
    w, g = rng.normal(size=(30, 20)), rng.normal(size=(30, 20))
    half = from_numpy(g, mx.float16)
    got = updated(from_numpy(w, mx.float64), half)
    same = updated(from_numpy(w, mx.float64), from_numpy(to_numpy(half), mx.float64))
    assert same_bits(got, same)


def test_parameters_and_state_are_written_in_place():
    n = 1000
    model = {"w": mx.ones((n, n)), "b": mx.ones((n * n,))}
    grads = {"w": mx.full((n, n), 0.5), "b": mx.full((n * n,), 0.5)}
    optimizer = optim.Adafactor(beta_1=0.9)
    for _ in range(2):
        optimizer.update(model, grads)
        mx.eval(model, grads, optimizer.state)
    before = mx.get_active_memory()
    mx.reset_peak_memory()
    optimizer.update(model, grads)
    mx.eval(model, optimizer.state)
    assert mx.get_peak_memory() - before < n * n * 4 / 40  # sums over tiles alone


def test_what_somebody_holds_stays(rng):
    w = from_numpy(rng.normal(size=(20, 30)))
    model, kept, copy = {"w": w}, w, to_numpy(w)
    optimizer = optim.Adafactor()
    optimizer.update(model, {"w": mx.ones((20, 30))})
    state = dict(optimizer.state["w"])
    row = to_numpy(state["exp_avg_sq_row"])
    optimizer.update(model, {"w": mx.ones((20, 30)) * 3})
    mx.eval(model, optimizer.state)
    assert np.array_equal(to_numpy(kept), copy)
    assert np.array_equal(to_numpy(state["exp_avg_sq_row"]), row)


def test_nan_stays_in_its_tensor(rng):
    model = {"a": mx.ones((4, 5)), "b": mx.ones((4, 5)), "c": mx.ones((3,))}
    grads = {name: mx.ones(w.shape) for name, w in model.items()}
    grads["a"] = mx.full((4, 5), np.nan)
    optim.Adafactor().update(model, grads)
    assert not np.isfinite(to_numpy(model["a"])).any()
    assert np.isfinite(to_numpy(model["b"])).all()
    assert np.isfinite(to_numpy(model["c"])).all()


W, G, ROW, COLUMN = mx.ones((2, 3)), mx.ones((2, 3)), mx.ones((2,)), mx.ones((3,))
NUMBERS = [0.1, 0, 0, 1, -0.8, 1e-30, 1e-3, 1, 0, 0, 1]
BAD = [
    ([W, G, ROW], False, NUMBERS, ValueError, "there must be all operands"),
    ([W, G, ROW, COLUMN], True, NUMBERS, ValueError, "there must be all operands"),
    ([W, COLUMN, ROW, COLUMN], False, NUMBERS, ValueError, "gradient 0 must have sh"),
    ([W, G, COLUMN, ROW], False, NUMBERS, ValueError, "exp_avg_sq_row 0 must have"),
    ([W, G, ROW, ROW], False, NUMBERS, ValueError, "exp_avg_sq_col 0 must have sh"),
    ([ROW, ROW, COLUMN], False, NUMBERS, ValueError, "exp_avg_sq 0 must have shape"),
    ([W, G, ROW, COLUMN, ROW], True, NUMBERS, ValueError, "exp_avg 0 must have shape"),
    ([W, G > 0, ROW, COLUMN], False, NUMBERS, TypeError, "gradient 0 must be of a"),
    ([W, G, ROW, COLUMN], False, NUMBERS[1:], ValueError, "there must be 11 settings"),
    ([W, G, ROW, COLUMN], False, [ROW] * 11, ValueError, "must be scalars"),
]


@pytest.mark.parametrize(("operands", "means", "settings", "error", "text"), BAD)
def test_bad_operands(operands, means, settings, error, text):
    with pytest.raises(error, match=f"adafactor: .*{text}"):
        _core.adafactor(operands, means, settings)


def test_no_operands_give_no_results():
    assert _core.adafactor([], False, NUMBERS) == []
