"""Writes docs/array_api.md: what of the array API standard 2024.12 ingot.core has.

`python tests/array_api.py`, in an environment with ingot installed. Signatures are
compared by the names of parameters: one that the standard passes by keyword must be
there. What a function computes is for the tests of that function.
"""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import ingot.core as mx

PAGE = Path(__file__).parent.parent / "docs" / "array_api.md"

# Each as `name(positional, /, by keyword)`: https://data-apis.org/array-api/2024.12
FUNCTIONS = {
    "Creation": """
        arange(start, /, stop, step, dtype, device)
        asarray(obj, /, dtype, device, copy) empty(shape, dtype, device)
        empty_like(x, /, dtype, device) eye(n_rows, n_cols, /, k, dtype, device)
        from_dlpack(x, /, device, copy) full(shape, fill_value, dtype, device)
        full_like(x, /, fill_value, dtype, device)
        linspace(start, stop, /, num, dtype, device, endpoint)
        meshgrid(*arrays, indexing) ones(shape, dtype, device)
        ones_like(x, /, dtype, device) tril(x, /, k) triu(x, /, k)
        zeros(shape, dtype, device) zeros_like(x, /, dtype, device)""",
    "Data types": """
        astype(x, dtype, /, copy, device) can_cast(from, to, /) finfo(type, /)
        iinfo(type, /) isdtype(dtype, kind) result_type(*arrays_and_dtypes)""",
    "Elementwise": """
        abs(x, /) acos(x, /) acosh(x, /) add(x1, x2, /) asin(x, /) asinh(x, /)
        atan(x, /) atan2(x1, x2, /) atanh(x, /) bitwise_and(x1, x2, /)
        bitwise_left_shift(x1, x2, /) bitwise_invert(x, /) bitwise_or(x1, x2, /)
        bitwise_right_shift(x1, x2, /) bitwise_xor(x1, x2, /) ceil(x, /)
        clip(x, /, min, max) conj(x, /) copysign(x1, x2, /) cos(x, /) cosh(x, /)
        divide(x1, x2, /) equal(x1, x2, /) exp(x, /) expm1(x, /) floor(x, /)
        floor_divide(x1, x2, /) greater(x1, x2, /) greater_equal(x1, x2, /)
        hypot(x1, x2, /) imag(x, /) isfinite(x, /) isinf(x, /) isnan(x, /)
        less(x1, x2, /) less_equal(x1, x2, /) log(x, /) log1p(x, /) log2(x, /)
        log10(x, /) logaddexp(x1, x2, /) logical_and(x1, x2, /) logical_not(x, /)
        logical_or(x1, x2, /) logical_xor(x1, x2, /) maximum(x1, x2, /)
        minimum(x1, x2, /) multiply(x1, x2, /) negative(x, /) nextafter(x1, x2, /)
        not_equal(x1, x2, /) positive(x, /) pow(x1, x2, /) real(x, /)
        reciprocal(x, /) remainder(x1, x2, /) round(x, /) sign(x, /) signbit(x, /)
        sin(x, /) sinh(x, /) square(x, /) sqrt(x, /) subtract(x1, x2, /) tan(x, /)
        tanh(x, /) trunc(x, /)""",
    "Indexing": "take(x, indices, /, axis) take_along_axis(x, indices, /, axis)",
    "Inspection": "__array_namespace_info__()",
    "Linear algebra": """
        matmul(x1, x2, /) matrix_transpose(x, /) tensordot(x1, x2, /, axes)
        vecdot(x1, x2, /, axis)""",
    "Manipulation": """
        broadcast_arrays(*arrays) broadcast_to(x, /, shape) concat(arrays, /, axis)
        expand_dims(x, /, axis) flip(x, /, axis) moveaxis(x, source, destination, /)
        permute_dims(x, /, axes) repeat(x, repeats, /, axis) reshape(x, /, shape, copy)
        roll(x, /, shift, axis) squeeze(x, /, axis) stack(arrays, /, axis)
        tile(x, repetitions, /) unstack(x, /, axis)""",
    "Searching": """
        argmax(x, /, axis, keepdims) argmin(x, /, axis, keepdims)
        count_nonzero(x, /, axis, keepdims) nonzero(x, /)
        searchsorted(x1, x2, /, side, sorter) where(condition, x1, x2, /)""",
    "Sets": """
        unique_all(x, /) unique_counts(x, /) unique_inverse(x, /)
        unique_values(x, /)""",
    "Sorting": """
        argsort(x, /, axis, descending, stable) sort(x, /, axis, descending, stable)""",
    "Statistics": """
        cumulative_prod(x, /, axis, dtype, include_initial)
        cumulative_sum(x, /, axis, dtype, include_initial) max(x, /, axis, keepdims)
        mean(x, /, axis, keepdims) min(x, /, axis, keepdims)
        prod(x, /, axis, dtype, keepdims) std(x, /, axis, correction, keepdims)
        sum(x, /, axis, dtype, keepdims) var(x, /, axis, correction, keepdims)""",
    "Utilities": """
        all(x, /, axis, keepdims) any(x, /, axis, keepdims)
        diff(x, /, axis, n, prepend, append)""",
}
LINALG = """
    cholesky(x, /, upper) cross(x1, x2, /, axis) det(x, /) diagonal(x, /, offset)
    eigh(x, /) eigvalsh(x, /) inv(x, /) matmul(x1, x2, /)
    matrix_norm(x, /, keepdims, ord) matrix_power(x, n, /) matrix_rank(x, /, rtol)
    matrix_transpose(x, /) outer(x1, x2, /) pinv(x, /, rtol) qr(x, /, mode)
    slogdet(x, /) solve(x1, x2, /) svd(x, /, full_matrices) svdvals(x, /)
    tensordot(x1, x2, /, axes) trace(x, /, offset, dtype) vecdot(x1, x2, /, axis)
    vector_norm(x, /, axis, keepdims, ord)"""
