"""What an executor is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ship_engine.errors import NonFiniteStateError
from ship_engine.groups import Group, NeuronGroup

if TYPE_CHECKING:
    from ship_engine.event_network import EventNetwork


class Executor(ABC):
    """Runs networks.

    Whatever the executor, a run is the same sequence: for each time step the injected currents
    are set, samples are taken, and the stack is gone through in its order; each group takes its
    input and advances, and its spikes are delivered (`ship_engine.delivery.base` says how).
    """

    name: ClassVar[str]
    """How the user chooses it."""
    distributes: ClassVar[bool] = False
    """Whether several processes may share a network."""

    @abstractmethod
    def run(
        self, network: EventNetwork, steps: int, progress: Callable[[int], None] | None = None
    ) -> None:
        """Advance a network by a number of time steps; see `EventNetwork.run`."""

    @abstractmethod
    def catch_up(self, network: EventNetwork) -> None:
        """Let plastic synapses take in all spikes that have reached them."""


def first_non_finite(group: Group, time: float) -> NonFiniteStateError | None:
    """The error for the first state of a group that is not finite, if there is one."""
    if not isinstance(group, NeuronGroup):
        return None
    finite = np.isfinite(group.states)
    if finite.all():
        return None
    row, cell = np.argwhere(~finite)[0]
    state = group.model.states[row].name
    return NonFiniteStateError(group.label, state, int(cell), time, float(group.states[row, cell]))
