"""Our connectors against PyNN's own, run live, and against stored networks of NEST and NEURON."""

from __future__ import annotations

import importlib.util
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyNN import recording
from pyNN.core import IndexBasedExpression
from pyNN.parameters import LazyArray
from pyNN.random import NumpyRNG, RandomDistribution
from pyNN.space import Grid2D, Line, Space
from recording_projection import assert_same_connections, with_pynn, with_ship

REFERENCES = Path(__file__).parents[1] / "reference" / "connectors"


def load_cases():
    place = REFERENCES / "connector_cases.py"
    specification = importlib.util.spec_from_file_location(place.stem, place)
    cases = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(cases)
    return cases


cases = load_cases()


class Weights(IndexBasedExpression):
    """Refers to the column as a whole, as users may: PyNN passes (array of sources, column)."""

    def __call__(self, i, j):
        values = (i + 1.0) * self.projection.post.size
        return values / values.sum() if j % 2 else values / len(i)


class Probability(IndexBasedExpression):
    def __call__(self, i, j):
        return (i + 1.0) / (i + j + 2)


class MinimalRNG:
    """Not a NumpyRNG: each call gives its numbers in another order."""

    parallel_safe = True

    def __new__(cls, seed):
        from pyNN.random import WrappedRNG

        class Reversing(WrappedRNG):
            def __init__(self, seed):
                super().__init__(seed)
                self.rng = np.random.RandomState(seed)  # noqa: NPY002

            def _next(self, distribution, n, parameters):
                if distribution == "uniform_int":
                    return self.rng.randint(parameters["low"], parameters["high"], n)[::-1]
                if distribution == "binomial":
                    return np.full(n, parameters["n"])
                return self.rng.random_sample(n)[::-1]

            def permutation(self, numbers):
                return self.rng.permutation(numbers)

            def choice(self, numbers, size):
                return self.rng.choice(numbers, size)

        return Reversing(seed)


def synapse(sim, kind, seed=5):
    def random(name, *parameters):
        return RandomDistribution(name, parameters, rng=NumpyRNG(seed))

    return {
        "homogeneous": lambda: sim.StaticSynapse(weight=0.3, delay=1),
        "random": lambda: sim.StaticSynapse(
            weight=random("normal", 1, 0.01), delay=random("gamma", 2, 1)
        ),
        "redrawn": lambda: sim.StaticSynapse(weight=random("normal_clipped", 1, 1, 0, 2)),
        "distance": lambda: sim.StaticSynapse(
            weight="0.2+0.3*d", delay=lambda d: 1 + np.exp(-d / 2)
        ),
        "index": lambda: sim.StaticSynapse(weight=Weights(), delay=2.0),
        "depressing": lambda: sim.TsodyksMarkramSynapse(
            weight=0.1, U=random("uniform", 0, 1), tau_rec="100 + d**2", tau_facil=3
        ),
    }[kind]()


