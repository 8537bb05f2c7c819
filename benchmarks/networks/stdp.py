"""Plasticity at work: 1,000 Poisson sources, 100 cells, a plastic synapse between each two.

The rule is the additive one of Song, Miller and Abbott (2000), Nat. Neurosci. 3, 919-926, for
pairs of spikes. In 5 s the weights, equal or nearly so at first, spread from zero to their maximum.
What is compared is the time, and the mean and spread of the final weights.

In the variant ``same input`` the sources are `SpikeSourceArray` with times drawn once by NumPy, on
the grid of time steps; every simulator gets the same. NEST and NEURON bring a weight up to date
only when a presynaptic spike comes; therefore the input ends with silence, until the cells are
silent, too, and one spike of each source. In the variant ``Poisson`` their weights lack what the
cells' spikes have done to them since then, a few per cent. All of a delay is dendritic, the only
way that pyNN.nest allows.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..measures import BUILD, MEMORY, RUN, Measure

TITLE = "STDP: 1,000 sources of 20 Hz, 100 cells, 100,000 additive synapses, {duration:g} ms"
OPTIONS = {"duration": 5000.0}
VARIANTS = ("Poisson", "same input")
MEASURES = (
    BUILD,
    RUN,
    Measure("data_time", "read the weights (s)"),
    MEMORY,
    Measure("mean_weight", "mean final weight (nS)", 1e3, compared=False),
    Measure("std_weight", "standard deviation of the weights (nS)", 1e3, compared=False),
    Measure("low", "weights in the lowest fifth (%)", 100.0, compared=False),
    Measure("high", "weights in the highest fifth (%)", 100.0, compared=False),
    Measure("rate", "rate of the cells (Hz)", compared=False),
)

SOURCES, CELLS = 1000, 100
RATE = 20.0  # Hz
TIMESTEP = 0.1  # ms
DELAY = 1.0  # ms
MAXIMUM = 0.4e-3  # uS
INITIAL = (0.15e-3, 0.25e-3)  # uS, limits of a uniform distribution
TIMING = {"tau_plus": 20.0, "tau_minus": 20.0, "A_plus": 0.02, "A_minus": 0.021}  # ms, 1
SILENCE = 50.0  # ms at the end of the given input, but for one spike of each source
SEED = 40_000


def run(sim: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Build and run the network on `sim` and return the measurements."""
    sim.setup(timestep=TIMESTEP, min_delay=DELAY, max_delay=DELAY)
    start = time.perf_counter()
    sources = sim.Population(SOURCES, _source(sim, options))
    cells = sim.Population(CELLS, sim.IF_cond_exp())
    cells.record("spikes")
    synapse = sim.STDPMechanism(
        timing_dependence=sim.SpikePairRule(**TIMING),
        weight_dependence=sim.AdditiveWeightDependence(w_min=0.0, w_max=MAXIMUM),
        weight=sim.RandomDistribution("uniform", INITIAL, rng=sim.NumpyRNG(SEED)),
        delay=DELAY,
        dendritic_delay_fraction=1.0,
    )
    projection = sim.Projection(
        sources, cells, sim.AllToAllConnector(), synapse, receptor_type="excitatory"
    )
    built = time.perf_counter()
    sim.run(options["duration"])
    ran = time.perf_counter()
    weights = np.array(projection.get("weight", format="array"))
    read = time.perf_counter()
    values = {
        "build_time": built - start,
        "run_time": ran - built,
        "data_time": read - ran,
        "mean_weight": weights.mean(),
        "std_weight": weights.std(),
        "low": np.mean(weights < 0.2 * MAXIMUM),
        "high": np.mean(weights > 0.8 * MAXIMUM),
        "rate": 1e3 * cells.mean_spike_count() / options["duration"],
    }
    sim.end()
    return values


def _source(sim: Any, options: dict[str, Any]) -> Any:
    if options.get("variant", VARIANTS[0]) == "Poisson":
        return sim.SpikeSourcePoisson(rate=RATE)
    from pyNN.parameters import Sequence

    times = [Sequence(train) for train in spike_times(options["duration"])]
    return sim.SpikeSourceArray(spike_times=times)


def spike_times(duration: float) -> list[NDArray[np.float64]]:
    """Return the spike times (ms) of each source, on the grid and none of them twice."""
    rng = np.random.default_rng(SEED)
    first, end = round(DELAY / TIMESTEP) + 1, round(duration / TIMESTEP)  # none before in pyNN.nest
    silence, last = end - round(SILENCE / TIMESTEP), end - 2 * first
    trains = []
    for _ in range(SOURCES):
        count = rng.poisson(1e-3 * RATE * duration)
        steps = np.unique([*rng.integers(first, silence, count), last])
        trains.append(np.round(steps * TIMESTEP, 9))
    return trains
