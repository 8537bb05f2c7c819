"""Modules of torch, applied to every time step."""

from __future__ import annotations

import torch
from torch import Tensor

from ship_engine.layers.base import course


class Stepwise(torch.nn.Module):
    """Applies a module to each time step of [time, batch, ...], all at once.

    Convolutions, poolings and normalisations of torch know batches, not time; here all steps are
    one batch.

    Parameters
    ----------
    *modules : torch.nn.Module
        One after the other.
    """

    def __init__(self, *modules: torch.nn.Module) -> None:
        super().__init__()
        self.module = modules[0] if len(modules) == 1 else torch.nn.Sequential(*modules)

    def forward(self, inputs: Tensor) -> Tensor:
        """Apply it to [time, batch, ...]."""
        inputs = course(inputs, "Stepwise")
        result: Tensor = self.module(inputs.flatten(0, 1))
        return result.unflatten(0, inputs.shape[:2])
