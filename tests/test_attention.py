"""Attention beyond the op table: blocks, masks, gradients, memory; rotary positions."""

from __future__ import annotations

from typing import Any

import ingot.core as mx
import numpy as np
import pytest
import reference_attention as ref
from support import CORE, eps, to_core, to_numpy

attend = mx.fast.scaled_dot_product_attention


def drawn(rng: np.random.Generator, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    return [rng.normal(size=s).astype(np.float32) for s in shapes]


def operands(
    rng: np.random.Generator,
    heads: int,
    queries: int,
    keys: int,
    depth: int,
    kv: int | None = None,
) -> list[np.ndarray]:
    kv = kv or heads
    return drawn(
        rng, (1, heads, queries, depth), (1, kv, keys, depth), (1, kv, keys, depth)
    )


def wide(*arrays: Any) -> list[np.ndarray]:
    numbers = (a if isinstance(a, np.ndarray) else to_numpy(a) for a in arrays)
    return [x.astype(np.float64) for x in numbers]


def near(got: Any, want: np.ndarray, tolerance: float = 3e-6) -> None:
    got = to_numpy(got).astype(np.float64)
    assert got.shape == want.shape
    size = max(1.0, float(np.max(np.abs(want), initial=0.0)))
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * size)


def gradients(
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    mask: Any,
    scale: float,
    cotangent: np.ndarray,
) -> list[np.ndarray]:
    """Of q, k, v and the scores: the closed form, in float64."""
    group = q.shape[1] // k.shape[1]
    s = ref.scores(q, k, mask, scale)
    p = ref.attention(
        q,
        k,
        np.broadcast_to(np.eye(k.shape[2]), (*k.shape[:3], k.shape[2])),
        mask,
        scale,
    )
    wide_k, wide_v = (np.repeat(x, group, axis=1) for x in (k, v))
    slope = cotangent @ np.swapaxes(wide_v, -1, -2)
    ds = p * (slope - np.sum(p * slope, axis=-1, keepdims=True))
    assert ds.shape == s.shape

    def shared(x: np.ndarray) -> np.ndarray:
        return x.reshape(x.shape[0], -1, group, *x.shape[2:]).sum(axis=2)

    dk = shared(scale * np.swapaxes(ds, -1, -2) @ q)
    dv = shared(np.swapaxes(p, -1, -2) @ cotangent)
    return [scale * ds @ wide_k, dk, dv, ds]


def check(arrays: list[Any], mask: Any, tolerance: float = 3e-6) -> None:
    """Values and gradients of q, k and v."""
    q, _, v = arrays
    scale = q.shape[-1] ** -0.5
    cotangent = np.random.default_rng(3).normal(size=(*q.shape[:3], v.shape[-1]))
    c = to_core(cotangent.astype(np.float32))
    given = to_core(mask) if isinstance(mask, np.ndarray) else mask

    def f(*xs: Any) -> list[Any]:
        return [attend(*xs, scale=scale, mask=given)]

    (y,), got = mx.vjp(f, [to_core(x) for x in arrays], [c])
    exact = wide(*arrays)
    near(y, ref.attention(*exact, mask, scale), tolerance)
    wants = gradients(*exact, mask, scale, wide(c)[0])
    for a, b in zip(got, wants[:3], strict=True):
        near(a, b, 2 * tolerance)


SIZES = [
    (1, 1, 1),
    (1, 63, 255),
    (2, 64, 256),
    (1, 65, 257),
    (2, 130, 600),
    (1, 600, 130),
    (1, 1, 700),
]


@pytest.mark.parametrize(("heads", "queries", "keys"), SIZES)
@pytest.mark.parametrize("mask", [None, "causal"])
def test_lengths_around_blocks(
    heads: int, queries: int, keys: int, mask: str | None, rng: np.random.Generator
) -> None:
    """Blocks that are whole, cut, or hidden, for either side."""
    check(operands(rng, heads, queries, keys, 24), mask)


@pytest.mark.parametrize("kv", [1, 2, 4])
def test_heads_share_keys(kv: int, rng: np.random.Generator) -> None:
    check(operands(rng, 4, 33, 70, 20, kv), "causal")


@pytest.mark.parametrize("shape", [(40, 300), (1, 300), (40, 1), (2, 1, 300), (1,)])
@pytest.mark.parametrize("boolean", [True, False])
def test_masks_broadcast(
    shape: tuple[int, ...], boolean: bool, rng: np.random.Generator
) -> None:
    mask = rng.random(shape) < 0.5 if boolean else 2 * rng.normal(size=shape)
    mask = mask if boolean else mask.astype(np.float32)
    check(operands(rng, 2, 40, 300, 16), mask)


