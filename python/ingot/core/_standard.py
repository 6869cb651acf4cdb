"""What the array API standard has that must look at values, and what it asks about.

See https://data-apis.org/array-api/2024.12.
"""

from __future__ import annotations

from typing import NamedTuple

from ingot import _core
from ingot.core._dtypes import isdtype

__all__ = [
    "nonzero",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
]

array = _core.array
Where = _core.Stream | _core.Device | None


class UniqueAll(NamedTuple):
    """What unique_all gives."""

    values: array
    indices: array
    inverse_indices: array
    counts: array


class UniqueCounts(NamedTuple):
    """What unique_counts gives."""

    values: array
    counts: array


class UniqueInverse(NamedTuple):
    """What unique_inverse gives."""

    values: array
    inverse_indices: array


def _count(x: array, stream: Where) -> int:
    """How many unique elements there are; NaN differs from every NaN."""
    if x.size == 0:
        return 0
    ordered = _core.sort(x, None, stream=stream)
    differs = ordered[1:] != ordered[:-1]
    return 1 + int(_core.count_nonzero(differs, stream=stream))


def unique_all(x: array, *, stream: Where = None) -> UniqueAll:
    """The unique elements of an array, which is evaluated, and all about them.

    Args:
        x: array. Elements that are equal are one, so each NaN is one of its own.
        stream: stream or device.

    Returns:
        Named tuple: values in order, indices (uint32) of the first of each in the
        flattened array, inverse_indices (uint32, of the shape of x) of each element
        among the values, and counts (int32).

    Example:
        >>> import ingot.core as mx
        >>> found = mx.unique_all(mx.array([3, 1, 3]))
        >>> found.values, found.inverse_indices
        (array([1, 3], dtype=int32), array([1, 0, 1], dtype=uint32))
    """
    a = _core.asarray(x)
    found = _core.unique(
        a,
        _count(a, stream),
        return_index=True,
        return_inverse=True,
        return_counts=True,
        stream=stream,
    )
    return UniqueAll(*found)


def unique_counts(x: array, *, stream: Where = None) -> UniqueCounts:
    """The unique elements of an array, which is evaluated, and how often each is.

    Args:
        x: array, as in unique_all.
        stream: stream or device.

    Returns:
        Named tuple: values and counts, as in unique_all.

    Example:
        >>> import ingot.core as mx
        >>> mx.unique_counts(mx.array([3, 1, 3])).counts
        array([1, 2], dtype=int32)
    """
    found = unique_all(x, stream=stream)
    return UniqueCounts(found.values, found.counts)


def unique_inverse(x: array, *, stream: Where = None) -> UniqueInverse:
    """The unique elements of an array, which is evaluated, and which each element is.

    Args:
        x: array, as in unique_all.
        stream: stream or device.

    Returns:
        Named tuple: values and inverse_indices, as in unique_all.

    Example:
        >>> import ingot.core as mx
        >>> mx.unique_inverse(mx.array([3, 1, 3])).inverse_indices
        array([1, 0, 1], dtype=uint32)
    """
    found = unique_all(x, stream=stream)
    return UniqueInverse(found.values, found.inverse_indices)


def unique_values(x: array, *, stream: Where = None) -> array:
    """The unique elements of an array, which is evaluated, in order.

    Args:
        x: array, as in unique_all.
        stream: stream or device.

    Example:
        >>> import ingot.core as mx
        >>> mx.unique_values(mx.array([3, 1, 3]))
        array([1, 3], dtype=int32)
    """
    return unique_all(x, stream=stream).values


def nonzero(x: array, *, stream: Where = None) -> tuple[array, ...]:
    """Where the elements of an array, which is evaluated, are not 0.

    Args:
        x: array of 1 dimension at least.
        stream: stream or device.

    Returns:
        For each axis the indices (uint32) along it, in row-major order.

    Raises:
        ValueError: if x has no dimension.

    Example:
        >>> import ingot.core as mx
        >>> mx.nonzero(mx.array([[0, 5], [7, 0]]))
        (array([0, 1], dtype=uint32), array([1, 0], dtype=uint32))
    """
    a = _core.asarray(x)
    if a.ndim == 0:
        raise ValueError("nonzero: x must have at least 1 dimension, got shape ()")
    true = _core.flatten(a != 0, stream=stream)
    count = int(_core.count_nonzero(true, stream=stream))
    # In order, those that are not 0 come first.
    places = _core.argsort(_core.logical_not(true), 0, stream=stream)[:count]
    indices: list[array] = []
    for size in reversed(a.shape):
        indices.append(places % size)
        places = places // size
    return tuple(reversed(indices))


class NamespaceInfo:
    """What the array API standard lets one ask of ingot.core."""

    def capabilities(self) -> dict[str, bool | None]:
        """Whether shapes may depend on values; there is no most dimensions."""
        return {
            "boolean indexing": False,
            "data-dependent shapes": True,
            "max dimensions": None,
        }

    def default_device(self) -> _core.Device:
        """The device that new operations run on."""
        return _core.default_device()

    def devices(self) -> list[_core.Device]:
        """The devices that can be used."""
        return [d for d in (_core.cpu, _core.gpu) if _core.is_available(d)]

    def default_dtypes(
        self, *, device: _core.Device | None = None
    ) -> dict[str, _core.Dtype]:
        """The dtypes of Python numbers and of indices, the same on every device."""
        return {
            "real floating": _core.float32,
            "integral": _core.int32,
            "indexing": _core.uint32,
        }

    def dtypes(
        self,
        *,
        device: _core.Device | None = None,
        kind: str | tuple[str, ...] | None = None,
    ) -> dict[str, _core.Dtype]:
        """The dtypes of the standard, of some kinds (as in isdtype) or all."""
        named = {
            name: getattr(_core, "bool_" if name == "bool" else name)
            for name in (
                *("bool", "int8", "int16", "int32", "int64"),
                *("uint8", "uint16", "uint32", "uint64", "float32", "float64"),
            )
        }
        return {n: d for n, d in named.items() if kind is None or isdtype(d, kind)}


def namespace_info() -> NamespaceInfo:
    """What the array API standard lets one ask of ingot.core."""
    return NamespaceInfo()
