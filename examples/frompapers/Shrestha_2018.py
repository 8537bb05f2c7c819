"""N-MNIST, seen by an event camera, learnt by SLAYER: Shrestha & Orchard (2018), NeurIPS 31.

The small set that comes with SLAYER, 1,000 recordings to train with and 100 to test, of 300 ms at
steps of 1 ms. Two networks of spike response neurons: 2312-512-10, and the convolutions 16c5-2a-
32c3-2a-64c3-10. The right output should spike 60 times, the others 10 times.

What is not SLAYER's: recordings are turned, stretched and shifted a little anew in each epoch,
neurons are dropped at random, the learning rate falls to zero along a cosine, and there are fewer
epochs; with 100 samples to test, a percent is a single one. The accuracy is that after the last
epoch.

Usage: python Shrestha_2018.py [dense | convolutional] [--seeds 5] [--epochs 30]

The recordings are read from the folder that SHIP_DATA names; see docs/data.md.
"""

import argparse
import json
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch

from ship_engine.data.datasets.nmnist import load_small_nmnist
from ship_engine.layers.dense import Dense
from ship_engine.layers.dropout import SampleDropout
from ship_engine.layers.module import LayeredModule
from ship_engine.layers.pooling import SumPool
from ship_engine.layers.spike_response import SpikeResponse
from ship_engine.layers.stepwise import Stepwise
from ship_engine.training.course_losses import SpikeCountLoss
from ship_engine.training.trainer import Trainer

DURATION, TAU, THRESHOLD = 300, 10.0, 10.0  # ms, ms, one
SIZE, POLARITIES = 34, 2


class Recordings:
    """Events as tensors [time, component], made when they are asked for.

    Parameters
    ----------
    events : list of Events
        Of each sample.
    dt : float
        Time step in ms.
    vary : float
        How much each is turned, stretched and shifted at random: up to 10 degrees, 10 % and 2
        pixels at 1.
    seed : int
        Of the variations.
    """

    def __init__(self, events, dt, vary=0.0, seed=0):
        self._events, self._dt, self._vary = events, dt, vary
        self._random = np.random.default_rng(seed)
        self._steps = round(DURATION / dt)

    def __len__(self):
        return len(self._events)

    def __getitem__(self, index):
        events = self._events[index]
        turn, wide, high, *move = self._vary * self._random.uniform(-1.0, 1.0, 5)
        cosine, sine = np.cos(np.deg2rad(10.0 * turn)), np.sin(np.deg2rad(10.0 * turn))
        middle = (SIZE - 1) / 2
        across, down = (1.0 + 0.1 * wide) * (events.x - middle), events.y - middle
        down = (1.0 + 0.1 * high) * down
        x = np.rint(cosine * across - sine * down + middle + 2.0 * move[0]).astype(np.int64)
        y = np.rint(sine * across + cosine * down + middle + 2.0 * move[1]).astype(np.int64)
        step = np.rint(events.time / self._dt).astype(np.int64)
        kept = (step < self._steps) & (x >= 0) & (x < SIZE) & (y >= 0) & (y < SIZE)
        place = ((step * POLARITIES + events.polarity) * SIZE + y) * SIZE + x
        found = torch.zeros(self._steps * POLARITIES * SIZE * SIZE, dtype=torch.bool)
        found[torch.from_numpy(place[kept])] = True
        return found.view(self._steps, -1)


def neurons(dt):
    """Spike response neurons with SLAYER's constants."""
    return SpikeResponse(THRESHOLD, tau_s=TAU, tau_ref=1.0, scale_ref=2.0, dt=dt)


def dense_network(dt, dropout):
    """2312-512-10."""
    inputs = POLARITIES * SIZE * SIZE
    return torch.nn.Sequential(
        Dense(inputs, 512, weight_scale=10.0),
        neurons(dt),
        SampleDropout(dropout),
        Dense(512, 10, weight_scale=10.0),
        neurons(dt),
    )


def convolution(inputs, outputs, kernel, padding, gain):
    """A convolution without a bias, whose initial weights are torch's times a gain."""
    made = torch.nn.Conv2d(inputs, outputs, kernel, padding=padding, bias=False)
    with torch.no_grad():
        made.weight *= gain
    return Stepwise(made)


