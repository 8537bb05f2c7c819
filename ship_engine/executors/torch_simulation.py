"""A network as a differentiable function of its inputs and parameters.

Nothing is changed in place, so that autograd can go back through time: states are replaced at
every step, and pending input is a sum of tensors for each coming step.  Spikes lie on the grid,
so refractory periods are whole numbers of steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from ship_engine.delivery.torch_autograd import Delivery
from ship_engine.errors import (
    InvalidValueError,
    NonFiniteStateError,
    UnknownNameError,
    UnsupportedByExecutorError,
)
from ship_engine.executors.torch_groups import ModelFunctions, Values
from ship_engine.executors.torch_sources import emitted
from ship_engine.groups import Group, NeuronGroup
from ship_engine.training.surrogates import Surrogate

if TYPE_CHECKING:
    from ship_engine.network import Network, Projection

Overrides: TypeAlias = "Mapping[Projection | tuple[Group, str], Tensor]"
Inputs: TypeAlias = "Mapping[Group, Tensor]"


@dataclass
class Recording:
    """What a simulation brought.

    Attributes
    ----------
    spikes : dict of Group to Tensor [batch, steps, components]
        How many spikes each component had in each step.
    states : dict of (group, state) to Tensor [batch, steps + 1, components]
        At times t_0, t_1 and so on to the end, with what has arrived until then, as a
        `StateMonitor` has it.
    """

    spikes: dict[Group, Tensor] = field(default_factory=dict)
    states: dict[tuple[NeuronGroup, str], Tensor] = field(default_factory=dict)


class Simulation:
    """The time loop of one simulation.

    Parameters
    ----------
    network, steps, inputs, parameters
        See `TorchExecutor.simulate`.
    like : Tensor
        Says the device and the type of numbers.
    batch_size : int
        If the inputs do not tell.
    delivery : type[Delivery]
        How spikes are delivered.
    surrogate : Surrogate
        What gives spikes a derivative.
    """

    def __init__(
        self,
        network: Network,
        steps: int,
        inputs: Inputs,
        parameters: Overrides,
        like: Tensor,
        batch_size: int,
        delivery: type[Delivery],
        surrogate: Surrogate,
    ) -> None:
        if not network.on_grid:
            raise UnsupportedByExecutorError(
                "TorchExecutor.simulate does not find spikes inside a time step "
                "(spike_precision='off_grid'), for their times would have no gradient; "
                "build the network with spike_precision='on_grid'."
            )
        if steps < 0:
            raise InvalidValueError(f"A simulation of {steps} steps; time only goes forward.")
        self._steps, self._stack = steps, network.stack()
        batch = _batch_size(network, steps, inputs, batch_size)
        given = _Overrides(parameters, batch, like)
        self._members: dict[Group, _Neurons | _Emitter] = {}
        for group in self._stack:
            tensor = inputs.get(group)
            if tensor is not None:
                tensor = tensor.to(like.device, like.dtype).expand(batch, -1, -1)
            if isinstance(group, NeuronGroup):
                current = _current(group, network, steps, like, tensor)
                self._members[group] = _Neurons(group, network, current, given, surrogate)
            else:
                self._members[group] = _Emitter(group, network, steps, batch, like, tensor)
        self._paths: dict[Group, list[_Path]] = {group: [] for group in self._stack}
        for projection in network.projections:
            weight = given.weight(projection)
            if len(projection.synapses):
                path = _Path(projection, self._backward(projection), delivery, weight)
                self._paths[projection.source].append(path)
        given.refuse_the_rest(network)

    def _backward(self, projection: Projection) -> bool:
        place = self._stack.index
        return place(projection.target) <= place(projection.source)

    def run(self, record: Iterable[tuple[NeuronGroup, str]]) -> Recording:
        """Go through all time steps."""
        samples: dict[tuple[NeuronGroup, str], list[Tensor]] = {}
        for group, state in record:
            if group not in self._members:
                raise UnknownNameError(f"'{group.label}' is not a group of this network; add it.")
            group[state]
            samples[group, state] = []
        spikes: dict[Group, list[Tensor]] = {group: [] for group in self._stack}
        for step in range(self._steps):
            self._sample(samples, step)
            for group in self._stack:
                member = self._members[group]
                now = member.step(step)
                spikes[group].append(now)
                early = member.early if step == 0 else None
                for path in self._paths[group]:
                    for slot, arrived in path.arrivals(now, early, step):
                        self._members[path.target].receive(path.port, slot, arrived)
        self._sample(samples, self._steps)
        self._check()
        return Recording(
            {group: _stacked(parts, self._members[group]) for group, parts in spikes.items()},
            {key: torch.stack(parts, 1) for key, parts in samples.items()},
        )

    def _sample(
        self, samples: dict[tuple[NeuronGroup, str], list[Tensor]], step: int
    ) -> None:
        for (group, state), parts in samples.items():
            member = self._members[group]
            assert isinstance(member, _Neurons)
            parts.append(member.received(state, step))
