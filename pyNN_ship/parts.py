"""The synapses between two populations, as PyNN sees them: a projection consists of such parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyNN import errors
from pyNN.standardmodels.base import inhibitory_receptor_types

from ship_engine.errors import InvalidValueError
from ship_engine.event_network import EventNetwork
from ship_engine.groups import Group
from ship_engine.models.base import Port

from .standardmodels.plasticity import LIMITS
from .standardmodels.synapses import SynapseModel
from .translated_errors import as_pynn_errors

ALL = slice(None)
Pairs = tuple[NDArray[np.int32], NDArray[np.int32]]
Values = Mapping[str, Any]

INSTANTANEOUS = 1e-6
"""Time constant (ms) that stands for an effect that is over at once."""


class Ends(NamedTuple):
    """The two populations of a part.

    Attributes
    ----------
    source, target : int
        Their numbers among those of the projection.
    source_group, target_group : Group
        Where they are in the engine.
    receptor : str
        Which receptor of the target is reached.
    """

    source: int
    target: int
    source_group: Group
    target_group: Group
    receptor: str

    @property
    def port(self) -> Port:
        """The engine's description of the receptor."""
        return next(p for p in self.target_group.model.ports if p.name == self.receptor)


class Part:
    """Synapses from one population to one other.

    Parameters
    ----------
    network : EventNetwork
        Of the engine.
    ends : Ends
        What is connected.
    synapse_type : SynapseModel
        Of the projection.
    pairs : (int32 array, int32 array)
        Indices of the cells in the populations.
    values : mapping
        All parameters by PyNN's name, each one for all or one for each; delays in time steps.
    """

    def __init__(
        self,
        network: EventNetwork,
        ends: Ends,
        synapse_type: SynapseModel,
        pairs: Pairs,
        values: Values,
    ) -> None:
        self.ends, self._clock = ends, network.clock
        parameters = {n: v for n, v in values.items() if n not in ("weight", "delay")}
        with as_pynn_errors():
            self._projection = network.connect(
                ends.source_group,
                ends.target_group,
                ends.receptor,
                pairs,
                values["weight"],
                values["delay"],
                synapse_type.model,
                parameters,
            )

    def __len__(self) -> int:
        return len(self._projection.synapses)

    @property
    def source_cell(self) -> NDArray[np.int32]:
        """Index of each synapse's source in its population, ascending."""
        return self._projection.synapses.source

    @property
    def target_cell(self) -> NDArray[np.int32]:
        """Index of each synapse's target in its population."""
        return self._projection.synapses.target

    def pair(self, position: int) -> tuple[int, int]:
        """The two cells of one synapse."""
        synapses = self._projection.synapses
        source = np.searchsorted(synapses.start, position, side="right") - 1
        return int(source), int(synapses.target[position])

    def get(self, name: str, where: Any = ALL) -> Any:
        """A parameter or state of some synapses, in PyNN's units, at this time."""
        if name == "delay":
            return self._clock.time(self._each(self._projection.synapses.delay)[where])
        return self._projection.get(name)[where]

    def _each(self, values: NDArray[Any]) -> NDArray[Any]:
        """An element for each synapse."""
        return np.broadcast_to(values, (len(self),))

    def check(self, synapse_type: SynapseModel, values: Values, label: str) -> None:
        """Refuse a change of parameters that do not fit the others, or what is under way."""
        delay = np.atleast_1d(values.get("delay", self._projection.synapses.delay))
        parameters = {n: v for n, v in values.items() if n == "dendritic_delay_fraction"}
        with as_pynn_errors():
            self._projection.refuse_to_move(delay, parameters)

    def set(self, values: Values) -> None:
        """Change parameters; delays are in time steps."""
        self._change(values)

    def _change(self, values: Values) -> None:
        with as_pynn_errors():
            self._projection.set(**values)

    def set_one(self, position: int, name: str, value: float, synapse_type: SynapseModel) -> None:
        """Change a parameter of one synapse; a delay is in time steps."""
        stored = self._projection.synapses.delay if name == "delay" else self.get(name)
        values = np.array(self._each(stored))
        values[position] = value
        self.check(synapse_type, {name: values}, "this connection")
        dynamics = self._projection.dynamics
        given = None if dynamics is None else dynamics.weight
        self._change({name: values})
        if dynamics is not None and given is not None and name == "weight":
            # The others return on reset to what they were given, not to what they are now.
            changed = dynamics.weight[position]
            dynamics.weight = np.array(self._each(given))
            dynamics.weight[position] = changed

    def check_state(self, state: str, values: Any) -> None:
        """Refuse values of a state that synapses cannot have."""
        wrong = ~np.isfinite(np.atleast_1d(values))
        if wrong.any():
            raise errors.InvalidParameterValueError(
                f"{state} = {np.atleast_1d(values)[wrong][0]} as the initial value of a synapse; "
                "give a finite number."
            )

    def initialize(self, state: str, values: Any) -> None:
        """Set a state now, and where it starts after every reset."""
        with as_pynn_errors():
            self._projection.initialize(state, values)

    def prepare_run(self) -> None:
        """Take over what has changed in the cells since the last run."""


