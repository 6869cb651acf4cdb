"""Bad arguments: a Python error of the right type that names the op, never a crash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ingot.core as mx
import numpy as np
import op_table
import op_table_conv
import op_table_quantized
import pytest
from op_case import OpCase
from support import CORE, INTEGERS, NUMPY, SIGNED, raises, to_core

WRONG = (ValueError, TypeError)
WITH_AXIS = [case for case in op_table.OPS if case.axis]
BINARY = [c for c in op_table.OPS if c.elementwise and c.grad_args == (0, 1)]
UNARY = [c for c in op_table.OPS if c.elementwise and c.grad_args == (0,)]


def expect(
    f: Callable[[], Any], kinds: Any, *names: str, every: tuple[type, ...] = ()
) -> None:
    """`f` raises one of `kinds`, and the message holds every one of `names`."""
    error = raises(f)
    assert error is not None, f"nothing raised; expected {kinds} naming {names}"
    assert isinstance(error, kinds), f"{type(error).__name__}: {error}"
    assert all(isinstance(error, k) for k in every), type(error).__mro__
    for name in names:
        assert name in str(error), f"{name!r} is not in {str(error)!r}"


@pytest.mark.parametrize("axis", [100, -100, 2, -3])
@pytest.mark.parametrize("case", WITH_AXIS, ids=lambda c: c.name)
def test_axis_out_of_range(case: OpCase, axis: int) -> None:
    """A bad axis is both ValueError and IndexError, and is named with the op."""
    x = to_core(np.ones((2, 3), NUMPY[case.dtypes[-1]]))
    args = [mx.array([0])] if case.name == "take" else []
    both = (ValueError, IndexError)
    expect(lambda: case(x, *args, axis=axis), both, case.name, str(axis), every=both)


@pytest.mark.parametrize("axis", [(0, 0), (0, -2), [1, 1]])
@pytest.mark.parametrize("name", ["sum", "max", "mean", "all", "logsumexp", "softmax"])
def test_repeated_axis(name: str, axis: Any) -> None:
    expect(lambda: getattr(mx, name)(mx.ones((2, 3)), axis=axis), ValueError, name)


@pytest.mark.parametrize("case", op_table.OPS, ids=lambda c: c.name)
def test_refused_dtypes(case: OpCase) -> None:
    """Dtypes an op is not defined for are refused by name."""
    for dtype in case.refused:
        count = 2 if case.grad_args == (0, 1) else 1
        args = [mx.ones((2, 2), CORE[dtype])] * count
        expect(lambda args=args: case(*args), WRONG, case.name)


@pytest.mark.parametrize("case", UNARY + BINARY, ids=lambda c: c.name)
@pytest.mark.parametrize("bad", [None, "text", object(), {}, {1, 2}])
def test_not_an_array(case: OpCase, bad: object) -> None:
    """What is no array is refused, on either side."""
    good = mx.ones((2,), CORE[case.dtypes[0]])
    if case in UNARY:
        expect(lambda: case(bad), WRONG)
        return
    expect(lambda: case(good, bad), WRONG)
    expect(lambda: case(bad, good), WRONG)


@pytest.mark.parametrize("case", BINARY, ids=lambda c: c.name)
def test_shapes_that_do_not_broadcast(case: OpCase) -> None:
    """The error names the op and both shapes."""
    dtype = CORE[case.dtypes[-1]]
    a, b = mx.ones((3, 2), dtype), mx.ones((4, 2), dtype)
    expect(lambda: case(a, b), ValueError, case.name, "3, 2", "4, 2")


ONES = mx.ones((2, 3))
INTS = mx.arange(6)
Q, K = mx.ones((1, 4, 3, 4)), mx.ones((1, 4, 5, 4))
ATTEND = "scaled_dot_product_attention"


def attend(q: Any, k: Any, v: Any, **options: Any) -> Any:
    options = {"scale": 1.0, **options}
    return mx.fast.scaled_dot_product_attention(q, k, v, **options)


def rope(x: Any, dims: int = 4, **options: Any) -> Any:
    defaults = {"traditional": False, "base": 1e4, "scale": 1.0, "offset": 0}
    return mx.fast.rope(x, dims, **{**defaults, **options})


SPECIFIC: list[tuple[str, Callable[[], Any], Any]] = [
    ("reshape", lambda: mx.reshape(INTS, (4,)), ValueError),
    ("reshape", lambda: mx.reshape(INTS, (-1, -1)), ValueError),
    ("reshape", lambda: mx.reshape(INTS, (-2, -3)), ValueError),
    ("reshape", lambda: mx.reshape(INTS, (0, -1)), ValueError),
    ("reshape", lambda: mx.reshape(INTS, (2**40, 2**40)), ValueError),
    ("transpose", lambda: mx.transpose(ONES, (0, 0)), ValueError),
    ("transpose", lambda: mx.transpose(ONES, (0,)), ValueError),
    ("transpose", lambda: mx.transpose(ONES, (0, 100)), ValueError),
    ("squeeze", lambda: mx.squeeze(ONES, 0), ValueError),
    ("squeeze", lambda: mx.squeeze(ONES, -100), ValueError),
    ("expand_dims", lambda: mx.expand_dims(ONES, 100), ValueError),
    ("expand_dims", lambda: mx.expand_dims(ONES, (0, 0)), ValueError),
    ("broadcast_to", lambda: mx.broadcast_to(ONES, (2, 4)), ValueError),
    ("broadcast_to", lambda: mx.broadcast_to(ONES, (3,)), ValueError),
    ("broadcast_to", lambda: mx.broadcast_to(ONES, (-1, 3)), ValueError),
    ("concatenate", lambda: mx.concatenate([]), ValueError),
    ("concatenate", lambda: mx.concatenate([ONES, INTS]), ValueError),
    ("concatenate", lambda: mx.concatenate([ONES, ONES], axis=100), ValueError),
    ("concatenate", lambda: mx.concatenate([ONES, mx.ones((2, 4))]), ValueError),
    ("stack", lambda: mx.stack([]), ValueError),
    ("stack", lambda: mx.stack([ONES, INTS]), ValueError),
    ("stack", lambda: mx.stack([ONES, ONES], axis=-100), ValueError),
    ("split", lambda: mx.split(INTS, 4), ValueError),
    ("split", lambda: mx.split(INTS, 0), ValueError),
    ("split", lambda: mx.split(INTS, -1), ValueError),
    ("split", lambda: mx.split(INTS, 2, axis=100), ValueError),
    ("repeat", lambda: mx.repeat(INTS, -1), ValueError),
    ("repeat", lambda: mx.repeat(INTS, 2, axis=100), ValueError),
    ("tile", lambda: mx.tile(INTS, -1), ValueError),
    ("pad", lambda: mx.pad(INTS, -1), ValueError),
    ("pad", lambda: mx.pad(ONES, [(1, 1), (1, 1), (1, 1)]), ValueError),
    ("pad", lambda: mx.pad(INTS, 1, mode="other"), ValueError),
    ("pad", lambda: mx.pad(INTS, "wide"), TypeError),
    ("moveaxis", lambda: mx.moveaxis(ONES, 0, 100), ValueError),
    ("moveaxis", lambda: mx.moveaxis(ONES, -100, 0), ValueError),
    ("swapaxes", lambda: mx.swapaxes(ONES, 0, 100), ValueError),
    ("flatten", lambda: mx.flatten(ONES, 100), ValueError),
    ("flatten", lambda: mx.flatten(ONES, 1, 0), ValueError),
    ("unflatten", lambda: mx.unflatten(ONES, 100, (1, 2)), ValueError),
    ("unflatten", lambda: mx.unflatten(ONES, 1, (2, 2)), ValueError),
    ("matmul", lambda: mx.matmul(ONES, ONES), ValueError),
    ("matmul", lambda: mx.matmul(mx.array(1.0), ONES), ValueError),
    ("matmul", lambda: mx.matmul(mx.ones((2, 3, 4)), mx.ones((3, 4, 5))), ValueError),
    ("addmm", lambda: mx.addmm(ONES, ONES, ONES), ValueError),
    ("addmm", lambda: mx.addmm(mx.ones((7,)), ONES, mx.ones((3, 2))), ValueError),
    *op_table_conv.REFUSED,
    *op_table_quantized.REFUSED,
    ("max", lambda: mx.max(mx.zeros((0,))), ValueError),
    ("min", lambda: mx.min(mx.zeros((2, 0)), axis=1), ValueError),
    ("argmax", lambda: mx.argmax(mx.zeros((0,))), ValueError),
    ("argmin", lambda: mx.argmin(mx.zeros((2, 0)), axis=1), ValueError),
    ("cumsum", lambda: mx.cumsum(mx.array(1.0), axis=0), ValueError),
    ("cumsum", lambda: mx.cumsum(ONES, axis=(0, 1)), TypeError),
    ("cumsum", lambda: mx.cumsum(ONES, 0, True), TypeError),
    ("cumsum", lambda: mx.cumsum(ONES, dtype="float32"), TypeError),
    ("cummax", lambda: mx.cummax(ONES, dtype=mx.float32), TypeError),
    ("diff", lambda: mx.diff(INTS, -1), ValueError),
    ("diff", lambda: mx.diff(INTS, None), TypeError),
    ("diff", lambda: mx.diff(mx.array(1.0)), ValueError),
    ("partition", lambda: mx.partition(INTS, 6), ValueError),
    ("partition", lambda: mx.partition(INTS, -7), ValueError),
    ("partition", lambda: mx.partition(INTS, 2**62), ValueError),
    ("partition", lambda: mx.partition(INTS, 0.5), TypeError),
    ("partition", lambda: mx.partition(ONES, 0, axis=100), ValueError),
    ("partition", lambda: mx.partition(mx.zeros((0,)), 0), ValueError),
    ("argpartition", lambda: mx.argpartition(ONES, 3), ValueError),
    ("argpartition", lambda: mx.argpartition(ONES, 0, axis=-100), ValueError),
    ("topk", lambda: mx.topk(INTS, 7), ValueError),
    ("topk", lambda: mx.topk(INTS, -1), ValueError),
    ("topk", lambda: mx.topk(ONES, 1, axis=100), ValueError),
    ("topk", lambda: mx.topk(mx.array(1.0), 1), ValueError),
    ("median", lambda: mx.median(mx.zeros((2, 0)), axis=1), ValueError),
    ("median", lambda: mx.median(ONES, axis=(0, 0)), ValueError),
    ("minmax", lambda: mx.minmax(ONES, axis=(1, 1)), ValueError),
    ("count_nonzero", lambda: mx.count_nonzero(ONES, axis=100), ValueError),
    ("searchsorted", lambda: mx.searchsorted(ONES, ONES), ValueError),
    ("searchsorted", lambda: mx.searchsorted(mx.array(1), INTS), ValueError),
    ("searchsorted", lambda: mx.searchsorted(INTS, INTS, side="both"), ValueError),
    ("searchsorted", lambda: mx.searchsorted(INTS, INTS, side=None), TypeError),
    ("unique", lambda: mx.unique(INTS, -1), ValueError),
    ("unique", lambda: mx.unique(INTS, 2**32), ValueError),
    ("unique", lambda: mx.unique(INTS, 2**63 - 1), ValueError),
    ("unique", lambda: mx.unique(INTS, None), TypeError),
    ("unique", lambda: mx.unique(INTS), TypeError),
    ("unique", lambda: mx.unique(INTS, 3, fill_value=ONES), ValueError),
    ("unique", lambda: mx.unique(mx.zeros((0,)), 3), ValueError),
    ("layer_norm", lambda: mx.fast.layer_norm(1.0, None, None, 1e-5), ValueError),
    ("layer_norm", lambda: mx.fast.layer_norm(ONES, INTS, None, 1e-5), ValueError),
    ("layer_norm", lambda: mx.fast.layer_norm(ONES, None, ONES, 1e-5), ValueError),
    ("layer_norm", lambda: mx.fast.layer_norm(ONES, None, None, -1.0), ValueError),
    ("layer_norm", lambda: mx.fast.layer_norm(ONES, None, None, None), TypeError),
    ("rms_norm", lambda: mx.fast.rms_norm(mx.array(1.0), None, 1e-5), ValueError),
    ("rms_norm", lambda: mx.fast.rms_norm(ONES, mx.ones((1,)), 1e-5), ValueError),
    ("rms_norm", lambda: mx.fast.rms_norm(ONES, mx.array(1.0), 1e-5), ValueError),
    ("rms_norm", lambda: mx.fast.rms_norm(ONES, None, float("nan")), ValueError),
    ("rms_norm", lambda: mx.fast.rms_norm(ONES, None, float("inf")), ValueError),
    (ATTEND, lambda: attend(ONES, ONES, ONES), ValueError),
    (ATTEND, lambda: attend(Q, K, Q), ValueError),
    (ATTEND, lambda: attend(Q, K[:, :2], K), ValueError),
    (ATTEND, lambda: attend(Q, K[..., :3], K), ValueError),
    (ATTEND, lambda: attend(Q, Q[:, :0], Q[:, :0]), ValueError),
    (ATTEND, lambda: attend(Q[:, :3], K[:, :2], K[:, :2]), ValueError),
    (ATTEND, lambda: attend(Q, K, K.astype(mx.int32)[:, :, :1]), ValueError),
    (ATTEND, lambda: attend(*[mx.zeros((1, 1, 1, 1), mx.int32)] * 3), ValueError),
    (ATTEND, lambda: attend(Q, K, K, scale=float("nan")), ValueError),
    (ATTEND, lambda: attend(Q, K, K, mask="other"), ValueError),
    (ATTEND, lambda: attend(Q, K, K, mask=mx.ones((3, 4))), ValueError),
    (ATTEND, lambda: attend(Q, K, K, mask=mx.ones((2, 1, 1, 1, 1))), ValueError),
    (ATTEND, lambda: attend(Q, K, K, mask=mx.ones((2, 1, 3, 5))), ValueError),
    (ATTEND, lambda: attend(Q, K, K, mask=mx.zeros((5,), mx.float64)), ValueError),
    (ATTEND, lambda: attend(Q, K, K, sinks=mx.zeros((3,))), ValueError),
    (ATTEND, lambda: attend(Q, K, K, sinks=mx.zeros((4,), mx.float64)), ValueError),
    ("rope", lambda: rope(ONES), ValueError),
    ("rope", lambda: rope(Q, dims=3), ValueError),
    ("rope", lambda: rope(Q, dims=0), ValueError),
    ("rope", lambda: rope(Q, dims=-2), ValueError),
    ("rope", lambda: rope(Q, dims=10), ValueError),
    ("rope", lambda: rope(Q, base=None), ValueError),
    ("rope", lambda: rope(Q, base=0.0), ValueError),
    ("rope", lambda: rope(Q, base=float("inf")), ValueError),
    ("rope", lambda: rope(Q, scale=float("nan")), ValueError),
    ("rope", lambda: rope(Q, offset=0.5), ValueError),
    ("rope", lambda: rope(Q, offset=mx.array([1, 2, 3])), ValueError),
    ("rope", lambda: rope(Q, freqs=mx.ones((2,))), ValueError),
    ("rope", lambda: rope(Q, base=None, freqs=mx.ones((3,))), ValueError),
    ("rope", lambda: rope(Q.astype(mx.int32)), ValueError),
    ("cross_entropy", lambda: mx.fast.cross_entropy(1.0, 0), ValueError),
    ("cross_entropy", lambda: mx.fast.cross_entropy(ONES, INTS), ValueError),
    ("cross_entropy", lambda: mx.fast.cross_entropy(ONES, ONES[:, 0]), TypeError),
    ("zeros", lambda: mx.zeros((2, -1)), ValueError),
    ("zeros", lambda: mx.zeros(2.5), (TypeError, ValueError)),
    ("zeros", lambda: mx.zeros((2.5,)), (TypeError, ValueError)),
    ("ones", lambda: mx.ones(-1), ValueError),
    ("full", lambda: mx.full((2, 3), mx.ones((4,))), ValueError),
    ("full", lambda: mx.full((-1,), 0), ValueError),
    ("eye", lambda: mx.eye(-1), ValueError),
    ("identity", lambda: mx.identity(-1), ValueError),
    ("tri", lambda: mx.tri(-1), ValueError),
    ("tril", lambda: mx.tril(INTS), ValueError),
    ("triu", lambda: mx.triu(mx.array(1.0)), ValueError),
    ("arange", lambda: mx.arange(0, 5, 0), ValueError),
    ("arange", lambda: mx.arange(0, float("nan")), ValueError),
    ("arange", lambda: mx.arange(0, float("inf")), (ValueError, MemoryError)),
    ("linspace", lambda: mx.linspace(0, 1, -1), ValueError),
    ("randint", lambda: mx.random.randint(0, 5, (-3,)), ValueError),
    ("randint", lambda: mx.random.randint(0, 5, dtype=mx.float32), ValueError),
    ("gumbel", lambda: mx.random.gumbel((2,), dtype=mx.int32), ValueError),
    ("gumbel", lambda: mx.random.gumbel((-2,)), ValueError),
    ("laplace", lambda: mx.random.laplace((-2,)), ValueError),
    ("bernoulli", lambda: mx.random.bernoulli(0.5, (-2,)), ValueError),
    ("categorical", lambda: mx.random.categorical(ONES, shape=(-2, 2)), ValueError),
    ("clip", lambda: mx.clip(ONES, None, None), ValueError),
    ("where", lambda: mx.where(ONES, mx.ones((4,)), ONES), ValueError),
    ("take", lambda: mx.take(INTS, mx.array([0.5])), (ValueError, TypeError)),
    ("take", lambda: mx.take(INTS, mx.array([6])), IndexError),
    ("take", lambda: mx.take(INTS, -7), IndexError),
    (
        "take_along_axis",
        lambda: mx.take_along_axis(ONES, mx.array([0]), axis=-100),
        ValueError,
    ),
    (
        "take_along_axis",
        lambda: mx.take_along_axis(ONES, mx.array([0]), axis=1),
        ValueError,
    ),
    (
        "take_along_axis",
        lambda: mx.take_along_axis(ONES, mx.array([[5], [0]]), axis=1),
        IndexError,
    ),
    (
        "put_along_axis",
        lambda: mx.put_along_axis(ONES, mx.array([[5], [0]]), mx.array(1.0), axis=1),
        IndexError,
    ),
    (
        "slice_update",
        lambda: mx.slice_update(ONES, mx.ones((3, 3)), mx.array([0, 0]), (0, 1)),
        ValueError,
    ),
    (
        "slice_update",
        lambda: mx.slice_update(ONES, mx.ones((1, 1)), mx.array([0]), (0, 1)),
        ValueError,
    ),
    ("view", lambda: mx.view(mx.ones((3,), mx.int8), mx.int32), ValueError),
    ("astype", lambda: ONES.astype("float32"), TypeError),
    ("item", lambda: ONES.item(), ValueError),
]


@pytest.mark.parametrize(
    ("name", "f", "kinds"), [pytest.param(*row, id=row[0]) for row in SPECIFIC]
)
def test_bad_call(name: str, f: Callable[[], Any], kinds: Any) -> None:
    """Each wrong call is refused with the op's name in the message."""
    expect(f, kinds, name)


