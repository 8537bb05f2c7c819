"""Memristive devices: levels and their spread, drift, pulses, and what learning makes of them.

Four pictures: what is found where weights were written to 8 levels; how conductances drift, as
fitted to measurements of Esmanhotto et al. (2022); the response to identical pulses; and weights
that STDP has formed, in ideal synapses and in devices.

Usage: python 09_memristive_devices.py
"""

import argparse
from pathlib import Path

import matplotlib
import numpy as np
import pyNN.ship as sim

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from ship_engine.devices import DeviceToDevice, FilamentDrift, Memristor, PulseProgramming

argparse.ArgumentParser(description="What memristive devices make of weights.").parse_args()
DARK, PALE = "#1f3a5f", "#b8c4d6"
COLOURS = ["#0b7a75", "#d1495b", "#edae49"]


def written_levels(axes: plt.Axes) -> None:
    """Histogram of many writes to 8 levels; their distributions cross at 3 sigma."""
    device = Memristor(levels=8, w_max=1.0)
    generator = np.random.default_rng(1)
    levels = device.level_table().values
    wanted = np.repeat(levels, 20_000)
    written = device.program(wanted, generator).reshape(levels.size, -1)
    bins = np.linspace(-1.2, 1.2, 241)
    for row in written:
        axes.hist(row, bins, color=DARK, alpha=0.8)
    crossed = np.abs(written - levels[:, None]) > 0.5 * np.diff(levels)[0]
    axes.set(
        title=f"8 levels: {crossed[1:-1].mean():.2%} of writes cross to a neighbour",
        xlabel="weight", ylabel="writes", yticks=[],
    )  # fmt: skip


def drifting_conductances(axes: plt.Axes) -> None:
    """Mean and spread of conductances against time, from 8 levels on."""
    drift, time = FilamentDrift(), np.logspace(1, 4, 100)
    for level in np.linspace(50.0, 120.0, 8):
        mean = drift.mean(level, time)
        sigma = mean * drift.relative_spread(level, time)
        axes.fill_between(time, mean - sigma, mean + sigma, color=PALE, alpha=0.6, lw=0)
        axes.plot(time, mean, color=DARK)
    axes.set(
        title="Drift: mean and standard deviation", xscale="log",
        xlabel="time since the write (s)", ylabel="conductance (uS)",
    )  # fmt: skip


def pulse_responses(axes: plt.Axes) -> None:
    """Positions in the range under 100 potentiating and then 100 depressing pulses."""
    generator = np.random.default_rng(2)
    for beta, colour in zip((0.5, 3.0, 6.0), COLOURS, strict=True):
        pulses = PulseProgramming(100, 100, beta, beta, cycle_to_cycle=0.005)
        device = Memristor(pulses=pulses, w_max=1.0, pair=False)
        weight, seen = np.zeros(1), [0.0]
        for change in np.repeat([0.01, -0.01], 100):
            weight = device.update(weight, change, generator)
            seen.append(float(weight[0]))
        up = pulses.response(0.0, np.arange(101))
        down = pulses.response(up[-1], -np.arange(101))
        axes.plot(np.r_[up, down[1:]], color=colour, lw=0.8)
        axes.plot(seen, ".", ms=2.5, color=colour, label=f"beta = {beta:g}")
    axes.legend(frameon=False, markerscale=4, loc=(0.33, 0.03))
    axes.set(
        title="100 pulses up, 100 down, with noise of each",
        xlabel="pulse", ylabel="position in the range",
    )  # fmt: skip


def learned_weights(device: Memristor | None) -> np.ndarray:
    """Weights of 1,000 synapses onto one neuron after STDP, in devices or without."""
    sim.setup(timestep=0.1, seed=3)
    sources = sim.Population(1000, sim.SpikeSourcePoisson(rate=15.0))
    cell = sim.Population(1, sim.IF_cond_exp(tau_m=20.0, tau_syn_E=5.0))
    synapse = sim.STDPMechanism(
        timing_dependence=sim.SpikePairRule(A_plus=0.02, A_minus=0.021),
        weight_dependence=sim.AdditiveWeightDependence(w_max=0.001),
        weight=0.0005, delay=1.0,
    )  # fmt: skip
    if device is not None:
        synapse = sim.MemristiveSynapse(synapse, device)
    projection = sim.Projection(sources, cell, sim.AllToAllConnector(), synapse)
    sim.run(50_000.0)
    weights = np.array(projection.get("weight", "list", with_address=False))
    sim.end()
    return weights * 1000.0  # nS


def compare_learning(axes: plt.Axes) -> None:
    """Histograms of weights that STDP has formed."""
    device = Memristor(
        pulses=PulseProgramming(64, 64, 2.0, 2.0, cycle_to_cycle=0.01, rounding="stochastic"),
        device_to_device=DeviceToDevice(span_sigma=0.05),
        pair=False,
    )
    bins = np.linspace(0.0, 1.15, 47)
    for each, name, colour in ((None, "ideal", PALE), (device, "64 pulses, beta = 2", DARK)):
        weights = learned_weights(each)
        filled = each is None
        axes.hist(
            weights, bins, color=colour, label=name, lw=1.5,
            histtype="stepfilled" if filled else "step",
        )  # fmt: skip
        print(f"{name}: {weights.mean():.3f} +- {weights.std():.3f} nS after STDP")
    axes.legend(frameon=False)
    axes.set(title="STDP, 1,000 synapses, 50 s", xlabel="weight (nS)", ylabel="synapses")


plt.rcParams.update({"font.size": 9, "axes.titlelocation": "left", "axes.titlesize": 10})
plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False})
figure, places = plt.subplots(2, 2, figsize=(10, 6), layout="constrained")
drawings = (written_levels, drifting_conductances, pulse_responses, compare_learning)
for draw, place in zip(drawings, places.flat, strict=True):
    draw(place)
target = Path("Results") / "memristive_devices.png"
target.parent.mkdir(exist_ok=True)
figure.savefig(target, dpi=150)
print(f"picture: {target}")
