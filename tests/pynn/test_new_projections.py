"""Making projections: what is refused, views and assemblies."""

from __future__ import annotations

import numpy as np
import pytest
import quantities as pq
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy import nan
from numpy.testing import assert_allclose, assert_array_equal
from pyNN import errors


@pytest.fixture
def cells(sim):
    return sim.Population(4, sim.IF_curr_exp(), label="pre"), sim.Population(
        2, sim.IF_curr_exp(), label="post"
    )


# --- making projections --------------------------------------------------------------------------


def test_the_receptor_follows_the_sign(sim, cells):
    for weight, receptor in ((0.5, "excitatory"), (0.0, "excitatory"), (-0.5, "inhibitory")):
        synapse = sim.StaticSynapse(weight=weight)
        projection = sim.Projection(*cells, sim.AllToAllConnector(), synapse)
        assert projection.receptor_type == receptor


@pytest.mark.parametrize("receptor", ["AMPA", 3])
def test_unknown_receptors(sim, cells, network, receptor):
    before = network()
    with pytest.raises(errors.ConnectionError, match="'excitatory', 'inhibitory'"):
        sim.Projection(*cells, sim.AllToAllConnector(), receptor_type=receptor)
    assert network() == before


def test_a_source_cannot_be_a_target(sim, cells, network):
    source = sim.Population(2, sim.SpikeSourceArray(), label="source")
    before = network()
    with pytest.raises(errors.ConnectionError, match="receptor"):
        sim.Projection(cells[0], source, sim.AllToAllConnector())
    with pytest.raises(errors.ConnectionError, match=r"receptor|homogeneous"):
        sim.Projection(cells[0], cells[1] + source, sim.AllToAllConnector())
    assert network() == before


def test_what_is_no_population_connector_or_synapse(sim, cells, network):
    before = network()
    for wrong in (None, cells[0][0], 3):
        with pytest.raises(errors.ConnectionError, match="presynaptic_neurons must be a Pop"):
            sim.Projection(wrong, cells[1], sim.AllToAllConnector())
        with pytest.raises(errors.ConnectionError, match="postsynaptic_neurons must be a Pop"):
            sim.Projection(cells[0], wrong, sim.AllToAllConnector())
    with pytest.raises(TypeError, match="`connector` should be an instance"):
        sim.Projection(*cells, sim.AllToAllConnector)
    with pytest.raises(TypeError, match="`synapse_type` should be an instance"):
        sim.Projection(*cells, sim.AllToAllConnector(), sim.StaticSynapse)
    assert network() == before


def test_synapse_types_of_other_simulators_are_refused(sim, cells, network):
    from pyNN.standardmodels.synapses import StaticSynapse

    class Foreign(StaticSynapse):
        translations = sim.StaticSynapse.translations

        def _get_minimum_delay(self):
            return 0.1

    before = network()
    with pytest.raises(errors.InvalidModelError, match="Foreign is not a synapse type of pyNN"):
        sim.Projection(*cells, sim.AllToAllConnector(), Foreign())
    assert network() == before


def test_connectors_that_know_only_pynn_connect_the_same(sim, cells, network):
    from pyNN import connectors

    weight = sim.RandomDistribution("uniform", (0.0, 1.0), rng=sim.NumpyRNG(3))
    found = []
    for module in (sim, connectors):
        connector = module.FixedProbabilityConnector(0.6, rng=sim.NumpyRNG(5))
        projection = sim.Projection(*cells, connector, sim.StaticSynapse(weight=weight, delay=0.5))
        found.append(projection.get(["weight", "delay"], format="list"))
    assert found[0] == found[1]
    assert len(found[0]) > 0
    before = network()
    elsewhere = connectors.AllToAllConnector(location_selector="soma")
    with pytest.raises(NotImplementedError, match="one compartment"):
        sim.Projection(*cells, elsewhere)
    assert network() == before


