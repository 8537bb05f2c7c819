"""Devices that hold weights, as they are: levels, spread, drift, variability, pulses.

Nothing here imports torch, but `ship_engine.devices.quantisation` does.
"""

from ship_engine.devices.arrays import generator_of
from ship_engine.devices.drift import (
    FilamentDrift,
    PhaseChangeDrift,
    PowerLawDrift,
    global_compensation,
)
from ship_engine.devices.levels import Levels, LevelTable, MeasuredLevels
from ship_engine.devices.memristor import Memristor, phase_change_memory
from ship_engine.devices.pulses import PulseProgramming
from ship_engine.devices.reports import ClippedWeightsWarning, MovedZerosWarning
from ship_engine.devices.variability import (
    DeviceToDevice,
    FlickerNoise,
    ReadNoise,
    Specimens,
    StuckDevices,
    WriteNoise,
)
from ship_engine.devices.wrappers import memristive
