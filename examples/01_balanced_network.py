"""A network of excitatory and inhibitory neurons in balance, firing irregularly.

4,000 integrate-and-fire neurons (80 % excitatory), each with 96 excitatory and 24 inhibitory
inputs from the network and a Poisson input of its own. Inhibition is six times as strong as
excitation, so that each neuron is kept below its threshold on average and fires when its input
happens to fluctuate: the asynchronous irregular state of Brunel (2000), J. Comput. Neurosci. 8,
183-208. Prints rates and irregularity, and draws a raster, the population rate and a voltage.

Usage: python 01_balanced_network.py SIMULATOR        (ship, nest, neuron or brian2)
"""

from pathlib import Path

import matplotlib
import numpy as np
from pyNN.random import NumpyRNG, RandomDistribution
from pyNN.utility import Timer, get_simulator, normalized_filename

matplotlib.use("Agg")
import matplotlib.pyplot as plt

sim, options = get_simulator()

N_EXC, N_INH = 3200, 800
K_EXC, K_INH = 96, 24  # inputs of each neuron from the network
W_EXC = 0.125  # nA, for 1 mV; decays with 2 ms
W_INH = -6 * W_EXC
INPUT_RATE = 1000.0  # Hz, just enough to reach the threshold without the network
DURATION = 1000.0  # ms
EXC_COLOUR, INH_COLOUR = "#c8442d", "#2a5d9f"

# === Build ========================================================================================

timer = Timer()
sim.setup(timestep=0.1, min_delay=0.1, max_delay=2.0)
rng = NumpyRNG(seed=2000)
cell = sim.IF_curr_exp(
    cm=0.25, tau_m=20.0, v_rest=-70.0, v_reset=-60.0, v_thresh=-50.0, tau_refrac=2.0,
    tau_syn_E=2.0, tau_syn_I=2.0,
)  # fmt: skip
exc = sim.Population(N_EXC, cell, label="excitatory")
inh = sim.Population(N_INH, cell, label="inhibitory")
from_exc = sim.FixedNumberPreConnector(K_EXC, with_replacement=True, rng=rng)
from_inh = sim.FixedNumberPreConnector(K_INH, with_replacement=True, rng=rng)
excite = sim.StaticSynapse(weight=W_EXC, delay=1.5)
inhibit = sim.StaticSynapse(weight=W_INH, delay=1.5)
for population in (exc, inh):
    population.initialize(v=RandomDistribution("uniform", low=-70.0, high=-50.0, rng=rng))
    noise = sim.Population(population.size, sim.SpikeSourcePoisson(rate=INPUT_RATE))
    sim.Projection(exc, population, from_exc, excite, receptor_type="excitatory")
    sim.Projection(inh, population, from_inh, inhibit, receptor_type="inhibitory")
    sim.Projection(noise, population, sim.OneToOneConnector(), excite, receptor_type="excitatory")
    population.record("spikes")
exc[:10].record("v")
build_time = timer.diff()

# === Run ==========================================================================================

sim.run(DURATION)
run_time = timer.diff()
segments = {p.label: p.get_data().segments[0] for p in (exc, inh)}
spikes = {label: [np.asarray(train) for train in s.spiketrains] for label, s in segments.items()}
voltage = segments["excitatory"].filter(name="v")[0]
sim.end()

# === Tell =========================================================================================

intervals = [np.diff(train) for trains in spikes.values() for train in trains if len(train) > 5]
rates = {k: 1000.0 / DURATION * np.mean([len(t) for t in v]) for k, v in spikes.items()}
n_synapses = (N_EXC + N_INH) * (K_EXC + K_INH + 1)
print(f"{N_EXC + N_INH:,} neurons, {n_synapses:,} synapses, {DURATION:g} ms on {options.simulator}")
print(f"build {build_time:.2f} s, run {run_time:.2f} s")
print(f"rates: excitatory {rates['excitatory']:.1f} Hz, inhibitory {rates['inhibitory']:.1f} Hz")
print(f"CV of the interspike intervals: {np.mean([i.std() / i.mean() for i in intervals]):.2f}")

# === Draw =========================================================================================

plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "font.size": 9})
figure, (raster, rate, trace) = plt.subplots(
    3, 1, figsize=(8, 6.5), height_ratios=[5, 2, 2], sharex=True, layout="constrained"
)
shown = spikes["excitatory"][:96] + spikes["inhibitory"][:24]
colours = [EXC_COLOUR] * 96 + [INH_COLOUR] * 24
raster.eventplot(shown, colors=colours, linelengths=0.9, linewidths=1.3)
raster.set(ylabel="neuron", ylim=(-1, 120), xlim=(0, DURATION), yticks=[0, 48, 96, 120])
raster.set_title(f"{N_EXC:,} excitatory and {N_INH} inhibitory neurons in balance", loc="left")
for (label, trains), colour in zip(spikes.items(), (EXC_COLOUR, INH_COLOUR), strict=True):
    counts, edges = np.histogram(np.concatenate(trains), np.arange(0.0, DURATION + 1.0, 5.0))
    values = counts / len(trains) / 5e-3
    if label == "excitatory":
        rate.stairs(values, edges, color=colour, alpha=0.35, fill=True, label=label)
    else:
        rate.stairs(values, edges, color=colour, baseline=None, label=label)
rate.set(ylabel="rate (Hz)", ylim=(0, None))
rate.legend(frameon=False, ncols=2, loc="upper right", bbox_to_anchor=(1, 1.2))
busiest = int(np.argmax([len(train) for train in spikes["excitatory"][:10]]))
trace.plot(voltage.times.rescale("ms"), voltage.magnitude[:, busiest], color="0.25", linewidth=0.9)
trace.vlines(spikes["excitatory"][busiest], -50, -30, color="0.25", linewidth=0.9)
trace.axhline(-50.0, color="0.5", linewidth=0.7, linestyle=":")
trace.set(ylabel=f"neuron {busiest} (mV)", xlabel="time (ms)", yticks=[-90, -70, -50])
path = Path(normalized_filename("Results", "balanced_network", "png", options.simulator))
path.parent.mkdir(parents=True, exist_ok=True)
figure.savefig(path, dpi=150)
print(f"picture: {path}")
