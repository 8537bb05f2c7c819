"""Standard synapses."""

from __future__ import annotations

from typing import Any

from pyNN import errors
from pyNN.standardmodels import build_translations, synapses

from .. import simulator
from ..units import has_unit, magnitude, require_value

WEIGHT_UNITS = ("nA", "uS", "mV")


class StaticSynapse(synapses.StaticSynapse):
    __doc__ = synapses.StaticSynapse.__doc__

    translations = build_translations(
        ("weight", "weight"),  # nA, uS or mV, as the receptor has it
        ("delay", "delay"),  # ms
    )

    def __init__(self, **parameters: Any) -> None:
        self.weight_unit: str | None = None
        if "weight" in parameters:
            require_value("weight", parameters["weight"])
        if has_unit(parameters.get("weight")):
            self.weight_unit = weight_unit(parameters["weight"])
            parameters["weight"] = magnitude("weight", parameters["weight"], self.weight_unit)
        if "delay" in parameters:
            parameters["delay"] = magnitude("delay", parameters["delay"], "ms")
        for name in parameters:
            if name not in self.default_parameters:
                raise errors.NonExistentParameterError(
                    name, type(self).__name__, list(self.default_parameters)
                )
        super().__init__(**parameters)

    def _get_minimum_delay(self) -> float:
        return float(simulator.state.delay_limits[0])


def weight_unit(weight: Any) -> str:
    """Which of a weight's possible units a quantity has: of current, conductance or voltage.

    Raises
    ------
    pyNN.errors.InvalidParameterValueError
        If it is none of these.
    """
    for unit in WEIGHT_UNITS:
        try:
            magnitude("weight", weight, unit)
        except errors.InvalidParameterValueError:
            continue
        return unit
    raise errors.InvalidParameterValueError(
        f"weight = {weight} is neither a current (nA), nor a conductance (uS), nor a voltage (mV)."
    )
