"""Schedules: hyperparameters as functions of the number of updates done.

Each is a frozen dataclass that is called with a step (a number or a scalar array): it
prints, compares, pickles. Any function of the step will do in its place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import ingot.core as mx

__all__ = [
    "cosine_decay",
    "exponential_decay",
    "join_schedules",
    "linear_schedule",
    "step_decay",
]


@dataclass(frozen=True)
class exponential_decay:
    """init * decay_rate^step.

    Args:
        init: The first value.
        decay_rate: The factor from one step to the next.

    Example:
        >>> import ingot.optimizers as optim
        >>> schedule = optim.exponential_decay(0.5, 0.5)
        >>> schedule(2)
        0.125
    """

    init: float
    decay_rate: float

    def __call__(self, step: Any) -> Any:
        """The value at `step`: a float for a number, else an array."""
        return self.init * self.decay_rate**step


@dataclass(frozen=True)
class step_decay:
    """init * decay_rate^(step // step_size).

    Args:
        init: The first value.
        decay_rate: The factor from one stage to the next.
        step_size: Steps in a stage, at least 1.

    Raises:
        ValueError: Where `step_size` is less than 1.

    Example:
        >>> import ingot.optimizers as optim
        >>> schedule = optim.step_decay(0.5, 0.5, 10)
        >>> schedule(9), schedule(20)
        (0.5, 0.125)
    """

    init: float
    decay_rate: float
    step_size: int

    def __post_init__(self) -> None:
        _at_least_one("step_decay", "step_size", self.step_size)

    def __call__(self, step: Any) -> Any:
        """The value at `step`: a float for a number, else an array."""
        return self.init * self.decay_rate ** (step // self.step_size)


@dataclass(frozen=True)
class cosine_decay:
    """end + (init - end) * (1 + cos(pi * min(step, decay_steps) / decay_steps)) / 2.

    Args:
        init: The first value.
        decay_steps: Steps until `end`, at least 1.
        end: The value from there on. Default: 0.

    Raises:
        ValueError: Where `decay_steps` is less than 1.

    Example:
        >>> import ingot.optimizers as optim
        >>> schedule = optim.cosine_decay(1.0, 100, end=0.5)
        >>> schedule(50).item(), schedule(1000).item()
        (0.75, 0.5)
    """

    init: float
    decay_steps: int
    end: float = 0.0

    def __post_init__(self) -> None:
        _at_least_one("cosine_decay", "decay_steps", self.decay_steps)

    def __call__(self, step: Any) -> mx.array:
        """The value at `step`."""
        angle = mx.minimum(step, self.decay_steps) * (math.pi / self.decay_steps)
        return self.end + 0.5 * (1.0 + mx.cos(angle)) * (self.init - self.end)


@dataclass(frozen=True)
class linear_schedule:
    """init + (end - init) * min(step, steps) / steps.

    Args:
        init: The first value.
        end: The value from `steps` on.
        steps: At least 1.

    Raises:
        ValueError: Where `steps` is less than 1.

    Example:
        >>> import ingot.optimizers as optim
        >>> schedule = optim.linear_schedule(0.0, 0.5, 4)
        >>> schedule(2).item(), schedule(5).item()
        (0.25, 0.5)
    """

    init: float
    end: float
    steps: int

    def __post_init__(self) -> None:
        _at_least_one("linear_schedule", "steps", self.steps)

    def __call__(self, step: Any) -> mx.array:
        """The value at `step`."""
        done = mx.minimum(step, self.steps)
        return done * ((self.end - self.init) / self.steps) + self.init


@dataclass(frozen=True)
class join_schedules:
    """One schedule after another, each counting from its own start.

    Args:
        schedules: At least one.
        boundaries: The step at which each schedule but the first takes over.

    Raises:
        ValueError: Where there is no schedule, or the number of boundaries is not one
            less than that of the schedules.

    Example:
        >>> import ingot.optimizers as optim
        >>> warmup = optim.linear_schedule(0.0, 0.5, 10)
        >>> schedule = optim.join_schedules([warmup, optim.cosine_decay(0.5, 90)], [10])
        >>> schedule(5).item(), schedule(10).item()
        (0.25, 0.5)
    """

    schedules: Sequence[Callable[[Any], Any]]
    boundaries: Sequence[int]

    def __post_init__(self) -> None:
        object.__setattr__(self, "schedules", tuple(self.schedules))
        object.__setattr__(self, "boundaries", tuple(self.boundaries))
        if not self.schedules:
            raise ValueError("join_schedules: schedules must not be empty, got none")
        if len(self.boundaries) != len(self.schedules) - 1:
            raise ValueError(
                "join_schedules: boundaries must be one fewer than the schedules, got "
                f"{len(self.boundaries)} for {len(self.schedules)}"
            )

    def __call__(self, step: Any) -> Any:
        """The value at `step`."""
        value = self.schedules[0](step)
        for boundary, schedule in zip(self.boundaries, self.schedules[1:], strict=True):
            # Steps are unsigned: before the boundary, no schedule sees them wrap.
            since = mx.maximum(step, boundary) - boundary
            value = mx.where(step < boundary, value, schedule(since))
        return value


def _at_least_one(owner: str, name: str, value: float) -> None:
    if not value >= 1:
        raise ValueError(f"{owner}: {name} must be at least 1, got {value}")
