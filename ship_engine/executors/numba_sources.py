"""Tables of addresses of the sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ship_engine.executors.numba_bound import BoundGroup
from ship_engine.groups import Group, SpikeArrayGroup
from ship_engine.lowering import layout
from ship_engine.lowering.cache import KernelCache
from ship_engine.random import stream_key
from ship_engine.sources.renewal import PoissonGroup, RenewalGroup

if TYPE_CHECKING:
    from ship_engine.event_network import EventNetwork


class _BoundEvents(BoundGroup):
    """Components whose spikes are listed, for one kernel."""

    def __init__(self, group: Group, scalars: NDArray[np.float64]) -> None:
        super().__init__(group, layout.EVENT_TABLE_LENGTH, scalars)

    def _list(
        self, step: NDArray[np.int64], cell: NDArray[np.int64], offset: NDArray[np.float64]
    ) -> None:
        """Give the kernel spikes, sorted by step."""
        self._step = np.ascontiguousarray(step)
        self._cell = cell.astype(np.int32)
        self._offset = np.ascontiguousarray(offset)
        if step.size:
            self._hold_spikes(int(np.unique(step, return_counts=True)[1].max()))
        self.table[layout.EVENT_COUNT] = step.size
        self.table[layout.EVENT_POSITION] = 0
        self.table[layout.EVENT_STEP] = self._step.ctypes.data
        self.table[layout.EVENT_CELL] = self._cell.ctypes.data
        self.table[layout.EVENT_OFFSET] = self._offset.ctypes.data


class BoundSpikeArray(_BoundEvents):
    """Components with listed spike times."""

    group: SpikeArrayGroup

    def refresh(self, network: EventNetwork, cache: KernelCache) -> None:
        self.kernel = cache.fixed("array_kernel")
        times = self.group.times
        cells = np.repeat(np.arange(self.group.size), [t.size for t in times])
        steps, offsets = network.clock.step_and_offset(
            np.concatenate(times) if times else np.empty(0), network.on_grid
        )
        order = np.lexsort((offsets, steps))
        self._list(steps[order], cells[order], offsets[order])
        self.version = self.group.version


class BoundRenewal(_BoundEvents):
    """Renewal processes, whose spikes are listed for some steps at a time."""

    group: RenewalGroup

    def refresh(self, network: EventNetwork, cache: KernelCache) -> None:
        self.kernel = cache.fixed("array_kernel")
        self.version = self.group.version

    def prepare(self, network: EventNetwork, first: int, last: int) -> bool:
        capacity = self.capacity
        self._list(*self.group.events(network, first, last))
        return self.capacity > capacity


POISSON_BLOCK = 256
"""Cells that a Poisson kernel draws for at a time: its eleven rows fit into the first cache."""


class BoundPoisson(BoundRenewal):
    """Poisson processes: listed while they are rare, else counted step by step."""

    group: PoissonGroup

    def __init__(self, group: PoissonGroup, scalars: NDArray[np.float64]) -> None:
        super().__init__(group, scalars)
        self._listed, self._listed_table = True, self.table
        self._counting_table = np.zeros(layout.POISSON_TABLE_LENGTH, np.int64)
        self._uniforms = np.zeros((11, POISSON_BLOCK))

    def refresh(self, network: EventNetwork, cache: KernelCache) -> None:
        self._listed = self.group.rare(network.clock.dt)
        header = self.table[: layout.HEADER]
        self.table = self._listed_table if self._listed else self._counting_table
        self.table[: layout.HEADER] = header
        if self._listed:
            super().refresh(network, cache)
        else:
            self._count(network, cache)

    def prepare(self, network: EventNetwork, first: int, last: int) -> bool:
        return self._listed and super().prepare(network, first, last)

    def _count(self, network: EventNetwork, cache: KernelCache) -> None:
        self.kernel = cache.fixed("poisson_kernel")
        group = self.group
        rate, start, duration = (group.values[n] for n in ("rate", "start", "duration"))
        mean = 1e-3 * rate * network.clock.dt
        rows = {
            layout.RATE: rate,
            layout.START: start,
            layout.STOP: start + duration,
            layout.SILENCE: np.exp(-mean),
        }
        self._rows = {place: np.ascontiguousarray(row) for place, row in rows.items()}
        for place, row in self._rows.items():
            self.table[place] = row.ctypes.data
            self.table[place + 1] = int(row.size > 1)
        total = float(np.broadcast_to(mean, (group.size,)).sum())
        # Twelve standard deviations above the mean: never exceeded in the life of a universe.
        self._hold_spikes(int(total + 12.0 * np.sqrt(total) + 50.0))
        stream = (network.epoch << 32) | network.groups.index(group)
        self.table[[layout.KEY_0, layout.KEY_1]] = stream_key(network.seed, stream)
        self.table[layout.MOST_SPIKES] = self.capacity
        self.table[layout.TERMS] = poisson_terms(float(mean.max()))
        self.table[layout.UNIFORMS] = self._uniforms.ctypes.data
        self.table[layout.UNIFORMS_WIDTH] = POISSON_BLOCK
        self.version = group.version


def poisson_terms(mean: float) -> int:
    """How many spikes to reckon with in one step, so that more have a probability below 2**-32.

    A multiple of four, as the kernel takes them.
    """
    return 4 * int(0.25 * (mean + 7.0 * np.sqrt(mean) + 8.0) + 1.0)