def connector(sim, name, rng):
    return {
        "all_to_all": lambda: sim.AllToAllConnector(),
        "all_to_all_no_self": lambda: sim.AllToAllConnector(allow_self_connections=False),
        "one_to_one": lambda: sim.OneToOneConnector(),
        "probability": lambda: sim.FixedProbabilityConnector(0.3, rng=rng),
        "probability_no_self": lambda: sim.FixedProbabilityConnector(0.4, False, rng=rng),
        "certain": lambda: sim.FixedProbabilityConnector(1, False, rng=rng),
        "never": lambda: sim.FixedProbabilityConnector(0, rng=rng),
        "distance": lambda: sim.DistanceDependentProbabilityConnector(
            "exp(-d**2/9)", False, rng=rng
        ),
        "distance_limit": lambda: sim.DistanceDependentProbabilityConnector("d<3", rng=rng),
        "distance_constant": lambda: sim.DistanceDependentProbabilityConnector("0.4", rng=rng),
        "index": lambda: sim.IndexBasedProbabilityConnector(Probability(), rng=rng),
        "displacement": lambda: sim.DisplacementDependentProbabilityConnector(
            lambda d: (d[0] < 3) * np.exp(-abs(d[1])), rng=rng
        ),
        "number_pre": lambda: sim.FixedNumberPreConnector(4, rng=rng),
        "number_pre_many": lambda: sim.FixedNumberPreConnector(50, rng=rng),
        "number_pre_replacing": lambda: sim.FixedNumberPreConnector(4, True, True, rng=rng),
        "number_pre_random": lambda: sim.FixedNumberPreConnector(
            RandomDistribution("poisson", (3,), rng=rng), True, True, rng=rng
        ),
        "number_post": lambda: sim.FixedNumberPostConnector(4, rng=rng),
        "number_post_many": lambda: sim.FixedNumberPostConnector(50, rng=rng),
        "number_post_replacing": lambda: sim.FixedNumberPostConnector(4, True, True, rng=rng),
        "number_post_random": lambda: sim.FixedNumberPostConnector(
            RandomDistribution("uniform_int", (1, 8), rng=rng), rng=rng
        ),
        "total": lambda: sim.FixedTotalNumberConnector(60, rng=rng),
    }[name]()


CONNECTORS = """all_to_all all_to_all_no_self one_to_one probability probability_no_self certain never
    distance distance_limit distance_constant index displacement number_pre number_pre_many
    number_pre_replacing number_pre_random number_post number_post_many number_post_replacing
    number_post_random total""".split()
SYNAPSES = "homogeneous random redrawn distance index depressing".split()


def sides(sim, kind, pre_size=12, post_size=9):
    pre = sim.Population(pre_size, sim.IF_cond_exp(), structure=Grid2D(aspect_ratio=pre_size / 4))
    post = sim.Population(post_size, sim.IF_cond_exp(), structure=Line(dx=0.8))
    return {
        "populations": (pre, post),
        "recurrent": (pre, pre),
        "views": (pre[1:11:2], post[3:9]),
        "overlapping_views": (pre[0:8], pre[5:12]),
        "part_of_itself": (pre, pre[3:7]),
        "assemblies": (pre[0:5] + post, post + pre[3:8]),
    }[kind]


def connect_both(
    make_sides,
    make_connector,
    make_synapse,
    make_rng=lambda: NumpyRNG(7),
    process=(0, 1),
    **options,
):
    """Connect with PyNN's connector and with ours; also compare how far the generator went."""
    made = []
    for sim in (with_pynn, with_ship):
        sim.setup(rank=process[0], num_processes=process[1])
        rng = make_rng()
        pre, post = make_sides(sim)
        projection = sim.Projection(
            pre, post, make_connector(sim, rng), make_synapse(sim), None, "excitatory", **options
        )
        made.append((projection, rng))
    (expected, pynn_rng), (projection, rng) = made
    assert projection.calls == 1
    assert_same_connections(projection, expected)
    np.testing.assert_array_equal(rng.next(3), pynn_rng.next(3))
    return projection


@pytest.fixture(autouse=True)
def fresh_network():
    with_ship.setup(timestep=0.1, min_delay=0.1, rank=0, num_processes=1)
    yield
    with_ship.setup(rank=0, num_processes=1)


@pytest.mark.parametrize("name", CONNECTORS)
@pytest.mark.parametrize("kind", SYNAPSES)
def test_same_connections_and_values_as_pynn(name, kind):
    projection = connect_both(
        lambda sim: sides(sim, "populations"),
        lambda sim, rng: connector(sim, name, rng),
        lambda sim: synapse(sim, kind),
    )
    assert (len(projection) > 0) == (name != "never")


@pytest.mark.parametrize("name", CONNECTORS)
@pytest.mark.parametrize("kind", ["recurrent", "views"])
def test_same_as_pynn_for_recurrent_projections_and_views(name, kind):
    connect_both(
        lambda sim: sides(sim, kind),
        lambda sim, rng: connector(sim, name, rng),
        lambda sim: synapse(sim, "random"),
    )


