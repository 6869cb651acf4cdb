"""The whole op table against MLX, where it is installed: values, dtypes and shapes.

The oracles decide what is right; this test shows where a script moved over from MLX
would see something else. The known differences are listed with their reasons.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import ingot.core as mx
import numpy as np
import op_table
import pytest
from op_case import OpCase
from support import (
    FLOATS,
    HALF,
    INTEGERS,
    dtype_name,
    eps,
    is_float,
    map_arrays,
    to_core,
    to_numpy,
)

# (op, dtypes) where MLX differs on purpose or by fault; None is every dtype.
DIFFERENT: dict[str, tuple[tuple[str, ...] | None, str]] = {
    # and there the smallest integer // -1 kills the process
    "floor_divide": (None, "floats are divided, rounded, and then floored there"),
    "remainder": (("bool", *INTEGERS), "x % 0 is x there"),
    "divmod": (INTEGERS, "built on the two above"),
    "sign": (FLOATS, "sign(NaN) is 0 there"),
    "logsumexp": (("bool", *INTEGERS), "integers are not converted there"),
    "cross_entropy": (("float64", *HALF), "float32 there, halves in half precision"),
    "scaled_dot_product_attention": (None, "who sees no key gets a mean there"),
    "full": (("bool",), "the dtype bool is taken for none there"),
    "cummax": (HALF, "NaN is partly skipped there"),
    "cummin": (HALF, "NaN is partly skipped there"),
    "cumulative_sum": (None, "another name of cumsum there"),
    "cumulative_prod": (None, "another name of cumprod there"),
    **{f"linalg.matrix_power {n}": (None, "not there") for n in (3, -2, 0)},
    "linalg.svdvals": (None, "not there"),
    **{f"linalg.vector_norm{n}": (None, "not there") for n in ("", " 3", " 1")},
    "gather_mm": (None, "float32 alone there, and no negative indices"),
    "block_masked_mm": (("float64", *HALF), "float32 alone there"),
    "segmented_mm": (("float64", *HALF), "noise there"),
    "hadamard_transform": (("bool", *INTEGERS), "their own dtypes there"),
    "partition": (None, "the order within the parts is open"),
    "argpartition": (None, "the order within the parts is open"),
    "topk": (None, "in any order there"),
    "quantize": (("float64",), "refused there"),
    "dequantize": (("float64",), "refused there"),
    "quantized_matmul": (("float64",), "refused there"),
    "gather_qmm": (("float64",), "refused there"),
    "qqmm": (None, "not on the CPU there"),
    "to_fp8": (("float64",), "its bytes are taken for float32's there"),
    "left_shift": (("bool",), "another dtype there"),
    "right_shift": (("bool",), "another dtype there"),
}
NARROW = ("bool", "int8", "uint8", "int16", "uint16")


def known(case: OpCase, dtype: str) -> str | None:
    dtypes, reason = DIFFERENT.get(case.name, ((), ""))
    return reason if dtypes is None or dtype in dtypes else None


def close(got: np.ndarray, want: np.ndarray, dtype: str) -> np.ndarray:
    """Equal integers; floats to 64 eps, float64 to float32's, which MLX computes in."""
    if not is_float(dtype):
        return np.asarray(got == want)
    a, b = got.astype(np.float64), want.astype(np.float64)
    unit = eps("float32" if dtype == "float64" else dtype)
    size = np.max(np.abs(b), initial=1.0, where=np.isfinite(b))
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    if dtype == "float64":
        same |= np.isinf(b) & (np.abs(a) > np.finfo(np.float32).max)
    return same | (np.abs(a - b) <= 64 * unit * size)


def peer(mlx: Any, case: OpCase) -> Callable[..., Any] | None:
    if case.name == "getitem":
        return case.call
    if isinstance(case.call, partial):  # of a function of the module
        call = case.call
        return partial(call.func, mlx, *call.args[1:], **call.keywords)
    return getattr(mlx, case.name, None) or getattr(mlx.fast, case.name, None)


@pytest.mark.parametrize("case", op_table.OPS, ids=lambda c: c.name)
def test_parity(case: OpCase, mlx: Any, rng: np.random.Generator) -> None:
    """Same values to the peer's precision, same dtype, same shape, on every sample."""
    theirs = peer(mlx, case)
    if theirs is None:
        pytest.skip(f"mlx has no {case.name}")

    def to_peer(x: np.ndarray) -> Any:
        return mlx.array(x, dtype=mlx_dtype(x.dtype.name))

    def mlx_dtype(name: str) -> Any:
        return getattr(mlx, "bool_" if name == "bool" else name)

    for dtype in case.dtypes:
        if known(case, dtype):
            continue
        for number, sample in enumerate(case.samples(rng, dtype)):
            if any(0 in x.shape for x in sample.args if isinstance(x, np.ndarray)):
                continue  # reductions of nothing sometimes never return there
            kwargs = dict(sample.kwargs)
            if "dtype" in kwargs:
                kwargs["dtype"] = mlx_dtype(kwargs["dtype"])
            try:
                want = theirs(*[map_arrays(to_peer, a) for a in sample.args], **kwargs)
                mlx.eval(want)
            except ValueError:
                continue  # refused there, allowed here: no script depends on it
            ours = [map_arrays(to_core, a) for a in sample.args]
            got = case(*ours, **sample.kwargs)
            several = isinstance(want, (list, tuple))
            wants, gots = (list(want), list(got)) if several else ([want], [got])
            label = f"{case.name} {dtype} sample {number} {sample.kwargs}"
            for g, w in zip(gots, wants, strict=True):
                compare(g, w, label, mlx)


def compare(got: Any, want: Any, label: str, mlx: Any) -> None:
    name = str(want.dtype).rsplit(".", 1)[-1]
    if not (want.ndim == 0 and name in NARROW):  # there, 0-d sums are not widened
        assert dtype_name(got) == name, label
    assert tuple(got.shape) == tuple(want.shape), label
    wide = want.astype(mlx.float32) if name in HALF else want
    theirs, ours = np.array(wide), to_numpy(got)
    ok = close(ours, theirs, name)
    assert np.all(ok), f"{label}: {ours[~ok][:3]} is not {theirs[~ok][:3]}"


@pytest.mark.parametrize("dtype", ["float32", *HALF])
@pytest.mark.parametrize(
    "how",
    [
        *({"bits": bits, "group_size": 32} for bits in (1, 2, 3, 4, 5, 6, 8)),
        *({"mode": mode} for mode in ("affine", "mxfp4", "mxfp8", "nvfp4")),
    ],
    ids=str,
)
def test_quantized_words(
    how: dict[str, Any], dtype: str, mlx: Any, rng: np.random.Generator
) -> None:
    """Words, scales and biases, bit for bit.

    There scales of float16 are computed in float16, where small ones have few bits.
    """
    low = 0 if dtype == "float16" else -3
    w = rng.normal(size=(64, 128)) * 10.0 ** rng.integers(low, 3, (64, 1))
    ours = mx.quantize(mx.array(w.astype(np.float32)).astype(getattr(mx, dtype)), **how)
    theirs = mlx.quantize(
        mlx.array(w.astype(np.float32)).astype(getattr(mlx, dtype)), **how
    )
    for a, b in zip(ours, theirs, strict=True):
        wide = b.astype(mlx.float32) if b.dtype == mlx.bfloat16 else b
        np.testing.assert_array_equal(
            to_numpy(a).astype(np.float64), np.array(wide).astype(np.float64)
        )
