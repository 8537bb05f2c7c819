"""Cells composed of a membrane and any number of named receptors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from functools import cache
from typing import Any, ClassVar, NamedTuple

from pyNN.parameters import ParameterSpace
from pyNN.standardmodels import build_translations, cells

from ship_engine.models.adaptive_exponential import AdaptiveExponentialMembrane
from ship_engine.models.base import Model
from ship_engine.models.composition import compose
from ship_engine.models.lif import LeakyMembrane
from ship_engine.models.membranes import Membrane
from ship_engine.models.receptors import Receptor

from .base import CellModel, EngineModel
from .cells import MEMBRANE
from .receptors import ReceptorModel


class MembraneModel(EngineModel):
    """Mixin for the neuron in a composed cell, what is not a receptor.

    Attributes
    ----------
    model : type[Membrane]
        The engine's membrane.
    """

    model: ClassVar[type[Membrane]]


class LIF(MembraneModel, cells.LIF):
    __doc__ = cells.LIF.__doc__
    model = LeakyMembrane
    translations = build_translations(*MEMBRANE)


class AdExp(MembraneModel, cells.AdExp):
    __doc__ = cells.AdExp.__doc__
    model = AdaptiveExponentialMembrane
    translations = build_translations(
        *MEMBRANE,
        ("v_spike", "v_spike"),  # mV
        ("delta_T", "delta_T"),  # mV
        ("a", "a"),  # nS
        ("b", "b"),  # nA
        ("tau_w", "tau_w"),  # ms
    )


@cache
def composed_model(
    membrane: type[Membrane], receptors: tuple[tuple[str, type[Receptor]], ...]
) -> type[Model]:
    """The engine's model of a membrane with named receptors, the same one for the same parts.

    In the model receptors go by number, such as ``tau_syn_1``, so that no label can meet another
    name, and models that differ in labels alone share their compiled code.
    """
    ports = {label: (receptor, f"_{k}") for k, (label, receptor) in enumerate(receptors, 1)}
    return compose(f"{membrane.__name__}With{len(ports)}Receptors", membrane, ports)


class _Part(NamedTuple):
    """A part of a cell, what precedes its names in PyNN, and what follows them in the engine."""

    model: Any
    prefix: str
    suffix: str

    @property
    def names(self) -> list[str]:
        """The part's own names of its parameters."""
        return [name for name in self.model.default_parameters if name != "locations"]

    def given(self, parameters: ParameterSpace) -> list[str]:
        """Those of its parameters that a space holds."""
        return [name for name in self.names if self.prefix + name in parameters.keys()]  # noqa: SIM118


