"""Differentiation of Python functions of trees: argnums, argnames and structure."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ingot import _core

__all__ = ["grad", "jvp", "value_and_grad", "vjp"]

Function = Callable[..., Any]
array = _core.array


def _argument_numbers(
    argnums: int | Sequence[int] | None, argnames: str | Sequence[str]
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    names = (argnames,) if isinstance(argnames, str) else tuple(argnames)
    if argnums is None:
        argnums = () if names else 0
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    if any(not isinstance(n, int) or n < 0 for n in numbers):
        raise ValueError(f"grad: argnums must not be negative, got {argnums}")
    if len(set(numbers)) != len(numbers) or len(set(names)) != len(names):
        raise ValueError(
            f"grad: arguments must be named once, got {numbers} and {names}"
        )
    return numbers, names


def _select(
    numbers: tuple[int, ...],
    names: tuple[str, ...],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> list[Any]:
    """The arguments to differentiate by, as trees."""
    if numbers and max(numbers) >= len(args):
        raise ValueError(
            f"grad: argnums must be below the {len(args)} positional arguments, "
            f"got {max(numbers)}"
        )
    for name in names:
        if name not in kwargs:
            raise ValueError(
                f"grad: argnames must name keyword arguments, got {name!r}"
            )
    return [args[n] for n in numbers] + [kwargs[name] for name in names]


def value_and_grad(
    fun: Function,
    argnums: int | Sequence[int] | None = None,
    argnames: str | Sequence[str] = (),
) -> Function:
    """A function that returns the value of ``fun`` and its gradient.

    Args:
        fun: returns a scalar array, or a tuple or list that begins with one; the
            rest is returned along, not differentiated.
        argnums: positions of the arguments to differentiate by; the first by
            default (none, if ``argnames`` is given).
        argnames: names of keyword arguments to differentiate by.

    Returns:
        A function of the same arguments that returns ``(value, gradient)``. The
        gradient has the structure of the argument; with several, it is a tuple,
        and with ``argnames`` a pair of those by position and a dict by name.

    Raises:
        ValueError: if the value is not a scalar array, or there is nothing to
            differentiate by.

    Example:
        >>> import ingot.core as mx
        >>> mx.value_and_grad(lambda x: x * x)(mx.array(3.0))
        (array(9, dtype=float32), array(6, dtype=float32))
    """
    numbers, names = _argument_numbers(argnums, argnames)

    @functools.wraps(fun)
    def wrapped(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        trees = _select(numbers, names, args, kwargs)
        primals = _core._tree_arrays(trees)
        if not primals:
            raise ValueError(
                "grad: the arguments to differentiate by must hold at least one array"
            )
        value: Any = None

        def flat(arrays: list[array]) -> list[array]:
            nonlocal value
            new = _core._tree_replace(trees, arrays)
            inner_args = list(args)
            for n, tree in zip(numbers, new, strict=False):
                inner_args[n] = tree
            inner_kwargs = {
                **kwargs,
                **dict(zip(names, new[len(numbers) :], strict=True)),
            }
            value = fun(*inner_args, **inner_kwargs)
            return [_scalar_of(value)]

        [loss], gradients = _core._vjp(
            flat, primals, lambda outputs: [_core.ones_like(outputs[0])]
        )
        # The tracer that the function returned stands for the loss itself.
        if not isinstance(value, array):
            items = [loss, *value[1:]]
            named = hasattr(value, "_fields")
            value = type(value)(*items) if named else type(value)(items)
        else:
            value = loss
        by_tree = _core._tree_replace(trees, gradients)
        return value, _arrange(by_tree, numbers, names)

    return wrapped


def _scalar_of(value: Any) -> array:
    first = value[0] if isinstance(value, (tuple, list)) and value else value
    if not isinstance(first, array):
        raise ValueError(
            "grad: the function must return a scalar array, or a tuple that begins "
            f"with one, got {type(first).__name__}"
        )
    if first.ndim != 0:
        raise ValueError(
            f"grad: the function must return a scalar array, got shape {first.shape}; "
            "reduce it, for example by mean()"
        )
    return first


def _arrange(
    gradients: list[Any], numbers: tuple[int, ...], names: tuple[str, ...]
) -> Any:
    positional: Any = tuple(gradients[: len(numbers)])
    if len(numbers) == 1:
        positional = positional[0]
    if not names:
        return positional
    by_name = dict(zip(names, gradients[len(numbers) :], strict=True))
    return (positional if numbers else None), by_name


def grad(
    fun: Function,
    argnums: int | Sequence[int] | None = None,
    argnames: str | Sequence[str] = (),
) -> Function:
    """A function that returns the gradient of ``fun``; see ``value_and_grad``.

    Args:
        fun: returns a scalar array.
        argnums: positions of the arguments to differentiate by.
        argnames: names of keyword arguments to differentiate by.

    Returns:
        A function of the same arguments that returns the gradient.

    Example:
        >>> import ingot.core as mx
        >>> mx.grad(mx.grad(lambda x: x * x * x))(mx.array(2.0))
        array(12, dtype=float32)
    """
    function = value_and_grad(fun, argnums, argnames)

    @functools.wraps(fun)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)[1]

    return wrapped


def _listed(fun: Function) -> Callable[[list[array]], list[array]]:
    def flat(arrays: list[array]) -> list[array]:
        outputs = fun(*arrays)
        return [outputs] if isinstance(outputs, array) else list(outputs)

    return flat


def vjp(
    fun: Function, primals: list[array], cotangents: list[array]
) -> tuple[list[array], list[array]]:
    """The outputs of ``fun`` and the product of cotangents with its Jacobian.

    Args:
        fun: takes the primals, returns an array or a list of arrays.
        primals: floating arrays to evaluate at.
        cotangents: one for each output, of its shape.

    Returns:
        ``(outputs, gradients)``, a gradient for each primal.

    Example:
        >>> import ingot.core as mx
        >>> mx.vjp(mx.square, [mx.array([1.0, 2.0])], [mx.array([1.0, 1.0])])[1]
        [array([2, 4], dtype=float32)]
    """
    seeds = list(cotangents)
    return _core._vjp(_listed(fun), list(primals), lambda _: seeds)


def jvp(
    fun: Function, primals: list[array], tangents: list[array]
) -> tuple[list[array], list[array]]:
    """The outputs of ``fun`` and the product of its Jacobian with tangents.

    Args:
        fun: takes the primals, returns an array or a list of arrays.
        primals: floating arrays to evaluate at.
        tangents: one for each primal, of its shape.

    Returns:
        ``(outputs, derivatives)``, a derivative for each output.

    Example:
        >>> import ingot.core as mx
        >>> mx.jvp(mx.square, [mx.array([1.0, 2.0])], [mx.array([1.0, 0.0])])[1]
        [array([2, 0], dtype=float32)]
    """
    return _core._jvp(_listed(fun), list(primals), list(tangents))
