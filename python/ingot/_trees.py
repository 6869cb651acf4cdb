"""What ingot.utils says of trees that do not fit, and how it merges them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest
from typing import Any

__all__ = [
    "IsLeaf",
    "explain_mismatch",
    "explain_recursion",
    "merge",
]

IsLeaf = Callable[[Any], bool] | None


def _rebuild(tree: list[Any] | tuple[Any, ...], children: list[Any]) -> Any:
    if isinstance(tree, list):
        return children
    if hasattr(tree, "_fields"):  # a namedtuple takes its fields one by one
        return type(tree)(*children)
    return tuple(children)


def explain_mismatch(
    caller: str, tree: Any, rest: tuple[Any, ...], is_leaf: IsLeaf
) -> ValueError:
    """Find the first node of `tree` that one of `rest` lacks."""
    todo: list[tuple[str, Any, Any, int]] = [
        ("", tree, other, number) for number, other in enumerate(rest, 2)
    ]
    while todo:
        name, node, other, number = todo.pop()
        if is_leaf is not None and is_leaf(node):
            continue
        if isinstance(node, dict):
            kind, ok = "a dict", isinstance(other, dict)
            items = list(node.items())
        elif isinstance(node, (list, tuple)):
            kind, ok = "a list or tuple", isinstance(other, (list, tuple))
            items = list(enumerate(node))
        else:
            continue
        if items and not ok:
            place = repr(name) if name else "its root"
            return ValueError(
                f"{caller}: tree {number} must have {kind} at {place}, "
                f"got {type(other).__name__}"
            )
        for key, child in reversed(items):
            below = f"{name}.{key}" if name else str(key)
            if key not in other if isinstance(other, dict) else key >= len(other):
                return ValueError(f"{caller}: tree {number} has no {below!r}")
            todo.append((below, child, other[key], number))
    return ValueError(f"{caller}: the trees have different structures")


def _is_empty(tree: Any) -> bool:
    return tree is None or (isinstance(tree, (dict, list, tuple)) and not tree)


def merge(a: Any, b: Any, merge_fn: Callable[[Any, Any], Any] | None, path: str) -> Any:
    if _is_empty(a):
        return b
    if _is_empty(b):
        return a
    if isinstance(a, dict) and isinstance(b, dict):
        keys = [*a, *(key for key in b if key not in a)]
        return {
            k: merge(a.get(k), b.get(k), merge_fn, f"{path}.{k}")
            if k in a and k in b
            else (a if k in a else b)[k]
            for k in keys
        }
    for kind in (list, tuple):
        if isinstance(a, kind) and isinstance(b, kind):
            children = [
                merge(x, y, merge_fn, f"{path}.{i}")
                for i, (x, y) in enumerate(zip_longest(a, b))
            ]
            return _rebuild(a, children)
    if merge_fn is None:
        place = repr(path[1:]) if path else "the root"
        raise ValueError(
            f"tree_merge: both trees have a value at {place}, pass merge_fn to combine "
            "them"
        )
    return merge_fn(a, b)


def explain_recursion(
    caller: str, trees: tuple[Any, ...], error: RecursionError
) -> ValueError | RecursionError:
    """The error to raise for one that was seen: another if a tree contains itself."""
    inside: set[int] = set()  # containers on the way from the root to this node
    done: set[int] = set()
    todo = [(tree, False) for tree in trees]
    while todo:
        node, leaving = todo.pop()
        if leaving:
            inside.discard(id(node))
            done.add(id(node))
        elif isinstance(node, (dict, list, tuple)):
            if id(node) in inside:
                return ValueError(f"{caller}: the tree contains itself")
            if id(node) in done:
                continue
            inside.add(id(node))
            todo.append((node, True))
            children = node.values() if isinstance(node, dict) else node
            todo += [(child, False) for child in children]
    return error
