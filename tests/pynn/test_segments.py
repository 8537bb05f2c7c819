"""Segments and blocks: what `reset` and `clear` keep, and how parts of an assembly are joined."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from pyNN import errors


@pytest.fixture
def cells(sim):
    """Make four cells that start at -61 to -64 mV."""
    return sim.Population(
        4, sim.IF_curr_exp(), initial_values={"v": lambda i: -61.0 - i}, label="cells"
    )


def signals(block, segment=-1):
    return block.segments[segment].analogsignals


# --- segments ------------------------------------------------------------------------------------


def test_every_segment_is_filtered(sim, cells):
    source = sim.Population(4, sim.SpikeSourceArray(spike_times=[[1.0], [2.0], [3.0], []]))
    source.record("spikes")
    cells.record(["v", "isyn_exc", "spikes"])
    for _ in range(2):
        sim.run(4.0)
        sim.reset(annotations={"name": "first"})
    sim.run(4.0)
    view = cells[[1, 3]]
    for block, columns in ((cells.get_data("v"), [0, 1, 2, 3]), (view.get_data("v"), [1, 3])):
        assert [segment.name for segment in block.segments] == [
            *("segment000", "segment001", "segment002"),
        ]
        for segment in block.segments:
            assert segment.block is block
            (signal,) = segment.analogsignals
            assert signal.segment is segment
            assert_array_equal(signal.array_annotations["channel_index"], columns)
            assert_array_equal(signal.annotations["channel_ids"], columns)
            assert_array_equal(signal.magnitude[0], -61.0 - np.array(columns))
            assert len(segment.spiketrains) == 0
    for segment in source[1:3].get_data("spikes").segments:
        trains = list(segment.spiketrains)
        assert [float(train[0]) for train in trains] == [2.0, 3.0]
        assert [train.annotations["source_index"] for train in trains] == [1, 2]
        assert all(train.segment is segment for train in trains)
    assert cells.get_data().segments[0].annotations == {"name": "first"}


def test_data_belong_to_who_asked(sim, cells):
    cells.record(["v", "spikes"])
    sim.run(1.0)
    sim.reset()
    sim.run(1.0)
    for segment in (0, 1):
        (signal,) = signals(cells.get_data("v"), segment)
        signal[:] = 0 * signal.units
        signal.array_annotations["channel_index"] += 10
        signal.annotations["channel_ids"] += 10
        (again,) = signals(cells.get_data("v"), segment)
        assert_array_equal(again.magnitude[0], [-61.0, -62.0, -63.0, -64.0])
        assert_array_equal(again.array_annotations["channel_index"], [0, 1, 2, 3])
        assert_array_equal(again.annotations["channel_ids"], [0, 1, 2, 3])


def test_what_comes_after_clearing_is_kept_by_a_reset(sim, cells):
    cells.record("v")
    sim.run(2.0)
    cells.get_data(clear=True)
    sim.run(1.0)
    sim.reset()
    sim.run(0.5)
    assert [signals(cells.get_data(), k)[0].shape for k in (0, 1)] == [(11, 4), (6, 4)]
    cells.get_data(clear=True)
    sim.reset()
    sim.reset()
    sim.run(0.2)
    (segment,) = cells.get_data().segments
    assert (segment.name, segment.analogsignals[0].shape) == ("segment003", (3, 4))


def test_signals_are_in_the_order_in_which_they_were_recorded(sim, cells):
    cells.record(["isyn_inh", "v"])
    cells.record("isyn_exc")
    sim.run(1.0)
    assert [s.name for s in signals(cells.get_data())] == ["isyn_inh", "v", "isyn_exc"]
    assert [s.name for s in signals(cells.get_data({"v", "isyn_exc"}))] == ["v", "isyn_exc"]


def test_a_view_of_which_nothing_was_recorded(sim, cells):
    cells[0:2].record(["v", "spikes"])
    sim.run(1.0)
    assert signals(cells[1:3].get_data("v"))[0].shape == (11, 1)
    for name in ("v", "spikes"):
        with pytest.raises(errors.NothingToWriteError, match=rf"{name} of .* call record\('{name}"):
            cells.recorder.get(name, filter_ids=cells[2:].all_cells)
    assert len(cells[2:].get_data().segments[0].spiketrains) == 0


def test_cells_of_an_earlier_setup(sim, cells):
    cells.record("v")
    sim.run(1.0)
    sim.setup()
    for call in (lambda: cells.record("v"), cells.get_data):
        with pytest.raises(RuntimeError, match=r"'cells' was made before the last setup\(\); make"):
            call()


@pytest.mark.parametrize("variables", [3, None, ["v", 3]])
def test_variables_are_names(sim, cells, variables):
    cells.record("v")
    sim.run(1.0)
    for group in (cells, sim.Assembly(cells)):
        with pytest.raises(TypeError, match="give a name, a list of names or 'all'"):
            group.get_data(variables)


def test_data_come_from_one_compartment(sim, cells):
    cells.record("v")
    sim.run(1.0)
    with pytest.raises(NotImplementedError, match="one compartment; leave out locations="):
        cells.get_data("v", locations="soma")


# --- assemblies ----------------------------------------------------------------------------------


def test_places_in_an_assembly(sim, cells):
    other = sim.Population(2, sim.IF_curr_exp())
    assembly = sim.Assembly(other, cells[[1, 3]], cells[0:1])
    assert assembly.id_to_index(cells[3]) == 3
    assert assembly.id_to_index(cells[0]) == 4
    assert_array_equal(assembly.id_to_index([cells[0], other[1]]), [4, 1])
    with pytest.raises(IndexError, match=r"ID 2 is not in 'assembly"):
        assembly.id_to_index([cells[1], cells[2]])


def test_parts_of_an_assembly_may_differ(sim, cells):
    """In what can be recorded, in what is, in the interval, and in when it began."""
    source = sim.Population(2, sim.SpikeSourceArray(spike_times=[[0.5, 1.5], []]), label="source")
    coarse = sim.Population(1, sim.IF_cond_exp(), label="coarse")
    assembly = sim.Assembly(cells, source, coarse)
    cells.record(["v", "spikes"])
    coarse.record("v", sampling_interval=0.5)
    sim.run(1.0)
    source.record("spikes")
    sim.run(1.0)
    fine, rough = signals(assembly.get_data("v"))
    assert (fine.shape, rough.shape) == ((21, 4), (5, 1))
    assert_array_equal(rough.array_annotations["channel_index"], [6])
    trains = assembly.get_data("spikes").segments[0].spiketrains
    assert [len(train) for train in trains] == [0, 0, 0, 0, 1, 0]
    assert [float(train.t_start) for train in trains] == [0, 0, 0, 0, 1, 1]
    assert [t.annotations["source_population"] for t in trains] == ["cells"] * 4 + ["source"] * 2
    assert assembly.get_data("spikes").annotations["size"] == 7


def test_what_no_part_of_an_assembly_has_recorded(sim, cells):
    source = sim.Population(2, sim.SpikeSourceArray())
    assembly = sim.Assembly(source, cells, label="both")
    with pytest.raises(errors.NothingToWriteError, match=r"'both' yet; call record\("):
        assembly.get_data()
    cells.record("v")
    sim.run(1.0)
    with pytest.raises(errors.NothingToWriteError, match=r"isyn_exc of 'both' has not been"):
        assembly.get_data(["v", "isyn_exc"])
    with pytest.raises(errors.RecordingError, match="Cannot record foo"):
        assembly.get_data("foo")


def test_a_part_that_came_later(sim, cells):
    cells.record("v")
    sim.run(1.0)
    sim.reset()
    later = sim.Population(1, sim.IF_curr_exp())
    later.record("v")
    sim.run(1.0)
    block = sim.Assembly(later, cells).get_data("v")
    assert [segment.analogsignals[0].shape for segment in block.segments] == [(11, 4), (11, 5)]
    columns = [s.analogsignals[0].array_annotations["channel_index"] for s in block.segments]
    assert_array_equal(columns[0], [1, 2, 3, 4])
    assert_array_equal(columns[1], [0, 1, 2, 3, 4])


def test_annotations_of_an_assembly(sim, cells):
    cells.annotate(layer="4")
    other = sim.Population(1, sim.IF_curr_exp())
    other.annotate(layer="5")
    assembly = sim.Assembly(cells, other)
    assembly.annotate(area="V1")
    assembly.record("v")
    sim.run(1.0)
    annotations = assembly.get_data(annotations={"trial": 1}).annotations
    assert (annotations["layer"], annotations["area"], annotations["trial"]) == ("4;5", "V1", 1)


@pytest.mark.parametrize(
    ("variables", "options", "error"),
    [
        ("v", {}, errors.RecordingError),
        ("spikes", {"sampling_interval": 0.25}, ValueError),
        (3, {}, TypeError),
    ],
)
def test_a_recording_refused_by_a_part(sim, network, cells, variables, options, error):
    assembly = sim.Assembly(cells, sim.Population(1, sim.SpikeSourceArray()))
    before = network()
    with pytest.raises(error):
        assembly.record(variables, **options)
    assert network() == before


def test_a_population_of_which_there_is_a_view_is_not_added(sim, cells, caplog):
    assembly = sim.Assembly(cells[0:2], cells)
    assert assembly.size == 2
    assert "Cannot add a Population to an Assembly when a view of it is there" in caplog.text


def test_options_of_assemblies(sim, cells):
    assert sim.Assembly(cells, label="some").label == "some"
    with pytest.raises(TypeError, match="lable"):
        sim.Assembly(cells, lable="some")
