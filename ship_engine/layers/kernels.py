"""Kernels in time that are learnt."""

from __future__ import annotations

import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError
from ship_engine.layers.alpha import AlphaKernel
from ship_engine.layers.base import course, positive


class LearntResponse(torch.nn.Module):
    """Traces of spikes with a kernel that is learnt, of which all neurons have the same.

    Parameters
    ----------
    tau_s : float
        Time constant in ms of the alpha kernel with which learning starts.
    duration : float
        Of the kernel in ms.
    dt : float
        Time step in ms.

    Attributes
    ----------
    kernel : Parameter [tap]
        Its values at 0, dt, 2 dt, …

    Raises
    ------
    InvalidValueError
        If the duration is shorter than a step.
    """

    def __init__(self, tau_s: float, duration: float, dt: float = 1.0) -> None:
        super().__init__()
        taps = round(positive(duration, "duration", " ms") / positive(dt, "dt", " ms"))
        if taps < 1:
            raise InvalidValueError(f"duration = {duration} ms is shorter than dt = {dt} ms.")
        values = AlphaKernel(tau_s, cutoff=0.0).values(dt, taps)
        self.kernel = torch.nn.Parameter(values.to(torch.get_default_dtype()))

    def forward(self, inputs: Tensor) -> Tensor:
        """The traces of [time, batch, ...]."""
        flat = course(inputs, "LearntResponse", self.kernel.dtype).flatten(2)
        return convolved(flat, self.kernel[:, None])[..., 0].view(inputs.shape)


class FilterBank(torch.nn.Module):
    """Several kernels in time that are learnt, each applied to every channel.

    Inputs [time, batch, channel, ...] become [time, batch, channel * filters, ...], the filters of
    a channel side by side.

    Parameters
    ----------
    filters : int
        How many.
    duration : float
        Of the kernels in ms.
    dt : float
        Time step in ms.
    scale : float
        Kernels start with values uniform in ± scale / sqrt(taps).

    Attributes
    ----------
    kernels : Parameter [tap, filter]

    Raises
    ------
    InvalidValueError
        If there is no filter, or the duration is shorter than a step.
    """

    def __init__(self, filters: int, duration: float, dt: float = 1.0, scale: float = 1.0) -> None:
        super().__init__()
        taps = round(positive(duration, "duration", " ms") / positive(dt, "dt", " ms"))
        if type(filters) is not int or filters < 1 or taps < 1:
            raise InvalidValueError(
                f"{filters!r} filters of {duration} ms at steps of {dt} ms; give one or more, of "
                "at least a step."
            )
        bound = scale / taps**0.5
        self.kernels = torch.nn.Parameter(bound * (2.0 * torch.rand(taps, filters) - 1.0))

    def forward(self, inputs: Tensor) -> Tensor:
        """What the filters make of [time, batch, channel, ...]."""
        flat = course(inputs, "FilterBank", self.kernels.dtype).flatten(2)
        found = convolved(flat, self.kernels).view(*inputs.shape, -1)
        return found.movedim(-1, 3).flatten(2, 3)


def convolved(trains: Tensor, kernels: Tensor) -> Tensor:
    """Trains [time, batch, component] convolved with kernels [tap, filter]; a last axis for those.

    By Fourier transforms, so that long kernels cost no more than short ones.
    """
    steps = len(trains)
    kernels = kernels[:steps]
    length = steps + len(kernels)
    spectrum = torch.fft.rfft(trains, length, dim=0)[..., None]
    product = spectrum * torch.fft.rfft(kernels, length, dim=0)[:, None, None]
    return torch.fft.irfft(product, length, dim=0)[:steps]
