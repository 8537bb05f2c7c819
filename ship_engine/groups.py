"""Groups: any number of components of one model, with their parameters, states and inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ship_engine.errors import InvalidValueError, UnknownNameError
from ship_engine.memory import aligned_rows, row_width
from ship_engine.models.base import Model, Source
from ship_engine.models.sources import SpikeSourceArray
from ship_engine.random import standard_exponential
from ship_engine.values import checked_array, checked_parameters

if TYPE_CHECKING:
    import torch

    from ship_engine.gap_junctions import Coupling
    from ship_engine.synapses.activity import SpikeHistory, SpikeQueue

Selection = slice | NDArray[np.intp] | None


class Group:
    """Components of one model.

    Parameters
    ----------
    model : type[Model] or type[Source]
        What each component computes.
    size : int
        Number of components.
    label : str
        For messages.
    parameters : mapping
        Values by name, each a number or an array of `size`; the rest have their defaults.

    Attributes
    ----------
    values : dict of str to float64 array [1] or [size]
        Parameters; one element stands for all components.
    version : int
        Grows with every change of a parameter, so that executors know what to refresh.
    share : slice
        The components that this process computes; all, if it is the only one.
    told : int
        The version that all processes know.
    history : SpikeHistory or None
        Spikes that plastic synapses onto these components have still to take in.
    queue : SpikeQueue or None
        Spikes of these components that are on their way to plastic synapses.
    """

    def __init__(
        self,
        model: type[Model] | type[Source],
        size: int,
        label: str = "",
        parameters: Mapping[str, ArrayLike] | None = None,
    ) -> None:
        if size < 1:
            raise InvalidValueError(f"A group of {size} components; give at least 1.")
        self.model, self.size, self.label = model, int(size), label or model.name
        self.values = {p.name: np.array([p.default], np.float64) for p in model.parameters}
        self.version, self.told = 0, -1
        self.share = slice(0, self.size)
        self.ring = RingBuffer(len(model.ports), self.size)
        self.history: SpikeHistory | None = None
        self.queue: SpikeQueue | None = None
        self.set(None, **(parameters or {}))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.model.name}, {self.size}, label={self.label!r})"

    def set(self, selection: Selection = None, **parameters: ArrayLike) -> None:
        """Set parameters of all components or of some.

        Parameters
        ----------
        selection : slice or integer array, optional
            Which components; all by default.
        **parameters : float or array
            One value, or one for each selected component.

        Raises
        ------
        UnknownNameError
            If the model has no parameter of that name.
        InvalidValueError
            If a value is not finite, out of range, or of the wrong shape.  Nothing is changed.
        """
        count = self.size if selection is None else np.arange(self.size)[selection].size
        checked = checked_parameters(self.model, parameters, count, self.label)
        for name, array in checked.items():
            self.values[name] = _merged(self.values[name], array, selection, self.size)
        self.version += 1

    def get(self, name: str) -> NDArray[np.float64]:
        """A parameter of every component, shape [size]."""
        if name not in self.values:
            raise UnknownNameError(
                f"{self.model.name} has no parameter '{name}'; it has {', '.join(self.values)}."
            )
        return np.broadcast_to(self.values[name], (self.size,))

    def port_index(self, name: str) -> int:
        """Which of the model's ports has this name."""
        return [port.name for port in self.model.ports].index(name)

    @property
    def sequences(self) -> Mapping[str, list[NDArray[np.float64]]]:
        """Parameters of which each component has an array, [size] each."""
        return {}

    def reset(self) -> None:
        """Back to the initial states, without pending input."""
        self.ring.clear()
        for kept in (self.history, self.queue):
            if kept is not None:
                kept.clear()


