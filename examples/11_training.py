"""A network of spiking neurons learns to tell patterns of spikes from each other, without PyNN.

Each sample is one of three patterns of spikes, of which some are lost and to which others are
added. Hidden neurons and a read-out learn by the gradient of the error, with a surrogate in place
of the derivative of a spike (Neftci, Mostafa & Zenke 2019, IEEE Signal Process. Mag. 36:51).

Usage: python 11_training.py
"""

import argparse
from pathlib import Path

import matplotlib
import torch

from ship_engine import LI, LIF, Input, LeakySynapse, Network
from ship_engine.training.surrogates import SuperSpike

matplotlib.use("Agg")
import matplotlib.pyplot as plt

argparse.ArgumentParser(description="Spiking neurons learn to tell patterns.").parse_args()
PATTERNS, INPUTS, HIDDEN, STEPS = 3, 30, 20, 50  # steps of 1 ms
UPDATES, SAMPLES = 60, 32

torch.manual_seed(1)
patterns = torch.rand(PATTERNS, STEPS, INPUTS) < 0.03  # [pattern, time, component]


def samples(number):
    """Noisy spikes [batch, time, component] of patterns of these numbers."""
    shape = len(number), STEPS, INPUTS
    return (patterns[number] & (torch.rand(shape) < 0.7) | (torch.rand(shape) < 0.02)).float()


hidden = (0.05 * torch.rand(INPUTS, HIDDEN)).requires_grad_()
output = (0.02 * torch.randn(HIDDEN, PATTERNS)).requires_grad_()

net = Network(executor="torch", surrogate=SuperSpike(slope=10.0))
net.add(Input, "I", N=INPUTS)
net.add(LIF, "H", N=HIDDEN, tau_beta=10.0)
net.add(LI, "O", N=PATTERNS, tau_beta=20.0, u_min=-torch.inf)
net.add(LeakySynapse, "IH", source="I", target="H", w=hidden, tau_alpha=5.0)
net.add(LeakySynapse, "HO", source="H", target="O", w=output, tau_alpha=5.0)
net.set_monitor("H", "output")
net.init(dt=1.0)

optimizer = torch.optim.Adam([hidden, output], lr=0.01)
losses, shares = [], []
for _ in range(UPDATES):
    number = torch.randint(PATTERNS, (SAMPLES,))
    found = net.run(samples(number)).mean(dim=1)
    loss = torch.nn.functional.cross_entropy(4.0 * found, number)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
    shares.append((found.argmax(dim=1) == number).float().mean().item())

number = torch.arange(300) % PATTERNS
given = samples(number)
with torch.no_grad():
    potentials = net.run(given)
correct = (potentials.mean(dim=1).argmax(dim=1) == number).float().mean().item()
spikes = net.get_monitored_results().H.output

# === Tell =========================================================================================

print(f"{100.0 * correct:.1f} % of 300 new samples are recognised")
print(f"{spikes.sum(dim=(1, 2)).mean():.1f} spikes of {HIDDEN} hidden neurons in each sample")

# === Draw =========================================================================================

COLOURS = ["#d1495b", "#e09f3e", "#2e86ab"]
PALE = "0.75"
plt.rcParams.update(
    {
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
)
figure, axes = plt.subplots(2, 3, figsize=(9, 5.2), layout="constrained")
for k, (axis, colour) in enumerate(zip(axes[0], COLOURS, strict=True)):
    own = patterns[k] & (given[k] > 0.0)
    for chosen, shade in ((own, colour), ((given[k] > 0.0) & ~own, PALE)):
        step, neuron = chosen.nonzero(as_tuple=True)
        axis.plot(step, neuron, "|", markersize=5, markeredgewidth=1.3, color=shade)
    axis.set(
        title=f"{'ABC'[k]}   a sample of pattern {k + 1}",
        xlabel="time (ms)",
        xlim=(-1, STEPS),
        ylim=(-1, INPUTS),
        yticks=[],
    )
axes[0, 0].set_ylabel("inputs; grey: not of the pattern")

curve, raster, read_out = axes[1]
curve.plot(losses, color="0.2")
curve.plot(shares, color=COLOURS[2])
curve.text(UPDATES, 0.55, "error", ha="right", color="0.2")
curve.text(UPDATES, 1.06, "share recognised", ha="right", color=COLOURS[2])
curve.set(title="D   learning", xlabel="updates", ylim=(0, None))

for k, colour in enumerate(COLOURS):
    step, neuron = spikes[k].nonzero(as_tuple=True)
    raster.plot(step, k * (HIDDEN + 2) + neuron, "|", markersize=5, color=colour)
    read_out.plot(potentials[k, :, k], color=colour, label=f"pattern {k + 1}")
    for other in set(range(PATTERNS)) - {k}:
        read_out.plot(potentials[k, :, other], color=colour, linewidth=0.7, linestyle=":")
raster.set(
    title="E   hidden neurons, for A, B and C",
    xlabel="time (ms)",
    xlim=(-1, STEPS),
    yticks=[],
)
read_out.set(title="F   read-out: own (lines), others", xlabel="time (ms)", ylabel="potential")
path = Path("Results", "11_training.png")
path.parent.mkdir(parents=True, exist_ok=True)
figure.savefig(path, dpi=150)
print(f"picture: {path}")
