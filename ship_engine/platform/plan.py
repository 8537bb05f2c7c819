"""A network made ready to run: who hands what to whom, in which order, and all tensors.

The groups, neurons and synapses alike, are advanced one after the other in the order of the stack
(`ship_engine.ordering`).  What a group hands on in a step is found by those behind it in the same
step, and by those before it, to which the edge runs *backward*, in the next one; a delay of one or
more steps takes the place of that.

A part of the stack that no backward edge enters or leaves is a `Block`.  The groups of a block
without backward edges can each go through any number of steps before the next one starts.  The
groups of a block with backward edges take turns after `Block.lag` steps, which is how long the
shortest of those edges keeps back what it carries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError
from ship_engine.models.base import Model, Source
from ship_engine.ordering import divided, stack_order
from ship_engine.platform.arguments import Place, check_allowed, resolved
from ship_engine.platform.arrivals import Arrivals
from ship_engine.platform.groups import GroupDescription, checked_port, known_group
from ship_engine.platform.models.synapses import SynapseModel

Values = dict[str, Tensor]

LONGEST = 10_000_000
"""For how many steps anything can be delayed."""


@dataclass(eq=False)
class Incoming:
    """An edge to a group.

    Attributes
    ----------
    source : Member
        The group that hands on.
    backward : bool
        Whether what is handed on without delay is found in the next step.
    port : int
        Which input it reaches.
    """

    source: Member
    backward: bool
    port: int


@contextmanager
def enough_memory(id: str, sizes: Sequence[int]) -> Iterator[None]:
    """Say which synapses are too many, where weights cannot be kept in memory.

    Raises
    ------
    InvalidValueError
        If there is no room for them.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:  # torch raises either
        if "alloc" not in str(error):
            raise
        raise InvalidValueError(
            f"'{id}' has {' x '.join(map(str, sizes))} synapses, which do not fit into memory."
        ) from error


@dataclass(eq=False)
class Member:
    """A group with its tensors.

    Attributes
    ----------
    id : str
        Of the group.
    model : type
        What each component computes.
    components : tuple of int
        (N,), or (sources, targets), or (targets,) where synapses are summed.
    width : int
        How many numbers it hands on in a step.
    values : dict of str to Tensor
        Parameters; an axis for the batch and for each axis of the components, perhaps of length 1.
    initial : dict of str to Tensor
        Where states start, likewise.
    weight, scale : Tensor or None
        [batch or 1, sources, targets], and broadcasting to it: what synapses multiply by.
    wanted : Tensor or None
        The weights that were written, if they are kept in devices; `weight` is what is found there.
    generators : callable or None
        Gives the generator for these devices, by the id; the same one at every call.
    incoming : list of Incoming
        What it receives.
    """

    id: str
    model: type[Model] | type[Source]
    components: tuple[int, ...]
    width: int
    values: Values = field(default_factory=dict)
    initial: Values = field(default_factory=dict)
    weight: Tensor | None = None
    scale: Tensor | None = None
    wanted: Tensor | None = None
    generators: Callable[[str], np.random.Generator] | None = None
    incoming: list[Incoming] = field(default_factory=list)

    @property
    def delay(self) -> Tensor | None:
        """For how long (ms) it keeps back what it hands on."""
        name = self.model.output_delay if issubclass(self.model, Model) else None
        return None if name is None else self.values[name]

    def is_delayed(self) -> bool:
        """Whether any of its components keeps anything back."""
        return self.delay is not None and bool((self.delay > 0.0).any())

    def write(self) -> None:
        """Write the wanted weights to the devices that keep them, and find `weight` there.

        Each time they are missed by the same, so that what is found depends on them alone.
        """
        assert issubclass(self.model, SynapseModel)
        assert self.wanted is not None
        assert self.generators is not None
        elapsed = self.values["elapsed"]
        if elapsed.ndim < self.wanted.ndim:  # one for each target
            elapsed = elapsed.unsqueeze(1)
        device = self.model.device
        self.weight = device.deploy(self.wanted, elapsed, self.generators(self.id), self.id)

    def scaled_weight(self) -> Tensor | None:
        """The product of weight and scale: [batch or 1, sources, targets]."""
        if self.weight is None or self.scale is None:
            return None
        if self.scale.numel() == 1 and not self.scale.requires_grad and float(self.scale) == 1.0:
            return self.weight
        with enough_memory(self.id, self.weight.shape[1:]):
            return self.weight * self.scale

    def least_delay(self) -> float:
        """The shortest of its delays in ms."""
        return 0.0 if self.delay is None else float(self.delay.detach().min())


@dataclass(frozen=True)
class Block:
    """Groups that follow one another in the stack and are advanced together.

    Attributes
    ----------
    members : list of Member
        In the order of the stack.
    looped : bool
        Whether some edge among them is backward.
    """

    members: list[Member]
    looped: bool

    def lag(self, arrivals: Mapping[Member, Arrivals]) -> int:
        """For how many steps each of them can run before the next one."""
        return min(
            max(arrivals[edge.source].shortest, 1)
            for member in self.members
            for edge in member.incoming
            if edge.backward
        )


def arrivals_of(blocks: Sequence[Block], steps: np.ndarray[Any, Any]) -> dict[Member, Arrivals]:
    """When arrives what each member hands on, for steps of these lengths (ms).

    What a delayed member hands on backward arrives one step later or more, all that it hands on,
    however short its delays and whatever the steps, so that runs can be resumed with others.
    """
    members = [member for block in blocks for member in block.members]
    backward = {edge.source for m in members for edge in m.incoming if edge.backward}
    found = {}
    for member in members:
        least = int(member in backward and member.is_delayed())
        found[member] = Arrivals(member.delay, steps, least)
        if found[member].longest > LONGEST:
            raise InvalidValueError(
                f"'{member.id}' keeps back what it hands on for {found[member].longest} time "
                f"steps, more than {LONGEST}; delays are in ms."
            )
    return found


