"""Writing the graph behind arrays to a file that Graphviz draws."""

from __future__ import annotations

import os
from typing import Protocol

from ingot import _core

__all__ = ["export_to_dot"]

array = _core.array


class _Writable(Protocol):
    def write(self, text: str, /) -> object: ...


def export_to_dot(
    file: str | os.PathLike[str] | _Writable, *outputs: array, **named: array
) -> None:
    """Writes the graph that will compute arrays, for Graphviz to draw.

    It has a box for each operation that has not been computed, and an ellipse for
    each array, with its shape and dtype.

    Args:
        file: path, or a text file to write to.
        *outputs: arrays that the graph is to end in.
        **named: arrays to be given a name in it; others have letters.

    Raises:
        TypeError: if an output or a named value is no array, or ``file`` is neither.
        ValueError: if there is no output.

    Example:
        >>> import sys
        >>> import ingot.core as mx
        >>> x = mx.array([1.0, 2.0])
        >>> mx.export_to_dot(sys.stdout, mx.exp(x), x=x)
        digraph {
          array0 [label="x\\n(2,) float32"];
          array1 [label="A\\n(2,) float32"];
          op0 [label="exp", shape=box];
          array0 -> op0;
          op0 -> array1;
        }
    """
    if not outputs:
        raise ValueError("export_to_dot: there must be at least one output, got none")
    for value in (*outputs, *named.values()):
        if not isinstance(value, array):
            raise TypeError(
                "export_to_dot: outputs and named values must be arrays, got "
                f"{type(value).__name__}"
            )
    text = _core._to_dot(list(outputs), list(named.items()))
    if isinstance(file, (str, os.PathLike)):
        with open(file, "w", encoding="utf-8") as opened:
            opened.write(text)
    elif hasattr(file, "write"):
        file.write(text)
    else:
        raise TypeError(
            "export_to_dot: file must be a path or a file to write to, got "
            f"{type(file).__name__}"
        )
