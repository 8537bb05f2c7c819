"""What the tests of the PyNN interface share."""

from __future__ import annotations

import pyNN.ship as ship
import pytest

from pyNN_ship import simulator


@pytest.fixture
def sim():
    """A freshly set-up simulator with a time step of 0.1 ms."""
    ship.setup(timestep=0.1)
    simulator.state.write_on_end = []
    yield ship
    simulator.state.write_on_end = []


@pytest.fixture
def state():
    """The state behind the simulator."""
    return simulator.state


@pytest.fixture
def samples():
    """Read what was recorded of a variable: an array [samples, cells]."""

    def read(population, variable, segment=-1):
        signals = population.get_data(variable).segments[segment].analogsignals
        (signal,) = (s for s in signals if s.name == variable)
        return signal.magnitude

    return read


@pytest.fixture
def spike_times():
    """Read the recorded spikes: an array for each cell."""

    def read(population, segment=-1):
        trains = population.get_data("spikes").segments[segment].spiketrains
        return [train.magnitude for train in trains]

    return read


@pytest.fixture
def network(state):
    """Count what the simulator holds, to see that a refused call leaves nothing behind."""

    def count():
        net = state.network
        held = (net.groups, net.projections, net.injections, net.spike_monitors)
        rest = (net.state_monitors, state.recorders, state.current_sources)
        return [len(things) for things in (*held, *rest)]

    return count


@pytest.fixture
def one_spike(sim):
    """Make a network of one source that spikes once, and one cell that it reaches."""

    def build(celltype, weight, delay=1.0, time=1.0, receptor=None, **record):
        source = sim.Population(1, sim.SpikeSourceArray(spike_times=[time]))
        cell = sim.Population(1, celltype)
        cell.record([v for v in celltype.recordable if v != "spikes"], **record)
        synapse = sim.StaticSynapse(weight=weight, delay=delay)
        sim.Projection(source, cell, sim.OneToOneConnector(), synapse, receptor_type=receptor)
        return cell

    return build
