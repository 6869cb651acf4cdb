"""Walks over a module's entries: where parameters are, what an update would write."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import ingot.core as mx

from .._trees import explain_recursion
from ._attributes import AttributeDict

__all__ = [
    "Filter",
    "Slot",
    "Write",
    "check_array",
    "collect",
    "own_names",
    "parameter_slots",
    "plan_arrays",
    "plan_modules",
    "read_weights",
    "write",
]

# Called with the module that holds an entry, its key and its value.
Filter = Callable[[Any, str, Any], bool]
Slot = tuple[str, Any, Any]  # dotted name, container, key
Write = tuple[Any, Any, Any]  # container, key, new value


def parameter_slots(module: AttributeDict, filter_fn: Filter) -> list[Slot]:
    """Where the arrays are that pass `filter_fn`, in the order of `parameters`."""
    try:
        return list(_slots(module, module, "", "", filter_fn))
    except RecursionError as error:
        raise explain_recursion(type(module).__name__, (module,), error) from None


def _slots(
    container: Any, owner: AttributeDict, local: str, name: str, filter_fn: Filter
) -> Iterator[Slot]:
    items = container.items() if isinstance(container, dict) else enumerate(container)
    for key, value in items:
        inner = f"{local}.{key}" if local else str(key)
        if not filter_fn(owner, inner, value):
            continue
        below = f"{name}.{key}" if name else str(key)
        if isinstance(value, mx.array):
            yield below, container, key
        elif isinstance(value, AttributeDict):
            yield from _slots(value, value, "", below, filter_fn)
        elif isinstance(value, (dict, list)):
            yield from _slots(value, owner, inner, below, filter_fn)


def own_names(module: AttributeDict, filter_fn: Filter) -> set[str]:
    """The keys, as filters see them, of the arrays that `module` holds directly."""

    def own(owner: Any, key: str, value: Any) -> bool:
        return not isinstance(value, AttributeDict) and filter_fn(owner, key, value)

    return {name for name, _, _ in parameter_slots(module, own)}


def collect(
    module: AttributeDict,
    filter_fn: Filter,
    map_fn: Callable[[Any], Any] | None,
    is_leaf_fn: Filter | None,
) -> dict[str, Any]:
    """What Module.filter_and_map documents."""

    def convert(key: str, value: Any) -> Any:
        container = isinstance(value, (dict, list))
        if is_leaf_fn(module, key, value) if is_leaf_fn else not container:
            return value if map_fn is None else map_fn(value)
        if isinstance(value, AttributeDict):
            return collect(value, filter_fn, map_fn, is_leaf_fn)
        if isinstance(value, dict):
            return {k: nested(f"{key}.{k}", v) for k, v in value.items()}
        if isinstance(value, list):
            return [nested(f"{key}.{i}", v) for i, v in enumerate(value)]
        raise ValueError(
            f"{type(module).__name__}: entry {key!r} is neither a leaf nor a container"
        )

    def nested(key: str, value: Any) -> Any:
        return convert(key, value) if filter_fn(module, key, value) else {}

    return {k: convert(k, v) for k, v in module.items() if filter_fn(module, k, v)}


def check_array(caller: str, path: str, key: Any, old: Any, new: Any) -> None:
    """ValueError unless `new` is an array that can replace the array `old`."""
    array = mx.array
    if not isinstance(new, array):
        problem = f"must be an array, got {type(new).__name__}"
    elif not isinstance(old, array):
        problem = f"is not a parameter but {type(old).__name__}"
    elif old.shape != new.shape:
        problem = f"must have shape {tuple(old.shape)}, got {tuple(new.shape)}"
    else:
        return
    raise ValueError(f"{caller}: {path}{key} {problem}")


def _entries(
    caller: str, node: Any, new: Any, path: str, strict: bool
) -> Iterator[tuple[Any, Any, Any]]:
    """Pair the entries of `new` with those of `node`: key, old, new."""
    kind = dict if isinstance(new, dict) else list
    if not isinstance(new, kind) or (new and not isinstance(node, kind)):
        raise ValueError(
            f"{caller}: {path.rstrip('.') or 'the argument'} must be "
            f"{'a list' if isinstance(node, list) else 'a dict'}, "
            f"got {type(new).__name__}"
        )
    for key, value in new.items() if isinstance(new, dict) else enumerate(new):
        if key in node if isinstance(node, dict) else key < len(node):
            yield key, node[key], value
        elif strict:
            raise ValueError(f"{caller}: the model has no {f'{path}{key}'!r}")


def plan_arrays(
    node: Any, new: Any, path: str, strict: bool, writes: list[Write]
) -> None:
    """Check the arrays `new` against `node` and add to `writes` what to store."""
    for key, old, value in _entries("update", node, new, path, strict):
        if not isinstance(value, (dict, list)):
            check_array("update", path, key, old, value)
            writes.append((node, key, value))
        elif value:
            if isinstance(old, mx.array):
                check_array("update", path, key, old, value)
            plan_arrays(old, value, f"{path}{key}.", strict, writes)


def plan_modules(
    node: Any, new: Any, path: str, strict: bool, writes: list[Write]
) -> None:
    """Check the modules `new` against `node` and add to `writes` what to store."""
    for key, old, value in _entries("update_modules", node, new, path, strict):
        name = f"{path}{key}"
        if isinstance(value, AttributeDict):
            if not isinstance(old, AttributeDict):
                raise ValueError(
                    f"update_modules: {name} is not a module but {type(old).__name__}"
                )
            writes.append((node, key, value))
        elif isinstance(value, (dict, list)):
            plan_modules(old, value, f"{name}.", strict, writes)
        else:
            raise ValueError(
                f"update_modules: {name} must be a module, got {type(value).__name__}"
            )


def write(writes: list[Write]) -> None:
    """Store what was planned."""
    for container, key, value in writes:
        container[key] = value


def read_weights(source: Any) -> dict[str, Any]:
    """The arrays by name of a file's path, a list of pairs or a dict."""
    if isinstance(source, (str, os.PathLike)):
        loaded = mx.load(os.fspath(source))
        if not isinstance(loaded, dict):
            raise ValueError(
                "load_weights: file must hold named arrays (.safetensors or .npz), "
                f"got {os.fspath(source)!r}"
            )
        return loaded
    pairs = list(source.items() if isinstance(source, dict) else source)
    weights = dict(pairs)
    if len(weights) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"load_weights: {repeated} must be given once, got it twice")
    return weights
