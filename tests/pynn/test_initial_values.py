"""Initial values of the states of cells."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pyNN import errors

NEURONS = ["IF_curr_exp", "IF_curr_alpha", "IF_curr_delta", "IF_cond_exp", "IF_cond_alpha"]
SOURCES = ["SpikeSourceArray", "SpikeSourcePoisson"]


def test_initial_values_are_what_the_first_sample_shows(sim, samples):
    cells = sim.Population(
        3, sim.IF_cond_exp(), initial_values={"v": [-60.0, -61.0, -62.0], "gsyn_exc": 0.01}
    )
    cells.record(["v", "gsyn_exc"])
    sim.run(0.1)
    assert_array_equal(samples(cells, "v")[0], [-60.0, -61.0, -62.0])
    assert_array_equal(samples(cells, "gsyn_exc")[0], [0.01] * 3)


@pytest.mark.parametrize(
    ("name", "variable", "sign"),
    [("IF_curr_exp", "isyn_exc", 1), ("IF_curr_exp", "isyn_inh", -1),
     ("IF_cond_exp", "gsyn_exc", 1), ("IF_cond_exp", "gsyn_inh", 1),
     ("IF_curr_alpha", "isyn_exc", 1), ("IF_cond_alpha", "gsyn_inh", 1)],
)  # fmt: skip
def test_initial_currents_and_conductances_count(sim, samples, name, variable, sign):
    cells = sim.Population(1, getattr(sim, name)(), initial_values={variable: 0.1 * sign})
    cells.record(["v", variable])
    sim.run(5.0)
    trace = samples(cells, variable)[:, 0]
    assert trace[0] == 0.1 * sign
    tau = cells.get(f"tau_syn_{'E' if variable.endswith('exc') else 'I'}")
    assert_allclose(trace, 0.1 * sign * np.exp(-np.arange(51) / 10 / tau), rtol=1e-9)
    direction = -1 if variable.endswith("inh") else 1
    assert np.sign(samples(cells, "v")[-1, 0] + 65.0) == direction


def test_random_initial_values_are_drawn_once(sim, samples):
    distribution = sim.RandomDistribution("uniform", (-70, -60), rng=sim.NumpyRNG(3))
    cells = sim.Population(5, sim.IF_curr_exp(), initial_values={"v": distribution})
    cells.record("v")
    first = cells.initial_values["v"].evaluate()
    assert np.unique(first).size == 5
    assert_array_equal(cells.initial_values["v"].evaluate(), first)
    assert cells[2].get_initial_value("v") == first[2]
    sim.run(1.0)
    assert_array_equal(samples(cells, "v")[0], first)
    sim.reset()
    sim.run(1.0)
    assert_array_equal(samples(cells, "v")[0], first)
    expected = sim.RandomDistribution("uniform", (-70, -60), rng=sim.NumpyRNG(3)).next(5)
    assert_array_equal(first, expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(-60.0, [-60.0] * 4), ([-60.0, -61.0, -62.0, -63.0], [-60.0, -61.0, -62.0, -63.0]),
     (lambda i: -60.0 - i, [-60.0, -61.0, -62.0, -63.0])],
)  # fmt: skip
def test_initialize(sim, samples, value, expected):
    cells = sim.Population(4, sim.IF_curr_exp())
    cells.record("v")
    sim.initialize(cells, v=value)
    assert_array_equal(np.broadcast_to(cells.initial_values["v"].evaluate(), 4), expected)
    sim.run(1.0)
    assert_array_equal(samples(cells, "v")[0], expected)


def test_initialize_in_the_middle_of_a_run(sim, samples):
    cells = sim.Population(1, sim.IF_curr_exp())
    cells.record("v")
    sim.run(1.0)
    cells.initialize(v=-55.0)
    sim.run(1.0)
    expected = -65 + 10 * np.exp(-np.arange(1, 11) / 10 / 20)
    assert_allclose(samples(cells, "v")[11:, 0], expected, rtol=1e-12)
    sim.reset()
    sim.run(0.1)
    assert samples(cells, "v")[0, 0] == -55.0


def test_initialize_one_cell_and_a_view(sim, samples):
    cells = sim.Population(4, sim.IF_curr_exp())
    cells.record("v")
    cells[0].set_initial_value("v", -60.0)
    cells[2:4].initialize(v=[-61.0, -62.0])
    assert cells[0].get_initial_value("v") == -60.0
    assert cells[3].get_initial_value("v") == -62.0
    assert_array_equal(cells[2:4].initial_values["v"].evaluate(), [-61.0, -62.0])
    sim.run(0.1)
    assert_array_equal(samples(cells, "v")[0], [-60.0, -65.0, -61.0, -62.0])


@pytest.mark.parametrize("value", ["abc", lambda i, j: 0.0, np.nan, np.inf, None, {"a": 1}])
def test_initial_values_must_be_numbers(sim, network, value):
    cells = sim.Population(3, sim.IF_curr_exp(), label="P")
    before = network()
    with pytest.raises(errors.InvalidParameterValueError, match=r"initial value .* of v in 'P'"):
        cells.initialize(v=value)
    with pytest.raises(errors.InvalidParameterValueError, match=r"initial value .* of v in 'Q'"):
        sim.Population(3, sim.IF_curr_exp(), initial_values={"v": value}, label="Q")
    assert network() == before
    assert cells.initial_values["v"].evaluate(simplify=True) == -65.0
    sim.run(1.0)


@pytest.mark.parametrize("value", [[1.0, 2.0], np.ones((3, 2))])
def test_initial_values_must_fit(sim, value):
    cells = sim.Population(3, sim.IF_curr_exp(), label="P")
    with pytest.raises(errors.InvalidDimensionsError, match=r"of v in 'P' .*give one value or 3"):
        cells.initialize(v=value)


def test_initial_values_of_states_that_do_not_exist(sim, network):
    cells = sim.Population(3, sim.IF_curr_exp())
    before = network()
    with pytest.raises(errors.NonExistentParameterError, match=r"w .*isyn_exc, isyn_inh, v"):
        cells.initialize(w=1.0)
    with pytest.raises(errors.NonExistentParameterError, match=r"gsyn_exc .*isyn_exc"):
        sim.Population(3, sim.IF_curr_exp(), initial_values={"gsyn_exc": 1.0})
    with pytest.raises(errors.NonExistentParameterError, match="w "):
        cells[0].set_initial_value("w", 1.0)
    with pytest.raises(errors.NonExistentParameterError, match="v "):
        sim.Population(1, sim.SpikeSourceArray()).initialize(v=1.0)
    assert network()[1:5] == before[1:5]


def test_nothing_is_initialised_if_one_of_several_is_refused(sim):
    cells = sim.Population(3, sim.IF_curr_exp())
    with pytest.raises(errors.NonExistentParameterError):
        cells.initialize(v=-60.0, w=1.0)
    with pytest.raises(errors.InvalidDimensionsError):
        cells.initialize(v=-60.0, isyn_exc=[1.0, 2.0])
    with pytest.raises(errors.InvalidParameterValueError):
        cells.initialize(v=-60.0, isyn_exc=np.nan)
    assert cells[0].get_initial_value("v") == -65.0
