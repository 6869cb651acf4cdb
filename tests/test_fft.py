"""Fourier transforms beyond the table: long ones, derivatives of complex functions,
vmap, threads, and what short-time transforms undo."""

from __future__ import annotations

from typing import Any

import ingot.core as mx
import numpy as np
import pytest
import reference_fft
from support import raises

RNG = np.random.default_rng(5)


def complexes(*shape: int) -> np.ndarray:
    z = RNG.normal(size=shape) + 1j * RNG.normal(size=shape)
    return z.astype(np.complex64)


def bins(x: np.ndarray, ks: np.ndarray) -> np.ndarray:
    """Some elements of fft in complex128, by their definition."""
    turns = np.multiply.outer(ks, np.arange(len(x))) % len(x)
    return np.exp(-2j * np.pi / len(x) * turns) @ x


@pytest.mark.parametrize("n", [1 << 16, 10**6, 999 * 1001, 1_000_003, 3 * 65537])
def test_long_transforms_are_exact_to_rounding(n: int) -> None:
    """Elements of a million points and of large primes: errors within 1e-6 of the root
    mean square, which is sqrt(n)."""
    x = complexes(n)
    ks = RNG.integers(0, n, 12)
    want = bins(x.astype(complex), ks)
    got = np.array(mx.fft.fft(mx.array(x)))[ks]
    assert np.max(np.abs(got - want)) < 1e-6 * np.sqrt(2 * n)
    half = bins(x.real.astype(float), ks)
    real = np.array(mx.fft.rfft(mx.array(x.real)))
    low = ks <= n // 2
    assert np.max(np.abs(real[ks[low]] - half[low]), initial=0) < 1e-6 * np.sqrt(n)


@pytest.mark.parametrize("n", [1, 2, 6, 7, 360, 1009, 4096])
def test_inverses(n: int) -> None:
    x = complexes(3, n)
    back = mx.fft.ifft(mx.fft.fft(mx.array(x)))
    np.testing.assert_allclose(np.array(back), x, atol=2e-6)
    real = x.real
    back = mx.fft.irfft(mx.fft.rfft(mx.array(real)), n)
    assert back.dtype == mx.float32
    np.testing.assert_allclose(np.array(back), real, atol=2e-6)


def test_parts_that_count_for_nothing() -> None:
    """irfft reads no imaginary part of the first element nor of the middle one."""
    y = mx.array([1 + 5j, 2 + 1j, 3 + 7j])
    assert np.allclose(np.array(mx.fft.irfft(y)), [2, -1, 0, 0])
    z = mx.array([1, 2 + 1j, 3 + 7j])
    want = reference_fft.irfft(np.array([1, 2 + 1j, 3 + 7j]), 5)
    assert np.allclose(np.array(mx.fft.irfft(z, 5)), want, atol=1e-6)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_do_not_change_bits(threads: int) -> None:
    x = np.random.default_rng(1).normal(size=(96, 5, 250)).astype(np.float32)
    before = mx.get_num_threads()
    try:
        results = []
        for count in (before, threads):
            mx.set_num_threads(count)
            y = mx.fft.rfftn(mx.array(x), axes=[2, 0])
            results += [np.array(y), np.array(mx.fft.irfftn(y, axes=[2, 0]))]
    finally:
        mx.set_num_threads(before)
    assert np.array_equal(results[0], results[2])
    assert np.array_equal(results[1], results[3])


FUNCTIONS: list[Any] = [
    (mx.fft.fft, reference_fft.fft, (4, 6)),
    (mx.fft.ifft2, reference_fft.ifft2, (2, 3, 4)),
    (lambda x: mx.fft.irfft(x, 7), lambda x: reference_fft.irfft(x, 7), (2, 5)),
    (lambda x: mx.fft.irfftn(x), reference_fft.irfftn, (3, 4)),
]


def dot(a: Any, b: Any) -> float:
    """The real inner product of complex arrays."""
    return float(np.sum((np.conj(np.asarray(a)) * np.asarray(b)).real))


@pytest.mark.parametrize(("f", "oracle", "shape"), FUNCTIONS)
def test_complex_derivatives(f: Any, oracle: Any, shape: tuple[int, ...]) -> None:
    """jvp is the function itself, which is linear, and vjp its adjoint."""
    x, t = complexes(*shape), complexes(*shape)
    _, (y,) = mx.jvp(f, [mx.array(x)], [mx.array(t)])
    want = oracle(t)
    np.testing.assert_allclose(np.array(y), want, atol=1e-5)
    c = complexes(*want.shape) if np.iscomplexobj(want) else RNG.normal(size=want.shape)
    c = c.astype(np.array(y).dtype)
    _, (g,) = mx.vjp(f, [mx.array(x)], [mx.array(c)])
    assert g.dtype == mx.complex64
    assert abs(dot(g, t) - dot(c, want)) < 1e-4 * (1 + abs(dot(c, want)))


