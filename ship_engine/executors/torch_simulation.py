"""A network as a differentiable function of its inputs and parameters.

Nothing is changed in place, so that autograd can go back through time: states are replaced at
every step, and pending input is a sum of tensors for each coming step.  Spikes lie on the grid,
so refractory periods are whole numbers of steps.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ship_engine.delivery.torch_autograd import Delivery
from ship_engine.errors import InvalidValueError, UnknownNameError, UnsupportedByExecutorError
from ship_engine.executors.torch_coupling import DifferentiableGaps
from ship_engine.executors.torch_inputs import Given, Inputs, Replacements, checked_inputs
from ship_engine.executors.torch_members import Emitter, Neurons, Path
from ship_engine.groups import Group, NeuronGroup
from ship_engine.training.surrogates import Surrogate

if TYPE_CHECKING:
    from ship_engine.event_network import EventNetwork


def refuse_unsupported(network: EventNetwork) -> None:
    """Raise UnsupportedByExecutorError for what has no gradient, or none that we know of."""
    if not network.on_grid:
        raise UnsupportedByExecutorError(
            "TorchExecutor.simulate does not find spikes inside a time step "
            "(spike_precision='off_grid'), for their times would have no gradient; "
            "build the network with spike_precision='on_grid'."
        )
    for projection in network.projections:
        if projection.dynamics is not None:
            raise UnsupportedByExecutorError(
                f"TorchExecutor.simulate has no {projection.dynamics.model.name} synapses "
                f"({projection.label}), for what they remember would have no gradient; "
                "use EventNetwork.run, or synapses without a model, whose weights can be trained."
            )


def injected_current(network: EventNetwork, group: NeuronGroup, steps: int, like: Tensor) -> Tensor:
    """What the network's current sources inject into a group, [1, steps, components]."""
    total = like.new_zeros(steps, group.size)
    for injection in network.injections:
        if injection.group is group:
            amplitude = injection.source.amplitudes(0, steps, network.clock)
            cells = torch.as_tensor(injection.cells, dtype=torch.int64, device=like.device)
            rows = like.new_tensor(amplitude)[:, None].expand(-1, cells.numel())
            total = total.index_add(1, cells, rows)
    return total[None]


def warn_of_load(label: str, dt: float) -> None:
    """Say that a simulation took steps that `EventNetwork.run` would have divided."""
    warnings.warn(
        f"Conductances of '{label}' were too strong for time steps of {dt:g} ms. A run divides "
        "such steps, while a simulation with gradients does not, so that they differ; use a "
        "shorter time step, or smaller weights.",
        stacklevel=2,
    )


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

    spikes: dict[Group, Tensor]
    states: dict[tuple[NeuronGroup, str], Tensor]


class Simulation:
    """A network, its inputs and its parameters in tensors.

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
        network: EventNetwork,
        steps: int,
        inputs: Inputs,
        parameters: Replacements,
        like: Tensor,
        batch_size: int,
        delivery: type[Delivery],
        surrogate: Surrogate,
    ) -> None:
        refuse_unsupported(network)
        if steps < 0:
            raise InvalidValueError(f"A simulation of {steps} steps; time only goes forward.")
        self._network, self._steps, self._stack = network, steps, network.stack()
        batch, tensors = checked_inputs(network, steps, inputs, like, batch_size)
        given = Given(parameters, like, batch)
        self._neurons: dict[Group, Neurons] = {}
        self._emitters: dict[Group, Emitter] = {}
        for group in self._stack:
            tensor = tensors.get(group)
            if isinstance(group, NeuronGroup):
                current = injected_current(network, group, steps, like)
                current = current if tensor is None else current + tensor
                values = given.values(group)
                keys = [network.key_of(group, repetition=k) for k in range(batch)]
                neurons = Neurons(group, network.clock.dt, values, current, batch, surrogate, keys)
                self._neurons[group] = neurons
            elif tensor is None:
                self._emitters[group] = Emitter.of(group, network, steps, batch, like)
            else:
                self._emitters[group] = Emitter(tensor, torch.zeros_like(tensor[:, 0]))
        self._paths: dict[Group, list[Path]] = {group: [] for group in self._stack}
        place = {group: k for k, group in enumerate(self._stack)}
        for projection in network.projections:
            synapses, weight = given.synapses(projection, network.clock.dt)
            backward = place[projection.target] <= place[projection.source]
            if len(synapses):
                path = Path(projection, synapses, weight, delivery, backward)
                self._paths[projection.source].append(path)
        given.refuse_the_rest()
        self._gaps = DifferentiableGaps(network, self._neurons, like)

    def run(self, record: Iterable[tuple[NeuronGroup, str]]) -> Recording:
        """Go through all time steps."""
        samples: dict[tuple[NeuronGroup, str], list[Tensor]] = {}
        for group, state in record:
            if group not in self._neurons:
                raise UnknownNameError(f"'{group.label}' is not a group of this network; add it.")
            group[state]
            samples[group, state] = []
        spikes: dict[Group, list[Tensor]] = {group: [] for group in self._neurons}
        for step in range(self._steps):
            self._gaps.flow()
            self._sample(samples, step)
            for member in self._stack:
                self._advance(member, step, spikes)
        self._sample(samples, self._steps)
        for neurons in self._neurons.values():
            neurons.check(self._network.clock.time(self._steps))
            if bool(neurons.overloaded):
                warn_of_load(neurons.label, self._network.clock.dt)
        found = {group: emitter.spikes for group, emitter in self._emitters.items()}
        found |= {group: self._neurons[group].stacked(parts) for group, parts in spikes.items()}
        return Recording(found, {key: torch.stack(parts, 1) for key, parts in samples.items()})

    def _sample(self, samples: dict[tuple[NeuronGroup, str], list[Tensor]], step: int) -> None:
        for (group, state), parts in samples.items():
            parts.append(self._neurons[group].received(state, step))

    def _advance(self, group: Group, step: int, spikes: dict[Group, list[Tensor]]) -> None:
        early = None
        if group in self._neurons:
            now = self._neurons[group].step(step)
            spikes[group].append(now)
        else:
            emitter = self._emitters[group]
            now = emitter.spikes[:, step]
            early = emitter.early if step == 0 else None
        for path in self._paths[group]:
            for slot, arriving in path.arrivals(now, early, step):
                if slot <= self._steps:
                    self._neurons[path.target].receive(path.port, slot, arriving)
