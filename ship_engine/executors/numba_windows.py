"""Running a network that several processes share; see `ship_engine.processes`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ship_engine.compiled import records as r
from ship_engine.errors import InvalidValueError
from ship_engine.executors.numba_binding import Binding, address
from ship_engine.groups import Group, NeuronGroup
from ship_engine.lowering.cache import KernelCache
from ship_engine.processes import window_length

if TYPE_CHECKING:
    from ship_engine.event_network import EventNetwork

STEPS_AT_ONCE = 1000
"""For so many steps inputs are prepared together, and after them states are looked at."""

COMPILED = ("drive", "compute_window", "merge_spikes", "deliver_window")


class WindowedRun:
    """One run of a network of which this process computes a part.

    Parameters
    ----------
    network : EventNetwork
        The network.
    binding : Binding
        Of it.
    cache : KernelCache
        Where compiled code is.
    check : callable
        Gives what is wrong with the network after some steps, or None.
    """

    def __init__(
        self,
        network: EventNetwork,
        binding: Binding,
        cache: KernelCache,
        check: Callable[[], Exception | None],
    ) -> None:
        self._network, self._binding, self._check = network, binding, check
        self._communicator = network.communicator
        self._drive, self._compute, self._merge, self._deliver = map(cache.fixed, COMPILED)
        self._table = np.zeros(r.WINDOW_COLUMNS, np.int64)
        self._shares = np.zeros((len(network.groups), r.SHARE_COLUMNS), np.int64)
        self._noted = np.zeros(0, np.int64)
        count = self._communicator.size
        self._lists, self._heads = np.zeros((count, 2), np.int64), np.zeros(count, np.int64)
        self._table[r.WINDOW_SHARES] = address(self._shares)
        self._table[r.WINDOW_LISTS], self._table[r.WINDOW_LIST_COUNT] = address(self._lists), count
        self._table[r.WINDOW_HEADS] = address(self._heads)
        self._moment = np.zeros(0, np.int64)
        sources = [group for group in network.groups if not isinstance(group, NeuronGroup)]
        self._heard = {group: _heard(network, group) for group in sources}
        self._reserve_merged(1024)
        self._told, self._told_at = np.zeros(0, np.int64), 0
        self._address = address(self._table)

    def run(self, steps: int, progress: Callable[[int], None] | None = None) -> None:
        """Advance by a number of time steps; all processes have to."""
        network, length = self._network, window_length(self._network)
        if length < 1:
            raise InvalidValueError(
                "A projection without delay, in a network that several processes share; give all "
                "delays at least one time step, or run it in one process."
            )
        end = network.step + steps
        while True:
            first = network.step
            last = min(first + max(STEPS_AT_ONCE // length, 1) * length, end)
            self._binding.prepare(first, last)
            self._find_shares()
            self._make_room()
            self._drive(self._binding.address, first, first, 1)
            for start in range(first, last, length):
                self._run_window(start, min(start + length, last))
            if last == end:
                self._drive(self._binding.address, end, end, 1)
            self._binding.collect()
            self._raise_together(self._check())
            if progress is not None:
                progress(last - first)
            if last == end:
                return

    def _run_window(self, first: int, last: int) -> None:
        table = self._table
        table[r.WINDOW_FIRST], table[r.WINDOW_NOTED_COUNT] = first, 0
        step, failed = self._compute(self._binding.address, self._address, first, last), False
        while step < last and not failed:
            failed = self._binding.failed
            if not failed:
                self._make_room()
                step = self._compute(self._binding.address, self._address, step, last)
        noted = self._noted[: 2 * int(table[r.WINDOW_NOTED_COUNT])]
        exchanged = self._communicator.exchange(None if failed else noted)
        if exchanged is None:
            self._network.step = min(self._communicator.gather(step))
            self._raise_together(self._check() if failed else None)
        else:
            self._deliver_all(*exchanged, first, last)

    def _deliver_all(
        self,
        words: NDArray[np.int64],
        start: NDArray[np.int64],
        count: NDArray[np.int64],
        first: int,
        last: int,
    ) -> None:
        lists = self._lists
        if words is not self._told:
            self._told, self._told_at = words, address(words)
        np.multiply(start, 8, out=lists[:, 0])
        lists[:, 0] += self._told_at
        np.floor_divide(count, 2, out=lists[:, 1])
        self._reserve_merged(int(lists[:, 1].sum()))
        self._merge(self._address)
        while True:
            step = self._deliver(self._binding.address, self._address, first, last)
            self._network.step = first = step
            if step == last:
                return
            self._binding.collect()
            self._binding.prepare_records()

    def _raise_together(self, error: Exception | None) -> None:
        """Raise the error of the first process that has one, in all of them."""
        found = [e for e in self._communicator.gather(error) if e is not None]
        if found:
            raise found[0]

    def _find_shares(self) -> None:
        """Follow the groups, whose kernels may have moved what they write."""
        self._table[r.WINDOW_MOST] = 0
        for row, bound in zip(self._shares, self._binding.bound_groups, strict=True):
            group, before = bound.group, 0
            if isinstance(group, NeuronGroup):
                low, high = group.share.start, group.share.stop
                self._table[r.WINDOW_MOST] += high - low
                before = low  # where kernels of neurons leave the first spike of this range
            else:
                low, high = self._heard[group]
            row[r.SHARE_OWN] = isinstance(group, NeuronGroup)
            row[r.SHARE_LOW], row[r.SHARE_HIGH] = low, high
            row[r.SHARE_INDEX] = address(bound.spike_index) + 4 * before
            row[r.SHARE_OFFSET] = address(bound.spike_offset) + 8 * before

    def _make_room(self) -> None:
        """Let the list of spikes have room for another step at least."""
        needed = int(self._table[r.WINDOW_NOTED_COUNT] + self._table[r.WINDOW_MOST])
        if 2 * needed > self._noted.size:
            noted = np.zeros(4 * needed, np.int64)
            noted[: self._noted.size] = self._noted
            self._noted = noted
        self._table[r.WINDOW_NOTED] = address(self._noted)
        self._table[r.WINDOW_NOTED_CAPACITY] = self._noted.size // 2

    def _reserve_merged(self, count: int) -> None:
        if count > self._moment.size:
            self._moment = np.zeros(2 * count, np.int64)
            self._index, self._offset = np.zeros(2 * count, np.int32), np.zeros(2 * count)
            self._table[r.WINDOW_MOMENT] = address(self._moment)
            self._table[r.WINDOW_INDEX] = address(self._index)
            self._table[r.WINDOW_OFFSET] = address(self._offset)


def _heard(network: EventNetwork, source: Group) -> tuple[int, int]:
    """The range of a source that reaches cells of this process, or is recorded by it."""
    monitor = network.spike_monitors.get(source)
    heard = np.zeros(source.size, bool) if monitor is None else monitor.mask > 0
    for projection in network.projections:
        if projection.source is source:
            heard |= np.diff(projection.synapses.start) > 0
    cells = np.flatnonzero(heard)
    return (int(cells[0]), int(cells[-1]) + 1) if cells.size else (0, 0)
