"""What NESTML can say and the engine's models cannot is refused, with its place."""

from __future__ import annotations

import nestml_texts as texts
import pytest

from ship_engine.errors import ModelTextError, UnsupportedModelError
from ship_engine.nestml.models import read_neuron, read_synapse

pytest.importorskip("pynestml")

BASE = texts.neuron("""
        V_m' = (E_L - V_m) / tau_m + (I_e + I_stim) / C_m""")
SPIKE = """        refr_t = refr_T
        V_m = V_reset
        emit_spike()
"""

NEURONS = {
    "loop": (
        ("        V_m = V_reset\n", "        while V_m > V_reset:\n            V_m -= 1 mV\n"),
        "line 37, column 8: a loop",
    ),
    "no integration": (
        ("            integrate_odes(V_m)\n", "            V_m = E_L\n"),
        "'V_m = E_L' in the update block",
    ),
    "assignment before": (
        ("    update:\n", "    update:\n        I_x = I_x + 1\n"),
        "an assignment before integrate_odes",
    ),
    "other condition": (("if refr_t > 0 ms:", "if V_m > V_th:"), "this 'if' in the update block"),
    "two conditions": (
        (SPIKE, SPIKE + "    onCondition(V_m > 0 mV):\n        emit_spike()\n"),
        "a second onCondition",
    ),
    "no spike": (("        emit_spike()\n", ""), "an onCondition without an emit_spike"),
    "spike sometimes": (
        ("        emit_spike()\n", "        if V_m < 0 mV:\n            emit_spike()\n"),
        "an onCondition without an emit_spike",
    ),
    "period": (("refr_t = refr_T", "refr_t = 2 * refr_T"), "'refr_t = 2 \\* refr_T' as the refr"),
    "fast timer": (
        ("refr_t' = -1", "refr_t' = -2"),
        "'refr_t', which does not fall by 1 ms per ms",
    ),
    "timer of a state": (("refr_t' = -1", "refr_t' = V_m / E_L"), "'refr_t', which does not fall"),
    "running timer": (("refr_t ms = 0 ms", "refr_t ms = 5 ms"), "'refr_t', which runs from the"),
    "timer in an equation": (
        ("(I_e + I_stim)", "(I_e * refr_t / 1 ms + I_stim)"),
        "'refr_t', which counts",
    ),
    "timer alone": (("refr_t <= 0 ms and V_m >= V_th", "refr_t <= 0 ms"), "whenever a timer is"),
    "time": (("(I_e + I_stim)", "(I_e * sin(t / 1 ms) + I_stim)"), "the time t in this place"),
    "function": (("(I_e + I_stim)", "(I_e * ceil(V_m / 1 mV) + I_stim)"), "the function 'ceil'"),
    "random": (
        ("(I_e + I_stim)", "(I_e * random_normal(0, 1) + I_stim)"),
        "the function 'random_normal'",
    ),
    "remainder": (("(I_e + I_stim)", "(I_e * (7 % 2) + I_stim)"), "the operator %"),
    "vector": (("tau_exc ms = 5 ms", "tau_exc ms = 5 ms\n        v[3] real = 1"), "a vector"),
    "text": (("tau_exc ms = 5 ms", 'tau_exc ms = 5 ms\n        v string = "a"'), "a variable that"),
    "two currents": (
        ("I_stim pA <- continuous", "I_stim pA <- continuous\n        I_b pA <- continuous"),
        "a second continuous input port",
    ),
    "no current": (
        ("I_stim pA <- continuous", "I_stim pA <- continuous\n        g nS <- continuous"),
        "a second continuous input port",
    ),
    "guard": (("E_L mV = -65 mV", "E_L mV = -65 mV [[E_L > V_reset]]"), "this condition on a para"),
    "effect of the state": (
        (
            "    update:",
            "    onReceive(exc):\n        V_m += V_m * exc * 1 s\n    update:",
        ),
        "a spike whose effect depends on 'V_m'",
    ),
    "two states": (
        (
            "    update:",
            "    onReceive(exc):\n        V_m += exc * 1 mV * 1 s\n"
            "    onReceive(inh):\n        V_m -= V_m / V_reset * inh * 1 mV * 1 s\n    update:",
        ),
        "a spike whose effect depends on 'V_m'",
    ),
    "swap": (
        ("        V_m = V_reset\n", "        old mV = V_m\n        V_m = U_m\n        U_m = old\n"),
        "states that take each other's values",
    ),
}
"""Of a text: what is replaced, by what, and part of the message."""


