"""NumpyRNG of pyNN.ship: PyNN's, with one argument more."""

from __future__ import annotations

import copy

import numpy as np
import pyNN.ship as sim
import pytest
from pyNN import random as pynn

from pyNN_ship.connector_draws import is_numpy_stream

NORMAL = ("normal", {"mu": 1.0, "sigma": 0.5})


@pytest.mark.parametrize("arguments", [(), (7,), (7, *NORMAL), (3, *NORMAL, np.array([2, 0]))])
def test_draws_the_numbers_of_pynn(arguments: tuple[object, ...]) -> None:
    drawn = sim.NumpyRNG(seed=5).next(*arguments)
    assert np.array_equal(drawn, pynn.NumpyRNG(seed=5).next(*arguments))


def test_the_argument_of_earlier_versions() -> None:
    drawn = sim.NumpyRNG(seed=5).next(4, *NORMAL, mask_local=False)
    assert np.array_equal(drawn, pynn.NumpyRNG(seed=5).next(4, *NORMAL))


@pytest.mark.parametrize("value", [True, None, np.array([True, False])])
def test_its_other_values_are_refused(value: object) -> None:
    with pytest.raises(TypeError, match=r"earlier PyNN; give as `mask`"):
        sim.NumpyRNG(seed=5).next(2, mask_local=value)


def test_a_copy_goes_on_where_the_original_stood() -> None:
    rng = sim.NumpyRNG(seed=5)
    rng.next(3)
    assert copy.deepcopy(rng).next() == rng.next()


def test_connectors_draw_many_numbers_at_once() -> None:
    assert is_numpy_stream(sim.NumpyRNG(seed=5))
    assert is_numpy_stream(pynn.NumpyRNG(seed=5))


def test_gives_the_connections_of_pynn() -> None:
    sim.setup()
    cells = sim.Population(20, sim.IF_curr_exp())
    lists = []
    for generator in (sim.NumpyRNG, pynn.NumpyRNG):
        connector = sim.FixedProbabilityConnector(0.3, rng=generator(seed=3))
        lists.append(sim.Projection(cells, cells, connector).get("weight", format="list"))
    assert lists[0] == lists[1]
    assert len(lists[0]) > 0
