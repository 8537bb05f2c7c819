"""Running, resetting and ending."""

from __future__ import annotations

import numpy as np
import pytest
import quantities as pq
from hypothesis import given, settings
from hypothesis import strategies as st
from pyNN import errors

# --- run -----------------------------------------------------------------------------------------


def test_run_returns_the_time(sim):
    assert sim.run(10.0) == 10.0
    assert sim.run_for(0.3) == pytest.approx(10.3)
    assert sim.run_until(20) == 20.0
    assert sim.get_current_time() == 20.0


def test_run_takes_quantities(sim):
    assert sim.run(0.01 * pq.s) == 10.0
    assert sim.run_until(20 * pq.ms) == 20.0
    with pytest.raises(errors.InvalidParameterValueError, match="simtime"):
        sim.run(1 * pq.mV)
    with pytest.raises(errors.InvalidParameterValueError, match="time_point"):
        sim.run_until(1 * pq.nA)


def test_run_until_the_present_does_nothing(sim):
    sim.run_until(12.7)
    assert sim.run_until(12.7) == pytest.approx(12.7)
    assert sim.run(0) == pytest.approx(12.7)


def test_run_until_the_past_is_refused(sim):
    sim.run(5.0)
    with pytest.raises(ValueError, match=r"Time 3 is in the past \(current time 5\)"):
        sim.run_until(3)
    assert sim.get_current_time() == 5.0


@pytest.mark.parametrize("duration", [-1, -0.1, np.nan, np.inf, -np.inf])
def test_run_refuses_impossible_durations(sim, duration):
    with pytest.raises(ValueError, match="finite and >= 0"):
        sim.run(duration)
    assert sim.get_current_time() == 0.0


@pytest.mark.parametrize("time", [np.nan, np.inf, -np.inf])
def test_run_until_refuses_impossible_times(sim, time):
    with pytest.raises(ValueError, match="finite"):
        sim.run_until(time)


@pytest.mark.parametrize("what", ["10", None, [1.0]])
def test_run_says_what_it_wants(sim, what):
    with pytest.raises((ValueError, TypeError), match=r"run\("):
        sim.run(what)
    with pytest.raises((ValueError, TypeError), match=r"run_until\("):
        sim.run_until(what)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=8))
def test_run_in_pieces_is_run_at_once(pieces):
    import pyNN.ship as sim

    traces = []
    for durations in (pieces, [sum(pieces)]):
        sim.setup(timestep=0.1, seed=3)
        source = sim.Population(3, sim.SpikeSourcePoisson(rate=2000.0))
        cells = sim.Population(3, sim.IF_curr_exp(tau_refrac=0.5))
        synapse = sim.StaticSynapse(weight=0.7, delay=0.3)
        sim.Projection(source, cells, sim.AllToAllConnector(), synapse)
        cells.record(["v", "spikes"])
        for steps in durations:
            sim.run(steps * 0.1)
        segment = cells.get_data().segments[0]
        traces.append((segment.analogsignals[0].magnitude, segment.spiketrains))
    np.testing.assert_array_equal(traces[0][0], traces[1][0])
    for one, other in zip(traces[0][1], traces[1][1], strict=True):
        np.testing.assert_array_equal(one.magnitude, other.magnitude)


# --- reset ---------------------------------------------------------------------------------------


def test_reset_without_noise_gives_identical_segments(sim, spike_times):
    source = sim.Population(2, sim.SpikeSourceArray(spike_times=[[1.2, 3.8], [1.5, 9.95]]))
    cells = sim.Population(2, sim.IF_curr_exp(i_offset=[0.9, 0.0]), initial_values={"v": -60.0})
    synapse = sim.StaticSynapse(weight=0.5, delay=0.5)
    sim.Projection(source, cells, sim.AllToAllConnector(), synapse)
    cells.record(["v", "spikes"])
    for _ in range(3):
        sim.run(60.0)
        sim.reset()
        assert sim.get_current_time() == 0.0
    block = cells.get_data()
    assert [s.name for s in block.segments] == ["segment000", "segment001", "segment002"]
    for number in (1, 2):
        np.testing.assert_array_equal(
            block.segments[number].analogsignals[0], block.segments[0].analogsignals[0]
        )
        for train, first in zip(spike_times(cells, number), spike_times(cells, 0), strict=True):
            np.testing.assert_array_equal(train, first)
    assert spike_times(cells, 0)[0].size > 0


def test_reset_with_a_spike_on_its_way(sim, samples):
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=[1.0]))
    cells = sim.Population(1, sim.IF_curr_exp())
    synapse = sim.StaticSynapse(weight=0.5, delay=5.0)
    sim.Projection(source, cells, sim.AllToAllConnector(), synapse)
    cells.record("isyn_exc")
    sim.run(3.0)
    sim.reset()
    sim.run(5.9)
    assert (samples(cells, "isyn_exc") == 0).all()
    sim.run(0.1)
    assert samples(cells, "isyn_exc")[-1, 0] == 0.5


