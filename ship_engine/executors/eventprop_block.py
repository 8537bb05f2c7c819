"""A block: groups that are computed together, with the compiled loops of `ship_engine.compiled`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ship_engine.errors import UnsupportedByExecutorError
from ship_engine.executors import eventprop_layout as at
from ship_engine.executors.eventprop_trains import Trains
from ship_engine.fused.threads import Threads
from ship_engine.groups import Group, NeuronGroup
from ship_engine.lowering.cache import KernelCache
from ship_engine.projection import Projection

LARGEST = 2**28
"""Events that a block may have in one simulation; each takes some 30 bytes."""
SHORTER = 0.999
"""Windows are so much shorter than the shortest delay, so that rounding does not matter."""
COST = 20
"""An event costs as much as so many of the steps in which `Threads` reckons."""

Floats = NDArray[np.float64]


class Tools(NamedTuple):
    """What computes: compiled functions and threads."""

    cache: KernelCache
    threads: Threads


class Path(NamedTuple):
    """A projection with its weights (nA) and delays (ms), float64 [synapses] each."""

    projection: Projection
    weight: Tensor
    delay: Tensor


@dataclass
class Block:
    """Groups, what reaches them, and what comes of it.

    Parameters
    ----------
    groups : sequence of NeuronGroup
        In such an order that synapses without delay lead from earlier to later ones only.
    paths : sequence of Path
        All that lead to the groups.
    parameters, initial : float64 [neurons, `PARAMETER_ROW`], [neurons, 3]
        Of all neurons, group after group.
    times : float64 [steps + 1]
        Times (ms) of recorded potentials; the last is the simulation's end.
    batch : int
        Number of samples.
    recorded : set of Group
        Of which groups v is recorded.
    """

    groups: Sequence[NeuronGroup]
    paths: Sequence[Path]
    parameters: Floats
    initial: Floats
    times: Floats
    batch: int
    recorded: set[Group]
    words: dict[int, int] = field(default_factory=dict)
    alive: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        inside = list(self.groups)
        sources = dict.fromkeys(path.projection.source for path in self.paths)
        self.outside = [group for group in sources if group not in inside]
        slots = {group: k for k, group in enumerate([*self.outside, *inside])}
        self.first = np.cumsum([0, *(group.size for group in inside)])
        self.neurons = int(self.first[-1])
        place = dict(zip(inside, self.first.tolist(), strict=False))
        self.paths = sorted(self.paths, key=lambda path: slots[path.projection.source])
        self.lengths = [len(path.projection.synapses) for path in self.paths]
        target = [
            2 * (path.projection.synapses.target.astype(np.int64) + place[path.projection.target])
            + path.projection.target.port_index(path.projection.port)
            for path in self.paths
        ]
        number = [slots[path.projection.source] for path in self.paths]
        starts = [np.ascontiguousarray(path.projection.synapses.start) for path in self.paths]
        self.alive.append(starts)
        sizes = [group.size for group in inside]
        self.slots = slots
        self.put(at.PARAMETERS, self.parameters)
        self.put(at.INITIAL, self.initial)
        self.put(at.SLOT, np.repeat([slots[group] for group in inside], sizes).astype(np.int32))
        self.put(at.CELL, np.concatenate([np.arange(n, dtype=np.int32) for n in sizes]))
        self.put(at.PATH_BEGIN, np.searchsorted(number, np.arange(len(slots) + 1)))
        self.put(at.PATH_START, np.array([start.ctypes.data for start in starts], np.int64))
        self.put(at.PATH_OFFSET, np.cumsum([0, *self.lengths], dtype=np.int64))
        self.put(at.TARGET, np.concatenate([np.empty(0, np.int64), *target]).astype(np.int32))
        self.put(at.TIMES, self.times)
        self.words |= {at.NEURONS: self.neurons, at.TIME_COUNT: self.times.size}

    def put(self, word: int, array: NDArray[Any]) -> None:
        """Write an array's address into the table, and keep the array."""
        self.alive.append(array)
        self.words[word] = array.ctypes.data

    def loops(self) -> NDArray[np.bool_]:
        """Which synapses lead from the block into it."""
        inside = [path.projection.source in self.groups for path in self.paths]
        return np.repeat(np.array(inside, bool), self.lengths)

    def run(self, trains: Mapping[Group, Trains], tools: Tools) -> tuple[Trains, list[Tensor]]:
        """The spikes of all neurons, and the recorded potentials of each group (or nothing)."""
        weight, delay = (
            torch.cat([torch.zeros(0, dtype=torch.float64), *tensors])
            for tensors in ([p.weight for p in self.paths], [p.delay for p in self.paths])
        )
        given = [trains[group] for group in self.outside]
        sample, cell = (
            np.concatenate([np.empty(0, np.int64), *arrays])
            for arrays in ([train.sample for train in given], [train.cell for train in given])
        )
        slot = np.repeat(np.arange(len(given)), [train.sample.size for train in given])
        time = torch.cat([torch.zeros(0, dtype=torch.float64), *(train.time for train in given)])
        order = np.lexsort((time.detach().numpy(), sample))
        sample, cell, slot = (array[order] for array in (sample, cell, slot))
        course = Course(self, tools, np.searchsorted(sample, np.arange(self.batch + 1)), slot, cell)
        ordered = time[torch.from_numpy(order)]
        fired, *potentials = _Events.apply(course, weight, delay, ordered)
        return Trains(*course.fired, fired), potentials

    def divided(self, fired: Trains) -> dict[Group, Trains]:
        """The spikes of each group."""
        found: dict[Group, Trains] = {}
        for k, group in enumerate(self.groups):
            mine = (fired.cell >= self.first[k]) & (fired.cell < self.first[k + 1])
            cell = fired.cell[mine] - self.first[k]
            found[group] = Trains.ordered(
                fired.sample[mine], cell, fired.time[torch.from_numpy(mine)]
            )
        return found


