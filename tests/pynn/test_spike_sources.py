"""Spike sources: given times, and Poisson processes."""

from __future__ import annotations

import numpy as np
import pytest
import quantities as pq
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from pyNN import errors
from pyNN.parameters import Sequence
from scipy import stats

# --- SpikeSourceArray ----------------------------------------------------------------------------


@pytest.mark.parametrize("timestep", [0.05, 0.1, 1.0])
def test_times_are_recorded_as_given(sim, spike_times, timestep):
    sim.setup(timestep=timestep)
    times = [0.0, 0.075, 0.1, 1.2345678901234, 3.0, 4.9999]
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=times))
    source.record("spikes")
    sim.run(5.0)
    assert np.abs(spike_times(source)[0] - times).max() < 1e-15


def test_a_time_between_grid_points(sim, spike_times):
    sim.setup(timestep=0.05)
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=[0.075]))
    source.record("spikes")
    sim.run(1.0)
    assert abs(spike_times(source)[0][0] - 0.075) < 1e-17


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.0, 20.0), max_size=10).map(sorted), st.sampled_from([0.05, 0.1, 1.0]))
def test_any_times_are_recorded_as_given(times, timestep):
    import pyNN.ship as sim

    sim.setup(timestep=timestep)
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=times))
    source.record("spikes")
    sim.run(7.0)
    sim.run(14.0)
    (train,) = source.get_data().segments[0].spiketrains
    np.testing.assert_allclose(train.magnitude, times, rtol=0, atol=1e-6 * timestep)


@pytest.mark.parametrize(
    "times",
    [[1.0, 2.0], (1.0, 2.0), np.array([1.0, 2.0]), Sequence([1.0, 2.0]), [1.0, 2.0] * pq.ms,
     [0.001 * pq.s, 2.0 * pq.ms], [Sequence([1.0, 2.0])] * 2, [[1.0, 2.0], [1.0, 2.0]],
     lambda indices: [Sequence([1.0, 2.0]) for _ in indices]],
)  # fmt: skip
def test_ways_to_give_times(sim, spike_times, times):
    source = sim.Population(2, sim.SpikeSourceArray(spike_times=times))
    later = sim.Population(2, sim.SpikeSourceArray())
    later.set(spike_times=times)
    for population in (source, later):
        population.record("spikes")
        assert [list(t.value) for t in population.get("spike_times")] == [[1.0, 2.0]] * 2
    sim.run(3.0)
    for population in (source, later):
        for train in spike_times(population):
            assert_array_equal(train, [1.0, 2.0])


def test_each_cell_has_its_own_times(sim, spike_times):
    times = [[1.0], [], [0.5, 1.5, 2.5]]
    source = sim.Population(3, sim.SpikeSourceArray(spike_times=times))
    source.record("spikes")
    source[1:2].set(spike_times=[[2.0]])
    source[0].spike_times = [0.3]
    assert list(source[2].spike_times.value) == times[2]
    sim.run(3.0)
    for train, expected in zip(spike_times(source), [[0.3], [2.0], times[2]], strict=True):
        assert_array_equal(train, expected)


def test_a_spike_at_zero_is_delivered(sim, one_spike, samples):
    cell = one_spike(sim.IF_curr_exp(), 0.5, delay=0.1, time=0.0)
    sim.run(1.0)
    assert samples(cell, "isyn_exc")[1, 0] == 0.5


def test_spikes_beyond_the_run_are_not_recorded(sim, spike_times):
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=[1.0, 5.0, 9.0]))
    source.record("spikes")
    sim.run(5.0)
    assert_array_equal(spike_times(source)[0], [1.0, 5.0])
    sim.run(4.0)
    assert_array_equal(spike_times(source)[0], [1.0, 5.0, 9.0])


