"""Models of the engine as PyNN's types, without a table of names."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from pyNN import errors
from pyNN.models import BaseCellType
from pyNN.parameters import ParameterSpace
from pyNN.standardmodels import build_translations

from ship_engine import models
from ship_engine.models.base import Model, Source, argument_names

from .standardmodels.base import CellModel
from .units import unit_of

GIVEN = ("dt", "i_inj", "free")
"""What functions of models may ask for beside parameters, states and coefficients."""


class NativeCellType(CellModel, BaseCellType):
    """Base class of what `native_cell_type` returns; names are those of the engine's model."""

    @property
    def native_parameters(self) -> ParameterSpace:
        """A copy of the parameters."""
        return deepcopy(self.parameter_space)

    def get_native_names(self, *names: str) -> list[str]:
        """The names themselves; all of them if none is given."""
        return list(names) or self.get_parameter_names()

    def reverse_translate(self, native_parameters: ParameterSpace) -> ParameterSpace:
        """The parameters themselves."""
        return native_parameters


def native_cell_type(model: type[Model] | str) -> type[NativeCellType]:
    """Make a PyNN cell type of a model of the engine.

    Parameters
    ----------
    model : type[Model] or str
        A model of one's own, or one that the engine has; the latter also by its name.

    Returns
    -------
    type[NativeCellType]
        A class whose parameters, units, initial values and states to be recorded are the
        model's, and whose receptor types are its ports.

    Raises
    ------
    pyNN.errors.InvalidModelError
        If there is no model of that name, or it is not complete.
    TypeError
        If it is something else.
    """
    found: Any = _model_named(model) if isinstance(model, str) else model
    if not (isinstance(found, type) and issubclass(found, (Model, Source))):
        raise TypeError(
            f"native_cell_type({model!r}); give a subclass of ship_engine.models.base.Model, or "
            "the name of a model of ship_engine, such as 'LIFCurrentAlpha'."
        )
    if issubclass(found, Source):
        raise errors.InvalidModelError(
            f"{found.name} only sends spikes; sources are cell types of their own, such as "
            "SpikeSourcePoisson."
        )
    name, mistake = found.name or found.__name__, next(_mistakes(found), None)
    if mistake is not None:
        raise errors.InvalidModelError(f"{name}: {mistake}")
    return type(name, (NativeCellType,), _description(found))


def _description(model: type[Model]) -> dict[str, Any]:
    units = {parameter.name: parameter.unit for parameter in model.parameters}
    units |= {state.name: state.unit for state in model.states}
    kinds = {port.unit == "uS" for port in model.ports}
    spikes = ["spikes"] if model.threshold is not None else []
    return {
        "__doc__": model.__doc__,
        "__module__": model.__module__,
        "model": model,
        "translations": build_translations(*((p.name, p.name) for p in model.parameters)),
        "default_parameters": {p.name: float(p.default) for p in model.parameters},
        "default_initial_values": {state.name: state.initial for state in model.states},
        "units": {
            name: unit if unit not in ("", "1") else "dimensionless" for name, unit in units.items()
        },
        "recordable": [*spikes, *(state.name for state in model.states)],
        "receptor_types": [port.name for port in model.ports],
        "conductance_based": kinds.pop() if len(kinds) == 1 else None,
        "injectable": model.takes_current(),
    }


def _model_named(name: str) -> type[Model] | type[Source]:
    found = {model.name: model for model in _models_of_the_engine()}
    if name not in found:
        raise errors.InvalidModelError(
            f"'{name}' is not a model of ship_engine, which has {', '.join(sorted(found))}; a "
            "model of your own is given as a class."
        )
    return found[name]


def _models_of_the_engine() -> Iterator[type[Model] | type[Source]]:
    for module in iter_modules(models.__path__, f"{models.__name__}."):
        for value in vars(import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, (Model, Source)) and value.name:
                yield value


def _mistakes(model: type[Model]) -> Iterator[str]:
    """What keeps a model from being computed, in the order in which it should be mended."""
    for function in ("time_dep", "advance_timestep"):
        if not hasattr(model, function):
            yield f"it has no function '{function}', which every model needs."
            return
    if model.threshold is not None and model.reset is None:
        yield "it has a 'threshold', but no 'reset' that says what a spike changes."
    yield from _mistaken_names(model)
    for state in model.states:
        if state.unit not in ("", "1") and unit_of(state.unit) is None:
            yield (
                f"the unit '{state.unit}' of {state.name} is unknown to the package quantities; "
                "write for example 'mV', 'mV/ms' or 'dimensionless'."
            )


def _mistaken_names(model: type[Model]) -> Iterator[str]:
    states = [state.name for state in model.states]
    names = [parameter.name for parameter in model.parameters] + states + [*model.coefficients]
    for name in names:
        if names.count(name) > 1 or name in GIVEN:
            yield f"'{name}' stands for several things; give one of them another name."
    for function in ("time_dep", "advance_timestep", "threshold", "reset"):
        asked_for = getattr(model, function)
        for name in () if asked_for is None else argument_names(asked_for):
            if name not in (*names, *GIVEN):
                yield (
                    f"'{function}' asks for '{name}', which is neither a parameter, nor "
                    f"a state, nor a coefficient, nor one of {', '.join(GIVEN)}."
                )
    for name in (*(port.state for port in model.ports), *model.held, *model.reset_states):
        if name not in states:
            yield f"'{name}' in ports, held or reset_states is none of its states, {states}."
