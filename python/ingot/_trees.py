"""The walks behind ingot.utils, and what to say of trees that do not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import repeat, zip_longest
from typing import Any

__all__ = [
    "IsLeaf",
    "Mismatch",
    "Node",
    "containers",
    "explain_mismatch",
    "explain_recursion",
    "flatten",
    "map_leaves",
    "map_leaves_with_path",
    "merge",
]

IsLeaf = Callable[[Any], bool] | None

# A flat name such as "a.99999999999" would ask tree_unflatten for that long a list.
_LARGEST_GAP = 1 << 20


class Node(dict[str, Any]):
    """A dict that tree_unflatten made, as against a leaf that is a dict."""


class Mismatch(Exception):
    """A tree of `rest` lacks a node."""


def flatten(
    tree: Any, name: str, is_leaf: IsLeaf, add: Callable[[str, Any], Any]
) -> None:
    if is_leaf is not None and is_leaf(tree):
        add(name[1:], tree)
    elif isinstance(tree, dict):
        for key, child in tree.items():
            flatten(child, f"{name}.{key}", is_leaf, add)
    elif isinstance(tree, (list, tuple)):
        for i, child in enumerate(tree):
            flatten(child, f"{name}.{i}", is_leaf, add)
    else:
        add(name[1:], tree)


def _is_index(name: str) -> bool:
    return name.isascii() and name.isdigit() and (name == "0" or name[0] != "0")


def containers(node: Node) -> Any:
    for key, child in node.items():
        if type(child) is Node:
            node[key] = containers(child)
    if not all(map(_is_index, node)):
        return dict(node)
    # By length first: int() of a name with thousands of digits is slow or refused.
    last = max(node, key=lambda name: (len(name), name))
    if len(last) > 18 or int(last) > len(node) + _LARGEST_GAP:
        raise ValueError(
            f"tree_unflatten: index {last[:24]} leaves too large a gap in a list of "
            f"{len(node)}"
        )
    return [node.get(str(i), {}) for i in range(int(last) + 1)]


def _rebuild(tree: list[Any] | tuple[Any, ...], children: list[Any]) -> Any:
    if isinstance(tree, list):
        return children
    if hasattr(tree, "_fields"):  # a namedtuple takes its fields one by one
        return type(tree)(*children)
    return tuple(children)


def _columns(tree: Any, rest: tuple[Any, ...]) -> Iterable[tuple[Any, ...]]:
    """For each child of `tree` in turn, the nodes of `rest` at its place."""
    if not rest or not tree:
        return repeat(())
    kind = dict if isinstance(tree, dict) else (list, tuple)
    for other in rest:
        # By type as well: an array or a string would accept an index too.
        if not isinstance(other, kind) or len(other) < len(tree):
            raise Mismatch
    if kind is not dict:
        return zip(*rest, strict=False)
    try:
        return zip(*[[other[key] for key in tree] for other in rest], strict=True)
    except KeyError:
        raise Mismatch from None


def map_leaves(
    fn: Callable[..., Any], tree: Any, rest: tuple[Any, ...], is_leaf: IsLeaf
) -> Any:
    if is_leaf is not None and is_leaf(tree):
        return fn(tree, *rest)
    if isinstance(tree, dict):
        items = zip(tree.items(), _columns(tree, rest), strict=False)
        return {key: map_leaves(fn, child, r, is_leaf) for (key, child), r in items}
    if isinstance(tree, (list, tuple)):
        pairs = zip(tree, _columns(tree, rest), strict=False)
        return _rebuild(tree, [map_leaves(fn, child, r, is_leaf) for child, r in pairs])
    return fn(tree, *rest)


def map_leaves_with_path(
    fn: Callable[..., Any],
    tree: Any,
    rest: tuple[Any, ...],
    is_leaf: IsLeaf,
    path: str,
) -> Any:
    if is_leaf is not None and is_leaf(tree):
        return fn(path, tree, *rest)
    if not isinstance(tree, (dict, list, tuple)):
        return fn(path, tree, *rest)
    dot = f"{path}." if path else ""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    children = {
        key: map_leaves_with_path(fn, child, r, is_leaf, f"{dot}{key}")
        for (key, child), r in zip(items, _columns(tree, rest), strict=False)
    }
    return children if isinstance(tree, dict) else _rebuild(tree, [*children.values()])


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