def test_gradient_of_a_mask(rng: np.random.Generator) -> None:
    """It is that of the scores, summed where the mask was broadcast; alone as well."""
    q, k, v, mask, c = (
        rng.normal(size=s)
        for s in ((2, 4, 5, 3), (2, 2, 7, 3), (2, 2, 7, 3), (4, 1, 7), (2, 4, 5, 3))
    )
    ds = gradients(q, k, v, mask, 0.5, c)[3]

    def f(q: Any, mask: Any) -> Any:
        y = attend(q, to_core(k), to_core(v), scale=0.5, mask=mask)
        return (y * to_core(c)).sum()

    want = ds.sum(axis=(0, 2))[:, None]
    near(mx.grad(f, argnums=1)(to_core(q), to_core(mask)), want, 1e-13)
    dq, dmask = mx.grad(f, argnums=(0, 1))(to_core(q), to_core(mask))
    near(dmask, want, 1e-13)
    near(dq, gradients(q, k, v, mask, 0.5, c)[0], 1e-13)


@pytest.mark.parametrize("kind", ["boolean", "additive", "causal"])
def test_a_query_that_sees_nothing_gets_zeros(
    kind: str, rng: np.random.Generator
) -> None:
    """Its result and its gradients are 0, not NaN, of second order too."""
    q, k, v = operands(rng, 1, 5, 3, 4)
    mask: Any = "causal"
    if kind != "causal":
        seen = np.ones((5, 3), bool)
        seen[:2] = False
        mask = seen if kind == "boolean" else np.where(seen, 0, -np.inf)
        mask = to_core(mask if kind == "boolean" else mask.astype(np.float32))

    def f(q: Any, k: Any, v: Any) -> Any:
        return mx.square(attend(q, k, v, scale=0.5, mask=mask)).sum()

    def slopes(q: Any, k: Any, v: Any) -> Any:
        return sum(mx.square(g).sum() for g in mx.grad(f, argnums=(0, 1, 2))(q, k, v))

    arrays = [to_core(x) for x in (q, k, v)]
    y = attend(*arrays, scale=0.5, mask=mask)
    first = mx.grad(f, argnums=(0, 1, 2))(*arrays)
    second = mx.grad(slopes, argnums=(0, 1, 2))(*arrays)
    for x in (y, *first, *second):
        assert np.isfinite(to_numpy(x)).all()
    for x in (y, first[0], second[0]):
        assert not to_numpy(x)[:, :, :2].any() and to_numpy(x)[:, :, 3:].any()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_types_are_rounded_once(dtype: str, rng: np.random.Generator) -> None:
    """Scores of hundreds, of which half types tell few apart, are kept in float32."""
    arrays = [to_core(x).astype(CORE[dtype]) for x in operands(rng, 2, 40, 300, 16)]
    arrays[0] = arrays[0] * 30
    y = attend(*arrays, scale=1.0, mask="causal")
    assert y.dtype == CORE[dtype]
    want = ref.attention(*wide(*arrays), "causal", 1.0)
    near(y, want, 0.75 * eps(dtype))
    grads = mx.grad(
        lambda *xs: attend(*xs, scale=0.1).astype(mx.float32).sum(), argnums=(0, 1, 2)
    )(*arrays)
    ones = np.ones(want.shape)
    for a, b in zip(grads, gradients(*wide(*arrays), None, 0.1, ones), strict=False):
        assert a.dtype == CORE[dtype]
        near(a, b, eps(dtype))


def test_mixed_types_promote(rng: np.random.Generator) -> None:
    q, k, v = (to_core(x) for x in operands(rng, 1, 4, 4, 4))
    half = [x.astype(mx.float16) for x in (q, k)]
    assert attend(*half, v, scale=1.0).dtype == mx.float32
    mask = mx.zeros((4, 4), dtype=mx.float16)
    assert attend(*half, half[0], scale=1.0, mask=mask).dtype == mx.float16


