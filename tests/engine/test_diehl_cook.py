"""Adaptive thresholds and the learning rule of Diehl & Cook (2015) against closed forms."""

import math

import numpy as np
import pytest

from ship_engine.event_network import EventNetwork
from ship_engine.groups import NeuronGroup, SpikeArrayGroup
from ship_engine.models.adaptive_threshold import AdaptiveThresholdConductanceExponential
from ship_engine.models.lif import LIFConductanceExponential
from ship_engine.synapses.diehl_cook import DiehlCook
from ship_engine.synapses.stdp import Additive, SpikePairs, compose_stdp

DT = 0.1
MEMBRANE = {"v_rest": -65.0, "v_reset": -65.0, "v_thresh": -52.0, "tau_m": 20.0, "cm": 1.0}
CURRENT = 1.2  # nA, towards -41 mV
STEP, DECAY = 1.5, 300.0  # mV, ms
REFRACTORY = 3.0  # ms
RULE = {"tau_plus": 15.0, "eta": 0.05, "x_target": 0.3, "mu": 0.6, "w_max": 1.2}


def adapting(executor, steps, **changes):
    """A neuron with an adaptive threshold: its spike times, and gamma at each step."""
    network = EventNetwork(dt=DT, executor=executor())
    values = {"i_offset": CURRENT, "tau_refrac": REFRACTORY, "a_gamma_theta": STEP}
    values |= MEMBRANE | {"tau_gamma_theta": DECAY} | changes
    cells = NeuronGroup(AdaptiveThresholdConductanceExponential, 1, "cells", values)
    network.add(cells)
    spikes = network.record_spikes(cells, np.arange(1))
    gamma = network.record_state(cells, "gamma_theta", np.arange(1))
    network.run(steps)
    return spikes.spikes(network.clock)[1], gamma.samples[:, 0]


def expected_spikes(until):
    """Times at which the potential, in closed form, meets the threshold, by bisection."""
    infinity = MEMBRANE["v_rest"] + CURRENT * MEMBRANE["tau_m"] / MEMBRANE["cm"]
    found, start = [], 0.0

    def above(t):
        gamma = sum(STEP * math.exp(-(t - s) / DECAY) for s in found)
        v = infinity + (MEMBRANE["v_reset"] - infinity) * math.exp(-(t - start) / 20.0)
        return v >= MEMBRANE["v_thresh"] + gamma

    while True:
        times = np.arange(start, until, 0.01)
        first = next((t for t in times if above(t)), None)
        if first is None:
            return np.array(found)
        low, high = first - 0.01, first
        for _ in range(50):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if above(middle) else (middle, high)
        found.append(high)
        start = high + REFRACTORY


def test_threshold_rises_with_each_spike_and_decays_in_between(executor):
    spikes, gamma = adapting(executor, 1200)
    assert len(spikes) > 4
    times = DT * np.arange(len(gamma))
    since = times[:, None] - spikes
    exact = np.where(since >= 0.0, STEP * np.exp(-np.maximum(since, 0.0) / DECAY), 0.0).sum(1)
    assert gamma == pytest.approx(exact, abs=1e-9)


def test_spikes_come_when_the_potential_meets_the_threshold(executor):
    spikes, _ = adapting(executor, 1500)
    exact = expected_spikes(150.0)
    assert len(spikes) == len(exact) > 4
    assert spikes == pytest.approx(exact, abs=1e-4)
    assert np.diff(spikes)[-1] > 1.3 * np.diff(spikes)[0]


def test_slow_threshold_counts_spikes(executor):
    """With the paper's constants it is 0.05 mV for each spike, all but for ever."""
    constants = {"tau_gamma_theta": 1e7, "a_gamma_theta": 0.05}
    spikes, gamma = adapting(executor, 800, **constants)
    assert gamma[-1] == pytest.approx(0.05 * len(spikes), rel=1e-4)


def test_without_steps_it_is_the_neuron_with_a_constant_threshold(executor):
    network = EventNetwork(dt=DT, executor=executor())
    values = MEMBRANE | {"i_offset": CURRENT, "tau_refrac": REFRACTORY}
    cells = NeuronGroup(LIFConductanceExponential, 1, "cells", values)
    network.add(cells)
    plain = network.record_spikes(cells, np.arange(1))
    network.run(800)
    spikes, _ = adapting(executor, 800, a_gamma_theta=0.0)
    assert spikes == pytest.approx(plain.spikes(network.clock)[1], abs=1e-9)


