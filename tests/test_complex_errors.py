"""What complex64 has no meaning for refuses it, and no imaginary part is dropped."""

from __future__ import annotations

import itertools
from typing import Any

import ingot.core as mx
import ingot.nn as nn
import ingot.optimizers as optim
import numpy as np
import op_table
import pytest
from op_case import OpCase
from support import map_arrays, to_core
from test_vmap import flat

UNARY_REFUSED = (
    *("erf", "erfinv", "expm1", "exp2", "sigmoid", "floor", "ceil", "trunc"),
    *("isneginf", "isposinf", "bitwise_invert", "nan_to_num", "softmax"),
    *("max", "min", "argmax", "argmin", "logsumexp", "cummax", "cummin"),
    *("logcumsumexp", "sort", "argsort", "median"),
)
BINARY_REFUSED = (
    *("floor_divide", "remainder", "maximum", "minimum", "logaddexp", "arctan2"),
    *("less", "less_equal", "greater", "greater_equal", "divmod"),
    *("bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift"),
    *("searchsorted", "convolve"),
)
Z = mx.array([1 + 2j, 3 - 1j])


@pytest.mark.parametrize("name", [n for n in UNARY_REFUSED if hasattr(mx, n)])
def test_functions_of_real_numbers_refuse(name: str) -> None:
    with pytest.raises((TypeError, ValueError), match="complex64"):
        mx.eval(getattr(mx, name)(Z))


@pytest.mark.parametrize("name", [n for n in BINARY_REFUSED if hasattr(mx, n)])
@pytest.mark.parametrize("other", [Z, mx.array([1.0, 2.0]), 2], ids=["z", "x", "2"])
def test_functions_of_two_real_numbers_refuse(name: str, other: Any) -> None:
    for args in [(Z, other), (other, Z)]:
        if name in ("searchsorted", "convolve") and isinstance(other, int):
            continue
        with pytest.raises((TypeError, ValueError), match="complex64"):
            mx.eval(getattr(mx, name)(*args))


# Of complex arrays, these are real.
REAL = ("abs", "all", "any", "count_nonzero", "equal", "not_equal", "std", "var")
REAL += ("isfinite", "isinf", "isnan")
REAL += ("linalg.eigvalsh", "linalg.eigvalsh upper")
REAL += ("logical_and", "logical_not", "logical_or", "logical_xor")
# Rows that hand out real and imaginary parts, or take magnitudes first.
PARTS = ("fft.", "linalg.vector_norm")


@pytest.mark.parametrize(
    "case",
    [c for c in op_table.OPS if c.name not in REAL and not c.name.startswith(PARTS)],
    ids=lambda c: c.name,
)
def test_every_op_is_complex_or_refuses(case: OpCase, rng: np.random.Generator) -> None:
    """No op of the table makes real numbers of complex ones in silence."""

    def turned(x: np.ndarray) -> Any:
        z = x + 1j * (np.flip(x) + 0.5) if x.dtype == np.float32 else x
        return to_core(z.astype(np.complex64) if x.dtype == np.float32 else x)

    for sample in itertools.islice(case.samples(rng, "float32"), 4):
        found: list[np.ndarray] = []
        map_arrays(found.append, [*sample.args, *sample.kwargs.values()])
        if not any(x.dtype == np.float32 for x in found):
            continue
        args = [map_arrays(turned, a) for a in sample.args]
        kwargs = {k: map_arrays(turned, v) for k, v in sample.kwargs.items()}
        try:
            results = flat(case(*args, **kwargs))
            mx.eval(results)
        except (TypeError, ValueError) as error:
            assert "complex" in str(error), error
        else:
            assert mx.complex64 in [y.dtype for y in results]


def square() -> Any:
    return mx.array([[1j, 0], [0, 1j]])


