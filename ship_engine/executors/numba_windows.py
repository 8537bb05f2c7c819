"""Running a network that several processes share; see `ship_engine.distribution`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ship_engine.compiled import records as r
from ship_engine.distribution import window_length
from ship_engine.errors import InvalidValueError
from ship_engine.executors.numba_binding import Binding, address
from ship_engine.groups import NeuronGroup
from ship_engine.lowering.cache import KernelCache

if TYPE_CHECKING:
    from ship_engine.network import Network

STEPS_AT_ONCE = 1000
"""For so many steps inputs are prepared together, and after them states are looked at."""

COMPILED = ("drive", "compute_window", "merge_spikes", "deliver_window")


class WindowedRun:
    """One run of a network of which this process computes a part.

    Parameters
    ----------
    network : Network
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
        network: Network,
        binding: Binding,
        cache: KernelCache,
        check: Callable[[], Exception | None],
    ) -> None:
        self._network, self._binding, self._check = network, binding, check
        self._communicator = network.communicator
        self._drive, self._compute, self._merge, self._deliver = map(cache.fixed, COMPILED)
        self._table = np.zeros(r.WINDOW_COLUMNS, np.int64)
        self._shares = np.zeros((len(network.groups), r.SHARE_COLUMNS), np.int64)
        self._lists = {place: np.zeros((1, 2), np.int64) for place in _LISTS}
        runs = self._communicator.size + 1
        self._runs, self._heads = np.zeros((runs, 2), np.int64), np.zeros(runs, np.int64)
        self._table[r.WINDOW_SHARES] = address(self._shares)
        self._table[r.WINDOW_RUNS], self._table[r.WINDOW_RUN_COUNT] = address(self._runs), runs
        self._table[r.WINDOW_HEADS] = address(self._heads)
        self._moment = np.zeros(0, np.int64)
        self._reserve_merged(1024)

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
        self._table[r.WINDOW_FIRST] = first
        for place in _LISTS:
            self._table[place + 1] = 0
        step, failed = first, False
        while step < last and not failed:
            self._make_room()
            step = self._compute(self._binding.address, address(self._table), step, last)
            failed = self._binding.failed
        own = self._lists[r.WINDOW_OWN].reshape(-1)[: 2 * int(self._table[r.WINDOW_OWN + 1])]
        exchanged = self._communicator.exchange(None if failed else own)
        if exchanged is None:
            self._network.step = min(self._communicator.gather(step))
            self._raise_together(self._check() if failed else None)
        else:
            self._deliver_all(*exchanged, first, last)

    def _deliver_all(
        self, words: NDArray[np.int64], start: NDArray[np.int64], first: int, last: int
    ) -> None:
        self._runs[:-1, 0] = words.ctypes.data + 8 * start[:-1]
        self._runs[:-1, 1] = np.diff(start) // 2
        self._runs[-1, 0] = address(self._lists[r.WINDOW_COMMON])
        self._runs[-1, 1] = self._table[r.WINDOW_COMMON + 1]
        self._reserve_merged(int(self._runs[:, 1].sum()))
        self._merge(address(self._table))
        while True:
            step = self._deliver(self._binding.address, address(self._table), first, last)
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
        bounds = self._binding.bound_groups
        most = dict.fromkeys(_LISTS, 0)
        for row, bound in zip(self._shares, bounds, strict=True):
            neurons = isinstance(bound.group, NeuronGroup)
            share = bound.group.share if neurons else slice(0, bound.group.size)
            row[r.SHARE_LOW], row[r.SHARE_HIGH] = share.start, share.stop
            row[r.SHARE_INDEX] = address(bound.spike_index)
            row[r.SHARE_OFFSET] = address(bound.spike_offset)
            row[r.SHARE_LIST] = r.WINDOW_OWN if neurons else r.WINDOW_COMMON
            most[row[r.SHARE_LIST]] += share.stop - share.start if neurons else bound.capacity
        self._table[r.WINDOW_MOST_OWN] = most[r.WINDOW_OWN]
        self._table[r.WINDOW_MOST_COMMON] = most[r.WINDOW_COMMON]

    def _make_room(self) -> None:
        """Let the lists have room for another step at least."""
        for place, most in _LISTS.items():
            count, noted = int(self._table[place + 1]), self._lists[place]
            needed = count + int(self._table[most])
            if needed > len(noted):
                self._lists[place] = np.zeros((2 * needed, 2), np.int64)
                self._lists[place][:count] = noted[:count]
            self._table[place] = address(self._lists[place])
            self._table[place + 2] = len(self._lists[place])

    def _reserve_merged(self, count: int) -> None:
        if count > self._moment.size:
            self._moment = np.zeros(2 * count, np.int64)
            self._index, self._offset = np.zeros(2 * count, np.int32), np.zeros(2 * count)
            self._table[r.WINDOW_MOMENT] = address(self._moment)
            self._table[r.WINDOW_INDEX] = address(self._index)
            self._table[r.WINDOW_OFFSET] = address(self._offset)


_LISTS = {r.WINDOW_OWN: r.WINDOW_MOST_OWN, r.WINDOW_COMMON: r.WINDOW_MOST_COMMON}
"""Lists of spikes, and the most that one step may add to each."""
