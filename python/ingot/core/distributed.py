"""Communication between the processes of a job, by MPI.

    pip install "ingot[mpi]"
    mpiexec -n 4 python train.py

`mpiexec` starts a script several times; `init` tells each process which one of them it
is, its rank. A process that was started alone is a group of one, for which everything
here gives back its input; mpi4py is not needed then.

Functions evaluate their arrays and communicate when they are called, and all ranks have
to make the same calls in the same order: other shapes or another function on one of
them is a ValueError on all. They can't be part of what `compile` records. Sums are
those of `ingot.core.sum`, in the order of the ranks: the same bits on all.

Where all ranks compute one loss of what `all_sum` or `all_gather` gives, each has its
gradient by its own array: the cotangent itself, or this rank's part of it. That of
`sum_scatter` is what all ranks have by their parts. The others have no derivative.

When an exception ends one process, that prints its traceback and ends the whole job
(MPI_Abort), since the others would wait for it for ever; `mpiexec` exits with 1. With
MPICH a process that is killed ends the job as well, with its signal's number. One that
leaves by `sys.exit` while others wait does so only under `python -m mpi4py train.py`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from ingot import _core
from ingot.core import _mpi
from ingot.core._custom import custom_function
from ingot.core._group import Group, group_or_all, init, is_available

__all__ = [
    "Group",
    "all_gather",
    "all_max",
    "all_min",
    "all_sum",
    "init",
    "is_available",
    "recv",
    "recv_like",
    "send",
    "sum_scatter",
]

array = _core.array
Where = _core.Stream | _core.Device | None


def _joined(caller: str, x: Any, group: Group | None) -> Group:
    """The group, after a look at the arguments."""
    if not isinstance(x, array):
        raise TypeError(f"{caller}: x must be an array, got {type(x).__name__}")
    return group_or_all(caller, group)


def _computing(stream: Where) -> AbstractContextManager[Any]:
    return _core.stream(_core.cpu if stream is None else stream)


def _agree(caller: str, x: array, group: Group) -> Any:
    """The communicator, once all ranks have come with such an array."""
    _core.eval(x)
    _mpi.agree(group._comm, caller, [("x", x.shape, x.dtype)])
    return group._comm


def _recorded(
    caller: str,
    communicate: Callable[[array], array],
    x: array,
    gradient: Callable[[array], array] | None = None,
) -> array:
    """What `communicate` makes of x, as one operation to those who differentiate."""

    def refuse(*_: Any) -> Any:
        raise ValueError(
            f"{caller}: must not be differentiated, since it has no derivative "
            "of that kind; stop_gradient() takes its argument as a constant"
        )

    function = custom_function(communicate)
    function.jvp(refuse)
    function.vjp(refuse if gradient is None else lambda _, dy, __: gradient(dy))
    y: array = function(x)
    return y


def _reduced(
    caller: str,
    reduction: Callable[..., array],
    x: array,
    group: Group | None,
    stream: Where,
    gradient: Callable[[array], array] | None = None,
) -> array:
    group = _joined(caller, x, group)
    if group.size() == 1:
        return x

    def communicate(x: array) -> array:
        comm = _agree(caller, x, group)
        shares = _mpi.room(comm, x.size, x.itemsize)
        flat = shares.reshape(-1)[: x.size]
        flat.reshape(x.shape)[...] = _mpi.to_host(x)
        with _computing(stream):
            _mpi.combine(comm, shares, x.dtype, reduction)
            return _mpi.from_host(flat, x.dtype).reshape(x.shape)

    return _recorded(caller, communicate, x, gradient)


def all_sum(x: array, *, group: Group | None = None, stream: Where = None) -> array:
    """The sum of the arrays of all ranks.

    Half types are summed in float32 or better, and rounded once.

    Args:
        x: An array, of the same shape and dtype on all ranks.
        group: Whose arrays. Default: all processes, as `init` gives them.
        stream: A stream or device for what is computed. Default: the CPU.

    Returns:
        The sum, of the shape and the dtype of `x`.

    Raises:
        ValueError: Other ranks made another call, or with another shape or dtype.

    Example:
        >>> import ingot.core as mx
        >>> mx.distributed.all_sum(mx.array([1.0, 2.0]))
        array([1, 2], dtype=float32)
    """
    return _reduced("all_sum", _core.sum, x, group, stream, lambda dy: dy)


def all_max(x: array, *, group: Group | None = None, stream: Where = None) -> array:
    """The largest of each element on all ranks; NaN if one is.

    Args:
        x: An array, of the same shape and dtype on all ranks.
        group: Whose arrays. Default: all processes, as `init` gives them.
        stream: A stream or device for what is computed. Default: the CPU.

    Returns:
        An array like `x`.

    Raises:
        ValueError: Other ranks made another call, or with another shape or dtype.

    Example:
        >>> import ingot.core as mx
        >>> mx.distributed.all_max(mx.array([1.0, 2.0]))
        array([1, 2], dtype=float32)
    """
    return _reduced("all_max", _core.max, x, group, stream)


def all_min(x: array, *, group: Group | None = None, stream: Where = None) -> array:
    """The smallest of each element on all ranks; NaN if one is.

    Args:
        x: An array, of the same shape and dtype on all ranks.
        group: Whose arrays. Default: all processes, as `init` gives them.
        stream: A stream or device for what is computed. Default: the CPU.

    Returns:
        An array like `x`.

    Raises:
        ValueError: Other ranks made another call, or with another shape or dtype.

    Example:
        >>> import ingot.core as mx
        >>> mx.distributed.all_min(mx.array([1.0, 2.0]))
        array([1, 2], dtype=float32)
    """
    return _reduced("all_min", _core.min, x, group, stream)


def all_gather(x: array, *, group: Group | None = None, stream: Where = None) -> array:
    """Concatenate the arrays of all ranks along the first axis.

    Args:
        x: An array, of the same shape and dtype on all ranks.
        group: Whose arrays. Default: all processes, as `init` gives them.
        stream: A stream or device for what is computed. Default: the CPU.

    Returns:
        An array (ranks * n, ...) for an `x` (n, ...), and (ranks,) for a scalar.

    Raises:
        ValueError: Other ranks made another call, or with another shape or dtype.

    Example:
        >>> import ingot.core as mx
        >>> mx.distributed.all_gather(mx.array([1, 2]))
        array([1, 2], dtype=int32)
    """
    group = _joined("all_gather", x, group)
    if group.size() == 1:
        return x
    first = x.shape[0] if x.ndim else 1

    def communicate(x: array) -> array:
        comm = _agree("all_gather", x, group)
        with _computing(stream):
            gathered = _mpi.gather(comm, x)
            return gathered.reshape((group.size() * first, *x.shape[1:]))

    def gradient(dy: array) -> array:
        mine = dy[group.rank() * first : (group.rank() + 1) * first]
        return mine.reshape(x.shape)

    return _recorded("all_gather", communicate, x, gradient)


def sum_scatter(x: array, *, group: Group | None = None, stream: Where = None) -> array:
    """The part that belongs to this rank of the sum of the arrays of all ranks.

    Args:
        x: An array (n, ...), of the same shape and dtype on all ranks; the number of
            ranks divides n.
        group: Whose arrays. Default: all processes, as `init` gives them.
        stream: A stream or device for what is computed. Default: the CPU.

    Returns:
        Elements rank * n / ranks and those that follow, (n / ranks, ...), of `all_sum`.

    Raises:
        ValueError: n can't be divided, or other ranks made another call, or with
            another shape or dtype.

    Example:
        >>> import ingot.core as mx
        >>> mx.distributed.sum_scatter(mx.array([1.0, 2.0]))
        array([1, 2], dtype=float32)
    """
    group = _joined("sum_scatter", x, group)
    ranks = group.size()
    if x.ndim == 0 or x.shape[0] % ranks != 0:
        raise ValueError(
            f"sum_scatter: the first axis must be divisible by {ranks}, the number of "
            f"ranks, got shape {x.shape}"
        )
    if ranks == 1:
        return x

    def communicate(x: array) -> array:
        comm = _agree("sum_scatter", x, group)
        shares = _mpi.room(comm, x.size, x.itemsize)
        shares.reshape(x.shape)[...] = _mpi.to_host(x)
        with _computing(stream):
            share = _mpi.combined_share(comm, shares, x.dtype, _core.sum)
            return share.reshape((x.shape[0] // ranks, *x.shape[1:]))

    def gradient(dy: array) -> array:
        return all_gather(dy, group=group, stream=stream)

    return _recorded("sum_scatter", communicate, x, gradient)


def _peer(caller: str, name: str, rank: int, group: Group) -> int:
    rank = operator.index(rank)
    if not 0 <= rank < group.size() or rank == group.rank():
        raise ValueError(
            f"{caller}: {name} must be the rank of another process, below "
            f"{group.size()}, got {rank}"
        )
    return rank


def send(
    x: array, dst: int, *, group: Group | None = None, stream: Where = None
) -> array:
    """Send an array to another rank, which has to call `recv`.

    May wait until that is called.

    Args:
        x: The array.
        dst: The rank of the one that receives it.
        group: What `dst` is a rank of. Default: all processes, as `init` gives them.
        stream: Taken for the sake of scripts; nothing is computed. Default: None.

    Returns:
        `x`.

    Raises:
        ValueError: `dst` is not the rank of another process.
    """
    group = _joined("send", x, group)
    dst = _peer("send", "dst", dst, group)
    host = _mpi.to_host(x)
    group._comm.send((x.shape, x.dtype), dst)
    group._comm.Send(_mpi.raw_bytes(host), dst)
    return x


def recv(
    shape: Sequence[int],
    dtype: _core.Dtype,
    src: int,
    *,
    group: Group | None = None,
    stream: Where = None,
) -> array:
    """Receive an array that another rank sends.

    Args:
        shape: Its shape.
        dtype: Its dtype.
        src: The rank of the one that sends it.
        group: What `src` is a rank of. Default: all processes, as `init` gives them.
        stream: A stream or device for what is computed. Default: the CPU.

    Returns:
        The array.

    Raises:
        ValueError: `src` is not the rank of another process, or what it sends has
            another shape or dtype.
    """
    return recv_like(_core.zeros(shape, dtype), src, group=group, stream=stream)


def recv_like(
    x: array, src: int, *, group: Group | None = None, stream: Where = None
) -> array:
    """Receive an array that another rank sends, of the shape and dtype of `x`.

    Args:
        x: An array, whose values do not matter.
        src: The rank of the one that sends it.
        group: What `src` is a rank of. Default: all processes, as `init` gives them.
        stream: A stream or device for what is computed. Default: the CPU.

    Returns:
        The array.

    Raises:
        ValueError: `src` is not the rank of another process, or what it sends has
            another shape or dtype.
    """
    import numpy as np

    group = _joined("recv", x, group)
    src = _peer("recv", "src", src, group)
    comm = group._comm
    shape, dtype = comm.recv(source=src)
    host = np.empty(shape, f"u{dtype.size}")
    comm.Recv(_mpi.raw_bytes(host), src)
    if (shape, dtype) != (x.shape, x.dtype):
        raise ValueError(
            f"recv: the array of rank {src} must have shape {x.shape} and {x.dtype}, "
            f"got shape {shape} and {dtype}"
        )
    with _computing(stream):
        return _mpi.from_host(host, dtype)
