"""Monitors: what is kept of a run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ship_engine.clock import Clock
from ship_engine.groups import Group, NeuronGroup


class SpikeMonitor:
    """Spikes of the chosen components of a group.

    Attributes
    ----------
    mask : uint8 [size]
        1 where spikes are recorded.
    """

    def __init__(self, group: Group) -> None:
        self.group = group
        self.mask = np.zeros(group.size, np.uint8)
        self.count = 0
        self.index = np.empty(0, np.int32)
        self.step = np.empty(0, np.int64)
        self.offset = np.empty(0, np.float64)

    def add(self, cells: NDArray[np.integer] | slice) -> None:
        """Record these components from now on."""
        self.mask[cells] = 1

    def reserve(self, capacity: int) -> None:
        """Make room for so many spikes in all."""
        if capacity > self.index.size:
            for name in ("index", "step", "offset"):
                old = getattr(self, name)
                new = np.empty(capacity, old.dtype)
                new[: self.count] = old[: self.count]
                setattr(self, name, new)

    def append(
        self, index: NDArray[np.int32], step: NDArray[np.int64], offset: NDArray[np.float64]
    ) -> None:
        """Keep spikes that an executor found."""
        needed = self.count + index.size
        if needed > self.index.size:
            self.reserve(2 * needed)
        part = slice(self.count, needed)
        self.index[part], self.step[part], self.offset[part] = index, step, offset
        self.count = needed

    def spikes(self, clock: Clock) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Component and time (ms) of every recorded spike, in the order of their steps."""
        step, offset = self.step[: self.count], self.offset[: self.count]
        at_end = offset >= clock.dt - clock.instant
        times = np.where(at_end, clock.time(step + 1), clock.time(step) + offset)
        return self.index[: self.count].copy(), times

    def counts(self) -> NDArray[np.int64]:
        """Number of recorded spikes of each component."""
        return np.bincount(self.index[: self.count], minlength=self.group.size)

    def clear(self) -> None:
        """Forget the spikes, not what to record."""
        self.count = 0
        self.index, self.step = self.index[:0].copy(), self.step[:0].copy()
        self.offset = self.offset[:0].copy()


class StateMonitor:
    """Samples of one state of some components, at every `interval`-th step.

    A sample at time t holds what has arrived until t, t included.

    Attributes
    ----------
    phase : int
        Step of the first sample, from which intervals are counted.
    last : int
        Step of the latest sample, or one before `phase`.
    """

    def __init__(
        self,
        group: NeuronGroup,
        state: str,
        cells: NDArray[np.integer],
        interval: int = 1,
        phase: int = 0,
    ) -> None:
        self.group, self.state, self.interval = group, state, int(interval)
        self.phase, self.last = phase, phase - 1
        self.cells = np.ascontiguousarray(cells, np.int32)
        self.data = np.empty((0, self.cells.size))
        self.count = 0

    def reserve(self, more: int) -> None:
        """Make room for so many more samples."""
        needed = self.count + more
        if needed > self.data.shape[0]:
            data = np.empty((max(needed, 2 * self.data.shape[0]), self.cells.size))
            data[: self.count] = self.data[: self.count]
            self.data = data

    def due(self, step: int) -> bool:
        """Whether a sample is to be taken at a step."""
        return step > self.last and (step - self.phase) % self.interval == 0

    def append(self, sample: NDArray[np.float64], step: int) -> None:
        """Keep a sample that an executor took."""
        self.reserve(1)
        self.data[self.count] = sample
        self.count += 1
        self.last = step

    @property
    def samples(self) -> NDArray[np.float64]:
        """What was sampled: [samples, components]."""
        return self.data[: self.count]

    def clear(self, step: int = 0) -> None:
        """Forget the samples; the next is taken at this step."""
        self.data, self.count = np.empty((0, self.cells.size)), 0
        self.phase, self.last = step, step - 1
