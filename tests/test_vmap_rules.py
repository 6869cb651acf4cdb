"""The rules by which vmap builds operations once, for all examples."""

from __future__ import annotations

import coverage_table
import ingot.core as mx
import numpy as np
import op_table
import pytest
from ingot import _core
from op_case import OpCase
from test_vmap import close, flat


@pytest.mark.parametrize("case", op_table.OPS, ids=lambda c: c.name)
def test_no_op_goes_through_the_examples(case: OpCase):
    """As many operations are built for five examples as for two."""
    sample = coverage_table.sample_of(case)
    if sample is None:
        pytest.skip(f"{case.name} takes no arrays")
    assert coverage_table.built_once(case, sample) is not False


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("axes", [(0, 0), (None, 0), (0, None)], ids=str)
def test_convolutions_with_weights_of_their_own(groups, transposed, axes, rng):
    """And their derivatives, which are convolutions as well."""
    f = mx.conv_transpose2d if transposed else mx.conv2d
    x = mx.array(rng.normal(size=(3, 2, 6, 5, 4)).astype(np.float32))
    w = mx.array(rng.normal(size=(3, 8, 3, 2, 4 // groups)).astype(np.float32))
    x, w = (a if axis == 0 else a[0] for a, axis in zip((x, w), axes, strict=True))
    g = lambda x, w: mx.tanh(f(x, w, 2, 1, groups=groups)).sum()  # noqa: E731

    def results(x, w):
        return f(x, w, 2, 1, groups=groups), *mx.grad(g, (0, 1))(x, w)

    each = [
        results(
            *(a[i] if axis == 0 else a for a, axis in zip((x, w), axes, strict=True))
        )
        for i in range(3)
    ]
    got = mx.vmap(results, in_axes=axes)(x, w)
    for a, b in zip(got, zip(*each, strict=True), strict=True):
        close(a, mx.stack(list(b)))


@pytest.mark.parametrize("each", ["x", "offset", "both", "offsets", "freqs"])
def test_rotary_positions(each, rng):
    x = mx.array(rng.normal(size=(3, 2, 4, 5, 6)).astype(np.float32))
    if each in ("offset", "offsets", "freqs"):
        x = x[0]
    offset, freqs = mx.array([1, 5, 9]), mx.array(rng.uniform(1, 9, (3, 3)))
    if each == "offsets":
        offset = mx.array([[1, 2], [5, 4], [9, 0]])
    axes = {"x": (0, None, None), "both": (0, 0, None), "freqs": (None, None, 0)}
    axes = axes.get(each, (None, 0, None))
    args = [
        a if axis == 0 or a is x else a[0]
        for a, axis in zip((x, offset, freqs.astype(mx.float32)), axes, strict=True)
    ]

    def f(x, offset, freqs):
        return mx.fast.rope(
            x, 6, traditional=False, base=None, scale=1.0, offset=offset, freqs=freqs
        )

    want = [
        f(*(a[i] if axis == 0 else a for a, axis in zip(args, axes, strict=True)))
        for i in range(3)
    ]
    close(mx.vmap(f, in_axes=axes)(*args), mx.stack(want))


def norm_gradient(x, w):
    f = lambda x, w: mx.tanh(mx.fast.layer_norm(x, w, w, 1e-5)).sum()  # noqa: E731
    return mx.grad(f, (0, 1))(x, w)


def gathered(a, b):
    pairs = mx.array([0, 1, 1, -1]), mx.array([2, 0, 2, 1])
    f = lambda a, b: mx.tanh(mx.gather_mm(a, b, *pairs)).sum()  # noqa: E731
    return mx.gather_mm(a, b, *pairs), *mx.grad(f, (0, 1))(a, b)


def segmented(a, b):
    a, b, cuts = a[:, 0], b[:, 0], mx.array([[0, 2], [1, 3]])
    f = lambda a, b: mx.tanh(mx.segmented_mm(a.T, b, cuts)).sum()  # noqa: E731
    return mx.segmented_mm(a.T, b, cuts), *mx.grad(f, (0, 1))(a, b)


def drawn(x, y):
    keys = mx.random.split(mx.random.key(3), 2)
    first = mx.vmap(lambda k: mx.random.normal((3,), key=k))(keys)
    return first + x[0, 0, 0] * 0, mx.depends([x, y], [x * 2])[1]


def searched(a, b):
    return mx.vmap(mx.searchsorted, in_axes=(0, None))(mx.sort(a[0]), b)


@pytest.mark.parametrize("f", [norm_gradient, gathered, segmented, drawn, searched])
@pytest.mark.parametrize("axes", [(0, 0), (0, None), (None, 0)], ids=str)
def test_rules_for_some_of_the_operands(f, axes, rng):
    """Also within another vmap; as many operations as for fewer examples."""
    x = mx.array(rng.normal(size=(2, 5, 3, 2, 4)).astype(np.float32))
    y = mx.array(rng.normal(size=(2, 5, 3, 4, 2)).astype(np.float32))
    if f is norm_gradient:
        y = y[:, :, 0, :, 0]
    x, y = (a if axis == 0 else a[0, 0] for a, axis in zip((x, y), axes, strict=True))

    def at(i):
        return [a[i] if axis == 0 else a for a, axis in zip((x, y), axes, strict=True)]

    twice = mx.vmap(mx.vmap(f, in_axes=axes), in_axes=axes)
    each = [flat(f(*at((i, k)))) for i in range(2) for k in range(5)]
    for k, got in enumerate(flat(twice(x, y))):
        close(got.flatten(0, 1), mx.stack([e[k] for e in each]))
    sizes = []
    for count in (2, 5):
        args = [
            a[:, :count] if axis == 0 else a
            for a, axis in zip((x, y), axes, strict=True)
        ]
        placeholders = _core._placeholders(args)
        outputs = flat(twice(*placeholders))
        sizes.append(len(_core._Recording(placeholders, outputs)))
    assert sizes[0] == sizes[1]


def test_keys_of_their_own_make_one_draw():
    keys = mx.random.split(mx.random.key(3), 6)
    draw = lambda key: mx.random.normal((5,), key=key)  # noqa: E731
    close(mx.vmap(draw)(keys), mx.stack([draw(key) for key in keys]))
    nested = mx.vmap(mx.vmap(draw))(keys.reshape(3, 2, 2))
    close(nested.reshape(6, 5), mx.vmap(draw)(keys))
    placeholders = _core._placeholders([keys])
    outputs = [mx.vmap(draw)(*placeholders)]
    assert len(_core._Recording(placeholders, outputs)) < 6
