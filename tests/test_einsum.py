"""einsum: the order of its contractions, its types, and what it refuses."""

from __future__ import annotations

import itertools
from typing import Any

import ingot.core as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import dtype_name, eps, raises, to_core, to_numpy


def costs(text: str, sizes: dict[str, int], path: list[tuple[int, ...]]) -> int:
    """Multiplications of a contraction in the order of `path`."""
    inputs, output = text.split("->")
    terms = [set(t) for t in inputs.split(",")]
    total = 0
    for step in path:
        taken = [terms[i] for i in step]
        terms = [t for i, t in enumerate(terms) if i not in step]
        union = set().union(*taken)
        total += int(np.prod([sizes[c] for c in union]))
        terms.append(union & set(output).union(*terms))
    assert len(terms) == 1
    return total


def every_path(n: int) -> Any:
    """Every order of contracting n operands two at a time."""
    if n == 1:
        yield []
        return
    for pair in itertools.combinations(range(n), 2):
        for rest in every_path(n - 1):
            yield [pair, *rest]


def operands(text: str, sizes: dict[str, int]) -> list[Any]:
    terms = text.split("->")[0].split(",")
    return [mx.ones(tuple(sizes[c] for c in term)) for term in terms]


@pytest.mark.parametrize(
    "text",
    [
        "ab,bc,cd->ad",
        "ab,bc,cd,de->ae",
        "ab,ab,bc->c",
        "abc,cd,be,ae->d",
        "a,b,c,d->",
        "ab,bc,ca->",
        "ab,bc,cd,de,ef->af",
    ],
)
def test_no_order_of_a_few_operands_is_cheaper(text: str) -> None:
    rng = np.random.default_rng(4)
    for _ in range(5):
        sizes = {
            c: int(n) for c, n in zip("abcdef", rng.integers(1, 12, 6), strict=True)
        }
        path, info = mx.einsum_path(text, *operands(text, sizes))
        n = text.count(",") + 1
        best = min(costs(text, sizes, p) for p in every_path(n))
        assert costs(text, sizes, path) == best
        assert text in info


def test_a_chain_of_many_operands_stays_small() -> None:
    """Beyond the few: a chain of 14 matrices is never contracted all at once."""
    letters = "abcdefghijklmno"
    text = ",".join(a + b for a, b in itertools.pairwise(letters)) + "->ao"
    sizes = dict.fromkeys(letters, 10)
    path, _ = mx.einsum_path(text, *operands(text, sizes))
    assert len(path) == 13
    assert costs(text, sizes, path) == 13 * 1000


def test_path_of_one_and_two_operands() -> None:
    x = mx.ones((2, 3))
    path, text = mx.einsum_path("ij->i", x)
    assert path == [(0,)]
    assert isinstance(text, str)
    assert mx.einsum_path("ij,kj->ik", x, x)[0] == [(0, 1)]


@st.composite
def problems(draw: Any) -> tuple[str, list[np.ndarray]]:
    """Small random equations with operands of small integers."""
    letters = draw(st.lists(st.sampled_from("abcde"), min_size=1, max_size=9))
    sizes = {c: draw(st.integers(1, 3)) for c in "abcde"}
    cuts = sorted(draw(st.lists(st.integers(0, len(letters)), max_size=3)))
    bounds = [0, *cuts, len(letters)]
    terms = ["".join(letters[a:b]) for a, b in itertools.pairwise(bounds)]
    output = draw(st.permutations(sorted(set(letters))))
    output = output[: draw(st.integers(0, len(output)))]
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    arrays = [
        rng.integers(-3, 4, [sizes[c] for c in term]).astype(np.float32)
        for term in terms
    ]
    text = ",".join(terms)
    return (f"{text}->{''.join(output)}" if draw(st.booleans()) else text), arrays


@given(problems())
def test_any_equation(problem: tuple[str, list[np.ndarray]]) -> None:
    """Sums of products of small integers are exact in every order."""
    text, arrays = problem
    got = to_numpy(mx.einsum(text, *[to_core(x) for x in arrays]))
    want = np.einsum(text, *[x.astype(np.float64) for x in arrays])
    np.testing.assert_array_equal(got, want)


def test_more_letters_than_one_word_of_operands() -> None:
    """All 52 letters, and axes without a name."""
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    text = ",".join(letters) + "->"
    xs = [mx.array([1.0, 1.0])] * 52
    assert mx.einsum(text, *xs).item() == 2.0**52
    got = mx.einsum("...z,zA...->A...", mx.ones((2, 3, 4)), mx.ones((4, 5, 2, 3)))
    assert got.tolist() == [[[4.0] * 3] * 2] * 5


