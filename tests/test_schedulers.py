"""Schedules: their values, that they are data, and what they return."""

from __future__ import annotations

import copy
import math
import pickle

import ingot.core as mx
import ingot.optimizers as optim
import pytest

SCHEDULES = [
    optim.exponential_decay(0.1, 0.9),
    optim.step_decay(0.1, 0.9, 10),
    optim.cosine_decay(0.1, 100, 0.01),
    optim.linear_schedule(0.0, 0.1, 10),
    optim.join_schedules(
        [optim.linear_schedule(0.0, 0.1, 10), optim.cosine_decay(0.1, 90)], [10]
    ),
]


def exact(schedule, step: int) -> float:
    """The definitions, in double."""
    if isinstance(schedule, optim.exponential_decay):
        return schedule.init * schedule.decay_rate**step
    if isinstance(schedule, optim.step_decay):
        return schedule.init * schedule.decay_rate ** (step // schedule.step_size)
    if isinstance(schedule, optim.cosine_decay):
        part = min(step, schedule.decay_steps) / schedule.decay_steps
        wave = 0.5 * (1 + math.cos(math.pi * part))
        return schedule.end + (schedule.init - schedule.end) * wave
    if isinstance(schedule, optim.linear_schedule):
        part = min(step, schedule.steps) / schedule.steps
        return schedule.init + (schedule.end - schedule.init) * part
    start, now = 0, schedule.schedules[0]
    for boundary, following in zip(
        schedule.boundaries, schedule.schedules[1:], strict=True
    ):
        if step >= boundary:
            start, now = boundary, following
    return exact(now, step - start)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)
def test_values_at_numbers_and_arrays(schedule):
    for step in (0, 1, 5, 9, 10, 11, 50, 99, 100, 101, 1000):
        want = exact(schedule, step)
        for given in (step, mx.array(step, mx.uint64), mx.array(step)):
            assert abs(float(schedule(given)) - want) < 2e-7


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)
def test_schedules_are_data(schedule):
    again = pickle.loads(pickle.dumps(schedule))
    assert again == schedule and hash(again) == hash(schedule)
    assert eval(repr(schedule), vars(optim)) == schedule
    assert copy.deepcopy(schedule) == schedule
    with pytest.raises(AttributeError):
        schedule.init = 1


def test_values_of_mlx_documentation():
    def after(schedule, updates):
        optimizer, model = optim.SGD(schedule), {"w": mx.zeros(())}
        for _ in range(updates):
            optimizer.update(model, {"w": mx.ones(())})
        return optimizer.learning_rate.item()

    join = optim.join_schedules(
        [optim.linear_schedule(0, 1e-1, steps=10), optim.cosine_decay(1e-1, 200)], [10]
    )
    assert abs(after(optim.exponential_decay(1e-1, 0.9), 5) - 0.06561) < 1e-7
    assert abs(after(optim.step_decay(1e-1, 0.9, 10), 21) - 0.081) < 1e-7
    assert abs(after(optim.cosine_decay(1e-1, 1000), 5) - 0.0999961) < 1e-7
    assert abs(after(optim.linear_schedule(0, 1e-1, 100), 101) - 0.1) < 1e-7
    assert abs(after(join, 12) - 0.0999938) < 1e-7


def test_what_numbers_return():
    assert type(optim.exponential_decay(0.1, 0.9)(3)) is float
    assert type(optim.step_decay(0.1, 0.9, 2)(3)) is float
    for schedule in SCHEDULES[2:]:
        assert isinstance(schedule(3), mx.array) and schedule(3).ndim == 0


def test_joined_schedules_see_no_wrapped_steps():
    seen = []

    def inner(step):
        seen.append(int(step.item()))
        return 1.0

    schedule = optim.join_schedules([lambda step: 0.0, inner], [5])
    values = [float(schedule(mx.array(i, mx.uint64))) for i in range(8)]
    assert seen == [0, 0, 0, 0, 0, 0, 1, 2]
    assert values == [0, 0, 0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optim.step_decay(0.1, 0.9, 0), "step_decay: step_size must be at"),
        (lambda: optim.cosine_decay(0.1, 0), "cosine_decay: decay_steps must be at"),
        (lambda: optim.cosine_decay(0.1, float("nan")), "cosine_decay: decay_steps"),
        (lambda: optim.linear_schedule(0, 1, 0), "linear_schedule: steps must be at"),
        (lambda: optim.join_schedules([], []), "join_schedules: schedules must not"),
        (
            lambda: optim.join_schedules([optim.exponential_decay(1, 1)], [1]),
            "join_schedules: boundaries must be one fewer",
        ),
    ],
)
def test_bad_schedules(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_schedulers_is_a_public_path():
    assert optim.schedulers.cosine_decay is optim.cosine_decay