@pytest.mark.parametrize("kind", ["overlapping_views", "part_of_itself", "assemblies"])
@pytest.mark.parametrize("name", ["all_to_all_no_self", "probability_no_self", "certain", "index"])
def test_cells_do_not_connect_to_themselves_across_views_and_assemblies(kind, name):
    projection = connect_both(
        lambda sim: sides(sim, kind),
        lambda sim, rng: connector(sim, name, rng),
        lambda sim: synapse(sim, "random"),
    )
    if name != "index":
        pre, post = projection.pre.all_cells, projection.post.all_cells
        assert all(pre[i] != post[j] for i, j in projection.pairs)


def test_a_cell_that_is_twice_in_an_assembly_is_excluded_twice():
    for name in ("all_to_all_no_self", "certain"):
        projection = connect_both(
            lambda sim: (lambda p: (p[0:2] + p, p))(sim.Population(4, sim.IF_cond_exp())),
            lambda sim, rng, name=name: connector(sim, name, rng),
            lambda sim: synapse(sim, "homogeneous"),
        )
        assert (0, 0) not in projection.pairs
        assert (2, 0) not in projection.pairs


@pytest.mark.parametrize(
    "name", ["probability", "number_pre", "number_pre_replacing", "number_post", "total", "index"]
)
def test_other_generators_are_asked_as_pynn_asks_them(name):
    connect_both(
        lambda sim: sides(sim, "recurrent"),
        lambda sim, rng: connector(sim, name, rng),
        lambda sim: sim.StaticSynapse(
            weight=RandomDistribution("uniform", (0, 1), rng=MinimalRNG(3))
        ),
        make_rng=lambda: MinimalRNG(4),
    )


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    seed=st.integers(0, 2**31),
    p=st.floats(0, 1),
)
def test_fixed_probability_of_any_size_and_seed(sizes, seed, p):
    connect_both(
        lambda sim: tuple(sim.Population(size, sim.IF_cond_exp()) for size in sizes),
        lambda sim, rng: sim.FixedProbabilityConnector(p, rng=rng),
        lambda sim: synapse(sim, "random", seed=seed % 1000),
        make_rng=lambda: NumpyRNG(seed),
    )


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    seed=st.integers(0, 2**31),
    n=st.integers(0, 400),
)
def test_fixed_total_number_reads_the_words_that_pynn_reads(sizes, seed, n):
    connect_both(
        lambda sim: tuple(sim.Population(size, sim.IF_cond_exp()) for size in sizes),
        lambda sim, rng: sim.FixedTotalNumberConnector(n, rng=rng),
        lambda sim: synapse(sim, "homogeneous"),
        make_rng=lambda: NumpyRNG(seed),
    )


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    seed=st.integers(0, 2**31),
    n=st.integers(1, 90),
    replacing=st.booleans(),
    rule=st.sampled_from(["FixedNumberPreConnector", "FixedNumberPostConnector"]),
)
def test_fixed_numbers_of_any_size_and_seed(sizes, seed, n, replacing, rule):
    connect_both(
        lambda sim: tuple(sim.Population(size, sim.IF_cond_exp()) for size in sizes),
        lambda sim, rng: getattr(sim, rule)(n, True, replacing, rng=rng),
        lambda sim: synapse(sim, "redrawn"),
        make_rng=lambda: NumpyRNG(seed),
    )


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6), st.floats(0, 1)), min_size=1),
    kind=st.sampled_from(["random", "redrawn"]),
)
def test_lists_of_any_order_with_repeats(rows, kind):
    connect_both(
        lambda sim: sides(sim, "populations"),
        lambda sim, rng: sim.FromListConnector(rows, column_names=["delay"]),
        lambda sim: synapse(sim, kind),
    )


