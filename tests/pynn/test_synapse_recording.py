"""Recording weights and states of synapses."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pyNN import errors, recording
from synapse_examples import MECHANISMS, make


@pytest.fixture
def projection(sim):
    pre = sim.Population(2, sim.SpikeSourceArray(spike_times=[5.0, 21.0, 43.0, 60.0]), label="pre")
    driver = sim.Population(2, sim.SpikeSourceArray(spike_times=[7.0, 18.0, 47.0]))
    post = sim.Population(2, sim.IF_curr_exp(tau_refrac=5.0), label="post")
    kick = sim.StaticSynapse(weight=60.0, delay=0.1)
    sim.Projection(driver, post, sim.OneToOneConnector(), kick)
    synapse = make(MECHANISMS[0], weight=0.1, delay=1.3, A_plus=0.05)
    connector = sim.FromListConnector([(1, 0), (0, 1), (0, 0)])
    return sim.Projection(pre, post, connector, synapse)


def read(block, name="weight", segment=-1):
    (signal,) = block.segments[segment].filter(name=name)
    return signal


def test_samples_are_what_get_returns_at_their_times(sim, projection):
    projection.record("weight", sampling_interval=2.0)
    seen = []

    def look(t):
        seen.append(projection.get("weight", "list", with_address=False))
        return t + 2.0

    sim.run(70.0, callbacks=[look])
    signal = read(projection.get_data())
    assert_array_equal(signal.magnitude, seen)
    assert len({row.tobytes() for row in signal.magnitude}) > 5
    assert_allclose(signal.times.rescale("ms").magnitude, np.arange(36) * 2.0)
    assert str(signal.dimensionality) == "nA"
    assert_array_equal(signal.array_annotations["presynaptic_index"], [0, 0, 1])
    assert_array_equal(signal.array_annotations["postsynaptic_index"], [0, 1, 0])
    assert signal.annotations["source_projection"] == "pre→post"


def test_sampling_changes_nothing(sim, projection):
    sim.run(70.0)
    weights = projection.get("weight", "array")
    sim.reset()
    projection.record("all", sampling_interval=0.7)
    sim.run(35.35)
    sim.run(34.65)
    assert_array_equal(projection.get("weight", "array"), weights)
    block = projection.get_data()
    assert {s.name for s in block.segments[0].analogsignals} == {
        "weight", "trace_pre", "trace_post"}  # fmt: skip
    assert all(signal.shape == (101, 3) for signal in block.segments[0].analogsignals)
    assert_array_equal(read(block).magnitude[-1], projection.get("weight", "list", False, False))


def test_each_reset_begins_a_segment(sim, projection):
    projection.record(["weight", "w_max"], sampling_interval=10.0)
    sim.run(20.0)
    sim.reset(annotations={"trial": 1})
    projection.set(w_max=0.5)
    sim.run(30.0)
    block = projection.get_data(annotations={"subject": 7})
    assert [segment.name for segment in block.segments] == ["segment000", "segment001"]
    assert block.segments[0].annotations["trial"] == 1
    assert block.annotations["subject"] == 7
    assert [read(block, "w_max", k).shape for k in (0, 1)] == [(3, 3), (4, 3)]
    assert (read(block, "w_max", 0).magnitude == 1.0).all()
    assert (read(block, "w_max", 1).magnitude == 0.5).all()
    assert_array_equal(read(block, segment=0).magnitude[:1], read(block).magnitude[:1])


def test_data_can_be_cleared_and_recording_can_begin_and_stop_at_any_time(sim, projection):
    sim.run(10.0)
    projection.record("weight", sampling_interval=5.0)
    sim.run(20.0)
    assert read(projection.get_data(clear=True)).t_start == 10.0
    sim.run(10.0)
    signal = read(projection.get_data())
    assert (float(signal.t_start), signal.shape) == (30.0, (3, 3))
    projection.record(None)
    sim.run(10.0)
    with pytest.raises(errors.NothingToWriteError, match="weight of the synapses in 'pre→post'"):
        projection.get_data()
    projection.record("trace_pre")
    sim.run(1.0)
    assert read(projection.get_data("trace_pre"), "trace_pre").shape == (11, 3)
    with pytest.raises(errors.NothingToWriteError, match=r"call record\('weight'\)"):
        projection.get_data("weight")


def test_times_of_samples(sim, projection, state):
    projection.record("weight", sampling_interval=2.0)
    sim.run(6.0)
    regular = read(projection.get_data())
    state.record_sample_times = True
    try:
        (timed,) = projection.get_data().segments[0].irregularlysampledsignals
    finally:
        state.record_sample_times = False
    assert_array_equal(timed.magnitude, regular.magnitude)
    assert_allclose(timed.times.magnitude, [0.0, 2.0, 4.0, 6.0])


def test_files(sim, projection, tmp_path):
    projection.record("weight", to_file=str(tmp_path / "end.pkl"), sampling_interval=5.0)
    sim.run(20.0)
    projection.write_data(str(tmp_path / "now.pkl"))
    sim.end()
    for name in ("now", "end"):
        block = recording.get_io(str(tmp_path / f"{name}.pkl")).read_block()
        assert_array_equal(read(block).magnitude, read(projection.get_data()).magnitude)


def test_static_synapses_gap_junctions_and_short_term_plasticity(sim):
    cells = sim.Population(2, sim.IF_cond_exp())
    source = sim.Population(2, sim.SpikeSourceArray(spike_times=[1.0, 3.0]))
    made = [
        sim.Projection(source, cells, sim.AllToAllConnector(), sim.StaticSynapse(weight=0.1)),
        sim.Projection(cells, cells, sim.AllToAllConnector(), sim.ElectricalSynapse(weight=0.1)),
        sim.Projection(source, cells, sim.AllToAllConnector(), sim.TsodyksMarkramSynapse()),
    ]
    for projection in made:
        projection.record("all", sampling_interval=1.0)
    sim.run(3.0)
    for projection in made:
        projection.set(weight=0.2)
    sim.run(2.0)
    for projection in made[:2]:
        (signal,) = projection.get_data().segments[0].analogsignals
        assert str(signal.dimensionality) == "uS"
        assert_array_equal(signal.magnitude[:, 0], [0.1] * 4 + [0.2] * 2)
    assert_allclose(read(made[2].get_data(), "u").magnitude[:, 0], [0.0, 0.5, 0.5, 0.5, 0.5, 0.5])


def test_what_cannot_be_recorded(sim, projection):
    with pytest.raises(errors.NonExistentParameterError, match="v"):
        projection.record("v")
    with pytest.raises(ValueError, match=r"sampling_interval = 0.25 ms; give a multiple"):
        projection.record("weight", sampling_interval=0.25)
    with pytest.raises(TypeError, match="give a name, a list of names"):
        projection.record([1])
    with pytest.raises(errors.NothingToWriteError):
        projection.get_data()
    mixed = sim.Assembly(
        sim.Population(1, sim.IF_curr_exp()), sim.Population(1, sim.IF_curr_delta())
    )
    both = sim.Projection(mixed, mixed, sim.AllToAllConnector(), sim.StaticSynapse(weight=0.1),
                          receptor_type="excitatory")  # fmt: skip
    with pytest.raises(errors.InvalidParameterValueError, match="in nA and mV; make a projection"):
        both.record("weight")
    sim.setup()
    for call in (lambda: projection.record("weight"), projection.get_data):
        with pytest.raises(RuntimeError, match="made before the last setup"):
            call()
