"""Soft LIF: a rate unit that can be trained by gradients, and becomes a spiking LIF neuron.

A leaky integrate-and-fire neuron, tau_rc dv/dt = j - v with threshold v_th and refractory period
tau_ref, fires at the rate 1 / (tau_ref + tau_rc log(1 + v_th / (j - v_th))) where j > v_th, whose
slope is infinite at j = v_th.  Soft LIF replaces j - v_th by a smooth ramp.

Hunsberger & Eliasmith (2015), Spiking deep networks with LIF neurons, arXiv:1510.08829.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ship_engine.data.arrays import number
from ship_engine.errors import InvalidValueError

FAR = {torch.float32: 16.0, torch.float64: 37.0}
"""Where exp(-u) is so small that log(1 + exp(u)) is u, and its logarithm for -u is -u."""


class SoftLIF(torch.nn.Module):
    """The smoothed firing rate of a leaky integrate-and-fire neuron, as an activation function.

    j = gain x + bias,  rho = sigma log(1 + exp((j - threshold) / sigma)),
    r = amplitude / (tau_ref + tau_rc log(1 + threshold / rho)).

    With the default bias, which equals the threshold, units begin to fire at x = 0.

    Parameters
    ----------
    tau_ref : float
        Refractory period in ms.
    tau_rc : float
        Time constant of the membrane in ms.
    gain, bias : float
        From the input to the current.
    threshold : float
        Potential at which a neuron spikes; it rests, and is reset to, 0.
    sigma : float
        Width, as a current, of the smoothing; the rate is that of a LIF neuron for sigma -> 0.
    amplitude : float
        What a rate of one spike per ms is handed on as.
    noise : float
        Standard deviation, in spikes per ms, of Gaussian noise that is added in training to the
        rates of units above threshold.  It stands for the variability of filtered spike trains
        (equation 7 of the paper).

    Raises
    ------
    InvalidValueError
        If a number is out of range.

    Notes
    -----
    Values and derivatives are accurate to rounding for any finite input.  Far below threshold the
    rate falls only as 1 / |x|, as the equation has it.
    """

    def __init__(
        self,
        tau_ref: float = 2.0,
        tau_rc: float = 20.0,
        gain: float = 1.0,
        bias: float = 1.0,
        threshold: float = 1.0,
        sigma: float = 0.02,
        amplitude: float = 1.0,
        noise: float = 0.0,
    ) -> None:
        super().__init__()
        self.tau_ref = number(tau_ref, "tau_ref", minimum=0.0)
        self.tau_rc = number(tau_rc, "tau_rc", above=0.0)
        self.gain, self.bias = number(gain, "gain"), number(bias, "bias")
        self.threshold = number(threshold, "threshold", above=0.0)
        self.sigma = number(sigma, "sigma", above=0.0)
        self.amplitude = number(amplitude, "amplitude", above=0.0)
        self.noise = number(noise, "noise", minimum=0.0)

    def forward(self, x: Tensor) -> Tensor:
        """The rates, times the amplitude, for inputs of any shape.

        Raises
        ------
        InvalidValueError
            If their type is neither float32 nor float64.
        """
        if x.dtype not in FAR:
            raise InvalidValueError(
                f"SoftLIF computes with float32 or float64; got {x.dtype}. Convert its inputs."
            )
        above = self.gain * x + (self.bias - self.threshold)
        constants = self.tau_ref, self.tau_rc, self.threshold, self.sigma
        rates: Tensor = _Rate.apply(above, *constants)
        if self.training and self.noise > 0.0:
            rates = rates + self.noise * torch.randn_like(rates) * (above > 0.0)
        return self.amplitude * rates

    def extra_repr(self) -> str:
        """What `print` shows."""
        names = "tau_ref", "tau_rc", "gain", "bias", "threshold", "sigma", "amplitude", "noise"
        return ", ".join(f"{name}={getattr(self, name):g}" for name in names)


class _Rate(torch.autograd.Function):
    """The smoothed rate (spikes per ms) as a function of the current above threshold."""

    @staticmethod
    def forward(
        ctx: Any, above: Tensor, tau_ref: float, tau_rc: float, threshold: float, sigma: float
    ) -> Tensor:
        rates, derivative = _rates(above, tau_ref, tau_rc, threshold, sigma)
        ctx.save_for_backward(derivative)
        return rates

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None, None]:
        (derivative,) = ctx.saved_tensors
        return gradient * derivative, None, None, None, None


def _rates(
    above: Tensor, tau_ref: float, tau_rc: float, threshold: float, sigma: float
) -> tuple[Tensor, Tensor]:
    """The smoothed rate, and its derivative by the current.

    Nothing is compared, and no number becomes subnormal, since both are slow.
    """
    far = FAR[above.dtype]
    u = above / sigma
    small = torch.exp(-u.abs().clamp(max=far))
    softplus = u.clamp(min=0.0) + torch.log1p(small)  # of u, but not below -far
    ramp = sigma * softplus
    # Below -far, the logarithm of softplus goes on as a straight line.
    log_ratio = softplus.log() + ((u + far).clamp(max=0.0) + math.log(sigma / threshold))
    smaller = torch.exp(-log_ratio.clamp(min=-far).abs())
    interval = tau_ref + tau_rc * (torch.log1p(smaller) - log_ratio.clamp(max=0.0))
    # d log(ramp) / d above = sigmoid(u) / ramp; far below, both fall alike.
    slope = torch.exp(u.clamp(min=-far, max=0.0)) / (1.0 + small) / softplus
    # Divided twice, since the square of the interval may underflow.
    derivative = slope / interval * (tau_rc * threshold / sigma / (ramp + threshold)) / interval
    return 1.0 / interval, derivative