def test_a_connector_that_fails_leaves_nothing_behind(sim, cells, network):
    def stop(fraction):
        if fraction == 1.0:
            raise KeyboardInterrupt

    before = network()
    with pytest.raises(KeyboardInterrupt):
        sim.Projection(*cells, sim.AllToAllConnector(callback=stop))
    assert network() == before


def test_an_assembly_of_currents_and_conductances(sim, cells):
    mixed = cells[1] + sim.Population(2, sim.IF_cond_exp())
    with pytest.raises(errors.ConnectionError, match="homogeneous synapses"):
        sim.Projection(cells[0], mixed, sim.AllToAllConnector())


def test_an_assembly_of_currents_and_voltages_takes_no_quantity(sim, cells):
    mixed = cells[1] + sim.Population(2, sim.IF_curr_delta())
    with pytest.raises(errors.InvalidParameterValueError, match="mV"):
        sim.Projection(
            cells[0], mixed, sim.AllToAllConnector(), sim.StaticSynapse(weight=1 * pq.nA)
        )


# --- views and assemblies ------------------------------------------------------------------------


def simulate(sim, make):
    """Voltages of ten cells that receive what `make(source, cells)` connects."""
    sim.setup(timestep=0.1)
    times = [[1.0 + 0.7 * i, 6.0] for i in range(6)]
    source = sim.Population(6, sim.SpikeSourceArray(spike_times=times))
    cells = sim.Population(10, sim.IF_curr_exp())
    projection = make(source, cells)
    cells.record("v")
    sim.run(15.0)
    return projection, cells.get_data().segments[0].analogsignals[0].magnitude


CONNECTIONS = [(0, 1, 0.11, 1.0), (2, 0, 0.22, 2.0), (1, 2, 0.33, 0.5), (2, 3, 0.44, 0.1),
               (3, 1, 0.55, 1.7), (0, 0, 0.66, 3.0)]  # fmt: skip


@pytest.mark.parametrize(
    ("pre", "post"),
    [(slice(1, 5), slice(2, 6)), ([0, 2, 4, 5], [1, 3, 7, 9]),
     (slice(4, 0, -1), slice(9, 2, -2)), (slice(0, 4), slice(0, 4))],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["views", "views of views", "assemblies"])
def test_views_and_assemblies_connect_the_right_cells(sim, pre, post, kind):
    pre_cells, post_cells = np.arange(6)[pre], np.arange(10)[post]

    def with_views(source, cells):
        sides = [source[pre], cells[post]]
        if kind == "views of views":
            sides = [source[0:6][pre], cells[np.ones(10, bool)][post]]
        if kind == "assemblies":
            sides = [
                sim.Assembly(source[list(map(int, pre_cells[:2]))],
                             source[list(map(int, pre_cells[2:]))]),
                sim.Assembly(cells[[int(post_cells[0])]],
                             cells[list(map(int, post_cells[1:]))]),
            ]  # fmt: skip
            nonlocal_order[:] = [
                [int(c) for c in sides[0].all_cells],
                [int(c) - 6 for c in sides[1].all_cells],
            ]
        return sim.Projection(*sides, sim.FromListConnector(CONNECTIONS))

    nonlocal_order = [pre_cells, post_cells]
    projection, v = simulate(sim, with_views)
    assert sorted(projection.get(["weight", "delay"], "list")) == sorted(CONNECTIONS)
    addresses = {(c.presynaptic_index, c.postsynaptic_index): c.weight for c in projection}
    assert addresses == {(i, j): w for i, j, w, _ in CONNECTIONS}
    weights = projection.get("weight", "array")
    assert all(weights[i, j] == w for i, j, w, _ in CONNECTIONS)
    assert projection.shape == (4, len(post_cells))
    order = nonlocal_order
    plain = [(int(order[0][i]), int(order[1][j]), w, d) for i, j, w, d in CONNECTIONS]
    _, expected = simulate(sim, lambda s, c: sim.Projection(s, c, sim.FromListConnector(plain)))
    assert_array_equal(v, expected)


