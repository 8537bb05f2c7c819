"""Standard synapses; those with spike-timing-dependent plasticity are in `plasticity`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pyNN import errors
from pyNN.parameters import LazyArray, ParameterSpace
from pyNN.random import RandomDistribution
from pyNN.standardmodels import StandardSynapseType, build_translations, synapses

from ship_engine.models.base import Parameter
from ship_engine.synapses import short_term
from ship_engine.synapses.base import Synapse

from .. import simulator
from ..units import has_unit, magnitude, require_value

WEIGHT = "weight"
"""Stands for the unit that the receptor has."""
WEIGHT_UNITS = ("nA", "uS", "mV")

_CONNECTION = (
    ("weight", "weight"),  # nA, uS or mV, as the receptor has it
    ("delay", "delay"),  # ms
)


class SynapseModel(StandardSynapseType):
    """Base class of synapse types: parameters may be quantities, and are checked at once.

    It is to be named before the class of PyNN.

    Attributes
    ----------
    model : type[Synapse] or None
        What the engine computes; None if a spike is just multiplied by the weight.
    electrical : bool
        Whether these are gap junctions, which have neither a receptor nor a delay.
    whole : tuple of str
        Parameters that are whole numbers.
    weight_unit : str or None
        The unit of the receptor, if one is known from quantities.
    """

    model: ClassVar[type[Synapse] | None] = None
    electrical: ClassVar[bool] = False
    whole: ClassVar[tuple[str, ...]] = ()
    translations: Mapping[str, Any]
    default_parameters: ClassVar[Mapping[str, Any]]
    parameter_space: ParameterSpace

    def __init__(self, **parameters: Any) -> None:
        for name in parameters:
            if name not in self.default_parameters:
                raise errors.NonExistentParameterError(
                    name, type(self).__name__, list(self.default_parameters)
                )
        self.weight_unit, plain = self._without_units(parameters)
        super().__init__(**plain)
        self._check_own_values()

    @property
    def label(self) -> str:
        """For messages."""
        return type(self).__name__

    def _get_minimum_delay(self) -> float:
        return float(simulator.state.delay_limits[0])

    def get_schema(self) -> dict[str, type]:
        """Types of the parameters: whole numbers, too, may be given as floating-point numbers."""
        return dict.fromkeys(self.get_parameter_names(), float)

    def state_units(self) -> dict[str, str]:
        """Units of the states of a synapse, by name."""
        return {} if self.model is None else {s.name: s.unit for s in self.model.states}

    def parameter_units(self) -> dict[str, str]:
        """Units of the parameters by name; that of the receptor is called 'weight'."""
        units = dict.fromkeys(self.get_parameter_names(), "dimensionless")
        units |= {"weight": WEIGHT, "delay": "ms"}
        return units | {name: p.unit for name, p in self._descriptions().items() if name in units}

    def _descriptions(self) -> dict[str, Parameter]:
        return {} if self.model is None else {p.name: p for p in self.model.parameters}

    def _without_units(self, values: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
        return without_units(values, self.parameter_units(), self.label)

    # --- which values are allowed ----------------------------------------------------------------

    def _check_own_values(self) -> None:
        numbers = {
            name: np.asarray(lazy.base_value)
            for name, lazy in self.parameter_space.items()
            if isinstance(lazy.base_value, (int, float, np.ndarray)) and not lazy.operations
        }
        self.check(numbers, self.label)

    def check(self, values: Mapping[str, Any], label: str) -> None:
        """Refuse values that these synapses cannot have.

        Parameters
        ----------
        values : mapping
            Numbers or arrays by PyNN's name, in PyNN's units.
        label : str
            Whose they are, for messages.

        Raises
        ------
        pyNN.errors.InvalidParameterValueError
            If one is not finite, out of range, or not whole where it must be.
        """
        for name, parameter in self._descriptions().items():
            if name not in values:
                continue
            array = np.atleast_1d(self._native(name, values[name]))
            wrong = ~(np.isfinite(array) & parameter.allows(array))
            wanted = parameter.requirement
            if name in self.whole:
                wrong |= array != np.floor(array)
                wanted = f"a whole number {wanted}"
            if wrong.any():
                raise errors.InvalidParameterValueError(
                    f"{name} = {array[wrong].flat[0]:g} for '{label}'; it must be {wanted}."
                )

    def _native(self, name: str, value: Any) -> NDArray[np.float64]:
        """What a value of a parameter is to the engine."""
        return np.asarray(value, np.float64)


def without_units(
    values: Mapping[str, Any], units: Mapping[str, str], label: str
) -> tuple[str | None, dict[str, Any]]:
    """Values as plain numbers, and the unit of those that have the unit of the receptor.

    Raises
    ------
    pyNN.errors.InvalidParameterValueError
        If a dimension is wrong, or two of them do not belong to one receptor.
    """
    plain, found = {}, {}
    for name, value in values.items():
        if name == "delay" and value is None:
            continue
        require_value(name, value)
        _check_expression(name, value)
        unit = units[name]
        if unit == WEIGHT and has_unit(value):
            unit = found[name] = weight_unit(value, name)
        elif unit == WEIGHT and isinstance(value, RandomDistribution):
            unit = "the unit of the receptor"
        plain[name] = value if unit == WEIGHT else magnitude(name, value, unit)
    return common_unit(found, label), plain


def _check_expression(name: str, value: Any) -> None:
    """Refuse a text that PyNN cannot take for a function of the distance d."""
    if isinstance(value, str):
        try:
            LazyArray(value, dtype=float)
        except errors.InvalidParameterValueError as error:
            raise errors.InvalidParameterValueError(
                f"{name} = {value!r} is no expression of the distance d, in which nothing else "
                "may occur but numbers; give one such as '1 / (1 + d)', or a function such as "
                f"lambda d: numpy.exp(-d). {error}"
            ) from error


def common_unit(found: Mapping[str, str | None], label: str) -> str | None:
    """The one unit among these, None if there is none.

    Raises
    ------
    pyNN.errors.InvalidParameterValueError
        If there are several.
    """
    known = {name: unit for name, unit in found.items() if unit is not None}
    if len(set(known.values())) > 1:
        listed = ", ".join(f"{name} like {unit}" for name, unit in known.items())
        raise errors.InvalidParameterValueError(
            f"The parameters of {label} are for different receptors: {listed}; all of these are "
            "in the unit of one receptor."
        )
    return next(iter(known.values()), None)


def weight_unit(weight: Any, name: str = "weight") -> str:
    """Which of a weight's possible units a quantity has: of current, conductance or voltage.

    Raises
    ------
    pyNN.errors.InvalidParameterValueError
        If it is none of these.
    """
    for unit in WEIGHT_UNITS:
        try:
            magnitude(name, weight, unit)
        except errors.InvalidParameterValueError:
            continue
        return unit
    raise errors.InvalidParameterValueError(
        f"{name} = {weight} is neither a current (nA), nor a conductance (uS), nor a voltage (mV)."
    )


class StaticSynapse(SynapseModel, synapses.StaticSynapse):
    __doc__ = synapses.StaticSynapse.__doc__
    translations = build_translations(*_CONNECTION)


class ElectricalSynapse(SynapseModel, synapses.ElectricalSynapse):
    __doc__ = synapses.ElectricalSynapse.__doc__
    electrical = True
    translations = build_translations(
        ("weight", "weight"),  # uS
    )

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        if self.weight_unit not in (None, "uS"):
            raise errors.InvalidParameterValueError(
                f"weight = {parameters['weight']} for an ElectricalSynapse; it is the conductance "
                "of a gap junction, in uS."
            )

    def parameter_units(self) -> dict[str, str]:
        return {"weight": WEIGHT}

    def check(self, values: Mapping[str, Any], label: str) -> None:
        weight = np.atleast_1d(np.asarray(values.get("weight", 0.0), np.float64))
        wrong = ~(np.isfinite(weight) & (weight >= 0.0))
        if wrong.any():
            raise errors.InvalidWeightError(
                f"A weight of {weight[wrong][0]:g} for '{label}'; the conductance of a gap "
                "junction must be finite and >= 0 uS."
            )


class TsodyksMarkramSynapse(SynapseModel, synapses.TsodyksMarkramSynapse):
    __doc__ = synapses.TsodyksMarkramSynapse.__doc__
    model = short_term.TsodyksMarkram
    translations = build_translations(
        *_CONNECTION,
        ("U", "U"),  # dimensionless
        ("tau_rec", "tau_rec"),  # ms
        ("tau_facil", "tau_facil"),  # ms
    )


class _WithReleaseSites(SynapseModel):
    """Synapses with release sites, of which the state ``a`` counts those available."""

    def state_units(self) -> dict[str, str]:
        units = super().state_units()
        return {"u": units["u"], "a": units["depleted"]}


class SimpleStochasticSynapse(SynapseModel, synapses.SimpleStochasticSynapse):
    __doc__ = synapses.SimpleStochasticSynapse.__doc__
    model = short_term.SimpleStochastic
    translations = build_translations(
        *_CONNECTION,
        ("p", "p"),  # dimensionless
    )


class StochasticTsodyksMarkramSynapse(_WithReleaseSites, synapses.StochasticTsodyksMarkramSynapse):
    __doc__ = synapses.StochasticTsodyksMarkramSynapse.__doc__
    model = short_term.StochasticTsodyksMarkram
    translations = build_translations(
        *_CONNECTION,
        ("U", "U"),  # dimensionless
        ("tau_rec", "tau_rec"),  # ms
        ("tau_facil", "tau_facil"),  # ms
    )


class MultiQuantalSynapse(_WithReleaseSites, synapses.MultiQuantalSynapse):
    __doc__ = synapses.MultiQuantalSynapse.__doc__
    model = short_term.MultiQuantal
    whole = ("n",)
    translations = build_translations(
        *_CONNECTION,
        ("U", "U"),  # dimensionless
        ("n", "n"),  # dimensionless
        ("tau_rec", "tau_rec"),  # ms
        ("tau_facil", "tau_facil"),  # ms
    )
