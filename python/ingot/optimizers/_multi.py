"""Several optimizers, each for its share of the parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ingot.core as mx

from . import _trees
from ._checks import Schedule
from ._optimizer import Optimizer

__all__ = ["MultiOptimizer"]

Filter = Callable[[str, mx.array], bool]


class MultiOptimizer(Optimizer):
    """Hands each parameter to the first optimizer whose filter takes it.

    Args:
        optimizers: At least one; the last takes what no filter took.
        filters: One for each optimizer but the last: a function of a parameter's
            dotted path and the parameter itself. Default: none.

    `state` is {"states": [the state of each]}, put together on each access. Every
    optimizer counts every update, so their schedules keep together.

    Raises:
        ValueError: Where the number of filters is wrong.
        TypeError: Where an optimizer or a filter is not one.

    Example:
        >>> import ingot.core as mx
        >>> import ingot.optimizers as optim
        >>> optimizer = optim.MultiOptimizer(
        ...     [optim.SGD(0.5), optim.SGD(0.25)], [lambda path, w: w.ndim == 2]
        ... )
        >>> model = {"weight": mx.ones((1, 1)), "bias": mx.ones((1,))}
        >>> gradients = {"weight": mx.ones((1, 1)), "bias": mx.ones((1,))}
        >>> optimizer.update(model, gradients)
        >>> model["weight"].item(), model["bias"].item()
        (0.5, 0.75)
    """

    def __init__(
        self, optimizers: Sequence[Optimizer], filters: Sequence[Filter] = ()
    ) -> None:
        self.optimizers = list(optimizers)
        self.filters = list(filters)
        for optimizer in self.optimizers:
            if not isinstance(optimizer, Optimizer):
                raise TypeError(
                    f"{self._name}: optimizers must be optimizers, got {optimizer!r}"
                )
        for accepts in self.filters:
            if not callable(accepts):
                raise TypeError(
                    f"{self._name}: filters must be functions, got {accepts!r}"
                )
        if len(self.filters) != len(self.optimizers) - 1:
            raise ValueError(
                f"{self._name}: filters must be one fewer than the optimizers, got "
                f"{len(self.filters)} for {len(self.optimizers)}"
            )

    @property
    def state(self) -> dict[Any, Any]:
        """The states of all; set it whole, or set those of `optimizers`."""
        return {"states": [optimizer.state for optimizer in self.optimizers]}

    @state.setter
    def state(self, state: dict[Any, Any]) -> None:
        states = state.get("states") if isinstance(state, dict) else None
        if not isinstance(states, list) or len(states) != len(self.optimizers):
            raise ValueError(
                f"{self._name}: state must be {{'states': a list of "
                f"{len(self.optimizers)}}}, got {state!r}"
            )
        for optimizer, part in zip(self.optimizers, states, strict=True):
            optimizer.state = part

    @property
    def step(self) -> mx.array:
        """The number of updates done, a uint64 scalar."""
        return self.optimizers[0].step

    @property
    def learning_rate(self) -> mx.array:
        """That of the first optimizer; setting it sets all."""
        return self.optimizers[0].learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float | mx.array | Schedule) -> None:
        for optimizer in self.optimizers:
            optimizer.learning_rate = value

    def init(self, parameters: Any) -> None:
        """Adds the state of parameters that have none, each to its optimizer."""
        _trees.matched(self._name, parameters, parameters, "parameter")
        owners = self._owners(parameters, _trees.arrays(parameters))
        for optimizer, part in self._parts(parameters, owners):
            optimizer.init(part)

    def apply_gradients(self, gradients: Any, parameters: Any) -> Any:
        """The updated parameters, in the structure of `gradients`.

        Raises:
            TypeError, ValueError: As `Optimizer.apply_gradients`.
        """
        _, targets = _trees.matched(self._name, gradients, parameters)
        owners = self._owners(gradients, targets)
        done = [
            iter(_trees.arrays(optimizer.apply_gradients(part, parameters)))
            for optimizer, part in self._parts(gradients, owners)
        ]
        return _trees.rebuilt(gradients, (next(done[owner]) for owner in owners))

    def _owners(self, tree: Any, parameters: list[mx.array]) -> list[int]:
        """Which optimizer takes each parameter."""
        last = len(self.filters)

        def owner(path: str, parameter: mx.array) -> int:
            takers = (i for i in range(last) if self.filters[i](path, parameter))
            return next(takers, last)

        pairs = zip(_trees.paths(tree), parameters, strict=True)
        return [owner(path, parameter) for path, parameter in pairs]

    def _parts(self, tree: Any, owners: list[int]) -> list[tuple[Optimizer, Any]]:
        """Each optimizer with its part of the tree."""

        def part(i: int) -> Any:
            owner = iter(owners)
            return _trees.pruned(tree, lambda: next(owner) == i)

        return [(optimizer, part(i)) for i, optimizer in enumerate(self.optimizers)]