def convolutional_network(dt, dropout, gain):
    """16c5-2a-32c3-2a-64c3-10; pooling neurons spike at the first spike of their field."""
    pool = partial(SumPool, 2, weight=1.1 * THRESHOLD)
    return torch.nn.Sequential(
        convolution(2, 16, 5, 1, gain),
        neurons(dt),
        pool(),
        neurons(dt),
        convolution(16, 32, 3, 1, gain),
        neurons(dt),
        pool(),
        neurons(dt),
        convolution(32, 64, 3, 1, gain),
        neurons(dt),
        SampleDropout(dropout),
        Dense(64 * 8 * 8, 10, weight_scale=gain),
        neurons(dt),
    )


def held_out(data):
    """The data to train with alone, every fifth of them to test with: for choosing constants."""
    chosen = np.flatnonzero(~data.is_test)
    events = [data.events[index] for index in chosen]
    return data._replace(
        events=events, labels=data.labels[chosen], is_test=np.arange(len(chosen)) % 5 == 0
    )


def trained(kind, data, seed, given):
    """Train a network; its accuracy on the test set and the seconds an epoch takes."""
    torch.manual_seed(seed)
    dt = given.dt
    if kind == "dense":
        layers = dense_network(dt, given.dropout)
    else:
        layers = convolutional_network(dt, given.dropout, given.gain)
    module = LayeredModule(layers, (POLARITIES, SIZE, SIZE), dt)
    trainer = Trainer(
        module,
        readout="spike_count",
        loss=SpikeCountLoss(60, 10, start=0.0, stop=DURATION, tau_s=TAU, dt=dt),
        optimizer=partial(torch.optim.Adam, lr=given.rate, amsgrad=given.amsgrad),
        schedule=partial(torch.optim.lr_scheduler.CosineAnnealingLR, T_max=given.epochs),
        seed=seed,
    )
    if given.validate:
        data = held_out(data)
    train = [
        events for events, is_test in zip(data.events, data.is_test, strict=True) if not is_test
    ]
    test = [events for events, is_test in zip(data.events, data.is_test, strict=True) if is_test]
    samples = Recordings(train, dt, given.vary, seed)
    classes = data.labels[~data.is_test]
    held = Recordings(test, dt), data.labels[data.is_test]
    seconds = []
    for epoch in range(given.epochs):
        start = time.perf_counter()
        history = trainer.fit(samples, classes, epoch + 1, batch_size=given.batch, progress=False)
        seconds.append(time.perf_counter() - start)
        if given.verbose:
            accuracy = trainer.evaluate(*held, batch_size=10).accuracy
            told = history["loss"][-1], history["accuracy"][-1], accuracy, seconds[-1]
            print("{}: loss {:.3f}, train {:.3f}, test {:.2f}, {:.1f} s".format(epoch, *told))
    return trainer.evaluate(*held, batch_size=10).accuracy, float(np.median(seconds))


def arguments():
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("network", nargs="?", default="dense", choices=["dense", "convolutional"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--dt", type=float, default=1.0, help="ms")
    parser.add_argument("--rate", type=float, default=0.01, help="of Adam")
    parser.add_argument("--amsgrad", action="store_true", help="as SLAYER's examples")
    parser.add_argument("--vary", type=float, default=0.7, help="how much recordings are varied")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--gain", type=float, default=10.0, help="of the initial weights")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--validate", action="store_true", help="leave the test set alone")
    parser.add_argument("--verbose", action="store_true", help="test after each epoch")
    parser.add_argument("--write", type=Path, help="a file for the numbers")
    return parser.parse_args()


def main():
    """Train with several seeds, and tell how it went."""
    given = arguments()
    torch.set_num_threads(given.threads)
    data = load_small_nmnist()
    found = []
    for seed in range(given.first_seed, given.first_seed + given.seeds):
        found.append(trained(given.network, data, seed, given))
        print("seed {}: {:.2f}, {:.1f} s an epoch".format(seed, *found[-1]), flush=True)
    accuracy, seconds = np.array(found).T
    print(
        f"{given.network}: {100 * accuracy.mean():.1f} ± {100 * accuracy.std():.1f} % of 100 "
        f"recordings, {np.median(seconds):.1f} s an epoch"
    )
    if given.write is not None:
        given.write.write_text(json.dumps({"accuracy": list(accuracy), "seconds": list(seconds)}))


if __name__ == "__main__":
    main()
