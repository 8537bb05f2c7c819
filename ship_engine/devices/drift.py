"""How conductances change by themselves as time goes by after they have been written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ship_engine.devices.arrays import Floats, as_floats
from ship_engine.devices.description import Description, number
from ship_engine.devices.reports import warn
from ship_engine.errors import InvalidValueError


class Drift(Protocol):
    """What any law of drift can do."""

    def check_range(self, g_min: float, g_max: float) -> None:
        """Refuse a range of conductances (uS) that the law does not know.

        Raises
        ------
        InvalidValueError
            If it does not.
        """

    def drifted(self, conductance: Floats, elapsed: Floats, deviates: Floats) -> Floats:
        """Conductances some time after they have been written.

        Parameters
        ----------
        conductance : float64 array
            As written, in uS.
        elapsed : float64 array
            Time since then in s; it is broadcast against the conductances.
        deviates : float64 array
            A standard normal number for each device, the same at all times.

        Returns
        -------
        float64 array
            In uS, never negative.
        """


@dataclass(frozen=True, repr=False)
class FilamentDrift(Description):
    """Drift of resistive memory with many levels, after Esmanhotto et al. (2022).

    A device that was written to g0 (uS) has, t seconds later, a conductance with the mean

        mu = (slope_g g0 + slope_0) log10 t + scale_g g0 + scale_0   where g0 < boundary
        mu = slope_high log10 t + g0                                 where g0 >= boundary

    and the relative spread

        s0         = spread_0 + spread_g / (g0 - pole)
        sigma / mu = (rise_s s0 + rise_0) log10 t + start_s s0 + start_0,

    which is taken as 0 where that is negative.  Before `earliest`, nothing has changed.

    Data: Esmanhotto et al. (2022), Adv. Intell. Syst. 4:2200145, figure 4; fit: Gemo, Spiga &
    Brivio (2024), Front. Neurosci. 17:1270090, section 4.2.2 and supplementary section 4.  They
    cover g0 from 50 to 120 uS and t from 10 to 10,000 s; what is asked for later than that is
    extrapolated, with a warning.

    Attributes
    ----------
    boundary, pole : float
        In uS.
    slope_g, slope_0, scale_g, scale_0, slope_high : float
        Of the mean.
    spread_0, spread_g, rise_s, rise_0, start_s, start_0 : float
        Of the relative spread.
    earliest, latest : float
        In s.
    """

    boundary: float = number(64.41, "uS", minimum=0.0)
    slope_g: float = number(0.2302)
    slope_0: float = number(-15.24, "uS")
    scale_g: float = number(0.9546)
    scale_0: float = number(4.82, "uS")
    slope_high: float = number(-0.4129, "uS")
    spread_0: float = number(0.005127)
    spread_g: float = number(0.85543, "uS")
    pole: float = number(38.72, "uS", minimum=0.0)
    rise_s: float = number(1.047)
    rise_0: float = number(-0.006294)
    start_s: float = number(-0.01677)
    start_0: float = number(0.005473)
    earliest: float = number(0.83, "s", minimum=0.0, exclusive=True)
    latest: float = number(1e4, "s", minimum=0.0, exclusive=True)

    def check_range(self, g_min: float, g_max: float) -> None:
        if g_min <= self.pole:
            raise InvalidValueError(
                f"g_min = {g_min:g} uS with FilamentDrift, which knows conductances above "
                f"{self.pole:g} uS; the data are from 50 to 120 uS."
            )

    def mean(self, conductance: Any, elapsed: Any) -> Floats:
        """Mean conductance (uS) after a time (s), for conductances as written (uS)."""
        g, decades = np.asarray(conductance, np.float64), _decades(elapsed)
        low = (self.slope_g * g + self.slope_0) * decades + self.scale_g * g + self.scale_0
        mean: Floats = np.where(g < self.boundary, low, self.slope_high * decades + g)
        return mean

    def relative_spread(self, conductance: Any, elapsed: Any) -> Floats:
        """Standard deviation over mean after a time (s), for conductances as written (uS)."""
        g = np.asarray(conductance, np.float64)
        start = self.spread_0 + self.spread_g / (g - self.pole)
        spread = (self.rise_s * start + self.rise_0) * _decades(elapsed)
        result: Floats = np.maximum(spread + self.start_s * start + self.start_0, 0.0)
        return result

    def drifted(self, conductance: Floats, elapsed: Floats, deviates: Floats) -> Floats:
        if (elapsed > self.latest).any():
            warn(
                f"Conductances after {elapsed.max():g} s are extrapolated; the drift was measured "
                f"for {self.latest:g} s."
            )
        time = np.maximum(elapsed, self.earliest)
        # Writing may leave a device a little below its range, where the fit has a pole.
        known = np.maximum(conductance, self.pole + 1.0)
        mean = self.mean(known, time) + (conductance - known)
        drifted = mean * (1.0 + self.relative_spread(known, time) * deviates)
        return np.where(elapsed > self.earliest, np.maximum(drifted, 0.0), conductance)


@dataclass(frozen=True, repr=False)
class PowerLawDrift(Description):
    """Drift as a power of time: g = g0 (t / t0)**-nu for t > t0.

    Each device has an exponent of its own, normally distributed, for good.  Such drift comes from
    the relaxation of an amorphous phase: Ielmini, Lacaita & Mantegazza (2007), IEEE Trans.
    Electron Devices 54:308.

    Attributes
    ----------
    nu, nu_sigma : float
        Mean and standard deviation of the exponents.
    t0 : float
        When the conductance was read that counts as written, in s.
    """

    nu: float = number(0.05)
    nu_sigma: float = number(0.0, minimum=0.0)
    t0: float = number(1.0, "s", minimum=0.0, exclusive=True)

    def check_range(self, g_min: float, g_max: float) -> None:
        """Any range will do."""

    def drifted(self, conductance: Floats, elapsed: Floats, deviates: Floats) -> Floats:
        return power_law(conductance, elapsed, self.nu + self.nu_sigma * deviates, self.t0)


@dataclass(frozen=True, repr=False)
class PhaseChangeDrift(Description):
    """Drift of phase-change memory, whose exponents depend on the conductance.

    g = g0 (t / t0)**-nu for t > t0, where the exponent of a device is normally distributed.  With
    x = g0 / g_max, mean and standard deviation are

        mean  = min(max(mean_log ln(x) + mean_0, mean_least), mean_most)
        sigma = min(max(sigma_log ln(x) + sigma_0, sigma_least), sigma_most).

    Fit to a million devices: Nandakumar et al. (2019), ICECS, 727; Joshi et al. (2020), Nat.
    Commun. 11:2473.

    Attributes
    ----------
    g_max : float
        The largest conductance, in uS.
    mean_log, mean_0, mean_least, mean_most : float
        Of the mean of the exponents.
    sigma_log, sigma_0, sigma_least, sigma_most : float
        Of their standard deviation.
    t0 : float
        When the conductance was read that counts as written, in s.
    """

    g_max: float = number(25.0, "uS", minimum=0.0, exclusive=True)
    mean_log: float = number(-0.0155)
    mean_0: float = number(0.0244)
    mean_least: float = number(0.049)
    mean_most: float = number(0.1)
    sigma_log: float = number(-0.0125)
    sigma_0: float = number(-0.0059)
    sigma_least: float = number(0.008, minimum=0.0)
    sigma_most: float = number(0.045, minimum=0.0)
    t0: float = number(20.0, "s", minimum=0.0, exclusive=True)

    def check_range(self, g_min: float, g_max: float) -> None:
        if g_max != self.g_max:
            raise InvalidValueError(
                f"g_max = {g_max:g} uS, but {self.g_max:g} uS for PhaseChangeDrift; give both the "
                "same."
            )

    def exponents(self, conductance: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the exponents for conductances as written (uS)."""
        logarithm = np.log(np.maximum(conductance / self.g_max, 1e-12))
        mean = np.clip(self.mean_log * logarithm + self.mean_0, self.mean_least, self.mean_most)
        sigma = self.sigma_log * logarithm + self.sigma_0
        return mean, np.clip(sigma, self.sigma_least, self.sigma_most)

    def drifted(self, conductance: Floats, elapsed: Floats, deviates: Floats) -> Floats:
        mean, sigma = self.exponents(conductance)
        return power_law(conductance, elapsed, mean + sigma * deviates, self.t0)


