"""Bad arguments of views, products and window functions are refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ingot.core as mx
import pytest
from support import raises

ONES = mx.ones((2, 3))
INTS = mx.arange(6)
SPECIFIC: list[tuple[str, Callable[[], Any], Any]] = [
    ("flip", lambda: mx.flip(ONES, 100), ValueError),
    ("flip", lambda: mx.flip(ONES, -100), IndexError),
    ("flip", lambda: mx.flip(ONES, (0, -2)), ValueError),
    ("roll", lambda: mx.roll(ONES, 1, 100), ValueError),
    ("roll", lambda: mx.roll(ONES, 1, -100), IndexError),
    ("roll", lambda: mx.roll(ONES, (1, 2, 3), (0, 1)), ValueError),
    ("roll", lambda: mx.roll(ONES, (1, 2), (0, 1, 1)), ValueError),
    ("roll", lambda: mx.roll(ONES, (), (0, 1)), ValueError),
    ("unstack", lambda: mx.unstack(mx.array(1)), ValueError),
    ("unstack", lambda: mx.unstack(ONES, axis=-100), IndexError),
    ("meshgrid", lambda: mx.meshgrid(INTS, indexing="yx"), ValueError),
    ("matrix_transpose", lambda: mx.matrix_transpose(INTS), ValueError),
    ("diagonal", lambda: mx.diagonal(INTS), ValueError),
    ("diagonal", lambda: mx.diagonal(ONES, 0, 1, -1), ValueError),
    ("diagonal", lambda: mx.diagonal(ONES, 0, 0, 100), IndexError),
    ("diagonal", lambda: mx.trace(ONES, 0, -100, 1), ValueError),
    ("diag", lambda: mx.diag(mx.array(1)), ValueError),
    ("diag", lambda: mx.diag(mx.ones((2, 2, 2))), ValueError),
    ("diag", lambda: mx.diag(INTS, 2**40), MemoryError),
    ("diag", lambda: mx.diag(INTS, -(2**63)), MemoryError),
    ("as_strided", lambda: mx.as_strided(INTS, (2,), (1, 1)), ValueError),
    ("as_strided", lambda: mx.as_strided(INTS, (-2,), (1,)), ValueError),
    ("as_strided", lambda: mx.as_strided(INTS, (2**62, 4), (0, 0)), MemoryError),
    ("as_strided", lambda: mx.as_strided(INTS, None, (7,)), ValueError),
    ("inner", lambda: mx.inner(ONES, mx.ones((2,))), ValueError),
    ("vecdot", lambda: mx.vecdot(ONES, mx.ones((2,))), ValueError),
    ("vecdot", lambda: mx.vecdot(ONES, ONES, axis=100), IndexError),
    ("vecdot", lambda: mx.vecdot(ONES, mx.array(1.0)), ValueError),
    ("vecdot", lambda: mx.vecdot(ONES, mx.ones((5, 3))), ValueError),
    ("tensordot", lambda: mx.tensordot(ONES, ONES, -1), ValueError),
    ("tensordot", lambda: mx.tensordot(ONES, ONES, 3), ValueError),
    ("tensordot", lambda: mx.tensordot(ONES, ONES, 1), ValueError),
    ("tensordot", lambda: mx.tensordot(ONES, ONES, [[0], [0, 1]]), ValueError),
    ("tensordot", lambda: mx.tensordot(ONES, ONES, [[0, 0], [0, 0]]), ValueError),
    ("tensordot", lambda: mx.tensordot(ONES, ONES, [[100], [0]]), IndexError),
    ("tensordot", lambda: mx.tensordot(ONES, ONES, None), TypeError),
    ("hanning", lambda: mx.hanning(2.5), TypeError),
    ("hanning", lambda: mx.hanning(None), TypeError),
    ("hanning", lambda: mx.hanning(float("nan")), TypeError),
]


@pytest.mark.parametrize(
    ("name", "f", "kind"), [pytest.param(*row, id=row[0]) for row in SPECIFIC]
)
def test_bad_call(name: str, f: Callable[[], Any], kind: type[Exception]) -> None:
    """Each wrong call is refused with the op's name in the message."""
    error = raises(f)
    assert isinstance(error, kind), repr(error)
    assert name in str(error)


@pytest.mark.parametrize("bad", [None, "text", object(), {}, {1, 2}])
@pytest.mark.parametrize(
    "name",
    [
        *("flip", "diag", "diagonal", "trace", "unstack", "matrix_transpose"),
        *("as_strided", "positive", "atleast_1d", "meshgrid"),
    ],
)
def test_not_an_array(name: str, bad: object) -> None:
    error = raises(lambda: getattr(mx, name)(bad))
    assert isinstance(error, (TypeError, ValueError)), repr(error)


@pytest.mark.parametrize("bad", [None, "text", object(), {}, {1, 2}])
@pytest.mark.parametrize("name", ["inner", "outer", "kron", "vecdot", "tensordot"])
def test_no_operand(name: str, bad: object) -> None:
    """On either side."""
    f = getattr(mx, name)
    for args in ((ONES, bad), (bad, ONES)):
        error = raises(lambda args=args: f(*args))
        assert isinstance(error, (TypeError, ValueError)), repr(error)


@pytest.mark.parametrize(
    "f",
    [
        lambda: mx.diag(mx.broadcast_to(mx.array(1.0), (2**21,))),
        lambda: mx.outer(*[mx.broadcast_to(mx.array(1.0), (2**21,))] * 2),
        lambda: mx.kron(*[mx.broadcast_to(mx.array(1.0), (2**11, 2**11))] * 2),
        lambda: mx.hanning(2**42),
        lambda: mx.as_strided(mx.array(1.0), (2**40,), (0,)) + 1,
        lambda: mx.einsum("i,j->ij", *[mx.as_strided(1.0, (2**21,), (0,))] * 2),
    ],
)
def test_more_than_memory(f: Callable[[], Any]) -> None:
    """Results larger than memory are a MemoryError; work goes on."""
    error = raises(f)
    assert isinstance(error, MemoryError), repr(error)
    assert mx.trace(ONES).item() == 2.0
