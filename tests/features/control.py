"""Probes of setting up, running, resetting, and of the procedural interface."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.testing import assert_array_equal

from .measure import Floats, Probe, close, input_spikes, refusal, require, samples, spikes
from .processes import mpi


def _driven(sim: Any) -> Any:
    cells = sim.Population(3, sim.IF_cond_exp(i_offset=[0.5, 1.0, 1.5]))
    cells.record(["v", "spikes"])
    return cells


def delays(sim: Any) -> None:
    sim.setup(timestep=0.25, min_delay=0.5, max_delay=4.0)
    found = (sim.get_time_step(), sim.get_min_delay(), sim.get_max_delay())
    require(found == (0.25, 0.5, 4.0), f"they are {found}")
    cells = _driven(sim)
    for delay in (0.25, 5.0):
        synapse = sim.StaticSynapse(delay=delay)
        refusal(lambda s=synapse: sim.Projection(cells, cells, sim.AllToAllConnector(), s), "delay")
    refusal(lambda: sim.setup(timestep=0.1, min_delay=0.05), "min_delay")
    refusal(lambda: sim.setup(timestep=0.1, min_delay=2.0, max_delay=1.0), "max_delay")


def automatic(sim: Any) -> None:
    for timestep in (0.1, 0.05):
        sim.setup(timestep=timestep, min_delay="auto")
        cells = _driven(sim)
        for delay in (2.0, 7.0):
            sim.Projection(cells, cells, sim.AllToAllConnector(), sim.StaticSynapse(delay=delay))
        close([sim.get_min_delay(), sim.get_max_delay()], [2.0, 7.0])


def options(sim: Any) -> None:
    sim.setup(timestep=0.1, executor="numba", threads=1, seed=3, spike_precision="on_grid")
    refusal(lambda: sim.setup(executor="nest"), "executor", "numba")
    refusal(lambda: sim.setup(seeds=3), "did you mean 'seed'")
    trains = []
    for seed in (1, 2, 1):
        sim.setup(timestep=0.1, seed=seed)
        noise = sim.Population(1, sim.SpikeSourcePoisson(rate=100.0))
        noise.record("spikes")
        sim.run(500.0)
        trains.append(spikes(noise)[0])
    assert_array_equal(trains[0], trains[2])
    require(not np.array_equal(trains[0], trains[1]), "the seed matters")


def running(sim: Any) -> None:
    cells, times = _driven(sim), []
    times.append(sim.run(10.0))
    times.append(sim.run_for(5.0))
    times.append(sim.run_until(20.0))
    close(times, [10.0, 15.0, 20.0])
    refusal(lambda: sim.run_until(10.0), "past")
    pieces = samples(cells, "v")
    sim.setup(timestep=0.1)
    cells = _driven(sim)
    sim.run(20.0)
    assert_array_equal(samples(cells, "v"), pieces)


def callbacks(sim: Any) -> None:
    """A callback may change spike times, rates, parameters and currents while a run goes on."""
    cells = sim.Population(1, sim.IF_curr_exp(tau_m=1e9, cm=1.0, v_thresh=1e9))
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=[2.0]))
    cells.record("v")
    source.record("spikes")
    seen: list[float] = []

    def change(t: float) -> float:
        seen.append(t)
        cells.set(i_offset=0.1 * len(seen))
        source.set(spike_times=[t + 5.0])
        return t + 10.0

    sim.run(30.0, callbacks=[change])
    close(seen, [0.0, 10.0, 20.0, 30.0], absolute=1e-9)
    close(samples(cells, "v")[[100, 200, 300], 0] + 65.0, [1.0, 3.0, 6.0], 1e-6)
    close(spikes(source)[0], [5.0, 15.0, 25.0])
    sim.run_until(50.0, callbacks=[lambda t: t + 5.0])


def reset(sim: Any) -> None:
    cells = _driven(sim)
    cells.initialize(v=[-60.0, -61.0, -62.0])
    input_spikes(sim, cells, [29.5], "excitatory", 0.05)
    sim.run(30.0)
    sim.reset()
    require(sim.get_current_time() == 0.0, "time is zero")
    sim.run(30.0)
    assert_array_equal(samples(cells, "v", 0), samples(cells, "v", 1))
    for first, second in zip(spikes(cells, 0), spikes(cells, 1), strict=True):
        assert_array_equal(first, second)


def reset_weights(sim: Any) -> None:
    """Weights that plasticity changed are those that were given, and those set are kept."""
    pre = sim.Population(1, sim.SpikeSourceArray(spike_times=[5.0, 15.0, 25.0]))
    post = sim.Population(1, sim.IF_curr_delta(i_offset=1.0))
    rule = sim.STDPMechanism(
        timing_dependence=sim.SpikePairRule(A_plus=0.1, A_minus=0.1),
        weight_dependence=sim.AdditiveWeightDependence(w_max=0.1),
        weight=0.05,
        delay=1.0,
    )
    projection = sim.Projection(pre, post, sim.AllToAllConnector(), rule)
    sim.run(50.0)
    after = projection.get("weight", "array")[0, 0]
    require(abs(after - 0.05) > 1e-4, "the weight changed")
    sim.reset()
    close(projection.get("weight", "array"), 0.05)
    sim.run(50.0)
    close(projection.get("weight", "array"), after)


def procedural(sim: Any) -> None:
    cells = sim.create(sim.IF_cond_exp, {"tau_m": 10.0}, n=3)
    source = sim.create(sim.SpikeSourceArray(spike_times=[1.0]))
    sim.connect(source, cells[:2], weight=0.01, delay=1.0, receptor_type="inhibitory")
    sim.connect(source[0], cells[2], weight=0.02, delay=1.0, receptor_type="inhibitory")
    sim.set(cells[:1], tau_syn_I=8.0)
    sim.initialize(cells, v=-60.0)
    sim.record(["v", "gsyn_inh"], cells, "nothing.pkl")
    sim.run(5.0)
    found: Floats = samples(cells, "gsyn_inh")[50]
    close(found, [0.01 * np.exp(-3 / 8.0), 0.01 * np.exp(-3 / 5.0), 0.02 * np.exp(-3 / 5.0)])
    close(samples(cells, "v")[0], -60.0)


def queries(sim: Any) -> None:
    sim.setup(timestep=0.5, min_delay=1.0, max_delay=3.0)
    sim.run(2.0)
    found = (sim.get_time_step(), sim.get_current_time(), sim.get_min_delay(), sim.get_max_delay())
    close(found, (0.5, 2.0, 1.0, 3.0))
    require((sim.rank(), sim.num_processes()) == (0, 1), "one process")


def growing(sim: Any) -> None:
    first = _driven(sim)
    sim.run(10.0)
    second = _driven(sim)
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=[12.0]))
    sim.Projection(source, first, sim.AllToAllConnector(), sim.StaticSynapse(weight=0.1, delay=1.0))
    first.record("gsyn_exc")
    sim.run(10.0)
    close(samples(first, "gsyn_exc")[-1], 0.1 * np.exp(-7.0 / 5.0))
    close(samples(second, "v")[100], samples(second, "v")[-1])
    sim.reset()
    sim.run(10.0)
    require(samples(second, "v").shape == (101, 3), "all begin anew")


def off_grid(sim: Any) -> None:
    """The first spike of a cell under constant current has a closed form."""
    exact = 20.0 * np.log(1.0 / (1.0 - 15.0 / (20.0 * np.array([1.0, 1.3]))))
    for precision, tolerance in (("off_grid", 1e-9), ("on_grid", 0.1)):
        sim.setup(timestep=0.1, spike_precision=precision)
        cells = sim.Population(2, sim.IF_curr_exp(i_offset=[1.0, 1.3]))
        cells.record("spikes")
        sim.run(50.0)
        first = np.array([train[0] for train in spikes(cells)])
        close(first, exact, 0.0, tolerance)
    on_grid = np.round(first / 0.1) * 0.1
    close(first, on_grid, absolute=1e-9)


ROWS: dict[str, Probe] = {
    "timestep, min_delay, max_delay": delays,
    "min_delay='auto'": automatic,
    "backend arguments": options,
    "run, run_for, run_until": running,
    "callbacks in run/run_until": callbacks,
    "reset(): state and time": reset,
    "reset(): weights back to initial (as documented)": reset_weights,
    "create, connect, set, record, initialize": procedural,
    "get_time_step/_current_time/_min_delay/_max_delay, rank": queries,
    "network built after first run": growing,
    "MPI": mpi,
    "spike_precision off_grid": off_grid,
}
