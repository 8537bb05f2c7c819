"""A liquid state machine that tells spoken digits: figure 9 of the SHIP paper, and a step further.

Sound goes through Lyon's ear, becomes spikes in 50 channels, and stirs a liquid of 125
leaky integrate-and-fire neurons, whose connections are drawn once and stay. Ten leaky integrators
read it out; only their weights are trained. Then the weights are kept in memristive devices of 2 to
32 levels (1 to 5 bits): written there after training, and trained further with the devices in mind.

Gemo, Spiga & Brivio (2024), Front. Neurosci. 17:1270090, section 4.2.1. From there: the data (Free
Spoken Digit Dataset, 3,000 recordings, 85 % of them drawn at random for training), the ear, rates
of 0 to 500 Hz above 20 % of the full scale, sizes of groups, 200 synapses from inputs, time
constants of 64 and 8 ms, steps of 1 ms, Adam, ten seeds, and levels that cross at 3 standard
deviations. What differs:

- scores are the mean of the read-out's potential, not its peak, and the loss is the cross entropy
  of scores divided by one number. The mean is linear in the weights, so this is easy to train;
- weights stay within +-0.6, batches hold 64 recordings of similar length, and there are 40 epochs
  with a falling rate instead of 300;
- the read-out is trained in steps of 4 ms, a quarter of the work, and tested in steps of 1 ms;
- synapses from inputs are dealt out evenly, 125 positive and 75 negative ones; the recurrent ones
  are weak. Recurrence adds nothing that could be measured: of four validations the mean was 93.2 %
  with it and 93.3 % without, so what counts here is how inputs are spread over neurons;
- the full scale of the ear is that of the training recordings alone.

What made how much of the difference to the paper's 86.9 % (mean of ten seeds; best 88.2 %) was not
measured. These constants were chosen with parts of the training recordings of other splits
(`--validate`); test recordings chose nothing, the test accuracy by epoch is only recorded. But
splits are of the same recordings and speakers, as in the paper, so that a recording tested here may
have served to choose constants there; no speaker was left out as a whole.

Usage: python Gemo_2024_spoken_digits.py [--seeds 10] [--epochs 40] [--neurons 125]
       [--bits 1 2 3 4 5] [--small] [--validate]

It takes about a minute for the ear and one or two for each seed, most of it for devices. `--small`
takes 180 recordings, or, if SHIP_DATA names no folder of data, sounds that it makes itself.
"""

import argparse
import datetime
import json
import os
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from liquid import column_shape, draw_column
from spoken_digits_report import draw, tables

from ship_engine import LI, LIF, Input, LeakySynapse, Network
from ship_engine.data import (
    Batches,
    LyonEar,
    cochleagrams,
    least_maximum,
    load_spoken_digits,
    resample,
    spikes_of_rates,
)
from ship_engine.devices import Memristor
from ship_engine.devices.quantisation import straight_through
from ship_engine.training.platform_module import Argument, PlatformModule
from ship_engine.training.regularisers import WeightDecay
from ship_engine.training.trainer import Trainer
from ship_engine.training.transforms import Clipped, Transform

sys.path.append(str(Path(__file__).resolve().parents[2]))
from benchmarks.machine import describe_machine

NAME = "Gemo_2024_spoken_digits"
CLASSES, DT = 10, 1.0  # ms
EAR = LyonEar(8000.0, quality=8.0, step=0.32, decimation=64, smoothing=0.5)  # 50 channels
MAX_RATE, THRESHOLD = 500.0, 0.2  # Hz; of the full scale
TAU_SYNAPSE, TAU_NEURON = 8.0, 64.0  # ms
INPUT_WEIGHT, UNIT = 0.04, 0.001  # the threshold is 1
TEST_SHARE = 0.15
COARSE = 4  # steps in one of those in which the read-out is trained
SCALE = 10.0  # potential, about the spread of what a weight of 1 causes
BOUND = 0.6  # of the weights that are trained
DECAY, RATE, BATCH = 5e-4, 0.1, 64
AWARE_EPOCHS, AWARE_RATE = 10, 0.05
WRITES = 5  # how often a test is repeated; devices are written anew for each of its batches


def arguments():
    parser = argparse.ArgumentParser(description="Spoken digits, figure 9 of the SHIP paper.")
    parser.add_argument("--seeds", type=int, help="how many (10)")
    parser.add_argument("--epochs", type=int, help="of training (40)")
    parser.add_argument("--neurons", type=int, default=125, help="of the liquid (125)")
    parser.add_argument("--bits", type=int, nargs="*", help="of devices (1 2 3 4 5)")
    parser.add_argument("--small", action="store_true", help="little data, few seeds and epochs")
    parser.add_argument("--validate", action="store_true", help="leave the test recordings out")
    given = parser.parse_args()
    usual = {"seeds": 10, "epochs": 40, "bits": [1, 2, 3, 4, 5]}
    small = {"seeds": 2, "epochs": 12, "bits": [1, 3]}
    for name, value in (small if given.small else usual).items():
        if getattr(given, name) is None:
            setattr(given, name, value)
    return given