class Scripted:
    """Synapses from scripted inputs to neurons that scripted strong inputs make spike."""

    def __init__(self, executor, model, parameters, pre_times, post_times, weight):
        self.network = EventNetwork(dt=DT, executor=executor())
        source = self.network.add(SpikeArrayGroup(len(pre_times)))
        source.set_spike_times(pre_times)
        drive = self.network.add(SpikeArrayGroup(1))
        drive.set_spike_times([post_times])
        values = MEMBRANE | {"tau_refrac": 5.0, "tau_syn_exc": 0.2}
        values |= {"e_syn_inh": MEMBRANE["v_rest"], "tau_syn_inh": 0.05}
        neuron = NeuronGroup(LIFConductanceExponential, 1, "neuron", values)
        self.network.add(neuron)
        one = np.zeros(1, np.int32)
        self.network.connect(drive, neuron, "excitatory", (one, one), 5.0, 1)
        pairs = (np.arange(len(pre_times), dtype=np.int32), np.zeros(len(pre_times), np.int32))
        self.learning = self.network.connect(
            source, neuron, "inhibitory", pairs, weight, 1, model, parameters
        )
        self.spikes = self.network.record_spikes(neuron, np.arange(1))

    def run(self):
        """Weights after 155 ms, and when the neuron spiked."""
        self.network.run(1550)
        return np.array(self.learning.get("weight")), self.spikes.spikes(self.network.clock)[1]


PRE = [np.array([5.0, 12.0, 60.0, 61.0, 100.0]), np.array([150.0]), np.array([])]
POST = np.array([15.0, 62.0, 90.0, 140.0])


def replayed(pre, post, weight):
    """The weight after postsynaptic spikes, from the equation of the rule.

    Both axes of time are those at the synapse: the delay of 0.1 ms is dendritic, so postsynaptic
    spikes reach it later.
    """
    for spike in post + DT:
        trace = np.exp(-(spike - pre[pre < spike]) / RULE["tau_plus"]).sum()
        room = (1.0 - weight / RULE["w_max"]) ** RULE["mu"]
        weight += RULE["w_max"] * RULE["eta"] * (trace - RULE["x_target"]) * room
        weight = min(max(weight, 0.0), RULE["w_max"])
    return weight


def test_rule_is_its_equation(executor):
    start = np.array([0.4, 0.5, 0.6])
    found, spikes = Scripted(executor, DiehlCook, RULE, PRE, POST, start).run()
    assert len(spikes) == len(POST)
    exact = [replayed(pre, spikes, weight) for pre, weight in zip(PRE, start, strict=True)]
    assert found == pytest.approx(exact, rel=1e-9)
    assert found[0] > start[0]
    assert (found[1:] < start[1:]).all()


def test_weights_stay_within_their_limits(executor):
    strong = RULE | {"eta": 3.0}
    found, _ = Scripted(executor, DiehlCook, strong, PRE[::2], POST, [0.5, 0.5]).run()
    assert found[1] == 0.0
    assert 0.0 <= found[0] <= RULE["w_max"]


def test_presynaptic_spikes_alone_change_nothing(executor):
    found, spikes = Scripted(executor, DiehlCook, RULE, PRE, np.array([]), [0.1] * 3).run()
    assert len(spikes) == 0
    assert found == pytest.approx([0.1] * 3, rel=1e-15)


def test_amounts_of_the_pair_rule_in_the_example(executor):
    """One pair each: 1 % of w_max upwards after 10 ms, 0.01 % downwards."""
    rule = {"tau_plus": 20.0, "tau_minus": 20.0, "A_plus": 1e-2, "A_minus": 1e-4, "w_max": 2.0}
    model = compose_stdp(SpikePairs, Additive)
    pre = [np.array([20.0]), np.array([40.0])]
    found, spikes = Scripted(executor, model, rule, pre, np.array([30.0]), [0.5, 0.5]).run()
    (post,) = spikes + DT
    exact = [
        0.5 + 2.0 * 1e-2 * math.exp(-(post - 20.0) / 20.0),
        0.5 - 2.0 * 1e-4 * math.exp(-(40.0 - post) / 20.0),
    ]
    assert found == pytest.approx(exact, rel=1e-9)
