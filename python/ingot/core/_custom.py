"""Functions of trees with derivatives of their own: checkpoint, custom_function."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ParamSpec, TypeVar

from ingot import _core
from ingot.core._vmap import _axes_of

__all__ = ["checkpoint", "custom_function"]

Function = Callable[..., Any]
array = _core.array
P = ParamSpec("P")
R = TypeVar("R")


def _arrays(tree: Any) -> list[array]:
    return _core._tree_arrays([tree])


def _replace(tree: Any, arrays: list[array]) -> Any:
    [new] = _core._tree_replace([tree], arrays)
    return new


class _Frame:
    """A tree without its arrays: what a node may hold as long as it likes."""

    def __init__(self, tree: Any, count: int) -> None:
        self._tree = _replace(tree, [_core.array(0)] * count)

    def fill(self, arrays: list[array]) -> Any:
        return _replace(self._tree, arrays)

    def fill_some(self, leaves: Sequence[Any]) -> Any:
        """The same, where some are no arrays."""
        remaining = iter(leaves)

        def walk(node: Any) -> Any:
            if isinstance(node, array):
                return next(remaining)
            if isinstance(node, dict):
                return {key: walk(child) for key, child in node.items()}
            if isinstance(node, (list, tuple)):
                children = [walk(child) for child in node]
                named = hasattr(node, "_fields")
                return type(node)(*children) if named else type(node)(children)
            return node

        return walk(self._tree)


class _Call:
    """One call of a function of trees, as one of lists of arrays."""

    def __init__(self, fun: Function, args: tuple[Any, ...], kwargs: Any) -> None:
        tree = (args, kwargs)
        self.inputs = _arrays(tree)
        self.returned = returned = _Returned()
        frame = _Frame(tree, len(self.inputs))

        def flat(arrays: list[array]) -> list[array]:
            inner_args, inner_kwargs = frame.fill(arrays)
            value = fun(*inner_args, **inner_kwargs)
            outputs = _arrays(value)
            if returned.frame is None:
                returned.frame = _Frame(value, len(outputs))
            return outputs

        self.flat = flat


class _Returned:
    """The structure of what a function returned when it was called first."""

    frame: _Frame | None = None

    def fill(self, arrays: list[array]) -> Any:
        assert self.frame is not None
        return self.frame.fill(arrays)

    def fill_none(self) -> Any:
        """The structure alone, scalars in place of arrays."""
        assert self.frame is not None
        return self.frame._tree


def checkpoint(fun: Callable[P, R]) -> Callable[P, R]:
    """A function like ``fun`` that keeps nothing it computes for its gradient.

    Derivatives call ``fun`` again and take the intermediate values from that, which
    saves their memory and costs about their time. They are those of ``fun`` itself, of
    any order, and also by arrays that it captures. The second call draws the random
    numbers of the first; anything else that ``fun`` does besides returning arrays, it
    does twice.

    Args:
        fun: takes trees of arrays and anything else, returns a tree of arrays, and
            the same when it is called again.

    Returns:
        A function of the same arguments and values.

    Raises:
        TypeError: if ``fun`` can't be called.
        ValueError: from a gradient, if ``fun`` returns arrays of other shapes when it
            is called again.

    Example:
        >>> import ingot.core as mx
        >>> wave = mx.checkpoint(lambda x: mx.sin(mx.sin(x)).sum())
        >>> mx.grad(wave)(mx.array([0.0, 0.0]))
        array([1, 1], dtype=float32)
    """
    if not callable(fun):
        raise TypeError(f"checkpoint: fun must be callable, got {type(fun).__name__}")

    @functools.wraps(fun)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        call = _Call(fun, args, kwargs)
        outputs = _core._checkpoint(call.flat, call.inputs)
        return call.returned.fill(outputs)  # type: ignore[no-any-return]

    return wrapped


def _leaves(tree: Any, like: Any, what: str, at: str = "") -> Iterator[array | None]:
    """What a rule returned, in the order of the arrays of ``like``."""
    if isinstance(like, array):
        shape = getattr(tree, "shape", None)
        if tree is None or (isinstance(tree, array) and shape == like.shape):
            yield tree
            return
        got = f"shape {shape}" if isinstance(tree, array) else type(tree).__name__
        raise ValueError(
            f"custom_function: {what} an array of shape {like.shape} or None"
            f"{at and f' at {at}'}, got {got}"
        )
    if isinstance(like, dict):
        if not isinstance(tree, dict) or tree.keys() != like.keys():
            keys = list(tree) if isinstance(tree, dict) else type(tree).__name__
            raise ValueError(
                f"custom_function: {what} a dict of {list(like)}"
                f"{at and f' at {at}'}, got {keys}"
            )
        for key, child in like.items():
            yield from _leaves(tree[key], child, what, f"{at}[{key!r}]")
    elif isinstance(like, (list, tuple)):
        if not isinstance(tree, (list, tuple)) or len(tree) != len(like):
            many = isinstance(tree, (list, tuple))
            got = f"{len(tree)} of them" if many else type(tree).__name__
            raise ValueError(
                f"custom_function: {what} a {type(like).__name__} of {len(like)}"
                f"{at and f' at {at}'}, got {got}"
            )
        for i, child in enumerate(like):
            yield from _leaves(tree[i], child, what, f"{at}[{i}]")


class custom_function:
    """A function whose derivatives are given, as a decorator.

    It is called as the function itself. Where a gradient is taken that ``vjp`` has
    been given for, that is called in place of differentiating the function, and
    likewise ``jvp``; without one the function is differentiated as any other. Under
    such a rule only the positional arguments have derivatives: what the function
    captures, and keyword arguments, count as constants.

    Args:
        f: takes trees of arrays and anything else, returns a tree of arrays.

    Raises:
        TypeError: if ``f`` can't be called.

    Example:
        >>> import ingot.core as mx
        >>> @mx.custom_function
        ... def clipped(x):
        ...     return mx.minimum(x, 1)
        >>> @clipped.vjp
        ... def straight_through(primals, cotangents, outputs):
        ...     return cotangents
        >>> mx.grad(lambda x: clipped(x).sum())(mx.array([0.5, 2.0]))
        array([1, 1], dtype=float32)
    """

    def __init__(self, f: Function) -> None:
        self._function = _callable(f, "f")
        self._vjp: Function | None = None
        self._jvp: Function | None = None
        self._vmap: Function | None = None
        functools.update_wrapper(self, f)

    def vjp(self, f: Function) -> Function:
        """Sets the rule for gradients; a decorator.

        Args:
            f: takes the positional arguments (itself, if there is one; else their
                tuple), the cotangents and the outputs, each in the structure that
                the function has them in; returns the gradients in the structure of
                the arguments, where None is zero.

        Returns:
            ``f``.

        Raises:
            TypeError: if ``f`` can't be called.
        """
        self._vjp = _callable(f, "vjp")
        return f

    def jvp(self, f: Function) -> Function:
        """Sets the rule for ``jvp``; a decorator.

        Args:
            f: takes the positional arguments (itself, if there is one; else their
                tuple) and their tangents, where None is zero; returns the outputs'
                tangents in their structure. It is linear in the tangents.

        Returns:
            ``f``.

        Raises:
            TypeError: if ``f`` can't be called.
        """
        self._jvp = _callable(f, "jvp")
        return f

    def vmap(self, f: Function) -> Function:
        """Sets the rule for ``vmap``; a decorator.

        What the rule returns is differentiated as it is, not by the other rules.

        Args:
            f: takes the positional arguments (itself, if there is one; else their
                tuple) with the batch along an axis, and these axes in the same
                structure, where None marks what is the same for all examples;
                returns the outputs and the axes of the batch in them.

        Returns:
            ``f``.

        Raises:
            TypeError: if ``f`` can't be called.
        """
        self._vmap = _callable(f, "vmap")
        return f

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the function."""
        # Keywords are bound beforehand: no rule is told of them.
        call = _Call(functools.partial(self._function, **kwargs), args, {})
        frame = _Frame(args[0] if len(args) == 1 else args, len(call.inputs))
        vjp = self._vjp and _flat_vjp(self._vjp, frame, call.returned)
        jvp = self._jvp and _flat_jvp(self._jvp, frame, call.returned)
        vmap = self._vmap and _flat_vmap(self._vmap, frame, call.returned)
        outputs = _core._custom_function(call.flat, call.inputs, vjp, jvp, vmap)
        return call.returned.fill(outputs)


