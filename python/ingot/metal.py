"""The GPU, by way of Metal: the same names as `ingot.core.metal`."""

from __future__ import annotations

from ingot._core.metal import (
    device_info,
    fallbacks,
    is_available,
    start_capture,
    stop_capture,
)

__all__ = [
    "device_info",
    "fallbacks",
    "is_available",
    "start_capture",
    "stop_capture",
]
