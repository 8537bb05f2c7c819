"""Tables of addresses through which kernels of synapse models find their data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ship_engine.compiled import records as r
from ship_engine.lowering.cache import KernelCache
from ship_engine.lowering.loader import MachineCode
from ship_engine.lowering.synapse_kernels import scratch_rows, synapse_kernel
from ship_engine.lowering.synapse_rows import BLOCK
from ship_engine.lowering.synapse_source import SynapseLayout

if TYPE_CHECKING:
    from ship_engine.event_network import EventNetwork
    from ship_engine.projection import Projection


class BoundSynapses:
    """The synapses of one projection with a model, as its kernel sees them.

    Synapses whose axonal delays have the same number of whole steps share a table, so that the
    time loop can bring their spikes to them when they are due.

    Attributes
    ----------
    projection : Projection
        Whose synapses these are.
    kernel : MachineCode
        Of their model.
    tables : list of int64 arrays
        See `ship_engine.compiled.records`.
    """

    def __init__(self, projection: Projection, network: EventNetwork, cache: KernelCache) -> None:
        assert projection.dynamics is not None
        self.projection, self._dynamics = projection, projection.dynamics
        model, synapses = self._dynamics.model, projection.synapses
        self._dt = network.clock.dt
        lean = synapses.delay.size == 1 and all(v.size == 1 for v in self._dynamics.values.values())
        self._layout = SynapseLayout(model)
        self._set_delays(1 if lean else len(synapses))
        axonal_steps = projection.axonal_steps
        together = np.unique(axonal_steps).size <= 1
        blocks = together and not (model.draws() or projection.defers)
        self.kernel: MachineCode = synapse_kernel(cache, model, lean, projection.defers, blocks)
        self._kept: list[NDArray[np.generic]] = []
        rows = scratch_rows(model, lean) if blocks else 0
        self._scratch = self._keep(np.zeros((rows, BLOCK)))
        self.tables = [
            self._table(network, int(steps), axonal_steps) for steps in np.unique(axonal_steps)
        ]

    def _set_delays(self, count: int) -> None:
        """Delays before and behind each synapse, in ms, as many as the kernel reads."""
        delay = self.projection.synapses.delay
        axonal = self.projection.axonal_delay
        self._axonal = np.array(np.broadcast_to(axonal * self._dt, (count,)))
        self._dendritic = np.array(np.broadcast_to((delay - axonal) * self._dt, (count,)))

    def _keep(self, array: NDArray[np.generic]) -> int:
        """Address of an array that lives as long as the tables."""
        self._kept.append(array)
        return int(array.ctypes.data)

    def _table(
        self, network: EventNetwork, steps: int, axonal_steps: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        projection, dynamics = self.projection, self._dynamics
        synapses, row = projection.synapses, np.zeros(self._layout.length, np.int64)
        row[r.SYNAPSE_KERNEL] = self.kernel.address
        row[r.SYNAPSE_SOURCE] = network.groups.index(projection.source)
        row[r.SYNAPSE_AXONAL_STEPS] = steps
        row[r.SYNAPSE_SPIKES] = self._keep(np.zeros(3, np.int64))
        row[r.SYNAPSE_SCALARS] = self._keep(np.array([network.clock.dt, network.clock.instant]))
        row[r.SYNAPSE_COUNT] = len(synapses)
        row[r.SYNAPSE_START] = synapses.start.ctypes.data
        if (axonal_steps != steps).any():
            chosen = np.flatnonzero(np.broadcast_to(axonal_steps == steps, (len(synapses),)))
            row[r.SYNAPSE_START] = self._keep(np.searchsorted(chosen, synapses.start))
            row[r.SYNAPSE_ORDER] = self._keep(chosen.astype(np.int32))
        row[r.SYNAPSE_SCRATCH] = self._scratch
        row[r.SYNAPSE_TARGET] = synapses.target.ctypes.data
        for place, values in (
            (r.SYNAPSE_WEIGHT, synapses.weight),
            (r.SYNAPSE_DELAY, synapses.delay),
        ):
            row[place], row[place + 1] = values.ctypes.data, int(values.size > 1)
        row[[r.SYNAPSE_KEY, r.SYNAPSE_KEY + 1]] = projection.stream_key
        row[r.SYNAPSE_DENDRITIC] = self._dendritic.ctypes.data
        row[r.SYNAPSE_AXONAL] = self._axonal.ctypes.data
        row[r.SYNAPSE_SEEN] = dynamics.seen.ctypes.data
        if dynamics.number is not None:
            row[r.SYNAPSE_NUMBER] = dynamics.number.ctypes.data
        row[r.SYNAPSE_DEFERRED] = dynamics.deferred.ctypes.data
        row[r.SYNAPSE_ARRIVED] = dynamics.arrived.ctypes.data
        for name, position in self._layout.state.items():
            row[position] = dynamics.states[name].ctypes.data
        for name, position in self._layout.value.items():
            row[position] = dynamics.values[name].ctypes.data
            row[position + 1] = int(dynamics.values[name].size > 1)
        self._record_ring(row)
        return row

    def _record_ring(self, row: NDArray[np.int64]) -> None:
        projection = self.projection
        ring, ports = projection.target.ring, projection.target.model.ports
        port = [p.name for p in ports].index(projection.port)
        row[r.SYNAPSE_RING] = ring.data[port].ctypes.data
        row[r.SYNAPSE_SLOTS], row[r.SYNAPSE_WIDTH] = ring.slots, ring.width

    def set_timing(self, timing: int, arrival: list[int]) -> None:
        """How arrivals are timed, and where; see `ship_engine.compiled.records`."""
        for table in self.tables:
            table[r.SYNAPSE_TIMING] = timing
            table[r.SYNAPSE_ARRIVAL : r.SYNAPSE_ARRIVAL + len(arrival)] = arrival

    def prepare(self, arrived_until: int) -> None:
        """Follow queue and history, of which the time loop may have moved the beginning."""
        history, queue = self.projection.target.history, self.projection.source.queue
        for table in self.tables:
            if history is not None:
                table[r.SYNAPSE_HISTORY] = history.times.ctypes.data
                table[r.SYNAPSE_CAPACITY] = history.capacity
                table[r.SYNAPSE_KNOWN] = history.count.ctypes.data
            if queue is not None:
                emitted = arrived_until - int(table[r.SYNAPSE_AXONAL_STEPS])
                first = queue.first_after(emitted, self._dynamics.first_queued)
                table[r.SYNAPSE_CURSOR] = first

    @property
    def longest_axon(self) -> int:
        """In time steps."""
        return max(int(table[r.SYNAPSE_AXONAL_STEPS]) for table in self.tables)

    def catch_up(self, step: int) -> None:
        """Let every synapse take in the postsynaptic spikes that have reached it."""
        if self._dynamics.model.plastic() and len(self.projection.synapses):
            self.kernel(self.tables[0].ctypes.data, 0, step, 1)
