"""Writing recordings to files, and reading them back."""

from __future__ import annotations

import neo
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

READERS = {".pkl": neo.io.PickleIO, ".pickle": neo.io.PickleIO, ".mat": neo.io.NeoMatlabIO}


@pytest.fixture
def cells(sim):
    population = sim.Population(3, sim.IF_curr_exp(i_offset=1.0), label="cells")
    population.record(["v", "spikes"])
    sim.run(40.0)
    return population


def read(path):
    return READERS[path.suffix](filename=str(path)).read_block()


@pytest.mark.parametrize("suffix", READERS)
def test_what_is_written_is_read(cells, tmp_path, suffix):
    path = tmp_path / "new folder" / f"data{suffix}"
    cells.write_data(str(path), annotations={"trial": 3})
    (segment,) = read(path).segments
    (expected,) = cells.get_data().segments
    (signal,) = segment.analogsignals
    assert_allclose(signal.magnitude, expected.analogsignals[0].magnitude, rtol=1e-15)
    assert signal.units == expected.analogsignals[0].units
    assert len(segment.spiketrains) == 3
    for train, other in zip(segment.spiketrains, expected.spiketrains, strict=True):
        assert_allclose(np.ravel(train.magnitude), other.magnitude, rtol=1e-15)


def test_annotations_are_written(cells, tmp_path):
    cells.annotate(layer=4)
    cells.write_data(str(tmp_path / "a.pkl"), annotations={"trial": 3})
    block = read(tmp_path / "a.pkl")
    assert (block.annotations["trial"], block.annotations["layer"]) == (3, 4)


def test_some_variables(cells, tmp_path):
    cells.write_data(str(tmp_path / "a.pkl"), variables="spikes")
    (segment,) = read(tmp_path / "a.pkl").segments
    assert (len(segment.analogsignals), len(segment.spiketrains)) == (0, 3)


def test_a_neo_io_or_a_path(cells, tmp_path):
    cells.write_data(neo.io.PickleIO(str(tmp_path / "a.pkl")))
    assert len(read(tmp_path / "a.pkl").segments) == 1
    cells.write_data(tmp_path / "b.pkl")
    assert len(read(tmp_path / "b.pkl").segments) == 1


def test_views_and_assemblies(sim, cells, tmp_path):
    cells[1:2].write_data(str(tmp_path / "view.pkl"))
    assert read(tmp_path / "view.pkl").segments[0].analogsignals[0].shape == (401, 1)
    assembly = sim.Assembly(cells[0:1], cells[1:3], label="both")
    assembly.write_data(str(tmp_path / "assembly.pkl"), annotations={"trial": 1})
    block = read(tmp_path / "assembly.pkl")
    assert (block.name, len(block.segments[0].spiketrains)) == ("both", 3)


def test_writing_may_clear(sim, cells, tmp_path):
    cells.write_data(str(tmp_path / "a.pkl"), clear=True)
    sim.run(1.0)
    assert cells.get_data().segments[0].analogsignals[0].shape == (11, 3)


def test_several_segments(sim, cells, tmp_path):
    sim.reset(annotations={"run": 0})
    sim.run(10.0)
    cells.write_data(str(tmp_path / "a.pkl"))
    segments = read(tmp_path / "a.pkl").segments
    assert [s.analogsignals[0].shape for s in segments] == [(401, 3), (101, 3)]
    assert segments[0].annotations == {"run": 0}


@pytest.mark.parametrize("suffix", READERS)
def test_end_writes_what_was_to_be_recorded(sim, state, tmp_path, suffix):
    path = tmp_path / f"data{suffix}"
    population = sim.Population(2, sim.IF_curr_exp())
    population.record("v", to_file=str(path))
    sim.run(2.0)
    assert not path.exists()
    sim.end()
    assert read(path).segments[0].analogsignals[0].shape == (21, 2)
    assert state.write_on_end == []
    path.unlink()
    sim.end()
    assert not path.exists()


@pytest.mark.parametrize("kind", ["path", "io"])
def test_end_writes_to_a_path_or_a_neo_io(sim, tmp_path, kind):
    path = tmp_path / "data.pkl"
    population = sim.Population(2, sim.IF_curr_exp())
    population.record("v", to_file=path if kind == "path" else neo.io.PickleIO(str(path)))
    sim.run(2.0)
    sim.end()
    assert path.exists()


