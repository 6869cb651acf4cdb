"""The operators of arrays: with arrays, numbers and strangers, and in place."""

from __future__ import annotations

import operator
from typing import Any

import ingot.core as mx
import numpy as np
import pytest
from support import to_core, to_numpy

COMPARISONS = [
    operator.eq,
    operator.ne,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
]
ARITHMETIC = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.floordiv,
    operator.mod,
    operator.pow,
]
BITS = [operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift]


@pytest.mark.parametrize("f", COMPARISONS + ARITHMETIC + BITS, ids=lambda f: f.__name__)
def test_operators(f: Any) -> None:
    """Operators work with arrays and numbers on either side, as NumPy's do."""
    x, y = np.array([1, 5, 3], np.int32), np.array([2, 2, 3], np.int32)
    a, b = to_core(x), to_core(y)
    np.testing.assert_allclose(to_numpy(f(a, b)), f(x, y))
    np.testing.assert_allclose(to_numpy(f(a, 2)), f(x, 2))
    np.testing.assert_allclose(to_numpy(f(2, a)), f(2, x))


def test_unary_operators() -> None:
    a = mx.array([-1, 2])
    assert (-a).tolist() == [1, -2]
    assert abs(a).tolist() == [1, 2]
    assert (~a).tolist() == [0, -3]
    assert (~mx.array([True, False])).tolist() == [False, True]


def test_matmul_operator() -> None:
    a, b = mx.array([[1.0, 2.0]]), mx.array([[3.0], [4.0]])
    assert (a @ b).tolist() == [[11.0]]


@pytest.mark.parametrize(
    "name", ["iadd", "isub", "imul", "itruediv", "ifloordiv", "imod", "ipow"]
)
def test_in_place_operators(name: str) -> None:
    """In-place operators change the array itself, and every name it has."""
    plain = getattr(operator, name[1:])
    a = mx.array([4.0, 9.0])
    other_name = a
    want = plain(np.array([4.0, 9.0]), 2.0)
    result = getattr(operator, name)(a, 2.0)
    assert result is a
    assert other_name is a
    np.testing.assert_allclose(to_numpy(other_name), want)


def test_operators_with_strangers() -> None:
    """Strangers are unequal, and anything else with them is a TypeError."""
    a = mx.array([1, 2])
    for stranger in (None, "a", object(), {}):
        assert (a == stranger) is False
        assert (a != stranger) is True
        for f in (operator.add, operator.lt, operator.mul):
            with pytest.raises((TypeError, ValueError)):
                f(a, stranger)
            with pytest.raises((TypeError, ValueError)):
                f(stranger, a)


def test_reflected_operators_of_others() -> None:
    """A class that knows arrays gets its turn."""

    class Other:
        def __radd__(self, a: Any) -> str:
            return "mine"

    assert mx.array([1]) + Other() == "mine"