def test_vmap_of_every_axis() -> None:
    """A batch in front, or elsewhere, is what a loop gives."""
    x = mx.array(complexes(3, 4, 5))
    for axis in range(3):
        got = mx.vmap(lambda a: mx.fft.fftn(a, s=[3, 6]), in_axes=axis)(x)
        rows = [
            mx.fft.fftn(mx.take(x, i, axis), s=[3, 6]) for i in range(x.shape[axis])
        ]
        np.testing.assert_allclose(np.array(got), np.array(mx.stack(rows)), atol=1e-5)
    signals = mx.array(x.shape[0] * [np.arange(12.0).tolist()])
    got = mx.vmap(lambda a: mx.fft.stft(a, 4))(signals)
    np.testing.assert_allclose(
        np.array(got), np.array(mx.fft.stft(signals, 4)), atol=1e-5
    )


@pytest.mark.parametrize(
    ("f", "want"),
    [
        (lambda: mx.fft.fftfreq(5, 0.1), [0, 2, 4, -4, -2]),
        (lambda: mx.fft.fftfreq(4), [0, 0.25, -0.5, -0.25]),
        (lambda: mx.fft.fftfreq(1), [0]),
        (lambda: mx.fft.rfftfreq(5, 0.1), [0, 2, 4]),
        (lambda: mx.fft.rfftfreq(6, 2), [0, 1 / 12, 1 / 6, 1 / 4]),
    ],
)
def test_frequencies(f: Any, want: list[float]) -> None:
    got = f()
    assert got.dtype == mx.float32
    np.testing.assert_allclose(np.array(got), want, rtol=1e-7)


def test_frequencies_of_many() -> None:
    for n in (1000, 1001):
        for ours, oracle in (
            (mx.fft.fftfreq, reference_fft.fftfreq),
            (mx.fft.rfftfreq, reference_fft.rfftfreq),
        ):
            np.testing.assert_allclose(
                np.array(ours(n, 0.3)), oracle(n, 0.3), rtol=2e-7
            )


def test_istft_of_whole_spectra_is_complex() -> None:
    x, options = complexes(2, 30), {"hop_length": 3, "onesided": False}
    y = mx.fft.stft(mx.array(x), 9, hop_length=3)
    assert y.shape == (2, 9, 10)
    back = mx.fft.istft(y, 9, length=30, **options)
    assert back.dtype == mx.complex64
    np.testing.assert_allclose(np.array(back), x, atol=2e-6)
    z = complexes(6, 3)
    options = {"onesided": False, "hop_length": 7, "win_length": 3}
    got = mx.fft.istft(mx.array(z), 6, **options)
    want = reference_fft.istft(z, 6, **options)
    np.testing.assert_allclose(np.array(got), want, atol=2e-6)


@pytest.mark.parametrize("n", [8, 7])
@pytest.mark.parametrize("onesided", [True, False])
def test_istft_undoes_stft(n: int, onesided: bool) -> None:
    x = RNG.normal(size=(2, 40)).astype(np.float32)
    w = mx.hanning(n)
    y = mx.fft.stft(mx.array(x), n, 2, window=w, onesided=onesided)
    back = mx.fft.istft(y, n, 2, window=w, onesided=onesided, length=40)
    np.testing.assert_allclose(np.array(back), x, atol=2e-6)


def test_istft_where_no_window_reaches() -> None:
    """Samples between frames, and beyond the last, are 0."""
    x = np.arange(16, dtype=np.float32)
    y = mx.fft.stft(mx.array(x), 4, 6, center=False)
    back = np.array(mx.fft.istft(y, 4, 6, center=False, length=18))
    reached = [i for i in range(16) if i % 6 < 4]
    want = np.zeros(18)
    want[reached] = x[reached]
    np.testing.assert_allclose(back, want, atol=2e-6)


