"""A group of neurons in tensors, and one time step of it.

The step is that of the compiled kernel (`ship_engine.lowering.kernel_source`) for all cells at
once: every cell advances by a whole step; those that spike, or whose refractory period ends
inside the step, are redone together from the start of the step, through its parts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ship_engine.lowering.kernel_source import CROSSING_ITERATIONS
from ship_engine.models.base import Model, argument_names

if TYPE_CHECKING:
    from ship_engine.groups import NeuronGroup
    from ship_engine.network import Network

Values = dict[str, Tensor]


class Spikes(NamedTuple):
    """Which cells spiked in a step, and how many ms after its start."""

    cells: Tensor
    offsets: Tensor


class ModelFunctions:
    """A model's functions, which take what they need from a mapping of names to tensors."""

    def __init__(self, model: type[Model]) -> None:
        self.states = [state.name for state in model.states]
        self._model = model
        self._time_dep = _by_name(model.time_dep)
        self._advance = _by_name(model.advance_timestep)
        self._threshold = _by_name(model.threshold) if model.threshold is not None else None
        self._reset = _by_name(model.reset) if model.reset is not None else None

    def coefficients(self, values: Mapping[str, Any], dt: Tensor) -> Values:
        """What `time_dep` gives for this dt, by name."""
        return _named(self._model.coefficients, self._time_dep({**values, "dt": dt}))

    def advance(self, states: Values, values: Mapping[str, Any], i_inj: Tensor | float) -> Values:
        """The next states, given parameters and coefficients in `values`."""
        return _named(self.states, self._advance({**values, **states, "i_inj": i_inj}))

    def threshold(self, states: Values, values: Mapping[str, Any]) -> Tensor | None:
        """>= 0 where a cell spikes; None if the model never does."""
        if self._threshold is None:
            return None
        distance: Tensor = self._threshold({**values, **states})
        return distance

    def reset(self, states: Values, values: Mapping[str, Any]) -> Values:
        """The states that a spike changes, after it."""
        if self._reset is None:
            return {}
        return _named(self._model.reset_states, self._reset({**values, **states}))


def _by_name(function: Callable[..., Any]) -> Callable[[Mapping[str, Any]], Any]:
    names = argument_names(function)
    return lambda values: function(*[values[name] for name in names])


def _named(names: Any, results: Any) -> Values:
    return dict(zip(names, results, strict=True))


