"""Synapses in NESTML compute what the engine's own do, and closed forms."""

from __future__ import annotations

import nestml_texts as texts
import numpy as np
import pytest

from ship_engine.event_network import EventNetwork
from ship_engine.groups import NeuronGroup, SpikeArrayGroup
from ship_engine.models.lif import LIFVoltageJump
from ship_engine.synapses.short_term import TsodyksMarkram

pytest.importorskip("pynestml")

HEAD = """
model my_synapse:
    state:
        w real = 1{state}
    parameters:
        tau_pre ms = 15 ms
        tau_post ms = 25 ms
        eta real = 0.1{parameters}
    input:
        pre_spikes <- spike{post}
    output:
        spike
{rest}"""
POST = "\n        post_spikes <- spike"


def synapse(rest: str, state: str = "", parameters: str = "", post: bool = False) -> str:
    """The text of a synapse."""
    return HEAD.format(rest=rest, state=state, parameters=parameters, post=POST if post else "")


PAIRS = synapse(
    """
    equations:
        x' = -x / tau_pre
        y' = -y / tau_post
    onReceive(pre_spikes):
        x += 1
        w = max(0, w - eta * y)
        emit_spike(w)
    onReceive(post_spikes):
        y += 1
        new real = w + eta * x
        w = min(5, new)
    update:
        integrate_odes()
""",
    """
        x real = 0
        y real = 0""",
    post=True,
)
CONVOLVED = synapse(
    """
    equations:
        kernel K = exp(-t / tau_pre)
        kernel L = exp(-t / tau_post)
        inline x real = convolve(K, pre_spikes)
        inline y real = convolve(L, post_spikes)
    onReceive(pre_spikes):
        w = max(0, w - eta * y)
        emit_spike(w)
    onReceive(post_spikes):
        w = min(5, w + eta * x)
    update:
        integrate_odes()
""",
    post=True,
)
TIMED = synapse(
    """
    onReceive(pre_spikes):
        dt ms = t - last
        x = x * exp(-dt / tau_pre) + 1
        y = y * exp(-(t - last_post) / tau_post)
        last_post = t
        last = t
        w = max(0, w - eta * y)
        emit_spike(w)
    onReceive(post_spikes):
        y = y * exp(-(t - last_post) / tau_post) + 1
        last_post = t
        w = min(5, w + eta * x * exp(-(t - last) / tau_pre))
""",
    """
        x real = 0
        y real = 0
        last ms = 0 ms
        last_post ms = 0 ms""",
    post=True,
)
RULES = {"equations": PAIRS, "convolutions": CONVOLVED, "times": TIMED}
PRE = np.array([3.4, 11.4, 12.7, 30.4, 31.4, 47.4])
POST_TIMES = np.array([5.4, 10.4, 33.4, 40.4])


def simulate(model, kernel_cache, parameters=None, weight=1.0, duration=60.0):
    """The weight in every step, and the potential of a target whose spikes are prescribed."""
    network = EventNetwork(0.1, cache=kernel_cache)
    given = {"v_thresh": -40.0, "tau_refrac": 0.1, "tau_m": 1e6}
    cell = network.add(NeuronGroup(LIFVoltageJump, 1, "cell", given))
    sources = []
    for times in (PRE, POST_TIMES):
        source = network.add(SpikeArrayGroup(1))
        source.set_spike_times([times - 1.0])
        sources.append(source)
    pair = np.array([0], np.int32), np.array([0], np.int32)
    plastic = network.connect(
        sources[0], cell, "excitatory", pair, weight, 10, model, parameters or {}
    )
    network.connect(sources[1], cell, "excitatory", pair, weight=1000.0, delay=10)
    weights, potential = [], network.record_state(cell, "v", np.array([0]))
    for _ in range(round(duration)):
        network.run(10)
        weights.append(float(plastic.get("weight")[0]))
    return np.array(weights), potential.samples[:, 0].copy()


