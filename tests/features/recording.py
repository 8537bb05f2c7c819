"""Probes of recording and of reading what was recorded."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import neo
import numpy as np
from numpy.testing import assert_array_equal

from .measure import Probe, close, refusal, require, samples, signal, spikes


def _cells(sim: Any, count: int = 4, **parameters: Any) -> Any:
    return sim.Population(count, sim.IF_cond_exp(i_offset=1.0, **parameters), label="cells")


def interval(sim: Any) -> None:
    cells, often = _cells(sim), _cells(sim)
    cells.record("v", sampling_interval=0.5)
    often.record("v")
    sim.run(10.0)
    require(samples(cells, "v").shape == (21, 4), "from 0 to 10 ms, both included")
    assert_array_equal(samples(cells, "v"), samples(often, "v")[::5])
    require(float(signal(cells, "v").sampling_period.rescale("ms")) == 0.5, "0.5 ms")


def choices(sim: Any) -> None:
    cells = _cells(sim)
    cells[1:3].record(["v", "gsyn_exc"])
    cells[3:].record("gsyn_inh")
    sim.run(2.0)
    segment = cells.get_data().segments[0]
    names = sorted(s.name for s in segment.analogsignals)
    require(names == ["gsyn_exc", "gsyn_inh", "v"], f"recorded: {names}")
    require(samples(cells, "v").shape == (21, 2), "two cells")
    assert_array_equal(signal(cells, "v").annotations["channel_ids"], cells.all_cells[1:3])
    sim.reset()
    cells.record(None)
    cells.record("spikes")
    sim.run(20.0)
    segment = cells.get_data().segments[-1]
    require(len(segment.analogsignals) == 0 and len(segment.spiketrains) == 4, "spikes alone")


def late(sim: Any) -> None:
    cells = _cells(sim)
    sim.run(5.0)
    cells.record(["v", "spikes"])
    sim.run(5.0)
    found = signal(cells, "v")
    require(float(found.t_start.rescale("ms")) == 5.0 and found.shape == (51, 4), "from 5 ms on")
    close(found.magnitude[0], -65.0 + 20.0 * (1.0 - np.exp(-5.0 / 20.0)), 1e-6)
    require(float(cells.get_data("spikes").segments[0].spiketrains[0].t_start) == 5.0, "spikes")


def views(sim: Any) -> None:
    cells = _cells(sim, tau_m=[10.0, 20.0, 30.0, 40.0])
    cells.record(["v", "spikes"])
    sim.run(30.0)
    view = cells[[1, 3]]
    assert_array_equal(samples(view, "v"), samples(cells, "v")[:, [1, 3]])
    for chosen, whole in zip(spikes(view), [spikes(cells)[i] for i in (1, 3)], strict=True):
        assert_array_equal(chosen, whole)
    assert_array_equal(samples(view[1:], "v"), samples(cells, "v")[:, 3:])


def clear(sim: Any) -> None:
    """Pieces, put together, are what one would have got at once."""
    cells, whole = _cells(sim), _cells(sim)
    pieces, trains = [], []
    for population in (cells, whole):
        population.record(["v", "spikes"])
    for _ in range(3):
        sim.run(20.0)
        segment = cells.get_data(clear=True).segments[-1]
        pieces.append(segment.analogsignals[0])
        trains.append(segment.spiketrains[0].magnitude)
    require([float(p.t_start.rescale("ms")) for p in pieces] == [0.0, 20.0, 40.0], "their starts")
    require([p.shape[0] for p in pieces] == [201] * 3, "with the sample at each boundary")
    joined = np.concatenate([pieces[0].magnitude, *(p.magnitude[1:] for p in pieces[1:])])
    assert_array_equal(joined, samples(whole, "v"))
    assert_array_equal(np.concatenate(trains), spikes(whole)[0])


def annotations(sim: Any) -> None:
    cells = _cells(sim)
    cells.record("v")
    cells.annotate(layer=4)
    sim.run(1.0)
    both = cells[:2] + cells[2:]
    block = both.get_data(annotations={"trial": 7})
    require(block.annotations["trial"] == 7 and block.annotations["dt"] == 0.1, "of an assembly")
    block = cells.get_data()
    require(block.annotations["size"] == 4 and block.annotations["label"] == "cells", "metadata")
    require(block.annotations["simulator"] == "ship", "the simulator's name")
    require(block.annotations["layer"] == 4, "those of the population")
    with TemporaryDirectory() as folder:
        name = str(Path(folder, "data.pkl"))
        cells.write_data(name, annotations={"trial": 8})
        (read,) = neo.io.PickleIO(name).read()
    require(read.annotations["trial"] == 8, "in a file")


def locations(sim: Any) -> str:
    cells = _cells(sim)
    return refusal(
        lambda: cells.record("v", locations="dendrite"), "one compartment", "pyNN.neuron"
    )


def files(sim: Any) -> None:
    cells = _cells(sim)
    with TemporaryDirectory() as folder:
        names = [str(Path(folder, f"data.{ending}")) for ending in ("pkl", "mat")]
        cells.record(["v", "spikes"], to_file=names[0])
        sim.run(30.0)
        cells.write_data(names[1])
        sim.end()
        (pickled,) = neo.io.PickleIO(names[0]).read()
        assert_array_equal(pickled.segments[0].analogsignals[0].magnitude, samples(cells, "v"))
        matlab = neo.io.NeoMatlabIO(names[1]).read_block()
        close(matlab.segments[0].analogsignals[0].magnitude, samples(cells, "v"))
        refusal(lambda: cells.write_data(str(Path(folder, "data.txt"))), "not currently supported")


def counts(sim: Any) -> None:
    source = sim.Population(2, sim.SpikeSourceArray(spike_times=[1.0, 2.0, 3.0]))
    noise = sim.Population(3, sim.SpikeSourcePoisson(rate=500.0))
    for population in (source, noise):
        population.record("spikes")
    sim.run(100.0)
    require(source.get_spike_counts() == {int(c): 3 for c in source}, "3 spikes each")
    require(source.mean_spike_count() == 3.0, "3 on average")
    require(list(noise.get_spike_counts().values()) == [len(t) for t in spikes(noise)], "counts")
    require((source[:1] + noise).mean_spike_count() > 3.0, "of an assembly")


def segments(sim: Any) -> None:
    cells = _cells(sim)
    cells.record("v")
    for trial in range(2):
        sim.run(5.0 + trial)
        sim.reset(annotations={"trial": trial})
    sim.run(3.0)
    found = cells.get_data().segments
    require([len(s.analogsignals[0]) for s in found] == [51, 61, 31], "their lengths")
    require([s.annotations.get("trial") for s in found] == [0, 1, None], "their annotations")
    assert_array_equal(samples(cells, "v", 0)[:31], samples(cells, "v", 2))


def irregular(sim: Any) -> None:
    """Samples that carry their times, for those who ask for them."""
    sim.setup(timestep=0.1, record_sample_times=True)
    cells = _cells(sim)
    cells.record("v", sampling_interval=0.5)
    sim.run(5.0)
    (found,) = cells.get_data("v").segments[0].irregularlysampledsignals
    close(found.times.rescale("ms").magnitude, 0.5 * np.arange(11), absolute=1e-9)
    require(found.shape == (11, 4) and found.name == "v", "a column for each cell")


ROWS: dict[str, Probe] = {
    "record(sampling_interval=)": interval,
    "record(None), record subset, two variables": choices,
    "record() first called after run()": late,
    "get_data on a view / filtered ids": views,
    "get_data(clear=True) mid-run": clear,
    "get_data(annotations=) (Assembly/write_data), metadata": annotations,
    "record(locations=)": locations,
    "to_file / write_data pkl, mat (scipy); nix/h5, nwb need extra packages; txt is refused": files,
    "mean_spike_count, get_spike_counts": counts,
    "segments on reset(annotations)": segments,
    "irregular sampling (variable step)": irregular,
}
