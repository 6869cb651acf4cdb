"""What fast.metal_kernel refuses, and what it says."""

from __future__ import annotations

import ingot.core as mx
import pytest
from metal_cases import needs_metal
from metal_kernel_cases import COPY, kernel, run

on_the_gpu = pytest.mark.usefixtures("gpu")


@needs_metal
@on_the_gpu
def test_errors_of_the_compiler_show_the_source():
    x = mx.ones((3,))
    body = "uint i = thread_position_in_grid.x;\nout[i] = undefined_thing + x[i];"
    y = run(body, [x], (3,))
    with pytest.raises(RuntimeError) as caught:
        mx.eval(y)
    text = str(caught.value)
    assert text.startswith("metal: the kernel custom_kernel_mine must compile, got: ")
    assert "use of undeclared identifier 'undefined_thing'" in text
    (line,) = (line for line in text.splitlines() if " | out[i] = undef" in line)
    number = line.split(" | ")[0]
    assert f":{number}:" in text  # the compiler's own number of that line
    assert "elem_to_loc" not in text
    assert run(COPY, [x], (3,)).tolist() == [1, 1, 1]


BAD_SOURCES = [
    ("name must be an identifier, got 'a b'", {"name": "a b"}),
    ("name must be an identifier, got ''", {"name": ""}),
    ("input_names must be identifiers, got '1x'", {"input_names": ["1x"]}),
    ("output_names must be identifiers, got 'a-b'", {"output_names": ["a-b"]}),
    ("must differ, got 'x' twice", {"input_names": ["x"], "output_names": ["x"]}),
    ("there must be an output", {"output_names": []}),
]


@needs_metal
@on_the_gpu
@pytest.mark.parametrize(("message", "wrong"), BAD_SOURCES)
def test_bad_sources(message, wrong):
    good = {"name": "k", "input_names": ["x"], "output_names": ["out"], "source": COPY}
    with pytest.raises(ValueError, match=f"^metal_kernel: .*{message}"):
        mx.fast.metal_kernel(**{**good, **wrong})


BAD_CALLS = [
    (ValueError, "inputs must be 1, one for each name, got 2", {"inputs": [1, 2]}),
    (ValueError, "inputs must be 1, one for each name, got 0", {"inputs": []}),
    (ValueError, "must be as many, got 1 and 2", {"output_dtypes": [mx.float32] * 2}),
    (ValueError, "output_dtypes must be 1", {"output_shapes": [], "output_dtypes": []}),
    (ValueError, "negative|at least 0|must", {"output_shapes": [(-1,)]}),
    (ValueError, "grid must have three numbers, got 2", {"grid": (1, 1)}),
    (ValueError, r"grid must .*, got \(-1, 1, 1\)", {"grid": (-1, 1, 1)}),
    (ValueError, r"grid must .*, got \(1, 4294967296, 1\)", {"grid": (1, 2**32, 1)}),
    (ValueError, r"threadgroup must .*, got \(0, 1, 1\)", {"threadgroup": (0, 1, 1)}),
    (ValueError, r"at most 1024, got \(33, 32, 1\)", {"threadgroup": (33, 32, 1)}),
    (ValueError, "threadgroup must", {"threadgroup": (2**62, 2**62, 4)}),
    (
        TypeError,
        "input x must .* got float64",
        {"inputs": [mx.zeros((3,), mx.float64)]},
    ),
    (TypeError, "output out must .* got float64", {"output_dtypes": [mx.float64]}),
    (TypeError, "template T must .* got float64", {"template": [("T", mx.float64)]}),
    (TypeError, "template T must be a dtype, .* got 1.5", {"template": [("T", 1.5)]}),
    (ValueError, "template N must fit into int", {"template": [("N", 2**40)]}),
    (TypeError, "init_value: value must be a number", {"init_value": "zero"}),
    (ValueError, "stream must be a GPU's", {"stream": mx.cpu}),
]


@needs_metal
@on_the_gpu
@pytest.mark.parametrize(("error", "message", "wrong"), BAD_CALLS)
def test_bad_calls(error, message, wrong):
    good = {
        "inputs": [mx.ones((3,))],
        "output_shapes": [(3,)],
        "output_dtypes": [mx.float32],
        "grid": (3, 1, 1),
        "threadgroup": (3, 1, 1),
    }
    with pytest.raises(error, match=message):
        kernel(COPY)(**{**good, **wrong})


@needs_metal
@on_the_gpu
def test_as_many_buffers_as_metal_has():
    names = [f"x{i}" for i in range(30)]
    body = "out[0] = " + " + ".join(f"{x}[0]" for x in names) + ";"
    inputs = [mx.full((1,), float(i)) for i in range(30)]
    assert run(body, inputs, (1,), names=names).item() == sum(range(30))
    with pytest.raises(ValueError, match="must be at most 31, got 32"):
        run(body + "int n = x0_ndim;", inputs, (1,), names=names)


@pytest.mark.skipif(mx.metal.is_available(), reason="metal: there is a device")
def test_without_metal_it_says_so():
    with pytest.raises(ValueError, match=r"^device: gpu 0 must be available, but"):
        mx.fast.metal_kernel("k", ["x"], ["out"], COPY)
