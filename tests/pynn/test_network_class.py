"""Networks as objects, and their way to SONATA files and back."""

from __future__ import annotations

import neo
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pyNN.random import NumpyRNG, RandomDistribution
from pyNN.serialization import export_to_sonata, import_from_sonata

pytest.importorskip("h5py")


@pytest.fixture
def parts(sim):
    cells = sim.Population(4, sim.IF_cond_exp(i_offset=1.0), label="cells")
    source = sim.Population(2, sim.SpikeSourcePoisson(rate=50.0), label="source")
    links = sim.Projection(source, cells, sim.AllToAllConnector(), label="links")
    return cells, source, links


def test_every_cell_counts_once(sim, parts):
    cells, source, links = parts
    view = cells[2:][1:]
    both = sim.Assembly(cells[:2], source, label="both")
    network = sim.Network(both, view, links)
    assert network.populations == {cells, source}
    assert network.views == {view, *both.populations} - {source}
    assert network.count_neurons() == 6
    assert network.count_connections() == 8
    assert network.get_component("both") is both
    assert network.sim.Network is sim.Network
    network.add(cells, source)
    assert network.count_neurons() == 6


def test_views_of_the_same_cells_are_equal_and_hash_alike(parts):
    cells, _, _ = parts
    assert cells[:2] == cells[[0, 1]]
    assert len({cells[:2], cells[[0, 1]], cells[1:3]}) == 2
    assert hash(cells[:]) == hash(cells)


def test_what_is_no_component(sim):
    with pytest.raises(TypeError, match="'cells' cannot be part of a network"):
        sim.Network("cells")


def test_recording_and_writing(sim, parts, tmp_path):
    cells, source, links = parts
    both = sim.Assembly(cells, label="both")
    network = sim.Network(both, source, links)
    network.record("v", include_spike_source=False)
    sim.run(2.0)
    (block,) = network.get_data("v")
    network.write_data(tmp_path / "data.pkl", "v")
    (read,) = neo.io.PickleIO(str(tmp_path / "data.pkl")).read()
    assert_array_equal(
        read.segments[0].analogsignals[0].magnitude, block.segments[0].analogsignals[0].magnitude
    )
    network.add(sim.Assembly(cells[:2], label="some"))
    with pytest.raises(neo.io.baseio.NeoReadWriteError, match="sequence of blocks"):
        network.write_data(tmp_path / "data.pkl", "v")


def test_sonata(sim, tmp_path):
    drawn = RandomDistribution("normal", (0.5, 0.05), rng=NumpyRNG(1))
    first = sim.Population(
        10, sim.IF_cond_exp(v_rest=-65, tau_m=lambda i: 10 + 0.1 * i, cm=drawn), label="first"
    )
    second = sim.Population(20, sim.IF_curr_alpha(v_rest=-64), label="second")
    noise = sim.Population(5, sim.SpikeSourcePoisson(rate=80.0), label="noise")
    weight = RandomDistribution("uniform", (0.0, 0.1), rng=NumpyRNG(2))
    rule = sim.FixedProbabilityConnector(0.5)
    synapse = sim.StaticSynapse(weight=weight, delay=0.5)
    links = [
        sim.Projection(first, second, rule, synapse, receptor_type="excitatory", label="onward"),
        sim.Projection(second, first, rule, synapse, receptor_type="inhibitory", label="back"),
    ]
    folder = tmp_path / "network"
    export_to_sonata(sim.Network(first, second, *links), str(folder))
    sim.setup(timestep=0.1)
    read = import_from_sonata(str(folder / "circuit_config.json"), sim)
    for original in (first, second):
        copy = read.get_component(original.label)
        assert copy.size == original.size
        for name in original.celltype.default_parameters:
            assert_allclose(copy.get(name), original.get(name), rtol=1e-12)
    for original in links:
        copy = read.get_component(f"{original.label}-0")
        assert copy.receptor_type == original.receptor_type
        for name in ("weight", "delay"):
            expected = original.get(name, "array")
            np.testing.assert_allclose(copy.get(name, "array"), expected, rtol=1e-12)
    assert noise.size == 5
