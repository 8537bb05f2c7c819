"""Networks: what they refuse, undelayed edges, several at once, memory."""

from __future__ import annotations

import numpy as np
import pytest

from ship_engine.currents import PulseCurrent
from ship_engine.delivery.base import group_synapses
from ship_engine.errors import InvalidValueError, NonFiniteStateError, UnknownNameError
from ship_engine.event_network import EventNetwork
from ship_engine.groups import Group, NeuronGroup, SpikeArrayGroup
from ship_engine.memory import aligned_rows, row_width
from ship_engine.models.lif import LIFConductanceExponential, LIFCurrentExponential, LIFVoltageJump
from ship_engine.sources.renewal import PoissonGroup

ONE = (np.zeros(1, np.int32), np.zeros(1, np.int32))


@pytest.fixture
def network(kernel_cache):
    return EventNetwork(0.1, cache=kernel_cache)


def source_at(network, *times):
    source = network.add(SpikeArrayGroup(1, "source"))
    source.set_spike_times([np.array(times)])
    return source


@pytest.mark.parametrize("dt", [0.0, -0.1, float("nan"), float("inf")])
def test_time_step_must_be_positive(dt):
    with pytest.raises(InvalidValueError, match="time step"):
        EventNetwork(dt)


def test_spike_precision_is_one_of_two():
    with pytest.raises(InvalidValueError, match="off_grid"):
        EventNetwork(0.1, spike_precision="exact")


@pytest.mark.parametrize("size", [0, -3])
def test_a_group_has_components(size):
    with pytest.raises(InvalidValueError, match="at least 1"):
        Group(LIFCurrentExponential, size)


@pytest.mark.parametrize(
    ("parameters", "error", "text"),
    [
        ({"tau": 1.0}, UnknownNameError, "has no parameter 'tau'"),
        ({"tau_m": 0.0}, InvalidValueError, "must be > 0"),
        ({"tau_refrac": -1.0}, InvalidValueError, "must be >= 0"),
        ({"v_rest": float("nan")}, InvalidValueError, "must be a finite number"),
        ({"v_rest": [1.0, 2.0]}, InvalidValueError, "give one value or 3"),
        ({"v_rest": np.zeros((3, 1))}, InvalidValueError, "shape"),
        ({"v_rest": "high"}, InvalidValueError, "not a number"),
    ],
)
def test_parameters_are_checked_and_nothing_changes(parameters, error, text):
    group = NeuronGroup(LIFCurrentExponential, 3, "cells")
    before = {name: values.copy() for name, values in group.values.items()}
    with pytest.raises(error, match=text):
        group.set(None, cm=0.5, **parameters)
    assert all(np.array_equal(group.values[name], before[name]) for name in before)


def test_parameters_of_some_components():
    group = NeuronGroup(LIFCurrentExponential, 4)
    group.set(np.array([1, 3]), tau_m=[10.0, 30.0])
    assert group.get("tau_m").tolist() == [20.0, 10.0, 20.0, 30.0]
    group.set(np.array([1, 3]), tau_m=20.0)
    assert group.values["tau_m"].size == 1


@pytest.mark.parametrize("ask", [lambda g: g.get("tau"), lambda g: g["w"]])
def test_unknown_names(ask):
    with pytest.raises(UnknownNameError, match="it has"):
        ask(NeuronGroup(LIFCurrentExponential, 1))


@pytest.mark.parametrize("value", [float("inf"), [1.0, 2.0], "up"])
def test_initial_values_are_checked(value):
    group = NeuronGroup(LIFCurrentExponential, 3)
    with pytest.raises(InvalidValueError):
        group.initialize("v", value)
    assert (group["v"] == -65.0).all()


@pytest.mark.parametrize(
    ("times", "text"),
    [
        ([[1.0]], "1 lists of spike times for 2"),
        ([[1.0], [float("nan")]], "must be finite"),
        ([[1.0], [-1.0]], ">= 0 ms"),
        ([[1.0], [2.0, 1.0]], "ascending"),
    ],
)
def test_spike_times_are_checked(times, text):
    group = SpikeArrayGroup(2, "source")
    with pytest.raises(InvalidValueError, match=text):
        group.set_spike_times([np.array(t) for t in times])
    assert all(t.size == 0 for t in group.times)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"port": "ampa"}, UnknownNameError, "no port 'ampa'"),
        ({"weight": float("nan")}, InvalidValueError, "weights must be finite"),
        ({"delay": -1}, InvalidValueError, "must be >= 0"),
        ({"pairs": (np.array([0, 1]), np.array([0, 0]))}, InvalidValueError, "components 0 to 0"),
        (
            {"pairs": (np.zeros(2, np.int32), np.zeros(2, np.int32)), "delay": [0, 1]},
            InvalidValueError,
            "undelayed and delayed synapses separately",
        ),
    ],
)
def test_connections_are_checked(network, options, error, text):
    source = source_at(network, 1.0)
    target = network.add(NeuronGroup(LIFVoltageJump, 1, "target"))
    given = {"port": "excitatory", "pairs": ONE, "weight": 1.0, "delay": 1} | options
    with pytest.raises(error, match=text):
        network.connect(source, target, **given)
    assert network.projections == []


def test_groups_of_another_network_are_refused(network):
    stranger = NeuronGroup(LIFVoltageJump, 1, "stranger")
    with pytest.raises(UnknownNameError, match="'stranger' is not a group of this network"):
        network.connect(stranger, stranger, "excitatory", ONE)


