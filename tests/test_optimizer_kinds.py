"""What single kinds of optimizers promise: MultiOptimizer, Muon, Adafactor."""

from __future__ import annotations

import pickle

import ingot.core as mx
import ingot.optimizers as optim
import numpy as np
import pytest
from ingot import _core
from ingot.optimizers import _muon
from ingot.utils import tree_flatten, tree_map, tree_unflatten
from optimizer_cases import (
    from_numpy,
    leaves,
    same_bits,
    to_numpy,
    tree,
)


class TestMultiOptimizer:
    def make(self):
        return optim.MultiOptimizer(
            [optim.SGD(1.0), optim.SGD(2.0, momentum=0.5)],
            [lambda path, w: path.endswith("weight")],
        )

    def test_each_parameter_has_one_optimizer(self, rng):
        model, optimizer = tree(rng), self.make()
        grads = tree_map(mx.ones_like, model)
        before = tree_map(to_numpy, model)
        optimizer.update(model, grads)
        for path, w in tree_flatten(model):
            old = dict(tree_flatten(before))[path]
            lr = 1.0 if path.endswith("weight") else 2.0
            np.testing.assert_allclose(to_numpy(w), old - lr, atol=1e-6)
        assert isinstance(model["pair"], tuple)

    def test_state_goes_to_a_file_and_back(self, rng, tmp_path):
        model, optimizer, other = tree(rng), self.make(), self.make()
        grads = tree(rng)
        optimizer.update(model, grads)
        path = str(tmp_path / "state.safetensors")
        mx.save_safetensors(path, dict(tree_flatten(optimizer.state)))
        other.state = tree_unflatten(list(mx.load(path).items()))
        assert other.step.item() == 1
        a = optimizer.apply_gradients(grads, model)
        assert same_bits(a, other.apply_gradients(grads, model))

    def test_learning_rate_is_that_of_the_first_and_sets_all(self):
        optimizer = self.make()
        assert optimizer.learning_rate.item() == 1
        optimizer.learning_rate = 3.0
        assert [o.learning_rate.item() for o in optimizer.optimizers] == [3, 3]

    def test_nests_and_pickles(self):
        optimizer = optim.MultiOptimizer([optim.MultiOptimizer([optim.SGD(1.0)])])
        model = {"w": mx.ones(())}
        pickle.loads(pickle.dumps(optimizer)).update(model, {"w": mx.ones(())})
        assert model["w"].item() == 0

    def test_bad_input(self):
        with pytest.raises(ValueError, match="one fewer"):
            optim.MultiOptimizer([optim.SGD(1.0)], [lambda path, w: True])
        with pytest.raises(ValueError, match="one fewer"):
            optim.MultiOptimizer([])
        with pytest.raises(TypeError, match="optimizers"):
            optim.MultiOptimizer([3])
        for state in ({}, {"states": []}, {"states": [{}, {}, {}]}, None):
            with pytest.raises(ValueError, match="state must be"):
                self.make().state = state


