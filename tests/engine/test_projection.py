"""Projections whose synapses have a model: what they refuse, and what lasts from run to run."""

from __future__ import annotations

import numpy as np
import pytest

from ship_engine.errors import InvalidValueError, UnknownNameError, UnsupportedByExecutorError
from ship_engine.event_network import EventNetwork
from ship_engine.executors.torch_autograd import TorchExecutor
from ship_engine.groups import NeuronGroup, SpikeArrayGroup
from ship_engine.models.lif import LIFCurrentExponential
from ship_engine.synapses.activity import SpikeHistory, SpikeQueue
from ship_engine.synapses.short_term import SimpleStochastic, TsodyksMarkram
from ship_engine.synapses.stdp import Additive, SpikePairs, compose_stdp

PLASTIC = compose_stdp(SpikePairs, Additive)
PAIRS = (np.array([0, 1, 2, 0], np.int32), np.array([0, 0, 1, 1], np.int32))
FIRING = {"i_offset": [1.0, 1.3], "tau_refrac": 2.0}


class Example:
    """Three sources, two neurons that fire, four synapses."""

    def __init__(self, executor) -> None:
        self.network = EventNetwork(0.1, executor=executor)
        self.source = self.network.add(SpikeArrayGroup(3, "source"))
        self.source.set_spike_times([np.array([5.0, 30.0]), np.array([12.0]), np.array([29.9])])
        self.neurons = NeuronGroup(LIFCurrentExponential, 2, "neurons", FIRING)
        self.network.add(self.neurons)

    def connect(self, model=None, parameters=None, weight=0.1, delay=10, pairs=PAIRS):
        ends = self.source, self.neurons, "excitatory"
        return self.network.connect(*ends, pairs, weight, delay, model, parameters)


@pytest.fixture
def example(executor):
    return Example(executor())


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"parameters": {"U": 0.5}}, UnknownNameError, "without a model have no 'U'"),
        ({"model": TsodyksMarkram, "parameters": {"V": 0.5}}, UnknownNameError, "has U, tau_rec"),
        ({"model": TsodyksMarkram, "parameters": {"U": 1.5}}, InvalidValueError, "U = 1.5"),
        ({"model": TsodyksMarkram, "parameters": {"U": [0.1, 0.2]}}, InvalidValueError, "4 syn"),
        ({"model": PLASTIC, "parameters": {"w_min": 3.0}}, InvalidValueError, "more than w_max"),
        ({"model": PLASTIC, "weight": np.nan}, InvalidValueError, "must be finite"),
        ({"model": PLASTIC, "delay": -1}, InvalidValueError, "must be >= 0"),
        ({"model": PLASTIC, "delay": [0, 1, 1, 1]}, InvalidValueError, "separately"),
        ({"pairs": (PAIRS[1], PAIRS[0])}, InvalidValueError, "components 0 to 1"),
    ],
)
def test_what_cannot_be_connected(example, options, error, text):
    with pytest.raises(error, match=text):
        example.connect(**options)
    assert not example.network.projections


@pytest.mark.parametrize(
    ("parameters", "error", "text"),
    [
        ({"tau": 3.0}, UnknownNameError, "has no parameter 'tau'; it has dendritic"),
        ({"tau_plus": 0.0}, InvalidValueError, "tau_plus = 0 ms in 'source to neurons'"),
        ({"A_plus": np.inf}, InvalidValueError, "A_plus = inf"),
        ({"A_plus": "large"}, InvalidValueError, "is not a number"),
        ({"A_plus": [0.1, 0.2]}, InvalidValueError, r"has shape \(2,\); give one value or 4"),
        ({"A_plus": np.ones((4, 1))}, InvalidValueError, r"has shape \(4, 1\)"),
        ({"w_min": [0.0, 2.0, 0.0, 0.0]}, InvalidValueError, "w_min = 2 is more than w_max = 1"),
        ({"w_max": 0.5, "w_min": 0.6}, InvalidValueError, "w_min = 0.6 is more"),
        ({"dendritic_delay_fraction": 1.1}, InvalidValueError, "must be"),
        ({"weight": [0.1, 0.2]}, InvalidValueError, "weights of shape"),
        ({"weight": -np.inf}, InvalidValueError, "must be finite"),
        ({"delay": [1, 2, 3]}, InvalidValueError, "delays of shape"),
        ({"delay": -2}, InvalidValueError, "must be >= 0"),
        ({"delay": [0, 0, 0, 4]}, InvalidValueError, "separately"),
    ],
)
def test_what_cannot_be_set_changes_nothing(example, parameters, error, text):
    projection = example.connect(PLASTIC)
    before = {name: projection.get(name).copy() for name in ("weight", *projection.dynamics.values)}
    with pytest.raises(error, match=text):
        projection.set(**parameters)
    for name, values in before.items():
        np.testing.assert_array_equal(projection.get(name), values)
    assert (projection.synapses.delay == 10).all()


