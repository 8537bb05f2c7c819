"""Leaky integrate-and-fire neurons with more, or fewer, mechanisms."""

from __future__ import annotations

from ship_engine.models.base import Parameter
from ship_engine.models.composition import compose
from ship_engine.models.lif import LeakyMembrane
from ship_engine.models.mechanisms import SpikeTriggeredConductance
from ship_engine.models.membranes import Membrane
from ship_engine.models.receptors import ConductanceExponential

CONDUCTANCES = {
    "excitatory": (ConductanceExponential, "_exc"),
    "inhibitory": (ConductanceExponential, "_inh"),
}


class AdaptingMembrane(LeakyMembrane):
    """Leaky integrate-and-fire membrane whose spikes open two conductances.

    cm dv/dt = -cm (v - v_rest) / tau_m - g_s (v - e_rev_s) - g_r (v - e_rev_r)
               + i_offset + i_inj + synaptic currents;
    a spike occurs when v reaches v_thresh; then v = v_reset for tau_refrac, g_s grows by q_s and
    g_r by q_r.  The first, slow, makes the spike frequency adapt; the second, fast, is a relative
    refractory mechanism.

    Muller et al. (2007), Neural Comput. 19:2958.
    """

    mechanisms = ((SpikeTriggeredConductance, "_s"), (SpikeTriggeredConductance, "_r"))
    longest_step = 0.1


class HardwareMembrane(Membrane):
    """Leaky integrate-and-fire membrane with its leak as a conductance.

    cm dv/dt = -g_leak (v - v_rest) + i_offset + i_inj + synaptic currents;
    a spike occurs when v reaches v_thresh; then v = v_reset for tau_refrac.
    """

    parameters = (
        Parameter("v_rest", -65.0, "mV"),
        Parameter("cm", 0.2, "nF", minimum=0.0, exclusive=True),
        Parameter("g_leak", 40.0, "nS", minimum=0.0),
        Parameter("tau_refrac", 1.0, "ms", minimum=0.0),
        Parameter("i_offset", 0.0, "nA"),
        Parameter("v_reset", -80.0, "mV"),
        Parameter("v_thresh", -55.0, "mV"),
    )
    states = LeakyMembrane.states
    held = ("v",)
    refractory_period = "tau_refrac"
    reset_states = ("v",)
    rate_coefficients = ("leak_rate", "elastance")
    derivative = staticmethod(LeakyMembrane.derivative)
    threshold = staticmethod(LeakyMembrane.threshold)
    reset = staticmethod(LeakyMembrane.reset)

    @staticmethod
    def rates(g_leak, cm):
        return 1e-3 * g_leak / cm, 1.0 / cm


LIFAdapting = compose("LIFAdapting", AdaptingMembrane, CONDUCTANCES)
LIFHardware = compose("LIFHardware", HardwareMembrane, CONDUCTANCES)
