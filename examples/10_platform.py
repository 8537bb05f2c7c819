"""A network of groups, simulated 64 times in one run, without PyNN.

Excitatory neurons, driven at random, excite inhibitory ones, which inhibit them after a delay.
Where the inhibition is strong enough, both fire in turns: a rhythm that is the slower, the longer
the delay. Eight strengths and eight delays, each with each, are simulated side by side.

Usage: python 10_platform.py [EXECUTOR]        (numba or torch; numba if left out)
"""

import argparse
from pathlib import Path

import matplotlib
import torch

from ship_engine import LeakySynapse, LIFSharedRest, Network, Poisson, delayed, refractory

matplotlib.use("Agg")
import matplotlib.pyplot as plt

arguments = argparse.ArgumentParser(description="A network simulated 64 times in one run.")
arguments.add_argument("executor", nargs="?", choices=["numba", "torch"], default="numba")
EXECUTOR = arguments.parse_args().executor
DT, DURATION, BEGINNING = 0.5, 1200.0, 200.0  # ms; the beginning is left out of what is measured
STRENGTHS = torch.linspace(0.01, 0.08, 8)  # of inhibition, in units of the threshold per ms
DELAYS = torch.arange(1.0, 9.0)  # ms
SHOWN = ((0, 1), (3, 1), (5, 6))  # numbers of a strength and a delay


def sparse(batch, sources, targets):
    """A weight of 1 for one pair in five."""
    return (torch.rand(sources, targets) < 0.2).float()


strength, delay = (
    grid.reshape(-1, 1, 1) for grid in torch.meshgrid(STRENGTHS, DELAYS, indexing="ij")
)

net = Network(executor=EXECUTOR, seed=4)
net.add(Poisson, "P", N=400, rate=50.0)
net.add(refractory(LIFSharedRest), "E", N=200, tau_beta=20.0, is_output=True)
net.add(refractory(LIFSharedRest), "I", N=50)
net.add(LeakySynapse, "PE", source="P", target="E", w=sparse, w_scale=0.02, tau_alpha=2.0)
net.add(LeakySynapse, "EI", source="E", target="I", w=sparse, w_scale=0.06, tau_alpha=2.0)
net.add(
    delayed(LeakySynapse),
    "IE",
    source="I",
    target="E",
    w=sparse,
    w_scale=-strength,  # [batch, 1, 1]: another one in each of the 64 simulations
    delay_time=delay,
)
for id in ("E", "I"):
    net.set_monitor(id, "output")
net.init(dt=DT, time=DURATION, batch_size=strength.numel())
net.run()

results = net.get_monitored_results()
fired = results.E.output[:, int(BEGINNING / DT) :]  # [batch, time, component]
rates = 1000.0 / DT * fired.mean(dim=(1, 2)).reshape(8, 8)
together = fired.sum(dim=2).reshape(64, 5, -1)  # in pieces of 200 ms, whose spectra are averaged
power = (torch.fft.rfft(together - together.mean(dim=2, keepdim=True)).abs() ** 2).mean(dim=1)
frequencies = torch.fft.rfftfreq(together.shape[2], d=DT / 1000.0)
strongest = frequencies[power.argmax(dim=1)].reshape(8, 8)

# === Tell =========================================================================================

for k, j in SHOWN:
    print(
        f"strength {STRENGTHS[k]:.2f}, delay {DELAYS[j]:.0f} ms: {rates[k, j]:.0f} spikes/s of each"
        f" neuron, most power at {strongest[k, j]:.0f} Hz"
    )

# === Draw =========================================================================================

DARK, RED = "#1f3a5f", "#d1495b"
plt.rcParams.update(
    {
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
)
figure = plt.figure(figsize=(10, 5.8), layout="constrained")
top, bottom = figure.subfigures(2, 1, height_ratios=[1, 1.6])
top.suptitle(
    "A   the groups, in the order in which a step advances them", x=0.01, ha="left", size=10
)
net.draw(top.add_axes((0.0, 0.0, 1.0, 0.9)))  # in a place of its own, which no layout changes

map_side, raster_side = bottom.subfigures(1, 2, width_ratios=[1, 1.75])
chart, rasters = map_side.subplots(), raster_side.subplots(1, 3)
image = chart.imshow(
    strongest, origin="lower", aspect="auto", extent=(0.5, 8.5, 0.005, 0.085), cmap="viridis_r"
)
for letter, (k, j) in zip("CDE", SHOWN, strict=True):
    shade = "white" if strongest[k, j] > 60 else "black"
    chart.text(DELAYS[j], STRENGTHS[k], letter, color=shade, ha="center", va="center")
chart.set(
    title="B   64 simulations, one run",
    xlabel="delay of the inhibition (ms)",
    ylabel="its strength",
)
map_side.colorbar(image, ax=chart, label="frequency of most power (Hz)")

for axes, letter, (k, j) in zip(rasters, "CDE", SHOWN, strict=True):
    for name, first, colour in (("E", 0, DARK), ("I", 200, RED)):
        step, neuron = results[name].output[8 * k + j].nonzero(as_tuple=True)
        axes.plot(DT * step, first + neuron, ".", markersize=0.8, color=colour)
    axes.set(
        title=f"{letter}   {STRENGTHS[k]:.2f}, {DELAYS[j]:.0f} ms",
        xlabel="time (ms)",
        xlim=(BEGINNING, BEGINNING + 200.0),
        xticks=[BEGINNING + 50.0, BEGINNING + 150.0],
        ylim=(0, 250),
        yticks=[100, 225],
        yticklabels=["E", "I"] if letter == "C" else [],
    )
    axes.tick_params(axis="y", length=0)
path = Path("Results", "10_platform.png")
path.parent.mkdir(parents=True, exist_ok=True)
figure.savefig(path, dpi=150)
print(f"picture: {path}")
