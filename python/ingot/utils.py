"""Trees: nested dicts, lists and tuples whose leaves are arrays or anything else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import repeat, zip_longest
from typing import Any

__all__ = [
    "tree_flatten",
    "tree_map",
    "tree_map_with_path",
    "tree_merge",
    "tree_reduce",
    "tree_unflatten",
]

IsLeaf = Callable[[Any], bool] | None

# A flat name such as "a.99999999999" would ask tree_unflatten for that long a list.
_LARGEST_GAP = 1 << 20


def tree_flatten(
    tree: Any,
    prefix: str = "",
    is_leaf: IsLeaf = None,
    destination: list[tuple[str, Any]] | dict[str, Any] | None = None,
) -> Any:
    """List the leaves of a tree with their dotted names.

    Dicts contribute their keys, lists and tuples their indices; empty containers
    contribute nothing.

    Args:
        tree: The tree.
        prefix: Put before every name. Its first character, by custom a dot, is dropped.
        is_leaf: Called with every node; True stops the descent there. Default: None.
        destination: The list or dict to add to. Default: a new list.

    Returns:
        `destination`: pairs (name, leaf), or a dict from name to leaf.

    Raises:
        ValueError: `destination` is neither a list nor a dict, or the tree contains
            itself.

    Example:
        >>> from ingot.utils import tree_flatten
        >>> tree_flatten({"a": [1, {"b": 2}], "c": {}})
        [('a.0', 1), ('a.1.b', 2)]
        >>> tree_flatten([1, 2], prefix=".x", destination={})
        {'x.0': 1, 'x.1': 2}
    """
    if destination is None:
        destination = []
    if isinstance(destination, dict):
        add: Callable[[str, Any], Any] = destination.__setitem__
    elif isinstance(destination, list):
        append = destination.append

        def add(name: str, leaf: Any) -> None:
            append((name, leaf))

    else:
        raise ValueError(
            "tree_flatten: destination must be a list, a dict or None, "
            f"got {type(destination).__name__}"
        )
    try:
        _flatten(tree, prefix, is_leaf, add)
    except RecursionError as error:
        raise _cycle("tree_flatten", (tree,), error) from None
    return destination


def tree_unflatten(tree: Iterable[tuple[str, Any]] | dict[str, Any]) -> Any:
    """Rebuild a tree from dotted names; the inverse of `tree_flatten`.

    A node whose names are all decimal integers becomes a list, with `{}` where an
    index is absent; any other node becomes a dict. A single leaf named "" is returned
    itself.

    Args:
        tree: Pairs (name, leaf), or a dict from name to leaf.

    Returns:
        The tree; tuples come back as lists, and an empty `tree` gives an empty list.

    Raises:
        ValueError: A name is given twice, is both a leaf and a subtree, or asks for
            a list with a gap of more than a million entries.
        TypeError: A name is not a string.

    Example:
        >>> from ingot.utils import tree_unflatten
        >>> tree_unflatten([("a.0", 1), ("a.1.b", 2)])
        {'a': [1, {'b': 2}]}
        >>> tree_unflatten({"2": 5})
        [{}, {}, 5]
    """
    pairs = list(tree.items() if isinstance(tree, dict) else tree)
    if len(pairs) == 1 and pairs[0][0] == "":
        return pairs[0][1]
    root = _Node()
    for name, leaf in pairs:
        if not isinstance(name, str):
            raise TypeError(
                f"tree_unflatten: names must be strings, got {type(name).__name__}"
            )
        *path, last = name.split(".")
        node = root
        for part in path:
            child = node.setdefault(part, _Node())
            if type(child) is not _Node:
                raise ValueError(
                    f"tree_unflatten: {name!r} lies under a name that is a leaf"
                )
            node = child
        if last in node:
            kind = "a subtree too" if type(node[last]) is _Node else "given twice"
            raise ValueError(f"tree_unflatten: leaf {name!r} is {kind}")
        node[last] = leaf
    try:
        return _containers(root) if root else []
    except RecursionError:
        raise ValueError("tree_unflatten: the names are nested too deeply") from None


def tree_map(
    fn: Callable[..., Any], tree: Any, *rest: Any, is_leaf: IsLeaf = None
) -> Any:
    """Apply `fn` to every leaf, and return a tree of the results.

    Args:
        fn: Called with the leaf of `tree`, then the node at that place in each of
            `rest`.
        tree: The tree that gives the structure.
        rest: Trees that have at least the structure of `tree`.
        is_leaf: Called with every node of `tree`; True makes it a leaf. Default: None.

    Returns:
        A tree of dicts, lists and tuples like `tree`; empty containers are kept.

    Raises:
        ValueError: A tree of `rest` lacks a node (the message names it), or `tree`
            contains itself.

    Example:
        >>> from ingot.utils import tree_map
        >>> tree_map(lambda x, y: x + y, {"a": [1, 2]}, {"a": [10, 20], "b": 3})
        {'a': [11, 22]}
    """
    try:
        return _map(fn, tree, rest, is_leaf)
    except _Mismatch:
        raise _explain("tree_map", tree, rest, is_leaf) from None
    except RecursionError as error:
        raise _cycle("tree_map", (tree,), error) from None


def tree_map_with_path(
    fn: Callable[..., Any],
    tree: Any,
    *rest: Any,
    is_leaf: IsLeaf = None,
    path: str | None = None,
) -> Any:
    """Apply `fn` to the dotted name and value of every leaf.

    Args:
        fn: Called with the name, the leaf of `tree`, and the nodes at that place in
            each of `rest`.
        tree: The tree that gives the structure.
        rest: Trees that have at least the structure of `tree`.
        is_leaf: Called with every node of `tree`; True makes it a leaf. Default: None.
        path: Put before every name, with a dot. Default: None.

    Returns:
        A tree of the results, like `tree`.

    Raises:
        ValueError: As for `tree_map`.

    Example:
        >>> from ingot.utils import tree_map_with_path
        >>> tree_map_with_path(lambda name, x: f"{name}={x}", {"a": [1, 2]})
        {'a': ['a.0=1', 'a.1=2']}
    """
    try:
        return _map_with_path(fn, tree, rest, is_leaf, path or "")
    except _Mismatch:
        raise _explain("tree_map_with_path", tree, rest, is_leaf) from None
    except RecursionError as error:
        raise _cycle("tree_map_with_path", (tree,), error) from None


def tree_merge(
    tree_a: Any, tree_b: Any, merge_fn: Callable[[Any, Any], Any] | None = None
) -> Any:
    """Merge two trees into one that has the leaves of both: a deep `dict.update`.

    None and empty containers give way to the other tree.

    Args:
        tree_a: The first tree.
        tree_b: The second tree.
        merge_fn: Combines two values found at one place. Default: None, which
            refuses them.

    Returns:
        The merged tree; keys in the order of `tree_a`, then of `tree_b`.

    Raises:
        ValueError: Both trees have a value at one place and there is no `merge_fn`,
            or a tree contains itself.

    Example:
        >>> from ingot.utils import tree_merge
        >>> tree_merge({"a": {"x": 1}}, {"a": {"y": 2}, "b": 3})
        {'a': {'x': 1, 'y': 2}, 'b': 3}
        >>> tree_merge([1, 2], [10], lambda a, b: a + b)
        [11, 2]
    """
    try:
        return _merge(tree_a, tree_b, merge_fn, "")
    except RecursionError as error:
        raise _cycle("tree_merge", (tree_a, tree_b), error) from None


def tree_reduce(
    fn: Callable[[Any, Any], Any],
    tree: Any,
    initializer: Any = None,
    is_leaf: IsLeaf = None,
) -> Any:
    """Combine the leaves of a tree, from first to last.

    Args:
        fn: Called with the accumulated value and the next leaf.
        tree: The tree.
        initializer: Where to start. Default: None, which starts at the first leaf.
        is_leaf: Called with every node; True makes it a leaf. Default: None.

    Returns:
        The accumulated value; `initializer` where the tree has no leaves.

    Raises:
        ValueError: The tree contains itself.

    Example:
        >>> from ingot.utils import tree_reduce
        >>> tree_reduce(lambda total, x: total + x, {"a": [1, 2], "b": 3}, 0)
        6
    """
    leaves: list[Any] = []

    def add(_: str, leaf: Any) -> None:
        leaves.append(leaf)

    try:
        _flatten(tree, "", is_leaf, add)
    except RecursionError as error:
        raise _cycle("tree_reduce", (tree,), error) from None
    result = initializer
    for leaf in leaves:
        result = leaf if result is None else fn(result, leaf)
    return result


class _Node(dict[str, Any]):
    """A dict that tree_unflatten made, as against a leaf that is a dict."""


class _Mismatch(Exception):
    """A tree of `rest` lacks a node."""


def _flatten(
    tree: Any, name: str, is_leaf: IsLeaf, add: Callable[[str, Any], Any]
) -> None:
    if is_leaf is not None and is_leaf(tree):
        add(name[1:], tree)
    elif isinstance(tree, dict):
        for key, child in tree.items():
            _flatten(child, f"{name}.{key}", is_leaf, add)
    elif isinstance(tree, (list, tuple)):
        for i, child in enumerate(tree):
            _flatten(child, f"{name}.{i}", is_leaf, add)
    else:
        add(name[1:], tree)


def _is_index(name: str) -> bool:
    return name.isascii() and name.isdigit() and (name == "0" or name[0] != "0")


def _containers(node: _Node) -> Any:
    for key, child in node.items():
        if type(child) is _Node:
            node[key] = _containers(child)
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
            raise _Mismatch
    if kind is not dict:
        return zip(*rest, strict=False)
    try:
        return zip(*[[other[key] for key in tree] for other in rest], strict=True)
    except KeyError:
        raise _Mismatch from None


def _map(
    fn: Callable[..., Any], tree: Any, rest: tuple[Any, ...], is_leaf: IsLeaf
) -> Any:
    if is_leaf is not None and is_leaf(tree):
        return fn(tree, *rest)
    if isinstance(tree, dict):
        items = zip(tree.items(), _columns(tree, rest), strict=False)
        return {key: _map(fn, child, r, is_leaf) for (key, child), r in items}
    if isinstance(tree, (list, tuple)):
        pairs = zip(tree, _columns(tree, rest), strict=False)
        return _rebuild(tree, [_map(fn, child, r, is_leaf) for child, r in pairs])
    return fn(tree, *rest)


def _map_with_path(
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
        key: _map_with_path(fn, child, r, is_leaf, f"{dot}{key}")
        for (key, child), r in zip(items, _columns(tree, rest), strict=False)
    }
    return children if isinstance(tree, dict) else _rebuild(tree, [*children.values()])


def _explain(
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


def _merge(
    a: Any, b: Any, merge_fn: Callable[[Any, Any], Any] | None, path: str
) -> Any:
    if _is_empty(a):
        return b
    if _is_empty(b):
        return a
    if isinstance(a, dict) and isinstance(b, dict):
        keys = [*a, *(key for key in b if key not in a)]
        return {
            k: _merge(a.get(k), b.get(k), merge_fn, f"{path}.{k}")
            if k in a and k in b
            else (a if k in a else b)[k]
            for k in keys
        }
    for kind in (list, tuple):
        if isinstance(a, kind) and isinstance(b, kind):
            children = [
                _merge(x, y, merge_fn, f"{path}.{i}")
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


def _cycle(
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