def test_synapses_need_one_value_for_all_or_for_each(kernel_cache):
    cells = np.zeros(3, np.int32)
    with pytest.raises(InvalidValueError, match="for 3 synapses; give one"):
        group_synapses(kernel_cache, 1, cells, cells, [1.0, 2.0], 1)


def test_sources_take_no_current(network):
    source = network.add(PoissonGroup(1, "noise"))
    with pytest.raises(InvalidValueError, match="takes no injected current"):
        network.inject(PulseCurrent(1.0, 0.0, 1.0), source, np.array([0]))


def test_time_goes_forward(network):
    with pytest.raises(InvalidValueError, match="only goes forward"):
        network.run(-1)


def test_a_state_that_explodes_stops_the_run(network):
    source = source_at(network, 5.0)
    target = network.add(NeuronGroup(LIFConductanceExponential, 3, "stiff"))
    pairs = (np.zeros(1, np.int32), np.array([2], np.int32))
    network.connect(source, target, "inhibitory", pairs, 1e308, 10)
    with pytest.raises(
        NonFiniteStateError, match=r"'v' of cell 2 of 'stiff' became .* at t = "
    ) as e:
        network.run(1000)
    assert (e.value.state, e.value.cell, e.value.group) == ("v", 2, "stiff")
    assert 6.0 < e.value.time < 20.0
    network.reset()
    network.run(40)


def chain(network, delay):
    """Source, then two neurons that each jump over the threshold when a spike arrives."""
    source = source_at(network, 1.0)
    first, second = (
        network.add(NeuronGroup(LIFVoltageJump, 1, label)) for label in ("first", "second")
    )
    for a, b in ((source, first), (first, second)):
        network.connect(a, b, "excitatory", ONE, 100.0, delay)
        network.record_spikes(b, slice(None))
    return first, second


def test_undelayed_edges_act_in_the_same_step(kernel_cache):
    network = EventNetwork(0.1, spike_precision="on_grid", cache=kernel_cache)
    groups = chain(network, 0)
    network.run(30)
    assert [network.spike_monitors[g].spikes(network.clock)[1].tolist() for g in groups] == [
        [1.0],
        [1.0],
    ]


def test_an_undelayed_edge_backwards_acts_in_the_next_step(kernel_cache):
    network = EventNetwork(0.1, spike_precision="on_grid", cache=kernel_cache)
    first, second = chain(network, 0)
    network.connect(second, first, "excitatory", ONE, 1.0, 0)
    monitor = network.record_state(first, "v", np.array([0]))
    network.run(30)
    # Its own spike at 1.0 ms resets it; the jump comes after the refractory period of one step.
    assert [network.spike_monitors[g].count for g in (first, second)] == [1, 1]
    assert monitor.samples[10, 0] == -65.0


def test_delayed_edges_act_after_their_delay(kernel_cache):
    network = EventNetwork(0.1, spike_precision="on_grid", cache=kernel_cache)
    groups = chain(network, 5)
    network.run(40)
    times = [network.spike_monitors[g].spikes(network.clock)[1].tolist() for g in groups]
    assert times == [[1.6], [2.2]]


def test_networks_do_not_share_anything_but_the_cache(kernel_cache):
    networks = [EventNetwork(0.1, cache=kernel_cache) for _ in range(2)]
    for network, current in zip(networks, (0.2, 0.4), strict=True):
        network.add(NeuronGroup(LIFCurrentExponential, 1, "cell", {"i_offset": current}))
    for _ in range(10):
        for network in networks:
            network.run(10)
    one, two = (network.groups[0]["v"][0] for network in networks)
    assert two + 65.0 == pytest.approx(2.0 * (one + 65.0))


def test_a_longer_delay_added_later_keeps_what_is_under_way(network):
    source = source_at(network, 1.0, 3.0)
    target = network.add(NeuronGroup(LIFVoltageJump, 1, "target", {"v_thresh": 1e6}))
    network.connect(source, target, "excitatory", ONE, 1.0, 15)
    network.run(20)
    network.connect(source, target, "excitatory", ONE, 1.0, 100)
    monitor = network.record_state(target, "v", np.array([0]))
    network.run(150)
    jumps = np.flatnonzero(np.diff(monitor.samples[:, 0]) > 0.5) + 1 + 20
    assert jumps.tolist() == [25, 45, 130]


def test_poisson_spikes_do_not_depend_on_the_rest_of_the_network(kernel_cache):
    counts = []
    for extra in (0, 1):
        network = EventNetwork(0.1, seed=3, cache=kernel_cache)
        noise = network.add(PoissonGroup(700, "noise", {"rate": 50.0}))
        monitor = network.record_spikes(noise, slice(None))
        if extra:
            network.add(PoissonGroup(5, "more", {"rate": 500.0}))
        for steps in (1000, 500, 1) if extra else (1501,):
            network.run(steps)
        counts.append((monitor.counts().tolist(), monitor.spikes(network.clock)[1].sum()))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("size", [1, 7, 8, 512, 1000, 4000, 4096])
def test_rows_are_aligned_and_not_pages_apart(size):
    rows = aligned_rows(5, size)
    assert rows.shape == (5, size)
    assert all(row.ctypes.data % 64 == 0 for row in rows)
    assert 32 <= row_width(size) % 512 <= 480 or size < 480
    rows[:] = np.arange(5)[:, None]
    assert rows.sum() == 10 * size


def test_states_are_torch_tensors_on_the_same_memory(network):
    group = network.add(NeuronGroup(LIFCurrentExponential, 3, "cells"))
    tensor = group.tensor("v")
    assert tuple(tensor.shape) == (1, 3)
    tensor += 5.0
    assert (group["v"] == -60.0).all()
