"""Generalized integrate-and-fire neurons, which spike at random."""

from __future__ import annotations

from ship_engine.elementwise import exp, minimum
from ship_engine.models.base import Parameter, State
from ship_engine.models.composition import compose
from ship_engine.models.mechanisms import SpikeTriggeredCurrent, SpikeTriggeredThreshold
from ship_engine.models.membranes import Membrane
from ship_engine.models.receptors import ConductanceExponential

STEEPEST = 50.0
"""Exponent from which on the hazard grows no more, lest it overflow."""


class StochasticMembrane(Membrane):
    """Leaky membrane that spikes at random, the more often the higher the potential.

    cm dv/dt = -cm (v - v_rest) / tau_m - eta_1 - eta_2 - eta_3
               + i_offset + i_inj + synaptic currents;
    the hazard, thus the probability of a spike in dt, is lambda0 exp((v - v_t) / delta_v) dt,
    with v_t = v_t_star + gamma_1 + gamma_2 + gamma_3.  After a spike v = v_reset for tau_refrac,
    with no hazard, each eta grows by its a_eta and each gamma by its a_gamma.

    By time rescaling a spike occurs when the integral of the hazard since the last one reaches
    `target`, a random number from the exponential distribution of mean 1.

    Mensi et al. (2012), J. Neurophysiol. 107:1756; Pozzorini et al. (2015), PLoS Comput. Biol.
    11:e1004275.  Time rescaling: Brown et al. (2002), Neural Comput. 14:325.
    """

    parameters = (
        Parameter("v_rest", -65.0, "mV"),
        Parameter("cm", 1.0, "nF", minimum=0.0, exclusive=True),
        Parameter("tau_m", 20.0, "ms", minimum=0.0, exclusive=True),
        Parameter("tau_refrac", 4.0, "ms", minimum=0.0),
        Parameter("i_offset", 0.0, "nA"),
        Parameter("v_reset", -65.0, "mV"),
        Parameter("v_t_star", -48.0, "mV"),
        Parameter("delta_v", 0.5, "mV", minimum=0.0, exclusive=True),
        Parameter("lambda0", 1.0, "Hz", minimum=0.0),
    )
    states = (State("v", -65.0, "mV"), State("hazard", 0.0, "1"))
    held = ("v", "hazard")
    refractory_period = "tau_refrac"
    reset_states = ("v", "hazard")
    mechanisms = tuple((SpikeTriggeredCurrent, f"_{k}") for k in (1, 2, 3)) + tuple(
        (SpikeTriggeredThreshold, f"_{k}") for k in (1, 2, 3)
    )
    derived = (State("i_eta", 0.0, "nA"), State("v_t", -48.0, "mV"))
    random_state = "target"
    longest_step = 0.1

    rate_coefficients = ("leak_rate", "elastance", "hazard_scale", "sharpness")

    @staticmethod
    def rates(tau_m, cm, lambda0, delta_v):
        return 1.0 / tau_m, 1.0 / cm, 1e-3 * lambda0, 1.0 / delta_v

    @staticmethod
    def derivative(
        v,
        current,
        gamma_1,
        gamma_2,
        gamma_3,
        v_rest,
        v_t_star,
        leak_rate,
        elastance,
        hazard_scale,
        sharpness,
    ):
        v_t = v_t_star + gamma_1 + gamma_2 + gamma_3
        hazard_slope = hazard_scale * exp(minimum((v - v_t) * sharpness, STEEPEST))
        return (v_rest - v) * leak_rate + current * elastance, hazard_slope

    @staticmethod
    def threshold(hazard, target):
        return hazard - target

    @staticmethod
    def reset(v_reset):
        return v_reset, 0.0

    @staticmethod
    def derive(eta_1, eta_2, eta_3, gamma_1, gamma_2, gamma_3, v_t_star):
        return eta_1 + eta_2 + eta_3, v_t_star + gamma_1 + gamma_2 + gamma_3


GIFConductanceExponential = compose(
    "GIFConductanceExponential",
    StochasticMembrane,
    {
        "excitatory": (ConductanceExponential, "_exc"),
        "inhibitory": (ConductanceExponential, "_inh"),
    },
)
