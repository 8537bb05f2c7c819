"""Tables of addresses through which the compiled time loop finds a network's data."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ship_engine.compiled import records as r
from ship_engine.executors.numba_bound import BoundGroup
from ship_engine.executors.numba_coupling import BoundCoupling
from ship_engine.executors.numba_groups import BoundNeurons, bind_group
from ship_engine.executors.numba_synapses import BoundSynapses
from ship_engine.groups import Group, NeuronGroup
from ship_engine.lowering.cache import KernelCache
from ship_engine.monitors import SpikeMonitor, StateMonitor

if TYPE_CHECKING:
    from ship_engine.event_network import EventNetwork, Injection
    from ship_engine.projection import Projection
    from ship_engine.synapses.activity import SpikeHistory


def address(array: NDArray[Any]) -> int:
    """Where an array's data lie."""
    return int(array.ctypes.data)


class Binding:
    """A network as the compiled time loop sees it.

    Attributes
    ----------
    address : int
        Of the network's table; see `ship_engine.compiled.records`.
    """

    def __init__(self, network: EventNetwork, cache: KernelCache) -> None:
        # Not held, since the executor holds this for as long as the network lives.
        self._weak_network = weakref.ref(network)
        self._cache = cache
        self._structure = (-1, -1)
        self._table = np.zeros(r.NETWORK_COLUMNS, np.int64)
        self.address = address(self._table)
        self._groups: dict[Group, BoundGroup] = {}
        self._monitors: list[StateMonitor] = []
        self._banks: list[_CurrentBank] = []
        self._synapses: list[BoundSynapses] = []
        clock = network.clock
        self.scalars = np.array([clock.dt, clock.instant, float(network.on_grid)])

    @property
    def _network(self) -> EventNetwork:
        network = self._weak_network()
        assert network is not None
        return network

    @property
    def bound_groups(self) -> list[BoundGroup]:
        """The groups, in the order of the network."""
        return list(self._groups.values())

    @property
    def failed(self) -> bool:
        """Whether a group has stopped the last run."""
        return bool(self._table[r.FAILED_GROUP] >= 0)

    def refresh(self) -> None:
        """Follow what has changed in the network since the last run."""
        network = self._network
        versions = sum(p.version for p in network.projections)
        versions += sum(j.version for j in network.gap_junctions)
        structure = (network.structure, versions)
        if self._structure != structure:
            self._bind()
            self._structure = structure
        stale = False
        for row, bound in zip(self._group_records, self._groups.values(), strict=True):
            if bound.version != bound.group.version:
                bound.refresh(network, self._cache)
                self._record_group(row, bound)
                stale = True
        if stale:
            # Monitors point at coefficients, which have moved.
            self._bind_monitors()
            self._table[r.MONITORS] = address(self._monitor_records)

    def _bind(self) -> None:
        network = self._network
        for projection in network.projections:
            longest = projection.synapses.longest_delay
            projection.target.ring.reserve(longest + 3, network.step)
        injected = {injection.group for injection in network.injections}
        injected |= {g for g in network.groups if isinstance(g, NeuronGroup) and g.coupling}
        for group in network.groups:
            if group not in self._groups:
                self._groups[group] = bind_group(group, self.scalars)
            bound = self._groups[group]
            bound.injected = group in injected
            bound.refresh(network, self._cache)
        self._bind_groups()
        self._bind_projections()
        self._bind_monitors()
        self._banks = [
            _CurrentBank(group, [i for i in network.injections if i.group is group])
            for group in network.groups
            if any(injection.group is group for injection in network.injections)
        ]
        self._coupling = BoundCoupling(network)
        self._fill_table()

    def _bind_groups(self) -> None:
        self._group_records = np.zeros((len(self._groups), r.GROUP_COLUMNS), np.int64)
        for row, bound in zip(self._group_records, self._groups.values(), strict=True):
            self._record_group(row, bound)

    def _record_group(self, row: NDArray[np.int64], bound: BoundGroup) -> None:
        row[r.GROUP_KERNEL] = bound.kernel.address
        row[r.GROUP_TABLE] = address(bound.table)
        row[r.GROUP_SIZE] = bound.group.size
        row[r.GROUP_INDEX] = address(bound.spike_index)
        row[r.GROUP_OFFSET] = address(bound.spike_offset)
        row[r.GROUP_CAPACITY] = bound.capacity
        row[r.GROUP_ERROR] = address(bound.error)

    def _bind_projections(self) -> None:
        network = self._network
        number = {group: k for k, group in enumerate(network.groups)}
        stack = network.stack()
        place = {group: k for k, group in enumerate(stack)}
        self._projection_records = np.zeros(
            (len(network.projections), r.PROJECTION_COLUMNS), np.int64
        )
        leaving: dict[Group, list[tuple[int, int]]] = {group: [] for group in stack}
        self._synapses = []
        for k, projection in enumerate(network.projections):
            backward = place[projection.target] <= place[projection.source]
            if projection.dynamics is not None:
                leaving[projection.source] += self._bind_synapses(projection, backward)
                continue
            self._record_projection(self._projection_records[k], projection, number, backward)
            if len(projection.synapses):
                leaving[projection.source].append((r.RUN_DELIVERY, k))
        program = []
        for group in stack:
            program.append((r.RUN_GROUP, number[group]))
            program += leaving[group]
        self._program = np.array(program, np.int64).reshape(-1, 2)
        tables = [table for bound in self._synapses for table in bound.tables]
        self._synapse_tables = np.array([address(table) for table in tables], np.int64)

    def _bind_synapses(self, projection: Projection, backward: bool) -> list[tuple[int, int]]:
        """Tables of synapses with a model; what the program has to do after their source's step."""
        if not len(projection.synapses):
            return []
        first = sum(len(bound.tables) for bound in self._synapses)
        bound = BoundSynapses(projection, self._network, self._cache)
        bound.set_timing(_timing(projection, backward), self._arrival(projection))
        self._synapses.append(bound)
        return [
            (r.RUN_SYNAPSES, first + k)
            for k, table in enumerate(bound.tables)
            if table[r.SYNAPSE_AXONAL_STEPS] == 0
        ]

    def _record_projection(
        self,
        row: NDArray[np.int64],
        projection: Projection,
        number: dict[Group, int],
        backward: bool,
    ) -> None:
        synapses, ring = projection.synapses, projection.target.ring
        ports = [p.name for p in projection.target.model.ports]
        row[r.SOURCE] = number[projection.source]
        row[r.START] = address(synapses.start)
        row[r.TARGET] = address(synapses.target)
        row[r.WEIGHT] = address(synapses.weight)
        row[r.WEIGHT_STRIDE] = int(synapses.weight.size > 1)
        row[r.DELAY] = address(synapses.delay)
        row[r.DELAY_STRIDE] = int(synapses.delay.size > 1)
        row[r.RING] = address(ring.data[ports.index(projection.port)])
        row[r.RING_SLOTS] = ring.slots
        row[r.RING_WIDTH] = ring.width
        row[r.TIMING] = _timing(projection, backward)
        row[r.DECAY : r.INSIDE_DUE + 1] = self._arrival(projection)

    def _arrival(self, projection: Projection) -> list[int]:
        target = self._groups[projection.target]
        assert isinstance(target, BoundNeurons)
        return target.arrival(projection.port)

    def _bind_monitors(self) -> None:
        network = self._network
        self._monitors = list(network.state_monitors)
        self._monitor_records = np.zeros((len(self._monitors), r.MONITOR_COLUMNS), np.int64)
        self._port_tables = []
        for row, monitor in zip(self._monitor_records, self._monitors, strict=True):
            group = monitor.group
            bound = self._groups[group]
            table = bound.port_table(monitor.state)
            self._port_tables.append(table)
            held = monitor.state in group.model.held and group.model.refractory_period
            row[r.INTERVAL] = monitor.interval
            row[r.ROW] = address(group[monitor.state])
            row[r.CELLS] = address(monitor.cells)
            row[r.CELL_COUNT] = monitor.cells.size
            row[r.PORT_COUNT] = table.shape[0]
            row[r.PORT_TABLE] = address(table)
            row[r.MONITOR_SLOTS] = group.ring.slots
            row[r.MONITOR_WIDTH] = group.ring.width
            row[r.DEAF] = address(group.refractory) if held else 0

    def _fill_table(self) -> None:
        table = self._table
        self._current_records = np.zeros((len(self._banks), r.CURRENT_COLUMNS), np.int64)
        for row, bank in zip(self._current_records, self._banks, strict=True):
            bank.fill(row)
        table[r.GROUPS] = address(self._group_records)
        table[r.LOG_GROUP_COUNT] = len(self._group_records)
        table[r.PROJECTIONS] = address(self._projection_records)
        table[r.MONITORS] = address(self._monitor_records)
        table[r.MONITOR_ROWS] = len(self._monitors)
        table[r.CURRENTS] = address(self._current_records)
        table[r.CURRENT_ROWS] = len(self._banks)
        table[r.PROGRAM] = address(self._program)
        table[r.PROGRAM_LENGTH] = len(self._program)
        table[r.NETWORK_SCALARS] = address(self.scalars)
        table[r.FAILED_GROUP] = -1
        table[r.SYNAPSES] = address(self._synapse_tables)
        table[r.SYNAPSE_TABLES] = self._synapse_tables.size
        queued = any(group.queue is not None for group in self._groups)
        table[r.ARRIVE] = self._cache.fixed("arrive").address if queued else 0
        table[r.COUPLE] = self._cache.fixed("couple").address if self._coupling.present else 0
        self._coupling.fill(table)

    def prepare(self, first: int, last: int) -> None:
        """Make room for what the steps from `first` to `last` bring."""
        self._table[r.CHUNK_START] = first
        for row, bank in zip(self._current_records, self._banks, strict=True):
            bank.prepare(row, first, last, self._network)
        for row, monitor in zip(self._monitor_records, self._monitors, strict=True):
            monitor.reserve((last - first) // monitor.interval + 1)
            row[r.SAMPLES] = address(monitor.data)
            row[r.SAMPLE_COUNT] = monitor.count
            row[r.PHASE], row[r.LAST_SAMPLE] = monitor.phase, monitor.last
        for row, bound in zip(self._group_records, self._groups.values(), strict=True):
            if bound.prepare(self._network, first, last):
                self._record_group(row, bound)
        self.prepare_records()

    def prepare_records(self) -> None:
        """Make room in what keeps spikes."""
        for row, (group, bound) in zip(self._group_records, self._groups.items(), strict=True):
            spikes = self._network.spike_monitors.get(group)
            if spikes is None:
                row[r.LOG_MASK] = 0
            else:
                self._prepare_log(row, spikes, bound.capacity)
            self._prepare_queue(row, group, bound.capacity)
            self._prepare_history(row, group)
            kept = group.queue is not None or group.history is not None
            row[r.KEEP_SPIKES] = self._cache.fixed("keep_spikes").address if kept else 0
        self._table[r.ARRIVED_UNTIL] = self._network.arrived_until
        for synapses in self._synapses:
            synapses.prepare(self._network.arrived_until)

    def _prepare_queue(self, row: NDArray[np.int64], group: Group, capacity: int) -> None:
        queue = group.queue
        if queue is None:
            return
        axons = [s.longest_axon for s in self._synapses if s.projection.source is group]
        queue.forget_before(self._network.arrived_until - max(axons, default=0) + 1)
        if queue.count + capacity > queue.step.size:
            queue.reserve(2 * (queue.count + capacity) + 1024)
        row[r.QUEUE_INDEX] = address(queue.index)
        row[r.QUEUE_STEP] = address(queue.step)
        row[r.QUEUE_OFFSET] = address(queue.offset)
        row[r.QUEUE_COUNT] = queue.count
        row[r.QUEUE_CAPACITY] = queue.step.size

    def _prepare_history(self, row: NDArray[np.int64], group: Group) -> None:
        history = group.history
        if history is None:
            return
        if int(history.count.max()) >= history.capacity - 1:
            self._shorten_history(group, history)
        row[r.HISTORY_TIMES] = address(history.times)
        row[r.HISTORY_COUNT] = address(history.count)
        row[r.HISTORY_CAPACITY] = history.capacity
        row[r.HISTORY_FULL] = 0

    def _shorten_history(self, group: Group, history: SpikeHistory) -> None:
        """Let plastic synapses take in what has reached them, and forget that."""
        self.catch_up()
        taken = history.count.copy()
        onto = [s.projection for s in self._synapses if s.projection.target is group]
        plastic = [p for p in onto if p.dynamics is not None and p.dynamics.model.plastic()]
        for projection in plastic:
            assert projection.dynamics is not None
            np.minimum.at(taken, projection.synapses.target, projection.dynamics.seen)
        for projection in plastic:
            assert projection.dynamics is not None
            projection.dynamics.seen -= taken[projection.synapses.target]
        history.drop(taken)
        if 2 * int(history.count.max()) >= history.capacity:
            history.reserve(2 * history.capacity)

    def catch_up(self) -> None:
        """Let plastic synapses take in the spikes that have reached them."""
        for synapses in self._synapses:
            synapses.prepare(self._network.arrived_until)
            synapses.catch_up(self._network.step)

    def _prepare_log(self, row: NDArray[np.int64], monitor: SpikeMonitor, capacity: int) -> None:
        if monitor.count + capacity > monitor.index.size:
            monitor.reserve(2 * (monitor.count + capacity) + 1024)
        row[r.LOG_MASK] = address(monitor.mask)
        row[r.LOG_INDEX] = address(monitor.index)
        row[r.LOG_STEP] = address(monitor.step)
        row[r.LOG_OFFSET] = address(monitor.offset)
        row[r.LOG_COUNT] = monitor.count
        row[r.LOG_CAPACITY] = monitor.index.size

    def collect(self) -> None:
        """Take over what the time loop has written."""
        for row, monitor in zip(self._monitor_records, self._monitors, strict=True):
            monitor.count, monitor.last = int(row[r.SAMPLE_COUNT]), int(row[r.LAST_SAMPLE])
        for row, group in zip(self._group_records, self._groups, strict=True):
            if row[r.LOG_MASK] != 0:
                self._network.spike_monitors[group].count = int(row[r.LOG_COUNT])
            if group.queue is not None:
                group.queue.count = int(row[r.QUEUE_COUNT])
            if isinstance(group, NeuronGroup) and group.coupling is not None:
                # What a reset took from a potential is no slope; the next run may not know of it.
                spiked = self._groups[group].spike_index[: int(row[r.GROUP_COUNT])]
                group.coupling.before[spiked] = np.nan
        if self._table[r.ARRIVE]:
            self._network.arrived_until = int(self._table[r.ARRIVED_UNTIL])
        else:
            self._network.arrived_until = self._network.step

    def failed_group(self) -> Group | None:
        """The group that stopped the last run, if one did; asked once."""
        index = int(self._table[r.FAILED_GROUP])
        if index < 0:
            return None
        self._table[r.FAILED_GROUP] = -1
        group = self._network.groups[index]
        self._groups[group].error[0] = -1
        return group


def _timing(projection: Projection, backward: bool) -> int:
    """How arrivals are timed."""
    if projection.synapses.undelayed and backward:
        return r.NEXT_STEP
    if projection.target.ring.inside is not None:
        return r.EXACT
    return r.SAME_STEP if projection.synapses.undelayed else r.SPLIT


class _CurrentBank:
    """All currents that enter one group."""

    def __init__(self, group: Group, injections: list[Injection]) -> None:
        assert isinstance(group, NeuronGroup)
        self._group = group
        self._sources = [injection.source for injection in injections]
        cells = [injection.cells for injection in injections]
        self._start = np.concatenate([[0], np.cumsum([c.size for c in cells])]).astype(np.int64)
        self._target = np.concatenate(cells).astype(np.int32)
        self._last = np.full(len(cells), np.nan)
        self._amplitude = np.empty((len(cells), 0))

    def fill(self, row: NDArray[np.int64]) -> None:
        coupling = self._group.coupling
        row[r.CURRENT_ROW] = address(coupling.injected if coupling else self._group.current)
        row[r.CURRENT_CELLS] = self._group.size
        row[r.CURRENT_SOURCES] = len(self._sources)
        row[r.CURRENT_START] = address(self._start)
        row[r.CURRENT_TARGET] = address(self._target)
        row[r.LAST_AMPLITUDE] = address(self._last)

    def prepare(self, row: NDArray[np.int64], first: int, last: int, network: EventNetwork) -> None:
        known: dict[Any, NDArray[np.float64]] = {}
        for source in self._sources:
            if source not in known:
                known[source] = source.applied(first, last - first, network.clock)
        self._amplitude = np.array([known[source] for source in self._sources])
        row[r.AMPLITUDE] = address(self._amplitude)
        row[r.AMPLITUDE_STEPS] = last - first
