"""Models of the engine as PyNN's types, without a table of names."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from importlib import import_module
from inspect import Parameter, signature
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
from pyNN import errors
from pyNN.models import BaseCellType
from pyNN.parameters import ParameterSpace, Sequence
from pyNN.standardmodels import build_translations

from ship_engine import models, synapses
from ship_engine.currents import CurrentSource
from ship_engine.mistakes import mistakes_of_model, mistakes_of_synapse
from ship_engine.models.base import Model, Source
from ship_engine.synapses.base import Synapse

from .standardmodels.base import CellModel
from .standardmodels.electrodes import ShipCurrentSource
from .standardmodels.synapses import SynapseModel
from .units import unit_of

FILLED_IN = ("tau_psc", "sign")
"""Parameters of synapses that follow from the receptor, and from the weight."""


class NativeCellType(CellModel, BaseCellType):
    """Base class of what `native_cell_type` returns; names are those of the engine's model."""

    @property
    def native_parameters(self) -> ParameterSpace:
        """A copy of the parameters."""
        return deepcopy(self.parameter_space)

    def get_native_names(self, *names: str) -> list[str]:
        """The names themselves; all of them if none is given."""
        return list(names) or self.get_parameter_names()

    def translate(self, parameters: ParameterSpace) -> ParameterSpace:
        """The parameters themselves."""
        return parameters

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
    found: Any = _named(model, models, (Model, Source)) if isinstance(model, str) else model
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
    drawn = (model.random_state, f"{model.random_state}_count")
    kinds = {port.unit == "uS" for port in model.ports}
    spikes = ["spikes"] if model.threshold is not None else []
    return {
        "__doc__": model.__doc__,
        "__module__": model.__module__,
        "model": model,
        "translations": build_translations(*((p.name, p.name) for p in model.parameters)),
        "default_parameters": {p.name: float(p.default) for p in model.parameters},
        "default_initial_values": {s.name: s.initial for s in model.states if s.name not in drawn},
        "units": {
            name: unit if unit not in ("", "1") else "dimensionless" for name, unit in units.items()
        },
        "recordable": [*spikes, *(state.name for state in model.states)],
        "receptor_types": [port.name for port in model.ports],
        "conductance_based": kinds.pop() if len(kinds) == 1 else None,
        "injectable": model.takes_current(),
    }


class NativeSynapseType(SynapseModel):
    """Base class of what `native_synapse_type` returns; names are those of the engine's model."""


def native_synapse_type(model: type[Synapse] | str) -> type[NativeSynapseType]:
    """Make a PyNN synapse type of a synapse model of the engine.

    Parameters
    ----------
    model : type[Synapse] or str
        A model of one's own, or one that the engine has; the latter also by its name.

    Returns
    -------
    type[NativeSynapseType]
        A class whose parameters are ``weight``, ``delay`` and those of the model, without
        ``tau_psc``, the time constant of the receptor, and ``sign``, that of the weight.

    Raises
    ------
    pyNN.errors.InvalidModelError
        If there is no model of that name, or it is not complete.
    TypeError
        If it is something else.
    """
    found: Any = _named(model, synapses, Synapse) if isinstance(model, str) else model
    if not (isinstance(found, type) and issubclass(found, Synapse)):
        raise TypeError(
            f"native_synapse_type({model!r}); give a subclass of ship_engine.synapses.base."
            "Synapse, or the name of a model of ship_engine, such as 'TsodyksMarkram'."
        )
    name, mistake = found.name or found.__name__, next(mistakes_of_synapse(found), None)
    if mistake is not None:
        raise errors.InvalidModelError(f"{name}: {mistake}")
    own = [parameter for parameter in found.parameters if parameter.name not in FILLED_IN]
    attributes = {
        "__doc__": found.__doc__,
        "__module__": found.__module__,
        "model": found,
        "translations": build_translations(
            *((n, n) for n in ("weight", "delay", *(p.name for p in own)))
        ),
        "default_parameters": {"weight": 0.0, "delay": None, **{p.name: p.default for p in own}},
        "default_initial_values": {state.name: state.initial for state in found.states},
    }
    return type(name, (NativeSynapseType,), attributes)


class NativeElectrodeType(ShipCurrentSource):
    """Base class of what `native_electrode_type` returns; names are those of the engine's current.

    Attributes
    ----------
    current : type[CurrentSource]
        The engine's current.
    """

    current: ClassVar[type[CurrentSource]]

    def _make(self) -> CurrentSource:
        return self.current(**self._values)


def native_electrode_type(current: Any) -> type[NativeElectrodeType]:
    """Make a PyNN current source of a current of the engine.

    Parameters
    ----------
    current : type[CurrentSource]
        A class whose arguments, which are numbers or arrays, all have defaults.  An attribute
        ``units`` may give a unit to each, by name.

    Returns
    -------
    type[NativeElectrodeType]
        A class whose parameters are these arguments.

    Raises
    ------
    pyNN.errors.InvalidModelError
        If an argument has no default.
    TypeError
        If it is something else.
    """
    if not (isinstance(current, type) and issubclass(current, CurrentSource)):
        raise TypeError(
            f"native_electrode_type({current!r}); give a subclass of ship_engine.currents."
            "CurrentSource."
        )
    defaults: dict[str, Any] = {}
    for argument in signature(current).parameters.values():
        if argument.default is Parameter.empty:
            raise errors.InvalidModelError(
                f"{current.__name__}: '{argument.name}' has no default; give it one."
            )
        number = np.ndim(argument.default) == 0
        defaults[argument.name] = float(argument.default) if number else Sequence(argument.default)
    attributes = {
        "__doc__": current.__doc__,
        "__module__": current.__module__,
        "current": current,
        "translations": build_translations(*((name, name) for name in defaults)),
        "default_parameters": defaults,
        "units": dict(getattr(current, "units", {})),
    }
    return type(current.__name__, (NativeElectrodeType,), attributes)


def _named(name: str, package: ModuleType, kinds: Any) -> type:
    """The model of that name in a package of the engine."""
    found: dict[str, Any] = {}
    for module in iter_modules(package.__path__, f"{package.__name__}."):
        for value in vars(import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, kinds):
                found[getattr(value, "name", "")] = value
    found.pop("", None)
    if name not in found:
        listed = ", ".join(sorted(n for n, model in found.items() if not issubclass(model, Source)))
        raise errors.InvalidModelError(
            f"'{name}' is not a model of ship_engine, which has {listed}; a model of your own is "
            "given as a class."
        )
    model: type = found[name]
    return model


def _mistakes(model: type[Model]) -> Iterator[str]:
    """What keeps a model from being computed, and units that recorded data cannot carry."""
    yield from mistakes_of_model(model)
    if model.needs_platform():
        yield (
            "it reads `input`, hands on an `output`, or has a wrapper, which only the networks of "
            "ship_engine.platform know; give it ports, to which synapses of PyNN reach."
        )
    for state in model.states:
        if state.unit not in ("", "1") and unit_of(state.unit) is None:
            yield (
                f"the unit '{state.unit}' of {state.name} is unknown to the package quantities; "
                "write for example 'mV', 'mV/ms' or 'dimensionless'."
            )
