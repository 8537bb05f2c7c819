"""Handwritten digits with spiking LIF neurons that were trained as Soft LIF units.

A network of two convolutions and a hidden layer is trained as a network of rate units, whose
activation function is the smoothed firing rate of a leaky integrate-and-fire neuron, with noise
that stands for the variability of spike trains. Then every unit becomes a spiking neuron of the
same parameters; its spikes pass a synapse of first order. Images are constant currents, and scores
are summed from the start of the presentation on.

What is not the paper's: MNIST instead of CIFAR-10, thus a small network: 16C5 (stride 2) - 32C3 -
average pooling of 2 x 2 - 128 - 10. Images are shifted by up to a pixel in training. Time
constants, gain and noise were chosen so that 100 ms suffice: rates are higher than the paper's.

Hunsberger & Eliasmith (2015), Spiking deep networks with LIF neurons, arXiv:1510.08829.

Usage: python Hunsberger_2015.py [--seeds 2] [--epochs 4] [--steps 100] [--small]

MNIST is read from the folder that SHIP_DATA names; see docs/data.md.
"""

import argparse

import torch
from digit_classifiers import digits, tell, train, write
from torch import nn

from ship_engine.conversion.report import compare
from ship_engine.conversion.soft_lif import SoftLIF
from ship_engine.conversion.spiking_lif import to_spiking

UNIT = {"tau_ref": 2.0, "tau_rc": 20.0, "gain": 4.0, "amplitude": 10.0, "noise": 0.02}
SYNAPSE = 5.0  # ms


def network():
    """The network of rate units."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, stride=2),
        SoftLIF(**UNIT),
        nn.Conv2d(16, 32, 3),
        SoftLIF(**UNIT),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(800, 128),
        SoftLIF(**UNIT),
        nn.Linear(128, 10),
    )


def main():
    """Train with each seed, convert, and tell."""
    parser = argparse.ArgumentParser(description="Soft LIF units become spiking neurons.")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--steps", type=int, default=100, help="of 1 ms")
    parser.add_argument("--small", action="store_true", help="a minute or less, to see it work")
    chosen = parser.parse_args()
    seeds, epochs = (1, 10) if chosen.small else (chosen.seeds, chosen.epochs)
    (images, labels), (test_images, test_labels) = digits(chosen.small)
    at = [steps for steps in (20, 30, 40, 60, 80) if steps < chosen.steps] + [chosen.steps]
    reports, seconds = [], []
    for seed in range(chosen.first, chosen.first + seeds):
        torch.manual_seed(seed)
        ann = network()
        seconds += train(ann, images, labels, epochs, seed, rate=3e-3)
        spiking = to_spiking(ann, synapse=SYNAPSE)
        reports.append(compare(ann, spiking, test_images, test_labels, chosen.steps, at))
        print(f"seed {seed}: {reports[-1]}", flush=True)
    write("Hunsberger_2015", tell("Soft LIF", reports, seconds))


if __name__ == "__main__":
    main()