def expected_weights(duration=60.0):
    """All pairs, with the delay of 1 ms before postsynaptic spikes reach the synapse."""
    events = sorted([(t - 1.0, "pre") for t in PRE] + [(t + 1.0, "post") for t in POST_TIMES])
    w, x, y, last, found, at = 1.0, 0.0, 0.0, 0.0, [], 0
    for step in range(1, round(duration) + 1):
        while at < len(events) and events[at][0] <= step - 1e-9:
            time, kind = events[at]
            x, y = x * np.exp(-(time - last) / 15.0), y * np.exp(-(time - last) / 25.0)
            last, at = time, at + 1
            if kind == "pre":
                x, w = x + 1.0, max(0.0, w - 0.1 * y)
            else:
                y, w = y + 1.0, min(5.0, w + 0.1 * x)
        found.append(w)
    return np.array(found)


@pytest.mark.parametrize("way", RULES)
def test_pairs_of_spikes_change_the_weight(kernel_cache, way):
    weights, _ = simulate(texts.synapse_of(RULES[way]), kernel_cache)
    expected = expected_weights()
    assert expected.min() < 0.95
    assert expected.max() > 1.05
    np.testing.assert_allclose(weights[5:], expected[5:], rtol=1e-9)


def test_short_term_plasticity_is_that_of_the_engine(kernel_cache):
    """The recursion of Tsodyks, Uziel & Markram (2000), as in NEST."""
    text = synapse(
        """
    onReceive(pre_spikes):
        dt ms = t - last
        last = t
        decay real = exp(-dt / tau_psc)
        left real = exp(-dt / tau_rec)
        moved real = ((left - 1) * tau_rec - (decay - 1) * tau_psc) / (tau_psc - tau_rec)
        x_new real = x + moved * y + (1 - left) * (1 - x - y)
        u = tau_fac == 0 ms ? U : u * exp(-dt / tau_fac) + U * (1 - u * exp(-dt / tau_fac))
        x = x_new - u * x_new
        y = y * decay + u * x_new
        emit_spike(u * x_new * w)
""",
        """
        x real = 1
        y real = 0
        u real = 0
        last ms = 0 ms""",
        """
        tau_psc ms = 3 ms
        tau_rec ms = 200 ms
        tau_fac ms = 30 ms
        U real = 0.4""",
    )
    own = {"tau_psc": 3.0, "tau_rec": 200.0, "tau_facil": 30.0, "U": 0.4}
    expected = simulate(TsodyksMarkram, kernel_cache, own, weight=2.0)[1]
    found = simulate(texts.synapse_of(text), kernel_cache, weight=2.0)[1]
    assert np.ptp(expected) > 2.0
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-9)


def test_conditions_choose_what_is_sent(kernel_cache):
    """Every other spike goes through, with a weight that has a unit."""
    text = synapse("""
    onReceive(pre_spikes):
        if open:
            emit_spike(w)
        else:
            w = 2 * w
        open = not open
""").replace("w real = 1", "w nS = 1 nS\n        open boolean = true")
    weights, potential = simulate(texts.synapse_of(text), kernel_cache, weight=1.0)
    jumps = np.diff(potential)
    np.testing.assert_allclose(jumps[(jumps > 0.5) & (jumps < 10.0)], [1.0, 2.0, 4.0], rtol=1e-3)
    assert weights[-1] == 8.0


def test_random_numbers_are_uniform_or_normal(kernel_cache):
    text = synapse("""
    onReceive(pre_spikes):
        emit_spike(w + random_normal(0, 1) + random_uniform(1, 2))
""")
    network = EventNetwork(0.1, seed=3, cache=kernel_cache)
    size = 4000
    cells = network.add(NeuronGroup(LIFVoltageJump, size, "cells", {"v_thresh": 1e6}))
    source = network.add(SpikeArrayGroup(1))
    source.set_spike_times([np.array([0.5])])
    pairs = np.zeros(size, np.int32), np.arange(size, dtype=np.int32)
    network.connect(source, cells, "excitatory", pairs, 10.0, 1, texts.synapse_of(text), {})
    network.run(7)
    moved = cells["v"] + 65.0
    assert moved.mean() == pytest.approx(12.0, abs=0.08)
    assert moved.std() == pytest.approx(np.sqrt(1.0 + 1.0 / 3.0), abs=0.06)


def test_the_delay_may_be_a_parameter_of_the_text():
    from ship_engine.nestml.models import read_synapse

    text = PAIRS.replace("eta real = 0.1", "eta real = 0.1\n        d ms = 1 ms")
    read = read_synapse(text, "my_synapse", "w", "d")
    assert "d" not in read.parameters
    assert "d" in read_synapse(text, "my_synapse").parameters
