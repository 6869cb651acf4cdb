"""MLX's words for streams of some threads or of all: here every thread may use any."""

from __future__ import annotations

from ingot import _core

__all__ = [
    "ThreadLocalStream",
    "clear_streams",
    "new_thread_local_stream",
    "new_thread_unsafe_stream",
]

ThreadLocalStream = _core.Stream
Where = _core.Device


def new_thread_unsafe_stream(device: Where) -> _core.Stream:
    """Make a stream on a device, as ``new_stream``: every thread may use it.

    Threads may also share graphs and evaluate them at the same time.

    Args:
        device: The device.

    Returns:
        A stream.

    Raises:
        ValueError: There is no such device.

    Example:
        >>> import ingot.core as mx
        >>> mx.add(1, 2, stream=mx.new_thread_unsafe_stream(mx.cpu))
        array(3, dtype=int32)
    """
    return _core.new_stream(device)


def new_thread_local_stream(device: Where) -> ThreadLocalStream:
    """Make a stream on a device, as ``new_stream``: threads that use it take turns.

    Args:
        device: The device.

    Returns:
        A stream.

    Raises:
        ValueError: There is no such device.

    Example:
        >>> import ingot.core as mx
        >>> mx.add(1, 2, stream=mx.new_thread_local_stream(mx.cpu))
        array(3, dtype=int32)
    """
    return _core.new_stream(device)


def clear_streams() -> None:
    """Wait until everything put on this thread's stream has run.

    Streams stay: there is nothing else to clear.

    Example:
        >>> import ingot.core as mx
        >>> mx.clear_streams()
    """
    _core.synchronize()
