"""A group of neurons in tensors, and one time step of it.

The step is that of the compiled kernel (`ship_engine.lowering.kernel_source`) for all cells at
once: every cell advances by a whole step; those that spike, or whose refractory period ends
inside the step, are redone together from the start of the step, through its parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ship_engine.executors.torch_models import ModelFunctions, Values, chosen, taken
from ship_engine.executors.torch_settling import Settling

if TYPE_CHECKING:
    from ship_engine.event_network import EventNetwork
    from ship_engine.groups import NeuronGroup


class Spikes(NamedTuple):
    """Which cells spiked in a step, and how many ms after its start."""

    cells: Tensor
    offsets: Tensor


class NeuronTensors:
    """A group of neurons, copied from its arrays and, on `store`, back to them.

    Parameters
    ----------
    group : NeuronGroup
        The group.
    network : EventNetwork
        The network that it belongs to.
    like : Tensor
        Says the device and the type of numbers.

    Attributes
    ----------
    states : dict of str to Tensor [size]
        By name.
    refractory, current : Tensor [size]
        As in the group.
    ring : Tensor [ports, slots, size]
        As in the group's ring buffer.
    inside : Tensor [slots, size, ports, 2, 2] or None
        As in the group's ring buffer.
    failed : bool
        Whether a cell reached its threshold with a state that is not finite.
    """

    def __init__(self, group: NeuronGroup, network: EventNetwork, like: Tensor) -> None:
        self.group, self._model = group, group.model
        self._dt, self._instant = network.clock.dt, network.clock.instant
        self.failed = False
        self._functions = ModelFunctions(group.model)
        self._settling = Settling(group, network, self._functions)
        self._divisions = group.model.divisions(self._dt)
        self._parameters = {name: _copy(value, like) for name, value in group.values.items()}
        self._part = like.new_tensor(self._dt / self._divisions)
        coefficients = self._functions.coefficients(self._parameters, self._part)
        self._values = self._parameters | coefficients
        self.states = {name: _copy(group[name], like) for name in self._functions.states}
        self.refractory = _copy(group.refractory, like)
        self.current = _copy(group.current, like)
        self.ring = _copy(group.ring.data[:, :, : group.size], like)
        inside = group.ring.inside
        self.inside = None if inside is None else _copy(inside[:, : group.size], like)

    def store(self) -> None:
        """Write everything back into the group's arrays."""
        group = self.group
        for name, values in self.states.items():
            group[name][:] = values.cpu().numpy()
        group.refractory[:] = self.refractory.cpu().numpy()
        group.current[:] = self.current.cpu().numpy()
        group.ring.data[:, :, : group.size] = self.ring.cpu().numpy()
        if self.inside is not None:
            inside = self.inside.cpu().numpy()
            assert group.ring.inside is not None
            assert group.ring.due is not None
            group.ring.inside[:, : group.size] = inside
            group.ring.due[:, : group.size] = inside.any((2, 3, 4))

    def inject(self, current: np.ndarray) -> None:
        """Set the injected current of every cell."""
        self.current = _copy(current, self.current)

    def flush(self, negligible: float) -> None:
        """Set states to zero that are too small to matter: denormal numbers are slow."""
        for values in self.states.values():
            values[values.abs() < negligible] = 0.0

    def received(self, state: str, step: int) -> Tensor:
        """A state with what its ports receive at a step; deaf while the state is held."""
        values, slot = self.states[state], step % self.ring.shape[1]
        for port, ring in zip(self._model.ports, self.ring, strict=True):
            if port.state == state:
                arriving = ring[slot] * self._values[port.gain] if port.gain else ring[slot]
                if state in self._model.held:
                    arriving = torch.where(self.refractory > self._instant, 0.0, arriving)
                values = values + arriving
        return values

    def step(self, step: int) -> Spikes:
        """Take the input of a step and advance through it."""
        states = {name: self.received(name, step) for name in self.states}
        self.ring[:, step % self.ring.shape[1]] = 0.0
        values = self._values | {"i_inj": self.current}
        left = self.refractory
        held = left > self._dt - self._instant
        new, worst = states, self._functions.alarm(states, values)
        for k in range(self._divisions):
            new = self._functions.advance(new, values, torch.where(held, 0.0, 1.0))
            above = self._functions.alarm(new, values)
            if worst is not None and above is not None:
                # A comparison with NaN is false, so that NaN is kept.
                worst = torch.where(worst > above, worst, above) if k else above
        if worst is None:
            self.states = chosen(torch.ones_like(held), new, states)
            return self._no_spikes()
        quiet = worst < 0.0
        if self._model.jumps():
            start = self._functions.threshold(states, values)
            assert start is not None
            quiet &= start < 0.0
        long = self._functions.overloaded(states, values, self._part)
        if long is not None:
            quiet &= ~long
        redo, arriving = ~held & ((left > self._instant) | ~quiet), None
        if self.inside is not None:
            arriving = self.inside[step % self.inside.shape[0]]
            redo = redo | (arriving != 0.0).flatten(1).any(1)
        self.states = chosen(~redo, self._free(new, states, held), states)
        passed = (left - self._dt).clamp(min=0.0)
        self.refractory = torch.where(held & ~redo, passed, left)
        cells = redo.nonzero().flatten()
        if not cells.numel():
            return self._no_spikes()
        if arriving is None:
            return self._settle(cells, None)
        spikes = self._settle(cells, arriving[cells])
        arriving.zero_()
        return spikes

    def _no_spikes(self) -> Spikes:
        return Spikes(self.current.new_empty(0, dtype=torch.int64), self.current.new_empty(0))

    def _free(self, new: Values, old: Values, held: Tensor) -> Values:
        """New states, but old ones of cells whose refractory period holds them."""
        names = self._model.held
        return new | chosen(~held, {n: new[n] for n in names}, {n: old[n] for n in names})

    def _settle(self, cells: Tensor, arriving: Tensor | None) -> Spikes:
        """Advance the flagged cells through the parts of their step."""
        states = {name: values[cells] for name, values in self.states.items()}
        values = taken(self._parameters, cells)
        values["i_inj"] = self.current[cells]
        left = self.refractory[cells]
        if arriving is None:
            settled = self._settling.run(cells, states, values, left)
        else:
            settled = self._settling.run_timed(cells, states, values, left, arriving)
        self.failed = settled.failed
        for name, state in settled.states.items():
            self.states[name][cells] = state
        self.refractory[cells] = settled.left
        return Spikes(cells[settled.hits], settled.offsets)


def _copy(array: np.ndarray, like: Tensor) -> Tensor:
    return torch.tensor(array, dtype=like.dtype, device=like.device)
