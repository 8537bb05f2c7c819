"""Regularisers: what is added to the loss besides the error."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError
from ship_engine.training.modules import Activity, SpikingModule


class Regulariser(ABC):
    """An amount that grows with what is not wanted."""

    @abstractmethod
    def __call__(self, activity: Activity, module: SpikingModule) -> Tensor:
        """What is added to the loss of a batch."""


@dataclass(frozen=True)
class FiringRate(Regulariser):
    """strength * mean over cells of the squared distance (Hz²) of their rates from a range.

    The rate of a cell is its mean over the batch (Zenke & Vogels 2021, Neural Comput. 33:899).

    Parameters
    ----------
    group : hashable
        Whose rates, such as a population; as the module names it.
    lower, upper : float
        The range in Hz in which rates cost nothing.
    strength : float
        In 1/Hz².
    """

    group: Any
    lower: float = 0.0
    upper: float = float("inf")
    strength: float = 1e-3

    def __post_init__(self) -> None:
        if not 0.0 <= self.lower <= self.upper:
            raise InvalidValueError(
                f"Firing rates from {self.lower} to {self.upper} Hz; give 0 <= lower <= upper."
            )

    def __call__(self, activity: Activity, module: SpikingModule) -> Tensor:
        spikes = activity.spikes_of(self.group)
        if activity.mask is None:
            rate = spikes.mean(dim=(0, 1)) * (1000.0 / module.dt)
        else:
            inside = activity.mask[..., None].to(spikes.dtype)
            rate = (spikes * inside).sum(dim=(0, 1)) / inside.sum() * (1000.0 / module.dt)
        outside = torch.relu(self.lower - rate)
        if self.upper < float("inf"):
            outside = outside + torch.relu(rate - self.upper)
        return self.strength * (outside**2).mean()


@dataclass(frozen=True)
class WeightDecay(Regulariser):
    """strength * the sum of the squares of the trained values themselves, not of free numbers."""

    strength: float = 1e-4
    names: tuple[str, ...] = ()
    """Which of the module's values; by default all."""

    def __call__(self, activity: Activity, module: SpikingModule) -> Tensor:
        values = module.values()
        unknown = [name for name in self.names if name not in values]
        if unknown:
            raise InvalidValueError(
                f"Nothing trained is called '{unknown[0]}'; there are {', '.join(values)}."
            )
        chosen = self.names or tuple(values)
        return self.strength * torch.stack([(values[n] ** 2).sum() for n in chosen]).sum()
