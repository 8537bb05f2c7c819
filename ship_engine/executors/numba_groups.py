"""Tables of addresses through which each kind of kernel finds its group's data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ship_engine.groups import Group, NeuronGroup, PoissonGroup, SpikeArrayGroup
from ship_engine.lowering import layout
from ship_engine.lowering.cache import KernelCache
from ship_engine.lowering.kernels import model_kernel
from ship_engine.lowering.layout import BLOCK, Layout
from ship_engine.lowering.loader import MachineCode
from ship_engine.models.base import argument_names
from ship_engine.random import stream_key

if TYPE_CHECKING:
    from ship_engine.network import Network


class BoundGroup(ABC):
    """A group as its kernel sees it.

    Attributes
    ----------
    table : int64 array
        See `ship_engine.lowering.layout`.
    capacity : int
        Most spikes that a step may bring.
    error : int64 [1]
        A cell whose state is not finite, or -1.
    version : int
        The group's version that the table reflects.
    injected : bool
        Whether currents enter the group.
    """

    kernel: MachineCode

    def __init__(self, group: Group, length: int, scalars: NDArray[np.float64]) -> None:
        self.group = group
        self.table = np.zeros(length, np.int64)
        self.version, self.injected = -1, False
        self.error = np.full(1, -1, np.int64)
        # Whole blocks, so that a kernel may look at flags eight at a time.
        self.flags = np.zeros(-(-group.size // BLOCK) * BLOCK, np.uint8)
        self.table[layout.SIZE] = group.size
        self.table[layout.FLAGS] = self.flags.ctypes.data
        self.table[layout.SCALARS] = scalars.ctypes.data
        self.table[layout.ERROR] = self.error.ctypes.data
        self.capacity = 0
        self._hold_spikes(group.size)

    def _hold_spikes(self, capacity: int) -> None:
        if capacity > self.capacity:
            self.capacity = capacity
            self.spike_index = np.zeros(capacity, np.int32)
            self.spike_offset = np.zeros(capacity)
            self.table[layout.SPIKE_INDEX] = self.spike_index.ctypes.data
            self.table[layout.SPIKE_OFFSET] = self.spike_offset.ctypes.data

    @abstractmethod
    def refresh(self, network: Network, cache: KernelCache) -> None:
        """Follow the group's parameters."""

    def port_table(self, state: str) -> NDArray[np.int64]:
        """For each port that acts on a state: addresses of ring and gain, stride of the gain."""
        return np.zeros((0, 3), np.int64)


class BoundNeurons(BoundGroup):
    """Neurons and their compiled model."""

    group: NeuronGroup

    def __init__(self, group: NeuronGroup, scalars: NDArray[np.float64]) -> None:
        self.layout = Layout(group.model)
        super().__init__(group, self.layout.length, scalars)
        self.table[layout.REFRACTORY] = group.refractory.ctypes.data
        self.table[layout.CURRENT] = group.current.ctypes.data
        for name, position in self.layout.state.items():
            self.table[position] = group[name].ctypes.data
        self._arrays: dict[str, NDArray[np.float64]] = {}
        self._one = np.ones(1)

    def refresh(self, network: Network, cache: KernelCache) -> None:
        group, model = self.group, self.group.model
        values = dict(group.values)
        given = values | {"dt": np.array([network.clock.dt])}
        wanted = [given[name] for name in argument_names(model.time_dep)]
        coefficients = model.time_dep(*wanted)
        values |= dict(zip(model.coefficients, coefficients, strict=True))
        same = all(np.size(value) == 1 for value in values.values())
        self.kernel = model_kernel(cache, model, same and not self.injected)
        for name, position in self.layout.value.items():
            value = np.atleast_1d(np.asarray(values[name], np.float64))
            common = value.size == 1
            # A block of copies, so that the general kernel reads every value as a row.
            array = np.full(BLOCK, value[0]) if common else np.ascontiguousarray(value)
            self._arrays[name] = array
            self.table[position] = array.ctypes.data
            self.table[position + 1] = 0 if common else 1
        self.table[layout.RING_SLOTS] = group.ring.slots
        self.table[layout.RING_WIDTH] = group.ring.width
        for port, position in zip(range(len(model.ports)), self.layout.port.values(), strict=True):
            self.table[position] = group.ring.data[port].ctypes.data
        self.version = group.version

    def port_table(self, state: str) -> NDArray[np.int64]:
        rows = []
        for k, port in enumerate(self.group.model.ports):
            if port.state == state:
                ring = self.group.ring.data[k].ctypes.data
                if port.gain is None:
                    rows.append((ring, self._one.ctypes.data, 0))
                else:
                    position = self.layout.value[port.gain]
                    rows.append((ring, self.table[position], self.table[position + 1]))
        return np.array(rows, np.int64).reshape(-1, 3)


class BoundSpikeArray(BoundGroup):
    """Components with listed spike times."""

    group: SpikeArrayGroup

    def __init__(self, group: SpikeArrayGroup, scalars: NDArray[np.float64]) -> None:
        super().__init__(group, layout.EVENT_TABLE_LENGTH, scalars)

    def refresh(self, network: Network, cache: KernelCache) -> None:
        self.kernel = cache.fixed("array_kernel")
        times = self.group.times
        cells = np.repeat(np.arange(self.group.size), [t.size for t in times])
        steps, offsets = network.clock.step_and_offset(
            np.concatenate(times) if times else np.empty(0), network.on_grid
        )
        order = np.lexsort((offsets, steps))
        self._step = np.ascontiguousarray(steps[order])
        self._cell = cells[order].astype(np.int32)
        self._offset = np.ascontiguousarray(offsets[order])
        if steps.size:
            self._hold_spikes(int(np.unique(steps, return_counts=True)[1].max()))
        self.table[layout.EVENT_COUNT] = steps.size
        self.table[layout.EVENT_POSITION] = 0
        self.table[layout.EVENT_STEP] = self._step.ctypes.data
        self.table[layout.EVENT_CELL] = self._cell.ctypes.data
        self.table[layout.EVENT_OFFSET] = self._offset.ctypes.data
        self.version = self.group.version


POISSON_BLOCK = 256
"""Cells that a Poisson kernel draws for at a time: its eleven rows fit into the first cache."""


class BoundPoisson(BoundGroup):
    """Poisson processes."""

    group: PoissonGroup

    def __init__(self, group: PoissonGroup, scalars: NDArray[np.float64]) -> None:
        super().__init__(group, layout.POISSON_TABLE_LENGTH, scalars)
        self._uniforms = np.zeros((11, POISSON_BLOCK))

    def refresh(self, network: Network, cache: KernelCache) -> None:
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


def bind_group(group: Group, scalars: NDArray[np.float64]) -> BoundGroup:
    """The table of a group, by its kind."""
    if isinstance(group, NeuronGroup):
        return BoundNeurons(group, scalars)
    if isinstance(group, SpikeArrayGroup):
        return BoundSpikeArray(group, scalars)
    assert isinstance(group, PoissonGroup)
    return BoundPoisson(group, scalars)
