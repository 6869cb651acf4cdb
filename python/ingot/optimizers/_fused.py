"""Optimizers whose whole update is one step of an update rule in the core."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import ingot.core as mx
from ingot import _core

from ._checks import Schedule, number
from ._optimizer import Optimizer

__all__ = ["Fused", "StateDtype", "working_dtype"]

StateDtype = Literal["float32", "param"]

# name -> (slots, settings), as in metal/rules/rules.def
RULES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = _core.rules()
HALF = (mx.float16, mx.bfloat16)


def working_dtype(dtype: mx.Dtype) -> mx.Dtype:
    """What parameters of `dtype` are computed in."""
    return mx.float32 if dtype in HALF else dtype


class Fused(Optimizer):
    """An optimizer that updates all parameters in one pass over memory.

    A subclass names its rule and keeps each setting of that rule in an attribute of the
    same name: a number, a scalar array, or a function of the step.
    """

    rule: str

    def __init__(
        self,
        learning_rate: float | mx.array | Schedule | None,
        state_dtype: StateDtype,
    ) -> None:
        super().__init__()
        if state_dtype not in ("float32", "param"):
            raise ValueError(
                f"{self._name}: state_dtype must be 'float32' or 'param', "
                f"got {state_dtype!r}"
            )
        self.state_dtype = state_dtype
        if learning_rate is not None:
            self._maybe_schedule("learning_rate", learning_rate)

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of what is kept per parameter."""
        return RULES[self.rule][0]

    def _number(self, name: str, value: Any, interval: str) -> Any:
        return number(self._name, name, value, interval)

    def _zeros(self, shape: tuple[int, ...], dtype: mx.Dtype) -> mx.array:
        """State for a parameter of `dtype`."""
        keep = self.state_dtype == "param"
        return mx.zeros(shape, dtype if keep else working_dtype(dtype))

    def init_single(self, parameter: mx.array, state: dict[str, Any]) -> None:
        """Fills the empty `state` of one parameter with zeros."""
        for slot in self.slots:
            state[slot] = self._zeros(parameter.shape, parameter.dtype)

    def update(self, model: Any, gradients: Any) -> None:
        """Updates the parameters of `model` in place, as `Optimizer.update`.

        Memory that nobody else holds is written over when the step is computed.
        """
        extended = type(self).apply_gradients is not Fused.apply_gradients
        match = None if extended else self._match(gradients, model)
        if match is None or not isinstance(model, (dict, list)):
            return super().update(model, gradients)
        self._counted(lambda: match.step(self.rule, self._settings()))
        match.assign_states()
        match.assign_parameters()

    def apply_gradients(self, gradients: Any, parameters: Any) -> Any:
        """The updated parameters, as `Optimizer.apply_gradients`."""
        match = self._match(gradients, parameters)
        if match is None:
            return super().apply_gradients(gradients, parameters)
        self._counted(lambda: match.step(self.rule, self._settings()))
        match.assign_states()
        return match.tree()

    def _match(self, gradients: Any, parameters: Any) -> _core.Match | None:
        """All that one step of the rule needs, where these trees are as expected."""
        kind = type(self)
        if (
            not self._initialized
            or kind.apply_single is not Fused.apply_single
            or kind._fuse is not Fused._fuse
        ):
            return None
        reserved = ("step", "learning_rate", *self._schedulers)
        slots = RULES[self.rule][0]
        return _core.match(gradients, parameters, self.state, reserved, slots)

    def apply_single(
        self, gradient: mx.array, parameter: mx.array, state: dict[str, Any]
    ) -> mx.array:
        """The new parameter; writes the new `state`."""
        return self._fuse([gradient], [parameter], [state])[0]

    def _apply(
        self,
        gradients: list[mx.array],
        parameters: list[mx.array],
        states: list[dict[str, Any]],
    ) -> list[mx.array]:
        if type(self).apply_single is not Fused.apply_single:
            return super()._apply(gradients, parameters, states)
        return self._fuse(gradients, parameters, states)

    def _fuse(
        self,
        gradients: list[mx.array],
        parameters: list[mx.array],
        states: list[dict[str, Any]],
    ) -> list[mx.array]:
        """The new parameters; writes `states` last of all."""
        slots = RULES[self.rule][0]
        columns = [[state[slot] for state in states] for slot in slots]
        settings = self._settings()
        new, columns = _core.step(self.rule, parameters, gradients, columns, settings)
        for slot, column in zip(slots, columns, strict=True):
            for state, value in zip(states, column, strict=True):
                state[slot] = value
        return new

    def _settings(self) -> list[mx.array | float]:
        """What the rule is given for this update."""
        return [
            value
            # Most are plain numbers, which need no call.
            if name != "lr" and type(value := self.__dict__.get(name)) is float
            else self._setting(name)
            for name in RULES[self.rule][1]
        ]

    def _setting(self, name: str) -> mx.array | float:
        """What the rule is given under `name` for this update."""
        if name == "step":
            return self.step
        if name == "lr":
            if "learning_rate" not in self.state:
                raise ValueError(
                    f"{self._name}: state must hold learning_rate, "
                    f"got {', '.join(map(str, self.state))}"
                )
            rate: mx.array = self.state["learning_rate"]
            return rate
        value = getattr(self, name)
        if type(value) is float:  # as most are, and in a hurry
            return value
        if callable(value):  # the count before this update, as for learning_rate
            with mx.stream(mx.cpu):
                before = mx.maximum(self.step, 1) - 1
            value = self._scheduled(value, before)
        return value if isinstance(value, mx.array) else float(value)

    def _check_state(
        self, parameter: mx.array, state: dict[str, Any], path: Callable[[], str]
    ) -> None:
        super()._check_state(parameter, state, path)
        fresh: dict[str, Any] = {}
        self.init_single(parameter, fresh)
        if type(self).apply_single is Fused.apply_single and state.keys() - (
            fresh.keys() | {"step", "learning_rate"}
        ):
            raise ValueError(
                f"{self._name}: state of {path()} must hold {', '.join(fresh)} only, "
                f"got {', '.join(map(str, state))}"
            )
