"""The neuron of Izhikevich, with voltage jumps."""

from __future__ import annotations

from ship_engine.elementwise import minimum
from ship_engine.models.base import Parameter, State
from ship_engine.models.composition import compose
from ship_engine.models.membranes import Membrane
from ship_engine.models.receptors import VoltageJump


class IzhikevichMembrane(Membrane):
    """Quadratic integrate-and-fire membrane with recovery.

    dv/dt = 0.04 v**2 + 5 v + 140 - u + (i_offset + i_inj) / (1 pF);  du/dt = a (b v - u);
    a spike occurs when v reaches v_thresh; then v = c, and u grows by d.

    Izhikevich (2003), IEEE Trans. Neural Netw. 14:1569, where the capacitance has no unit; that
    of 1 pF is PyNN's.
    """

    parameters = (
        Parameter("a", 0.02, "1/ms"),
        Parameter("b", 0.2, "1/ms"),
        Parameter("c", -65.0, "mV"),
        Parameter("d", 2.0, "mV/ms"),
        Parameter("i_offset", 0.0, "nA"),
        Parameter("v_thresh", 30.0, "mV"),
    )
    states = (State("v", -70.0, "mV"), State("u", -14.0, "mV/ms"))
    reset_states = ("v", "u")
    longest_step = 0.1

    @staticmethod
    def derivative(v, u, current, a, b, v_thresh):
        # Beyond the spike nothing gets faster: a step that ends there is taken back.
        x = minimum(v, v_thresh)
        return (0.04 * x + 5.0) * x + 140.0 - u + 1000.0 * current, a * (b * x - u)

    @staticmethod
    def threshold(v, v_thresh):
        return v - v_thresh

    @staticmethod
    def reset(c, u, d):
        return c, u + d


Izhikevich = compose(
    "Izhikevich",
    IzhikevichMembrane,
    {"excitatory": (VoltageJump, "_exc"), "inhibitory": (VoltageJump, "_inh")},
)
