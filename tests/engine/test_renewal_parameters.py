"""Parameters of renewal processes: when they change, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import stats

from ship_engine.errors import InvalidValueError, UnknownNameError
from ship_engine.event_network import EventNetwork
from ship_engine.executors.numba_cpu import NumbaExecutor
from ship_engine.groups import SpikeArrayGroup, make_group
from ship_engine.lowering.cache import KernelCache
from ship_engine.models.sources import (
    SpikeSourceGamma,
    SpikeSourceInhGamma,
    SpikeSourcePoissonRefractory,
)
from ship_engine.sources.renewal import (
    GammaGroup,
    InhGammaGroup,
    PoissonRefractoryGroup,
    RenewalGroup,
)

CACHE = KernelCache()


class Run:
    """A network of one group, with its spike times (ms) of each component."""

    def __init__(self, group: RenewalGroup) -> None:
        self.network = EventNetwork(0.1, 5, executor=NumbaExecutor(CACHE), cache=CACHE)
        self.network.add(group)
        self.group, self.monitor = group, self.network.record_spikes(group, slice(None))

    def until(self, time: float) -> Run:
        self.network.run(round(time / 0.1) - self.network.step)
        return self

    @property
    def trains(self) -> list[np.ndarray]:
        n, monitor = self.monitor.count, self.monitor
        times = self.network.clock.time(monitor.step[:n]) + monitor.offset[:n]
        return [times[monitor.index[:n] == cell] for cell in range(self.group.size)]

    @property
    def times(self) -> np.ndarray:
        return np.concatenate(self.trains)


def gamma(size: int = 1, **parameters) -> GammaGroup:
    return GammaGroup(size, "", {"alpha": 4.0, "beta": 400.0} | parameters)


def dead(size: int = 1, **parameters) -> PoissonRefractoryGroup:
    return PoissonRefractoryGroup(size, "", {"rate": 100.0, "tau_refrac": 6.0} | parameters)


def bins(size: int = 1, **parameters) -> InhGammaGroup:
    arrays = {"a": [3.0, 4.0], "b": [0.003, 0.002], "tbins": [0.0, 30.0]}
    return InhGammaGroup(size, "", {k: [v] * size for k, v in arrays.items()} | parameters)


ALL = pytest.mark.parametrize("make", [gamma, dead, bins])


# --- Start and duration --------------------------------------------------------------------------


@ALL
@pytest.mark.parametrize(("start", "duration"), [(20.0, 30.0), (20.04, 30.03), (-10.0, 25.0)])
def test_start_and_duration(make, start, duration):
    run = Run(make(300, start=start, duration=duration)).until(100.0)
    times, begin = run.times, max(start, 0.0)
    assert begin <= times.min() < begin + 0.3
    assert start + duration - 0.3 < times.max() < start + duration


@ALL
def test_start_and_duration_of_each_component(make):
    start, duration = np.array([0.0, 20.0, 300.0]), np.array([50.0, 0.0, 70.0])
    first, second, third = Run(make(3, start=start, duration=duration)).until(500.0).trains
    assert first.size > 0
    assert first.max() < 50.0
    assert second.size == 0
    assert third.size > 0
    assert third.min() >= 300.0
    assert third.max() < 370.0


@ALL
def test_a_start_in_the_future_may_be_moved(make):
    moved = Run(make(100, start=50.0)).until(20.0)
    moved.group.set(None, start=30.0)
    assert 30.0 <= moved.until(80.0).times.min() < 31.0
    delayed = Run(make(100, start=50.0)).until(20.0)
    delayed.group.set(None, start=60.0)
    assert 60.0 <= delayed.until(80.0).times.min() < 61.0
    running = Run(make(100)).until(20.0)
    running.group.set(None, start=60.0)
    times = running.until(80.0).times
    assert times[times > 20.0].min() >= 60.0


@ALL
def test_a_longer_duration_before_the_end_changes_no_spike(make):
    plain, longer = Run(make(5)).until(300.0), Run(make(5, duration=100.0)).until(50.0)
    longer.group.set(None, duration=1000.0)
    for one, other in zip(plain.trains, longer.until(300.0).trains, strict=True):
        assert_array_equal(one, other)


@ALL
def test_after_its_end_a_component_may_begin_anew(make):
    run = Run(make(2000, duration=20.0)).until(60.0)
    assert run.times.max() < 20.0
    run.group.set(None, duration=1000.0)
    times = run.until(100.0).times
    late = times[times > 20.0]
    assert 60.0 <= late.min() < 60.1
    counts = np.histogram(late, [60.0, 70.0, 80.0, 90.0, 100.0])[0]
    assert stats.chi2(3).sf(((counts - counts.mean()) ** 2 / counts.mean()).sum()) > 0.001


def test_a_group_that_comes_later_begins_when_it_comes():
    network = EventNetwork(0.1, 5, executor=NumbaExecutor(CACHE), cache=CACHE)
    network.run(500)
    group = gamma(200)
    network.add(group)
    monitor = network.record_spikes(group, slice(None))
    network.run(200)
    steps = monitor.step[: monitor.count]
    assert 500 <= steps.min() < 505
    assert steps.size == pytest.approx(400, abs=60)


# --- Rates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("make", "name", "value"), [(gamma, "beta", 400.0), (dead, "rate", 100.0)])
def test_a_rate_of_zero_is_silence(make, name, value):
    run = Run(make(50)).until(100.0)
    run.group.set(slice(0, 25), **{name: 0.0})
    run.until(200.0)
    run.group.set(None, **{name: value})
    trains = run.until(300.0).trains
    for cell, train in enumerate(trains):
        silent = ((train > 100.0) & (train <= 200.0)).sum()
        assert silent == 0 if cell < 25 else silent > 0
        assert (train > 200.0).any()
        assert (train < 100.0).any()


def test_a_dead_time_outlasts_silence():
    run = Run(dead(500)).until(50.0)
    run.group.set(None, rate=0.0)
    run.until(51.0)
    run.group.set(None, rate=160.0)
    trains = run.until(80.0).trains
    assert min(np.diff(train).min() for train in trains) >= 6.0
    assert min(train[train > 50.0].min() for train in trains) < 51.1


def test_parameters_of_some_leave_the_others_alone():
    plain, changed = Run(gamma(4)).until(300.0), Run(gamma(4)).until(100.0)
    changed.group.set(np.array([1, 3]), beta=4000.0, alpha=7.0)
    trains = changed.until(300.0).trains
    for cell in (0, 2):
        assert_array_equal(trains[cell], plain.trains[cell])
    for cell in (1, 3):
        assert trains[cell].size > 3 * plain.trains[cell].size
        before = plain.trains[cell][plain.trains[cell] < 100.0]
        assert_array_equal(trains[cell][: before.size], before)


@ALL
def test_setting_what_is_so_changes_no_spike(make):
    plain, same = Run(make(4)).until(300.0), Run(make(4)).until(100.0)
    same.group.set(None, **{name: same.group.get(name) for name in same.group.values})
    same.group.set(None, **same.group.sequences)
    for one, other in zip(plain.trains, same.until(300.0).trains, strict=True):
        assert_array_equal(one, other)


def test_the_hazard_of_a_new_rate_holds_at_once():
    """From 1 Hz to 100 Hz: the next spike does not wait for the long interval to end."""
    run = Run(dead(4000, rate=1.0, tau_refrac=6.0)).until(100.0)
    run.group.set(None, rate=100.0)
    trains = run.until(200.0).trains
    rested = [t for t in trains if not ((t > 94.0) & (t <= 100.0)).any()]
    waits = np.array([t[t > 100.0][0] - 100.0 for t in rested])
    assert stats.kstest(waits, "expon", args=(0.0, 4.0)).pvalue > 0.001


def test_a_dead_time_may_change():
    run = Run(dead(500, rate=100.0, tau_refrac=1.0)).until(50.0)
    run.group.set(None, tau_refrac=8.0)
    for train in run.until(150.0).trains:
        assert np.diff(train)[train[1:] > 50.0].min() >= 8.0


# --- Bins ----------------------------------------------------------------------------------------


def test_bins_of_each_component_may_be_of_any_number():
    group = InhGammaGroup(3, "", {"a": [[2.0], [2.0, 3.0], [4.0]], "b": [[0.1], [0.1, 0.2], [0.3]],
                                  "tbins": [[0.0], [0.0, 5.0], [100.0]]})  # fmt: skip
    assert [list(a) for a in group.sequences["a"]] == [[2.0], [2.0, 3.0], [4.0]]
    group.set(np.array([1]), a=[[7.0, 8.0]])
    assert [list(a) for a in group.sequences["a"]] == [[2.0], [7.0, 8.0], [4.0]]
    group.set(slice(0, 1), a=[[1.0, 2.0]], b=[[3.0, 4.0]], tbins=[[-5.0, 6.0]])
    assert [list(a) for a in group.sequences["tbins"]] == [[-5.0, 6.0], [0.0, 5.0], [100.0]]


def test_bins_set_in_a_run_hold_at_once():
    fast = {"a": [[3.0]] * 50, "b": [[0.0005]] * 50, "tbins": [[0.0]] * 50}
    later = {"a": [[3.0]] * 50, "b": [[0.0005]] * 50, "tbins": [[120.0]] * 50}
    run = Run(bins(50)).until(100.0)
    run.group.set(None, **later)
    run.until(130.0)
    run.group.set(slice(0, 25), **{name: value[:25] for name, value in fast.items()})
    times = run.until(140.0).times
    assert not ((times > 100.0) & (times <= 120.0)).any()
    assert (times > 120.0).sum() == pytest.approx(50 * 20 / 1.5, rel=0.1)


# --- What is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "parameters", "message"),
    [
        (gamma, {"alpha": 0.0}, "alpha = 0 dimensionless .*must be > 0"),
        (gamma, {"beta": -1.0}, "beta = -1 Hz .*>= 0"),
        (gamma, {"beta": np.nan}, "beta = nan"),
        (gamma, {"duration": -1.0}, "duration = -1 ms .*>= 0"),
        (gamma, {"alpha": [1.0, 2.0, 3.0]}, "shape"),
        (dead, {"rate": -1.0}, "rate = -1 Hz .*>= 0"),
        (dead, {"tau_refrac": -1.0}, "tau_refrac = -1 ms .*>= 0"),
        (dead, {"rate": [100.0, 200.0]}, "rate = 200 Hz with tau_refrac = 6 ms .*166.667 Hz"),
        (dead, {"tau_refrac": 10.0}, "rate = 100 Hz with tau_refrac = 10 ms .*< .*100 Hz"),
        (bins, {"a": [[1.0, 0.0]] * 2}, "a of component 0 .* value of 0 .*must be > 0"),
        (bins, {"b": [[1.0, 1.0], [1.0, -1.0]]}, "b of component 1 .*-1 s"),
        (bins, {"tbins": [[0.0, np.inf]] * 2}, "tbins of component 0 .*inf ms"),
        (bins, {"tbins": [[0.0, 0.0]] * 2}, "component 0 .*ascending order"),
        (bins, {"a": [[1.0]] * 2}, "component 0 .*have 1, 2 and 2 values"),
        (bins, {"a": [[]] * 2, "b": [[]] * 2, "tbins": [[]] * 2}, "have 0, 0 and 0 values"),
        (bins, {"a": [[1.0, 2.0]]}, "one for each of 2 components"),
        (bins, {"a": 2.0}, "give a list of arrays"),
        (bins, {"a": [[2.0, 3.0]] * 2, "start": np.nan}, "start = nan"),
    ],
)
def test_impossible_parameters(make, parameters, message):
    group = make(2)
    values, version = dict(group.values), group.version
    sequences = dict(group.sequences)
    with pytest.raises(InvalidValueError, match=message):
        group.set(None, **parameters)
    assert group.values == values
    assert dict(group.sequences) == sequences
    assert version <= group.version


@ALL
def test_unknown_parameters(make):
    with pytest.raises(UnknownNameError, match="no parameter 'gamma'"):
        make().set(None, gamma=1.0)


@pytest.mark.parametrize(
    ("model", "kind"),
    [(SpikeSourceGamma, GammaGroup), (SpikeSourceInhGamma, InhGammaGroup),
     (SpikeSourcePoissonRefractory, PoissonRefractoryGroup)],
)  # fmt: skip
def test_groups_for_models(model, kind):
    group = make_group(model, 3, "some")
    assert type(group) is kind
    assert (group.size, group.label, group.model) == (3, "some", model)


def test_spike_times_are_set_like_other_parameters():
    group = SpikeArrayGroup(2)
    group.set(None, spike_times=[np.array([1.0]), np.array([2.0, 3.0])])
    assert group.sequences["spike_times"] is group.times
    assert_array_equal(group.times[1], [2.0, 3.0])
    with pytest.raises(UnknownNameError):
        group.set(None, rate=1.0)
