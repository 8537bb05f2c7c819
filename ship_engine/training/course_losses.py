"""Losses of whole spike trains: SLAYER's, of spike times and of numbers of spikes.

Shrestha & Orchard (2018), NeurIPS 31: trains are compared after a convolution with the alpha kernel
eps, so that a spike that is near the wanted time is better than one far away.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError
from ship_engine.layers.spike_response import Response


class CourseLoss(ABC):
    """A loss of the output's spikes, rather than of scores that were read out."""

    @abstractmethod
    def __call__(self, spikes: Tensor, targets: Tensor) -> Tensor:
        """The loss, a mean over the batch, of spikes [batch, time, component]."""

    @abstractmethod
    def check(self, targets: Tensor, outputs: int) -> None:
        """Refuse targets that do not belong to so many outputs."""


class SpikeTimeLoss(CourseLoss):
    """1/2 dt sum over t and outputs of (eps * (spikes - wanted spikes))**2.

    Targets are spike trains [sample, time, component], 1 where a spike is wanted.

    Parameters
    ----------
    tau_s : float
        Time constant of eps in ms.
    dt : float
        Time step in ms.
    cutoff : float
        See `Response`.
    """

    def __init__(self, tau_s: float, dt: float = 1.0, cutoff: float = 0.01) -> None:
        self._response, self._dt = Response(tau_s, dt, cutoff), dt

    def __call__(self, spikes: Tensor, targets: Tensor) -> Tensor:
        difference = (spikes - targets.to(spikes)).transpose(0, 1)
        error = self._response(difference)
        return 0.5 * self._dt * (error * error).sum() / len(spikes)

    def check(self, targets: Tensor, outputs: int) -> None:
        """Refuse what are no trains.

        Raises
        ------
        InvalidValueError
            If targets are not [sample, time, component].
        """
        if targets.ndim != 3 or targets.shape[2] != outputs:
            raise InvalidValueError(
                f"Targets of shape {tuple(targets.shape)}; a loss of spike times wants spike "
                f"trains [sample, time, {outputs}]."
            )


class SpikeCountLoss(CourseLoss):
    """How far numbers of spikes are from those that are wanted.

    Within the time from `start` to `stop` the error of an output is the same at all times,
    e = scale (number of spikes - wanted number) / (number of time steps); outside it is eps * s, of
    the spikes s outside, which are not wanted.  The loss is 1/2 dt times the sum of e**2, and its
    gradient with respect to spikes is dt times the correlation of e with eps.

    Targets are classes.

    Parameters
    ----------
    true, false : float
        How many spikes are wanted of the output of the right class, and of the others.
    start, stop : float
        The time in ms in which spikes are wanted.
    tau_s : float
        Time constant of eps in ms.
    dt : float
        Time step in ms.
    scale : float
        Of the error.
    cutoff : float
        See `Response`.

    Raises
    ------
    InvalidValueError
        If there is no time between start and stop.
    """

    def __init__(
        self,
        true: float,
        false: float,
        start: float,
        stop: float,
        tau_s: float,
        dt: float = 1.0,
        scale: float = 1.0,
        cutoff: float = 0.01,
    ) -> None:
        self._response, self._dt, self._scale = Response(tau_s, dt, cutoff), dt, scale
        self._true, self._false = true, false
        self._first, self._last = round(start / dt), round(stop / dt)
        if not 0 <= self._first < self._last:
            raise InvalidValueError(
                f"start = {start} ms and stop = {stop} ms leave no time step of {dt} ms in between."
            )

    def __call__(self, spikes: Tensor, targets: Tensor) -> Tensor:
        wanted = torch.full((len(spikes), spikes.shape[2]), self._false, dtype=spikes.dtype)
        wanted = wanted.to(spikes.device)
        wanted[torch.arange(len(spikes)), targets] = self._true
        course = spikes.transpose(0, 1)
        if self._last > len(course):
            raise InvalidValueError(
                f"The loss wants spikes until stop = {self._last * self._dt:g} ms, but the course "
                f"is over after {len(course) * self._dt:g} ms; give a stop within it."
            )
        traces = self._response(course)
        with torch.no_grad():
            error = self._error(course, wanted)
            value = 0.5 * self._dt * (error * error).sum() / len(spikes)
        lever = self._dt * (error * traces).sum() / len(spikes)
        return value + (lever - lever.detach())

    def _error(self, course: Tensor, wanted: Tensor) -> Tensor:
        """The error at each time, [time, batch, component]."""
        within = slice(self._first, self._last)
        outside = course.clone()
        outside[within] = 0.0
        error: Tensor = self._response(outside)
        count = course[within].sum(0)
        error[within] += self._scale * (count - wanted) / (self._last - self._first)
        return error

    def check(self, targets: Tensor, outputs: int) -> None:
        """Refuse what are no classes.

        Raises
        ------
        InvalidValueError
            If targets are not whole numbers from 0 to outputs - 1.
        """
        whole = targets.ndim == 1 and not targets.is_floating_point()
        if not whole or bool(((targets < 0) | (targets >= outputs)).any()):
            raise InvalidValueError(
                f"Targets of shape {tuple(targets.shape)} and type {targets.dtype}; a loss of "
                f"spike counts wants classes, whole numbers from 0 to {outputs - 1}."
            )
