"""Where the cells of populations, views and assemblies lie in the engine."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .populations import Population


class Cells(NamedTuple):
    """Where the cells of a population, view or assembly lie in the engine.

    Attributes
    ----------
    populations : list of Population
        The populations that hold them.
    owner : int array or None
        For each cell, which of these; None if there is one.
    place : int array or None
        For each cell, its index there; None if it is the same.
    """

    populations: list[Population]
    owner: NDArray[np.intp] | None
    place: NDArray[np.intp] | None

    @classmethod
    def of(cls, cells: Any) -> Cells:
        """Look up the cells of a population, view or assembly."""
        if isinstance(cells, Population):
            return cls([cells], None, None)
        parts = getattr(cells, "populations", [cells])
        roots = list(dict.fromkeys(part._root for part in parts))
        place = [
            np.arange(part.size) if part._selection is None else part._selection for part in parts
        ]
        owner = [np.full(part.size, roots.index(part._root)) for part in parts]
        return cls(roots, np.concatenate(owner), np.concatenate(place))

    def inside(self, addresses: NDArray[np.int32]) -> NDArray[np.int32]:
        """Index of each cell in the population that holds it."""
        return addresses if self.place is None else self.place[addresses].astype(np.int32)

    def outside(self, number: int, cells: NDArray[np.int32]) -> NDArray[np.int32]:
        """Addresses of cells of a population; the opposite of `inside`."""
        if self.place is None or self.owner is None:
            return cells
        here = np.flatnonzero(self.owner == number)
        address = np.zeros(self.populations[number].size, np.int32)
        address[self.place[here]] = here
        return address[cells]
