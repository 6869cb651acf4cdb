"""Walks over gradients, parameters and state that share one nested structure.

A tree is an array, or a dict, list or tuple of trees; an `ingot.nn.Module` is a dict.
The gradients lead: what they leave out is left alone, and an empty container stands for
"nothing here". All walks visit arrays in the same order, so lists of them line up.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

import ingot.core as mx

__all__ = [
    "arrays",
    "assign",
    "foreign_leaf",
    "matched",
    "paths",
    "pruned",
    "rebuilt",
    "states",
]

Path = tuple[Any, ...]

DEEPEST = 200  # a container that holds itself would never end
FLOATING = frozenset({mx.float16, mx.bfloat16, mx.float32, mx.float64})


def dotted(path: Path) -> str:
    """`layers.0.weight`; the root has no name of its own."""
    return ".".join(map(str, path)) or "the root"


def items(tree: Any) -> Iterator[tuple[Any, Any]]:
    """The children of a container with their keys."""
    return iter(tree.items()) if isinstance(tree, dict) else enumerate(tree)


def matched(
    owner: str, gradients: Any, parameters: Any, noun: str = "gradient"
) -> tuple[list[mx.array], list[mx.array]]:
    """The arrays of `gradients` and their parameters.

    Raises ValueError or TypeError, naming the path, unless each gradient is an array of
    floats with the shape of a parameter in the same place.
    """
    found: tuple[list[mx.array], list[mx.array]] = ([], [])
    _match(owner, noun, gradients, parameters, (), *found)
    return found


def _match(
    owner: str,
    noun: str,
    gradient: Any,
    parameter: Any,
    path: Path,
    found: list[mx.array],
    targets: list[mx.array],
) -> None:
    if isinstance(gradient, mx.array):
        _check_leaf(owner, noun, gradient, parameter, path)
        found.append(gradient)
        targets.append(parameter)
    elif isinstance(gradient, dict):
        if not gradient:
            return
        if not isinstance(parameter, dict):
            raise _mismatch(owner, noun, "a dict", parameter, path)
        _check_depth(owner, noun, path)
        for key, child in gradient.items():
            if key not in parameter:
                if _empty(child):
                    continue
                raise ValueError(
                    f"{owner}: {noun} {dotted((*path, key))} must belong to a "
                    f"parameter, got none of that name"
                )
            _match(owner, noun, child, parameter[key], (*path, key), found, targets)
    elif isinstance(gradient, (list, tuple)):
        if not gradient:
            return
        if not isinstance(parameter, (list, tuple)):
            raise _mismatch(owner, noun, "a list", parameter, path)
        if len(gradient) > len(parameter):
            raise ValueError(
                f"{owner}: {noun} {dotted(path)} must have at most "
                f"{len(parameter)} entries, got {len(gradient)}"
            )
        _check_depth(owner, noun, path)
        for i, child in enumerate(gradient):
            _match(owner, noun, child, parameter[i], (*path, i), found, targets)
    else:
        raise TypeError(
            f"{owner}: {noun} {dotted(path)} must be an array, got {gradient!r}"
        )


def _check_leaf(
    owner: str, noun: str, gradient: mx.array, parameter: Any, path: Path
) -> None:
    if not isinstance(parameter, mx.array):
        raise _mismatch(owner, noun, "an array", parameter, path)
    if parameter.dtype not in FLOATING:
        raise TypeError(
            f"{owner}: parameter {dotted(path)} must be of a floating dtype, "
            f"got {parameter.dtype}"
        )
    if gradient is parameter:
        return
    if gradient.dtype not in FLOATING:
        raise TypeError(
            f"{owner}: {noun} {dotted(path)} must be of a floating dtype, "
            f"got {gradient.dtype}"
        )
    if gradient.shape != parameter.shape:
        raise ValueError(
            f"{owner}: {noun} {dotted(path)} must have shape {parameter.shape}, "
            f"got {gradient.shape}"
        )


def _check_depth(owner: str, noun: str, path: Path) -> None:
    if len(path) > DEEPEST:
        raise ValueError(
            f"{owner}: {noun}s must nest at most {DEEPEST} deep, got more (a container "
            f"that holds itself?)"
        )


def _empty(tree: Any) -> bool:
    return isinstance(tree, (dict, list, tuple)) and not tree


def _mismatch(
    owner: str, noun: str, kind: str, parameter: Any, path: Path
) -> ValueError:
    return ValueError(
        f"{owner}: {noun} {dotted(path)} is {kind}, its parameter must be one too, "
        f"got {type(parameter).__name__}"
    )


def states(
    owner: str, tree: Any, state: dict[Any, Any], reserved: Collection[str]
) -> list[dict[str, Any]]:
    """The state dict of each array of `tree`; missing ones are added, empty.

    `state` mirrors `tree`, with lists for tuples. It also holds the `reserved` entries,
    so a parameter of such a name is kept as "parameter:name".
    """
    found: list[dict[str, Any]] = []
    if isinstance(tree, mx.array):
        return [state]
    for key, child in items(tree):
        if str(key).rpartition(":")[2] in reserved:
            key = f"parameter:{key}"
        _collect(owner, child, _child(owner, state, key, child, ()), (key,), found)
    return found


def _collect(
    owner: str, tree: Any, state: Any, path: Path, found: list[dict[str, Any]]
) -> None:
    if isinstance(tree, mx.array):
        if not isinstance(state, dict):
            raise ValueError(
                f"{owner}: state of {dotted(path)} must be a dict, got {state!r}"
            )
        found.append(state)
        return
    for key, child in items(tree):
        below = _child(owner, state, key, child, path)
        _collect(owner, child, below, (*path, key), found)


def _child(owner: str, state: Any, key: Any, tree: Any, path: Path) -> Any:
    """The part of `state` under `key`, added in the form of `tree` where missing.

    Files have no lists: one comes back as a dict or the reverse, so a number and its
    digits are one key.
    """
    fresh: Any = [] if isinstance(tree, (list, tuple)) else {}
    if isinstance(state, dict):
        if key not in state and isinstance(key, int):
            key = str(key)
        if key not in state or (_empty(state[key]) and _empty(fresh)):
            state.setdefault(key, fresh)
            if type(state[key]) is not type(fresh):
                state[key] = fresh
        return state[key]
    if isinstance(state, list) and str(key).isdecimal():
        i = int(key)
        state.extend({} for _ in range(i + 1 - len(state)))
        if _empty(state[i]) and type(state[i]) is not type(fresh):
            state[i] = fresh
        return state[i]
    raise ValueError(
        f"{owner}: state of {dotted(path)} must be a dict or a list, got {state!r}"
    )


def paths(tree: Any) -> list[str]:
    """The dotted path of each array."""
    found: list[str] = []

    def visit(tree: Any, path: Path) -> None:
        if isinstance(tree, mx.array):
            found.append(".".join(map(str, path)))
            return
        for key, child in items(tree):
            visit(child, (*path, key))

    visit(tree, ())
    return found


def arrays(tree: Any) -> list[mx.array]:
    """The arrays, in order."""
    if isinstance(tree, mx.array):
        return [tree]
    return [leaf for _, child in items(tree) for leaf in arrays(child)]


def foreign_leaf(owner: str, tree: Any) -> TypeError:
    """The error for the first leaf that is no array."""
    path, leaf = next(_foreign_leaves(owner, tree, ()))
    return TypeError(f"{owner}: gradient {dotted(path)} must be an array, got {leaf!r}")


def _foreign_leaves(owner: str, tree: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(tree, (dict, list, tuple)):
        _check_depth(owner, "gradient", path)
        for key, child in items(tree):
            yield from _foreign_leaves(owner, child, (*path, key))
    elif not isinstance(tree, mx.array):
        yield path, tree


def rebuilt(tree: Any, leaves: Iterator[mx.array]) -> Any:
    """A plain copy of `tree` with its arrays taken from `leaves`."""
    if isinstance(tree, mx.array):
        return next(leaves)
    if isinstance(tree, dict):
        return {key: rebuilt(child, leaves) for key, child in tree.items()}
    made = [rebuilt(child, leaves) for child in tree]
    return tuple(made) if isinstance(tree, tuple) else made


def pruned(tree: Any, keep: Callable[[], bool]) -> Any:
    """A plain copy of `tree` with only the arrays for which `keep()` says so."""
    if isinstance(tree, mx.array):
        return tree if keep() else {}
    if isinstance(tree, dict):
        made = {key: pruned(child, keep) for key, child in tree.items()}
        return {key: child for key, child in made.items() if not _empty(child)}
    rest = [pruned(child, keep) for child in tree]
    return tuple(rest) if isinstance(tree, tuple) else rest


def assign(tree: Any, new: Any) -> Any:
    """Puts the arrays of `new` into the containers of `tree`; tuples are made anew."""
    if isinstance(new, mx.array):
        return new
    if isinstance(new, dict):
        for key, child in new.items():
            if not _empty(child):
                tree[key] = assign(tree[key], child)
        return tree
    made = tree if isinstance(tree, list) else list(tree)
    for i, child in enumerate(new):
        if not _empty(child):
            made[i] = assign(made[i], child)
    return tuple(made) if isinstance(tree, tuple) else made