def test_assemblies_of_several_populations(sim, samples):
    def build(joined):
        sim.setup(timestep=0.1)
        sources = [sim.Population(2, sim.SpikeSourceArray(spike_times=[1.0 + k])) for k in (0, 1)]
        cells = [sim.Population(n, sim.IF_curr_exp(tau_m=10.0 + n)) for n in (2, 3)]
        weights = np.arange(1.0, 21.0).reshape(4, 5) / 100
        delays = np.arange(1.0, 21.0).reshape(4, 5) / 10
        if joined:
            synapse = sim.StaticSynapse(weight=weights, delay=delays)
            sides = sim.Assembly(*sources), sim.Assembly(*cells)
            projection = sim.Projection(*sides, sim.AllToAllConnector(), synapse)
            assert len(projection) == 20
            assert_array_equal(projection.get("weight", "array"), weights)
            assert_allclose(projection.get("delay", "array"), delays)
            listed = projection.get("weight", "list")
            assert sorted(listed) == [(i, j, weights[i, j]) for i in range(4) for j in range(5)]
            found = {(c.presynaptic_index, c.postsynaptic_index): c.weight for c in projection}
            assert found == {(i, j): w for i, j, w in listed}
            projection.set(weight=2 * weights)
            assert_array_equal(projection.get("weight", "array"), 2 * weights)
            projection.set(weight=list(3 * weights.ravel()))
            assert_array_equal(projection.get("weight", "array"), 3 * weights)
        else:
            for i, source in enumerate(sources):
                for part, cell in zip((slice(0, 2), slice(2, 5)), cells, strict=True):
                    rows = slice(2 * i, 2 * i + 2)
                    synapse = sim.StaticSynapse(
                        weight=3 * weights[rows, part], delay=delays[rows, part]
                    )
                    sim.Projection(source, cell, sim.AllToAllConnector(), synapse)
        for cell in cells:
            cell.record("v")
        sim.run(10.0)
        return [samples(cell, "v") for cell in cells]

    for one, other in zip(build(True), build(False), strict=True):
        assert one.max() > -65.0
        assert_allclose(one, other, rtol=1e-13)


def test_an_assembly_that_holds_a_cell_twice_has_each_connection_once(sim):
    cells = sim.Population(4, sim.IF_curr_exp())
    target = sim.Population(1, sim.IF_curr_exp())
    assembly = sim.Assembly(cells[0:2], cells)
    projection = sim.Projection(
        assembly, target, sim.AllToAllConnector(), sim.StaticSynapse(weight=1.0)
    )
    assert_array_equal(projection.get("weight", "array"), np.ones((assembly.size, 1)))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_connections_are_read_back(data):
    import pyNN.ship as sim

    n_pre, n_post = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6))
    connection = st.tuples(
        st.integers(0, n_pre - 1), st.integers(0, n_post - 1),
        st.floats(0.0, 10.0), st.integers(1, 50).map(lambda k: k / 10),
    )  # fmt: skip
    connections = data.draw(st.lists(connection, min_size=1, max_size=15))
    sim.setup(timestep=0.1)
    pre, post = sim.Population(n_pre, sim.IF_curr_exp()), sim.Population(n_post, sim.IF_cond_exp())
    projection = sim.Projection(pre, post, sim.FromListConnector(connections))
    assert sorted(projection.get(["weight", "delay"], "list")) == sorted(connections)
    for operation, reduce in (("min", min), ("max", max), ("sum", sum)):
        matrix = np.full((n_pre, n_post), nan)
        for i, j in {(i, j) for i, j, *_ in connections}:
            matrix[i, j] = reduce(w for a, b, w, _ in connections if (a, b) == (i, j))
        found = projection.get("weight", "array", multiple_synapses=operation)
        assert_allclose(found, matrix, rtol=1e-12)
    projection.set(weight=matrix)
    again = projection.get("weight", "array", multiple_synapses="first")
    assert_array_equal(again, matrix)
