"""Creating, connecting, setting and recording by functions."""

from __future__ import annotations

import neo
import numpy as np
import pytest
from numpy.testing import assert_array_equal

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def test_create(sim):
    cells = sim.create(sim.IF_curr_exp, {"tau_m": 15.0}, n=3)
    assert isinstance(cells, sim.Population)
    assert (cells.size, cells.get("tau_m")) == (3, 15.0)
    assert sim.create(sim.IF_cond_exp()).size == 1


@pytest.mark.parametrize("part", ["population", "view", "cell", "assembly"])
def test_connect(sim, samples, part):
    source = sim.create(sim.SpikeSourceArray(spike_times=[1.0]), n=3)
    cells = sim.create(sim.IF_curr_exp, n=3)
    pre, post, reached = {
        "population": (source, cells, [0, 1, 2]),
        "view": (source[0:1], cells[1:3], [1, 2]),
        "cell": (source[0], cells[1], [1]),
        "assembly": (source[0:1] + source[1:2], cells[0:1] + cells[2:3], [0, 2]),
    }[part]
    projection = sim.connect(pre, post, weight=0.5, delay=1.0, receptor_type="excitatory")
    assert isinstance(projection, sim.Projection)
    cells.record("v")
    sim.run(3.0)
    assert_array_equal(np.flatnonzero(samples(cells, "v")[-1] > -65.0), reached)


def test_connect_with_a_probability(sim):
    cells = sim.create(sim.IF_curr_exp, n=20)
    projection = sim.connect(cells, cells, weight=0.5, p=0.3, rng=sim.NumpyRNG(2))
    assert 60 < len(projection) < 180
    assert (projection.get("delay", "list", with_address=False)[0]) == 0.1
    assert len(sim.connect(cells, cells)) == 400


def test_set(sim):
    cells = sim.create(sim.IF_curr_exp, n=3)
    sim.set(cells, tau_m=15.0)
    sim.set(cells[0:1], tau_m=12.0)
    sim.set(cells[0:1] + cells[1:2], cm=0.5)
    assert_array_equal(cells.get("tau_m"), [12.0, 15.0, 15.0])
    assert_array_equal(cells.get("cm"), [0.5, 0.5, 1.0])
    with pytest.raises(AttributeError, match="set values using the parameter name directly"):
        sim.set(cells[0], tau_m=12.0)


def test_initialize(sim):
    cells = sim.create(sim.IF_curr_exp, n=3)
    sim.initialize(cells[0:2], v=-60.0)
    assert cells[1].get_initial_value("v") == -60.0
    sim.initialize(cells[0:1] + cells[2:3], v=-61.0)
    assert [cell.get_initial_value("v") for cell in cells] == [-61.0, -60.0, -61.0]
    sim.initialize(cells[1], v=-62.0)
    assert cells[1].get_initial_value("v") == -62.0


@pytest.mark.parametrize("part", ["population", "view", "cell", "assembly"])
def test_record(sim, tmp_path, part):
    cells = sim.create(sim.IF_curr_exp, n=3)
    recorded, count = {
        "population": (cells, 3),
        "view": (cells[1:3], 2),
        "cell": (cells[1], 1),
        "assembly": (sim.Assembly(cells), 3),
    }[part]
    path = str(tmp_path / "data.pkl")
    sim.record("v", recorded, path, sampling_interval=0.5, annotations={"trial": 1})
    sim.run(2.0)
    sim.end()
    block = neo.io.PickleIO(path).read_block()
    assert block.segments[0].analogsignals[0].shape == (5, count)
    assert block.annotations["trial"] == 1


def test_record_v_and_gsyn(sim, tmp_path):
    cells = sim.create(sim.IF_cond_exp, n=2)
    sim.record_v(cells, str(tmp_path / "v.pkl"))
    sim.record_gsyn(cells[0:1], str(tmp_path / "gsyn.pkl"))
    sim.run(1.0)
    sim.end()
    (signal,) = neo.io.PickleIO(str(tmp_path / "v.pkl")).read_block().segments[0].analogsignals
    assert (signal.name, signal.shape) == ("v", (11, 2))
    signals = neo.io.PickleIO(str(tmp_path / "gsyn.pkl")).read_block().segments[0].analogsignals
    assert {s.name for s in signals} == {"gsyn_exc", "gsyn_inh"}
    assert {s.shape for s in signals} == {(11, 1)}


def test_a_network_object_of_pynn(sim):
    cells = sim.Population(2, sim.IF_curr_exp(), label="cells")
    projection = sim.Projection(cells, cells, sim.AllToAllConnector(), label="recurrent")
    net = sim.Network(cells, projection)
    assert net.get_component("cells") is cells
    assert net.get_component("recurrent") is projection
    assert net.count_connections() == 4
