"""Renewal processes: their statistics, and that nothing depends on how a run is cut up."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import stats

from ship_engine.event_network import EventNetwork
from ship_engine.executors.numba_cpu import NumbaExecutor
from ship_engine.executors.torch_autograd import TorchExecutor
from ship_engine.lowering.cache import KernelCache
from ship_engine.sources.renewal import (
    GammaGroup,
    InhGammaGroup,
    PoissonRefractoryGroup,
    RenewalGroup,
)

CACHE = KernelCache()


def mixed_gamma() -> RenewalGroup:
    values = {"alpha": [0.4, 3.0, 3.0, 40.0], "beta": [40.0, 300.0, 0.0, 5000.0]}
    return GammaGroup(4, parameters=values | {"start": [0.0, 12.3, 0.0, 50.0], "duration": 170.0})


def mixed_dead_time() -> RenewalGroup:
    values = {"rate": [100.0, 900.0, 0.0, 20.0], "tau_refrac": [5.0, 1.0, 3.0, 0.0]}
    return PoissonRefractoryGroup(4, parameters=values | {"start": [0.0, 12.3, 0.0, 50.0]})


def mixed_bins() -> RenewalGroup:
    bins = [[0.0], [20.0, 50.03, 120.0], [5.0, 6.0, 7.0, 8.0], [-3.0, 90.0]]
    a = [[3.0], [0.5, 4.0, 2.0], [2.0, 2.0, 3.0, 3.0], [1.0, 30.0]]
    b = [[0.004], [0.02, 0.001, 0.01], [0.01, 0.01, 0.01, 0.002], [0.02, 0.0002]]
    return InhGammaGroup(4, parameters={"a": a, "b": b, "tbins": bins})


MIXED = pytest.mark.parametrize("make", [mixed_gamma, mixed_dead_time, mixed_bins])
PRECISIONS = pytest.mark.parametrize("precision", ["off_grid", "on_grid"])


def network_of(
    group: RenewalGroup, executor=None, precision: str = "off_grid", seed: int = 5
) -> EventNetwork:
    network = EventNetwork(0.1, seed, precision, executor or NumbaExecutor(CACHE), CACHE)
    network.add(group)
    network.record_spikes(group, slice(None))
    return network


def trains(network: EventNetwork) -> list[np.ndarray]:
    (group,) = network.groups
    monitor = network.spike_monitors[group]
    n = monitor.count
    times = network.clock.time(monitor.step[:n]) + monitor.offset[:n]
    return [times[monitor.index[:n] == cell] for cell in range(group.size)]


def spikes(group: RenewalGroup, duration: float, **options) -> list[np.ndarray]:
    network = network_of(group, **options)
    network.run(round(duration / network.clock.dt))
    return trains(network)


def all_intervals(found: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.diff(train) for train in found])


# --- Statistics ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "law"),
    [
        (GammaGroup(40, "", {"alpha": 4.0, "beta": 200.0}), stats.gamma(4.0, scale=5.0)),
        (GammaGroup(40, "", {"alpha": 0.5, "beta": 20.0}), stats.gamma(0.5, scale=50.0)),
        (GammaGroup(40, "", {"alpha": 1.0, "beta": 50.0}), stats.expon(0.0, 20.0)),
        (GammaGroup(4, "", {"alpha": 2.0, "beta": 4e4}), stats.gamma(2.0, scale=0.025)),
        (PoissonRefractoryGroup(40, "", {"rate": 100.0, "tau_refrac": 6.0}), stats.expon(6.0, 4.0)),
        (PoissonRefractoryGroup(40, "", {"rate": 50.0}), stats.expon(0.0, 20.0)),
    ],
)
def test_intervals_and_counts(group, law):
    duration = 4000.0
    found = spikes(group, duration)
    # Long intervals are a little less often whole in a run, so no test of significance.
    intervals = all_intervals(found)
    assert stats.kstest(intervals, law.cdf).statistic < 0.02
    assert intervals.std() / intervals.mean() == pytest.approx(law.std() / law.mean(), rel=0.05)
    # In equilibrium the mean count has no transient.
    expected = group.size * duration / law.mean()
    spread = np.sqrt(expected) * law.std() / law.mean()
    assert abs(sum(map(len, found)) - expected) < 4 * spread
    products = np.concatenate([np.diff(t)[1:] * np.diff(t)[:-1] for t in found])
    assert products.mean() == pytest.approx(law.mean() ** 2, rel=0.1)


@pytest.mark.parametrize(
    ("group", "rate"),
    [
        (GammaGroup(20000, "", {"alpha": 8.0, "beta": 400.0, "start": 3.0}), 0.05),
        (PoissonRefractoryGroup(20000, "", {"rate": 50.0, "tau_refrac": 15.0, "start": 3.0}), 0.05),
        (InhGammaGroup(20000, "", {"a": [[8.0]] * 20000, "b": [[0.0025]] * 20000,
                                   "start": 3.0}), 0.05),
    ],
)  # fmt: skip
def test_the_rate_is_there_from_the_start(group, rate):
    times = np.concatenate(spikes(group, 63.0))
    assert times.min() >= 3.0
    counts = np.histogram(times, np.arange(3.0, 64.0, 5.0))[0]
    expected = group.size * rate * 5.0
    assert np.abs(counts - expected).max() < 4 * np.sqrt(expected)


def test_no_interval_is_shorter_than_the_dead_time():
    found = spikes(PoissonRefractoryGroup(20, "", {"rate": 150.0, "tau_refrac": 6.0}), 1000.0)
    assert 6.0 <= all_intervals(found).min() < 6.01


def test_components_and_groups_are_independent():
    counts = [
        np.histogram(train, np.arange(0, 4001, 20))[0]
        for train in spikes(GammaGroup(4, "", {"alpha": 3.0, "beta": 300.0}), 4000.0)
    ]
    assert np.abs(np.corrcoef(counts)[np.triu_indices(4, 1)]).max() < 0.3
    other = spikes(GammaGroup(4, "", {"alpha": 3.0, "beta": 300.0}), 4000.0, seed=6)
    assert not np.isin(other[0], spikes(GammaGroup(4), 4000.0)[0]).any()


# --- Bins ----------------------------------------------------------------------------------------


def test_constant_bins_are_a_gamma_process():
    parameters = {"a": [[3.0, 3.0]] * 5, "b": [[0.01, 0.01]] * 5, "tbins": [[0.0, 50.0]] * 5}
    for one, other in zip(
        spikes(InhGammaGroup(5, "", parameters), 1000.0),
        spikes(GammaGroup(5, "", {"alpha": 3.0, "beta": 100.0}), 1000.0),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def hazard(age: np.ndarray, shape: float, scale: float) -> np.ndarray:
    return stats.gamma(shape, scale=scale).pdf(age) / stats.gamma(shape, scale=scale).sf(age)


def rate_by_ages(edges: list[float], shapes: list[float], scales: list[float]) -> np.ndarray:
    """Mean rate (1/ms) in each ms of a population, from the equation of its ages."""
    step, count = 0.02, 6000
    age = step * (np.arange(count) + 0.5)
    density = stats.gamma(shapes[0], scale=scales[0]).sf(age)
    density /= density.sum()
    rates = []
    for (begin, end), shape, scale in zip(pairwise(edges), shapes, scales, strict=True):
        survive = np.exp(-step * hazard(age, shape, scale))
        for _ in range(round((end - begin) / step)):
            fired = (density * (1.0 - survive)).sum()
            density[1:] = (density * survive)[:-1]
            density[0] = fired
            rates.append(fired / step)
    return np.array(rates).reshape(-1, round(1.0 / step)).mean(axis=1)


EDGES, A, B = [0.0, 20.0, 40.0, 60.0], [4.0, 2.0, 6.0], [0.005, 0.003, 0.004]


def test_the_rate_after_a_step_is_that_of_the_hazard():
    size = 20000
    parameters = {"a": [A] * size, "b": [B] * size, "tbins": [EDGES[:-1]] * size}
    times = np.concatenate(spikes(InhGammaGroup(size, "", parameters), 60.0))
    expected = size * rate_by_ages(EDGES, A, [1e3 * b for b in B])
    counts = np.histogram(times, np.arange(61.0))[0]
    assert np.abs((counts - expected) / np.sqrt(expected)).max() < 4.5
    assert stats.chi2(60).sf(((counts - expected) ** 2 / expected).sum()) > 0.001


def test_setting_parameters_in_a_run_is_a_step_of_bins():
    size = 20000
    group = GammaGroup(size, "", {"alpha": A[0], "beta": 1.0 / B[0]})
    network = network_of(group)
    network.run(200)
    for a, b in zip(A[1:], B[1:], strict=True):
        group.set(None, alpha=a, beta=1.0 / b)
        network.run(200)
    counts = np.histogram(np.concatenate(trains(network)), np.arange(61.0))[0]
    expected = size * rate_by_ages(EDGES, A, [1e3 * b for b in B])
    assert stats.chi2(60).sf(((counts - expected) ** 2 / expected).sum()) > 0.001


def test_bins_begin_when_they_say():
    group = mixed_bins()
    group.set(None, start=[0.0, 0.0, 6.5, 100.0])
    first = [train[0] for train in spikes(group, 2000.0)]
    assert (np.array(first) >= [0.0, 20.0, 6.5, 100.0]).all()


# --- What must not matter ------------------------------------------------------------------------


@MIXED
@PRECISIONS
def test_a_run_in_parts_brings_the_same_spikes(make, precision):
    whole = spikes(make(), 200.0, precision=precision)
    network = network_of(make(), precision=precision)
    for steps in [1] * 300 + [0, 7, 193, 1500]:
        network.run(steps)
    for one, other in zip(whole, trains(network), strict=True):
        assert_array_equal(one, other)
    assert sum(map(len, whole)) > 40


@MIXED
@PRECISIONS
def test_executors_bring_the_same_spikes(make, precision):
    numba = spikes(make(), 150.0, precision=precision)
    torch = spikes(make(), 150.0, precision=precision, executor=TorchExecutor())
    for one, other in zip(numba, torch, strict=True):
        assert_array_equal(one, other)


@MIXED
def test_a_full_log_loses_no_spikes(make):
    """The first log of a group is short, so that the compiled loop comes back inside a chunk."""
    group = make()
    network = network_of(group)
    monitor = network.spike_monitors[group]
    network.run(300)
    # As if the log had been full: back to a step that was passed.
    events = group.events(network, 300, 900)
    again = group.events(network, 500, 700)
    assert_array_equal(again.step, events.between(500, 700).step)
    assert_array_equal(again.offset, events.between(500, 700).offset)
    assert monitor.count > 0


def test_a_change_after_going_back_holds_from_there_on():
    """Spikes of steps that have not been run are drawn anew when parameters change."""
    group, same = mixed_gamma(), mixed_gamma()
    network, other = network_of(group), network_of(same)
    network.run(300)
    other.run(300)
    group.events(network, 300, 900)
    same.events(other, 300, 500)
    for each in (group, same):
        each.set(None, alpha=5.0)
    assert_array_equal(*(g.events(n, 500, 1500).offset for g, n in ((group, network),
                                                                   (same, other))))  # fmt: skip


@PRECISIONS
def test_on_the_grid_spikes_are_at_the_ends_of_their_steps(precision):
    found = np.concatenate(spikes(mixed_gamma(), 100.0, precision=precision))
    exact = np.concatenate(spikes(mixed_gamma(), 100.0))
    rounded = np.ceil(exact / 0.1) * 0.1 if precision == "on_grid" else exact
    np.testing.assert_allclose(np.sort(found), np.sort(rounded), atol=1e-9)


def test_a_reset_brings_new_spikes_and_a_simulation_those_to_come():
    group = mixed_dead_time()
    network = network_of(group, executor=TorchExecutor(), precision="on_grid")
    network.run(500)
    first = trains(network)
    spikes_then = TorchExecutor(batch_size=2).simulate(network, 500).spikes[group].numpy()
    network.run(500)
    assert all(len(a) < len(b) for a, b in zip(first, trains(network), strict=True) if len(a))
    network.reset()
    network.run(500)
    second = trains(network)
    assert not np.isin(second[1], first[1]).all()
    for cell in range(group.size):
        for repetition, found in enumerate((first, second)):
            steps = np.flatnonzero(spikes_then[repetition, :, cell])
            assert_array_equal(steps, np.round(found[cell] / 0.1) - 1)
