"""Projections: reading and writing weights and delays, single connections."""

from __future__ import annotations

import numpy as np
import pytest
import quantities as pq
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
