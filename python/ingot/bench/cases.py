"""What a case is, and the sizes that cases come in."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Any

__all__ = ["ITEMSIZE", "LOOPS", "Case", "Sizes", "count", "gpt2", "models", "total"]

# Bytes that a pass of each bare loop moves for an element of float32.
LOOPS = {"read": 4, "fill": 4, "copy": 8, "add": 12, "sgd": 12, "momentum": 20}
LOOPS["adam"] = 28
ITEMSIZE = {"float32": 4, "float16": 2, "bfloat16": 2}


@dataclass(frozen=True)
class Case:
    """One thing to measure, and how each contender is asked for it."""

    suite: str
    name: str
    call: str  # the contenders' method
    args: dict[str, Any] = field(default_factory=dict)
    loop: str = ""  # the bare loop that moves the same bytes, if it is about bytes
    bytes: int = 0
    flops: int = 0
    per: int = 1  # a call does this many of what is measured
    peers: bool = True
    headline: bool = False  # in the README's table


@dataclass(frozen=True)
class Sizes:
    """How large the cases are, in elements."""

    dtype: str = "float32"
    quick: bool = False

    @property
    def itemsize(self) -> int:
        return ITEMSIZE[self.dtype]

    def pick(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    @property
    def large(self) -> int:
        return self.pick(64 << 20, 1 << 20)

    @property
    def medium(self) -> int:
        return self.pick(16 << 20, 1 << 18)

    @property
    def small(self) -> int:
        return self.pick(1 << 20, 1 << 16)


def count(n: int) -> str:
    """A number of elements, in words."""
    for unit, name in ((1 << 20, "M"), (1 << 10, "K")):
        if n >= unit and n % unit == 0:
            return f"{n // unit}{name}"
    return f"{n:,}"


def gpt2(width: int, layers: int, words: int, tokens: int) -> list[list[int]]:
    """The shapes of GPT-2: 148 tensors and 124M numbers for 768, 12, 50257, 1024."""
    block = [[width], [width], [width, 3 * width], [3 * width], [width, width]]
    block += [[width], [width], [width], [width, 4 * width], [4 * width]]
    block += [[4 * width, width], [width]]
    return [[words, width], [tokens, width], *block * layers, [width], [width]]


def models(s: Sizes) -> dict[str, list[list[int]]]:
    """Shapes of parameters: those of a language model, and many small ones."""
    tree = gpt2(*((128, 2, 4096, 64) if s.quick else (768, 12, 50257, 1024)))
    many = s.pick(1000, 100)
    return {
        f"GPT-2 tree of {total(tree) / 1e6:.3g}M": tree,
        f"{many:,} tensors of 1,000": [[1000]] * many,
    }


def total(shapes: list[list[int]]) -> int:
    """The number of elements of several tensors."""
    return sum(map(prod, shapes))
