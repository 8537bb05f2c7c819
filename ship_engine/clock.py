"""Times and time steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SMALLEST = 1e-6
"""Fraction of a time step below which two times are the same."""


class Clock:
    """The grid of time steps.

    Parameters
    ----------
    dt : float
        Time step in ms.
    """

    def __init__(self, dt: float) -> None:
        self.dt = float(dt)
        rate = 1.0 / self.dt
        # With 10 steps in a ms, step 3 lies at 3 / 10 = 0.3, while 3 * 0.1 is not 0.3.
        self._rate = round(rate) if abs(rate - round(rate)) < 1e-9 * rate and rate > 0.5 else None

    @property
    def instant(self) -> float:
        """Duration in ms that is too short to count."""
        return SMALLEST * self.dt

    def time(self, step: Any) -> Any:
        """Time in ms at which a step starts; elementwise."""
        return step / self._rate if self._rate else step * self.dt

    def nearest_step(self, time: Any) -> Any:
        """The step that starts nearest to a time; elementwise."""
        return np.rint(np.asarray(time, np.float64) / self.dt).astype(np.int64)

    def step_and_offset(
        self, time: NDArray[np.float64], on_grid: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The step (t_k, t_(k+1)] that holds each time, and ms from t_k; time 0 is in step 0."""
        if on_grid:
            steps = np.maximum(self.nearest_step(time) - 1, -1)
            offset = np.full(time.shape, self.dt)
        else:
            steps = np.ceil(time / self.dt - SMALLEST).astype(np.int64) - 1
            offset = np.minimum(time - self.time(np.maximum(steps, 0)), self.dt)
        offset[steps < 0] = 0.0
        return np.maximum(steps, 0), np.maximum(offset, 0.0)
