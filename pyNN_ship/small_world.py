"""The connector of small worlds: neighbours, and some connections to cells anywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import connectors as pynn
from pyNN import errors
from pyNN.random import AbstractRNG, RandomDistribution

from .connector_base import (
    Columns,
    Pairs,
    Progress,
    VectorisedConnector,
    connected_pairs,
    same_cells,
)
from .connector_draws import IntegerArray, next_numbers, stable_order, uniform_integers
from .counted_connectors import checked_count, needed_pairs
from .lazy_values import Distances


class SmallWorldConnector(VectorisedConnector, pynn.SmallWorldConnector):
    """
    Connect each cell to its neighbours, and rewire some connections to cells anywhere.

    Every presynaptic cell is connected to all postsynaptic cells that are nearer than `degree`, or
    to some of them. Then each connection is, with probability `rewiring`, given another target,
    chosen uniformly among all cells that its source is not connected to: no pair of cells is
    connected twice (Watts and Strogatz 1998, Nature 393, 440). Cells keep their numbers of
    outgoing connections. PyNN documents this connector without defining its `connect`.

    Parameters
    ----------
    degree : float
        Distance (µm, in the `Space` of the projection) below which cells are neighbours.
    rewiring : float
        Probability with which each connection is rewired.
    allow_self_connections : bool
        Whether a cell may be connected to itself; it then is its own neighbour.
    n_connections : int, optional
        Number of outgoing connections of each cell, to neighbours chosen at random; all of them
        by default.
    location_selector : None
        For cells with several compartments.
    rng : AbstractRNG, optional
        Draws the neighbours, the connections to rewire, and their targets; it moves on.
    safe : bool
        Whether weights are checked.
    callback : callable, optional
        Called with the part of the work that is done.

    Raises
    ------
    pyNN.errors.InvalidParameterValueError
        If `rewiring` is no probability, `degree` not above zero, or `n_connections` no count.
    NotImplementedError
        If connections in both directions are to be avoided ('NoMutual').
    """

    rng: AbstractRNG

    def __init__(
        self,
        degree: float,
        rewiring: float,
        allow_self_connections: bool | str = True,
        n_connections: int | None = None,
        location_selector: Any = None,
        rng: AbstractRNG | None = None,
        safe: bool = True,
        callback: Callable[[float], Any] | None = None,
    ) -> None:
        if not 0 <= rewiring <= 1:
            raise errors.InvalidParameterValueError(
                f"rewiring is {rewiring}; expected a probability between 0 and 1."
            )
        if not degree > 0:
            raise errors.InvalidParameterValueError(
                f"degree is {degree}; expected the distance, above 0, below which cells are "
                "neighbours."
            )
        if allow_self_connections == "NoMutual":
            raise NotImplementedError(
                "SmallWorldConnector cannot avoid mutual connections, which neighbours always "
                "have. Use allow_self_connections=True or False."
            )
        count = None if n_connections is None else checked_count(n_connections)
        super().__init__(
            degree, rewiring, allow_self_connections, count, location_selector, rng, safe, callback
        )
        self.degree = degree

    def connect(self, projection: Any) -> None:
        """Connect-up a Projection."""

        def find(columns: Columns, progress: Progress) -> Pairs:
            found = self._neighbours(projection, progress)
            order = np.lexsort((found[1], found[0]))
            sources, targets = found[0][order], found[1][order]
            if self.n_connections is not None:
                chosen = self._chosen(sources, projection)
                sources, targets = sources[chosen], targets[chosen]
            rewired = self._rewired(sources, targets, projection)
            by_target = stable_order(rewired, projection.post.size)
            pairs = sources[by_target], rewired[by_target]
            return needed_pairs(columns, *pairs, projection.post.size)

        self._connect(projection, find)

    def _neighbours(self, projection: Any, progress: Progress) -> Pairs:
        distances, n_sources = Distances(projection), projection.pre.size
        every = np.arange(projection.post.size)
        sources, targets = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for chunk in Columns(every, np.ones(every.size, bool)).chunks(n_sources):
            near = distances.of_columns(chunk.drawn).reshape(-1, n_sources) < self.degree
            source, target = connected_pairs(near, chunk.drawn)
            sources.append(source.astype(np.int64))
            targets.append(target.astype(np.int64))
            progress.reach(0.7 * float(chunk.drawn[-1] + 1) / every.size)
        pairs = np.concatenate(sources), np.concatenate(targets)
        if self.allow_self_connections:
            return pairs
        own = _keys(*same_cells(projection.pre, projection.post), projection)
        kept = ~np.isin(_keys(*pairs, projection), own)
        return pairs[0][kept], pairs[1][kept]

    def _uniform(self, count: int) -> NDArray[np.float64]:
        return next_numbers(RandomDistribution("uniform", (0, 1), rng=self.rng), count)

    def _chosen(self, sources: IntegerArray, projection: Any) -> IntegerArray:
        """Positions of `n_connections` pairs of each source, in ascending order."""
        counts = np.bincount(sources, minlength=projection.pre.size)
        if counts.min() < self.n_connections:
            raise errors.ConnectionError(
                f"n_connections is {self.n_connections}, but cell {counts.argmin()} has only "
                f"{counts.min()} cells within {self.degree:g}. Use a larger degree, or fewer "
                "connections."
            )
        order = np.lexsort((self._uniform(sources.size), sources))
        rank = np.arange(sources.size) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.sort(order[rank < self.n_connections])

    def _rewired(
        self, sources: IntegerArray, targets: IntegerArray, projection: Any
    ) -> IntegerArray:
        """The targets after rewiring, drawn again and again while some are taken."""
        targets = targets.copy()
        moving = np.flatnonzero(self._uniform(sources.size) < self.rewiring)
        taken = _keys(sources, targets, projection)
        if not self.allow_self_connections:
            own = same_cells(projection.pre, projection.post)
            taken = np.union1d(taken, _keys(*own, projection))
        self._require_free(sources[moving], taken, projection)
        while moving.size:
            drawn = uniform_integers(self.rng, moving.size, projection.post.size)
            keys = _keys(sources[moving], drawn, projection)
            first = np.zeros(keys.size, bool)
            first[np.unique(keys, return_index=True)[1]] = True
            free = first & ~np.isin(keys, taken)
            targets[moving[free]] = drawn[free]
            taken = np.concatenate([taken, keys[free]])
            moving = moving[~free]
        return targets

    def _require_free(self, sources: IntegerArray, taken: IntegerArray, projection: Any) -> None:
        n_sources, n_targets = projection.shape
        wanted = np.bincount(sources, minlength=n_sources)
        free = n_targets - np.bincount(taken // n_targets, minlength=n_sources)
        if (wanted > free).any():
            cell = int(np.argmax(wanted - free))
            raise errors.ConnectionError(
                f"{wanted[cell]} connections of cell {cell} are to be rewired, but it is not "
                f"connected to {free[cell]} cells only. Use a smaller degree or rewiring."
            )


def _keys(sources: IntegerArray, targets: IntegerArray, projection: Any) -> IntegerArray:
    """One number for each pair of cells."""
    return sources.astype(np.int64) * projection.post.size + targets
