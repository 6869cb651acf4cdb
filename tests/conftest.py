"""Fixtures for optional peers and one hypothesis profile for the whole suite."""

from __future__ import annotations

import importlib
import os
import signal
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "ingot",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("ingot")
# A job in the background of a shell begins with Ctrl-C ignored, and so do its own.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator seeded alike for every test."""
    return np.random.default_rng(20)


@pytest.fixture(autouse=True)
def quiet_numpy() -> Iterator[None]:
    """Oracles divide by zero and overflow on purpose."""
    with np.errstate(all="ignore"):
        yield


@pytest.fixture(autouse=True)
def guards() -> Iterator[None]:
    """No kernel has written outside of its arrays: builds for tests watch that."""
    yield
    import ingot.core as mx

    assert mx.metal._damages() == []


@pytest.fixture
def cpu() -> Iterator[None]:
    """For what is asserted of the CPU, where the default device is another."""
    import ingot.core as mx

    with mx.stream(mx.cpu):
        yield


@pytest.fixture
def gpu() -> Iterator[None]:
    """For what runs there alone, whatever the default device."""
    import ingot.core as mx

    with mx.stream(mx.gpu):
        yield


def peer(name: str) -> Any:
    """A library that we compare with; skips where it is not installed.

    CI sets INGOT_REQUIRE_PEERS: there a parity test that can't run is a failure.
    """
    if os.environ.get("INGOT_REQUIRE_PEERS"):
        return importlib.import_module(name)
    return pytest.importorskip(name, reason=f"parity: {name} is not installed")


@pytest.fixture(scope="session")
def mlx() -> Any:
    """MLX's array module on its CPU device."""
    module = peer("mlx.core")
    module.set_default_device(module.cpu)
    return module


@pytest.fixture(scope="session")
def torch() -> Any:
    """PyTorch."""
    return peer("torch")
