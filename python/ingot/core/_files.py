"""Saving and loading: safetensors and NumPy do the formats; writes are atomic."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal, overload

from ingot import _core

__all__ = ["load", "save", "save_safetensors", "savez", "savez_compressed"]

array = _core.array
File = str | os.PathLike[str] | IO[bytes]

_SAFETENSORS, _NPY, _NPZ, _GGUF = "safetensors", "npy", "npz", "gguf"


def with_suffix(path: str | os.PathLike[str], suffix: str) -> Path:
    path = Path(path)
    return path if path.name.endswith(suffix) else path.with_name(path.name + suffix)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file that takes the place of ``path`` once it is whole.

    Whenever the process dies, ``path`` holds the old contents or the new ones.
    """
    import tempfile  # with its imports a tenth of that of ingot

    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent or ".")
    temporary = Path(name)
    try:
        os.close(handle)
        # mkstemp makes private files; a plain open() would heed the umask.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    """Makes the rename itself durable, where the system lets a folder be synced."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_file(file: File, suffix: str, write: Callable[[Any], None]) -> None:
    """Calls ``write`` with a binary file object: ``file``, or an atomic new one."""
    if not isinstance(file, (str, os.PathLike)):
        write(file)
        return
    target = with_suffix(file, suffix)
    with replacing(target) as temporary, temporary.open("wb") as handle:
        write(handle)


def numpy_arrays(arrays: dict[str, array], function: str) -> dict[str, Any]:
    import numpy as np

    if not isinstance(arrays, dict):
        raise TypeError(
            f"{function}: arrays must be a dict of names to arrays, "
            f"got {type(arrays).__name__}"
        )
    for name, value in arrays.items():
        if not isinstance(name, str) or not isinstance(value, array):
            raise TypeError(
                f"{function}: arrays must map names to arrays, got "
                f"{name!r}: {type(value).__name__}"
            )
    _core.eval(list(arrays.values()))
    return {
        name: np.ascontiguousarray(value).reshape(value.shape)
        for name, value in arrays.items()
    }


def safetensors_bytes(
    arrays: dict[str, array], metadata: dict[str, str] | None, function: str
) -> bytes:
    """A safetensors file; errors speak of ``function``."""
    import ml_dtypes  # noqa: F401  (lets safetensors take bfloat16)
    from safetensors.numpy import save

    return save(numpy_arrays(arrays, function), metadata)


def save_safetensors(
    file: File, arrays: dict[str, array], metadata: dict[str, str] | None = None
) -> None:
    """Saves named arrays in the safetensors format.

    Args:
        file: path (``.safetensors`` is added if missing) or binary file object.
            A path is written atomically: a temporary file is synced, then renamed.
        arrays: names to arrays.
        metadata: names to strings, kept in the header.

    Raises:
        TypeError: if a name is not a string or a value is not an array.
        OSError: if the file can't be written; an older file stays as it was.

    Example:
        >>> import ingot.core as mx, os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "weights.safetensors")
        >>> mx.save_safetensors(path, {"w": mx.ones((2,))})
        >>> mx.load(path)
        {'w': array([1, 1], dtype=float32)}
    """
    for key, value in (metadata or {}).items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(
                "save_safetensors: metadata must map strings to strings, got "
                f"{key!r}: {value!r}"
            )
    data = safetensors_bytes(arrays, metadata, "save_safetensors")
    write_file(file, ".safetensors", lambda handle: handle.write(data))


def save(file: File, arr: array) -> None:
    """Saves one array in NumPy's npy format.

    Args:
        file: path (``.npy`` is added if missing) or binary file object; a path is
            written atomically.
        arr: array of any dtype but bfloat16, which the format does not have.

    Raises:
        TypeError: if ``arr`` is not an array or is bfloat16.
        OSError: if the file can't be written; an older file stays as it was.
    """
    import numpy as np

    [value] = _for_numpy({"arr": arr}, "save").values()
    write_file(file, ".npy", lambda handle: np.save(handle, value, allow_pickle=False))


def _for_numpy(arrays: dict[str, array], function: str) -> dict[str, Any]:
    for name, value in arrays.items():
        if isinstance(value, array) and value.dtype == _core.bfloat16:
            raise TypeError(
                f"{function}: arrays must have a dtype that NumPy's format has, got "
                f"bfloat16 for {name!r}; use save_safetensors"
            )
    return numpy_arrays(arrays, function)


def _savez(file: File, args: Any, kwargs: Any, function: str) -> None:
    import numpy as np

    arrays = {f"arr_{i}": value for i, value in enumerate(args)}
    clash = arrays.keys() & kwargs.keys()
    if clash:
        raise ValueError(f"{function}: names must differ, got {min(clash)!r} twice")
    named: Any = _for_numpy({**arrays, **kwargs}, function)
    write = getattr(np, function)
    write_file(file, ".npz", lambda handle: write(handle, **named))


