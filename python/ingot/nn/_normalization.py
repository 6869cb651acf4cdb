"""Normalization: features brought to one scale, over what each layer says."""

from __future__ import annotations

from typing import Any, ClassVar

import ingot.core as mx

from ._check import finite, last_dimension, positive_integer, wide
from ._module import Module

__all__ = ["BatchNorm", "GroupNorm", "InstanceNorm", "LayerNorm", "RMSNorm"]


class LayerNorm(Module):
    """Normalize the last dimension: y = (x - E[x]) / sqrt(Var[x] + eps) * gamma + beta.

    `weight` gamma and `bias` beta have shape (dims,) and start at 1 and 0. Half types
    are computed in float32 and rounded once, at the end.

    Args:
        dims: The number of features.
        eps: Added to the variance. Default: 1e-5.
        affine: Whether there is a weight. Default: True.
        bias: Whether there is a bias too. Default: True.

    Raises:
        ValueError: `dims` is below 1 or `eps` negative; or, when called, the last
            dimension of the input is not `dims`.

    Reference:
        Ba, Kiros and Hinton (2016), Layer normalization, https://arxiv.org/abs/1607.06450

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.LayerNorm(2)(mx.array([[1.0, 3.0]])).round(2)
        array([[-1, 1]], dtype=float32)
    """

    def __init__(
        self, dims: int, eps: float = 1e-5, affine: bool = True, bias: bool = True
    ) -> None:
        super().__init__()
        self.dims = positive_integer("LayerNorm", "dims", dims)
        self.eps = finite("LayerNorm", "eps", eps, 0.0)
        if affine:
            self.weight = mx.ones((self.dims,))
            if bias:
                self.bias = mx.zeros((self.dims,))

    def _extra_repr(self) -> str:
        return f"{self.dims}, eps={self.eps}, affine={'weight' in self}"

    def __call__(self, x: mx.array) -> mx.array:
        last_dimension(f"LayerNorm({self.dims})", x, self.dims)
        return mx.fast.layer_norm(x, self.get("weight"), self.get("bias"), self.eps)


