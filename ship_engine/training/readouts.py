"""Readouts: what is made of the course of an output group, one number for each component.

A course is [batch, time, component]; a mask [batch, time], if sequences differ in length, says
which times belong to each.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError


class Readout(ABC):
    """A function from courses to scores [batch, component]."""

    of_spikes: ClassVar[bool] = False
    """Whether it reads spikes, or else a state such as the membrane potential."""
    exact: ClassVar[bool] = False
    """Whether it reads spike times, too, which have exact gradients where they are known."""
    state: str | None = None
    """Which state it reads; by default the membrane potential."""

    @abstractmethod
    def __call__(self, course: Tensor, mask: Tensor | None = None) -> Tensor:
        """The scores."""


@dataclass(frozen=True)
class Peak(Readout):
    """The highest value of a state (the SHIP paper; Hu & Liao 2022)."""

    state: str | None = None

    def __call__(self, course: Tensor, mask: Tensor | None = None) -> Tensor:
        if mask is not None:
            course = course.masked_fill(~mask[..., None], -torch.inf)
        return course.max(1).values


@dataclass(frozen=True)
class Mean(Readout):
    """The mean of a state over time."""

    state: str | None = None

    def __call__(self, course: Tensor, mask: Tensor | None = None) -> Tensor:
        if mask is None:
            return course.mean(1)
        weight = mask.to(course.dtype)
        return torch.einsum("btc,bt->bc", course, weight) / weight.sum(1, keepdim=True)


@dataclass(frozen=True)
class Last(Readout):
    """The last value of a state."""

    state: str | None = None

    def __call__(self, course: Tensor, mask: Tensor | None = None) -> Tensor:
        if mask is None:
            return course[:, -1]
        last = mask.sum(1) - 1
        return course[torch.arange(len(course), device=course.device), last]


@dataclass(frozen=True)
class SpikeCount(Readout):
    """The number of spikes, SLAYER's read-out for classes."""

    of_spikes: ClassVar[bool] = True

    def __call__(self, course: Tensor, mask: Tensor | None = None) -> Tensor:
        if mask is None:
            return course.sum(1)
        return torch.einsum("btc,bt->bc", course, mask.to(course.dtype))


@dataclass(frozen=True)
class WindowedCount(Readout):
    """The most spikes in any window of `steps` time steps, SLAYER's sliding window.

    Parameters
    ----------
    steps : int
        Length of the window in time steps.
    """

    steps: int
    of_spikes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if type(self.steps) is not int or self.steps < 1:
            raise InvalidValueError(f"A window of {self.steps!r} steps; give a whole number >= 1.")

    def __call__(self, course: Tensor, mask: Tensor | None = None) -> Tensor:
        if self.steps > course.shape[1]:
            raise InvalidValueError(
                f"A window of {self.steps} steps over a course of {course.shape[1]}; give at most "
                "as many as there are."
            )
        if mask is not None:
            course = course * mask[..., None].to(course.dtype)
        until = torch.nn.functional.pad(course.cumsum(1), (0, 0, 1, 0))
        counts = until[:, self.steps :] - until[:, : -self.steps]
        return counts.max(1).values


@dataclass(frozen=True)
class FirstSpike(Readout):
    """Minus the time (in steps) of the first spike, so that the earliest has the highest score.

    It is the number of steps without a spike until then, sum over t of the product over s <= t of
    (1 - spikes(s)), thus differentiable where spikes are; a component that stays silent has minus
    the number of all steps.
    """

    of_spikes: ClassVar[bool] = True
    exact: ClassVar[bool] = True

    def of_times(self, times: Tensor, steps: Tensor) -> Tensor:
        """The scores of spike times [batch, component, number] in steps, infinite if there is none.

        Parameters
        ----------
        times : Tensor
            In time steps, ascending.
        steps : Tensor [batch or 1, 1]
            How many time steps each sample has.
        """
        return -torch.minimum(times[..., 0], steps.to(times.dtype))

    def __call__(self, course: Tensor, mask: Tensor | None = None) -> Tensor:
        silent = (1.0 - course.clamp(max=1.0)).cumprod(1)
        if mask is not None:
            silent = silent * mask[..., None].to(course.dtype)
        return -silent.sum(1)


READOUTS: dict[str, type[Readout]] = {
    "peak": Peak,
    "mean": Mean,
    "last": Last,
    "spike_count": SpikeCount,
    "first_spike": FirstSpike,
}
"""Those that need no number, under the names by which they can be chosen."""


def readout_of(given: Any) -> Readout:
    """A readout, or one that is chosen by its name.

    Raises
    ------
    InvalidValueError
        If it is neither.
    """
    if isinstance(given, Readout):
        return given
    if isinstance(given, str) and given in READOUTS:
        return READOUTS[given]()
    raise InvalidValueError(
        f"readout = {given!r}; give one of ship_engine.training.readouts, such as Peak(), or a "
        f"name: {', '.join(READOUTS)}."
    )
