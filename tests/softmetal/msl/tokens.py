"""Tokens of a pre-processed Metal source, where they stand in it, and edits of it."""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass
from functools import cached_property

PATTERN = re.compile(
    r"""(?P<line>^\#[^\n]*)            # what the pre-processor leaves: markers, pragmas
      | (?P<space>\s+)
      | (?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
      | (?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)
      | (?P<word>[A-Za-z_]\w*)
      | (?P<mark>::|->|&&|\|\||<<|[-+*/%&|^=!<>]=|.)""",
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)
MARKER = re.compile(r'#\s*(?:line\s+)?(\d+)\s+"((?:\\.|[^"\\])*)"')
CLOSING = {"(": ")", "[": "]", "{": "}", "<": ">"}


class MetalError(Exception):
    """What is wrong with the source, as a compiler would print it."""


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True)
class Attribute:
    """`name(arguments)` of an attribute list."""

    name: str
    arguments: tuple[str, ...]


class Source:
    """A pre-processed source: its tokens without spaces and pre-processor lines."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[Token] = []
        self._markers: list[tuple[int, int, str]] = []
        for match in PATTERN.finditer(text):
            kind = match.lastgroup or ""
            if kind == "line":
                self._add_marker(match)
            elif kind != "space":
                self.tokens.append(Token(kind, match.group(), match.start()))

    def _add_marker(self, match: re.Match[str]) -> None:
        if found := MARKER.match(match.group()):
            self._markers.append((match.end() + 1, int(found[1]), found[2]))

    @cached_property
    def words(self) -> list[str]:
        """The tokens' texts, with two empty ones after the end."""
        return [token.text for token in self.tokens] + ["", ""]

    def where(self, i: int) -> str:
        """`file:line` of a token."""
        start = self.tokens[i].start
        at = bisect.bisect(self._markers, (start, 1 << 60, "")) - 1
        begin, line, name = self._markers[at] if at >= 0 else (0, 1, "program_source")
        return f"{name}:{line + self.text.count(chr(10), begin, start)}"

    def fail(self, i: int, message: str) -> MetalError:
        return MetalError(f"{self.where(i)}: error: {message}")

    def match(self, i: int) -> int:
        """The index of the bracket that closes the one at `i`."""
        opening, closing, depth = self.words[i], CLOSING[self.words[i]], 0
        for j in range(i, len(self.tokens)):
            word = self.words[j]
            if word == opening:
                depth += 1
            elif word == closing:
                depth -= 1
                if depth == 0:
                    return j
        raise self.fail(i, f"'{opening}' must be closed")

    def split(self, begin: int, end: int) -> list[tuple[int, int]]:
        """The ranges between the commas of a list of parameters or arguments."""
        parts, depth, start = [], 0, begin
        for i in range(begin, end):
            if self.words[i] in CLOSING:
                depth += 1
            elif self.words[i] in CLOSING.values():
                depth -= 1
            elif self.words[i] == "," and depth == 0:
                parts.append((start, i))
                start = i + 1
        return parts + ([(start, end)] if start < end else [])

    def is_attribute(self, i: int) -> bool:
        return self.words[i] == "[" == self.words[i + 1]

    def attributes(self, i: int) -> tuple[list[Attribute], int]:
        """Those of the list `[[...]]` at `i`, and the index after it."""
        end = self.match(i)
        found = []
        for begin, stop in self.split(i + 2, end - 1):
            arguments = tuple(self.words[begin + 2 : stop - 1])
            found.append(Attribute(self.words[begin], arguments))
        return found, end + 1


class Edits:
    """Replacements in a source, which keep every later line where it was."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._edits: list[tuple[int, int, str]] = []

    def replace(self, begin: int, end: int, text: str) -> None:
        """Puts `text` in place of the tokens [begin, end)."""
        tokens = self.source.tokens
        self._edits.append((tokens[begin].start, tokens[end - 1].end, text))

    def insert_after(self, i: int, text: str) -> None:
        end = self.source.tokens[i].end
        self._edits.append((end, end, text))

    def apply(self) -> str:
        out, at = [], 0
        for begin, end, text in sorted(self._edits):
            if begin < at:
                continue  # inside of what another edit replaced
            lines = self.source.text.count("\n", begin, end)
            out += [self.source.text[at:begin], text, "\n" * lines]
            at = end
        return "".join(out) + self.source.text[at:]
