"""Braille letters, read by a finger that moves over them: section 4.2.2 of the SHIP paper.

28 sensors side by side pass over an image of a letter in 300 ms; each tells by spikes when what it
touches rises or falls (delta encoding). A recurrent layer of 125 Izhikevich neurons and a layer of
128 more lead to ten leaky integrators, one for each of the letters a to j; all synapses are of
second order, and all are trained. Afterwards the weights lie in memristive devices that drift.

What is not the paper's: scores are the integrators' mean potentials, not their peaks; each image is
divided by the brightness of its ground, and images are turned, stretched, shifted and dimmed a
little anew in each epoch; equal images never lie on both sides of the split. For the derivative,
the slope of the upstroke is bounded (`IzhikevichToTrain`), since the exact one multiplies gradients
by thousands in every spike, and the surrogate is wide.

Gemo, Spiga & Brivio (2024), Front. Neurosci. 17:1270090.

Usage: python Gemo_2024_braille.py [--seeds 10] [--epochs 80] [--small]

The images are read from the folder that SHIP_DATA names; see docs/data.md.
"""

import argparse
import datetime
import json
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import matplotlib
import numpy as np
import torch
from scipy.ndimage import affine_transform

from ship_engine import LI, Input, Izhikevich, Memristor, Network, SecondOrderSynapse, memristive
from ship_engine.data import duplicate_groups, encode_delta, load_braille, split, stretch
from ship_engine.devices import FilamentDrift
from ship_engine.elementwise import maximum, minimum, without_gradient
from ship_engine.errors import MissingDataError
from ship_engine.training.platform_module import PlatformModule
from ship_engine.training.regularisers import Regulariser
from ship_engine.training.surrogates import Surrogate
from ship_engine.training.trainer import Trainer

matplotlib.use("Agg")
import matplotlib.pyplot as plt

LETTERS, STEPS, BATCH = 10, 300, 20
GAINS = {"IR": 1.0, "RR": 0.2, "RH": 3.0, "HO": 1.0}  # of the initial weights
RATES = {"IR": 0.04, "RR": 0.0024, "RH": 0.12, "HO": 0.04}  # of Adam
ELAPSED = [0.0, 1.0, 1e1, 1e2, 1e3, 1e4]  # s, as far as the drift was measured
READINGS = 8
RUNS = 20  # of devices that drift
GROUPS = (("I", "R"), ("R", "R"), ("R", "H"), ("H", "O"))


class IzhikevichToTrain(Izhikevich):
    """The same neuron, whose slope dv'/dv is bounded where derivatives are taken."""

    name = "IzhikevichToTrain"

    @staticmethod
    def advance_timestep(v, u, input, h, a, b):
        """The equations of `Izhikevich`, the square replaced by its value and a bounded slope."""
        slope = without_gradient(5.0 + 0.08 * minimum(maximum(v, -85.0), -65.0))
        rest = without_gradient((5.0 + 0.04 * v) * v - slope * v)
        dv = 140.0 + slope * v + rest - u + input
        return v + h * dv, u + h * a * (b * v - u)


@dataclass(frozen=True)
class Wide(Surrogate):
    """scale / (1 + slope |x + shift|)**2, whose peak lies below the threshold by `shift` (mV)."""

    slope: float = 0.05
    scale: float = 0.02
    shift: float = 80.0

    @staticmethod
    def derivative(distance, slope, scale, shift):
        """The derivative; see the class."""
        away = maximum(distance + shift, -(distance + shift))
        root = 1.0 + slope * away
        return scale / (root * root)


class LowPotentials(Regulariser):
    """What lies below -90 mV costs, so that neurons that are inhibited too much come back."""

    def __call__(self, activity, module):
        """The sum over time and neurons, a mean over samples."""
        kept = module.network.get_monitored_results()
        below = [torch.relu(-90.0 - kept[id].v).sum() for id in ("R", "H")]
        return 0.03 / len(activity.spikes["O"]) * sum(below)


