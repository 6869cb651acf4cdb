"""Random programs of views, in-place updates and evals against an interpreter that
copies: what a program keeps never changes but by its own assignments."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ingot.core as mx
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

# Programs of one run; all of a release's: INGOT_PROGRAMS=10000.
PROGRAMS = int(os.environ.get("INGOT_PROGRAMS", "300"))
REGISTERS = 5
MOST = 4096  # elements of an array


@dataclass
class Machine:
    """Registers of (array, what it must be), and what others see of the memory."""

    registers: list[tuple[mx.array, np.ndarray]] = field(default_factory=list)
    seen: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)

    def number(self, below: int) -> int:
        """The next of the program's numbers."""
        self.numbers.append(self.numbers.pop(0))
        return self.numbers[-1] % below

    def pick(self) -> tuple[mx.array, np.ndarray]:
        return self.registers[self.number(len(self.registers))]

    def keep(self, x: mx.array, y: np.ndarray) -> None:
        """Into a register; int32 wraps on both sides."""
        y = np.array(y, np.int32)  # a copy
        if y.size > MOST:
            return
        place = self.number(REGISTERS + 1)
        if place < len(self.registers):
            self.registers[place] = (x, y)
        else:
            self.registers.append((x, y))

    def check(self) -> None:
        for x, y in self.registers:
            assert x.shape == y.shape
            assert np.array_equal(np.array(x), y)
        for view, copy in self.seen:
            assert np.array_equal(view, copy)


def create(m: Machine) -> None:
    shape = tuple(m.number(4) + 1 for _ in range(m.number(4)))
    y = np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape) - m.number(50)
    m.keep(mx.array(y), y)


def unary(m: Machine) -> None:
    x, y = m.pick()
    name = ("negative", "abs", "square", "sign")[m.number(4)]
    m.keep(getattr(mx, name)(x), getattr(np, name)(y))


def binary(m: Machine) -> None:
    (a, p), (b, q) = m.pick(), m.pick()
    name = ("add", "subtract", "multiply", "maximum", "minimum")[m.number(5)]
    try:
        y = getattr(np, name)(p, q)
    except ValueError:
        return
    m.keep(getattr(mx, name)(a, b), y)


def select(m: Machine) -> None:
    (a, p), (b, q) = m.pick(), m.pick()
    try:
        y = np.where(p > q, p, q + 1)
    except ValueError:
        return
    m.keep(mx.where(a > b, a, b + 1), y)


def reduce(m: Machine) -> None:
    x, y = m.pick()
    name = ("sum", "max")[m.number(2) if y.size else 0]
    axis = m.number(y.ndim + 1) - 1 if y.ndim else -1
    kwargs: dict[str, Any] = {"axis": None if axis < 0 else axis}
    kwargs["keepdims"] = bool(m.number(2))
    z = getattr(np, name)(y, **kwargs)
    m.keep(getattr(mx, name)(x, **kwargs), np.asarray(z))


def transposed(m: Machine) -> None:
    x, y = m.pick()
    axes = tuple(int(i) for i in np.roll(np.arange(y.ndim), m.number(4)))
    m.keep(mx.transpose(x, axes), np.transpose(y, axes))


def reshaped(m: Machine) -> None:
    x, y = m.pick()
    shape = [(-1,), (1, *y.shape), (*y.shape[::-1],), (y.size, 1)][m.number(4)]
    m.keep(mx.reshape(x, shape), y.reshape(shape))


def repeated(m: Machine) -> None:
    x, y = m.pick()
    shape = (m.number(3) + 1, *y.shape)
    m.keep(mx.broadcast_to(x, shape), np.broadcast_to(y, shape))


def index_of(m: Machine, shape: tuple[int, ...]) -> Any:
    """Slices with any step, integers, an Ellipsis, or an array of rows."""
    kind = m.number(4)
    if not shape or kind == 0:
        return ...
    if shape[0] == 0:
        return slice(None, None, -1)
    if kind == 1:
        return m.number(2 * shape[0]) - shape[0]
    if kind == 2:
        return np.array([m.number(shape[0]) for _ in range(m.number(3) + 1)])
    steps = (1, 2, -1, -2)
    return tuple(
        slice(None, None, steps[m.number(4)])
        if m.number(2)
        else slice(m.number(n + 1), m.number(n + 2))
        for n in shape[: m.number(len(shape)) + 1]
    )


def in_core(index: Any) -> Any:
    return mx.array(index) if isinstance(index, np.ndarray) else index


def read(m: Machine) -> None:
    x, y = m.pick()
    index = index_of(m, y.shape)
    m.keep(x[in_core(index)], y[index])


def write(m: Machine) -> None:
    """In place: all names of this array see it, and nothing made from it does."""
    x, y = m.pick()
    index = index_of(m, y.shape)
    if m.number(2):
        value: Any = m.number(100)
        x[in_core(index)] = value
        y[index] = value
        return
    (a, p) = m.pick()
    try:
        y[index] = p.copy()
    except ValueError:
        return
    x[in_core(index)] = a


def accumulate(m: Machine) -> None:
    x, y = m.pick()
    index = index_of(m, y.shape)
    value = m.number(9)
    z = y.copy()
    np.add.at(z, index, value)
    m.keep(x.at[in_core(index)].add(value), z)


def augment(m: Machine) -> None:
    """x += value, in place as well."""
    x, y = m.pick()
    value = m.number(7)
    x += value
    y[...] += value


def halves(m: Machine) -> None:
    x, y = m.pick()
    if not y.ndim or y.shape[0] % 2:
        return
    parts = mx.split(x, 2)
    for part, z in zip(parts, np.split(y, 2), strict=True):
        m.keep(part, z)


def joined(m: Machine) -> None:
    (a, p), (b, q) = m.pick(), m.pick()
    if p.shape != q.shape or not p.ndim:
        return
    m.keep(mx.concatenate([a, b], axis=-1), np.concatenate([p, q], axis=-1))


def sorted_(m: Machine) -> None:
    x, y = m.pick()
    if y.ndim:
        m.keep(mx.sort(x, axis=0), np.sort(y, axis=0))


def alias(m: Machine) -> None:
    m.registers.append(m.pick())


def evaluate(m: Machine) -> None:
    some = [m.pick()[0] for _ in range(m.number(3) + 1)]
    (mx.eval if m.number(2) else mx.async_eval)(*some)


def look(m: Machine) -> None:
    """Another library sees the memory from now on."""
    x, y = m.pick()
    m.seen.append((np.asarray(x), y.copy()))


def forget(m: Machine) -> None:
    if len(m.registers) > 1:
        m.registers.pop(m.number(len(m.registers)))


INSTRUCTIONS: list[Callable[[Machine], None]] = [
    *(create, unary, binary, select, reduce, transposed, reshaped, repeated, read),
    *(write, write, write, accumulate, augment, halves, joined, sorted_, alias),
    *(evaluate, evaluate, look, forget, forget),
]


def run(steps: list[int], numbers: list[int]) -> None:
    m = Machine(numbers=list(numbers))
    create(m)
    create(m)
    with np.errstate(over="ignore"):
        for step in steps:
            INSTRUCTIONS[step](m)
        m.check()


@settings(max_examples=PROGRAMS)
@given(
    st.lists(st.integers(0, len(INSTRUCTIONS) - 1), min_size=3, max_size=40),
    st.lists(st.integers(0, 1000), min_size=5, max_size=60),
)
def test_programs_agree_with_copies(steps, numbers):
    run(steps, numbers)
