"""Projections: the synapses from one group to a port of another."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ship_engine.delivery.base import Synapses
from ship_engine.errors import InvalidValueError, UnknownNameError
from ship_engine.groups import Group
from ship_engine.random import stream_key
from ship_engine.synapses.activity import Dynamics, SpikeHistory, SpikeQueue

if TYPE_CHECKING:
    from ship_engine.event_network import EventNetwork

PROJECTION_STREAMS = 1 << 49
"""Random streams from here on belong to projections, those below to groups and noise sources."""

ROUNDING = 1e-9
"""Of a delay in time steps."""

Pairs = tuple[NDArray[np.int32], NDArray[np.int32]]


class Projection:
    """Synapses from one group to a port of another.

    Made by `EventNetwork.connect`.

    Attributes
    ----------
    source, target : Group
        The groups that it connects.
    port : str
        Input port of the target.
    synapses : Synapses
        The connections, with weights and delays.
    dynamics : Dynamics or None
        Parameters and states of the synapses, if they have a model.
    version : int
        Grows with every change of a value, so that executors know what to refresh.
    """

    def __init__(
        self,
        network: EventNetwork,
        ends: tuple[Group, Group, str],
        synapses: Synapses,
        dynamics: Dynamics | None = None,
    ) -> None:
        self._weak_network = weakref.ref(network)
        self.source, self.target, self.port = ends
        self.synapses, self.dynamics = synapses, dynamics
        self.version = 0
        if dynamics is not None and dynamics.model.changes_weight():
            synapses.weight = _one_for_each(synapses.weight, len(synapses))
        self._keep_what_is_needed()
        self._begin_now()

    @property
    def label(self) -> str:
        """For messages."""
        return f"{self.source.label} to {self.target.label}"

    @property
    def axonal_delay(self) -> NDArray[np.float64]:
        """The part of each delay that lies before the synapse, in time steps; [1] or [synapses]."""
        if self.dynamics is None or not self.dynamics.model.plastic():
            return np.zeros(1)
        fraction = self.dynamics.values["dendritic_delay_fraction"]
        return (1.0 - fraction) * self.synapses.delay

    @property
    def axonal_steps(self) -> NDArray[np.int64]:
        """Whole time steps before each synapse, after which its spikes are due; as the delays."""
        return np.floor(self.axonal_delay + ROUNDING).astype(np.int64)

    @property
    def defers(self) -> bool:
        """Whether postsynaptic spikes of the step in which one of the source is due may precede it.

        The spike may arrive by a step after the start of that step, for its moment inside its
        own, and by what its delay has beyond whole steps.
        """
        if self.dynamics is None or not self.dynamics.model.plastic():
            return False
        axonal = self.axonal_delay
        latest = 1.0 + axonal - self.axonal_steps
        return bool((self.synapses.delay - axonal < latest - ROUNDING).any())

    @property
    def stream_key(self) -> tuple[int, int]:
        """Key of the random numbers that its synapses draw until the next reset."""
        network = self._weak_network()
        assert network is not None
        number = network.projections.index(self)
        return stream_key(network.seed, PROJECTION_STREAMS | (network.epoch << 20) | number)

    def get(self, name: str) -> NDArray[np.float64]:
        """Weight (in the unit of the port), parameter or state of every synapse at this time.

        Raises
        ------
        UnknownNameError
            If there is none of that name.
        """
        self.catch_up()
        if name == "weight":
            return np.broadcast_to(self.synapses.weight, (len(self.synapses),))
        if self.dynamics is None:
            raise UnknownNameError(f"Synapses without a model have a weight, and no '{name}'.")
        return self.dynamics.get(name)

    def set(
        self,
        weight: ArrayLike | None = None,
        delay: ArrayLike | None = None,
        **parameters: ArrayLike,
    ) -> None:
        """Change weights, delays, or parameters of the synapse model.

        Parameters
        ----------
        weight : float or array, optional
            One for all or one for each synapse, in the order of `synapses`.
        delay : int or array, optional
            In time steps, likewise.
        **parameters : float or array
            Of the model, likewise.

        Raises
        ------
        InvalidValueError
            If a value is not allowed, there are too many or too few, or spikes are on their way
            along axons of which the length would change.  Nothing is changed.
        UnknownNameError
            If the synapses have no such parameter.  Nothing is changed.
        """
        synapses = self.synapses
        weights = synapses.weight if weight is None else np.atleast_1d(np.array(weight, np.float64))
        delays = synapses.delay if delay is None else np.atleast_1d(np.array(delay, np.int32))
        for name, values in (("weights", weights), ("delays", delays)):
            if values.shape not in ((1,), (len(synapses),)):
                raise InvalidValueError(
                    f"{name} of shape {values.shape} for {len(synapses)} synapses; "
                    "give one for all or one for each."
                )
        check_values(self.source, self.target, len(synapses), weights, delays)
        if parameters and self.dynamics is None:
            unknown = next(iter(parameters))
            raise UnknownNameError(
                f"Synapses without a model have weight and delay, and no '{unknown}'."
            )
        self.refuse_to_move(delays, parameters)
        moved = self._moved(delays, parameters)
        self.catch_up()
        if self.dynamics is not None:
            self.dynamics.set(**parameters)
            if weight is not None:
                self.dynamics.weight = weights.copy()
            if self.dynamics.model.changes_weight():
                weights = _one_for_each(weights, len(synapses))
        synapses.weight, synapses.delay = weights, delays
        self._keep_what_is_needed()
        if moved:
            self._skip_queued()
        self.version += 1

    def refuse_to_move(self, delay: NDArray[np.int32], parameters: Mapping[str, ArrayLike]) -> None:
        """Refuse delays and parameters that change axons along which spikes are on their way.

        Raises
        ------
        InvalidValueError
            If they do.
        """
        if self._moved(delay, parameters) and self._under_way():
            raise InvalidValueError(
                f"{self._under_way()} spikes are on their way to synapses from '{self.label}', "
                "so neither their delays nor the fraction that is dendritic can change now; "
                "change them before a run, or after a reset."
            )

    def initialize(self, state: str, value: ArrayLike) -> None:
        """Set a state of the synapses now, and where it starts after every reset."""
        if self.dynamics is None:
            raise UnknownNameError(f"Synapses without a model have no state '{state}'.")
        self.catch_up()
        self.dynamics.initialize(state, value)

    def catch_up(self) -> None:
        """Let plastic synapses take in all spikes that have reached them."""
        network = self._weak_network()
        if network is not None and self.dynamics is not None:
            network.catch_up()

    def reset(self) -> None:
        """Back to the weights that were given, and to the initial states."""
        if self.dynamics is not None:
            self.dynamics.reset()
            self.synapses.weight[:] = self.dynamics.weight

    def _begin_now(self) -> None:
        """Leave out the spikes that groups keep from before these synapses were made."""
        history = self.target.history
        if self.dynamics is not None and self.dynamics.model.plastic() and history is not None:
            self.dynamics.seen[:] = history.count[self.synapses.target]
        self._skip_queued()

    def _skip_queued(self) -> None:
        queue = self.source.queue
        if self.dynamics is not None and queue is not None:
            self.dynamics.first_queued = queue.forgotten + queue.count

    def _moved(self, delays: NDArray[np.int32], parameters: Mapping[str, ArrayLike]) -> bool:
        """Whether new delays or parameters change the place of synapses between their cells."""
        if self.dynamics is None or not self.dynamics.model.plastic():
            return False
        name = "dendritic_delay_fraction"
        fraction = self.dynamics.values[name]
        wanted = parameters.get(name, fraction)
        return any(
            np.size(new) not in (1, len(self.synapses)) or bool((np.asarray(new) != old).any())
            for old, new in ((self.synapses.delay, delays), (fraction, wanted))
        )

    def _under_way(self) -> int:
        """Spikes that have still to reach some synapse."""
        network, queue = self._weak_network(), self.source.queue
        if network is None or queue is None or self.dynamics is None:
            return 0
        emitted = network.arrived_until - int(self.axonal_steps.max(initial=0))
        return queue.count - queue.first_after(emitted, self.dynamics.first_queued)

    def _keep_what_is_needed(self) -> None:
        """Make the groups keep the spikes that plastic synapses take in later."""
        if self.dynamics is None or not self.dynamics.model.plastic():
            return
        if self.target.history is None:
            self.target.history = SpikeHistory(self.target.size)
        if self.source.queue is None and (self.axonal_steps > 0).any():
            self.source.queue = SpikeQueue()


def _one_for_each(values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    return np.array(np.broadcast_to(values, (count,)))


def check_connections(
    source: Group, target: Group, pairs: Pairs, weight: ArrayLike, delay: ArrayLike
) -> None:
    """Refuse components that do not exist, and what `check_values` refuses."""
    for group, cells in zip((source, target), pairs, strict=True):
        if cells.size and (cells.min() < 0 or cells.max() >= group.size):
            raise InvalidValueError(
                f"Components {cells.min()} to {cells.max()} of '{group.label}', "
                f"which has components 0 to {group.size - 1}."
            )
    check_values(source, target, pairs[0].size, weight, delay)


def check_values(
    source: Group, target: Group, count: int, weight: ArrayLike, delay: ArrayLike
) -> None:
    """Refuse weights that are not finite, and delays that are negative or of two kinds."""
    weights = np.asarray(weight, np.float64)
    if not np.isfinite(weights).all():
        raise InvalidValueError(
            f"A weight of {weights[~np.isfinite(weights)].flat[0]} from '{source.label}' to "
            f"'{target.label}'; weights must be finite."
        )
    if (np.asarray(delay) < 0).any():
        raise InvalidValueError(
            f"A delay of {np.min(delay)} steps from '{source.label}' to '{target.label}'; "
            "it must be >= 0."
        )
    if count and np.min(delay) == 0 and np.max(delay) > 0:
        raise InvalidValueError(
            f"Delays of 0 and of {np.max(delay)} steps in one projection from '{source.label}' to "
            f"'{target.label}'; connect undelayed and delayed synapses separately."
        )
