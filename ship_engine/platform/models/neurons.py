"""Neurons of the SHIP paper, in discrete time and without units but for time.

The equations are those of Gemo, Spiga & Brivio (2024), Front. Neurosci. 17:1270090, sections 3.2.2
and 3.2.3.  S is the input of a step, which leaky synapses have integrated over it; a neuron that
has spiked is not free (Π = 0 in the paper) in the following step, or for as long as the wrapper
`refractory` says.
"""

from __future__ import annotations

from ship_engine.elementwise import exp, maximum, where
from ship_engine.models.adaptive_exponential import AdaptiveExponentialMembrane
from ship_engine.models.base import Model, Parameter, State
from ship_engine.models.composition import compose
from ship_engine.models.receptors import VoltageJump

_TAU_BETA = Parameter("tau_beta", 10.0, "ms", minimum=0.0, exclusive=True)
_THRESHOLD = Parameter("thr", 1.0, "")
_FLOOR = Parameter("u_min", 0.0, "", infinite=True)
_NO_FLOOR = Parameter("u_min", float("-inf"), "", infinite=True)


class LI(Model):
    """Leaky integrator, which never spikes; it hands on its potential.

    u(t + dt) = max(u(t) exp(-dt / tau_beta) + S(t), u_min)
    """

    name = "LI"
    parameters = (_TAU_BETA, _FLOOR)
    states = (State("u", 0.0, ""),)
    coefficients = ("beta",)

    @staticmethod
    def time_dep(dt, tau_beta):
        return (exp(-dt / tau_beta),)

    @staticmethod
    def advance_timestep(u, input, beta, u_min):
        return (maximum(u * beta + input, u_min),)

    @staticmethod
    def output(u):
        return u


class LIF(Model):
    """Leaky integrate-and-fire neuron whose rest and reset potentials are zero.

    u(t + dt) = max(u(t) exp(-dt / tau_beta) + S(t), u_min), and a spike where u >= thr;
    while it is not free, u = 0.
    """

    name = "LIF"
    parameters = (_TAU_BETA, _THRESHOLD, _FLOOR)
    states = (State("u", 0.0, ""),)
    coefficients = ("beta",)
    least_refractory_steps = 1

    time_dep = LI.time_dep

    @staticmethod
    def advance_timestep(u, input, beta, u_min, free):
        return (free * maximum(u * beta + input, u_min),)

    @staticmethod
    def threshold(u, thr):
        return u - thr

    @staticmethod
    def reset():
        return ()


class LIFSharedRest(Model):
    """Leaky integrate-and-fire neuron with one potential u0 to rest at and to be reset to.

    u(t + dt) = max(u0 + (u(t) - u0) exp(-dt / tau_beta) + S(t), u_min), and a spike where
    u >= thr; while it is not free, u = u0.
    """

    name = "LIFSharedRest"
    parameters = (_TAU_BETA, _THRESHOLD, Parameter("u0", 0.0, ""), _NO_FLOOR)
    states = (State("u", 0.0, ""),)
    coefficients = ("beta",)
    least_refractory_steps = 1

    time_dep = LI.time_dep

    @staticmethod
    def advance_timestep(u, input, beta, u0, u_min, free):
        return (where(free > 0.5, maximum(u0 + (u - u0) * beta + input, u_min), u0),)

    threshold = LIF.threshold
    reset = LIF.reset


class LIFRestAndReset(Model):
    """Leaky integrate-and-fire neuron that rests at u0 and is reset to ur.

    u(t + dt) = max(u0 + (u(t) - u0) exp(-dt / tau_beta) + S(t), u_min), and a spike where
    u >= thr; while it is not free, u = ur.
    """

    name = "LIFRestAndReset"
    parameters = (*LIFSharedRest.parameters, Parameter("ur", 0.0, ""))
    states = (State("u", 0.0, ""),)
    coefficients = ("beta",)
    least_refractory_steps = 1

    time_dep = LI.time_dep

    @staticmethod
    def advance_timestep(u, input, beta, u0, ur, u_min, free):
        return (where(free > 0.5, maximum(u0 + (u - u0) * beta + input, u_min), ur),)

    threshold = LIF.threshold
    reset = LIF.reset


class Izhikevich(Model):
    """Izhikevich neuron in two Euler steps per time step; `substeps` changes their number.

    v(t + h) = v + h (0.04 v² + 5 v + 140 - u + S),  u(t + h) = u + h a (b v - u);
    where v >= thr: a spike, v = c, u = u + d.  S enters every inner step as it is.

    Izhikevich (2003), IEEE Trans. Neural Netw. 14:1569.
    """

    name = "Izhikevich"
    parameters = (
        Parameter("a", 0.02, "1/ms"),
        Parameter("b", 0.2, "1/ms"),
        Parameter("c", -65.0, "mV"),
        Parameter("d", 8.0, "mV/ms"),
        Parameter("thr", 30.0, "mV"),
    )
    states = (State("v", -70.0, "mV"), State("u", -14.0, "mV/ms"))
    coefficients = ("h",)
    inner_steps = 2
    reset_states = ("v", "u")

    @staticmethod
    def time_dep(dt):
        return (dt,)

    @staticmethod
    def advance_timestep(v, u, input, h, a, b):
        dv = 140.0 + (5.0 + 0.04 * v) * v - u + input
        return v + h * dv, u + h * a * (b * v - u)

    @staticmethod
    def threshold(v, thr):
        return v - thr

    @staticmethod
    def reset(u, c, d):
        return c, u + d


AdEx = compose("AdEx", AdaptiveExponentialMembrane, {"input": (VoltageJump, "")})
"""Adaptive exponential integrate-and-fire neuron, in mV, nA and ms; S moves its potential by mV."""
