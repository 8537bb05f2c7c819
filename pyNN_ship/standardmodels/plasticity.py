"""Spike-timing-dependent plasticity: a mechanism made of a timing rule and a weight dependence."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pyNN import errors
from pyNN.parameters import ParameterSpace
from pyNN.standardmodels import build_translations, synapses

from ship_engine.models.base import Parameter
from ship_engine.synapses import stdp
from ship_engine.synapses.base import Synapse

from ..descriptions import STDP_TEMPLATE, describe
from .synapses import SynapseModel, common_unit, without_units

LIMITS = ("w_min", "w_max")
_LIMITS = (
    ("w_min", "w_min"),  # nA, uS or mV, as the receptor has it
    ("w_max", "w_max"),
)


class STDPPart:
    """Mixin for timing rules and weight dependences: parameters may be quantities.

    Attributes
    ----------
    model : type
        The engine's timing rule or weight dependence.
    weight_unit : str or None
        The unit of the receptor, if one is known from quantities.
    """

    model: ClassVar[Any]
    default_parameters: ClassVar[Mapping[str, Any]]
    parameter_space: ParameterSpace

    def __init__(self, *values: Any, **parameters: Any) -> None:
        if len(values) > len(self.default_parameters):
            raise TypeError(
                f"{type(self).__name__} takes {len(self.default_parameters)} values, "
                f"{', '.join(self.default_parameters)}; {len(values)} were given."
            )
        given = dict(zip(self.default_parameters, values, strict=False))
        for name in parameters:
            if name in given:
                raise TypeError(f"{type(self).__name__} got {name} twice.")
            if name not in self.default_parameters:
                raise errors.NonExistentParameterError(
                    name, type(self).__name__, list(self.default_parameters)
                )
        units = {p.name: p.unit for p in self.model.parameters}
        self.weight_unit, plain = without_units(given | parameters, units, type(self).__name__)
        super().__init__(**plain)


class SpikePairRule(STDPPart, synapses.SpikePairRule):
    __doc__ = synapses.SpikePairRule.__doc__
    model = stdp.SpikePairs
    translations = build_translations(
        ("tau_plus", "tau_plus"),  # ms
        ("tau_minus", "tau_minus"),  # ms
        ("A_plus", "A_plus"),  # dimensionless
        ("A_minus", "A_minus"),  # dimensionless
    )


class Vogels2011Rule(STDPPart, synapses.Vogels2011Rule):
    __doc__ = synapses.Vogels2011Rule.__doc__
    model = stdp.Vogels2011
    translations = build_translations(
        ("tau", "tau"),  # ms
        ("eta", "eta"),  # nA, uS or mV, as the receptor has it
        ("rho", "rho"),  # Hz
    )


class AdditiveWeightDependence(STDPPart, synapses.AdditiveWeightDependence):
    __doc__ = synapses.AdditiveWeightDependence.__doc__
    model = stdp.Additive
    translations = build_translations(*_LIMITS)


class MultiplicativeWeightDependence(STDPPart, synapses.MultiplicativeWeightDependence):
    __doc__ = synapses.MultiplicativeWeightDependence.__doc__
    model = stdp.Multiplicative
    translations = build_translations(*_LIMITS)


class AdditivePotentiationMultiplicativeDepression(
    STDPPart, synapses.AdditivePotentiationMultiplicativeDepression
):
    __doc__ = synapses.AdditivePotentiationMultiplicativeDepression.__doc__
    model = stdp.AdditivePotentiationMultiplicativeDepression
    translations = build_translations(*_LIMITS)


class GutigWeightDependence(STDPPart, synapses.GutigWeightDependence):
    __doc__ = synapses.GutigWeightDependence.__doc__
    model = stdp.Gutig
    translations = build_translations(
        *_LIMITS,
        ("mu_plus", "mu_plus"),  # dimensionless
        ("mu_minus", "mu_minus"),  # dimensionless
    )


@cache
def composed_synapse(timing: type, dependence: type) -> type[Synapse]:
    """The engine's model of a timing rule with a weight dependence, always the same one."""
    return stdp.compose_stdp(timing, dependence)


