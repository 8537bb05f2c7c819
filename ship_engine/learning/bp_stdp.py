"""BP-STDP: backpropagation, approximated by spikes in windows of time.

Tavanaei & Maida (2019), Neurocomputing 330:39 (arXiv:1711.04214).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError
from ship_engine.learning.rules import Change, LearningRule, Wiring, course_of, whole
from ship_engine.training.losses import are_classes
from ship_engine.training.modules import Activity
from ship_engine.training.readouts import Readout


@dataclass(frozen=True)
class BPSTDP(LearningRule):
    """Spikes of the last few steps, compared with a target train, go back through the weights.

    Targets are trains z of spikes.  In each step in which some component shall spike, the error is

        xi_i = +1 if z_i = 1 and i was silent during the window that ends with this step,
        xi_i = -1 if z_i = 0 and i spiked during that window, and 0 otherwise.

    A neuron h before that has the error e_h = sum_i w_hi xi_i if it spiked during the window, and 0
    otherwise, and so on to any depth: its spikes stand for the derivative of its rate.  Weights
    change by dw_ji = e_i sum s_j, the sum of the source's spikes during the window.  If spikes are
    delayed, windows of the source are earlier by the delay.  The paper's learning rate, 0.0005, is
    for batches of one sample; here it is the optimiser's.

    Parameters
    ----------
    window : int
        Time steps, the present one included: the paper's epsilon and one more.
    interval : int
        Where targets are classes, the component of the class shall spike every so many time steps;
        others shall be silent.  250 Hz in the paper.  Trains of any kind are given as targets
        [sample, time, component].
    """

    window: int = 5
    interval: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("window", self.window)
        whole("interval", self.interval)

    def groups(self, wiring: Wiring, readout: Readout) -> Iterable[Any]:
        del readout
        order = wiring.backwards()
        for group in order:
            if not wiring.module.spikes(group):
                raise InvalidValueError(
                    f"'{wiring.module.called(group)}' never spikes, but BP-STDP compares spikes; "
                    "give it a model with a threshold."
                )
        return [*order, *(one.source for one in wiring.trained())]

    def changes(
        self, wiring: Wiring, activity: Activity, course: Tensor, targets: Tensor
    ) -> Iterator[Change]:
        del course
        order = wiring.backwards()
        output = activity.spikes_of(wiring.output)
        counts = _Counts(activity, self.window)
        fired = counts.whole(wiring.output) > 0.0
        errors = {wiring.output: self.errors(output, fired, targets, activity.mask)}
        for group in order:
            error = errors.pop(group)
            sample, step = error.any(2).nonzero(as_tuple=True)  # few, as soon as much is right
            here = error[sample, step]
            if group != wiring.output:
                here = here * (counts.at(group, sample, step) > 0.0)
            for one in wiring.into(group):
                began = step >= one.delay
                place, error = (sample[began], step[began] - one.delay), here[began]
                if one.name is not None:
                    yield one, counts.at(one.source, *place).T @ error
                if one.source in order:
                    spikes = activity.spikes_of(one.source)
                    before = errors.setdefault(one.source, torch.zeros_like(spikes))
                    before[place] += error @ wiring.matrix(one).T

    def errors(self, output: Tensor, fired: Tensor, targets: Tensor, mask: Tensor | None) -> Tensor:
        """The errors xi [batch, time, component].

        Parameters
        ----------
        output : Tensor [batch, time, component]
            Spikes of the output.
        fired : bool Tensor [batch, time, component]
            Whether there were any during the window that ends with each step.
        targets : Tensor
            Classes or trains.
        mask : bool Tensor [batch, time] or None
            Which times belong to each sample.
        """
        if are_classes(targets):
            trains = torch.zeros_like(output)
            trains[:, self.interval - 1 :: self.interval] = torch.nn.functional.one_hot(
                targets, output.shape[2]
            ).to(output.dtype)[:, None]
            targets = trains
        wanted, counts = course_of(targets, output, mask)
        wanted = wanted > 0.0
        at_all = wanted.any(2, keepdim=True)
        return counts * ((wanted & ~fired).to(output) - (at_all & ~wanted & fired).to(output))


class _Counts:
    """Numbers of spikes during windows, from cumulative sums that each group has once."""

    def __init__(self, activity: Activity, window: int) -> None:
        self._activity, self._window = activity, window
        self._sums: dict[Any, Tensor] = {}

    def _until(self, group: Any) -> Tensor:
        """How many spikes there were before each step, with `window` steps of silence in front."""
        if group not in self._sums:
            spikes = self._activity.spikes_of(group)
            padded = torch.nn.functional.pad(spikes, (0, 0, self._window, 0))
            self._sums[group] = padded.cumsum(1)
        return self._sums[group]

    def whole(self, group: Any) -> Tensor:
        """In the window that ends with each step: [batch, time, component]."""
        until = self._until(group)
        return until[:, self._window :] - until[:, : -self._window]

    def at(self, group: Any, sample: Tensor, step: Tensor) -> Tensor:
        """In the windows that end with the given steps of the given samples: [place, component]."""
        until = self._until(group)
        return until[sample, step + self._window] - until[sample, step]