class Course:
    """The course of one simulation of a block, from which its adjoint goes back.

    Parameters
    ----------
    block : Block
        The block.
    tools : Tools
        What computes.
    begin : int64 [batch + 1]
        The first spike from outside of each sample.
    slot, cell : int64 [spikes]
        By whom those were emitted.
    """

    def __init__(
        self,
        block: Block,
        tools: Tools,
        begin: NDArray[np.int64],
        slot: NDArray[np.int64],
        cell: NDArray[np.int64],
    ) -> None:
        self.block, self._tools = block, tools
        self._parts: list[_Part] = []
        self._outside = begin, slot, cell
        self.fired = np.empty(0, np.int64), np.empty(0, np.int64)

    def forward(self, weight: Floats, delay: Floats, time: Floats) -> tuple[Floats, list[Floats]]:
        """Times of all spikes of the block, and recorded potentials [batch, times, size]."""
        block = self.block
        begin, slot, cell = self._outside
        most = self._arrivals(slot, cell)
        until = np.concatenate([[0], np.cumsum(most)])[begin]
        ranges = min(self._tools.threads.ranges(COST * int(until[-1])), block.batch)
        bounds = [block.batch * k // ranges for k in range(ranges + 1)]
        common = _Arrays(dict(block.words))
        common.put(at.OUTSIDE_BEGIN, begin.astype(np.int64))
        common.put(at.OUTSIDE_TIME, time)
        common.put(at.OUTSIDE_SLOT, slot.astype(np.int32))
        common.put(at.OUTSIDE_CELL, cell.astype(np.int32))
        common.put(at.WEIGHT, weight)
        common.put(at.DELAY, delay)
        self._put_windows(common, delay)
        recorded = self.potentials()
        self.put_potentials(common, recorded)
        self._parts = [
            _Part(block, common, (low, high), until[low : high + 1])
            for low, high in zip(bounds[:-1], bounds[1:], strict=True)
        ]
        code = self._tools.cache.fixed("eventprop_forward")
        self._tools.threads.run(lambda k: self._parts[k].forward(code), ranges)
        samples, neurons, times = (
            np.concatenate([getattr(part, name) for part in self._parts])
            for name in ("samples", "neurons", "times")
        )
        self.fired = samples.astype(np.int64), neurons.astype(np.int64)
        return times, [array for array in recorded if array is not None]

    def potentials(self) -> list[Floats | None]:
        """Room for the potentials of each group, if they are recorded."""
        block = self.block
        return [
            np.zeros((block.batch, block.times.size, group.size))
            if group in block.recorded
            else None
            for group in block.groups
        ]

    def put_potentials(self, arrays: _Arrays, potentials: Sequence[Floats | None]) -> None:
        """Say where the potentials of each neuron lie, or their gradients."""
        sizes = [group.size for group in self.block.groups]
        found = [
            np.zeros(size, np.int64)
            if array is None
            else array.ctypes.data + 8 * np.arange(size, dtype=np.int64)
            for array, size in zip(potentials, sizes, strict=True)
        ]
        arrays.put(at.OUT, np.concatenate(found))
        arrays.put(at.OUT_STRIDE, np.repeat(sizes, sizes).astype(np.int64))
        arrays.alive.append(potentials)

    def _arrivals(self, slot: NDArray[np.int64], cell: NDArray[np.int64]) -> NDArray[np.int64]:
        """To how many synapses each spike from outside goes."""
        most = np.zeros(slot.size, np.int64)
        for path in self.block.paths:
            number = self.block.slots[path.projection.source]
            if number < len(self.block.outside):
                mine = slot == number
                most[mine] += np.diff(path.projection.synapses.start)[cell[mine]]
        return most

    def _put_windows(self, arrays: _Arrays, delay: Floats) -> None:
        """Divide time into windows that are shorter than any delay inside the block."""
        end = float(self.block.times[-1])
        inner = delay[self.block.loops() & (delay > 0.0)]
        # Delays beyond the end are as good as none.
        window = end if not inner.size else min(SHORTER * float(inner.min()), end)
        windows = max(int(np.ceil(end / window)), 1)
        longest = min(float(delay.max(initial=0.0)), end)
        buckets = min(int(longest / window) + 3, windows)
        arrays.put(at.SCALARS, np.array([end, window]))
        arrays.words |= {at.WINDOWS: windows, at.BUCKETS: buckets}

    def backward(
        self, fired: Floats, potentials: Sequence[Floats | None]
    ) -> tuple[Floats, Floats, Floats]:
        """Gradients of weights, delays, and times of spikes from outside, given those of results."""
        common = _Arrays({})
        self.put_potentials(common, potentials)
        outside = np.zeros(self._outside[1].size)
        common.put(at.GRADIENT_OUTSIDE, outside)
        ends = np.cumsum([0, *(part.times.size for part in self._parts)])
        synapses = sum(self.block.lengths)
        weight, delay = np.zeros((2, len(self._parts), synapses))
        code = self._tools.cache.fixed("eventprop_backward")

        def compute(k: int) -> None:
            of_fired = fired[ends[k] : ends[k + 1]].copy()
            self._parts[k].backward(code, common, of_fired, weight[k], delay[k])

        self._tools.threads.run(compute, len(self._parts))
        return weight.sum(0), delay.sum(0), outside
