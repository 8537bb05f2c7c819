"""PES, the prescribed error sensitivity rule: decoders learn from an error, online.

MacNeil & Eliasmith (2011), PLoS ONE 6:e22885; Voelker (2015), A solution to the dynamics of the
prescribed error sensitivity learning rule, Centre for Theoretical Neuroscience, Waterloo.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError
from ship_engine.learning.rules import (
    Change,
    LearningRule,
    Wiring,
    course_of,
    delayed,
    filtered,
    positive,
    summed_by_traces,
)
from ship_engine.training.connections import Connection
from ship_engine.training.modules import Activity
from ship_engine.training.readouts import Readout

TOLERANCE = 1e-3
"""How far the rule's own filter may be from what the network does, as a share of the largest."""


@dataclass(frozen=True)
class PES(LearningRule):
    """Decoders D of an ensemble change against the error of what they decode.

        D(t + dt) = D(t) - rate dt a(t) error(t),  error(t) = decoded(t) - target(t)

    a is the activity, filtered by an exponential: a(t) = a(t - dt) exp(-dt / tau) + spikes(t).
    Targets are courses [sample, time, component]; what is decoded is a state of the output, which
    the trainer reads out, by `Course` for instance.  The output does not act back on the ensemble,
    whose activity is hence the same whatever the decoders are; only what leads to the output is
    trained.

    Online, decoders change in every time step of a sample, and what is decoded next changes with
    them.  This is computed from the recorded activity, and is exactly what the network would do
    if its weights were changed between one time step and the next, for each sample from the
    decoders with which the batch began.  With batches of one sample and ``torch.optim.SGD(lr=1)``
    decoders go on from sample to sample.  It needs an output that decodes with the rule's own
    filter, such as `LI` with ``tau_beta = tau`` behind a `Wire`.  Otherwise decoders stay as they
    are during a sample, and the changes of all time steps come in its end.

    Parameters
    ----------
    rate : float
        Learning rate in 1/ms.  An error to a constant input decays as exp(-rate a² t), with the
        squared length a² of the activity (Voelker 2015); it is unstable where rate dt a² > 2.
    tau : float
        Of the filter, in ms.
    online : bool
        Whether decoders change in every time step.
    """

    rate: float = 1e-4
    tau: float = 20.0
    online: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        positive("rate", self.rate)
        positive("tau", self.tau)

    def groups(self, wiring: Wiring, readout: Readout) -> Iterable[Any]:
        wiring.only_output_is_trained("PES")
        if readout.of_spikes:
            raise InvalidValueError(
                f"PES compares what is decoded, a state of '{wiring.module.called(wiring.output)}',"
                " with its target, but the trainer reads out spikes; give readout=Course()."
            )
        return [one.source for one in wiring.into(wiring.output)]

    def changes(
        self, wiring: Wiring, activity: Activity, course: Tensor, targets: Tensor
    ) -> Iterator[Change]:
        early = course.shape[1] - activity.spikes_of(wiring.trained()[0].source).shape[1]
        mask = activity.mask
        if mask is not None:
            mask = torch.nn.functional.pad(mask, (early, 0), value=True)
        # The state at the start, if it is read out, comes before all that decoders decide.
        target, counts = (one[:, early:] for one in course_of(targets, course, mask))
        course = course[:, early:]
        step = self.rate * wiring.module.dt
        decay = math.exp(-wiring.module.dt / self.tau)
        if self.online:
            yield from self._online(wiring, activity, course, target, counts)
            return
        error = -step * counts * (course - target)
        yield from summed_by_traces(wiring.trained(), activity, error, decay)

    def _online(
        self, wiring: Wiring, activity: Activity, course: Tensor, target: Tensor, counts: Tensor
    ) -> Iterator[Change]:
        """Changes in the order of time, of all connections side by side."""
        ways = wiring.into(wiring.output)
        spikes = torch.cat([delayed(activity.spikes_of(w.source), w.delay) for w in ways], 2)
        decoders = torch.cat([wiring.matrix(way) for way in ways])
        decay = math.exp(-wiring.module.dt / self.tau)
        found = filtered(spikes @ decoders, decay)
        largest = course.abs().amax()
        if not torch.allclose(found, course, atol=TOLERANCE * float(largest) + 1e-12):
            raise InvalidValueError(
                f"'{wiring.module.called(wiring.output)}' does not decode by a filter of tau = "
                f"{self.tau:g} ms, which PES needs to learn online; give it such a filter, as LI "
                f"with tau_beta={self.tau:g} and Wire have, or online=False."
            )
        free = torch.cat([_shares(way, wiring) for way in ways])
        rate = -self.rate * wiring.module.dt * free
        change = learned_online(spikes, target, decoders, rate, decay, counts).sum(0)
        parts = change.split([len(wiring.matrix(way)) for way in ways])
        for way, part, share in zip(ways, parts, free.split([len(p) for p in parts]), strict=True):
            if way.name is not None:
                yield way, torch.where(share > 0.0, part / share.clamp(min=1e-30), 0.0)


def squared_error(decoded: Tensor, target: Tensor) -> Tensor:
    """The mean squared error of courses [batch, time, component], for reports."""
    wanted, _ = course_of(target, decoded, None)
    return (decoded - wanted).square().mean()


def _shares(way: Connection, wiring: Wiring) -> Tensor:
    """By how much each weight of the matrix follows a change of what is kept; 0 if it is fixed."""
    matrix = wiring.matrix(way)
    if way.name is None:
        return torch.zeros_like(matrix)
    return way.dense(way.gathered(torch.ones_like(matrix)))


def learned_online(
    spikes: Tensor, target: Tensor, decoders: Tensor, rate: Tensor | float, decay: float,
    counts: Tensor | float = 1.0,
) -> Tensor:  # fmt: skip
    """By how much decoders change while an ensemble is active; see `PES`.

    Parameters
    ----------
    spikes : Tensor [batch, time, neuron]
        Of the ensemble, as they arrive.
    target : Tensor [batch, time, component]
        What is to be decoded.
    decoders : Tensor [neuron, component]
        With which each sample begins.
    rate : Tensor that broadcasts to [neuron, component], or float
        By what the product of activity and error is multiplied; negative, so that errors shrink.
    decay : float
        Of the filter, in a time step.
    counts : Tensor that broadcasts to [batch, time, 1], or float
        0 where a time does not count.

    Returns
    -------
    Tensor [batch, neuron, component]
    """
    batch, steps, neurons = spikes.shape
    now = decoders.expand(batch, neurons, -1).clone()
    trace, decoded = spikes.new_zeros(batch, neurons), target.new_zeros(batch, target.shape[2])
    weight = torch.as_tensor(counts, dtype=target.dtype).expand(batch, steps, 1)
    for step in range(steps):
        trace = decay * trace + spikes[:, step]
        arrived = torch.einsum("bn,bnc->bc", spikes[:, step], now)
        decoded = decay * decoded + arrived
        error = weight[:, step] * (decoded - target[:, step])
        now = now + rate * trace[:, :, None] * error[:, None]
    return now - decoders
