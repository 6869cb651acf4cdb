"""Encoders and decoders of transformers, and both together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ingot.core as mx

from . import utils
from ._attention import Mask, MultiHeadAttention
from ._check import positive_integer
from ._dropout import Dropout
from ._functions import relu
from ._linear import Linear
from ._module import Module
from ._normalization import LayerNorm

__all__ = [
    "Transformer",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
]

Activation = Callable[[mx.array], mx.array]


class _Stack(Module):
    """What encoders and decoders share: layers one after the other, and a last norm."""

    def _start(
        self,
        layer: Callable[..., Module],
        num_layers: int,
        dims: int,
        *options: Any,
        checkpoint: bool,
    ) -> None:
        number = positive_integer(type(self).__name__, "num_layers", num_layers)
        self.layers = [layer(dims, *options) for _ in range(number)]
        self.ln = LayerNorm(dims)
        self.checkpoint = checkpoint

    def _run(self, x: mx.array, *context: Any) -> mx.array:
        for layer in self.layers:
            forward = utils.checkpoint(layer) if self.checkpoint else layer
            x = forward(x, *context)
        y: mx.array = self.ln(x)
        return y


class _FeedForward(Module):
    """What layers of encoders and of decoders share: two linear maps, and options."""

    def _start(
        self, dims: int, mlp_dims: int | None, activation: Activation, norm_first: bool
    ) -> None:
        hidden = mlp_dims or dims * 4
        self.linear1 = Linear(dims, hidden)
        self.linear2 = Linear(hidden, dims)
        self.activation = activation
        self.norm_first = norm_first

    def _feed(self, x: mx.array, dropout: Dropout) -> mx.array:
        y: mx.array = self.linear2(dropout(self.activation(self.linear1(x))))
        return y

    def _add(
        self, x: mx.array, f: Callable[[mx.array], mx.array], norm: LayerNorm
    ) -> mx.array:
        """x + f(x), normalized before f or at the end."""
        if self.norm_first:
            return x + f(norm(x))
        return norm(x + f(x))


class TransformerEncoderLayer(_FeedForward):
    """One layer of an encoder: self-attention, then two linear maps.

    Both are added to what they take, and normalized before (`norm_first`) or after
    that. Its layers are `attention`, `ln1`, `ln2`, `linear1`, `linear2`, `dropout1`
    and `dropout2`.

    Args:
        dims: The number of features.
        num_heads: The number of heads of attention.
        mlp_dims: The number of features between the linear maps. Default: 4 `dims`.
        dropout: The probability of dropout. Default: 0.0.
        activation: Between the linear maps. Default: relu.
        norm_first: Whether to normalize before. Default: True.

    Raises:
        ValueError: As the layers do.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> layer = nn.TransformerEncoderLayer(16, num_heads=4)
        >>> layer(mx.zeros((2, 5, 16)), mask=None).shape
        (2, 5, 16)
    """

    def __init__(
        self,
        dims: int,
        num_heads: int,
        mlp_dims: int | None = None,
        dropout: float = 0.0,
        activation: Activation = relu,
        norm_first: bool = True,
    ) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(dims, num_heads)
        self.ln1 = LayerNorm(dims)
        self.ln2 = LayerNorm(dims)
        self._start(dims, mlp_dims, activation, norm_first)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)

    def __call__(self, x: mx.array, mask: Mask) -> mx.array:
        """Encode `x`, of shape (B, L, dims)."""
        x = self._add(
            x, lambda y: self.dropout1(self.attention(y, y, y, mask)), self.ln1
        )
        return self._add(x, lambda y: self._feed(y, self.dropout2), self.ln2)


class TransformerEncoder(_Stack):
    """Several encoder layers (`layers`) and a normalization (`ln`).

    Args:
        num_layers: The number of layers.
        dims: The number of features.
        num_heads: The number of heads of attention.
        mlp_dims: The number of features between linear maps. Default: 4 `dims`.
        dropout: The probability of dropout. Default: 0.0.
        activation: Between linear maps. Default: relu.
        norm_first: Whether layers normalize before. Default: True.
        checkpoint: Whether the gradient computes each layer again, by
            `nn.utils.checkpoint`, instead of keeping what it computed. Default: False.

    Raises:
        ValueError: As the layers do.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> encoder = nn.TransformerEncoder(2, dims=16, num_heads=4)
        >>> encoder(mx.zeros((2, 5, 16)), mask="causal").shape
        (2, 5, 16)
    """

    def __init__(
        self,
        num_layers: int,
        dims: int,
        num_heads: int,
        mlp_dims: int | None = None,
        dropout: float = 0.0,
        activation: Activation = relu,
        norm_first: bool = True,
        checkpoint: bool = False,
    ) -> None:
        super().__init__()
        shared = (dims, num_heads, mlp_dims, dropout, activation, norm_first)
        self._start(TransformerEncoderLayer, num_layers, *shared, checkpoint=checkpoint)

    def __call__(self, x: mx.array, mask: Mask) -> mx.array:
        """Encode `x`, of shape (B, L, dims)."""
        return self._run(x, mask)


class TransformerDecoderLayer(_FeedForward):
    """One layer of a decoder: self-attention, attention to memory, two linear maps.

    Each is added to what it takes, and normalized before (`norm_first`) or after that.
    Its layers are `self_attention`, `cross_attention`, `ln1` to `ln3`, `linear1`,
    `linear2` and `dropout1` to `dropout3`.

    Args:
        dims: The number of features.
        num_heads: The number of heads of attention.
        mlp_dims: The number of features between the linear maps. Default: 4 `dims`.
        dropout: The probability of dropout. Default: 0.0.
        activation: Between the linear maps. Default: relu.
        norm_first: Whether to normalize before. Default: True.

    Raises:
        ValueError: As the layers do.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> layer = nn.TransformerDecoderLayer(16, num_heads=4)
        >>> x, memory = mx.zeros((2, 5, 16)), mx.zeros((2, 7, 16))
        >>> layer(x, memory, x_mask="causal", memory_mask=None).shape
        (2, 5, 16)
    """

    def __init__(
        self,
        dims: int,
        num_heads: int,
        mlp_dims: int | None = None,
        dropout: float = 0.0,
        activation: Activation = relu,
        norm_first: bool = True,
    ) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(dims, num_heads)
        self.cross_attention = MultiHeadAttention(dims, num_heads)
        self.ln1 = LayerNorm(dims)
        self.ln2 = LayerNorm(dims)
        self.ln3 = LayerNorm(dims)
        self._start(dims, mlp_dims, activation, norm_first)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.dropout3 = Dropout(dropout)

    def __call__(
        self, x: mx.array, memory: mx.array, x_mask: Mask, memory_mask: Mask
    ) -> mx.array:
        """Decode `x`, of shape (B, L, dims), with memory of shape (B, L_m, dims)."""
        x = self._add(
            x, lambda y: self.dropout1(self.self_attention(y, y, y, x_mask)), self.ln1
        )
        x = self._add(
            x,
            lambda y: self.dropout2(
                self.cross_attention(y, memory, memory, memory_mask)
            ),
            self.ln2,
        )
        return self._add(x, lambda y: self._feed(y, self.dropout3), self.ln3)


class TransformerDecoder(_Stack):
    """Several decoder layers (`layers`) and a normalization (`ln`).

    Args:
        num_layers: The number of layers.
        dims: The number of features.
        num_heads: The number of heads of attention.
        mlp_dims: The number of features between linear maps. Default: 4 `dims`.
        dropout: The probability of dropout. Default: 0.0.
        activation: Between linear maps. Default: relu.
        norm_first: Whether layers normalize before. Default: True.
        checkpoint: Whether the gradient computes each layer again, by
            `nn.utils.checkpoint`, instead of keeping what it computed. Default: False.

    Raises:
        ValueError: As the layers do.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> decoder = nn.TransformerDecoder(2, dims=16, num_heads=4)
        >>> x, memory = mx.zeros((2, 5, 16)), mx.zeros((2, 7, 16))
        >>> decoder(x, memory, x_mask="causal", memory_mask=None).shape
        (2, 5, 16)
    """

    def __init__(
        self,
        num_layers: int,
        dims: int,
        num_heads: int,
        mlp_dims: int | None = None,
        dropout: float = 0.0,
        activation: Activation = relu,
        norm_first: bool = True,
        checkpoint: bool = False,
    ) -> None:
        super().__init__()
        shared = (dims, num_heads, mlp_dims, dropout, activation, norm_first)
        self._start(TransformerDecoderLayer, num_layers, *shared, checkpoint=checkpoint)

    def __call__(
        self, x: mx.array, memory: mx.array, x_mask: Mask, memory_mask: Mask
    ) -> mx.array:
        """Decode `x`, of shape (B, L, dims), with memory of shape (B, L_m, dims)."""
        return self._run(x, memory, x_mask, memory_mask)


class Transformer(Module):
    """An encoder of sources, and a decoder of targets that attends to what it gives.

    Its layers are `encoder` and `decoder`.

    Args:
        dims: The number of features. Default: 512.
        num_heads: The number of heads of attention. Default: 8.
        num_encoder_layers: The number of layers of the encoder. Default: 6.
        num_decoder_layers: That of the decoder. Default: 6.
        mlp_dims: The number of features between linear maps. Default: 4 `dims`.
        dropout: The probability of dropout. Default: 0.0.
        activation: Between linear maps. Default: relu.
        custom_encoder: A module called with (src, src_mask) instead. Default: None.
        custom_decoder: A module called with (tgt, memory, tgt_mask, memory_mask)
            instead. Default: None.
        norm_first: Whether layers normalize before. Default: True.
        checkpoint: Whether the gradient computes each layer again, by
            `nn.utils.checkpoint`, instead of keeping what it computed. Default: False.

    Raises:
        ValueError: As the layers do.

    Reference:
        Vaswani et al. (2017), Attention is all you need,
        https://arxiv.org/abs/1706.03762

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> model = nn.Transformer(16, 4, num_encoder_layers=1, num_decoder_layers=1)
        >>> src, tgt = mx.zeros((2, 7, 16)), mx.zeros((2, 5, 16))
        >>> model(src, tgt, src_mask=None, tgt_mask="causal", memory_mask=None).shape
        (2, 5, 16)
    """

    def __init__(
        self,
        dims: int = 512,
        num_heads: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        mlp_dims: int | None = None,
        dropout: float = 0.0,
        activation: Activation = relu,
        custom_encoder: Any | None = None,
        custom_decoder: Any | None = None,
        norm_first: bool = True,
        checkpoint: bool = False,
    ) -> None:
        super().__init__()
        shared: dict[str, Any] = {
            "mlp_dims": mlp_dims,
            "dropout": dropout,
            "activation": activation,
            "norm_first": norm_first,
            "checkpoint": checkpoint,
        }
        self.encoder: Any = custom_encoder
        if custom_encoder is None:
            self.encoder = TransformerEncoder(
                num_encoder_layers, dims, num_heads, **shared
            )
        self.decoder: Any = custom_decoder
        if custom_decoder is None:
            self.decoder = TransformerDecoder(
                num_decoder_layers, dims, num_heads, **shared
            )

    def __call__(
        self,
        src: mx.array,
        tgt: mx.array,
        src_mask: Mask,
        tgt_mask: Mask,
        memory_mask: Mask,
    ) -> mx.array:
        """Decode `tgt`, of shape (B, L, dims), given `src`, (B, L_src, dims)."""
        memory = self.encoder(src, src_mask)
        y: mx.array = self.decoder(tgt, memory, tgt_mask, memory_mask)
        return y
