"""Small models in NESTML, written from their equations, for several tests."""

from __future__ import annotations

from functools import cache

from ship_engine.equations import neuron_model, synapse_model
from ship_engine.nestml.models import read_neuron, read_synapse

PARAMETERS = """
        E_L mV = -65 mV
        C_m pF = 1000 pF
        tau_m ms = 20 ms
        V_th mV = -50 mV
        V_reset mV = -62 mV
        refr_T ms = 1.5 ms
        I_e pA = 0 pA
        tau_exc ms = 5 ms
        tau_inh ms = 8 ms
        E_exc mV = 0 mV
        E_inh mV = -80 mV"""
INPUT = """
    input:
        exc <- excitatory spike
        inh <- inhibitory spike
        I_stim pA <- continuous
    output:
        spike"""
ODE_TIMER = """
    update:
        if refr_t > 0 ms:
            integrate_odes({others}refr_t)
        else:
            integrate_odes({others}V_m)
    onCondition(refr_t <= 0 ms and V_m >= V_th):
        refr_t = refr_T
        V_m = V_reset
        emit_spike()
"""


def neuron(equations: str, state: str = "", rest: str | None = None, others: str = "") -> str:
    """The text of a leaky integrate-and-fire neuron."""
    spiking = ODE_TIMER.format(others=others) if rest is None else rest
    return f"""
model my_neuron:
    state:
        V_m mV = E_L
        refr_t ms = 0 ms{state}
    equations:
        refr_t' = -1{equations}
    parameters:{PARAMETERS}
    internals:
        unit_psc pA = 1 pA
{INPUT}{spiking}"""


EXPONENTIAL = neuron(
    """
        I_exc' = -I_exc / tau_exc
        I_inh' = -I_inh / tau_inh
        V_m' = (E_L - V_m) / tau_m + (I_exc - I_inh + I_e + I_stim) / C_m""",
    """
        I_exc pA = 0 pA
        I_inh pA = 0 pA""",
    """
    onReceive(exc):
        I_exc += unit_psc * exc * 1 s
    onReceive(inh):
        I_inh += unit_psc * inh * 1 s
"""
    + ODE_TIMER.format(others="I_exc, I_inh, "),
)
ALPHA = neuron("""
        kernel K_exc = (e / tau_exc) * t * exp(-t / tau_exc)
        kernel K_inh = (e / tau_inh) * t * exp(-t / tau_inh)
        inline I_syn pA = unit_psc * (convolve(K_exc, exc) - convolve(K_inh, inh))
        V_m' = (E_L - V_m) / tau_m + (I_syn + I_e + I_stim) / C_m""")
DELTA = neuron("""
        kernel K = delta(t)
        V_m' = (E_L - V_m) / tau_m + (I_e + I_stim) / C_m \\
               + 1 mV * (convolve(K, exc) - convolve(K, inh)) * (1 ms**-1)""")
CONDUCTANCE = neuron("""
        kernel g_exc = exp(-t / tau_exc)
        kernel g_inh = exp(-t / tau_inh)
        inline g_leak nS = C_m / tau_m
        inline I_syn pA = 1 nS * convolve(g_exc, exc) * (E_exc - V_m) \\
                        + 1 nS * convolve(g_inh, inh) * (E_inh - V_m)
        V_m' = (g_leak * (E_L - V_m) + I_syn + I_e + I_stim) / C_m""")
CONDUCTANCE_ALPHA = CONDUCTANCE.replace(
    "g_exc = exp(-t / tau_exc)", "g_exc = (e / tau_exc) * t * exp(-t / tau_exc)"
).replace("g_inh = exp(-t / tau_inh)", "g_inh = t / tau_inh * exp(1 - t / tau_inh)")


@cache
def model_of(text: str):
    """The model that a text of one neuron is."""
    return neuron_model(read_neuron(text).description)


@cache
def synapse_of(text: str):
    """The model that a text of one synapse is."""
    return synapse_model(read_synapse(text, "my_synapse").description)


def passive(equations: str, state: str = "", parameters: str = "", more: str = "") -> str:
    """The text of a model that does not spike, with one port for spikes."""
    return f"""
model my_model:
    state:
        x real = 0{state}
    equations:{equations}
    parameters:
        a ms = 3 ms
        b ms = 7 ms{parameters}
    input:
        spikes <- spike
        I_stim pA <- continuous
    update:
        integrate_odes()
{more}"""


COUNTERS = {
    "resolution": """
    update:
        if refr_t > 0 ms:
            refr_t -= resolution()
        else:
            integrate_odes(V_m)
    onCondition(V_m >= V_th):
        refr_t = refr_T
        V_m = V_reset
        emit_spike()
""",
    "clamp": """
    update:
        integrate_odes()
        if not (refr_t <= 1e-9 ms):
            V_m = V_reset
    onCondition(V_m >= V_th and not (refr_t > 0 ms)):
        refr_t = refr_T
        V_m = V_reset
        emit_spike()
""",
}
