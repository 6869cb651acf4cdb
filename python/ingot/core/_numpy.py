"""What NumPy does with arrays of ingot: its functions see their values as its own.

Only an operator beside one of its arrays or scalars gives an array of ingot, as on the
other side: else a part of what is differentiated would become a constant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ingot import _core

__all__ = ["call", "call_ufunc"]

# Methods of the left and of the right operand, by the name of the ufunc.
_OPERATORS = {
    "add": ("__add__", "__radd__"),
    "bitwise_and": ("__and__", "__rand__"),
    "bitwise_or": ("__or__", "__ror__"),
    "bitwise_xor": ("__xor__", "__rxor__"),
    "divide": ("__truediv__", "__rtruediv__"),
    "equal": ("__eq__", "__eq__"),
    "floor_divide": ("__floordiv__", "__rfloordiv__"),
    "greater": ("__gt__", "__lt__"),
    "greater_equal": ("__ge__", "__le__"),
    "left_shift": ("__lshift__", "__rlshift__"),
    "less": ("__lt__", "__gt__"),
    "less_equal": ("__le__", "__ge__"),
    "matmul": ("__matmul__", "__rmatmul__"),
    "multiply": ("__mul__", "__rmul__"),
    "not_equal": ("__ne__", "__ne__"),
    "power": ("__pow__", "__rpow__"),
    "remainder": ("__mod__", "__rmod__"),
    "right_shift": ("__rshift__", "__rrshift__"),
    "subtract": ("__sub__", "__rsub__"),
}


def call(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """What ``array.__array_function__`` gives.

    Without it NumPy would call methods of that name, with arguments of its own.
    """
    return function(*_converted(args), **_converted(kwargs))


def call_ufunc(
    ufunc: Any, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """What ``array.__array_ufunc__`` gives."""
    methods = _OPERATORS.get(ufunc.__name__)
    if methods and method == "__call__" and not kwargs:
        import numpy

        theirs = [isinstance(x, (numpy.ndarray, numpy.generic)) for x in inputs]
        if theirs == [False, True]:
            return getattr(inputs[0], methods[0])(inputs[1])
        if theirs == [True, False]:
            return getattr(inputs[1], methods[1])(inputs[0])
    return getattr(ufunc, method)(*_converted(inputs), **_converted(kwargs))


def _converted(value: Any) -> Any:
    if isinstance(value, _core.array):
        return value.__array__()
    if isinstance(value, dict):
        return {key: _converted(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_converted, value))
    return value
