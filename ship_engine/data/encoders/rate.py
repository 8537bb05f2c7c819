"""Numbers as rates of spikes: evenly spaced, or at random.

A value between 0 and 1 stands for the rate ``value * max_rate``; it is held for all time steps.
Rates that change in time go through `spikes_of_rates` or `random_spikes_of_rates` directly.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ship_engine.data.arrays import (
    ROUNDING,
    Floats,
    Seed,
    Spikes,
    as_floats,
    each,
    generator,
    number,
    one_of,
    same_kind,
    whole_number,
)
from ship_engine.errors import InvalidValueError

MS_PER_S = 1000.0


def encode_rate(values: Any, *, steps: int, dt: float, max_rate: float, phase: Any = 0.0) -> Any:
    """Evenly spaced spikes at a rate proportional to each value.

    The k-th spike (k = 1, 2, …) falls into the time step in which ``rate * t + phase`` reaches k.

    Parameters
    ----------
    values : array or tensor [..., component]
        Between 0 and 1.
    steps : int
        Number of time steps.
    dt : float
        Time step in ms.
    max_rate : float
        Rate in Hz of the value 1; at most one spike in a time step.
    phase : float or array like `values`, optional
        Where between two spikes each component starts, from 0 up to but not including 1.

    Returns
    -------
    array or tensor [..., time, component] of bool
        Of the same kind as `values`.

    Raises
    ------
    InvalidValueError
        If a value or phase is out of range, or the rate is above one spike in a time step.
    """
    given = unit_interval(values, "values")
    started = as_floats(phase, "phase")
    if (started < 0.0).any() or (started >= 1.0).any():
        raise InvalidValueError("phase must be from 0 up to but not including 1.")
    try:
        started = np.broadcast_to(started, given.shape)
    except ValueError as error:
        raise InvalidValueError(
            f"phase has the shape {started.shape}; give one number, or as many as values, which "
            f"have the shape {given.shape}."
        ) from error
    expected = given * spikes_per_step(max_rate, dt)
    steps = whole_number(steps, "steps")
    spikes = np.empty((*given.shape[:-1], steps, given.shape[-1]), np.bool_)
    before = np.floor(started + ROUNDING)
    for step in range(steps):
        whole = np.floor(expected * (step + 1) + started + ROUNDING)
        np.greater(whole, before, out=spikes[..., step, :])
        before = whole
    return same_kind(spikes, values)


def encode_poisson(
    values: Any, *, steps: int, dt: float, max_rate: float, seed: Seed, law: str = "poisson"
) -> Any:
    """Spikes at random, independent in every time step, at a rate proportional to each value.

    Parameters
    ----------
    values : array or tensor [..., component]
        Between 0 and 1.
    steps : int
        Number of time steps.
    dt : float
        Time step in ms.
    max_rate : float
        Rate in Hz of the value 1.
    seed : int or numpy.random.Generator
        Where the random numbers come from.
    law : {"poisson", "bernoulli"}
        Probability of a spike in a time step: ``1 - exp(-rate dt)``, that of one or more events
        of a Poisson process, or its first order ``rate dt``, which must not exceed 1.

    Returns
    -------
    array or tensor [..., time, component] of bool
        Of the same kind as `values`.

    Raises
    ------
    InvalidValueError
        If a value is out of range, or a probability above 1.
    """
    given = unit_interval(values, "values")
    max_rate = number(max_rate, "max_rate", minimum=0.0)
    steps = whole_number(steps, "steps")
    rates = (given * max_rate)[..., None, :]
    shape = *given.shape[:-1], steps, given.shape[-1]
    return same_kind(_drawn(rates, shape, dt, generator(seed), law), values)


def spikes_of_rates(rates: Any, *, dt: float) -> Any:
    """Evenly spaced spikes at rates that change in time: one whenever their integral gains 1.

    Parameters
    ----------
    rates : array or tensor [..., time, component], or list of [time, component]
        Rates in Hz, at most one spike in a time step.
    dt : float
        Time step in ms.

    Returns
    -------
    array, tensor or list of bool
        Of the shape and kind of `rates`.

    Raises
    ------
    InvalidValueError
        If a rate is negative, or above one spike in a time step.
    """
    dt = number(dt, "dt", above=0.0)

    def convert(given: Floats) -> Spikes:
        _check_rates(given, dt)
        passed = np.cumsum(given * (dt / MS_PER_S), axis=-2)
        whole = np.floor(passed + ROUNDING)
        return np.diff(whole, axis=-2, prepend=0.0) > 0.0

    return each(rates, convert, "rates")


def random_spikes_of_rates(rates: Any, *, dt: float, seed: Seed, law: str = "poisson") -> Any:
    """Spikes at random at rates that change in time; see `encode_poisson`.

    Parameters
    ----------
    rates : array or tensor [..., time, component], or list of [time, component]
        Rates in Hz.
    dt : float
        Time step in ms.
    seed : int or numpy.random.Generator
        Where the random numbers come from.
    law : {"poisson", "bernoulli"}
        See `encode_poisson`.

    Returns
    -------
    array, tensor or list of bool
        Of the shape and kind of `rates`.

    Raises
    ------
    InvalidValueError
        If a rate is negative, or a probability above 1.
    """
    random = generator(seed)
    return each(rates, lambda given: _drawn(given, given.shape, dt, random, law), "rates")


def unit_interval(values: Any, what: str) -> Floats:
    """Numbers between 0 and 1, with an axis of components.

    Raises
    ------
    InvalidValueError
        If one is out of range, or there is no axis.
    """
    array = as_floats(values, what)
    if array.ndim == 0:
        raise InvalidValueError(f"{what} must have an axis of components; got a single number.")
    wrong = (array < 0.0) | (array > 1.0)
    if wrong.any():
        raise InvalidValueError(
            f"{what} must be between 0 and 1; got {array[wrong][0]:g}. Scale them first, such as "
            "(values - values.min()) / (values.max() - values.min())."
        )
    return array


def spikes_per_step(max_rate: float, dt: float) -> float:
    """How many spikes a rate in Hz gives in a time step of dt ms, at most 1.

    Raises
    ------
    InvalidValueError
        If it is more than 1.
    """
    max_rate = number(max_rate, "max_rate", minimum=0.0)
    expected = max_rate * number(dt, "dt", above=0.0) / MS_PER_S
    if expected > 1.0:
        raise InvalidValueError(
            f"a rate of {max_rate:g} Hz is {expected:g} spikes in a time step of {dt:g} ms, where "
            f"one is the most; take a rate of at most {MS_PER_S / dt:g} Hz, or a shorter time step."
        )
    return expected


def _drawn(
    rates: Floats, shape: tuple[int, ...], dt: float, random: np.random.Generator, law: str
) -> Spikes:
    """Spikes of a shape to which the rates are broadcast."""
    dt = number(dt, "dt", above=0.0)
    if one_of(law, "law", ("poisson", "bernoulli")) == "bernoulli":
        _check_rates(rates, dt)
        probability = rates * (dt / MS_PER_S)
    else:
        _check_not_negative(rates)
        probability = -np.expm1(-rates * (dt / MS_PER_S))
    return random.random(shape) < probability


def _check_not_negative(rates: Floats) -> None:
    if rates.ndim < 2:
        raise InvalidValueError(
            f"rates must have the axes [time, component]; got the shape {rates.shape}."
        )
    if rates.size and rates.min() < 0.0:
        raise InvalidValueError(f"rates must not be negative; got {rates.min():g} Hz.")


def _check_rates(rates: Floats, dt: float) -> None:
    _check_not_negative(rates)
    if rates.size:
        spikes_per_step(float(rates.max()), dt)