def test_a_setup_without_end_forgets_the_files(sim, tmp_path):
    population = sim.Population(2, sim.IF_curr_exp())
    population.record("v", to_file=str(tmp_path / "data.pkl"))
    sim.run(2.0)
    sim.setup()
    sim.end()
    assert not (tmp_path / "data.pkl").exists()


def test_end_writes_an_assembly_to_one_file(sim, tmp_path):
    first, second = sim.Population(2, sim.IF_curr_exp()), sim.Population(1, sim.IF_curr_exp())
    path = tmp_path / "data.pkl"
    (first + second).record("v", to_file=path)
    sim.run(2.0)
    sim.end()
    assert read(path).segments[0].analogsignals[0].shape == (21, 3)


def test_one_file_that_cannot_be_written_leaves_the_others(sim, tmp_path):
    first, second = sim.Population(2, sim.IF_curr_exp()), sim.Population(1, sim.IF_curr_exp())
    first.record("v", to_file=tmp_path / "a.pkl")
    second.record("v", to_file=tmp_path / "b.pkl")
    first.record(None)
    sim.run(2.0)
    with pytest.raises(OSError, match=r"v of .* has not been recorded"):
        sim.end()
    sim.end()
    assert read(tmp_path / "b.pkl").segments[0].analogsignals[0].shape == (21, 1)


def test_the_file_that_was_given_before(sim, tmp_path):
    population = sim.Population(2, sim.IF_curr_exp())
    population.record("v", to_file=tmp_path / "data.pkl")
    sim.run(2.0)
    population.write_data(None)
    assert read(tmp_path / "data.pkl").segments[0].analogsignals[0].shape == (21, 2)


@pytest.mark.parametrize("file", [3, ["a.pkl"]])
def test_what_is_no_file(sim, cells, network, file):
    before = network()
    for call in (
        lambda: cells.write_data(file, clear=True),
        lambda: sim.Assembly(cells).write_data(file, clear=True),
        lambda: cells.record("isyn_exc", to_file=file),
    ):
        with pytest.raises(TypeError, match="give a file name, a path or a Neo IO"):
            call()
    assert network() == before
    assert cells.get_data("v").segments[0].analogsignals[0].shape == (401, 3)


def test_an_assembly_may_clear_what_it_has_written(sim, cells, tmp_path):
    assembly = sim.Assembly(cells[0:1], cells[1:3])
    assembly.write_data(tmp_path / "a.pkl", clear=True)
    sim.run(1.0)
    assert read(tmp_path / "a.pkl").segments[0].analogsignals[0].shape == (401, 3)
    assert assembly.get_data().segments[0].analogsignals[0].shape == (11, 3)


@pytest.mark.parametrize("name", ["data.txt", "data.ras", "data.v", "data.gsyn"])
def test_text_files_are_refused(sim, cells, tmp_path, name):
    path = str(tmp_path / name)
    with pytest.raises(OSError, match="ASCII-based formats are not currently supported"):
        cells.write_data(path)
    population = sim.Population(1, sim.IF_curr_exp())
    with pytest.raises(OSError, match="ASCII-based formats are not currently supported"):
        population.record("v", to_file=path)


@pytest.mark.parametrize("name", ["data.foo", "data"])
def test_unknown_formats_are_refused(sim, cells, tmp_path, name):
    path = str(tmp_path / name)
    with pytest.raises(Exception, match=r"file extension .* not supported"):
        cells.write_data(path)
    with pytest.raises(Exception, match=r"file extension .* not supported"):
        cells.record("v", to_file=path)


def test_nothing_to_write(sim, tmp_path):
    population = sim.Population(1, sim.IF_curr_exp())
    population.record("v")
    with pytest.raises(OSError, match=r"call record\(...\), then run"):
        population.write_data(str(tmp_path / "a.pkl"))


def test_weights_are_saved_and_loaded(sim, cells, tmp_path):
    connector = sim.FromListConnector([(0, 1, 0.5, 1.0), (2, 0, 0.25, 2.0)])
    projection = sim.Projection(cells, cells, connector)
    path = tmp_path / "connections.txt"
    projection.save("all", str(path), format="list")
    again = sim.Projection(cells, cells, sim.FromFileConnector(str(path)))
    for name in ("weight", "delay"):
        assert_array_equal(projection.get(name, "array"), again.get(name, "array"))
    projection.save("weight", str(tmp_path / "array.txt"), format="array", with_address=False)
    weights = np.loadtxt(tmp_path / "array.txt")
    assert_array_equal(weights, np.nan_to_num(projection.get("weight", "array")))