class NeuronTensors:
    """A group of neurons, copied from its arrays and, on `store`, back to them.

    Parameters
    ----------
    group : NeuronGroup
        The group.
    network : Network
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
    failed : bool
        Whether a cell reached its threshold with a state that is not finite.
    """

    def __init__(self, group: NeuronGroup, network: Network, like: Tensor) -> None:
        self.group, self._model = group, group.model
        self._dt, self._instant = network.clock.dt, network.clock.instant
        self._on_grid, self.failed = network.on_grid, False
        self._functions = ModelFunctions(group.model)
        self._parameters = {name: _copy(value, like) for name, value in group.values.items()}
        whole = like.new_tensor(self._dt)
        self._values = self._parameters | self._functions.coefficients(self._parameters, whole)
        self.states = {name: _copy(group[name], like) for name in self._functions.states}
        self.refractory = _copy(group.refractory, like)
        self.current = _copy(group.current, like)
        self.ring = _copy(group.ring.data[:, :, : group.size], like)

    def store(self) -> None:
        """Write everything back into the group's arrays."""
        group = self.group
        for name, values in self.states.items():
            group[name][:] = values.cpu().numpy()
        group.refractory[:] = self.refractory.cpu().numpy()
        group.current[:] = self.current.cpu().numpy()
        group.ring.data[:, :, : group.size] = self.ring.cpu().numpy()

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
        new = self._functions.advance(states, self._values, self.current)
        above = self._functions.threshold(new, self._values)
        if above is None:
            self.states = _chosen(torch.ones_like(self.current, dtype=torch.bool), new, states)
            return self._no_spikes()
        left = self.refractory
        held = left > self._dt - self._instant
        quiet = above < 0.0
        if self._model.jumps():
            start = self._functions.threshold(states, self._values)
            assert start is not None
            quiet &= start < 0.0
        redo = ~held & ((left > self._instant) | ~quiet)
        self.states = _chosen(~redo, self._free(new, states, held), states)
        self.refractory = torch.where(held, (left - self._dt).clamp(min=0.0), left)
        cells = redo.nonzero().flatten()
        return self._settle(cells) if cells.numel() else self._no_spikes()

    def _no_spikes(self) -> Spikes:
        return Spikes(self.current.new_empty(0, dtype=torch.int64), self.current.new_empty(0))

    def _free(self, new: Values, old: Values, held: Tensor) -> Values:
        """New states, but old ones of cells whose refractory period holds them."""
        names = self._model.held
        return new | _chosen(~held, {n: new[n] for n in names}, {n: old[n] for n in names})

    def _settle(self, cells: Tensor) -> Spikes:
        """Advance the flagged cells through the parts of their step."""
        states = {name: values[cells] for name, values in self.states.items()}
        values = {n: v if v.numel() == 1 else v[cells] for n, v in self._parameters.items()}
        values["i_inj"] = self.current[cells]
        left = self.refractory[cells]
        resting = left > self._instant
        elapsed = torch.where(resting, left.clamp(max=self._dt), 0.0)
        states = self._flow(states, values, elapsed, resting, held=True)
        remaining = self._dt - elapsed
        free = remaining > self._instant
        end = self._flow(states, values, remaining, free)
        above = self._functions.threshold(end, values)
        assert above is not None
        above = torch.where(free, above, -1.0)
        failed = ~(above < math.inf)
        self.failed = bool(failed.any())
        spiking = above >= 0.0
        if self._model.jumps():
            begun = self._functions.threshold(states, values)
            assert begun is not None
            spiking |= free & (begun >= 0.0)
        spiking &= ~failed
        states = _chosen(~spiking, end, states)
        hits = spiking.nonzero().flatten()
        offsets, left = left.new_empty(0), torch.zeros_like(left)
        if hits.numel():
            values = {n: v if v.numel() == 1 else v[hits] for n, v in values.items()}
            start = {name: state[hits] for name, state in states.items()}
            parts = remaining[hits], elapsed[hits], above[hits]
            after, offsets, left[hits] = self._spike(start, values, *parts)
            for name, state in states.items():
                state[hits] = after[name]
        for name, state in states.items():
            self.states[name][cells] = state
        self.refractory[cells] = left
        return Spikes(cells[hits], offsets)

    def _flow(
        self,
        states: Values,
        values: Values,
        duration: Tensor,
        active: Tensor | None = None,
        held: bool = False,
    ) -> Values:
        """The states after a duration, or as they are where not active."""
        if active is not None:
            if not active.any():
                return states
            duration = torch.where(active, duration, self._dt)
        known = values | self._functions.coefficients(values, duration)
        new = self._functions.advance(states, known, values["i_inj"])
        if held:
            new |= {name: states[name] for name in self._model.held}
        return new if active is None else _chosen(active, new, states)

    def _spike(
        self, states: Values, values: Values, remaining: Tensor, elapsed: Tensor, above: Tensor
    ) -> tuple[Values, Tensor, Tensor]:
        """States at the end of the step, moments of the spikes, and refractory periods left."""
        x = remaining
        if not self._on_grid:
            x = self._crossing(states, values, remaining, above)
        states = self._flow(states, values, x)
        everywhere = torch.ones_like(x, dtype=torch.bool)
        states |= _chosen(everywhere, self._functions.reset(states, values), states)
        offsets, rest = elapsed + x, remaining - x
        period = self._model.refractory_period
        left = values[period].expand_as(x) if period else torch.zeros_like(x)
        if self._on_grid:
            left = (left / self._dt + 0.5).floor() * self._dt
        resting = (rest > self._instant) & (left > self._instant)
        x = torch.where(resting, torch.minimum(left, rest), 0.0)
        states = self._flow(states, values, x, resting, held=True)
        left, rest = left - x, rest - x
        states = self._flow(states, values, rest, rest > self._instant)
        return states, offsets, torch.where(left > self._instant, left, 0.0)

    def _crossing(self, states: Values, values: Values, remaining: Tensor, above: Tensor) -> Tensor:
        """Time to the threshold by the Illinois method on the exact flow."""
        threshold = self._functions.threshold
        a, b, side = torch.zeros_like(remaining), remaining, torch.zeros_like(remaining)
        start = threshold(states, values)
        assert start is not None
        below = start
        x = b - above * (b - a) / (above - below)
        for _ in range(CROSSING_ITERATIONS):
            u = threshold(self._flow(states, values, x), values)
            assert u is not None
            hit = u >= 0.0
            a, b = torch.where(hit, a, x), torch.where(hit, x, b)
            halved_below = torch.where(side == 1, 0.5 * below, below)
            halved_above = torch.where(side == -1, 0.5 * above, above)
            below, above = torch.where(hit, halved_below, u), torch.where(hit, u, halved_above)
            side = torch.where(hit, 1.0, -1.0)
            x = b - above * (b - a) / (above - below)
        return torch.where(start >= 0.0, 0.0, x)


def _chosen(condition: Tensor, if_true: Mapping[str, Any], if_false: Values) -> Values:
    """By name, one value where the condition holds and the other elsewhere."""
    return {name: torch.where(condition, value, if_false[name]) for name, value in if_true.items()}


def _copy(array: np.ndarray, like: Tensor) -> Tensor:
    return torch.tensor(array, dtype=like.dtype, device=like.device)
