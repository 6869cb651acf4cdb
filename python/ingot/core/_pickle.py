"""What pickles of arrays and dtypes call: a pickle names functions of modules."""

from __future__ import annotations

from ingot import _core

__all__ = ["dtype", "rebuild"]


def dtype(number: int) -> _core.Dtype:
    """The dtype of a number."""
    return _core._dtype(number)


def rebuild(data: bytes, shape: tuple[int, ...], number: int) -> _core.array:
    """An array of a shape and dtype from its bytes."""
    return _core._rebuild_array(data, shape, number)