FFT = """
    fft(x, /, n, axis, norm) ifft(x, /, n, axis, norm) fftn(x, /, s, axes, norm)
    ifftn(x, /, s, axes, norm) rfft(x, /, n, axis, norm) irfft(x, /, n, axis, norm)
    rfftn(x, /, s, axes, norm) irfftn(x, /, s, axes, norm) hfft(x, /, n, axis, norm)
    ihfft(x, /, n, axis, norm) fftfreq(n, /, d, dtype, device)
    rfftfreq(n, /, d, dtype, device) fftshift(x, /, axes) ifftshift(x, /, axes)"""
CONSTANTS = "e inf nan newaxis pi"
DTYPES = """
    bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64
    complex128"""
ARRAY = """
    T device dtype mT ndim shape size to_device __abs__ __add__ __and__
    __array_namespace__ __bool__ __complex__ __dlpack__ __dlpack_device__ __eq__
    __float__ __floordiv__ __ge__ __getitem__ __gt__ __iadd__ __iand__ __ifloordiv__
    __ilshift__ __imatmul__ __imod__ __imul__ __index__ __int__ __invert__ __ior__
    __ipow__ __irshift__ __isub__ __itruediv__ __ixor__ __le__ __lshift__ __lt__
    __matmul__ __mod__ __mul__ __ne__ __neg__ __or__ __pos__ __pow__ __radd__ __rand__
    __rfloordiv__ __rlshift__ __rmatmul__ __rmod__ __rmul__ __ror__ __rpow__
    __rrshift__ __rshift__ __rsub__ __rtruediv__ __rxor__ __setitem__ __sub__
    __truediv__ __xor__"""

