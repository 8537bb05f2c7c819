"""PyNN's types from models in NESTML, with the functions that `pyNN.nest` has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

from pyNN import errors
from pyNN.parameters import ParameterSpace

from ship_engine.equations import neuron_model, synapse_model
from ship_engine.errors import (
    InvalidEquationsError,
    ModelTextError,
    UnknownNameError,
    UnsupportedModelError,
)
from ship_engine.models.base import Parameter
from ship_engine.nestml.models import NeuronText, read_neuron, read_synapse

from .custom import NativeCellType, NativeSynapseType, native_cell_type, native_synapse_type

POSTSYNAPTIC = "_postsynaptic_neuron"
"""Behind the name of a synapse type, the name of the neuron that comes with it."""
_NOT_COPIED = ("__dict__", "__weakref__")
_REFUSED = (InvalidEquationsError, ModelTextError, UnknownNameError, UnsupportedModelError)


class NESTMLCellType(NativeCellType):
    """Base class of what `nestml_cell_type` returns; names are those of the text."""

    @property
    def native_parameters(self) -> ParameterSpace:
        """The parameters under the names that the engine has for them."""
        return self.translate(deepcopy(self.parameter_space))

    def translate(self, parameters: ParameterSpace) -> ParameterSpace:
        """The parameters under the names that the engine has for them."""
        return _renamed(parameters, self._engine_names(), None)

    def get_native_names(self, *names: str) -> list[str]:
        """The engine's names of parameters; of all if none is given."""
        engine = self._engine_names()
        return [engine[name] for name in names or engine]

    def reverse_translate(self, native_parameters: ParameterSpace) -> ParameterSpace:
        """The parameters under their names in the text."""
        return _renamed(native_parameters, self.pynn_names(), self.get_schema())

    def _engine_names(self) -> dict[str, str]:
        return {engine: own for own, engine in self.pynn_names().items()}


def _renamed(space: ParameterSpace, names: Mapping[str, str], schema: Any) -> ParameterSpace:
    values = {names[name]: value for name, value in space.items()}
    return ParameterSpace(values, schema, space.shape, space.component)


def _translations(names: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """PyNN's table of names; what PyNN would evaluate as text are functions here."""
    return {
        own: {
            "translated_name": engine,
            "forward_transform": lambda own=own, **values: values[own],
            "reverse_transform": lambda engine=engine, **values: values[engine],
            "type": "simple",
        }
        for own, engine in names.items()
    }


@contextmanager
def _as_invalid_model() -> Iterator[None]:
    """What is wrong with a text, as an error of PyNN."""
    try:
        yield
    except _REFUSED as error:
        raise errors.InvalidModelError(str(error)) from error


class NESTMLSynapseType(NativeSynapseType):
    """Base class of what `nestml_synapse_type` returns; names are those of the text.

    Weights are numbers as NEST takes them: pA at receptors that take currents, nS at those that
    take conductances, else mV.

    Attributes
    ----------
    postsynaptic_cell_type : type[NESTMLCellType]
        The neuron that was given with the synapse, if one was.
    """

    def parameter_units(self) -> dict[str, str]:
        """Units by name; weights have none."""
        return super().parameter_units() | {"weight": ""}

    def check(self, values: Mapping[str, Any], label: str) -> None:
        """Refuse values that these synapses cannot have; by names of the engine or the text."""
        engine = {facts["translated_name"]: own for own, facts in self.translations.items()}
        super().check({engine.get(name, name): value for name, value in values.items()}, label)

    def _descriptions(self) -> dict[str, Parameter]:
        descriptions = super()._descriptions()
        return {
            own: descriptions[facts["translated_name"]]
            for own, facts in self.translations.items()
            if facts["translated_name"] in descriptions
        }


def nestml_cell_type(name: str, nestml_description: str | Path) -> type[NESTMLCellType]:
    """Make a PyNN cell type of a neuron in NESTML.

    Parameters
    ----------
    name : str
        Of the model in the text, and of the type.
    nestml_description : str or Path
        NESTML text, or the path of a file with it.

    Returns
    -------
    type[NESTMLCellType]
        A class whose parameters and states are those of the text, in its units.  An excitatory
        and an inhibitory port are the receptors ``"excitatory"`` and ``"inhibitory"``, and so is a
        single port for both; other ports are receptors with their own names.

    Raises
    ------
    FileNotFoundError
        If it is neither a text nor the path of a file.
    pyNN.errors.InvalidModelError
        If the text is no NESTML, has no model of that name, or one that does what the engine's
        models cannot do; with line and column.
    ship_engine.errors.NotInstalledError
        If the package nestml is not there.
    """
    with _as_invalid_model():
        return _cell_type(name, read_neuron(nestml_description, name))


def _cell_type(name: str, text: NeuronText) -> type[NESTMLCellType]:
    native = native_cell_type(neuron_model(text.description))
    given = {engine: own for own, engine in text.parameters.items()}
    attributes = {key: value for key, value in vars(native).items() if key not in _NOT_COPIED}
    attributes |= {
        "translations": _translations(text.parameters),
        "default_parameters": {given[n]: v for n, v in native.default_parameters.items()},
        "units": {given.get(n, n): unit for n, unit in native.units.items()},
    }
    return type(name, (NESTMLCellType,), attributes)


def nestml_synapse_type(
    synapse_name: str,
    nestml_description: str | Path,
    postsynaptic_neuron_nestml_description: str | Path | None = None,
    weight_variable: str = "w",
    delay_variable: str | None = None,
) -> type[NESTMLSynapseType]:
    """Make a PyNN synapse type of a synapse in NESTML.

    Parameters
    ----------
    synapse_name : str
        Of the type; where the text has several models, also of the one that is meant.
    nestml_description : str or Path
        NESTML text, or the path of a file with it.
    postsynaptic_neuron_nestml_description : str or Path, optional
        The same for a neuron, which becomes the type's `postsynaptic_cell_type`.  The synapse
        works with any other cells, too.
    weight_variable : str
        The variable of the synapse that is its weight.
    delay_variable : str, optional
        The parameter of the synapse that is its delay.

    Returns
    -------
    type[NESTMLSynapseType]
        A class whose parameters are ``weight``, ``delay`` and those of the text.

    Raises
    ------
    FileNotFoundError, pyNN.errors.InvalidModelError, ship_engine.errors.NotInstalledError
        As for `nestml_cell_type`; also if the synapse has no such weight or delay.
    """
    with _as_invalid_model():
        text = read_synapse(nestml_description, synapse_name, weight_variable, delay_variable)
        native = native_synapse_type(synapse_model(text.description))
        neuron = None
        if postsynaptic_neuron_nestml_description is not None:
            neuron_text = read_neuron(postsynaptic_neuron_nestml_description)
            neuron = _cell_type(synapse_name + POSTSYNAPTIC, neuron_text)
    names = {"weight": "weight", "delay": "delay"} | text.parameters
    if "dendritic_delay_fraction" in native.default_parameters:
        names["dendritic_delay_fraction"] = "dendritic_delay_fraction"
    attributes: dict[str, Any] = {
        key: value for key, value in vars(native).items() if key not in _NOT_COPIED
    }
    defaults = {own: native.default_parameters[engine] for own, engine in names.items()}
    attributes |= {
        "translations": _translations(names),
        "default_parameters": defaults | {"weight": text.weight},
    }
    if neuron is not None:
        attributes["postsynaptic_cell_type"] = neuron
    return type(synapse_name, (NESTMLSynapseType,), attributes)
