"""Four kinds of injected current, and what a neuron makes of each.

A constant current, one in steps, a sine and noise, each into a neuron of its own. The currents
are recorded too, and drawn above the membrane potential that they cause.

Usage: python 02_injected_currents.py SIMULATOR        (ship, nest, neuron or brian2)
"""

from pathlib import Path

import matplotlib
import numpy as np
from pyNN.utility import get_simulator, normalized_filename

matplotlib.use("Agg")
import matplotlib.pyplot as plt

sim, options = get_simulator()
DURATION, THRESHOLD = 500.0, -55.0  # ms, mV

sim.setup(timestep=0.1, min_delay=0.1)
np.random.seed(7)  # noqa: NPY002  (where the noise of some simulators comes from)
cells = sim.Population(4, sim.IF_curr_exp(v_thresh=THRESHOLD, v_reset=-65.0, tau_m=15.0))
cells.record(["spikes", "v"])

sources = {
    "constant": sim.DCSource(amplitude=0.75, start=50.0, stop=400.0),
    "steps": sim.StepCurrentSource(
        times=[50.0, 150.0, 250.0, 350.0, 450.0], amplitudes=[0.4, 0.7, -0.4, 1.1, 0.0]
    ),
    "sine": sim.ACSource(amplitude=0.6, offset=0.4, frequency=8.0, start=50.0, stop=425.0),
    "noise": sim.NoisyCurrentSource(mean=0.55, stdev=0.6, dt=2.0, start=50.0, stop=450.0),
}
for cell, source in zip(cells, sources.values(), strict=True):
    source.inject_into([cell])
    source.record()

sim.run(DURATION)
segment = cells.get_data().segments[0]
currents = {name: source.get_data() for name, source in sources.items()}
sim.end()

for name, train in zip(sources, segment.spiketrains, strict=True):
    first = f", the first at {float(train[0]):.2f} ms" if len(train) else ""
    print(f"{name:8s} {len(train):3d} spikes{first}")

plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "font.size": 9})
figure, axes = plt.subplots(
    2, 4, figsize=(11, 4.2), height_ratios=[2, 3], sharex=True, sharey="row", layout="constrained"
)
voltage = segment.filter(name="v")[0]
times = voltage.times.rescale("ms").magnitude
for column, (name, current) in enumerate(currents.items()):
    colour = ["#2a5d9f", "#2f8f6b", "#c8442d", "#7a4fa3"][column]
    above, below = axes[:, column]
    above.set_title(name, loc="left", color=colour)
    above.plot(current.times.rescale("ms"), current.magnitude, color=colour, linewidth=1)
    below.plot(times, voltage.magnitude[:, column], color="0.2", linewidth=0.9)
    spikes = np.asarray(segment.spiketrains[column])
    below.vlines(spikes, THRESHOLD, -35.0, color="0.2", linewidth=0.9)
    below.axhline(THRESHOLD, color="0.5", linewidth=0.7, linestyle=":")
    below.set(xlabel="time (ms)", xlim=(0, DURATION))
axes[0, 0].set_ylabel("current (nA)")
axes[1, 0].set_ylabel("membrane potential (mV)")
path = Path(normalized_filename("Results", "injected_currents", "png", options.simulator))
path.parent.mkdir(parents=True, exist_ok=True)
figure.savefig(path, dpi=150)
print(f"picture: {path}")
