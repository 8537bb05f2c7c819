"""The course of a block in time, and its adjoint, as one differentiable function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ship_engine.errors import UnsupportedByExecutorError
from ship_engine.executors import eventprop_layout as at
from ship_engine.executors.eventprop_block import Arrays, Block, Floats, Integers
from ship_engine.executors.eventprop_trains import Trains
from ship_engine.fused.threads import Threads
from ship_engine.groups import Group
from ship_engine.lowering.cache import KernelCache
from ship_engine.lowering.loader import MachineCode

LARGEST = 2**28
"""Events for which there is room; each takes some 20 bytes, and their numbers are of 32 bits."""
COST = 20
"""An event costs as much as so many of the steps by which `Threads` reckons."""
GUESS = 8
"""Spikes of a neuron for which there is room at first."""


class Tools(NamedTuple):
    """What computes: compiled functions and threads."""

    cache: KernelCache
    threads: Threads


class Part:
    """Some samples of a block, which one thread computes.

    Parameters
    ----------
    block : Block
        The block.
    common : Arrays
        What all parts know.
    samples : (int, int)
        The first sample, and the one after the last.
    arrivals : (int, int)
        How many arrivals spikes from outside bring in all, and in one sample at most.
    """

    def __init__(
        self, block: Block, common: Arrays, samples: tuple[int, int], arrivals: tuple[int, int]
    ) -> None:
        self._common, self._samples = common, samples
        self._batch, self._neurons = block.batch, int(block.first[-1])
        synapses = sum(block.lengths)
        inner = sum(
            length
            for path, length in zip(block.paths, block.lengths, strict=True)
            if path.projection.source not in block.outside
        )
        self._synapses = synapses
        self._fires = GUESS * self._neurons * (samples[1] - samples[0])
        self._nodes = arrivals[1] + GUESS * inner
        self._events = arrivals[0] + 2 * self._fires + GUESS * inner * (samples[1] - samples[0])

    def forward(self, code: MachineCode) -> None:
        """Compute the samples, with more room if there was not enough."""
        while True:
            self._make_room()
            if not code(self._table.ctypes.data, *self._samples, 0):
                return
            self._fires, self._nodes, self._events = (
                2 * room for room in (self._fires, self._nodes, self._events)
            )

    def _make_room(self) -> None:
        if max(self._fires, self._nodes, self._events) > LARGEST:
            raise UnsupportedByExecutorError(
                f"More than {LARGEST:,} spikes and arrivals in samples {self._samples[0]} to "
                f"{self._samples[1] - 1}; give smaller batches, weaker weights or fewer steps, or "
                "use the executor 'fused', which does not keep each of them."
            )
        arrays = Arrays(self._common)
        put, batch, neurons = arrays.put, self._batch, self._neurons
        for word in (at.TAPE_BEGIN, at.TAPE_END):
            put(word, np.zeros(batch, np.int64), np.int64)
        for word in (at.TAPE_NEURON, at.TAPE_WHAT, at.TAPE_SPIKE):
            put(word, np.empty(self._events, np.int32), np.int32)
        put(at.TAPE_TIME, np.empty(self._events), np.float64)
        for word in (at.NODE_SYNAPSE, at.NODE_SPIKE, at.NODE_NEXT):
            put(word, np.empty(self._nodes, np.int32), np.int32)
        put(at.NODE_TIME, np.empty(self._nodes), np.float64)
        put(at.SORT_KEY, np.empty(2 * self._nodes), np.float64)
        put(at.SORT_ITEM, np.empty(2 * self._nodes, np.int32), np.int32)
        self._time = put(at.FIRE_TIME, np.empty(self._fires), np.float64)
        self._sample = put(at.FIRE_SAMPLE, np.empty(self._fires, np.int32), np.int32)
        self._neuron = put(at.FIRE_NEURON, np.empty(self._fires, np.int32), np.int32)
        for word in (at.FIRE_SLOPE, at.RELEASE_SLOPE):
            put(word, np.empty(self._fires), np.float64)
        put(at.HEAD, np.empty(arrays.words[at.BUCKETS] * neurons, np.int64), np.int64)
        put(at.STATE, np.zeros((neurons, at.STATE_ROW)), np.float64)
        put(at.ADJOINT, np.zeros((neurons, at.ADJOINT_ROW)), np.float64)
        for word in (at.POSITION, at.LAST_FIRED):
            put(word, np.zeros(neurons, np.int64), np.int64)
        put(at.STILL_HELD, np.zeros((batch, neurons), np.uint8), np.uint8)
        self._counters = put(at.COUNTERS, np.zeros(at.COUNTER_ROW, np.int64), np.int64)
        arrays.words |= {
            at.NODE_CAPACITY: self._nodes,
            at.TAPE_CAPACITY: self._events,
            at.FIRE_CAPACITY: self._fires,
        }
        self._arrays, self._table = arrays, arrays.table()

    def fired(self) -> tuple[Integers, Integers, Floats]:
        """Sample, neuron and time of all spikes."""
        count = int(self._counters[at.SPIKES])
        sample, neuron = (a[:count].astype(np.int64) for a in (self._sample, self._neuron))
        return sample, neuron, self._time[:count]

    def backward(
        self, code: MachineCode, common: Arrays, of_fired: Floats
    ) -> tuple[Floats, Floats]:
        """Gradients of weights and delays, given those of the times of spikes."""
        arrays = Arrays(self._arrays)
        arrays.words |= common.words
        arrays.put(at.GRADIENT_FIRED, of_fired.copy(), np.float64)
        of_weight = arrays.put(at.GRADIENT_WEIGHT, np.zeros(self._synapses), np.float64)
        of_delay = arrays.put(at.GRADIENT_DELAY, np.zeros(self._synapses), np.float64)
        table = arrays.table()
        code(table.ctypes.data, *self._samples, 0)
        return of_weight, of_delay


class Course:
    """One simulation of a block.

    Parameters
    ----------
    block : Block
        The block.
    tools : Tools
        What computes.
    sample, slot, cell : int64 [spikes]
        By whom spikes from outside were emitted, in the order of samples and times.
    """

    def __init__(
        self, block: Block, tools: Tools, sample: Integers, slot: Integers, cell: Integers
    ) -> None:
        self.block, self._tools = block, tools
        self._sample, self._slot, self._cell = sample, slot, cell
        self._parts: list[Part] = []
        self.fired = sample[:0], cell[:0]

    def forward(self, weight: Floats, delay: Floats, time: Floats) -> tuple[Floats, list[Floats]]:
        """Times of all spikes of the block, and recorded potentials."""
        block, threads = self.block, self._tools.threads
        begin = np.searchsorted(self._sample, np.arange(block.batch + 1))
        arrivals = block.arrivals(self._slot, self._cell)
        number = np.diff(np.concatenate([[0], np.cumsum(arrivals)])[begin])
        common = Arrays(block.arrays)
        common.put(at.OUTSIDE_BEGIN, begin, np.int64)
        common.put(at.OUTSIDE_TIME, time, np.float64)
        common.put(at.OUTSIDE_SLOT, self._slot, np.int32)
        common.put(at.OUTSIDE_CELL, self._cell, np.int32)
        common.put(at.WEIGHT, weight, np.float64)
        common.put(at.DELAY, delay, np.float64)
        block.put_windows(common, delay)
        shape = block.batch, block.times.size
        potentials = [
            np.zeros((*shape, group.size)) if group in block.recorded else None
            for group in block.groups
        ]
        block.put_potentials(common, potentials)
        ranges = min(threads.ranges(COST * int(number.sum())), block.batch)
        bounds = [block.batch * k // ranges for k in range(ranges + 1)]
        self._parts = [
            Part(block, common, (a, b), (int(number[a:b].sum()), int(number[a:b].max())))
            for a, b in pairwise(bounds)
        ]
        code = self._tools.cache.fixed("eventprop_forward")
        threads.run(lambda k: self._parts[k].forward(code), ranges)
        found = zip(*(part.fired() for part in self._parts), strict=True)
        samples, neurons, times = (np.concatenate(arrays) for arrays in found)
        self.fired = samples, neurons
        return times, [array for array in potentials if array is not None]

    def backward(
        self, of_fired: Floats, of_potentials: Sequence[Floats]
    ) -> tuple[Floats, Floats, Floats]:
        """Gradients of weights, delays, and times from outside, given those of results."""
        common, left = Arrays(), list(of_potentials)
        self.block.put_potentials(
            common, [left.pop(0) if g in self.block.recorded else None for g in self.block.groups]
        )
        of_time = common.put(at.GRADIENT_OUTSIDE, np.zeros(self._sample.size), np.float64)
        ends = np.cumsum([part.fired()[0].size for part in self._parts])[:-1]
        given = np.split(of_fired, ends)
        code = self._tools.cache.fixed("eventprop_backward")
        found: dict[int, tuple[Floats, Floats]] = {}

        def compute(k: int) -> None:
            found[k] = self._parts[k].backward(code, common, given[k])

        self._tools.threads.run(compute, len(self._parts))
        of_weight, of_delay = (sum(arrays) for arrays in zip(*found.values(), strict=True))
        return np.asarray(of_weight), np.asarray(of_delay), of_time


class _Events(torch.autograd.Function):
    """Times of spikes, and potentials, as a function of weights, delays, and times from outside."""

    @staticmethod
    def forward(
        ctx: Any, course: Course, weight: Tensor, delay: Tensor, time: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.course = course
        times, potentials = course.forward(weight.numpy(), delay.numpy(), time.numpy())
        return tuple(torch.from_numpy(array) for array in (times, *potentials))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        of_fired, *of_potentials = (np.ascontiguousarray(g.numpy()) for g in gradients)
        found = ctx.course.backward(of_fired, of_potentials)
        return None, *(torch.from_numpy(array) for array in found)


def run_block(
    block: Block, trains: Mapping[Group, Trains], tools: Tools
) -> tuple[dict[Group, Trains], dict[Group, Tensor]]:
    """Compute a block.

    Parameters
    ----------
    block : Block
        The block.
    trains : mapping of Group to Trains
        Spikes of all that is outside and leads into it.
    tools : Tools
        What computes.

    Returns
    -------
    dict of Group to Trains, dict of Group to Tensor [batch, times, size]
        The spikes of each group, and the potentials of those that are recorded.
    """
    none = torch.zeros(0, dtype=torch.float64)
    weight = torch.cat([none, *(path.weight for path in block.paths)])
    delay = torch.cat([none, *(path.delay for path in block.paths)])
    given = [trains[group] for group in block.outside]
    time = torch.cat([none, *(train.time for train in given)])
    sample, cell, slot = (
        np.concatenate([np.empty(0, np.int64), *arrays])
        for arrays in (
            [train.sample for train in given],
            [train.cell for train in given],
            [np.full(train.sample.size, k) for k, train in enumerate(given)],
        )
    )
    order = np.lexsort((time.detach().numpy(), sample))
    course = Course(block, tools, sample[order], slot[order], cell[order])
    fired, *potentials = _Events.apply(course, weight, delay, time[torch.from_numpy(order)])
    sample, neuron = course.fired
    found: dict[Group, Trains] = {}
    for k, group in enumerate(block.groups):
        low, high = block.first[k], block.first[k + 1]
        mine = np.flatnonzero((neuron >= low) & (neuron < high))
        times = fired[torch.from_numpy(mine)]
        found[group] = Trains.ordered(sample[mine], neuron[mine] - low, times)
    recorded = [group for group in block.groups if group in block.recorded]
    return found, dict(zip(recorded, potentials, strict=True))
