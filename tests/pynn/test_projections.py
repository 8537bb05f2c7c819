"""Projections: reading and writing weights and delays, views and assemblies, single connections."""

from __future__ import annotations

import numpy as np
import pytest
import quantities as pq
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy import nan
from numpy.testing import assert_allclose, assert_array_equal
from pyNN import errors

LISTED = [(0, 0, 0.1, 1.0), (1, 0, 0.2, 2.0), (1, 1, 0.3, 3.0), (3, 0, 0.4, 4.0),
          (2, 1, 0.5, 5.0)]  # fmt: skip
MULTIPLE = [
    (0, 0, 0.1, 1.0),
    (1, 0, 0.3, 2.0),
    (1, 0, 0.1, 3.0),
    (1, 0, 0.2, 1.5),
    (2, 1, 0.5, 5.0),
]


@pytest.fixture
def cells(sim):
    return sim.Population(4, sim.IF_curr_exp(), label="pre"), sim.Population(
        2, sim.IF_curr_exp(), label="post"
    )


@pytest.fixture
def full(sim, cells):
    return sim.Projection(*cells, sim.AllToAllConnector(), sim.StaticSynapse(weight=0.5, delay=1.0))


@pytest.fixture
def partial(sim, cells):
    return sim.Projection(*cells, sim.FromListConnector(LISTED))


@pytest.fixture
def multiple(sim, cells):
    return sim.Projection(*cells, sim.FromListConnector(MULTIPLE))


# --- reading -------------------------------------------------------------------------------------


def test_as_a_list(partial):
    assert sorted(partial.get(["weight", "delay"], "list")) == sorted(LISTED)
    assert sorted(partial.get("weight", "list")) == sorted((i, j, w) for i, j, w, _ in LISTED)
    assert sorted(partial.get("weight", "list", with_address=False)) == [0.1, 0.2, 0.3, 0.4, 0.5]
    pairs = partial.get(["delay", "weight"], "list", with_address=False)
    assert sorted(pairs) == [(1.0, 0.1), (2.0, 0.2), (3.0, 0.3), (4.0, 0.4), (5.0, 0.5)]


def test_as_an_array(partial):
    weights, delays = partial.get(["weight", "delay"], "array")
    assert_array_equal(weights, [[0.1, nan], [0.2, 0.3], [nan, 0.5], [0.4, nan]])
    assert_array_equal(delays, [[1.0, nan], [2.0, 3.0], [nan, 5.0], [4.0, nan]])
    assert_array_equal(partial.get("weight", "array"), weights)
    assert_array_equal(partial.get("weight", "array", gather=False), weights)


def test_the_list_is_ordered_by_source(multiple):
    addresses = [(i, j) for i, j, _ in multiple.get("weight", "list")]
    assert addresses == sorted(addresses)


@pytest.mark.parametrize(
    ("operation", "weight", "delay"),
    [("sum", 0.6, 6.5), ("first", 0.3, 2.0), ("last", 0.2, 1.5), ("min", 0.1, 1.5),
     ("max", 0.3, 3.0)],
)  # fmt: skip
def test_several_synapses_of_a_pair(multiple, operation, weight, delay):
    assert len(multiple) == 5
    weights, delays = multiple.get(["weight", "delay"], "array", multiple_synapses=operation)
    assert_allclose(weights, [[0.1, nan], [weight, nan], [nan, 0.5], [nan, nan]], rtol=1e-15)
    assert_allclose(delays, [[1.0, nan], [delay, nan], [nan, 5.0], [nan, nan]], rtol=1e-15)


def test_sum_is_the_default(multiple):
    assert_allclose(multiple.get("weight", "array")[1, 0], 0.6)


def test_what_cannot_be_read(full):
    with pytest.raises(errors.NonExistentParameterError, match=r"wieght .*delay, weight"):
        full.get("wieght", "list")
    with pytest.raises(errors.NonExistentParameterError, match="weights"):
        full.get(["delay", "weights"], "array")
    with pytest.raises(ValueError, match="format = 'foo'; give 'list' or 'array'"):
        full.get("weight", "foo")
    with pytest.raises(ValueError, match="`multiple_synapses` argument must be one of"):
        full.get("weight", "array", multiple_synapses="mean")


