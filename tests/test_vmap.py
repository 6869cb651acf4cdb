"""vmap: every op of the table, nested in itself and in other transforms."""

from __future__ import annotations

import itertools

import ingot.core as mx
import ingot.nn as nn
import numpy as np
import op_table
import pytest
from ingot import _core
from op_case import OpCase, Sample
from support import map_arrays, to_core, to_numpy

# Their results look at values, so they have no graph.
LOOKING = "must not be evaluated"


def flat(value):
    return value if isinstance(value, (list, tuple)) else [value]


def close(a, b):
    a, b = to_numpy(a), to_numpy(b)
    assert a.dtype == b.dtype and a.shape == b.shape
    if a.dtype.kind in "biu":
        assert np.array_equal(a, b)
    else:
        np.testing.assert_allclose(
            a.astype(np.float64), b.astype(np.float64), rtol=2e-5, atol=1e-6
        )


def versions(sample: Sample) -> list[tuple]:
    """Three examples: the arguments, the same turned around, and once more."""
    turned = tuple(map_arrays(lambda x: np.array(np.flip(x)), a) for a in sample.args)
    return [sample.args, turned, sample.args]


def stacked(examples: list[tuple], axis: int) -> list:
    columns = []
    for parts in zip(*examples, strict=True):
        leaves: list[list[np.ndarray]] = [[] for _ in parts]
        for part, found in zip(parts, leaves, strict=True):
            map_arrays(found.append, part)
        rows = iter([np.stack(arrays, axis) for arrays in zip(*leaves, strict=True)])
        columns.append(map_arrays(lambda _, rows=rows: next(rows), parts[0]))
    return columns


@pytest.mark.parametrize("dtype", ["float32", "int32"])
@pytest.mark.parametrize("case", op_table.OPS, ids=lambda c: c.name)
def test_every_op(case: OpCase, dtype: str, rng):
    if dtype not in case.dtypes:
        pytest.skip(f"{case.name} is not defined for {dtype}")
    for sample in itertools.islice(case.samples(rng, dtype), 12):
        found: list[np.ndarray] = []
        map_arrays(found.append, list(sample.args))
        if not found:
            pytest.skip(f"{case.name} takes no arrays")
        examples = versions(sample)

        def f(*args, kwargs=sample.kwargs):
            return case(*args, **kwargs)

        want = [flat(f(*[map_arrays(to_core, a) for a in e])) for e in examples]
        columns = [map_arrays(to_core, c) for c in stacked(examples, 0)]
        try:
            got = flat(mx.vmap(f)(*columns))
        except ValueError as error:
            if LOOKING not in str(error):
                raise
            pytest.skip(f"{case.name} looks at values")
        for i, outputs in enumerate(zip(*want, strict=True)):
            close(got[i], mx.stack([mx.array(x) for x in outputs]))
        if not isinstance(sample.args[0], np.ndarray):
            continue
        # Only the first argument, and along its last axis.
        first = [map_arrays(to_core, c) for c in stacked(examples, -1)][:1]
        rest = [map_arrays(to_core, a) for a in sample.args[1:]]
        axes = (-1, *[None] * len(rest))
        got = flat(mx.vmap(f, in_axes=axes)(*first, *rest))
        for k, e in enumerate(examples):
            for a, b in zip(
                got, flat(f(map_arrays(to_core, e[0]), *rest)), strict=True
            ):
                close(a[k], mx.array(b))


def test_axes_of_trees():
    f = mx.vmap(
        lambda t, s: {"sum": t["a"] + t["b"][0] * s, "same": s, "a": t["a"]},
        in_axes=({"a": 1, "b": [None]}, None),
        out_axes={"sum": 0, "same": None, "a": -1},
    )
    a, b = mx.arange(6).reshape(2, 3), mx.array([10, 20])
    got = f({"a": a, "b": [b]}, mx.array(2))
    assert got["sum"].tolist() == (a.T + b * 2).tolist()
    assert got["same"].item() == 2
    assert got["a"].tolist() == a.tolist()


def test_what_does_not_depend_on_the_batch_is_repeated():
    f = mx.vmap(lambda x: (mx.zeros(2), x), out_axes=(1, 0))
    zeros, same = f(mx.ones((3, 4)))
    assert zeros.shape == (2, 3) and same.shape == (3, 4)


