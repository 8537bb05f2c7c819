"""Surrogate derivatives: a spike is a hard step, but gradients see a smooth one.

The derivative of a step is zero wherever it exists, so no gradient would ever pass a spike.  A
surrogate leaves the forward pass as it is and puts another derivative in its place
(Neftci, Mostafa & Zenke 2019, IEEE Signal Process. Mag. 36:51).

Each surrogate is the derivative of a `primitive`, a smooth step.  Both are elementwise functions in
the language of `ship_engine.elementwise`, so that tensors, compiled loops and NumPy compute them
alike.  The ``distance`` is what the model's `threshold` gives, >= 0 where a component spikes; with
PyNN's cells it is a potential in mV, so that a slope of 100 per mV sees only cells within 0.01 mV
of their threshold, and one of 1 suits most networks.
"""

from __future__ import annotations

import math
import numbers
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import torch
from torch import Tensor

from ship_engine.elementwise import absolute, exp, maximum, minimum, where
from ship_engine.errors import InvalidValueError

PI = 3.141592653589793


@dataclass(frozen=True)
class Surrogate(ABC):
    """A hard step with a derivative of its own; subclasses are dataclasses of positive numbers.

    `derivative` and `primitive` are static methods that take the distance, and the numbers of the
    surrogate by their names.  A subclass of one's own needs `derivative` alone.
    """

    any_sign: ClassVar[tuple[str, ...]] = ()
    """Numbers that may also be zero or negative."""

    def __post_init__(self) -> None:
        for name, value in self.values().items():
            finite = isinstance(value, numbers.Real) and math.isfinite(value)
            if not (finite and (value > 0.0 or name in self.any_sign)):
                wanted = "a finite number" if name in self.any_sign else "a number; it must be > 0"
                raise InvalidValueError(
                    f"{type(self).__name__} with {name} = {value!r}; give {wanted}."
                )

    @staticmethod
    @abstractmethod
    def derivative(distance: Any, **numbers: Any) -> Any:
        """What stands for the derivative of the step, in the inverse unit of `distance`."""

    @classmethod
    def numbers(cls) -> tuple[str, ...]:
        """The names of its numbers."""
        return tuple(one.name for one in fields(cls))

    def values(self) -> dict[str, Any]:
        """Its numbers by name."""
        return {name: getattr(self, name) for name in self.numbers()}

    def __call__(self, distance: Tensor) -> Tensor:
        """1 where `distance` is >= 0, else 0; differentiable by `derivative`."""
        spikes: Tensor = _HardStep.apply(distance, self)
        return spikes


@dataclass(frozen=True)
class SuperSpike(Surrogate):
    """1 / (1 + slope |x|)**2 (Zenke & Ganguli 2018, Neural Comput. 30:1514).

    The one of the SHIP paper, whose thresholds are 1.  Its primitive is the fast sigmoid
    x / (1 + slope |x|).

    Parameters
    ----------
    slope : float
        In the inverse unit of the distance, thus 1/mV where thresholds are potentials.
    """

    slope: float = 100.0

    @staticmethod
    def derivative(distance: Any, slope: Any) -> Any:  # type: ignore[override]
        root = 1.0 + slope * absolute(distance)
        return 1.0 / (root * root)

    @staticmethod
    def primitive(distance: Any, slope: Any) -> Any:
        return distance / (1.0 + slope * absolute(distance))


@dataclass(frozen=True)
class Arctan(Surrogate):
    """(slope / 2) / (1 + (pi slope x / 2)**2) (Fang et al. 2021, ICCV 2641).

    Its primitive is arctan(pi slope x / 2) / pi + 1/2.
    """

    slope: float = 2.0

    @staticmethod
    def derivative(distance: Any, slope: Any) -> Any:  # type: ignore[override]
        scaled = 0.5 * PI * slope * distance
        return 0.5 * slope / (1.0 + scaled * scaled)

    @staticmethod
    def primitive(distance: Any, slope: Any) -> Any:
        return torch.atan(torch.as_tensor(0.5 * PI * slope * distance)) / PI + 0.5


@dataclass(frozen=True)
class Sigmoid(Surrogate):
    """slope p (1 - p) with p = 1 / (1 + exp(-slope x)), its primitive (Zenke & Vogels 2021)."""

    slope: float = 4.0

    @staticmethod
    def derivative(distance: Any, slope: Any) -> Any:  # type: ignore[override]
        falling = exp(-slope * absolute(distance))  # symmetric, and never overflows
        root = 1.0 + falling
        return slope * falling / (root * root)

    @staticmethod
    def primitive(distance: Any, slope: Any) -> Any:
        falling = exp(-slope * absolute(distance))
        return where(distance < 0.0, falling, 1.0) / (1.0 + falling)