def test_an_empty_projection(sim, cells):
    projection = sim.Projection(*cells, sim.FixedProbabilityConnector(0.0))
    assert len(projection) == projection.size() == 0
    assert projection.get("weight", "list") == []
    assert np.isnan(projection.get("weight", "array")).all()
    assert list(projection) == list(projection.connections) == []
    projection.set(weight=1.0)
    sim.run(1.0)


# --- writing -------------------------------------------------------------------------------------


def test_set_a_number(full):
    full.set(weight=0.25, delay=2.0)
    assert (full.get("weight", "array") == 0.25).all()
    assert (full.get("delay", "array") == 2.0).all()


@pytest.mark.parametrize("name", ["weight", "delay"])
def test_set_an_array(full, partial, name):
    values = np.arange(1.0, 9.0).reshape(4, 2)
    full.set(**{name: values})
    assert_array_equal(full.get(name, "array"), values)
    partial.set(**{name: values})
    expected = np.where(np.isnan(partial.get(name, "array")), nan, values)
    assert_array_equal(partial.get(name, "array"), expected)


def test_set_an_array_with_gaps(partial):
    values = np.array([[0, nan], [2, 3], [nan, 5], [6, nan]])
    partial.set(weight=values)
    assert_array_equal(partial.get("weight", "array"), values)


@pytest.mark.parametrize("kind", [list, np.array])
def test_set_a_list(partial, kind):
    partial.set(delay=kind([1.0, 2.0, 3.0, 4.0, 5.0]))
    assert_array_equal(partial.get("delay", "array"), [[1, nan], [2, 3], [nan, 4], [5, nan]])


def test_set_several_synapses_of_a_pair(multiple):
    multiple.set(weight=np.arange(8.0).reshape(4, 2))
    assert [w for *_, w in multiple.get("weight", "list")] == [0.0, 2.0, 2.0, 2.0, 5.0]


@pytest.mark.parametrize("value", ["0.5+d", lambda d: 0.5 + d])
def test_set_a_function_of_distance(sim, full, partial, value):
    expected = np.array([[0.5, 1.5], [1.5, 0.5], [2.5, 1.5], [3.5, 2.5]])
    full.set(delay=value)
    assert_array_equal(full.get("delay", "array"), expected)
    partial.set(weight=value)
    known = partial.get("weight", "array")
    assert_array_equal(known, np.where(np.isnan(known), nan, expected))


def test_set_random_values(sim, full):
    def distribution():
        return sim.RandomDistribution("uniform", (1, 2), rng=sim.NumpyRNG(5))

    full.set(weight=distribution())
    assert_array_equal(full.get("weight", "array").ravel(), distribution().next(8))
    full.set(delay=distribution())
    assert_allclose(full.get("delay", "array"), full.get("weight", "array"), atol=0.05 + 1e-12)


def test_set_quantities(full):
    full.set(weight=250 * pq.pA, delay=0.002 * pq.s)
    assert_allclose(full.get("weight", "array"), 0.25)
    assert_allclose(full.get("delay", "array"), 2.0)
    full.set(weight=np.full((4, 2), 100.0) * pq.pA)
    assert_allclose(full.get("weight", "array"), 0.1)


def test_delays_are_rounded_to_the_nearest_step(sim, cells, full):
    for given_delay, used in ((0.14, 0.1), (0.16, 0.2), (1.04, 1.0), (12.36, 12.4)):
        full.set(delay=given_delay)
        assert full.get("delay", "list", with_address=False)[0] == used
        synapse = sim.StaticSynapse(delay=given_delay)
        again = sim.Projection(*cells, sim.AllToAllConnector(), synapse)
        assert again.get("delay", "list", with_address=False)[0] == used


REFUSED = [
    ("weight", nan, errors.InvalidWeightError, "A weight of nan in 'pre→post'.*finite"),
    ("weight", np.inf, errors.InvalidWeightError, "A weight of inf in 'pre→post'.*finite"),
    ("delay", 0.0, errors.ConnectionError, "A delay of 0 ms in 'pre→post' is out of range"),
    ("delay", -1.0, errors.ConnectionError, "A delay of -1 ms"),
    ("delay", 0.04, errors.ConnectionError, r"A delay of 0.04 ms .*\[0.1, inf\] ms; change it"),
    ("delay", nan, errors.ConnectionError, "A delay of nan ms"),
    ("delay", np.inf, errors.ConnectionError, "A delay of inf ms"),
    ("delay", 1 * pq.nA, errors.InvalidParameterValueError, "cannot be converted to ms"),
    ("weight", 1 * pq.ms, errors.InvalidParameterValueError, "neither a current"),
    ("weight", 1 * pq.uS, errors.InvalidParameterValueError, "takes nA"),
]