def test_nested(rng):
    x = mx.array(rng.normal(size=(3, 4, 5)).astype(np.float32))
    y = mx.array(rng.normal(size=(4, 5)).astype(np.float32))
    f = mx.vmap(mx.vmap(lambda a, b: (a * b).sum(), in_axes=(0, 0)), in_axes=(0, None))
    close(f(x, y), (x * y).sum(axis=-1))
    g = mx.vmap(lambda a: mx.vmap(lambda b: mx.logsumexp(a * b))(y), in_axes=1)
    want = mx.stack(
        [mx.stack([mx.logsumexp(x[:, j] * b) for b in y]) for j in range(4)]
    )
    close(g(x), want)


def loss(w, x):
    return mx.tanh(mx.softmax(x @ w) @ w.T).sum()


def test_gradients_of_each_example(rng):
    w = mx.array(rng.normal(size=(5, 3)).astype(np.float32))
    x = mx.array(rng.normal(size=(4, 2, 5)).astype(np.float32))
    each = mx.vmap(mx.grad(loss), in_axes=(None, 0))(w, x)
    close(each, mx.stack([mx.grad(loss)(w, e) for e in x]))
    total = mx.grad(lambda w: mx.vmap(loss, in_axes=(None, 0))(w, x).sum())(w)
    close(total, each.sum(axis=0))
    # The Hessian: a gradient for each row of the gradient.
    flat_loss = lambda v: loss(v.reshape(5, 3), x[0])  # noqa: E731
    v = w.reshape(-1)
    rows = mx.vmap(lambda e: mx.grad(lambda v: (mx.grad(flat_loss)(v) * e).sum())(v))
    hessian = rows(mx.eye(15))
    close(hessian, hessian.T)
    step = 1e-2
    ahead, behind = (mx.grad(flat_loss)(v + s * mx.eye(15)[3]) for s in (step, -step))
    np.testing.assert_allclose(
        np.array(hessian[3]), np.array((ahead - behind) / (2 * step)), atol=2e-3
    )


def attention(x):
    q, k, v = x[:, :2], x[:, 2:4], x[:, 4:]
    y = mx.fast.scaled_dot_product_attention(q, k, v, scale=0.5, mask="causal")
    return (y * y).sum()


KERNEL = mx.random.normal((4, 3, 3, 2), key=mx.random.key(5))


@pytest.mark.parametrize(
    ("f", "shape"),
    [
        (attention, (1, 6, 5, 4)),
        (lambda x: mx.tanh(mx.conv2d(x, KERNEL, 2, 1)).sum(), (2, 6, 5, 2)),
        (lambda x: mx.tanh(mx.conv2d(KERNEL, x[:, :2, :2])).sum(), (3, 3, 3, 2)),
        (lambda x: mx.cumprod(mx.cumsum(x, axis=0), axis=1).sum(), (3, 4)),
        (lambda x: mx.tanh(mx.diagonal(x, 1)).sum(), (3, 4)),
        (lambda x: mx.linalg.slogdet(x @ x.T + mx.eye(4))[1], (4, 4)),
        (lambda x: mx.linalg.svd(x, compute_uv=False).sum(), (3, 4)),
        (lambda x: mx.linalg.solve(x + 5 * mx.eye(4), x).sum(), (4, 4)),
        (lambda x: mx.fast.layer_norm(x, x[0], None, 1e-5).max(), (3, 4)),
    ],
)
def test_gradients_of_families(f, shape, rng):
    x = mx.array(rng.normal(size=(3, *shape)).astype(np.float32))
    g = mx.grad(f)
    close(mx.vmap(g)(x), mx.stack([g(e) for e in x]))
    close(mx.grad(lambda x: mx.vmap(f)(x).sum())(x), mx.vmap(g)(x))


def test_a_wrong_rule_is_an_error_that_names_the_operation():
    """Where nothing but the core looks at what it gives."""
    wrong = {
        "shape": lambda x: [x[0][:, :1]],
        "dtype": lambda x: [x[0].astype(mx.int32)],
        "number": lambda x: [x[0], x[0]],
        "axis": lambda x: [x[0][0]],
    }
    for rule in wrong.values():

        def f(x, rule=rule):
            return _core._custom_function(
                lambda arrays: [arrays[0] * 2],
                [x],
                None,
                None,
                lambda arrays, *rest: rule(arrays),
            )[0]

        with pytest.raises(RuntimeError, match=r"custom_function: its rule for vmap"):
            mx.vmap(f)(mx.ones((3, 2)))


