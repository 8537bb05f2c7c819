"""Receptors of composed cells; see `PointNeuron`."""

from __future__ import annotations

from typing import Any, ClassVar

from pyNN import errors
from pyNN.standardmodels import build_translations, receptors

from ship_engine.models.receptors import (
    ConductanceAlpha,
    ConductanceBeta,
    ConductanceExponential,
    CurrentExponential,
    Receptor,
)

from .base import EngineModel

_LOCATIONS = ("locations", "locations")  # of multi-compartment cells only
_CONDUCTANCE = {"e_syn": "mV", "gsyn": "uS"}


class ReceptorModel(EngineModel):
    """Mixin for post-synaptic responses.

    Attributes
    ----------
    model : type[Receptor]
        The engine's receptor.
    """

    model: ClassVar[type[Receptor]]

    def __init__(self, **parameters: Any) -> None:
        if "locations" in parameters:
            raise errors.InvalidParameterValueError(
                f"locations = {parameters['locations']!r} for {type(self).__name__}; cells of "
                "pyNN.ship have one compartment, so leave it out."
            )
        valid = [name for name in self.default_parameters if name != "locations"]  # type: ignore[attr-defined]
        for name in parameters:
            if name not in valid:
                raise errors.NonExistentParameterError(name, type(self).__name__, valid)
        super().__init__(**parameters)


class CurrExpPostSynapticResponse(ReceptorModel, receptors.CurrExpPostSynapticResponse):
    __doc__ = receptors.CurrExpPostSynapticResponse.__doc__
    model = CurrentExponential
    translations = build_translations(
        _LOCATIONS,
        ("tau_syn", "tau_syn"),  # ms
    )
    recordable = ("isyn",)
    units: ClassVar[dict[str, str]] = {"tau_syn": "ms", "isyn": "nA"}


class CondExpPostSynapticResponse(ReceptorModel, receptors.CondExpPostSynapticResponse):
    __doc__ = receptors.CondExpPostSynapticResponse.__doc__
    model = ConductanceExponential
    translations = build_translations(
        _LOCATIONS,
        ("e_syn", "e_syn"),  # mV
        ("tau_syn", "tau_syn"),  # ms
    )
    recordable = ("gsyn",)
    units: ClassVar[dict[str, str]] = {**_CONDUCTANCE, "tau_syn": "ms"}


class CondAlphaPostSynapticResponse(ReceptorModel, receptors.CondAlphaPostSynapticResponse):
    __doc__ = receptors.CondAlphaPostSynapticResponse.__doc__
    model = ConductanceAlpha
    translations = build_translations(
        _LOCATIONS,
        ("e_syn", "e_syn"),  # mV
        ("tau_syn", "tau_syn"),  # ms
    )
    recordable = ("gsyn", "gsyn_rise")
    units: ClassVar[dict[str, str]] = {**_CONDUCTANCE, "gsyn_rise": "uS/ms", "tau_syn": "ms"}


class CondBetaPostSynapticResponse(ReceptorModel, receptors.CondBetaPostSynapticResponse):
    __doc__ = receptors.CondBetaPostSynapticResponse.__doc__
    model = ConductanceBeta
    translations = build_translations(
        _LOCATIONS,
        ("e_syn", "e_syn"),  # mV
        ("tau_rise", "tau_rise"),  # ms
        ("tau_decay", "tau_decay"),  # ms
    )
    recordable = ("gsyn", "gsyn_rise")
    units: ClassVar[dict[str, str]] = {
        **_CONDUCTANCE,
        "gsyn_rise": "uS/ms",
        "tau_rise": "ms",
        "tau_decay": "ms",
    }


ExpPSR = CondExpPostSynapticResponse
AlphaPSR = CondAlphaPostSynapticResponse
BetaPSR = CondBetaPostSynapticResponse
