"""What the file of a network says about it, in words and numbers, and whether it makes sense.

The description is data: dictionaries, lists, texts and numbers, as JSON has them.

========================  ========================================================================
``format``, ``version``   `FORMAT`, and a whole number that grows when this form changes
``engine``                version of the engine that wrote it
``settings``              ``dtype``, ``executor``, ``seed``, ``dt`` (ms), ``nts``, ``batch_size``;
                          the last three are null where they are not known; perhaps ``device``,
                          and ``inits``, how often the network was made ready
``groups``                a list; each has ``id``, ``model``, ``N``, ``source``, ``target``,
                          ``port``, ``is_output`` and ``arguments``; ``N`` is null for synapses,
                          ``source`` and ``target`` are null for all others
``monitors``              a list; each has the ``group`` and the ``names`` of what is kept of it
========================  ========================================================================

A model has a ``name`` and ``wrappers``, innermost first; a wrapper is a name, or has a ``name`` and
``arguments``.  An argument of a group is ``{"value": number}`` or ``{"tensor": key}``, the latter
where the number is not the same everywhere, or not finite.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from ship_engine.errors import FileFormatError

FORMAT = "ship-network"
VERSION = 1

DTYPES = ("float32", "float64")
EXECUTORS = ("numba", "torch", "fused")

RESERVED = ("id", "model", "N", "source", "target", "port", "is_output")
"""What `Network.add` takes besides arguments of the model."""

DEEPEST = 8
"""How deep lists and tables among the arguments of a wrapper may lie in one another."""


def check_network_description(
    description: Mapping[str, Any], tensors: Collection[str] | None = None
) -> None:
    """Check that a description has the form that the module's text gives.

    Parameters
    ----------
    description : mapping
        What a file says about a network.
    tensors : collection of str, optional
        The names of the tensors beside it: each must be referred to, and no other.

    Raises
    ------
    FileFormatError
        If not; the message names the place, such as ``groups[2].arguments.tau_beta``.
    """
    if description.get("format") != FORMAT:
        _refuse("format", description.get("format"), f"'{FORMAT}'")
    version = _whole("version", description.get("version"), 1)
    if version > VERSION:
        raise FileFormatError(
            f"version = {version} of the format is later than {VERSION}, the last one that this "
            "version of ship_engine knows; a later one of pynn-ship reads it."
        )
    _keys("", description, ("format", "version", "engine", "settings", "groups", "monitors"))
    _text("engine", description["engine"])
    _check_settings(description["settings"])
    groups = _items("groups", description["groups"])
    for place, group in groups.items():
        _check_group(place, group)
    _check_ids(groups)
    ids = [group["id"] for group in groups.values()]
    for place, monitor in _items("monitors", description["monitors"]).items():
        _keys(place, monitor, ("group", "names"))
        _id(f"{place}.group", monitor["group"], ids)
        for where, name in _items(f"{place}.names", monitor["names"]).items():
            _text(where, name)
    _check_tensors(groups, tensors)


def _check_settings(settings: Any) -> None:
    known = ("dtype", "executor", "seed", "dt", "nts", "batch_size")
    _keys("settings", settings, known, optional=("device", "inits"))
    for name, choices in (("dtype", DTYPES), ("executor", EXECUTORS)):
        if settings[name] not in choices:
            _refuse(f"settings.{name}", settings[name], " or ".join(f"'{c}'" for c in choices))
    if not _is_integer(settings["seed"]):
        _refuse("settings.seed", settings["seed"], "a whole number")
    if settings["dt"] is not None and not _number("settings.dt", settings["dt"]) > 0.0:
        _refuse("settings.dt", settings["dt"], "a number > 0, in ms, or null")
    for name, least in (("nts", 0), ("batch_size", 1)):
        if settings[name] is not None:
            _whole(f"settings.{name}", settings[name], least)
    if "inits" in settings:
        _whole("settings.inits", settings["inits"], 0)
    if "device" in settings:
        _text("settings.device", settings["device"])


def _check_group(place: str, group: Any) -> None:
    known = ("id", "model", "N", "source", "target", "port", "is_output", "arguments")
    _keys(place, group, known)
    _text(f"{place}.id", group["id"])
    model = group["model"]
    _keys(f"{place}.model", model, ("name", "wrappers"))
    _text(f"{place}.model.name", model["name"])
    for where, wrapper in _items(f"{place}.model.wrappers", model["wrappers"]).items():
        _check_wrapper(where, wrapper)
    for name in ("source", "target", "port"):
        if group[name] is not None:
            _text(f"{place}.{name}", group[name])
    if not isinstance(group["is_output"], bool):
        _refuse(f"{place}.is_output", group["is_output"], "true or false")
    ends = [name for name in ("source", "target") if group[name] is not None]
    if group["N"] is not None:
        _whole(f"{place}.N", group["N"], 1)
        if ends:
            _refuse(f"{place}.{ends[0]}", group[ends[0]], "null, since the group has an N")
    elif len(ends) != 2:
        _refuse(f"{place}.N", None, "a whole number >= 1, or else a source and a target")
    for name in group["arguments"] if isinstance(group["arguments"], dict) else ():
        if name in RESERVED:
            raise FileFormatError(f"{place}.arguments.{name} cannot be an argument of a group.")
    for where, argument in _named(f"{place}.arguments", group["arguments"]).items():
        _keys(where, argument, (), optional=("value", "tensor"))
        if len(argument) != 1:
            _refuse(where, argument, "either a value or a tensor")
        if "value" in argument:
            _number(f"{where}.value", argument["value"])
        else:
            _text(f"{where}.tensor", argument["tensor"])


def _check_wrapper(place: str, wrapper: Any) -> None:
    if isinstance(wrapper, str):
        _text(place, wrapper)
        return
    _keys(place, wrapper, ("name", "arguments"))
    _text(f"{place}.name", wrapper["name"])
    for where, argument in _named(f"{place}.arguments", wrapper["arguments"]).items():
        _check_data(where, argument)


def _check_data(place: str, value: Any, depth: int = 0) -> None:
    """Whether it can be written as JSON and read again as it was."""
    if depth > DEEPEST:
        raise FileFormatError(f"{place} lies more than {DEEPEST} levels deep.")
    if isinstance(value, (list, dict)):
        inside = _items(place, value) if isinstance(value, list) else _named(place, value)
        for where, item in inside.items():
            _check_data(where, item, depth + 1)
    elif isinstance(value, str):
        _characters(place, value)
    elif value is not None and not isinstance(value, bool):
        _number(place, value)


def _check_ids(groups: Mapping[str, Any]) -> None:
    """Whether ids are unique, and sources and targets exist."""
    places: dict[str, str] = {}
    for place, group in groups.items():
        if group["id"] in places:
            raise FileFormatError(
                f"{place}.id = '{group['id']}' stands at {places[group['id']]} already; each group "
                "has an id of its own."
            )
        places[group["id"]] = place
    for place, group in groups.items():
        for end in ("source", "target"):
            if group[end] is not None:
                _id(f"{place}.{end}", group[end], places)


def _check_tensors(groups: Mapping[str, Any], tensors: Collection[str] | None) -> None:
    """Whether the tensors are those that arguments refer to."""
    asked = {
        f"{place}.arguments.{name}.tensor": argument["tensor"]
        for place, group in groups.items()
        for name, argument in group["arguments"].items()
        if "tensor" in argument
    }
    if tensors is None:
        return
    for place, key in asked.items():
        if key not in tensors:
            raise FileFormatError(f"{place} = '{key}', but there is no tensor of that name.")
    unused = sorted(set(tensors).difference(asked.values()))
    if unused:
        raise FileFormatError(f"There is a tensor '{unused[0]}' that no argument refers to.")


def _refuse(place: str, found: Any, expected: str) -> None:
    text = repr(found)
    raise FileFormatError(
        f"{place} = {text if len(text) < 60 else text[:57] + '...'}; {expected} is expected."
    )


def _named(place: str, value: Any) -> dict[str, Any]:
    """The values of a dictionary by their places."""
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        _refuse(place or "The description", value, "a table of names and values")
    for name in value:
        _characters(f"A name in {place or 'the description'}", name)
    return {f"{place}.{name}" if place else name: item for name, item in value.items()}


def _items(place: str, value: Any) -> dict[str, Any]:
    """The items of a list by their places."""
    if not isinstance(value, list):
        _refuse(place, value, "a list")
    return {f"{place}[{k}]": item for k, item in enumerate(value)}


def _keys(
    place: str, value: Any, required: Collection[str], optional: Collection[str] = ()
) -> None:
    _named(place, value)
    where = f" of {place}" if place else ""
    for key in required:
        if key not in value:
            raise FileFormatError(f"The entry '{key}'{where} is missing.")
    for key in value:
        if key not in required and key not in optional:
            listed = ", ".join((*required, *optional))
            raise FileFormatError(f"The entry '{key}'{where} is unknown; known are {listed}.")


def _text(place: str, value: Any) -> None:
    if not isinstance(value, str) or not value:
        _refuse(place, value, "a text")
    _characters(place, value)


def _characters(place: str, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        _refuse(place, value, "a text of whole characters")


def _id(place: str, value: Any, ids: Collection[str]) -> None:
    _text(place, value)
    if value not in ids:
        _refuse(place, value, "the id of a group")


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _whole(place: str, value: Any, least: int) -> int:
    if not (_is_integer(value) and value >= least):
        _refuse(place, value, f"a whole number >= {least}")
    return int(value)


def _number(place: str, value: Any) -> float:
    finite = False
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            finite = math.isfinite(value)
        except OverflowError:  # a whole number beyond all floating-point ones
            finite = False
    if not finite:
        _refuse(place, value, "a finite number")
    return float(value)
