"""One run of a network in tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ship_engine.currents import CurrentSource
from ship_engine.errors import ShipError
from ship_engine.executors.base import first_non_finite
from ship_engine.executors.torch_coupling import GapCurrents
from ship_engine.executors.torch_groups import NeuronTensors, Spikes
from ship_engine.executors.torch_paths import Path, PortTensors, SynapsePath, Timing
from ship_engine.executors.torch_sources import emitted
from ship_engine.executors.torch_synapses import HistoryTensors, synapse_tensors
from ship_engine.groups import Group, NeuronGroup
from ship_engine.monitors import StateMonitor
from ship_engine.sources.spike_trains import Events

if TYPE_CHECKING:
    from ship_engine.event_network import EventNetwork, Injection

CHUNK = 200
"""Steps after which states are checked, and progress is reported."""
NEGLIGIBLE = {torch.float64: 1e-100, torch.float32: 1e-30}
"""Types of numbers that are supported, and what is set to zero between chunks."""


class Run:
    """One run of a network, from its arrays and back to them.

    Parameters
    ----------
    network : EventNetwork
        The network.
    like : Tensor
        Says the device and the type of numbers.
    delivery : str
        How spikes are delivered.
    """

    def __init__(self, network: EventNetwork, like: Tensor, delivery: str) -> None:
        self._network, self._like = network, like
        for projection in network.projections:
            longest = projection.synapses.longest_delay
            projection.target.ring.reserve(longest + 3, network.step)
        self._neurons: dict[Group, NeuronTensors] = {
            group: NeuronTensors(group, network, like)
            for group in network.groups
            if isinstance(group, NeuronGroup)
        }
        self._stack = network.stack()
        self._histories: dict[Group, HistoryTensors] = {}
        self._synapses = synapse_tensors(network, like, self._histories)
        self._paths: dict[Group, list[Path | SynapsePath]] = {group: [] for group in self._stack}
        self._connect(delivery)
        self._gaps = GapCurrents(network, self._neurons)
        self._banks = [
            _CurrentBank(group, injections, self._gaps if group in self._gaps else tensors)
            for group, tensors in self._neurons.items()
            if (injections := [i for i in network.injections if i.group is group])
        ]
        self._events: dict[Group, Events] = {}

    def _connect(self, delivery: str) -> None:
        place = {group: k for k, group in enumerate(self._stack)}
        for projection in self._network.projections:
            if not len(projection.synapses):
                continue
            source, target = projection.source, projection.target
            timing = Timing(projection, place[target] <= place[source], self._network)
            port = target.port_index(projection.port)
            ring, inside = self._neurons[target].ring[port], self._neurons[target].inside
            tensors = PortTensors(ring, None if inside is None else inside[:, :, port])
            synapses = self._synapses.get(projection)
            self._paths[source].append(
                Path(projection, timing, tensors, delivery)
                if synapses is None
                else SynapsePath(projection, timing, tensors, synapses)
            )

    def until(self, end: int, progress: Callable[[int], None] | None) -> None:
        """Run to a step; whatever happens, the network is left as of the step reached."""
        network = self._network
        try:
            while network.step < end:
                first, last = network.step, min(network.step + CHUNK, end)
                self._prepare(first, last)
                for step in range(first, last):
                    self._step(step)
                    network.step = step + 1
                self._check()
                if progress is not None:
                    progress(last - first)
            self._arrive(end)
            self._sample(end)
        finally:
            self._store()

    def _store(self) -> None:
        members = (self._neurons, self._synapses, self._histories)
        for tensors in [tensors for found in members for tensors in found.values()]:
            tensors.store()
        self._gaps.store()

    def _prepare(self, first: int, last: int) -> None:
        network = self._network
        for group in network.groups:
            if group not in self._neurons:
                self._events[group] = emitted(group, network, first, last)
        for bank in self._banks:
            bank.prepare(first, last, network)
        for group, paths in self._paths.items():
            if group.queue is not None:
                axons = [path.longest_axon for path in paths if isinstance(path, SynapsePath)]
                group.queue.forget_before(network.arrived_until - max(axons, default=0) + 1)

    def _step(self, step: int) -> None:
        for bank in self._banks:
            bank.inject(step)
        self._gaps.flow()
        self._arrive(step)
        self._sample(step)
        for group in self._stack:
            spikes = self._spikes(group, step)
            if spikes.cells.numel():
                self._log(group, spikes, step)
                self._remember(group, spikes, step)
            tensors = self._neurons.get(group)
            if tensors is not None and tensors.failed:
                tensors.store()
                error = first_non_finite(group, self._network.clock.time(step + 1))
                raise error or ShipError(f"The threshold of '{group.label}' is not finite.")
            if spikes.cells.numel():
                for path in self._paths[group]:
                    path.deliver(spikes, step)

    def _spikes(self, group: Group, step: int) -> Spikes:
        if group in self._neurons:
            return self._neurons[group].step(step)
        events = self._events[group].of_step(step)
        cells = torch.as_tensor(events.cell, device=self._like.device)
        return Spikes(cells, self._like.new_tensor(events.offset))

    def _log(self, group: Group, spikes: Spikes, step: int) -> None:
        monitor = self._network.spike_monitors.get(group)
        if monitor is None:
            return
        cells, offsets = spikes.cells.cpu().numpy(), spikes.offsets.cpu().numpy()
        kept = monitor.mask[cells] != 0
        index = cells[kept].astype(np.int32)
        monitor.append(index, np.full(index.size, step), offsets[kept].astype(np.float64))

    def _remember(self, group: Group, spikes: Spikes, step: int) -> None:
        """Keep spikes for what comes to know of them later."""
        if group.queue is not None:
            cells, offsets = spikes.cells.cpu().numpy(), spikes.offsets.cpu().numpy()
            group.queue.add(cells, step, offsets)
        if group in self._histories:
            times = step * self._network.clock.dt + spikes.offsets.double()
            self._histories[group].note(spikes.cells, times, step)
        if group in self._gaps:
            self._gaps.spiked(group, spikes.cells)

    def _arrive(self, step: int) -> None:
        """Spikes that have gone along their axons reach synapses with a model."""
        if not self._synapses or step <= self._network.arrived_until:
            return
        for paths in self._paths.values():
            for path in paths:
                if isinstance(path, SynapsePath):
                    path.arrive(step)
        self._network.arrived_until = step

    def _sample(self, step: int) -> None:
        for monitor in self._network.state_monitors:
            if monitor.due(step):
                monitor.append(self._sampled(monitor, step), step)

    def _sampled(self, monitor: StateMonitor, step: int) -> np.ndarray:
        row = self._neurons[monitor.group].received(monitor.state, step)
        sample: np.ndarray = row.cpu().numpy()[monitor.cells]
        return sample

    def _check(self) -> None:
        for group, tensors in self._neurons.items():
            tensors.flush(NEGLIGIBLE[self._like.dtype])
            tensors.store()
            error = first_non_finite(group, self._network.time)
            if error is not None:
                raise error


class _CurrentBank:
    """All currents that enter one group, or are added there to those of gap junctions."""

    def __init__(
        self, group: Group, injections: list[Injection], into: NeuronTensors | GapCurrents
    ) -> None:
        self._group, self._into = group, into
        self._sources = [injection.source for injection in injections]
        self._cells = np.concatenate([injection.cells for injection in injections])
        self._owner = np.repeat(np.arange(len(injections)), [i.cells.size for i in injections])
        self._last = np.full(len(injections), np.nan)

    def prepare(self, first: int, last: int, network: EventNetwork) -> None:
        self._first = first
        known: dict[CurrentSource, np.ndarray] = {}
        for source in self._sources:
            if source not in known:
                known[source] = source.applied(first, last - first, network.clock)
        self._amplitude = np.array([known[source] for source in self._sources])

    def inject(self, step: int) -> None:
        """Where a source's amplitude has changed, sum the currents anew."""
        amplitude = self._amplitude[:, step - self._first]
        if (amplitude != self._last).any():
            self._last = amplitude
            size = self._group.size
            current = np.bincount(self._cells, amplitude[self._owner], minlength=size)
            if isinstance(self._into, GapCurrents):
                self._into.inject(self._group, current)
            else:
                self._into.inject(current)