OTHERS: dict[str, Any] = {
    "clip": lambda: mx.clip(Z, 0, 1),
    "less": lambda: Z < 1,
    "floor": lambda: Z // 2,
    "topk": lambda: mx.topk(Z, 1),
    "unique": lambda: mx.unique(Z, 2),
    "partition": lambda: mx.partition(Z, 1),
    "scatter max": lambda: Z.at[mx.array([0])].maximum(2j),
    "inv": lambda: mx.linalg.inv(square()),
    "solve": lambda: mx.linalg.solve(mx.eye(2), square()),
    "cholesky": lambda: mx.linalg.cholesky(square()),
    "svd": lambda: mx.linalg.svd(square()),
    "qr": lambda: mx.linalg.qr(square()),
    "det": lambda: mx.linalg.det(square()),
    "conv": lambda: mx.conv1d(Z.reshape(1, 2, 1), mx.ones((1, 1, 1))),
    "layer_norm": lambda: mx.fast.layer_norm(Z, None, None, 1e-5),
    "rms_norm": lambda: mx.fast.rms_norm(mx.ones(2), Z, 1e-5),
    "rope": lambda: mx.fast.rope(
        Z.reshape(1, 1, 2), 2, traditional=False, base=1e4, scale=1, offset=0
    ),
    "uniform": lambda: mx.random.uniform(shape=(2,), dtype=mx.complex64),
    "normal": lambda: mx.random.normal((2,), mx.complex64),
    "normal loc": lambda: mx.random.normal((2,), loc=Z),
    "bernoulli": lambda: mx.random.bernoulli(Z),
    "randint": lambda: mx.random.randint(0, 5, (2,), mx.complex64),
    "categorical": lambda: mx.random.categorical(Z),
    "gelu": lambda: nn.gelu(Z),
    "mse_loss": lambda: nn.losses.mse_loss(Z, mx.ones(2)),
    "BatchNorm": lambda: nn.BatchNorm(2)(mx.stack([Z, Z])),
    "cross_entropy": lambda: nn.losses.cross_entropy(Z, mx.array(0)),
    "take": lambda: mx.take(mx.ones(3), Z),
    "index": lambda: mx.ones(3)[Z],
}


@pytest.mark.parametrize("name", OTHERS)
def test_others_refuse(name: str) -> None:
    with pytest.raises((TypeError, ValueError, IndexError), match=r"complex|real"):
        mx.eval(OTHERS[name]())


def test_nothing_drops_an_imaginary_part() -> None:
    """Complex values do not go into real arrays, however they are written."""
    x = mx.zeros(2)
    with pytest.raises(TypeError, match=r"imaginary part|must be real"):
        x[0] = 1j
    with pytest.raises(TypeError, match="imaginary part"):
        x[mx.array([0])] = Z[:1]
    with pytest.raises(TypeError, match="imaginary part"):
        x.at[0].add(Z[0])
    with pytest.raises(TypeError, match="imaginary part"):
        mx.put_along_axis(x, mx.array([0]), Z[:1], 0)
    with pytest.raises(TypeError, match="imaginary part"):
        mx.pad(x, 1, constant_values=1j)
    with pytest.raises(TypeError, match="imaginary part"):
        mx.vjp(mx.abs, [Z], [Z])
    assert x.tolist() == [0, 0]


@pytest.mark.parametrize(
    "name", [n for n in dir(optim) if isinstance(getattr(optim, n), type)]
)
def test_optimizers_refuse(name: str) -> None:
    kind = getattr(optim, name)
    if not issubclass(kind, optim.Optimizer) or kind is optim.Optimizer:
        pytest.skip("no optimizer")
    try:
        optimizer = kind(learning_rate=0.1)
    except TypeError:
        pytest.skip("takes other arguments")
    for w, g in [(Z, Z), (mx.ones(2), Z)]:
        with pytest.raises((TypeError, ValueError), match=r"floating|real|complex"):
            mx.eval(optimizer.apply_gradients({"w": g}, {"w": w}))


def test_hyperparameters_are_real() -> None:
    for rate in (1j, mx.array(1j)):
        with pytest.raises(TypeError):
            optim.SGD(learning_rate=rate)


def test_clip_grad_norm_refuses() -> None:
    with pytest.raises(TypeError, match="real"):
        optim.clip_grad_norm({"w": Z}, 1.0)
