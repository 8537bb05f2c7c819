"""The members of a differentiable simulation: neurons, sources, and the paths between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ship_engine.delivery.torch_autograd import Delivery
from ship_engine.elementwise import maximum
from ship_engine.errors import NonFiniteStateError
from ship_engine.executors.torch_models import ModelFunctions, Values
from ship_engine.executors.torch_sources import emitted
from ship_engine.groups import Group, NeuronGroup
from ship_engine.random import standard_exponential
from ship_engine.training.surrogates import Surrogate

if TYPE_CHECKING:
    from ship_engine.delivery.base import Synapses
    from ship_engine.event_network import EventNetwork, Projection


class Neurons:
    """A group of neurons, its states [batch, size] replaced at every step.

    Parameters
    ----------
    group : NeuronGroup
        The group.
    dt : float
        Time step in ms.
    values : dict of str to Tensor
        Parameters and initial states; each broadcasts to [batch, size].
    current : Tensor [batch or 1, steps, size]
        What is injected, in nA.
    batch : int
        Number of repetitions.
    surrogate : Surrogate
        What gives spikes a derivative.
    keys : list of (int, int)
        Of each repetition's random numbers.

    Attributes
    ----------
    coupling : Tensor [batch, size] or 0
        Current through gap junctions in the coming step, nA.
    label : str
        Of the group.
    overloaded : bool Tensor
        Whether any step was too long for some cell's conductances, so that a run would divide it.
    spiked : bool Tensor [batch, size]
        Whether each has just spiked; all before the first step, so that nothing is continued.
    """

    def __init__(
        self,
        group: NeuronGroup,
        dt: float,
        values: Values,
        current: Tensor,
        batch: int,
        surrogate: Surrogate,
        keys: list[tuple[int, int]],
    ) -> None:
        self._group, self._model, self._surrogate = group, group.model, surrogate
        self._functions = ModelFunctions(group.model)
        self._current = current
        names = self._functions.states
        self._keys = keys
        self.states = {name: values[name].expand(batch, group.size) for name in names}
        random = self._model.random_state
        if random is not None:
            self.states[random] = self._drawn(self.states[f"{random}_count"])
        self._values = {name: value for name, value in values.items() if name not in names}
        self._divisions = group.model.divisions(dt)
        self._part = current.new_tensor(dt / self._divisions)
        self._values |= self._functions.coefficients(self._values, self._part)
        self.label = group.label
        self.overloaded = current.new_zeros((), dtype=torch.bool)
        self._pending: dict[tuple[str, int], Tensor] = {}
        self.coupling: Tensor | float = 0.0
        self.spiked = torch.ones(batch, group.size, dtype=torch.bool, device=current.device)
        # Whole steps that remain of each refractory period, and how many a new one has.
        self._left = current.new_zeros(batch, group.size, dtype=torch.int64)
        period = self._model.refractory_period
        length = self._values[period].detach() if period else current.new_zeros(1)
        self._period = (length / dt + 0.5).floor().to(torch.int64)

    def receive(self, port: str, step: int, arriving: Tensor) -> None:
        """Add to what a port receives at a coming step."""
        pending = self._pending.get((port, step))
        self._pending[port, step] = arriving if pending is None else pending + arriving

    def received(self, state: str, step: int) -> Tensor:
        """A state with what its ports receive at a step; deaf while the state is held."""
        values = self.states[state]
        for port in self._model.ports:
            pending = self._pending.get((port.name, step))
            if port.state == state and pending is not None:
                arriving = pending * self._values[port.gain] if port.gain else pending
                if state in self._model.held:
                    arriving = torch.where(self._left > 0, 0.0, arriving)
                values = values + arriving
        return values

    def step(self, step: int) -> Tensor:
        """Take the input of a step, advance through it, and return the spikes [batch, size]."""
        old = {name: self.received(name, step) for name in self.states}
        for port in self._model.ports:
            self._pending.pop((port.name, step), None)
        values = self._values | {"i_inj": self._current[:, step] + self.coupling}
        resting = self._left > 0
        new, distance = self._advanced(old, values, resting)
        if distance is not None and self._model.jumps():
            at_once = self._functions.threshold(old, values)
            assert at_once is not None
            distance = maximum(distance, at_once)
        spikes = self._current.new_zeros(self._left.shape)
        if distance is not None:
            spikes = torch.where(resting, spikes, self._surrogate(distance))
        self.spiked = spiked = spikes.detach() > 0.0
        for name, value in self._functions.reset(new, values).items():
            new[name] = torch.where(spiked, value, new[name])
        self._redraw(spiked, new)
        self.states = {name: new[name].expand(self._left.shape) for name in self.states}
        self._left = torch.where(spiked, self._period, (self._left - 1).clamp(min=0))
        return spikes

    def _advanced(
        self, states: Values, values: Values, resting: Tensor
    ) -> tuple[Values, Tensor | None]:
        """States at the end of the step, and the farthest that they came over the threshold."""
        new, distance = states, None
        free = torch.where(resting, 0.0, 1.0).to(self._current.dtype)
        for k in range(self._divisions):
            load = self._functions.overloaded(new, values, self._part)
            if load is not None:
                self.overloaded = self.overloaded | (load & ~resting).any()
            new = self._functions.advance(new, values, free)
            for name in self._model.held:
                new[name] = torch.where(resting, states[name], new[name])
            above = self._functions.threshold(new, values)
            if above is not None:
                distance = above if k == 0 or distance is None else maximum(distance, above)
        return new, distance

    def _redraw(self, spiked: Tensor, new: Values) -> None:
        """New random numbers for cells that spiked, where the model has one."""
        name = self._model.random_state
        if name is None:
            return
        new[f"{name}_count"] = torch.where(spiked, new[f"{name}_count"] + 1.0, new[f"{name}_count"])
        new[name] = torch.where(spiked, self._drawn(new[f"{name}_count"]), new[name])

    def _drawn(self, number: Tensor) -> Tensor:
        """Random numbers, given which of each cell's they are; each repetition has its own."""
        numbers = number.detach().cpu().numpy().astype(int)
        rows = [
            standard_exponential(key, np.arange(row.size), row)
            for key, row in zip(self._keys, numbers, strict=True)
        ]
        return self._current.new_tensor(np.array(rows))

    def stacked(self, spikes: list[Tensor]) -> Tensor:
        """The spikes of all steps, [batch, steps, size]."""
        if not spikes:
            return self._current.new_zeros(self._left.shape[0], 0, self._left.shape[1])
        return torch.stack(spikes, 1)

    def check(self, time: float) -> None:
        """Raise NonFiniteStateError for the first state that is not finite, if there is one."""
        for name, state in self.states.items():
            wrong = (~state.detach().isfinite()).nonzero()
            if wrong.numel():
                batch, cell = (int(k) for k in wrong[0])
                value = float(state[batch, cell].detach())
                raise NonFiniteStateError(self._group.label, name, cell, time, value)


