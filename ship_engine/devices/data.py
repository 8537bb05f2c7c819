"""Devices as plain data, for files, and back; nothing but what is known here is made of data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from ship_engine.devices.description import Description
from ship_engine.devices.drift import FilamentDrift, PhaseChangeDrift, PowerLawDrift
from ship_engine.devices.levels import Levels, MeasuredLevels
from ship_engine.devices.memristor import Memristor
from ship_engine.devices.pulses import PulseProgramming
from ship_engine.devices.variability import (
    DeviceToDevice,
    FlickerNoise,
    ReadNoise,
    StuckDevices,
    WriteNoise,
)
from ship_engine.errors import InvalidValueError

KINDS: Mapping[str, type[Description]] = {
    kind.__name__: kind
    for kind in (
        Memristor,
        Levels,
        MeasuredLevels,
        FilamentDrift,
        PowerLawDrift,
        PhaseChangeDrift,
        DeviceToDevice,
        StuckDevices,
        WriteNoise,
        ReadNoise,
        FlickerNoise,
        PulseProgramming,
    )
}
"""Every description by its name."""


def as_data(described: Description) -> dict[str, Any]:
    """A description as names, numbers, lists and mappings, with its ``kind``.

    Raises
    ------
    InvalidValueError
        If it is, or has in it, a description of one's own.
    """
    kind = type(described)
    if KINDS.get(kind.__name__) is not kind:
        raise InvalidValueError(
            f"{kind.__name__} cannot be written to a file, which knows {', '.join(KINDS)}."
        )
    values = {each.name: getattr(described, each.name) for each in fields(kind)}  # type: ignore[arg-type]
    return {"kind": kind.__name__, **{name: _plain(value) for name, value in values.items()}}


def _plain(value: Any) -> Any:
    if isinstance(value, Description) or hasattr(value, "drifted"):
        return as_data(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def from_data(data: Any) -> Any:
    """The description that `as_data` made these data of.

    Raises
    ------
    InvalidValueError
        If the kind or a name is not known, or a value is not allowed.
    """
    if not isinstance(data, Mapping) or data.get("kind") not in KINDS:
        found = data.get("kind") if isinstance(data, Mapping) else data
        raise InvalidValueError(
            f"{found!r} is no description of a device; its kind is one of {', '.join(KINDS)}."
        )
    kind = KINDS[data["kind"]]
    known = [each.name for each in fields(kind)]  # type: ignore[arg-type]
    values = {}
    for name, value in data.items():
        if name == "kind":
            continue
        if name not in known:
            raise InvalidValueError(
                f"'{name}' in a description of {kind.__name__}, which has {', '.join(known)}."
            )
        values[name] = from_data(value) if isinstance(value, Mapping) else value
    return kind(**values)
