"""Recording: what is kept, in which order, from when on, and how it is annotated."""

from __future__ import annotations

import numpy as np
import pytest
import quantities as pq
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from pyNN import errors


def build(sim, size=3, **parameters):
    return sim.Population(size, sim.IF_curr_exp(i_offset=0.5, **parameters), label="cells")


def test_samples_include_both_ends(sim, samples):
    cells = build(sim)
    cells.record("v")
    sim.run(10.0)
    v = samples(cells, "v")
    assert v.shape == (101, 3)
    np.testing.assert_allclose(
        v[:, 0], -65 + 10 * (1 - np.exp(-np.arange(101) / 10 / 20)), rtol=1e-12
    )


def test_signals_say_what_they_are(sim):
    cells = sim.Population(3, sim.IF_cond_exp(), label="cells")
    cells.record("all")
    sim.run(2.0)
    block = cells.get_data()
    (segment,) = block.segments
    units = {signal.name: signal.units for signal in segment.analogsignals}
    assert units == {"v": pq.mV, "gsyn_exc": pq.uS, "gsyn_inh": pq.uS}
    for signal in segment.analogsignals:
        assert signal.t_start == 0.0 * pq.ms
        assert signal.sampling_period == 0.1 * pq.ms
        assert signal.annotations["source_population"] == "cells"
        assert_array_equal(signal.array_annotations["channel_index"], [0, 1, 2])
    assert block.name == "cells"
    assert block.annotations["simulator"] == "ship"
    assert (block.annotations["size"], block.annotations["dt"]) == (3, 0.1)
    assert segment.name == "segment000"


def test_units_of_currents(sim):
    cells = build(sim)
    cells.record(["isyn_exc", "isyn_inh"])
    sim.run(1.0)
    signals = cells.get_data().segments[0].analogsignals
    assert {s.name: s.units for s in signals} == {"isyn_exc": pq.nA, "isyn_inh": pq.nA}


def test_spike_trains_say_whose_they_are(sim):
    sim.Population(2, sim.IF_curr_exp())
    source = sim.Population(
        3, sim.SpikeSourceArray(spike_times=[[1.0], [2.0, 3.0], []]), label="source"
    )
    source.record("spikes")
    sim.run(5.0)
    trains = source.get_data().segments[0].spiketrains
    assert [len(train) for train in trains] == [1, 2, 0]
    for number, train in enumerate(trains):
        assert train.t_start == 0.0 * pq.ms
        assert train.t_stop == 5.0 * pq.ms
        assert train.units == pq.ms
        assert train.annotations["source_population"] == "source"
        assert train.annotations["source_index"] == number
        assert train.annotations["channel_id"] == int(source[number]) == number + 2


def test_annotations_of_a_population(sim):
    cells = build(sim)
    cells.annotate(layer=4)
    cells.record("v")
    sim.run(1.0)
    assert cells.get_data().annotations["layer"] == 4


def test_columns_are_in_the_order_of_the_cells(sim, samples):
    cells = sim.Population(6, sim.IF_curr_exp(), initial_values={"v": lambda i: -60.0 - i})
    cells[[5, 1]].record("v")
    cells[[3]].record("v")
    sim.run(1.0)
    assert_array_equal(samples(cells, "v")[0], [-61.0, -63.0, -65.0])
    signal = cells.get_data("v").segments[0].analogsignals[0]
    assert_array_equal(signal.array_annotations["channel_index"], [1, 3, 5])
    assert_array_equal(signal.annotations["channel_ids"], [1, 3, 5])
    assert_array_equal(samples(cells[3:], "v")[0], [-63.0, -65.0])
    assert_array_equal(samples(cells[::-1], "v")[0], [-61.0, -63.0, -65.0])


