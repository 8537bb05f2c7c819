"""Electrical synapses: the potentials of coupled cells."""

from __future__ import annotations

import numpy as np
import pytest
import quantities as pq
from numpy.testing import assert_allclose, assert_array_equal
from pyNN import errors

TAU, C = 20.0, 0.5
START = np.array([-55.0, -65.0, -70.0])


@pytest.fixture
def cells(sim):
    celltype = sim.IF_curr_exp(tau_m=TAU, cm=C, v_rest=-65.0, v_thresh=1000.0)
    cells = sim.Population(3, celltype, initial_values={"v": START}, label="cells")
    cells.record("v")
    return cells


def potentials(conductance, duration, start=START):
    """Potentials of leaky cells with these conductances (uS) between them, after some time."""
    g = conductance + conductance.T
    rates = (np.diag(g.sum(axis=0)) - g) / C + np.eye(3) / TAU
    rate, modes = np.linalg.eigh(rates)
    return -65.0 + modes @ (np.exp(-rate * duration) * (modes.T @ (start + 65.0)))


def test_current_flows_both_ways(sim, cells, samples):
    weights = np.array([[0.0, 0.01, 0.02], [0.0, 0.0, 0.004], [0.0, 0.0, 0.0]])
    connector = sim.ArrayConnector(weights > 0)
    projection = sim.Projection(cells, cells, connector, sim.ElectricalSynapse(weight=weights))
    expected = np.where(weights > 0, weights, np.nan)
    assert_array_equal(projection.get("weight", "array"), expected)
    assert projection.receptor_type == "gap"
    assert len(projection) == projection.size() == 3
    sim.run(20.0)
    found = samples(cells, "v")
    for time in (1.0, 5.0, 20.0):
        assert_allclose(found[round(time / 0.1)], potentials(weights, time), atol=1e-3)
    sim.reset()
    assert_array_equal(projection.get("weight", "array"), expected)
    sim.run(20.0)
    assert_array_equal(samples(cells, "v"), found)


def test_a_connection_each_way_is_twice_the_conductance(sim, cells, samples):
    there = [(0, 1, 0.01)]
    both = [(0, 1, 0.01), (1, 0, 0.01)]
    ends = []
    for rows in (there, both):
        sim.Projection(cells, cells, sim.FromListConnector(rows, column_names=["weight"]),
                       sim.ElectricalSynapse())  # fmt: skip
        sim.run(10.0)
        ends.append(samples(cells, "v")[-1])
        sim.reset()
    # The second projection is added to the first.
    for end, conductance in zip(ends, (0.01, 0.03), strict=True):
        matrix = np.zeros((3, 3))
        matrix[0, 1] = conductance
        assert_allclose(end, potentials(matrix, 10.0), atol=1e-3)


def test_conductances_can_be_set(sim, cells, samples):
    connector = sim.FromListConnector([(2, 1), (0, 1), (0, 2)])
    projection = sim.Projection(cells, cells, connector, sim.ElectricalSynapse(weight=0.01))
    projection.set(weight=0.02)
    assert projection.get("weight", "list") == [(0, 1, 0.02), (0, 2, 0.02), (2, 1, 0.02)]
    projection.set(weight=np.array([[9.0, 0.1, 0.2], [9.0] * 3, [9.0, 0.3, 9.0]]) * pq.nS)
    projection[1].weight = 0.004
    assert [c.weight for c in projection] == pytest.approx([1e-4, 0.004, 3e-4])
    with pytest.raises(errors.InvalidWeightError, match="A weight of -1 for 'cells→cells'"):
        projection.set(weight=-1.0)
    with pytest.raises(errors.InvalidWeightError, match="A weight of -1 for 'cells→cells'"):
        projection[0].weight = -1.0
    matrix = projection.get("weight", "array")
    sim.run(10.0)
    assert_allclose(samples(cells, "v")[-1], potentials(np.nan_to_num(matrix), 10.0), atol=1e-3)


