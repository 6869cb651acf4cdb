"""What the processes of an MPI job do with one another's arrays, in host memory.

Elements travel as bytes, and each rank combines its share of them by operations of
arrays: every dtype works, and all ranks get the same bits, whatever the MPI.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ingot import _core

__all__ = [
    "Entry",
    "agree",
    "combine",
    "combined_share",
    "from_host",
    "gather",
    "raw_bytes",
    "room",
    "to_host",
]

array = _core.array
Dtype = _core.Dtype
Reduction = Callable[..., array]
# A name, the shape and the dtype of an array.
Entry = tuple[str, tuple[int, ...], Dtype]


def agree(comm: Any, caller: str, entries: list[Entry]) -> None:
    """Refuse, on all ranks alike, what is not the same on all of them."""
    import hashlib

    mine = hashlib.sha256(repr((caller, entries)).encode()).digest()
    digests = bytearray(len(mine) * comm.Get_size())
    comm.Allgather(mine, digests)
    if digests == mine * comm.Get_size():
        return
    calls = comm.allgather((caller, entries))
    for rank, call in enumerate(calls):
        if call != calls[0]:
            raise ValueError(_difference(calls[0], rank, call))


def _difference(
    first: tuple[str, list[Entry]], rank: int, other: tuple[str, list[Entry]]
) -> str:
    """The first thing in which the call of a rank is not that of rank 0."""
    if first[0] != other[0]:
        return (
            "distributed: all ranks must make the same calls in the same order, "
            f"got {first[0]} on rank 0 and {other[0]} on rank {rank}"
        )
    mine, theirs = dict.fromkeys(first[1]), dict.fromkeys(other[1])
    a = next((e for e in mine if e not in theirs), None)
    b = next((e for e in theirs if e not in mine), None)
    if a is None and b is None:  # the same ones, in another order
        a, b = next(pair for pair in zip(*(c[1] for c in (first, other)), strict=False))
    return (
        f"{first[0]}: arrays must have the same names, shapes and dtypes on all "
        f"ranks, got {_shown(a)} on rank 0 and {_shown(b)} on rank {rank}"
    )


def _shown(entry: Entry | None) -> str:
    if entry is None:
        return "no such array"
    name, shape, dtype = entry
    return f"{name!r} of shape {shape} and {dtype}"


def to_host(x: array) -> Any:
    """The values of an array, to read, as unsigned integers of the same size."""
    import numpy as np

    return np.asarray(x).view(f"u{x.itemsize}")


def from_host(host: Any, dtype: Dtype) -> array:
    """An array in this memory, which nobody writes any more."""
    return _core.view(_core.from_dlpack(host), dtype)


def room(comm: Any, count: int, itemsize: int) -> Any:
    """Memory for `count` elements, as (ranks, elements of a rank's share)."""
    import numpy as np

    ranks = comm.Get_size()
    made = np.empty((ranks, -(-count // ranks)), f"u{itemsize}")
    made.reshape(-1)[count:] = 0
    return made


def raw_bytes(host: Any) -> Any:
    """Contiguous memory as MPI is told of it."""
    from mpi4py import MPI

    return [host.reshape(-1).view("u1"), MPI.BYTE]


def combined_share(comm: Any, shares: Any, dtype: Dtype, reduction: Reduction) -> array:
    """What a reduction makes of all ranks' elements in the share of this one."""
    import numpy as np

    parts = np.empty_like(shares)
    comm.Alltoall(raw_bytes(shares), raw_bytes(parts))
    return reduction(from_host(parts, dtype), axis=0).astype(dtype)


def combine(comm: Any, shares: Any, dtype: Dtype, reduction: Reduction) -> None:
    """Put what a reduction makes of all ranks' elements in place of one's own."""
    from mpi4py import MPI

    shares[comm.Get_rank()] = to_host(combined_share(comm, shares, dtype, reduction))
    comm.Allgather(MPI.IN_PLACE, raw_bytes(shares))


def gather(comm: Any, x: array) -> array:
    """The arrays of all ranks, one after the other, along a new first axis."""
    import numpy as np

    mine = np.ascontiguousarray(to_host(x))
    host = np.empty((comm.Get_size(), *x.shape), mine.dtype)
    comm.Allgather(raw_bytes(mine), raw_bytes(host))
    return from_host(host, x.dtype)