HUGE = [
    lambda: mx.zeros((2**40,)),
    lambda: mx.ones((2**17, 2**17, 2**6)),
    lambda: mx.broadcast_to(mx.array(1.0), (2**40,)) + 1,
    lambda: mx.arange(2**42),
    lambda: mx.repeat(mx.ones((2**20,)), 2**20) + mx.array(1.0),
    lambda: mx.random.uniform(shape=(2**41,)),
    lambda: mx.eye(2**21),
    lambda: mx.matmul(
        mx.broadcast_to(mx.array(1.0), (2**21, 1)),
        mx.broadcast_to(mx.array(1.0), (1, 2**21)),
    ),
]


@pytest.mark.parametrize("f", HUGE)
def test_more_than_memory(f: Callable[[], Any]) -> None:
    """An array larger than memory is a MemoryError with its bytes; work goes on."""
    error = raises(f)
    assert isinstance(error, MemoryError), repr(error)
    assert any(c.isdigit() for c in str(error))
    assert mx.sum(mx.ones((3,))).item() == 3.0


@pytest.mark.parametrize("shape", [(2**62, 4), (2**32, 2**32), (2**63,), (2**70,)])
def test_sizes_beyond_64_bits(shape: tuple[int, ...]) -> None:
    """A shape whose bytes overflow is refused, not wrapped to a small one."""
    error = raises(lambda: mx.zeros(shape))
    kinds = (ValueError, MemoryError, OverflowError, TypeError)
    assert isinstance(error, kinds), repr(error)


