"""Small N-MNIST: 1,000 and 100 digits of MNIST, seen by an event camera.

Orchard et al. (2015), Front. Neurosci. 9, 437; the part that comes with SLAYER (Shrestha & Orchard
2018), https://github.com/bamsumit/slayerPytorch.  34 by 34 pixels, two polarities, about 4,100
events in 300 ms.
"""

from __future__ import annotations

import itertools
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ship_engine.data.arrays import Integers
from ship_engine.data.datasets.fetching import (
    DAMAGES,
    Folder,
    check_content,
    fetched,
    prepared_file,
    read_prepared,
)
from ship_engine.data.event_files import read_events
from ship_engine.data.events import Events
from ship_engine.data.progress import Progress
from ship_engine.errors import FileFormatError

URL = (
    "https://raw.githubusercontent.com/bamsumit/slayerPytorch/"
    "01beeeb6a181546d6c6830382ce6086bfc587836/example/02_NMNIST_MLP/NMNISTsmall.zip"
)
CONTENT = "72d080b4f3e81ba979b8278162346af48d0d7b517eb1378debe7fa1c3348a75b"
"""Digest of x, y, polarity, time (µs) and where each recording starts."""
LISTS = ("train1K.txt", "test100.txt")
SIZE = 34
US_PER_MS = 1000.0


class EventDigits(NamedTuple):
    """Recordings of digits; first those to train with."""

    events: list[Events]
    labels: Integers
    """Digit, 0 to 9"""
    is_test: NDArray[np.bool_]
    sample_ids: Integers
    """Number of the recording in N-MNIST: 1 to 60000 for training, then for testing"""


def load_small_nmnist(*, folder: Folder = None, progress: Progress = False) -> EventDigits:
    """Load the small N-MNIST.

    Parameters
    ----------
    folder : path, optional
        Folder with ``nmnist_small/nmnist_small.npz``, with the arrays x, y, p, t_us, offsets
        (where each recording starts, and the end), labels, sample_id and test_index; see
        `ship_engine.data.datasets`.
    progress : bool or str
        Whether to show a progress bar for the download.

    Returns
    -------
    EventDigits
        ``events``, ``labels``, ``is_test``, ``sample_ids``.

    Raises
    ------
    MissingDataError
        If it is neither in a folder nor to be had from the internet.
    FileFormatError
        If a prepared file is damaged.
    """
    path = prepared_file("nmnist_small", ["nmnist_small.npz"], folder)
    if path is None:
        return _from_archive(fetched(URL, None, "nmnist_small", progress))
    content = read_prepared(
        path, "x", "y", "p", "t_us", "offsets", "labels", "sample_id", "test_index"
    )
    is_test = np.zeros(len(content["labels"]), np.bool_)
    is_test[content["test_index"]] = True
    spans = itertools.pairwise(content["offsets"])
    columns = content["x"], content["y"], content["p"], content["t_us"] / US_PER_MS
    events = [_recording(*(column[start:stop] for column in columns)) for start, stop in spans]
    sample_ids = content["sample_id"].astype(np.int64)
    return EventDigits(events, content["labels"].astype(np.int64), is_test, sample_ids)


def _recording(x: object, y: object, polarity: object, time: object) -> Events:
    return Events(x, y, polarity, time, width=SIZE, height=SIZE, polarities=2)


def _from_archive(path: Path) -> EventDigits:
    """Files ``{sample}.bs2`` of an archive, and two lists of samples and classes."""
    events, rows = [], []
    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as unpacked:
            members = {name.rpartition("/")[2]: name for name in archive.namelist()}
            for is_test, name in enumerate(LISTS):
                for sample, label in np.loadtxt(archive.open(members[name]), np.int64, ndmin=2):
                    file = Path(unpacked, f"{sample}.bs2")
                    file.write_bytes(archive.read(members[file.name]))
                    events.append(read_events(file, width=SIZE, height=SIZE))
                    rows.append((label, is_test, sample))
    except (*DAMAGES, KeyError) as error:
        raise FileFormatError(
            f"'{path}' is no archive of N-MNIST ({error}); delete it to download it again."
        ) from error
    labels, tested, sample_ids = np.array(rows, np.int64).reshape(-1, 3).T
    check_content(_as_prepared(events), CONTENT, path)
    return EventDigits(events, labels, tested.astype(np.bool_), sample_ids)


def _as_prepared(events: list[Events]) -> list[NDArray[np.generic]]:
    """The arrays of a prepared file."""
    columns = [
        np.concatenate([np.zeros(0, np.uint8), *(getattr(each, name) for each in events)])
        for name in ("x", "y", "polarity")
    ]
    time = np.concatenate([np.zeros(0), *(each.time for each in events)])
    offsets = np.cumsum([0, *map(len, events)])
    ticks = np.rint(time * US_PER_MS).astype(np.uint32)
    return [*(column.astype(np.uint8) for column in columns), ticks, offsets]
