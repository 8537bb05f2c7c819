"""Synapse parameters as our connectors evaluate them: distances, arrays, indices, checks."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from connector_examples import Probability, connect, connect_both, connector, sides, synapse
from pyNN import errors
from pyNN.parameters import LazyArray
from pyNN.random import NumpyRNG, RandomDistribution
from pyNN.space import Space
from recording_projection import assert_same_connections, with_ship


@pytest.fixture(autouse=True)
def fresh_network():
    with_ship.setup(timestep=0.1, min_delay=0.1)


@pytest.mark.parametrize("axes", [None, "x", "yz"])
@pytest.mark.parametrize("periodic", [None, ((0, 4), None, (0, 2))])
def test_space(axes, periodic):
    def moved(sim):
        pre, post = sides(sim, "populations")
        pre.positions = np.random.RandomState(1).uniform(0, 4, (3, pre.size))
        return pre, post

    options = {
        "space": Space(axes, scale_factor=1.7, offset=-0.3, periodic_boundaries=periodic),
    }
    for name in ("distance", "all_to_all"):
        connect_both(
            moved,
            lambda sim, rng, name=name: connector(sim, name, rng),
            lambda sim: synapse(sim, "distance"),
            **options,
        )


def test_a_space_with_its_own_distances_is_asked():
    class CityBlocks(Space):
        def distances(self, A, B, expand=False):
            return np.abs(np.atleast_2d(A) - B).sum(axis=1)

    for name in ("distance", "probability"):
        connect_both(
            lambda sim: sides(sim, "populations"),
            lambda sim, rng, name=name: connector(sim, name, rng),
            lambda sim: synapse(sim, "distance"),
            space=CityBlocks(),
        )


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_positions_of_other_types(dtype):
    pre, post = sides(with_ship, "populations")
    pre.positions = np.arange(36).reshape(3, 12).astype(dtype)
    projection = with_ship.Projection(
        pre, post, with_ship.AllToAllConnector(), with_ship.StaticSynapse(weight="d")
    )
    difference = pre.positions.T[projection.sources] - post.positions.T[projection.targets]
    expected = np.sqrt((difference**2).sum(axis=1))
    np.testing.assert_allclose(projection.values("WEIGHT"), expected, rtol=1e-6)


def test_distances_within_assemblies():
    pre, post = sides(with_ship, "assemblies")
    projection = with_ship.Projection(
        pre,
        post,
        with_ship.DistanceDependentProbabilityConnector("d < 4"),
        with_ship.StaticSynapse(weight="1 + d"),
    )
    difference = pre.positions[:, :, np.newaxis] - post.positions[:, np.newaxis, :]
    distance = np.sqrt((difference**2).sum(axis=0))
    targets, sources = np.nonzero(distance.T < 4)
    assert projection.pairs == list(zip(sources.tolist(), targets.tolist(), strict=True))
    np.testing.assert_allclose(projection.values("WEIGHT"), 1 + distance[sources, targets])


def test_a_function_of_the_distance_is_as_good_as_an_expression():
    made = []
    for expression in ("exp(-d/2)", lambda d: np.exp(-d / 2)):
        rule = with_ship.DistanceDependentProbabilityConnector(expression, rng=NumpyRNG(1))
        assert rule.d_expression is expression
        made.append(
            with_ship.Projection(*sides(with_ship, "populations"), rule, with_ship.StaticSynapse())
        )
    assert_same_connections(*made)


def array_values(shape):
    return np.random.RandomState(2).uniform(0, 1, shape)


def lazy_values(shape):
    """A lazy array with every kind of queued operation."""
    lazy = LazyArray(array_values(shape)) * 3.0
    lazy += LazyArray(RandomDistribution("uniform", (0, 1), rng=NumpyRNG(1)), shape)
    lazy = 1 / (lazy + 1.0)
    lazy.apply(np.sqrt)
    return lazy


def scaled_random_values(shape):
    return LazyArray(RandomDistribution("normal", (1, 0.1), rng=NumpyRNG(3)), shape) * 2


def scaled_constant(shape):
    return LazyArray(2.0, shape) * 0.5


@pytest.mark.parametrize("side", ["populations", "recurrent", "views"])
@pytest.mark.parametrize(
    "weight", [array_values, lazy_values, scaled_random_values, scaled_constant]
)
def test_arrays_and_lazy_arrays(side, weight):
    shape = tuple(cells.size for cells in sides(with_ship, side))
    connect_both(
        lambda sim: sides(sim, side),
        lambda sim, rng: connector(sim, "probability", rng),
        lambda sim: sim.StaticSynapse(weight=weight(shape)),
    )


def test_an_array_that_a_lazy_array_is_multiplied_with():
    shape = (12, 9)
    weight = LazyArray(2.0, shape) * array_values(shape)
    projection = connect(connector(with_ship, "probability", NumpyRNG(1)), static(weight=weight))
    expected = 2.0 * array_values(shape)[projection.sources, projection.targets]
    np.testing.assert_array_equal(projection.values("WEIGHT"), expected)


def test_a_sparse_matrix():
    sparse = pytest.importorskip("scipy.sparse")
    matrix = array_values((12, 9))
    projection = connect(
        with_ship.AllToAllConnector(), static(weight=sparse.coo_matrix(matrix).astype(float))
    )
    np.testing.assert_array_equal(projection.values("WEIGHT"), matrix.T.ravel())


def static(**parameters):
    return with_ship.StaticSynapse(**parameters)


def test_what_is_the_same_for_all_stays_one_number():
    projection = connect(with_ship.AllToAllConnector(), static(weight=2, delay=1))
    assert projection.handed_over == {"WEIGHT": 2.0, "DELAY": 1.0}
    projection = connect(with_ship.AllToAllConnector(), static(weight=lambda d: 3))
    assert projection.handed_over["WEIGHT"] == 3.0
    by_index = Probability()
    by_index.__class__ = type("Constant", (Probability,), {"__call__": lambda self, i, j: [0.5]})
    projection = connect(with_ship.AllToAllConnector(), static(weight=by_index))
    np.testing.assert_array_equal(projection.handed_over["WEIGHT"], 0.5)


def test_a_weight_by_displacement():
    rule = with_ship.DisplacementDependentProbabilityConnector
    weight = rule.DisplacementExpression(lambda d: 1 + d[0] ** 2 + d[1])
    connect_both(
        lambda sim: sides(sim, "views"),
        lambda sim, rng: connector(sim, "displacement", rng),
        lambda sim: sim.StaticSynapse(weight=weight),
    )
    assert weight.projection is None


def test_functions_may_write_into_the_distances_that_they_get():
    def cut(distances):
        distances[distances > 2] = 2
        return distances

    projection = connect(with_ship.AllToAllConnector(), static(weight=cut, delay=lambda d: 1.0 + d))
    assert projection.values("WEIGHT").max() == 2
    assert projection.values("DELAY").max() > 3


def test_distances_in_parts_are_those_of_the_whole(monkeypatch):
    whole = connect(with_ship.AllToAllConnector(), static(weight="d"))
    monkeypatch.setattr("pyNN_ship.lazy_values.PAIRS_PER_CHUNK", 7)
    assert_same_connections(connect(with_ship.AllToAllConnector(), static(weight="d")), whole)


@pytest.mark.parametrize("name", ["probability", "distance", "index", "displacement"])
def test_columns_in_parts_are_those_of_the_whole(monkeypatch, name):
    whole = connect(connector(with_ship, name, NumpyRNG(1)))
    monkeypatch.setattr("pyNN_ship.connector_base.NUMBERS_PER_CHUNK", 25)
    assert_same_connections(connect(connector(with_ship, name, NumpyRNG(1))), whole)


def test_a_total_number_in_parts_is_that_of_the_whole(monkeypatch):
    whole = connect(connector(with_ship, "total", NumpyRNG(1)))
    monkeypatch.setattr("pyNN_ship.connector_draws.NUMBERS_PER_CHUNK", 14)
    assert_same_connections(connect(connector(with_ship, "total", NumpyRNG(1))), whole)


def test_callback_receives_a_handful_of_growing_fractions(monkeypatch):
    monkeypatch.setattr("pyNN_ship.connector_base.NUMBERS_PER_CHUNK", 1)
    for rule in (with_ship.FixedProbabilityConnector, with_ship.FixedNumberPreConnector):
        fractions = []
        connect(rule(1 if rule is with_ship.FixedNumberPreConnector else 0.5,
                     callback=fractions.append))  # fmt: skip
        assert 1 <= len(fractions) <= 10
        assert fractions == sorted(set(fractions))
        assert fractions[-1] == 1.0


@pytest.mark.parametrize(
    "rule",
    [
        with_ship.AllToAllConnector,
        lambda **options: with_ship.FromListConnector([(0, 0), (1, 1)], **options),
        lambda **options: with_ship.DisplacementDependentProbabilityConnector(
            lambda d: 1, **options
        ),
    ],
)
def test_safe_checks_the_values_before_anything_is_made(rule):
    made = []
    projection_class = type("Watched", (with_ship.Projection,), {
        "_set_connections": lambda self, *arguments: made.append(arguments),
    })  # fmt: skip
    pre, post = sides(with_ship, "populations")
    with pytest.raises(errors.ConnectionError, match=r"positive .*-0\.1.*safe=False"):
        projection_class(pre, post, rule(), static(weight=-0.1), None, "excitatory")
    assert made == []
    projection_class(pre, post, rule(safe=False), static(weight=-0.1), None, "excitatory")
    assert len(made) == 1


def test_signs_that_differ_inside_a_column_are_refused_and_between_columns_left_to_pynn():
    def of_column(sign_changes):
        weight = np.ones((12, 9))
        weight[6:, 0] = -1 if sign_changes else 1
        weight[:, 4] = -1
        return static(weight=weight)

    pre = with_ship.Population(12, with_ship.IF_curr_exp())
    post = with_ship.Population(9, with_ship.IF_curr_exp())
    projection = with_ship.Projection(
        pre, post, with_ship.OneToOneConnector(), static(weight=1.0), None, "excitatory"
    )
    with pytest.raises(errors.ConnectionError, match="all positive or all negative"):
        checked_as("unknown", projection, of_column(True))
    checked_as("unknown", projection, of_column(False))


def checked_as(receptor_type, projection, synapse_type):
    """Connect again with a receptor type of which PyNN does not know the sign."""
    projection.receptor_type = receptor_type
    projection.synapse_type = synapse_type
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyNN warns that it cannot tell
        with_ship.AllToAllConnector().connect(projection)


def test_no_connections_are_not_checked():
    projection = connect(with_ship.FixedProbabilityConnector(0.0), static(weight=-1.0))
    assert len(projection) == 0
    assert projection.calls == 1
