"""The torch executor: the models' own functions on tensors.

`run` does what every executor does, on any device that torch knows.  `simulate` computes the same
as a function of its inputs, in batches, through which gradients flow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ship_engine.currents import CurrentSource
from ship_engine.delivery.torch_autograd import DELIVERIES
from ship_engine.errors import InvalidValueError, ShipError, UnsupportedByExecutorError
from ship_engine.events import Events
from ship_engine.executors.base import Executor, first_non_finite
from ship_engine.executors.torch_groups import NeuronTensors, Spikes
from ship_engine.executors.torch_inputs import Inputs, Replacements
from ship_engine.executors.torch_simulation import Recording, Simulation
from ship_engine.executors.torch_sources import emitted
from ship_engine.groups import Group, NeuronGroup
from ship_engine.monitors import StateMonitor
from ship_engine.training.surrogates import SuperSpike, Surrogate

if TYPE_CHECKING:
    from ship_engine.network import Injection, Network, Projection

CHUNK = 200
"""Steps after which states are checked, and progress is reported."""
NEGLIGIBLE = {torch.float64: 1e-100, torch.float32: 1e-30}
"""Types of numbers that are supported, and what is set to zero between chunks."""


class TorchExecutor(Executor):
    """Runs networks as tensor operations.

    Parameters
    ----------
    device : str or torch.device
        Where tensors live.
    dtype : torch.dtype
        float64, or float32.
    batch_size : int
        Of a simulation whose inputs do not tell; `run` needs 1.
    delivery : {'sparse', 'dense'}
        How spikes are delivered; see `ship_engine.delivery.torch_autograd`.
    surrogate : Surrogate, optional
        Derivative of a spike in `simulate`; by default `SuperSpike()`.

    Raises
    ------
    InvalidValueError
        If one of these has a value that cannot be used on this machine.
    """

    name = "torch"

    def __init__(
        self,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float64,
        batch_size: int = 1,
        delivery: str = "sparse",
        surrogate: Surrogate | None = None,
    ) -> None:
        if dtype not in NEGLIGIBLE:
            raise InvalidValueError(f"dtype = {dtype}; give torch.float64 or torch.float32.")
        if batch_size < 1:
            raise InvalidValueError(f"batch_size = {batch_size}; give at least 1.")
        if delivery not in DELIVERIES:
            raise InvalidValueError(f"delivery = {delivery!r}; give 'sparse' or 'dense'.")
        try:
            self._like = torch.zeros(0, dtype=dtype, device=device)
        except (RuntimeError, AssertionError) as error:
            raise InvalidValueError(
                f"device = {str(device)!r} cannot be used here ({error}); 'cpu' always can."
            ) from error
        self.device, self.dtype = self._like.device, dtype
        self.batch_size, self.delivery = batch_size, delivery
        self.surrogate = surrogate or SuperSpike()

    def run(
        self, network: Network, steps: int, progress: Callable[[int], None] | None = None
    ) -> None:
        if self.batch_size != 1:
            raise UnsupportedByExecutorError(
                f"A network keeps one state, so it cannot run with batch_size = "
                f"{self.batch_size}; use TorchExecutor.simulate, or batch_size = 1."
            )
        with torch.no_grad():
            _Run(network, self._like, self.delivery).until(network.step + steps, progress)

    def catch_up(self, network: Network) -> None:
        """Let plastic synapses take in all spikes that have reached them."""
        raise UnsupportedByExecutorError(
            "The torch executor cannot run plastic synapses; use the Numba executor."
        )

    def simulate(
        self,
        network: Network,
        steps: int,
        inputs: Inputs | None = None,
        parameters: Replacements | None = None,
        record: Iterable[tuple[NeuronGroup, str]] = (),
    ) -> Recording:
        """Compute a network's first time steps as a function of its inputs and parameters.

        The network itself stays as it is; the simulation begins at time zero with the initial
        states.  Gradients flow to whatever requires them: through spikes by the surrogate, and
        not through the reset, as is usual (Zenke & Vogels 2021, Neural Comput. 33:899).

        Parameters
        ----------
        network : Network
            With ``spike_precision="on_grid"``.
        steps : int
            How many time steps.
        inputs : mapping of Group to Tensor [batch or 1, steps, components]
            The spikes that a source emits in each step, in place of its own; or the current (nA)
            that is injected into neurons, besides the network's.
        parameters : mapping
            Values in place of the network's: the weights of a `Projection`, one for all or
            [synapses] in the order of its `synapses`; the parameter, or the initial state, of a
            ``(group, name)``, of a shape that broadcasts to [batch, components].
        record : iterable of (group, state)
            States to record.

        Returns
        -------
        Recording
            The spikes of all groups, and the states.

        Raises
        ------
        UnsupportedByExecutorError
            If the network's spikes do not lie on the grid.
        UnknownNameError
            If the network lacks a group, projection, parameter or state.
        InvalidValueError
            If a tensor has another shape, or the number of steps is negative.
        NonFiniteStateError
            If a state is NaN or infinite in the end.
        """
        simulation = Simulation(
            network,
            steps,
            inputs or {},
            parameters or {},
            self._like,
            self.batch_size,
            DELIVERIES[self.delivery],
            self.surrogate,
        )
        return simulation.run(record)


class _Run:
    """One run of a network, from its arrays and back to them."""

    def __init__(self, network: Network, like: Tensor, delivery: str) -> None:
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
        self._paths: dict[Group, list[_Path]] = {group: [] for group in self._stack}
        place = {group: k for k, group in enumerate(self._stack)}
        for projection in network.projections:
            if len(projection.synapses):
                backward = place[projection.target] <= place[projection.source]
                ring = self._neurons[projection.target].ring
                path = _Path(projection, backward, ring, delivery, network)
                self._paths[projection.source].append(path)
        self._banks = [
            _CurrentBank(tensors, injections)
            for group, tensors in self._neurons.items()
            if (injections := [i for i in network.injections if i.group is group])
        ]
        self._events: dict[Group, Events] = {}

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
            self._sample(end)
        finally:
            for tensors in self._neurons.values():
                tensors.store()

    def _prepare(self, first: int, last: int) -> None:
        network = self._network
        for group in network.groups:
            if group not in self._neurons:
                self._events[group] = emitted(group, network, first, last)
        for bank in self._banks:
            bank.prepare(first, last, network)

    def _step(self, step: int) -> None:
        for bank in self._banks:
            bank.inject(step)
        self._sample(step)
        for group in self._stack:
            spikes = self._spikes(group, step)
            if spikes.cells.numel():
                self._log(group, spikes, step)
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


class _Path:
    """A projection in a run: from the spikes of a step into the ring buffer of its target."""

    def __init__(
        self, projection: Projection, backward: bool, ring: Tensor, delivery: str, network: Network
    ) -> None:
        synapses, target = projection.synapses, projection.target
        weight = ring.new_tensor(synapses.weight)
        self._delivery = DELIVERIES[delivery](synapses, target.size, weight)
        self._delays = torch.tensor(self._delivery.delays, device=ring.device)
        self._ring = ring[[port.name for port in target.model.ports].index(projection.port)]
        self._sources = projection.source.size
        self._undelayed, self._backward = synapses.undelayed, backward
        self._nearest = target.model.jumps()
        self._dt, self._instant = network.clock.dt, network.clock.instant

    def deliver(self, spikes: Spikes, step: int) -> None:
        """Each spike acts on two slots, in proportion to its nearness to their times."""
        late = spikes.offsets / self._dt
        if self._undelayed:
            late = torch.full_like(late, float(self._backward))
        elif self._nearest:
            late = (late >= 0.5).to(late.dtype)
        late = torch.where(late < self._instant / self._dt, 0.0, late)
        late = torch.where(late > 1.0 - self._instant / self._dt, 1.0, late)
        parts = self._ring.new_zeros(2, self._sources)
        parts[0].index_add_(0, spikes.cells, 1.0 - late)
        parts[1].index_add_(0, spikes.cells, late)
        slots = (step + self._delays) % self._ring.shape[0]
        for arrived in self._delivery.arrivals(parts):
            self._ring.index_add_(0, slots, arrived)
            slots = (slots + 1) % self._ring.shape[0]


class _CurrentBank:
    """All currents that enter one group."""

    def __init__(self, tensors: NeuronTensors, injections: list[Injection]) -> None:
        self._tensors = tensors
        self._sources = [injection.source for injection in injections]
        self._cells = np.concatenate([injection.cells for injection in injections])
        self._owner = np.repeat(np.arange(len(injections)), [i.cells.size for i in injections])
        self._last = np.full(len(injections), np.nan)

    def prepare(self, first: int, last: int, network: Network) -> None:
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
            size = self._tensors.group.size
            current = np.bincount(self._cells, amplitude[self._owner], minlength=size)
            self._tensors.inject(current)
