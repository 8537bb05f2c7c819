"""Signals on another grid of times, by piecewise cubics.

All are Hermite cubics, which pass through the samples and differ in their slopes there.
"catmull_rom": the mean of the two neighbouring differences.  "akima": differences weighted so that
a jump far away leaves a flat part flat (Akima 1970, J. ACM 17, 589), here with the weights of his
paper.  "linear" joins the samples by straight lines.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ship_engine.data.arrays import Floats, as_floats, each, one_of, same_kind, whole_number
from ship_engine.errors import InvalidValueError

KINDS = ("linear", "catmull_rom", "akima")


def stretch(signals: Any, steps: int, *, kind: str = "akima") -> Any:
    """Signals with another number of time steps, from the same first to the same last value.

    Parameters
    ----------
    signals : array or tensor [..., time, component], or list of [time, component]
        At least two time steps.
    steps : int
        The new number of time steps.
    kind : {"linear", "catmull_rom", "akima"}
        How values between samples are found.

    Returns
    -------
    array, tensor or list [..., steps, component]
        Of the same kind as `signals`.

    Raises
    ------
    InvalidValueError
        If there are fewer than two time steps to begin with.
    """
    steps = whole_number(steps, "steps")
    return each(
        signals,
        lambda given: interpolate(given, np.linspace(0.0, _samples(given) - 1.0, steps), kind=kind),
        "signals",
    )


def resample(signals: Any, *, rate: float, new_rate: float, kind: str = "akima") -> Any:
    """Signals at another sampling rate, beginning with the same value.

    Parameters
    ----------
    signals : array or tensor [..., time, component], or list of [time, component]
        At least two time steps.
    rate, new_rate : float
        Samples per second now and then.  A lower rate only leaves out: nothing is smoothed.
    kind : {"linear", "catmull_rom", "akima"}
        How values between samples are found.

    Returns
    -------
    array, tensor or list [..., time, component]
        Of the same kind as `signals`; no value lies beyond the last sample.

    Raises
    ------
    InvalidValueError
        If a rate is not positive, or there are fewer than two time steps.
    """
    for name, value in (("rate", rate), ("new_rate", new_rate)):
        if not np.isfinite(value) or value <= 0.0:
            raise InvalidValueError(f"{name} must be positive, in samples per second; got {value}.")

    def convert(given: Floats) -> Floats:
        last = _samples(given) - 1
        count = int(np.floor(last * new_rate / rate + 1e-9)) + 1
        positions = np.minimum(np.arange(count) * (rate / new_rate), last)
        return np.asarray(interpolate(given, positions, kind=kind))

    return each(signals, convert, "signals")


def interpolate(signals: Any, positions: Any, *, kind: str = "akima") -> Any:
    """Values of signals between their samples.

    Parameters
    ----------
    signals : array or tensor [..., time, component]
        At least two time steps.
    positions : array [position]
        Where, counted in samples: 0.5 is midway between the first two.
    kind : {"linear", "catmull_rom", "akima"}
        How values between samples are found.

    Returns
    -------
    array or tensor [..., position, component]
        Of the same kind as `signals`.

    Raises
    ------
    InvalidValueError
        If a position lies outside, or there are fewer than two time steps.
    """
    given, where = as_floats(signals, "signals"), as_floats(positions, "positions")
    last = _samples(given) - 1
    if where.ndim != 1 or (where < 0.0).any() or (where > last).any():
        raise InvalidValueError(
            f"positions must be a list of numbers from 0 to {last}, the last sample; nothing is "
            "known beyond."
        )
    left = np.minimum(where.astype(np.int64), last - 1)
    part = (where - left)[:, None]
    start, end = given[..., left, :], given[..., left + 1, :]
    if one_of(kind, "kind", KINDS) == "linear":
        return same_kind(start + part * (end - start), signals)
    differences = np.diff(given, axis=-2)
    slopes = _akima(differences) if kind == "akima" else _catmull_rom(differences)
    slope, last_slope = slopes[..., left, :], slopes[..., left + 1, :]
    rise = end - start
    quadratic = 3.0 * rise - 2.0 * slope - last_slope
    cubic = slope + last_slope - 2.0 * rise
    return same_kind(start + part * (slope + part * (quadratic + part * cubic)), signals)


def _samples(given: Floats) -> int:
    if given.ndim < 2 or given.shape[-2] < 2:
        raise InvalidValueError(
            "signals must have the axes [time, component] and at least two time steps; got the "
            f"shape {given.shape}."
        )
    return int(given.shape[-2])


def _catmull_rom(differences: Floats) -> Floats:
    """Slopes at the samples from the differences between them."""
    first, last = differences[..., :1, :], differences[..., -1:, :]
    between = (differences[..., :-1, :] + differences[..., 1:, :]) / 2.0
    return np.concatenate([first, between, last], axis=-2)


def _akima(differences: Floats) -> Floats:
    """Slopes at the samples; beyond the ends, the differences go on along parabolas."""
    if differences.shape[-2] == 1:
        return np.concatenate([differences, differences], axis=-2)
    first, last = differences[..., :1, :], differences[..., -1:, :]
    before = 2.0 * first - differences[..., 1:2, :]
    after = 2.0 * last - differences[..., -2:-1, :]
    ends = 2.0 * before - first, before, differences, after, 2.0 * after - last
    extended = np.concatenate(ends, axis=-2)
    changes = np.abs(np.diff(extended, axis=-2))
    left, right = changes[..., :-2, :], changes[..., 2:, :]
    total = left + right
    inner_left, inner_right = extended[..., 1:-2, :], extended[..., 2:-1, :]
    even = total <= 1e-9 * total.max(axis=-2, keepdims=True)
    weighted = (right * inner_left + left * inner_right) / np.where(even, 1.0, total)
    return np.asarray(np.where(even, (inner_left + inner_right) / 2.0, weighted))
