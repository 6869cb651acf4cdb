"""Devices: how many, what is known of them, and where arrays are computed."""

from __future__ import annotations

import platform
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ingot.core as mx
import pytest

DEVICES = [d for d in (mx.cpu, mx.gpu) if mx.is_available(d)]


def test_counts():
    assert mx.device_count(mx.cpu) == mx.device_count(mx.DeviceType.cpu) == 1
    gpus = int(mx.is_available(mx.gpu))
    assert mx.device_count(mx.gpu) == mx.device_count(mx.DeviceType.gpu) == gpus
    for bad in (None, "cpu", 1.5):
        with pytest.raises(TypeError):
            mx.device_count(bad)


def test_the_cpu():
    info = mx.device_info(mx.cpu)
    assert info["architecture"] == platform.machine()
    assert info["device_name"]
    assert 2**20 < info["memory_size"] <= 2**50
    assert mx.device_info(mx.DeviceType.cpu) == info


def test_the_gpu():
    if not mx.is_available(mx.gpu):
        with pytest.raises(ValueError, match="gpu 0 must be available"):
            mx.device_info(mx.gpu)
        return
    info = mx.device_info(mx.gpu)
    assert info.items() >= mx.metal.device_info().items()
    assert info["memory_size"] == mx.device_info(mx.cpu)["memory_size"]


def test_the_default_device_is_meant():
    assert mx.device_info() == mx.device_info(mx.default_device())
    with pytest.raises(ValueError, match="cpu 3 must be available"):
        mx.device_info(mx.Device(mx.DeviceType.cpu, 3))


@pytest.mark.parametrize("device", DEVICES, ids=str)
def test_arrays_know_where_they_are_computed(device):
    made = [
        mx.zeros(2, device=device),
        mx.ones((1, 2), mx.int8, device=device),
        mx.full(2, 7, device=device),
        mx.empty(2, device=device),
        mx.arange(2, device=device),
        mx.arange(1, 3, device=device),
        mx.linspace(0, 1, 3, device=device),
        mx.eye(2, device=device),
        mx.zeros_like(mx.ones(2), device=device),
        mx.ones_like(mx.ones(2), device=device),
        mx.full_like(mx.ones(2), 3, device=device),
        mx.empty_like(mx.ones(2), device=device),
        mx.asarray([1, 2], device=device),
        mx.add(1, mx.ones(2), stream=device),
    ]
    for x in made:
        assert x.device == device
        mx.eval(x)
        assert x.device == device


@pytest.mark.parametrize("device", DEVICES, ids=str)
def test_to_device(device):
    x = mx.arange(3, device=mx.cpu)
    y = x.to_device(device)
    assert y.device == device and y.tolist() == [0, 1, 2]
    stream = mx.new_stream(device)
    assert x.to_device(device, stream=stream).tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="available"):
        x.to_device(mx.Device(mx.DeviceType.cpu, 5))


@pytest.mark.parametrize(
    "make", [mx.new_stream, mx.new_thread_local_stream, mx.new_thread_unsafe_stream]
)
def test_any_thread_may_use_a_stream(make: Any) -> None:
    stream = make(mx.cpu)
    assert isinstance(stream, mx.ThreadLocalStream) and stream != make(mx.cpu)
    x = mx.add(mx.ones(3), 1, stream=stream)
    with ThreadPoolExecutor(4) as pool:
        results = pool.map(
            lambda k: mx.multiply(x, k, stream=stream).tolist(), range(8)
        )
        assert list(results) == [[2.0 * k] * 3 for k in range(8)]
    mx.clear_streams()
    assert mx.add(x, 1, stream=stream).tolist() == [3, 3, 3]
    with pytest.raises(TypeError):
        make("cpu")


def test_stream_and_device_exclude_each_other():
    with pytest.raises(ValueError, match="stream and device"):
        mx.zeros(2, stream=mx.cpu, device=mx.cpu)


@pytest.mark.parametrize(
    "name",
    [
        *("clear_cache", "get_active_memory", "get_cache_memory", "get_peak_memory"),
        *("reset_peak_memory", "set_cache_limit", "set_memory_limit"),
        "set_wired_limit",
    ],
)
def test_functions_of_memory_are_where_older_scripts_look(name: str) -> None:
    assert getattr(mx.metal, name) is getattr(mx, name)
