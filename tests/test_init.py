"""Initializers: distribution, dtype, keys, one kernel each, and refused arguments."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import ingot.core as mx
import numpy as np
import pytest
from ingot import _core, nn
from ingot.nn import init
from reference_nn import glorot_std, he_std, uniform_limit
from support import to_numpy

FLOATS = [mx.float16, mx.bfloat16, mx.float32]
SHAPE = (300, 400)
CONVOLUTION = (64, 3, 5, 32)

# name: (call of the initializer, its standard deviation, its bound or None if normal)
RANDOM: dict[str, tuple[Callable[..., Any], float, float | None]] = {
    "normal": (init.normal(), 1.0, None),
    "normal_scaled": (init.normal(0.0, 0.02), 0.02, None),
    "uniform": (init.uniform(-0.5, 0.5), 1 / math.sqrt(12), 0.5),
    "glorot_normal": (init.glorot_normal(), glorot_std(SHAPE), None),
    "glorot_uniform": (
        init.glorot_uniform(),
        glorot_std(SHAPE),
        uniform_limit(glorot_std(SHAPE)),
    ),
    "he_normal": (init.he_normal(), he_std(SHAPE), None),
    "he_uniform": (init.he_uniform(), he_std(SHAPE), uniform_limit(he_std(SHAPE))),
}


def skew_and_kurtosis(x: np.ndarray) -> tuple[float, float]:
    z = (x - x.mean()) / x.std()
    return float(np.mean(z**3)), float(np.mean(z**4))


@pytest.mark.parametrize("name", RANDOM)
def test_moments_are_those_of_the_distribution(name: str) -> None:
    """Mean, deviation, skewness, kurtosis and bound, within five standard errors."""
    make, std, bound = RANDOM[name]
    x = to_numpy(make(mx.zeros(SHAPE), key=mx.random.key(1))).astype(np.float64)
    n = x.size
    assert x.shape == SHAPE
    assert abs(x.mean()) < 5 * std / math.sqrt(n)
    assert abs(x.std() / std - 1) < 5 / math.sqrt(2 * n)
    skew, kurtosis = skew_and_kurtosis(x)
    assert abs(skew) < 5 * math.sqrt(6 / n)
    assert abs(kurtosis - (3.0 if bound is None else 1.8)) < 5 * math.sqrt(24 / n)
    if bound is not None:
        assert np.abs(x).max() <= bound * (1 + 1e-6)
        assert np.abs(x).max() > 0.999 * bound


@pytest.mark.parametrize("gain", [1.0, math.sqrt(2)])
def test_fans_of_a_convolution(gain: float) -> None:
    """fan_in and fan_out both count the kernel's positions."""
    a = mx.zeros(CONVOLUTION)
    n = math.prod(CONVOLUTION)
    for x, std in (
        (init.glorot_normal()(a, gain), glorot_std(CONVOLUTION, gain)),
        (init.glorot_uniform()(a, gain), glorot_std(CONVOLUTION, gain)),
        (init.he_normal()(a, "fan_in", gain), he_std(CONVOLUTION, "fan_in", gain)),
        (init.he_uniform()(a, "fan_out", gain), he_std(CONVOLUTION, "fan_out", gain)),
    ):
        assert abs(to_numpy(x).std() / std - 1) < 5 / math.sqrt(2 * n)


