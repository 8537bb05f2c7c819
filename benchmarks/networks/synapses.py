"""Synapses with short-term dynamics or failures: what they cost, and what they transmit.

The time is that of 1,000 Poisson sources connected to 100 cells, all to all. What is transmitted is
seen in another network: 200 cells of which each has a source of its own, all sources with the same
40 spikes. The amplitude of each spike, in units of the weight, is what it adds to the conductance.
The truth is a closed recursion from spike to spike: for TsodyksMarkramSynapse that of Tsodyks,
Uziel and Markram (2000), whose resources stay active for as long as the synaptic current decays;
for the stochastic ones it gives the mean, and 200 cells tell it with an error of a few per cent
for a spike, and of half a per cent for the mean of all spikes. NEURON records a conductance when
it has decayed for a step, thus 3 % too low.
"""

from __future__ import annotations

import math
import random
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..measures import BUILD, RUN, Measure

TITLE = "Synapses: 100,000 of 1,000 sources of 20 Hz, {duration:g} ms in steps of 0.1"
OPTIONS = {"duration": 1000.0}
MEASURES = (
    BUILD,
    RUN,
    Measure("mean", "mean amplitude", compared=False),
    Measure("true_mean", "true mean amplitude", compared=False),
    Measure("largest_error", "largest error of an amplitude, mean of all cells", compared=False),
)
SHORT_TERM = {"U": 0.3, "tau_rec": 100.0, "tau_facil": 50.0}  # 1, ms, ms
SYNAPSES: dict[str, dict[str, Any]] = {
    "StaticSynapse": {},
    "TsodyksMarkramSynapse": SHORT_TERM,
    "SimpleStochasticSynapse": {"p": 0.3},
    "StochasticTsodyksMarkramSynapse": SHORT_TERM,
    "MultiQuantalSynapse": {**SHORT_TERM, "n": 1},
}
VARIANTS = tuple(SYNAPSES)
SOURCES, CELLS = 1000, 100
RATE = 20.0  # Hz
WEIGHT = 1e-4  # uS
SEEN, SPIKES = 200, 40
TIMESTEP, DELAY = 0.1, 1.0  # ms
TAU_SYN = 3.0  # ms
DURATION = 600.0  # ms, of what is seen
SEED = 60_000


def run(sim: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Time the synapse type `options["variant"]` and compare what it transmits."""
    name = options.get("variant", VARIANTS[0])
    synapse_type = getattr(sim, name, None)
    if synapse_type is None:
        return {"skipped": f"{sim.__name__} has no {name}"}
    values = _time_run(sim, synapse_type, SYNAPSES[name], options["duration"])
    found, true = amplitudes(sim, synapse_type, SYNAPSES[name]), true_amplitudes(name)
    return values | {
        "mean": found.mean(),
        "true_mean": true.mean(),
        "largest_error": float(np.abs(found - true).max()),
    }


def _time_run(
    sim: Any, synapse_type: Any, parameters: dict[str, Any], duration: float
) -> dict[str, float]:
    """Return the times of building and running the network of 100,000 synapses."""
    sim.setup(timestep=TIMESTEP, min_delay=DELAY, max_delay=DELAY)
    start = time.perf_counter()
    sources = sim.Population(SOURCES, sim.SpikeSourcePoisson(rate=RATE))
    cells = sim.Population(CELLS, sim.IF_cond_exp())
    synapse = synapse_type(weight=WEIGHT, delay=DELAY, **parameters)
    sim.Projection(sources, cells, sim.AllToAllConnector(), synapse, receptor_type="excitatory")
    built = time.perf_counter()
    sim.run(duration)
    ran = time.perf_counter()
    sim.end()
    return {"build_time": built - start, "run_time": ran - built}


def amplitudes(sim: Any, synapse_type: Any, parameters: dict[str, Any]) -> NDArray[np.float64]:
    """Return what each spike adds to the conductance, the mean of all cells."""
    sim.setup(timestep=TIMESTEP, min_delay=DELAY, max_delay=DELAY)
    times = spike_times()
    sources = sim.Population(SEEN, sim.SpikeSourceArray(spike_times=times))
    cells = sim.Population(SEEN, sim.IF_cond_exp(tau_syn_E=TAU_SYN))
    synapse = synapse_type(weight=WEIGHT, delay=DELAY, **parameters)
    sim.Projection(sources, cells, sim.OneToOneConnector(), synapse, receptor_type="excitatory")
    cells.record("gsyn_exc")
    sim.run(DURATION)
    conductance = cells.get_data().segments[0].analogsignals[0].magnitude.mean(axis=1) / WEIGHT
    sim.end()
    added = conductance[1:] - conductance[:-1] * math.exp(-TIMESTEP / TAU_SYN)
    arrivals = [round((t + DELAY) / TIMESTEP) for t in times]
    # Simulators record a conductance before or after the input of the same moment.
    return np.array([added[k - 2 : k + 2].sum() for k in arrivals])


def true_amplitudes(name: str) -> NDArray[np.float64]:
    """Return the true amplitude of each spike, or its mean."""
    parameters = SYNAPSES[name]
    if "U" not in parameters:
        return np.full(SPIKES, parameters.get("p", 1.0))
    stays_active = name == "TsodyksMarkramSynapse"
    u, x, y = 0.0, 1.0, 0.0
    before, result = -math.inf, []
    for t in spike_times():
        since, before = t - before, t
        decayed = math.exp(-since / parameters["tau_rec"])
        inactive = (1.0 - x - y) * decayed
        if stays_active:
            kept = math.exp(-since / TAU_SYN)
            part = parameters["tau_rec"] / (TAU_SYN - parameters["tau_rec"])
            inactive += y * part * (kept - decayed)
            y *= kept
        x = 1.0 - y - inactive
        u *= math.exp(-since / parameters["tau_facil"])
        u += parameters["U"] * (1.0 - u)
        result.append(u * x)
        x -= u * x
        y += result[-1] if stays_active else 0.0
    return np.array(result)


def spike_times() -> list[float]:
    """Return the spike times (ms) of the sources that are seen, all far enough from each other."""
    steps = random.Random(SEED).sample(range(2, int(DURATION / TIMESTEP) // 5 - 10), SPIKES)
    return [round(5 * step * TIMESTEP, 9) for step in sorted(steps)]
