"""SmallWorldConnector: neighbours, of which some are exchanged for cells anywhere."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from pyNN.random import NumpyRNG, RandomDistribution
from pyNN.space import Line

SIZE = 60


@pytest.fixture
def cells(sim):
    return sim.Population(SIZE, sim.IF_cond_exp(), structure=Line(dx=1.0))


@pytest.fixture
def matrix(sim):
    def connected(pre, post, *arguments, **options):
        rule = sim.SmallWorldConnector(*arguments, **options)
        projection = sim.Projection(pre, post, rule, sim.StaticSynapse(weight=1.0))
        return np.nan_to_num(projection.get("weight", "array", multiple_synapses="sum"))

    return connected


def distance(n_pre=SIZE, n_post=SIZE):
    return np.abs(np.subtract.outer(np.arange(n_pre), np.arange(n_post)))


def test_without_rewiring_neighbours_are_connected(cells, matrix):
    assert_array_equal(matrix(cells, cells, 3, 0.0), distance() < 3)
    others = (distance() < 3) & (distance() > 0)
    assert_array_equal(matrix(cells, cells, 3, 0.0, allow_self_connections=False), others)
    assert_array_equal(matrix(cells, cells[:40], 2.5, 0.0), distance(60, 40) < 2.5)


@pytest.mark.parametrize("rewiring", [0.1, 0.5, 1.0])
def test_rewiring(cells, matrix, rewiring):
    local = (distance() < 9) & (distance() > 0)
    options = {"allow_self_connections": False, "rng": NumpyRNG(3)}
    found = matrix(cells, cells, 9, rewiring, **options)
    assert found.max() == 1
    assert np.trace(found) == 0
    assert_array_equal(found.sum(1), local.sum(1))
    moved = (found * ~local).sum() / local.sum()
    assert moved == pytest.approx(rewiring, abs=4 * np.sqrt(0.25 / local.sum()) + 1e-9)
    assert not np.array_equal(matrix(cells, cells, 9, rewiring, **options), found)
    options["rng"] = NumpyRNG(3)
    assert_array_equal(matrix(cells, cells, 9, rewiring, **options), found)


def test_new_targets_are_anywhere(cells, matrix):
    """Far targets are as frequent as those just outside the neighbourhood."""
    hits = np.zeros(SIZE)
    for seed in range(200):
        hits += matrix(cells[:1], cells, 10, 1.0, rng=NumpyRNG(seed))[0]
    assert hits[:10].sum() == 0
    expected = 200 * 10 / 50
    assert np.abs(hits[10:] - expected).max() < 5 * np.sqrt(expected)
    assert hits[10:30].sum() == pytest.approx(hits[40:].sum(), rel=0.2)


def test_a_number_of_connections(cells, matrix):
    found = matrix(cells, cells, 12, 0.0, n_connections=5, rng=NumpyRNG(1))
    assert_array_equal(found.sum(1), 5)
    assert not (found * (distance() >= 12)).any()
    assert len(np.unique(distance()[found > 0])) == 12  # chosen among all neighbours


def test_overlapping_views_have_no_self_connections(cells, matrix):
    found = matrix(cells[:40], cells[20:], 5, 0.5, allow_self_connections=False, rng=NumpyRNG(1))
    assert np.trace(found[20:]) == 0


def test_random_weights_and_progress(sim, cells):
    seen = []
    weight = RandomDistribution("uniform", (1.0, 2.0), rng=NumpyRNG(1))
    rule = sim.SmallWorldConnector(5, 0.3, callback=seen.append)
    projection = sim.Projection(cells, cells, rule, sim.StaticSynapse(weight=weight))
    weights = projection.get("weight", "list", with_address=False)
    assert len(set(weights)) == len(projection) == (distance() < 5).sum()
    assert seen[-1] == 1.0
    assert seen == sorted(seen)
