"""The network of Vogels and Abbott (2005), as PyNN's ``examples/VAbenchmarks.py`` writes it.

4,000 neurons, 80 % of them excitatory, connected with a probability of 2 %: benchmarks 1 (COBA,
conductances) and 2 (CUBA, currents) of Brette et al. (2007), J. Comput. Neurosci. 23, 349-398.
Parameters, seeds, the order of the random draws and the recording are those of PyNN's example.
"""

from __future__ import annotations

import time
from typing import Any

from ..measures import BUILD, DATA, MEMORY, RUN, TOTAL, spikes

OPTIONS = {"duration": 1000.0, "threads": 1, "spike_precision": "off_grid"}
MEASURES = (
    BUILD,
    RUN,
    DATA,
    TOTAL,
    MEMORY,
    spikes("spikes_exc", "excitatory"),
    spikes("spikes_inh", "inhibitory"),
)

N_EXC, N_INH = 3200, 800
CONNECTION_PROBABILITY = 0.02
DELAY = 0.2  # ms
SEED = 98765

CELL = {
    "tau_m": 20.0,  # ms
    "tau_syn_E": 5.0,  # ms
    "tau_syn_I": 10.0,  # ms
    "v_reset": -60.0,  # mV
    "v_thresh": -50.0,  # mV
    "cm": 0.2,  # nF: 1 uF/cm2 on 20,000 um2
    "tau_refrac": 5.0,  # ms
}
E_EXC, E_INH = 0.0, -80.0  # mV
G_EXC_COBA, G_INH_COBA = 4e-3, 51e-3  # uS
V_MEAN = -60.0  # mV, at which CUBA's weights give the currents of conductances
G_EXC_CUBA, G_INH_CUBA = 0.27e-3, 4.5e-3  # uS
STIMULUS = {"rate": 100.0, "duration": 50.0}  # Hz, ms


def run_network(sim: Any, options: dict[str, Any], coba: bool) -> dict[str, Any]:
    """Build the network, run it and read its data back, each timed."""
    sim.setup(
        timestep=0.1,
        min_delay=DELAY,
        max_delay=1.0,
        threads=options["threads"],
        spike_precision=options["spike_precision"],
    )
    start = time.perf_counter()
    exc, inh = _build(sim, coba)
    exc.record("spikes")
    inh.record("spikes")
    exc[0, 1].record("v")
    built = time.perf_counter()
    sim.run(options["duration"])
    ran = time.perf_counter()
    for population in (exc, inh):
        population.get_data()
    read = time.perf_counter()
    values = {
        "build_time": built - start,
        "run_time": ran - built,
        "data_time": read - ran,
        "total_time": read - start,
        "spikes_exc": exc.mean_spike_count(),
        "spikes_inh": inh.mean_spike_count(),
    }
    sim.end()
    return values


def _build(sim: Any, coba: bool) -> tuple[Any, Any]:
    """Create the two populations, their connections and, with conductances, the stimulus."""
    if coba:
        cell = sim.IF_cond_exp(**CELL, v_rest=-60.0, e_rev_E=E_EXC, e_rev_I=E_INH)
        w_exc, w_inh = G_EXC_COBA, G_INH_COBA
    else:
        cell = sim.IF_curr_exp(**CELL, v_rest=-49.0)
        w_exc = G_EXC_CUBA * (E_EXC - V_MEAN)
        w_inh = G_INH_CUBA * (E_INH - V_MEAN)
    exc = sim.Population(N_EXC, cell, label="Excitatory_Cells")
    inh = sim.Population(N_INH, cell, label="Inhibitory_Cells")
    if coba:
        stimulus = sim.Population(20, sim.SpikeSourcePoisson(**STIMULUS), label="expoisson")

    rng = sim.NumpyRNG(seed=SEED, parallel_safe=True)
    uniform = sim.RandomDistribution("uniform", low=CELL["v_reset"], high=CELL["v_thresh"], rng=rng)
    exc.initialize(v=uniform)
    inh.initialize(v=uniform)

    connector = sim.FixedProbabilityConnector(CONNECTION_PROBABILITY, rng=rng)
    exc_synapse = sim.StaticSynapse(weight=w_exc, delay=DELAY)
    inh_synapse = sim.StaticSynapse(weight=w_inh, delay=DELAY)
    for pre, synapse, receptor in (
        (exc, exc_synapse, "excitatory"),
        (inh, inh_synapse, "inhibitory"),
    ):
        for post in (exc, inh):
            sim.Projection(pre, post, connector, synapse, receptor_type=receptor)
    if coba:
        for post in (exc, inh):
            connector = sim.FixedProbabilityConnector(0.01)
            synapse = sim.StaticSynapse(weight=0.1)
            sim.Projection(stimulus, post, connector, synapse, receptor_type="excitatory")
    return exc, inh
