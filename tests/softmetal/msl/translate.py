"""Turns a Metal source into C++ for clang: a unit that runs and a strict one.

Every line stays where it was, so that clang's messages name the source's lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tokens import Attribute, Edits, Source

FLOATING = ("float", "half", "bfloat")
INTEGERS = ("char", "short", "int", "long", "uchar", "ushort", "uint", "ulong")
VECTORS = {f"{scalar}{n}" for scalar in FLOATING + INTEGERS for n in (2, 3, 4)}
POSITIONS = {
    "thread_position_in_grid",
    "threads_per_grid",
    "thread_position_in_threadgroup",
    "threadgroup_position_in_grid",
    "threads_per_threadgroup",
    "dispatch_threads_per_threadgroup",
    "threadgroups_per_grid",
    "thread_index_in_threadgroup",
    "thread_index_in_simdgroup",
    "simdgroup_index_in_threadgroup",
    "simdgroups_per_threadgroup",
    "threads_per_simdgroup",
}
ALIASES = {
    "grid_size": "threads_per_grid",
    "thread_execution_width": "threads_per_simdgroup",
    "threadgroup": "threadgroup_memory",
}
SOURCES = POSITIONS | {"buffer", "threadgroup_memory"}
MAX_THREADS = "max_total_threads_per_threadgroup"


@dataclass
class Kernel:
    name: str
    max_threads: str
    is_template: bool


@dataclass
class Translator:
    source: Source
    strict: bool
    kernels: dict[str, Kernel] = field(default_factory=dict)
    rows: int = 0

    def translate(self) -> str:
        self.edits = Edits(self.source)
        self.words = self.source.words
        self.depth = 0
        i = 0
        while i < len(self.source.tokens):
            i = self.step(i)
        return self.edits.apply()

    def step(self, i: int) -> int:
        """Translates what begins at token `i`; returns where to go on."""
        word = self.words[i]
        self.depth += (word == "{") - (word == "}")
        if word == "template" and self.source.is_attribute(i + 1):
            return self.instantiation(i)
        if self.begins_kernel(i):
            return self.kernel(i)
        if word == "constant" and self.begins_function_constant(i):
            return self.function_constant(i)
        if word == "threadgroup" and self.words[i - 1] in ("{", "}", ";"):
            return self.threadgroup_variable(i)
        if self.source.is_attribute(i):
            return self.attribute(i)
        if self.words[i + 1] == "(" and word in VECTORS:
            self.edits.replace(i, i + 1, f"make_{word}")
        if word == "vec" and self.is_call_of_template(i + 1):
            self.edits.replace(i, i + 1, "make_vec")
        if self.source.tokens[i].kind == "number":
            self.literal(i)
        return i + 1

    def is_call_of_template(self, i: int) -> bool:
        return self.words[i] == "<" and self.words[self.source.match(i) + 1] == "("

    def literal(self, i: int) -> None:
        text = self.words[i].lower()
        if text.startswith("0x"):
            return
        for suffix, name in (("bf", "bfloat"), ("h", "half")):
            if text.endswith(suffix):
                number = text.removesuffix(suffix)
                number += "" if "." in number or "e" in number else ".0"
                self.edits.replace(i, i + 1, f"({name}({number}f))")
                return

    def attribute(self, i: int) -> int:
        """Drops one of Metal's: clang knows it not, and its use is read elsewhere."""
        attributes, end = self.source.attributes(i)
        known = SOURCES | ALIASES.keys() | {MAX_THREADS, "kernel", "id", "host_name"}
        if any(attribute.name in known for attribute in attributes):
            self.edits.replace(i, end, "")
        return end

    # --- kernels ---

    def begins_kernel(self, i: int) -> bool:
        if self.words[i] == "kernel":
            return self.words[i + 1] == "void" or self.source.is_attribute(i + 1)
        return self.source.is_attribute(i) and "kernel" in self.names_until_void(i)

    def names_until_void(self, i: int) -> set[str]:
        names = set()
        while self.source.is_attribute(i):
            attributes, i = self.source.attributes(i)
            names |= {attribute.name for attribute in attributes}
        return names | ({"kernel"} if self.words[i] == "kernel" else set())

    def kernel_attributes(self, i: int) -> tuple[dict[str, Attribute], int]:
        """Those before a kernel's `void`, and where that stands."""
        found: dict[str, Attribute] = {}
        while self.words[i] == "kernel" or self.source.is_attribute(i):
            if self.words[i] == "kernel":
                i += 1
                continue
            attributes, i = self.source.attributes(i)
            found |= {attribute.name: attribute for attribute in attributes}
        return found, i

    def kernel(self, begin: int) -> int:
        attributes, i = self.kernel_attributes(begin)
        if self.words[i] != "void":
            raise self.source.fail(i, f"a kernel must return void, got {self.words[i]}")
        self.edits.replace(begin, i, "")
        name, opening = self.words[i + 1], i + 2
        closing = self.source.match(opening)
        table = [
            self.parameter(name, a, b)
            for a, b in self.source.split(opening + 1, closing)
        ]
        limit = attributes.get(MAX_THREADS)
        kernel = Kernel(
            name=name,
            max_threads="".join(limit.arguments) if limit else "0",
            is_template=begin > 0 and self.words[begin - 1] == ">",
        )
        self.kernels[name] = kernel
        if self.words[closing + 1] == "{" and not self.strict:
            rows = ", ".join(
                f"{{softmetal::Source::{source}, {index}}}" for source, index in table
            )
            text = f" constexpr softmetal::Parameter {name}_parameters[] = {{{rows}}};"
            if not kernel.is_template:
                text += self.row(kernel, f'"{name}"', name)
            self.edits.insert_after(self.source.match(closing + 1), text)
        return closing + 1

    def parameter(self, kernel: str, begin: int, end: int) -> tuple[str, str]:
        for i in range(begin, end):
            if not self.source.is_attribute(i):
                continue
            attributes, after = self.source.attributes(i)
            for attribute in attributes:
                source = ALIASES.get(attribute.name, attribute.name)
                if source in SOURCES:
                    self.edits.replace(i, after, "")
                    return source, "".join(attribute.arguments) or "0"
        text = " ".join(self.words[begin:end])
        message = f"{kernel}: a parameter must have an attribute, got '{text}'"
        raise self.source.fail(begin, message)

    def instantiation(self, begin: int) -> int:
        """`template [[host_name("x")]] [[kernel]] decltype(f<T>) f<T>;`"""
        attributes, i = self.kernel_attributes(begin + 1)
        end = self.words.index(";", i)
        if self.words[i] == "decltype":
            first, last = self.source.match(i + 1) + 1, end
        else:
            first, last = i + 1, i + 1
            while self.words[last] != "(":
                last = self.source.match(last) if self.words[last] == "<" else last
                last += 1
        function = "".join(self.words[first:last])
        host_name = attributes.get("host_name")
        name = function.split("<")[0]
        kernel = self.kernels.get(name.split("::")[-1])
        if host_name is None or kernel is None:
            message = "an instantiation must name a kernel and have a host_name, got "
            raise self.source.fail(begin, message + f"'{function}'")
        text = " ".join(host_name.arguments)
        row = self.row(kernel, text, name, " ".join(self.words[first:last]))
        if self.strict:
            function = " ".join(self.words[first:last])
            row = f"template decltype({function}) {function};"
        self.edits.replace(begin, end + 1, row)
        return end + 1

    def row(self, kernel: Kernel, text: str, name: str, function: str = "") -> str:
        self.rows += 1
        arguments = f"{self.rows}, {kernel.max_threads}, {text}, {name}_parameters"
        return f" SOFTMETAL_KERNEL({arguments}, ({function or name}))"

    # --- variables ---

    def begins_function_constant(self, i: int) -> bool:
        if not self.source.is_attribute(i + 3):
            return False
        attributes, _ = self.source.attributes(i + 3)
        return attributes[0].name == "function_constant"

    def function_constant(self, i: int) -> int:
        attributes, end = self.source.attributes(i + 3)
        type_name, name = self.words[i + 1], self.words[i + 2]
        index = "".join(attributes[0].arguments)
        if self.words[end] != ";":
            message = "a function constant must have no initial value, got "
            raise self.source.fail(i, message + f"'{self.words[end]}'")
        text = f"SOFTMETAL_CONSTANT({type_name}, {name}, {index})"
        if self.strict:
            text = f"static {type_name} {name}; static bool {name}_is_defined;"
        self.edits.replace(i, end + 1, text)
        return end + 1

    def threadgroup_variable(self, i: int) -> int:
        """`threadgroup T name[n];` in a kernel, which the engine gives memory."""
        end = self.words.index(";", i)
        declaration = self.words[i + 1 : end]
        if {"*", "&", "="} & set(declaration) or self.depth == 0:
            return i + 1
        if self.strict:
            self.edits.replace(i, i + 1, "static threadgroup")
            return end
        first = i + 2
        if self.words[first] == "<":
            first = self.source.match(first) + 1
        while self.words[first] == "::":
            first += 2
        kind = " ".join(self.words[i + 1 : first])
        variables = []
        for begin, stop in self.source.split(first, end):
            name, extent = self.words[begin], " ".join(self.words[begin + 1 : stop])
            self.rows += 1
            variables.append(
                f"{kind} (&{name}){extent} = *({kind}(*){extent})"
                f"softmetal_hooks->threadgroup_memory(sizeof({kind}{extent}), "
                f"alignof({kind}), {self.rows});"
            )
        self.edits.replace(i, end + 1, " ".join(variables))
        return end + 1


def translate(source: Source, strict: bool) -> str:
    body = Translator(source, strict).translate()
    head = "#include <metal_stdlib>\n"
    return head + ("" if strict else "#include <softmetal/thunk.h>\n") + body
