"""Currents that are injected into neurons.

A current is constant during each time step: from t_k to t_(k+1) it has its value at t_k.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from ship_engine.clock import Clock
from ship_engine.random import standard_normal


class CurrentSource(ABC):
    """A current (nA) as a function of the time step, the same for all cells that it enters."""

    _kept: NDArray[np.float64] | None = None
    _kept_from = 0

    @abstractmethod
    def amplitudes(self, first: int, count: int, clock: Clock) -> NDArray[np.float64]:
        """The current during `count` steps from step `first` on, [count]."""

    def applied(self, first: int, count: int, clock: Clock) -> NDArray[np.float64]:
        """What executors ask for: the amplitudes, kept for `history` if that is wanted."""
        values = self.amplitudes(first, count, clock)
        if self._kept is not None:
            before = self._kept[: first - self._kept_from]
            self._kept = np.concatenate([before, values])
        return values

    def become(self, other: CurrentSource) -> None:
        """Take over the parameters of another current of the same kind, from now on."""
        own = {"_kept": self._kept, "_kept_from": self._kept_from}
        self.__dict__.update({**other.__dict__, **own})

    def keep_history(self, step: int) -> None:
        """Keep the current from this step on."""
        self._kept, self._kept_from = np.empty(0), step

    def forget_history(self) -> None:
        """Keep the current from step 0 on, if it is kept at all."""
        if self._kept is not None:
            self.keep_history(0)

    def history(self, step: int, clock: Clock) -> tuple[int, NDArray[np.float64]]:
        """First step, and the current at every step from it to `step`, which is included."""
        kept = np.empty(0) if self._kept is None else self._kept[: step - self._kept_from]
        return self._kept_from, np.concatenate([kept, self.amplitudes(step, 1, clock)])


class PulseCurrent(CurrentSource):
    """`amplitude` from `start` until `stop` (ms), else zero."""

    def __init__(self, amplitude: float, start: float, stop: float) -> None:
        self.amplitude, self.start, self.stop = amplitude, start, stop

    def amplitudes(self, first: int, count: int, clock: Clock) -> NDArray[np.float64]:
        active = active_steps(first, count, self.start, self.stop, clock)
        return np.where(active, self.amplitude, 0.0)


class StepCurrent(CurrentSource):
    """Changes to each of `values` (nA) at the corresponding of `times` (ms); zero before."""

    def __init__(self, times: NDArray[np.float64], values: NDArray[np.float64]) -> None:
        self.times, self.values = times, values

    def amplitudes(self, first: int, count: int, clock: Clock) -> NDArray[np.float64]:
        steps = first + np.arange(count)
        position = np.searchsorted(clock.nearest_step(self.times), steps, side="right")
        return np.concatenate([[0.0], self.values])[position]


class SineCurrent(CurrentSource):
    """offset + amplitude sin(2 pi frequency (t - start) + phase) from `start` until `stop`.

    Parameters
    ----------
    amplitude, offset : float
        nA.
    frequency : float
        Hz.
    phase : float
        Degrees, at `start`.
    start, stop : float
        ms.
    """

    def __init__(
        self,
        amplitude: float,
        offset: float,
        frequency: float,
        phase: float,
        start: float,
        stop: float,
    ) -> None:
        self.amplitude, self.offset, self.frequency = amplitude, offset, frequency
        self.phase, self.start, self.stop = phase, start, stop

    def amplitudes(self, first: int, count: int, clock: Clock) -> NDArray[np.float64]:
        t = clock.time(first + np.arange(count))
        angle = 2e-3 * np.pi * self.frequency * (t - self.start) + np.deg2rad(self.phase)
        active = active_steps(first, count, self.start, self.stop, clock)
        return np.where(active, self.offset + self.amplitude * np.sin(angle), 0.0)


class NoisyCurrent(CurrentSource):
    """Normally distributed current, drawn anew every `interval` from `start` until `stop`.

    Parameters
    ----------
    mean, deviation : float
        nA.
    interval, start, stop : float
        ms.
    key : (int, int)
        Of the random numbers; see `ship_engine.random.stream_key`.
    """

    def __init__(
        self,
        mean: float,
        deviation: float,
        interval: float,
        start: float,
        stop: float,
        key: tuple[int, int],
    ) -> None:
        self.mean, self.deviation, self.interval = mean, deviation, interval
        self.start, self.stop, self.key = start, stop, key

    def amplitudes(self, first: int, count: int, clock: Clock) -> NDArray[np.float64]:
        active = active_steps(first, count, self.start, self.stop, clock)
        every = max(int(clock.nearest_step(self.interval)), 1)
        draw = (first + np.arange(count) - clock.nearest_step(self.start)) // every
        values, position = np.unique(np.maximum(draw, 0), return_inverse=True)
        noise = standard_normal(self.key, values)[position]
        return np.where(active, self.mean + self.deviation * noise, 0.0)


def active_steps(
    first: int, count: int, start: float, stop: float, clock: Clock
) -> NDArray[np.bool_]:
    """Which of `count` steps from `first` on begin between two times (ms), `stop` excluded."""
    steps = first + np.arange(count)
    end = min(stop, clock.time(first + count + 1))
    return (steps >= clock.nearest_step(start)) & (steps < clock.nearest_step(end))