class STDPMechanism(SynapseModel, synapses.STDPMechanism):
    """Synapse whose weight depends on the times of the spikes of both cells.

    A part of the delay lies before the synapse and the rest, `dendritic_delay_fraction`, behind
    it: the presynaptic spike is seen after the first part, the postsynaptic one after the second.

    The weight keeps its sign, and `w_min` and `w_max` limit its magnitude: they may be given with
    either sign.  What strengthens a synapse takes the weight away from zero.

    Parameters
    ----------
    timing_dependence : SpikePairRule or Vogels2011Rule
        How pairs of spikes change the weight.
    weight_dependence : WeightDependence
        How the change depends on the weight: one of `AdditiveWeightDependence`,
        `MultiplicativeWeightDependence`, `AdditivePotentiationMultiplicativeDepression` and
        `GutigWeightDependence`.
    voltage_dependence : None
        PyNN has no such model yet.
    dendritic_delay_fraction, weight, delay : float, array, RandomDistribution or function
        In [0, 1]; in the unit of the receptor; in ms.

    Raises
    ------
    TypeError
        If a part is missing or not of this simulator.
    pyNN.errors.NoModelAvailableError
        If there is a voltage dependence.
    pyNN.errors.InvalidParameterValueError
        If a value is out of range.
    """

    base_translations = build_translations(
        ("weight", "weight"),  # nA, uS or mV, as the receptor has it
        ("delay", "delay"),  # ms
        ("dendritic_delay_fraction", "dendritic_delay_fraction"),  # dimensionless
    )

    def __init__(
        self,
        timing_dependence: Any = None,
        weight_dependence: Any = None,
        voltage_dependence: Any = None,
        dendritic_delay_fraction: Any = 1.0,
        weight: Any = 0.0,
        delay: Any = None,
    ) -> None:
        _check_part(
            "timing_dependence", timing_dependence, synapses.STDPTimingDependence, "SpikePairRule()"
        )
        _check_part(
            "weight_dependence",
            weight_dependence,
            synapses.STDPWeightDependence,
            "AdditiveWeightDependence()",
        )
        if voltage_dependence is not None:
            raise errors.NoModelAvailableError(
                f"voltage_dependence = {voltage_dependence!r}; PyNN defines no rule of this kind, "
                "so leave it out, or write one as a Synapse of ship_engine."
            )
        self.timing_dependence, self.weight_dependence = timing_dependence, weight_dependence
        self.voltage_dependence = None
        self.model = composed_synapse(timing_dependence.model, weight_dependence.model)
        given = {
            "dendritic_delay_fraction": dendritic_delay_fraction,
            "weight": weight,
            "delay": delay,
        }
        unit, plain = self._without_units(given)
        self.dendritic_delay_fraction = plain["dendritic_delay_fraction"]
        self.weight = plain["weight"]
        self.delay = plain.get("delay", self._get_minimum_delay())
        found = {"weight": unit}
        for part in (timing_dependence, weight_dependence):
            found[type(part).__name__] = part.weight_unit
        self.weight_unit = common_unit(found, self.label)
        self._build_translations()
        self._check_own_values()

    model: type[Synapse]  # type: ignore[misc]

    def _build_translations(self) -> None:
        self.translations = {
            **self.base_translations,
            **self.timing_dependence.translations,
            **self.weight_dependence.translations,
        }

    @property
    def possible_models(self) -> set[type[Synapse]]:
        """The one model that there is for these parts."""
        return {self.model}

    def get_parameter_names(self) -> list[str]:
        """Names of the parameters: of the connection, the timing rule and the weight dependence."""
        names: list[str] = super().get_parameter_names()
        return names

    def has_parameter(self, name: str) -> bool:
        """Whether there is a parameter of that name."""
        return name in self.get_parameter_names()

    @property
    def native_parameters(self) -> ParameterSpace:
        """A copy of all parameters, of the mechanism and of its parts."""
        return self.translate(self.parameter_space)

    def describe(self, template: Any = STDP_TEMPLATE, engine: Any = "default") -> Any:
        context = {"name": "STDPMechanism", **super().describe(template=None, engine=engine)}
        return describe(context, template, STDP_TEMPLATE, engine)

    describe.__doc__ = synapses.STDPMechanism.describe.__doc__

    def check(self, values: Mapping[str, Any], label: str) -> None:
        """Refuse values out of range, and a lower limit that is more than the upper one."""
        super().check(values, label)
        if not set(LIMITS) <= set(values):
            return
        low, high = (np.asarray(values[name], np.float64) for name in LIMITS)
        crossed = np.atleast_1d(np.abs(low) > np.abs(high))
        if crossed.any():
            place = tuple(np.argwhere(crossed)[0])
            low, high = (np.broadcast_to(v, crossed.shape)[place] for v in (low, high))
            raise errors.InvalidParameterValueError(
                f"w_min = {low:g} and w_max = {high:g} for '{label}'; the magnitude of the weight "
                "is between those of w_min and w_max, so w_min must be the smaller one."
            )

    def _native(self, name: str, value: Any) -> NDArray[np.float64]:
        numbers = super()._native(name, value)
        return np.abs(numbers) if name in LIMITS else numbers

    def _descriptions(self) -> dict[str, Parameter]:
        return {p.name: p for p in self.model.parameters if p.name != "sign"}


def _check_part(name: str, value: Any, kind: type, example: str) -> None:
    if not (isinstance(value, kind) and isinstance(value, STDPPart)):
        raise TypeError(
            f"{name} = {value!r} for an STDPMechanism; give an instance of a class of pyNN.ship, "
            f"such as {example}."
        )
