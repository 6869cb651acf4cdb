"""value_and_grad: the gradients of a function of a module's parameters."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import ingot.core as mx

from ..utils import tree_map
from ._module import Module
from ._walk import Slot, parameter_slots

__all__ = ["value_and_grad"]


def value_and_grad(
    model: Module, fn: Callable[..., Any]
) -> Callable[..., tuple[Any, dict[str, Any]]]:
    """Make a function that returns `fn`'s value and its gradients for a model.

    While `fn` runs, the model's trainable parameters are those being differentiated;
    afterwards, and after an error, they are what they were. A module reached by two
    names has its whole gradient under the last, and zeros under the others.

    Args:
        model: The module whose trainable parameters are differentiated.
        fn: Returns a scalar array, or a tuple that begins with one. It need not take
            the model as an argument.

    Returns:
        A function with `fn`'s arguments that returns (value, gradients); the gradients
        have the structure of `model.trainable_parameters()`.

    Raises:
        TypeError: `model` is not a Module or `fn` not callable.
        ValueError: When called: the model has no trainable parameters, or `fn` does
            not return a scalar array.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.nn as nn
        >>> model = nn.Linear(2, 1)
        >>> loss = nn.value_and_grad(model, lambda x: model(x).sum())
        >>> value, gradients = loss(mx.ones((3, 2)))
        >>> gradients["bias"]
        array([3], dtype=float32)
    """
    if not isinstance(model, Module):
        raise TypeError(
            f"value_and_grad: model must be a Module, got {type(model).__name__}"
        )
    if not callable(fn):
        raise TypeError(f"value_and_grad: fn must be callable, got {type(fn).__name__}")

    @functools.wraps(fn)
    def wrapped(*args: Any, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        tree = model.trainable_parameters()
        slots = parameter_slots(model, model.trainable_parameter_filter)
        if not slots:
            raise ValueError(
                "value_and_grad: the model must have trainable parameters, got none "
                "(are all frozen?)"
            )
        originals = [container[key] for _, container, key in slots]
        traced: list[mx.array] = []

        def inner(arrays: list[mx.array], *args: Any, **kwargs: Any) -> Any:
            traced[:] = arrays
            for (_, container, key), array in zip(slots, arrays, strict=True):
                container[key] = array
            return fn(*args, **kwargs)

        try:
            value, gradients = mx.value_and_grad(inner)([*originals], *args, **kwargs)
        finally:
            restore(slots, traced, originals)
        remaining = iter(gradients)
        return value, tree_map(lambda _: next(remaining), tree)

    return wrapped


def restore(
    slots: list[Slot], traced: list[mx.array], originals: list[mx.array]
) -> None:
    """Put the originals back where `fn` has left the traced ones."""
    for (_, container, key), array, old in zip(slots, traced, originals, strict=False):
        try:
            unchanged = container[key] is array
        except (KeyError, IndexError):
            continue
        if unchanged:  # else fn gave the parameter a new value, which stays
            container[key] = old
