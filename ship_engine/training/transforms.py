"""Bounds of what is trained: an optimiser moves a free number, of which the value is a function.

`forward` gives the value, `inverse` the free number, so that a value inside the bounds is found
again.  The derivative never vanishes inside.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError
from ship_engine.models.base import Parameter

NEAREST = 1e-6
"""How near to a bound, as a share of the scale, a value begins."""


class Transform(ABC):
    """A function from free numbers to allowed values."""

    @abstractmethod
    def forward(self, free: Tensor) -> Tensor:
        """The values."""

    @abstractmethod
    def inverse(self, value: Tensor) -> Tensor:
        """The free numbers; values on or beyond a bound are taken as just inside."""


@dataclass(frozen=True)
class Unbounded(Transform):
    """Any number: the value itself."""

    def forward(self, free: Tensor) -> Tensor:
        return free

    def inverse(self, value: Tensor) -> Tensor:
        return value.clone()


@dataclass(frozen=True)
class Above(Transform):
    """Values above `lower`: lower + scale softplus(free).

    Free numbers are measured in the scale, so that one learning rate serves values of any size,
    conductances of 0.001 uS and time constants of 20 ms alike.

    Parameters
    ----------
    lower : float
        The bound.
    scale : float
        A typical distance from the bound; the function bends within it.
    """

    lower: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        _check_scale(self)

    def forward(self, free: Tensor) -> Tensor:
        return self.lower + self.scale * torch.nn.functional.softplus(free)

    def inverse(self, value: Tensor) -> Tensor:
        x = ((value - self.lower) / self.scale).clamp(min=NEAREST)
        return x + torch.log(-torch.expm1(-x))


@dataclass(frozen=True)
class Below(Transform):
    """Values below `upper`: upper - scale softplus(-free); see `Above`."""

    upper: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        _check_scale(self)

    def forward(self, free: Tensor) -> Tensor:
        return -Above(-self.upper, self.scale).forward(-free)

    def inverse(self, value: Tensor) -> Tensor:
        return -Above(-self.upper, self.scale).inverse(-value)


@dataclass(frozen=True)
class Between(Transform):
    """Values between two bounds: lower + (upper - lower) sigmoid(free)."""

    lower: float
    upper: float

    def __post_init__(self) -> None:
        if not self.lower < self.upper:
            raise InvalidValueError(
                f"Between({self.lower}, {self.upper}): the lower bound comes first and is smaller."
            )

    def forward(self, free: Tensor) -> Tensor:
        return self.lower + (self.upper - self.lower) * torch.sigmoid(free)

    def inverse(self, value: Tensor) -> Tensor:
        share = (value - self.lower) / (self.upper - self.lower)
        return torch.logit(share, eps=NEAREST)


@dataclass(frozen=True)
class Clipped(Transform):
    """The free number, but no less than `lower` and no more than `upper`.

    The gradient passes as if there were no bounds, so that values leave a bound as easily as they
    reach it.  Values may lie on the bounds.
    """

    lower: float = float("-inf")
    upper: float = float("inf")

    def __post_init__(self) -> None:
        if not self.lower < self.upper:
            raise InvalidValueError(
                f"Clipped({self.lower}, {self.upper}): the lower bound comes first and is smaller."
            )

    def forward(self, free: Tensor) -> Tensor:
        within = free.detach().clamp(self.lower, self.upper)
        return within + (free - free.detach())  # adds zeros, so that bounds hold to the last digit

    def inverse(self, value: Tensor) -> Tensor:
        return value.clamp(self.lower, self.upper)


def _check_scale(transform: Above | Below) -> None:
    if not 0.0 < transform.scale < float("inf"):
        raise InvalidValueError(
            f"{type(transform).__name__} with scale = {transform.scale}; it must be > 0."
        )


def allowed_by(parameter: Parameter, typical: float) -> Transform:
    """The transform that keeps a parameter of a model within its range.

    Parameters
    ----------
    parameter : Parameter
        Of a model.
    typical : float
        A typical value, which says how far from a bound the function bends.
    """
    lower, upper = parameter.minimum, parameter.maximum
    bounded_below, bounded_above = lower > float("-inf"), upper < float("inf")
    if bounded_below and bounded_above:
        return Between(lower, upper)
    if bounded_below:
        return Above(lower, max(abs(typical - lower), NEAREST))
    if bounded_above:
        return Below(upper, max(abs(upper - typical), NEAREST))
    return Unbounded()
