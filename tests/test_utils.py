"""Trees: names, order, structure, merging, and trees that cannot be walked."""

from __future__ import annotations

import subprocess
import sys
from collections import OrderedDict, defaultdict, namedtuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingot.utils import (
    tree_flatten,
    tree_map,
    tree_map_with_path,
    tree_merge,
    tree_reduce,
    tree_unflatten,
)

NAMES = st.text("abcxyz_", min_size=1, max_size=3)
TREES = st.recursive(
    st.integers(),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=4)
        | st.dictionaries(NAMES, inner, min_size=1, max_size=4)
    ),
    max_leaves=20,
)

Point = namedtuple("Point", "x y")


@given(TREES)
def test_unflatten_inverts_flatten(tree: Any) -> None:
    assert tree_unflatten(tree_flatten(tree)) == tree
    assert tree_unflatten(tree_flatten(tree, destination={})) == tree


@given(TREES)
def test_map_visits_leaves_in_the_order_of_flatten(tree: Any) -> None:
    seen: list[Any] = []
    tree_map(seen.append, tree)
    assert seen == [leaf for _, leaf in tree_flatten(tree)]
    named = tree_map_with_path(lambda path, x: (path, x), tree)
    pairs = tree_flatten(named, is_leaf=lambda x: isinstance(x, tuple))
    assert [pair for _, pair in pairs] == tree_flatten(tree)


@given(TREES)
def test_merge_of_disjoint_halves_is_the_tree(tree: Any) -> None:
    """Leaves split at random between two trees come back together."""
    holes = [
        tree_map_with_path(lambda p, x, h=h: x if hash(p) % 2 == h else {}, tree)
        for h in (0, 1)
    ]
    assert tree_merge(*holes) == tree


def test_flatten_names_and_drops_empty_containers() -> None:
    tree = {"a": [1, (2, 3)], "b": {}, "c": [], "d": None, 5: ()}
    expected = [("a.0", 1), ("a.1.0", 2), ("a.1.1", 3), ("d", None)]
    assert tree_flatten(tree) == expected
    assert tree_flatten([[[0]]], prefix=".hello") == [("hello.0.0.0", 0)]
    assert tree_flatten(7) == [("", 7)]
    assert tree_flatten({}) == []


def test_flatten_stops_at_leaves_and_fills_a_destination() -> None:
    tree = {"a": [1, 2]}
    assert tree_flatten(tree, is_leaf=lambda x: isinstance(x, list)) == [("a", [1, 2])]
    pairs = [("q", 0)]
    assert tree_flatten(tree, destination=pairs) is pairs
    assert pairs == [("q", 0), ("a.0", 1), ("a.1", 2)]
    with pytest.raises(ValueError, match="destination must be a list, a dict or None"):
        tree_flatten(tree, destination=5)  # type: ignore[arg-type]