def make_members(
    groups: Mapping[str, GroupDescription],
    batch_size: int,
    like: Tensor,
    sow: Callable[[str], None],
    generators: Callable[[str], np.random.Generator],
) -> dict[str, Member]:
    """Every group with its tensors, without edges.

    Parameters
    ----------
    groups : mapping of str to GroupDescription
        What was said about them.
    batch_size : int
        Simulations side by side.
    like : Tensor
        Says the device and the type of numbers.
    sow : callable
        Seeds torch for the arguments of a group, by its id.
    generators : callable
        Gives the generator for the devices that keep the weights of a group, by its id.

    Raises
    ------
    UnknownNameError
        If synapses connect a group that does not exist, or reach a port that their target lacks.
    InvalidValueError
        If an argument has a value or a shape that the group cannot use.
    """
    members = {}
    for group in groups.values():
        sow(group.id)
        components, width = _sizes(group, groups)
        member = Member(group.id, group.model, components, width)
        place = Place(group.id, components, batch_size)
        for parameter in group.model.parameters:
            value = resolved(
                parameter.name,
                group.arguments.get(parameter.name, parameter.default),
                place,
                like,
                infinite=True,
            )
            check_allowed(parameter, value, place)
            member.values[parameter.name] = value
        for state in group.model.states:
            given = group.arguments.get(state.name, state.initial)
            member.initial[state.name] = resolved(state.name, given, place, like)
        if issubclass(group.model, SynapseModel) and group.model.weighted:
            _set_weight(member, group, groups, batch_size, like)
            _keep_in_device(member, generators)
        members[group.id] = member
    return members


def _sizes(
    group: GroupDescription, groups: Mapping[str, GroupDescription]
) -> tuple[tuple[int, ...], int]:
    """The components of a group, and how many numbers it hands on."""
    if not issubclass(group.model, SynapseModel):
        assert group.size is not None
        return (group.size,), group.size
    source, target = known_group(groups, group.source), known_group(groups, group.target)
    for end in (source, target):
        if end.is_synapse:
            raise InvalidValueError(
                f"'{group.id}' connects '{source.id}' to '{target.id}', but '{end.id}' is a group "
                "of synapses; synapses connect neurons and inputs."
            )
    checked_port(group, target)
    assert source.size is not None
    assert target.size is not None
    if group.model.one_to_one and source.size != target.size:
        raise InvalidValueError(
            f"'{group.id}' ({group.model.name}) connects component k with component k, but "
            f"'{source.id}' has {source.size} and '{target.id}' {target.size} components."
        )
    if group.model.one_to_one or group.model.summed:
        return (target.size,), target.size
    return (source.size, target.size), target.size


def _set_weight(
    member: Member,
    group: GroupDescription,
    groups: Mapping[str, GroupDescription],
    batch_size: int,
    like: Tensor,
) -> None:
    """Weight and scale of synapses; w is uniform in [0, 1) if nothing is said."""
    assert group.source is not None
    assert group.target is not None
    sizes = groups[group.source].size or 0, groups[group.target].size or 0
    place = Place(group.id, sizes, batch_size)
    given = group.arguments.get("w")
    with enough_memory(group.id, sizes):
        weight = resolved("w", torch.rand(sizes) if given is None else given, place, like)
    member.weight = weight.expand(weight.shape[0], *sizes)
    member.scale = resolved("w_scale", group.arguments.get("w_scale", 1.0), place, like)


def _keep_in_device(member: Member, generators: Callable[[str], np.random.Generator]) -> None:
    """Replace the weights by what a device makes of them, if they are kept in one."""
    assert issubclass(member.model, SynapseModel)
    if member.model.device is not None:
        member.wanted, member.generators = member.weight, generators
        member.write()


def make_blocks(
    members: Mapping[str, Member], groups: Mapping[str, GroupDescription]
) -> list[Block]:
    """Connect the members and divide the stack into blocks."""
    numbers = {id: k for k, id in enumerate(members)}
    pairs: list[tuple[str, str, int]] = []
    for group in groups.values():
        if group.is_synapse:
            assert group.source is not None
            assert group.target is not None
            port = checked_port(group, groups[group.target])
            pairs += [(group.source, group.id, 0), (group.id, group.target, port)]
    edges = [(numbers[a], numbers[b], members[a].least_delay()) for a, b, _ in pairs]
    order = stack_order(len(members), _costs(edges))
    place = {number: k for k, number in enumerate(order)}
    for member in members.values():
        member.incoming = []
    reach = list(range(len(order)))
    for (a, b, port), (source, target, _) in zip(pairs, edges, strict=True):
        backward = place[source] >= place[target]
        members[b].incoming.append(Incoming(members[a], backward, port))
        if backward:
            reach[place[target]] = max(reach[place[target]], place[source])
    created = list(members.values())
    stack = [created[number] for number in order]
    return [Block([stack[k] for k in part], len(part) > 1) for part in divided(reach)]


def _costs(edges: Sequence[tuple[int, int, float]]) -> list[tuple[int, int, float]]:
    """Edges with what it costs if they run backward, in place of their delays.

    Delayed edges carry the same in either direction, so they keep their delays, and the order is
    that of the paper.  An undelayed edge that runs backward is late by one step; as it costs more
    than all delays together, loops are opened at delayed edges wherever they have one.
    """
    much = 1.0 + sum(delay for _, _, delay in edges)
    return [(source, target, delay or much) for source, target, delay in edges]
