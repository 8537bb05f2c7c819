"""Event-driven networks as modules of PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError, UnknownNameError, UnsupportedByExecutorError
from ship_engine.event_network import EventNetwork
from ship_engine.executors.torch_autograd import TorchExecutor
from ship_engine.groups import Group, NeuronGroup
from ship_engine.models.base import argument_names
from ship_engine.projection import Projection
from ship_engine.training.connections import Connection, listed
from ship_engine.training.modules import Activity, SpikingModule, Trained, key_of
from ship_engine.training.readouts import Readout
from ship_engine.training.surrogates import Surrogate
from ship_engine.training.transforms import Clipped, Transform, Unbounded, allowed_by

DTYPES = {"float32": torch.float32, "float64": torch.float64}


@dataclass(frozen=True)
class OfProjection:
    """The weights or delays of a projection, one for each synapse.

    Attributes
    ----------
    projection : Projection
        Of the network.
    what : {'weight', 'delay'}
        Delays are in ms, at least one time step, and become whole steps in the end.
    transform : Transform, optional
        By default none for weights, and the bound of one time step for delays.
    name : str, optional
        By default the ends' labels.
    """

    projection: Projection
    what: str = "weight"
    transform: Transform | None = None
    name: str = ""


@dataclass(frozen=True)
class OfGroup:
    """A parameter of a group's components.

    Attributes
    ----------
    group : NeuronGroup
        Of the network.
    parameter : str
        Its name.
    transform : Transform, optional
        By default what keeps it in the range that the model allows.
    shared : bool
        Whether all components have one value.
    name : str, optional
        By default the group's label and the parameter's name.
    """

    group: NeuronGroup
    parameter: str
    transform: Transform | None = None
    shared: bool = False
    name: str = ""


def differentiable_executor(
    name: str,
    dtype: torch.dtype | None = None,
    surrogate: Surrogate | None = None,
    device: str | torch.device = "cpu",
) -> TorchExecutor:
    """An executor through which gradients flow, by its name.

    Parameters
    ----------
    name : {'fused', 'torch', 'eventprop'}
        Which one.
    dtype : torch.dtype, optional
        By default float32; float64 with 'eventprop', which has no other.
    surrogate : Surrogate, optional
        By default `SuperSpike()`; 'eventprop' needs none.
    device : str or torch.device
        The CPU, or with 'torch' any other.

    Raises
    ------
    UnsupportedByExecutorError
        If it has no gradients, or cannot do what is asked for.
    """
    if name in ("fused", "eventprop") and torch.device(device).type != "cpu":
        raise UnsupportedByExecutorError(
            f"The executor '{name}' computes on the CPU, not on '{device}'; use executor='torch'."
        )
    if name == "eventprop" and (surrogate is not None or dtype not in (None, torch.float64)):
        raise UnsupportedByExecutorError(
            "The executor 'eventprop' needs no surrogate, for its gradients are exact, and "
            "computes in float64; leave surrogate and dtype out."
        )
    dtype = dtype or torch.float32
    if name == "torch":
        return TorchExecutor(device=device, dtype=dtype, delivery="dense", surrogate=surrogate)
    if name == "fused":
        from ship_engine.executors.fused_simulation import FusedExecutor

        return FusedExecutor(dtype=dtype, surrogate=surrogate)
    if name == "eventprop":
        from ship_engine.executors.eventprop import EventPropExecutor

        return EventPropExecutor()
    raise UnsupportedByExecutorError(
        f"executor = {name!r} has no gradients; train with 'fused' (compiled loops on the CPU), "
        "'torch' (any device), or 'eventprop' (exact spike times of IF_curr_exp)."
    )


class EventModule(SpikingModule):
    """An event-driven network as a function of its inputs.

    Parameters
    ----------
    network : EventNetwork
        With ``spike_precision='on_grid'``.
    output : NeuronGroup
        What is read out.
    trainable : sequence of OfProjection and OfGroup
        What is trained.
    inputs : sequence of Group, optional
        What is given inputs: spikes of sources, or currents (nA) of neurons; by default all
        sources.
    executor : TorchExecutor
        What computes.

    Raises
    ------
    UnknownNameError, InvalidValueError
        If the network lacks a group, projection or parameter.
    """

    def __init__(
        self,
        network: EventNetwork,
        output: NeuronGroup,
        trainable: Sequence[OfProjection | OfGroup],
        inputs: Sequence[Group] | None,
        executor: TorchExecutor,
    ) -> None:
        super().__init__()
        self.network, self.output, self.executor = network, output, executor
        self.dt, self.dtype = network.clock.dt, executor.dtype
        self._require([output, *(inputs or ())])
        sources = [group for group in network.groups if not isinstance(group, NeuronGroup)]
        chosen = list(inputs) if inputs is not None else sources
        self.input_sizes = {group: group.size for group in chosen}
        self._recorded: list[tuple[NeuronGroup, str]] = []
        self._places: dict[str, Any] = {}
        self._delays: list[str] = []
        self._back: list[Callable[[Mapping[str, Tensor]], None]] = []
        for one in trainable:
            self._add(one)

    def _require(self, groups: Sequence[Group]) -> None:
        for group in groups:
            if group not in self.network.groups:
                raise UnknownNameError(f"'{group.label}' is not a group of this network; add it.")

    def _add(self, one: OfProjection | OfGroup) -> None:
        if isinstance(one, OfGroup):
            self._add_parameter(one)
        elif one.what == "weight":
            self._add_weights(one)
        elif one.what == "delay":
            self._add_delays(one)
        else:
            raise UnknownNameError(
                f"'{one.what}' of '{one.projection.label}' cannot be trained; a projection has "
                "'weight' and 'delay'."
            )

    def _refuse_twice(self, place: Any) -> None:
        for name, known in self._places.items():
            if known == place:
                raise InvalidValueError(f"'{name}' is named twice among what is trained.")

    def _unique(self, name: str) -> str:
        """The name, with a number behind it if there is one like it; projections share labels."""
        number, unique = 2, name
        while key_of(unique) in self.free:
            unique = f"{name} ({number})"
            number += 1
        return unique

    def _number(self, values: Any) -> Tensor:
        return torch.as_tensor(np.array(values), dtype=self.executor.dtype).to(self.executor.device)

    def _add_weights(self, one: OfProjection) -> None:
        projection = one.projection
        if projection not in self.network.projections:
            raise UnknownNameError(f"{projection!r} is not a projection of this network.")
        name = self._unique(one.name or projection.label)
        self._refuse_twice(projection)
        count = len(projection.synapses)
        value = self._number(np.broadcast_to(projection.synapses.weight, (count,)))
        self._train(Trained(name, one.transform or Unbounded()), value)
        self._places[name] = projection
        self._back.append(lambda values: projection.set(weight=_array(values[name])))

    def _add_delays(self, one: OfProjection) -> None:
        projection, dt = one.projection, self.dt
        if projection not in self.network.projections:
            raise UnknownNameError(f"{projection!r} is not a projection of this network.")
        name = self._unique(one.name or f"{projection.label}.delay")
        self._refuse_twice((projection, "delay"))
        count = len(projection.synapses)
        value = self._number(np.broadcast_to(projection.synapses.delay * dt, (count,)))
        self._train(Trained(name, one.transform or Clipped(lower=dt)), value)
        self._places[name] = (projection, "delay")

        self._delays.append(name)

        def back(values: Mapping[str, Tensor]) -> None:
            steps = np.rint(_array(self._whole_steps(values[name])) / dt)
            projection.set(delay=steps.astype(np.int32))

        self._back.append(back)

    def _whole_steps(self, delay: Tensor) -> Tensor:
        """Delays (ms) of whole time steps, at least one."""
        return (delay / self.dt).round().clamp(min=1.0) * self.dt

    def _add_parameter(self, one: OfGroup) -> None:
        group = one.group
        self._require([group])
        if not isinstance(group, NeuronGroup):
            raise InvalidValueError(
                f"'{group.label}' ({group.model.name}) is a source, whose parameters have no "
                "gradient; train those of neurons."
            )
        known = {parameter.name: parameter for parameter in group.model.parameters}
        if one.parameter not in known:
            raise UnknownNameError(
                f"'{group.label}' ({group.model.name}) has no parameter '{one.parameter}'; it has "
                f"{', '.join(known)}."
            )
        if one.parameter == getattr(group.model, "refractory_period", None):
            raise InvalidValueError(
                f"'{one.parameter}' of '{group.label}' is a whole number of time steps and has no "
                "gradient; train another parameter."
            )
        name = one.name or f"{group.label}.{one.parameter}"
        size = 1 if one.shared else group.size
        start = np.broadcast_to(group.values[one.parameter], (group.size,))
        if one.shared and (start != start[0]).any():
            raise InvalidValueError(
                f"{one.parameter} of '{group.label}' differs from cell to cell, but is to be "
                "shared; set one value for all first."
            )
        self._refuse_twice((group, one.parameter))
        transform = one.transform or allowed_by(known[one.parameter], float(start.mean()))
        self._train(Trained(name, transform), self._number(start[:size]))
        self._places[name] = (group, one.parameter)
        self._back.append(lambda values: group.set(None, **{one.parameter: _array(values[name])}))

    def forward(self, inputs: Any) -> Activity:
        given = self.check_inputs(inputs)
        steps = next(iter(given.values())).shape[1] if given else 0
        values = self.values()
        if not self.training:  # as whole steps, which is how they are written back
            values |= {name: self._whole_steps(values[name]) for name in self._delays}
        parameters = {place: values[name] for name, place in self._places.items()}
        recording = self.executor.simulate(
            self.network, steps, given, parameters, list(self._recorded)
        )
        spikes = dict(recording.spikes)
        times = getattr(recording, "times", None)
        return Activity(spikes, recording.states, times)

    def course(self, activity: Activity, readout: Readout) -> Tensor:
        if readout.of_spikes:
            return activity.spikes_of(self.output)
        return activity.states[self.output, readout.state or self._potential()]

    def _potential(self) -> str:
        """The state that the threshold compares, else the first one."""
        model = self.output.model
        names = [one.name for one in model.states]
        compared = model.compared
        if compared is None and model.threshold is not None:
            compared = argument_names(model.threshold)
        return next((name for name in names if name in (compared or ())), names[0])

    def check_readout(self, readout: Readout) -> None:
        of_spikes, state = readout.of_spikes, readout.state
        if not isinstance(self.output, NeuronGroup):
            raise InvalidValueError(
                f"'{self.output.label}' ({self.output.model.name}) is a source, whose spikes "
                "depend on nothing that could be trained; read out neurons."
            )
        if of_spikes and self.output.model.threshold is None:
            raise InvalidValueError(
                f"'{self.output.label}' ({self.output.model.name}) never spikes; read out a state, "
                "by readout='peak', 'mean' or 'last'."
            )
        if self.executor.name == "eventprop" and of_spikes and not readout.exact:
            raise InvalidValueError(
                "Numbers of spikes are whole and have no exact gradient; with executor='eventprop' "
                "read out 'first_spike', or a potential by 'peak', 'mean' or 'last'."
            )
        if not of_spikes:
            wanted = state or self._potential()
            self.output[wanted]
            self._recorded = [(self.output, wanted)]

    def spikes(self, group: Any) -> bool:
        return not isinstance(group, NeuronGroup) or group.model.threshold is not None

    def connections(self) -> list[Connection]:
        """One for each delay of each projection; see `SpikingModule.connections`.

        A weight (uS) of a synapse that inhibits by its conductance counts as negative.
        """
        names = {place: name for name, place in self._places.items()}
        order = {group: number for number, group in enumerate(self.network.stack())}
        found = []
        for projection in self.network.projections:
            synapses, name = projection.synapses, names.get(projection)
            source, target = projection.source, projection.target
            sources, targets = (
                torch.as_tensor(end, device=self.executor.device).long()
                for end in (synapses.source, synapses.target)
            )
            kept = self._number(np.broadcast_to(synapses.weight, len(synapses)))
            port = target.model.ports[target.port_index(projection.port)]
            sign = -1.0 if port.unit == "uS" and port.name.startswith("inh") else 1.0
            delays = self._number(np.broadcast_to(synapses.delay, len(synapses)))
            for delay in delays.unique().tolist() or [0]:
                here = sign * (delays == delay).to(kept.dtype)
                # A spike counts to the step at whose end it is emitted, its effect to the next.
                backward = order[target] <= order[source]
                late = int(backward) if synapses.undelayed else 1
                ways = listed(sources, targets, here, (source.size, target.size))
                fixed = kept if name is None else None
                found.append(Connection(source, target, name, fixed, int(delay) + late, *ways))
        return found

    def write_back(self) -> None:
        with torch.no_grad():
            values = self.values()
        for back in self._back:
            back(values)

    @property
    def outputs(self) -> int:
        return self.output.size


def _array(values: Tensor) -> np.ndarray[Any, np.dtype[np.float64]]:
    found = values.detach().cpu().double().numpy()
    return found if found.size > 1 else found.reshape(-1)
