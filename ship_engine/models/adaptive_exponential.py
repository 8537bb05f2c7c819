"""Adaptive exponential integrate-and-fire neurons."""

from __future__ import annotations

from ship_engine.elementwise import exp, log, maximum, minimum, where
from ship_engine.models.base import Parameter, State
from ship_engine.models.composition import compose
from ship_engine.models.membranes import Membrane
from ship_engine.models.receptors import ConductanceAlpha, ConductanceExponential

STEEPEST = 25.0
"""25 delta_T above v_thresh the upstroke gets no faster, so that no number overflows; from there
to the spike it takes no time that could be told."""
TOO_STEEP = 0.25
"""Share of the time left until v would be infinite that a step may take."""


class AdaptiveExponentialMembrane(Membrane):
    """Adaptive exponential integrate-and-fire membrane.

    cm dv/dt = -g (v - v_rest) + g delta_T exp((v - v_thresh) / delta_T) - w
               + i_offset + i_inj + synaptic currents,  where g = cm / tau_m;
    tau_w dw/dt = a (v - v_rest) - w;
    a spike occurs when v reaches v_spike; then v = v_reset for tau_refrac, and w grows by b.
    Where delta_T = 0 there is no upstroke, and the spike occurs at v_thresh.

    Brette & Gerstner (2005), J. Neurophysiol. 94:3637.
    """

    parameters = (
        Parameter("v_rest", -70.6, "mV"),
        Parameter("cm", 0.281, "nF", minimum=0.0, exclusive=True),
        Parameter("tau_m", 9.3667, "ms", minimum=0.0, exclusive=True),
        Parameter("tau_refrac", 0.1, "ms", minimum=0.0),
        Parameter("i_offset", 0.0, "nA"),
        Parameter("v_reset", -70.6, "mV"),
        Parameter("v_thresh", -50.4, "mV"),
        Parameter("v_spike", -40.0, "mV"),
        Parameter("delta_T", 2.0, "mV", minimum=0.0),
        Parameter("a", 4.0, "nS"),
        Parameter("b", 0.0805, "nA"),
        Parameter("tau_w", 144.0, "ms", minimum=0.0, exclusive=True),
    )
    states = (State("v", -70.6, "mV"), State("w", 0.0, "nA"))
    held = ("v",)
    refractory_period = "tau_refrac"
    reset_states = ("v", "w")
    longest_step = 0.1
    settling_step = 1e-3

    rate_coefficients = (
        "leak_rate",
        "elastance",
        "upstroke_rate",
        "sharpness",
        "adaptation_rate",
        "coupling",
        "v_fastest",
        "v_steep",
    )

    @staticmethod
    def rates(dt, cm, tau_m, tau_w, a, delta_T, v_thresh, v_spike):
        sharpness = where(delta_T > 0.0, 1.0 / where(delta_T > 0.0, delta_T, 1.0), 0.0)
        v_fastest = minimum(v_spike, v_thresh + STEEPEST * delta_T)
        # From v_steep on infinity is near, if the upstroke is all there is.
        safe = delta_T * maximum(log(TOO_STEEP * tau_m / dt), 0.0)
        v_steep = minimum(where(delta_T > 0.0, v_spike, v_thresh), v_thresh + safe)
        return (
            1.0 / tau_m,
            1.0 / cm,
            delta_T / tau_m,
            sharpness,
            1.0 / tau_w,
            1e-3 * a,
            v_fastest,
            v_steep,
        )

    @staticmethod
    def derivative(
        v,
        w,
        current,
        v_rest,
        v_thresh,
        leak_rate,
        elastance,
        upstroke_rate,
        sharpness,
        adaptation_rate,
        coupling,
        v_fastest,
    ):
        # Beyond the spike nothing gets faster: a step that ends there is taken back.
        u = minimum(v, v_fastest)
        upstroke = upstroke_rate * exp((u - v_thresh) * sharpness)
        v_slope = (v_rest - u) * leak_rate + upstroke + (current - w) * elastance
        return v_slope, (coupling * (u - v_rest) - w) * adaptation_rate

    @staticmethod
    def threshold(v, v_spike, v_thresh, delta_T):
        return v - where(delta_T > 0.0, v_spike, v_thresh)

    @staticmethod
    def alarm(v, v_steep):
        return v - v_steep

    @staticmethod
    def reset(v_reset, w, b):
        return v_reset, w + b


AdaptiveExponentialConductanceExponential = compose(
    "AdaptiveExponentialConductanceExponential",
    AdaptiveExponentialMembrane,
    {
        "excitatory": (ConductanceExponential, "_exc"),
        "inhibitory": (ConductanceExponential, "_inh"),
    },
)
AdaptiveExponentialConductanceAlpha = compose(
    "AdaptiveExponentialConductanceAlpha",
    AdaptiveExponentialMembrane,
    {"excitatory": (ConductanceAlpha, "_exc"), "inhibitory": (ConductanceAlpha, "_inh")},
)
