"""What is watched of the GPU's memory: the strips around arrays.

The fixture `guards` of conftest.py looks at the strips after every test; here they are
seen to tell, in builds with the software Metal.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from metal_cases import needs_software_metal, run_python

pytestmark = needs_software_metal
COMPILER = Path(__file__).parent / "softmetal" / "msl" / "compile.py"


def damage(code: str, **variables: str) -> str:
    """What a process that writes where it must not is told."""
    try:
        return run_python(code, **variables)
    except AssertionError as error:  # ASan ends it at once
        return str(error)


WRITE = """
import ctypes, numpy
for size in (1000, 1024, 1 << 20):
    x = mx.ones((size,)) + 1
    mx.eval(x)
    assert mx.metal._damages() == []
    byte = 4 * size + {byte} if {byte} >= 0 else {byte}
    ctypes.memset(numpy.asarray(x).ctypes.data + byte, 0, 1)
    {free}
    [said] = mx.metal._damages()
    assert f"of {{4 * size}} bytes" in said and f"got byte {{byte}}" in said, said
    assert mx.metal._damages() == []
"""
FREE = [
    "",
    "del x; mx.clear_cache()",
    "del x; x = mx.ones((size - 5,)) * 3; mx.eval(x)",
]


@pytest.mark.parametrize("byte", [0, 63, -1, -64])
@pytest.mark.parametrize("free", FREE)
def test_a_write_outside_of_an_array_is_found(byte, free):
    said = damage(WRITE.format(byte=byte, free=free))
    assert said == "" or "use-after-poison" in said


BROKEN = """
import subprocess, sys
source = sys.stdin.read().replace("out[i] = ", "out[i + 1] = ")
command = [sys.executable, {compiler!r}, *sys.argv[1:]]
sys.exit(subprocess.run(command, input=source, text=True).returncode)
"""


def test_a_kernel_that_writes_one_element_too_far_is_found(tmp_path):
    (tmp_path / "compile.py").write_text(BROKEN.format(compiler=str(COMPILER)))
    said = damage(
        "x = mx.ones((1000,)); mx.eval(mx.exp(x)); print(mx.metal._damages())",
        SOFTMETAL_MSL=str(tmp_path),
    )
    assert "4000 bytes must" in said or "use-after-poison" in said
