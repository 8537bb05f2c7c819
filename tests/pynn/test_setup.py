"""Setting up: what it takes, what it refuses, and that setups are independent."""

from __future__ import annotations

import numpy as np
import pytest
import quantities as pq
from pyNN import errors


def test_setup_returns_the_rank_and_takes_defaults(sim):
    assert sim.setup() == 0
    assert sim.get_time_step() == 0.1
    assert sim.get_min_delay() == 0.1
    assert sim.get_max_delay() == "auto"
    assert sim.get_current_time() == 0.0
    assert (sim.num_processes(), sim.rank()) == (1, 0)


@pytest.mark.parametrize("timestep", [0.05, 0.1, 0.25, 1, 0.3])
def test_time_is_a_multiple_of_the_step(sim, timestep):
    sim.setup(timestep=timestep)
    sim.run(30 * timestep)
    assert sim.get_current_time() == pytest.approx(30 * timestep, rel=1e-15)


def test_setup_takes_quantities(sim):
    sim.setup(timestep=200 * pq.us, min_delay=0.001 * pq.s, max_delay=5 * pq.ms)
    assert sim.get_time_step() == pytest.approx(0.2)
    assert sim.get_min_delay() == pytest.approx(1.0)
    assert sim.get_max_delay() == pytest.approx(5.0)


@pytest.mark.parametrize("name", ["timestep", "min_delay", "max_delay"])
def test_setup_refuses_other_dimensions(sim, name):
    with pytest.raises(errors.InvalidParameterValueError, match=f"{name} .*cannot be converted"):
        sim.setup(**{name: 1 * pq.mV})


@pytest.mark.parametrize("name", ["timestep", "min_delay", "max_delay"])
@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf, "0.1", None, [1.0]])
def test_setup_refuses_what_is_not_a_positive_time(sim, name, value):
    with pytest.raises((ValueError, TypeError), match=name):
        sim.setup(**{name: value})


def test_a_time_step_is_not_auto(sim):
    with pytest.raises(ValueError, match="timestep = 'auto'"):
        sim.setup(timestep="auto")


@pytest.mark.parametrize("name", ["mindelay", "maxdelay", "dt", "time_step"])
def test_setup_refuses_old_names(sim, name):
    with pytest.raises(Exception, match=name):
        sim.setup(**{name: 1.0})


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [("max_dealy", "max_delay"), ("exectuor", "executor"), ("treads", "threads"), ("sed", "seed")],
)
def test_setup_refuses_misspelt_names(sim, misspelt, meant):
    with pytest.raises(TypeError, match=f"'{misspelt}'; did you mean '{meant}'"):
        sim.setup(**{misspelt: 1})


@pytest.mark.parametrize("name", ["label", "t_flush", "use_cvode", "rng_seed", "verbosity"])
def test_setup_ignores_what_other_simulators_understand(sim, name):
    assert sim.setup(**{name: 1}) == 0


def test_delays_must_fit_each_other(sim):
    with pytest.raises(ValueError, match=r"max_delay = 1.0 ms is shorter than min_delay, 2.0 ms"):
        sim.setup(min_delay=2.0, max_delay=1.0)
    with pytest.raises(ValueError, match=r"min_delay = 0.1 ms is shorter than the time step"):
        sim.setup(timestep=1.0, min_delay=0.1)


def test_max_delay_is_not_below_the_step(sim):
    with pytest.raises(ValueError, match="max_delay"):
        sim.setup(timestep=1.0, max_delay=0.1)


@pytest.mark.parametrize("executor", ["cuda", "nest", None, 3])
def test_setup_refuses_unknown_executors(sim, executor):
    with pytest.raises(ValueError, match=r"executor = .*'auto', 'numba', 'torch'"):
        sim.setup(executor=executor)


@pytest.mark.parametrize("executor", ["auto", "numba"])
@pytest.mark.parametrize(
    ("name", "value"), [("device", "cuda"), ("dtype", "float32"), ("batch_size", 4)]
)
def test_numba_refuses_options_of_torch(sim, executor, name, value):
    with pytest.raises(ValueError, match=f"{name} = .*executor='torch'"):
        sim.setup(executor=executor, **{name: value})


@pytest.mark.parametrize("precision", ["offgrid", None, True])
def test_setup_refuses_unknown_spike_precision(sim, precision):
    with pytest.raises(ValueError, match=r"spike_precision = .*'off_grid' or 'on_grid'"):
        sim.setup(spike_precision=precision)


