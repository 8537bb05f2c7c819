"""Plasticity at postsynaptic spikes only, towards a target of the presynaptic trace."""

from __future__ import annotations

from typing import Any

from ship_engine.elementwise import exp, maximum, minimum
from ship_engine.models.base import Parameter, State
from ship_engine.synapses.base import DENDRITIC_DELAY_FRACTION, Synapse


class DiehlCook(Synapse):
    """Inputs that were active before a postsynaptic spike grow, others shrink.

    The trace x of presynaptic spikes rises by 1 at each and decays with tau_plus.  At a
    postsynaptic spike

        dw = w_max eta (x - x_target) (1 - w / w_max)**mu,

    and the weight stays within [0, w_max].  With w_max = 1 this is equation 3 of the paper.
    Presynaptic spikes leave the weight as it is.

    Diehl & Cook (2015), Front. Comput. Neurosci. 9:99.
    """

    name = "DiehlCook"
    parameters = (
        DENDRITIC_DELAY_FRACTION,
        Parameter("tau_plus", 20.0, "ms", minimum=0.0, exclusive=True),
        Parameter("eta", 0.01, "dimensionless", minimum=0.0),
        Parameter("x_target", 0.4, "dimensionless", minimum=0.0),
        Parameter("mu", 0.2, "dimensionless", minimum=0.0),
        Parameter("w_max", 1.0, "weight", minimum=0.0, exclusive=True),
    )
    states = (State("trace", 0.0, "dimensionless"),)
    pre_changes = ("trace",)
    post_changes = ("weight",)

    @staticmethod
    def on_pre(weight: Any, trace: Any, since_pre: Any, tau_plus: Any) -> Any:
        return trace * exp(-since_pre / tau_plus) + 1.0, weight

    @staticmethod
    def on_post(
        weight: Any,
        trace: Any,
        since_pre: Any,
        tau_plus: Any,
        eta: Any,
        x_target: Any,
        mu: Any,
        w_max: Any,
    ) -> Any:
        room = maximum(1.0 - weight / w_max, 0.0) ** mu
        change = w_max * eta * (trace * exp(-since_pre / tau_plus) - x_target) * room
        return (minimum(maximum(weight + change, 0.0), w_max),)