def _decades(elapsed: Any) -> Floats:
    """Decimal logarithm of times in s."""
    time, _ = as_floats("elapsed", elapsed)
    if (time <= 0.0).any():
        raise InvalidValueError(f"elapsed = {time.min():g} s; the drift is known for times > 0.")
    return np.log10(time)


def power_law(conductance: Floats, elapsed: Floats, nu: Any, t0: float) -> Floats:
    """g0 (t / t0)**-nu for t > t0, and g0 before."""
    return conductance * np.maximum(elapsed / t0, 1.0) ** -nu


def global_compensation(written: Any, read: Any) -> float:
    """The one factor for all weights of a group that makes up for their mean drift.

    sum |written| / sum |read|, as a circuit finds it that reads the summed current of an array
    from time to time (Joshi et al. 2020, Nat. Commun. 11:2473).  It goes well into ``w_scale``.

    Parameters
    ----------
    written, read : array or tensor
        The weights just after writing, and now.

    Raises
    ------
    InvalidValueError
        If nothing is left of the weights.
    """
    before, now = (
        float(np.abs(as_floats(name, w)[0]).sum())
        for name, w in (("written", written), ("read", read))
    )
    if now == 0.0:
        raise InvalidValueError("All weights that were read are 0; no factor restores them.")
    return before / now
