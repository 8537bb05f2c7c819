"""Spikes of a source over many time steps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Events(NamedTuple):
    """Spikes in the order of their steps, and of the components in each step."""

    step: NDArray[np.int64]
    cell: NDArray[np.int64]
    offset: NDArray[np.float64]
    """ms from the start of the step."""

    def between(self, first: int, last: int) -> Events:
        """The spikes of the steps from `first` to `last` - 1."""
        part = slice(*np.searchsorted(self.step, (first, last)))
        return Events(self.step[part], self.cell[part], self.offset[part])

    def of_step(self, step: int) -> Events:
        """The spikes of one step."""
        return self.between(step, step + 1)

    def followed_by(self, later: Events) -> Events:
        """These spikes and later ones."""
        return Events(
            np.append(self.step, later.step),
            np.append(self.cell, later.cell),
            np.append(self.offset, later.offset),
        )
