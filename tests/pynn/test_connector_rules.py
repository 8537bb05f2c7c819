"""Rules that PyNN lacks, ignores or gets wrong, and the connectors that are told their pairs."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from connector_examples import connect, connect_both, connector, sides, synapse
from hypothesis import given, settings
from hypothesis import strategies as st
from pyNN import recording
from pyNN.random import AbstractRNG, NumpyRNG, RandomDistribution
from recording_projection import assert_same_connections, with_pynn, with_ship


@pytest.fixture(autouse=True)
def fresh_network():
    with_ship.setup(timestep=0.1, min_delay=0.1)


def test_one_to_one_between_single_cells_and_between_unequal_sizes():
    one, other, three = (with_ship.Population(n, with_ship.IF_cond_exp()) for n in (1, 1, 3))
    rule = with_ship.OneToOneConnector()
    weight = with_ship.StaticSynapse(weight="1 + d")
    assert with_ship.Projection(one, other, rule, weight).pairs == [(0, 0)]
    assert with_ship.Projection(three, one, rule, weight).pairs == [(0, 0)]
    assert with_ship.Projection(one, three, rule, weight).pairs == [(0, 0)]


@pytest.mark.parametrize("kind", ["recurrent", "same_view"])
def test_no_mutual_connections(kind):
    pre, post = sides(with_ship, "recurrent")
    if kind == "same_view":
        pre, post = pre[2:9], pre[2:9]
    everything = with_ship.Projection(
        pre, post, with_ship.AllToAllConnector("NoMutual"), with_ship.StaticSynapse()
    )
    assert everything.pairs == [(i, j) for j in range(pre.size) for i in range(j + 1, pre.size)]
    certain = with_ship.FixedProbabilityConnector(1, "NoMutual")
    assert_same_connections(
        with_ship.Projection(pre, post, certain, with_ship.StaticSynapse()), everything
    )
    drawn = with_ship.FixedProbabilityConnector(0.5, "NoMutual", rng=NumpyRNG(1))
    pairs = with_ship.Projection(pre, post, drawn, with_ship.StaticSynapse()).pairs
    assert set(pairs) < set(everything.pairs)


def test_no_mutual_connections_as_pynn_draws_them():
    connect_both(
        lambda sim: sides(sim, "recurrent"),
        lambda sim, rng: sim.FixedProbabilityConnector(0.5, "NoMutual", rng=rng),
        lambda sim: synapse(sim, "random"),
    )


@pytest.mark.parametrize("replacing", [True, False])
@pytest.mark.parametrize("n", [3, 12, 40])
@pytest.mark.parametrize("kind", ["recurrent", "overlapping_views", "part_of_itself"])
def test_counted_cells_do_not_connect_to_themselves(replacing, n, kind):
    """For n = 12 of 12 with replacement PyNN itself raises IndexError with most seeds."""
    for rule, side in (
        (with_ship.FixedNumberPreConnector, "targets"),
        (with_ship.FixedNumberPostConnector, "sources"),
    ):
        projection = connect(rule(n, False, replacing, rng=NumpyRNG(2)), kind=kind)
        pre, post = projection.pre.all_cells, projection.post.all_cells
        assert all(pre[i] != post[j] for i, j in projection.pairs)
        counts = Counter(getattr(projection, side).tolist())
        assert set(counts.values()) == {n}
        if not replacing and kind == "recurrent":
            repeats = Counter(projection.pairs).values()
            assert max(repeats) - min(repeats) <= (n % 11 > 0)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), size=st.integers(2, 12), n=st.integers(0, 8))
def test_redraws_without_self_connections_are_those_of_pynn_where_it_does_not_fail(seed, size, n):
    for rule in ("FixedNumberPreConnector", "FixedNumberPostConnector"):
        made = []
        for sim in (with_pynn, with_ship):
            sim.setup()
            rng = NumpyRNG(seed)
            cells = sim.Population(size, sim.IF_cond_exp())
            connector = getattr(sim, rule)(n, False, True, rng=rng)
            try:
                projection = sim.Projection(cells, cells, connector, synapse(sim, "random"))
            except IndexError:
                assert sim is with_pynn
                break
            made.append((projection, rng.next()))
        if len(made) == 2:
            assert_same_connections(made[1][0], made[0][0])
            assert made[0][1] == made[1][1]


def test_a_number_may_be_zero_for_some_cells():
    zeros = RandomDistribution("uniform_int", (0, 2), rng=NumpyRNG(1))
    for rule in (with_ship.FixedNumberPreConnector, with_ship.FixedNumberPostConnector):
        projection = connect(rule(zeros, rng=NumpyRNG(1)))
        assert 0 < len(projection) < 12
        assert len(connect(rule(0))) == 0
        assert len(connect(rule(np.int64(2)))) in (18, 24)


@pytest.mark.parametrize(
    ("self_connections", "replacing", "n"),
    [(False, True, 300), (True, False, 144), (False, False, 132), (False, False, 40)],
)
def test_total_number_heeds_what_pynn_ignores(self_connections, replacing, n):
    rule = with_ship.FixedTotalNumberConnector(n, self_connections, replacing, rng=NumpyRNG(5))
    projection = connect(rule, kind="recurrent")
    assert len(projection) == n
    if not self_connections:
        assert all(i != j for i, j in projection.pairs)
    if not replacing:
        assert len(set(projection.pairs)) == n
    assert np.all(np.diff(projection.targets) >= 0)


def test_total_number_may_be_random():
    n = RandomDistribution("uniform_int", (50, 51), rng=NumpyRNG(1))
    assert len(connect(with_ship.FixedTotalNumberConnector(n))) == 50


def test_a_native_generator_without_parallel_safe_draws_for_all_cells():
    class Native(AbstractRNG):
        def __init__(self, seed):
            super().__init__(seed)
            self.stream = np.random.default_rng(seed)

        def next(self, n=None, distribution=None, parameters=None, mask=None):
            return self.stream.random(n)

    projection = connect(
        with_ship.FixedProbabilityConnector(0.5, rng=Native(1)),
        with_ship.StaticSynapse(weight=RandomDistribution("uniform", (0, 1), rng=Native(2))),
    )
    numbers = np.random.default_rng(1).random((9, 12))
    targets, sources = np.nonzero(numbers < 0.5)
    assert projection.pairs == list(zip(sources.tolist(), targets.tolist(), strict=True))
    expected = np.random.default_rng(2).random(len(projection))
    np.testing.assert_array_equal(projection.values("WEIGHT"), expected)


def test_a_list_takes_the_rest_from_the_synapse_type():
    rows = [(3, 2, 50.0), (0, 2, 60.0), (1, 0, 70.0)]
    projection = connect(
        with_ship.FromListConnector(rows, column_names=["tau_rec"]),
        with_ship.TsodyksMarkramSynapse(
            weight="1 + d",
            U=RandomDistribution("uniform", (0, 1), rng=NumpyRNG(1)),
            tau_facil=np.arange(108.0).reshape(12, 9),
        ),
    )
    assert projection.pairs == [(1, 0), (3, 2), (0, 2)]
    assert projection.values("TAU_REC").tolist() == [70, 50, 60]
    first, second = NumpyRNG(1).next(2)
    assert projection.values("UU").tolist() == [first, first, second]
    assert projection.values("TAU_FACIL").tolist() == [9, 29, 2]
    distances = connect(with_ship.AllToAllConnector(), with_ship.StaticSynapse(weight="1 + d"))
    expected = distances.values("WEIGHT").reshape(9, 12)[projection.targets, projection.sources]
    np.testing.assert_array_equal(projection.values("WEIGHT"), expected)


@pytest.mark.parametrize("name", ["probability", "list"])
def test_plasticity(name):
    def mechanism(sim):
        return sim.STDPMechanism(
            sim.SpikePairRule(tau_plus=RandomDistribution("uniform", (10, 20), rng=NumpyRNG(1))),
            sim.AdditiveWeightDependence(w_max=0.5),
            weight=0.2,
            delay="0.5 + d",
        )

    def rule(sim, rng):
        if name == "list":
            return sim.FromListConnector([(i, i % 4, 0.1 * i) for i in range(9)], ["weight"])
        return connector(sim, name, rng)

    if name == "probability":
        connect_both(lambda sim: sides(sim, "populations"), rule, mechanism)
    else:
        projection = connect(rule(with_ship, None), mechanism(with_ship))
        names = set(mechanism(with_ship).native_parameters.keys())
        assert set(projection.handed_over) == names


def test_whole_numbers_in_a_list_stay_whole():
    class Quanta(with_ship.TsodyksMarkramSynapse):
        default_parameters = with_ship.TsodyksMarkramSynapse.default_parameters | {"n": 1}
        translations = with_ship.TsodyksMarkramSynapse.translations | {
            "n": {
                "translated_name": "N",
                "forward_transform": "n",
                "reverse_transform": "N",
                "type": "simple",
            }
        }

    rule = with_ship.FromListConnector([(0, 0, 0.5, 3), (1, 0, 0.5, 4)], ["U", "n"])
    assert connect(rule, Quanta()).values("N").tolist() == [3, 4]


def test_an_empty_list_and_a_list_that_is_used_twice():
    assert len(connect(with_ship.FromListConnector([]))) == 0
    rows = np.random.default_rng(1).integers(0, 9, (200, 2))
    rules = [sim.FromListConnector(rows) for sim in (with_pynn, with_ship)]
    for _ in range(2):
        connect_both(
            lambda sim: sides(sim, "populations"),
            lambda sim, rng: rules[sim is with_ship],
            lambda sim: synapse(sim, "random"),
        )


def test_files(tmp_path):
    rows = [(1, 0, 0.5, 2.0), (3, 0, 0.25, 1.0), (2, 5, 1.0, 1.5)]
    plain, titled, single = (tmp_path / name for name in ("plain", "titled", "single"))
    np.savetxt(plain, rows)
    file = recording.files.StandardTextFile(str(titled), mode="w")
    file.write(rows, {"columns": ("i", "j", "delay", "weight")})
    np.savetxt(single, rows[:1])
    assert connect(with_ship.FromFileConnector(str(plain))).values("DELAY").tolist() == [2, 1, 1.5]
    rule = with_ship.FromFileConnector(str(titled))
    for _ in range(2):
        assert connect(rule).values("WEIGHT").tolist() == [2, 1, 1.5]
    assert connect(with_ship.FromFileConnector(str(single))).pairs == [(1, 0)]


def test_a_file_for_each_process_is_read_and_left_alone(tmp_path):
    base = tmp_path / "connections"
    base.write_text("not a list")
    np.savetxt(f"{base}.0", [(1, 0, 0.5, 2.0)])
    for _ in range(2):
        assert connect(with_ship.FromFileConnector(str(base), True)).pairs == [(1, 0)]
    assert base.read_text() == "not a list"


def test_arrays_of_several_kinds():
    matrix = np.random.default_rng(1).random((12, 9)) < 0.3
    for array in (matrix, matrix.tolist(), lambda i, j: (i + j) % 3 == 0, True):
        connect_both(
            lambda sim: sides(sim, "populations"),
            lambda sim, rng, array=array: sim.ArrayConnector(array),
            lambda sim: synapse(sim, "random"),
        )


@pytest.mark.parametrize("name", ["probability", "number_pre_replacing"])
def test_clone(name):
    made = []
    for sim in (with_pynn, with_ship):
        sim.setup()
        pre, post = sides(sim, "populations")
        reference = sim.Projection(
            pre, post, connector(sim, name, NumpyRNG(1)), synapse(sim, "homogeneous")
        )
        matrix = np.full(reference.shape, np.nan)
        matrix[reference.sources, reference.targets] = 0.3
        reference.get = lambda *_, matrix=matrix, **__: [matrix]  # what PyNN's version asks for
        if sim is with_ship:
            order = np.argsort(reference.sources, kind="stable")
            reference._presynaptic_index = reference.sources[order].astype(np.int32)
            reference._postsynaptic_index = reference.targets[order].astype(np.int32)
        clone = sim.CloneConnector(reference)
        made.append(sim.Projection(pre, post, clone, synapse(sim, "random")))
    assert_same_connections(made[1], made[0])


def test_clone_asks_all_processes(monkeypatch):
    with_ship.setup(rank=1, num_processes=2)
    pre, post = sides(with_ship, "populations")
    reference = with_ship.Projection(
        pre, post, with_ship.OneToOneConnector(), with_ship.StaticSynapse()
    )
    elsewhere = np.flatnonzero(~post._mask_local).astype(np.int32)
    monkeypatch.setattr(
        recording, "gather_dict", lambda own, all: own | {0: (elsewhere, elsewhere)}
    )
    random_weight = RandomDistribution("uniform", (0, 1), rng=NumpyRNG(1))
    clone = with_ship.Projection(
        pre,
        post,
        with_ship.CloneConnector(reference),
        with_ship.StaticSynapse(weight=random_weight),
    )
    assert clone.pairs == reference.pairs
    expected = NumpyRNG(1).next(9)[post._mask_local]
    np.testing.assert_array_equal(clone.values("WEIGHT"), expected)


def test_connection_set_algebra():
    csa = pytest.importorskip("csa")
    for cset in (csa.oneToOne, csa.random(0.4), csa.full - csa.oneToOne):

        def rule(sim, rng, cset=cset):
            random.seed(1)
            np.random.seed(1)  # noqa: NPY002
            return sim.CSAConnector(cset)

        connect_both(lambda sim: sides(sim, "views"), rule, lambda sim: synapse(sim, "random"))
    valued = csa.cset(csa.oneToOne, 0.25, lambda i, j: 1.0 + i)
    projection = connect(
        with_ship.CSAConnector(valued), with_ship.TsodyksMarkramSynapse(U=0.25, tau_rec="50 + d")
    )
    assert projection.pairs == [(i, i) for i in range(9)]
    assert projection.values("WEIGHT").tolist() == [0.25] * 9
    assert projection.values("DELAY").tolist() == [1.0 + i for i in range(9)]
    assert projection.handed_over["UU"] == 0.25
