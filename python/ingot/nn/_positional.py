"""RoPE, ALiBi and SinusoidalPositionalEncoding: where a token stands in a sequence."""

from __future__ import annotations

import math

import ingot.core as mx

from ._check import array, finite, positive_integer
from ._module import Module

__all__ = ["ALiBi", "RoPE", "SinusoidalPositionalEncoding"]


class RoPE(Module):
    """Turn pairs of features by an angle that grows with the position.

    Pair i at position t turns by scale t / base^(2 i / dims). The product of a query
    and a key then depends on the distance between them alone.

    Args:
        dims: The number of features that turn, even; the others stay as they are.
        traditional: Whether neighbours are pairs; else features i and i + dims / 2.
            Default: False.
        base: What frequencies are powers of. Default: 10000.
        scale: The factor of the positions. Default: 1.0.

    Raises:
        ValueError: `dims` is odd or below 2, or `base` is not positive; or, when
            called, the input has fewer than 3 dimensions or `dims` features.

    Reference:
        Su et al. (2021), RoFormer: Enhanced transformer with rotary position embedding,
        https://arxiv.org/abs/2104.09864

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.RoPE(4)(mx.zeros((2, 8, 16, 4)), offset=3).shape
        (2, 8, 16, 4)
    """

    def __init__(
        self,
        dims: int,
        traditional: bool = False,
        base: float = 10000,
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.dims = positive_integer("RoPE", "dims", dims)
        if self.dims % 2 != 0:
            raise ValueError(f"RoPE: dims must be even, got {dims}")
        self.traditional = traditional
        self.base = finite("RoPE", "base", base)
        if self.base <= 0:
            raise ValueError(f"RoPE: base must be positive, got {base}")
        self.scale = finite("RoPE", "scale", scale)

    def _extra_repr(self) -> str:
        return f"{self.dims}, traditional={self.traditional}"

    def __call__(self, x: mx.array, offset: int | mx.array = 0) -> mx.array:
        """Turn `x`, of shape (B, ..., T, D), whose first position is `offset`."""
        return mx.fast.rope(
            x,
            self.dims,
            traditional=self.traditional,
            base=self.base,
            scale=self.scale,
            offset=offset,
        )


class SinusoidalPositionalEncoding(Module):
    """Encode positions as sines and cosines of geometrically spaced frequencies.

    y = scale [sin(x f), cos(x f)], with dims / 2 frequencies f from `max_freq` down to
    `min_freq`.

    Args:
        dims: The number of features of an encoding, even and at least 4.
        min_freq: The lowest frequency, above 0. Default: 0.0001.
        max_freq: The highest frequency, above 0. Default: 1.
        scale: The factor of the encodings. Default: None, for sqrt(2 / dims).
        cos_first: Whether cosines come before sines. Default: False.
        full_turns: Whether frequencies count full turns, and are multiplied by 2 pi.
            Default: False.

    Raises:
        ValueError: `dims` is odd or below 4, or a frequency is not positive.

    Reference:
        Vaswani et al. (2017), Attention is all you need,
        https://arxiv.org/abs/1706.03762

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.SinusoidalPositionalEncoding(8)(mx.arange(5)).shape
        (5, 8)
    """

    def __init__(
        self,
        dims: int,
        min_freq: float = 0.0001,
        max_freq: float = 1,
        scale: float | None = None,
        cos_first: bool = False,
        full_turns: bool = False,
    ) -> None:
        super().__init__()
        name = "SinusoidalPositionalEncoding"
        dims = positive_integer(name, "dims", dims)
        if dims % 2 != 0 or dims < 4:
            raise ValueError(f"{name}: dims must be even and at least 4, got {dims}")
        bounds = {"min_freq": min_freq, "max_freq": max_freq}
        for what, value in bounds.items():
            if finite(name, what, value) <= 0:
                raise ValueError(f"{name}: {what} must be positive, got {value}")
        half = dims // 2
        low, high = math.log(min_freq), math.log(max_freq)
        turn = 2 * math.pi if full_turns else 1.0
        self._frequencies = mx.array(
            [turn * math.exp(high + (low - high) * i / (half - 1)) for i in range(half)]
        )
        self.scale = (
            math.sqrt(2 / dims) if scale is None else finite(name, "scale", scale)
        )
        self.cos_first = cos_first

    def __call__(self, x: mx.array) -> mx.array:
        """Encode positions of shape (...) as features of shape (..., dims)."""
        array("SinusoidalPositionalEncoding", "x", x)
        angles = mx.expand_dims(x, -1) * self._frequencies
        parts = [mx.sin(angles), mx.cos(angles)]
        if self.cos_first:
            parts.reverse()
        y = mx.concatenate(parts, axis=-1)
        return y if self.scale == 1 else y * self.scale


class ALiBi(Module):
    """Add to attention scores what falls linearly with the distance of the positions.

    The score of query i and key j in head h of H, counted from 1, gets
    -2^(-8 h / H) |i - j|. If H is no power of two, the first heads are those of the
    power P below it, and the others every second one of 2 P, from the first.

    Reference:
        Press, Smith and Lewis (2021), Train short, test long: Attention with linear
        biases enables input length extrapolation, https://arxiv.org/abs/2108.12409

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.ALiBi()(mx.zeros((1, 1, 2, 2))).flatten().round(4)
        array([0, -0.0039, -0.0039, 0], dtype=float32)
    """

    @staticmethod
    def create_alibi_slope(num_heads: int, dtype: mx.Dtype = mx.float32) -> mx.array:
        """The factors of the distances, of shape (num_heads, 1, 1).

        Args:
            num_heads: The number of heads, H.
            dtype: The dtype of the result. Default: float32.
        """
        heads = positive_integer("ALiBi", "num_heads", num_heads)
        power = 1 << (heads.bit_length() - 1)
        slopes = [2 ** (-8 * h / power) for h in range(1, power + 1)]
        slopes += [2 ** (-4 * h / power) for h in range(1, 2 * (heads - power), 2)]
        return mx.array(slopes, dtype).reshape(heads, 1, 1)

    @staticmethod
    def create_alibi_matrix(
        q_sequence_length: int,
        k_sequence_length: int,
        num_heads: int,
        offset: int = 0,
        dtype: mx.Dtype = mx.float32,
    ) -> mx.array:
        """What is added to the scores of queries from `offset` on.

        Args:
            q_sequence_length: The position behind the last query.
            k_sequence_length: The number of keys.
            num_heads: The number of heads.
            offset: The position of the first query. Default: 0.
            dtype: The dtype of the result. Default: float32.

        Returns:
            An array of shape (1, num_heads, q_sequence_length - offset,
            k_sequence_length).
        """
        queries = mx.arange(offset, q_sequence_length).reshape(-1, 1)
        keys = mx.arange(k_sequence_length)
        distance = mx.abs(queries - keys).astype(mx.float32)
        slope = ALiBi.create_alibi_slope(num_heads)
        return (-distance * slope).reshape(1, num_heads, *distance.shape).astype(dtype)

    def __call__(
        self,
        attention_scores: mx.array,
        offset: int = 0,
        mask: mx.array | None = None,
    ) -> mx.array:
        """Bias scores of shape (B, H, L_q, L_k).

        Args:
            attention_scores: The scores.
            offset: The position of the first query. Default: 0.
            mask: An array that is added too. Default: None.
        """
        array("ALiBi", "attention_scores", attention_scores)
        if attention_scores.ndim != 4:
            raise ValueError(
                "ALiBi: attention_scores must have 4 dimensions, got shape "
                f"{tuple(attention_scores.shape)}"
            )
        bias = self.create_alibi_matrix(
            q_sequence_length=attention_scores.shape[-2] + offset,
            k_sequence_length=attention_scores.shape[-1],
            num_heads=attention_scores.shape[1],
            offset=offset,
            dtype=attention_scores.dtype,
        )
        return attention_scores + (bias if mask is None else bias + mask)
