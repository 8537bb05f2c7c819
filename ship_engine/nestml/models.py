"""Models of the engine from NESTML text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ship_engine.equations import neuron_model
from ship_engine.equations.description import (
    NeuronDescription,
    Parameter,
    State,
    SynapseDescription,
)
from ship_engine.nestml.names import engine_name
from ship_engine.nestml.neurons import NeuronTranslation
from ship_engine.nestml.reading import choose, parse, read_text
from ship_engine.nestml.synapses import SynapseTranslation


@dataclass(frozen=True)
class NeuronText:
    """A neuron, read.

    Attributes
    ----------
    description : NeuronDescription
        What `ship_engine.equations.neuron_model` makes a model of.
    parameters : dict
        Names of the parameters in the model, by those in the text.
    """

    description: NeuronDescription
    parameters: dict[str, str]


@dataclass(frozen=True)
class SynapseText:
    """A synapse, read.

    Attributes
    ----------
    description : SynapseDescription
        What `ship_engine.equations.synapse_model` makes a model of.
    parameters : dict
        Names of the parameters in the model, by those in the text.
    weight : float
        The value of the weight in the text.
    """

    description: SynapseDescription
    parameters: dict[str, str]
    weight: float


def read_neuron(description: str | Path, name: str | None = None) -> NeuronText:
    """Read a neuron from NESTML.

    Parameters
    ----------
    description : str or Path
        NESTML text, or the path of a file with it.
    name : str, optional
        Of the model in the text; by default the first one.

    Raises
    ------
    FileNotFoundError
        If it is neither a text nor the path of a file.
    ModelTextError
        If the text is no NESTML.
    UnknownNameError
        If there is no model of that name in it.
    UnsupportedModelError
        If the model does what models of the engine cannot do.
    NotInstalledError
        If the package nestml is not there.
    """
    models = parse(read_text(description))
    model = models[0] if name is None else choose(models, name)
    translation = NeuronTranslation(model)
    names = {given: engine_name(given) for given in translation.scope.parameters}
    return NeuronText(translation.description(), names)


def read_synapse(
    description: str | Path,
    name: str,
    weight_variable: str = "w",
    delay_variable: str | None = None,
) -> SynapseText:
    """Read a synapse from NESTML.

    Parameters
    ----------
    description : str or Path
        NESTML text, or the path of a file with it.
    name : str
        Of the model in the text; if there is only one it may have another name.
    weight_variable : str
        The variable that is the weight.
    delay_variable : str, optional
        The parameter that is the delay.

    Raises
    ------
    FileNotFoundError, ModelTextError, UnsupportedModelError, NotInstalledError
        As for `read_neuron`.
    UnknownNameError
        If the text has no such model, or the model no such variable.
    """
    model = choose(parse(read_text(description)), name, only=True)
    translation = SynapseTranslation(model, weight_variable, delay_variable)
    left_out = (weight_variable, delay_variable)
    names = {
        given: engine_name(given) for given in translation.scope.parameters if given not in left_out
    }
    made = translation.description()
    return SynapseText(made, names, _value(translation.initial_weight(), made.parameters))


def _value(text: str, parameters: tuple[Parameter, ...]) -> float:
    """What an expression of parameters comes to."""
    result = Parameter("result_", text)
    described = NeuronDescription("value", (*parameters, result), (State("unused_"),))
    return neuron_model(described).parameters[-1].default
