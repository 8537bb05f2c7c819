"""Values that do not change in time, as courses."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ship_engine.data.arrays import whole_number
from ship_engine.errors import InvalidValueError


class Encoded(torch.nn.Module):
    """Makes a course of values: [1, batch, ...] becomes [time, batch, ...].

    Parameters
    ----------
    encoder : callable
        A function of values [batch, ...] and a number of steps, such as
        `ship_engine.conversion.encoders.SignedBernoulli`.
    steps : int
        How many.

    Raises
    ------
    InvalidValueError
        If steps are not a whole number >= 1, or inputs have a course already.
    """

    def __init__(self, encoder: Callable[[Tensor, int], Tensor], steps: int) -> None:
        super().__init__()
        self.encoder, self.steps = encoder, whole_number(steps, "steps")

    def forward(self, inputs: Tensor) -> Tensor:
        """The course."""
        if inputs.shape[0] != 1:
            raise InvalidValueError(
                f"Encoded takes one step of values, [1, batch, ...]; got {tuple(inputs.shape)}."
            )
        return self.encoder(inputs[0], self.steps)

    def extra_repr(self) -> str:
        """What `print` shows."""
        return f"{type(self.encoder).__name__}, steps={self.steps}"
