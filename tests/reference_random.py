"""Oracle of the random numbers: Threefry-2x32 (Salmon et al. 2011) in NumPy integers.

The layout of keys and bits is the one MLX documents by its results: for n words,
half = n // 2 calls count (i, i + half + n % 2), and an odd word in the middle.
"""

from __future__ import annotations

import numpy as np

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA
_MASK = np.uint64(0xFFFFFFFF)


def threefry(
    key: tuple[int, int], first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Twenty rounds of Threefry-2x32 on two arrays of 32-bit counters."""
    schedule = (*key, _PARITY ^ key[0] ^ key[1])
    x = (first.astype(np.uint64) + np.uint64(schedule[0])) & _MASK
    y = (second.astype(np.uint64) + np.uint64(schedule[1])) & _MASK
    for block in range(5):
        for r in _ROTATIONS[block % 2]:
            x = (x + y) & _MASK
            y = ((y << np.uint64(r)) | (y >> np.uint64(32 - r))) & _MASK
            y ^= x
        x = (x + np.uint64(schedule[(block + 1) % 3])) & _MASK
        y = (y + np.uint64(schedule[(block + 2) % 3] + block + 1)) & _MASK
    return x.astype(np.uint32), y.astype(np.uint32)


def key(seed: int) -> tuple[int, int]:
    """The high and the low word of the seed."""
    return (seed >> 32) & 0xFFFFFFFF, seed & 0xFFFFFFFF


def bits(k: tuple[int, int], n: int) -> np.ndarray:
    """`n` random 32-bit words of key `k`."""
    half, odd = divmod(n, 2)
    i = np.arange(half, dtype=np.uint32)
    low, high = threefry(k, i, i + np.uint32(half + odd))
    if not odd:
        return np.concatenate([low, high])
    middle = threefry(k, np.array([half], np.uint32), np.zeros(1, np.uint32))[0]
    return np.concatenate([low, middle, high])


def split(k: tuple[int, int], n: int = 2) -> np.ndarray:
    """`n` new keys: the 2 n words of `k`."""
    return bits(k, 2 * n).reshape(n, 2)


def uniform(k: tuple[int, int], n: int) -> np.ndarray:
    """min(float32(word) / float32(2**32 - 1), the float32 below 1)."""
    below_one = np.nextafter(np.float32(1), np.float32(0))
    return np.minimum(bits(k, n).astype(np.float32) / np.float32(2**32 - 1), below_one)
