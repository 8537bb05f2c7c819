"""Networks as descriptions and tensors, and back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ship_engine.devices.data import as_data, from_data
from ship_engine.devices.description import Description
from ship_engine.devices.wrappers import memristive
from ship_engine.errors import InvalidValueError, UnknownNameError
from ship_engine.platform.files import read, write
from ship_engine.platform.groups import SOURCES, GroupDescription
from ship_engine.platform.models import neurons, synapses
from ship_engine.platform.models.wrappers import WRAPPERS, unwrapped
from ship_engine.platform.plan import Member
from ship_engine.platform.results import unknown

if TYPE_CHECKING:
    from ship_engine.platform.network import Network
    from ship_engine.platform.settings import Settings

MODELS: dict[str, type] = {
    model.__name__: model
    for model in (
        *SOURCES,
        neurons.LI,
        neurons.LIF,
        neurons.LIFSharedRest,
        neurons.LIFRestAndReset,
        neurons.Izhikevich,
        neurons.AdEx,
        synapses.LeakySynapse,
        synapses.SecondOrderSynapse,
        synapses.RectangularSynapse,
        synapses.SummedLeakySynapse,
        synapses.Wire,
        synapses.Link,
    )
}
"""The platform's own models by name."""


def _memristive(model: Any, device: Any) -> Any:
    return memristive(model, from_data(device))


KNOWN_WRAPPERS: Mapping[str, Any] = {**WRAPPERS, "memristive": _memristive}
"""Every wrapper by its name, as files give its arguments."""


def save(
    path: str | os.PathLike[str],
    network: Network,
    settings: Settings,
    members: Mapping[str, Member],
    monitors: Mapping[str, list[str]],
) -> None:
    """Write a network to a file.

    Parameters
    ----------
    path : str or path
        Where to.
    network : Network
        The network.
    settings : Settings
        What its `init` was told.
    members : mapping
        The tensors of its groups; what was drawn at random is kept as it was drawn.
    monitors : mapping
        What is kept of each group in runs.

    Raises
    ------
    InvalidValueError
        If weights are kept in a device of one's own.
    FileFormatError
        If a file cannot describe it.
    OSError
        If the file cannot be written.
    """
    described, tensors = _described(network.groups, members)
    description = {
        "settings": {
            "dtype": str(network.dtype).removeprefix("torch."),
            "executor": network.executor,
            "seed": network.seed,
            **_writes(network, members),
            **asdict(settings),
        },
        "groups": described,
        "monitors": [{"group": id, "names": names} for id, names in monitors.items()],
    }
    write(path, description, tensors)


def load(
    path: str | os.PathLike[str],
    kind: type[Network],
    models: Mapping[str, type],
    options: Mapping[str, Any],
) -> Network:
    """Read a network from a file.

    Parameters
    ----------
    path : str or path
        Of the file.
    kind : type[Network]
        What to make.
    models : mapping of str to type
        Models of one's own, by name.
    options : mapping
        Of the network, in place of those in the file.

    Raises
    ------
    FileFormatError
        If the file is no network, or damaged.
    UnknownNameError, InvalidValueError
        If the description makes no network.
    OSError
        If the file cannot be read.
    """
    if not isinstance(models, Mapping):
        raise InvalidValueError(
            f"models = {models!r}; give a mapping of names to classes, such as {{'Mine': Mine}}."
        )
    description, tensors = read(path)
    settings = description["settings"]
    known = {name: settings[name] for name in ("executor", "seed")}
    known["dtype"] = getattr(torch, settings["dtype"])
    network = kind(**{**known, **options})
    for group in description["groups"]:
        model = model_of(group["model"], models)
        network.add(model, group["id"], **_given_arguments(group, tensors))
    for monitor in description["monitors"]:
        network.set_monitor(monitor["group"], *monitor["names"])
    network._inits = settings.get("inits", 1) - 1
    if settings["dt"] is not None:
        network.init(settings["dt"], nts=settings["nts"], batch_size=settings["batch_size"])
    return network


