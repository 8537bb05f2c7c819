"""A network as a differentiable function of its inputs and parameters, in compiled loops.

The same function as `ship_engine.executors.torch_simulation` computes step by step: each group's
time course is one loop, and so is its adjoint (`ship_engine.fused.course`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ship_engine.delivery.torch_autograd import DenseDelivery
from ship_engine.errors import (
    InvalidValueError,
    NonFiniteStateError,
    UnknownNameError,
    UnsupportedByExecutorError,
)
from ship_engine.executors.torch_autograd import TorchExecutor
from ship_engine.executors.torch_inputs import Given, Inputs, Replacements, checked_inputs
from ship_engine.executors.torch_members import Emitter
from ship_engine.executors.torch_models import ModelFunctions
from ship_engine.executors.torch_simulation import (
    Recording,
    injected_current,
    refuse_unsupported,
    warn_of_load,
)
from ship_engine.fused.blocks import Edge, Node, Plan
from ship_engine.fused.course import Courses, run_block
from ship_engine.fused.links import Link, blocks_of, incoming
from ship_engine.fused.runtime import Runtime
from ship_engine.fused.time_step import Kind
from ship_engine.groups import Group, NeuronGroup

if TYPE_CHECKING:
    from ship_engine.event_network import EventNetwork
    from ship_engine.lowering.cache import KernelCache
    from ship_engine.projection import Projection
    from ship_engine.training.surrogates import Surrogate

LARGEST = 2**28
"""Numbers in the matrices of a projection, one for each of its delays."""


class FusedExecutor(TorchExecutor):
    """Computes `simulate` in compiled loops on the CPU; `run` as `TorchExecutor` does.

    Parameters
    ----------
    dtype : torch.dtype
        float64, or float32.
    batch_size : int
        Of a simulation whose inputs do not tell.
    surrogate : Surrogate, optional
        Derivative of a spike in `simulate`; by default `SuperSpike()`.
    cache : KernelCache, optional
        Where compiled code is kept.
    """

    name = "fused"

    def __init__(
        self,
        dtype: torch.dtype = torch.float64,
        batch_size: int = 1,
        surrogate: Surrogate | None = None,
        cache: KernelCache | None = None,
    ) -> None:
        super().__init__("cpu", dtype, batch_size, "sparse", surrogate)
        self._runtime = Runtime(cache)

    def simulate(
        self,
        network: EventNetwork,
        steps: int,
        inputs: Inputs | None = None,
        parameters: Replacements | None = None,
        record: Iterable[tuple[NeuronGroup, str]] = (),
    ) -> Recording:
        """See `TorchExecutor.simulate`.

        Raises
        ------
        UnsupportedByExecutorError
            Besides, if cells draw random numbers or have gap junctions.
        """
        simulation = FusedSimulation(
            network, steps, inputs or {}, parameters or {}, self, self._runtime
        )
        return simulation.run(list(record))


def _refuse(network: EventNetwork) -> None:
    refuse_unsupported(network)
    if network.gap_junctions:
        raise UnsupportedByExecutorError(
            "The executor 'fused' computes each group by itself, so it has no gap junctions; use "
            "the executor 'torch'."
        )
    for group in network.groups:
        if isinstance(group, NeuronGroup) and group.model.random_state is not None:
            raise UnsupportedByExecutorError(
                f"The cells of '{group.label}' ({group.model.name}) draw random numbers, which "
                "the executor 'fused' does not; use the executor 'torch'."
            )


class FusedSimulation:
    """A network, its inputs and its parameters in tensors.

    Parameters
    ----------
    network, steps, inputs, parameters
        See `TorchExecutor.simulate`.
    executor : TorchExecutor
        Says the type of numbers, the batch size and the surrogate.
    runtime : Runtime
        What computes.
    """

    def __init__(
        self,
        network: EventNetwork,
        steps: int,
        inputs: Inputs,
        parameters: Replacements,
        executor: TorchExecutor,
        runtime: Runtime,
    ) -> None:
        _refuse(network)
        if steps < 1:
            raise InvalidValueError(f"A simulation of {steps} steps; give 1 or more.")
        self._network, self._steps, self._runtime = network, steps, runtime
        self._like = torch.zeros(0, dtype=executor.dtype)
        self._surrogate = executor.surrogate
        self._stack = network.stack()
        self._batch, self._inputs = checked_inputs(
            network, steps, inputs, self._like, executor.batch_size
        )
        given = Given(parameters, self._like, self._batch)
        self._values = {g: given.values(g) for g in self._stack if isinstance(g, NeuronGroup)}
        self._emitters = {g: self._emitter(g) for g in self._stack if g not in self._values}
        place = {group: k for k, group in enumerate(self._stack)}
        self._links: dict[Group, list[Link]] = {group: [] for group in self._stack}
        self._outputs: dict[Any, Tensor] = {}
        for projection in network.projections:
            synapses, weight = given.synapses(projection, network.clock.dt)
            backward = place[projection.target] <= place[projection.source]
            if len(synapses):
                delivery = DenseDelivery(synapses, projection.target.size, weight)
                self._connect(projection, delivery, backward)
        given.refuse_the_rest()

    def _emitter(self, group: Group) -> Emitter:
        tensor = self._inputs.get(group)
        if tensor is not None:
            return Emitter(tensor, torch.zeros_like(tensor[:, 0]))
        return Emitter.of(group, self._network, self._steps, self._batch, self._like)

    def _connect(self, projection: Projection, delivery: DenseDelivery, backward: bool) -> None:
        """Links for each delay of a projection."""
        source, target = projection.source, projection.target
        port = target.port_index(projection.port)
        undelayed = projection.synapses.undelayed
        if source.size * target.size * len(delivery.delays) > LARGEST:
            raise UnsupportedByExecutorError(
                f"'{projection.label}' connects {source.size} with {target.size} cells by "
                f"{len(delivery.delays)} different delays, too many for matrices, which the "
                "executor 'fused' needs; use the executor 'torch', or fewer delays."
            )
        matrices = delivery.matrix.view(source.size, len(delivery.delays), target.size)
        for k, delay in enumerate(delivery.delays):
            lag = delay if not undelayed else int(backward)
            key: Any = (source, undelayed)
            if source in self._values:
                key, lag = source, lag + (not undelayed)
            elif key not in self._outputs:
                self._outputs[key] = self._emitted(self._emitters[source], undelayed)
            self._links[target].append(Link(key, port, lag, matrices[:, k]))

    def _emitted(self, emitter: Emitter, undelayed: bool) -> Tensor:
        """A source's spikes [time, batch, cell]; of delayed ones row k is that of time k dt."""
        spikes = emitter.spikes.transpose(0, 1)
        if undelayed:
            return spikes
        if not bool(emitter.early.any()):
            return torch.nn.functional.pad(spikes, (0, 0, 0, 0, 1, 0))
        first = spikes[:1] - emitter.early
        return torch.cat([emitter.early[None], first, spikes[1:]])

    def run(self, record: Sequence[tuple[NeuronGroup, str]]) -> Recording:
        """Compute all groups."""
        for group, state in record:
            if group not in self._values:
                raise UnknownNameError(f"'{group.label}' is not a group of this network; add it.")
            group[state]
        courses: dict[Group, tuple[Courses, int]] = {}
        groups = [group for group in self._stack if group in self._values]
        watched = {group for group, _ in record}
        # What has arrived in the end is found by one more step.
        rows = self._steps + 1 if record else self._steps
        for block in blocks_of(groups, self._links):
            self._run_block(block, rows, bool(watched & set(block)), courses)
        spikes = {group: emitter.spikes for group, emitter in self._emitters.items()}
        for group in groups:
            spikes[group] = self._outputs[group][: self._steps].transpose(0, 1)
        states = {key: self._received(*key, rows, courses) for key in record}
        return Recording({group: spikes[group] for group in self._stack}, states)

    def _run_block(
        self,
        block: Sequence[Group],
        rows: int,
        keep_states: bool,
        courses: dict[Group, tuple[Courses, int]],
    ) -> None:
        place = {group: k for k, group in enumerate(block)}
        nodes, edges = [], []
        for group in block:
            assert isinstance(group, NeuronGroup)
            node = self._node(group, rows)
            outside = [link for link in self._links[group] if link.source not in place]
            shape = rows, self._batch, group.size
            node.inputs = incoming(outside, self._outputs, node.kind.inputs, shape, self._runtime)
            nodes.append(node)
            for link in self._links[group]:
                if link.source in place:
                    assert link.weight is not None
                    ends = place[link.source], place[group]
                    edges.append(Edge(*ends, link.input, link.lag, link.weight))
        tools = self._like, self._surrogate, self._runtime
        found = run_block(Plan(nodes, edges, rows, self._batch, *tools, keep_states))
        for k, group in enumerate(block):
            assert isinstance(group, NeuronGroup)
            self._outputs[group] = found.outputs[k]
            courses[group] = found, k
            self._check(group, found.final[k])
            if found.overloaded[k]:
                warn_of_load(group.label, self._network.clock.dt)

    def _node(self, group: NeuronGroup, rows: int) -> Node:
        model, dt = group.model, self._network.clock.dt
        kind = Kind(model, parts=model.divisions(dt))
        values = self._values[group]
        names = [state.name for state in model.states]
        initial = {name: values[name] for name in names}
        known = {name: value for name, value in values.items() if name not in initial}
        part = self._like.new_tensor(dt / kind.parts)
        known |= {"step": part, **ModelFunctions(model).coefficients(known, part)}
        period = None
        if kind.rests and model.refractory_period is not None:
            period = (known[model.refractory_period].detach() / dt + 0.5).floor()
        current = injected_current(self._network, group, self._steps, self._like)
        given = self._inputs.get(group)
        current = current if given is None else current + given
        current = torch.nn.functional.pad(
            current.transpose(0, 1), (0, 0, 0, 0, 0, rows - self._steps)
        )
        needed = bool(current.requires_grad or current.any())
        return Node(kind, group.size, known, initial, period, [], current if needed else None)

    def _received(
        self,
        group: NeuronGroup,
        state: str,
        rows: int,
        courses: Mapping[Group, tuple[Courses, int]],
    ) -> Tensor:
        """A state with what has arrived at its ports, [batch, time, cell]."""
        found, number = courses[group]
        course = found.states[number][state][:rows]
        values = self._values[group]
        links = self._links[group]
        shape = rows, self._batch, group.size
        for k, port in enumerate(group.model.ports):
            if port.state != state:
                continue
            # What acts within its own step comes after the moment at which that step starts.
            here = [
                Link(link.source, 0, link.lag, link.weight)
                for link in links
                if link.input == k and link.lag > 0
            ]
            (arriving,) = incoming(here, self._outputs, 1, shape, self._runtime)
            if arriving is None:
                continue
            if port.gain is not None:
                part = self._like.new_tensor(
                    self._network.clock.dt / group.model.divisions(self._network.clock.dt)
                )
                arriving = (
                    arriving * ModelFunctions(group.model).coefficients(values, part)[port.gain]
                )
            resting = found.resting[number]
            if state in group.model.held and resting is not None:
                arriving = torch.where(resting[:rows], 0.0, arriving)
            course = course + arriving
        return course.transpose(0, 1)

    def _check(self, group: NeuronGroup, final: Mapping[str, Tensor]) -> None:
        """Raise NonFiniteStateError for the first state that is not finite, if there is one."""
        for name, state in final.items():
            wrong = (~state.isfinite()).nonzero()
            if wrong.numel():
                batch, cell = (int(k) for k in wrong[0])
                time = self._network.clock.time(self._steps)
                value = float(state[batch, cell])
                raise NonFiniteStateError(group.label, name, cell, time, value)