def test_data_of_a_view(sim, spike_times):
    source = sim.Population(4, sim.SpikeSourceArray(spike_times=[[1.0], [2.0], [3.0], [4.0]]))
    source.record("spikes")
    sim.run(5.0)
    assert [float(t[0]) for t in spike_times(source[1:3])] == [2.0, 3.0]
    assert source[1:3].get_spike_counts() == {1: 1, 2: 1}
    assert source[1:3].mean_spike_count() == 1.0


def test_data_of_a_view_after_a_reset(sim, samples):
    cells = sim.Population(4, sim.IF_curr_exp(), initial_values={"v": lambda i: -60.0 - i})
    cells.record("v")
    sim.run(1.0)
    sim.reset()
    sim.run(1.0)
    view = cells[2:4]
    assert_array_equal(samples(view, "v", segment=1)[0], [-62.0, -63.0])
    assert_array_equal(samples(view, "v", segment=0)[0], [-62.0, -63.0])


def test_asking_for_one_variable_leaves_the_others(sim, samples, spike_times):
    cells = build(sim, tau_refrac=1.0)
    cells.record(["v", "spikes", "isyn_exc"])
    sim.run(2.0)
    sim.reset()
    sim.run(2.0)
    for segment in (0, 1):
        assert len(spike_times(cells, segment)) == 3
        assert samples(cells, "isyn_exc", segment).shape == (21, 3)
        assert samples(cells, "v", segment).shape == (21, 3)
        assert len(spike_times(cells, segment)) == 3
    assert len(cells.get_data().segments[0].analogsignals) == 2


def test_variables_that_were_not_recorded(sim):
    cells = build(sim)
    cells.record("v")
    sim.run(1.0)
    assert len(cells.get_data(["v"]).segments[0].spiketrains) == 0
    with pytest.raises((errors.RecordingError, errors.NothingToWriteError), match="isyn_exc"):
        cells.get_data("isyn_exc")
    with pytest.raises(errors.RecordingError, match="foo"):
        cells.get_data("foo")


def test_nothing_is_there_before_a_run(sim):
    cells = build(sim)
    cells.record("v")
    with pytest.raises(
        errors.NothingToWriteError, match=r"'cells' yet; call record\(\.\.\.\), then run"
    ):
        cells.get_data()


# --- sampling intervals --------------------------------------------------------------------------


@pytest.mark.parametrize("interval", [0.1, 0.2, 0.5, 1.0, 3.3, 1 * pq.ms, 500 * pq.us])
def test_sampling_interval(sim, samples, interval):
    cells = build(sim)
    other = build(sim)
    cells.record("v", sampling_interval=interval)
    other.record("v")
    sim.run(4.0)
    sim.run(6.0)
    every = round(float(interval if not hasattr(interval, "rescale") else
                        interval.rescale("ms").magnitude) * 10)  # fmt: skip
    assert_array_equal(samples(cells, "v"), samples(other, "v")[::every])
    period = cells.get_data().segments[0].analogsignals[0].sampling_period
    assert float(period.rescale("ms")) == pytest.approx(every / 10)


@pytest.mark.parametrize("interval", [0.25, 0, -1.0, 0.05, np.nan, np.inf])
def test_intervals_off_the_grid_are_refused(sim, network, interval):
    cells = build(sim)
    before = network()
    with pytest.raises(ValueError, match=r"give a multiple of the time step, 0.1 ms"):
        cells.record("v", sampling_interval=interval)
    assert network() == before
    sim.run(1.0)
    assert len(cells.get_data().segments[0].analogsignals) == 0


@pytest.mark.parametrize("interval", ["1", [1.0]])
def test_intervals_that_are_no_numbers(sim, interval):
    with pytest.raises((ValueError, TypeError), match="sampling_interval"):
        build(sim).record("v", sampling_interval=interval)


def test_an_interval_in_another_dimension(sim):
    with pytest.raises(errors.InvalidParameterValueError, match=r"sampling_interval = 1.0 mV"):
        build(sim).record("v", sampling_interval=1 * pq.mV)