def _described(
    groups: Mapping[str, GroupDescription], members: Mapping[str, Member]
) -> tuple[list[dict[str, Any]], dict[str, Tensor]]:
    """All groups as data, and the tensors that these refer to."""
    _refuse_shared_names(groups)
    descriptions: list[dict[str, Any]] = []
    tensors: dict[str, Tensor] = {}
    for group in groups.values():
        inner, wrappers = unwrapped(group.model)
        arguments: dict[str, dict[str, Any]] = {}
        for name, tensor in _arguments(group, members[group.id]).items():
            plain = tensor.detach().cpu()
            if plain.numel() == 1 and bool(torch.isfinite(plain).all()):
                arguments[name] = {"value": float(plain)}
            else:
                key = f"{group.id}.{name}"
                arguments[name], tensors[key] = {"tensor": key}, plain.contiguous()
        descriptions.append(
            {
                "id": group.id,
                "model": {
                    "name": inner.__name__,
                    "wrappers": [
                        {"name": w.wrapper, "arguments": _as_plain(w.arguments)}
                        if w.arguments
                        else w.wrapper
                        for w in wrappers
                    ],
                },
                "N": group.size,
                "source": group.source,
                "target": group.target,
                "port": group.port,
                "is_output": group.is_output,
                "arguments": arguments,
            }
        )
    return descriptions, tensors


def _arguments(group: GroupDescription, member: Member) -> dict[str, Tensor]:
    """What was given, and the weights even if they were not."""
    known = {**member.values, **member.initial}
    found = {name: known[name] for name in known if name in group.arguments}
    if member.weight is not None and member.scale is not None:
        found["w"] = member.weight if member.wanted is None else member.wanted
        if "w_scale" in group.arguments:
            found["w_scale"] = member.scale
    return found


def model_of(description: Mapping[str, Any], models: Mapping[str, type]) -> type:
    """The model that a description names, in its wrappers.

    Parameters
    ----------
    description : mapping
        With ``name`` and ``wrappers``.
    models : mapping of str to type
        Models of one's own, besides those of the platform.

    Raises
    ------
    UnknownNameError
        If there is no model or wrapper of that name.
    InvalidValueError
        If a wrapper does not fit.
    """
    known = {**MODELS, **models}
    name = description["name"]
    if name not in known:
        raise UnknownNameError(
            f"The network has the model '{name}', which is none of the platform's; give the class "
            f"that it was made with: Network.load(path, models={{'{name}': …}})."
        )
    model = known[name]
    for one in description["wrappers"]:
        wrapper, arguments = (one, {}) if isinstance(one, str) else (one["name"], one["arguments"])
        if wrapper not in KNOWN_WRAPPERS:
            raise unknown("wrapper", wrapper, KNOWN_WRAPPERS)
        function: Any = KNOWN_WRAPPERS[wrapper]
        try:
            model = function(model, **arguments)
        except TypeError as error:
            raise InvalidValueError(
                f"The wrapper '{wrapper}' of '{name}' does not take {arguments}: {error}."
            ) from error
    return model


def _given_arguments(
    description: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> dict[str, Any]:
    """What to give `Network.add` for a group, besides model and id."""
    given: dict[str, Any] = {"is_output": description["is_output"]}
    for name in ("N", "source", "target", "port"):
        if description.get(name) is not None:
            given[name] = description[name]
    for name, one in description["arguments"].items():
        given[name] = tensors[one["tensor"]] if "tensor" in one else one["value"]
    return given


def _writes(network: Network, members: Mapping[str, Member]) -> dict[str, int]:
    """How often weights were written, by which devices draw what a write misses."""
    kept = any(member.wanted is not None for member in members.values())
    return {"inits": network._inits} if kept else {}


def _as_plain(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What a wrapper was given, as data."""
    return {
        name: as_data(value) if isinstance(value, Description) else value
        for name, value in arguments.items()
    }


def _refuse_shared_names(groups: Mapping[str, GroupDescription]) -> None:
    """Raise InvalidValueError if two models have one name, by which a file tells them apart."""
    known = dict(MODELS)
    for group in groups.values():
        inner, _ = unwrapped(group.model)
        name = inner.__name__
        if known.setdefault(name, inner) is not inner:
            raise InvalidValueError(
                f"The model of '{group.id}' is called {name}, as another one is; in a file, a name "
                "stands for one model, so give the class another name."
            )
