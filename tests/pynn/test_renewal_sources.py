"""SpikeSourcePoissonRefractory, SpikeSourceGamma and SpikeSourceInhGamma."""

from __future__ import annotations

import numpy as np
import pytest
import quantities as pq
from numpy.testing import assert_array_equal
from pyNN import errors
from pyNN.parameters import Sequence
from pyNN.random import NumpyRNG, RandomDistribution
from scipy import stats

BINS = {"a": [3.0, 5.0], "b": [0.004, 0.001], "tbins": [0.0, 500.0]}
CELLS = {
    "SpikeSourcePoissonRefractory": {"rate": 80.0, "tau_refrac": 4.0},
    "SpikeSourceGamma": {"alpha": 3.0, "beta": 240.0},
    "SpikeSourceInhGamma": BINS,
}
EVERY = pytest.mark.parametrize("name", CELLS)


def recorded(sim, size, name, **parameters):
    source = sim.Population(size, getattr(sim, name)(**(CELLS[name] | parameters)))
    source.record("spikes")
    return source


def test_intervals_of_each_cell(sim, spike_times):
    gamma = recorded(sim, 2, "SpikeSourceGamma", alpha=[6, 2], beta=[100.0, 1000.0])
    dead = recorded(sim, 2, "SpikeSourcePoissonRefractory", rate=[100, 50.0], tau_refrac=[5.0, 0.0])
    sim.run(20000.0)
    laws = [stats.gamma(6, scale=10.0), stats.gamma(2, scale=1.0), stats.expon(5.0, 5.0),
            stats.expon(0.0, 20.0)]  # fmt: skip
    for train, law in zip([*spike_times(gamma), *spike_times(dead)], laws, strict=True):
        assert stats.kstest(np.diff(train), law.cdf).pvalue > 0.001
        assert train.size == pytest.approx(20000.0 / law.mean(), rel=0.15)


def test_bins_are_in_seconds_and_milliseconds(sim, spike_times):
    source = recorded(sim, 20, "SpikeSourceInhGamma")
    sim.run(1000.0)
    intervals = [np.diff(train[train < 500.0]) for train in spike_times(source)]
    law = stats.gamma(3.0, scale=4.0)
    assert np.concatenate(intervals).mean() == pytest.approx(law.mean(), rel=0.1)
    later = np.concatenate([np.diff(train[train > 550.0]) for train in spike_times(source)])
    assert stats.kstest(later, stats.gamma(5.0, scale=1.0).cdf).statistic < 0.03


@EVERY
def test_runs_in_parts_and_on_other_executors(sim, spike_times, name):
    def trains(durations, **options):
        sim.setup(timestep=0.1, seed=3, **options)
        source = recorded(sim, 3, name)
        for duration in durations:
            sim.run(duration)
        return spike_times(source)

    whole = trains([300.0])
    for one, two, three in zip(
        whole, trains([0.1] * 100 + [290.0]), trains([300.0], executor="torch"), strict=True
    ):
        assert_array_equal(one, two)
        assert_array_equal(one, three)
    assert all(train.size for train in whole)


@EVERY
def test_they_drive_neurons(sim, samples, name):
    source = recorded(sim, 10, name)
    cell = sim.Population(1, sim.IF_curr_exp())
    sim.Projection(source, cell, sim.AllToAllConnector(), sim.StaticSynapse(weight=0.02))
    cell.record("v")
    sim.run(100.0)
    assert samples(cell, "v").max() > -64.0


@EVERY
def test_a_reset_brings_new_spikes_and_a_seed_the_same(sim, spike_times, name):
    runs = []
    for _ in range(2):
        sim.setup(seed=8)
        source = recorded(sim, 3, name)
        sim.run(200.0)
        sim.reset()
        sim.run(200.0)
        runs.append([spike_times(source, segment) for segment in (0, 1)])
    for one, other in zip(*runs, strict=True):
        for train, same in zip(one, other, strict=True):
            assert_array_equal(train, same)
    assert not np.isin(runs[0][0][0], runs[0][1][0]).any()