@pytest.mark.parametrize(("name", "value", "error", "message"), REFUSED)
def test_impossible_values_are_refused(sim, cells, full, network, name, value, error, message):
    before = network()
    with pytest.raises(error, match=message):
        full.set(**{name: value})
    with pytest.raises(error):
        full[0].__setattr__(name, value)
    with pytest.raises(error, match=message):
        sim.Projection(
            *cells,
            sim.AllToAllConnector(),
            sim.StaticSynapse(**{name: value}),
            receptor_type="excitatory",
            label="pre→post",
        )
    assert (full.get("weight", "array") == 0.5).all()
    assert (full.get("delay", "array") == 1.0).all()
    assert network() == before
    assert sim.run(2.0) == 2.0


def test_a_single_impossible_value_is_refused(sim, cells, full):
    values = np.full((4, 2), 0.1)
    values[2, 1] = nan
    with pytest.raises(errors.InvalidWeightError, match="nan"):
        full.set(delay=1.5, weight=values)
    assert (full.get("delay", "array") == 1.0).all()
    connector = sim.FromListConnector([(0, 0, 0.1, 1.0), (1, 1, nan, 1.0)])
    with pytest.raises(errors.InvalidWeightError, match="nan"):
        sim.Projection(*cells, connector, receptor_type="excitatory")


def test_a_weight_that_is_not_a_number_is_not_called_negative(sim, cells):
    with pytest.raises(errors.InvalidWeightError, match="nan"):
        sim.Projection(*cells, sim.AllToAllConnector(), sim.StaticSynapse(weight=nan))


@pytest.mark.parametrize("value", [[1.0, 2.0], np.ones((2, 4)), np.ones(9), np.ones((4, 2, 1))])
def test_arrays_that_do_not_fit_are_refused(sim, cells, full, network, value):
    before = network()
    with pytest.raises(errors.InvalidDimensionsError):
        full.set(weight=value)
    with pytest.raises(errors.InvalidDimensionsError, match="weight"):
        sim.Projection(*cells, sim.AllToAllConnector(), sim.StaticSynapse(weight=value))
    assert network() == before


@pytest.mark.parametrize("value", ["x", {"a": 1}, None])
def test_what_is_no_number_is_refused(sim, cells, full, value):
    with pytest.raises(errors.InvalidParameterValueError, match="weight"):
        full.set(weight=value)
    with pytest.raises(errors.InvalidParameterValueError, match="weight"):
        full[0].weight = value
    with pytest.raises(errors.InvalidParameterValueError, match="weight"):
        sim.Projection(*cells, sim.AllToAllConnector(), sim.StaticSynapse(weight=value))


def test_unknown_names(sim, full):
    with pytest.raises(errors.NonExistentParameterError, match=r"wieght .*delay, weight"):
        full.set(wieght=1.0)
    with pytest.raises(errors.NonExistentParameterError, match=r"wieght .*delay, weight"):
        sim.StaticSynapse(wieght=1.0)
    with pytest.raises((AttributeError, errors.NonExistentParameterError), match="wieght"):
        full[0].wieght = 1.0


def test_limits_of_setup(sim):
    sim.setup(timestep=0.1, min_delay=0.5, max_delay=2.0)
    cells = sim.Population(2, sim.IF_curr_exp())
    for delay in (0.4, 2.1):
        with pytest.raises(errors.ConnectionError, match=rf"{delay} ms .*\[0.5, 2\] ms"):
            sim.Projection(cells, cells, sim.AllToAllConnector(), sim.StaticSynapse(delay=delay))
    for delay in (0.5, 2.0):
        sim.Projection(cells, cells, sim.AllToAllConnector(), sim.StaticSynapse(delay=delay))


