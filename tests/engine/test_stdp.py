"""Plastic synapses do what a replay of all events, in the order of their times, gives."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from ship_engine.errors import InvalidValueError
from ship_engine.event_network import EventNetwork
from ship_engine.groups import NeuronGroup, SpikeArrayGroup
from ship_engine.models.lif import LIFCurrentExponential
from ship_engine.synapses.stdp import (
    Additive,
    AdditivePotentiationMultiplicativeDepression,
    Gutig,
    Multiplicative,
    SpikePairs,
    Vogels2011,
    compose_stdp,
)

DT = 0.1
DEPENDENCES = (Additive, Multiplicative, AdditivePotentiationMultiplicativeDepression, Gutig)
RULES = [*itertools.product((SpikePairs, Vogels2011), DEPENDENCES)]
PAIR = {"tau_plus": 17.0, "tau_minus": 31.0, "A_plus": 0.02, "A_minus": 0.03}
VOGELS = {"tau": 23.0, "eta": 0.01, "rho": 8.0}
LIMITS = {"w_min": 0.1, "w_max": 1.3}


def factors(dependence, w, w_min, w_max, mu_plus, mu_minus):
    """Scale of an amplitude, and factors of potentiation and depression."""
    span = w_max - w_min
    return {
        Additive: (w_max, 1.0, 1.0),
        Multiplicative: (span, (w_max - w) / span, (w - w_min) / span),
        AdditivePotentiationMultiplicativeDepression: (w_max, 1.0, w / w_max),
        Gutig: (span, ((w_max - w) / span) ** mu_plus, ((w - w_min) / span) ** mu_minus),
    }[dependence]


def replay(rule, pre, post, p):
    """Weight in the end, from times at which spikes of both sides reach the synapse."""
    timing, dependence = rule
    pairs = timing is SpikePairs
    tau_pre, tau_post = (p["tau_plus"], p["tau_minus"]) if pairs else (p["tau"], p["tau"])
    w, mus = p["weight"], (p.get("mu_plus", 0.5), p.get("mu_minus", 0.5))
    for when in sorted({*pre, *post}):
        seen_pre = sum(math.exp(-(when - s) / tau_pre) for s in pre if s < when)
        seen_post = sum(math.exp(-(when - s) / tau_post) for s in post if s < when)
        for side, times in (("post", post), ("pre", pre)):
            if when not in times:
                continue
            scale, upward, downward = factors(dependence, w, p["w_min"], p["w_max"], *mus)
            if pairs:
                up = p["A_plus"] * seen_pre * (side == "post")
                down = p["A_minus"] * seen_post * (side == "pre")
            else:
                scale = 1.0
                up = p["eta"] * (seen_pre if side == "post" else seen_post)
                down = p["eta"] * 2e-3 * p["rho"] * p["tau"] * (side == "pre")
            w = min(max(w + scale * (up * upward - down * downward), p["w_min"]), p["w_max"])
    return w


class Pairing:
    """Synapses from scripted sources to neurons that fire at times of their own."""

    def __init__(self, executor_cache, rule, parameters, delay, sources=6, seed=3):
        rng = np.random.default_rng(seed)
        self.network = EventNetwork(dt=DT, cache=executor_cache)
        self.pre_times = [np.sort(rng.uniform(1.0, 380.0, 9)) for _ in range(sources)]
        source = self.network.add(SpikeArrayGroup(sources))
        source.set_spike_times(self.pre_times)
        drive = {"i_offset": rng.uniform(0.9, 1.6, 3), "tau_refrac": 2.0}
        self.neurons = NeuronGroup(LIFCurrentExponential, 3, "neurons", drive)
        self.network.add(self.neurons)
        pre = np.repeat(np.arange(sources, dtype=np.int32), 3)
        post = np.tile(np.arange(3, dtype=np.int32), sources)
        self.weight = rng.uniform(0.3, 1.0, pre.size)
        self.projection = self.network.connect(
            source,
            self.neurons,
            "excitatory",
            (pre, post),
            self.weight,
            delay,
            compose_stdp(*rule),
            parameters,
        )
        self.spikes = self.network.record_spikes(self.neurons, np.arange(3))
        self.ends = list(zip(pre, post, strict=True))

    def expected(self, rule, end):
        """Weights at the end, by replay."""
        cells, times = self.spikes.spikes(self.network.clock)
        delays = np.broadcast_to(self.projection.synapses.delay * DT, (len(self.ends),))
        values = self.projection.dynamics.values
        result = []
        for k, (i, j) in enumerate(self.ends):
            p = {n: float(v[k] if v.size > 1 else v[0]) for n, v in values.items()}
            p["weight"] = self.weight[k]
            fraction = p["dendritic_delay_fraction"]
            pre = [t + (1.0 - fraction) * delays[k] for t in self.pre_times[i]]
            post = [t + fraction * delays[k] for t in times[cells == j]]
            result.append(
                replay(rule, [t for t in pre if t < end], [t for t in post if t < end], p)
            )
        return np.array(result)


@pytest.mark.parametrize("fraction", [1.0, 0.4, 0.0])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule[0].__name__}-{rule[1].__name__}")
def test_weights_are_those_of_a_replay_of_all_events(kernel_cache, rule, fraction):
    parameters = {**(PAIR if rule[0] is SpikePairs else VOGELS), **LIMITS}
    parameters["dendritic_delay_fraction"] = fraction
    pairing = Pairing(kernel_cache, rule, parameters, delay=31)
    pairing.network.run(4000)
    assert pairing.spikes.count > 20
    found = pairing.projection.get("weight")
    assert np.ptp(found - pairing.weight) > 0.01
    np.testing.assert_allclose(found, pairing.expected(rule, 400.0), rtol=1e-9)


def test_every_synapse_may_have_parameters_and_a_delay_of_its_own(kernel_cache):
    rng = np.random.default_rng(8)
    rule = (SpikePairs, Gutig)
    count = 18
    parameters = {name: value * rng.uniform(0.5, 2.0, count) for name, value in PAIR.items()}
    parameters |= {"w_min": rng.uniform(0.0, 0.3, count), "w_max": rng.uniform(1.0, 2.0, count)}
    parameters |= {"mu_plus": rng.uniform(0.0, 1.0, count), "mu_minus": rng.uniform(0, 1, count)}
    parameters["dendritic_delay_fraction"] = rng.choice([0.0, 0.25, 0.5, 1.0], count)
    pairing = Pairing(kernel_cache, rule, parameters, rng.integers(4, 40, count))
    pairing.network.run(4000)
    np.testing.assert_allclose(
        pairing.projection.get("weight"), pairing.expected(rule, 400.0), rtol=1e-9
    )


def test_where_a_run_pauses_changes_nothing(kernel_cache):
    rule = (SpikePairs, Multiplicative)
    weights = []
    for pieces in ([4000], [1] * 40 + [960] * 4 + [120]):
        pairing = Pairing(kernel_cache, rule, PAIR | LIMITS, delay=15)
        for steps in pieces:
            pairing.network.run(steps)
            pairing.projection.get("weight")
        weights.append(pairing.projection.get("weight").copy())
    np.testing.assert_allclose(weights[0], weights[1], rtol=1e-12)


def test_history_is_shortened_and_nothing_lost(kernel_cache):
    # Without presynaptic spikes for long, every postsynaptic spike waits to be taken in.
    rule = (SpikePairs, Additive)
    pairing = Pairing(kernel_cache, rule, PAIR | LIMITS | {"A_plus": 1e-3}, delay=10)
    pairing.network.run(100_000)
    assert pairing.spikes.count > 200
    assert pairing.neurons.history.capacity <= 64
    np.testing.assert_allclose(
        pairing.projection.get("weight"), pairing.expected(rule, 10_000.0), rtol=1e-9
    )


def test_reset_restores_weights_and_states(kernel_cache):
    pairing = Pairing(kernel_cache, (SpikePairs, Additive), PAIR | LIMITS, delay=10)
    pairing.network.run(4000)
    first = pairing.projection.get("weight").copy()
    pairing.network.reset()
    np.testing.assert_array_equal(pairing.projection.get("weight"), pairing.weight)
    assert (pairing.projection.get("trace_pre") == 0.0).all()
    pairing.network.run(4000)
    np.testing.assert_array_equal(pairing.projection.get("weight"), first)


def test_weights_that_are_set_are_those_that_reset_restores(kernel_cache):
    pairing = Pairing(kernel_cache, (SpikePairs, Additive), PAIR | LIMITS, delay=10)
    pairing.network.run(2000)
    pairing.projection.set(weight=0.5)
    assert (pairing.projection.get("weight") == 0.5).all()
    pairing.network.run(2000)
    assert np.ptp(pairing.projection.get("weight")) > 0.0
    pairing.network.reset()
    assert (pairing.projection.get("weight") == 0.5).all()


def simultaneous(cache, post_offset):
    """Weight after one pair of spikes that reach the synapse `post_offset` ms apart."""
    network = EventNetwork(dt=DT, cache=cache)
    pre = network.add(SpikeArrayGroup(1))
    neuron = network.add(
        NeuronGroup(LIFCurrentExponential, 1, "neuron", {"i_offset": 2.0, "tau_refrac": 100.0})
    )
    spikes = network.record_spikes(neuron, np.arange(1))
    network.run(1000)
    when = spikes.spikes(network.clock)[1][0]
    network.reset()
    pre.set_spike_times([np.array([when + 1.0 - post_offset])])
    rule, one = compose_stdp(SpikePairs, Additive), (np.zeros(1, np.int32),) * 2
    projection = network.connect(pre, neuron, "excitatory", one, 0.5, 10, rule, PAIR)
    network.run(1000)
    return float(projection.get("weight")[0])


@pytest.mark.parametrize(
    ("post_offset", "change"),
    [(0.0, 0.0), (2.0, 0.02 * math.exp(-2.0 / 17.0)), (-2.0, -0.03 * math.exp(-2.0 / 31.0))],
)
def test_spikes_that_meet_at_the_synapse_do_not_see_each_other(kernel_cache, post_offset, change):
    # What the synapse itself brings may move the postsynaptic spike by some nanoseconds.
    assert simultaneous(kernel_cache, post_offset) - 0.5 == pytest.approx(change, abs=1e-6)


def test_limits_must_not_cross(kernel_cache):
    with pytest.raises(InvalidValueError, match=r"w_min = 2 is more than w_max = 1"):
        Pairing(kernel_cache, (SpikePairs, Additive), {"w_min": 2.0, "w_max": 1.0}, 10)
