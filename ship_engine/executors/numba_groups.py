"""Tables of addresses through which each kind of kernel finds its group's data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ship_engine.delivery.base import decay_factors
from ship_engine.executors.numba_bound import BoundGroup
from ship_engine.executors.numba_sources import BoundPoisson, BoundRenewal, BoundSpikeArray
from ship_engine.groups import Group, NeuronGroup, SpikeArrayGroup
from ship_engine.lowering import layout
from ship_engine.lowering.cache import KernelCache
from ship_engine.lowering.kernels import model_kernel
from ship_engine.lowering.layout import BLOCK, Layout
from ship_engine.memory import aligned_rows
from ship_engine.models.base import argument_names
from ship_engine.sources.renewal import PoissonGroup, RenewalGroup

if TYPE_CHECKING:
    from ship_engine.event_network import EventNetwork


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
        self._decay = np.zeros((len(group.model.ports), 2))
        self._work = np.zeros((0, BLOCK))

    def refresh(self, network: EventNetwork, cache: KernelCache) -> None:
        group, model = self.group, self.group.model
        values = dict(group.values)
        divisions = model.divisions(network.clock.dt)
        given = values | {"dt": np.array([network.clock.dt / divisions])}
        wanted = [given[name] for name in argument_names(model.time_dep)]
        coefficients = model.time_dep(*wanted)
        values |= dict(zip(model.coefficients, coefficients, strict=True))
        same = all(np.size(value) == 1 for value in values.values())
        timed = group.ring.inside is not None
        self.kernel = model_kernel(cache, model, same and not self.injected, divisions > 1, timed)
        if divisions > 1 and not self._work.size:
            self._work = aligned_rows(len(model.states) + 1, BLOCK)
        self.table[layout.WORK] = self._work.ctypes.data
        self.table[layout.DIVISIONS] = divisions
        self.table[[layout.KEY_0, layout.KEY_1]] = group.key
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
        if group.ring.inside is not None and group.ring.due is not None:
            self.table[layout.INSIDE] = group.ring.inside.ctypes.data
            self.table[layout.INSIDE_DUE] = group.ring.due.ctypes.data
        names = [port.name for port in model.ports]
        for decay, name in zip(self._decay, names, strict=True):
            decay[:] = decay_factors(group, name, network.clock.dt)
        self.version = group.version

    def arrival(self, port: str) -> list[int]:
        """What deliveries have to know of a port; see `ship_engine.compiled.records.DECAY`."""
        k, ring = self.group.port_index(port), self.group.ring
        words = [self._decay[k].ctypes.data, 0, 4 * ring.ports, 0]
        if ring.inside is not None and ring.due is not None:
            words[1] = ring.inside.ctypes.data + 32 * k
            words[3] = ring.due.ctypes.data
        return words

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


def bind_group(group: Group, scalars: NDArray[np.float64]) -> BoundGroup:
    """The table of a group, by its kind."""
    if isinstance(group, NeuronGroup):
        return BoundNeurons(group, scalars)
    if isinstance(group, SpikeArrayGroup):
        return BoundSpikeArray(group, scalars)
    if isinstance(group, PoissonGroup):
        return BoundPoisson(group, scalars)
    assert isinstance(group, RenewalGroup)
    return BoundRenewal(group, scalars)
