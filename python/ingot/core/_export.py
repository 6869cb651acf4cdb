"""Functions in files: their graphs, written with the arrays that they hold.

The file is a safetensors file. Its tensors are the constants; the operations are JSON
in its metadata: names, numbers and shapes, no code. Reading it builds every operation
anew, by functions that check what they are given.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, overload

from ingot import _core
from ingot.core import _files
from ingot.core._compile import recording

__all__ = ["FunctionExporter", "export_function", "exporter", "import_function"]

array = _core.array
Path = str | os.PathLike[str]
Imported = Callable[..., tuple[array, ...]]

_KEY = "ingot.function"
_VERSION = 1


class _Signature(NamedTuple):
    """One trace: its program takes `positional` arrays, then those of `names`."""

    positional: int
    names: list[str]
    program: _core._Program

    def arrays(self, args: list[array], kwargs: dict[str, array]) -> list[array] | None:
        """The arguments in order, if they are such as the trace was made with."""
        if len(args) != self.positional or sorted(kwargs) != self.names:
            return None
        arrays = args + [kwargs[name] for name in self.names]
        return arrays if self.program.accepts(arrays) else None

    def __str__(self) -> str:
        inputs = [_described(*x) for x in self.program.parts()[0]]
        named = zip(self.names, inputs[self.positional :], strict=True)
        shown = inputs[: self.positional] + [f"{name}={x}" for name, x in named]
        return f"({', '.join(shown)})"


def _described(shape: Any, dtype: str) -> str:
    return f"{dtype}[{', '.join(map(str, shape))}]"


def _shown(args: list[array], kwargs: dict[str, array]) -> str:
    def text(x: array) -> str:
        return _described(x.shape, str(x.dtype).rpartition(".")[2])

    named = [f"{name}={text(x)}" for name, x in kwargs.items()]
    return f"({', '.join([text(x) for x in args] + named)})"


def _arguments(
    function: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[list[array], dict[str, array]]:
    """Arrays by position and by name: a tuple and a dict may stand for them."""
    positional = list(args)
    if positional and isinstance(positional[-1], dict):
        kwargs = {**positional.pop(), **kwargs}
    if len(positional) == 1 and isinstance(positional[0], (tuple, list)):
        positional = list(positional[0])
    for value in (*positional, *kwargs.values()):
        if not isinstance(value, array):
            raise TypeError(
                f"{function}: arguments must be arrays, or a tuple and a dict of "
                f"arrays, got {type(value).__name__}"
            )
    for name in kwargs:
        if not isinstance(name, str):
            raise TypeError(f"{function}: names must be strings, got {name!r}")
    return positional, kwargs


def _returned(value: Any) -> list[array]:
    outputs = list(value) if isinstance(value, (tuple, list)) else [value]
    for x in outputs:
        if not isinstance(x, array):
            raise TypeError(
                "export_function: fun must return an array, or a tuple or list of "
                f"arrays, got {type(x).__name__}"
            )
    return outputs


class FunctionExporter:
    """Writes traces of a function to a file; ``exporter`` makes one."""

    def __init__(
        self, file: Path, fun: Callable[..., Any], shapeless: bool, metadata: str | None
    ) -> None:
        if not isinstance(file, (str, os.PathLike)):
            raise TypeError(
                f"export_function: file must be a path, got {type(file).__name__}"
            )
        if not callable(fun):
            raise TypeError(
                f"export_function: fun must be callable, got {type(fun).__name__}"
            )
        if metadata is not None and not isinstance(metadata, str):
            raise TypeError(
                "export_function: metadata must be a string, got "
                f"{type(metadata).__name__}"
            )
        self._file = file
        self._fun = fun
        self._shapeless = bool(shapeless)
        self._metadata = metadata
        self._signatures: list[_Signature] = []
        self._closed = False

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        """Adds a trace of the function, with arguments like these."""
        if self._closed:
            raise ValueError("exporter: it must be open, but its file is written")
        positional, named = _arguments("export_function", args, kwargs)
        for signature in self._signatures:
            if signature.arrays(positional, named) is not None:
                raise ValueError(
                    "exporter: arguments must differ from those of earlier calls, got "
                    f"{_shown(positional, named)} again"
                )
        names = sorted(named)
        count = len(positional)
        given = _core._placeholders(positional + [named[name] for name in names])
        with recording():
            value = self._fun(
                *given[:count], **dict(zip(names, given[count:], strict=True))
            )
        recorded = _core._Recording(given, _returned(value))
        program = _core._Program.of(recorded, self._shapeless)
        _core.eval(program.constants)
        self._signatures.append(_Signature(count, names, program))

    def close(self) -> None:
        """Writes the file, atomically."""
        if self._closed:
            return
        tensors: dict[bytes, tuple[str, array]] = {}
        document = {
            "version": _VERSION,
            "shapeless": self._shapeless,
            "metadata": self._metadata,
            "signatures": [self._plain(s, tensors) for s in self._signatures],
        }
        data = _files.safetensors_bytes(
            dict(tensors.values()), {_KEY: json.dumps(document)}, "export_function"
        )
        _files.write_file(self._file, "", lambda handle: handle.write(data))
        self._closed = True

    @staticmethod
    def _plain(
        signature: _Signature, tensors: dict[bytes, tuple[str, array]]
    ) -> dict[str, Any]:
        """A signature as JSON has it; its constants, equal ones once, go to tensors."""
        constants = []
        for x in signature.program.constants:
            content = repr((x.shape, x.dtype)).encode() + bytes(memoryview(_bytes(x)))
            key = hashlib.sha256(content).digest()
            name, _ = tensors.setdefault(key, (str(len(tensors)), x))
            constants.append(name)
        inputs, operations, results = signature.program.parts()
        return {
            "positional": signature.positional,
            "names": signature.names,
            "inputs": inputs,
            "constants": constants,
            "operations": operations,
            "results": results,
        }

    def __enter__(self) -> FunctionExporter:
        return self

    def __exit__(self, kind: object, value: object, traceback: object) -> None:
        if kind is None:
            self.close()
        self._closed = True


def _bytes(x: array) -> Any:
    import numpy as np

    return np.ascontiguousarray(x).reshape(-1).view(np.uint8)


def exporter(
    file: Path,
    fun: Callable[..., Any],
    *,
    shapeless: bool = False,
    metadata: str | None = None,
) -> FunctionExporter:
    """A context manager whose calls export traces of a function to one file.

    Each call adds a trace with its arguments, see ``export_function``. The file is
    written when the block ends without an error, or by ``close()``.

    Args:
        file: path to write.
        fun: a function of arrays that returns one or more of them.
        shapeless: whether inputs may have other shapes.
        metadata: a string to keep beside the function.

    Raises:
        TypeError: if an argument is of another type.
        ValueError: by a call, if a file cannot have the trace, or has it already.
        OSError: at the end, if the file can't be written.

    Example:
        >>> import ingot.core as mx, os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "sum.ingot")
        >>> with mx.exporter(path, lambda *args: sum(args)) as add:
        ...     add(mx.array(1))
        ...     add(mx.array(1), mx.array(2))
        >>> mx.import_function(path)(mx.array(3), mx.array(4))
        (array(7, dtype=int32),)
    """
    return FunctionExporter(file, fun, shapeless, metadata)


def export_function(
    file: Path,
    fun: Callable[..., Any],
    *args: Any,
    shapeless: bool = False,
    metadata: str | None = None,
    **kwargs: Any,
) -> None:
    """Writes a function to a file, as the graph that it makes of its arguments.

    The file holds operations and the arrays that the function captures, no Python. An
    imported function gives the same bits. As to ``compile``, what the function takes
    from elsewhere is a constant: random draws without a key repeat, and Python
    branches are taken as they were. Arrays that it stores outside have no values
    afterwards.

    Args:
        file: path to write; a temporary file is synced, then renamed.
        fun: a function of arrays; it returns an array, or a tuple or list of arrays.
        *args: arrays like those that it will be called with, or one tuple of them
            and, last, a dict of those by name.
        shapeless: whether inputs may have other shapes, with as many dimensions.
            Operations that hold sizes, such as ``reshape``, are then refused.
        metadata: a string to keep beside the function.
        **kwargs: arrays by name.

    Raises:
        TypeError: if an argument is of another type.
        ValueError: if ``fun`` evaluates an array, or an operation cannot be written,
            such as a ``custom_function``.
        OSError: if the file can't be written; an older file stays as it was.

    Example:
        >>> import ingot.core as mx, os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "add.ingot")
        >>> x, y = mx.array(1), mx.array([1, 2])
        >>> mx.export_function(path, lambda x, y: x + y, x, y=y)
        >>> mx.import_function(path)(mx.array(5), y=y)
        (array([6, 7], dtype=int32),)
    """
    with exporter(file, fun, shapeless=shapeless, metadata=metadata) as export:
        export(*args, **kwargs)


def _signature_of(plain: Any, tensors: dict[str, array], shapeless: bool) -> _Signature:
    """A signature out of a file, with everything in it checked."""
    positional, names = plain["positional"], plain["names"]
    if not isinstance(positional, int) or not isinstance(names, list):
        raise ValueError("arguments must be a number and a list of names")
    if positional < 0 or positional + len(names) != len(plain["inputs"]):
        raise ValueError("there must be an input for each argument")
    if not all(isinstance(name, str) for name in names) or names != sorted(set(names)):
        raise ValueError(f"names must be strings in order, got {names}")
    program = _core._Program.read(
        plain["inputs"],
        plain["operations"],
        plain["results"],
        [tensors[name] for name in plain["constants"]],
        shapeless,
    )
    return _Signature(positional, names, program)


def _read(file: Path) -> tuple[list[_Signature], str | None]:
    tensors, header = _files.load_safetensors(file)
    if _KEY not in header:
        raise ValueError("it has no function")
    document = json.loads(header[_KEY])
    if document["version"] != _VERSION:
        raise ValueError(f"its version must be {_VERSION}, got {document['version']!r}")
    shapeless, metadata = document["shapeless"], document["metadata"]
    if not isinstance(shapeless, bool):
        raise ValueError(f"shapeless must be a bool, got {shapeless!r}")
    if metadata is not None and not isinstance(metadata, str):
        raise ValueError(f"metadata must be a string, got {metadata!r}")
    signatures = [
        _signature_of(plain, tensors, shapeless) for plain in document["signatures"]
    ]
    return signatures, metadata


@overload
def import_function(
    file: Path, return_metadata: Literal[False] = False
) -> Imported: ...
@overload
def import_function(
    file: Path, return_metadata: Literal[True]
) -> tuple[Imported, str | None]: ...
def import_function(file: Path, return_metadata: bool = False) -> Any:
    """Reads a function that ``export_function`` or an ``exporter`` wrote.

    Nothing in the file is run but ingot's own operations, which are checked first.

    Args:
        file: path to read.
        return_metadata: also return the string that was kept with the function.

    Returns:
        A function of arrays by position and by name, or of one tuple of arrays and a
        dict of arrays by name; it returns a tuple of arrays. Arguments of other
        shapes or dtypes than the function was exported with are a ValueError.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged or of another kind; the message names it.

    Example:
        >>> import ingot.core as mx, os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "exp.ingot")
        >>> mx.export_function(path, mx.exp, mx.array(0.0))
        >>> mx.import_function(path)(mx.array(0.0))[0]
        array(1, dtype=float32)
    """
    if not isinstance(file, (str, os.PathLike)):
        raise TypeError(
            f"import_function: file must be a path, got {type(file).__name__}"
        )
    path = os.fspath(file)
    try:
        signatures, metadata = _read(file)
    except (OSError, MemoryError):
        raise
    except Exception as error:
        raise ValueError(
            f"import_function: {path} must be a whole function: {error!r}"
        ) from error

    def imported(*args: Any, **kwargs: Any) -> tuple[array, ...]:
        positional, named = _arguments("import_function", args, kwargs)
        for signature in signatures:
            arrays = signature.arrays(positional, named)
            if arrays is not None:
                return tuple(signature.program.run(arrays))
        raise ValueError(
            f"import_function: arguments must be like those that {path} was exported "
            f"with, {'; '.join(map(str, signatures))}, got {_shown(positional, named)}"
        )

    return (imported, metadata) if return_metadata else imported
