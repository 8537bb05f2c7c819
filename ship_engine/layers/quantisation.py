"""Weights on a grid."""

from __future__ import annotations

from torch import Tensor

from ship_engine.layers.base import positive


def quantised(weight: Tensor, step: float = 2.0) -> Tensor:
    """Weights rounded to multiples of a step; the gradient passes as if they were not.

    The step of 2 is that of Loihi's weights of both signs.  The tensor itself is left as it is.

    Raises
    ------
    InvalidValueError
        If the step is not > 0.
    """
    step = positive(step, "step")
    rounded = (weight.detach() / step).round() * step
    return rounded + (weight - weight.detach())
