"""Surrogate derivatives: a spike is a hard step, but gradients see a smooth one.

The derivative of a step is zero wherever it exists, so no gradient would ever pass a spike.  A
surrogate leaves the forward pass as it is and puts another derivative in its place
(Neftci, Mostafa & Zenke 2019, IEEE Signal Process. Mag. 36:51).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError


class Surrogate(ABC):
    """A hard step with a derivative of its own; subclasses say which."""

    @abstractmethod
    def derivative(self, distance: Tensor) -> Tensor:
        """What stands for the derivative of the step.

        Parameters
        ----------
        distance : Tensor
            What the model's `threshold` gives: >= 0 where the component spikes.

        Returns
        -------
        Tensor
            Of the same shape, in the inverse unit of `distance`.
        """

    def __call__(self, distance: Tensor) -> Tensor:
        """1 where `distance` is >= 0, else 0; differentiable by `derivative`."""
        spikes: Tensor = _HardStep.apply(distance, self)
        return spikes


@dataclass(frozen=True)
class SuperSpike(Surrogate):
    """1 / (1 + slope |distance|)**2 (Zenke & Ganguli 2018, Neural Comput. 30:1514).

    Parameters
    ----------
    slope : float
        In the inverse unit of the distance, thus 1/mV where thresholds are potentials.
    """

    slope: float = 100.0

    def __post_init__(self) -> None:
        if not 0.0 < self.slope < float("inf"):
            raise InvalidValueError(f"A surrogate of slope {self.slope}; it must be > 0.")

    def derivative(self, distance: Tensor) -> Tensor:
        return 1.0 / (1.0 + self.slope * distance.abs()) ** 2


class _HardStep(torch.autograd.Function):
    """The step of every surrogate."""

    @staticmethod
    def forward(ctx: Any, distance: Tensor, surrogate: Surrogate) -> Tensor:
        ctx.save_for_backward(distance)
        ctx.surrogate = surrogate
        return (distance >= 0.0).to(distance.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (distance,) = ctx.saved_tensors
        return gradients[0] * ctx.surrogate.derivative(distance), None