class NeuronGroup(Group):
    """Components that integrate equations.

    Attributes
    ----------
    states : float64 [states, size]
        The rows are the model's states, in its order.
    refractory : float64 [size]
        What remains of each refractory period, in ms.
    current : float64 [size]
        The current (nA) that is injected at present.
    initial : float64 [states, size]
        Where the states start, and return to on `reset`.
    coupling : Coupling or None
        What gap junctions know of the components.
    key : (int, int)
        Of the random numbers that the model draws.
    """

    model: type[Model]

    def __init__(
        self,
        model: type[Model],
        size: int,
        label: str = "",
        parameters: Mapping[str, ArrayLike] | None = None,
    ) -> None:
        super().__init__(model, size, label, parameters)
        rows = aligned_rows(len(model.states) + 2, self.size)
        self.states, self.refractory, self.current = rows[:-2], rows[-2], rows[-1]
        for row, state in zip(self.states, model.states, strict=True):
            row[:] = state.initial
        self.initial = self.states.copy()
        self.coupling: Coupling | None = None
        self.key = (0, 0)

    def __getitem__(self, state: str) -> NDArray[np.float64]:
        """The row of a state: a view, [size]."""
        return self.states[self._row(state)]

    def tensor(self, state: str) -> torch.Tensor:
        """The row of a state as a torch tensor on the same memory, [batch = 1, size]."""
        import torch

        return torch.from_numpy(self[state])[None, :]

    def initialize(self, state: str, value: ArrayLike, selection: Selection = None) -> None:
        """Set a state now, and where it starts after every reset.

        Raises
        ------
        UnknownNameError
            If the model has no such state.
        InvalidValueError
            If the value is not finite or of the wrong shape.
        """
        row = self._row(state)
        chosen = slice(None) if selection is None else selection
        array = checked_array(state, value, self.states[row, chosen].size, self.label)
        if not np.isfinite(array).all():
            raise InvalidValueError(
                f"The initial value {array[~np.isfinite(array)][0]} of {state} in "
                f"'{self.label}' is not finite."
            )
        self.states[row, chosen] = array
        self.initial[row, chosen] = array

    def reset(self) -> None:
        super().reset()
        self.states[:] = self.initial
        self.refractory[:] = 0.0
        self.current[:] = 0.0
        if self.coupling is not None:
            self.coupling.clear()

    def draw(self, key: tuple[int, int]) -> None:
        """Draw the random numbers that the model starts with, and all later ones, under a key."""
        self.key = key
        if self.model.random_state is not None:
            values = self.initial_draw(key)
            self.initialize(self.model.random_state, values)

    def initial_draw(self, key: tuple[int, int]) -> NDArray[np.float64]:
        """The random number that each component starts with under a key."""
        return standard_exponential(key, np.arange(self.size), 0)

    def _row(self, state: str) -> int:
        names = [s.name for s in self.model.states]
        if state not in names:
            raise UnknownNameError(
                f"{self.model.name} has no state '{state}'; it has {', '.join(names)}."
            )
        return names.index(state)


class SpikeArrayGroup(Group):
    """Components that emit spikes at given times.

    Attributes
    ----------
    times : list of float64 arrays
        The spike times of each component in ms, ascending.
    """

    def __init__(self, size: int, label: str = "") -> None:
        super().__init__(SpikeSourceArray, size, label)
        self.times: list[NDArray[np.float64]] = [np.empty(0)] * size

    @property
    def sequences(self) -> Mapping[str, list[NDArray[np.float64]]]:
        return {"spike_times": self.times}

    def set(self, selection: Selection = None, **parameters: Any) -> None:
        """Set `spike_times`, the only parameter; see `set_spike_times`."""
        numbers = dict(parameters)
        times = numbers.pop("spike_times", None)
        super().set(selection, **numbers)
        if times is not None:
            self.set_spike_times(times, selection)

    def set_spike_times(
        self, times: list[NDArray[np.float64]], selection: Selection = None
    ) -> None:
        """Give each selected component its spike times (ms).

        Raises
        ------
        InvalidValueError
            If there are more or fewer arrays than components, or times are not finite,
            negative, or not ascending.  Nothing is changed.
        """
        chosen = np.arange(self.size) if selection is None else np.arange(self.size)[selection]
        if len(times) != chosen.size:
            raise InvalidValueError(
                f"{len(times)} lists of spike times for {chosen.size} components of "
                f"'{self.label}'; give one list for each."
            )
        arrays = [np.asarray(t, np.float64).reshape(-1) for t in times]
        for cell, array in zip(chosen, arrays, strict=True):
            if not np.isfinite(array).all() or (array < 0.0).any():
                raise InvalidValueError(
                    f"Spike times of component {cell} of '{self.label}' must be finite and "
                    f">= 0 ms; they reach from {array.min()} to {array.max()}."
                )
            if (np.diff(array) < 0.0).any():
                raise InvalidValueError(
                    f"Spike times of component {cell} of '{self.label}' must be in ascending "
                    "order; sort them."
                )
        for cell, array in zip(chosen, arrays, strict=True):
            self.times[cell] = array
        self.version += 1


