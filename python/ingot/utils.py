"""Trees: nested dicts, lists and tuples whose leaves are arrays or anything else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from . import _core
from ._trees import IsLeaf, explain_mismatch, explain_recursion, merge

__all__ = [
    "tree_flatten",
    "tree_map",
    "tree_map_with_path",
    "tree_merge",
    "tree_reduce",
    "tree_unflatten",
]


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
    if destination is not None and not isinstance(destination, (list, dict)):
        raise ValueError(
            "tree_flatten: destination must be a list, a dict or None, "
            f"got {type(destination).__name__}"
        )
    try:
        pairs = _core.tree_flatten(tree, prefix, is_leaf)
    except RecursionError as error:
        raise explain_recursion("tree_flatten", (tree,), error) from None
    if destination is None:
        return pairs
    if isinstance(destination, dict):
        destination.update(pairs)
    else:
        destination.extend(pairs)
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
        ValueError: A name is given twice, is both a leaf and a subtree, nests more
            than 900 deep, or asks for a list with a gap of more than a million entries.
        TypeError: A name is not a string.

    Example:
        >>> from ingot.utils import tree_unflatten
        >>> tree_unflatten([("a.0", 1), ("a.1.b", 2)])
        {'a': [1, {'b': 2}]}
        >>> tree_unflatten({"2": 5})
        [{}, {}, 5]
    """
    pairs = list(tree.items() if isinstance(tree, dict) else tree)
    return _core.tree_unflatten(pairs)


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
        return _core.tree_map(fn, tree, rest, is_leaf, None)
    except _core.TreeMismatch:
        raise explain_mismatch("tree_map", tree, rest, is_leaf) from None
    except RecursionError as error:
        raise explain_recursion("tree_map", (tree,), error) from None


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
        return _core.tree_map(fn, tree, rest, is_leaf, path or "")
    except _core.TreeMismatch:
        raise explain_mismatch("tree_map_with_path", tree, rest, is_leaf) from None
    except RecursionError as error:
        raise explain_recursion("tree_map_with_path", (tree,), error) from None


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
        return merge(tree_a, tree_b, merge_fn, "")
    except RecursionError as error:
        raise explain_recursion("tree_merge", (tree_a, tree_b), error) from None


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
    try:
        leaves = _core.tree_flatten(tree, "", is_leaf)
    except RecursionError as error:
        raise explain_recursion("tree_reduce", (tree,), error) from None
    result = initializer
    for _, leaf in leaves:
        result = leaf if result is None else fn(result, leaf)
    return result