@EVERY
def test_start_and_duration(sim, spike_times, name):
    source = recorded(sim, 3, name, start=[0.0, 50.0, 100.0] * pq.ms, duration=0.1 * pq.s)
    sim.run(300.0)
    for train, start in zip(spike_times(source), (0.0, 50.0, 100.0), strict=True):
        assert train.size
        assert start <= train.min()
        assert train.max() < start + 100.0


def test_parameters_changed_in_a_run(sim, spike_times):
    source = recorded(sim, 2, "SpikeSourceGamma", beta=0.0)
    switched = []

    def switch_on(t):
        if t >= 100.0 and not switched:
            switched.append(t)
            source[1:2].set(beta=3000.0)
        return t + 50.0

    sim.run(200.0, callbacks=[switch_on])
    silent, active = spike_times(source)
    assert silent.size == 0
    assert 100.0 <= active.min() < 105.0
    assert active.size == pytest.approx(100, rel=0.3)
    source.set(alpha=3.0 * pq.dimensionless, beta=3.0 * pq.kHz)
    sim.run(100.0)
    assert spike_times(source)[0].min() < 205.0


def test_parameters_come_back_as_they_were_set(sim):
    rng = NumpyRNG(seed=1)
    dead = sim.Population(
        3, sim.SpikeSourcePoissonRefractory(rate=RandomDistribution("uniform", (5, 9), rng=rng))
    )
    rates = dead.get("rate")
    assert len(set(rates)) == 3
    assert ((rates > 5) & (rates < 9)).all()
    assert dead.get("tau_refrac") == 0.0
    gamma = sim.Population(2, sim.SpikeSourceGamma(alpha=[2, 3], beta=[1 * pq.kHz, 20 * pq.Hz]))
    assert_array_equal(gamma.get("beta"), [1000.0, 20.0])
    assert gamma[1].alpha == 3.0
    assert gamma[0].get_parameters() == {
        "alpha": 2.0, "beta": 1000.0, "start": 0.0, "duration": 1e10
    }  # fmt: skip


SETS = [
    [2.0, 3.0],
    np.array([2.0, 3.0]),
    Sequence([2.0, 3.0]),
    [[2.0, 3.0], [2.0, 3.0]],
    [Sequence([2.0, 3.0])] * 2,
    lambda indices: [Sequence([2.0, 3.0]) for _ in indices],
]


@pytest.mark.parametrize("value", SETS)
@pytest.mark.parametrize("later", [False, True])
def test_ways_to_give_bins(sim, value, later):
    rest = {"b": [0.1, 0.2], "tbins": [0.0, 5.0]}
    if later:
        source = sim.Population(2, sim.SpikeSourceInhGamma())
        source.set(a=value, **rest)
    else:
        source = sim.Population(2, sim.SpikeSourceInhGamma(a=value, **rest))
    for name, expected in {"a": [2.0, 3.0], **rest}.items():
        assert [list(sequence.value) for sequence in source.get(name)] == [expected] * 2


@pytest.mark.parametrize(
    "value",
    [
        [20.0, 30.0] * pq.ms,
        [0.02 * pq.s, 30.0 * pq.ms],
        Sequence([20.0, 30.0] * pq.ms),
        [Sequence([20.0, 30.0] * pq.ms)] * 2,
        [[20.0, 30.0] * pq.ms, [0.02, 0.03]],
        lambda indices: [Sequence([20.0, 30.0] * pq.ms) for _ in indices],
    ],
)
def test_bins_with_units(sim, value):
    source = sim.Population(2, sim.SpikeSourceInhGamma(a=[1, 2], b=value, tbins=[0, 5]))
    for sequence in source.get("b"):
        np.testing.assert_allclose(sequence.value, [0.02, 0.03], rtol=1e-15)
    other = sim.Population(2, sim.SpikeSourceArray(spike_times=value))
    np.testing.assert_allclose(other.get("spike_times")[0].value, [20.0, 30.0], rtol=1e-15)


