"""Leaky integrate-and-fire neurons, composed with each kind of receptor."""

from __future__ import annotations

from ship_engine.elementwise import exp
from ship_engine.models.base import Parameter, State
from ship_engine.models.composition import Membrane, compose
from ship_engine.models.receptors import (
    ConductanceAlpha,
    ConductanceExponential,
    CurrentAlpha,
    CurrentExponential,
    VoltageJump,
)


class LeakyMembrane(Membrane):
    """Leaky integrate-and-fire membrane.

    cm dv/dt = -cm (v - v_rest) / tau_m + i_offset + i_inj + synaptic currents;
    a spike occurs when v reaches v_thresh; then v = v_reset for tau_refrac.

    Lapicque (1907); in exact discrete time: Rotter & Diesmann (1999), Biol. Cybern. 81:381.
    """

    parameters = (
        Parameter("v_rest", -65.0, "mV"),
        Parameter("cm", 1.0, "nF", minimum=0.0, exclusive=True),
        Parameter("tau_m", 20.0, "ms", minimum=0.0, exclusive=True),
        Parameter("tau_refrac", 0.1, "ms", minimum=0.0),
        Parameter("i_offset", 0.0, "nA"),
        Parameter("v_reset", -65.0, "mV"),
        Parameter("v_thresh", -50.0, "mV"),
    )
    states = (State("v", -65.0, "mV"),)
    held = ("v",)
    refractory_period = "tau_refrac"
    reset_states = ("v",)

    exact_coefficients = ("decay_m", "resistance")
    rate_coefficients = ("leak_rate", "elastance")

    @staticmethod
    def exact_time_dep(dt, tau_m, cm):
        return exp(-dt / tau_m), tau_m / cm

    @staticmethod
    def exact_advance(v, drive, current, v_rest, decay_m, resistance):
        v_infinity = v_rest + resistance * current
        return (v_infinity + (v - v_infinity) * decay_m + drive,)

    @staticmethod
    def rates(tau_m, cm):
        return 1.0 / tau_m, 1.0 / cm

    @staticmethod
    def derivative(v, current, v_rest, leak_rate, elastance):
        return ((v_rest - v) * leak_rate + current * elastance,)

    @staticmethod
    def threshold(v, v_thresh):
        return v - v_thresh

    @staticmethod
    def reset(v_reset):
        return (v_reset,)


LIFCurrentExponential = compose(
    "LIFCurrentExponential",
    LeakyMembrane,
    {"excitatory": (CurrentExponential, "_exc"), "inhibitory": (CurrentExponential, "_inh")},
)
LIFCurrentAlpha = compose(
    "LIFCurrentAlpha",
    LeakyMembrane,
    {"excitatory": (CurrentAlpha, "_exc"), "inhibitory": (CurrentAlpha, "_inh")},
)
LIFVoltageJump = compose(
    "LIFVoltageJump",
    LeakyMembrane,
    {"excitatory": (VoltageJump, "_exc"), "inhibitory": (VoltageJump, "_inh")},
)
LIFConductanceExponential = compose(
    "LIFConductanceExponential",
    LeakyMembrane,
    {
        "excitatory": (ConductanceExponential, "_exc"),
        "inhibitory": (ConductanceExponential, "_inh"),
    },
)
LIFConductanceAlpha = compose(
    "LIFConductanceAlpha",
    LeakyMembrane,
    {"excitatory": (ConductanceAlpha, "_exc"), "inhibitory": (ConductanceAlpha, "_inh")},
)
