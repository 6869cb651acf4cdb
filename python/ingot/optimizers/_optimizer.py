"""The base class of optimizers: state, schedules, and how a tree is updated."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any, TypeVar

import ingot.core as mx
from ingot import _core

from . import _trees
from ._checks import Schedule, number

__all__ = ["Optimizer"]

T = TypeVar("T")


class Optimizer:
    """The base of every optimizer, to be extended in Python with array operations.

    A subclass defines `init_single` and `apply_single` for one parameter; the base
    applies them to a tree of parameters (a module, or nested dicts, lists and tuples).
    `state` is a plain dict that mirrors that tree, with a dict per parameter, next to
    `step` (updates done, uint64) and `learning_rate` (the one of the last update).

    Args:
        schedulers: Functions of the step by the name of the state entry that they set
            before each update. Default: none.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.optimizers as optim
        >>> class SignDescent(optim.Optimizer):
        ...     def __init__(self, learning_rate):
        ...         super().__init__()
        ...         self._maybe_schedule("learning_rate", learning_rate)
        ...
        ...     def init_single(self, parameter, state):
        ...         pass
        ...
        ...     def apply_single(self, gradient, parameter, state):
        ...         return parameter - self.learning_rate * mx.sign(gradient)
        >>> model = {"w": mx.array([1.0, 2.0])}
        >>> SignDescent(0.5).update(model, {"w": mx.array([3.0, -4.0])})
        >>> model["w"].tolist()
        [0.5, 2.5]
    """

    def __init__(self, schedulers: dict[str, Schedule] | None = None) -> None:
        self._initialized = False  # False: `state` may hold what we did not make
        self._state: dict[Any, Any] = {"step": mx.array(0, mx.uint64)}
        self._schedulers = dict(schedulers or {})

    @property
    def _name(self) -> str:
        return type(self).__name__.lower()

    @property
    def state(self) -> dict[Any, Any]:
        """The state; may be set to one that was saved."""
        return self._state

    @state.setter
    def state(self, state: dict[Any, Any]) -> None:
        self._state = state
        self._initialized = False

    @property
    def step(self) -> mx.array:
        """The number of updates done, a uint64 scalar."""
        step: mx.array = self.state["step"]
        return step

    @property
    def learning_rate(self) -> mx.array:
        """The learning rate of the last update, or of the first one before that.

        Set to a number or a scalar array it replaces a schedule, as a callable does.
        """
        rate: mx.array = self.state["learning_rate"]
        return rate

    @learning_rate.setter
    def learning_rate(self, value: float | mx.array | Schedule) -> None:
        self._maybe_schedule("learning_rate", value)

    def init(self, parameters: Any) -> None:
        """Adds the state of parameters that have none.

        Optional: `update` does it when needed.

        Args:
            parameters: A tree of arrays, such as `model.trainable_parameters()`.

        Raises:
            TypeError: Where a parameter is no array of floats.
            ValueError: Where state that was set does not fit its parameter.
        """
        found, _ = _trees.matched(self._name, parameters, parameters, "parameter")
        self._states(parameters, found)

    def update(self, model: Any, gradients: Any) -> None:
        """Updates the parameters of `model` in place.

        Args:
            model: A module, or a dict or list that holds parameters.
            gradients: A tree of the same structure, parts of which may be missing;
                those parameters, and their state, stay as they are.

        Raises:
            TypeError, ValueError: As `apply_gradients`; nothing has changed then.
        """
        if not isinstance(model, (dict, list)):
            raise TypeError(
                f"{self._name}: model must be a module, a dict or a list, got "
                f"{type(model).__name__} (apply_gradients returns new parameters)"
            )
        _trees.assign(model, self.apply_gradients(gradients, model))

    def apply_gradients(self, gradients: Any, parameters: Any) -> Any:
        """The updated parameters, in the structure of `gradients`.

        Args:
            gradients: A tree of float arrays.
            parameters: A tree that holds at least the parameters of these gradients,
                in the same places and with the same shapes.

        Raises:
            TypeError: Where a gradient is missing (None) or not an array of floats.
            ValueError: Where a gradient has no parameter or another shape, or where
                state that was set does not fit. The path is named and nothing changed.
        """
        found, targets = _trees.matched(self._name, gradients, parameters)
        states = self._states(gradients, targets)
        new = self._counted(lambda: self._apply(found, targets, states))
        return _trees.rebuilt(gradients, iter(new))

    def _counted(self, work: Callable[[], T]) -> T:
        """What `work` returns, done with the schedules and the count of an update.

        Both are as before where it fails.
        """
        state = self.state
        names = ("step", *self._schedulers)
        before = {name: state[name] for name in names if name in state}
        step = self._step_count()
        try:
            for name, schedule in self._schedulers.items():
                state[name] = self._scalar(name, self._scheduled(schedule, step))
            state["step"] = _core.increment(step)
            return work()
        except BaseException:
            state.update(before)
            raise

    @staticmethod
    def _scheduled(schedule: Schedule, step: mx.array) -> Any:
        """A scheduled number: computed by the CPU, which a GPU need not wait for."""
        with mx.stream(mx.cpu):
            return schedule(step)

    def init_single(self, parameter: mx.array, state: dict[str, Any]) -> None:
        """Fills the empty `state` of one parameter; for subclasses."""
        raise NotImplementedError(f"{self._name}: init_single is not defined")

    def apply_single(
        self, gradient: mx.array, parameter: mx.array, state: dict[str, Any]
    ) -> mx.array:
        """The new parameter; writes the new `state`; for subclasses."""
        raise NotImplementedError(f"{self._name}: apply_single is not defined")

    def _apply(
        self,
        gradients: list[mx.array],
        parameters: list[mx.array],
        states: list[dict[str, Any]],
    ) -> list[mx.array]:
        """The new parameters; writes `states` once nothing can fail any more."""
        copies = [dict(state) for state in states]
        new = [
            self.apply_single(gradient, parameter, state)
            for gradient, parameter, state in zip(
                gradients, parameters, copies, strict=True
            )
        ]
        for state, copy in zip(states, copies, strict=True):
            state.update(copy)
        return new

    def _maybe_schedule(self, name: str, value: float | mx.array | Schedule) -> None:
        """Puts `value` into the state, or its schedule's first value."""
        if callable(value):
            scalar = self._scalar(name, value(self.step))
            self._schedulers[name] = value
        else:
            if name == "learning_rate":
                number(self._name, name, value, "[0, inf)")
            scalar = self._scalar(name, value)
            self._schedulers.pop(name, None)
        self.state[name] = scalar

    def _scalar(self, name: str, value: Any) -> mx.array:
        """A hyperparameter as an array without dimensions."""
        if isinstance(value, Real):
            return mx.array(float(value), mx.float32)
        scalar = value if isinstance(value, mx.array) else mx.array(value)
        if scalar.size != 1:
            raise ValueError(
                f"{self._name}: {name} must be a scalar, got shape {scalar.shape}"
            )
        if scalar.dtype == mx.complex64:
            raise TypeError(f"{self._name}: {name} must be real, got {scalar.dtype}")
        if scalar.dtype not in _trees.FLOATING:
            scalar = scalar.astype(mx.float32)
        return scalar.reshape(()) if scalar.ndim else scalar

    def _step_count(self) -> mx.array:
        step = self.state.get("step")
        if isinstance(step, int):
            step = mx.array(step, mx.uint64)
        if not isinstance(step, mx.array) or step.size != 1:
            raise ValueError(
                f"{self._name}: state must hold the scalar step, got {step!r}"
            )
        return step.reshape(()) if step.ndim else step

    def _states(self, tree: Any, parameters: list[mx.array]) -> list[dict[str, Any]]:
        """The state of each parameter of `tree`, made where missing."""
        reserved = {"step", "learning_rate", *self._schedulers}
        states = _trees.states(self._name, tree, self.state, reserved)

        def missing(state: dict[str, Any]) -> bool:
            return not state or (state is self.state and state.keys() <= reserved)

        def path(i: int) -> Callable[[], str]:
            return lambda: _trees.paths(tree)[i]

        pairs = list(zip(parameters, states, strict=True))
        if not self._initialized:
            for i, (parameter, state) in enumerate(pairs):
                if not missing(state):
                    self._check_state(parameter, state, path(i))
        for parameter, state in pairs:
            if missing(state):
                self.init_single(parameter, state)
        self._initialized = True
        return states

    def _check_state(
        self, parameter: mx.array, state: dict[str, Any], path: Callable[[], str]
    ) -> None:
        """Refuses state that was set and is not what `init_single` would make."""
        fresh: dict[str, Any] = {}
        self.init_single(parameter, fresh)
        if not fresh.keys() <= state.keys():
            raise ValueError(
                f"{self._name}: state of {path()} must hold {', '.join(fresh)}, "
                f"got {', '.join(map(str, state))}"
            )
        for name, value in fresh.items():
            if not isinstance(value, mx.array):
                continue
            given = state[name]
            if not isinstance(given, mx.array) or given.shape != value.shape:
                raise ValueError(
                    f"{self._name}: state {name} of {path()} must have shape "
                    f"{value.shape}, got {getattr(given, 'shape', given)}"
                )
