"""Handwritten digits with a convolutional network, converted by its largest activations.

The paper's network, 12C5 - average pooling - 64C5 - average pooling - 10 of ReLU units without
biases, is trained with dropout, and its weights are balanced by the largest activation of each
layer for images of the training set. It is converted twice: as in the paper, with random spikes as
inputs, neurons that are reset to zero, and counts of output spikes; and as later papers do
(Rueckauer et al. 2017, Front. Neurosci. 11:682), with constant currents, resets by subtraction, and
99.9 % percentiles.

What is not the paper's: Adam with a rate that rises and falls, few epochs, and images that are
shifted by up to a pixel in training; pooling is computed by the synapses, without neurons between.

Diehl, Neil, Binas, Cook, Liu & Pfeiffer (2015), Fast-classifying, high-accuracy spiking deep
networks through weight and threshold balancing, IJCNN.

Usage: python Diehl_2015_conversion.py [--seeds 2] [--epochs 4] [--steps 100] [--small]

MNIST is read from the folder that SHIP_DATA names; see docs/data.md.
"""

import argparse

import torch
from digit_classifiers import digits, tell, train, write
from torch import nn

from ship_engine.conversion.encoders import ConstantCurrent, SignedBernoulli
from ship_engine.conversion.maximum_activation import convert_by_maximum_activation
from ship_engine.conversion.report import compare

PAPER, LATER = "as in the paper", "as later papers do"
OPTIONS = {
    PAPER: {"reset": "zero", "percentile": 100.0},
    LATER: {"reset": "subtraction", "percentile": 99.9},
}
BALANCING = 2000  # images of the training set


def network():
    """The network of rate units."""
    return nn.Sequential(
        nn.Conv2d(1, 12, 5, bias=False),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(12, 64, 5, bias=False),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Dropout(0.5),
        nn.Flatten(),
        nn.Linear(1024, 10, bias=False),
    )


def main():
    """Train with each seed, convert in both ways, and tell."""
    parser = argparse.ArgumentParser(description="Conversion by maximum activation.")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--small", action="store_true", help="a minute or less, to see it work")
    chosen = parser.parse_args()
    seeds, epochs = (1, 10) if chosen.small else (chosen.seeds, chosen.epochs)
    (images, labels), (test_images, test_labels) = digits(chosen.small)
    at = [steps for steps in (5, 10, 20, 40, 60, 80) if steps < chosen.steps] + [chosen.steps]
    reports, seconds = {PAPER: [], LATER: []}, []
    for seed in range(chosen.first, chosen.first + seeds):
        torch.manual_seed(seed)
        ann = network()
        seconds += train(ann, images, labels, epochs, seed, rate=4e-3)
        for way, encoder in ((PAPER, SignedBernoulli(seed)), (LATER, ConstantCurrent())):
            spiking = convert_by_maximum_activation(ann, images[:BALANCING], **OPTIONS[way])
            found = compare(
                ann, spiking, test_images, test_labels, chosen.steps, at, encoder=encoder
            )
            reports[way].append(found)
            print(f"seed {seed}, {way}: {found}", flush=True)
    write("Diehl_2015_conversion", {way: tell(way, reports[way], seconds) for way in reports})


if __name__ == "__main__":
    main()