def test_bins_of_each_cell_and_of_views(sim):
    source = sim.Population(
        3, sim.SpikeSourceInhGamma(a=[[1, 2], [3], [4, 5, 6]], b=[[0.1, 0.1], [0.1], [0.1] * 3],
                                   tbins=[[0, 10], [0], [1, 2, 3]])
    )  # fmt: skip
    assert [list(s.value) for s in source.get("a")] == [[1, 2], [3], [4, 5, 6]]
    source[0:2].set(a=[[7], [8]], b=[[0.5], [0.6]], tbins=[[1.0], [2.0]])
    assert [list(s.value) for s in source.get("a")] == [[7], [8], [4, 5, 6]]
    assert list(source[1].b.value) == [0.6]
    source[2:3].set(a=[9, 9, 9])
    assert [list(s.value) for s in source[1:].get("a")] == [[8], [9, 9, 9]]


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("SpikeSourcePoissonRefractory", {"rate": 250.0}, r"rate = 250 Hz with tau_refrac = 4 ms"),
        ("SpikeSourcePoissonRefractory", {"rate": -1.0}, r"rate = -1 Hz .*>= 0"),
        ("SpikeSourceGamma", {"alpha": 0.0}, r"alpha = 0 dimensionless .*> 0"),
        ("SpikeSourceGamma", {"alpha": 1.0 * pq.mV}, r"alpha = 1.0 mV cannot be converted"),
        ("SpikeSourceGamma", {"beta": [1.0, -1.0]}, r"beta = -1 Hz .*>= 0"),
        ("SpikeSourceInhGamma", {"a": [1.0, 2.0, 3.0]}, r"a, b and tbins .*3, 2 and 2 values"),
        ("SpikeSourceInhGamma", {"a": 1.0}, r"a, b and tbins .*1, 2 and 2 values"),
        ("SpikeSourceInhGamma", {"a": []}, r"a, b and tbins .*0, 2 and 2 values"),
        ("SpikeSourceInhGamma", {"b": [1.0, np.nan]}, r"b of component 0 .*nan s; .*> 0"),
        ("SpikeSourceInhGamma", {"tbins": [5.0, 1.0]}, r"ascending order"),
        ("SpikeSourceInhGamma", {"tbins": [5.0, 1.0] * pq.mV}, r"cannot be converted to ms"),
        ("SpikeSourceInhGamma", {"tbins": None}, r"tbins = None"),
    ],
)
def test_impossible_parameters(sim, network, name, parameters, message):
    source = recorded(sim, 2, name)
    held, before = source.get(list(CELLS[name])), network()
    with pytest.raises(errors.InvalidParameterValueError, match=message):
        sim.Population(2, getattr(sim, name)(**(CELLS[name] | parameters)))
    with pytest.raises(errors.InvalidParameterValueError, match=message):
        source.set(**parameters)
    assert network() == before
    for was, now in zip(held, source.get(list(CELLS[name])), strict=True):
        assert np.all(was == now)
    sim.run(10.0)


def test_bins_must_be_of_as_many_cells(sim):
    source = recorded(sim, 3, "SpikeSourceInhGamma")
    with pytest.raises(errors.InvalidDimensionsError):
        source.set(a=[[1.0, 2.0], [3.0, 4.0]])
    with pytest.raises(errors.InvalidDimensionsError, match="one for each of its 3 cells"):
        sim.Population(3, sim.SpikeSourceInhGamma(a=[[1.0], [3.0]]))


@EVERY
def test_they_are_standard_models(sim, name):
    assert name in sim.list_standard_models()
    with pytest.raises(errors.NonExistentParameterError):
        getattr(sim, name)(tau_m=1.0)
    with pytest.raises(errors.RecordingError):
        sim.Population(1, getattr(sim, name)()).record("v")
