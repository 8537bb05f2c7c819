"""Alpha kernels: where they end, and the recursion that sums over them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError
from ship_engine.layers.base import positive


@dataclass(frozen=True)
class AlphaKernel:
    """peak t / tau exp(1 - t / tau), up to where it has fallen below a cut-off.

    Parameters
    ----------
    tau : float
        Time constant in ms, which is when the kernel peaks.
    peak : float
        Its highest value, or its lowest if it is negative.
    cutoff : float
        The kernel ends at the first time after `tau` at which it is smaller than this (as a
        number, not as a share of the peak; Shrestha & Orchard 2018 use 0.01); 0 if it never ends.

    Raises
    ------
    InvalidValueError
        If tau is not > 0, the cut-off is negative, or nothing would be left.
    """

    tau: float
    peak: float = 1.0
    cutoff: float = 0.01

    def __post_init__(self) -> None:
        positive(self.tau, "tau", " ms")
        if not 0.0 <= self.cutoff < math.inf:
            raise InvalidValueError(f"cutoff = {self.cutoff!r}; give a number >= 0.")
        if self.peak and self.cutoff >= abs(self.peak):
            raise InvalidValueError(
                f"A kernel whose peak is {self.peak:g} is below cutoff = {self.cutoff:g} from its "
                "start; give a smaller one."
            )

    def decay(self, dt: float) -> float:
        """The factor by which the recursion shrinks in a time step of dt (ms)."""
        return math.exp(-dt / self.tau)

    def gain(self, dt: float) -> float:
        """The factor of the sums: the kernel is gain i decay**i at time i dt."""
        return self.peak * math.e * dt / self.tau

    def taps(self, dt: float) -> int:
        """How many values the kernel has; 0 if it never ends."""
        if self.cutoff == 0.0 or self.peak == 0.0:
            return 0
        taps = math.floor(self.tau / dt) + 1
        while abs(self._at(taps * dt)) >= self.cutoff:
            taps += 1
        return taps

    def values(self, dt: float, steps: int) -> Tensor:
        """The kernel at times 0, dt, …: at most so many values, float64."""
        taps = self.taps(dt)
        count = min(taps, steps) if taps else steps
        return torch.tensor([self._at(i * dt) for i in range(count)], dtype=torch.float64)

    def _at(self, time: float) -> float:
        return self.peak * time / self.tau * math.exp(1.0 - time / self.tau)