class RMSNorm(Module):
    """Divide by the root mean square of the last dimension.

    y = x / sqrt(E[x^2] + eps) * gamma. `weight` gamma has shape (dims,) and starts
    at 1. Half types are computed in float32 and rounded once, at the end.

    Args:
        dims: The number of features.
        eps: Added to the mean square. Default: 1e-5.

    Raises:
        ValueError: `dims` is below 1 or `eps` negative; or, when called, the last
            dimension of the input is not `dims`.

    Reference:
        Zhang and Sennrich (2019), Root mean square layer normalization,
        https://arxiv.org/abs/1910.07467

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.RMSNorm(2)(mx.array([[3.0, 3.0]])).round(2)
        array([[1, 1]], dtype=float32)
    """

    def __init__(self, dims: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.dims = positive_integer("RMSNorm", "dims", dims)
        self.eps = finite("RMSNorm", "eps", eps, 0.0)
        self.weight = mx.ones((self.dims,))

    def _extra_repr(self) -> str:
        return f"{self.dims}, eps={self.eps}"

    def __call__(self, x: mx.array) -> mx.array:
        last_dimension(f"RMSNorm({self.dims})", x, self.dims)
        return mx.fast.rms_norm(x, self["weight"], self.eps)


class BatchNorm(Module):
    """Normalize each feature over the batch and all places in it.

    y = (x - E[x]) / sqrt(Var[x] + eps) * gamma + beta. In training mode mean and
    variance are those of the batch, and the running ones move towards them:
    running = (1 - momentum) running + momentum batch, with the unbiased variance of
    the batch. In evaluation mode they are the running ones, if those are tracked.

    `weight` gamma and `bias` beta have shape (num_features,) and start at 1 and 0;
    `running_mean` and `running_var` have the same shape, start at 0 and 1, and are
    saved with the parameters but always frozen. Half types are computed in float32
    and rounded once, at the end.

    Args:
        num_features: The number of features, the last dimension of the input.
        eps: Added to the variance. Default: 1e-5.
        momentum: The share of the batch in the running statistics, in [0, 1].
            Default: 0.1.
        affine: Whether there are a weight and a bias. Default: True.
        track_running_stats: Whether there are running statistics. Default: True.

    Raises:
        ValueError: `num_features` is below 1, `eps` negative or `momentum` outside
            [0, 1]; or, when called, the input has fewer than 2 dimensions, its last
            is not `num_features`, or a batch to train on has fewer than two values
            for each feature.

    Reference:
        Ioffe and Szegedy (2015), Batch normalization: Accelerating deep network
        training by reducing internal covariate shift,
        https://arxiv.org/abs/1502.03167

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> layer = nn.BatchNorm(2)
        >>> layer(mx.array([[1.0, 2.0], [3.0, 6.0]])).round(2)
        array([[-1, -1],
               [1, 1]], dtype=float32)
        >>> layer.running_mean
        array([0.2, 0.4], dtype=float32)
    """

    _state_names: ClassVar[frozenset[str]] = frozenset({"running_mean", "running_var"})

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = positive_integer("BatchNorm", "num_features", num_features)
        self.eps = finite("BatchNorm", "eps", eps, 0.0)
        self.momentum = finite("BatchNorm", "momentum", momentum)
        if not 0 <= self.momentum <= 1:
            raise ValueError(f"BatchNorm: momentum must be in [0, 1], got {momentum}")
        self.track_running_stats = bool(track_running_stats)
        _start_affine(self, self.num_features, affine)
        if self.track_running_stats:
            self.running_mean = mx.zeros((self.num_features,))
            self.running_var = mx.ones((self.num_features,))
            self.freeze(keys=sorted(self._state_names), recurse=False)

    def _extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={'weight' in self}, track_running_stats={self.track_running_stats}"
        )

    def __call__(self, x: mx.array) -> mx.array:
        name = f"BatchNorm({self.num_features})"
        _dimensions(name, x, self.num_features, 2)
        if self.training and x.size < 2 * self.num_features:
            raise ValueError(
                f"{name}: a batch to train on must have at least two values for each "
                f"feature, got shape {tuple(x.shape)}"
            )
        values = wide(x)
        if self.training or not self.track_running_stats:
            axes = list(range(x.ndim - 1))
            y, mean, var = _standardized(values, axes, self.eps)
            if self.training and self.track_running_stats:
                self._track(mean, var, x.size // self.num_features)
        else:
            scale = mx.rsqrt(wide(self.running_var) + self.eps)
            y = (values - self.running_mean) * scale
        return _affine(self, x, y)

    def _track(self, mean: mx.array, var: mx.array, count: int) -> None:
        """Move the running statistics towards those of a batch of `count` values."""
        unbiased = var * (count / (count - 1))
        for name, new in (("running_mean", mean), ("running_var", unbiased)):
            old, new = self[name], mx.stop_gradient(new.flatten())
            running = (1 - self.momentum) * wide(old) + self.momentum * new
            self[name] = running.astype(old.dtype)


class InstanceNorm(Module):
    """Normalize each feature of each sample over the places in it.

    y = (x - E[x]) / sqrt(Var[x] + eps) * gamma + beta, for an input of shape
    (N, ..., dims). `weight` gamma and `bias` beta have shape (dims,) and start at 1
    and 0. Half types are computed in float32 and rounded once, at the end.

    Args:
        dims: The number of features.
        eps: Added to the variance. Default: 1e-5.
        affine: Whether there are a weight and a bias. Default: False.

    Raises:
        ValueError: `dims` is below 1 or `eps` negative; or, when called, the input
            has fewer than 3 dimensions, or its last is not `dims`.

    Reference:
        Ulyanov, Vedaldi and Lempitsky (2016), Instance normalization: The missing
        ingredient for fast stylization, https://arxiv.org/abs/1607.08022

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> nn.InstanceNorm(1)(mx.array([[[1.0], [3.0]], [[10.0], [30.0]]])).round(2)
        array([[[-1],
                [1]],
               [[-1],
                [1]]], dtype=float32)
    """

    def __init__(self, dims: int, eps: float = 1e-5, affine: bool = False) -> None:
        super().__init__()
        self.dims = positive_integer("InstanceNorm", "dims", dims)
        self.eps = finite("InstanceNorm", "eps", eps, 0.0)
        _start_affine(self, self.dims, affine)

    def _extra_repr(self) -> str:
        return f"{self.dims}, eps={self.eps}, affine={'weight' in self}"

    def __call__(self, x: mx.array) -> mx.array:
        _dimensions(f"InstanceNorm({self.dims})", x, self.dims, 3)
        y, _, _ = _standardized(wide(x), list(range(1, x.ndim - 1)), self.eps)
        return _affine(self, x, y)


class GroupNorm(Module):
    """Normalize each group of features of each sample over the places in it.

    y = (x - E[x]) / sqrt(Var[x] + eps) * gamma + beta, for an input of shape
    (N, ..., dims). `weight` gamma and `bias` beta have shape (dims,) and start at 1
    and 0. Half types are computed in float32 and rounded once, at the end.

    Args:
        num_groups: The number of groups.
        dims: The number of features, a multiple of `num_groups`.
        eps: Added to the variance. Default: 1e-5.
        affine: Whether there are a weight and a bias. Default: True.
        pytorch_compatible: Whether a group is `dims / num_groups` features in a row,
            as in PyTorch; else feature i is in group i mod `num_groups`. Default:
            False.

    Raises:
        ValueError: `num_groups` or `dims` is below 1, `dims` not a multiple of
            `num_groups`, or `eps` negative; or, when called, the input has fewer than
            2 dimensions, or its last is not `dims`.

    Reference:
        Wu and He (2018), Group normalization, https://arxiv.org/abs/1803.08494

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> x = mx.array([[1.0, 3.0, 10.0, 30.0]])
        >>> nn.GroupNorm(2, 4, pytorch_compatible=True)(x).round(2)
        array([[-1, 1, -1, 1]], dtype=float32)
        >>> nn.GroupNorm(2, 4)(x).round(2)
        array([[-1, -1, 1, 1]], dtype=float32)
    """

    def __init__(
        self,
        num_groups: int,
        dims: int,
        eps: float = 1e-5,
        affine: bool = True,
        pytorch_compatible: bool = False,
    ) -> None:
        super().__init__()
        self.num_groups = positive_integer("GroupNorm", "num_groups", num_groups)
        self.dims = positive_integer("GroupNorm", "dims", dims)
        if self.dims % self.num_groups:
            raise ValueError(
                f"GroupNorm: dims must be a multiple of num_groups, {num_groups}, "
                f"got {dims}"
            )
        self.eps = finite("GroupNorm", "eps", eps, 0.0)
        self.pytorch_compatible = bool(pytorch_compatible)
        _start_affine(self, self.dims, affine)

    def _extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.dims}, eps={self.eps}, "
            f"affine={'weight' in self}, pytorch_compatible={self.pytorch_compatible}"
        )

    def __call__(self, x: mx.array) -> mx.array:
        _dimensions(f"GroupNorm({self.num_groups}, {self.dims})", x, self.dims, 2)
        groups, size = self.num_groups, self.dims // self.num_groups
        if self.pytorch_compatible:
            split, axis = (groups, size), x.ndim
        else:
            split, axis = (size, groups), x.ndim - 1
        axes = [*range(1, x.ndim - 1), axis]
        y, _, _ = _standardized(
            wide(x).reshape((*x.shape[:-1], *split)), axes, self.eps
        )
        return _affine(self, x, y.reshape(x.shape))


