"""Fixtures for optional peers and one hypothesis profile for the whole suite."""

from __future__ import annotations

import os
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


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator seeded alike for every test."""
    return np.random.default_rng(20)


@pytest.fixture(autouse=True)
def quiet_numpy() -> Iterator[None]:
    """Oracles divide by zero and overflow on purpose."""
    with np.errstate(all="ignore"):
        yield


@pytest.fixture(scope="session")
def mlx() -> Any:
    """The peer's array module on its CPU device; skips where it is not installed."""
    peer = pytest.importorskip("mlx.core", reason="parity: mlx is not installed")
    peer.set_default_device(peer.cpu)
    return peer


@pytest.fixture(scope="session")
def torch() -> Any:
    """PyTorch; skips where it is not installed."""
    return pytest.importorskip("torch", reason="parity: torch is not installed")