def test_one_interval_for_a_population(sim):
    cells = build(sim)
    cells.record("v", sampling_interval=1.0)
    cells.record("isyn_exc", sampling_interval=1.0)
    with pytest.raises(ValueError, match="same sampling interval"):
        cells.record("isyn_inh", sampling_interval=0.5)
    sim.run(2.0)
    assert {s.shape for s in cells.get_data().segments[0].analogsignals} == {(3, 3)}


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 7),
    st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=5),
)
def test_pieces_of_a_recording_join(every, pieces):
    """Clearing in between loses no sample, and repeats only those at the boundaries."""
    import pyNN.ship as sim

    sim.setup(timestep=0.1)
    whole, parts = build(sim), build(sim)
    whole.record("v")
    parts.record("v", sampling_interval=every / 10)
    begin, now = 0, 0
    for steps, clear in pieces:
        sim.run(steps / 10)
        now += steps
        (signal,) = parts.get_data("v", clear=clear).segments[-1].analogsignals
        reference = whole.get_data("v").segments[0].analogsignals[0].magnitude
        assert_array_equal(signal.magnitude, reference[begin : now + 1 : every])
        assert float(signal.t_start) == pytest.approx(begin / 10)
        if clear:
            begin = now


# --- recording that starts, stops or is cleared in between ---------------------------------------


def test_recording_begun_after_a_run(sim, samples, spike_times):
    cells = sim.Population(2, sim.IF_curr_exp(i_offset=1.0))
    sim.run(5.0)
    cells.record(["v", "spikes"])
    sim.run(30.0)
    (signal,) = cells.get_data().segments[0].analogsignals
    assert signal.t_start == 5.0 * pq.ms
    assert signal.shape == (301, 2)
    np.testing.assert_allclose(signal.magnitude[0], -65 + 20 * (1 - np.exp(-5 / 20)), rtol=1e-12)
    (train, _) = cells.get_data().segments[0].spiketrains
    assert train.t_start == 5.0 * pq.ms
    assert len(train) == 1


def test_what_was_not_recorded_from_the_start_is_unknown_until_then(sim, samples):
    cells = build(sim)
    cells[0:1].record("v")
    sim.run(1.0)
    cells[1:2].record("v")
    cells.record("isyn_exc")
    sim.run(1.0)
    v = samples(cells, "v")
    assert v.shape == (21, 2)
    assert np.isfinite(v[:, 0]).all()
    assert np.isnan(v[:10, 1]).all()
    assert_array_equal(v[10:, 1], v[10:, 0])
    assert np.isnan(samples(cells, "isyn_exc")[:10]).all()
    sim.reset()
    sim.run(1.0)
    assert np.isfinite(samples(cells, "v")).all()
    assert np.isfinite(samples(cells, "isyn_exc")).all()


def test_recording_begun_between_two_samples(sim, samples):
    cells = build(sim, 2)
    cells[0:1].record("v", sampling_interval=1.0)
    sim.run(1.5)
    cells[1:2].record("v")
    sim.run(1.5)
    v = samples(cells, "v")
    assert np.isnan(v[:2, 1]).all()
    assert_array_equal(v[2:, 1], v[2:, 0])


def test_clearing_in_the_middle(sim, samples, spike_times):
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=[1.0, 5.0, 6.0]))
    cells = build(sim)
    source.record("spikes")
    cells.record("v")
    sim.run(5.0)
    first = samples(cells, "v")
    cells.get_data(clear=True)
    assert_array_equal(source.get_data(clear=True).segments[0].spiketrains[0], [1.0, 5.0] * pq.ms)
    sim.run(5.0)
    second = samples(cells, "v")
    assert second.shape == (51, 3)
    assert_array_equal(second[0], first[-1])
    assert cells.get_data().segments[0].analogsignals[0].t_start == 5.0 * pq.ms
    assert_array_equal(spike_times(source)[0], [6.0])


