"""Our connectors against PyNN's own, run live, and against stored networks of NEST and NEURON."""

from __future__ import annotations

import importlib.util
import itertools
from pathlib import Path

import numpy as np
import pytest
from connector_examples import (
    CONNECTORS,
    SYNAPSES,
    ReversingRNG,
    connect_both,
    connector,
    sides,
    synapse,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pyNN.random import NumpyRNG, RandomDistribution
from pyNN.space import RandomStructure, Sphere
from recording_projection import with_ship

REFERENCES = Path(__file__).parents[1] / "reference" / "connectors"


def load_cases():
    place = REFERENCES / "connector_cases.py"
    specification = importlib.util.spec_from_file_location(place.stem, place)
    cases = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(cases)
    return cases


cases = load_cases()


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
            weight=RandomDistribution("uniform", (0, 1), rng=ReversingRNG(3))
        ),
        make_rng=lambda: ReversingRNG(4),
    )


@pytest.mark.parametrize("name", ["distance", "displacement"])
def test_positions_are_drawn_after_the_generator_is_copied(name):
    def scattered(sim):
        rng = generators[sim is with_ship]
        structure = RandomStructure(Sphere(3.0), rng=rng)
        return tuple(sim.Population(n, sim.IF_cond_exp(), structure=structure) for n in (12, 9))

    generators = [NumpyRNG(3), NumpyRNG(3)]
    connect_both(
        scattered,
        lambda sim, rng: connector(sim, name, generators[sim is with_ship]),
        lambda sim: sim.StaticSynapse(
            weight=RandomDistribution("uniform", (0, 1), rng=generators[sim is with_ship])
        ),
    )
    assert generators[0].next() == generators[1].next()


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
    weights, delays = projection.values("WEIGHT"), projection.values("DELAY")
    rows = np.column_stack([projection.sources, projection.targets, weights, delays])
    if name == "nest":  # rounds delays to its time step
        rows[:, 3] = np.round(rows[:, 3] / 0.1) * 0.1
    rows = rows[np.lexsort(rows.T[::-1])]
    np.testing.assert_allclose(rows, stored[f"{case}/connections"], rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(rng.next(cases.DRAWN_LATER), stored[f"{case}/drawn_later"])


DISTRIBUTED = list(
    itertools.product(
        [
            "all_to_all",
            "all_to_all_no_self",
            "one_to_one",
            "probability",
            "probability_no_self",
            "number_pre",
            "number_pre_random",
            "number_post",
            "total",
        ],
        ["homogeneous", "random", "distance", "not_parallel_safe"],
        [True, False],
    )
)


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize(
    ("name", "kind", "parallel_safe"),
    [
        (name, kind, parallel_safe)
        for name, kind, parallel_safe in DISTRIBUTED
        # Elsewhere PyNN's own connectors fail, with ragged arrays, or draw what one would not.
        if (name != "total" if parallel_safe else kind == "random")
        or name not in ("number_post", "total")
    ],
)
def test_each_process_makes_its_part(rank, parallel_safe, kind, name):
    projection = connect_both(
        lambda sim: sides(sim, "recurrent"),
        lambda sim, rng: connector(sim, name, rng),
        lambda sim: (
            synapse(sim, "random", parallel_safe=False)
            if kind == "not_parallel_safe"
            else synapse(sim, kind)
        ),
        make_rng=lambda: NumpyRNG(7, parallel_safe=parallel_safe),
        process=(rank, 2),
    )
    assert projection.post._mask_local[projection.targets].all()


@pytest.mark.parametrize("rank", [0, 1])
def test_each_process_takes_its_part_of_a_list(rank):
    rows = np.random.default_rng(3).integers(0, 9, (60, 2))
    projection = connect_both(
        lambda sim: sides(sim, "populations"),
        lambda sim, rng: sim.FromListConnector(rows),
        lambda sim: synapse(sim, "random"),
        process=(rank, 2),
    )
    assert 0 < len(projection) < 60


@pytest.mark.parametrize("kind", ["homogeneous", "random"])
def test_a_generator_that_is_not_parallel_safe_draws_for_local_cells(kind):
    """The cases that PyNN itself cannot do."""
    with_ship.setup(rank=1, num_processes=2)
    pre, post = sides(with_ship, "populations")
    for rule in (
        with_ship.FixedNumberPostConnector(5, rng=NumpyRNG(7, parallel_safe=False)),
        with_ship.FixedNumberPreConnector(5, False, rng=NumpyRNG(7, parallel_safe=False)),
        with_ship.FixedTotalNumberConnector(50, rng=NumpyRNG(7, parallel_safe=False)),
    ):
        projection = with_ship.Projection(pre, post, rule, synapse(with_ship, kind))
        assert 0 < len(projection) < 5 * pre.size
        assert post._mask_local[projection.targets].all()


def test_processes_together_have_the_total_number_that_one_would_draw():
    def pairs(rank, processes):
        with_ship.setup(rank=rank, num_processes=processes)
        pre, post = sides(with_ship, "populations")
        rule = with_ship.FixedTotalNumberConnector(50, rng=NumpyRNG(7))
        projection = with_ship.Projection(pre, post, rule, synapse(with_ship, "homogeneous"))
        return sorted(zip(projection.sources, projection.targets, strict=True))

    assert sorted(pairs(0, 2) + pairs(1, 2)) == pairs(0, 1)
