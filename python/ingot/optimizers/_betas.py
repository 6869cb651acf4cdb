"""The pair of decay rates that Adam's relatives and Lion share."""

from __future__ import annotations

from collections.abc import Sequence

from ._checks import Setting, pair
from ._fused import Fused

__all__ = ["Betas"]


class Betas(Fused):
    """An optimizer with `betas`: a pair of numbers in [0, 1), or schedules."""

    betas: tuple[Setting, Setting]

    def _set_betas(self, betas: Sequence[Setting]) -> None:
        names = ("beta1", "beta2")
        self.betas = pair(self._name, names, betas, ("[0, 1)", "[0, 1)"))

    @property
    def beta1(self) -> Setting:
        """Decay of the mean of the gradients."""
        return self.betas[0]

    @property
    def beta2(self) -> Setting:
        """Decay of the second state."""
        return self.betas[1]
