"""Models of the library, written as equations."""

from __future__ import annotations

from typing import Any

from ship_engine.equations import neuron_model, synapse_model
from ship_engine.models.adaptive_exponential import AdaptiveExponentialConductanceExponential
from ship_engine.models.base import Model, Parameter
from ship_engine.models.hodgkin_huxley import HodgkinHuxleyTraub
from ship_engine.models.izhikevich import Izhikevich
from ship_engine.models.lif import (
    LIFConductanceExponential,
    LIFCurrentAlpha,
    LIFCurrentExponential,
)

CONDUCTANCES = """
i_syn = gsyn_exc*(e_syn_exc - v) + gsyn_inh*(e_syn_inh - v) : nA
dgsyn_exc/dt = -gsyn_exc/tau_syn_exc : uS
dgsyn_inh/dt = -gsyn_inh/tau_syn_inh : uS
"""
OF_CONDUCTANCES = {"excitatory": "gsyn_exc", "inhibitory": "gsyn_inh"}
LEAKY = """
dv/dt = (v_rest - v)/tau_m + (i_syn + i_offset + i_inj)/cm : mV (unless refractory)
"""
SPIKES = {"threshold": "v > v_thresh", "reset": "v = v_reset", "refractory": "tau_refrac"}


def parameters_of(model: type[Model], *left_out: str) -> dict[str, Parameter]:
    """The parameters of a model by name."""
    return {p.name: p for p in model.parameters if p.name not in left_out}


def initial_of(model: type[Model]) -> dict[str, float]:
    return {state.name: state.initial for state in model.states}


def written(name: str, model: type[Model], equations: str, **arguments: Any) -> type[Model]:
    arguments = {"parameters": parameters_of(model), "initial": initial_of(model), **arguments}
    return neuron_model(name, equations, **arguments)


WRITTEN: dict[type[Model], type[Model]] = {
    LIFCurrentExponential: written(
        "WrittenLIFCurrentExponential",
        LIFCurrentExponential,
        LEAKY
        + """
        i_syn = isyn_exc + isyn_inh : nA
        disyn_exc/dt = -isyn_exc/tau_syn_exc : nA
        disyn_inh/dt = -isyn_inh/tau_syn_inh : nA
        """,
        ports={"excitatory": "isyn_exc", "inhibitory": "isyn_inh"},
        **SPIKES,
    ),
    LIFCurrentAlpha: written(
        "WrittenLIFCurrentAlpha",
        LIFCurrentAlpha,
        LEAKY
        + """
        i_syn = isyn_exc + isyn_inh : nA
        disyn_exc/dt = isyn_rise_exc - isyn_exc/tau_syn_exc : nA
        disyn_rise_exc/dt = -isyn_rise_exc/tau_syn_exc : nA/ms
        disyn_inh/dt = isyn_rise_inh - isyn_inh/tau_syn_inh : nA
        disyn_rise_inh/dt = -isyn_rise_inh/tau_syn_inh : nA/ms
        """,
        ports={
            "excitatory": ("isyn_rise_exc", "nA", "exp(1)/tau_syn_exc"),
            "inhibitory": ("isyn_rise_inh", "nA", "exp(1)/tau_syn_inh"),
        },
        **SPIKES,
    ),
    LIFConductanceExponential: written(
        "WrittenLIFConductanceExponential",
        LIFConductanceExponential,
        LEAKY + CONDUCTANCES,
        ports=OF_CONDUCTANCES,
        **SPIKES,
    ),
    AdaptiveExponentialConductanceExponential: written(
        "WrittenAdaptiveExponentialConductanceExponential",
        AdaptiveExponentialConductanceExponential,
        """
        upstroke = delta_T*exp((v - v_thresh)/delta_T) : mV
        i = i_syn - w + i_offset + i_inj : nA
        dv/dt = (v_rest - v + upstroke)/tau_m + i/cm : mV (unless refractory)
        dw/dt = (a*(v - v_rest) - w)/tau_w : nA  # a is in nS
        """
        + CONDUCTANCES,
        threshold="v > v_spike",
        reset="v = v_reset; w += b",
        refractory="tau_refrac",
        ports=OF_CONDUCTANCES,
    ),
    Izhikevich: written(
        "WrittenIzhikevich",
        Izhikevich,
        """
        i = (i_offset + i_inj)/(1 pF) : mV/ms
        dv/dt = 0.04*v**2/(ms*mV) + 5*v/ms + 140*mV/ms - u + i : mV
        du/dt = a*(b*v - u) : mV/ms
        """,
        threshold="v > v_thresh",
        reset="v = c; u += d",
        ports={"excitatory": "v", "inhibitory": "v"},
    ),
    HodgkinHuxleyTraub: written(
        "WrittenHodgkinHuxleyTraub",
        HodgkinHuxleyTraub,
        """
        u = (v - v_offset)/mV : 1
        alpha_m = 1.28/exprel((13 - u)/4)/ms : 1/ms
        beta_m = 1.4/exprel((u - 40)/5)/ms : 1/ms
        alpha_h = 0.128*exp((17 - u)/18)/ms : 1/ms
        beta_h = 4/(1 + exp((40 - u)/5))/ms : 1/ms
        alpha_n = 0.16/exprel((15 - u)/5)/ms : 1/ms
        beta_n = 0.5*exp((10 - u)/40)/ms : 1/ms
        sodium = gbar_Na*m**3*h*(e_rev_Na - v) : nA
        potassium = gbar_K*n**4*(e_rev_K - v) : nA
        i = sodium + potassium + g_leak*(e_rev_leak - v) + i_syn + i_offset : nA
        dv/dt = (i + i_inj)/cm : mV
        dm/dt = alpha_m*(1 - m) - beta_m*m : 1
        dh/dt = alpha_h*(1 - h) - beta_h*h : 1
        dn/dt = alpha_n*(1 - n) - beta_n*n : 1
        """
        + CONDUCTANCES,
        threshold="i + i_inj < 0*nA and v > v_offset + 30*mV",
        reset="",
        refractory="tau_refrac",
        ports=OF_CONDUCTANCES,
    ),
}
"""By the model of the library, the one that is to be the same."""

