"""Handwritten digits with a small VGG network, converted by Spike-Norm.

Pairs of 3 x 3 convolutions, average pooling and fully connected layers of ReLU units without biases
are trained with dropout. Then thresholds are found layer by layer: each is the largest input that
its neurons receive in any step, while the layers before spike. Inputs are random spikes, neurons
are reset by subtraction, and counts of output spikes are compared.

What is not the paper's: MNIST instead of CIFAR-10 and ImageNet, which are not at hand, thus a small
network (two pairs of convolutions with 8 and 16 maps, 64 hidden units), Adam with a rate that rises
and falls, few epochs, and images that are shifted by up to a pixel in training.

Sengupta, Ye, Wang, Liu & Roy (2019), Going deeper in spiking neural networks: VGG and residual
architectures, Front. Neurosci. 13:95.

Usage: python Sengupta_2019.py [--seeds 2] [--epochs 4] [--steps 200] [--small]

MNIST is read from the folder that SHIP_DATA names; see docs/data.md.
"""

import argparse

import torch
from digit_classifiers import digits, tell, train, write
from torch import nn

from ship_engine.conversion.encoders import SignedBernoulli
from ship_engine.conversion.report import compare
from ship_engine.conversion.spike_norm import convert_by_spike_norm

BALANCING = 200  # images of the training set


def network(maps=8):
    """The network of rate units."""
    return nn.Sequential(
        *_pair(1, maps),
        *_pair(maps, 2 * maps),
        nn.Flatten(),
        nn.Linear(2 * maps * 49, 64, bias=False),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(64, 10, bias=False),
    )


def _pair(inputs, outputs):
    return (
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Dropout(0.2),
    )


def main():
    """Train with each seed, convert, and tell."""
    parser = argparse.ArgumentParser(description="Conversion by Spike-Norm.")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--small", action="store_true", help="a minute or less, to see it work")
    chosen = parser.parse_args()
    seeds, epochs = (1, 10) if chosen.small else (chosen.seeds, chosen.epochs)
    (images, labels), (test_images, test_labels) = digits(chosen.small)
    at = [steps for steps in (25, 50, 75, 100, 150) if steps < chosen.steps] + [chosen.steps]
    reports, seconds = [], []
    for seed in range(chosen.first, chosen.first + seeds):
        torch.manual_seed(seed)
        ann = network()
        seconds += train(ann, images, labels, epochs, seed, rate=3e-3)
        balancing, encoder = images[:BALANCING], SignedBernoulli(seed)
        spiking = convert_by_spike_norm(ann, balancing, encoder, chosen.steps)
        found = compare(ann, spiking, test_images, test_labels, chosen.steps, at, encoder=encoder)
        reports.append(found)
        print(f"seed {seed}: {found}", flush=True)
    write("Sengupta_2019", tell("Spike-Norm", reports, seconds))


if __name__ == "__main__":
    main()