def _flat_vjp(vjp: Function, primals: _Frame, returned: _Returned) -> Function:
    def flat(
        inputs: list[array], cotangents: list[array], outputs: list[array]
    ) -> list[array | None]:
        given = primals.fill(inputs)
        gradients = vjp(given, returned.fill(cotangents), returned.fill(outputs))
        return list(_leaves(gradients, given, "vjp must return"))

    return flat


def _flat_jvp(jvp: Function, primals: _Frame, returned: _Returned) -> Function:
    def flat(
        inputs: list[array], tangents: list[array | None], outputs: list[array]
    ) -> list[array | None]:
        result = jvp(primals.fill(inputs), primals.fill_some(tangents))
        return list(_leaves(result, returned.fill(outputs), "jvp must return"))

    return flat


def _flat_vmap(vmap: Function, primals: _Frame, returned: _Returned) -> Function:
    def flat(inputs: list[array], has_axis: list[bool], size: int) -> list[array]:
        axes = primals.fill_some([0 if has else None for has in has_axis])
        result = vmap(primals.fill(inputs), axes)
        if not isinstance(result, (list, tuple)) or len(result) != 2:
            raise ValueError(
                "custom_function: vmap must return the outputs and their axes, got "
                f"{type(result).__name__}"
            )
        outputs, out_axes = result
        arrays = _arrays(outputs)
        placed = []
        for x, axis in zip(arrays, _axes_of(outputs, out_axes, "axes"), strict=True):
            if axis is None:
                placed.append(_core.broadcast_to(x, (size, *x.shape)))
            elif -x.ndim <= axis < x.ndim and x.shape[axis] == size:
                placed.append(_core.moveaxis(x, axis, 0))
            else:
                raise ValueError(
                    f"custom_function: vmap must return arrays with {size} examples "
                    f"along their axes, got shape {x.shape} and axis {axis}"
                )
        expected = _arrays(returned.fill_none())
        if len(placed) != len(expected):
            raise ValueError(
                f"custom_function: vmap must return {len(expected)} arrays, "
                f"got {len(placed)}"
            )
        return placed

    return flat


def _callable(f: Any, name: str) -> Function:
    if not callable(f):
        raise TypeError(
            f"custom_function: {name} must be callable, got {type(f).__name__}"
        )
    return f  # type: ignore[no-any-return]