def test_reset_keeps_weights_parameters_and_initial_values(sim, samples):
    cells = sim.Population(2, sim.IF_curr_exp())
    projection = sim.Projection(
        cells, cells, sim.AllToAllConnector(), sim.StaticSynapse(weight=0.1)
    )
    cells.record("v")
    sim.run(1.0)
    projection.set(weight=0.3)
    cells.set(tau_m=[15.0, 25.0])
    cells.initialize(v=[-61.0, -62.0])
    sim.reset()
    assert (projection.get("weight", "array") == 0.3).all()
    np.testing.assert_array_equal(cells.get("tau_m"), [15.0, 25.0])
    sim.run(1.0)
    np.testing.assert_array_equal(samples(cells, "v")[0], [-61.0, -62.0])


def test_reset_annotates_the_segment(sim):
    cells = sim.Population(1, sim.IF_curr_exp())
    cells.record("v")
    sim.run(1.0)
    sim.reset(annotations={"trial": 1})
    sim.run(2.0)
    first, second = cells.get_data().segments
    assert first.annotations == {"trial": 1}
    assert second.annotations == {}
    assert first.analogsignals[0].shape == (11, 1)
    assert second.analogsignals[0].shape == (21, 1)


def test_reset_twice_makes_no_empty_segment(sim):
    cells = sim.Population(1, sim.IF_curr_exp())
    cells.record("v")
    sim.run(1.0)
    sim.reset()
    sim.reset()
    sim.run(1.0)
    assert len(cells.get_data().segments) == 2


def test_a_poisson_source_differs_between_segments_but_not_between_scripts(sim, spike_times):
    scripts = []
    for _ in range(2):
        sim.setup(seed=5)
        source = sim.Population(4, sim.SpikeSourcePoisson(rate=200.0))
        source.record("spikes")
        sim.run(50.0)
        sim.reset()
        sim.run(50.0)
        scripts.append(
            [np.concatenate(spike_times(source, 0)), np.concatenate(spike_times(source, 1))]
        )
    for one, other in zip(*scripts, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(scripts[0][0], scripts[0][1])


def test_the_seed_decides(sim, spike_times):
    trains = []
    for seed in (1, 2, 1):
        sim.setup(seed=seed)
        source = sim.Population(2, sim.SpikeSourcePoisson(rate=500.0))
        source.record("spikes")
        sim.run(50.0)
        trains.append(np.concatenate(spike_times(source)))
    np.testing.assert_array_equal(trains[0], trains[2])
    assert not np.array_equal(trains[0], trains[1])


# --- later additions, and the end ----------------------------------------------------------------


def test_a_network_built_after_a_first_run(sim, samples, spike_times):
    first = sim.Population(1, sim.IF_curr_exp(i_offset=1.0))
    first.record("spikes")
    sim.run(20.0)
    second = sim.Population(1, sim.IF_curr_exp())
    second.record("v")
    synapse = sim.StaticSynapse(weight=0.2, delay=0.5)
    sim.Projection(first, second, sim.OneToOneConnector(), synapse)
    sim.run(30.0)
    v = samples(second, "v")
    assert v.shape == (301, 1)
    assert v.max() > -65.0
    sim.reset()
    sim.run(50.0)
    assert samples(second, "v").shape == (501, 1)


def test_data_stay_readable_after_end(sim, samples):
    cells = sim.Population(1, sim.IF_curr_exp(i_offset=0.1))
    cells.record("v")
    sim.run(1.0)
    sim.end()
    assert samples(cells, "v").shape == (11, 1)
    sim.end()


def test_spike_precision(sim, spike_times):
    times = {}
    for precision in ("off_grid", "on_grid"):
        sim.setup(timestep=0.1, spike_precision=precision)
        cells = sim.Population(1, sim.IF_curr_exp(i_offset=1.0, tau_refrac=1.0))
        cells.record("spikes")
        sim.run(60.0)
        times[precision] = spike_times(cells)[0]
    exact = 20 * np.log(20 / 5)
    assert times["off_grid"][0] == pytest.approx(exact, abs=1e-9)
    assert times["on_grid"][0] == pytest.approx(np.ceil(exact * 10) / 10, abs=1e-9)
    steps = times["on_grid"] * 10
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-9)


def test_standard_models_are_listed(sim):
    names = sim.list_standard_models()
    assert {"IF_curr_exp", "IF_cond_alpha", "SpikeSourceArray", "SpikeSourcePoisson"} <= set(names)
    assert all(hasattr(sim, name) for name in names)


def test_signals_with_the_time_of_each_sample(sim):
    sim.setup(timestep=0.1, record_sample_times=True)
    cells = sim.Population(2, sim.IF_cond_exp(i_offset=1.0))
    both = cells[:1] + cells[1:]
    cells.record(["v", "spikes"], sampling_interval=0.5)
    sim.run(3.0)
    data = both.get_data(clear=True).segments[0]
    assert not data.analogsignals
    (signal,) = data.irregularlysampledsignals
    np.testing.assert_allclose(signal.times.rescale("ms").magnitude, 0.5 * np.arange(7))
    assert (signal.name, signal.shape, str(signal.units.dimensionality)) == ("v", (7, 2), "mV")
    sim.run(1.0)
    (signal,) = cells.get_data("v").segments[0].irregularlysampledsignals
    np.testing.assert_allclose(signal.times.rescale("ms").magnitude, [3.0, 3.5, 4.0])
    sim.setup(timestep=0.1)
    cells = sim.Population(2, sim.IF_cond_exp())
    cells.record("v")
    sim.run(1.0)
    assert len(cells.get_data().segments[0].analogsignals) == 1