def test_synapses_without_a_model_have_only_weight_and_delay(example):
    projection = example.connect()
    with pytest.raises(UnknownNameError, match="no 'U'"):
        projection.set(U=0.5)
    with pytest.raises(UnknownNameError, match="no 'u'"):
        projection.get("u")
    with pytest.raises(UnknownNameError, match="no state 'u'"):
        projection.initialize("u", 0.5)
    np.testing.assert_array_equal(projection.get("weight"), [0.1] * 4)


def test_states_are_checked_by_name_and_value(example):
    projection = example.connect(TsodyksMarkram)
    with pytest.raises(UnknownNameError, match=r"no parameter or state 'z'; it has U, .*, y"):
        projection.get("z")
    with pytest.raises(UnknownNameError, match="no state 'U'; it has u, x, y"):
        projection.initialize("U", 0.5)
    with pytest.raises(InvalidValueError, match="initial value nan of x"):
        projection.initialize("x", [0.1, np.nan, 0.3, 0.4])
    with pytest.raises(InvalidValueError, match="give one value or 4"):
        projection.initialize("x", [0.1, 0.2])
    np.testing.assert_array_equal(projection.get("x"), np.ones(4))


def test_values_follow_the_order_of_the_synapses(example):
    projection = example.connect(TsodyksMarkram, {"U": [0.1, 0.2, 0.3, 0.4]}, [1.0, 2.0, 3.0, 4.0])
    np.testing.assert_array_equal(projection.synapses.source, [0, 0, 1, 2])
    np.testing.assert_array_equal(projection.get("U"), [0.1, 0.4, 0.2, 0.3])
    np.testing.assert_array_equal(projection.get("weight"), [1.0, 4.0, 2.0, 3.0])


def test_an_initial_state_holds_now_and_after_a_reset(example):
    projection = example.connect(TsodyksMarkram)
    projection.initialize("x", [0.1, 0.2, 0.3, 0.4])
    np.testing.assert_array_equal(projection.get("x"), [0.1, 0.2, 0.3, 0.4])
    example.network.run(400)
    assert (projection.get("x") != [0.1, 0.2, 0.3, 0.4]).all()
    example.network.reset()
    np.testing.assert_array_equal(projection.get("x"), [0.1, 0.2, 0.3, 0.4])
    assert (projection.dynamics.states["last_pre"] == 0.0).all()


def test_a_weight_that_was_set_is_where_reset_returns_to(example):
    projection = example.connect(PLASTIC)
    example.network.run(400)
    assert (projection.get("weight") != 0.1).any()
    projection.set(weight=0.3)
    example.network.run(400)
    example.network.reset()
    np.testing.assert_array_equal(projection.get("weight"), [0.3] * 4)


def test_new_synapses_know_of_no_spike_before_them(example):
    """Though older synapses onto the same neurons have still to take some in."""
    example.connect(PLASTIC, {"dendritic_delay_fraction": 0.0}, delay=40)
    example.network.run(320)
    assert (example.neurons.history.count > 0).all()
    late = example.connect(PLASTIC, {"dendritic_delay_fraction": 0.0}, delay=40)
    example.network.run(0)
    assert (late.get("trace_post") == 0.0).all()
    example.network.run(20)
    # Spikes of the source at 29.9 and 30.0 ms are under way, but not to these synapses.
    assert (late.get("trace_pre") == 0.0).all()
    np.testing.assert_array_equal(late.get("weight"), [0.1] * 4)


@pytest.mark.parametrize("change", [{"delay": 15}, {"dendritic_delay_fraction": 0.4}])
def test_axons_keep_their_length_while_spikes_are_in_them(example, change):
    projection = example.connect(PLASTIC, {"dendritic_delay_fraction": 0.2})
    example.network.run(302)
    projection.set(delay=[10] * 4, dendritic_delay_fraction=0.2, weight=0.2)
    with pytest.raises(InvalidValueError, match=r"2 spikes are on their way .* after a reset"):
        projection.set(**change)
    example.network.run(20)
    projection.set(**change)
    example.network.reset()
    projection.set(delay=10, dendritic_delay_fraction=0.2)


