"""Numbers as the time of a single spike: the larger, the sooner."""

from __future__ import annotations

from typing import Any

import numpy as np

from ship_engine.data.arrays import (
    ROUNDING,
    Floats,
    Spikes,
    number,
    one_of,
    same_kind,
    whole_number,
)
from ship_engine.data.encoders.rate import unit_interval
from ship_engine.errors import InvalidValueError


def encode_latency(
    values: Any,
    *,
    steps: int,
    dt: float,
    law: str = "linear",
    threshold: float = 0.0,
    tau: float | None = None,
) -> Any:
    """Time to first spike: each component spikes once, or never.

    Parameters
    ----------
    values : array or tensor [..., component]
        Between 0 and 1.
    steps : int
        Number of time steps.
    dt : float
        Time step in ms.
    law, threshold, tau
        See `latencies`, whose latest time is the last of the time steps.

    Returns
    -------
    array or tensor [..., time, component] of bool
        Of the same kind as `values`.  The spike is in the step during which its time comes; one
        that comes after the last step does not occur.

    Raises
    ------
    InvalidValueError
        If a value is out of range, or the law does not fit its parameters.
    """
    steps, dt = whole_number(steps, "steps"), number(dt, "dt", above=0.0)
    given = unit_interval(values, "values")
    last = (steps - 1) * dt
    times = latencies(given, latest=last, law=law, threshold=threshold, tau=tau)
    return same_kind(spikes_at(times, steps, dt), values)


def latencies(
    values: Any,
    *,
    latest: float,
    law: str = "linear",
    threshold: float = 0.0,
    tau: float | None = None,
) -> Any:
    """When each value spikes, in ms; infinite where it never does.

    Parameters
    ----------
    values : array or tensor
        Between 0 and 1; those at or below the threshold never spike.
    latest : float
        When a value just above the threshold spikes, in ms; for the logarithmic law, later spikes
        do not occur.
    law : {"linear", "logarithmic"}
        Linear: ``latest * (1 - value) / (1 - threshold)``.  Logarithmic: a capacitor is charged
        with time constant `tau` towards `value`, and the spike comes when it reaches the
        threshold, after ``tau * log(value / (value - threshold))``.
    threshold : float
        From 0 up to but not including 1; above 0 for the logarithmic law.
    tau : float
        Time constant of the logarithmic law in ms.

    Returns
    -------
    array or tensor
        Of the shape and kind of `values`.

    Raises
    ------
    InvalidValueError
        If a value is out of range, or the law does not fit its parameters.
    """
    given = unit_interval(values, "values")
    latest = number(latest, "latest", minimum=0.0)
    threshold = number(threshold, "threshold", minimum=0.0)
    if threshold >= 1.0:
        raise InvalidValueError(f"threshold must be below 1, the largest value; got {threshold:g}.")
    above = given > threshold
    if one_of(law, "law", ("linear", "logarithmic")) == "linear":
        if tau is not None:
            raise InvalidValueError("tau belongs to law='logarithmic'; the linear law has none.")
        times = latest * (1.0 - given) / (1.0 - threshold)
    else:
        times = _charging_time(given, above, threshold, tau)
        above = above & (times <= latest)
    return same_kind(np.where(above, times, np.inf), values)


def spikes_at(times: Floats, steps: int, dt: float) -> Spikes:
    """One spike of each component at its time in ms, [..., time, component]."""
    spikes = np.zeros((*times.shape[:-1], steps, times.shape[-1]), np.bool_)
    step = np.floor(np.where(np.isfinite(times), times, -dt) / dt + ROUNDING).astype(np.int64)
    place = np.nonzero((step >= 0) & (step < steps))
    spikes[(*place[:-1], step[place], place[-1])] = True
    return spikes


def _charging_time(given: Floats, above: Spikes, threshold: float, tau: float | None) -> Floats:
    if tau is None or threshold == 0.0:
        raise InvalidValueError(
            "law='logarithmic' needs tau (ms) and a threshold above 0, such as tau=20.0, "
            f"threshold=0.01; got tau={tau}, threshold={threshold:g}."
        )
    safe = np.where(above, given, 1.0)
    return number(tau, "tau", above=0.0) * np.log(safe / (safe - threshold))
