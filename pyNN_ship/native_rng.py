"""The random numbers of pyNN.ship itself, to be used wherever PyNN takes a generator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import errors
from pyNN import random as pynn

from ship_engine import distributions
from ship_engine.distributions import RandomStream
from ship_engine.errors import InvalidValueError

DRAWS: dict[str, tuple[Callable[..., NDArray[Any]], tuple[str, ...]]] = {
    "binomial": (distributions.binomial, ("n", "p")),
    "exponential": (distributions.exponential, ("beta",)),
    "gamma": (distributions.gamma, ("k", "theta")),
    "lognormal": (distributions.lognormal, ("mu", "sigma")),
    "normal": (distributions.normal, ("mu", "sigma")),
    "normal_clipped": (distributions.normal_clipped, ("mu", "sigma", "low", "high")),
    "normal_clipped_to_boundary": (
        distributions.normal_clipped_to_boundary,
        ("mu", "sigma", "low", "high"),
    ),
    "poisson": (distributions.poisson, ("lambda_",)),
    "uniform": (distributions.uniform, ("low", "high")),
    "uniform_int": (distributions.uniform_integers, ("low", "high")),
    "vonmises": (distributions.vonmises, ("mu", "kappa")),
}
"""PyNN's names of distributions and of their parameters, in the engine's order."""


class NativeRNG(pynn.NativeRNG):
    """
    Random numbers of pyNN.ship, for weights, delays, parameters, positions and connectors.

    It may stand wherever a `NumpyRNG` may, and draws from all distributions that
    `RandomDistribution` knows, with the same meaning of their parameters. A number depends on the
    seed and on how many numbers were drawn before it, not on how they were asked for; the numbers
    of all processes are drawn by each (``parallel_safe``). NativeRNG and NumpyRNG of the same seed
    give different numbers.

    Parameters
    ----------
    seed : int, optional
        Whole number >= 0. Without one a seed is taken from the operating system; the attribute
        `seed` tells it.

    Raises
    ------
    ValueError
        If the seed is not a whole number >= 0.

    Examples
    --------
    >>> from pyNN.random import RandomDistribution
    >>> RandomDistribution("uniform_int", low=0, high=10, rng=NativeRNG(seed=1)).next(5)
    array([...])
    """

    parallel_safe = True

    def __init__(self, seed: int | None = None) -> None:
        whole = isinstance(seed, (int, np.integer)) and not isinstance(seed, bool)
        if seed is not None and not (whole and seed >= 0):
            raise ValueError(f"NativeRNG(seed={seed!r}); give a whole number >= 0.")
        if seed is None:
            seed = int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
        super().__init__(int(seed))
        self._stream = RandomStream(int(seed))

    def __deepcopy__(self, memo: dict[int, Any]) -> NativeRNG:
        copied = type(self)(self.seed)
        copied._stream = self._stream.copy()
        return copied

    def next(
        self,
        n: int | None = None,
        distribution: str | None = None,
        parameters: Mapping[str, float] | None = None,
        mask: NDArray[Any] | None = None,
    ) -> Any:
        if distribution is None:
            distribution = "uniform"
            parameters = {"low": 0.0, "high": 1.0} if parameters is None else parameters
        if n is not None and n < 0:
            raise ValueError(f"next({n}): give the count of numbers to draw, 0 or more.")
        draw, names = _known(distribution)
        given = dict(parameters or {})
        if set(given) != set(names):
            raise KeyError(
                f"The distribution '{distribution}' has the parameters {', '.join(names)}; "
                f"got {', '.join(given) or 'none'}."
            )
        values = [_number(distribution, name, given[name]) for name in names]
        try:
            numbers = draw(self._stream, 1 if n is None else int(n), *values)
        except InvalidValueError as error:
            raise errors.InvalidParameterValueError(f"'{distribution}': {error}") from error
        if n is None:
            return numbers[0]
        return numbers if mask is None else numbers[mask]

    next.__doc__ = pynn.AbstractRNG.next.__doc__

    def permutation(self, x: Any) -> NDArray[Any]:
        """A random order of some things, or of the whole numbers below `x`."""
        things = np.arange(x) if np.ndim(x) == 0 else np.asarray(x)
        return things[distributions.permutation(self._stream, len(things))]

    def choice(self, x: Any, size: int = 1) -> NDArray[Any]:
        """Pick `size` things out of some; any may be picked more than once."""
        things = np.arange(x) if np.ndim(x) == 0 else np.asarray(x)
        return things[distributions.uniform_integers(self._stream, size, 0, len(things))]

    def uniform(
        self, low: float = 0.0, high: float = 1.0, size: int | tuple[int, ...] = 1
    ) -> NDArray[np.float64]:
        """Uniform numbers in an array of a given shape, as the structures of PyNN ask for them."""
        numbers = distributions.uniform(self._stream, int(np.prod(size)), low, high)
        return numbers.reshape(size)

    def describe(self) -> str:
        """Tell which numbers these are."""
        return f"NativeRNG of pyNN.ship (Philox) with seed {self.seed}."


def _known(distribution: str) -> tuple[Callable[..., NDArray[Any]], tuple[str, ...]]:
    if distribution not in DRAWS:
        raise ValueError(
            f"NativeRNG cannot draw from '{distribution}'; it can from {', '.join(DRAWS)}."
        )
    return DRAWS[distribution]


def _number(distribution: str, name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise errors.InvalidParameterValueError(
            f"{name} = {value!r} of the distribution '{distribution}'; give a number."
        )
    return value  # type: ignore[return-value]