def _dimensions(owner: str, x: Any, size: int, least: int) -> None:
    """Raise unless `x` has at least `least` dimensions, the last of `size`."""
    last_dimension(owner, x, size)
    if x.ndim < least:
        raise ValueError(
            f"{owner}: x must have at least {least} dimensions, "
            f"got shape {tuple(x.shape)}"
        )


def _standardized(
    x: mx.array, axes: list[int], eps: float
) -> tuple[mx.array, mx.array, mx.array]:
    """`x` with mean 0 and variance 1 over `axes`; what these were, in kept axes."""
    mean = mx.mean(x, axis=axes, keepdims=True)
    centred = x - mean
    # What rounding the mean has left over. Its derivative is 0.
    rest = mx.stop_gradient(mx.mean(centred, axis=axes, keepdims=True))
    centred = centred - rest
    var = mx.mean(mx.square(centred), axis=axes, keepdims=True)
    return centred * mx.rsqrt(var + eps), mean + rest, var


def _start_affine(layer: Module, dims: int, affine: bool) -> None:
    """Give `layer` a weight of 1 and a bias of 0, if it is to be affine."""
    if affine:
        layer.weight = mx.ones((dims,))
        layer.bias = mx.zeros((dims,))


def _affine(layer: Module, x: mx.array, y: mx.array) -> mx.array:
    """y weight + bias, in the dtype of x weight (float32 for integers)."""
    dtype = x.dtype if mx.issubdtype(x.dtype, mx.floating) else mx.float32
    if "weight" in layer:
        dtype = mx.result_type(dtype, layer["weight"].dtype)
        y = y * layer["weight"] + layer["bias"]
    return y.astype(dtype)
