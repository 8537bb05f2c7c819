"""XOR and Iris with neurons that spike once: Bohte, Kok & La Poutré (2002), Neurocomputing 48, 17.

XOR: three inputs (two of 0 or 6 ms, and one at 0 ms as a bias), five hidden neurons, and one output
that should spike at 16 ms where both inputs are alike, at 10 ms where they differ. It has converged
when the sum of squared errors of the four patterns is below 1. Iris: each of four measures is
covered by 12 Gaussian receptive fields, which spike the earlier the better they fit; with two
biases that makes 50 inputs, 10 hidden neurons, and three outputs of which that of the right species
should spike first. Connections have 16 delays, from 1 to 16 ms.

What is not the paper's: spike times are exact rather than on a grid; weights have any sign, with no
neurons that only inhibit; silent neurons are raised, and slopes in derivatives are bounded
(`SpikePropLayer`). Flowers are moved at random in each epoch, as much as flowers of one species
differ from each other in the training half, and the learning rate falls to zero along a cosine.
Half of the flowers are tested, none of which had any part in the training, in ranges or in
covariances; each seed has its own split, with as many of each species on both sides.

Usage: python Bohte_2002.py [xor | iris | speed] [--seeds 20] [--epochs 60]

Iris is read from the folder that SHIP_DATA names, or taken from scikit-learn; see docs/data.md.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from ship_engine.data import latencies, load_iris, receptive_fields, split
from ship_engine.learning.spikeprop import FirstSpikeLoss, SpikePropLayer, first_to_spike

XOR_INPUTS = torch.tensor([[0.0, 0.0, 0.0], [0.0, 6.0, 0.0], [6.0, 0.0, 0.0], [6.0, 6.0, 0.0]])
XOR_TARGETS = torch.tensor([[16.0], [10.0], [10.0], [16.0]])
HIDDEN, SPECIES, FIELDS, BIASES = 10, 3, 12, 2
EARLY, LATE = 16.0, 20.0  # ms, when the right output should spike, and the others
LATEST, LEAST_RESPONSE = 10.0, 0.1  # ms, of an input; fields that respond less are silent


def train_xor(seed, epochs=1000, rate=0.003):
    """Cycles through the four patterns until XOR is learnt, or None."""
    torch.manual_seed(seed)
    network = torch.nn.Sequential(SpikePropLayer(3, 5), SpikePropLayer(5, 1))
    optimizer = torch.optim.SGD(network.parameters(), lr=rate)
    inputs, targets, loss_of = XOR_INPUTS.double(), XOR_TARGETS.double(), FirstSpikeLoss()
    for epoch in range(epochs):
        optimizer.zero_grad()
        loss = 4.0 * loss_of(network(inputs), targets)  # half the sum of squared errors
        if loss < 0.5:
            return epoch
        loss.backward()
        optimizer.step()
    return None


class Flowers:
    """Spike times and species of a half to train with and a half to test with.

    Parameters
    ----------
    features, classes : array [flower, measure] and [flower]
        All flowers.
    seed : int
        Of the split, and of how flowers are moved.
    test : float
        Share of the flowers to test with.
    """

    def __init__(self, features, classes, seed, test=0.5):
        self.rows = split(classes, test=test, seed=seed)
        self._random = np.random.default_rng(seed)
        # Nothing but the training half has a part in what follows, except for the last lines.
        self._seen, species = features[self.rows.train], classes[self.rows.train]
        self._ranges = {"low": self._seen.min(0), "high": self._seen.max(0)}
        means = np.stack([self._seen[species == one].mean(0) for one in range(SPECIES)])
        away = self._seen - means[species]
        self._spread = np.linalg.cholesky(away.T @ away / (len(away) - SPECIES))
        self.train, self.test = (self.times(features[rows]) for rows in self.rows)
        self.train_classes, self.test_classes = (torch.tensor(classes[rows]) for rows in self.rows)

    def times(self, features):
        """When inputs spike, [flower, input] in ms."""
        responses = receptive_fields(features, fields=FIELDS, **self._ranges)
        times = latencies(responses, latest=LATEST, threshold=LEAST_RESPONSE)
        return torch.tensor(np.pad(times, ((0, 0), (0, BIASES))))

    def moved(self):
        """The spike times of flowers to train with, moved at random."""
        noise = self._random.normal(size=self._seen.shape) @ self._spread.T
        return self.times(self._seen + noise)


def train_iris(flowers, seed, epochs, rate=0.001, batch=25):
    """Train a network; its accuracies on both halves, and the time per epoch in s."""
    torch.manual_seed(seed)
    classes, active = flowers.train_classes, float(flowers.train.isfinite().double().mean())
    inputs = flowers.train.shape[1]
    network = torch.nn.Sequential(
        SpikePropLayer(inputs, HIDDEN, active=active), SpikePropLayer(HIDDEN, SPECIES)
    )
    right = torch.nn.functional.one_hot(classes, SPECIES).bool()
    targets = torch.where(right, EARLY, LATE)
    optimizer = torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    loss_of, start = FirstSpikeLoss(), time.perf_counter()
    for _ in range(epochs):
        times = flowers.moved()
        for rows in torch.randperm(len(times)).split(batch):
            optimizer.zero_grad()
            loss_of(network(times[rows]), targets[rows]).backward()
            optimizer.step()
        schedule.step()
    seconds = (time.perf_counter() - start) / epochs
    return {
        "train": accuracy(network, flowers.train, classes),
        "test": accuracy(network, flowers.test, flowers.test_classes),
        "seconds_per_epoch": seconds,
    }


def accuracy(network, times, classes):
    """Share of flowers whose species has the only earliest output."""
    with torch.no_grad():
        return float((first_to_spike(network(times)) == classes).double().mean())


def dense_times(layer, times, step=0.1, duration=40.0):
    """First spikes by potentials at all times of a grid, for comparison."""
    tau = layer.neuron.tau
    arrivals = times[..., None] + layer.delays
    after = (torch.arange(0.0, duration, step)[:, None, None, None] - arrivals).clamp(min=0.0) / tau
    responses = (after * torch.exp(1.0 - after)).flatten(2)
    reached = responses @ layer.weight.flatten(0, 1) >= layer.neuron.threshold
    first = step * reached.byte().argmax(0)
    return torch.where(reached.any(0), first, torch.inf)


def compare_speed(repeats=5):
    """Time of a layer of the size of Iris, both ways, in s, and how far they are apart in ms."""
    torch.manual_seed(0)
    layer = SpikePropLayer(50, HIDDEN)
    times = torch.rand(75, 50, dtype=torch.float64) * LATEST
    found = {}
    with torch.no_grad():
        apart = float((dense_times(layer, times) - layer(times)).abs().max())
        for name, function in (("exact", layer), ("dense", lambda x: dense_times(layer, x))):
            start = time.perf_counter()
            for _ in range(repeats):
                function(times)
            found[name] = (time.perf_counter() - start) / repeats
    return found | {"apart": apart}


def report_xor(seeds):
    """Train with each seed, and tell."""
    start = time.perf_counter()
    cycles = [train_xor(seed) for seed in seeds]
    seconds = time.perf_counter() - start
    done = [one for one in cycles if one is not None]
    print(
        f"XOR: {len(done)} of {len(seeds)} converged, cycles mean {np.mean(done):.0f}, std "
        f"{np.std(done):.0f}, most {max(done)}; {1e3 * seconds / sum(done):.1f} ms per cycle"
    )
    return {"cycles": cycles, "seconds": seconds}


def report_iris(seeds, epochs):
    """Train with each seed, and tell."""
    features, classes = load_iris()
    rows = []
    for seed in seeds:
        rows.append(train_iris(Flowers(features, classes, seed), seed, epochs))
        print("seed {}: train {train:.3f}, test {test:.3f}".format(seed, **rows[-1]), flush=True)
    values = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    print("Iris       mean    std")
    for name in ("train", "test"):
        print(f"{name:9s}{values[name].mean():6.3f} {values[name].std():6.3f}")
    print(f"{1e3 * values['seconds_per_epoch'].mean():.0f} ms per epoch")
    return {"epochs": epochs, "rows": rows}


def report_speed():
    """Measure, and tell."""
    found = compare_speed()
    print(
        f"speed: a layer of 50 x 16 x 10 synapses and 75 samples takes {1e3 * found['exact']:.0f} "
        f"ms, sampled every 0.1 ms {1e3 * found['dense']:.0f} ms, where spikes are up to "
        f"{found['apart']:.2f} ms late"
    )
    return found


def main():
    """Do the tasks that are chosen, and tell."""
    parser = argparse.ArgumentParser(description="SpikeProp on XOR and Iris.")
    tasks = "xor", "iris", "speed"
    parser.add_argument("tasks", nargs="*", choices=[*tasks, []], metavar="|".join(tasks))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--epochs", type=int, default=60, help="of Iris")
    parser.add_argument("--small", action="store_true", help="a few seconds, to see it work")
    chosen = parser.parse_args()
    count, epochs = (2, 20) if chosen.small else (chosen.seeds, chosen.epochs)
    seeds = range(chosen.first, chosen.first + count)
    torch.set_num_threads(1)  # tensors are small
    found = {}
    for task in chosen.tasks or tasks:
        found[task] = {
            "xor": lambda: report_xor(seeds),
            "iris": lambda: report_iris(seeds, epochs),
            "speed": report_speed,
        }[task]()
    Path("Results").mkdir(exist_ok=True)
    Path("Results", "Bohte_2002.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
