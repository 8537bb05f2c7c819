"""What a spike leaves behind in its own neuron, decaying exponentially."""

from __future__ import annotations

from ship_engine.elementwise import exp
from ship_engine.models.base import Parameter, State
from ship_engine.models.membranes import Mechanism


class SpikeTriggeredConductance(Mechanism):
    """Conductance that each spike of the neuron increases.

    I = 0.001 g (e_rev - v);  dg/dt = -g / tau;  a spike adds q to g (nS).
    """

    parameters = (
        Parameter("e_rev", -75.0, "mV"),
        Parameter("tau", 100.0, "ms", minimum=0.0, exclusive=True),
        Parameter("q", 0.0, "nS"),
    )
    states = (State("g", 0.0, "nS"),)
    coefficients = ("decay",)

    @staticmethod
    def time_dep(dt, tau):
        return (exp(-dt / tau),)

    @staticmethod
    def advance(g, decay):
        return (g * decay,)

    @staticmethod
    def current(g, v, e_rev):
        return 1e-3 * g * (e_rev - v)

    @staticmethod
    def conductance(g):
        return 1e-3 * g

    @staticmethod
    def after_spike(g, q):
        return (g + q,)


class SpikeTriggeredCurrent(Mechanism):
    """Current out of the neuron that each of its spikes increases.

    I = -eta;  d eta/dt = -eta / tau_eta;  a spike adds a_eta to eta (nA).
    """

    parameters = (
        Parameter("tau_eta", 10.0, "ms", minimum=0.0, exclusive=True),
        Parameter("a_eta", 1.0, "nA"),
    )
    states = (State("eta", 0.0, "nA"),)
    coefficients = ("decay_eta",)

    @staticmethod
    def time_dep(dt, tau_eta):
        return (exp(-dt / tau_eta),)

    @staticmethod
    def advance(eta, decay_eta):
        return (eta * decay_eta,)

    @staticmethod
    def current(eta):
        return -eta

    @staticmethod
    def after_spike(eta, a_eta):
        return (eta + a_eta,)


class SpikeTriggeredThreshold(Mechanism):
    """Part of the threshold that each spike of the neuron raises.

    d gamma/dt = -gamma / tau_gamma;  a spike adds a_gamma to gamma (mV).
    """

    parameters = (
        Parameter("tau_gamma", 10.0, "ms", minimum=0.0, exclusive=True),
        Parameter("a_gamma", 1.0, "mV"),
    )
    states = (State("gamma", 0.0, "mV"),)
    coefficients = ("decay_gamma",)

    @staticmethod
    def time_dep(dt, tau_gamma):
        return (exp(-dt / tau_gamma),)

    @staticmethod
    def advance(gamma, decay_gamma):
        return (gamma * decay_gamma,)

    @staticmethod
    def after_spike(gamma, a_gamma):
        return (gamma + a_gamma,)