@dataclass(frozen=True)
class Triangle(Surrogate):
    """height max(0, 1 - |x| / width) (Bellec et al. 2018, NeurIPS 31, with height 0.3).

    Parameters
    ----------
    width : float
        Where it becomes zero, in the unit of the distance.
    height : float
        At the threshold, in the inverse of that unit.
    """

    width: float = 1.0
    height: float = 1.0

    @staticmethod
    def derivative(distance: Any, width: Any, height: Any) -> Any:  # type: ignore[override]
        return height * maximum(1.0 - absolute(distance) / width, 0.0)

    @staticmethod
    def primitive(distance: Any, width: Any, height: Any) -> Any:
        x = minimum(maximum(distance / width, -1.0), 1.0)
        return height * width * (0.5 + x - 0.5 * x * absolute(x))


@dataclass(frozen=True)
class Rectangle(Surrogate):
    """1 / width where |x| < width / 2, else 0 (Wu et al. 2018, Front. Neurosci. 12:331).

    STBP's first curve.
    """

    width: float = 1.0

    @staticmethod
    def derivative(distance: Any, width: Any) -> Any:  # type: ignore[override]
        return where(absolute(distance) < 0.5 * width, 1.0 / width, 0.0)

    @staticmethod
    def primitive(distance: Any, width: Any) -> Any:
        return minimum(maximum(distance / width + 0.5, 0.0), 1.0)


def _bell(distance: Any, width: Any) -> Any:
    """The density of a normal distribution of this standard deviation."""
    scaled = distance / width
    return exp(-0.5 * scaled * scaled) / (2.5066282746310002 * width)


def _cumulated(distance: Any, width: Any) -> Any:
    """The distribution function of the same."""
    scaled = torch.as_tensor(distance) / (1.4142135623730951 * width)
    return 0.5 * (1.0 + torch.erf(scaled))


@dataclass(frozen=True)
class Gaussian(Surrogate):
    """The density of a normal distribution with standard deviation ``width`` (Yin et al. 2020)."""

    width: float = 0.5

    @staticmethod
    def derivative(distance: Any, width: Any) -> Any:  # type: ignore[override]
        return _bell(distance, width)

    @staticmethod
    def primitive(distance: Any, width: Any) -> Any:
        return _cumulated(distance, width)


@dataclass(frozen=True)
class MultiGaussian(Surrogate):
    """(1 + h) N(x; 0, w) - h N(x; w, s w) - h N(x; -w, s w), of Yin, Corradi & Bohte (2021).

    Normal densities N of mean and standard deviation (Nature Mach. Intell. 3:905; h is 0.15, s 6);
    negative tails let cells that are far from the threshold learn, too.

    Parameters
    ----------
    width : float
        w, in the unit of the distance.
    height : float
        h, of the outer ones.
    spread : float
        s, of the outer ones.
    """

    width: float = 0.5
    height: float = 0.15
    spread: float = 6.0

    @staticmethod
    def derivative(distance: Any, width: Any, height: Any, spread: Any) -> Any:  # type: ignore[override]
        outer = _bell(distance - width, spread * width) + _bell(distance + width, spread * width)
        return (1.0 + height) * _bell(distance, width) - height * outer

    @staticmethod
    def primitive(distance: Any, width: Any, height: Any, spread: Any) -> Any:
        lower = _cumulated(distance - width, spread * width)
        upper = _cumulated(distance + width, spread * width)
        return (1.0 + height) * _cumulated(distance, width) - height * (lower + upper)


@dataclass(frozen=True)
class SlayerExponential(Surrogate):
    """scale / width exp(-|x| / width): SLAYER's probability density (Shrestha & Orchard 2018).

    SLAYER's ``tauRho`` is the width as a share of the threshold, and ``scaleRho`` the scale.
    """

    width: float = 1.0
    scale: float = 1.0

    @staticmethod
    def derivative(distance: Any, width: Any, scale: Any) -> Any:  # type: ignore[override]
        return scale / width * exp(-absolute(distance) / width)

    @staticmethod
    def primitive(distance: Any, width: Any, scale: Any) -> Any:
        falling = exp(-absolute(distance) / width)
        return scale * where(distance < 0.0, falling, 2.0 - falling)


SURROGATES: dict[str, type[Surrogate]] = {
    "superspike": SuperSpike,
    "arctan": Arctan,
    "sigmoid": Sigmoid,
    "triangle": Triangle,
    "rectangle": Rectangle,
    "gaussian": Gaussian,
    "multi_gaussian": MultiGaussian,
    "slayer": SlayerExponential,
}
"""Those that there are, under the names by which they can be chosen."""


def surrogate_of(given: Any) -> Surrogate:
    """A surrogate, or one that is chosen by its name, with its default numbers.

    Raises
    ------
    InvalidValueError
        If it is neither.
    """
    if isinstance(given, Surrogate):
        return given
    if given is None:
        return SuperSpike()
    if isinstance(given, str) and given in SURROGATES:
        return SURROGATES[given]()
    raise InvalidValueError(
        f"surrogate = {given!r}; give one of ship_engine.training.surrogates, such as "
        f"SuperSpike(slope=100.0), or a name: {', '.join(SURROGATES)}."
    )


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
        surrogate: Surrogate = ctx.surrogate
        derivative = surrogate.derivative(distance, **surrogate.values())
        return gradients[0] * derivative.to(distance.dtype), None