def liquid(random):
    """Input and recurrent weights of a column of 5 x 5 x 5 neurons (Maass et al. 2002)."""
    place = np.stack(np.meshgrid(*[np.arange(5)] * 3, indexing="ij"), -1).reshape(-1, 3)
    excites = random.permutation(125) < 100
    distance2 = ((place[:, None] - place) ** 2).sum(-1)
    chance = np.where(excites[:, None], np.where(excites, 0.3, 0.2), np.where(excites, 0.4, 0.1))
    chance = chance * np.exp(-distance2 / 4.0) * ~np.eye(125, dtype=bool)
    signs = np.where(excites, 1.0, -1.0)[:, None] * random.uniform(0.5, 1.5, (125, 125))
    recurrent = (random.random((125, 125)) < chance) * signs
    given = np.where(random.random((56, 125)) < 0.8, 1.0, -1.0)
    given = given * (random.random((56, 125)) < 0.1) * random.uniform(0.5, 1.5, (56, 125))
    return given, recurrent


def initial_weights(random):
    """Weights of all groups of synapses."""
    given, recurrent = liquid(random)
    wide = {"RH": random.uniform(-0.4, 0.6, (125, 128)), "HO": random.uniform(-0.4, 0.6, (128, 10))}
    drawn = {"IR": given, "RR": recurrent, **wide}
    return {id: torch.tensor(GAINS[id] * w, dtype=torch.float32) for id, w in drawn.items()}


def network(weights, neuron, executor, device=None, elapsed=0.0, seed=0):
    """Inputs, recurrent layer, hidden layer and read-out; perhaps with weights in devices."""
    surrogate = {} if executor == "numba" else {"surrogate": Wide()}
    net = Network(executor=executor, seed=seed, **surrogate)
    net.add(Input, "I", N=56)
    net.add(neuron, "R", N=125)
    net.add(neuron, "H", N=128)
    net.add(LI, "O", N=LETTERS, tau_beta=20.0, u_min=-torch.inf, is_output=True)
    for source, target in GROUPS:
        id = source + target
        given = {"w": weights[id], "tau_alpha1": 15.0, "tau_alpha2": 5.0}
        model = SecondOrderSynapse
        if device is not None:
            model, given = memristive(model, device), given | {"elapsed": elapsed}
        net.add(model, id, source=source, target=target, **given)
    if executor == "fused":
        net.set_monitor("R", "v")
        net.set_monitor("H", "v")
    net.init(dt=1.0)
    return net


def augmented(images, random):
    """Images turned, stretched, shifted and dimmed a little."""
    out, middle = np.empty_like(images), np.array([13.5, 13.5])
    for number, image in enumerate(images):
        angle, zoom = np.deg2rad(4.0 * random.normal()), np.exp(0.05 * random.normal())
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        offset = middle - zoom * turn @ middle + random.uniform(-0.7, 0.7, 2)
        out[number] = affine_transform(image, zoom * turn, offset, order=1, mode="nearest")
    return (out * np.exp(random.uniform(-0.1, 0.1, len(images)))[:, None, None]).clip(0.0, 1.0)


def encoded(images):
    """Spikes [image, time, 56]; the ground of each image is 1."""
    ground = np.quantile(images, 0.9, axis=(1, 2), keepdims=True).clip(0.05)
    return encode_delta(stretch(images / ground, STEPS), threshold=0.01, follow="levels")


def letters():
    """Images of the letters a to j, and their numbers; drawn dots where there are no data."""
    try:
        data = load_braille()
    except MissingDataError:
        return drawn_letters(np.random.default_rng(0))
    wanted = data.labels < LETTERS
    return data.images[wanted] / 255.0, torch.tensor(data.labels[wanted].astype(int))