@pytest.mark.parametrize("name", RANDOM)
def test_one_core_call_from_bits_to_values(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result is what mx.random returned, untouched: no further op, no temporary."""
    calls: list[dict[str, Any]] = []
    results: list[Any] = []

    def recorded(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            calls.append(arguments)
            results.append(function(**arguments))
            return results[-1]

        return call

    monkeypatch.setattr(mx.random, "normal", recorded(mx.random.normal))
    monkeypatch.setattr(mx.random, "uniform", recorded(mx.random.uniform))
    key = mx.random.key(3)
    result = RANDOM[name][0](mx.zeros((4, 5)), key=key)
    assert len(calls) == 1
    assert calls[0]["key"] is key
    assert result is results[0]


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_dtype_is_the_argument_not_the_input(dtype: Any) -> None:
    for make in (
        init.constant(0.5, dtype),
        init.normal(dtype=dtype),
        init.uniform(dtype=dtype),
        init.identity(dtype),
        init.glorot_normal(dtype),
        init.glorot_uniform(dtype),
        init.he_normal(dtype),
        init.he_uniform(dtype),
        init.sparse(0.5, dtype=dtype),
        init.orthogonal(dtype=dtype),
    ):
        result = make(mx.zeros((3, 3), dtype=mx.float16))
        assert result.dtype == dtype
        assert result.shape == (3, 3)


@pytest.mark.parametrize(
    "make",
    [*(case[0] for case in RANDOM.values()), init.sparse(0.5), init.orthogonal()],
    ids=[*RANDOM, "sparse", "orthogonal"],
)
def test_keys_and_the_seed_decide_the_numbers(make: Callable[..., Any]) -> None:
    a = mx.zeros((4, 6))
    first, again, other = (
        to_numpy(make(a, key=mx.random.key(seed))) for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)
    mx.random.seed(9)
    one, two = to_numpy(make(a)), to_numpy(make(a))
    mx.random.seed(9)
    np.testing.assert_array_equal(to_numpy(make(a)), one)
    assert np.any(one != two)


def test_a_key_leaves_the_global_state_alone() -> None:
    mx.random.seed(4)
    expected = to_numpy(mx.random.uniform(shape=(4,)))
    mx.random.seed(4)
    for make in (init.normal(), init.sparse(0.5), init.orthogonal(), init.he_uniform()):
        mx.eval(make(mx.zeros((3, 3)), key=mx.random.key(1)))
    np.testing.assert_array_equal(to_numpy(mx.random.uniform(shape=(4,))), expected)


def test_known_numbers() -> None:
    """The published Threefry vectors that uniform and normal must reproduce."""
    x = to_numpy(init.normal()(mx.zeros((2, 2)), key=mx.random.key(0)))
    expected = [[1.8160871267, -0.7548847795], [0.3398892581, -0.5348353386]]
    np.testing.assert_allclose(x, expected, rtol=2e-6)
    mx.random.seed(0)
    u = to_numpy(init.uniform()(mx.zeros((4,))))
    expected = [0.8724143505, 0.4430209994, 0.2770805359, 0.7865950465]
    np.testing.assert_allclose(u, expected, rtol=2e-7)


def test_constant_and_identity() -> None:
    assert init.constant(3, mx.int32)(mx.zeros((2,))).tolist() == [3, 3]
    assert init.constant(-2.5)(mx.zeros(())).item() == -2.5
    assert init.constant(1.0)(mx.zeros((0, 3))).shape == (0, 3)
    np.testing.assert_array_equal(
        to_numpy(init.identity()(mx.zeros((3, 3)))), np.eye(3)
    )


@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.5, 0.7, 1.0])
def test_sparse_has_the_same_number_of_zeros_in_every_row(sparsity: float) -> None:
    x = to_numpy(init.sparse(sparsity, mean=5.0)(mx.zeros((50, 30))))
    zeros = (x == 0).sum(axis=1)
    assert set(zeros.tolist()) == {math.ceil(round(sparsity * 30, 9))}


def test_sparse_places_are_uniform_and_values_normal() -> None:
    x = to_numpy(init.sparse(0.5, std=0.1)(mx.zeros((4000, 10)))).astype(np.float64)
    share = (x == 0).mean(axis=0)
    assert np.abs(share - 0.5).max() < 5 * 0.5 / math.sqrt(4000)
    values = x[x != 0]
    assert abs(values.std() / 0.1 - 1) < 5 / math.sqrt(2 * values.size)
    assert len({tuple(row == 0) for row in x}) > 200  # of the 252 possible


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7), (1, 4), (4, 1), (1, 1)])
@pytest.mark.parametrize("gain", [1.0, -2.5])
def test_orthogonal(shape: tuple[int, int], gain: float) -> None:
    """The shorter side is orthonormal, times the gain."""
    w = to_numpy(init.orthogonal(gain)(mx.zeros(shape))).astype(np.float64)
    assert w.shape == shape
    product = w @ w.T if shape[0] < shape[1] else w.T @ w
    np.testing.assert_allclose(product, gain**2 * np.eye(min(shape)), atol=1e-5)


def test_orthogonal_is_uniform() -> None:
    """Signs and columns of the QR are not biased: E[w] = 0, E[w^2] = 1 / n."""
    w = np.stack([to_numpy(init.orthogonal()(mx.zeros((3, 3)))) for _ in range(600)])
    assert np.abs(w.mean(axis=0)).max() < 5 * math.sqrt(1 / 3 / 600)
    # w^2 is Beta(1/2, 1), of variance 4 / 45
    assert np.abs((w**2).mean(axis=0) - 1 / 3).max() < 5 * math.sqrt(4 / 45 / 600)


def test_orthogonal_of_nothing() -> None:
    assert init.orthogonal()(mx.zeros((0, 3))).shape == (0, 3)


def test_apply_to_a_model() -> None:
    """The snippets of the documentation, with bounds checked."""
    assert nn.init.uniform()(mx.zeros((2, 2))).shape == (2, 2)
    model = nn.Sequential(nn.Linear(5, 10), nn.ReLU(), nn.Linear(10, 5))
    model.apply(nn.init.uniform(low=-0.1, high=0.1))
    for layer in (model.layers[0], model.layers[2]):
        for name in ("weight", "bias"):
            x = to_numpy(layer[name])
            assert np.abs(x).max() <= 0.1
            assert np.any(x != 0)
    with pytest.raises(ValueError, match="glorot_uniform: a must have at least 2"):
        model.apply(nn.init.glorot_uniform())  # the biases are vectors
    model.apply(
        nn.init.glorot_uniform(), filter_fn=lambda module, key, value: key != "bias"
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: init.normal(std=-1), "normal: std must be finite and at least 0"),
        (lambda: init.normal(mean=math.nan), "normal: mean must be finite"),
        (lambda: init.normal(dtype=mx.int32), "normal: dtype must be floating"),
        (lambda: init.uniform(1, 0), "uniform: high must be at least low = 1"),
        (lambda: init.uniform(high=math.inf), "uniform: high must be finite"),
        (lambda: init.uniform(dtype=mx.bool_), "uniform: dtype must be floating"),
        (lambda: init.he_normal(mx.uint8), "he_normal: dtype must be floating"),
        (lambda: init.sparse(1.5), r"sparse: sparsity must be in \[0, 1\], got 1.5"),
        (lambda: init.sparse(0.5)(mx.zeros((3,))), "sparse: a must be a matrix"),
        (lambda: init.orthogonal(math.inf), "orthogonal: gain must be finite"),
        (lambda: init.orthogonal()(mx.zeros((2, 2, 2))), "orthogonal: a must be a mat"),
        (lambda: init.identity()(mx.zeros((2, 3))), "identity: a must be a square"),
        (lambda: init.glorot_normal()(mx.zeros((2,))), "at least 2 dimensions"),
        (lambda: init.glorot_uniform()(mx.zeros((0, 0))), "must not be 0, got shape"),
        (lambda: init.he_normal()(mx.zeros((2, 0))), "he_normal: fan_in must not be 0"),
        (lambda: init.he_uniform()(mx.zeros((0, 2)), "fan_out"), "fan_out must not be"),
        (
            lambda: init.he_uniform()(mx.zeros((2, 2)), "fan"),
            'mode must be "fan_in" or',
        ),
    ],
)
def test_refused_values(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: init.normal(mean="0"), "normal: mean must be a number, got '0'"),
        (lambda: init.constant(1, "float32"), "constant: dtype must be a dtype"),
        (lambda: init.normal()((2, 2)), "normal: a must be an array, got tuple"),
        (lambda: init.he_normal()([[1.0]]), "he_normal: a must be an array, got list"),
    ],
)
def test_refused_types(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()


ONE_KERNEL = [
    "constant",
    "normal",
    "uniform",
    "identity",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
]


@pytest.mark.parametrize("dtype", [mx.float32, mx.bfloat16], ids=str)
@pytest.mark.parametrize("name", ONE_KERNEL)
def test_elementwise_initializers_take_no_temporary(name, dtype):
    """From random bits to the final value in one pass: one buffer, the result's."""
    like, key = mx.zeros((512, 512)), mx.random.key(3)
    mx.eval(like, key)
    factory = getattr(init, name)
    arguments = {"constant": (0.5,)}.get(name, ())
    fill = factory(*arguments, dtype=dtype)
    keyword = {} if name in ("constant", "identity") else {"key": key}
    before = _core._allocations()
    mx.eval(fill(like, **keyword))
    assert _core._allocations() - before == 1
