"""Networks of rate units that classify handwritten digits, for the examples of conversion.

MNIST is read from the folder that SHIP_DATA names, or fetched (docs/data.md); pixels are from 0 to
1.  With `--small`, digits of seven segments take its place, so that the examples run anywhere.
"""

import datetime
import json
import time
from pathlib import Path

import numpy as np
import torch

from ship_engine.data import load_mnist

SEGMENTS = ["abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg"]
PLACES = {
    "a": (slice(5, 7), slice(10, 18)),
    "b": (slice(6, 13), slice(17, 19)),
    "c": (slice(14, 22), slice(17, 19)),
    "d": (slice(21, 23), slice(10, 18)),
    "e": (slice(14, 22), slice(9, 11)),
    "f": (slice(6, 13), slice(9, 11)),
    "g": (slice(13, 15), slice(10, 18)),
}


def digits(small=False):
    """Images [sample, 1, 28, 28] and labels to train with and to test with."""
    if small:
        return drawn_digits(1500, 0), drawn_digits(200, 1)
    data = load_mnist()
    sets = (data.train_images, data.train_labels), (data.test_images, data.test_labels)
    return tuple(
        (torch.tensor(images, dtype=torch.float32)[:, None] / 255.0, torch.tensor(labels))
        for images, labels in sets
    )


def drawn_digits(count, seed):
    """Digits of seven segments, shifted, on a noisy ground."""
    random = np.random.default_rng(seed)
    images, labels = np.zeros((count, 1, 28, 28), np.float32), random.integers(0, 10, count)
    for image, label in zip(images, labels, strict=True):
        for segment in SEGMENTS[label]:
            image[0][PLACES[segment]] = random.uniform(0.7, 1.0)
        image[0] = np.roll(image[0], random.integers(-2, 3, 2), axis=(0, 1))
    noisy = (images + 0.1 * random.random(images.shape, np.float32)).clip(0.0, 1.0)
    return torch.tensor(noisy), torch.tensor(labels)


def shifted(images, most, random):
    """Each image shifted by up to `most` pixels along both axes, with ground moving in."""
    if most == 0:
        return images
    wide = torch.nn.functional.pad(images, (most,) * 4)
    offsets = torch.randint(0, 2 * most + 1, (len(images), 2), generator=random)
    pixels = torch.arange(images.shape[-1])
    rows = (offsets[:, :1] + pixels)[:, None, :, None]
    columns = (offsets[:, 1:] + pixels)[:, None, None, :]
    return wide[torch.arange(len(images))[:, None, None, None], 0, rows, columns]


def train(ann, images, labels, epochs, seed, rate=2e-3, batch=64, shift=1, decay=0.0):
    """Train with Adam, whose rate rises and falls once (one cycle); the seconds of each epoch."""
    random = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(ann.parameters(), lr=rate, weight_decay=decay)
    batches = -(-len(images) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * batches)
    seconds = []
    ann.train()
    for _ in range(epochs):
        start = time.perf_counter()
        for chosen in torch.randperm(len(images), generator=random).split(batch):
            scores = ann(shifted(images[chosen], shift, random))
            loss = torch.nn.functional.cross_entropy(scores, labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        seconds.append(time.perf_counter() - start)
    ann.eval()
    return seconds


def tell(name, reports, seconds):
    """Print the mean and the standard deviation over seeds, and return what was found."""
    ann = 100.0 * np.array([report.ann_accuracy for report in reports])
    spiking = 100.0 * np.array([report.accuracies for report in reports])
    gaps = 100.0 * np.array([report.gaps for report in reports])
    print(f"\n{name}, {len(reports)} seeds; {np.mean(seconds):.0f} s per epoch")
    print(f"rate units: {ann.mean():.2f} ± {ann.std():.2f} %")
    print(" steps       spiking             gap")
    for k, steps in enumerate(reports[0].steps):
        print(
            f"{steps:6d}  {spiking[:, k].mean():6.2f} ± {spiking[:, k].std():.2f} %  "
            f"{gaps[:, k].mean():+6.2f} ± {gaps[:, k].std():.2f}"
        )
    return {
        "rate_units": ann.tolist(),
        "steps": reports[0].steps,
        "spiking": spiking.tolist(),
        "seconds_per_epoch": float(np.mean(seconds)),
    }


def write(name, found):
    """Write what was found to Results/name.json."""
    folder = Path("Results")
    folder.mkdir(exist_ok=True)
    dated = {"date": str(datetime.date.today()), **found}
    (folder / f"{name}.json").write_text(json.dumps(dated, indent=1))
