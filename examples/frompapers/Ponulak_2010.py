"""Spikes at given times: ReSuMe, the remote supervised method.

Four hundred inputs spike at random, at 10 Hz, during 400 ms. Leaky integrate-and-fire neurons that
hear them learn to spike at given times, each at its own: Poisson trains at 20 Hz, with pauses of 8
ms or more. Training ends when all spikes fall into the very time steps that are desired, which is
counted as learned. The distance is van Rossum's, in which a spike too many costs 1/2. The last row
trains neurons on four inputs, each of which asks for other trains.

What is not the papers': inputs and membranes have numbers of their own, time steps of 1 ms are the
precision, and weights may have either sign. The control is trained in the same way with the sign of
the rule turned around.

Ponulak (2005), Technical report, Poznan University of Technology; Ponulak & Kasinski (2010), Neural
Comput. 22:467.

Usage: python Ponulak_2010.py [--seeds 5] [--epochs 300] [--small]
"""

import argparse
import time

import numpy as np
import torch

from ship_engine import LIF, Input, LeakySynapse, Network
from ship_engine.learning.resume import ReSuMe, VanRossum
from ship_engine.learning.rules import SpikeTrains
from ship_engine.training.platform_module import PlatformModule
from ship_engine.training.trainer import Trainer

STEPS, INPUTS, OUTPUTS = 400, 400, 3
RATE, PAUSE = 0.02, 8  # desired spikes in a time step of 1 ms; the shortest interval


def network(seed):
    """Inputs, and neurons that hear all of them."""
    random = torch.Generator().manual_seed(seed)
    net = Network(executor="fused")
    net.add(Input, "I", N=INPUTS)
    net.add(LIF, "O", N=OUTPUTS, tau_beta=10.0, u_min=-torch.inf)
    weights = 0.04 * torch.rand(INPUTS, OUTPUTS, generator=random)
    net.add(LeakySynapse, "IO", source="I", target="O", w=weights, tau_alpha=2.0)
    net.init(dt=1.0)
    return PlatformModule(net, ["IO"])


def desired_trains(samples, random):
    """Poisson trains whose spikes keep a distance: [sample, time, component]."""
    trains = np.zeros((samples, STEPS, OUTPUTS), np.float32)
    for sample in range(samples):
        for one in range(OUTPUTS):
            step = 20 + random.geometric(RATE)
            while step < STEPS:
                trains[sample, step, one] = 1.0
                step += PAUSE + random.geometric(1.0 / (1.0 / RATE - PAUSE))
    return trains


def learn(samples, seed, epochs, sign=1.0):
    """Train until all is right: distances before and after, right spikes, epochs, seconds."""
    random = np.random.default_rng(seed)
    inputs = (random.random((samples, STEPS, INPUTS)) < 0.01).astype(np.float32)
    desired = desired_trains(samples, random)
    trainer = Trainer(
        network(seed),
        SpikeTrains(),
        VanRossum(),
        rule=ReSuMe(a=0.05, tau=5.0),
        learning_rate=0.005,
        seed=seed,
    )
    for group in trainer.optimizer.param_groups:
        group["lr"] *= sign
    before = trainer.evaluate(inputs, desired).loss
    for epoch in range(5, epochs + 1, 5):
        trainer.fit(inputs, desired, epoch, batch_size=1, progress=False)
        after = trainer.evaluate(inputs, desired).loss
        if after == 0.0:
            break
    right = (trainer.predict(inputs) * desired).sum() / desired.sum()
    return before, after, right, len(trainer.history), np.mean(trainer.history["seconds"])


def main():
    """Learn with each seed, and tell."""
    parser = argparse.ArgumentParser(description="Spikes at given times by ReSuMe.")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=300, help="at most")
    parser.add_argument("--small", action="store_true", help="a minute or less, to see it work")
    chosen = parser.parse_args()
    if chosen.small:
        chosen.seeds = 1
    torch.set_num_threads(1)
    start = time.perf_counter()
    print(
        "samples  distance before   after          exact spikes   all exact   epochs   s per epoch"
    )
    for samples, sign in ((1, 1.0), (1, -1.0)) if chosen.small else ((1, 1.0), (1, -1.0), (4, 1.0)):
        epochs = 50 if sign < 0.0 else chosen.epochs
        found = np.array([learn(samples, seed, epochs, sign) for seed in range(chosen.seeds)])
        (before, after, right, epochs, took), spread = found.mean(0), found[:, 1].std()
        exact = int((found[:, 1] == 0.0).sum())
        print(
            f"{samples:7d}  {before:15.3f}   {after:.4f} ± {spread:.4f}   {100 * right:10.1f} %   "
            f"{exact:4d} of {len(found)}   {epochs:6.0f}   {took:.3f}"
            + (" (control)" * (sign < 0)),
            flush=True,
        )
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
