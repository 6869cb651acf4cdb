"""The table's Fourier transforms: rows take real numbers and give real numbers, which
stand for the parts of complex ones, so that they go through every generic test."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import ingot.core as mx
import numpy as np
import reference_fft
from op_case import ANY, SMALL, OpCase, Sampler, calls, smooth
from support import ALL

NUMPY = SimpleNamespace(fft=reference_fft, real=np.real, imag=np.imag)
DTYPES = ("float32", "float16", "bfloat16", "float64", "int32", "uint8", "bool")
SINGLE: dict[str, Any] = {"result": lambda dtype: "float32", "single": True}


def row(
    name: str,
    f: Callable[..., Any],
    samples: Sampler,
    grad_samples: Sampler,
    **fields: Any,
) -> OpCase:
    """f(the library, arrays) for ours and for NumPy; errors relative to the largest."""

    def oracle(*args: np.ndarray, **kwargs: Any) -> Any:
        return f(NUMPY, *args, **kwargs)

    def scale(*args: np.ndarray, **kwargs: Any) -> Any:
        values = oracle(*args, **kwargs)
        several = values if isinstance(values, (list, tuple)) else [values]
        return max(np.max(np.abs(v), initial=1e-30) for v in several)

    return OpCase(
        name,
        samples,
        oracle=oracle,
        call=functools.partial(f, mx),
        grad_samples=grad_samples,
        **{"dtypes": DTYPES, "ulps": 4, "scale": scale, **SINGLE, **fields},
    )


def parts(xp: Any, z: Any) -> list[Any]:
    return [xp.real(z), xp.imag(z)]


def paired(x: Any) -> Any:
    """Complex numbers, whose parts are beside each other along the first axis."""
    n = x.shape[0] // 2
    return x[:n] + 1j * x[n:]


# Powers, products of small primes, primes that have steps of their own, and such as
# go through a convolution.
LENGTHS: tuple[Any, ...] = tuple(
    ((2, n),) for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 23, 60, 67)
)
ALONG: tuple[Any, ...] = (
    *LENGTHS,
    ((4, 128),),
    ((4, 211),),
    ((2, 0, 3),),
    ((0, 4),),
    ((6, 5), {"axis": 0}),
    ((4, 3, 5), {"axis": 1, "norm": "ortho"}),
    ((4, 6, 5), {"axis": -2, "norm": "forward"}),
    ((2, 6), {"n": 4}),
    ((2, 6), {"n": 9, "norm": "ortho"}),
    ((4, 5, 3), {"n": 7, "axis": 1, "norm": "forward"}),
)
ALONG_FEW: tuple[Any, ...] = (
    ((2, 5),),
    ((4, 4), {"norm": "ortho"}),
    ((4, 3, 2), {"n": 4, "axis": 1}),
    ((2, 6), {"n": 3}),
)
AXES: tuple[Any, ...] = (
    ((4, 5),),
    ((4, 3, 5),),
    ((2, 3, 4, 6), {"norm": "ortho"}),
    ((4, 3, 5), {"axes": [0, 2], "norm": "forward"}),
    ((4, 3, 5), {"axes": [2, 0]}),
    ((4, 3, 5), {"s": [6, 2], "axes": [1, 2]}),
    ((4, 3, 5), {"s": [2, 8], "axes": [-1, 0]}),
    ((0, 3, 5), {"axes": [1, 2]}),
)
AXES_FEW: tuple[Any, ...] = (
    ((4, 3),),
    ((2, 2, 4), {"s": [3, 3], "axes": [2, 1], "norm": "ortho"}),
)
SEVERAL: tuple[Any, ...] = (*AXES, ((2, 3), {"axes": [1]}))


def of_complex(name: str, rows: tuple[Any, ...], few: tuple[Any, ...]) -> OpCase:
    def f(xp: Any, x: Any, **options: Any) -> Any:
        return parts(xp, getattr(xp.fft, name)(paired(x), **options))

    return row(f"fft.{name}", f, calls(SMALL, *rows), smooth(SMALL, *few))


def from_real(name: str, rows: tuple[Any, ...], few: tuple[Any, ...]) -> OpCase:
    def f(xp: Any, x: Any, **options: Any) -> Any:
        return parts(xp, getattr(xp.fft, name)(x, **options))

    return row(f"fft.{name}", f, calls(SMALL, *rows), smooth(SMALL, *few))


def to_real(name: str, rows: tuple[Any, ...], few: tuple[Any, ...]) -> OpCase:
    def f(xp: Any, x: Any, **options: Any) -> Any:
        return getattr(xp.fft, name)(paired(x), **options)

    return row(f"fft.{name}", f, calls(SMALL, *rows), smooth(SMALL, *few))


def shift(name: str) -> OpCase:
    rows: tuple[Any, ...] = (
        ((7,),),
        ((6, 5),),
        ((6, 5), {"axes": 1}),
        ((3, 4, 5), {"axes": [0, -1]}),
        ((3, 4), {"axes": []}),
        ((),),
        ((0, 3),),
    )

    def f(xp: Any, x: Any, **options: Any) -> Any:
        return getattr(xp.fft, name)(x, **options)

    few = smooth(SMALL, ((5,),), ((2, 3), {"axes": 0}))
    whole = {"dtypes": ALL, "result": str, "single": False, "scale": None}
    return row(f"fft.{name}", f, calls(ANY, *rows), few, **whole)


HANN = [0.0, 0.5, 1.0, 0.5]
SIGNALS: tuple[Any, ...] = (
    ((16,), 8),
    ((2, 3, 21), 8, 3, {"pad_mode": "constant"}),
    ((13,), 5, 2, {"pad_mode": "edge", "norm": "ortho"}),
    ((2, 12), 6, {"hop_length": 2, "window": HANN, "center": False}),
    ((12,), 6, {"hop_length": 7, "win_length": 3, "onesided": False}),
)
SIGNALS_FEW: tuple[Any, ...] = (
    ((9,), 4, {"window": HANN}),
    ((2, 6), 4, 2, {"center": False}),
)


def windowed(xp: Any, options: dict[str, Any]) -> dict[str, Any]:
    """The window as an array."""
    window = options.get("window")
    if window is None or xp is NUMPY:
        return options
    return {**options, "window": xp.array(window)}


def of_signal(xp: Any, x: Any, n: int, hop: Any = None, **options: Any) -> Any:
    options.setdefault("hop_length", hop)
    return parts(xp, xp.fft.stft(x, n, **windowed(xp, options)))


def to_signal(xp: Any, x: Any, n: int, **options: Any) -> Any:
    return xp.fft.istft(paired(x), n, **windowed(xp, options))


SPECTRA: tuple[Any, ...] = (
    ((10, 4), 8),
    ((10, 4), 8, {"hop_length": 3, "length": 20}),
    ((4, 3, 5), 4, {"window": HANN, "length": 5}),
    ((6, 4), 5, {"hop_length": 2, "norm": "ortho", "center": False}),
)
SPECTRA_FEW: tuple[Any, ...] = (
    ((6, 3), 4, {"window": [0.5, 1.0, 1.0, 0.5]}),
    ((6, 2), 4, {"hop_length": 2, "center": False, "length": 9}),
)
NOT_ONE = [r for r in (*LENGTHS, *ALONG[len(LENGTHS) :]) if r[0][-1] > 1]
TRANSFORMS = [
    of_complex("fft", ALONG, ALONG_FEW),
    of_complex("ifft", ALONG, ALONG_FEW),
    from_real("rfft", ALONG, ALONG_FEW),
    to_real("irfft", tuple(NOT_ONE), ALONG_FEW),
    of_complex("fft2", AXES, AXES_FEW),
    of_complex("ifft2", AXES, AXES_FEW),
    from_real("rfft2", AXES, AXES_FEW),
    to_real("irfft2", AXES, AXES_FEW),
    of_complex("fftn", SEVERAL, AXES_FEW),
    of_complex("ifftn", SEVERAL, AXES_FEW),
    from_real("rfftn", SEVERAL, AXES_FEW),
    to_real("irfftn", SEVERAL, AXES_FEW),
    row("fft.stft", of_signal, calls(SMALL, *SIGNALS), smooth(SMALL, *SIGNALS_FEW)),
    row("fft.istft", to_signal, calls(SMALL, *SPECTRA), smooth(SMALL, *SPECTRA_FEW)),
    shift("fftshift"),
    shift("ifftshift"),
]
