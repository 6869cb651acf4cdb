"""MultiHeadAttention: linear maps around scaled dot product attention."""

from __future__ import annotations

import math

import ingot.core as mx

from ._check import positive_integer
from ._linear import Linear
from ._module import Module

__all__ = ["Mask", "MultiHeadAttention"]

# As scaled_dot_product_attention takes it.
Mask = mx.array | str | None


class MultiHeadAttention(Module):
    """Attend with several heads, softmax(Q K^T / sqrt(d) + mask) V for each.

    Q, K and V are linear maps of the inputs, cut into heads of d features; another
    linear map joins the heads. The layers `query_proj`, `key_proj`, `value_proj` and
    `out_proj` start as Linear layers do.

    Args:
        dims: The number of features of queries and keys over all heads, a multiple of
            `num_heads`, and what the other arguments default to.
        num_heads: The number of heads.
        query_input_dims: The number of features of the queries. Default: `dims`.
        key_input_dims: That of the keys. Default: `dims`.
        value_input_dims: That of the values. Default: `key_input_dims`.
        value_dims: That of V over all heads. Default: `dims`.
        value_output_dims: That of the result. Default: `dims`.
        bias: Whether the linear maps have biases. Default: False.

    Raises:
        ValueError: A number of features is below 1, or `dims` or `value_dims` is not a
            multiple of `num_heads`; or, when called, shapes do not fit.

    Reference:
        Vaswani et al. (2017), Attention is all you need,
        https://arxiv.org/abs/1706.03762

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> attention = nn.MultiHeadAttention(16, num_heads=4)
        >>> x = mx.zeros((2, 5, 16))
        >>> attention(x, x, x, mask="causal").shape
        (2, 5, 16)
    """

    def __init__(
        self,
        dims: int,
        num_heads: int,
        query_input_dims: int | None = None,
        key_input_dims: int | None = None,
        value_input_dims: int | None = None,
        value_dims: int | None = None,
        value_output_dims: int | None = None,
        bias: bool = False,
    ) -> None:
        super().__init__()
        dims = positive_integer("MultiHeadAttention", "dims", dims)
        self.num_heads = positive_integer("MultiHeadAttention", "num_heads", num_heads)
        inputs = query_input_dims or dims
        key_inputs = key_input_dims or dims
        value_inputs = value_input_dims or key_inputs
        values = value_dims or dims
        for name, size in (("dims", dims), ("value_dims", values)):
            if size % num_heads != 0:
                raise ValueError(
                    f"MultiHeadAttention: {name} must be a multiple of num_heads, "
                    f"{num_heads}, got {size}"
                )
        self.query_proj = Linear(inputs, dims, bias=bias)
        self.key_proj = Linear(key_inputs, dims, bias=bias)
        self.value_proj = Linear(value_inputs, values, bias=bias)
        self.out_proj = Linear(values, value_output_dims or dims, bias=bias)

    def __call__(
        self,
        queries: mx.array,
        keys: mx.array,
        values: mx.array,
        mask: Mask = None,
    ) -> mx.array:
        """Attend to the values.

        Args:
            queries: An array of shape (B, L_q, query_input_dims).
            keys: An array of shape (B, L_k, key_input_dims).
            values: An array of shape (B, L_k, value_input_dims).
            mask: As that of `mx.fast.scaled_dot_product_attention`. Default: None.

        Returns:
            An array of shape (B, L_q, value_output_dims).
        """
        q, k, v = (
            self._heads(layer(x))
            for layer, x in (
                (self.query_proj, queries),
                (self.key_proj, keys),
                (self.value_proj, values),
            )
        )
        y = mx.fast.scaled_dot_product_attention(
            q, k, v, scale=1 / math.sqrt(q.shape[-1]), mask=mask
        )
        joined: mx.array = self.out_proj(y.swapaxes(1, 2).flatten(-2, -1))
        return joined

    def _heads(self, x: mx.array) -> mx.array:
        """(B, L, features) as (B, num_heads, L, features of one)."""
        if x.ndim != 3:
            raise ValueError(
                "MultiHeadAttention: queries, keys and values must have 3 dimensions, "
                f"got shape {tuple(x.shape)}"
            )
        return mx.unflatten(x, -1, (self.num_heads, -1)).swapaxes(1, 2)

    @staticmethod
    def create_additive_causal_mask(N: int, dtype: mx.Dtype = mx.float32) -> mx.array:
        """A mask to add to scores: 0 up to the diagonal, beyond it the lowest number.

        Args:
            N: The number of rows and of columns.
            dtype: The dtype of the result, floating. Default: float32.

        Example:
            >>> import ingot.core as mx
            >>> import ingot.nn as nn
            >>> mask = nn.MultiHeadAttention.create_additive_causal_mask(2)
            >>> (mask < 0).tolist()
            [[False, True], [False, False]]
        """
        i = mx.arange(N)
        return (i[:, None] < i).astype(dtype) * mx.finfo(dtype).min