X = mx.ones((2, 6))
REFUSED: list[tuple[str, Any, Any]] = [
    ("fft", lambda: mx.fft.fft(mx.array(1.0)), ValueError),
    ("fft", lambda: mx.fft.fft(X, axis=2), IndexError),
    ("fft", lambda: mx.fft.fft(X, axis=-100), IndexError),
    ("fft", lambda: mx.fft.fft(X, n=0), ValueError),
    ("fft", lambda: mx.fft.fft(X, n=-1), ValueError),
    ("fft", lambda: mx.fft.fft(X, n=2**62), MemoryError),
    ("fft", lambda: mx.fft.fft(X, norm="unit"), ValueError),
    ("fft", lambda: mx.fft.fft(mx.zeros((3, 0))), ValueError),
    ("ifft", lambda: mx.fft.ifft(None), (TypeError, ValueError)),
    ("irfft", lambda: mx.fft.irfft(mx.ones((1,))), ValueError),
    ("irfft", lambda: mx.fft.irfft(X, n=2**63 - 1), (MemoryError, ValueError)),
    ("fft2", lambda: mx.fft.fft2(mx.ones((4,))), IndexError),
    ("fftn", lambda: mx.fft.fftn(X, axes=[0, 0]), ValueError),
    ("fftn", lambda: mx.fft.fftn(X, axes=[1, -1]), ValueError),
    ("fftn", lambda: mx.fft.fftn(X, s=[2], axes=[0, 1]), ValueError),
    ("fftn", lambda: mx.fft.fftn(X, s=[2, 2, 2]), ValueError),
    ("rfftn", lambda: mx.fft.rfftn(X, axes=[]), ValueError),
    ("irfftn", lambda: mx.fft.irfftn(X, s=[0, 4]), ValueError),
    ("fftshift", lambda: mx.fft.fftshift(X, axes=2), IndexError),
    ("ifftshift", lambda: mx.fft.ifftshift(X, axes=[0, -3]), IndexError),
    ("fftfreq", lambda: mx.fft.fftfreq(0), ValueError),
    ("fftfreq", lambda: mx.fft.fftfreq(3, 0.0), ValueError),
    ("rfftfreq", lambda: mx.fft.rfftfreq(3, float("nan")), ValueError),
    ("rfftfreq", lambda: mx.fft.rfftfreq(2**63 - 1), (MemoryError, ValueError)),
    ("stft", lambda: mx.fft.stft(mx.array(1.0), 4), ValueError),
    ("stft", lambda: mx.fft.stft(X, 8, center=False), ValueError),
    ("stft", lambda: mx.fft.stft(X, 0), ValueError),
    ("stft", lambda: mx.fft.stft(X, 3), ValueError),
    ("stft", lambda: mx.fft.stft(X, 4, 0), ValueError),
    ("stft", lambda: mx.fft.stft(X, 2**62), ValueError),
    ("stft", lambda: mx.fft.stft(X, 4, win_length=5), ValueError),
    ("stft", lambda: mx.fft.stft(X, 4, win_length=3, window=mx.ones((2,))), ValueError),
    ("stft", lambda: mx.fft.stft(X, 4, window=X), ValueError),
    ("stft", lambda: mx.fft.stft(X, 4, window=mx.array([1j, 1])), ValueError),
    ("stft", lambda: mx.fft.stft(X, 4, pad_mode="wrap"), ValueError),
    ("stft", lambda: mx.fft.stft(X * 1j, 4, onesided=True), ValueError),
    ("istft", lambda: mx.fft.istft(mx.ones((5,)), 8), ValueError),
    ("istft", lambda: mx.fft.istft(mx.ones((5, 0)), 8), ValueError),
    ("istft", lambda: mx.fft.istft(mx.ones((5, 2)), 12), ValueError),
    ("istft", lambda: mx.fft.istft(mx.ones((5, 2)), 8, length=-1), ValueError),
]


@pytest.mark.parametrize(
    ("name", "f", "kinds"), [pytest.param(*r, id=r[0]) for r in REFUSED]
)
def test_refused(name: str, f: Any, kinds: Any) -> None:
    """A wrong call is refused with the function's name, before anything is computed."""
    error = raises(f)
    assert isinstance(error, kinds), repr(error)
    if not isinstance(error, (MemoryError, TypeError)):
        assert name in str(error)


def test_sizes_without_axes_are_of_the_last_ones() -> None:
    x = complexes(3, 4, 5)
    for name in ("fft2", "fftn", "ifftn", "rfftn", "irfftn"):
        y = x.real if name == "rfftn" else x
        got = getattr(mx.fft, name)(mx.array(y), s=[2, 6], axes=None)
        want = getattr(reference_fft, name)(y, s=[2, 6], axes=None)
        np.testing.assert_allclose(np.array(got), want, atol=1e-5)


@pytest.mark.parametrize("name", ["rfft", "rfft2", "rfftn"])
def test_transforms_of_real_numbers_refuse_complex_ones(name: str) -> None:
    with pytest.raises(TypeError, match=f"^{name}: a must be real, got complex64"):
        getattr(mx.fft, name)(mx.array(complexes(4, 4)))


def test_nothing_to_compute() -> None:
    assert mx.fft.fft(mx.zeros((0, 4))).shape == (0, 4)
    assert mx.fft.rfft(mx.zeros((0, 4))).shape == (0, 3)
    assert mx.fft.fftn(mx.ones((2, 2)), axes=[]).dtype == mx.complex64
    assert mx.fft.stft(mx.zeros((0, 8)), 4).shape == (0, 3, 9)