def test_list_that_contains_itself() -> None:
    """The recursion is noticed."""
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="array"):
        mx.array(loop)
    deep: list[Any] = [1]
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueError, match="array"):
        mx.array(deep)
    while deep and isinstance(deep[0], list):
        deep = deep[0]  # unnest, so that dropping it does not recurse either


@pytest.mark.parametrize("dtype", SIGNED)
def test_integer_division_never_traps(dtype: str) -> None:
    """min // -1 wraps to min and min % -1 is 0, for scalars and vectors alike."""
    low = int(np.iinfo(NUMPY[dtype]).min)
    for n in (1, 3, 16, 67):
        x = mx.full((n,), low, CORE[dtype])
        minus = mx.full((n,), -1, CORE[dtype])
        assert set((x // minus).tolist()) == {low}
        assert set((x % minus).tolist()) == {0}
        assert set((x // -1).tolist()) == {low}


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integer_division_by_zero(dtype: str) -> None:
    """x // 0 and x % 0 are 0."""
    x = to_core(np.arange(1, 20).astype(NUMPY[dtype]))
    zero = mx.zeros((19,), CORE[dtype])
    assert set((x // zero).tolist()) == {0}
    assert set((x % zero).tolist()) == {0}
    assert set((x // 0).tolist()) == {0}


def test_an_error_leaves_the_arguments() -> None:
    """Whatever was refused, the arrays are what they were and can be used."""
    x = mx.array([1.0, 2.0, 3.0])
    for f in (
        lambda: x + mx.ones((2,)),
        lambda: mx.take(x, mx.array([9])),
        lambda: mx.reshape(x, (2,)),
    ):
        assert raises(f) is not None
    assert x.tolist() == [1.0, 2.0, 3.0]


def test_a_failed_eval_can_be_repeated() -> None:
    """An index error comes again on every eval of what depends on it, only there."""
    x = mx.arange(4)
    bad = mx.take(x, mx.array([9])) + 1
    good = x * 2
    for _ in range(3):
        with pytest.raises(IndexError):
            mx.eval(bad)
    assert good.tolist() == [0, 2, 4, 6]


def test_gpu_is_refused_where_there_is_none() -> None:
    """Without Metal, the device gpu is an error that says so."""
    if mx.is_available(mx.gpu):
        pytest.skip("this machine has a gpu")
    error = raises(lambda: mx.add(mx.array(1.0), 1.0, stream=mx.gpu))
    assert isinstance(error, (ValueError, RuntimeError))
    assert "gpu" in str(error)
