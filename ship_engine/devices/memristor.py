"""A memristive device: what becomes of a weight that is written to one, and read from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ship_engine.devices.arrays import (
    Floats,
    as_floats,
    check_generator,
    check_shapes,
    fixed_generator,
    rounding_of,
)
from ship_engine.devices.conductance import Conductances
from ship_engine.devices.drift import PhaseChangeDrift
from ship_engine.devices.parts import SPECIMENS, MemristorParts
from ship_engine.devices.pulses import PulseProgramming
from ship_engine.devices.reports import ClippedWeightsWarning, MovedZerosWarning, warn
from ship_engine.devices.variability import HIGH, LOW, RANDOM, FlickerNoise, WriteNoise
from ship_engine.errors import InvalidValueError

SIEMENS = 1e-6
"""In one uS."""


@dataclass(frozen=True, repr=False)
class Memristor(MemristorParts):
    """One kind of memristive device, and how weights are mapped to it; all its parts are optional.

    Writing (`program`) clips a weight to the range, takes it to the nearest level, adds what the
    write misses it by, and makes of it the conductances of devices that differ from each other,
    some of which may be stuck.  Reading (`read`) lets the conductances drift for the time that
    has elapsed, and adds the noise of the reading.  Weights that change by pulses (`update`) take
    whole, non-linear steps.

    What is particular to a device (its range, whether it is stuck, how it drifts) depends on the
    seed of the generator and on the place of the weight in its array: writes and readings with
    generators of the same seed are of the same devices.  The rest is drawn anew each time.

    Attributes
    ----------
    levels : int, Levels or MeasuredLevels, optional
        How many levels there are; a whole number stands for `Levels` of that number.
    write_noise : WriteNoise, optional
        Spread of what is written where there are no levels.
    drift : FilamentDrift, PowerLawDrift or PhaseChangeDrift, optional
        Change of the conductance in time.
    device_to_device : DeviceToDevice, optional
        How the ranges of devices differ.
    read_noise : float, ReadNoise or FlickerNoise, optional
        Of each reading; a number is the standard deviation over the conductance.
    stuck : StuckDevices, optional
        Devices that cannot be written.
    pulses : PulseProgramming, optional
        How weights change by pulses; plastic synapses need it.
    w_min, w_max : float, optional
        The range of weights; `w_min` is -w_max for pairs, and 0 for single devices if it is not
        given.  Without `w_max` the range is found from the weights that are written: for pairs
        it is their largest magnitude, for single devices it goes from the smallest to the
        largest, and holds 0.
    g_min, g_max : float
        The range of conductances, in uS.
    pair : bool
        Whether each weight is the difference of two devices, or the conductance of one.
    absent_zeros : bool
        Whether weights of exactly 0 stand for connections without a device: they stay 0, whatever
        the levels, the noise and the drift, and gradients do not reach them.
    pulse_energy_up, pulse_energy_down : float, optional
        Energy of one potentiating or depressing pulse, in J.
    read_voltage, read_time : float, optional
        In V and s; both are needed for `read_energy`.

    Raises
    ------
    InvalidValueError
        If parts do not fit together, or a number is out of range.
    """

    # --- writing and reading ---------------------------------------------------------------------

    def deploy(
        self,
        weights: Any,
        elapsed: Any,
        generator: np.random.Generator,
        label: str | None = None,
    ) -> Any:
        """Write weights, and read them some time later; see `program` and `read`."""
        device = self.ranged(weights)
        return device.read(device.program(weights, generator, label), elapsed, generator)

    def program(
        self, weights: Any, generator: np.random.Generator, label: str | None = None
    ) -> Any:
        """Write weights to devices.

        Parameters
        ----------
        weights : array or tensor
            The wanted ones, of any shape: one weight for each device or pair of devices.
        generator : numpy.random.Generator
            Its seed stands for the devices; what it draws is new at every write.
        label : str, optional
            Of the synapses, for warnings.

        Returns
        -------
        array or tensor
            The weights that devices have just after the write.  Gradients pass as if they were
            the wanted ones, but not where these are beyond the range.

        Warns
        -----
        ClippedWeightsWarning
            If weights are out of the range, and become the nearest limit.
        MovedZerosWarning
            If weights are exactly 0, none of the levels is, and `absent_zeros` is not set.

        Raises
        ------
        InvalidValueError
            If they are not finite, or give no range.
        """
        array, back = as_floats("weights", weights)
        check_generator(generator)
        device = self.ranged(array)
        rounding, whose = rounding_of(weights), "" if label is None else f" of '{label}'"
        inside = device._inside(array, rounding, whose)
        wanted = np.clip(array, device.mapping.w_min, device.mapping.w_max)
        written = device._programmed(wanted, generator, rounding, whose)
        if not device.absent_zeros:
            return back(written, inside)
        return back(np.where(array == 0.0, 0.0, written), inside & (array != 0.0))

    def _programmed(
        self, wanted: Floats, generator: np.random.Generator, rounding: float, whose: str
    ) -> Floats:
        mapping = self.mapping
        if self.levels is not None:
            table = self.level_table()
            if not (self.absent_zeros or table.has_zero(rounding)):
                found = table.values[table.nearest(np.zeros(1), rounding)]
                self._tell_of_zeros(wanted, float(found[0]), whose)
            wanted = table.written(wanted, generator, rounding)
        if not self.pair:  # no conductance is negative
            wanted = np.maximum(wanted, mapping.w_min - mapping.g_min * mapping.slope)
        if not (self.write_noise or self.device_to_device or self.stuck):
            return wanted
        specimens = self.specimens(wanted.shape, generator)
        g = _stacked(mapping.conductances(wanted))
        if self.write_noise is not None:
            noise = self.write_noise.sigma(g, self.g_max) * generator.standard_normal(g.shape)
            g = np.maximum(g + noise, 0.0)
        if self.device_to_device is not None:
            shifted = self.g_min + (g - self.g_min) * specimens.gain + specimens.offset
            g = np.maximum(shifted, 0.0)
        width = self.g_max - self.g_min
        for kind, place in ((LOW, 0.0), (HIGH, 1.0), (RANDOM, specimens.stuck_at)):
            g = np.where(specimens.stuck == kind, self.g_min + place * width, g)
        return mapping.weights(self._unstacked(g))

    def _inside(self, weights: Floats, rounding: float, whose: str) -> Any:
        """Which weights are within the range, but for a rounding relative to its larger end."""
        low, high = self.mapping.w_min, self.mapping.w_max
        slack = rounding * max(abs(low), abs(high))
        inside = (weights >= low - slack) & (weights <= high + slack)
        if outside := int((~inside).sum()):
            warn(
                f"{outside} of {weights.size} weights{whose} are beyond the range of the device, "
                f"from {low:g} to {high:g}, and are written as its ends.",
                ClippedWeightsWarning,
            )
        return inside

    def _tell_of_zeros(self, wanted: Floats, level: float, whose: str) -> None:
        if zeros := int((wanted == 0.0).sum()):
            warn(
                f"{zeros} of {wanted.size} weights{whose} are exactly 0, but none of the levels "
                f"of the device is, so they are written as {level:.3g}. If these connections do "
                "not exist, give the Memristor absent_zeros=True; else give it levels with 0 "
                "among them, which are an odd number for a symmetric range.",
                MovedZerosWarning,
            )

    def read(self, written: Any, elapsed: Any, generator: np.random.Generator) -> Any:
        """Read weights some time after they have been written.

        Each weight of a pair is taken for that of two devices of which one is at g_min.

        Parameters
        ----------
        written : array or tensor
            What `program` returned.
        elapsed : float, array or tensor
            Time since then in s, for all or for each; it is broadcast against the weights.
        generator : numpy.random.Generator
            Its seed stands for the devices, which drift each in its own way; the noise that it
            draws is new at every reading.

        Returns
        -------
        array or tensor
            Like `written`, and just that if there is neither drift nor noise.

        Raises
        ------
        InvalidValueError
            If the elapsed time is negative, or the range of weights is not known: read with the
            device that ``ranged(weights)`` returned.
        """
        array, back = as_floats("weights", written)
        time, _ = as_floats("elapsed", elapsed)
        check_generator(generator)
        check_shapes(weights=array, elapsed=time)
        if (time < 0.0).any():
            raise InvalidValueError(f"elapsed = {time.min():g} s; it must be >= 0.")
        drifts = self.drift is not None and bool((time > 0.0).any())
        if not drifts and self.read_noise is None:
            return back(
                np.array(np.broadcast_to(array, np.broadcast_shapes(array.shape, time.shape)))
            )
        mapping = self.mapping
        as_written = _stacked(mapping.conductances(array))
        g = as_written
        if drifts:
            assert self.drift is not None
            deviates = self.specimens(array.shape, generator).drift
            g = self.drift.drifted(as_written, time, deviates)
        if self.read_noise is not None:
            sigma = self.read_noise.relative_sigma(as_written, time, self.g_max)
            g = np.maximum(g * (1.0 + sigma * generator.standard_normal(sigma.shape)), 0.0)
        found = mapping.weights(self._unstacked(g))
        return back(np.where(array == 0.0, 0.0, found) if self.absent_zeros else found)

    def _unstacked(self, g: Floats) -> Conductances:
        return Conductances(g[0], g[1]) if self.pair else Conductances(g, None)

    # --- pulses ----------------------------------------------------------------------------------

    def update(self, weights: Any, changes: Any, generator: np.random.Generator) -> Any:
        """Change weights by pulses.

        Parameters
        ----------
        weights : array or tensor
            Those that the devices have.
        changes : array or tensor
            By how much they are to change.
        generator : numpy.random.Generator
            Its seed stands for the devices, the noise of pulses is drawn from it.

        Returns
        -------
        array or tensor
            Weights after the pulses; those of stuck devices stay.

        Raises
        ------
        InvalidValueError
            If the device has no `pulses`, or its range of weights is not known.
        """
        array, back = as_floats("weights", weights)
        wanted, _ = as_floats("changes", changes)
        check_generator(generator)
        check_shapes(weights=array, changes=wanted)
        array, wanted = (np.array(each) for each in np.broadcast_arrays(array, wanted))
        mapping, pulses = self.mapping, self._pulses()
        width = mapping.w_max - mapping.w_min
        number_of = pulses.pulses_for(wanted / width, generator)
        own = self.synapse_values(array.shape, generator)
        span = width * own["gain"]
        x = np.clip((array - mapping.w_min) / span, 0.0, 1.0)
        betas = (own["beta_up"], own["beta_down"])
        moved = mapping.w_min + span * pulses.updated(x, number_of, betas, generator)
        still = (number_of == 0.0) | (own["working"] == 0.0)
        return back(np.where(still, array, moved))

    def synapse_values(
        self, shape: tuple[int, ...], generator: np.random.Generator
    ) -> dict[str, Floats]:
        """What differs from one pulsed weight to the next.

        Returns
        -------
        dict of float64 arrays
            ``gain`` (span of the range over the nominal one), ``beta_up``, ``beta_down``, and
            ``working`` (0 where the device, or one of a pair, is stuck, else 1).
        """
        pulses = self._pulses()
        specimens = self.specimens(shape, generator)
        drawn = fixed_generator(generator, SPECIMENS + 1)
        working, gain = specimens.stuck == 0, specimens.gain
        if self.pair:
            working, gain = working.all(axis=0), gain.mean(axis=0)
        return {
            "gain": gain,
            "beta_up": pulses.beta_up + pulses.beta_sigma * drawn.standard_normal(shape),
            "beta_down": pulses.beta_down + pulses.beta_sigma * drawn.standard_normal(shape),
            "working": working.astype(np.float64),
        }

    def _pulses(self) -> PulseProgramming:
        if self.pulses is None:
            raise InvalidValueError(
                "Weights of this Memristor cannot change by pulses; give "
                "pulses=PulseProgramming(...)."
            )
        return self.pulses

    # --- energy ----------------------------------------------------------------------------------

    def write_energy(self, pulses: Any) -> float:
        """Energy (J) of numbers of pulses: potentiating ones if positive, depressing if negative.

        Raises
        ------
        InvalidValueError
            If the energies of pulses are not given.
        """
        if self.pulse_energy_up is None or self.pulse_energy_down is None:
            raise InvalidValueError(
                "The energy of a write is not known; give pulse_energy_up and pulse_energy_down "
                "of the Memristor, in J."
            )
        n, _ = as_floats("pulses", pulses)
        up, down = np.maximum(n, 0.0).sum(), np.maximum(-n, 0.0).sum()
        return float(up * self.pulse_energy_up + down * self.pulse_energy_down)

    def read_energy(self, weights: Any) -> float:
        """Energy (J) of reading each of these weights once: the sum of V**2 g t of all devices.

        Raises
        ------
        InvalidValueError
            If voltage and duration of a reading are not given, or the range is not known.
        """
        if self.read_voltage is None or self.read_time is None:
            raise InvalidValueError(
                "The energy of a reading is not known; give read_voltage (V) and read_time (s) of "
                "the Memristor."
            )
        array, _ = as_floats("weights", weights)
        g = _stacked(self.mapping.conductances(array))
        if self.absent_zeros:
            g = np.where(array == 0.0, 0.0, g)
        return float(self.read_voltage**2 * g.sum() * SIEMENS * self.read_time)


def _stacked(conductances: Conductances) -> Floats:
    if conductances.minus is None:
        return conductances.plus
    return np.stack([conductances.plus, conductances.minus])


def phase_change_memory(**changes: Any) -> Memristor:
    """Phase-change memory in pairs, from 0 to 25 uS, written with verification.

    Noise of writing, drift and noise of reading are those of Nandakumar et al. (2019), ICECS,
    727, and Joshi et al. (2020), Nat. Commun. 11:2473.

    Parameters
    ----------
    **changes
        What is to be otherwise, by name; see `Memristor`.
    """
    usual: dict[str, Any] = {
        "write_noise": WriteNoise(),
        "drift": PhaseChangeDrift(),
        "read_noise": FlickerNoise(),
        "g_min": 0.0,
        "g_max": 25.0,
    }
    return Memristor(**(usual | changes))
