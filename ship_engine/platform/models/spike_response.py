"""The spike response neuron as a model, so that every executor runs it."""

from __future__ import annotations

from ship_engine.elementwise import exp
from ship_engine.models.base import Model, Parameter, State


class SpikeResponseNeuron(Model):
    """Spike response neuron with alpha kernels that never end (Shrestha & Orchard 2018).

    u(t) is the sum of input(s) eps(t - s) over all earlier steps s, and of nu(t - s) over its own
    spikes, eps(t) = t / tau_s exp(1 - t / tau_s) and
    nu(t) = -scale_ref thresh t / tau_ref exp(1 - t / tau_ref); a spike where u >= thresh.

    Sums over an alpha kernel are a recursion: with a = exp(-dt / tau),
    raised <- a (raised + rest), rest <- a rest + input, and e dt / tau raised is the sum.
    `ship_engine.layers.spike_response` has the same neurons with kernels that end.
    """

    name = "SpikeResponseNeuron"
    parameters = (
        Parameter("thresh", 10.0, "", minimum=0.0, exclusive=True),
        Parameter("tau_s", 10.0, "ms", minimum=0.0, exclusive=True),
        Parameter("tau_ref", 1.0, "ms", minimum=0.0, exclusive=True),
        Parameter("scale_ref", 2.0, ""),
    )
    states = (
        State("u", 0.0, ""),
        State("rest", 0.0, ""),
        State("raised", 0.0, ""),
        State("own_rest", 0.0, ""),
        State("own_raised", 0.0, ""),
    )
    coefficients = ("decay", "gain", "own_decay", "own_gain")
    reset_states = ("own_rest",)

    @staticmethod
    def time_dep(dt, tau_s, tau_ref, thresh, scale_ref):
        e = 2.718281828459045
        gain, own_gain = e * dt / tau_s, -scale_ref * thresh * e * dt / tau_ref
        return exp(-dt / tau_s), gain, exp(-dt / tau_ref), own_gain

    @staticmethod
    def advance_timestep(
        rest, raised, own_rest, own_raised, input, decay, gain, own_decay, own_gain
    ):
        now, own = decay * (raised + rest), own_decay * (own_raised + own_rest)
        return gain * now + own_gain * own, decay * rest + input, now, own_decay * own_rest, own

    @staticmethod
    def threshold(u, thresh):
        return u - thresh

    @staticmethod
    def reset(own_rest):
        return (own_rest + 1.0,)
