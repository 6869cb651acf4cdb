"""What interpolation reads, and with which weights; loaded late, for it loads NumPy."""

from __future__ import annotations

import numpy as np

__all__ = ["interpolated", "nearest"]


def nearest(n: int, scale: float) -> np.ndarray:
    """For each place of the result the place, of n, that it copies."""
    m = int(scale * n)
    i = np.arange(m)
    # The place at or before; or, of more places, the nearest where both signals span
    # one length, to even on a tie.
    places = i * n // m if scale < 1 else np.rint(((2 * i + 1) * n - m) / (2 * m))
    return places.astype(np.int32)


def interpolated(
    n: int, scale: float, mode: str, align_corners: bool, antialias: bool
) -> tuple[np.ndarray, np.ndarray]:
    """For each tap the places, of n, that the result reads, and their weights."""
    m = int(scale * n)
    i = np.arange(m)
    if align_corners:
        at = i * ((n - 1) / max(m - 1, 1))
    else:
        at = (i - (m - 1) / 2) / scale + (n - 1) / 2
    if mode == "linear" and not antialias:
        at = at.clip(0, n - 1)
    width = max(1.0, 1 / scale) if antialias else 1.0
    reach = (1 if mode == "linear" else 2) * width
    taps = np.arange(int(np.ceil(2 * reach)))[:, None]
    places = np.floor(at - reach) + 1 + taps
    distance = np.abs(at - places) / width
    if mode == "linear":
        weights = np.maximum(0, 1 - distance)
    else:
        weights = _cubic(distance, -0.5 if antialias else -0.75)
    if antialias:  # what lies outside is left out, not repeated
        weights = weights * ((places >= 0) & (places < n))
        weights = weights / weights.sum(axis=0)
    return places.clip(0, n - 1).astype(np.int32), weights


def _cubic(t: np.ndarray, a: float) -> np.ndarray:
    """Keys' kernel, his equation (6), at distances t."""
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = a * (((t - 5) * t + 8) * t - 4)
    return np.where(t <= 1, near, np.where(t < 2, far, 0))
