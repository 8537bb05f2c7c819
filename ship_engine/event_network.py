"""Networks: groups, the projections between them, and what is injected and recorded.

A network is a description with data; an executor runs it.  Several may be alive at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ship_engine.clock import Clock
from ship_engine.currents import CurrentSource
from ship_engine.delivery.base import group_synapses
from ship_engine.errors import InvalidValueError, UnknownNameError, UnsupportedByExecutorError
from ship_engine.gap_junctions import Coupling, GapJunctions, check_stability
from ship_engine.groups import Group, NeuronGroup
from ship_engine.mistakes import mistakes_of_synapse
from ship_engine.monitors import SpikeMonitor, StateMonitor
from ship_engine.ordering import stack_order
from ship_engine.processes import (
    Communicator,
    OneProcess,
    local_synapses,
    share_of,
    synapse_numbers,
)
from ship_engine.projection import Pairs, Projection, check_connections
from ship_engine.random import stream_key
from ship_engine.synapses.activity import Dynamics
from ship_engine.synapses.base import Synapse

if TYPE_CHECKING:
    from ship_engine.executors.base import Executor
    from ship_engine.lowering.cache import KernelCache

SPIKE_PRECISIONS = ("off_grid", "on_grid")


@dataclass(eq=False)
class Injection:
    """A current that enters some components of a group."""

    source: CurrentSource
    group: NeuronGroup
    cells: NDArray[np.int32]


class EventNetwork:
    """Groups and projections, and the time that they have reached.

    Parameters
    ----------
    dt : float
        Time step in ms.
    seed : int
        Of every random number that is drawn while the network runs.
    spike_precision : {'off_grid', 'on_grid'}
        Whether a spike is stamped where it happens inside a time step, or at the step's end.
    executor : Executor, optional
        What runs the network; by default the Numba executor.
    cache : KernelCache, optional
        Compiled functions; networks may share one.
    communicator : Communicator, optional
        Of several processes that share the network; see `ship_engine.processes`.

    Attributes
    ----------
    step : int
        Time steps since the start.
    epoch : int
        How often the network was reset; each epoch has random numbers of its own.
    arrived_until : int
        Step until which spikes have gone along their axons to synapses with a model.
    structure : int
        Grows whenever something is added, so that executors know what to bind anew.
    """

    def __init__(
        self,
        dt: float = 0.1,
        seed: int = 0,
        spike_precision: str = "off_grid",
        executor: Executor | None = None,
        cache: KernelCache | None = None,
        communicator: Communicator | None = None,
    ) -> None:
        if not (np.isfinite(dt) and dt > 0.0):
            raise InvalidValueError(f"A time step of {dt} ms; it must be > 0, such as 0.1.")
        if spike_precision not in SPIKE_PRECISIONS:
            raise InvalidValueError(
                f"spike_precision = {spike_precision!r}; give 'off_grid' or 'on_grid'."
            )
        if cache is None:
            from ship_engine.lowering.cache import KernelCache

            cache = KernelCache()
        if executor is None:
            from ship_engine.executors.numba_cpu import NumbaExecutor

            executor = NumbaExecutor(cache)
        self.clock = Clock(dt)
        self.seed, self.on_grid = int(seed), spike_precision == "on_grid"
        self.executor, self.cache = executor, cache
        self.communicator = OneProcess() if communicator is None else communicator
        if self.communicator.size > 1 and not executor.distributes:
            raise UnsupportedByExecutorError(
                f"{self.communicator.size} processes and the executor '{executor.name}', which "
                "runs a network in one; use the executor 'numba', or one process."
            )
        self.groups: list[Group] = []
        self.projections: list[Projection] = []
        self.gap_junctions: list[GapJunctions] = []
        self.injections: list[Injection] = []
        self.spike_monitors: dict[Group, SpikeMonitor] = {}
        self.state_monitors: list[StateMonitor] = []
        self.step, self.epoch, self.structure = 0, 0, 0
        self.arrived_until = -1

    @property
    def time(self) -> float:
        """Current time in ms."""
        return float(self.clock.time(self.step))

    def add(self, group: Group) -> Group:
        """Add a group; returns it.

        Raises
        ------
        UnsupportedByExecutorError
            If its model can be run only by the networks of `ship_engine.platform`.
        """
        if group.model.needs_platform():
            raise UnsupportedByExecutorError(
                f"'{group.label}': the model {group.model.name} reads `input`, hands on an "
                "`output`, or has a wrapper, which event-driven networks do not know; add it to a "
                "`ship_engine.Network`, or give it ports."
            )
        communicator = self.communicator
        group.share = share_of(group.size, len(self.groups), communicator.rank, communicator.size)
        self.groups.append(group)
        if group.model.jumps() and not self.on_grid:
            group.ring.keep_moments()
        self._draw(group)
        self.structure += 1
        return group

    def _draw(self, group: Group) -> None:
        """Give a group of neurons the random numbers of this epoch."""
        if isinstance(group, NeuronGroup):
            group.draw(self.key_of(group))

    def key_of(self, group: Group, repetition: int = 0) -> tuple[int, int]:
        """The key of a group's random numbers in this epoch, or a later one."""
        stream = ((self.epoch + repetition) << 32) | self.groups.index(group)
        return stream_key(self.seed, stream)

    def connect(
        self,
        source: Group,
        target: Group,
        port: str,
        pairs: Pairs,
        weight: ArrayLike = 1.0,
        delay: ArrayLike = 1,
        model: type[Synapse] | None = None,
        parameters: Mapping[str, ArrayLike] | None = None,
    ) -> Projection:
        """Connect components of two groups.

        Parameters
        ----------
        source, target : Group
            Groups of this network.
        port : str
            Input port of the target.
        pairs : (int32 array, int32 array)
            Source and target component of each synapse; repeats are synapses of their own.
        weight : float or array
            In the unit of the port.
        delay : int or array
            In time steps; zero acts within the step.
        model : type[Synapse], optional
            What synapses compute; by default they multiply spikes by their weight.
        parameters : mapping, optional
            Of the model: values by name, each one for all or one for each synapse.

        Raises
        ------
        UnknownNameError
            If the target has no such port, the model no such parameter, or a group is not of this
            network.
        InvalidValueError
            If a weight is not finite, a delay negative, a parameter out of range, a component
            does not exist, or the model is not complete.
        """
        self._require(source, target)
        mistake = next(mistakes_of_synapse(model), None) if model is not None else None
        if model is not None and mistake is not None:
            raise InvalidValueError(f"{model.name or model.__name__}: {mistake}")
        ports = [p.name for p in target.model.ports]
        if port not in ports:
            raise UnknownNameError(
                f"'{target.label}' ({target.model.name}) has no port '{port}'; "
                f"it has {', '.join(ports) or 'none'}."
            )
        check_connections(source, target, pairs, weight, delay)
        given = dict(parameters or {})
        if self.communicator.size > 1:
            pairs, (weight, delay), given = local_synapses(target, pairs, (weight, delay), given)
        if given and model is None:
            raise UnknownNameError(f"Synapses without a model have no '{next(iter(given))}'.")
        synapses, values = group_synapses(self.cache, source.size, *pairs, weight, delay, given)
        dynamics = None
        if model is not None:
            label = f"{source.label} to {target.label}"
            dynamics = Dynamics(model, len(synapses), synapses.weight, label)
            dynamics.set(**values)
        projection = Projection(self, (source, target, port), synapses, dynamics)
        self.projections.append(projection)
        if dynamics is not None and dynamics.model.draws() and self.communicator.size > 1:
            dynamics.number = synapse_numbers(self, projection)
        self.structure += 1
        return projection

    def _require(self, *groups: Group) -> None:
        for group in groups:
            if group not in self.groups:
                raise UnknownNameError(f"'{group.label}' is not a group of this network; add it.")

    def couple(
        self, source: NeuronGroup, target: NeuronGroup, pairs: Pairs, conductance: ArrayLike
    ) -> GapJunctions:
        """Connect components by gap junctions; see `GapJunctions`.

        Parameters
        ----------
        source, target : NeuronGroup
            Groups of this network whose models have a state ``v`` and take a current.
        pairs : (int32 array, int32 array)
            The two components of each junction; current flows both ways.
        conductance : float or array
            In uS, one for all or one for each.

        Raises
        ------
        UnknownNameError
            If a group is not of this network.
        InvalidValueError
            If a group has no potential or takes no current, a component does not exist, or a
            conductance is negative or not finite.
        """
        self._require(source, target)
        if self.communicator.size > 1:
            raise InvalidValueError(
                f"Gap junctions between '{source.label}' and '{target.label}' in a network that "
                "several processes share; they need every potential in every time step. Run it in "
                "one process."
            )
        for group in (source, target):
            states = [state.name for state in group.model.states]
            if "v" not in states or not group.model.takes_current():
                raise InvalidValueError(
                    f"'{group.label}' ({group.model.name}) has no membrane that a gap junction "
                    "could reach; connect groups with a state v that take a current."
                )
        check_connections(source, target, pairs, 0.0, 1)
        junctions = GapJunctions(source, target, pairs, conductance)
        for group in (source, target):
            if group.coupling is None:
                group.coupling = Coupling(group.size)
        self.gap_junctions.append(junctions)
        self.structure += 1
        return junctions

    def inject(self, source: CurrentSource, group: NeuronGroup, cells: NDArray[np.integer]) -> None:
        """Inject a current into some components of a group.

        Raises
        ------
        InvalidValueError
            If the group's model takes no current.
        """
        if not group.model.takes_current():
            raise InvalidValueError(
                f"'{group.label}' ({group.model.name}) takes no injected current."
            )
        self.injections.append(Injection(source, group, np.asarray(cells, np.int32)))
        self.structure += 1

    def record_spikes(self, group: Group, cells: NDArray[np.integer] | slice) -> SpikeMonitor:
        """Record the spikes of these components from now on; one monitor serves a group."""
        monitor = self.spike_monitors.setdefault(group, SpikeMonitor(group))
        monitor.add(cells)
        self.structure += 1
        return monitor

    def record_state(
        self,
        group: NeuronGroup,
        state: str,
        cells: NDArray[np.integer],
        interval: int = 1,
        first: int | None = None,
    ) -> StateMonitor:
        """Sample a state of these components every `interval` steps from step `first` on.

        The first sample is taken now if nothing else is said.
        """
        group[state]
        phase = self.step if first is None else first
        monitor = StateMonitor(group, state, cells, interval, phase)
        self.state_monitors.append(monitor)
        self.structure += 1
        return monitor

    def stop_recording(self, monitor: SpikeMonitor | StateMonitor) -> None:
        """Record no longer with this monitor; what it holds stays in it."""
        if isinstance(monitor, SpikeMonitor):
            self.spike_monitors.pop(monitor.group, None)
        elif monitor in self.state_monitors:
            self.state_monitors.remove(monitor)
        self.structure += 1

    def stack(self) -> list[Group]:
        """The groups in the order in which a step advances them.

        Only undelayed projections ask for an order; behind a ring buffer any order is the same.
        """
        number = {group: k for k, group in enumerate(self.groups)}
        edges = [
            (number[p.source], number[p.target], 0.0)
            for p in self.projections
            if p.synapses.undelayed
        ]
        return [self.groups[k] for k in stack_order(len(self.groups), edges)]

    def run(self, steps: int, progress: Callable[[int], None] | None = None) -> None:
        """Advance by a number of time steps.

        Parameters
        ----------
        steps : int
            How many.
        progress : callable, optional
            Called now and then with the number of steps done since the last call.

        Raises
        ------
        NonFiniteStateError
            If a state became NaN or infinite; the network stays at the step where it was found.
        InvalidValueError
            If the conductances of gap junctions are too large for the time step.
        """
        if steps < 0:
            raise InvalidValueError(f"A run of {steps} steps; time only goes forward.")
        check_stability(self.gap_junctions, self.clock.dt)
        self.executor.run(self, steps, progress)

    def catch_up(self) -> None:
        """Let plastic synapses take in all spikes that have reached them."""
        if any(p.dynamics is not None and p.dynamics.model.plastic() for p in self.projections):
            self.executor.catch_up(self)

    def reset(self) -> None:
        """Back to time zero, the initial states, and the weights that were given.

        Recorded data are forgotten.
        """
        self.step, self.arrived_until = 0, -1
        self.epoch += 1
        for group in self.groups:
            group.reset()
            self._draw(group)
        for projection in self.projections:
            projection.reset()
        for spikes in self.spike_monitors.values():
            spikes.clear()
        for samples in self.state_monitors:
            samples.clear()
        self.structure += 1
