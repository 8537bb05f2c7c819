"""Changing a network while it runs: callbacks, parameters, weights, and several runs in a row.

A population of Poisson sources drives a population of neurons. A callback, which PyNN calls at
the times that it asks for, raises the rate of the sources every 200 ms; another one says where
the simulation is. After that the neurons get a shorter time constant, and then stronger synapses.

Usage: python 05_callbacks_and_parameters.py SIMULATOR        (ship, nest, neuron or brian2)
"""

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from pyNN.random import NumpyRNG
from pyNN.utility import get_simulator, normalized_filename

matplotlib.use("Agg")
import matplotlib.pyplot as plt

sim, options = get_simulator()

sim.setup(timestep=0.1, min_delay=0.5)
sources = sim.Population(300, sim.SpikeSourcePoisson(rate=20.0), label="sources")
neurons = sim.Population(300, sim.IF_curr_exp(tau_m=20.0, tau_syn_E=5.0), label="neurons")
connector = sim.FixedProbabilityConnector(0.1, rng=NumpyRNG(seed=5))
synapse = sim.StaticSynapse(weight=0.15, delay=0.5)
projection = sim.Projection(sources, neurons, connector, synapse, receptor_type="excitatory")
sources.record("spikes")
neurons.record("spikes")


class RaiseRate:
    """A callback: is given the time, and returns the time when it wants to be called again."""

    def __init__(self, population: Any, interval: float, by: float) -> None:
        self.population, self.interval, self.by = population, interval, by
        self.rate = 20.0

    def __call__(self, t: float) -> float:
        if 0.0 < t < 700.0:
            self.rate += self.by
            self.population.set(rate=self.rate)
        return t + self.interval


def tell(t: float) -> float:
    print(f"t = {t:6.1f} ms, {neurons.mean_spike_count():5.2f} spikes per neuron so far")
    return t + 100.0


sim.run_until(800.0, callbacks=[RaiseRate(sources, 200.0, by=10.0), tell])
changes = [(200.0, "30 Hz"), (400.0, "40 Hz"), (600.0, "50 Hz")]

neurons.set(tau_m=10.0)
changes.append((800.0, "tau_m 10 ms"))
sim.run(200.0)

projection.set(weight=0.25)
changes.append((1000.0, "weight 0.25 nA"))
sim.run(200.0, callbacks=[tell])

data = {p.label: p.get_data().segments[0].spiketrains for p in (sources, neurons)}
weights = projection.get("weight", format="list", with_address=False)
print(f"time {sim.get_current_time():.1f} ms, weights now {np.mean(weights):.2f} nA")
sim.end()

edges = np.arange(0.0, 1200.1, 20.0)
plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "font.size": 9})
figure, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
for (label, trains), colour in zip(data.items(), ("#2a5d9f", "#c8442d"), strict=True):
    counts, _ = np.histogram(np.concatenate([np.asarray(train) for train in trains]), edges)
    ax.stairs(counts / len(trains) / 20e-3, edges, color=colour, label=label, baseline=None)
for time, what in changes:
    ax.axvline(time, color="0.7", linewidth=0.8)
    ax.text(time + 5, 1.0, what, transform=ax.get_xaxis_transform(), va="top", color="0.4")
ax.set(xlabel="time (ms)", ylabel="rate (Hz)", xlim=(0, 1200), ylim=(0, None))
ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(0, 0.92))
path = Path(normalized_filename("Results", "callbacks", "png", options.simulator))
path.parent.mkdir(parents=True, exist_ok=True)
figure.savefig(path, dpi=150)
print(f"picture: {path}")