class TestMuonAndAdafactor:
    def test_muon_scales_convolutions_as_matrices(self):
        """(16, 3, 3, 2) is a 16 x 18 matrix: wide, so its scale is 1."""
        model, g = {"w": mx.zeros((16, 3, 3, 2))}, mx.random.normal((16, 3, 3, 2))
        flat = {"w": mx.zeros((16, 18))}
        optim.Muon(0.1).update(model, {"w": g})
        optim.Muon(0.1).update(flat, {"w": g.reshape(16, 18)})
        assert same_bits(model["w"].reshape(16, 18), flat["w"])

    def test_muon_brings_singular_values_near_one(self, rng):
        model = {"w": mx.zeros((12, 20))}
        optim.Muon(1.0).update(model, {"w": from_numpy(rng.normal(size=(12, 20)))})
        s = np.linalg.svd(to_numpy(model["w"]), compute_uv=False)
        assert s.min() > 0.5 and s.max() < 1.3

    def test_muon_treats_matrices_of_one_shape_alike(self, rng):
        """Together or alone, also where they are too many for one batch."""
        shapes = [(6, 10), (10, 6), (6, 10), (3, 2, 5), (4,), (6, 10), (6, 2, 5)]
        w = [from_numpy(rng.normal(size=s)) for s in shapes]
        g = [from_numpy(rng.normal(size=s)) for s in shapes]
        alone = []
        for a, b in zip(w, g, strict=True):
            model = {"w": a}
            optim.Muon(0.1).update(model, {"w": b})
            alone.append(model["w"])
        for batch in (_muon.BATCH, 130):
            model = {"w": list(w)}
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(_muon, "BATCH", batch)
                optim.Muon(0.1).update(model, {"w": list(g)})
            for got, want in zip(model["w"], alone, strict=True):
                np.testing.assert_allclose(
                    to_numpy(got), to_numpy(want), rtol=2e-4, atol=2e-5
                )

    def test_muon_keeps_the_digits_of_half_precision_updates(self, rng):
        w, g, v = (from_numpy(rng.normal(size=(5, 7)), mx.bfloat16) for _ in range(3))
        v = v.astype(mx.float32)
        (update,), ((momentum,),) = _core.step("muon", [w], [g], [[v]], [0.9, 0.0, 0])
        assert update.dtype == mx.float32 and same_bits(update, momentum)
        want = 0.9 * to_numpy(v) + 0.1 * to_numpy(g)
        np.testing.assert_allclose(to_numpy(update), want, rtol=1e-6, atol=1e-7)

    def test_muon_updates_take_the_place_of_gradients_only(self, rng):
        n = 300_000
        w, g, v = (from_numpy(rng.normal(size=n)) for _ in range(3))
        kept = to_numpy(w)
        mx.eval(w, g, v)
        before = mx.get_active_memory()
        mx.reset_peak_memory()
        results = _core.step("muon", [w], [g], [[v]], [0.9, 0.0, 0.0])
        del g, v
        mx.eval(results)
        assert mx.get_peak_memory() - before < 4096
        assert np.array_equal(to_numpy(w), kept)

    @pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 3), (2, 0, 4)])
    def test_zero_sizes_pass_through(self, shape):
        for make in (optim.Muon(0.1), optim.Adafactor()):
            model = {"w": mx.zeros(shape)}
            for _ in range(2):
                make.update(model, {"w": mx.zeros(shape)})
            assert model["w"].shape == shape
            for x in leaves(make.state["w"]):
                assert bool(mx.all(mx.isfinite(x)).item())

    def test_adafactor_uses_the_learning_rate_it_is_given(self):
        model = {"w": mx.ones((2, 2))}
        optim.Adafactor(0.5).update(model, {"w": mx.ones((2, 2))})
        np.testing.assert_allclose(to_numpy(model["w"]), 0.5, atol=1e-6)

    def test_adafactor_has_a_learning_rate_without_one(self):
        optimizer = optim.Adafactor()
        assert abs(optimizer.learning_rate.item() - 1e-2) < 1e-8
        assert "learning_rate" not in optimizer.state
        warm = optim.Adafactor(warmup_init=True)
        assert abs(warm.learning_rate.item() - 1e-6) < 1e-12
        with pytest.raises(ValueError, match="relative_step"):
            optimizer.learning_rate = 0.1

    def test_adafactor_approximation_is_a_method(self):
        approximate = optim.Adafactor()._approximate_exp_moving_avg
        row, col = mx.array([1.0, 3.0]), mx.array([4.0, 1.0, 16.0])
        want = 1 / np.sqrt(np.outer([1.0, 3.0], [4.0, 1.0, 16.0]) / 2)
        np.testing.assert_allclose(to_numpy(approximate(row, col)), want, rtol=1e-6)
