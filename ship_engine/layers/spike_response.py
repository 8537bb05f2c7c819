"""Spike response neurons, and the traces that spikes leave (SLAYER, Shrestha & Orchard 2018).

A spike leaves the trace eps(t) = t / tau_s exp(1 - t / tau_s) in the membranes that it reaches, and
nu(t) = -scale_ref thresh t / tau_ref exp(1 - t / tau_ref) in its own neuron's:

    u(n) = sum over i of eps(i dt) I(n - i) + sum over i of nu(i dt) s(n - i)
    s(n) = 1 where u(n) >= thresh

in time order, so that a spike holds back those after it.  Going back, a spike has the derivative
dt rho(u - thresh) of a surrogate rho, and what it leaves in its own neuron has none.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ship_engine.layers.alpha import AlphaKernel
from ship_engine.layers.base import Layer, course, positive
from ship_engine.layers.recursions import CompiledRecursions, Spike, TensorRecursions
from ship_engine.training.surrogates import SlayerExponential, Surrogate, surrogate_of

Recursions = CompiledRecursions | TensorRecursions


class Response(Layer):
    """The traces that spikes leave: [time, batch, ...] convolved in time with an alpha kernel.

    Parameters
    ----------
    tau_s : float
        Time constant in ms.
    dt : float
        Time step in ms.
    cutoff : float
        Value below which the kernel ends; 0 if it never does.
    executor : str
        See `Layer`.
    """

    def __init__(
        self, tau_s: float, dt: float = 1.0, cutoff: float = 0.01, executor: str = "auto"
    ) -> None:
        super().__init__(executor)
        self.kernel, self.dt = AlphaKernel(tau_s, 1.0, cutoff), positive(dt, "dt", " ms")

    def forward(self, inputs: Tensor) -> Tensor:
        """The traces of inputs."""
        flat = course(inputs, "Response").flatten(1)
        traces: Tensor = _Filtered.apply(flat, self.kernel, self.dt, recursions_of(self, flat))
        return traces.view(inputs.shape)

    def extra_repr(self) -> str:
        """What `print` shows."""
        return f"{self.kernel}, dt={self.dt:g}"


class SpikeResponse(Layer):
    """Spike response neurons: they take currents [time, batch, ...] and hand on spikes.

    Parameters
    ----------
    thresh : float
        Threshold.
    tau_s : float or None
        Time constant of the traces of arriving spikes in ms; None if what arrives is traces
        already.
    tau_ref : float
        Time constant in ms of what a neuron's spike leaves in its own membrane.
    scale_ref : float
        How deep that is, as a multiple of the threshold.
    tau_rho, scale_rho : float
        Of the surrogate scale_rho / (tau_rho thresh) exp(-abs(u - thresh) / (tau_rho thresh)).
    surrogate : Surrogate or str, optional
        Another one, of the distance from the threshold.
    dt : float
        Time step in ms.
    cutoff, refractory_cutoff : float
        Values below which the kernels end; 0 if they never do.
    executor : str
        See `Layer`.

    Raises
    ------
    InvalidValueError
        If a number makes no sense.
    """

    def __init__(
        self,
        thresh: float = 10.0,
        tau_s: float | None = 10.0,
        tau_ref: float = 1.0,
        scale_ref: float = 2.0,
        tau_rho: float = 1.0,
        scale_rho: float = 1.0,
        surrogate: Surrogate | str | None = None,
        dt: float = 1.0,
        cutoff: float = 0.01,
        refractory_cutoff: float = 0.01,
        executor: str = "auto",
    ) -> None:
        super().__init__(executor)
        thresh, width = positive(thresh, "thresh"), positive(tau_rho, "tau_rho") * thresh
        default = SlayerExponential(width, positive(scale_rho, "scale_rho"))
        self.spike = Spike(
            None if tau_s is None else AlphaKernel(tau_s, 1.0, cutoff),
            AlphaKernel(tau_ref, -scale_ref * thresh, refractory_cutoff),
            thresh,
            default if surrogate is None else surrogate_of(surrogate),
            positive(dt, "dt", " ms"),
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Spikes, for currents of the same shape."""
        return self.with_membrane(inputs)[0]

    def with_membrane(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Spikes, and the membrane's course, which has no gradient."""
        flat = course(inputs, "SpikeResponse").flatten(1)
        spikes, membrane = _Responded.apply(flat, self.spike, recursions_of(self, flat))
        return spikes.view(inputs.shape), membrane.view(inputs.shape)

    def extra_repr(self) -> str:
        """What `print` shows."""
        spike = self.spike
        return f"thresh={spike.threshold:g}, {spike.kernel}, {spike.refractory}, dt={spike.dt:g}"


def recursions_of(layer: Layer, given: Tensor) -> Recursions:
    """What computes a layer's recursions."""
    return CompiledRecursions(layer.runtime) if layer.is_fused(given) else TensorRecursions()


class _Filtered(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, given: Tensor, kernel: AlphaKernel, dt: float, recursions: Recursions
    ) -> Tensor:
        ctx.rest = kernel, dt, recursions
        return recursions.filtered(given.detach(), kernel, dt, False)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        kernel, dt, recursions = ctx.rest
        return recursions.filtered(gradients[0], kernel, dt, True), None, None, None


class _Responded(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, given: Tensor, spike: Spike, recursions: Recursions
    ) -> tuple[Tensor, Tensor]:
        spikes, membrane = recursions.responded(spike, given.detach())
        ctx.spike, ctx.recursions = spike, recursions
        ctx.save_for_backward(membrane)
        ctx.mark_non_differentiable(membrane)
        ctx.set_materialize_grads(False)
        return spikes, membrane

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        if gradients[0] is None:
            return None, None, None
        (membrane,) = ctx.saved_tensors
        return ctx.recursions.adjoint(ctx.spike, gradients[0], membrane), None, None
