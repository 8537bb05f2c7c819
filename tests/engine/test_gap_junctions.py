"""Gap junctions: what they refuse, and what lasts from run to run."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ship_engine.currents import StepCurrent
from ship_engine.errors import InvalidValueError, UnknownNameError
from ship_engine.event_network import EventNetwork
from ship_engine.executors.numba_cpu import NumbaExecutor
from ship_engine.executors.torch_autograd import TorchExecutor
from ship_engine.groups import NeuronGroup, SpikeArrayGroup
from ship_engine.models.base import Model, Parameter, State
from ship_engine.models.lif import LIFConductanceAlpha, LIFCurrentExponential

RING = (np.arange(4, dtype=np.int32), np.roll(np.arange(4, dtype=np.int32), 1))


class Potential(Model):
    """A potential that no current reaches."""

    name = "Potential"
    parameters = (Parameter("factor", 1.0, "1"),)
    states = (State("v", 1.0, "mV"),)

    @staticmethod
    def time_dep():
        return ()

    @staticmethod
    def advance_timestep(v, factor):
        return (v * factor,)


def build(executor, seed=1, precision="off_grid"):
    """Two groups that fire, coupled within and between, one of them with a current."""
    network = EventNetwork(0.1, seed, precision, executor)
    random = np.random.default_rng(seed)
    first = NeuronGroup(LIFCurrentExponential, 4, "first", {"i_offset": [2.9, 1.9, 0.4, 2.4]})
    second = NeuronGroup(LIFConductanceAlpha, 4, "second", {"i_offset": 2.0, "tau_refrac": 3.0})
    for group in (first, second):
        network.add(group)
        group.initialize("v", random.uniform(-65.0, -52.0, 4))
        network.record_spikes(group, slice(None))
        network.record_state(group, "v", np.arange(4))
    network.couple(first, first, RING, [0.01, 0.02, 0.0, 0.03])
    network.couple(first, second, RING, 0.015)
    network.inject(StepCurrent(np.array([5.0]), np.array([0.3])), second, np.array([2]))
    return network


def assert_same(one, other, tolerance=1e-9):
    for first, second in zip(one.state_monitors, other.state_monitors, strict=True):
        np.testing.assert_allclose(first.samples, second.samples, rtol=0.0, atol=tolerance)
    for first, second in zip(one.groups, other.groups, strict=True):
        spikes = [n.spike_monitors[g].spikes(n.clock) for n, g in ((one, first), (other, second))]
        assert spikes[0][0].size > 5
        np.testing.assert_array_equal(spikes[0][0], spikes[1][0])
        np.testing.assert_allclose(first.current, second.current, rtol=0.0, atol=tolerance)
        np.testing.assert_allclose(first.coupling.before, second.coupling.before, atol=tolerance)


def test_torch_as_numba(kernel_cache):
    networks = [build(executor) for executor in (NumbaExecutor(kernel_cache), TorchExecutor())]
    for network in networks:
        network.run(700)
        network.gap_junctions[1].set(0.03)
        network.run(300)
    assert_same(*networks)


def test_a_run_may_be_cut_wherever_a_cell_spikes(executor):
    """Whatever has changed in the network between two of its parts."""
    whole, cut = build(executor()), build(executor())
    whole.run(400)
    for _ in range(400):
        cut.run(1)
        cut.record_spikes(cut.groups[0], slice(None))
    assert_same(whole, cut)


def test_reset_forgets_the_past(executor):
    network, fresh = build(executor()), build(executor())
    network.run(321)
    network.reset()
    for each in (network, fresh):
        each.run(400)
    assert_same(network, fresh)


def test_conductance_zero_is_no_junction(executor):
    coupled, apart = build(executor()), build(executor())
    apart.gap_junctions.clear()
    for junctions in coupled.gap_junctions:
        junctions.set(0.0)
    for network in (coupled, apart):
        network.run(400)
    assert_same(coupled, apart, 1e-12)


@pytest.fixture
def network(kernel_cache):
    return EventNetwork(0.1, cache=kernel_cache)


@pytest.fixture
def cells(network):
    return network.add(NeuronGroup(LIFCurrentExponential, 4, "cells"))


@pytest.mark.parametrize(
    ("conductance", "text"),
    [
        (-0.1, "A conductance of -0.1 uS .* 'cells' and 'cells'; it must be finite and >= 0"),
        ([0.1, 0.2, np.nan, 0.0], "nan uS"),
        (np.inf, "inf uS"),
        ([0.1, 0.2], r"Conductances of shape \(2,\) for 4 gap junctions"),
        (np.ones((4, 1)), r"shape \(4, 1\)"),
    ],
)
def test_conductances_are_checked(network, cells, conductance, text):
    with pytest.raises(InvalidValueError, match=text):
        network.couple(cells, cells, RING, conductance)
    junctions = network.couple(cells, cells, RING, 0.5)
    with pytest.raises(InvalidValueError, match=text):
        junctions.set(conductance)
    np.testing.assert_array_equal(junctions.conductance, [0.5])
    assert junctions.version == 1


def test_only_cells_of_this_network_that_exist(network, cells):
    stranger = NeuronGroup(LIFCurrentExponential, 4, "stranger")
    with pytest.raises(UnknownNameError, match="'stranger' is not a group of this network"):
        network.couple(cells, stranger, RING, 0.1)
    with pytest.raises(InvalidValueError, match="components 0 to 3"):
        network.couple(cells, cells, (RING[0] + 1, RING[1]), 0.1)
    assert not network.gap_junctions


@pytest.mark.parametrize("other", [SpikeArrayGroup(4, "other"), NeuronGroup(Potential, 4, "other")])
def test_only_membranes_that_take_a_current(network, cells, other):
    network.add(other)
    for ends in ((cells, other), (other, cells)):
        with pytest.raises(InvalidValueError, match=r"'other' .* has no membrane"):
            network.couple(*ends, RING, 0.1)
    assert cells.coupling is None


def test_a_differentiable_simulation_has_the_same_currents(kernel_cache):
    network = build(TorchExecutor(), precision="on_grid")
    groups = network.groups
    network.run(300)
    found = TorchExecutor().simulate(network, 300, record=[(group, "v") for group in groups])
    for monitor, group in zip(network.state_monitors, groups, strict=True):
        v = found.states[group, "v"][0]
        np.testing.assert_allclose(monitor.samples, v, rtol=0.0, atol=1e-9)
        assert found.spikes[group].sum() == network.spike_monitors[group].count > 5


def test_gradients_flow_through_gap_junctions(kernel_cache):
    network = EventNetwork(0.1, spike_precision="on_grid", cache=kernel_cache)
    first, second = (NeuronGroup(LIFCurrentExponential, 2, name) for name in ("first", "second"))
    pair = (np.array([0], np.int32), np.array([1], np.int32))
    for group in (first, second):
        network.add(group)
    network.couple(first, second, pair, 0.05)
    drive = torch.full((1, 2), 0.2, dtype=torch.float64, requires_grad=True)
    options = {"parameters": {(first, "i_offset"): drive}, "record": [(second, "v")]}
    v = TorchExecutor().simulate(network, 100, **options).states[second, "v"]
    v[0, -1].sum().backward()
    assert drive.grad[0, 0] > 0.01
    assert drive.grad[0, 1] == 0.0


def test_conductances_too_large_for_the_time_step_are_refused(kernel_cache):
    network = EventNetwork(0.1, cache=kernel_cache)
    cells = network.add(NeuronGroup(LIFCurrentExponential, 3, "cells", {"cm": [1.0, 0.5, 1.0]}))
    pairs = np.array([0, 1], np.int32), np.array([1, 2], np.int32)
    junctions = network.couple(cells, cells, pairs, [0.5, 0.6])
    network.run(10)
    junctions.set([1.0, 0.6])
    with pytest.raises(InvalidValueError, match=r"1.6 uS in all at cell 1 of 'cells'.*0.078 ms"):
        network.run(10)