@pytest.mark.parametrize("what", NEURONS)
def test_a_construct_without_a_counterpart_is_refused(what):
    (right, wrong), message = NEURONS[what]
    text = (
        BASE.replace(
            "refr_t ms = 0 ms", "refr_t ms = 0 ms\n        U_m mV = 0 mV\n        I_x real = 0"
        )
        if "U_m" in wrong or "I_x" in wrong
        else BASE
    )
    assert right in text
    with pytest.raises(UnsupportedModelError, match=r"line \d+, column \d+: .*write ") as caught:
        read_neuron(text.replace(right, wrong, 1))
    caught.match(message)


KERNELS = {
    "exp(-(t / a)**2)": "kernel K",
    "a / t": "kernel K",
    "sin(t / a) * exp(-t / a)": "this kernel",
    "(t / a)**99 * exp(-t / a)": "the power 99 in a kernel",
}


@pytest.mark.parametrize("kernel", KERNELS)
def test_kernels_of_other_kinds_are_refused(kernel):
    text = texts.passive(f"""
        kernel K = {kernel}
        x' = -x / a + convolve(K, spikes) / 1 ms""")
    with pytest.raises(UnsupportedModelError, match=f"{KERNELS[kernel]}.*write (a sum|powers)"):
        read_neuron(text)


SYNAPSE = """
model my_synapse:
    state:
        w real = 1
        x real = 0
    parameters:
        tau ms = 20 ms
    equations:
        x' = -x / tau
    input:
        pre_spikes <- spike
        post_spikes <- spike
        more_spikes <- spike
    output:
        spike
    onReceive(pre_spikes):
        x += 1
        emit_spike(w)
    update:
        integrate_odes()
"""
SYNAPSES = {
    "continuous": (("more_spikes <- spike", "I pA <- continuous"), "the continuous input port 'I'"),
    "silent": (("        emit_spike(w)\n", ""), "emit_spike\\(\\) in 0 handlers"),
    "three": (
        (
            "    update:",
            "    onReceive(post_spikes):\n        x = 0\n    onReceive(more_spikes):\n"
            "        x = 2\n    update:",
        ),
        "a third kind of spikes",
    ),
    "twice": (("emit_spike(w)\n", "emit_spike(w)\n        emit_spike(w)\n"), "a second emit_spike"),
    "update": (("integrate_odes()", "integrate_odes()\n        x = max(x, 0.1)"), "does more than"),
    "condition": (
        ("    update:", "    onCondition(x > 1):\n        x = 0\n    update:"),
        "onCondition in a synapse",
    ),
    "time": (("x += 1", "x += t / 1 ms"), "depends on the time t"),
}


@pytest.mark.parametrize("what", SYNAPSES)
def test_synapses_without_a_counterpart_are_refused(what):
    (right, wrong), message = SYNAPSES[what]
    assert read_synapse(SYNAPSE, "my_synapse")
    with pytest.raises(UnsupportedModelError, match=r"line \d+, column \d+: .*write ") as caught:
        read_synapse(SYNAPSE.replace(right, wrong, 1), "my_synapse")
    caught.match(message)


def test_a_convolution_needs_a_kernel():
    text = texts.passive("\n        x' = -x / a + convolve(q, spikes) / 1 ms").replace(
        "        x real", "        q real = 1\n        x real"
    )
    with pytest.raises(ModelTextError, match="q"):
        read_neuron(text)