def test_unflatten_makes_lists_of_indices_only() -> None:
    assert tree_unflatten([]) == []
    assert tree_unflatten([("", 5)]) == 5
    assert tree_unflatten([("1", "b"), ("0", "a")]) == ["a", "b"]
    assert tree_unflatten([("a.2", 1)]) == {"a": [{}, {}, 1]}
    assert tree_unflatten([(str(i), i) for i in range(12)]) == list(range(12))
    for name in ("-1", "01", "1e3", "\u0661"):
        assert tree_unflatten([(f"a.{name}", 1)]) == {"a": {name: 1}}
    assert tree_unflatten([("a.0", 1), ("a.b", 2)]) == {"a": {"0": 1, "b": 2}}
    assert tree_unflatten([("a", {"0": 1})]) == {"a": {"0": 1}}


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([("a", 1), ("a", 2)], "'a' is given twice"),
        ([("a", 1), ("a.b", 2)], "'a.b' lies under a name that is a leaf"),
        ([("a.b", 1), ("a", 2)], "'a' is a subtree too"),
        ([("a.99999999999", 1)], "too large a gap"),
        ([("9" * 5000, 1)], "too large a gap"),
        ([(".".join("a" * 100_000), 1)], "must nest at most 900 deep"),
    ],
)
def test_unflatten_refuses_names_that_make_no_tree(pairs: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tree_unflatten(pairs)


def test_unflatten_wants_strings() -> None:
    with pytest.raises(TypeError, match="names must be strings, got int"):
        tree_unflatten([(1, 2)])  # type: ignore[list-item]


def test_map_keeps_structure() -> None:
    tree = {"a": [1, (2, Point(3, 4))], "b": {}}
    result = tree_map(lambda x: x + 1, tree)
    assert result == {"a": [2, (3, Point(4, 5))], "b": {}}
    assert isinstance(result["a"][1][1], Point)
    assert tree_map(len, {"a": [1, 2]}, is_leaf=lambda x: isinstance(x, list)) == {
        "a": 2
    }


def test_map_takes_supersets_and_passes_their_nodes() -> None:
    def pair(x: Any, y: Any) -> Any:
        return (x, y)

    assert tree_map(pair, {"a": 1}, {"a": [2, 3], "b": 4}) == {"a": (1, [2, 3])}
    assert tree_map(pair, [1, 2], (3, 4, 5)) == [(1, 3), (2, 4)]
    assert tree_map(pair, {"a": {}}, {"a": 5}) == {"a": {}}


@pytest.mark.parametrize(
    ("tree", "other", "message"),
    [
        ({"a": {"b": 1}}, {"a": {"c": 1}}, "tree 2 has no 'a.b'"),
        ({"a": [1, 2]}, {"a": [1]}, "tree 2 has no 'a.1'"),
        ({"a": [1]}, {"a": {"0": 1}}, "tree 2 must have a list or tuple at 'a'"),
        ({"a": {"b": 1}}, {"a": "text"}, "tree 2 must have a dict at 'a', got str"),
        ([1], 5, "tree 2 must have a list or tuple at its root"),
    ],
)
def test_map_names_the_node_that_is_missing(
    tree: Any, other: Any, message: str
) -> None:
    for map_function in (tree_map, tree_map_with_path):
        with pytest.raises(ValueError, match=message):
            map_function(lambda *_: None, tree, other)


def test_errors_of_the_callback_pass_through() -> None:
    def fail(_: Any, __: Any) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        tree_map(fail, [1], [2])


def test_map_with_path_prefixes() -> None:
    assert tree_map_with_path(lambda p, _: p, [0, {"x": 0}], path="m") == [
        "m.0",
        {"x": "m.1.x"},
    ]
    assert tree_map_with_path(lambda p, _: p, 5) == ""


def test_other_kinds_of_dicts_keep_their_ways() -> None:
    """Their own order; keys that are no strings; nothing added to a defaultdict."""
    ordered = OrderedDict(a=1, b=2)
    ordered.move_to_end("a")
    assert tree_flatten(ordered) == [("b", 2), ("a", 1)]
    assert list(tree_map(lambda x: x, ordered)) == ["b", "a"]
    assert tree_flatten({1: {2.5: 0, None: 1}}) == [("1.2.5", 0), ("1.None", 1)]
    with pytest.raises(ValueError, match="tree 2 has no 'a'"):
        tree_map(lambda x, _: x, {"a": 1}, {})
    assert tree_map(lambda x, y: x + y, {"a": 1}, defaultdict(int, a=2)) == {"a": 3}


def test_a_tree_that_changes_meanwhile_is_refused() -> None:
    tree: Any = {"a": 1, "b": 2}

    def grow(x: Any) -> Any:
        tree["c"] = 3
        return x

    with pytest.raises(RuntimeError, match="a dict changed its size"):
        tree_map(grow, tree)
    shrinking = [1, 2, 3]
    assert tree_map(lambda x: shrinking.pop(), shrinking) == [3, 2]


def test_a_raised_recursion_limit_is_no_way_to_a_crash() -> None:
    code = """
import sys
from ingot.utils import tree_flatten, tree_map
sys.setrecursionlimit(10**6)
tree = []
tree.append(tree)
for walk in (tree_flatten, lambda tree: tree_map(id, {"a": tree})):
    try:
        walk(tree)
    except ValueError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the tree contains itself") == 2


def test_unflatten_wants_pairs() -> None:
    with pytest.raises(
        ValueError, match="must be pairs \\(name, leaf\\), got one of 3"
    ):
        tree_unflatten([("a", 1, 2)])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="has no len"):
        tree_unflatten([5])  # type: ignore[list-item]


def test_merge() -> None:
    assert tree_merge({"a": 1}, {"b": 2}) == {"a": 1, "b": 2}
    assert list(tree_merge({"z": 1, "y": {}}, {"a": 2, "y": 3})) == ["z", "y", "a"]
    assert tree_merge([{"x": 1}, {}], [{}, {"y": 1}, 3]) == [{"x": 1}, {"y": 1}, 3]
    assert tree_merge(({"a": 1},), ({"b": 1}, 2)) == ({"a": 1, "b": 1}, 2)
    assert tree_merge(None, {"a": 1}) == tree_merge([], {"a": 1}) == {"a": 1}
    assert tree_merge({"a": None}, {"a": 1}) == {"a": 1}
    assert tree_merge([1, 2], [3], lambda a, b: a + b) == [4, 2]
    for a, b, place in (
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "'a.b'"),
        ([1], {"a": 1}, "the root"),
        ({"a": [1]}, {"a": {"x": 1}}, "'a'"),
    ):
        with pytest.raises(ValueError, match=f"both trees have a value at {place}"):
            tree_merge(a, b)


def test_reduce_starts_at_the_first_leaf_or_the_initializer() -> None:
    def join(total: Any, x: Any) -> Any:
        return f"{total}{x}"

    tree = {"a": [1, 2], "b": 3}
    assert tree_reduce(join, tree) == "123"
    assert tree_reduce(join, tree, "0") == "0123"
    assert tree_reduce(join, {}) is None
    assert tree_reduce(join, [], 7) == 7
    lists = {"a": [1, 2], "b": [3]}
    count = tree_reduce(
        lambda n, x: n + len(x), lists, 0, is_leaf=lambda x: isinstance(x, list)
    )
    assert count == 3


def cycles() -> list[Any]:
    simple: list[Any] = []
    simple.append(simple)
    twice: list[Any] = []
    twice += [twice, twice]
    through: dict[str, Any] = {"a": [1]}
    through["a"].append({"b": (through,)})
    return [simple, twice, through]


@pytest.mark.parametrize("tree", cycles(), ids=["list", "twice", "dict"])
def test_a_tree_that_contains_itself_is_refused(tree: Any) -> None:
    for call in (
        lambda: tree_flatten(tree),
        lambda: tree_map(id, tree),
        lambda: tree_map_with_path(lambda p, x: p, tree),
        lambda: tree_merge(tree, tree, lambda a, b: a),
        lambda: tree_reduce(lambda a, b: a, tree),
    ):
        with pytest.raises(ValueError, match="the tree contains itself"):
            call()


def test_a_tree_used_twice_is_no_cycle() -> None:
    shared = [1]
    deep: Any = {"a": shared, "b": shared}
    for _ in range(100):
        deep = [deep]
    assert len(tree_flatten(deep)) == 2
