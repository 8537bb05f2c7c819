"""Synapses with a model in tensors, and the spikes that plastic ones have still to take in.

This is the kernel of `ship_engine.lowering.synapse_source` for many synapses at once.  Events of
one synapse are taken one after the other, in the order of the moments at which they reach it;
those of different synapses side by side, as far as each has one.  Times are float64 whatever the
type of the states, and random numbers are the kernel's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ship_engine.models.base import argument_names
from ship_engine.random import philox, unit
from ship_engine.synapses.activity import LAST_POST, LAST_PRE
from ship_engine.synapses.base import UNIFORMS, draws

if TYPE_CHECKING:
    from ship_engine.event_network import EventNetwork
    from ship_engine.groups import Group
    from ship_engine.projection import Projection

Values = dict[str, Tensor]


class Arriving(NamedTuple):
    """Spikes that reach synapses before which a certain number of whole steps lies."""

    cells: Tensor
    offsets: Tensor
    """ms after the start of the step in which each was emitted."""
    emitted: Tensor
    """That step."""
    axonal_steps: Tensor


class Effects(NamedTuple):
    """What spikes bring to the targets of some synapses."""

    synapse: Tensor
    spike: Tensor
    """Which of the spikes each is due to."""
    amount: Tensor


class HistoryTensors:
    """The spikes of a group that plastic synapses have still to take in; see `SpikeHistory`.

    Parameters
    ----------
    group : Group
        The target of plastic synapses.
    device : torch.device
        Where tensors live.

    Attributes
    ----------
    times : float64 Tensor [size, capacity]
        Times (ms) of each component's latest spikes, ascending.
    count : int64 Tensor [size]
        How many of them there are.
    readers : list of SynapseTensors
        All plastic synapses onto the group.
    """

    def __init__(self, group: Group, device: torch.device) -> None:
        assert group.history is not None
        self._history = group.history
        self.times = torch.tensor(self._history.times, device=device)
        self.count = torch.tensor(self._history.count, device=device)
        self.readers: list[SynapseTensors] = []

    def note(self, cells: Tensor, times: Tensor, step: int) -> None:
        """Keep one more spike of each of these components, which they had in this step."""
        if bool((self.count[cells] >= self.times.shape[1]).any()):
            self._shorten(step)
        self.times[cells, self.count[cells]] = times
        self.count[cells] += 1

    def _shorten(self, step: int) -> None:
        """Let synapses take in what has reached them, forget that, and make room if need be."""
        taken = self.count.clone()
        for reader in self.readers:
            reader.catch_up(step)
            taken.scatter_reduce_(0, reader.target, reader.seen, "amin")
        for reader in self.readers:
            reader.seen -= taken[reader.target]
        capacity = self.times.shape[1]
        kept = torch.arange(capacity, device=self.times.device) + taken[:, None]
        self.times = self.times.gather(1, kept.clamp(max=capacity - 1))
        self.count -= taken
        if 2 * int(self.count.max()) >= capacity:
            self.times = torch.cat([self.times, torch.zeros_like(self.times)], 1)

    def store(self) -> None:
        """Write everything back into the group's history."""
        self._history.times = self.times.cpu().numpy().copy()
        self._history.count[:] = self.count.cpu().numpy()


class _Chosen:
    """Some synapses of a projection while events reach them; what changes is replaced."""

    def __init__(self, synapse: Tensor, values: Values) -> None:
        self.synapse, self.values = synapse, values
        self.target = self.seen = synapse
        self.axonal: Tensor | float = 0.0
        self.dendritic: Tensor | float = 0.0

    def change(self, where: Tensor, new: Mapping[str, Any]) -> None:
        """Replace values of some of these synapses."""
        for name, value in new.items():
            old = self.values[name]
            changed = torch.as_tensor(value, dtype=old.dtype, device=old.device)
            self.values[name] = torch.where(where, changed, old)


