"""A sheet of neurons: positions, distance-dependent connections, a wave that runs around a torus.

Excitatory and inhibitory neurons stand on grids over the same square millimetre, whose edges are
joined (periodic boundaries). The probability of a connection, its weight and its delay depend on
the distance. A brief current into a spot starts a wave; the picture shows who fired when.

Usage: python 07_spatial_network.py SIMULATOR        (ship, nest or neuron)
"""

from pathlib import Path

import matplotlib
import numpy as np
from pyNN.random import NumpyRNG
from pyNN.space import Grid2D, Space
from pyNN.utility import get_simulator, normalized_filename

matplotlib.use("Agg")
import matplotlib.pyplot as plt

sim, options = get_simulator()
SIDE, SPACING = 50, 20.0  # excitatory neurons along an edge, um between them
EXTENT = SIDE * SPACING
START, DURATION = 5.0, 45.0  # ms


def shortest(between: np.ndarray) -> np.ndarray:
    """Return the distance that a difference of positions has on the torus."""
    return np.hypot(*np.minimum(np.abs(between), EXTENT - np.abs(between)))


sim.setup(timestep=0.1, min_delay=0.1, max_delay=5.0)
cell = sim.IF_curr_exp(
    cm=0.2, tau_m=10.0, v_rest=-65.0, v_reset=-75.0, v_thresh=-50.0, tau_refrac=5.0,
    tau_syn_E=2.0, tau_syn_I=10.0,
)  # fmt: skip
exc = sim.Population(SIDE**2, cell, structure=Grid2D(dx=SPACING, dy=SPACING), label="exc")
coarse = Grid2D(dx=2 * SPACING, dy=2 * SPACING, x0=SPACING / 2, y0=SPACING / 2)
inh = sim.Population((SIDE // 2) ** 2, cell, structure=coarse, label="inh")
for population in (exc, inh):
    population.initialize(v=-65.0)
    population.record("spikes")

torus = Space(axes="xy", periodic_boundaries=((0.0, EXTENT), (0.0, EXTENT), None))
rng = NumpyRNG(seed=7)
near = sim.DistanceDependentProbabilityConnector("0.4 * exp(-(d/100)**2)", rng=rng)
wide = sim.DistanceDependentProbabilityConnector("0.4 * exp(-(d/120)**2)", rng=rng)
excite = sim.StaticSynapse(weight="1.2 / (1 + d/100)", delay="0.5 + d/100")
inhibit = sim.StaticSynapse(weight="-0.8 / (1 + d/100)", delay="0.5 + d/100")
projections = [
    sim.Projection(pre, post, connector, synapse, space=torus, receptor_type=receptor)
    for pre, connector, synapse, receptor in (
        (exc, near, excite, "excitatory"),
        (inh, wide, inhibit, "inhibitory"),
    )
    for post in (exc, inh)
]
centre = np.array([[0.3 * EXTENT], [0.5 * EXTENT]])
distance = shortest(exc.positions[:2] - centre)
kick = sim.DCSource(amplitude=2.0, start=START, stop=START + 5.0)
kick.inject_into(exc[np.flatnonzero(distance < 60.0)])

sim.run(DURATION)
trains = [np.asarray(train) for train in exc.get_data().segments[0].spiketrains]
synapses = np.array(projections[0].get(["weight", "delay"], format="list"))
sim.end()

# === Tell and draw ================================================================================

fired = np.array([train[0] if len(train) else np.nan for train in trains])
far = (distance > 100.0) & (distance < 400.0) & np.isfinite(fired)
slope, _ = np.polyfit(distance[far], fired[far], 1)
print(f"{len(synapses):,} synapses among {exc.size:,} excitatory neurons")
print(f"{np.isfinite(fired).mean():.0%} of them fired; the wave runs at {1 / slope:.0f} um/ms")

plt.rcParams.update({"font.size": 9, "axes.titlelocation": "left", "axes.titlesize": 10})
figure = plt.figure(figsize=(10, 5.8), layout="constrained")
frames, below = figure.subfigures(2, 1, height_ratios=[1, 1.25])
x, y = exc.positions[:2]
square = {"xlim": (0, EXTENT), "ylim": (0, EXTENT), "aspect": "equal", "xticks": [], "yticks": []}
for ax, time in zip(frames.subplots(1, 5), (8, 14, 20, 26, 32), strict=True):
    ago = np.array([np.min(time - t[t <= time], initial=99.0) for t in trains])
    recent = np.flatnonzero(ago < 4.0)[np.argsort(-ago[ago < 4.0])]
    shade = {"c": ago[recent], "cmap": "inferno", "vmin": -0.5, "vmax": 5}
    ax.scatter(x[recent], y[recent], s=9, linewidths=0, **shade)
    ax.set(title=f"{time} ms", **square)
where, when, how = below.subplots(1, 3)
sheet = fired[np.lexsort((x, y))].reshape(SIDE, SIDE)
image = where.imshow(sheet, origin="lower", extent=(0, EXTENT, 0, EXTENT), cmap="viridis")
where.set(title="time of the first spike", **square)
below.colorbar(image, ax=where, label="ms", shrink=0.8)
when.plot(distance, fired, ".", color="#2a5d9f", markersize=2, alpha=0.5)
when.set(title="the same, by distance from the spot", xlabel="distance (um)", ylabel="ms")
source, target = synapses[::20, :2].astype(int).T
apart = shortest(exc.positions[:2, source] - exc.positions[:2, target])
how.plot(apart, synapses[::20, 2], ".", color="#c8442d", markersize=3, label="weight (nA)")
how.plot(apart, synapses[::20, 3], ".", color="0.4", markersize=3, label="delay (ms)")
how.set(title="synapses, by distance", xlabel="distance (um)", ylim=(0, None))
how.legend(frameon=False)
for ax in (when, how):
    ax.spines[["top", "right"]].set_visible(False)
path = Path(normalized_filename("Results", "spatial_network", "png", options.simulator))
path.parent.mkdir(parents=True, exist_ok=True)
figure.savefig(path, dpi=150)
print(f"picture: {path}")
