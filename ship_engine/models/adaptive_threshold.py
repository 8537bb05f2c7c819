"""Leaky integrate-and-fire neurons whose threshold rises with each of their spikes."""

from __future__ import annotations

from ship_engine.models.composition import compose
from ship_engine.models.lif import LeakyMembrane
from ship_engine.models.mechanisms import SpikeTriggeredThreshold
from ship_engine.models.receptors import ConductanceExponential


class AdaptiveThresholdMembrane(LeakyMembrane):
    """Leaky integrate-and-fire membrane with an adaptive threshold.

    cm dv/dt = -cm (v - v_rest) / tau_m + i_offset + i_inj + synaptic currents;
    a spike occurs when v reaches v_thresh + gamma_theta; then v = v_reset for tau_refrac.

    With a long time constant, such as 1e7 ms, it makes all neurons of a layer spike equally often
    in the long run (homeostasis): Diehl & Cook (2015), Front. Comput. Neurosci. 9:99.
    """

    mechanisms = ((SpikeTriggeredThreshold, "_theta"),)

    @staticmethod
    def threshold(v, v_thresh, gamma_theta):  # type: ignore[override]
        return v - v_thresh - gamma_theta


AdaptiveThresholdConductanceExponential = compose(
    "AdaptiveThresholdConductanceExponential",
    AdaptiveThresholdMembrane,
    {
        "excitatory": (ConductanceExponential, "_exc"),
        "inhibitory": (ConductanceExponential, "_inh"),
    },
)