# What names do not show.
NOTES = {
    "argmax": "indices are uint32",
    "argmin": "indices are uint32",
    "argsort": "indices are uint32; always stable",
    "sort": "always stable",
    "astype": "arrays are values: `copy` is of no effect",
    "cumulative_prod": "without `axis` of what is flattened",
    "cumulative_sum": "without `axis` of what is flattened",
    "eigh": "a plain tuple",
    "nonzero": "evaluates its argument; indices are uint32",
    "qr": "a plain tuple",
    "repeat": "evaluates an array of `repeats`",
    "searchsorted": "indices are uint32",
    "slogdet": "a plain tuple",
    "svd": "a plain tuple",
    "tensordot": "integers of less than 32 bits are widened to 32",
    "unique_all": "evaluates its argument; indices are uint32",
    "unique_counts": "evaluates its argument",
    "unique_inverse": "evaluates its argument; indices are uint32",
    "unique_values": "evaluates its argument",
    "vecdot": "integers of less than 32 bits are widened to 32",
}


def written(signature: str) -> tuple[str, list[str], list[str]]:
    """A line above as name, parameters by position and by keyword."""
    name, _, rest = signature.strip().partition("(")
    names = [p.strip() for p in rest.rstrip(")").split(",") if p.strip()]
    cut = names.index("/") if "/" in names else 0
    return name, names[:cut], [n for n in names[cut:] if n not in "/" and n[0] != "*"]


def signatures(text: str) -> list[str]:
    return [part + ")" for part in " ".join(text.split()).split(")") if part.strip()]


def parameters(value: Any) -> set[str]:
    """Names that a function or class takes by keyword."""
    names: set[str] = set()
    for text, *_ in getattr(value, "__nb_signature__", ()):
        function = re.sub(r"\\\d+", "0", text).splitlines()[-1] + ": ..."
        [node] = ast.parse(function).body
        assert isinstance(node, ast.FunctionDef)
        names |= {a.arg for a in (*node.args.args, *node.args.kwonlyargs)}
    if not hasattr(value, "__nb_signature__"):
        names |= set(inspect.signature(value).parameters)
    return names


def state(module: ModuleType | None, signature: str) -> tuple[str, str]:
    """What there is of a function: yes, differs or no; and how it differs."""
    name, _, keywords = written(signature)
    value = getattr(module, name, None)
    if value is None:
        return "no", NOTES.get(name, "")
    # Arrays have no device of their own: `stream` says where work is done.
    lacking = [k for k in keywords if k not in parameters(value)]
    notes = [f"no `{k}`" for k in lacking if k != "device"]
    if "device" in lacking:
        notes.append("`stream` for `device`")
    if name in NOTES:
        notes.append(NOTES[name])
    return "differs" if notes else "yes", "; ".join(notes)


def table(title: str, module: ModuleType | None, text: str) -> list[str]:
    lines = [f"## {title}", "", "| function | there | differs |", "|---|---|---|"]
    for signature in signatures(text):
        there, notes = state(module, signature)
        lines.append(f"| `{written(signature)[0]}` | {there} | {notes} |")
    return [*lines, ""]


def names(title: str, owner: Any, text: str) -> list[str]:
    missing = [n for n in text.split() if not hasattr(owner, n)]
    there = [n for n in text.split() if n not in missing]
    lines = [f"## {title}", "", "There: " + ", ".join(f"`{n}`" for n in there) + "."]
    if missing:
        lines += ["", "Missing: " + ", ".join(f"`{n}`" for n in missing) + "."]
    return [*lines, ""]


def page() -> str:
    lines = [
        "# The array API standard",
        "",
        "What of the names of the [array API standard](https://data-apis.org/array-api)",
        "2024.12 `ingot.core` has. Written by `python tests/array_api.py`.",
        "",
        "`tests/test_array_api.py` calls each, but for complex numbers and `fft`, with",
        "drawn arguments of all dtypes and compares dtype, shape and values with those",
        "of array-api-strict. What MLX's documentation says comes first: float64 is",
        "computed on the CPU, default dtypes have 32 bits, indices are uint32, and",
        "boolean masks index in assignments alone.",
        "",
    ]
    for title, text in FUNCTIONS.items():
        lines += table(title, mx, text)
    lines += table("linalg", mx.linalg, LINALG)
    lines += table("fft", getattr(mx, "fft", None), FFT)
    lines += names("Constants", mx, CONSTANTS)
    lines += names("Dtypes", mx, DTYPES)
    lines += names("Arrays", mx.array, ARRAY)
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