def drawn_letters(random):
    """Letters of bright ground and dark dots, as Braille has them."""
    dots = ["1", "12", "14", "145", "15", "124", "1245", "125", "24", "245"]
    numbers = np.repeat(np.arange(LETTERS), 6)
    images = np.ones((len(numbers), 28, 28))
    for image, number in zip(images, numbers, strict=True):
        for dot in map(int, dots[number]):
            row, column = 4 + 8 * ((dot - 1) % 3), 7 + 10 * ((dot - 1) // 3)
            image[row : row + 4, column : column + 4] = random.uniform(0.2, 0.4)
    return images, torch.tensor(numbers)


def train(seed, epochs, images, labels, held=None):
    """Train on all but 100 images: the trainer, accuracies by epoch, and what is left to test."""
    count = min(100, len(labels) // 4)
    rest, test = split(labels, test=count, seed=seed, groups=duplicate_groups(list(images)))
    if held is not None:  # choose nothing by looking at the test images
        groups = duplicate_groups(list(images[rest]))
        kept, test = (
            rest[part] for part in split(labels[rest], test=held, seed=seed + 1000, groups=groups)
        )
        rest = kept
    random = np.random.default_rng(seed)
    net = network(initial_weights(random), IzhikevichToTrain, "fused")
    optimizer = partial(adam, ids=list(GAINS))
    rate = partial(
        torch.optim.lr_scheduler.OneCycleLR, max_lr=[*RATES.values()], total_steps=epochs + 1
    )
    trainer = Trainer(
        PlatformModule(net, list(GAINS)),
        readout="mean",
        optimizer=optimizer,
        schedule=partial(rate, pct_start=0.15),
        regularisers=[LowPotentials()],
        clip_gradient=20.0,
        seed=seed,
    )
    given = (encoded(images[test]), labels[test])
    often = images[test], labels[test], READINGS, np.random.default_rng(seed + 1)
    for epoch in range(1, epochs + 1):
        spikes = encoded(augmented(images[rest], random))
        # The test images are looked at for the picture only; nothing depends on what is found.
        trainer.fit(spikes, labels[rest], epoch, BATCH, given if epoch % 5 == 0 else None)
    return trainer, given, read_often(trainer, *often)


def adam(free, ids):
    """Adam with a rate for each group of synapses."""
    groups = [{"params": [w], "lr": RATES[id]} for w, id in zip(free, ids, strict=True)]
    return torch.optim.Adam(groups, betas=(0.9, 0.99))


def drifting(trainer, given, runs):
    """Accuracy [elapsed, run] of the trained network in devices that drift."""
    values = trainer.module.values()
    weights = {id: values[f"{id}.w"].detach()[0] for id in GAINS}
    device = Memristor(drift=FilamentDrift())
    spikes, found = torch.as_tensor(given[0], dtype=torch.float32), np.empty((len(ELAPSED), runs))
    for row, elapsed in enumerate(ELAPSED):
        for run in range(runs):
            net = network(weights, Izhikevich, "numba", device, elapsed, seed=run)
            scores = net.run(spikes).mean(dim=1)
            found[row, run] = (scores.argmax(dim=1) == given[1]).float().mean()
    return found


def read_often(trainer, images, labels, readings, random):
    """Accuracy where each letter is read several times, a little turned and shifted each time."""
    scores = sum(trainer.predict(encoded(augmented(images, random))) for _ in range(readings))
    return float((scores.argmax(axis=1) == labels.numpy()).mean())


def draw(trainer, confusion, accuracies, drift):
    """Accuracy by epoch, the confusion matrix, and accuracy against elapsed time."""
    figure, (curve, matrix, time_course) = plt.subplots(
        1, 3, figsize=(11, 3.6), layout="constrained"
    )
    history = trainer.history
    curve.plot(range(1, len(history) + 1), history["accuracy"], color="0.6", label="training")
    tested = [k + 1 for k, epoch in enumerate(history.epochs) if "validation_accuracy" in epoch]
    curve.plot(tested, history["validation_accuracy"], "o-", ms=3, color="#2e86ab", label="test")
    curve.set(title="A   learning, last seed", xlabel="epoch", ylabel="accuracy", ylim=(0, 1.02))
    curve.legend(frameon=False)
    share = confusion / confusion.sum(axis=1, keepdims=True).clip(1)
    matrix.imshow(share, cmap="Blues", vmin=0.0, vmax=1.0)
    names = list("abcdefghij")
    matrix.set_xticks(range(LETTERS), names)
    matrix.set_yticks(range(LETTERS), names)
    mean = 100.0 * np.mean(accuracies)
    matrix.set(title=f"B   all test images, {mean:.1f} %", xlabel="found", ylabel="letter")
    middle, spread = drift.mean(axis=1), drift.std(axis=1)
    x = np.maximum(ELAPSED, 0.1)
    time_course.fill_between(x, middle - spread, middle + spread, color="#d1495b", alpha=0.25, lw=0)
    time_course.plot(x, middle, "o-", ms=3, color="#d1495b")
    time_course.set(title="C   in drifting devices", xlabel="elapsed time (s)", ylabel="accuracy")
    time_course.set(xscale="log", ylim=(0, 1.02))
    time_course.set_xticks([0.1, 1, 1e2, 1e4], ["0", "1", "10$^2$", "10$^4$"])
    for axis in (curve, time_course):
        axis.spines[["top", "right"]].set_visible(False)
    path = Path("Results", "Gemo_2024_braille.png")
    figure.savefig(path, dpi=150)
    return path


def main():
    """Train with each seed, tell, and draw."""
    parser = argparse.ArgumentParser(description="Braille letters with Izhikevich neurons.")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--held", type=int, help="test on so many of the training images instead")
    parser.add_argument("--small", action="store_true", help="a minute or less, to see it work")
    chosen = parser.parse_args()
    images, labels = letters()
    seeds, epochs, runs = chosen.seeds, chosen.epochs, RUNS
    if chosen.small:
        seeds, epochs, runs = 1, 2, 2
        images, labels = images[::8], labels[::8]
    accuracies, repeated, drift = [], [], []
    confusion = np.zeros((LETTERS, LETTERS), int)
    for seed in range(chosen.first, chosen.first + seeds):
        start = time.perf_counter()
        trainer, given, often = train(seed, epochs, images, labels, chosen.held)
        found = trainer.evaluate(*given)
        accuracies.append(found.accuracy)
        confusion += found.confusion
        seconds = time.perf_counter() - start
        repeated.append(often)
        print(
            f"seed {seed}: test {found.accuracy:.3f}, read {READINGS} times {often:.3f}, training "
            f"{trainer.history['accuracy'][-1]:.3f}, {seconds:.0f} s",
            flush=True,
        )
        drift.append(drifting(trainer, given, max(runs // seeds, 2)))
    drift = np.concatenate(drift, axis=1)
    Path("Results").mkdir(exist_ok=True)
    result = {
        "date": str(datetime.date.today()),
        "accuracy": accuracies,
        "mean": float(np.mean(accuracies)),
        "std": float(np.std(accuracies)),
        "accuracy_of_repeated_readings": repeated,
        "elapsed": ELAPSED,
        "drift_mean": drift.mean(axis=1).tolist(),
        "drift_std": drift.std(axis=1).tolist(),
        "seconds_per_seed": seconds,
    }
    Path("Results", "Gemo_2024_braille.json").write_text(json.dumps(result, indent=1))
    print(f"read {READINGS} times: mean {np.mean(repeated):.3f}, std {np.std(repeated):.3f}")
    print(f"mean {result['mean']:.3f}, std {result['std']:.3f}, best {max(accuracies):.3f}")
    print(f"picture: {draw(trainer, confusion, accuracies, drift)}")


if __name__ == "__main__":
    main()