@pytest.mark.parametrize("name", ["nest", "neuron"])
@pytest.mark.parametrize("case", cases.CASES)
def test_same_network_as_another_simulator(name, case):
    stored = np.load(REFERENCES / f"{name}.npz")
    projection, rng = cases.build(with_ship, case)
    rows = np.column_stack(
        [projection.sources, projection.targets, projection.values("WEIGHT")]
        + [projection.values("DELAY")]
    )
    if name == "nest":  # rounds delays to its time step
        rows[:, 3] = np.round(rows[:, 3] / 0.1) * 0.1
    rows = rows[np.lexsort(rows.T[::-1])]
    np.testing.assert_allclose(rows, stored[f"{case}/connections"], rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(rng.next(cases.DRAWN_LATER), stored[f"{case}/drawn_later"])


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("parallel_safe", [True, False])
@pytest.mark.parametrize("kind", ["homogeneous", "random", "distance"])
@pytest.mark.parametrize(
    "name", ["all_to_all", "one_to_one", "probability", "number_pre", "number_post", "total"]
)
def test_each_process_makes_its_part(rank, parallel_safe, kind, name):
    if not parallel_safe and kind != "random" and name in ("number_post", "total"):
        pytest.skip("PyNN's own version fails here: ragged arrays")
    projection = connect_both(
        lambda sim: sides(sim, "populations"),
        lambda sim, rng: connector(sim, name, rng),
        lambda sim: synapse(sim, kind),
        make_rng=lambda: NumpyRNG(7, parallel_safe=parallel_safe),
        process=(rank, 2),
    )
    assert projection.post._mask_local[projection.targets].all()


def test_a_generator_that_is_not_parallel_safe_works_for_counted_targets():
    with_ship.setup(rank=1, num_processes=2)
    rng = NumpyRNG(7, parallel_safe=False)
    pre, post = sides(with_ship, "populations")
    projection = with_ship.Projection(
        pre, post, with_ship.FixedNumberPostConnector(5, rng=rng), with_ship.StaticSynapse()
    )
    assert 0 < len(projection) < 5 * pre.size
    assert post._mask_local[projection.targets].all()


@pytest.mark.parametrize("axes", [None, "x", "yz"])
@pytest.mark.parametrize("periodic", [None, ((0, 4), None, (0, 2))])
def test_space(axes, periodic):
    def moved(sim):
        pre, post = sides(sim, "populations")
        pre.positions = np.random.RandomState(1).uniform(0, 4, (3, pre.size))  # noqa: NPY002
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
            with_ship.Projection(
                *sides(with_ship, "populations"), rule, with_ship.StaticSynapse()
            )
        )
    assert_same_connections(*made)


@pytest.mark.parametrize("side", ["populations", "recurrent", "views"])
def test_weights_as_arrays_lazy_arrays_and_sparse_matrices(side):
    def weights():
        return np.random.RandomState(2).uniform(0, 1, (12, 12))  # noqa: NPY002

    def scaled(shape):
        lazy = LazyArray(weights()[: shape[0], : shape[1]]) * 3.0
        lazy += LazyArray(RandomDistribution("uniform", (0, 1), rng=NumpyRNG(1)), shape=shape)
        lazy.apply(np.sqrt)
        return lazy

    shape = tuple(side.size for side in sides(with_ship, side))
    for weight in (
        lambda: weights()[: shape[0], : shape[1]],
        lambda: scaled(shape),
        lambda: LazyArray(RandomDistribution("normal", (1, 0.1), rng=NumpyRNG(3)), shape) * 2,
        lambda: LazyArray(2.0, shape) * 0.5,
        lambda: np.array(0.5),
    ):
        if isinstance(weight(), np.ndarray) and weight().ndim == 0:
            continue
        connect_both(
            lambda sim: sides(sim, side),
            lambda sim, rng: connector(sim, "probability", rng),
            lambda sim, weight=weight: sim.StaticSynapse(weight=weight()),
        )