@pytest.mark.parametrize("receptor", [None, "gap", "source_section.gap", "excitatory"])
def test_the_receptor_type_means_nothing(sim, cells, receptor):
    junction = sim.ElectricalSynapse(weight=0.01)
    projection = sim.Projection(cells, cells, sim.OneToOneConnector(), junction,
                                receptor_type=receptor)  # fmt: skip
    assert projection.receptor_type == "gap"


def test_views_and_assemblies(sim, cells):
    other = sim.Population(2, sim.IF_curr_alpha(), label="other")
    left, right = cells[1:3], sim.Assembly(other[1:2], cells[0:1], label="right")
    weights = np.array([[0.1, 0.2], [0.3, 0.4]])
    synapse = sim.ElectricalSynapse(weight=weights)
    projection = sim.Projection(left, right, sim.AllToAllConnector(), synapse)
    assert_array_equal(projection.get("weight", "array"), weights)
    assert projection.get("weight", "list", with_address=False)
    for connection in projection:
        i, j = connection.presynaptic_index, connection.postsynaptic_index
        assert connection.weight == weights[i, j]
    projection.set(weight=weights.T)
    assert_array_equal(projection.get("weight", "array"), weights.T)
    sim.run(1.0)


@pytest.mark.parametrize(
    ("name", "amplitude"),
    [
        ("HH_cond_exp", 2.0),
        ("EIF_cond_exp_isfa_ista", 1.0),
        ("IF_cond_alpha", 1.5),
        ("IF_curr_delta", 2.0),
        ("Izhikevich", 0.01),
    ],
)
def test_every_cell_with_a_membrane_can_be_coupled(sim, samples, name, amplitude):
    cells = sim.Population(2, getattr(sim, name)())
    sim.DCSource(amplitude=amplitude, start=5.0).inject_into(cells[0:1])
    cells.record(["spikes", "v"])
    pair = sim.FromListConnector([(0, 1)])
    synapse = sim.ElectricalSynapse(weight=amplitude / 20.0)
    projection = sim.Projection(cells, cells, pair, synapse)
    sim.run(100.0)
    coupled, driven = samples(cells, "v")[:, 1], cells.get_data().segments[0].spiketrains[0]
    sim.reset()
    projection.set(weight=0.0)
    sim.run(100.0)
    alone = samples(cells, "v")[:, 1]
    assert len(driven) > 0
    assert (coupled - alone).max() > 2.0
    assert (coupled[:50] == alone[:50]).all()


def test_what_cannot_be_coupled(sim, cells, network):
    source = sim.Population(1, sim.SpikeSourcePoisson(), label="source")
    before = network()
    junction = sim.ElectricalSynapse(weight=0.01)
    with pytest.raises(errors.ConnectionError, match=r"'source' \(.*\) has no membrane"):
        sim.Projection(source, cells, sim.AllToAllConnector(), junction)
    with pytest.raises(errors.ConnectionError, match="spike sources only send"):
        sim.Projection(cells, source, sim.AllToAllConnector(), junction)
    with pytest.raises(errors.ConnectionError, match="must be a Population"):
        sim.Projection(cells, "cells", sim.AllToAllConnector(), junction)
    with pytest.raises(errors.InvalidParameterValueError, match="in uS"):
        sim.ElectricalSynapse(weight=1.0 * pq.nA)
    with pytest.raises(errors.InvalidWeightError, match=r"A weight of -0.1 for .Elec"):
        sim.ElectricalSynapse(weight=-0.1)
    with pytest.raises(errors.NonExistentParameterError, match="delay"):
        sim.ElectricalSynapse(delay=1.0)
    negative = sim.ElectricalSynapse(weight=lambda d: -1.0 - d)
    with pytest.raises(errors.InvalidWeightError, match="must be finite and >= 0 uS"):
        sim.Projection(cells, cells, sim.AllToAllConnector(), negative)
    assert network() == before
    projection = sim.Projection(cells, cells, sim.AllToAllConnector(), junction)
    with pytest.raises(errors.NonExistentParameterError, match="delay"):
        projection.get("delay", "list")
    with pytest.raises(errors.NonExistentParameterError, match="u"):
        projection.initialize(u=1.0)
    with pytest.raises(errors.InvalidParameterValueError, match="takes uS"):
        projection.set(weight=1.0 * pq.nA)