class PointNeuron(CellModel, cells.PointNeuron):
    """Cell composed of a neuron model and any number of receptors.

    Receptors may be of different kinds.  Their parameters and states are named with the label
    before them: ``population.set(**{"AMPA.tau_syn": 2.0})``, ``population.record("AMPA.gsyn")``.

    Parameters
    ----------
    neuron : LIF or AdExp
        The neuron model.
    **post_synaptic_receptors : CurrExpPostSynapticResponse, ExpPSR, AlphaPSR or BetaPSR
        Each receptor by its label, which is the receptor type of projections.

    Raises
    ------
    TypeError
        If a part is missing or is something else.
    """

    model: type[Model]  # type: ignore[misc]

    def __init__(self, neuron: Any = None, /, **post_synaptic_receptors: Any) -> None:
        if neuron is None:
            neuron = post_synaptic_receptors.pop("neuron", None)
        _check_part(neuron, "the neuron", MembraneModel, "LIF(tau_m=20.0)")
        for label, receptor in post_synaptic_receptors.items():
            _check_part(receptor, label, ReceptorModel, "AlphaPSR(tau_syn=2.0)")
        self.neuron = neuron
        self.post_synaptic_receptors = post_synaptic_receptors
        for receptor in post_synaptic_receptors.values():
            receptor.set_parent(self)
        parts = [(label, post_synaptic_receptors[label].model) for label in self.receptor_types]
        self.model = composed_model(neuron.model, tuple(parts))
        self.default_parameters, given = {}, {}
        for part in self._parts():
            for name in part.names:
                self.default_parameters[part.prefix + name] = part.model.default_parameters[name]
                given[part.prefix + name] = deepcopy(part.model.parameter_space[name])
        self.parameter_space = ParameterSpace(given, self.get_schema(), None, type(self))

    def _parts(self) -> Iterator[_Part]:
        yield _Part(self.neuron, "", "")
        for k, label in enumerate(self.receptor_types, 1):
            yield _Part(self.post_synaptic_receptors[label], f"{label}.", f"_{k}")

    @property
    def conductance_based(self) -> bool | None:
        """Whether all receptors are conductances; None if only some are, or there are none."""
        kinds = {r.model.conductance_based for r in self.post_synaptic_receptors.values()}
        return kinds.pop() if len(kinds) == 1 else None

    @property
    def injectable(self) -> bool:
        """Whether a current can be injected."""
        return self.model.takes_current()

    def has_parameter(self, name: str) -> bool:
        """Whether there is a parameter of that name, with its receptor's label before it."""
        return name in self.default_parameters

    def get_parameter_names(self) -> list[str]:
        """Names of all parameters, those of receptors with their label before them."""
        return list(self.default_parameters)

    def pynn_names(self) -> dict[str, str]:
        return {
            native + part.suffix: part.prefix + name
            for part in self._parts()
            for native, name in part.model.pynn_names().items()
            if name in part.names
        }

    def state_names(self) -> dict[str, str]:
        pynn = {
            state.name + part.suffix: part.prefix + state.name
            for part in self._parts()
            for state in part.model.model.states
        }
        return {pynn.get(state.name, state.name): state.name for state in self.model.states}

    def get_native_names(self, *names: str) -> list[str]:
        """The engine's names of parameters; of all of them if none is given."""
        native = {name: own for own, name in self.pynn_names().items()}
        return [native[name] for name in names or self.default_parameters]

    def translate(self, parameters: ParameterSpace, copy: bool = True) -> ParameterSpace:
        """Parameters in the engine's names and units; each part translates its own."""
        native = {}
        for part in self._parts():
            own = {n: parameters[part.prefix + n] for n in part.given(parameters)}
            space = ParameterSpace(own, part.model.get_schema(), parameters.shape)
            for name, value in part.model.translate(space, copy).items():
                native[name + part.suffix] = value
        return ParameterSpace(native, None, parameters.shape)

    def reverse_translate(self, native_parameters: ParameterSpace) -> ParameterSpace:
        """Parameters in PyNN's names and units; each part translates its own."""
        standard = {}
        for part in self._parts():
            own = {
                name: native_parameters[name + part.suffix]
                for name in part.model.get_native_names()
                if name + part.suffix in native_parameters.keys()  # noqa: SIM118
            }
            space = ParameterSpace(own, None, native_parameters.shape)
            for name, value in part.model.reverse_translate(space).items():
                standard[part.prefix + name] = value
        return ParameterSpace(standard, self.get_schema(), native_parameters.shape)

    def simple_parameters(self) -> list[str]:
        """Parameters that have another name in the engine at most."""
        return self._of_parts("simple_parameters")

    def scaled_parameters(self) -> list[str]:
        """Parameters that have another unit in the engine."""
        return self._of_parts("scaled_parameters")

    def computed_parameters(self) -> list[str]:
        """Parameters that are computed from several of the engine's."""
        return self._of_parts("computed_parameters")

    def computed_parameters_include(self, parameter_names: Iterable[str]) -> bool:
        """Whether one of these is computed from several of the engine's parameters."""
        return not set(parameter_names).isdisjoint(self.computed_parameters())

    def _of_parts(self, method: str) -> list[str]:
        return [
            part.prefix + name
            for part in self._parts()
            for name in getattr(part.model, method)()
            if name in part.names
        ]


def _check_part(value: Any, label: str, kind: type[EngineModel], example: str) -> None:
    if not isinstance(value, kind):
        raise TypeError(
            f"{label} = {value!r} in a PointNeuron; give an instance of a class of pyNN.ship, "
            f"such as {example}."
        )