# === Sounds =======================================================================================


@dataclass
class Heard:
    """What the ear made of recordings."""

    frames: list
    intensities: list  # the same at every time step: arrays [time, channel]
    labels: np.ndarray

    def spikes(self, training):
        """Spikes [time, channel] of all; the full scale is that of the training recordings."""
        full_scale = least_maximum([self.frames[i] for i in training])
        found = []
        for intensity in self.intensities:
            part = intensity / full_scale
            rates = np.where(part > THRESHOLD, MAX_RATE * part.clip(0.0, 1.0), 0.0)
            found.append(spikes_of_rates(rates, dt=DT))
        return found


def hear(small):
    if not small:
        digits = load_spoken_digits(progress=True)
        waves, labels = digits.waves, digits.labels
    elif os.environ.get("SHIP_DATA"):
        digits = load_spoken_digits()
        chosen = np.flatnonzero(digits.takes < 3)
        waves, labels = [digits.waves[i] for i in chosen], digits.labels[chosen]
    else:
        waves, labels = made_sounds(np.random.default_rng(0))
    frames = cochleagrams(waves, EAR, progress=not small)
    steps = [resample(one, rate=EAR.frame_rate, new_rate=1000.0 / DT) for one in frames]
    return Heard(frames, [one.astype(np.float32) for one in steps], np.asarray(labels))


def made_sounds(rng, each=12):
    """Two gliding tones for each class, at a pitch and a pace that vary, with noise."""
    low, high = rng.uniform(300.0, 900.0, (CLASSES, 2)), rng.uniform(1200.0, 3000.0, (CLASSES, 2))
    waves, labels = [], np.repeat(np.arange(CLASSES), each)
    for label in labels:
        course = np.linspace(0.0, 1.0, int(rng.uniform(0.2, 0.3) * EAR.sample_rate))
        pitch, wave = rng.uniform(0.95, 1.05), 0.01 * rng.standard_normal(course.size)
        for start, stop in (low[label], high[label]):
            frequency = pitch * (start + (stop - start) * course)
            phase = 2.0 * np.pi * np.cumsum(frequency) / EAR.sample_rate
            wave += 0.3 * np.sin(phase) * np.sin(np.pi * course)
        waves.append(wave.astype(np.float32))
    return waves, labels


