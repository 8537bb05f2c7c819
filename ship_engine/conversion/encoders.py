"""What a converted network is given for an analogue input: tensors [time, batch, ...].

Spikes at a rate proportional to values from 0 to 1 come from `ship_engine.data.encode_rate` and
`encode_poisson`, too; here are encoders that also take negative values, and stay on a device.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ship_engine.data.arrays import whole_number
from ship_engine.errors import InvalidValueError

Encoder = Callable[[Tensor, int], Tensor]
"""A function of values [batch, ...] and a number of steps; it returns [time, batch, ...]."""


class ConstantCurrent:
    """The values themselves in each step, so that the first weights see no noise.

    Rueckauer et al. (2017), Front. Neurosci. 11:682, section 2.2.2.
    """

    def __call__(self, values: Tensor, steps: int) -> Tensor:
        """A view of the values for each step."""
        return values.expand(steps, *values.shape)


class SignedBernoulli:
    """A spike of the value's sign with the value's magnitude as its probability in each step.

    sign(x) [U < |x|], where U is uniform from 0 to 1 (Sengupta, Ye, Wang, Liu & Roy 2019, Front.
    Neurosci. 13:95).

    Parameters
    ----------
    seed : int
        Of the random numbers; each call draws new ones.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = whole_number(seed, "seed", 0)
        self._generator: torch.Generator | None = None

    def __call__(self, values: Tensor, steps: int) -> Tensor:
        """Spikes, 1 or -1, in the type of the values.

        Raises
        ------
        InvalidValueError
            If a magnitude is above 1.
        """
        probability = values.abs()
        if probability.numel() and not float(probability.max()) <= 1.0:
            raise InvalidValueError(
                f"A probability of {float(probability.max()):g}; magnitudes must be at most 1. "
                "Divide the inputs by their largest magnitude, and tell it to the conversion as "
                "input_scale."
            )
        if self._generator is None or self._generator.device != values.device:
            self._generator = torch.Generator(values.device).manual_seed(self._seed)
        sign, spikes = values.sign(), values.new_empty(steps, *values.shape)
        uniform = torch.empty_like(values)
        for step in spikes:  # step by step, for the sake of memory
            torch.mul(sign, uniform.uniform_(generator=self._generator) < probability, out=step)
        return spikes
