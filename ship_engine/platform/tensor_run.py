"""Run a network step after step in tensors: differentiable, on any device, for any model.

Nothing is changed in place, so that autograd can go back through time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ship_engine.errors import UnsupportedByExecutorError
from ship_engine.models.base import Model, argument_names
from ship_engine.platform.arrivals import Arrivals
from ship_engine.platform.models.synapses import SynapseModel
from ship_engine.platform.monitors import HANDED_ON, Record
from ship_engine.platform.plan import (
    Block,
    Member,
    Values,
)
from ship_engine.platform.subnormals import subnormals_are_zero
from ship_engine.platform.summing import can_be_summed, summed_over_sources
from ship_engine.training.surrogates import Surrogate

Kept = dict[Member, dict[str, list[Tensor]]]


class TensorRunner:
    """Runs networks in tensors; see `ship_engine.platform.runners.Runner`.

    Parameters
    ----------
    like : Tensor
        Says the device and the type of numbers.
    surrogate : Surrogate
        What gives spikes a derivative.
    """

    whole_runs = False

    def __init__(self, like: Tensor, surrogate: Surrogate) -> None:
        self._like, self._surrogate = like, surrogate
        self._boxes: dict[Member, Outbox] = {}
        self._computing: list[TensorNeurons | _Synapses] = []

    def start(self, blocks: Sequence[Block], batch_size: int, record: Record) -> None:
        like = self._like
        stack = [member for block in blocks for member in block.members]
        self._boxes = {m: Outbox(m, batch_size, like) for m in stack}
        self._computing = []
        for member in stack:
            if issubclass(member.model, SynapseModel):
                watched = set(record.get(member, ())) - {"output", "input"}
                summed = can_be_summed(member) and not watched
                self._computing.append(_Synapses(member, batch_size, like, summed))
            elif issubclass(member.model, Model):
                self._computing.append(TensorNeurons(member, batch_size, like, self._surrogate))

    def advance(
        self,
        steps: np.ndarray[Any, Any],
        arrivals: Mapping[Member, Arrivals],
        inputs: Mapping[Member, Tensor],
        record: Record,
    ) -> None:
        kept: Kept = {m: {name: [] for name in names} for m, names in record.items()}
        with subnormals_are_zero():
            for step, dt in enumerate(steps):
                self._step(step, float(dt), arrivals, inputs, kept)
        for member, quantities in record.items():
            for name, recorders in quantities.items():
                chunk = torch.stack(kept[member][name], 1)
                for recorder in recorders:
                    recorder.take(chunk)

    def _step(
        self,
        step: int,
        dt: float,
        arrivals: Mapping[Member, Arrivals],
        inputs: Mapping[Member, Tensor],
        kept: Kept,
    ) -> None:
        for source, given in inputs.items():
            self._hand_on(source, given[:, step], arrivals, step, kept)
        for group in self._computing:
            received = self._received(group.member, arrivals)
            output = group.advance(received, dt)
            self._hand_on(group.member, output, arrivals, step, kept)
            self._sample(group, received, kept)
        for box in self._boxes.values():
            box.next_step()

    def states(self) -> Iterable[tuple[Member, str, Tensor]]:
        for group in self._computing:
            for name, value in group.states.items():
                yield group.member, name, value

    def _hand_on(
        self,
        member: Member,
        output: Tensor,
        arrivals: Mapping[Member, Arrivals],
        step: int,
        kept: Kept,
    ) -> None:
        box = self._boxes[member]
        box.put(output, arrivals[member], step)
        if "output" in kept.get(member, {}):
            kept[member]["output"].append(box.now())

    def _received(self, member: Member, arrivals: Mapping[Member, Arrivals]) -> list[Tensor]:
        """What reaches each input of a member in this step."""
        model = member.model
        ports = max(len(model.ports), 1)
        sums: list[Tensor] = [self._like.new_zeros(())] * ports
        for edge in member.incoming:
            box = self._boxes[edge.source]
            late = edge.backward and arrivals[edge.source].shortest == 0
            sums[edge.port] = sums[edge.port] + (box.before() if late else box.now())
        return sums

    def _sample(self, group: TensorNeurons | _Synapses, received: list[Tensor], kept: Kept) -> None:
        for name, samples in kept.get(group.member, {}).items():
            if name == HANDED_ON:
                samples.append(group.current)
            elif name == "input":
                samples.append(self._total(group.member, received))
            elif name != "output":
                samples.append(group.states[name])

    def _total(self, member: Member, received: list[Tensor]) -> Tensor:
        """All that reaches a member in this step."""
        total = torch.stack([torch.atleast_2d(one) for one in received]).sum(0)
        width = member.incoming[0].source.width if member.incoming else member.width
        return total.expand(len(self._boxes[member].now()), width)


class Outbox:
    """What a group has handed on: in this step, in the one before, and what is still to come."""

    def __init__(self, member: Member, batch_size: int, like: Tensor) -> None:
        self._zero = like.new_zeros(batch_size, member.width)
        self._before, self._coming = self._zero, [self._zero]

    def now(self) -> Tensor:
        """What arrives in this step."""
        return self._coming[0]

    def before(self) -> Tensor:
        """What arrived in the step before."""
        return self._before

    def put(self, output: Tensor, arrivals: Arrivals, step: int) -> None:
        """Hand on the output of a step: [batch, width], or [batch, source, target] to be summed."""
        for number, later in enumerate(arrivals.table[:, step]):
            part = output
            if arrivals.table.shape[0] > 1:
                mask = arrivals.number == number
                if mask.ndim > output.dim():  # summed, hence the same for all sources
                    mask = mask[:, 0]
                part = output * torch.as_tensor(mask, device=output.device)
            self._add(part.sum(1) if part.dim() == 3 else part, int(later))

    def _add(self, part: Tensor, later: int) -> None:
        while len(self._coming) <= later:
            self._coming.append(self._zero)
        self._coming[later] = self._coming[later] + part

    def next_step(self) -> None:
        """Time goes on by one step."""
        self._before = self._coming.pop(0)
        if not self._coming:
            self._coming.append(self._zero)


class _Group:
    """A member's states, and its model's functions, called by name.

    Parameters
    ----------
    member : Member
        The group.
    computed : Member
        The group, or what takes its place because it computes the same.
    batch_size : int
        Simulations side by side.
    like : Tensor
        Says the device and the type of numbers.
    """

    def __init__(self, member: Member, computed: Member, batch_size: int, like: Tensor) -> None:
        assert issubclass(member.model, Model)
        self.member, self.model = member, member.model
        self.shape = (batch_size, *computed.components)
        self.states = {n: v.expand(self.shape) for n, v in computed.initial.items()}
        self.current = like.new_zeros(())
        self._values, self._like = computed.values, like
        self._coefficients: dict[float, Values] = {}

    def _known(self, dt: float) -> Values:
        """Parameters, dt, and what `time_dep` gives for it."""
        if dt not in self._coefficients:
            values = {**self._values, "dt": self._like.new_tensor(dt)}
            found = self._called(self.model.time_dep, values)
            named = dict(zip(self.model.coefficients, found, strict=True))
            self._coefficients[dt] = {**values, **named, "i_inj": self._like.new_zeros(())}
        return self._coefficients[dt]

    def _called(self, function: Callable[..., Any], values: Mapping[str, Any]) -> Any:
        try:
            return function(*[values[name] for name in argument_names(function)])
        except (TypeError, ValueError, RuntimeError) as error:
            raise UnsupportedByExecutorError(
                f"'{function.__name__}' of {self.model.name}, the model of '{self.member.id}', "
                "cannot be computed with tensors; it is called once for all components, so write "
                "`where` in place of `if`, and functions of ship_engine.elementwise or torch. "
                f"Torch says: {error}"
            ) from error

    def _advanced(self, values: Mapping[str, Any]) -> Values:
        names = [state.name for state in self.model.states]
        found = self._called(self.model.advance_timestep, values)
        return {n: self._full(v) for n, v in zip(names, found, strict=True)}

    def _full(self, value: Any) -> Tensor:
        like = self._like
        return torch.as_tensor(value, dtype=like.dtype, device=like.device).expand(self.shape)


class _Synapses(_Group):
    """Components that weigh what they receive."""

    def __init__(self, member: Member, batch_size: int, like: Tensor, summed: bool) -> None:
        computed = summed_over_sources(member) if summed else member
        super().__init__(member, computed, batch_size, like)
        if member.wanted is not None and member.wanted.requires_grad:
            member.write()  # as training has left the wanted weights
        self._weight = member.scaled_weight()

    def advance(self, received: list[Tensor], dt: float) -> Tensor:
        """Go on by one step; what each of them, or each target, hands on."""
        arriving = received[0]
        if self._weight is not None:
            weight = self._weight
            if len(self.shape) == 2:  # one for each target
                arriving = torch.matmul(arriving[:, None], weight)[:, 0]
            else:
                arriving = arriving[:, :, None] * weight
        for _ in range(parts := self.model.divisions(dt)):
            known = self._known(dt / parts)
            self.states = self._advanced({**known, **self.states, "input": arriving, "free": 1.0})
        assert self.model.output is not None
        values = {**known, **self.states, "input": arriving, "free": 1.0}
        self.current = self._full(self._called(self.model.output, values))
        return self.current


class TensorNeurons(_Group):
    """Components that may spike."""

    def __init__(self, member: Member, batch_size: int, like: Tensor, surrogate: Surrogate) -> None:
        super().__init__(member, member, batch_size, like)
        self._surrogate = surrogate
        zero = like.new_zeros(self.shape)
        self._left, self._rest, self._zero = zero, zero, zero

    def advance(self, received: list[Tensor], dt: float) -> Tensor:
        """Go on by one step; what each component hands on."""
        model, parts = self.model, self.model.divisions(dt)
        known = self._known(dt / parts)
        free = ((self._left <= 0.5 * dt) & (self._rest <= 0.0)).to(self._zero.dtype)
        states = self._with_input(received, known, free)
        values = {**known, "input": received[0] + self._zero, "free": free}
        spikes = self._zero
        for _ in range(parts):
            new = self._advanced({**values, **states})
            for name in model.held:
                new[name] = torch.where(free > 0.5, new[name], states[name])
            if model.threshold is not None and parts > 1:
                new = {n: torch.where(spikes > 0.5, states[n], v) for n, v in new.items()}
            states = new
            if model.threshold is not None:
                distance = self._full(self._called(model.threshold, {**values, **states}))
                spikes = self._surrogate(distance) * free
        output = spikes
        if model.output is not None:
            output = self._full(self._called(model.output, {**values, **states}))
        self.states = self._after(spikes.detach() > 0.5, states, values, dt)
        return output

    def _with_input(self, received: list[Tensor], known: Values, free: Tensor) -> Values:
        """The states with what has arrived at their ports."""
        states = dict(self.states)
        for port, arriving in zip(self.model.ports, received, strict=False):
            amount = arriving if port.gain is None else arriving * known[port.gain]
            if port.state in self.model.held:
                amount = amount * free
            states[port.state] = states[port.state] + amount
        return states

    def _after(self, spiked: Tensor, states: Values, values: Values, dt: float) -> Values:
        """The states after resets; what is left of refractory periods is counted."""
        model = self.model
        self._left = (self._left - dt).clamp(min=0.0)
        self._rest = (self._rest - 1.0).clamp(min=0.0)
        if model.threshold is None or not bool(spiked.any()):
            return states
        touched = spiked
        if model.winner_takes_all is not None:
            touched = spiked.any(1, keepdim=True).expand(self.shape)
        assert model.reset is not None
        reset = self._called(model.reset, {**values, **states})
        named = zip(model.reset_states, reset, strict=True)
        states = states | {n: torch.where(touched, self._full(v), states[n]) for n, v in named}
        self._rest = torch.where(touched, float(model.least_refractory_steps), self._rest)
        if model.refractory_period is not None:
            longest = self.member.values[model.refractory_period].detach()
            shared = touched if model.winner_takes_all == "refractory" else spiked
            self._left = torch.where(shared, longest, self._left)
        return states
