"""ingot itself."""

from __future__ import annotations

from typing import Any

import ingot
from ingot import _core
from ingot.bench.contenders.arrays import Arrays

__all__ = ["Contender"]


class Contender(Arrays):
    """ingot, eager, with `eval` in each call."""

    name = "ingot"

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__(settings)
        if self.threads:
            self.mx.set_num_threads(self.threads)
        # What only ingot.nn calls, under another name than here.
        names = {name for name, _ in _core.elementwise_ops()} - set(dir(self.mx))
        self.ops = {name: getattr(_core, name) for name in names} | self.ops

    def version(self) -> str:
        return ingot.__version__

    def busy_seconds(self) -> float | None:
        return _core.metal._busy_seconds() if self.device == "gpu" else None

    def optimizer(self, rule: str, **more: Any) -> Any:
        return super().optimizer(rule, **self.state, **more)

    def step(self, *args: Any, state: str = "default", **more: Any) -> Any:
        # "param": state in the parameters' dtype, which is how the peers keep it.
        self.state = {} if state == "default" else {"state_dtype": state}
        try:
            return super().step(*args, **more)
        finally:
            self.state = {}

    state: dict[str, str] = {}  # noqa: RUF012
