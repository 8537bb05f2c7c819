"""What synapses with a model remember: their states, and spikes that are still to reach them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ship_engine.errors import InvalidValueError, UnknownNameError
from ship_engine.synapses.base import Synapse
from ship_engine.values import checked_array, checked_parameters

LAST_PRE, LAST_POST = "last_pre", "last_post"
"""Times (ms) of the latest spike of either side that reached a synapse."""


class Dynamics:
    """Parameters and states of the synapses of one projection.

    Parameters
    ----------
    model : type[Synapse]
        What each synapse computes.
    count : int
        Number of synapses.
    label : str
        Of the projection, for messages.

    Attributes
    ----------
    values : dict of str to float64 array [1] or [count]
        Parameters; one element stands for all synapses.
    states : dict of str to float64 array [count]
        By name, `last_pre` and `last_post` among them.
    initial : dict of str to float64 array [1] or [count]
        Where the states start, and return to on `reset`.
    seen : int64 [count], or [0] if no synapse is plastic
        How many spikes of its target, by their number in the target's `SpikeHistory`, each
        synapse has taken in.
    deferred : float64 [count], or [0] if no synapse is plastic
        When the latest presynaptic spike reached each (ms), if it has still to take effect on the
        synapse; else -1.
    arrived : int64 [count], or [0] if no random numbers are needed
        How many presynaptic spikes each has taken in, and in the upper 32 bits, if `on_post`
        draws, how many postsynaptic ones; random numbers are drawn by it.
    number : int64 [count] or None
        Random numbers are drawn by it too; None stands for the place of each.
    first_queued : int
        Number of the first spike in the source's `SpikeQueue` that is for these synapses; those
        before are older than them, or had gone all the way before delays were changed.
    weight : float64 [1] or [count]
        Those that were given; plasticity starts from them, and `reset` returns to them.
    """

    def __init__(
        self, model: type[Synapse], count: int, weight: NDArray[np.float64], label: str
    ) -> None:
        self.model, self.count, self.label = model, count, label
        self.values = {p.name: np.array([p.default], np.float64) for p in model.parameters}
        self.initial = {s.name: np.array([s.initial], np.float64) for s in model.states}
        self.states = {name: np.full(count, value[0]) for name, value in self.initial.items()}
        for name in (LAST_PRE, LAST_POST):
            self.states[name] = np.zeros(count)
        self.seen = np.zeros(count if model.plastic() else 0, np.int64)
        self.deferred = np.full(self.seen.size, -1.0)
        self.arrived = np.zeros(count if model.draws() else 0, np.int64)
        self.number: NDArray[np.int64] | None = None
        self.first_queued = 0
        self.weight = weight.copy()

    def set(self, **parameters: ArrayLike) -> None:
        """Set parameters, each to one value for all or one for each synapse.

        Raises
        ------
        UnknownNameError
            If the model has no parameter of that name.
        InvalidValueError
            If a value is not finite, out of range, or of the wrong shape.  Nothing is changed.
        """
        given = checked_parameters(self.model, parameters, self.count, self.label)
        checked = {name: array.copy() for name, array in given.items()}
        self._refuse_crossed_limits(checked)
        self.values |= checked

    def _refuse_crossed_limits(self, checked: Mapping[str, NDArray[np.float64]]) -> None:
        values = self.values | dict(checked)
        if not {"w_min", "w_max"} <= set(values):
            return
        crossed = values["w_min"] > values["w_max"]
        if crossed.any():
            k = int(np.argmax(crossed))
            low, high = (np.broadcast_to(values[n], crossed.shape)[k] for n in ("w_min", "w_max"))
            raise InvalidValueError(
                f"w_min = {low:g} is more than w_max = {high:g} in '{self.label}'."
            )

    def get(self, name: str) -> NDArray[np.float64]:
        """A parameter or state of every synapse, shape [count]."""
        found = self.values.get(name, self.states.get(name))
        if found is None:
            known = [*self.values, *self.initial]
            raise UnknownNameError(
                f"{self.model.name} has no parameter or state '{name}'; it has {', '.join(known)}."
            )
        return np.broadcast_to(found, (self.count,))

    def initialize(self, state: str, value: ArrayLike) -> None:
        """Set a state now, and where it starts after every reset.

        Raises
        ------
        UnknownNameError
            If the model has no such state.
        InvalidValueError
            If the value is not finite or of the wrong shape.
        """
        if state not in self.initial:
            raise UnknownNameError(
                f"{self.model.name} has no state '{state}'; it has {', '.join(self.initial)}."
            )
        array = checked_array(state, value, self.count, self.label).copy()
        if not np.isfinite(array).all():
            raise InvalidValueError(
                f"The initial value {array[~np.isfinite(array)][0]} of {state} in "
                f"'{self.label}' is not finite."
            )
        self.initial[state] = array
        self.states[state][:] = array

    def reset(self) -> None:
        """Back to the initial states; nothing has reached the synapses."""
        for name, values in self.states.items():
            values[:] = self.initial.get(name, 0.0)
        self.seen[:] = 0
        self.arrived[:] = 0
        self.first_queued = 0
        self.deferred[:] = -1.0


class SpikeHistory:
    """Spikes of each component of a group that some plastic synapse has still to take in.

    Attributes
    ----------
    times : float64 [size, capacity]
        Times (ms) of each component's latest spikes, ascending.
    count : int64 [size]
        How many of them there are.
    """

    def __init__(self, size: int) -> None:
        self.times = np.zeros((size, 16))
        self.count = np.zeros(size, np.int64)

    @property
    def capacity(self) -> int:
        """Spikes of one component that there is room for."""
        return int(self.times.shape[1])

    def reserve(self, capacity: int) -> None:
        """Make room for so many spikes of each component."""
        if capacity > self.capacity:
            times = np.zeros((self.times.shape[0], capacity))
            times[:, : self.capacity] = self.times
            self.times = times

    def drop(self, number: NDArray[np.int64]) -> None:
        """Forget the first spikes of each component; what counts them has to follow."""
        for cell in np.flatnonzero(number):
            first, last = int(number[cell]), int(self.count[cell])
            self.times[cell, : last - first] = self.times[cell, first:last]
        self.count -= number

    def add(self, cells: NDArray[np.integer], times: NDArray[np.float64]) -> None:
        """Note one more spike of each of these components."""
        if cells.size:
            self.reserve(int(self.count[cells].max()) + 1)
            self.times[cells, self.count[cells]] = times
            self.count[cells] += 1

    def clear(self) -> None:
        """Forget everything."""
        self.count[:] = 0


class SpikeQueue:
    """Spikes of a group that are still on their way along axons to synapses with a model.

    Attributes
    ----------
    step : int64 [count or more]
        The step in which each was emitted, ascending.
    index : int32 [count or more]
        Who emitted it.
    offset : float64 [count or more]
        Time in ms from the start of that step.
    count : int
        How many there are.
    forgotten : int
        How many there were before them.
    """

    def __init__(self) -> None:
        self.count = self.forgotten = 0
        self.index = np.empty(0, np.int32)
        self.step = np.empty(0, np.int64)
        self.offset = np.empty(0, np.float64)

    def reserve(self, capacity: int) -> None:
        """Make room for so many spikes in all."""
        if capacity > self.step.size:
            for name in ("index", "step", "offset"):
                old = getattr(self, name)
                new = np.empty(capacity, old.dtype)
                new[: self.count] = old[: self.count]
                setattr(self, name, new)

    def add(self, index: NDArray[Any], step: int, offset: NDArray[np.float64]) -> None:
        """Note the spikes of one more step."""
        if self.count + index.size > self.step.size:
            self.reserve(2 * (self.count + index.size))
        part = slice(self.count, self.count + index.size)
        self.index[part], self.step[part], self.offset[part] = index, step, offset
        self.count = part.stop

    def first_after(self, step: int, number: int) -> int:
        """Position of the first spike emitted after a step, and not before the one of a number."""
        position = int(np.searchsorted(self.step[: self.count], step, side="right"))
        return max(position, number - self.forgotten)

    def forget_before(self, step: int) -> None:
        """Drop the spikes that were emitted before a step."""
        first = int(np.searchsorted(self.step[: self.count], step))
        for name in ("index", "step", "offset"):
            values = getattr(self, name)
            values[: self.count - first] = values[first : self.count].copy()
        self.count -= first
        self.forgotten += first

    def clear(self) -> None:
        """Forget everything."""
        self.count = self.forgotten = 0
