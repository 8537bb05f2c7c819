"""Ten neurons that differ in one number, simulated side by side: figure 8 of the SHIP paper.

Three inputs reach a leaky integrate-and-fire neuron through leaky synapses. One run simulates the
network ten times, with a membrane time constant from 10 to 100 ms. Neurons that forget slowly add
up spikes that are far apart, and fire; the one with 10 ms never does.

Gemo, Spiga & Brivio (2024), Front. Neurosci. 17:1270090, section 4.1. Input, weights and initial
potential are drawn as in the authors' script, so that the figure is theirs to the spike.

Usage: python Gemo_2024_figure_8.py [EXECUTOR]        (numba or torch; numba if left out)
"""

import argparse
from pathlib import Path

import matplotlib
import torch

from ship_engine import LIF, Input, LeakySynapse, Network, refractory

matplotlib.use("Agg")
import matplotlib.pyplot as plt

arguments = argparse.ArgumentParser(description="Figure 8 of the SHIP paper.")
arguments.add_argument("executor", nargs="?", choices=["numba", "torch"], default="numba")
EXECUTOR = arguments.parse_args().executor
DT, STEPS = 0.1, 1000  # ms, so 100 ms in all
RATE = 0.02  # spikes per ms of each input
TIME_CONSTANTS = torch.arange(10.0, 101.0, 10.0)  # ms
INPUTS = 3

torch.manual_seed(3000)
spikes = (torch.rand(STEPS, INPUTS) < RATE * DT).float()
weights = torch.rand(INPUTS, 1)
start = torch.randn(1).abs()

net = Network(executor=EXECUTOR)
net.add(Input, "I", N=INPUTS)
net.add(
    refractory(LIF),
    "N",
    N=1,
    tau_beta=TIME_CONSTANTS.unsqueeze(-1),  # [batch, component]
    thr=1.0,
    refr_time=10.0,
    u=start,  # where the potential starts
)
net.add(LeakySynapse, "S", source="I", target="N", w=weights, w_scale=0.15, tau_alpha=5.0)
net.set_monitor("N", "u", "output")
net.set_monitor("S", "I", "output")
net.init(dt=DT, nts=STEPS, batch_size=len(TIME_CONSTANTS))
net.run(spikes.unsqueeze(0))  # the same input for all

results = net.get_monitored_results()
potential = results.N.u[..., 0]  # [batch, time]
fired = results.N.output[..., 0].bool()
currents = results.S.I[0, :, :, 0]  # [time, input]

# === Tell =========================================================================================

for tau, row in zip(TIME_CONSTANTS.tolist(), fired, strict=True):
    times = ", ".join(f"{DT * step:.1f}" for step in row.nonzero().squeeze(-1).tolist())
    print(f"tau = {tau:3.0f} ms: {f'spikes at {times} ms' if times else 'no spike'}")

# === Draw =========================================================================================

COLOURS = ["#d1495b", "#e09f3e", "#2e86ab"]
DARK, SHOWN = "0.2", (0, 4, 9)
time = DT * torch.arange(STEPS)
plt.rcParams.update(
    {
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
)
figure = plt.figure(figsize=(9, 7.4), layout="constrained")
top, middle, bottom = figure.subfigures(3, 1, height_ratios=[1.25, 1, 0.95])

sketch, current = top.subplots(1, 2, width_ratios=[1, 2.6])
for k, colour in enumerate(COLOURS):
    y = 1.0 - k
    sketch.annotate(
        "",
        (1.7, 0.16 * y),
        (0.28, y),
        arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 0.8 + 3 * float(weights[k])},
    )
    sketch.plot(0, y, "o", markersize=22, color=colour)
    sketch.text(0, y, f"$I_{k + 1}$", ha="center", va="center", color="white")
sketch.plot(2.05, 0, "o", markersize=34, color=DARK)
sketch.text(2.05, 0, "LIF", ha="center", va="center", color="white", fontsize=10)
sketch.text(1.0, -1.45, "width: weight", ha="center", va="center", color="0.45", fontsize=8)
sketch.set(xlim=(-0.4, 2.6), ylim=(-1.6, 1.45), title="A   the network")
sketch.axis("off")

total = currents.sum(dim=1)
current.fill_between(time, total / total.max(), color="0.88", linewidth=0, label="sum")
for k, colour in enumerate(COLOURS):
    current.plot(time, currents[:, k] / total.max(), color=colour, label=f"from $I_{k + 1}$")
    current.plot(
        time[spikes[:, k] > 0],
        [1.12 + 0.07 * (2 - k)] * int(spikes[:, k].sum()),
        "|",
        color=colour,
        markersize=5,
        markeredgewidth=1.5,
    )
current.set(
    title="B   spikes of the inputs, and the currents that they cause",
    xlabel="time (ms)",
    ylabel="current (of the largest sum)",
    xlim=(0, DT * STEPS),
    ylim=(0, 1.32),
    yticks=[0, 0.5, 1],
)
current.legend(frameon=False, loc="upper left", bbox_to_anchor=(0, 0.88), labelspacing=0.3)

shades = matplotlib.colormaps["viridis"](torch.linspace(0.0, 0.7, len(TIME_CONSTANTS)))
for ax, letter, row in zip(middle.subplots(1, 3, sharey=True), "CDE", SHOWN, strict=True):
    ax.axhline(1.0, color="0.6", linewidth=0.8, linestyle=(0, (4, 3)))
    ax.plot(time, potential[row], color=shades[row])
    ax.plot(time[fired[row]], [1.07] * int(fired[row].sum()), "v", color=shades[row], markersize=5)
    ax.set(
        title=rf"{letter}   $\tau_\beta$ = {TIME_CONSTANTS[row]:.0f} ms",
        xlabel="time (ms)",
        xlim=(0, DT * STEPS),
        ylim=(0, 1.15),
        yticks=[0, 0.5, 1],
    )
    if letter == "C":
        ax.set_ylabel("potential")
        ax.text(DT * STEPS, 1.02, "threshold", ha="right", va="bottom", color="0.5", fontsize=8)

every = bottom.subplots()
image = every.imshow(
    potential,
    aspect="auto",
    origin="lower",
    extent=(0, DT * STEPS, 5, 105),
    cmap="Greys",
    vmin=0,
    vmax=1,
    interpolation="nearest",
)
batch, step = fired.nonzero(as_tuple=True)
every.plot(DT * step, TIME_CONSTANTS[batch], "v", color="#d1495b", markersize=5)
every.set(
    title="F   all ten, of one run: potentials (grey) and spikes (red)",
    xlabel="time (ms)",
    ylabel=r"$\tau_\beta$ (ms)",
    yticks=[10, 50, 100],
)
bottom.colorbar(image, ax=every, label="potential", ticks=[0, 0.5, 1], pad=0.01)
path = Path("Results", "Gemo_2024_figure_8.png")
path.parent.mkdir(parents=True, exist_ok=True)
figure.savefig(path, dpi=150)
print(f"picture: {path}")
