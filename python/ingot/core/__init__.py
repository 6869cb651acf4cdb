"""Arrays: creation, operations, transforms, random numbers, devices and files.

Everything is lazy: an operation adds a node to a graph, and ``eval`` (or looking at
a value) computes it.
"""

from __future__ import annotations

import math as _math

from ingot import _core
from ingot._core import *  # noqa: F403
from ingot._core import fast, fft, linalg, metal, random
from ingot.core import _dtypes, _standard, _streams, distributed
from ingot.core._compile import compile, disable_compile, enable_compile
from ingot.core._custom import checkpoint, custom_function
from ingot.core._dot import export_to_dot
from ingot.core._dtypes import *  # noqa: F403
from ingot.core._export import export_function, exporter, import_function
from ingot.core._files import load, save, save_safetensors, savez, savez_compressed
from ingot.core._gguf import save_gguf
from ingot.core._standard import *  # noqa: F403
from ingot.core._standard import namespace_info as __array_namespace_info__  # noqa: F401
from ingot.core._streams import *  # noqa: F403
from ingot.core._transforms import grad, jvp, value_and_grad, vjp
from ingot.core._vmap import vmap

# The array API standard's names for what has another one.
bool = _core.bool_  # not in __all__: Python's own is used with isinstance
acos = _core.arccos
acosh = _core.arccosh
asin = _core.arcsin
asinh = _core.arcsinh
atan = _core.arctan
atan2 = _core.arctan2
atanh = _core.arctanh
bitwise_left_shift = _core.left_shift
bitwise_right_shift = _core.right_shift
permute_dims = _core.transpose
pow = _core.power

# What only the optimizers and the tests call stays in the extension.
_INTERNAL = frozenset(
    {
        "Match",
        "TreeMismatch",
        "clip_norm",
        "composed_step",
        "elementwise_ops",
        "gelu",
        "gelu_approx",
        "gelu_approx_slope",
        "gelu_slope",
        "global_norm",
        "increment",
        "match",
        "rules",
        "silu",
        "silu_slope",
        "step",
        "tree_flatten",
        "tree_map",
        "tree_unflatten",
    }
)
for _name in _INTERNAL:
    del globals()[_name]

inf = _math.inf
nan = _math.nan
pi = _math.pi
e = _math.e
euler_gamma = 0.5772156649015329
newaxis = None

__all__ = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "bitwise_left_shift",
    "bitwise_right_shift",
    "checkpoint",
    "compile",
    "custom_function",
    "disable_compile",
    "distributed",
    "e",
    "enable_compile",
    "euler_gamma",
    "export_function",
    "export_to_dot",
    "exporter",
    "fast",
    "fft",
    "grad",
    "import_function",
    "inf",
    "jvp",
    "linalg",
    "load",
    "metal",
    "nan",
    "newaxis",
    "permute_dims",
    "pi",
    "pow",
    "random",
    "save",
    "save_gguf",
    "save_safetensors",
    "savez",
    "savez_compressed",
    "value_and_grad",
    "vjp",
    "vmap",
]
__all__ += _dtypes.__all__ + _standard.__all__ + _streams.__all__
__all__ += [
    name for name in dir(_core) if not name.startswith("_") and name not in _INTERNAL
]
