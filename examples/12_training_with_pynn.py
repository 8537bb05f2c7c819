"""A network is trained on ship, and then runs on any simulator with what it has learnt.

Each sample is one of three patterns of spikes, of which some are lost and to which others are
added. Cells in a hidden layer and three output cells learn by gradients that output k shall spike
most for pattern k. Then the very same network is built on the simulator that was asked for, with
the trained weights, and recognises new samples there.

Usage: python 12_training_with_pynn.py [SIMULATOR]        (ship, nest or neuron; ship if left out)
"""

import argparse
from importlib import import_module

import numpy as np
import pyNN.ship as ship
from pyNN.parameters import Sequence

parser = argparse.ArgumentParser(description="Train on ship, run anywhere.")
parser.add_argument("simulator", nargs="?", default="ship")
sim = import_module(f"pyNN.{parser.parse_args().simulator}")
STEPS, INPUTS, HIDDEN, CLASSES, TRIALS = 50, 40, 30, 3, 30  # steps of 1 ms
PAUSE = 100  # ms between samples that follow one another
NAMES = ("inputs to hidden, +", "inputs to hidden, -", "hidden to output, +", "hidden to output, -")

rng = np.random.default_rng(1)
patterns = rng.random((CLASSES, STEPS, INPUTS)) < 0.05
classes = rng.integers(CLASSES, size=200 + TRIALS)
kept, added = rng.random((2, 200 + TRIALS, STEPS, INPUTS))
samples = (patterns[classes] & (kept < 0.7)) | (added < 0.02)  # [sample, time step, input]


def build(simulator, weights=None):
    """The network on a simulator: its inputs, its outputs, and its projections."""
    grid = {"spike_precision": "on_grid"} if simulator.__name__.endswith(("ship", "nest")) else {}
    simulator.setup(timestep=1.0, min_delay=1.0, **grid)
    cell = simulator.IF_curr_exp(tau_m=10.0, tau_refrac=2.0)
    inputs = simulator.Population(INPUTS, simulator.SpikeSourceArray(), label="inputs")
    hidden = simulator.Population(HIDDEN, cell, label="hidden")
    output = simulator.Population(CLASSES, cell, label="output")
    draws = np.random.default_rng(3)
    projections = []
    for number, (source, target) in enumerate([(inputs, hidden), (hidden, output)]):
        shape = source.size, target.size
        for sign, receptor in ((1.0, "excitatory"), (-1.0, "inhibitory")):
            drawn = sign * draws.uniform(0.1, 1.5 + 0.5 * sign, shape)
            weight = drawn if weights is None else weights[len(projections)]
            projections.append(
                simulator.Projection(
                    source,
                    target,
                    simulator.ArrayConnector(np.ones(shape, bool)),
                    simulator.StaticSynapse(weight=weight, delay=1.0),
                    receptor_type=receptor,
                    label=NAMES[2 * number + (sign < 0.0)],
                )
            )
    return inputs, output, projections


# === Train on ship ================================================================================

inputs, output, projections = build(ship)
trainer = ship.training.Trainer(
    output=output,
    trainable=projections,
    readout="spike_count",
    surrogate=ship.training.SuperSpike(slope=0.5),
    learning_rate=0.03,
)
trainer.fit(samples[:200], classes[:200], epochs=8)
expected = trainer.predict(samples[200:])
weights = [projection.get("weight", format="array") for projection in projections]
ship.end()
print(f"trained on 200 samples; of {TRIALS} new ones "
      f"{(expected.argmax(axis=1) == classes[200:]).sum()} are recognised")  # fmt: skip

# === Run on the simulator =========================================================================

inputs, output, projections = build(sim, weights)
onsets = PAUSE * np.arange(1, TRIALS + 1)
trains = []
for cell in range(INPUTS):
    trial, step = samples[200:, :, cell].nonzero()
    trains.append(np.sort(onsets[trial] + step + 1.0))
inputs.set(spike_times=[Sequence(train) for train in trains])
output.record("spikes")
sim.run(float(PAUSE * (TRIALS + 1)))
counts = np.zeros((TRIALS, CLASSES), int)
for cell, train in enumerate(output.get_data().segments[0].spiketrains):
    # Only the first 50 ms of each trial count, as in training; the rest is a pause.
    times = np.asarray(train.magnitude)
    trial = ((times - 0.5) // PAUSE).astype(int) - 1
    np.add.at(counts[:, cell], trial[times - 0.5 - onsets[trial] < STEPS], 1)
sim.end()

right = (counts.argmax(axis=1) == classes[200:]).sum()
print(f"{sim.__name__} recognises {right} of them; ", end="")
print(f"{(counts == expected).mean():.0%} of all spike counts are those of the training")
