"""Brunel's (2000) network, as PyNN's ``examples/brunel.py`` writes it, not scaled down.

With ``order = 2500`` and ``downscale = 1`` there are 10,000 excitatory and 2,500 inhibitory
IF_curr_alpha neurons, each with 1,250 inputs from the network (15.6 million synapses) and a
Poisson source of its own of 20 kHz: case C of the paper, asynchronous irregular firing.
"""

from __future__ import annotations

import time
from typing import Any

from ..measures import (
    BUILD,
    DATA,
    MEMORY,
    RUN,
    TOTAL,
    Measure,
    current_memory,
    peak_memory,
    spikes,
)

TITLE = "Brunel: {size:,} neurons, 10 % connected, {duration:g} ms in steps of 0.1"
OPTIONS = {"duration": 1000.0, "threads": 1, "spike_precision": "off_grid", "size": 12500}
MEASURES = (
    BUILD,
    RUN,
    DATA,
    TOTAL,
    MEMORY,
    Measure("bytes_per_synapse", "bytes per synapse, built"),
    Measure("bytes_per_synapse_run", "bytes per synapse, run"),
    spikes("spikes_exc", "excitatory"),
    spikes("spikes_inh", "inhibitory"),
)

EPSILON = 0.1  # connection probability
N_RECORDED = 50  # neurons of each population whose spikes are recorded
ETA, G = 2.0, 5.0  # relative rate of the input, relative strength of inhibition
J = 0.1  # size of a postsynaptic potential, mV
DELAY, TIMESTEP = 1.5, 0.1  # ms
TAU_M, TAU_SYN = 20.0, 0.1  # ms
THETA = 20.0  # threshold, mV
SEED = 43210987
J_EXC = J / TAU_SYN * 0.00041363506632638  # nA, for J at rest

CELL = {
    "tau_m": TAU_M,
    "tau_syn_E": TAU_SYN,
    "tau_syn_I": TAU_SYN,
    "tau_refrac": 2.0,
    "v_rest": 0.0,
    "v_reset": 0.0,
    "v_thresh": THETA,
    "cm": 0.001,
}


def run(sim: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Build and run the network on `sim` and return the measurements."""
    n_exc, n_inh = options["size"] * 4 // 5, options["size"] // 5
    sim.setup(
        timestep=TIMESTEP,
        max_delay=DELAY,
        threads=options["threads"],
        spike_precision=options["spike_precision"],
    )
    start = time.perf_counter()
    rng = sim.NumpyRNG(SEED, parallel_safe=True)
    exc, inh, sources = _create(sim, n_exc, n_inh, rng)
    before = current_memory()
    _connect(sim, exc, inh, sources, rng)
    built = time.perf_counter()
    memory_built = peak_memory()
    sim.run(options["duration"])
    ran = time.perf_counter()
    memory_run = peak_memory()
    (exc + inh).get_data()
    read = time.perf_counter()

    n_synapses = EPSILON * (n_exc + n_inh) ** 2 + n_exc + n_inh
    values = {
        "build_time": built - start,
        "run_time": ran - built,
        "data_time": read - ran,
        "total_time": read - start,
        "synapses": n_synapses,
        "spikes_exc": exc.mean_spike_count(),
        "spikes_inh": inh.mean_spike_count(),
    }
    if before is not None and memory_built is not None and memory_run is not None:
        values["bytes_per_synapse"] = (memory_built - before) / n_synapses
        values["bytes_per_synapse_run"] = (memory_run - before) / n_synapses
    sim.end()
    return values


def _create(sim: Any, n_exc: int, n_inh: int, rng: Any) -> tuple[Any, Any, list[Any]]:
    """Create the neurons, their Poisson sources, and set up the recording."""
    in_degree = int(EPSILON * n_exc)
    threshold_rate = THETA / (J * in_degree * TAU_M)  # per ms and synapse
    rate = 1000.0 * ETA * threshold_rate * in_degree  # Hz
    cell = sim.IF_curr_alpha(**CELL)
    exc = sim.Population(n_exc, cell, label="E_net")
    inh = sim.Population(n_inh, cell, label="I_net")
    uniform = sim.RandomDistribution("uniform", low=0.0, high=THETA, rng=rng)
    for population in (exc, inh):
        population.initialize(v=uniform)
    sources = []
    for population, label in ((exc, "expoisson"), (inh, "inpoisson")):
        source = sim.SpikeSourcePoisson(rate=rate)
        sources.append(sim.Population(population.size, source, label=label))
    chooser = sim.NumpyRNG(SEED + 1, parallel_safe=True)
    for population in (exc, inh):
        population.sample(N_RECORDED, rng=chooser).record("spikes")
        population[0:2].record("v")
    return exc, inh, sources


def _connect(sim: Any, exc: Any, inh: Any, sources: list[Any], rng: Any) -> None:
    connector = sim.FixedProbabilityConnector(EPSILON, rng=rng)
    exc_synapse = sim.StaticSynapse(weight=J_EXC, delay=DELAY)
    inh_synapse = sim.StaticSynapse(weight=-G * J_EXC, delay=DELAY)
    one_to_one = sim.OneToOneConnector()
    input_synapse = sim.StaticSynapse(weight=J_EXC, delay=TIMESTEP)
    for post, source in zip((exc, inh), sources, strict=True):
        for pre, rule, synapse, receptor in (
            (exc, connector, exc_synapse, "excitatory"),
            (inh, connector, inh_synapse, "inhibitory"),
            (source, one_to_one, input_synapse, "excitatory"),
        ):
            sim.Projection(pre, post, rule, synapse, receptor_type=receptor)
