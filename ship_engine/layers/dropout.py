"""Dropout of neurons for a whole sample."""

from __future__ import annotations

import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError
from ship_engine.layers.base import course


class SampleDropout(torch.nn.Module):
    """While training, silences neurons at random, each for a whole sample.

    What is not silenced is multiplied by 1 / (1 - p), so that sums stay as large on average.

    Parameters
    ----------
    p : float
        Probability to be silenced.

    Raises
    ------
    InvalidValueError
        If it is not in [0, 1).
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        if not 0.0 <= p < 1.0:
            raise InvalidValueError(f"p = {p!r}; give a probability from 0 to below 1.")
        self.p = p

    def forward(self, inputs: Tensor) -> Tensor:
        """Silence some neurons of [time, batch, ...]."""
        inputs = course(inputs, "SampleDropout")
        if not self.training or self.p == 0.0:
            return inputs
        kept = torch.rand_like(inputs[:1]) >= self.p
        return inputs * (kept.to(inputs.dtype) / (1.0 - self.p))

    def extra_repr(self) -> str:
        """What `print` shows."""
        return f"p={self.p:g}"