def test_clearing_and_resetting(sim):
    cells = build(sim)
    cells.record("v")
    blocks = []
    for _ in range(3):
        sim.run(10.0)
        blocks.append(cells.get_data(clear=True))
        sim.reset()
    for block in blocks:
        assert len(block.segments) == 1
        assert_array_equal(
            block.segments[0].analogsignals[0], blocks[0].segments[0].analogsignals[0]
        )


def test_record_none_stops_recording(sim, samples):
    cells = build(sim)
    cells.record("v")
    sim.run(1.0)
    cells.record(None)
    sim.run(1.0)
    assert len(cells.get_data().segments[0].analogsignals) == 0
    sim.reset()
    cells.record("isyn_exc")
    sim.run(1.0)
    (signal,) = cells.get_data().segments[-1].analogsignals
    assert (signal.name, signal.shape) == ("isyn_exc", (11, 3))


@pytest.mark.parametrize(
    "name",
    [
        *("IF_curr_exp", "IF_curr_alpha", "IF_curr_delta", "IF_cond_exp", "IF_cond_alpha"),
        *("SpikeSourceArray", "SpikeSourcePoisson"),
    ],
)
def test_record_all(sim, name):
    celltype = getattr(sim, name)()
    cells = sim.Population(2, celltype)
    cells.record("all")
    sim.run(1.0)
    segment = cells.get_data().segments[0]
    assert {"spikes"} | {s.name for s in segment.analogsignals} == set(celltype.recordable)
    assert len(segment.spiketrains) == 2


def test_recording_twice_is_recording_once(sim, samples):
    cells = build(sim)
    cells.record("v")
    cells.record(["v", "spikes"])
    cells[0:1].record("v")
    sim.run(1.0)
    assert samples(cells, "v").shape == (11, 3)


@pytest.mark.parametrize("variables", ["foo", ["v", "foo"], "gsyn_exc"])
def test_variables_that_do_not_exist(sim, network, variables):
    cells = build(sim)
    before = network()
    with pytest.raises(errors.RecordingError, match=r"Cannot record .* IF_curr_exp.*spikes,v"):
        cells.record(variables)
    assert network() == before
    sim.run(1.0)
    assert len(cells.get_data().segments[0].analogsignals) == 0


def test_a_source_has_no_membrane(sim):
    with pytest.raises(errors.RecordingError, match="Cannot record v from cell type SpikeSource"):
        sim.Population(1, sim.SpikeSourceArray()).record("v")


@pytest.mark.parametrize("variables", [3, True])
def test_variables_are_named(sim, variables):
    with pytest.raises(TypeError, match="variable"):
        build(sim).record(variables)


def test_cells_have_one_compartment(sim):
    with pytest.raises(NotImplementedError, match="one compartment; leave out locations="):
        build(sim).record("v", locations="soma")


# --- counts --------------------------------------------------------------------------------------


def test_spike_counts(sim):
    source = sim.Population(3, sim.SpikeSourceArray(spike_times=[[1.0], [2.0, 3.0], []]))
    source.record("spikes")
    sim.run(2.0)
    assert source.get_spike_counts() == {0: 1, 1: 1, 2: 0}
    sim.run(2.0)
    assert source.get_spike_counts() == {0: 1, 1: 2, 2: 0}
    assert source.mean_spike_count() == 1.0
    sim.reset()
    assert source.mean_spike_count() == 0.0


def test_counts_of_what_was_recorded(sim):
    source = sim.Population(3, sim.SpikeSourceArray(spike_times=[1.0]))
    assert source.get_spike_counts() == {}
    assert source.mean_spike_count() == 0
    source[1:].record("spikes")
    sim.run(2.0)
    assert source.get_spike_counts() == {1: 1, 2: 1}


def test_only_spikes_are_counted(sim):
    cells = build(sim)
    cells.record("v")
    sim.run(1.0)
    with pytest.raises(Exception, match="Only implemented for spikes"):
        cells.recorder.count("v")