@pytest.mark.parametrize("seed", ["abc", None, 1.5])
def test_setup_refuses_seeds_that_are_not_whole_numbers(sim, seed):
    with pytest.raises((ValueError, TypeError), match="seed"):
        sim.setup(seed=seed)


@pytest.mark.parametrize("threads", [0, -1, "two", None])
def test_setup_refuses_impossible_numbers_of_threads(sim, threads):
    with pytest.raises((ValueError, TypeError), match="threads"):
        sim.setup(threads=threads)


def test_setup_with_torch(sim, samples):
    sim.setup(executor="torch")
    cells = sim.Population(2, sim.IF_curr_exp(i_offset=0.2))
    cells.record("v")
    sim.run(5.0)
    on_torch = samples(cells, "v")
    sim.setup()
    cells = sim.Population(2, sim.IF_curr_exp(i_offset=0.2))
    cells.record("v")
    sim.run(5.0)
    np.testing.assert_allclose(on_torch, samples(cells, "v"), rtol=1e-12)


def test_a_refused_setup_leaves_the_network_as_it_was(sim, network):
    cells = sim.Population(2, sim.IF_curr_exp())
    cells.record("v")
    before = network()
    for wrong in ({"executor": "x"}, {"timestep": -1}, {"spike_precision": "x"}, {"sed": 1}):
        with pytest.raises((ValueError, TypeError)):
            sim.setup(**wrong)
    assert network() == before
    assert sim.run(1.0) == 1.0


def test_min_delay_auto_is_the_shortest_there_is(sim):
    sim.setup(timestep=0.1, min_delay="auto", max_delay="auto")
    assert sim.get_min_delay() == 0.1
    cells = sim.Population(3, sim.IF_curr_exp())
    connector = sim.FromListConnector([(0, 1, 0.1, 2.5), (1, 2, 0.1, 0.7)])
    sim.Projection(cells, cells, connector)
    assert sim.get_min_delay() == 0.7
    assert sim.get_max_delay() == 2.5
    sim.run(1.0)
    assert sim.get_min_delay() == 0.7


def test_min_and_max_delay_as_given(sim):
    sim.setup(timestep=0.1, min_delay=0.5, max_delay=4.0)
    cells = sim.Population(2, sim.IF_curr_exp())
    sim.Projection(cells, cells, sim.AllToAllConnector(), sim.StaticSynapse(delay=2.0))
    assert (sim.get_min_delay(), sim.get_max_delay()) == (0.5, 4.0)


def test_delay_of_a_synapse_that_names_none(sim):
    sim.setup(timestep=0.1, min_delay=0.5)
    cells = sim.Population(2, sim.IF_curr_exp())
    projection = sim.Projection(cells, cells, sim.AllToAllConnector())
    assert (projection.get("delay", "array") == 0.5).all()


def test_several_setups_are_independent(sim, samples):
    traces = []
    for _ in range(3):
        sim.setup(timestep=1.0)
        cells = sim.Population(1, sim.IF_curr_exp(i_offset=0.1))
        assert int(cells[0]) == 0
        cells.record("v")
        sim.run(10.0)
        traces.append(samples(cells, "v"))
    for trace in traces:
        np.testing.assert_array_equal(trace, traces[0])


def test_cells_of_an_earlier_setup_are_not_mixed_in(sim, state):
    old = sim.Population(2, sim.IF_curr_exp(), label="old")
    sim.setup()
    new = sim.Population(2, sim.IF_curr_exp(), label="new")
    with pytest.raises(errors.ConnectionError, match="old"):
        sim.Projection(old, new, sim.AllToAllConnector())
    with pytest.raises(errors.ConnectionError, match="old"):
        sim.Projection(new, new + old, sim.AllToAllConnector())
    assert state.network.projections == []


def test_current_sources_of_an_earlier_setup_are_refused(sim):
    source = sim.DCSource(amplitude=1.0)
    sim.setup()
    cells = sim.Population(1, sim.IF_curr_exp())
    with pytest.raises((RuntimeError, ValueError), match="setup"):
        source.inject_into(cells)


def test_everything_needs_setup(sim, state, monkeypatch):
    monkeypatch.setattr(state, "_network", None)
    for call in (
        lambda: sim.Population(1, sim.IF_curr_exp()),
        sim.DCSource,
        lambda: sim.StaticSynapse(),
        lambda: sim.run(1.0),
        lambda: sim.run_until(1.0),
        sim.reset,
        sim.get_time_step,
    ):
        with pytest.raises(RuntimeError, match=r"call setup\(\)"):
            call()