@pytest.mark.parametrize("delay", [2, 30])
def test_a_change_of_delays_neither_loses_nor_repeats_spikes(example, delay):
    projection = example.connect(PLASTIC, {"dendritic_delay_fraction": 0.2, "tau_plus": 1e9})
    example.network.run(320)
    projection.set(delay=delay)
    example.network.run(50)
    np.testing.assert_allclose(projection.get("trace_pre"), [2.0, 2.0, 1.0, 1.0], rtol=1e-6)


@pytest.mark.parametrize(
    ("delay", "fraction"), [(1, 0.0), (1, 0.3), (3, 0.4), (4, 0.55), (5, 0.9), (2, 1.0)]
)
def test_nearly_coincident_spikes_are_taken_in_their_order(executor, delay, fraction):
    """Sources spike every hundredth of a step around one spike of a neuron."""
    network = EventNetwork(0.1, executor=executor())
    neuron = NeuronGroup(LIFCurrentExponential, 1, "neuron", {"i_offset": 1.0, "tau_refrac": 30.0})
    sources = SpikeArrayGroup(400, "sources")
    for group in (sources, neuron):
        network.add(group)
    monitor = network.record_spikes(neuron, slice(None))
    network.run(400)
    ((post,),) = (monitor.spikes(network.clock)[1],)
    network.reset()
    reached = post + 0.1 * delay * fraction
    arrival = reached + 0.001 * (np.arange(400) - 200.3)
    sources.set_spike_times([np.array([t]) for t in arrival - 0.1 * delay * (1.0 - fraction)])
    pairs = np.arange(400, dtype=np.int32), np.zeros(400, np.int32)
    parameters = {"dendritic_delay_fraction": fraction, "sign": 0.0}
    ends = sources, neuron, "excitatory"
    projection = network.connect(*ends, pairs, 0.5, delay, PLASTIC, parameters)
    network.run(400)
    since = reached - arrival
    change = np.where(since > 0.0, 0.01, -0.01) * np.exp(-np.abs(since) / 20.0)
    np.testing.assert_allclose(projection.get("weight") - 0.5, change, rtol=1e-9)


def test_a_differentiable_simulation_has_no_such_synapses(kernel_cache):
    network = EventNetwork(0.1, spike_precision="on_grid", cache=kernel_cache)
    cells = network.add(NeuronGroup(LIFCurrentExponential, 3, "cells"))
    network.connect(cells, cells, "excitatory", PAIRS, 0.1, 10, TsodyksMarkram)
    with pytest.raises(UnsupportedByExecutorError, match=r"TsodyksMarkram .*cells to cells.*run"):
        TorchExecutor().simulate(network, 10)


def test_random_numbers_differ_between_projections(example):
    parameters = {"p": 0.5}
    pairs = tuple(np.zeros(60, np.int32) for _ in range(2))
    first, second = (example.connect(SimpleStochastic, parameters, pairs=pairs) for _ in range(2))
    assert first.stream_key != second.stream_key
    key = first.stream_key
    example.network.reset()
    assert first.stream_key != key


def test_a_history_forgets_what_all_synapses_have_taken_in():
    history = SpikeHistory(3)
    for time in range(20):
        history.add(np.array([0, 2]), np.array([time, time + 0.5]))
    history.drop(np.array([5, 0, 20]))
    np.testing.assert_array_equal(history.count, [15, 0, 0])
    np.testing.assert_array_equal(history.times[0, :15], np.arange(5, 20))
    history.clear()
    assert (history.count == 0).all()


def test_a_queue_counts_what_it_has_forgotten():
    queue = SpikeQueue()
    for step in (3, 3, 5, 8):
        queue.add(np.array([1, 2]), step, np.array([0.0, 0.05]))
    queue.forget_before(5)
    assert (queue.count, queue.forgotten) == (4, 4)
    np.testing.assert_array_equal(queue.step[:4], [5, 5, 8, 8])
    assert queue.first_after(5, 0) == 2
    assert queue.first_after(5, 7) == 3
    queue.clear()
    assert (queue.count, queue.forgotten) == (0, 0)
