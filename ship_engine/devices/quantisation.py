"""Rounding to levels in torch, with the gradient that training needs.

The numbers are those of `ship_engine.devices.levels`; this module imports torch, so import it
where weights are trained.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError


class _StraightThrough(torch.autograd.Function):
    """Nearest level forwards; backwards, the gradient passes where a weight is in the range."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, levels: Tensor, sigma: Tensor, noise: Tensor) -> Tensor:
        ctx.save_for_backward((weight >= levels[0]) & (weight <= levels[-1]))
        middles = 0.5 * (levels[1:] + levels[:-1])
        middles -= 2.0 * torch.finfo(levels.dtype).eps * levels.abs().max()
        index = torch.bucketize(weight, middles, right=True)
        return levels[index] + sigma[index] * noise

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        (inside,) = ctx.saved_tensors
        return gradient * inside, None, None, None


def straight_through(
    weight: Tensor,
    levels: Any,
    sigma: Any = 0.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Weights rounded to the nearest level, as if that were differentiable.

    Forwards, each weight becomes the nearest level (of two, the upper one), plus, if `sigma` is
    given, what a write adds.  Backwards, the gradient with respect to the weight is that of the
    result where the weight lies within the levels, and 0 beyond: the straight-through estimator
    of Bengio, Léonard & Courville (2013), arXiv:1308.3432, with saturation.

    Parameters
    ----------
    weight : Tensor
        Of any shape, type and device.
    levels : sequence or Tensor
        At least two, ascending; `Memristor.level_table` gives those of a device.
    sigma : float, sequence or Tensor
        Standard deviation of a write, for all levels or each.
    generator : torch.Generator, optional
        From which writes are drawn; needed if `sigma` is not 0.

    Returns
    -------
    Tensor
        Like `weight`.

    Raises
    ------
    InvalidValueError
        If levels are not ascending, sigma does not fit them, or the generator is missing.
    """
    table = torch.as_tensor(levels, dtype=weight.dtype, device=weight.device)
    if table.ndim != 1 or table.numel() < 2 or not bool((table[1:] > table[:-1]).all()):
        raise InvalidValueError(
            f"levels = {levels!r}; give at least two numbers, each larger than the one before."
        )
    spread = torch.as_tensor(sigma, dtype=weight.dtype, device=weight.device)
    if spread.ndim > 1 or spread.numel() not in (1, table.numel()) or bool((spread < 0).any()):
        raise InvalidValueError(
            f"sigma = {sigma!r} for {table.numel()} levels; give one number >= 0, or one for each."
        )
    if not bool((spread > 0).any()):
        noise = torch.zeros((), dtype=weight.dtype, device=weight.device)
    elif generator is None:
        raise InvalidValueError("Writes with sigma > 0 are random; give a torch.Generator.")
    else:
        noise = torch.randn(
            weight.shape, generator=generator, dtype=weight.dtype, device=generator.device
        ).to(weight.device)
    result: Tensor = _StraightThrough.apply(weight, table, spread.expand(table.shape), noise)
    return result
