"""Arrays as text under printoptions."""

from __future__ import annotations

import math

import ingot.core as mx
import ml_dtypes
import numpy as np
import pytest
from support import CORE, FLOATS


@pytest.fixture(autouse=True)
def defaults():
    yield
    mx.set_printoptions()


def shown(x):
    """The elements of a vector as they are printed."""
    text = str(x)
    return text[text.index("[") + 1 : text.index("]")].split(", ")


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("precision", [0, 1, 3, 8, 40])
def test_decimals(dtype, precision):
    values = [1.23456789, -2.5, 0.0, -0.0, 1e-8, 123456.789, 0.125]
    x = mx.array(values, CORE[dtype])
    mx.set_printoptions(precision=precision)
    want = [f"{v:.{precision}f}" for v in x.tolist()]
    assert shown(x) == want
    assert repr(x) == str(x)


def test_the_default_has_six_digits():
    x = mx.array([1.23456789, 2.0, 1e-8, 123456.789])
    before = str(x)
    assert shown(x) == ["1.23457", "2", "1e-08", "123457"]
    for reset in (mx.set_printoptions, lambda: mx.set_printoptions(-1)):
        mx.set_printoptions(3)
        assert str(x) != before
        reset()
        assert str(x) == before


def test_other_elements_do_not_change():
    arrays = [
        mx.array([1, 2]),
        mx.array([True, False]),
        mx.array([math.nan, math.inf, -math.inf]),
        mx.array([200], mx.uint8),
    ]
    before = [str(x) for x in arrays]
    mx.set_printoptions(precision=4)
    assert [str(x) for x in arrays] == before


def test_the_largest_numbers_have_all_their_digits():
    mx.set_printoptions(precision=1074)
    tiny = 5e-324
    assert shown(mx.array([tiny, -1e308], mx.float64)) == [
        f"{tiny:.1074f}",
        f"{-1e308:.1074f}",
    ]


def test_long_arrays_are_cut_as_ever():
    with mx.printoptions(precision=1):
        ends = ["0.0", "1.0", "2.0", "...", "1997.0", "1998.0", "1999.0"]
        assert shown(mx.arange(2000.0)) == ends


def test_contexts_nest_and_end():
    x = mx.array([1.5])
    context = mx.printoptions(precision=2)
    with context as options:
        assert options.precision == 2
        assert shown(x) == ["1.50"]
        with mx.printoptions(precision=0), context:
            assert shown(x) == ["1.50"]
        assert shown(x) == ["1.50"]
        with mx.printoptions():
            assert shown(x) == ["1.5"]
    assert mx.get_printoptions().precision == -1
    with pytest.raises(KeyError), mx.printoptions(precision=4):
        raise KeyError
    assert mx.get_printoptions().precision == -1


def test_options_say_what_they_are():
    mx.set_printoptions(5)
    options = mx.get_printoptions()
    mx.set_printoptions(6)
    assert options.precision == 5 and mx.get_printoptions().precision == 6
    assert repr(options) == "PrintOptions(precision=5)"
    assert mx.PrintOptions().precision == -1
    assert mx.PrintOptions(precision=3).precision == 3


@pytest.mark.parametrize("precision", [-2, 1075, 2**31 - 1, -(2**31)])
@pytest.mark.parametrize("f", [mx.set_printoptions, mx.printoptions, mx.PrintOptions])
def test_a_precision_out_of_range_is_refused(f, precision):
    with pytest.raises(ValueError, match=rf"precision must be .*got {precision}"):
        f(precision)
    assert mx.get_printoptions().precision == -1


@pytest.mark.parametrize("precision", [None, 1.5, "3", 2**70, [3]])
def test_a_precision_that_is_no_int_is_refused(precision):
    with pytest.raises(TypeError):
        mx.set_printoptions(precision=precision)


def test_bfloat16_shows_its_own_value():
    value = float(np.array(3.14159).astype(ml_dtypes.bfloat16))
    with mx.printoptions(precision=12):
        assert shown(mx.array([3.14159], mx.bfloat16)) == [f"{value:.12f}"]
