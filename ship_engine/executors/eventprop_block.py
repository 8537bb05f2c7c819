"""A block: groups that are computed together, and the tables by which compiled loops find them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ship_engine.executors import eventprop_layout as at
from ship_engine.groups import Group, NeuronGroup
from ship_engine.projection import Projection

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SHORTER = 0.999
"""Windows are so much shorter than the shortest delay, so that rounding does not matter."""


class Path(NamedTuple):
    """A projection with its weights (nA) and delays (ms), float64 [synapses] each."""

    projection: Projection
    weight: Tensor
    delay: Tensor


class Arrays:
    """Words of a table, most of them addresses, and the arrays that have to stay alive for them."""

    def __init__(self, base: Arrays | None = None) -> None:
        self.words: dict[int, int] = {} if base is None else dict(base.words)
        self.alive: list[Any] = [base]

    def put(self, word: int, array: NDArray[Any], dtype: type[np.generic]) -> NDArray[Any]:
        """Write the address of an array of this type; returns it."""
        array = np.ascontiguousarray(array, dtype)
        self.alive.append(array)
        self.words[word] = array.ctypes.data
        return array

    def table(self) -> Integers:
        """The table."""
        table = np.zeros(at.LENGTH, np.int64)
        for word, value in self.words.items():
            table[word] = value
        return table


class Block:
    """Groups and what reaches them.

    Parameters
    ----------
    groups : sequence of NeuronGroup
        In such an order that synapses without delay lead from earlier to later ones only.
    paths : sequence of Path
        All that lead to the groups.
    cells : float64 [neurons, `PARAMETER_ROW` + 3]
        Of all neurons, group after group: parameters, and initial v, excitatory and inhibitory
        current.
    times : float64 [steps + 1]
        Times (ms) of recorded potentials; the last is the simulation's end.
    batch : int
        Number of samples.
    recorded : set of Group
        Of which groups v is recorded.

    Attributes
    ----------
    outside : list of Group
        Others that emit spikes into the block; their numbers are their slots.
    first : int64 [groups + 1]
        The first neuron of each group.
    arrays : Arrays
        What loops need to know.
    """

    def __init__(
        self,
        groups: Sequence[NeuronGroup],
        paths: Sequence[Path],
        cells: Floats,
        times: Floats,
        batch: int,
        recorded: set[Group],
    ) -> None:
        self.groups, self.times, self.batch, self.recorded = groups, times, batch, recorded
        sources = dict.fromkeys(path.projection.source for path in paths)
        self.outside = [group for group in sources if group not in groups]
        self._slots = {group: k for k, group in enumerate([*self.outside, *groups])}
        self.paths = sorted(paths, key=lambda path: self._slots[path.projection.source])
        self.sizes = [group.size for group in groups]
        self.first = np.cumsum([0, *self.sizes])
        self.arrays = Arrays()
        put = self.arrays.put
        put(at.PARAMETERS, cells[:, : at.PARAMETER_ROW], np.float64)
        put(at.INITIAL, cells[:, at.PARAMETER_ROW :], np.float64)
        put(at.SLOT, np.repeat([self._slots[group] for group in groups], self.sizes), np.int32)
        put(at.CELL, np.concatenate([np.arange(size) for size in self.sizes]), np.int32)
        put(at.TIMES, times, np.float64)
        self.arrays.words |= {at.NEURONS: int(self.first[-1]), at.TIME_COUNT: times.size}
        self._put_paths()

    def _put_paths(self) -> None:
        put, projections = self.arrays.put, [path.projection for path in self.paths]
        place: dict[Group, int] = dict(zip(self.groups, self.first.tolist(), strict=False))
        self.lengths = [len(projection.synapses) for projection in projections]
        starts = [np.ascontiguousarray(p.synapses.start, np.int64) for p in projections]
        self.arrays.alive.append(starts)
        targets = [
            2 * (p.synapses.target.astype(np.int64) + place[p.target]) + p.target.port_index(p.port)
            for p in projections
        ]
        slots = [self._slots[projection.source] for projection in projections]
        put(at.PATH_BEGIN, np.searchsorted(slots, np.arange(len(self._slots) + 1)), np.int64)
        put(at.PATH_START, np.array([start.ctypes.data for start in starts]), np.int64)
        put(at.PATH_OFFSET, np.cumsum([0, *self.lengths]), np.int64)
        put(at.TARGET, np.concatenate([np.empty(0), *targets]), np.int32)

    def arrivals(self, slot: Integers, cell: Integers) -> Integers:
        """To how many synapses each spike from outside goes."""
        most = np.zeros(slot.size, np.int64)
        for path in self.paths:
            mine = slot == self._slots[path.projection.source]
            most[mine] += np.diff(path.projection.synapses.start)[cell[mine]]
        return most

    def put_windows(self, arrays: Arrays, delay: Floats) -> None:
        """Divide time into windows that are shorter than any delay inside the block."""
        end = float(self.times[-1])
        inside = [path.projection.source in self.groups for path in self.paths]
        inner = delay[np.repeat(np.array(inside, bool), self.lengths) & (delay > 0.0)]
        window = min(SHORTER * float(inner.min(initial=np.inf)), end)
        windows = max(int(np.ceil(end / window)), 1)
        # What would arrive after the end does not have to be kept.
        longest = min(float(delay.max(initial=0.0)), end)
        arrays.put(at.SCALARS, np.array([end, window]), np.float64)
        arrays.words[at.WINDOWS] = windows
        arrays.words[at.BUCKETS] = min(int(longest / window) + 3, windows)

    def put_potentials(self, arrays: Arrays, potentials: Sequence[Floats | None]) -> None:
        """Say where the potentials [batch, times, size] of each group lie, or their gradients."""
        addresses = [
            np.zeros(size, np.int64) if array is None else array.ctypes.data + 8 * np.arange(size)
            for array, size in zip(potentials, self.sizes, strict=True)
        ]
        arrays.put(at.OUT, np.concatenate(addresses), np.int64)
        arrays.put(at.OUT_STRIDE, np.repeat(self.sizes, self.sizes), np.int64)
        arrays.alive.append(potentials)