ADAPTIVE = """
dv/dt = (v_rest - v - w + r*(isyn + i_offset + i_inj))/tau_m : mV (unless refractory)
dw/dt = (a*(v - v_rest) - w)/tau_w : mV
disyn/dt = -isyn/tau : pA
"""


def adaptive(method: str | None = None) -> type[Model]:
    """Potential and adaptation act on each other, one of them held after a spike."""
    return neuron_model(
        f"Adaptive{method or ''}",
        ADAPTIVE,
        threshold="v > v_thresh",
        reset="v = v_reset; w += b",
        refractory="pause",
        parameters={
            "v_rest": "-65 mV", "v_thresh": "-50 mV", "v_reset": "-63 mV", "r": "45 MOhm",
            "i_offset": "0 nA", "tau_m": "20 ms", "tau_w": "50 ms", "tau": "5 ms", "a": 0.5,
            "b": "1 mV", "pause": "2 ms",
        },
        initial={"v": -65.0},
        ports={"excitatory": "isyn"},
        method=method,
    )  # fmt: skip


PAIRS = synapse_model(
    "WrittenSpikePairs",
    "dtrace_pre/dt = -trace_pre/tau_plus : 1\n dtrace_post/dt = -trace_post/tau_minus : 1",
    on_pre="trace_pre += 1; weight = clip(weight - w_max*A_minus*trace_post, w_min, w_max)",
    on_post="trace_post += 1; weight = clip(weight + w_max*A_plus*trace_pre, w_min, w_max)",
    parameters={
        "tau_plus": "20 ms", "tau_minus": "20 ms", "A_plus": 0.01, "A_minus": 0.01,
        "w_min": (0.0, "weight", 0.0), "w_max": (1.0, "weight", 0.0),
    },
)  # fmt: skip
RESOURCES = synapse_model(
    "WrittenTsodyksMarkram",
    """
    dx/dt = (1 - x - y)/tau_rec : 1
    dy/dt = -y/tau_psc : 1
    du/dt = -u/tau_facil : 1
    """,
    on_pre="u += U*(1 - u); used = u*x; x -= used; y += used",
    transmitted="weight*used",
    parameters={
        "U": (0.5, "1", 0, 1),
        "tau_rec": "100 ms",
        "tau_facil": "50 ms",
        "tau_psc": "3 ms",
    },
    initial={"x": 1},
)
