"""What every standard model of this backend does besides naming its translations."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from pyNN import errors

from ship_engine.models.base import Model, Source

from ..units import magnitudes


class WithUnits:
    """Mixin for PyNN model types: parameters may be quantities, and are checked at once."""

    units: ClassVar[dict[str, str]]

    def __init__(self, *arguments: Any, **parameters: Any) -> None:
        super().__init__(*arguments, **magnitudes(parameters, self.units))


class EngineModel(WithUnits):
    """Mixin for cell types and their components: which part of the engine computes them.

    Attributes
    ----------
    model : type
        The engine's model, membrane or receptor.
    """

    model: ClassVar[Any]
    translations: ClassVar[dict[str, Any]]

    def __init__(self, **parameters: Any) -> None:
        self._check_description()
        super().__init__(**parameters)
        self._check_numbers()

    def _check_description(self) -> None:
        """Refuse a class whose model is missing, or whose tables do not name the same things."""
        name = type(self).__name__
        if not hasattr(self, "model"):
            raise errors.InvalidModelError(
                f"{name} has no `model`; give it the part of the engine that computes it."
            )
        tables = {
            "translations": set(getattr(self, "translations", ())),
            "default_parameters": set(self.default_parameters),  # type: ignore[attr-defined]
        }
        for table, names in tables.items():
            missing = set().union(*tables.values()) - names
            if missing:
                raise errors.InvalidModelError(
                    f"The {table} of {name} lack '{min(missing)}'; every parameter is in "
                    f"{' and in '.join(tables)}."
                )

    def _check_numbers(self) -> None:
        """Refuse a number that the model cannot use where it is written."""
        known = {p.name: p for p in self.model.parameters}
        for name, facts in self.translations.items():
            parameter = known.get(facts["translated_name"])
            value = self.parameter_space[name].base_value  # type: ignore[attr-defined]
            if parameter is None or not isinstance(value, (int, float)):
                continue
            if not (math.isfinite(value) and parameter.allows(value)):
                raise errors.InvalidParameterValueError(
                    f"{name} = {value:g} {parameter.unit} for {type(self).__name__}; it must be "
                    f"{parameter.requirement}."
                )

    def pynn_names(self) -> dict[str, str]:
        """PyNN's name for each of the engine's parameter names."""
        return {facts["translated_name"]: name for name, facts in self.translations.items()}


class CellModel(EngineModel):
    """Mixin for cell types.

    Attributes
    ----------
    model : type[Model] or type[Source]
        The engine's model.
    """

    model: ClassVar[type[Model] | type[Source]]

    def _check_description(self) -> None:
        super()._check_description()
        ports = [port.name for port in self.model.ports]
        for receptor in self.receptor_types:  # type: ignore[attr-defined]
            if receptor not in ports:
                raise errors.InvalidModelError(
                    f"The receptor type '{receptor}' of {type(self).__name__} is no port of "
                    f"{self.model.name}, which has {', '.join(ports) or 'none'}."
                )

    def state_names(self) -> dict[str, str]:
        """The engine's name of each state, by PyNN's."""
        return {state.name: state.name for state in self.model.states}

    def has_conductance(self, receptor_type: str) -> bool:
        """Whether weights of this receptor are conductances."""
        return any(p.name == receptor_type and p.unit == "uS" for p in self.model.ports)
