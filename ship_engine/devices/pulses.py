"""Programming by identical pulses: limited steps, non-linear response, noise of each pulse.

The laws are written in the language of models (`ship_engine.elementwise`), so that plastic
synapses compute with the very same functions as arrays do.  They see the position x of a device
in its range, 0 at its lower and 1 at its upper end; both map any number of pulses at once, and
m pulses followed by n are m + n pulses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ship_engine.devices.arrays import Floats, as_floats, check_shapes
from ship_engine.devices.description import Description, number
from ship_engine.elementwise import absolute, exp, exprel, log, maximum, minimum, sqrt, where
from ship_engine.errors import InvalidValueError

LAWS = ("saturating", "exponential")
ROUNDINGS = ("nearest", "stochastic")


def saturating(x: Any, pulses: Any, full: Any, beta: Any) -> Any:
    """Position after potentiating pulses, each of which goes a part of the way to a limit.

    From x = 0, x(n) = (1 - exp(-beta n / full)) / (1 - exp(-beta)): `full` pulses reach 1.  This
    is G = B (1 - exp(-n / A)) + G_min of Chen, Peng & Yu (2018), IEEE Trans. Comput.-Aided Des.
    37:3067 (NeuroSim), with beta = full / A.  For beta = 0, all steps are equal.
    """
    part = pulses / full
    return x * exp(-beta * part) + part * exprel(-beta * part) / exprel(-beta)


def exponential(x: Any, pulses: Any, full: Any, beta: Any) -> Any:
    """Position after potentiating pulses whose effect falls exponentially with the position.

    dx/dn = alpha exp(-beta x), with alpha such that `full` pulses lead from 0 to 1, the law of
    Querlioz, Bichler & Gamrat (2011), IJCNN, 1775, with the number of pulses as continuous:
    x(n) = ln(exp(beta x) + (exp(beta) - 1) n / full) / beta.  For beta = 0, all steps are equal.
    """
    rise = exprel(beta) * exp(-beta * x) * pulses / full
    linear = absolute(beta) < 1e-5
    divisor = where(linear, 1.0, beta)
    curved = log(where(linear, 1.0, maximum(1.0 + beta * rise, 1e-300))) / divisor
    return x + where(linear, rise * (1.0 - 0.5 * beta * rise), curved)


def whole_pulses(change: Any, full: Any, rounding: Any, most: Any) -> Any:
    """How many pulses, of which `full` are taken for the whole range, carry out a change >= 0.

    The controller knows nothing of the non-linearity.  `rounding` is 0.5 for the nearest whole
    number, the upper one of two, or a uniform random number, for the wanted change on average.
    """
    return minimum((maximum(change, 0.0) * full + rounding) // 1.0, most)


def spread_by_pulses(x: Any, pulses: Any, sigma: Any, deviate: Any) -> Any:
    """Position with the noise of all pulses, which is independent from one to the next."""
    return maximum(minimum(x + sigma * sqrt(pulses) * deviate, 1.0), 0.0)


@dataclass(frozen=True, repr=False)
class PulseProgramming(Description):
    """How devices answer to identical pulses, and how many of them a change of weight becomes.

    A wanted change is carried out as a whole number of pulses, at most `most_pulses` for each
    update.  With the position x of the weight in its range, n potentiating pulses lead to
    f(x, n), and n depressing ones to 1 - f(1 - x, n), where f is the `law`: see `saturating` and
    `exponential`.  Then noise is added, normally distributed with the standard deviation
    cycle_to_cycle sqrt(n), and x stays in [0, 1].

    Attributes
    ----------
    pulses_up, pulses_down : int
        How many pulses lead from one end of the range to the other.
    beta_up, beta_down : float
        Non-linearity; 0 is linear, and with larger numbers the first pulses do more and the
        last ones less.  Different numbers make the response asymmetric.
    beta_sigma : float
        Standard deviation of either from device to device.
    law : {'saturating', 'exponential'}
        The form of the response.
    cycle_to_cycle : float
        Standard deviation that each pulse adds, as a part of the range.
    rounding : {'nearest', 'stochastic'}
        How changes become whole pulses: to the nearest number, so that changes by less than half
        a pulse are lost, or up or down by chance, so that they are right on average.
    most_pulses : int or None
        For one update; None stands for no limit.
    """

    pulses_up: int = number(100, minimum=1, whole=True)
    pulses_down: int = number(100, minimum=1, whole=True)
    beta_up: float = number(0.0, minimum=-30.0, maximum=30.0)
    beta_down: float = number(0.0, minimum=-30.0, maximum=30.0)
    beta_sigma: float = number(0.0, minimum=0.0)
    law: str = "saturating"
    cycle_to_cycle: float = number(0.0, minimum=0.0)
    rounding: str = "nearest"
    most_pulses: int | None = number(None, minimum=1, whole=True, optional=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, known in (("law", LAWS), ("rounding", ROUNDINGS)):
            if getattr(self, name) not in known:
                raise InvalidValueError(
                    f"{name} = {getattr(self, name)!r} for PulseProgramming; give one of "
                    f"{', '.join(map(repr, known))}."
                )

    @property
    def limit(self) -> float:
        """Most pulses of one update; a large number if there is no limit."""
        return 1e9 if self.most_pulses is None else float(self.most_pulses)

    def response(self, position: Any, pulses: Any) -> Floats:
        """Positions in [0, 1] after pulses, without noise.

        Parameters
        ----------
        position : float or array
            In [0, 1].
        pulses : int or array
            Potentiating ones if positive, depressing ones if negative.

        Raises
        ------
        InvalidValueError
            If a position is out of the range.
        """
        x, n = as_floats("position", position)[0], as_floats("pulses", pulses)[0]
        check_shapes(position=x, pulses=n)
        if ((x < 0.0) | (x > 1.0)).any():
            raise InvalidValueError(
                f"Positions from {x.min():g} to {x.max():g}; they lie in the range, from 0 to 1."
            )
        return self.moved(x, np.maximum(n, 0.0), np.maximum(-n, 0.0), self.beta_up, self.beta_down)

    def moved(self, x: Floats, up: Any, down: Any, beta_up: Any, beta_down: Any) -> Floats:
        """Positions after potentiating and depressing pulses of devices with these betas."""
        law = exponential if self.law == "exponential" else saturating
        higher = law(x, up, self.pulses_up, beta_up)
        lower: Floats = 1.0 - law(1.0 - higher, down, self.pulses_down, beta_down)
        return np.clip(lower, 0.0, 1.0)

    def pulses_for(self, change: Floats, generator: np.random.Generator) -> Floats:
        """Whole numbers of pulses for changes in units of the range; negative ones depress."""
        rounding: Any = 0.5
        if self.rounding == "stochastic":
            rounding = generator.random(change.shape)
        up = whole_pulses(change, self.pulses_up, rounding, self.limit)
        down = whole_pulses(-change, self.pulses_down, rounding, self.limit)
        result: Floats = up - down
        return result

    def updated(
        self,
        x: Floats,
        pulses: Floats,
        betas: tuple[Floats, Floats],
        generator: np.random.Generator,
    ) -> Floats:
        """Positions after pulses, with the noise of each."""
        up, down = np.maximum(pulses, 0.0), np.maximum(-pulses, 0.0)
        moved = self.moved(x, up, down, *betas)
        deviates = generator.standard_normal(np.shape(moved)) if self.cycle_to_cycle else 0.0
        noisy: Floats = spread_by_pulses(moved, up + down, self.cycle_to_cycle, deviates)
        return np.where(pulses == 0.0, x, noisy)
