"""Cells that spike, or may, advance through the parts of their time step.

This is what `ship_engine.lowering.settle_source` writes for one cell, for several at once.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from ship_engine.executors.torch_models import ModelFunctions, Values, chosen, taken
from ship_engine.lowering.settle_source import CROSSING_ITERATIONS, MOST_PARTS, REFINEMENT
from ship_engine.random import standard_exponential

if TYPE_CHECKING:
    from ship_engine.event_network import EventNetwork
    from ship_engine.groups import NeuronGroup


class Settled(NamedTuple):
    """What became of some cells at the end of their step.

    Attributes
    ----------
    states, left : dict of str to Tensor [cells], Tensor [cells]
        The states, and what is left of refractory periods.
    hits, offsets : Tensor [spikes]
        Which of the cells spiked, and when.
    failed : bool
        Whether the threshold was not finite.
    """

    states: Values
    left: Tensor
    hits: Tensor
    offsets: Tensor
    failed: bool


class Search(NamedTuple):
    """How far cells have come towards a spike.

    Attributes
    ----------
    states : dict of str to Tensor [cells]
        Before the step in which a cell spikes, else at the end.
    elapsed, remaining : Tensor [cells]
        Time until there, and from there.
    span, above : Tensor [cells]
        The length of that step, and the threshold's value at its end.
    hit, failed : bool Tensor [cells]
        Which cells spike, and of which the threshold is not finite.
    """

    states: Values
    elapsed: Tensor
    remaining: Tensor
    span: Tensor
    above: Tensor
    hit: Tensor
    failed: Tensor


class Settling:
    """Advances some cells of a group through one time step.

    Parameters
    ----------
    group : NeuronGroup
        The group.
    network : EventNetwork
        The network that it belongs to.
    functions : ModelFunctions
        Of the group's model.
    """

    def __init__(
        self, group: NeuronGroup, network: EventNetwork, functions: ModelFunctions
    ) -> None:
        self._group, self._model, self._functions = group, group.model, functions
        self._dt, self._instant = network.clock.dt, network.clock.instant
        self._on_grid = network.on_grid
        self._refined = self._model.alarm is not None and self._model.settling_step is not None
        self._longest = self._model.longest_step or math.inf

    def run(self, cells: Tensor, states: Values, values: Values, left: Tensor) -> Settled:
        """Advance these cells of the group; all other tensors hold a value for each of them."""
        resting = left > self._instant
        elapsed = torch.where(resting, left.clamp(max=self._dt), 0.0)
        states = self._functions.long_flow(states, values, elapsed, resting, held=True)
        remaining = self._dt - elapsed
        found = self._search(states, values, elapsed, remaining, remaining > self._instant)
        states, hits = found.states, found.hit.nonzero().flatten()
        offsets, left = left.new_empty(0), torch.zeros_like(left)
        if hits.numel():
            begun, of_hits = taken(states, hits), taken(values, hits)
            times = found.remaining[hits], found.elapsed[hits], found.span[hits], found.above[hits]
            after, offsets, left[hits] = self._spike(cells[hits], begun, of_hits, *times)
            for name, state in states.items():
                state[hits] = after[name]
        return Settled(states, left, hits, offsets, bool(found.failed.any()))

    def _search(
        self, states: Values, values: Values, elapsed: Tensor, remaining: Tensor, on: Tensor
    ) -> Search:
        """Advance where it is on, by what remains or until a step in which the cell spikes."""
        span = torch.where(on, remaining.clamp(max=self._longest), self._dt)
        above = torch.full_like(span, -1.0)
        hit, failed = torch.zeros_like(on), torch.zeros_like(on)
        while on.any():
            span = torch.where(on, torch.minimum(span, remaining), span)
            span = self._shortened(span, on, states, values)
            known = values | self._functions.coefficients(values, span)
            end = self._functions.advance(states, known)
            finer = on & self._too_long(span, end, known)
            there = self._functions.threshold(end, values)
            assert there is not None
            wrong = on & ~finer & ~(there < math.inf)
            reached = there >= 0.0
            if self._model.jumps():
                start = self._functions.threshold(states, values)
                assert start is not None
                reached = reached | (start >= 0.0)
            spiking = on & ~finer & reached & ~wrong
            above, hit, failed = torch.where(spiking, there, above), hit | spiking, failed | wrong
            passed = on & ~finer & ~spiking
            states = chosen(passed, end, states)
            elapsed = torch.where(passed, elapsed + span, elapsed)
            remaining = torch.where(passed, remaining - span, remaining)
            span = torch.where(finer, span * REFINEMENT, span)
            on = finer | (passed & ~wrong & (remaining > self._instant))
        return Search(states, elapsed, remaining, span, above, hit, failed)

    def _shortened(self, span: Tensor, on: Tensor, states: Values, values: Values) -> Tensor:
        """Steps short enough for the states at their start."""
        while True:
            long = self._functions.overloaded(states, values, span)
            if long is None or not bool((long := on & long & (span * MOST_PARTS > self._dt)).any()):
                return span
            span = torch.where(long, span * REFINEMENT, span)

    def run_timed(
        self, cells: Tensor, states: Values, values: Values, left: Tensor, arriving: Tensor
    ) -> Settled:
        """The same where input arrives inside the step, [cells, ports, 2, 2] of a ring buffer.

        This is what `ship_engine.lowering.arrival_source` writes for one cell.
        """
        amount, moment = arriving.unbind(3)
        times = torch.where(amount != 0.0, (moment / amount).clamp(max=self._dt), math.inf)
        gains = values | self._functions.coefficients(values, torch.full_like(left, self._dt))
        elapsed, offset = torch.zeros_like(left), torch.full_like(left, -1.0)
        failed = torch.zeros_like(left, dtype=torch.bool)
        while (on := (self._dt - elapsed > self._instant) & ~failed).any():
            until = times.flatten(1).amin(1).clamp(max=self._dt)
            remaining = until - elapsed
            going = on & (remaining > self._instant)
            held = going & (left > self._instant)
            x = torch.where(held, torch.minimum(left, remaining), 0.0)
            states = self._functions.long_flow(states, values, x, held, held=True)
            left, elapsed = left - x, elapsed + x
            after = going & ~held & (offset >= 0.0)
            states = self._functions.long_flow(states, values, remaining, after)
            elapsed = torch.where(after, until, elapsed)
            found = self._search(states, values, elapsed, remaining, going & ~held & ~after)
            states, elapsed, failed = found.states, found.elapsed, failed | found.failed
            hits = found.hit.nonzero().flatten()
            if hits.numel():
                here = taken(states, hits), taken(values, hits)
                x = self._crossing(*here, found.span[hits], found.above[hits])
                new = self._after_spike(cells[hits], self._functions.flow(*here, x), here[1])
                for name, state in states.items():
                    state[hits] = new[name]
                offset[hits] = elapsed[hits] = elapsed[hits] + x
                period = self._model.refractory_period
                left[hits] = here[1][period].expand_as(x) if period else 0.0
            due = (on & (until - elapsed <= self._instant))[:, None, None]
            due = due & (times <= (until + self._instant)[:, None, None])
            states = self._received(states, gains, left, torch.where(due, amount, 0.0))
            times = torch.where(due, math.inf, times)
        hits = (offset >= 0.0).nonzero().flatten()
        left = torch.where(left > self._instant, left, 0.0)
        return Settled(states, left, hits, offset[hits], bool(failed.any()))

    def _received(self, states: Values, values: Values, left: Tensor, amount: Tensor) -> Values:
        """The states with amounts that arrive now, [cells, ports, 2]."""
        states = dict(states)
        for port, arriving in zip(self._model.ports, amount.sum(2).unbind(1), strict=True):
            if port.state in self._model.held:
                arriving = torch.where(left > self._instant, 0.0, arriving)
            gain = values[port.gain] if port.gain else 1.0
            states[port.state] = states[port.state] + gain * arriving
        return states

    def _too_long(self, span: Tensor, end: Values, known: Values) -> Tensor:
        """Whether a step raised the alarm that could be shorter."""
        if self._on_grid or not self._refined:
            return torch.zeros_like(span, dtype=torch.bool)
        alarm, shortest = self._functions.alarm(end, known), self._model.settling_step
        assert alarm is not None
        assert shortest is not None
        return (span > shortest) & ~(alarm < 0.0)

    def _spike(
        self,
        cells: Tensor,
        states: Values,
        values: Values,
        remaining: Tensor,
        elapsed: Tensor,
        span: Tensor,
        above: Tensor,
    ) -> tuple[Values, Tensor, Tensor]:
        """States at the end of the step, moments of the spikes, and refractory periods left."""
        everywhere = torch.ones_like(span, dtype=torch.bool)
        if self._on_grid:
            x = remaining
            states = self._functions.long_flow(states, values, x, everywhere)
        else:
            x = self._crossing(states, values, span, above)
            states = self._functions.flow(states, values, x)
        states = self._after_spike(cells, states, values)
        offsets, rest = elapsed + x, remaining - x
        period = self._model.refractory_period
        left = values[period].expand_as(x) if period else torch.zeros_like(x)
        if self._on_grid:
            left = (left / self._dt + 0.5).floor() * self._dt
        resting = (rest > self._instant) & (left > self._instant)
        x = torch.where(resting, torch.minimum(left, rest), 0.0)
        states = self._functions.long_flow(states, values, x, resting, held=True)
        left, rest = left - x, rest - x
        states = self._functions.long_flow(states, values, rest, rest > self._instant)
        return states, offsets, torch.where(left > self._instant, left, 0.0)

    def _after_spike(self, cells: Tensor, states: Values, values: Values) -> Values:
        """Reset, and a new random number where the model has one."""
        new = self._functions.reset(states, values)
        name = self._model.random_state
        if name is not None:
            count = states[f"{name}_count"] + 1.0
            numbers = cells.cpu().numpy(), count.cpu().numpy().astype(int)
            drawn = standard_exponential(self._group.key, *numbers)
            new |= {f"{name}_count": count, name: count.new_tensor(drawn)}
        everywhere = torch.ones_like(cells, dtype=torch.bool)
        return states | chosen(everywhere, new, states)

    def _crossing(self, states: Values, values: Values, span: Tensor, above: Tensor) -> Tensor:
        """Time to the threshold by the Illinois method on the exact flow."""
        threshold, flow = self._functions.threshold, self._functions.flow
        a, b, side = torch.zeros_like(span), span, torch.zeros_like(span)
        start = threshold(states, values)
        assert start is not None
        below = start
        most = -start if self._refined else torch.full_like(start, math.inf)
        above = torch.minimum(above, most)
        x = b - above * (b - a) / (above - below)
        for _ in range(CROSSING_ITERATIONS):
            u = threshold(flow(states, values, x), values)
            assert u is not None
            hit = u >= 0.0
            a, b = torch.where(hit, a, x), torch.where(hit, x, b)
            halved_below = torch.where(side == 1, 0.5 * below, below)
            halved_above = torch.where(side == -1, 0.5 * above, above)
            below = torch.where(hit, halved_below, u)
            above = torch.where(hit, torch.minimum(u, most), halved_above)
            side = torch.where(hit, 1.0, -1.0)
            x = b - above * (b - a) / (above - below)
        return torch.where(start >= 0.0, 0.0, x)