class DepressingPart(Part):
    """Synapses that need to know how long a postsynaptic response lasts."""

    def __init__(
        self,
        network: EventNetwork,
        ends: Ends,
        synapse_type: SynapseModel,
        pairs: Pairs,
        values: Values,
    ) -> None:
        super().__init__(network, ends, synapse_type, pairs, {**values, "tau_psc": INSTANTANEOUS})
        self.prepare_run()

    def prepare_run(self) -> None:
        name = self.ends.port.time_constant
        if name is None:
            return
        duration = self.ends.target_group.values[name]
        if duration.size > 1:
            duration = duration[self.target_cell]
        with as_pynn_errors():
            if not (duration == self._projection.get("tau_psc")).all():
                self._projection.set(tau_psc=duration)


class QuantalPart(Part):
    """Synapses with release sites; PyNN counts those that are available, ``a``."""

    def get(self, name: str, where: Any = ALL) -> Any:
        if name == "a":
            return self._sites()[where] - super().get("depleted", where)
        return super().get(name, where)

    def initialize(self, state: str, values: Any) -> None:
        if state != "a":
            super().initialize(state, values)
            return
        super().initialize("depleted", self._sites() - values)

    def check_state(self, state: str, values: Any) -> None:
        if state != "a":
            super().check_state(state, values)
            return
        sites = self._sites()
        available = np.broadcast_to(np.asarray(values, np.float64), sites.shape)
        wrong = ~((available >= 0) & (available <= sites) & (available == np.floor(available)))
        if wrong.any():
            raise errors.InvalidParameterValueError(
                f"a = {available[wrong][0]:g} available release sites for a synapse that has "
                f"{sites[wrong][0]:g}; give a whole number from 0 to {sites[wrong][0]:g}."
            )

    def _change(self, values: Values) -> None:
        super()._change(values)
        if "n" in values:
            dynamics = self._projection.dynamics
            assert dynamics is not None
            depleted, sites = dynamics.states["depleted"], self._sites()
            np.minimum(depleted, sites, out=depleted)
            dynamics.initial["depleted"] = np.minimum(dynamics.initial["depleted"], sites)

    def _sites(self) -> NDArray[np.float64]:
        dynamics = self._projection.dynamics
        several = dynamics is not None and "n" in dynamics.values
        return self._projection.get("n") if several else np.ones(len(self))


class SignedPart(Part):
    """Synapses whose strength, the magnitude of their weight, is what changes.

    The sign of each is that of the weight that it was given last.  A weight of zero keeps the
    sign; at first it is negative for inhibitory receptors that take no conductance.
    """

    def __init__(
        self,
        network: EventNetwork,
        ends: Ends,
        synapse_type: SynapseModel,
        pairs: Pairs,
        values: Values,
    ) -> None:
        inhibitory = ends.receptor in inhibitory_receptor_types and ends.port.unit != "uS"
        strengths = _strengths(values, -1.0 if inhibitory else 1.0)
        super().__init__(network, ends, synapse_type, pairs, strengths)
        order = np.argsort(pairs[0], kind="stable")
        signs = {name: _signs(values[name]) for name in LIMITS}
        self._limit_signs = {n: s[order] if s.size > 1 else s for n, s in signs.items()}

    def get(self, name: str, where: Any = ALL) -> Any:
        values = super().get(name, where)
        if name == "weight":
            return super().get("sign", where) * values + 0.0  # not -0
        if name in LIMITS:
            return self._each(self._limit_signs[name])[where] * values + 0.0
        return values

    def check(self, synapse_type: SynapseModel, values: Values, label: str) -> None:
        super().check(synapse_type, values, label)
        limits = {name: values.get(name, self.get(name)) for name in LIMITS}
        synapse_type.check(limits, label)

    def _change(self, values: Values) -> None:
        super()._change(_strengths(values, self._projection.get("sign")))
        self._limit_signs |= {name: _signs(values[name]) for name in LIMITS if name in values}


