"""What a memristive device is made of: its parts, the range of its weights, its specimens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from ship_engine.devices.arrays import as_floats, fixed_generator
from ship_engine.devices.conductance import Mapping
from ship_engine.devices.description import Description, number
from ship_engine.devices.drift import Drift
from ship_engine.devices.levels import Levels, LevelTable, MeasuredLevels
from ship_engine.devices.pulses import PulseProgramming
from ship_engine.devices.variability import (
    DeviceToDevice,
    FlickerNoise,
    ReadNoise,
    Specimens,
    StuckDevices,
    WriteNoise,
)
from ship_engine.errors import InvalidValueError

Kind = TypeVar("Kind", bound="MemristorParts")

SPECIMENS = 0x44455649
"""A word of the seed of what is particular to each device, which nothing else has there."""


@dataclass(frozen=True, repr=False)
class MemristorParts(Description):
    """The parts of a `Memristor`, which describes them, without what is done with it."""

    levels: Any = None
    write_noise: WriteNoise | None = None
    drift: Drift | None = None
    device_to_device: DeviceToDevice | None = None
    read_noise: Any = None
    stuck: StuckDevices | None = None
    pulses: PulseProgramming | None = None
    w_min: float | None = number(None, "weight", optional=True)
    w_max: float | None = number(None, "weight", optional=True)
    g_min: float = number(50.0, "uS", minimum=0.0)
    g_max: float = number(120.0, "uS", minimum=0.0, exclusive=True)
    pair: bool = True
    absent_zeros: bool = False
    pulse_energy_up: float | None = number(None, "J", minimum=0.0, optional=True)
    pulse_energy_down: float | None = number(None, "J", minimum=0.0, optional=True)
    read_voltage: float | None = number(None, "V", optional=True)
    read_time: float | None = number(None, "s", minimum=0.0, optional=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.levels, (int, np.integer)) and not isinstance(self.levels, bool):
            object.__setattr__(self, "levels", Levels(int(self.levels)))
        if isinstance(self.read_noise, (int, float)) and not isinstance(self.read_noise, bool):
            object.__setattr__(self, "read_noise", ReadNoise(float(self.read_noise)))
        self._check_kinds()
        self._check_ranges()

    def _check_kinds(self) -> None:
        for name in ("pair", "absent_zeros"):
            value = getattr(self, name)
            if not isinstance(value, (bool, np.bool_)):
                raise InvalidValueError(f"{name} = {value!r} for a Memristor; give True or False.")
        kinds: dict[str, Any] = {
            "levels": (Levels, MeasuredLevels),
            "write_noise": WriteNoise,
            "device_to_device": DeviceToDevice,
            "read_noise": (ReadNoise, FlickerNoise),
            "stuck": StuckDevices,
            "pulses": PulseProgramming,
        }
        for name, kind in kinds.items():
            value = getattr(self, name)
            if value is not None and not isinstance(value, kind):
                listed = kind if isinstance(kind, tuple) else (kind,)
                raise InvalidValueError(
                    f"{name} = {value!r} for a Memristor; give "
                    f"{' or '.join(k.__name__ for k in listed)}, or None."
                )
        lawful = hasattr(self.drift, "drifted") and not isinstance(self.drift, type)
        if self.drift is not None and not lawful:
            raise InvalidValueError(
                f"drift = {self.drift!r} for a Memristor; give FilamentDrift, PowerLawDrift or "
                "PhaseChangeDrift, or None."
            )
        if self.absent_zeros and self.pulses is not None:
            raise InvalidValueError(
                "absent_zeros=True and pulses for a Memristor; pulses may change a weight to 0 "
                "and back, so no weight of 0 can stand for a missing device. Leave out either."
            )
        if self.levels is not None and self.write_noise is not None:
            raise InvalidValueError(
                "A Memristor has levels, which have their own spread, or write_noise; give one."
            )

    def _check_ranges(self) -> None:
        if self.g_min >= self.g_max:
            raise InvalidValueError(
                f"g_min = {self.g_min:g} uS and g_max = {self.g_max:g} uS for a Memristor; the "
                "range of conductances needs g_min < g_max."
            )
        if self.pair and self.w_min is not None and self.w_min != -(self.w_max or -self.w_min):
            raise InvalidValueError(
                f"w_min = {self.w_min:g} and w_max = {self.w_max or 0.0:g}; weights of pairs have "
                "the range from -w_max to w_max. Leave out w_min, or say pair=False."
            )
        if self.pair and self.w_max is not None and self.w_max <= 0.0:
            raise InvalidValueError(f"w_max = {self.w_max:g} for a Memristor; it must be > 0.")
        if self.w_max is not None and not 0.0 < self.w_max - (self.w_min or 0.0) < np.inf:
            raise InvalidValueError(
                f"w_min = {self.w_min or 0.0:g} and w_max = {self.w_max:g} for a Memristor; the "
                "range of weights needs w_min < w_max."
            )
        if self.drift is not None:
            self.drift.check_range(self.g_min, self.g_max)
        if isinstance(self.levels, MeasuredLevels):
            g = self.levels.conductance
            if g[0] < self.g_min or g[-1] > self.g_max:
                raise InvalidValueError(
                    f"Levels from {g[0]:g} to {g[-1]:g} uS, and conductances from {self.g_min:g} "
                    f"to {self.g_max:g} uS; set g_min and g_max so that all levels are within."
                )

    # --- the range of weights --------------------------------------------------------------------

    def ranged(self: Kind, weights: Any) -> Kind:
        """The same device with a range of weights, found from these if it has none yet.

        Raises
        ------
        InvalidValueError
            If these weights give no range, since all are 0.
        """
        if self.w_max is not None:
            return self
        array, _ = as_floats("weights", weights)
        low, high = float(array.min(initial=0.0)), float(array.max(initial=0.0))
        if self.pair:
            low, high = -max(-low, high), max(-low, high)
            if self.w_min is not None:
                low, high = self.w_min, -self.w_min
        low = low if self.w_min is None else self.w_min
        if not 0.0 < high - low < np.inf:
            raise InvalidValueError(
                f"The range of weights would be from {low:g} to {high:g}; give w_min and w_max of "
                "the Memristor."
            )
        return replace(self, w_min=low, w_max=high)

    @property
    def mapping(self) -> Mapping:
        """The relation of weights and conductances.

        Raises
        ------
        InvalidValueError
            If the range of weights is not known yet; see `ranged`.
        """
        if self.w_max is None:
            raise InvalidValueError(
                "The range of weights of this Memristor is not known; give w_min and w_max, or "
                "take what ranged(weights) returns."
            )
        low = self.w_min
        if low is None:
            low = -self.w_max if self.pair else 0.0
        return Mapping(low, self.w_max, self.g_min, self.g_max, self.pair)

    def level_table(self) -> LevelTable:
        """The levels as weights, and the standard deviations of writes.

        Raises
        ------
        InvalidValueError
            If it has no levels, or the range of weights is not known.
        """
        if self.levels is None:
            raise InvalidValueError("This Memristor has no levels; give levels, such as 16.")
        table: LevelTable = self.levels.table(self.mapping)
        return table

    # --- the devices -----------------------------------------------------------------------------

    def specimens(self, shape: tuple[int, ...], generator: np.random.Generator) -> Specimens:
        """What is particular to each of the devices that a generator of this seed stands for."""
        drawn = fixed_generator(generator, SPECIMENS)
        devices = (2, *shape) if self.pair else tuple(shape)
        span, shift, drift = (drawn.standard_normal(devices) for _ in range(3))
        which, where = drawn.random(devices), drawn.random(devices)
        differences = self.device_to_device or DeviceToDevice()
        return Specimens(
            differences.gains(span),
            differences.offset_sigma * shift,
            (self.stuck or StuckDevices()).drawn(which, self.pair),
            where,
            drift,
        )
