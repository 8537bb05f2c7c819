"""Integrate-and-fire neurons into which networks of rate units are converted.

Potentials and inputs have no units; the input of a step is what its spikes and currents add to the
potential, or for `LIFWithinStep` and `LowPass` the value of a current during the step.
"""

from __future__ import annotations

from ship_engine.elementwise import (
    exp,
    expm1,
    log,
    maximum,
    minimum,
    where,
    without_gradient,
)
from ship_engine.models.base import Model, Parameter, State

_THRESHOLD = Parameter("thr", 1.0, "", minimum=0.0, exclusive=True)


class IF(Model):
    """Integrate-and-fire neuron without leak, which is reset to zero.

    u(t + dt) = u(t) + S(t), and a spike where u >= thr; then u = 0.

    Diehl, Neil, Binas, Cook, Liu & Pfeiffer (2015), Fast-classifying, high-accuracy spiking deep
    networks through weight and threshold balancing, IJCNN.
    """

    name = "IF"
    parameters = (_THRESHOLD,)
    states = (State("u", 0.0, ""),)
    reset_states = ("u",)

    @staticmethod
    def time_dep():
        return ()

    @staticmethod
    def advance_timestep(u, input):
        return (u + input,)

    @staticmethod
    def threshold(u, thr):
        return u - thr

    @staticmethod
    def reset(u):
        return (0.0 * u,)


class IFSoftReset(Model):
    """Integrate-and-fire neuron without leak, which is reset by subtraction.

    u(t + dt) = u(t) + S(t), and a spike where u >= thr; then u = u - thr.  What a reset to zero
    would lose is kept, thus the number of spikes is the sum of inputs over thr, but for less than
    one spike where inputs are constant and from 0 to thr.

    Rueckauer, Lungu, Hu, Pfeiffer & Liu (2017), Front. Neurosci. 11:682.
    """

    name = "IFSoftReset"
    parameters = (_THRESHOLD,)
    states = (State("u", 0.0, ""),)
    reset_states = ("u",)

    time_dep = IF.time_dep
    advance_timestep = IF.advance_timestep
    threshold = IF.threshold

    @staticmethod
    def reset(u, thr):
        return (u - thr,)


class LIFWithinStep(Model):
    """Leaky integrate-and-fire neuron that spikes and rests at any moment within a time step.

    tau_rc du/dt = j - u with j = gain S + bias, integrated exactly while j is constant, and not
    below v_min; u reaches thr at a moment within the step, is zero for tau_ref from then on, and
    goes on at whatever moment that is over.  So the rate for a constant input is
    1 / (tau_ref + tau_rc log(1 + thr / (j - thr))) for any time step, as long as it is at most one
    spike per step; beyond that there is a spike in each.

    The neurons of the Neural Engineering Framework do the same (Hunsberger & Eliasmith 2015,
    arXiv:1510.08829; Bekolay et al. 2014, Front. Neuroinform. 7:48).

    Training takes the moment of a spike as a constant.
    """

    name = "LIFWithinStep"
    parameters = (
        Parameter("tau_rc", 20.0, "ms", minimum=0.0, exclusive=True),
        Parameter("tau_ref", 2.0, "ms", minimum=0.0),
        Parameter("gain", 1.0, ""),
        Parameter("bias", 1.0, ""),
        _THRESHOLD,
        Parameter("v_min", 0.0, "", infinite=True),
    )
    states = (State("u", 0.0, ""), State("rest", 0.0, "ms"))
    """`rest` is how long it rests from the end of the step on; if negative, how long it is awake
    already without having integrated, since it has rested for less than that step."""
    reset_states = ("u",)

    time_dep = IF.time_dep

    @staticmethod
    def advance_timestep(u, rest, input, dt, gain, bias, thr, tau_rc, tau_ref, v_min):
        j = gain * input + bias
        awake = maximum(dt - rest, 0.0)
        reached = maximum(u - (j - u) * expm1(-awake / tau_rc), v_min)
        spikes = (reached - thr >= 0.0) & (j > thr)
        # The time since u was thr, from j - u = (j - thr) exp(-since / tau_rc).
        ahead = maximum(where(spikes, j - reached, 1.0), 1e-30)
        since = tau_rc * log(where(spikes, j - thr, 1.0) / ahead)
        after = maximum(tau_ref - minimum(maximum(since, 0.0), awake), -dt)
        waits = maximum(rest - dt, 0.0)
        return reached, without_gradient(where(spikes, after, waits))

    threshold = IF.threshold
    reset = IF.reset


class LowPass(Model):
    """Low-pass filter of first order, which hands on its value and never spikes.

    y(t + dt) = y(t) + (1 - exp(-dt / tau)) (gain S(t) - y(t)), without delay for tau = 0.  A
    constant input is handed on times gain in the end; with gain = 1 / dt a spike has the area 1.
    """

    name = "LowPass"
    parameters = (Parameter("tau", 5.0, "ms", minimum=0.0), Parameter("gain", 1.0, ""))
    states = (State("y", 0.0, ""),)
    coefficients = ("decay",)

    @staticmethod
    def time_dep(dt, tau):
        return (exp(-dt / maximum(tau, 1e-9 * dt)),)

    @staticmethod
    def advance_timestep(y, input, decay, gain):
        return (y * decay + (1.0 - decay) * gain * input,)

    @staticmethod
    def output(y):
        return y