class SynapseTensors:
    """The synapses of one projection, copied from their arrays and, on `store`, back to them.

    Parameters
    ----------
    projection : Projection
        Whose synapses have a model.
    network : EventNetwork
        The network that it belongs to.
    like : Tensor
        Says the device and the type of numbers.
    history : HistoryTensors, optional
        Of the target, if the synapses are plastic.

    Attributes
    ----------
    target : int64 Tensor [synapses]
        Target component of each.
    delay : int64 Tensor [1] or [synapses]
        In time steps.
    seen : int64 Tensor [synapses]
        How many spikes in the target's history each has taken in.
    first_queued : int
        As in `Dynamics`.
    axonal_steps : list of int
        Whole time steps that lie before synapses, each number that occurs.
    """

    def __init__(
        self,
        projection: Projection,
        network: EventNetwork,
        like: Tensor,
        history: HistoryTensors | None = None,
    ) -> None:
        assert projection.dynamics is not None
        self._dynamics, self._synapses = projection.dynamics, projection.synapses
        self._model, self._like, self._history = self._dynamics.model, like, history
        self._dt, self._instant = network.clock.dt, network.clock.instant
        self._key, self._defers = projection.stream_key, projection.defers
        on_post = self._model.on_post
        self._draws_after = on_post is not None and draws(on_post)
        self.first_queued = self._dynamics.first_queued
        self._load_structure(projection)
        self._load_values()
        if history is not None:
            history.readers.append(self)

    def _load_structure(self, projection: Projection) -> None:
        synapses, device = self._synapses, self._like.device
        self._start = torch.tensor(synapses.start, device=device)
        self.target = torch.tensor(synapses.target.astype(np.int64), device=device)
        self.delay = torch.tensor(synapses.delay.astype(np.int64), device=device)
        axonal = projection.axonal_delay
        self._axonal = torch.tensor(axonal * self._dt, device=device)
        self._dendritic = torch.tensor((synapses.delay - axonal) * self._dt, device=device)
        steps = projection.axonal_steps
        self.axonal_steps: list[int] = np.unique(steps).tolist()
        self._steps = torch.tensor(steps, device=device)

    def _load_values(self) -> None:
        dynamics, model = self._dynamics, self._model
        asked = model.asked_for()
        kept = [state.name for state in model.states]
        self._times = [
            name
            for name, since in ((LAST_PRE, "since_pre"), (LAST_POST, "since_post"))
            if since in asked
        ]
        self._states = {name: self._like.new_tensor(dynamics.states[name]) for name in kept}
        for name in self._times:
            self._states[name] = torch.tensor(dynamics.states[name], device=self._like.device)
        self._states["weight"] = self._like.new_tensor(self._synapses.weight)
        self._parameters = {
            name: self._like.new_tensor(value)
            for name, value in dynamics.values.items()
            if name in asked
        }
        self.seen = torch.tensor(dynamics.seen, device=self._like.device)
        self._deferred = torch.tensor(dynamics.deferred, device=self._like.device)

    def store(self) -> None:
        """Write everything back into the arrays of the projection."""
        for name, values in self._states.items():
            if name != "weight":
                self._dynamics.states[name][:] = values.cpu().numpy()
        if self._model.changes_weight():
            self._synapses.weight[:] = self._states["weight"].cpu().numpy()
        self._dynamics.seen[:] = self.seen.cpu().numpy()
        self._dynamics.deferred[:] = self._deferred.cpu().numpy()

    def reached_by(self, spikes: Arriving, step: int) -> Iterator[Effects]:
        """Let spikes of the source reach the synapses in this step."""
        times = spikes.emitted.double() * self._dt + spikes.offsets.double()
        longest = self.axonal_steps[-1] + 1
        for turn in _turns(spikes.cells * longest + spikes.axonal_steps):
            synapse, spike = self._synapses_of(spikes.cells[turn])
            if longest > self.axonal_steps[0] + 1:
                here = self._steps[synapse] == spikes.axonal_steps[turn[spike]]
                synapse, spike = synapse[here], spike[here]
            if synapse.numel():
                chosen, which = self._take(synapse), turn[spike]
                amount = self._on_pre(chosen, times[which] + chosen.axonal, step)
                self._put_back(chosen)
                yield Effects(synapse, which, amount)

    def catch_up(self, step: int) -> None:
        """Let every synapse take in what has reached it until a step."""
        if self._history is None:
            return
        chosen = self._take(torch.arange(self.target.numel(), device=self.target.device))
        until = step * self._dt - self._instant
        if self._defers:
            arrival = self._deferred
            due = (arrival >= 0.0) & (arrival < until)
            self._commit(chosen, due, torch.where(due, arrival, -1.0))
            self._deferred[due] = -1.0
        self._take_in(chosen, until)
        self._put_back(chosen)

    def _synapses_of(self, cells: Tensor) -> tuple[Tensor, Tensor]:
        """All synapses of these sources, and which of the sources each belongs to."""
        first = self._start[cells]
        count = self._start[cells + 1] - first
        owner = torch.repeat_interleave(torch.arange(cells.numel(), device=cells.device), count)
        skipped = first - (count.cumsum(0) - count)
        return torch.arange(owner.numel(), device=cells.device) + skipped[owner], owner

    def _take(self, synapse: Tensor) -> _Chosen:
        """The values of some synapses, each of which occurs once."""

        def values_of(tensor: Tensor) -> Tensor:
            return tensor if tensor.numel() == 1 else tensor[synapse]

        values = {name: values_of(tensor) for name, tensor in self._parameters.items()}
        for name, tensor in self._states.items():
            # Never the tensor itself, into which the new values will be written.
            of_each = tensor.numel() == self.target.numel()
            values[name] = tensor[synapse] if of_each else tensor.expand(synapse.shape)
        chosen = _Chosen(synapse, values)
        if self._history is not None:
            chosen.target, chosen.seen = self.target[synapse], self.seen[synapse]
        chosen.axonal, chosen.dendritic = values_of(self._axonal), values_of(self._dendritic)
        return chosen

    def _put_back(self, chosen: _Chosen) -> None:
        for name, tensor in self._states.items():
            if name != "weight" or self._model.changes_weight():
                tensor[chosen.synapse] = chosen.values[name]
        if self._history is not None:
            self.seen[chosen.synapse] = chosen.seen

    def _on_pre(self, chosen: _Chosen, arrival: Tensor, known_until: int) -> Tensor:
        """What presynaptic spikes do, and before them those whose effects were deferred."""
        certain = torch.ones_like(chosen.synapse, dtype=torch.bool)
        if self._defers:
            deferred = self._deferred[chosen.synapse]
            if bool((deferred >= 0.0).any()):
                self._commit(chosen, deferred >= 0.0, deferred)
            certain = known_until * self._dt + chosen.dendritic >= arrival - self._instant
            self._deferred[chosen.synapse] = torch.where(certain, -1.0, arrival)
        return self._commit(chosen, certain, arrival)

    def _commit(self, chosen: _Chosen, where: Tensor, arrival: Tensor) -> Tensor:
        """Take in what comes before presynaptic spikes, and, where they are certain, them."""
        values: dict[str, Any] = {}
        if self._model.plastic():
            self._take_in(chosen, arrival - self._instant)
            before = dict(chosen.values)
            self._take_in(chosen, arrival + self._instant)
            # Nothing of this very moment is seen that only postsynaptic spikes change.
            only_post = {*self._model.post_changes, LAST_POST} - {*self._model.pre_changes}
            values = {name: before[name] for name in only_post & set(before)}
        seen = chosen.values | values
        seen |= self._since(seen, arrival) | self._uniforms(chosen.synapse)
        *changes, amount = _call(self._model.on_pre, seen)
        new = dict(zip(self._model.pre_changes, changes, strict=True))
        if LAST_PRE in self._times:
            new[LAST_PRE] = arrival
        chosen.change(where, new)
        if self._model.draws():
            self._dynamics.arrived[chosen.synapse[where].cpu().numpy()] += 1
        like = self._like
        return torch.as_tensor(amount, dtype=like.dtype, device=like.device).expand(where.shape)

    def _take_in(self, chosen: _Chosen, until: Tensor | float) -> None:
        """Take in the postsynaptic spikes that reach each synapse before some time."""
        history, on_post = self._history, self._model.on_post
        if history is None or on_post is None:
            return
        last = history.times.shape[1] - 1
        while True:
            reached = history.times[chosen.target, chosen.seen.clamp(max=last)] + chosen.dendritic
            due = (chosen.seen < history.count[chosen.target]) & (reached < until)
            if not bool(due.any()):
                return
            seen = chosen.values | self._since(chosen.values, reached)
            if LAST_PRE in self._times:
                seen["since_pre"] = seen["since_pre"].clamp(min=0.0)
            if self._draws_after:
                seen |= self._uniforms(chosen.synapse, after=True)
                self._dynamics.arrived[chosen.synapse[due].cpu().numpy()] += 1 << 32
            new = dict(zip(self._model.post_changes, _call(on_post, seen), strict=True))
            if LAST_POST in self._times:
                new[LAST_POST] = reached
            chosen.change(due, new)
            chosen.seen = chosen.seen + due

    def _since(self, values: Values, time: Tensor) -> Values:
        """Time since the latest spike of either side, as far as the model asks for it."""
        names = {LAST_PRE: "since_pre", LAST_POST: "since_post"}
        return {names[name]: (time - values[name]).to(self._like.dtype) for name in self._times}

    def _uniforms(self, synapse: Tensor, after: bool = False) -> Values:
        """Random numbers for the next spike of each synapse, a postsynaptic one if `after`."""
        if not self._model.draws():
            return {}
        index, low = synapse.cpu().numpy(), 0xFFFFFFFF
        number = self._dynamics.arrived[index]
        number = number >> 32 if after else number & low
        words = philox(self._key, (index & low, number, int(after), index >> 32))
        return {
            name: self._like.new_tensor(unit(word))
            for name, word in zip(UNIFORMS, words, strict=True)
        }


def synapse_tensors(
    network: EventNetwork, like: Tensor, histories: dict[Group, HistoryTensors]
) -> dict[Projection, SynapseTensors]:
    """Tensors of all synapses with a model; histories of their targets are added to a mapping."""
    found = {}
    for projection in network.projections:
        if projection.dynamics is None or not len(projection.synapses):
            continue
        history = None
        if projection.dynamics.model.plastic():
            target = projection.target
            if target not in histories:
                histories[target] = HistoryTensors(target, like.device)
            history = histories[target]
        found[projection] = SynapseTensors(projection, network, like, history)
    return found


def _turns(kinds: Tensor) -> Iterator[Tensor]:
    """Positions of the first spike of each kind, then of each one's second, and so on."""
    order = torch.argsort(kinds, stable=True)
    ordered = kinds[order]
    number = torch.arange(kinds.numel(), device=kinds.device) - torch.searchsorted(ordered, ordered)
    for turn in range(int(number.max()) + 1):
        yield order[number == turn]


def _call(function: Callable[..., Any], values: Mapping[str, Any]) -> tuple[Any, ...]:
    results: tuple[Any, ...] = function(*[values[name] for name in argument_names(function)])
    return results
