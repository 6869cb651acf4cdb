"""Oracles of fft in complex128, written from the definitions: every transform is a
product with the matrix of exp(-+2 pi i j k / n), in n^2 multiplications."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray
Sizes = Any  # a sequence of ints, or None


def matrix(n: int, sign: int) -> Array:
    """exp(sign 2 pi i j k / n), of which only j k modulo n counts."""
    turns = np.outer(np.arange(n), np.arange(n)) % n
    return np.exp(sign * 2j * np.pi * turns / n)


def resized(a: Array, n: int, axis: int) -> Array:
    """The first n elements of an axis, zeros where there are none."""
    a = np.moveaxis(a, axis, -1)[..., :n]
    a = np.concatenate([a, np.zeros((*a.shape[:-1], n - a.shape[-1]), a.dtype)], -1)
    return np.moveaxis(a, -1, axis)


def along(a: Array, n: int, axis: int, sign: int, norm: str) -> Array:
    """One axis, with the factor that `norm` gives it."""
    power = {"backward": sign > 0, "ortho": 0.5, "forward": sign < 0}[norm]
    a = np.moveaxis(resized(np.asarray(a), n, axis), axis, -1)
    return np.moveaxis(a @ matrix(n, sign), -1, axis) / float(n) ** power


def places(a: Array, s: Sizes, axes: Sizes) -> tuple[list[int], list[int]]:
    """Which axes, and what is asked of their lengths (0: nothing)."""
    count = a.ndim if s is None else len(s)
    chosen = list(range(a.ndim - count, a.ndim)) if axes is None else list(axes)
    return chosen, [0] * len(chosen) if s is None else list(s)


def fftn(
    a: Array, s: Sizes = None, axes: Sizes = None, norm: str = "backward"
) -> Array:
    a = np.asarray(a)
    for axis, n in zip(*places(a, s, axes), strict=True):
        a = along(a, n or a.shape[axis], axis, -1, norm)
    return a


def ifftn(
    a: Array, s: Sizes = None, axes: Sizes = None, norm: str = "backward"
) -> Array:
    a = np.asarray(a)
    for axis, n in zip(*places(a, s, axes), strict=True):
        a = along(a, n or a.shape[axis], axis, 1, norm)
    return a


def rfftn(
    a: Array, s: Sizes = None, axes: Sizes = None, norm: str = "backward"
) -> Array:
    chosen, sizes = places(np.asarray(a), s, axes)
    n = sizes[-1] or np.shape(a)[chosen[-1]]
    return resized(fftn(np.real(a), s, axes, norm), n // 2 + 1, chosen[-1])


def whole(a: Array, n: int, axis: int) -> Array:
    """The spectrum of n elements whose first half is a."""
    half = np.moveaxis(resized(np.asarray(a), n // 2 + 1, axis), axis, -1).copy()
    alone = [0, n // 2] if n % 2 == 0 else [0]
    half[..., alone] = half[..., alone].real
    rest = np.conj(half[..., 1 : (n + 1) // 2][..., ::-1])
    return np.moveaxis(np.concatenate([half, rest], -1), -1, axis)


def irfftn(
    a: Array, s: Sizes = None, axes: Sizes = None, norm: str = "backward"
) -> Array:
    a = np.asarray(a, complex)
    chosen, sizes = places(a, s, axes)
    n = sizes[-1] or 2 * (a.shape[chosen[-1]] - 1)
    a = resized(a, n // 2 + 1, chosen[-1])
    a = ifftn(a, sizes[:-1], chosen[:-1], norm)
    return ifftn(whole(a, n, chosen[-1]), None, chosen[-1:], norm).real


def _one(several: Any) -> Any:
    """The same along one axis."""

    def f(a: Array, n: Any = None, axis: int = -1, norm: str = "backward") -> Array:
        return several(a, n and [n], [axis], norm)

    return f


def _two(several: Any) -> Any:
    """The same along the last two axes."""

    def f(
        a: Array, s: Sizes = None, axes: Sizes = (-2, -1), norm: str = "backward"
    ) -> Array:
        return several(a, s, axes, norm)

    return f


fft, ifft, rfft, irfft = (_one(f) for f in (fftn, ifftn, rfftn, irfftn))
fft2, ifft2, rfft2, irfft2 = (_two(f) for f in (fftn, ifftn, rfftn, irfftn))


def _window(n: int, length: int | None, window: Any) -> Array:
    """In the middle of a frame, between zeros."""
    w = np.ones(n if length is None else length) if window is None else window
    low = (n - len(w)) // 2
    return np.pad(np.asarray(w, float), (low, n - len(w) - low))


def stft(
    x: Array,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Any = None,
    center: bool = True,
    pad_mode: str = "reflect",
    norm: str = "backward",
    onesided: bool | None = None,
) -> Array:
    """Frame after frame, each a product with the matrix."""
    x = np.asarray(x)
    hop = hop_length or n_fft // 4
    w = _window(n_fft, win_length, window)
    if center:
        width = [(0, 0)] * (x.ndim - 1) + [(n_fft // 2, n_fft // 2)]
        x = np.pad(x, width, mode=pad_mode)  # type: ignore[call-overload]
    starts = range(0, x.shape[-1] - n_fft + 1, hop)
    frames = [fft(x[..., t : t + n_fft] * w, norm=norm) for t in starts]
    half = onesided is not False and not np.iscomplexobj(x)
    return np.stack(frames, -1)[..., : n_fft // 2 + 1 if half else n_fft, :]


def istft(
    y: Array,
    n_fft: int | None = None,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Any = None,
    center: bool = True,
    norm: str = "backward",
    onesided: bool = True,
    length: int | None = None,
) -> Array:
    """Sums of what the frames say, over the sums of squares of the window."""
    bins, count = y.shape[-2:]
    n = n_fft or (2 * (bins - 1) if onesided else bins)
    hop = hop_length or n // 4
    w = _window(n, win_length, window)
    total = n + hop * (count - 1)
    x = np.zeros((*y.shape[:-2], total), float if onesided else complex)
    weights = np.zeros(total)
    for f in range(count):
        one = y[..., f]
        frame = irfft(one, n, norm=norm) if onesided else ifft(one, norm=norm)
        x[..., f * hop : f * hop + n] += w * frame
        weights[f * hop : f * hop + n] += w**2
    x = np.where(weights > 1e-30, x / np.where(weights > 1e-30, weights, 1), 0)
    begin = n // 2 if center else 0
    if length is None:
        return x[..., begin : total - begin]
    return resized(x[..., begin:], length, -1)


def fftfreq(n: int, d: float = 1.0) -> Array:
    k = [k if 2 * k < n else k - n for k in range(n)]
    return np.array(k, float) / (n * d)


def rfftfreq(n: int, d: float = 1.0) -> Array:
    return np.arange(n // 2 + 1) / (n * d)


def fftshift(a: Array, axes: Any = None) -> Array:
    """Element k of frequency order comes to k + n // 2, modulo n."""
    for axis in np.arange(a.ndim) if axes is None else np.atleast_1d(axes):
        n = a.shape[axis]
        a = np.take(a, [(k - n // 2) % n for k in range(n)], axis)
    return a


def ifftshift(a: Array, axes: Any = None) -> Array:
    for axis in np.arange(a.ndim) if axes is None else np.atleast_1d(axes):
        n = a.shape[axis]
        a = np.take(a, [(k + n // 2) % n for k in range(n)], axis)
    return a
