"""Random spikes: the same whatever runs the network, and in however many pieces."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SLOW = 10.0
"""Rate in Hz below which random numbers of 24 bits are too coarse for the chance of a spike."""


class RandomSpikes:
    """Bernoulli spikes of independent Poisson components, step after step.

    Parameters
    ----------
    seed : int
        Of the network.
    stream : int
        The same for the same group, whatever other groups there are.
    run : int
        How many runs have begun before.
    rate : float array [batch or 1, components or 1]
        In Hz.
    shape : (int, int)
        Batch size and components.
    """

    def __init__(
        self, seed: int, stream: int, run: int, rate: NDArray[np.float64], shape: tuple[int, int]
    ) -> None:
        words = seed & 0xFFFFFFFFFFFFFFFF, stream, run
        bits = np.random.Philox(np.random.SeedSequence(words))
        self._generator = np.random.Generator(bits)
        self._rate, self._shape = rate, shape
        slow = bool(((rate > 0.0) & (rate < SLOW)).any())
        self._type: type[np.floating[Any]] = np.float64 if slow else np.float32

    def next(self, steps: NDArray[np.float64]) -> NDArray[np.bool_]:
        """The spikes of the next steps, whose lengths are given in ms: [batch, time, component]."""
        uniform = self._generator.random((steps.size, *self._shape), dtype=self._type)
        probability = -np.expm1(-1e-3 * self._rate[None] * steps[:, None, None])
        return np.moveaxis(uniform < probability.astype(self._type), 0, 1)