def test_views_of_one_array(rng: np.random.Generator) -> None:
    """As a layer has them: q, k and v cut from one product, heads moved forward."""
    (x,) = drawn(rng, (2, 70, 3, 4, 16))
    q, k, v = (np.ascontiguousarray(x[:, :, i].swapaxes(1, 2)) for i in range(3))
    packed = to_core(x)
    views = [packed[:, :, i].swapaxes(1, 2) for i in range(3)]
    near(
        attend(*views, scale=0.25, mask="causal"),
        ref.attention(*wide(q, k, v), "causal", 0.25),
    )
    c = to_core(rng.normal(size=(2, 16, 70, 4)).astype(np.float32)).swapaxes(1, 3)
    _, got = mx.vjp(lambda *xs: [attend(*xs, scale=0.25)], views, [c])
    wants = gradients(*wide(q, k, v), None, 0.25, wide(c)[0])
    for a, b in zip(got, wants, strict=False):
        near(a, b, 1e-5)


def test_each_gradient_alone(rng: np.random.Generator) -> None:
    """It is the same, asked for alone or with the others."""
    arrays = [to_core(x) for x in operands(rng, 2, 70, 300, 8)]

    def f(*xs: Any) -> Any:
        return mx.square(attend(*xs, scale=0.3, mask="causal")).sum()

    every = mx.grad(f, argnums=(0, 1, 2))(*arrays)
    for i, want in enumerate(every):
        alone = mx.grad(f, argnums=i)(*arrays)
        assert to_numpy(alone).tobytes() == to_numpy(want).tobytes()


def test_threads_change_no_bit(rng: np.random.Generator) -> None:
    arrays = [to_core(x) for x in operands(rng, 3, 300, 520, 32)]

    def results() -> list[bytes]:
        with mx.stream(mx.cpu):
            f = lambda *xs: attend(*xs, scale=0.2, mask="causal").sum()  # noqa: E731
            grads = mx.grad(f, argnums=(0, 1, 2))(*arrays)
            y = attend(*arrays, scale=0.2, mask="causal")
            return [to_numpy(x).tobytes() for x in (y, *grads)]

    before, runs = mx.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            mx.set_num_threads(threads)
            runs.append(results())
    finally:
        mx.set_num_threads(before)
    assert runs[0] == runs[1] == runs[2]


@pytest.mark.parametrize("mask", [None, "causal"])
def test_memory_grows_with_the_length(mask: str | None) -> None:
    """Scores of 4096 x 4096 would take 64 MiB; they are never there."""
    with mx.stream(mx.cpu):
        q = mx.random.normal((1, 1, 4096, 32))
        mx.eval(q)
        array = q.nbytes

        def f(q: Any) -> Any:
            return attend(q, q, q, scale=0.2, mask=mask).sum()

        for work, arrays in ((f, 3), (mx.grad(f), 16)):
            mx.eval(work(q))
            mx.clear_cache()
            before = mx.get_active_memory()
            mx.reset_peak_memory()
            mx.eval(work(q))
            assert mx.get_peak_memory() - before < arrays * array
            assert arrays * array < 4096 * 4096  # a quarter of the scores


@pytest.mark.parametrize("special", [np.nan, np.inf])
def test_special_numbers_reach_their_query_alone(
    special: float, rng: np.random.Generator
) -> None:
    q, k, v = operands(rng, 1, 70, 40, 8)
    q[0, 0, 3, 2] = special
    y = to_numpy(attend(*[to_core(x) for x in (q, k, v)], scale=1.0))
    assert np.isnan(y[0, 0, 3]).any()
    rest = np.delete(y, 3, axis=2)
    assert np.isfinite(rest).all()


def test_large_scores_do_not_overflow(rng: np.random.Generator) -> None:
    q, k, v = operands(rng, 1, 70, 300, 8)
    y = attend(*[to_core(x) for x in (q * 1e4, k, v)], scale=1e3)
    near(y, ref.attention(*wide(q * np.float32(1e4), k, v), None, 1e3), 1e-5)


def test_sinks_take_probability(rng: np.random.Generator) -> None:
    """A sink of -inf is none; a large one leaves nothing. Gradients reach sinks."""
    arrays = [to_core(x) for x in operands(rng, 2, 5, 7, 4)]
    plain = attend(*arrays, scale=0.5)
    none = attend(*arrays, scale=0.5, sinks=mx.array([-np.inf, -np.inf]))
    near(none, wide(plain)[0], 1e-7)
    y = attend(*arrays, scale=0.5, sinks=mx.array([100.0, -np.inf]))
    assert np.abs(to_numpy(y)[0, 0]).max() < 1e-30
    near(y[0, 1], wide(plain)[0][0, 1], 1e-7)
    exact = wide(*arrays)

    def f(sinks: np.ndarray) -> float:
        return float(np.sum(ref.attention(*exact, None, 0.5, sinks) ** 2))

    got = mx.grad(lambda s: mx.square(attend(*arrays, scale=0.5, sinks=s)).sum())(
        mx.array([0.3, -0.2])
    )
    step = 1e-5 * np.eye(2)
    sinks = np.array([0.3, -0.2])
    want = np.array([(f(sinks + d) - f(sinks - d)) / 2e-5 for d in step])
    near(got, want, 1e-5)


