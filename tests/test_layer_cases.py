"""Every layer: values, derivatives, dtypes, files and copies, over one table."""

from __future__ import annotations

import copy
import inspect
import pickle
from pathlib import Path
from typing import Any

import ingot.core as mx
import numpy as np
import pytest
import reference_nn as reference
from ingot import nn
from ingot.utils import tree_flatten
from layer_cases import CASES, LayerCase, arrays_of, parameters, randomize
from metal_cases import both, needs_metal, no_fallbacks, on_the_cpu
from module_cases import assert_same, values
from nn_cases import EPS, HALF, close, samples
from support import to_core, to_numpy

Rng = np.random.Generator
every_case = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


def test_every_layer_has_a_case() -> None:
    """Of the files that have a layer here; others have tables of their own."""
    cases = {name.split()[0] for name in CASES}
    files = {getattr(nn, name).__module__ for name in cases}
    layers = {
        name
        for name in nn.__all__
        if inspect.isclass(getattr(nn, name)) and getattr(nn, name).__module__ in files
    }
    assert cases == layers


def inputs(case: LayerCase, rng: Rng) -> list[np.ndarray]:
    return [samples(rng, *shape) for shape in case.shapes]


def exact(arrays: list[np.ndarray]) -> list[np.ndarray]:
    return [a.astype(np.float64) for a in arrays]


def gradients(f: Any, x: list[Any]) -> list[Any]:
    """By every argument."""
    return mx.grad(lambda x: f(*x))(x)


@every_case
def test_value(case: LayerCase, rng: Rng) -> None:
    layer = randomize(case.make(), rng)
    given = inputs(case, rng)
    got = layer(*map(to_core, given))
    for part in got if isinstance(got, tuple) else (got,):
        assert part.dtype == mx.float32
    close(arrays_of(got), case.oracle(*exact(given), **parameters(layer)), 1e-5)


@every_case
def test_first_derivatives(case: LayerCase, rng: Rng) -> None:
    """By all inputs and parameters, against differences of the oracle."""
    layer = randomize(case.make(), rng)
    given, names = inputs(case, rng), list(parameters(layer))
    every = [*exact(given), *parameters(layer).values()]
    w = rng.standard_normal(case.oracle(*exact(given), **parameters(layer)).shape)

    def total(*arrays: Any) -> Any:
        flat = list(zip(names, arrays[len(given) :], strict=True))
        layer.load_weights(flat)
        return (arrays_of(layer(*arrays[: len(given)])) * to_core(w)).sum()

    core = [to_core(a.astype(np.float32)) for a in every]
    for i, got in enumerate(gradients(total, core)):

        def oracle(x: np.ndarray, i: int = i) -> float:
            arrays = [*every[:i], x, *every[i + 1 :]]
            named = dict(zip(names, arrays[len(given) :], strict=True))
            return float(np.sum(case.oracle(*arrays[: len(given)], **named) * w))

        close(got, reference.gradient(oracle, every[i], 1e-6), 2e-4)


@every_case
def test_second_derivatives(case: LayerCase, rng: Rng) -> None:
    """By the first input in float64, against differences of the first derivative."""
    layer = randomize(case.make(), rng)
    layer.set_dtype(mx.float64)
    first, *rest = exact(inputs(case, rng))
    given = [to_core(a) for a in rest]
    w = to_core(rng.standard_normal(first.shape))

    def total(x: Any) -> Any:
        return mx.square(arrays_of(layer(x, *given))).sum()

    def along_w(x: Any) -> Any:
        return (mx.grad(total)(x) * w).sum()

    got = mx.grad(along_w)(to_core(first))
    assert got.dtype == mx.float64
    want = reference.gradient(lambda x: along_w(to_core(x)).item(), first)
    close(got, want, 1e-6)


@pytest.mark.parametrize("dtype", HALF, ids=str)
@every_case
def test_half_types(case: LayerCase, dtype: Any, rng: Rng) -> None:
    """The result is in half precision, within an ulp where it is rounded once."""
    layer = randomize(case.make(), rng)
    layer.set_dtype(dtype)
    given = [to_core(a).astype(dtype) for a in inputs(case, rng)]
    got = arrays_of(layer(*given))
    assert got.dtype == dtype
    want = case.oracle(*(to_numpy(a).astype(float) for a in given), **parameters(layer))
    tolerance = 0.51 if case.rounds_once else 16
    close(got, want, tolerance * EPS[dtype])


@every_case
def test_views_give_the_same(case: LayerCase, rng: Rng) -> None:
    """Transposed and strided inputs give the bits of contiguous ones."""
    layer = randomize(case.make(), rng)
    given = [to_core(a) for a in inputs(case, rng)]
    want = to_numpy(arrays_of(layer(*given)))
    axes = [tuple(range(a.ndim))[::-1] for a in given]
    turned = [
        mx.contiguous(a.transpose(x)).transpose(x)
        for a, x in zip(given, axes, strict=True)
    ]
    sparse = [mx.repeat(a, 2, axis=-1)[..., ::2] for a in given]
    for other in (turned, sparse):
        np.testing.assert_allclose(to_numpy(arrays_of(layer(*other))), want, 1e-6, 1e-6)


@pytest.mark.parametrize("suffix", ["safetensors", "npz"])
@every_case
def test_files(case: LayerCase, suffix: str, tmp_path: Path, rng: Rng) -> None:
    layer, other = randomize(case.make(), rng), case.make()
    path = tmp_path / f"layer.{suffix}"
    if not tree_flatten(layer.parameters()):
        return
    layer.save_weights(path)
    other.load_weights(path)
    assert_same(values(other), values(layer))
    given = [to_core(a) for a in inputs(case, rng)]
    np.testing.assert_array_equal(
        to_numpy(arrays_of(other(*given))), to_numpy(arrays_of(layer(*given)))
    )


@every_case
def test_copies(case: LayerCase, rng: Rng) -> None:
    layer = randomize(case.make(), rng)
    given = [to_core(a) for a in inputs(case, rng)]
    want = to_numpy(arrays_of(layer(*given)))
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert repr(twin) == repr(layer)
        np.testing.assert_array_equal(to_numpy(arrays_of(twin(*given))), want)


@needs_metal
@on_the_cpu
@every_case
def test_both_devices(case: LayerCase, rng: Rng) -> None:
    """The GPU computes results and derivatives by itself, and the CPU's."""
    layer = randomize(case.make(), rng)
    given = [to_core(a) for a in inputs(case, rng)]

    def total(*x: Any) -> Any:
        return mx.square(arrays_of(layer(*x))).sum()

    def results() -> Any:
        return [arrays_of(layer(*given)), *gradients(total, given)]

    mx.eval(layer, given)
    with no_fallbacks():
        slow, fast = both(results)
    for got, want in zip(fast, slow, strict=True):
        want = to_numpy(want).astype(np.float64)
        close(got, want, 1e-5 * max(1.0, np.abs(want).max()))
