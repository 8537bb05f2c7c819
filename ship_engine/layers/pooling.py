"""Pooling and unpooling of maps by sums."""

from __future__ import annotations

import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError
from ship_engine.layers.base import course


class SumPool(torch.nn.Module):
    """Sums of fields of a map, times a fixed weight: [time, batch, channel, height, width].

    Fields do not overlap; where the last ones reach beyond the map, zeros are added at its end.
    The weight is a little more than a threshold, so that a single spike makes the pooling neuron
    spike (Shrestha & Orchard 2018: 1.1 thresholds).

    Parameters
    ----------
    kernel : int
        Height and width of a field.
    weight : float
        By which sums are multiplied.

    Raises
    ------
    InvalidValueError
        If the kernel is not a whole number >= 1, or inputs are no maps.
    """

    def __init__(self, kernel: int, weight: float = 1.0) -> None:
        super().__init__()
        self.kernel, self.weight = _checked(kernel), weight

    def forward(self, inputs: Tensor) -> Tensor:
        """The sums."""
        maps = _maps(inputs, "SumPool")
        short = [-size % self.kernel for size in maps.shape[2:]]
        if any(short):
            maps = torch.nn.functional.pad(maps, (0, short[1], 0, short[0]))
        sums = torch.nn.functional.avg_pool2d(maps, self.kernel, divisor_override=1)
        return (self.weight * sums).unflatten(0, inputs.shape[:2])

    def extra_repr(self) -> str:
        """What `print` shows."""
        return f"{self.kernel}, weight={self.weight:g}"


class Unpool(torch.nn.Module):
    """Repeats every point of a map over a field, times a fixed weight: the adjoint of `SumPool`.

    Parameters
    ----------
    kernel : int
        Height and width of a field.
    weight : float
        By which points are multiplied.

    Raises
    ------
    InvalidValueError
        As for `SumPool`.
    """

    def __init__(self, kernel: int, weight: float = 1.0) -> None:
        super().__init__()
        self.kernel, self.weight = _checked(kernel), weight

    def forward(self, inputs: Tensor) -> Tensor:
        """The larger maps."""
        maps = _maps(inputs, "Unpool")
        larger = maps.repeat_interleave(self.kernel, 2).repeat_interleave(self.kernel, 3)
        return (self.weight * larger).unflatten(0, inputs.shape[:2])

    def extra_repr(self) -> str:
        """What `print` shows."""
        return f"{self.kernel}, weight={self.weight:g}"


def _checked(kernel: int) -> int:
    if type(kernel) is not int or kernel < 1:
        raise InvalidValueError(f"kernel = {kernel!r}; give a whole number >= 1.")
    return kernel


def _maps(inputs: Tensor, name: str) -> Tensor:
    if inputs.ndim != 5:
        raise InvalidValueError(
            f"{name} takes maps [time, batch, channel, height, width]; got {tuple(inputs.shape)}."
        )
    return course(inputs, name).flatten(0, 1)