def test_with_jvp_and_compile(rng):
    x = mx.array(rng.normal(size=(4, 6)).astype(np.float32))
    f = lambda a: mx.sort(mx.exp(a))  # noqa: E731
    want = mx.stack([mx.jvp(f, [a], [a])[1][0] for a in x])
    close(mx.vmap(lambda a: mx.jvp(f, [a], [a])[1][0])(x), want)
    g = mx.compile(mx.vmap(f))
    for _ in range(2):
        close(g(x), mx.sort(mx.exp(x)))
    close(mx.vmap(mx.compile(f))(x), mx.sort(mx.exp(x)))
    close(
        mx.compile(mx.grad(lambda x: mx.vmap(mx.logsumexp)(x).sum()))(x),
        mx.softmax(x, -1),
    )


def test_modules(rng):
    model = nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 2))
    x = mx.array(rng.normal(size=(3, 5, 6)).astype(np.float32))
    close(mx.vmap(model, in_axes=1)(x), model(x).swapaxes(0, 1))
    # Weights and inputs of several models at once.
    w = mx.array(rng.normal(size=(3, 8)).astype(np.float32))
    b = mx.array(rng.normal(size=(3, 8)).astype(np.float32))
    h = mx.array(rng.normal(size=(3, 8)).astype(np.float32))
    f = lambda h, w, b: mx.fast.layer_norm(h, w, b, 1e-5)  # noqa: E731
    close(mx.vmap(f)(h, w, b), mx.stack([f(*p) for p in zip(h, w, b, strict=True)]))


def test_random_draws():
    keys = mx.random.split(mx.random.key(3), 4)
    got = mx.vmap(lambda key: mx.random.normal((5,), key=key))(keys)
    close(got, mx.stack([mx.random.normal((5,), key=key) for key in keys]))
    same = mx.vmap(lambda x: x + mx.random.uniform(shape=(2,)))(mx.zeros((3, 2)))
    assert same[0].tolist() == same[1].tolist() == same[2].tolist()


@pytest.mark.parametrize("f", [mx.exp, mx.sum, mx.sort, lambda x: mx.linalg.qr(x)[0]])
def test_no_examples(f):
    shape = (3, 3)
    got = mx.vmap(f)(mx.zeros((0, *shape)))
    assert got.shape == (0, *f(mx.zeros(shape)).shape)


def test_an_operation_is_built_once():
    calls = []
    f = mx.vmap(lambda x: calls.append(1) or mx.exp(x) + 1)
    assert f(mx.zeros(1000)).tolist() == [2.0] * 1000
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: mx.vmap(3), TypeError, "vmap: fun must be callable, got int"),
        (lambda: mx.vmap(mx.exp)(mx.array(1.0)), ValueError, "must be axes of their"),
        (lambda: mx.vmap(mx.exp, 100)(mx.ones(2)), ValueError, "must be axes of their"),
        (lambda: mx.vmap(mx.exp, None)(mx.ones(2)), ValueError, "at least one array"),
        (lambda: mx.vmap(mx.exp)(), ValueError, "at least one array"),
        (lambda: mx.vmap(mx.exp)(x=mx.ones(2)), TypeError, "must be positional, got x"),
        (lambda: mx.vmap(mx.exp, 0.5)(mx.ones(2)), TypeError, "an integer, None or"),
        (lambda: mx.vmap(mx.exp, (0, 0))(mx.ones(2)), ValueError, "one entry for each"),
        (
            lambda: mx.vmap(lambda t: t, ({"b": 0},))({"a": mx.ones(2)}),
            ValueError,
            "must have the keys of its tree",
        ),
        (
            lambda: mx.vmap(mx.add)(mx.ones(2), mx.ones(3)),
            ValueError,
            r"one length, got \[2, 3\]",
        ),
        (
            lambda: mx.vmap(mx.exp, out_axes=None)(mx.ones(2)),
            ValueError,
            "out_axes must not be None",
        ),
        (
            lambda: mx.vmap(mx.exp, 0, 100)(mx.ones(2)),
            ValueError,
            "axes of the outputs",
        ),
        (lambda: mx.vmap(float)(mx.ones(2)), ValueError, LOOKING),
    ],
)
def test_bad_input(make, error, words):
    with pytest.raises(error, match=words):
        make()
