"""Cells that spike, or may, advance through the parts of their time step.

This is what `ship_engine.lowering.settle_source` writes for one cell, for several at once.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from ship_engine.executors.torch_models import ModelFunctions, Values, chosen
from ship_engine.lowering.settle_source import CROSSING_ITERATIONS, REFINEMENT
from ship_engine.random import standard_exponential

if TYPE_CHECKING:
    from ship_engine.groups import NeuronGroup
    from ship_engine.network import Network


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


class Settling:
    """Advances some cells of a group through one time step.

    Parameters
    ----------
    group : NeuronGroup
        The group.
    network : Network
        The network that it belongs to.
    functions : ModelFunctions
        Of the group's model.
    """

    def __init__(self, group: NeuronGroup, network: Network, functions: ModelFunctions) -> None:
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
        free = remaining > self._instant
        span = torch.where(free, remaining.clamp(max=self._longest), self._dt)
        above = torch.full_like(span, -1.0)
        hit, failed, on = torch.zeros_like(free), torch.zeros_like(free), free
        while on.any():
            span = torch.where(on, torch.minimum(span, remaining), span)
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
        hits, offsets, left = hit.nonzero().flatten(), left.new_empty(0), torch.zeros_like(left)
        if hits.numel():
            begun = {name: state[hits] for name, state in states.items()}
            values = {n: v if v.numel() == 1 else v[hits] for n, v in values.items()}
            times = remaining[hits], elapsed[hits], span[hits], above[hits]
            after, offsets, left[hits] = self._spike(cells[hits], begun, values, *times)
            for name, state in states.items():
                state[hits] = after[name]
        return Settled(states, left, hits, offsets, bool(failed.any()))

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
