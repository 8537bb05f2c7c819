"""Probes of populations, views, assemblies and projections."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.testing import assert_array_equal
from pyNN.random import available_distributions

from .measure import Probe, close, refusal, require, samples, spikes


def _cells(sim: Any, count: int = 4, **parameters: Any) -> Any:
    return sim.Population(count, sim.IF_cond_exp(**parameters))


def heterogeneous(sim: Any) -> None:
    drawn = sim.RandomDistribution("uniform", (10.0, 20.0), rng=sim.NumpyRNG(1))
    cells = _cells(
        sim, tau_m=[10.0, 20.0, 30.0, 40.0], cm=drawn, tau_refrac=lambda i: 1.0 + 0.5 * i
    )
    close(cells.get("tau_m"), [10.0, 20.0, 30.0, 40.0])
    close(cells.get("tau_refrac"), [1.0, 1.5, 2.0, 2.5])
    close(cells.get("cm"), np.random.RandomState(1).uniform(10.0, 20.0, 4))
    cells.set(i_offset=100.0)
    cells.record(["spikes", "v"])
    sim.run(50.0)
    close(cells.get("tau_refrac"), [1.0, 1.5, 2.0, 2.5])
    shortest = np.array([np.diff(train).min() for train in spikes(cells)])
    require(shortest > [1.0, 1.5, 2.0, 2.5], "each cell has its own refractory period")


def set_between_runs(sim: Any) -> None:
    cells = _cells(sim, 2, cm=1.0, tau_m=1e9, v_thresh=1e9)
    cells.record("v")
    sim.run(10.0)
    cells.set(i_offset=[0.1, 0.2], tau_refrac=[2.0, 3.0])
    sim.run(10.0)
    close(samples(cells, "v")[[100, 200]] + 65.0, [[0.0, 0.0], [1.0, 2.0]], 1e-6, 1e-9)
    close(cells.get("tau_refrac"), [2.0, 3.0])


def set_cm(sim: Any) -> None:
    for name in ("IF_cond_exp", "IF_curr_exp", "EIF_cond_exp_isfa_ista"):
        cells = sim.Population(2, getattr(sim, name)(tau_m=12.0))
        cells.set(cm=[0.3, 0.6])
        close(cells.get("tau_m"), 12.0)
        close(cells.get("cm"), [0.3, 0.6])


def initial_values(sim: Any) -> None:
    """What is recorded at time zero is what was given, random numbers too."""
    drawn = sim.RandomDistribution("normal", (-60.0, 2.0), rng=sim.NumpyRNG(3))
    cells = _cells(sim, 50)
    cells.initialize(v=drawn, gsyn_exc=lambda i: 0.001 * i, gsyn_inh=np.linspace(0, 0.1, 50))
    adaptive = sim.Population(3, sim.EIF_cond_exp_isfa_ista(), initial_values={"w": 0.01})
    receptor = sim.PointNeuron(sim.LIF(), A=sim.ExpPSR())
    composed = sim.Population(2, receptor, initial_values={"A.gsyn": [0.01, 0.02]})
    fitted = sim.Population(2, sim.GIF_cond_exp(), initial_values={"v_t": [-40.0, -30.0]})
    cells.record(["v", "gsyn_exc", "gsyn_inh"])
    adaptive.record("w")
    composed.record("A.gsyn")
    fitted.record("v_t")
    for _ in range(2):
        sim.run(1.0)
        close(samples(cells, "v")[0], np.random.RandomState(3).normal(-60, 2, 50))
        close(samples(cells, "v")[0], cells.initial_values["v"].evaluate())
        close(samples(cells, "gsyn_exc")[0], 0.001 * np.arange(50))
        close(samples(cells, "gsyn_inh")[0], np.linspace(0.0, 0.1, 50))
        close(samples(adaptive, "w")[0], 0.01)
        close(samples(composed, "A.gsyn")[0], [0.01, 0.02])
        close(samples(fitted, "v_t")[0], [-40.0, -30.0])
        sim.reset()


def initialize_view(sim: Any) -> None:
    cells = _cells(sim)
    cells.record("v")
    cells[1:3].initialize(v=[-60.0, -58.0])
    cells[2:][1:].initialize(v=-55.0)
    cells[0].set_initial_value("v", -70.0)
    sim.run(1.0)
    close(samples(cells, "v")[0], [-70.0, -60.0, -58.0, -55.0])


def views(sim: Any) -> None:
    cells = _cells(sim, 10, tau_m=np.arange(10.0, 20.0))
    view = cells[[9, 1, 4, 6]]
    nested = view[np.array([True, False, True, False])][1:]
    order = [int(c) - int(cells[0]) for c in view]
    close(view.get("tau_m"), 10.0 + np.array(order))
    index = order[2]
    close(nested.get("tau_m"), 10.0 + index)
    nested.set(tau_m=99.0)
    expected = np.arange(10.0, 20.0)
    expected[index] = 99.0
    close(cells.get("tau_m"), expected)
    require(nested.grandparent is cells and nested.size == 1, "of the population")
    cells[2].tau_m = 33.0
    require(cells[2].tau_m == 33.0, "through a single cell")


def assembly(sim: Any) -> None:
    first, second = _cells(sim, 3), sim.Population(2, sim.IF_cond_alpha())
    both = first + second[:1]
    both.record("v")
    both.set(tau_m=14.0)
    close(both.get("tau_m"), 14.0)
    source = sim.Population(2, sim.SpikeSourceArray(spike_times=[1.0]))
    projection = sim.Projection(
        source + first,
        both,
        sim.AllToAllConnector(),
        sim.StaticSynapse(weight=0.01, delay=1.0),
        receptor_type="excitatory",
    )
    require(len(projection) == 20, "20 connections")
    weights = np.arange(10.0, 30.0).reshape(5, 4) * 1e-3
    projection.set(weight=weights)
    close(projection.get("weight", "array"), weights)
    both.initialize(v=-61.0)
    sim.run(5.0)
    (recorded,) = both.get_data("v").segments[0].analogsignals
    require(recorded.shape == (51, 4), "its cells")
    close(recorded.magnitude[0], -61.0)
    require(recorded.magnitude[40] > recorded.magnitude[20] + 0.5, "input reaches them")
    require(both.size == 4, "its size")


def structures(sim: Any) -> None:
    space = sim.space
    line = sim.Population(3, sim.IF_cond_exp(), structure=space.Line(dx=2.0, x0=1.0))
    close(line.positions[0], [1.0, 3.0, 5.0])
    grid = sim.Population(6, sim.IF_cond_exp(), structure=space.Grid2D(2 / 3, dx=2.0, dy=1.0))
    close(sorted(map(tuple, grid.positions.T)), [(x, y, 0) for x in (0, 2) for y in (0, 1, 2)])
    cube = sim.Population(8, sim.IF_cond_exp(), structure=space.Grid3D(dx=1.0, dy=2.0, dz=3.0))
    close(cube.positions.max(1), [1.0, 2.0, 3.0])
    ball = space.RandomStructure(space.Sphere(radius=2.0), rng=sim.NumpyRNG(1))
    inside = sim.Population(50, sim.IF_cond_exp(), structure=ball)
    require(np.linalg.norm(inside.positions, axis=0) <= 2.0, "inside the sphere")
    line.positions = np.ones((3, 3))
    close(line[1].position, [1.0, 1.0, 1.0])
    require(int(line.nearest((1.0, 1.0, 1.0))) in map(int, line), "the nearest cell")


PARAMETERS = {
    "binomial": (10, 0.5),
    "gamma": (2.0, 5.0),
    "exponential": (10.0,),
    "lognormal": (2.0, 0.3),
    "normal": (10.0, 1.0),
    "normal_clipped": (10.0, 5.0, 5.0, 15.0),
    "normal_clipped_to_boundary": (10.0, 5.0, 5.0, 15.0),
    "poisson": (10.0,),
    "uniform": (5.0, 15.0),
    "uniform_int": (5, 15),
    "vonmises": (1.0, 5.0),
}


def distributions(sim: Any) -> None:
    require(set(PARAMETERS) == set(available_distributions), "all eleven")
    for name, values in PARAMETERS.items():
        for rng in (sim.NumpyRNG, sim.NativeRNG):
            cells = _cells(sim, 30)
            cells.set(i_offset=sim.RandomDistribution(name, values, rng=rng(4)))
            expected = sim.RandomDistribution(name, values, rng=rng(4)).next(30)
            close(cells.get("i_offset"), expected)


def _projection(sim: Any) -> Any:
    cells = _cells(sim)
    rows = [(0, 1, 0.1, 1.0), (0, 1, 0.2, 2.0), (2, 3, 0.3, 3.0), (1, 0, 0.4, 4.0)]
    return sim.Projection(cells, cells, sim.FromListConnector(rows))


def get(sim: Any) -> None:
    projection = _projection(sim)
    require(
        projection.get("weight", "list") == [(0, 1, 0.1), (0, 1, 0.2), (1, 0, 0.4), (2, 3, 0.3)],
        "a list",
    )
    require(projection.get("delay", "list", with_address=False) == [1.0, 2.0, 4.0, 3.0], "delays")
    weight, delay = projection.get(["weight", "delay"], "array")
    require(np.isnan(weight).sum() == 13, "13 of 16 pairs are not connected")
    close([weight[0, 1], weight[2, 3], delay[1, 0]], [0.3, 0.3, 4.0])


def multiple(sim: Any) -> None:
    projection = _projection(sim)
    expected = {"sum": 0.3, "first": 0.1, "last": 0.2, "min": 0.1, "max": 0.2}
    for operation, value in expected.items():
        close(projection.get("weight", "array", multiple_synapses=operation)[0, 1], value)
    refusal(
        lambda: projection.get("weight", "array", multiple_synapses="mean"), "multiple_synapses"
    )


def set_projection(sim: Any) -> None:
    cells = _cells(sim)
    synapse = sim.StaticSynapse(weight=0.1, delay=1.0)
    for pre, post in ((cells, cells), (cells[:3], cells[1:]), (cells[:1] + cells[2:], cells)):
        projection = sim.Projection(pre, post, sim.AllToAllConnector(), synapse)
        shape = projection.shape
        projection.set(weight=0.2)
        close(projection.get("weight", "array"), 0.2)
        values = np.arange(1.0, 1.0 + shape[0] * shape[1]).reshape(shape)
        projection.set(weight=values, delay=values)
        close(projection.get("weight", "array"), values)
        close(projection.get("delay", "array"), values)
        projection.set(weight=values[::-1].ravel().tolist())
        close(projection.get("weight", "array"), values[::-1])
        projection.set(weight=sim.RandomDistribution("uniform", (0.0, 1.0), rng=sim.NumpyRNG(1)))
        drawn = np.random.RandomState(1).uniform(0.0, 1.0, shape)
        close(projection.get("weight", "array"), drawn)


def connections(sim: Any) -> None:
    projection = _projection(sim)
    first = projection.connections[0]
    require((first.presynaptic_index, first.postsynaptic_index) == (0, 1), "its cells")
    close([first.weight, first.delay], [0.1, 1.0])
    first.weight, first.delay = 0.7, 5.0
    require(projection.get(["weight", "delay"], "list")[0] == (0, 1, 0.7, 5.0), "it is changed")
    require(first.as_tuple("weight", "delay") == (0.7, 5.0), "as a tuple")


def indexing(sim: Any) -> None:
    projection = _projection(sim)
    require([c.weight for c in projection] == [0.1, 0.2, 0.4, 0.3], "iteration")
    require(projection[2].presynaptic_index == 1 and projection[-1].weight == 0.3, "indices")


def summary(sim: Any) -> None:
    projection = _projection(sim)
    require(projection.size() == len(projection) == 4, "4 connections")
    counts, edges = projection.weightHistogram(min=0.0, max=0.4, nbins=4)
    close(edges, np.linspace(0.0, 0.4, 5))
    require(counts.sum() == 4, "all weights")
    with TemporaryDirectory() as folder:
        name = Path(folder, "weights.txt")
        projection.save(["weight"], str(name))
        rows = np.loadtxt(name)
    assert_array_equal(rows, projection.get("weight", "list"))
    require("4" in projection.describe() and projection.label in projection.describe(), "in words")


ROWS: dict[str, Probe] = {
    "heterogeneous cell parameters (array, random, f(i))": heterogeneous,
    "set() between runs": set_between_runs,
    "set(cm=) keeps tau_m (cond models)": set_cm,
    "initial values: scalar, array, random, f(i)": initial_values,
    "initialize() on a view": initialize_view,
    "PopulationView get/set, view of view": views,
    "Assembly (record, set, get_data, as target)": assembly,
    "structures Line, Grid2D, Grid3D, RandomStructure; positions": structures,
    "NumpyRNG; RandomDistribution (11 names)": distributions,
    "Projection.get list/array": get,
    "multiple_synapses sum/first/last/min/max": multiple,
    "Projection.set": set_projection,
    "connections, Connection.weight/delay": connections,
    "projection[i], iteration": indexing,
    "save, size, weightHistogram, describe": summary,
}