# Rotary positions -------------------------------------------------------------------

OPTIONS: dict[str, Any] = {"traditional": False, "base": 1e4, "scale": 1.0}


@pytest.mark.parametrize("traditional", [False, True])
@pytest.mark.parametrize("offset", [0, 100, 10**4, 10**6, 10**9])
def test_rope_is_exact_at_large_positions(
    traditional: bool, offset: int, rng: np.random.Generator
) -> None:
    (x,) = drawn(rng, (2, 50, 64))
    options = {**OPTIONS, "traditional": traditional}
    y = mx.fast.rope(to_core(x), 64, **options, offset=offset)
    want = ref.rope(wide(x)[0], 64, traditional, 1e4, 1.0, offset)
    near(y, want, 3e-7)
    freqs = (1e4 ** (np.arange(32) / 32)).astype(np.float32)
    options["base"] = None
    y = mx.fast.rope(to_core(x), 64, **options, offset=offset, freqs=to_core(freqs))
    want = ref.rope(wide(x)[0], 64, traditional, None, 1.0, offset, wide(freqs)[0])
    near(y, want, 3e-7)


def test_rope_turns_back(rng: np.random.Generator) -> None:
    """The gradient turns by the negative angle, so that of a turn is what came in."""
    (x,) = drawn(rng, (2, 3, 7, 10))
    turn = lambda a: mx.fast.rope(a, 8, **OPTIONS, offset=5)  # noqa: E731
    _, (back,) = mx.vjp(lambda a: [turn(a)], [to_core(x)], [turn(to_core(x))])
    near(back, wide(x)[0], 3e-7)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_rope_of_half_types(dtype: str, rng: np.random.Generator) -> None:
    x = to_core(rng.normal(size=(2, 9, 8)).astype(np.float32)).astype(CORE[dtype])
    y = mx.fast.rope(x, 8, **OPTIONS, offset=70000)
    assert y.dtype == CORE[dtype]
    near(y, ref.rope(wide(x)[0], 8, False, 1e4, 1.0, 70000), 0.51 * eps(dtype))


def test_rope_takes_offsets_of_each_example(rng: np.random.Generator) -> None:
    x = to_core(drawn(rng, (3, 2, 5, 4))[0])
    y = mx.fast.rope(x, 4, **OPTIONS, offset=mx.array([0, 7, -2]))
    for i, offset in enumerate((0, 7, -2)):
        alone = mx.fast.rope(x[i : i + 1], 4, **OPTIONS, offset=offset)
        np.testing.assert_array_equal(to_numpy(y[i : i + 1]), to_numpy(alone))


@pytest.mark.parametrize("traditional", [False, True])
def test_rope_of_long_and_strided_rows(
    traditional: bool, rng: np.random.Generator
) -> None:
    """Rows beyond a tile, and heads behind positions, as layers have them."""
    (long,) = drawn(rng, (1, 3, 1100))
    (heads,) = drawn(rng, (2, 70, 3, 20))
    for x, view in (
        (long, to_core(long)),
        (heads.swapaxes(1, 2), to_core(heads).swapaxes(1, 2)),
    ):
        options = {**OPTIONS, "traditional": traditional}
        y = mx.fast.rope(view, 16, **options, offset=2)
        near(y, ref.rope(wide(x)[0], 16, traditional, 1e4, 1.0, 2), 3e-7)


def test_an_infinite_frequency_turns_nothing(rng: np.random.Generator) -> None:
    x = to_core(drawn(rng, (1, 5, 4))[0])
    options = {**OPTIONS, "base": None, "freqs": mx.array([np.inf, np.inf])}
    y = mx.fast.rope(x, 4, **options, offset=3)
    np.testing.assert_array_equal(to_numpy(y), to_numpy(x))


def test_cross_entropy_out_of_range() -> None:
    y = mx.fast.cross_entropy(mx.zeros((2, 3)), mx.array([0, 3]))
    with pytest.raises(IndexError):
        mx.eval(y)
