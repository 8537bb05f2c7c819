"""Networks of the platform as modules of PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError, UnknownNameError, UnsupportedByExecutorError
from ship_engine.models.base import Model
from ship_engine.platform.groups import known_group, output_ids
from ship_engine.platform.models.sources import Poisson
from ship_engine.platform.network import Network
from ship_engine.training.connections import Connection
from ship_engine.training.modules import Activity, SpikingModule, Trained
from ship_engine.training.platform_connections import platform_connections
from ship_engine.training.readouts import Readout
from ship_engine.training.transforms import Transform, Unbounded, allowed_by


@dataclass(frozen=True)
class Argument:
    """An argument of a group: weights ``w``, a parameter, or an initial state.

    Attributes
    ----------
    group : str
        The group's id.
    name : str
        Of the argument.
    transform : Transform, optional
        By default none for weights and states, and for parameters what keeps them in the range
        that the model allows.
    """

    group: str
    name: str = "w"
    transform: Transform | None = None


class PlatformModule(SpikingModule):
    """A network of the platform as a function of its inputs.

    Parameters
    ----------
    network : Network
        Ready to run (`init`), with the executor 'fused' or 'torch'.
    trainable : sequence of str, (str, str) or Argument
        Ids of synapses whose weights are trained, and ids and names of other arguments.
    output : str, optional
        The group that is read out; by default the only output.
    spikes : sequence of str
        Groups whose spikes are looked at besides, for regularisers.

    Raises
    ------
    UnsupportedByExecutorError
        If the executor has no gradients.
    UnknownNameError, InvalidValueError
        If there is no such group or argument, or several outputs.
    """

    def __init__(
        self,
        network: Network,
        trainable: Sequence[str | tuple[str, str] | Argument],
        output: str | None = None,
        spikes: Sequence[str] = (),
    ) -> None:
        super().__init__()
        if network.executor not in ("fused", "torch"):
            raise UnsupportedByExecutorError(
                f"The network's executor '{network.executor}' has no gradients; make it with "
                "executor='fused' (compiled loops on the CPU) or executor='torch'."
            )
        self.network = network
        if network.settings is None:
            raise InvalidValueError("The network is not ready; call net.init(dt=...) first.")
        self.dt, self.dtype = network.settings.dt, network.dtype
        found = output_ids(network.groups)
        if output is None and len(found) != 1:
            raise InvalidValueError(
                f"The network has the outputs {', '.join(found)}; say which one is read out."
            )
        self.output = found[0] if output is None else output
        known_group(network.groups, self.output)
        self._watched = [self.output, *(id for id in spikes if id != self.output)]
        self.input_sizes = {
            group.id: group.size or 0
            for group in network.groups.values()
            if group.is_source and group.model is not Poisson
        }
        self._state: str | None = None
        self._leads_back = False
        """Whether the last run kept what gradients need."""
        for id in self._watched:
            network.set_monitor(id, "output")
        for one in trainable:
            self._add(one)

    def _add(self, given: str | tuple[str, str] | Argument) -> None:
        if isinstance(given, str):
            given = Argument(given)
        one = given if isinstance(given, Argument) else Argument(*given)
        group = known_group(self.network.groups, one.group)
        values = self.network[one.group]
        name = "w_wanted" if one.name == "w" and "w_wanted" in values else one.name
        if name not in values:
            raise UnknownNameError(
                f"'{one.group}' ({group.model.name}) has no argument '{one.name}' that could be "
                f"trained; it has {', '.join(n for n in values if n != 'w_wanted')}."
            )
        model = group.model
        timed = ("refractory_period", "output_delay")
        if one.name in [getattr(model, role, None) for role in timed]:
            raise InvalidValueError(
                f"'{one.name}' of '{one.group}' is a whole number of time steps and has no "
                "gradient; train another argument."
            )
        known = {p.name: p for p in getattr(model, "parameters", ())}
        transform = one.transform
        if transform is None and one.name in known and one.name != "w":
            transform = allowed_by(known[one.name], float(values[name].mean()))
        self._train(Trained(f"{one.group}.{one.name}", transform or Unbounded()), values[name])

    def _bind(self) -> None:
        """Let the network compute with the values as they are now, and with their gradients."""
        # What was made ready without gradients has none when it is used again.
        anew = torch.is_grad_enabled() and not self._leads_back
        self._leads_back = torch.is_grad_enabled()
        for name, value in self.values().items():
            id, _, argument = name.rpartition(".")
            # Free numbers that are the values themselves stay in the network, which then need not
            # be made ready anew when they change.
            if anew or self.network.groups[id].arguments.get(argument) is not value:
                self.network.set_params(id, **{argument: value})

    def forward(self, inputs: Any) -> Activity:
        given = self.check_inputs(inputs)
        self._bind()
        dtype, device = self.network.dtype, self.network.device
        self.network.run({id: tensor.to(device, dtype) for id, tensor in given.items()})
        found = self.network.get_monitored_results()
        spikes = {id: found[id]["output"] for id in self._watched}
        states = (
            {}
            if self._state is None
            else {(self.output, self._state): found[self.output][self._state]}
        )
        return Activity(spikes, states)

    def course(self, activity: Activity, readout: Readout) -> Tensor:
        if readout.of_spikes or self._state is None:
            return activity.spikes[self.output]
        return activity.states[self.output, self._state]

    def check_readout(self, readout: Readout) -> None:
        of_spikes, state = readout.of_spikes, readout.state
        model = self.network.groups[self.output].model
        if not issubclass(model, Model):
            raise InvalidValueError(
                f"'{self.output}' ({model.name}) is a source, which depends on nothing that could "
                "be trained; read out neurons."
            )
        never = model.threshold is None
        if of_spikes and never:
            raise InvalidValueError(
                f"'{self.output}' ({model.name}) never spikes; read out a state, by "
                "readout='peak', 'mean' or 'last'."
            )
        names = [one.name for one in model.states]
        if not of_spikes and not (never and state is None):
            # What never spikes hands on its potential already.
            self._state = state or names[0]
            self.network.set_monitor(self.output, self._state)

    def watch(self, groups: Sequence[Any]) -> None:
        for id in groups:
            if id not in self._watched:
                self._watched.append(id)
                self.network.set_monitor(id, "output")

    def spikes(self, group: Any) -> bool:
        model = self.network.groups[group].model
        return not issubclass(model, Model) or model.threshold is not None

    def connections(self) -> list[Connection]:
        return platform_connections(self.network, self.values())

    def write_back(self) -> None:
        with torch.no_grad():
            values = self.values()
        for name, value in values.items():
            id, _, argument = name.rpartition(".")
            self.network.set_params(id, **{argument: value.detach().clone()})

    @property
    def outputs(self) -> int:
        return self.network.groups[self.output].size or 0

    def get_extra_state(self) -> dict[str, int]:
        """How many runs there were, which random spikes depend on."""
        return {"runs": self.network.runs}

    def set_extra_state(self, state: dict[str, int]) -> None:
        """Go on after so many runs."""
        self.network.runs = state["runs"]
