"""Spike trains of whole groups and batches: lists of spikes, with times that may have gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ship_engine.errors import InvalidValueError, UnsupportedByExecutorError
from ship_engine.executors.torch_sources import emitted
from ship_engine.groups import Group, SpikeArrayGroup

if TYPE_CHECKING:
    from ship_engine.clock import Clock
    from ship_engine.event_network import EventNetwork


@dataclass
class Trains:
    """Spikes of a group, in the order of samples and, in a sample, of times.

    Attributes
    ----------
    sample, cell : int64 [spikes]
        Whose each spike is.
    time : float64 Tensor [spikes]
        In ms.
    """

    sample: NDArray[np.int64]
    cell: NDArray[np.int64]
    time: Tensor

    @classmethod
    def ordered(cls, sample: NDArray[np.int64], cell: NDArray[np.int64], time: Tensor) -> Trains:
        """From spikes in any order."""
        order = np.lexsort((time.detach().numpy(), sample))
        return cls(sample[order], cell[order], time[torch.from_numpy(order)])

    def counts(self, batch: int, steps: int, size: int, clock: Clock) -> Tensor:
        """How many spikes each component has in each step, (t_k, t_(k+1)]; [batch, steps, size]."""
        step, _ = clock.step_and_offset(self.time.detach().numpy(), on_grid=False)
        counts = np.zeros((batch, steps, size))
        np.add.at(counts, (self.sample, np.minimum(step, steps - 1), self.cell), 1.0)
        return torch.from_numpy(counts)

    def padded(self, batch: int, size: int) -> Tensor:
        """Times [batch, size, most spikes or 1], infinite behind the last of each component."""
        row = self.sample * size + self.cell
        order = np.argsort(row, kind="stable")
        number = np.bincount(row, minlength=batch * size)
        before = np.repeat(np.cumsum(number) - number, number)
        rank = np.arange(row.size) - before
        times = torch.full((batch * size, max(int(number.max(initial=0)), 1)), np.inf).double()
        place = torch.from_numpy(row[order]), torch.from_numpy(rank)
        return times.index_put(place, self.time[torch.from_numpy(order)]).view(batch, size, -1)


def trains_of_counts(group: Group, counts: Tensor, clock: Clock) -> Trains:
    """From numbers of spikes [batch, steps, size], which happen at the ends of steps.

    Raises
    ------
    UnsupportedByExecutorError
        If they require a gradient.
    InvalidValueError
        If they are not whole numbers from 0 on.
    """
    if counts.requires_grad:
        raise UnsupportedByExecutorError(
            f"The input of '{group.label}' requires a gradient, which numbers of spikes do not "
            "have; give times as the parameter (group, 'spike_times'), or use the executor 'fused'."
        )
    numbers = counts.numpy()
    wrong = ~((numbers >= 0.0) & (numbers == np.floor(numbers)))
    if wrong.any():
        raise InvalidValueError(
            f"The input of '{group.label}' has a value of {numbers[wrong][0]:g}; give numbers of "
            "spikes: 0, 1, and so on."
        )
    sample, step, cell = np.nonzero(numbers)
    often = numbers[sample, step, cell].astype(np.int64)
    sample, step, cell = (np.repeat(array, often) for array in (sample, step, cell))
    return Trains(sample, cell, torch.from_numpy(np.asarray(clock.time(step + 1), np.float64)))


def trains_of_times(group: Group, times: Tensor, batch: int, end: float) -> Trains:
    """From times (ms) [batch or 1, size, spikes]; those after the end, as infinity, are left out.

    Raises
    ------
    InvalidValueError
        If the shape is another, or a time negative or not a number.
    """
    wanted = batch, group.size
    if times.ndim != 3 or times.shape[:2] not in (wanted, (1, group.size)):
        raise InvalidValueError(
            f"The spike times of '{group.label}' have shape {tuple(times.shape)}; give [batch, "
            f"components, spikes], here {wanted} and any number."
        )
    times = times.to("cpu", torch.float64).expand(batch, -1, -1)
    known = times.detach().numpy()
    if not (known >= 0.0).all():
        raise InvalidValueError(
            f"A spike time of {known[~(known >= 0.0)][0]} ms of '{group.label}'; times must be "
            ">= 0, or infinite where there is no spike."
        )
    sample, cell, which = np.nonzero(known <= end)
    chosen = times[tuple(torch.from_numpy(index) for index in (sample, cell, which))]
    return Trains.ordered(sample, cell, chosen)


def own_trains(group: Group, network: EventNetwork, steps: int, batch: int) -> Trains:
    """What a source emits by itself; each sample has random numbers of its own."""
    clock = network.clock
    if isinstance(group, SpikeArrayGroup):
        cell = np.repeat(np.arange(group.size), [times.size for times in group.times])
        time = np.concatenate(group.times)
        due = time <= clock.time(steps)
        sample = np.repeat(np.arange(batch), due.sum())
        every = torch.from_numpy(np.tile(time[due], batch))
        return Trains.ordered(sample, np.tile(cell[due], batch), every)
    parts = [emitted(group, network, 0, steps, repetition=k) for k in range(batch)]
    sample = np.repeat(np.arange(batch), [part.step.size for part in parts])
    step, cell = (
        np.concatenate(arrays).astype(np.int64)
        for arrays in zip(*((part.step, part.cell) for part in parts), strict=True)
    )
    time = clock.time(step) + np.concatenate([part.offset for part in parts])
    return Trains.ordered(sample, cell, torch.from_numpy(time))
