"""Delays of axons, which can be learnt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError
from ship_engine.layers.base import course, positive


class AxonalDelay(torch.nn.Module):
    """Every neuron, or every channel, hands on its spikes later, by a delay that is learnt.

    A spike is late by as many whole steps as fit into the delay d.  The derivative of the delayed
    train with respect to d is taken from neighbouring steps, (x(n-1) - x(n)) / dt (Shrestha &
    Orchard 2018).  Delays stay from 0 to `longest`, whatever an optimiser does.

    Parameters
    ----------
    neurons : int or sequence of int
        Shape of the delays: that of a step [...], or with sizes of 1 where neurons share a delay,
        such as (16, 1, 1) for channels.
    longest : float
        ms.
    initial : float, optional
        ms; by default uniform from 0 to 1 ms.
    dt : float
        Time step in ms.

    Attributes
    ----------
    delay : Parameter
        ms.

    Raises
    ------
    InvalidValueError
        If a number makes no sense, or the shape does not fit to the inputs.
    """

    def __init__(
        self,
        neurons: int | Sequence[int],
        longest: float = 62.0,
        initial: float | None = None,
        dt: float = 1.0,
    ) -> None:
        super().__init__()
        self.dt, self.longest = positive(dt, "dt", " ms"), positive(longest, "longest", " ms")
        shape = (neurons,) if isinstance(neurons, int) else tuple(neurons)
        if initial is not None and not 0.0 <= initial <= longest:
            raise InvalidValueError(f"initial = {initial} ms; give 0 to longest = {longest} ms.")
        start = torch.rand(shape) if initial is None else torch.full(shape, float(initial))
        self.delay = torch.nn.Parameter(start)

    def forward(self, inputs: Tensor) -> Tensor:
        """The same trains [time, batch, ...], later."""
        flat = course(inputs, "AxonalDelay").flatten(2)
        with torch.no_grad():
            self.delay.clamp_(0.0, self.longest)
        try:
            delay = self.delay.expand(inputs.shape[2:]).reshape(-1)
        except RuntimeError as error:
            raise InvalidValueError(
                f"Delays of shape {tuple(self.delay.shape)} for inputs of shape "
                f"{tuple(inputs.shape)}; they do not broadcast to a step of it."
            ) from error
        late: Tensor = _Delayed.apply(flat, delay, self.dt)
        return late.view(inputs.shape)

    def extra_repr(self) -> str:
        """What `print` shows."""
        return f"{tuple(self.delay.shape)}, longest={self.longest:g}, dt={self.dt:g}"


def shifted(trains: Tensor, steps: Tensor) -> Tensor:
    """Trains [time, batch, component], each later by a number of steps [component], or earlier."""
    out = torch.zeros_like(trains)
    count = len(trains)
    for step in steps.unique().tolist():
        if abs(step) >= count:
            continue
        of = (steps == step).nonzero().flatten()
        moved = trains[max(-step, 0) : count - max(step, 0), :, of]
        out[max(step, 0) : count - max(-step, 0), :, of] = moved
    return out


class _Delayed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, trains: Tensor, delay: Tensor, dt: float) -> Tensor:
        # Delays that are whole steps but for a rounding error count as such.
        steps = (delay.detach() / dt + 1e-4).floor().long()
        late = shifted(trains.detach(), steps)
        ctx.dt = dt
        ctx.save_for_backward(late, steps)
        return late

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        late, steps = ctx.saved_tensors
        gradient = gradients[0]
        change = -late.clone()
        change[1:] += late[:-1]
        of_delay = (gradient * change).sum((0, 1)) / ctx.dt
        return shifted(gradient, -steps), of_delay, None
