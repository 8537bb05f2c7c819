"""A finite number of levels, and how far what is written spreads around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ship_engine.devices.arrays import Floats
from ship_engine.devices.conductance import Mapping
from ship_engine.devices.description import Description, number
from ship_engine.errors import InvalidValueError


class LevelTable(NamedTuple):
    """Levels as weights, ascending, and the standard deviation of what is written around each."""

    values: Floats
    sigma: Floats

    def nearest(self, weight: Floats, rounding: float = 0.0) -> Any:
        """Number of the level that is nearest to each weight; of two, it is the upper one.

        Weights that are less than `rounding`, relative to the largest level, below the middle of
        two levels are taken for midway between them.
        """
        middles = 0.5 * (self.values[1:] + self.values[:-1])
        middles -= rounding * np.abs(self.values).max()
        return np.searchsorted(middles, weight, side="right")

    def has_zero(self, rounding: float) -> bool:
        """Whether one of the levels is 0, but for a rounding relative to the largest."""
        magnitudes = np.abs(self.values)
        return bool(magnitudes.min() <= rounding * magnitudes.max())

    def written(
        self, weight: Floats, generator: np.random.Generator, rounding: float = 0.0
    ) -> Floats:
        """What is found where weights have been written: a normal number around each one's level.

        Each call is another write, and draws anew.
        """
        level = self.nearest(weight, rounding)
        deviates = generator.standard_normal(np.shape(weight))
        return self.values[level] + self.sigma[level] * deviates


@dataclass(frozen=True, repr=False)
class Levels(Description):
    """Equidistant levels from the lower to the upper end of the range of weights.

    The distributions of neighbouring levels cross half-way between them, at `crossing` standard
    deviations from either: sigma = (w_max - w_min) / (count - 1) / (2 crossing).  With the
    default of 3, a write ends beyond one of these crossings with a probability of 0.27 %, which
    is the overlap of 0.3 % that Gemo, Spiga & Brivio (2024), Front. Neurosci. 17:1270090, take
    from measurements of Pérez et al. (2021), Electronics 10:1084.

    Attributes
    ----------
    count : int
        How many levels there are, at least 2.
    crossing : float or None
        Standard deviations from a level to where it meets its neighbours; None stands for levels
        that are met exactly.
    """

    count: int = number(16, minimum=2, whole=True)
    crossing: float | None = number(3.0, minimum=0.0, exclusive=True, optional=True)

    @classmethod
    def of_bits(cls, bits: int, crossing: float | None = 3.0) -> Levels:
        """The 2**bits levels of a number of bits.

        Raises
        ------
        InvalidValueError
            If it is not a whole number from 1 to 32.
        """
        if isinstance(bits, bool) or bits != int(bits) or not 1 <= bits <= 32:
            raise InvalidValueError(f"bits = {bits!r}; give a whole number from 1 to 32.")
        return cls(2 ** int(bits), crossing)

    def table(self, mapping: Mapping) -> LevelTable:
        """The levels as weights."""
        values = np.linspace(mapping.w_min, mapping.w_max, int(self.count))
        distance = (mapping.w_max - mapping.w_min) / (self.count - 1)
        sigma = 0.0 if self.crossing is None else distance / (2.0 * self.crossing)
        return LevelTable(values, np.full(values.size, sigma))


@dataclass(frozen=True, repr=False)
class MeasuredLevels(Description):
    """Levels of conductance as they were measured, each with its own spread.

    Weights that one device carries have these levels.  Those of a pair have them on either side
    of zero: the device that carries the weight has one of the levels and the other one the
    lowest, w = +-w_max (g_k - g_0) / (g_max - g_min), with the variance of both devices.

    Attributes
    ----------
    conductance : sequence of float
        In uS, ascending.
    sigma : sequence of float
        Standard deviation of what is written at each level, in uS.
    """

    conductance: tuple[float, ...] = ()
    sigma: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name in ("conductance", "sigma"):
            try:
                values = tuple(float(v) for v in getattr(self, name))
            except (TypeError, ValueError) as error:
                raise InvalidValueError(
                    f"{name} = {getattr(self, name)!r} for MeasuredLevels; give numbers in uS."
                ) from error
            object.__setattr__(self, name, values)
        g, sigma = np.array(self.conductance), np.array(self.sigma)
        if g.size != sigma.size or g.size < 2:
            raise InvalidValueError(
                f"{g.size} conductances and {sigma.size} sigmas for MeasuredLevels; give two "
                "levels or more, and as many sigmas."
            )
        if not (np.isfinite(g).all() and (g >= 0.0).all() and (np.diff(g) > 0.0).all()):
            raise InvalidValueError(
                f"conductance = {self.conductance} for MeasuredLevels; give numbers >= 0 uS, each "
                "larger than the one before."
            )
        if not (np.isfinite(sigma).all() and (sigma >= 0.0).all()):
            raise InvalidValueError(
                f"sigma = {self.sigma} for MeasuredLevels; give finite numbers >= 0 uS."
            )

    def table(self, mapping: Mapping) -> LevelTable:
        """The levels as weights."""
        g, sigma, slope = np.array(self.conductance), np.array(self.sigma), mapping.slope
        if not mapping.pair:
            return LevelTable(mapping.w_min + (g - mapping.g_min) * slope, sigma * slope)
        upper = (g - g[0]) * slope
        spread = np.hypot(sigma, sigma[0]) * slope
        return LevelTable(
            np.concatenate([-upper[:0:-1], upper]), np.concatenate([spread[:0:-1], spread])
        )
