"""Distributions of the intervals between spikes, drawn given that the last spike is some time ago.

A renewal process is told by its hazard: the probability per ms of a spike, given the age, which is
the time since the last spike.  What is drawn here is the time that is left until the next spike,
given an age that was reached without one; that holds for new intervals (age 0) and for those in
which the parameters change.

Every number is a function of a key, a component and the number of the draw among those of that
component, so nothing depends on which draws are made together.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ship_engine.random import philox, unit

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CHEAP = 1024
"""Numbers that are drawn in about the time of one."""


class Draws(NamedTuple):
    """Which random numbers to draw."""

    key: tuple[int, int]
    cell: Integers
    number: Integers
    """Of the draw, among those of its component."""

    def uniforms(self, attempt: int | Integers = 0) -> Floats:
        """Four uniform numbers for each draw, [4, draws]; others at each attempt."""
        high = self.number >> 32
        counter = (self.cell, self.number & 0xFFFFFFFF, high, attempt)
        return unit(np.stack(philox(self.key, counter)))

    def part(self, chosen: Integers) -> Draws:
        """Some of the draws."""
        return Draws(self.key, self.cell[chosen], self.number[chosen])

    def after(self) -> Draws:
        """The next draws of the same components."""
        return Draws(self.key, self.cell, self.number + 1)


class Intervals(ABC):
    """A distribution of intervals with two parameters, given as the rows of `values`."""

    @staticmethod
    @abstractmethod
    def mean(values: Floats) -> Floats:
        """Mean interval in ms."""

    @staticmethod
    @abstractmethod
    def remainder(draws: Draws, values: Floats, age: Floats) -> Floats:
        """Time in ms until the next spike, of components of a given age (ms)."""

    @staticmethod
    @abstractmethod
    def age(draws: Draws, values: Floats, silence: Floats) -> Floats:
        """Ages in ms as found in a process that has gone on forever; takes two draws.

        `silence` (ms) is the time since the last spike that there was, infinite if there was none.
        """


class DeadTimeIntervals(Intervals):
    """A dead time, and after it an exponentially distributed time.

    The rows of values are the hazard after the dead time (1/ms), and the dead time (ms).
    """

    @staticmethod
    def mean(values: Floats) -> Floats:
        hazard, dead_time = values
        return dead_time + 1.0 / hazard

    @staticmethod
    def remainder(draws: Draws, values: Floats, age: Floats) -> Floats:
        hazard, dead_time = values
        dead: Floats = np.maximum(dead_time - age, 0.0)
        return dead - np.log(draws.uniforms()[0]) / hazard

    @staticmethod
    def age(draws: Draws, values: Floats, silence: Floats) -> Floats:
        hazard, dead_time = values
        which, place, free, _ = draws.uniforms()
        dead = which * (1.0 + hazard * dead_time) < hazard * dead_time
        age = np.where(dead, place * dead_time, dead_time - np.log(free) / hazard)
        # Whatever was drawn, the dead time of a spike that there was is kept.
        return np.minimum(age, silence)


class GammaIntervals(Intervals):
    """Gamma distributed intervals.

    The rows of values are the shape, and the scale (ms).
    """

    @staticmethod
    def mean(values: Floats) -> Floats:
        shape, scale = values
        return shape * scale

    @staticmethod
    def remainder(draws: Draws, values: Floats, age: Floats) -> Floats:
        shape, scale = values
        beyond = age / scale
        return scale * (gamma_beyond(draws, shape, beyond) - beyond)

    @staticmethod
    def age(draws: Draws, values: Floats, silence: Floats) -> Floats:
        # The interval around a moment is drawn in proportion to its length, which raises the
        # shape by one, and the moment lies anywhere in it (Cox 1962, Renewal Theory).
        shape, scale = values
        interval = gamma_beyond(draws, shape + 1.0, np.zeros(shape.size))
        return scale * interval * draws.after().uniforms()[0]


def gamma_beyond(draws: Draws, shape: Floats, beyond: Floats) -> Floats:
    """Gamma distributed numbers of scale 1, given that each is greater than a bound.

    Three ways of rejection, each where it accepts a fair part at any shape and bound:

    - shape >= 1, bound up to about the median: gamma numbers as such, by Marsaglia & Tsang (2000),
      ACM Trans. Math. Softw. 26:363;
    - shape >= 1, bound above it: an exponential tail that touches the density, by Dagpunar (1978),
      J. Statist. Comput. Simul. 6:59;
    - shape < 1: a power below 1 and an exponential above, as by Ahrens & Dieter (1974),
      Computing 12:223, cut off at the bound.

    Parameters
    ----------
    draws : Draws
        Which random numbers to use.
    shape, beyond : float64 [draws]
        Shape > 0, and bound >= 0.

    Returns
    -------
    float64 [draws]
    """
    way = np.where(shape < 1.0, 2, beyond > shape - 1.0 / 3.0)
    result = np.empty(shape.size)
    left, attempt = np.arange(shape.size), 0
    while left.size:
        # A few numbers cost as much as many, so some attempts are made at once for few draws.
        tries = min(max(CHEAP // left.size, 1), 8)
        each = np.repeat(left, tries)
        attempts = np.tile(np.arange(attempt, attempt + tries), left.size)
        uniforms = draws.part(each).uniforms(attempts)
        drawn, accepted = _candidates(way[each], uniforms, shape[each], beyond[each])
        accepted = accepted.reshape(-1, tries)
        row, first = np.flatnonzero(accepted.any(axis=1)), accepted.argmax(axis=1)
        result[left[row]] = drawn.reshape(-1, tries)[row, first[row]]
        left, attempt = np.delete(left, row), attempt + tries
    return result


def _candidates(
    way: Integers, uniforms: Floats, shape: Floats, beyond: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """A candidate for each draw, by its way, and whether it is accepted."""
    drawn, accepted = np.empty(way.size), np.empty(way.size, np.bool_)
    for number, candidates in enumerate((_whole, _tail, _steep)):
        chosen = np.flatnonzero(way == number)
        if chosen.size:
            drawn[chosen], accepted[chosen] = candidates(
                uniforms[:, chosen], shape[chosen], beyond[chosen]
            )
    return drawn, accepted


def _whole(uniforms: Floats, shape: Floats, beyond: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    u, angle, test, _ = uniforms
    normal = np.sqrt(-2.0 * np.log(u)) * np.cos(2.0 * np.pi * angle)
    d = shape - 1.0 / 3.0
    cube = np.maximum(1.0 + normal / np.sqrt(9.0 * d), 0.0) ** 3
    with np.errstate(divide="ignore"):
        accepted = np.log(test) < 0.5 * normal**2 + d * (1.0 - cube + np.log(cube))
    return d * cube, accepted & (d * cube >= beyond)


def _tail(uniforms: Floats, shape: Floats, beyond: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    u, test, _, _ = uniforms
    touching = 0.5 * (shape + beyond + np.sqrt((beyond - shape) ** 2 + 4.0 * beyond))
    drawn = beyond - np.log(u) * touching / (touching - (shape - 1.0))
    ratio = drawn / touching
    return drawn, np.log(test) < (shape - 1.0) * (np.log(ratio) + 1.0 - ratio)


def _steep(uniforms: Floats, shape: Floats, beyond: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    which, u, test, _ = uniforms
    middle = np.maximum(beyond, 1.0)
    near = (middle**shape - beyond**shape) / shape
    below = which * (near + np.exp(-1.0)) < near
    low = (beyond**shape + u * (middle**shape - beyond**shape)) ** (1.0 / shape)
    high = middle - np.log(u)
    drawn = np.maximum(np.where(below, low, high), beyond)
    log_accepted = np.where(below, -low, (shape - 1.0) * np.log(high / middle))
    return drawn, np.log(test) < log_accepted