@pytest.mark.parametrize(
    ("name", "receptor", "weight", "word"),
    [("IF_curr_exp", "excitatory", -1.0, "positive"),
     ("IF_curr_exp", "inhibitory", 1.0, "negative"),
     ("IF_curr_delta", "inhibitory", 1.0, "negative"),
     ("IF_cond_exp", "excitatory", -1.0, "positive"),
     ("IF_cond_exp", "inhibitory", -1.0, "positive")],
)  # fmt: skip
def test_weights_of_the_wrong_sign(sim, network, name, receptor, weight, word):
    cells = sim.Population(2, getattr(sim, name)())
    before = network()
    with pytest.raises(errors.ConnectionError, match=f"{word}.*'{receptor}'.*Change the sign"):
        sim.Projection(cells, cells, sim.AllToAllConnector(), sim.StaticSynapse(weight=weight),
                       receptor_type=receptor)  # fmt: skip
    assert network() == before
    sim.Projection(cells, cells, sim.AllToAllConnector(safe=False),
                   sim.StaticSynapse(weight=weight), receptor_type=receptor)  # fmt: skip


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


def test_labels_sizes_and_descriptions(sim, cells, full):
    assert full.label == "pre→post"
    assert len(full) == full.size() == full.size(gather=False) == 8
    assert full.shape == (4, 2)
    assert "pre→post" in full.describe()
    context = full.describe(template=None)
    assert (context["size"], context["receptor_type"]) == (8, "excitatory")
    full.annotate(kind="feedforward")
    assert full.annotations == {"kind": "feedforward"}
    assert sim.Projection(*cells, sim.AllToAllConnector(), label="named").label == "named"


def test_weight_histogram(full):
    full.set(weight=np.arange(8.0).reshape(4, 2))
    counts, bins = full.weightHistogram(min=0.0, max=8.0, nbins=4)
    assert_array_equal(counts, [2, 2, 2, 2])
    assert_array_equal(bins, [0, 2, 4, 6, 8])


# --- single connections --------------------------------------------------------------------------


def test_single_connections(partial):
    assert len(partial.connections) == 5
    found = sorted(
        c.as_tuple("presynaptic_index", "postsynaptic_index", "weight", "delay") for c in partial
    )
    assert found == sorted(LISTED)
    first, last = partial[0], partial[-1]
    assert (first.presynaptic_index, last.presynaptic_index) == (0, 3)
    assert partial.connections[1].as_tuple("weight") == partial[1].as_tuple("weight")
    assert len(partial.connections[1:4]) == 3
    assert partial[np.int64(1)].weight == partial[1].weight


def test_a_connection_is_set(full, partial):
    for projection in (full, partial):
        projection[1].weight = 0.125
        projection[1].delay = 3.0
        connection = projection[1]
        assert (connection.weight, connection.delay) == (0.125, 3.0)
        address = connection.presynaptic_index, connection.postsynaptic_index
        assert projection.get("weight", "array")[address] == 0.125
        assert (projection.get("weight", "array") == 0.125).sum() == 1
        connection.weight, connection.delay = 100 * pq.pA, 0.002 * pq.s
        assert (connection.weight, connection.delay) == (pytest.approx(0.1), 2.0)


@pytest.mark.parametrize("index", [5, -6, 99])
def test_connections_out_of_range(partial, index):
    with pytest.raises(IndexError, match=f"Connection {index} of 5"):
        partial[index]


def test_changed_weights_and_delays_count(sim, samples):
    source = sim.Population(2, sim.SpikeSourceArray(spike_times=[1.0, 11.0]))
    cell = sim.Population(1, sim.IF_curr_exp(tau_syn_E=0.5))
    cell.record("isyn_exc")
    synapse = sim.StaticSynapse(weight=0.5, delay=1.0)
    projection = sim.Projection(source, cell, sim.AllToAllConnector(), synapse)
    sim.run(10.0)
    projection[0].weight = 0.25
    projection[1].delay = 3.0
    sim.run(10.0)
    trace = samples(cell, "isyn_exc")[:, 0]
    assert trace[20] == 1.0
    assert trace[120] == pytest.approx(0.25, rel=1e-6)
    assert trace[140] == pytest.approx(0.5 + trace[139] * np.exp(-0.2), rel=1e-12)


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
