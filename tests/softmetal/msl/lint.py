"""What Apple's compiler rejects and clang would let through."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokens import Source

ABSENT = {
    "asm": "inline assembly",
    "catch": "exceptions",
    "delete": "dynamic memory",
    "double": "double",
    "dynamic_cast": "run-time types",
    "goto": "goto",
    "new": "dynamic memory",
    "std": "the C++ library",
    "thread_local": "thread_local",
    "throw": "exceptions",
    "try": "exceptions",
    "typeid": "run-time types",
    "virtual": "virtual functions",
}
SPACES = {"device", "constant", "threadgroup", "thread"}
QUALIFIERS = {"const", "volatile"}
SCALARS: tuple[str, ...] = ("bool", "float", "half", "bfloat", "size_t")
SCALARS += ("char", "short", "int", "long", "uchar", "ushort", "uint", "ulong")
BEFORE = QUALIFIERS | SPACES | {"typename", "template", "::"}
NAMED_BY = {"class", "struct", "typename", "union", "enum"}
FLOATING = re.compile(r"(?:\d[\d']*\.[\d']*|\.\d[\d']*|\d[\d']*(?=[eE]))")
EXPONENT = re.compile(r"[eE][+-]?\d+")

Finding = tuple[int, str]


def lint(source: Source) -> list[str]:
    """One message for each finding, in the order of the source."""
    findings: list[Finding] = []
    for check in (words, literals, pointers, statics, lambdas):
        findings += check(source)
    lines = [f"{source.where(i)}: error: {text}" for i, text in sorted(findings)]
    return list(dict.fromkeys(lines))


def words(source: Source) -> Iterator[Finding]:
    for i, token in enumerate(source.tokens):
        if token.kind != "word":
            continue
        if token.text in ABSENT:
            yield i, f"Metal must do without {ABSENT[token.text]}, got '{token.text}'"
        if token.text == "long" == source.words[i + 1]:
            yield i, "Metal's widest integer must be long, got 'long long'"


def literals(source: Source) -> Iterator[Finding]:
    for i, token in enumerate(source.tokens):
        if token.kind != "number" or token.text.lower().startswith("0x"):
            continue
        if not FLOATING.match(token.text):
            continue
        suffix = EXPONENT.sub("", token.text).lstrip("0123456789.'")
        if suffix.lower() not in ("f", "h", "bf"):
            yield i, f"a floating literal must have a suffix, got {token.text}"


def type_names(source: Source) -> set[str]:
    """Built-in types and those the source defines or takes as parameters."""
    names = {f"{scalar}{n}" for scalar in SCALARS for n in ("", 2, 3, 4)}
    names |= {f"{sign}int{bits}_t" for sign in ("", "u") for bits in (8, 16, 32, 64)}
    names |= {"atomic_int", "atomic_uint", "atomic_float", "void"}
    for i, word in enumerate(source.words[:-2]):
        if word in NAMED_BY and source.tokens[i + 1 : i + 2]:
            names.add(source.words[i + 1])
        if word == "using" and source.words[i + 2] == "=":
            names.add(source.words[i + 1])
    return {name for name in names if name.isidentifier()} - {"typename"}


def pointers(source: Source) -> Iterator[Finding]:
    """A type's name is never multiplied: a star or ampersand after it declares."""
    names, texts = type_names(source), source.words
    for i, word in enumerate(texts[:-2]):
        if word not in names or texts[i - 1] in ("struct", "class", ".", "->"):
            continue
        end = i + 1
        if texts[end] == "<" and word not in SCALARS:
            end = source.match(end) + 1
        qualifiers = set()
        while texts[end] in QUALIFIERS | SPACES:
            qualifiers.add(texts[end])
            end += 1
        if texts[end] not in ("*", "&", "&&"):
            continue
        begin = i - 1
        while begin >= 0 and (texts[begin] in BEFORE or texts[begin + 1] == "::"):
            qualifiers.add(texts[begin])
            begin -= 1
        if not qualifiers & SPACES:
            kind = "pointer" if texts[end] == "*" else "reference"
            yield i, f"a {kind} must have an address space, got '{word} {texts[end]}'"


def statics(source: Source) -> Iterator[Finding]:
    """Variables of a function that outlive a call."""
    in_function: list[bool] = []
    for i, word in enumerate(source.words[:-2]):
        if word == "{":
            inside = bool(in_function and in_function[-1])
            begins = source.words[i - 1] in (")", "const", "noexcept")
            in_function.append(inside or begins)
        elif word == "}" and in_function:
            in_function.pop()
        elif word == "static" and in_function and in_function[-1]:
            yield i, "a function must have no static variables, got 'static'"


def lambdas(source: Source) -> Iterator[Finding]:
    for i, token in enumerate(source.tokens):
        if token.text != "[" or i == 0 or "[" in source.words[i - 1 : i + 2 : 2]:
            continue
        before = source.tokens[i - 1]
        subscript = before.kind == "word" and before.text != "return"
        if not subscript and before.text not in ("]", ")"):
            yield i, "Metal 3.1 must do without lambda expressions, got '['"
