"""Projections in a run: from the spikes of a step into the ring buffers of their targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ship_engine.delivery.base import decay_factors
from ship_engine.delivery.torch_autograd import DELIVERIES
from ship_engine.executors.torch_groups import Spikes
from ship_engine.executors.torch_synapses import Arriving, SynapseTensors

if TYPE_CHECKING:
    from ship_engine.event_network import EventNetwork
    from ship_engine.projection import Projection


class PortTensors(NamedTuple):
    """What is still to come at a port."""

    ring: Tensor
    """[slots, size], at the starts of steps."""
    inside: Tensor | None
    """[slots, size, 2, 2], inside steps, if that is kept; see `ship_engine.groups.RingBuffer`."""


class Timing:
    """How the arrivals of a projection are timed; see `ship_engine.delivery.base`.

    Parameters
    ----------
    projection : Projection
        The projection.
    backward : bool
        Whether the target does not come later in the stack than the source.
    network : EventNetwork
        The network that it belongs to.
    """

    def __init__(self, projection: Projection, backward: bool, network: EventNetwork) -> None:
        self._undelayed, self._backward = projection.synapses.undelayed, backward
        next_step = self._undelayed and backward
        self.exact = projection.target.ring.inside is not None and not next_step
        self._dt, self._instant = network.clock.dt, network.clock.instant
        self._rate, self._scale = decay_factors(projection.target, projection.port, self._dt)

    def later_part(self, offsets: Tensor) -> Tensor:
        """Of each spike, the part that acts one slot after that of the spike's step."""
        late = offsets / self._dt
        if self._undelayed and not self.exact:
            return torch.full_like(late, float(self._backward))
        part = late
        if self._rate > 0.0:
            part = 1.0 + torch.expm1((late - 1.0) * self._rate) * self._scale
        part = torch.where(late < self._instant / self._dt, 0.0, part)
        return torch.where(late >= 1.0 - self._instant / self._dt, 1.0, part)

    def inside(self, offsets: Tensor) -> Tensor:
        """Which spikes act at their moment, inside a step."""
        late, tiny = offsets / self._dt, self._instant / self._dt
        return (late >= tiny) & (late < 1.0 - tiny) & self.exact


class Path:
    """Synapses that multiply a spike by their weight.

    Parameters
    ----------
    projection : Projection
        The projection.
    timing : Timing
        When its spikes act.
    port : PortTensors
        Of the port that it reaches.
    delivery : str
        How spikes are delivered.
    """

    def __init__(
        self, projection: Projection, timing: Timing, port: PortTensors, delivery: str
    ) -> None:
        synapses, target = projection.synapses, projection.target
        self._timing, self._sources = timing, projection.source.size
        self._ring, self._inside = port
        weight, form = self._ring.new_tensor(synapses.weight), DELIVERIES[delivery]
        self._delivery = form(synapses, target.size, weight)
        self._delays = torch.tensor(self._delivery.delays, device=self._ring.device)
        if timing.exact:
            parts = weight.clamp(min=0.0), weight.clamp(max=0.0)
            self._signed = [form(synapses, target.size, part) for part in parts]

    def deliver(self, spikes: Spikes, step: int) -> None:
        """Each spike acts on two slots, or inside the step that belongs to the first."""
        late, inside = (f(spikes.offsets) for f in (self._timing.later_part, self._timing.inside))
        slots = (step + self._delays) % self._ring.shape[0]
        if bool(inside.any()):
            self._deliver_inside(Spikes(spikes.cells[inside], spikes.offsets[inside]), slots)
        parts = self._ring.new_zeros(2, self._sources)
        parts[0].index_add_(0, spikes.cells, torch.where(inside, 0.0, 1.0 - late))
        parts[1].index_add_(0, spikes.cells, torch.where(inside, 0.0, late))
        for arrived in self._delivery.arrivals(parts):
            self._ring.index_add_(0, slots, arrived)
            slots = (slots + 1) % self._ring.shape[0]

    def _deliver_inside(self, spikes: Spikes, slots: Tensor) -> None:
        assert self._inside is not None
        parts = self._ring.new_zeros(2, self._sources)
        parts[0].index_add_(0, spikes.cells, torch.ones_like(spikes.offsets))
        parts[1].index_add_(0, spikes.cells, spikes.offsets)
        for sign, delivery in enumerate(self._signed):
            for k, arrived in enumerate(delivery.arrivals(parts)):
                self._inside[:, :, sign, k].index_add_(0, slots, arrived)


class SynapsePath:
    """Synapses with a model.

    Parameters
    ----------
    projection : Projection
        The projection.
    timing : Timing
        When its spikes act.
    port : PortTensors
        Of the port that it reaches.
    synapses : SynapseTensors
        The synapses themselves.
    """

    def __init__(
        self, projection: Projection, timing: Timing, port: PortTensors, synapses: SynapseTensors
    ) -> None:
        self._source, self._synapses = projection.source, synapses
        self._timing = timing
        self._ring, self._inside = port

    @property
    def longest_axon(self) -> int:
        """Whole time steps before the synapses, at most."""
        return self._synapses.axonal_steps[-1]

    def deliver(self, spikes: Spikes, step: int) -> None:
        """Bring the spikes of this step to the synapses that they reach at once."""
        if self._synapses.axonal_steps[0] == 0:
            emitted = torch.full_like(spikes.cells, step)
            self._bring(Arriving(*spikes, emitted, torch.zeros_like(emitted)), step)

    def arrive(self, step: int) -> None:
        """Bring spikes that have gone along their axons to the synapses, at a step's start."""
        queue, first = self._source.queue, self._synapses.first_queued
        if queue is None:
            return
        parts, gone = [], []
        for steps in filter(None, self._synapses.axonal_steps):
            begin, end = (queue.first_after(step - steps - k, first) for k in (1, 0))
            parts.append(np.arange(begin, end))
            gone.append(np.full(end - begin, steps))
        due = np.concatenate(parts) if parts else np.empty(0, np.int64)
        if due.size:
            whole = self._synapses.target
            cells, emitted = (
                whole.new_tensor(a[due].astype(np.int64)) for a in (queue.index, queue.step)
            )
            offsets = self._ring.new_tensor(queue.offset[due])
            arriving = Arriving(cells, offsets, emitted, whole.new_tensor(np.concatenate(gone)))
            self._bring(arriving, step)

    def _bring(self, spikes: Arriving, step: int) -> None:
        late, inside = (f(spikes.offsets) for f in (self._timing.later_part, self._timing.inside))
        slots, size = self._ring.shape
        ring = self._ring.view(-1)
        for synapse, spike, amount in self._synapses.reached_by(spikes, step):
            delay, target = self._synapses.delay, self._synapses.target[synapse]
            slot = spikes.emitted[spike] + (delay if delay.numel() == 1 else delay[synapse])
            part, moved = late[spike], torch.where(inside[spike], amount, 0.0)
            if self._inside is not None and bool(inside.any()):
                at = slot % slots, target, (moved < 0.0).long()
                moments = torch.stack([moved, moved * spikes.offsets[spike]], 1)
                self._inside.index_put_(at, moments, accumulate=True)
            amount = amount - moved
            ring.index_add_(0, slot % slots * size + target, (1.0 - part) * amount)
            ring.index_add_(0, (slot + 1) % slots * size + target, part * amount)