def make_group(model: type[Model] | type[Source], size: int, label: str = "") -> Group:
    """The group that a model needs, with default parameters."""
    if issubclass(model, Model):
        return NeuronGroup(model, size, label)
    if model is SpikeSourceArray:
        return SpikeArrayGroup(size, label)
    # That module builds on this one.
    from ship_engine.sources.renewal import RENEWAL_GROUPS

    return RENEWAL_GROUPS[model](size, label)


class RingBuffer:
    """Input that is still to come, for each port, time step and component.

    Attributes
    ----------
    data : float64 [ports, slots, width]
        What arrives at step k lies in slot ``k % slots``; rows are `width` apart and aligned.
    inside : float64 [slots, width, ports, 2, 2] or None
        What arrives after the start of a step and before its end, if that is kept: the sum of
        positive amounts and that of amounts times their ms after the start, then those of negative
        amounts.
    due : uint8 [slots, width] or None
        Whether there is any of that.
    """

    def __init__(self, ports: int, size: int) -> None:
        self.ports, self.size, self.width = ports, size, row_width(size)
        self.data = self._allocate(2)
        self.inside: NDArray[np.float64] | None = None
        self.due: NDArray[np.uint8] | None = None

    @property
    def slots(self) -> int:
        """Time steps that the buffer holds."""
        return int(self.data.shape[1])

    def reserve(self, slots: int, step: int) -> None:
        """Make room for at least `slots` steps, keeping what is pending at `step`."""
        if slots <= self.slots:
            return
        old, inside, due, count = self.data, self.inside, self.due, self.slots
        self.data = self._allocate(slots)
        pending = (step + np.arange(count)) % slots, (step + np.arange(count)) % count
        self.data[:, pending[0]] = old[:, pending[1]]
        if inside is not None and due is not None:
            self.inside, self.due = self._allocate_inside()
            self.inside[pending[0]] = inside[pending[1]]
            self.due[pending[0]] = due[pending[1]]

    def keep_moments(self) -> None:
        """From now on keep what arrives inside steps apart."""
        if self.inside is None:
            self.inside, self.due = self._allocate_inside()

    def clear(self) -> None:
        """Forget all pending input."""
        self.data[:] = 0.0
        if self.inside is not None and self.due is not None:
            self.inside[:] = 0.0
            self.due[:] = 0

    def _allocate(self, slots: int) -> NDArray[np.float64]:
        rows = self.ports * slots
        block = aligned_rows(rows, self.width) if rows else np.zeros((0, self.width))
        return block.reshape(self.ports, slots, self.width)

    def _allocate_inside(self) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        cells, length = self.slots * self.width, 4 * self.ports
        raw = np.zeros(cells * length + length)
        # With two ports, what arrives at a cell has a cache line of its own.
        shift = (-raw.ctypes.data // 8) % length
        inside = raw[shift : shift + cells * length]
        due = np.zeros((self.slots, self.width), np.uint8)
        return inside.reshape(self.slots, self.width, self.ports, 2, 2), due


def _merged(
    old: NDArray[np.float64], new: NDArray[np.float64], selection: Selection, size: int
) -> NDArray[np.float64]:
    """Parameter values after a change of some; collapsed if they are all the same."""
    if selection is not None:
        full = np.array(np.broadcast_to(old, (size,)))
        full[selection] = new
        new = full
    return new[:1].copy() if (new == new[0]).all() else new.copy()