def _strengths(values: Values, sign_of_zero: Any) -> dict[str, Any]:
    """Values for the engine, in which strengths have no sign, and their sign."""
    strengths = dict(values)
    for name in ("weight", *LIMITS):
        if name in values:
            strengths[name] = np.abs(values[name])
    if "weight" in values:
        given = np.sign(values["weight"])
        strengths["sign"] = np.where(given == 0.0, sign_of_zero, given)
    return strengths


def _signs(values: Any) -> NDArray[np.float64]:
    return np.where(np.atleast_1d(np.asarray(values, np.float64)) < 0.0, -1.0, 1.0)


class NumberedPart(Part):
    """Synapses whose weights are numbers as NEST takes them, and parameters have other names."""

    def __init__(
        self,
        network: EventNetwork,
        ends: Ends,
        synapse_type: SynapseModel,
        pairs: Pairs,
        values: Values,
    ) -> None:
        self._units = 1.0 if ends.port.unit not in ("nA", "uS") else 1000.0
        """How many numbers make a unit of the receptor."""
        translations = synapse_type.translations
        self._names = {own: facts["translated_name"] for own, facts in translations.items()}
        given = {**values, "weight_scale": 1.0 / self._units}
        super().__init__(network, ends, synapse_type, pairs, self._of_engine(given))

    def _of_engine(self, values: Values) -> dict[str, Any]:
        named = {self._names.get(name, name): value for name, value in values.items()}
        if "weight" in named:
            named["weight"] = np.asarray(named["weight"]) / self._units
        return named

    def get(self, name: str, where: Any = ALL) -> Any:
        values = super().get(self._names.get(name, name), where)
        return values * self._units if name == "weight" else values

    def _change(self, values: Values) -> None:
        super()._change(self._of_engine(values))


class ElectricalPart(Part):
    """Gap junctions between two populations."""

    def __init__(
        self,
        network: EventNetwork,
        ends: Ends,
        synapse_type: SynapseModel,
        pairs: Pairs,
        values: Values,
    ) -> None:
        self.ends, self._clock = ends, network.clock
        order = np.argsort(pairs[0], kind="stable")
        weight = np.atleast_1d(np.asarray(values["weight"], np.float64))
        pairs = pairs[0][order], pairs[1][order]
        weight = weight[order] if weight.size > 1 else weight
        try:
            self._junctions = network.couple(
                ends.source_group,  # type: ignore[arg-type]
                ends.target_group,  # type: ignore[arg-type]
                pairs,
                weight,
            )
        except InvalidValueError as error:
            raise errors.ConnectionError(str(error)) from error

    def __len__(self) -> int:
        return len(self._junctions)

    @property
    def source_cell(self) -> NDArray[np.int32]:
        return self._junctions.source_cell

    @property
    def target_cell(self) -> NDArray[np.int32]:
        return self._junctions.target_cell

    def pair(self, position: int) -> tuple[int, int]:
        return int(self.source_cell[position]), int(self.target_cell[position])

    def get(self, name: str, where: Any = ALL) -> Any:
        assert name == "weight"
        return self._each(self._junctions.conductance)[where]

    def check(self, synapse_type: SynapseModel, values: Values, label: str) -> None:
        """There is nothing that they could not fit."""

    def set(self, values: Values) -> None:
        with as_pynn_errors():
            self._junctions.set(values["weight"])

    def set_one(self, position: int, name: str, value: float, synapse_type: SynapseModel) -> None:
        values = self.get(name).copy()
        values[position] = value
        self.set({name: values})


def part_class(synapse_type: SynapseModel) -> type[Part]:
    """What holds synapses of this type."""
    if synapse_type.electrical:
        return ElectricalPart
    model = synapse_type.model
    names = set() if model is None else {p.name for p in model.parameters}
    if "sign" in names:
        return SignedPart
    if "weight_scale" in names:
        return NumberedPart
    if "a" in synapse_type.state_units():
        return QuantalPart
    return DepressingPart if "tau_psc" in names else Part
