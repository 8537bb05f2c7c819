"""ReSuMe, the remote supervised method: spikes at given times.

Ponulak (2005), Technical Report, Poznan University of Technology; Ponulak & Kasinski (2010), Neural
Comput. 22:467.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ship_engine.errors import InvalidValueError
from ship_engine.learning.rules import (
    Change,
    LearningRule,
    SpikeTrains,
    Wiring,
    course_of,
    filtered,
    positive,
    summed_by_traces,
)
from ship_engine.training.modules import Activity
from ship_engine.training.readouts import Readout


@dataclass(frozen=True)
class ReSuMe(LearningRule):
    """Weights grow where a spike is desired, and shrink where there is one.

        dw = (S_d(t) - S_o(t)) (a + A sum_s exp(-s / tau) S_in(t - s)),  s = 0, dt, 2 dt, …

    summed over time, where S_d is the desired train, S_o that of the output, and S_in that of the
    source as it arrives at the output.  Targets are trains [sample, time, component]; there may be
    several outputs, each with its own.  Only what leads to the output is trained.

    Parameters
    ----------
    a : float
        What every spike changes, whatever arrived before; it brings the rate to that desired.
    amplitude : float
        A, what a spike that arrives just now changes.
    tau : float
        For how long (ms) what has arrived counts.
    """

    a: float = 0.05
    amplitude: float = 1.0
    tau: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        positive("tau", self.tau)
        positive("amplitude", self.amplitude)

    def groups(self, wiring: Wiring, readout: Readout) -> Iterable[Any]:
        if not isinstance(readout, SpikeTrains):
            raise InvalidValueError(
                f"ReSuMe compares spike trains, but the trainer reads out {readout!r}; give "
                "readout=SpikeTrains() and loss=VanRossum()."
            )
        wiring.only_output_is_trained("ReSuMe")
        if not wiring.module.spikes(wiring.output):
            raise InvalidValueError(
                f"'{wiring.module.called(wiring.output)}' never spikes, but ReSuMe trains the "
                "times of spikes; give it a model with a threshold."
            )
        return [wiring.output, *(one.source for one in wiring.trained())]

    def changes(
        self, wiring: Wiring, activity: Activity, course: Tensor, targets: Tensor
    ) -> Iterator[Change]:
        del course
        output = activity.spikes_of(wiring.output)
        desired, counts = course_of(targets, output, activity.mask)
        error = counts * (desired - output)
        decay = math.exp(-wiring.module.dt / self.tau)
        for one, traced in summed_by_traces(wiring.trained(), activity, error, decay):
            yield one, self.amplitude * traced + self.a * error.sum((0, 1))


@dataclass(frozen=True)
class VanRossum:
    """The squared distance of spike trains, for reports: (dt / tau) sum_t (f(t) - g(t))².

    f and g are the trains, filtered by a decaying exponential; the mean over batch and components.
    A spike too many costs 1/2.

    van Rossum (2001), Neural Comput. 13:751.

    Parameters
    ----------
    tau : float
        Of the exponential, in ms.
    dt : float
        Time step in ms.
    """

    tau: float = 10.0
    dt: float = 1.0

    def __post_init__(self) -> None:
        positive("tau", self.tau)
        positive("dt", self.dt)

    def __call__(self, trains: Tensor, targets: Tensor) -> Tensor:
        """The distance of trains [batch, time, component] from those that were desired."""
        desired, _ = course_of(targets, trains, None)
        difference = filtered(trains - desired, math.exp(-self.dt / self.tau))
        return self.dt / self.tau * difference.square().sum(1).mean()