def test_times_changed_during_a_run(sim, spike_times, samples):
    source = sim.Population(2, sim.SpikeSourceArray(spike_times=[2.0]))
    cell = sim.Population(2, sim.IF_curr_exp())
    synapse = sim.StaticSynapse(weight=0.5, delay=1.0)
    sim.Projection(source, cell, sim.OneToOneConnector(), synapse)
    source.record("spikes")
    cell.record("isyn_exc")
    sim.run(5.0)
    source.set(spike_times=[[1.0, 7.0], [6.0, 8.0]])
    sim.run(5.0)
    first, second = spike_times(source)
    assert_array_equal(first, [2.0, 7.0])
    assert_array_equal(second, [2.0, 6.0, 8.0])
    arrived = np.flatnonzero(np.diff(samples(cell, "isyn_exc")[:, 0]) > 0) + 1
    assert_array_equal(arrived, [30, 80])


def test_one_list_for_all(sim, spike_times):
    source = sim.Population(3, sim.SpikeSourceArray())
    source.record("spikes")
    source.set(spike_times=[1.0, 2.0, 3.0])
    sim.run(4.0)
    for train in spike_times(source):
        assert_array_equal(train, [1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("times", "message"),
    [([2.0, 1.0], "ascending order; sort them"), ([-1.0, 1.0], "finite and >= 0 ms"),
     ([np.nan], "finite and >= 0 ms"), ([np.inf], "finite and >= 0 ms"),
     (None, "spike_times = None"), ([None], "finite and >= 0 ms")],
)  # fmt: skip
def test_impossible_times(sim, network, times, message):
    source = sim.Population(2, sim.SpikeSourceArray(spike_times=[1.0]))
    before = network()
    with pytest.raises(errors.InvalidParameterValueError, match=message):
        sim.Population(2, sim.SpikeSourceArray(spike_times=times))
    with pytest.raises(errors.InvalidParameterValueError, match=message):
        source.set(spike_times=times)
    assert network() == before
    assert [list(t.value) for t in source.get("spike_times")] == [[1.0], [1.0]]
    sim.run(1.0)


@pytest.mark.parametrize("times", ["abc", [["a"]]])
def test_times_that_are_no_numbers(sim, times):
    with pytest.raises(ValueError, match=r"spike_times|could not convert"):
        sim.Population(1, sim.SpikeSourceArray(spike_times=times))


def test_lists_of_times_must_fit(sim):
    with pytest.raises(errors.InvalidDimensionsError, match="one for each of its 1 cells"):
        sim.Population(1, sim.SpikeSourceArray(spike_times=[[1.0], [2.0]]))
    with pytest.raises(errors.InvalidDimensionsError):
        sim.Population(3, sim.SpikeSourceArray()).set(spike_times=[[1.0], [2.0]])


# --- SpikeSourcePoisson --------------------------------------------------------------------------


def test_intervals_are_exponential(sim, spike_times):
    sim.setup(seed=1)
    source = sim.Population(20, sim.SpikeSourcePoisson(rate=100.0))
    source.record("spikes")
    sim.run(5000.0)
    intervals = np.concatenate([np.diff(train) for train in spike_times(source)])
    assert stats.kstest(intervals, "expon", args=(0, 10.0)).pvalue > 0.01
    counts = np.array([train.size for train in spike_times(source)])
    assert abs(counts.mean() - 500) < 4 * np.sqrt(500 / 20)
    assert 0.3 < counts.var(ddof=1) / counts.mean() < 2.5
    pairs = np.concatenate([np.diff(train)[:-1] * np.diff(train)[1:] for train in
                            spike_times(source)])  # fmt: skip
    assert pairs.mean() == pytest.approx(100.0, rel=0.1)


def test_cells_are_independent(sim, spike_times):
    sim.setup(seed=2)
    source = sim.Population(2, sim.SpikeSourcePoisson(rate=200.0))
    other = sim.Population(1, sim.SpikeSourcePoisson(rate=200.0))
    source.record("spikes")
    other.record("spikes")
    sim.run(2000.0)
    trains = [*spike_times(source), *spike_times(other)]
    bins = np.arange(0, 2001, 10)
    counts = np.array([np.histogram(train, bins)[0] for train in trains])
    correlations = np.corrcoef(counts)[np.triu_indices(3, 1)]
    assert (np.abs(correlations) < 0.3).all()


def test_rates_far_above_one_spike_per_step(sim):
    sim.setup(timestep=1.0, seed=3)
    source = sim.Population(10, sim.SpikeSourcePoisson(rate=20000.0))
    source.record("spikes")
    sim.run(1000.0)
    counts = list(source.get_spike_counts().values())
    assert np.mean(counts) == pytest.approx(20000, abs=4 * np.sqrt(2000))


@pytest.mark.parametrize(("start", "duration"), [(20.0, 30.0), (20.04, 30.03), (0.0, 10.0),
                                                 (95.0, 100.0)])  # fmt: skip
def test_start_and_duration(sim, spike_times, start, duration):
    celltype = sim.SpikeSourcePoisson(rate=5000.0, start=start, duration=duration)
    source = sim.Population(2, celltype)
    source.record("spikes")
    sim.run(100.0)
    times = np.concatenate(spike_times(source))
    end = min(start + duration, 100.0)
    assert start <= times.min() < start + 2
    assert end - 2 < times.max() <= end
    expected = 2 * 5 * (end - start)
    assert abs(times.size - expected) < 5 * np.sqrt(expected)


def test_rates_differ_between_cells(sim):
    source = sim.Population(3, sim.SpikeSourcePoisson(rate=[0.0, 100.0, 1000.0]))
    source.record("spikes")
    sim.run(1000.0)
    none, few, many = source.get_spike_counts().values()
    assert none == 0
    assert abs(few - 100) < 50
    assert abs(many - 1000) < 150


def test_rate_changed_during_a_run(sim, spike_times):
    source = sim.Population(4, sim.SpikeSourcePoisson(rate=0.0))
    source.record("spikes")
    sim.run(50.0)
    source[0:2].set(rate=2000.0)
    sim.run(50.0)
    source.set(rate=0.0)
    sim.run(50.0)
    first, second, third, fourth = spike_times(source)
    assert third.size == fourth.size == 0
    for train in (first, second):
        assert train.min() >= 50.0
        assert train.max() <= 100.0
        assert abs(train.size - 100) < 50


def test_a_second_population_does_not_change_the_first(sim, spike_times):
    trains = []
    for more in (False, True):
        sim.setup(seed=4)
        source = sim.Population(2, sim.SpikeSourcePoisson(rate=300.0))
        source.record("spikes")
        if more:
            sim.Population(5, sim.SpikeSourcePoisson(rate=300.0))
        sim.run(100.0)
        trains.append(np.concatenate(spike_times(source)))
    assert_array_equal(*trains)


def test_recording_does_not_change_the_spikes(sim, samples):
    traces = []
    for recorded in (False, True):
        sim.setup(seed=4)
        source = sim.Population(2, sim.SpikeSourcePoisson(rate=300.0))
        cell = sim.Population(2, sim.IF_curr_exp())
        sim.Projection(source, cell, sim.AllToAllConnector(), sim.StaticSynapse(weight=0.1))
        cell.record("v")
        if recorded:
            source.record("spikes")
        sim.run(50.0)
        traces.append(samples(cell, "v"))
    assert_array_equal(*traces)


@pytest.mark.parametrize(("name", "value", "message"),
                         [("rate", -1.0, "rate = -1 Hz .*>= 0"),
                          ("rate", np.nan, "rate = nan Hz"),
                          ("duration", -1.0, "duration = -1 ms .*>= 0"),
                          ("start", np.inf, "start = inf ms .*finite")])  # fmt: skip
def test_impossible_poisson_parameters(sim, name, value, message):
    with pytest.raises(errors.InvalidParameterValueError, match=message):
        sim.SpikeSourcePoisson(**{name: value})
    source = sim.Population(2, sim.SpikeSourcePoisson())
    with pytest.raises(errors.InvalidParameterValueError, match=message):
        source.set(**{name: [1.0, value]})


def test_some_parameters_only(sim):
    parameters = {"rate": [5, 6], "start": [1000, 1001]}
    source = sim.Population(2, sim.SpikeSourcePoisson, parameters)
    assert_array_equal(source.get("start"), [1000, 1001])
    assert source.get("duration") == 1e10
