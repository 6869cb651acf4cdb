"""NumPy's functions and operators on arrays, the names of the array API."""

from __future__ import annotations

import array_api
import ingot.core as mx
import numpy as np
import pytest

# --- NumPy ---


def test_functions_of_numpy_give_its_arrays():
    a = mx.array([[1.0, 2.0], [3.0, 4.0]])
    for f in (
        np.mean,
        np.exp,
        np.sort,
        np.cumsum,
        lambda x: np.add(x, x),
        lambda x: np.concatenate([x, x]),
        lambda x: np.where(x > 1, x, 0),
        lambda x: np.add.reduce(x, axis=0),
        lambda x: np.einsum("ij->j", x),
        np.linalg.norm,
        np.ascontiguousarray,
    ):
        result = f(a)
        assert isinstance(result, (np.ndarray, np.generic))
        assert result.dtype == np.float32
        np.testing.assert_array_equal(result, f(np.array(a)))


def test_functions_of_numpy_do_not_write_to_arrays():
    a = mx.array([1.0, 2.0])
    with pytest.raises((TypeError, ValueError)):
        np.add(a, 1, out=a)
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(a)[0] = 3
    x = same = np.ones(2, np.float32)
    x += a
    np.add.at(x, [0], a[1])
    assert x is same
    np.testing.assert_array_equal(x, [4, 3])
    np.testing.assert_array_equal(a, [1, 2])


@pytest.mark.parametrize("other", [np.float32([1, 2]), np.float32(2), np.float64(2)])
def test_operators_with_numpy_give_arrays_on_either_side(other):
    a = mx.array([3.0, 4.0])
    for f in (
        lambda x, y: x + y,
        lambda x, y: x * y,
        lambda x, y: x - y,
        lambda x, y: x / y,
        lambda x, y: x**y,
        lambda x, y: x < y,
    ):
        for x, y in ((a, other), (other, a)):
            result = f(x, y)
            assert isinstance(result, mx.array), (f, type(x))
            np.testing.assert_allclose(result, f(np.array(x), np.array(y)))
    assert isinstance(np.ones((2, 2), np.float32) @ a, mx.array)


def test_operators_with_numpy_are_differentiated():
    scale = np.float32([2, 3])
    gradient = mx.grad(lambda x: (x + scale * x - np.float32(4) * x).sum())
    np.testing.assert_array_equal(gradient(mx.ones((2,))), [-1, 0])


def test_operators_with_numpy_of_integers_and_bools():
    a, x = mx.array([5, 6]), np.int32([3, 2])
    for f in (
        lambda x, y: x // y,
        lambda x, y: x % y,
        lambda x, y: x & y,
        lambda x, y: x | y,
        lambda x, y: x ^ y,
        lambda x, y: x << y,
        lambda x, y: x >> y,
        lambda x, y: x == y,
        lambda x, y: x != y,
        lambda x, y: x >= y,
        lambda x, y: x > y,
        lambda x, y: x <= y,
    ):
        for left, right in ((a, x), (x, a)):
            result = f(left, right)
            assert isinstance(result, mx.array)
            want = f(np.array(left), np.array(right))
            np.testing.assert_array_equal(np.array(result), want)


# --- the array API ---


def test_the_namespace():
    a = mx.array(1.0)
    for version in (None, "2021.12", "2022.12", "2023.12", "2024.12"):
        assert a.__array_namespace__(api_version=version) is mx
    for version in ("2020.12", "", 3, 2023.12):
        with pytest.raises(ValueError, match="api_version must be"):
            a.__array_namespace__(api_version=version)


def test_other_names():
    assert mx.bool is mx.bool_ and "bool" not in mx.__all__
    for name, other in [
        ("acos", "arccos"),
        ("acosh", "arccosh"),
        ("asin", "arcsin"),
        ("asinh", "arcsinh"),
        ("atan", "arctan"),
        ("atan2", "arctan2"),
        ("atanh", "arctanh"),
        ("bitwise_left_shift", "left_shift"),
        ("bitwise_right_shift", "right_shift"),
        ("concat", "concatenate"),
        ("permute_dims", "transpose"),
        ("pow", "power"),
    ]:
        assert getattr(mx, name) is getattr(mx, other) and name in mx.__all__


def test_the_list_of_names():
    page = array_api.page()
    assert "| `acos` | yes |  |" in page
    assert "| `argmax` | differs | indices are uint32 |" in page
    assert "| `nonzero` | differs | evaluates its argument;" in page
    assert "There: " in page and "`__dlpack__`" in page
    assert array_api.written("f(x, /, axis, k)") == ("f", ["x"], ["axis", "k"])
    assert array_api.written("f(*arrays, indexing)") == ("f", [], ["indexing"])


def test_the_page_is_up_to_date():
    assert array_api.PAGE.read_text(encoding="utf-8") == array_api.page()
