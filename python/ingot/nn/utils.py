"""What works on modules from outside: average_gradients, checkpoint, value_and_grad."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import ingot.core as mx

from ._distributed import average_gradients
from ._gradients import restore, value_and_grad
from ._module import Module
from ._walk import parameter_slots

__all__ = ["average_gradients", "checkpoint", "value_and_grad"]


def checkpoint(module: Module, fn: Callable[..., Any] | None = None) -> Any:
    """Make a function like `fn` that keeps nothing it computes for its gradient.

    Derivatives call it again, as `ingot.core.checkpoint` documents, which saves the
    memory of what lies between its arguments and its value. The trainable parameters
    of `module` have their gradients as without it.

    Args:
        module: The module whose parameters `fn` uses.
        fn: The function. Default: the module itself.

    Returns:
        A function with `fn`'s arguments and values.

    Raises:
        TypeError: `module` is not a Module or `fn` not callable.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> layer = nn.Linear(2, 1)
        >>> forward = nn.utils.checkpoint(layer)
        >>> loss = nn.value_and_grad(layer, lambda x: forward(x).sum())
        >>> value, gradients = loss(mx.ones((3, 2)))
        >>> gradients["bias"]
        array([3], dtype=float32)
    """
    if not isinstance(module, Module):
        raise TypeError(
            f"checkpoint: module must be a Module, got {type(module).__name__}"
        )
    function = module if fn is None else fn
    if not callable(function):
        raise TypeError(f"checkpoint: fn must be callable, got {type(fn).__name__}")

    @mx.checkpoint
    def inner(parameters: list[mx.array], args: Any, kwargs: dict[str, Any]) -> Any:
        slots = parameter_slots(module, module.trainable_parameter_filter)
        before = [container[key] for _, container, key in slots]
        try:
            for (_, container, key), parameter in zip(slots, parameters, strict=True):
                container[key] = parameter
            return function(*args, **kwargs)
        finally:
            restore(slots, parameters, before)

    @functools.wraps(function, updated=())
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        slots = parameter_slots(module, module.trainable_parameter_filter)
        return inner([container[key] for _, container, key in slots], args, kwargs)

    return wrapped
