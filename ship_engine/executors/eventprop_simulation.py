"""A network of leaky neurons as a differentiable function, from event to event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError, UnknownNameError, UnsupportedByExecutorError
from ship_engine.executors import eventprop_layout as at
from ship_engine.executors.eventprop_block import Block, Floats, Path
from ship_engine.executors.eventprop_course import Tools, run_block
from ship_engine.executors.eventprop_trains import (
    Trains,
    own_trains,
    trains_of_counts,
    trains_of_times,
)
from ship_engine.executors.torch_inputs import Given, Inputs, Replacements, checked_inputs
from ship_engine.executors.torch_simulation import Recording, injected_current
from ship_engine.groups import Group, NeuronGroup
from ship_engine.models.lif import LIFCurrentExponential
from ship_engine.ordering import divided, stack_order
from ship_engine.projection import Projection

if TYPE_CHECKING:
    from ship_engine.event_network import EventNetwork

INSTEAD = "use the executor 'fused' or 'torch'"


@dataclass
class EventRecording(Recording):
    """What a simulation from event to event brought.

    `spikes` are numbers, whose derivative is zero wherever there is one, so they carry no
    gradients; `times` and `states` do.

    Attributes
    ----------
    times : dict of Group to Tensor [batch, components, spikes]
        The times (ms) of all spikes of each component, ascending, and infinite behind the last.
        There is always at least one column, so that ``times[group][..., 0]`` are first spikes.
    """

    times: dict[Group, Tensor]


def refuse_unsupported(network: EventNetwork) -> None:
    """Raise UnsupportedByExecutorError for what the adjoint equations do not tell."""
    for group in network.groups:
        if isinstance(group, NeuronGroup) and group.model is not LIFCurrentExponential:
            raise UnsupportedByExecutorError(
                f"'{group.label}' has the model {group.model.name}; the executor 'eventprop' knows "
                f"LIFCurrentExponential (IF_curr_exp) alone. For others {INSTEAD}."
            )
    for projection in network.projections:
        if projection.dynamics is not None:
            raise UnsupportedByExecutorError(
                f"The synapses '{projection.label}' have the model "
                f"{projection.dynamics.model.name}; the executor 'eventprop' knows synapses "
                "without one alone. Connect them so, or use EventNetwork.run."
            )
    if network.gap_junctions:
        raise UnsupportedByExecutorError(
            "The executor 'eventprop' has no gap junctions, for each neuron is computed by itself "
            "between spikes; use the executor 'torch'."
        )


class EventSimulation:
    """A network, its inputs and its parameters.

    Parameters
    ----------
    network, steps, inputs, parameters
        See `EventPropExecutor.simulate`.
    batch_size : int
        If the inputs do not tell.
    tools : Tools
        What computes.
    """

    def __init__(
        self,
        network: EventNetwork,
        steps: int,
        inputs: Inputs,
        parameters: Replacements,
        batch_size: int,
        tools: Tools,
    ) -> None:
        refuse_unsupported(network)
        if steps < 1:
            raise InvalidValueError(f"A simulation of {steps} steps; give 1 or more.")
        self._network, self._steps, self._tools = network, steps, tools
        self._like = torch.zeros(0, dtype=torch.float64)
        given: dict[Any, Tensor] = dict(parameters)
        sources = [group for group in network.groups if not isinstance(group, NeuronGroup)]
        replaced = {group: given.pop((group, "spike_times"), None) for group in sources}
        for times in replaced.values():
            if times is not None and times.ndim == 3:
                batch_size = max(batch_size, times.shape[0])
        self._batch, tensors = checked_inputs(network, steps, inputs, self._like, batch_size)
        self._trains: dict[Group, Trains] = {}
        for group in sources:
            self._trains[group] = self._emitted(group, tensors.get(group), replaced[group])
        self._refuse_currents(tensors)
        self._paths = self._given_paths(given)

    def _emitted(self, group: Group, counts: Tensor | None, times: Tensor | None) -> Trains:
        clock = self._network.clock
        if counts is not None and times is not None:
            raise InvalidValueError(
                f"'{group.label}' has an input and spike times as well; give one of them."
            )
        if times is not None:
            return trains_of_times(group, times, self._batch, clock.time(self._steps))
        if counts is not None:
            return trains_of_counts(group, counts, clock)
        return own_trains(group, self._network, self._steps, self._batch)

    def _refuse_currents(self, tensors: dict[Group, Tensor]) -> None:
        for group in tensors:
            if isinstance(group, NeuronGroup):
                raise UnsupportedByExecutorError(
                    f"An input current of '{group.label}', which the executor 'eventprop' cannot "
                    f"inject; set i_offset if it is constant, or {INSTEAD}."
                )

    def _given_paths(self, given: dict[Any, Tensor]) -> list[Path]:
        """All projections with synapses, with their weights and delays."""
        known = {p: given.pop((p, "delay"), None) for p in self._network.projections}
        for key in given:
            if isinstance(key, tuple) and key[0] in self._network.groups:
                group, name = key
                states = [state.name for state in getattr(group.model, "states", ())]
                if name in [*group.values, *states]:
                    raise UnsupportedByExecutorError(
                        f"{name} of '{group.label}' as a parameter; the executor 'eventprop' has "
                        f"gradients of weights, delays and spike times. Set it by "
                        f"group.set or group.initialize, or {INSTEAD}."
                    )
        weights, paths = Given(given, self._like, self._batch), []
        for projection, delay in known.items():
            count = len(projection.synapses)
            weight = weights.weight(projection).expand(count)
            if not weight.isfinite().all():
                raise InvalidValueError(
                    f"A weight of {float(weight[~weight.isfinite()][0])} from "
                    f"'{projection.label}'; weights must be finite."
                )
            if count:
                paths.append(Path(projection, weight, self._delay(projection, delay)))
        weights.refuse_the_rest()
        return paths

    def _delay(self, projection: Projection, delay: Tensor | None) -> Tensor:
        count = len(projection.synapses)
        if delay is None:
            own = self._network.clock.time(projection.synapses.delay)
            return torch.from_numpy(np.asarray(own, np.float64)).expand(count)
        if delay.numel() not in (1, count):
            raise InvalidValueError(
                f"{delay.numel()} delays for the {count} synapses from '{projection.label}'; "
                "give one for all or one for each."
            )
        delay = delay.to("cpu", torch.float64).reshape(-1).expand(count)
        wrong = ~(delay.isfinite() & (delay >= 0.0))
        if wrong.any():
            raise InvalidValueError(
                f"A delay of {float(delay[wrong][0])} ms from '{projection.label}'; it must be "
                "finite and >= 0."
            )
        return delay

    def run(self, record: Sequence[tuple[NeuronGroup, str]]) -> EventRecording:
        """Compute all groups."""
        for group, state in record:
            if group not in self._network.groups or not isinstance(group, NeuronGroup):
                raise UnknownNameError(f"'{group.label}' is no group of neurons of this network.")
            group[state]
            if state != "v":
                raise UnsupportedByExecutorError(
                    f"The executor 'eventprop' does not record {state} of '{group.label}', but v "
                    f"alone; to record currents, {INSTEAD}."
                )
        recorded: set[Group] = {group for group, _ in record}
        potentials: dict[Group, Tensor] = {}
        times = np.asarray(self._network.clock.time(np.arange(self._steps + 1)), np.float64)
        for groups in self._blocks():
            paths = [path for path in self._paths if path.projection.target in groups]
            cells = np.concatenate([self._cells(group) for group in groups])
            block = Block(groups, paths, cells, times, self._batch, recorded & set(groups))
            trains, found = run_block(block, self._trains, self._tools)
            self._trains |= trains
            potentials |= found
        return self._recording({key: potentials[key[0]] for key in record})

    def _recording(self, states: dict[tuple[NeuronGroup, str], Tensor]) -> EventRecording:
        clock, stack = self._network.clock, self._network.groups
        spikes = {
            group: self._trains[group].counts(self._batch, self._steps, group.size, clock)
            for group in stack
        }
        times = {group: self._trains[group].padded(self._batch, group.size) for group in stack}
        return EventRecording(spikes, states, times)

    def _blocks(self) -> list[list[NeuronGroup]]:
        """Groups of neurons in parts, so that no projection leads back from one to another."""
        groups = [group for group in self._network.groups if isinstance(group, NeuronGroup)]
        number: dict[Group, int] = {group: k for k, group in enumerate(groups)}
        inner = [path for path in self._paths if path.projection.source in number]
        ends = [(number[p.projection.source], number[p.projection.target]) for p in inner]
        at_once = [bool((path.delay == 0.0).any()) for path in inner]
        # Loops have to open at delays, so only what has none costs something.
        edges = [(*pair, float(instant)) for pair, instant in zip(ends, at_once, strict=True)]
        order = stack_order(len(groups), edges)
        place = {k: position for position, k in enumerate(order)}
        reach = list(range(len(groups)))
        for path, (source, target), instant in zip(inner, ends, at_once, strict=True):
            first, last = place[target], place[source]
            if instant and first <= last:
                raise UnsupportedByExecutorError(
                    f"'{path.projection.label}' closes a loop without delay, in which spikes would "
                    f"act on themselves; give it a delay, or {INSTEAD}."
                )
            reach[first] = max(reach[first], last)
        blocks = [[groups[order[k]] for k in part] for part in divided(reach)]
        self._refuse_short(blocks)
        return blocks

    def _refuse_short(self, blocks: list[list[NeuronGroup]]) -> None:
        """Refuse delays of loops that would divide time into windows shorter than steps."""
        dt = self._network.clock.dt
        for path in self._paths:
            ends = path.projection.source, path.projection.target
            positive = path.delay[path.delay > 0.0]
            shortest = float(positive.detach().min()) if positive.numel() else dt
            if shortest < dt * (1.0 - 1e-6) and any(set(ends) <= set(block) for block in blocks):
                raise InvalidValueError(
                    f"A delay of {shortest:g} ms from '{path.projection.label}', which is part of "
                    f"a loop; there it must be at least one time step, {dt:g} ms."
                )

    def _cells(self, group: NeuronGroup) -> Floats:
        """Parameters and initial states of a group's neurons."""
        current = injected_current(self._network, group, self._steps, self._like)[0].numpy()
        if (current != current[:1]).any():
            raise UnsupportedByExecutorError(
                f"A current that changes in time is injected into '{group.label}'; the executor "
                f"'eventprop' has constant ones alone. Set i_offset, or {INSTEAD}."
            )
        rest, tau, cm = group.get("v_rest"), group.get("tau_m"), group.get("cm")
        cells = np.empty((group.size, at.PARAMETER_ROW + 3))
        cells[:, at.V_INFINITY] = rest + tau / cm * (group.get("i_offset") + current[0])
        cells[:, at.RATE_M], cells[:, at.ELASTANCE] = 1.0 / tau, 1.0 / cm
        cells[:, at.RATE_EXC] = 1.0 / group.get("tau_syn_exc")
        cells[:, at.RATE_INH] = 1.0 / group.get("tau_syn_inh")
        cells[:, at.REFRACTORY] = group.get("tau_refrac")
        cells[:, at.V_RESET], cells[:, at.V_THRESH] = group.get("v_reset"), group.get("v_thresh")
        cells[:, at.PARAMETER_ROW :] = group.initial.T
        threshold = cells[:, at.V_THRESH]
        for name, value in (("v_reset", cells[:, at.V_RESET]), ("v", group.initial[0])):
            wrong = ~(value < threshold)
            if wrong.any():
                raise UnsupportedByExecutorError(
                    f"{name} = {value[wrong][0]:g} mV in '{group.label}', not below v_thresh = "
                    f"{threshold[wrong][0]:g} mV; such spikes cross no threshold, so that their "
                    f"times have no gradient. Lower it, or {INSTEAD}."
                )
        return cells
