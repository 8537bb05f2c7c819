"""How devices differ from each other, from one reading to the next, and which do not work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ship_engine.devices.arrays import Floats
from ship_engine.devices.description import Description, number
from ship_engine.errors import InvalidValueError

WORKING, LOW, HIGH, RANDOM = 0, 1, 2, 3
"""What may be wrong with a device: nothing; stuck at g_min, at g_max, or somewhere between."""

LEAST_SPAN = 0.05
"""No device has less than this part of the nominal range, however unlucky its deviate is."""


class Specimens(NamedTuple):
    """What is particular to each device, for good.

    Arrays have the shape of the weights; where pairs of devices carry the weights, there is one
    more axis in front, for those that are added and those that are subtracted.

    Attributes
    ----------
    gain : float64 array
        Span of each device's range over that of the nominal one.
    offset : float64 array
        By how much its range is shifted, in uS.
    stuck : int8 array
        `WORKING`, or where it is stuck: `LOW`, `HIGH` or `RANDOM`.
    stuck_at : float64 array
        Where in the nominal range, from 0 to 1, a device is that is stuck somewhere.
    drift : float64 array
        Standard normal deviates of the drift.
    """

    gain: Floats
    offset: Floats
    stuck: NDArray[np.int8]
    stuck_at: Floats
    drift: Floats


@dataclass(frozen=True, repr=False)
class DeviceToDevice(Description):
    """How the ranges of devices differ: each has a span and an offset of its own, for good.

    What is meant to become g becomes g_min + gain (g - g_min) + offset, where gain is normally
    distributed around 1, and never below 0.05, and the offset around 0.

    Attributes
    ----------
    span_sigma : float
        Standard deviation of the gain.
    offset_sigma : float
        That of the offset, in uS.
    """

    span_sigma: float = number(0.0, minimum=0.0)
    offset_sigma: float = number(0.0, "uS", minimum=0.0)

    def gains(self, deviates: Floats) -> Floats:
        """The gains of devices with these standard normal deviates."""
        return np.maximum(1.0 + self.span_sigma * deviates, LEAST_SPAN)


@dataclass(frozen=True, repr=False)
class StuckDevices(Description):
    """Devices that cannot be written, and stay at one conductance.

    Attributes
    ----------
    low, high, random : float
        The fractions of devices that are stuck at g_min, at g_max, and anywhere between; which
        ones, chance decides.
    mask : int array, optional
        Which ones, instead of chance: 0 where a device works, 1, 2 and 3 where it is stuck at
        g_min, at g_max, and anywhere between.  Its shape is that of the weights, or broadcasts to
        it; for pairs of devices there is one more axis in front, [2, ...].
    """

    low: float = number(0.0, minimum=0.0, maximum=1.0)
    high: float = number(0.0, minimum=0.0, maximum=1.0)
    random: float = number(0.0, minimum=0.0, maximum=1.0)
    mask: Any = None

    def __post_init__(self) -> None:
        super().__post_init__()
        total = self.low + self.high + self.random
        if total > 1.0:
            raise InvalidValueError(
                f"{total:g} of all devices are stuck; low, high and random are fractions that "
                "add up to 1 at most."
            )
        if self.mask is None:
            return
        if total:
            raise InvalidValueError(
                "StuckDevices has fractions and a mask; give either, since the mask says it all."
            )
        try:
            mask = np.array(self.mask)
        except ValueError as error:
            raise InvalidValueError(
                f"The mask of StuckDevices has rows of different length: {error}."
            ) from error
        if mask.dtype.kind not in "iub" or not np.isin(mask, (WORKING, LOW, HIGH, RANDOM)).all():
            raise InvalidValueError(
                "The mask of StuckDevices holds something else than 0 (works), 1 (stuck at "
                "g_min), 2 (stuck at g_max) and 3 (stuck anywhere)."
            )
        # Nested tuples can neither be changed nor compared elementwise by mistake.
        object.__setattr__(self, "mask", _as_tuples(mask.astype(np.int8)))

    def drawn(self, uniforms: Floats, pair: bool) -> NDArray[np.int8]:
        """Which devices are stuck, given a uniform number for each.

        Raises
        ------
        InvalidValueError
            If there is a mask that does not fit.
        """
        if self.mask is not None:
            return self._mask_of(uniforms.shape, pair)
        bounds = np.cumsum([self.low, self.high, self.random])
        kinds = np.array([LOW, HIGH, RANDOM, WORKING], np.int8)
        return kinds[np.searchsorted(bounds, uniforms, side="right")]

    def _mask_of(self, shape: tuple[int, ...], pair: bool) -> NDArray[np.int8]:
        mask = np.array(self.mask, np.int8)
        try:
            if not pair:
                return np.broadcast_to(mask, shape)
            if mask.ndim < min(2, len(shape)) or mask.shape[0] != 2:
                raise ValueError("no axis for the two devices of each pair")
            return np.stack([np.broadcast_to(one, shape[1:]) for one in mask])
        except ValueError as error:
            raise InvalidValueError(
                f"The mask of StuckDevices has shape {mask.shape}; these devices have shape "
                f"{shape}{', the first axis for the two of each pair' if pair else ''}."
            ) from error


def _as_tuples(array: NDArray[Any]) -> Any:
    return tuple(_as_tuples(row) for row in array) if array.ndim else int(array)


@dataclass(frozen=True, repr=False)
class WriteNoise(Description):
    """Spread of what is written where any conductance can be aimed at, as with write-verify.

    With x = g / g_max, sigma = max(constant + linear x + quadratic x**2, 0), in uS.  The default
    is a fit to phase-change memory: Nandakumar et al. (2019), ICECS, 727; Joshi et al. (2020),
    Nat. Commun. 11:2473.

    Attributes
    ----------
    constant, linear, quadratic : float
        In uS.
    """

    constant: float = number(0.26348, "uS")
    linear: float = number(1.9650, "uS")
    quadratic: float = number(-1.1731, "uS")

    def sigma(self, conductance: Floats, g_max: float) -> Floats:
        """Standard deviation (uS) where conductances (uS) are aimed at."""
        x = conductance / g_max
        return np.maximum(self.constant + self.linear * x + self.quadratic * x * x, 0.0)


@dataclass(frozen=True, repr=False)
class ReadNoise(Description):
    """Noise of each reading, in proportion to the conductance: g (1 + sigma z).

    Attributes
    ----------
    sigma : float
        Standard deviation over conductance.
    """

    sigma: float = number(0.01, minimum=0.0)

    def relative_sigma(self, conductance: Floats, elapsed: Floats, g_max: float) -> Floats:
        """Standard deviation over conductance of a reading at a time (s) after the write."""
        return np.full(np.broadcast_shapes(conductance.shape, elapsed.shape), self.sigma)


@dataclass(frozen=True, repr=False)
class FlickerNoise(Description):
    """1/f noise, which reaches the further down in frequency the longer ago the write is.

    With x = g / g_max, the standard deviation over g of a reading that takes t_read is
    q sqrt(ln((t + t_read) / (2 t_read))), q = min(q_1 x**-power, q_most).

    Fit to phase-change memory: Nandakumar et al. (2019), ICECS, 727; Joshi et al. (2020), Nat.
    Commun. 11:2473.

    Attributes
    ----------
    q_1, q_most, power : float
        Dimensionless.
    t_read : float
        How long a reading takes, in s.
    """

    q_1: float = number(0.0088, minimum=0.0)
    q_most: float = number(0.2, minimum=0.0)
    power: float = number(0.65, minimum=0.0)
    t_read: float = number(250e-9, "s", minimum=0.0, exclusive=True)

    def relative_sigma(self, conductance: Floats, elapsed: Floats, g_max: float) -> Floats:
        """Standard deviation over conductance of a reading at a time (s) after the write."""
        x = np.maximum(conductance / g_max, 1e-12)
        q = np.minimum(self.q_1 * x**-self.power, self.q_most)
        ratio = np.maximum((elapsed + self.t_read) / (2.0 * self.t_read), 1.0)
        sigma: Floats = q * np.sqrt(np.log(ratio))
        return sigma
