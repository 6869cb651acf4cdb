"""The groups of processes that ingot.core.distributed communicates in."""

from __future__ import annotations

import importlib.util
import operator
import os
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["Group", "group_or_all", "init", "is_available"]

_BACKENDS = ("any", "mpi", "ring", "nccl", "jaccl")
# In which MPICH (and what is made from it), Open MPI and MLX's launcher say how many
# processes they have started.
_LAUNCHED = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MLX_WORLD_SIZE")
_world: Group | None = None


class Group:
    """Processes that communicate with one another; `init` and `split` make them."""

    _comm: Any = None  # without one the group is of this process alone

    def rank(self) -> int:
        """The number of this process in the group."""
        return 0 if self._comm is None else int(self._comm.Get_rank())

    def size(self) -> int:
        """How many processes there are in the group."""
        return 1 if self._comm is None else int(self._comm.Get_size())

    def split(self, color: int, key: int = -1) -> Group:
        """Split the group into groups of those who give the same color.

        Args:
            color: Which group this process goes to, at least 0.
            key: Ranks in the new group are in the order of the keys. Default: -1, which
                stands for the rank in this group, as every negative number.

        Returns:
            The new group that this process is in.

        Raises:
            ValueError: `color` is negative.

        Example:
            >>> import ingot.core as mx
            >>> mx.distributed.init().split(0).size()
            1
        """
        color, key = operator.index(color), operator.index(key)
        if color < 0:
            raise ValueError(f"split: color must not be negative, got {color}")
        if self._comm is None:
            return Group()
        comm = self._comm.Split(color, self.rank() if key < 0 else key)
        return _group_of(comm)

    def __copy__(self) -> Group:
        return self

    def __deepcopy__(self, _: Any) -> Group:
        return self

    def __reduce__(self) -> tuple[Callable[..., Group], tuple[()]]:
        if self._comm is None:
            return Group, ()
        if self is not _world:
            raise TypeError("Group: groups that split() made can't be pickled")
        return init, ()

    def __repr__(self) -> str:
        return f"Group(rank={self.rank()}, size={self.size()})"


def _group_of(comm: Any) -> Group:
    group = Group()
    group._comm = comm
    return group


def group_or_all(caller: str, group: Group | None) -> Group:
    """The group, of all processes for None; TypeError where it is something else."""
    if group is None:
        return init()
    if not isinstance(group, Group):
        raise TypeError(
            f"{caller}: group must be a Group or None, got {type(group).__name__}"
        )
    return group


def is_available(backend: str = "any") -> bool:
    """Whether a way to communicate is installed: there is "mpi", by mpi4py.

    Args:
        backend: "any", or one of "mpi", "ring", "nccl" and "jaccl", of which the last
            three are never there. Default: "any".

    Returns:
        Whether `init` can use it.

    Raises:
        ValueError: There is no such name.

    Example:
        >>> import ingot.core as mx
        >>> mx.distributed.is_available("ring")
        False
    """
    if backend not in _BACKENDS:
        names = ", ".join(map(repr, _BACKENDS))
        raise ValueError(
            f"distributed: backend must be one of {names}, got {backend!r}"
        )
    return backend in ("any", "mpi") and importlib.util.find_spec("mpi4py") is not None


def init(
    strict: bool = False,
    backend: str = "any",
    *,
    all_gather_factory: Callable[..., Any] | None = None,
) -> Group:
    """Join the processes that were started together.

    Every call returns the same group. From the first one on, an exception that ends
    one of several processes ends all of them.

    Args:
        strict: Whether it is an error that the backend is not available, rather than a
            group of this process alone. Default: False.
        backend: What `is_available` takes. Default: "any".
        all_gather_factory: What "jaccl" would need. Default: None, nothing else is
            taken.

    Returns:
        The group of all processes.

    Raises:
        RuntimeError: The backend is not available, and `strict` is set or a launcher
            has started several processes; or there is no MPI for mpi4py to load.
        ValueError: There is no such backend, or an `all_gather_factory`.

    Example:
        >>> import ingot.core as mx
        >>> group = mx.distributed.init()
        >>> group.rank(), group.size()
        (0, 1)
    """
    global _world
    if all_gather_factory is not None:
        raise ValueError("init: all_gather_factory must be None, there is no jaccl")
    if not is_available(backend):
        if strict or _launched() > 1:
            raise RuntimeError(
                f"init: backend {backend!r} is not available for {_launched()} "
                'process(es); pip install "ingot[mpi]" for "mpi"'
            )
        return Group()
    if _world is None:
        try:
            from mpi4py import MPI
        except (ImportError, RuntimeError) as error:
            raise RuntimeError(f"init: mpi4py finds no MPI: {error}") from error
        comm = MPI.COMM_WORLD.Dup()  # where no message of the user's can be
        _world = _group_of(comm)
        if _world.size() > 1:
            _end_job_on_error(comm)
    return _world


def _launched() -> int:
    """How many processes a launcher has started, as it says."""
    sizes = [os.environ.get(name, "") for name in _LAUNCHED]
    return max(int(size) if size.isdecimal() else 1 for size in sizes)


def _end_job_on_error(comm: Any) -> None:
    """The others would wait for a process that an exception has ended."""
    before = sys.excepthook

    def hook(*error: Any) -> None:
        before(*error)
        sys.stderr.flush()
        comm.Abort(1)

    sys.excepthook = hook