def test_integers_are_exact_and_wide() -> None:
    """Narrow integers are multiplied and summed in 32 bits, where sum does so."""
    x = np.full((4, 5), 100, np.int8)
    got = mx.einsum("ij,kj->ik", to_core(x), to_core(x))
    assert dtype_name(got) == "int32"
    assert got.tolist() == [[50_000] * 4] * 4
    assert mx.einsum("ij,ij->", to_core(x), to_core(x)).item() == 200_000
    assert mx.inner(to_core(x), to_core(x)).tolist() == [[50_000] * 4] * 4
    assert mx.tensordot(to_core(x), to_core(x)).item() == 200_000
    assert mx.vecdot(to_core(x), to_core(x)).tolist() == [50_000] * 4
    assert dtype_name(mx.einsum("ij->ji", to_core(x))) == "int8"
    big = mx.full((3,), 2**40 + 1, mx.int64)
    assert mx.einsum("i,i->", big, mx.array([1, 2, 3])).item() == 6 * (2**40 + 1)


def test_pairs_of_single_axes() -> None:
    """tensordot takes one axis of each as well, from either end."""
    x, y = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
    for axes in ([-1, 0], (1, -2), [[1], 0]):
        got = mx.tensordot(to_core(x), to_core(y), axes)
        np.testing.assert_array_equal(to_numpy(got), x @ y)


def test_types_are_promoted() -> None:
    half, whole = mx.ones((2, 2), mx.float16), mx.ones((2, 2), mx.int32)
    for got in (
        mx.einsum("ij,jk", half, whole),
        mx.inner(half, whole),
        mx.outer(whole, half),
        mx.kron(half, whole),
        mx.vecdot(whole, half),
        mx.tensordot(half, whole),
    ):
        assert dtype_name(got) == "float16"


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_rounded_once(dtype: str) -> None:
    """However many operands: within half a unit in the last place."""
    rng = np.random.default_rng(8)
    xs = [mx.array(rng.uniform(1, 2, (6, 6))).astype(getattr(mx, dtype)) for _ in "abc"]
    wide = [to_numpy(x).astype(np.float64) for x in xs]
    for text, n in (("ij,jk,kl->il", 3), ("ij,ij,ij->ij", 3), ("ij,jk->k", 2)):
        got = to_numpy(mx.einsum(text, *xs[:n])).astype(np.float64)
        want = np.einsum(text, *wide[:n])
        np.testing.assert_allclose(got, want, rtol=eps(dtype) / 2)


def test_products_of_matrices_read_transposes_in_place() -> None:
    """'ik,jk->ij' is one product: no operand is copied."""
    from ingot import _core

    a, b = mx.ones((64, 64)), mx.ones((64, 64))
    mx.eval(a, b)
    before = _core._allocations()
    mx.eval(mx.einsum("ik,jk->ij", a, b))
    assert _core._allocations() - before == 1


BAD = [
    ("ij,jk->ik", 1),
    ("ij", 2),
    ("i->i", 1),
    ("ijk->ijk", 1),
    ("...ijk", 1),
    ("ij->ii", 1),
    ("ij->k", 1),
    ("i.j->i", 1),
    ("..ij", 1),
    ("......ij", 1),
    ("i1->i", 1),
    ("ij->i->j", 1),
    ("ij>i", 1),
    ("ij-i", 1),
    ("", 1),
    ("ij->i,j", 1),
    ("ii->i", 1),
    ("ij,ji->i", 2),
    ("é", 1),
]


@pytest.mark.parametrize(("text", "count"), BAD)
def test_refuses(text: str, count: int) -> None:
    """What cannot be read, or does not fit, is a ValueError that shows it."""
    xs = [mx.ones((2, 3))] * count
    for f in (mx.einsum, mx.einsum_path):
        error = raises(lambda f=f: f(text, *xs))
        assert isinstance(error, ValueError), repr(error)
        assert "einsum" in str(error)
        assert f"'{text}'" in str(error)


def test_refuses_what_are_no_arrays() -> None:
    for f in (mx.einsum, mx.einsum_path):
        assert isinstance(raises(lambda f=f: f("ij")), ValueError)
        assert isinstance(raises(lambda f=f: f(None, mx.ones((2,)))), TypeError)
        assert isinstance(raises(lambda f=f: f("i", None)), (TypeError, ValueError))
