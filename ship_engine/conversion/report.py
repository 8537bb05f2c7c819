"""How a converted network compares with the one it was made from, by the number of time steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ship_engine.conversion.encoders import ConstantCurrent, Encoder
from ship_engine.conversion.simulation import MEMORY, batches, simulate
from ship_engine.data.arrays import one_of, whole_number
from ship_engine.errors import InvalidValueError

READOUTS = ("sum", "last")


@dataclass(frozen=True)
class ConversionReport:
    """Accuracies of a network of rate units and of the spiking network made from it.

    Attributes
    ----------
    ann_accuracy : float
        Of the network of rate units.
    steps : tuple of int
        Numbers of time steps.
    accuracies : tuple of float
        Of the spiking network after so many.
    """

    ann_accuracy: float
    steps: tuple[int, ...]
    accuracies: tuple[float, ...]

    @property
    def gaps(self) -> tuple[float, ...]:
        """By how much the network of rate units is better."""
        return tuple(self.ann_accuracy - accuracy for accuracy in self.accuracies)

    def steps_until(self, gap: float) -> int | None:
        """After how many steps the gap is no more than that from then on; None if it never is."""
        found = None
        for steps, there in zip(self.steps, self.gaps, strict=True):
            if there > gap:
                found = None
            elif found is None:
                found = steps
        return found

    def __str__(self) -> str:
        rows = [f"rate units: {100.0 * self.ann_accuracy:.2f} %", " steps  spiking      gap"]
        for steps, accuracy, gap in zip(self.steps, self.accuracies, self.gaps, strict=True):
            rows.append(f"{steps:6d} {100.0 * accuracy:7.2f} %  {100.0 * gap:+6.2f}")
        return "\n".join(rows)


def compare(
    ann: torch.nn.Module,
    network: torch.nn.Sequential,
    inputs: Tensor,
    labels: Tensor,
    steps: int,
    at: Sequence[int] | None = None,
    encoder: Encoder | None = None,
    readout: str = "sum",
    input_scale: float = 1.0,
    memory: int = MEMORY,
) -> ConversionReport:
    """Classify with both networks; the spiking one is simulated once, and read out as time goes on.

    Parameters
    ----------
    ann : torch.nn.Module
        Makes scores [sample, class] of inputs; it is put into evaluation and back.
    network : torch.nn.Sequential
        Made from it.
    inputs : Tensor [sample, ...]
        What is classified.
    labels : int Tensor [sample]
        The classes.
    steps : int
        How long the simulation is, in time steps.
    at : sequence of int, optional
        After how many steps accuracies are told; by default powers of two, and in the end.
    encoder : callable, optional
        See `ship_engine.conversion.encoders`; by default `ConstantCurrent`.
    readout : {'sum', 'last'}
        Whether scores are the sums (such as numbers of spikes) over all steps so far, or what is
        handed on in the latest, for outputs that pass a filter.  Of equal scores the first wins.
    input_scale : float
        By which inputs are divided before they are encoded; see the conversions.
    memory : int
        How many bytes the simulations may take, about.

    Raises
    ------
    InvalidValueError
        If a number of steps is out of range, or there is not one label for each input.
    """
    steps = whole_number(steps, "steps")
    one_of(readout, "readout", READOUTS)
    if len(inputs) != len(labels) or not len(inputs):
        raise InvalidValueError(
            f"{len(inputs)} inputs and {len(labels)} labels; give one label for each input."
        )
    wanted = sorted({*_powers_of_two(steps), steps} if at is None else {*at})
    if not wanted or wanted[0] < 1 or wanted[-1] > steps:
        raise InvalidValueError(f"at = {at!r}; give whole numbers from 1 to steps = {steps}.")
    encoder = ConstantCurrent() if encoder is None else encoder
    rows = torch.tensor(wanted, device=inputs.device) - 1
    right, start = torch.zeros(len(wanted), device=inputs.device), 0
    for values in batches(network, inputs, steps, memory):
        scores = simulate(network, values / input_scale, encoder, steps).flatten(2)
        scores = scores.cumsum(0) if readout == "sum" else scores
        classes = labels[start : start + len(values)]
        right += (scores[rows].argmax(2) == classes).sum(1)
        start += len(values)
    accuracies = (right / len(inputs)).tolist()
    return ConversionReport(accuracy(ann, inputs, labels), tuple(wanted), tuple(accuracies))


def accuracy(ann: torch.nn.Module, inputs: Tensor, labels: Tensor, batch_size: int = 500) -> float:
    """The share of inputs to whose classes a network gives the highest scores, in evaluation."""
    was_training, right = ann.training, 0
    ann.eval()
    with torch.no_grad():
        for values, classes in zip(inputs.split(batch_size), labels.split(batch_size), strict=True):
            right += int((ann(values).argmax(1) == classes).sum())
    ann.train(was_training)
    return right / len(inputs)


def _powers_of_two(most: int) -> list[int]:
    return [2**k for k in range(most.bit_length()) if 2**k <= most]
