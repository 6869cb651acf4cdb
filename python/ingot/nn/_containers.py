"""Sequential: layers called one after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._module import Module

__all__ = ["Sequential"]


class Sequential(Module):
    """Call layers in order, each on the result of the one before.

    Args:
        modules: Modules or other callables; parameters live in modules only.

    Raises:
        TypeError: An argument cannot be called.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> model = nn.Sequential(nn.Linear(5, 10), nn.relu, nn.Linear(10, 2))
        >>> model(mx.zeros((3, 5))).shape
        (3, 2)
    """

    def __init__(self, *modules: Callable[..., Any]) -> None:
        super().__init__()
        for i, module in enumerate(modules):
            if not callable(module):
                raise TypeError(
                    f"Sequential: argument {i} must be a module or another callable, "
                    f"got {type(module).__name__}"
                )
        self.layers = list(modules)

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x