class Emitter:
    """A source, its spikes given or drawn for the whole simulation.

    Attributes
    ----------
    spikes : Tensor [batch, steps, size]
        Of each step; they happen at its end, since they lie on the grid.
    early : Tensor [batch, size]
        Those of the first step that happen at its start, thus at time zero.
    """

    def __init__(self, spikes: Tensor, early: Tensor) -> None:
        self.spikes, self.early = spikes, early

    @classmethod
    def of(
        cls, group: Group, network: EventNetwork, steps: int, batch: int, like: Tensor
    ) -> Emitter:
        """What a source emits by itself; each repetition has random numbers of its own."""
        counts = np.zeros((batch, steps, group.size))
        early = np.zeros((batch, group.size))
        for k in range(batch):
            events = emitted(group, network, 0, steps, repetition=k)
            np.add.at(counts[k], (events.step, events.cell), 1.0)
            np.add.at(early[k], events.cell[events.offset < network.clock.instant], 1.0)
        return cls(like.new_tensor(counts), like.new_tensor(early))


class Path:
    """A projection, from the spikes of a step to what its target receives.

    Parameters
    ----------
    projection : Projection
        The projection.
    synapses : Synapses
        Its synapses, or what takes their place.
    weight : Tensor
        Their weights.
    delivery : type[Delivery]
        How spikes are delivered.
    backward : bool
        Whether the target does not come later in the stack than the source.
    """

    def __init__(
        self,
        projection: Projection,
        synapses: Synapses,
        weight: Tensor,
        delivery: type[Delivery],
        backward: bool,
    ) -> None:
        self.target, self.port = projection.target, projection.port
        self._delivery = delivery(synapses, projection.target.size, weight)
        self._undelayed, self._backward = projection.synapses.undelayed, backward

    def arrivals(
        self, spikes: Tensor, early: Tensor | None, step: int
    ) -> Iterator[tuple[int, Tensor]]:
        """Steps at which something arrives, and what: [batch, targets].

        Parameters
        ----------
        spikes : Tensor [batch, sources]
            All spikes of the step.
        early : Tensor [batch, sources], optional
            Those of them that happened at its start.
        step : int
            The step.
        """
        parts = [(step + 1, spikes)]
        if self._undelayed:
            parts = [(step + self._backward, spikes)]
        elif early is not None:
            parts = [(step, early), (step + 1, spikes - early)]
        for late, part in parts:
            arrived = self._delivery.arrivals(part).unbind(1)
            for delay, amount in zip(self._delivery.delays, arrived, strict=True):
                yield late + delay, amount