def split(lengths, seed, validate):
    """Indices to train with and to test with, each from short to long."""
    order = np.random.default_rng(seed).permutation(len(lengths))
    held = round(TEST_SHARE * len(order))
    test, training = order[:held], order[held:]
    if validate:
        test, training = training[: len(training) // 6], training[len(training) // 6 :]
    return tuple(side[np.argsort(lengths[side], kind="stable")] for side in (training, test))


# === The network ==================================================================================


def liquid_spikes(heard, seed, neurons):
    """What the liquid makes of each recording: arrays [time, neuron] of bool."""
    rng = np.random.default_rng(seed)
    shape = column_shape(neurons)
    column = draw_column(rng, shape, EAR.channels, INPUT_WEIGHT, UNIT)
    net = Network(executor="numba")
    net.add(Input, "I", N=EAR.channels)
    net.add(LIF, "R", N=neurons, tau_beta=TAU_NEURON, is_output=True)
    synapse = partial(net.add, LeakySynapse, target="R", tau_alpha=TAU_SYNAPSE)
    synapse("IR", source="I", w=column.input_weights)
    synapse("RR", source="R", w=column.weights)
    net.init(dt=DT)
    found = [None] * len(heard)
    for batch in Batches(heard, batch_size=BATCH, order="by_length", seed=0):
        spikes = net.run(batch.inputs).bool().numpy()
        for i, length, row in zip(batch.indices, batch.lengths, spikes, strict=True):
            found[i] = row[:length].copy()
    return found


def counted(spikes):
    """Spikes in each of the longer steps: arrays [time, neuron]."""
    return [
        np.add.reduceat(one, range(0, len(one), COARSE), axis=0, dtype=np.uint8) for one in spikes
    ]


def read_out(neurons, weights, transform, dt=DT):
    """Ten leaky integrators that hear the liquid, as a module whose weights are trained."""
    net = Network(executor="fused")
    net.add(Input, "R", N=neurons)
    net.add(LI, "O", N=CLASSES, tau_beta=TAU_NEURON, u_min=-torch.inf)
    net.add(LeakySynapse, "RO", source="R", target="O", w=weights, tau_alpha=TAU_SYNAPSE)
    net.init(dt=dt)
    return PlatformModule(net, [Argument("RO", transform=transform)])


def error(scores, targets):
    return torch.nn.functional.cross_entropy(scores / SCALE, targets)


def teacher(weights, transform, rate, epochs, seed, decay=()):
    """A trainer in longer steps; see COARSE."""
    module = read_out(len(weights), weights, transform, COARSE * DT)
    optimizer = partial(torch.optim.Adam, lr=rate)
    schedule = partial(torch.optim.lr_scheduler.CosineAnnealingLR, T_max=epochs)
    return Trainer(module, "mean", error, optimizer, None, schedule, decay, seed=seed)


def tested(weights, transform, recordings):
    """How well weights do, in steps of DT."""
    return Trainer(read_out(len(weights), weights, transform), "mean", error).evaluate(*recordings)


def found_weights(teacher):
    """[neuron, class], as the optimiser has left them."""
    return teacher.module.free["RO_w"].detach()[0]  # the same for the whole batch


# === Devices ======================================================================================


@dataclass(frozen=True)
class Written(Transform):
    """Weights as they are found in devices: whenever they are used they are written anew."""

    device: Memristor
    generator: torch.Generator

    def forward(self, free):
        table = self.device.level_table()
        within = Clipped(-BOUND, BOUND).forward(free)
        return straight_through(within, table.values, sigma=table.sigma, generator=self.generator)

    def inverse(self, value):
        return value.clamp(-BOUND, BOUND)


def in_devices(weights, bits, samples, test, seed):
    """Test accuracies with devices, after training and aware of them: means of some writes."""
    device = Memristor(levels=2**bits, w_max=BOUND)
    written = Written(device, torch.Generator().manual_seed(seed))
    aware = teacher(weights, written, AWARE_RATE, AWARE_EPOCHS, seed)
    aware.fit(*samples, AWARE_EPOCHS, BATCH, order="by_length", progress=False)
    return tuple(
        float(np.mean([tested(w, written, test).accuracy for _ in range(WRITES)]))
        for w in (weights, found_weights(aware))
    )


# === A seed =======================================================================================


def learn(heard, seed, given):
    """Accuracies of one liquid and one split of the recordings."""
    start = time.perf_counter()
    lengths = np.array([len(one) for one in heard.intensities])
    sides = split(lengths, seed, given.validate)
    spikes = liquid_spikes(heard.spikes(sides[0]), seed, given.neurons)
    samples, test = (([spikes[i] for i in side], heard.labels[side]) for side in sides)
    coarse, coarse_test = ((counted(side), labels) for side, labels in (samples, test))
    simulated = time.perf_counter()
    bounds = Clipped(-BOUND, BOUND)
    start_with = torch.zeros(given.neurons, CLASSES)
    learner = teacher(start_with, bounds, RATE, given.epochs, seed, [WeightDecay(DECAY)])
    history = learner.fit(
        *coarse, given.epochs, BATCH, validation=coarse_test, order="by_length", progress=False
    )
    trained = time.perf_counter()
    weights = bounds.forward(found_weights(learner))
    found = tested(weights, bounds, test)
    bits = {n: in_devices(weights, n, coarse, test, seed) for n in given.bits}
    return {
        "seed": seed,
        "training": tested(weights, bounds, samples).accuracy,
        "test": found.accuracy,
        "by_epoch": {"training": history["accuracy"], "test": history["validation_accuracy"]},
        "confusion": found.confusion.tolist(),
        "after": {n: pair[0] for n, pair in bits.items()},
        "aware": {n: pair[1] for n, pair in bits.items()},
        "rate_hz": 1000.0 / DT * float(np.mean([one.mean() for one in spikes])),
        "seconds": {
            "liquid": simulated - start,
            "training": trained - simulated,
            "devices": time.perf_counter() - trained,
        },
    }


def main():
    given, start = arguments(), time.perf_counter()
    heard = hear(given.small)
    ear = time.perf_counter() - start
    rows = []
    for seed in range(given.seeds):
        rows.append(learn(heard, seed + 100 * given.validate, given))
        row = rows[-1]
        print(
            f"seed {row['seed']}: training {100 * row['training']:.1f} %, test "
            f"{100 * row['test']:.1f} %, {sum(row['seconds'].values()):.0f} s",
            flush=True,
        )
    result = {
        "date": datetime.date.today().isoformat(),
        "machine": describe_machine(),
        "threads": torch.get_num_threads(),
        "seconds": time.perf_counter() - start,
        "ear_seconds": ear,
        "recordings": len(heard.labels),
        **vars(given),
        "seeds": rows,
    }
    print(tables(result))
    folder = Path("Results")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{NAME}.md").write_text(tables(result) + "\n", "utf-8")
    (folder / f"{NAME}.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    draw(result, folder / f"{NAME}.png")
    print(f"results: {folder / NAME}.md, .json, .png")


if __name__ == "__main__":
    main()
