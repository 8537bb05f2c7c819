"""The integer neuron of Intel's Loihi."""

from __future__ import annotations

from ship_engine.elementwise import floor, where, without_gradient
from ship_engine.models.base import Model, Parameter, State

ONE = 4096.0
"""Decays are shares of this."""


def truncated(x):
    """The whole number next to x on the side of zero; derivatives are those of x."""
    size = where(x < 0.0, -x, x)
    whole = where(x < 0.0, -floor(size), floor(size))
    return x + without_gradient(whole - x)


class LoihiNeuron(Model):
    """Current-based leaky integrate-and-fire neuron, computed in whole numbers as in Loihi.

    u <- trunc(u (4096 - i_decay) / 4096) + 2**(6 + weight_exponent) input,
    v <- trunc(v (4096 - v_decay) / 4096) + u,
    and a spike where v > 64 v_thresh_mantissa and the neuron is not refractory; then v = 0.

    The input is whole, as sums of spikes times whole weights are; numbers are exact up to 2**24 in
    float32.  Where derivatives are taken, truncation is left out, so that an input acts like
    Loihi's response kernel.  After the step of a spike v stays 0 for `tau_refrac`; Loihi's
    refractory delay counts that step, too, and is thus tau_refrac / dt + 1.

    Davies et al. (2018), IEEE Micro 38:82; as SLAYER trains it, Shrestha & Orchard (2018).
    """

    name = "LoihiNeuron"
    parameters = (
        Parameter("v_thresh_mantissa", 80.0, "", minimum=0.0),
        Parameter("v_decay", 128.0, "", minimum=0.0, maximum=ONE),
        Parameter("i_decay", 1024.0, "", minimum=0.0, maximum=ONE),
        Parameter("weight_exponent", 0.0, ""),
        Parameter("tau_refrac", 0.0, "ms", minimum=0.0),
    )
    states = (State("u", 0.0, ""), State("v", 0.0, ""))
    coefficients = ("gain",)
    reset_states = ("v",)
    held = ("v",)
    refractory_period = "tau_refrac"

    @staticmethod
    def time_dep(weight_exponent):
        return (2.0 ** (6.0 + weight_exponent),)

    @staticmethod
    def advance_timestep(u, v, input, i_decay, v_decay, gain):
        current = truncated(u * (ONE - i_decay) / ONE) + gain * input
        return current, truncated(v * (ONE - v_decay) / ONE) + current

    @staticmethod
    def threshold(v, v_thresh_mantissa):
        return v - (64.0 * v_thresh_mantissa + 1.0)

    @staticmethod
    def reset():
        return (0.0,)


def response_peak(i_decay: int = 1024, v_decay: int = 128, weight_exponent: int = 0) -> float:
    """How much a spike through a weight of 1 raises v at most.

    Surrogates are divided by it, so that gradients keep their size from layer to layer.
    """
    u, peak = 2 << (6 + weight_exponent), 0  # twice, since weights of both signs are even
    v = u
    while v > peak:
        peak = v
        u = (u * (4096 - i_decay)) >> 12
        v = ((v * (4096 - v_decay)) >> 12) + u
    return peak / 2.0
