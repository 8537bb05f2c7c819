"""Run a network in fused loops: each group's whole time course at once, differentiable.

The synapses in front of a group are summed for each of its components and become a part of its
time step.  Groups without a loop among them are computed one after the other, each from its first
step to its last; groups in a loop take turns, window by window (`ship_engine.fused.course`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ship_engine.errors import UnsupportedByExecutorError
from ship_engine.fused.blocks import Edge, Node, Plan
from ship_engine.fused.course import Courses, run_block
from ship_engine.fused.links import Link, blocks_of, incoming, spread_in_time
from ship_engine.fused.runtime import Runtime
from ship_engine.fused.time_step import Kind, of_synapse
from ship_engine.models.base import Model, argument_names
from ship_engine.platform.arrivals import Arrivals
from ship_engine.platform.models.synapses import SynapseModel
from ship_engine.platform.monitors import Record
from ship_engine.platform.plan import Block, Incoming, Member, Values
from ship_engine.platform.summing import can_be_summed, summed_over_sources
from ship_engine.training.surrogates import Surrogate


@dataclass(eq=False)
class _Group:
    """Neurons and the synapses in front of them."""

    member: Member
    synapses: list[tuple[Member, Incoming]] = field(default_factory=list)


class FusedRunner:
    """Runs networks in fused loops; see `ship_engine.platform.runners.Runner`.

    Parameters
    ----------
    like : Tensor
        Says the type of numbers.
    surrogate : Surrogate
        What gives spikes a derivative.
    """

    whole_runs = True

    def __init__(self, like: Tensor, surrogate: Surrogate) -> None:
        self._like, self._surrogate, self._runtime = like, surrogate, Runtime()
        self._groups: list[_Group] = []
        self._batch = 1
        self._final: list[tuple[Member, str, Tensor]] = []
        self._begun = False

    def start(self, blocks: Sequence[Block], batch_size: int, record: Record) -> None:
        self._batch, self._begun, self._final = batch_size, False, []
        stack = [member for block in blocks for member in block.members]
        self._groups = []
        for member in stack:
            if issubclass(member.model, SynapseModel):
                _refuse_synapses(member, record)
            elif issubclass(member.model, Model):
                _refuse_neurons(member, record)
                synapses = [(edge.source, edge) for edge in member.incoming]
                self._groups.append(_Group(member, synapses))

    def advance(
        self,
        steps: np.ndarray[Any, Any],
        arrivals: Mapping[Member, Arrivals],
        inputs: Mapping[Member, Tensor],
        record: Record,
    ) -> None:
        if self._begun:
            raise UnsupportedByExecutorError(
                "The executor 'fused' computes a run as a whole and cannot resume it; use the "
                "executor 'torch', or one longer run."
            )
        if steps.size and not bool((steps == steps[0]).all()):
            raise UnsupportedByExecutorError(
                "The executor 'fused' needs time steps of one length; use the executor 'torch'."
            )
        self._begun = True
        dt, count = float(steps[0]), int(steps.size)
        given = {m: x.expand(self._batch, -1, -1).transpose(0, 1) for m, x in inputs.items()}
        outputs: dict[Member, Tensor] = {m: x.to(self._like.dtype) for m, x in given.items()}
        states: dict[Member, dict[str, Tensor]] = {}
        links = {group.member: self._links(group, arrivals) for group in self._groups}
        groups = {group.member: group for group in self._groups}
        for part in blocks_of(list(groups), links):
            block = [groups[member] for member in part]
            self._advance_block(block, links, dt, count, outputs, states, record)
        self._record(record, arrivals, outputs, states)

    def _links(self, group: _Group, arrivals: Mapping[Member, Arrivals]) -> list[Link]:
        """What reaches a group: from whom, on which input, how many steps later."""
        found = []
        direct = max(len(group.member.model.ports), int(_model(group.member).takes_input()))
        for k, (synapse, edge) in enumerate(group.synapses):
            weight = _weight(synapse)
            behind = _late(edge, arrivals[synapse])
            for ahead in synapse.incoming:
                before = _late(ahead, arrivals[ahead.source])
                found += spread_in_time(
                    ahead.source,
                    direct + k,
                    weight,
                    (arrivals[ahead.source], before),
                    (arrivals[synapse], behind),
                )
            if any(link.lag for link in found if link.input == direct + k):
                _refuse_charged(synapse, arrivals[synapse], behind)
        return found

    def _advance_block(
        self,
        block: Sequence[_Group],
        links: Mapping[Member, list[Link]],
        dt: float,
        count: int,
        outputs: dict[Member, Tensor],
        states: dict[Member, dict[str, Tensor]],
        record: Record,
    ) -> None:
        place = {group.member: k for k, group in enumerate(block)}
        nodes, edges = [], []
        for group in block:
            node = self._node(group, dt)
            nodes.append(node)
            outside = [link for link in links[group.member] if link.source not in place]
            node.inputs = incoming(
                outside, outputs, node.kind.inputs, (count, self._batch, node.size), self._runtime
            )
            for link in links[group.member]:
                if link.source in place:
                    edges.append(
                        Edge(
                            place[link.source],
                            place[group.member],
                            link.input,
                            link.lag,
                            link.matrix(node.size, self._like),
                        )
                    )
        keep = any(set(record.get(group.member, ())) - {"output"} for group in block)
        tools = self._like, self._surrogate, self._runtime
        found = run_block(Plan(nodes, edges, count, self._batch, *tools, keep))
        self._take(block, found, outputs, states)

    def _take(
        self,
        block: Sequence[_Group],
        found: Courses,
        outputs: dict[Member, Tensor],
        states: dict[Member, dict[str, Tensor]],
    ) -> None:
        for k, group in enumerate(block):
            outputs[group.member] = found.outputs[k]
            states[group.member] = found.states[k]
            names = [state.name for state in _model(group.member).states]
            for name, final in found.final[k].items():
                whose, own = (group.member, name) if name in names else _of(group, name)
                self._final.append((whose, own, final))

    def _node(self, group: _Group, dt: float) -> Node:
        member, model = group.member, _model(group.member)
        synapses = [synapse for synapse, _ in group.synapses]
        kind = Kind(
            model,
            tuple(_model(synapse) for synapse in synapses),
            tuple(edge.port for _, edge in group.synapses),
            model.divisions(dt),
            True,
        )
        values = self._known(model, member.values, dt)
        initial = dict(member.initial)
        for k, synapse in enumerate(synapses):
            alike = summed_over_sources(synapse) if len(synapse.components) == 2 else synapse
            known = self._known(_model(synapse), alike.values, dt)
            values |= {of_synapse(k, name): value for name, value in known.items()}
            initial |= {of_synapse(k, name): value for name, value in alike.initial.items()}
        period = resting_steps(member, dt) if kind.rests else None
        return Node(kind, member.width, values, initial, period, [])

    def _known(self, model: type[Model], given: Values, dt: float) -> Values:
        """Parameters, dt, and what `time_dep` gives for a part of a step."""
        values = {**given, "dt": self._like.new_tensor(dt / model.divisions(dt))}
        names = argument_names(model.time_dep)
        found = model.time_dep(*[values[name] for name in names])
        named = zip(model.coefficients, found, strict=True)
        return values | {n: torch.as_tensor(v, dtype=self._like.dtype) for n, v in named}

    def states(self) -> Iterable[tuple[Member, str, Tensor]]:
        return self._final

    def _record(
        self,
        record: Record,
        arrivals: Mapping[Member, Arrivals],
        outputs: Mapping[Member, Tensor],
        states: Mapping[Member, dict[str, Tensor]],
    ) -> None:
        for member, quantities in record.items():
            for name, recorders in quantities.items():
                if name == "output":
                    course = _arriving(outputs[member], arrivals[member])
                else:
                    course = states[member][name][1:]
                for recorder in recorders:
                    recorder.take(course.transpose(0, 1))


def _model(member: Member) -> type[Model]:
    assert issubclass(member.model, Model)
    return member.model


def _weight(synapse: Member) -> Tensor | None:
    """The weights [sources, targets] of synapses; None for ideal wires."""
    if synapse.wanted is not None and synapse.wanted.requires_grad:
        synapse.write()  # as training has left the wanted weights
    weight = synapse.scaled_weight()
    if weight is None:
        return None
    if weight.shape[0] > 1:
        raise UnsupportedByExecutorError(
            f"'{synapse.id}' has other weights for each sample of the batch, with which the "
            "executor 'fused' cannot multiply; use the executor 'torch'."
        )
    return weight[0]


def _late(edge: Incoming, arrivals: Arrivals) -> int:
    """How many steps later what is handed on without delay is found."""
    return int(edge.backward and arrivals.shortest == 0)


def resting_steps(member: Member, dt: float) -> Tensor:
    """For how many steps components are not free after a spike."""
    model, least = _model(member), float(_model(member).least_refractory_steps)
    if model.refractory_period is None:
        return torch.tensor(least)
    longest = member.values[model.refractory_period].detach()
    return torch.clamp((longest / dt - 0.5 - 1e-6).ceil(), min=least)


def _of(group: _Group, name: str) -> tuple[Member, str]:
    """The synapses that a state of a program belongs to, and its name there."""
    for k, (synapse, _) in enumerate(group.synapses):
        prefix = of_synapse(k, "")
        if name.startswith(prefix):
            return synapse, name.removeprefix(prefix)
    raise AssertionError(name)


def _arriving(output: Tensor, arrivals: Arrivals) -> Tensor:
    """What a group hands on, when its delay is over."""
    if arrivals.longest == 0:
        return output
    total = torch.zeros_like(output)
    for kind, later in enumerate(arrivals.table[:, 0]):
        mask = torch.as_tensor(arrivals.number == kind)
        count = max(output.shape[0] - int(later), 0)
        shifted = torch.zeros_like(output)
        shifted[output.shape[0] - count :] = (output * mask)[:count]
        total = total + shifted
    return total


def _refuse_synapses(member: Member, record: Record) -> None:
    model = _model(member)
    if len(member.components) == 2 and not can_be_summed(member):
        raise UnsupportedByExecutorError(
            f"'{member.id}' ({model.name}) has to be computed synapse by synapse, since the model "
            "is not linear or its parameters differ from source to source; the executor 'fused' "
            "sums synapses for each target. Use the executor 'torch'."
        )
    if record.get(member):
        raise UnsupportedByExecutorError(
            f"'{member.id}' is monitored, but the executor 'fused' does not keep what synapses do; "
            "monitor neurons only, or use the executor 'torch'."
        )


def _refuse_neurons(member: Member, record: Record) -> None:
    model = _model(member)
    if model.winner_takes_all is not None:
        raise UnsupportedByExecutorError(
            f"'{member.id}' ({model.name}): the executor 'fused' computes each component by "
            "itself, so none can reset the others; use the executor 'torch'."
        )
    if "input" in record.get(member, {}):
        raise UnsupportedByExecutorError(
            f"'{member.id}' is monitored for its input, which the executor 'fused' does not keep; "
            "monitor its states or its output, or use the executor 'torch'."
        )


def _refuse_charged(synapse: Member, arrivals: Arrivals, behind: int) -> None:
    """Synapses that are late themselves are computed as if their input were; not if charged."""
    charged = any(bool((value != 0.0).any()) for value in synapse.initial.values())
    if charged and (arrivals.longest > 0 or behind > 0):
        raise UnsupportedByExecutorError(
            f"'{synapse.id}' is delayed and starts with a current; the executor 'fused' delays "
            "what reaches synapses instead. Start with none, or use the executor 'torch'."
        )
