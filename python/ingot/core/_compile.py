"""Compiled functions: graphs that are recorded once, and built anew for each call."""

from __future__ import annotations

import functools
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ingot import _core

__all__ = ["compile", "disable_compile", "enable_compile"]

Function = Callable[..., Any]
array = _core.array

# Recordings that a function keeps: those used last.
_MOST = 64

_enabled = os.environ.get("INGOT_DISABLE_COMPILE", "0") in ("", "0")
_here = threading.local()  # .recording: whether this thread records a function


def disable_compile() -> None:
    """Let compiled functions run as they were written, to debug them.

    So does the environment variable ``INGOT_DISABLE_COMPILE=1``.
    """
    global _enabled
    _enabled = False


def enable_compile() -> None:
    """Undo ``disable_compile``."""
    global _enabled
    _enabled = True


@contextmanager
def recording() -> Iterator[None]:
    """This thread records a function: compiled ones within it run plainly."""
    before = getattr(_here, "recording", False)
    _here.recording = True
    try:
        yield
    finally:
        _here.recording = before


class _Entry(NamedTuple):
    recording: _core._Recording
    returned: int  # how many of its outputs the function returns
    value: Any  # what it returns, with other arrays
    state: Any  # of the captured outputs after it, with other arrays
    same: bool  # whether these have the structure that they had before


def _containers(tree: Any) -> list[Any]:
    """The dicts, lists and tuples of a tree, and the state of random numbers."""
    found, pending = [], [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            pending.extend(node.values())
        elif isinstance(node, (list, tuple)):
            pending.extend(node)
        elif not isinstance(node, _core.random.RandomState):
            continue
        found.append(node)
    return found


class _Restored:
    """Gives containers back what was in them."""

    def __init__(self, tree: Any) -> None:
        self.saved = [
            (node, dict(node) if isinstance(node, dict) else list(node))
            for node in _containers(tree)
            if not isinstance(node, tuple)
        ]

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        for node, content in self.saved:
            if isinstance(node, dict):
                dict.clear(node)
                dict.update(node, content)
            elif isinstance(node, list):
                node[:] = content
            else:
                node[0] = content[0]


def _reshape(target: Any, new: Any) -> Any:
    """`new`, in the containers of `target` where it has such."""
    if isinstance(target, dict) and isinstance(new, dict):
        items = {k: _reshape(target.get(k), v) for k, v in new.items()}
        dict.clear(target)
        dict.update(target, items)
        return target
    if isinstance(target, list) and isinstance(new, list):
        old = target + [None] * (len(new) - len(target))
        target[:] = [_reshape(a, b) for a, b in zip(old, new, strict=False)]
        return target
    if isinstance(target, _core.random.RandomState):
        target[0] = new[0]
        return target
    return new


def _hollow(tree: Any) -> tuple[Any, int]:
    """A tree with a scalar for each array, so that no graph hangs on it."""
    arrays = _core._tree_arrays(tree)
    return _core._tree_replace(tree, [_core.array(0)] * len(arrays)), len(arrays)


def _record(fun: Function, given: tuple[Any, Any], inputs: Any, outputs: Any) -> _Entry:
    """Calls the function with placeholders; captured state is as before after it."""
    arrays = _core._tree_arrays(given)
    placeholders = _core._placeholders(arrays + _core._tree_arrays(inputs))
    args, kwargs = _core._tree_replace(given, placeholders[: len(arrays)])
    before = _core._signature(None, outputs)
    with recording(), _Restored([inputs, outputs]):
        _core._tree_assign(inputs, placeholders[len(arrays) :])
        value = fun(*args, **kwargs)
        found = _core._tree_arrays(value)
        found += _core._tree_arrays(outputs)
        recorded = _core._Recording(placeholders, found)
        same = before == _core._signature(None, outputs)
        value, returned = _hollow(value)
        state, _ = _hollow(outputs)
    return _Entry(recorded, returned, value, state, same)


def compile(
    fun: Function, inputs: Any = None, outputs: Any = None, shapeless: bool = False
) -> Function:
    """A function that records the graph of ``fun`` once and builds it for each call.

    The first call runs ``fun`` with placeholders in place of arrays; further calls
    build the same operations, equal ones once, without running Python. Results have
    the bits of the plain function. A call records anew where shapes, dtypes,
    constants or structure differ from those of earlier calls; the 64 recordings used
    last are kept, as long as the returned function is.

    What ``fun`` takes from elsewhere is a constant to it: random draws without a key
    repeat unless ``random.state`` is captured. Inside ``fun`` no array has a value:
    evaluating or printing one is a ValueError, after which all is as before.

    Args:
        fun: a function of arrays, numbers, strings and None, and dicts, lists and
            tuples of these; it returns such as well.
        inputs: a dict or list that holds arrays which ``fun`` reads, such as
            ``[model.state, optimizer.state, mx.random.state]``.
        outputs: a dict or list whose arrays ``fun`` replaces; often the same.
        shapeless: accepted; a new shape is recorded anew, so that what ``fun``
            computes from shapes stays right.

    Returns:
        A function of the same arguments.

    Raises:
        TypeError: if ``fun`` cannot be called, or an argument is of another type.
        ValueError: if ``fun`` evaluates an array while it is recorded.

    Example:
        >>> import ingot.core as mx
        >>> f = mx.compile(lambda x, y: mx.exp(-x) + y)
        >>> f(mx.array(0.0), mx.array(1.0))
        array(2, dtype=float32)
    """
    if not callable(fun):
        raise TypeError(f"compile: fun must be callable, got {type(fun).__name__}")
    inputs = [] if inputs is None else inputs
    outputs = [] if outputs is None else outputs
    captured = inputs if inputs is outputs else [inputs, outputs]
    entries: OrderedDict[Any, _Entry] = OrderedDict()
    lock = threading.RLock()

    def entry_of(given: tuple[Any, Any]) -> _Entry:
        key = _core._signature(given, captured)
        entry = entries.get(key)
        if entry is None:
            entry = entries[key] = _record(fun, given, inputs, outputs)
            if len(entries) > _MOST:
                entries.popitem(last=False)
        entries.move_to_end(key)
        return entry

    @functools.wraps(fun, updated=())
    def compiled(*args: Any, **kwargs: Any) -> Any:
        if not _enabled or getattr(_here, "recording", False):
            return fun(*args, **kwargs)
        with lock:
            given = (args, kwargs)
            entry = entry_of(given)
            arrays = _core._tree_arrays(given)
            arrays += _core._tree_arrays(inputs)
            results = entry.recording.replay(arrays)
            del arrays
            new = results[entry.returned :]
            if entry.same or not new:
                _core._tree_assign(outputs, new)
            else:
                _reshape(outputs, _core._tree_replace(entry.state, new))
            return _core._tree_replace(entry.value, results[: entry.returned])

    return compiled
