"""What the connectors connect: eight rules between the same two populations.

Prints the number of synapses and the in- and out-degrees that each rule gives, and draws the
weight matrices. The neurons stand in a line, so that distance is the difference of indices.

Usage: python 03_connectors.py SIMULATOR        (ship, nest, neuron or brian2)
"""

from pathlib import Path

import matplotlib
import numpy as np
from pyNN.random import NumpyRNG, RandomDistribution
from pyNN.space import Line
from pyNN.utility import get_simulator, normalized_filename

matplotlib.use("Agg")
import matplotlib.pyplot as plt

sim, options = get_simulator()
SIZE = 60

sim.setup(timestep=0.1, min_delay=0.1, max_delay=2.0)
pre = sim.Population(SIZE, sim.IF_curr_exp(), structure=Line(), label="pre")
post = sim.Population(SIZE, sim.IF_curr_exp(), structure=Line(), label="post")


def rng() -> NumpyRNG:
    return NumpyRNG(seed=60)


# A weight may be a number, a random distribution, or an expression of the distance d.
fixed = sim.StaticSynapse(weight=0.5, delay=0.5)
uniform = RandomDistribution("uniform", low=0.1, high=1.0, rng=rng())
drawn = sim.StaticSynapse(weight=uniform, delay=0.5)
fading = sim.StaticSynapse(weight="1 / (1 + d/5)", delay="0.2 + 0.02*d")
ring = [(i, (i + step) % SIZE, 1.0 / step, 0.5) for i in range(SIZE) for step in (1, 5, 10)]
rules = {
    "all to all": (sim.AllToAllConnector(), fading),
    "one to one": (sim.OneToOneConnector(), fixed),
    "fixed probability": (sim.FixedProbabilityConnector(0.1, rng=rng()), drawn),
    "fixed number of inputs": (sim.FixedNumberPreConnector(6, rng=rng()), drawn),
    "fixed number of outputs": (sim.FixedNumberPostConnector(6, rng=rng()), drawn),
    "fixed total number": (sim.FixedTotalNumberConnector(360, rng=rng()), drawn),
    "distance dependent": (
        sim.DistanceDependentProbabilityConnector("exp(-d/5)", rng=rng()),
        fading,
    ),
    "from a list": (sim.FromListConnector(ring), fixed),
}
matrices = {}
print(f"{'':24s} {'':8s}  of each neuron, mean, least and most")
print(f"{'':24s} synapses  {'inputs':12s}outputs")
for name, (connector, synapse) in rules.items():
    projection = sim.Projection(pre, post, connector, synapse, receptor_type="excitatory")
    pairs = np.array(projection.get("weight", format="list", with_address=True))
    source, target = pairs[:, 0].astype(int), pairs[:, 1].astype(int)
    degrees = [np.bincount(ends, minlength=SIZE) for ends in (target, source)]
    text = "  ".join(f"{d.mean():4.1f} {d.min():2d} {d.max():2d}" for d in degrees)
    print(f"{name:24s} {len(pairs):8d}  {text}")
    matrices[name] = projection.get("weight", format="array")
sim.end()

figure, axes = plt.subplots(2, 4, figsize=(10, 5.4), sharex=True, sharey=True, layout="constrained")
for ax, (name, matrix) in zip(axes.flat, matrices.items(), strict=True):
    image = ax.imshow(matrix, cmap="viridis_r", vmin=0, vmax=1, interpolation="nearest")
    ax.set_title(name, loc="left", fontsize=9)
    ax.set(xticks=[0, 30, 59], yticks=[0, 30, 59])
for ax in axes[1]:
    ax.set_xlabel("postsynaptic")
for ax in axes[:, 0]:
    ax.set_ylabel("presynaptic")
figure.colorbar(image, ax=axes, label="weight (nA); several synapses add up", shrink=0.7)
path = Path(normalized_filename("Results", "connectors", "png", options.simulator))
path.parent.mkdir(parents=True, exist_ok=True)
figure.savefig(path, dpi=150)
print(f"picture: {path}")
