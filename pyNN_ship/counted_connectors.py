"""
Connectors that choose a given number of cells: for each target, for each source, or in all.

Unlike the probability rules these advance the generator that they are given, as in PyNN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import connectors as pynn
from pyNN import errors
from pyNN.random import AbstractRNG, RandomDistribution

from .connector_base import Columns, Pairs, Progress, VectorisedConnector, same_cells
from .connector_draws import (
    IntegerArray,
    draw_pairs,
    draw_with_replacement,
    draw_without_replacement,
    stable_order,
)


class CountedConnector(VectorisedConnector):
    """What the connectors with a fixed number `n` share."""

    n: int | RandomDistribution
    allow_self_connections: bool | str
    with_replacement: bool
    rng: AbstractRNG

    def __init__(
        self,
        n: int | RandomDistribution,
        allow_self_connections: bool | str = True,
        with_replacement: bool = False,
        location_selector: Any = None,
        rng: AbstractRNG | None = None,
        safe: bool = True,
        callback: Callable[[float], Any] | None = None,
    ) -> None:
        if isinstance(n, (int, np.integer)):
            n = checked_count(n)
        super().__init__(
            n, allow_self_connections, with_replacement, location_selector, rng, safe, callback
        )

    def _own_positions(self, projection: Any, for_targets: bool) -> IntegerArray | None:
        """For each cell of one side, where it is itself on the other side, -1 if it is not.

        PyNN looks after self-connections only where both sides are equal; here a cell that is in
        two overlapping views does not connect to itself either. None where nothing is excluded.
        """
        if self.allow_self_connections == "NoMutual":
            raise NotImplementedError(
                f"{type(self).__name__} cannot connect n cells each without mutual connections "
                "(PyNN ignores 'NoMutual' here). Use allow_self_connections=True or False, or "
                "FixedProbabilityConnector(p_connect, allow_self_connections='NoMutual')."
            )
        if self.allow_self_connections:
            return None
        in_pre, in_post = same_cells(projection.pre, projection.post)
        if len(in_pre) == 0:
            return None
        own = np.full(projection.post.size if for_targets else projection.pre.size, -1)
        if for_targets:
            own[in_post] = in_pre
        else:
            own[in_pre] = in_post
        return own


def checked_count(count: Any) -> int:
    """Return a drawn or given number of connections as an int, or refuse it."""
    if not (np.isfinite(count) and count == int(count) and count >= 0):
        raise errors.InvalidParameterValueError(
            f"n is {count}; expected a whole number of connections, 0 or more. A distribution for "
            "n should give such numbers: uniform_int, poisson or binomial."
        )
    return int(count)


class FixedNumberPreConnector(CountedConnector, pynn.FixedNumberPreConnector):
    __doc__ = pynn.FixedNumberPreConnector.__doc__

    def connect(self, projection: Any) -> None:
        """Connect-up a Projection."""

        def find(columns: Columns, progress: Progress) -> Pairs:
            own = self._own_positions(projection, for_targets=True)
            if own is not None:
                own = own[columns.drawn]
            draw = draw_with_replacement if self.with_replacement else draw_without_replacement
            counts = self._counts(columns, projection.post.size)
            sources, counts = draw(self.rng, counts, projection.pre.size, own)
            return sources, np.repeat(columns.drawn, counts)

        self._connect(projection, find)

    def _counts(self, columns: Columns, n_targets: int) -> IntegerArray:
        n_drawn = len(columns.drawn)
        if not isinstance(self.n, RandomDistribution):
            return np.full(n_drawn, self.n)
        if n_drawn < n_targets and getattr(self.n.rng, "parallel_safe", True):
            drawn = self.n.next(n_targets)[columns.drawn]
        else:
            drawn = self.n.next(n_drawn)
        return np.array([checked_count(count) for count in drawn], dtype=np.int64)


class FixedNumberPostConnector(CountedConnector, pynn.FixedNumberPostConnector):
    __doc__ = pynn.FixedNumberPostConnector.__doc__

    def connect(self, projection: Any) -> None:
        """Connect-up a Projection."""
        # PyNN draws the targets before the synapse parameters copy their generators.
        own = self._own_positions(projection, for_targets=False)
        draw = draw_with_replacement if self.with_replacement else draw_without_replacement
        counts = self._counts(projection.pre.size)
        targets, counts = draw(self.rng, counts, projection.post.size, own)
        sources = np.repeat(np.arange(projection.pre.size), counts)
        order = stable_order(targets, projection.post.size)
        self._connect(
            projection,
            lambda columns, progress: needed_pairs(
                columns, sources[order], targets[order], projection.post.size
            ),
        )

    def _counts(self, n_sources: int) -> IntegerArray | Iterator[int]:
        if isinstance(self.n, RandomDistribution):
            # One call before the draws of each cell: they may come from the same generator.
            distribution = self.n
            return (checked_count(distribution.next()) for _ in range(n_sources))
        return np.full(n_sources, self.n)


def needed_pairs(
    columns: Columns, sources: IntegerArray, targets: IntegerArray, n_targets: int
) -> Pairs:
    """Leave out the pairs of columns whose connections nobody needs."""
    needed = np.zeros(n_targets, dtype=bool)
    needed[columns.drawn[columns.needed]] = True
    if needed.all():
        return sources, targets
    kept = needed[targets]
    return sources[kept], targets[kept]


class FixedTotalNumberConnector(CountedConnector, pynn.FixedTotalNumberConnector):
    """
    Make `n` connections in all, between pre- and postsynaptic cells chosen at random.

    Takes any of the standard :class:`Connector` optional arguments and, in
    addition:

        `n`:
            either a positive integer, or a `RandomDistribution` that produces
            positive integers.
        `with_replacement`:
            if True, a pair of cells may be connected more than once. If False,
            a pair that is chosen again is replaced by a new choice.
        `allow_self_connections`:
            if the connector is used to connect a Population to itself, this
            flag determines whether a neuron is allowed to connect to itself,
            or only to other neurons in the Population.
        `rng`:
            an :class:`RNG` instance used to choose the cells.

    PyNN's own version ignores `with_replacement` and `allow_self_connections`;
    with their default values the connections are those of PyNN.
    """

    def __init__(
        self,
        n: int | RandomDistribution,
        allow_self_connections: bool | str = True,
        with_replacement: bool = True,
        location_selector: Any = None,
        rng: AbstractRNG | None = None,
        safe: bool = True,
        callback: Callable[[float], Any] | None = None,
    ) -> None:
        super().__init__(
            n, allow_self_connections, with_replacement, location_selector, rng, safe, callback
        )

    def connect(self, projection: Any) -> None:
        """Connect-up a Projection."""
        # From numbers that all processes see alike they draw all connections, as one would.
        alike = getattr(self.rng, "parallel_safe", True)
        local = np.ones(projection.post.size, bool) if alike else projection.post._mask_local
        count = self._local_count(projection, alike)
        sources, targets = self._draw(projection, count, np.flatnonzero(local))
        order = stable_order(targets, projection.post.size)
        self._connect(projection, lambda columns, progress: (sources[order], targets[order]))

    def _local_count(self, projection: Any, alike: bool) -> int:
        """Draw how many of the connections belong to each process; return those of this one.

        If the processes draw alike, each draws for all.
        """
        state = projection._simulator.state
        processes, rank = (1, 0) if alike else (state.num_processes, state.mpi_rank)
        drawn = self.n.next() if isinstance(self.n, RandomDistribution) else self.n
        remaining, n_targets = checked_count(drawn), projection.post.size
        targets_per_process = n_targets // processes
        counts = []
        for number in range(processes):
            fraction = targets_per_process / (n_targets - number * targets_per_process)
            share = RandomDistribution("binomial", (remaining, fraction), rng=self.rng)
            counts.append(int(share.next()))
            remaining -= counts[-1]
        return counts[rank]

    def _draw(self, projection: Any, count: int, local_targets: IntegerArray) -> Pairs:
        """Draw pairs of cells, again and again while some are not allowed."""
        own = self._own_positions(projection, for_targets=True)
        n_sources = projection.pre.size
        sources, targets = draw_pairs(self.rng, count, n_sources, local_targets)
        if own is None and self.with_replacement:
            return sources, targets
        n_pairs = n_sources * len(local_targets)
        n_allowed = n_pairs if own is None else n_pairs - np.sum(own[local_targets] >= 0)
        if n_allowed == 0 < count or (not self.with_replacement and count > n_allowed):
            raise errors.ConnectionError(
                f"{count} connections are asked for, but only {n_allowed} pairs of cells may be "
                "connected. Use a smaller n, with_replacement=True or allow_self_connections=True."
            )
        while True:
            kept = self._kept(sources, targets, own, n_sources)
            sources, targets = sources[kept], targets[kept]
            missing = count - len(sources)
            if missing <= 0:
                return sources[:count], targets[:count]
            free = n_allowed if self.with_replacement else n_allowed - len(sources)
            more = draw_pairs(self.rng, -(-missing * n_pairs // free), n_sources, local_targets)
            sources = np.concatenate([sources, more[0]])
            targets = np.concatenate([targets, more[1]])

    def _kept(
        self, sources: IntegerArray, targets: IntegerArray, own: IntegerArray | None, n_sources: int
    ) -> NDArray[np.bool_]:
        kept = np.ones(len(sources), dtype=bool)
        if own is not None:
            kept &= own[targets] != sources
        if not self.with_replacement:
            first = np.unique(targets * n_sources + sources, return_index=True)[1]
            is_first = np.zeros(len(sources), dtype=bool)
            is_first[first] = True
            kept &= is_first
        return kept