def savez(file: File, *args: array, **kwargs: array) -> None:
    """Saves several arrays in NumPy's npz format.

    Args:
        file: path (``.npz`` is added if missing) or binary file object; a path is
            written atomically.
        *args: arrays saved as ``arr_0``, ``arr_1``, ...
        **kwargs: arrays saved by name.
    """
    _savez(file, args, kwargs, "savez")


def savez_compressed(file: File, *args: array, **kwargs: array) -> None:
    """Saves several arrays in NumPy's npz format, compressed.

    Args:
        file: as for ``savez``.
        *args: arrays to be named arr_0, arr_1, ...
        **kwargs: arrays by name.
    """
    _savez(file, args, kwargs, "savez_compressed")


def _format_of(file: File, given: str | None) -> str:
    formats = (_SAFETENSORS, _NPY, _NPZ, _GGUF)
    name = given
    if name is None:
        path = file if isinstance(file, (str, os.PathLike)) else file.name
        name = Path(path).suffix[1:]
    if name not in formats:
        raise ValueError(f"load: format must be one of {formats}, got {name!r}")
    return name


@overload
def load(
    file: File, /, format: str | None = None, return_metadata: Literal[False] = False
) -> Any: ...
@overload
def load(
    file: File, /, format: str | None = None, *, return_metadata: Literal[True]
) -> tuple[dict[str, array], dict[str, Any]]: ...
def load(
    file: File,
    /,
    format: str | None = None,
    return_metadata: bool = False,
    *,
    stream: Any = None,
) -> Any:
    """Loads what ``save``, ``savez``, ``save_safetensors`` or ``save_gguf`` wrote.

    No pickle. Of GGUF files matrices in Q4_0, Q4_1 and Q8_0 stay quantized, in groups
    of 32: beside ``name.weight`` there are ``name.scales`` and ``name.biases``. Those
    of other block formats become float16.

    Args:
        file: path or binary file object.
        format: ``"npy"``, ``"npz"``, ``"safetensors"`` or ``"gguf"``; from the name
            by default.
        return_metadata: return ``(arrays, metadata)``; safetensors and GGUF only. The
            values of GGUF's are strings, lists of strings and arrays.
        stream: accepted for compatibility; files are read by the caller.

    Returns:
        An array (npy) or a dict of names to arrays, with the dtypes in the file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged or of another format; the message names
            the file.
        ImportError: if it is a GGUF file, and the package gguf is not installed.
    """
    name = _format_of(file, format)
    if return_metadata and name not in (_SAFETENSORS, _GGUF):
        raise ValueError(
            f"load: return_metadata must be False for format {name!r}, got True"
        )
    try:
        if name in (_SAFETENSORS, _GGUF):
            arrays, metadata = _read(file, name)
            return (arrays, metadata) if return_metadata else arrays
        return _load_numpy(file, name)
    except (OSError, MemoryError, ImportError):
        raise
    except Exception as error:
        raise ValueError(
            f"load: {_name_of(file)} must be a whole {name} file: {error}"
        ) from error


def _read(file: File, name: str) -> tuple[dict[str, array], dict[str, Any]]:
    if name == _SAFETENSORS:
        return load_safetensors(file)
    from ingot.core._gguf import load_gguf

    return load_gguf(file)


def _name_of(file: File) -> str:
    if isinstance(file, (str, os.PathLike)):
        return os.fspath(file)
    return str(getattr(file, "name", "the file object"))


def read_file(file: File) -> bytes:
    if isinstance(file, (str, os.PathLike)):
        return Path(file).read_bytes()
    return file.read()


# The names of dtypes in safetensors headers.
_DTYPES = {
    "BOOL": _core.bool_,
    "U8": _core.uint8,
    "U16": _core.uint16,
    "U32": _core.uint32,
    "U64": _core.uint64,
    "I8": _core.int8,
    "I16": _core.int16,
    "I32": _core.int32,
    "I64": _core.int64,
    "F16": _core.float16,
    "BF16": _core.bfloat16,
    "F32": _core.float32,
    "F64": _core.float64,
    "C64": _core.complex64,
}


def load_safetensors(file: File) -> tuple[dict[str, array], dict[str, str]]:
    import json

    from safetensors import deserialize

    data = read_file(file)
    arrays = {}
    for name, tensor in deserialize(data):  # type: ignore[no-untyped-call]
        dtype = _DTYPES.get(tensor["dtype"])
        if dtype is None:
            raise ValueError(f"{name!r} has the unsupported dtype {tensor['dtype']}")
        number = _core._dtype_number(dtype)
        arrays[name] = _core._rebuild_array(
            bytes(tensor["data"]), tuple(tensor["shape"]), number
        )
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return arrays, header.get("__metadata__", {})


def _exact(value: Any) -> array:
    """A NumPy array as ours, float64 included."""
    dtype = _core.float64 if value.dtype == "float64" else None
    return array(value, dtype)


def _load_numpy(file: File, name: str) -> Any:
    import numpy as np

    loaded = np.load(file, allow_pickle=False)
    if name == _NPZ:
        with loaded:
            return {key: _exact(loaded[key]) for key in loaded.files}
    return _exact(loaded)
