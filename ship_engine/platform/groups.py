"""What the user has said about each group of a network, checked as it is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

from ship_engine.errors import InvalidValueError, UnknownNameError
from ship_engine.mistakes import mistakes_of_model
from ship_engine.models.base import Model, Source
from ship_engine.platform.models.sources import Input, ListInput, Poisson
from ship_engine.platform.models.synapses import SynapseModel
from ship_engine.platform.models.wrappers import DELAY_TIME, REFRACTORY_TIME, WRAPPERS
from ship_engine.platform.results import unknown

SOURCES = (Input, ListInput, Poisson)
WEIGHTS = ("w", "w_scale")
ARGUMENTS = ("model", "id", "N", "source", "target", "port", "is_output")
"""What `Network.add` takes for itself."""
QUANTITIES = ("output", "input", "spike_count", "integrated_current")
"""What can be monitored besides states."""
WRAPPED_PARAMETERS = {REFRACTORY_TIME.name: "refractory", DELAY_TIME.name: "delayed"}
"""Parameters that wrappers add, and the wrappers."""


@dataclass(eq=False)
class GroupDescription:
    """One group as it was added.

    Attributes
    ----------
    id : str
        Its name in the network.
    model : type
        What each component computes.
    size : int or None
        Number of components of neurons and sources.
    source, target : str or None
        Ids of the groups that synapses connect.
    port : str or None
        Which input of the target synapses reach, if it has several.
    is_output : bool
        Whether `Network.run` returns what it hands on.
    arguments : dict
        Parameters, initial states and weights by name, as they were given.
    """

    id: str
    model: type[Model] | type[Source]
    size: int | None = None
    source: str | None = None
    target: str | None = None
    port: str | None = None
    is_output: bool = False
    arguments: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        where = f"{self.source} → {self.target}" if self.is_synapse else self.size
        return f"{self.id} ({self.model.name}, {where})"

    @property
    def is_synapse(self) -> bool:
        """Whether it connects two groups."""
        return issubclass(self.model, SynapseModel)

    @property
    def is_source(self) -> bool:
        """Whether it receives nothing from the network."""
        return issubclass(self.model, Source)

    def names(self) -> list[str]:
        """Every argument that can be set."""
        settable = ["source", "target", "port"] if self.is_synapse else ["N"]
        weighted = issubclass(self.model, SynapseModel) and self.model.weighted
        return [
            *(parameter.name for parameter in self.model.parameters),
            *(state.name for state in self.model.states),
            *(WEIGHTS if weighted else ()),
            *settable,
            "is_output",
        ]

    def set(self, given: Mapping[str, Any]) -> None:
        """Take over arguments; all of them or, where one is wrong, none.

        Raises
        ------
        UnknownNameError
            If the group has no argument of that name.
        InvalidValueError
            If the number of components, or the id of a group, is none.
        """
        for name in given:
            if name not in self.names():
                if name in ("source", "target"):
                    raise InvalidValueError(
                        f"'{self.id}' ({self.model.name}) is no group of synapses, so it has no "
                        f"{name}; connect it by a group of synapses, such as LeakySynapse."
                    )
                if name == "N":
                    raise InvalidValueError(
                        f"N = {given[name]!r} of '{self.id}' ({self.model.name}); the number of "
                        "synapses follows from the groups that they connect."
                    )
                if name in WRAPPED_PARAMETERS and issubclass(self.model, Model):
                    wrapper = WRAPPED_PARAMETERS[name]
                    raise UnknownNameError(
                        f"{self.model.name}, the model of '{self.id}', has no {name}; "
                        f"{wrapper}({self.model.name}) has one."
                    )
                raise unknown("argument", name, self.names(), f"'{self.id}' ({self.model.name})")
        known = dict(given)
        size = known.pop("N", self.size)
        whole = isinstance(size, Integral) and not isinstance(size, bool)
        if size is not None and not (whole and size >= 1):
            raise InvalidValueError(f"N = {size!r} of '{self.id}'; give a whole number >= 1.")
        ids = {n: known.pop(n, getattr(self, n)) for n in ("source", "target", "port")}
        for name, value in ids.items():
            if value is not None and not isinstance(value, str):
                raise InvalidValueError(f"{name} = {value!r} of '{self.id}'; give its name.")
        is_output = known.pop("is_output", self.is_output)
        if not isinstance(is_output, bool):
            raise InvalidValueError(
                f"is_output = {is_output!r} of '{self.id}'; give True or False."
            )
        units = {parameter.name: parameter.unit for parameter in self.model.parameters}
        for name, value in known.items():
            if isinstance(value, str):
                unit = f" of {units[name]}" if units.get(name) else ""
                raise InvalidValueError(
                    f"{name} = {value!r} of '{self.id}' is text; give a number{unit}."
                )
        self.is_output = is_output
        self.size = None if size is None else int(size)
        self.source, self.target, self.port = ids.values()
        self.arguments |= known


def described(model: Any, id: Any, given: Mapping[str, Any]) -> GroupDescription:
    """The description of a new group.

    Raises
    ------
    InvalidValueError
        If the id is no name, the model cannot be computed, or an argument that the group needs
        is missing or wrong.
    UnknownNameError
        If an argument means nothing to the model.
    """
    if not isinstance(id, str) or not id:
        raise InvalidValueError(f"The id {id!r} of a group; give a name, such as 'I'.")
    _check_model(model, id)
    group = GroupDescription(id, model)
    group.set(given)
    if group.is_synapse:
        missing = [name for name in ("source", "target") if getattr(group, name) is None]
        if missing:
            raise InvalidValueError(
                f"'{id}' ({model.name}) has no {' and no '.join(missing)}; synapses connect two "
                f"groups: net.add({model.__name__}, '{id}', source='…', target='…')."
            )
    elif group.size is None:
        raise InvalidValueError(
            f"'{id}' ({model.name}) has no N; write how many components it has: "
            f"net.add({model.__name__}, '{id}', N=10)."
        )
    return group


def _check_model(model: Any, id: str) -> None:
    if model in SOURCES:
        return
    if not isinstance(model, type) or not issubclass(model, Model):
        hint = f" Write {model.__name__}(LIF)." if model in WRAPPERS.values() else ""
        if isinstance(model, type) and hasattr(model, "model"):  # a cell type of PyNN
            hint = f" Write {model.__name__}.model."
        raise InvalidValueError(
            f"The model {model!r} of '{id}'; give a class: a subclass of ship_engine.models.base."
            f"Model, or one of {', '.join(source.name for source in SOURCES)}.{hint}"
        )
    base = SynapseModel if issubclass(model, SynapseModel) else Model
    mistake = next(mistakes_of_model(model, base), None)
    if mistake is not None:
        raise InvalidValueError(f"{model.name or model.__name__}, the model of '{id}': {mistake}")
    if model.random_state is not None:
        raise InvalidValueError(
            f"{model.name}, the model of '{id}', draws random numbers as it runs, which the "
            "platform does not do; use it in a PyNN population."
        )
    if issubclass(model, SynapseModel) and (model.ports or model.threshold is not None):
        raise InvalidValueError(
            f"{model.name}, the model of '{id}': synapses have neither ports nor a threshold; "
            "they read `input`."
        )
    if base is Model and model.threshold is None and model.output is None:
        raise InvalidValueError(
            f"{model.name}, the model of '{id}', has neither a threshold nor a function 'output', "
            "so it would hand on nothing; let `output` return a state, for example."
        )
    if issubclass(model, SynapseModel) and model.output is None:
        raise InvalidValueError(
            f"{model.name}, the model of '{id}', has no function 'output', which says what its "
            "target receives."
        )
    _check_names(model, id)


def _check_names(model: type[Model], id: str) -> None:
    """Raise InvalidValueError if a name would stand for two things that one can set or monitor."""
    states = [state.name for state in model.states]
    weights = WEIGHTS if issubclass(model, SynapseModel) else ()
    for name in (*(parameter.name for parameter in model.parameters), *states):
        taken = [*ARGUMENTS, *weights, *(QUANTITIES if name in states else ())]
        if name in taken or not name.isidentifier():
            raise InvalidValueError(
                f"{model.name or model.__name__}, the model of '{id}', calls something "
                f"'{name}'; it must be a name, and none of {', '.join(taken)}."
            )


def checked_port(group: GroupDescription, target: GroupDescription) -> int:
    """Which input of its target a group of synapses reaches.

    Raises
    ------
    InvalidValueError
        If the target takes no input, or has several and none was chosen.
    UnknownNameError
        If the target has no such port.
    """
    if target.is_source:
        raise InvalidValueError(
            f"'{group.id}' cannot reach '{target.id}' ({target.model.name}), which takes no input."
        )
    ports = [port.name for port in target.model.ports]
    if group.port is not None and group.port not in ports:
        raise unknown("port", group.port, ports, f"'{target.id}' ({target.model.name})")
    if group.port is None and len(ports) > 1:
        raise InvalidValueError(
            f"'{group.id}' reaches '{target.id}' ({target.model.name}), which has the ports "
            f"{', '.join(ports)}; choose one: port='{ports[0]}'."
        )
    return ports.index(group.port) if group.port is not None else 0


def known_group(groups: Mapping[str, GroupDescription], id: Any) -> GroupDescription:
    """The group of that id.

    Raises
    ------
    UnknownNameError
        If there is none.
    """
    if isinstance(id, str) and id in groups:
        return groups[id]
    if not isinstance(id, str):
        raise UnknownNameError(f"{id!r} is no id of a group; ids are text.")
    raise unknown("group", id, groups)


def output_ids(groups: Mapping[str, GroupDescription]) -> list[str]:
    """Groups of which `Network.run` returns what they hand on."""
    chosen = [group.id for group in groups.values() if group.is_output]
    if chosen:
        return chosen
    followed = {group.source for group in groups.values()}
    neurons = [group.id for group in groups.values() if not group.is_synapse]
    return [id for id in neurons if id not in followed] or neurons[-1:]
