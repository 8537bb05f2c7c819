"""Free Spoken Digit Dataset: 3,000 spoken digits of six speakers.

Jackson, Z. et al. (2018), https://github.com/Jakobovski/free-spoken-digit-dataset, here version
1.0.10 of August 2020, the first with 3,000 recordings; licence CC BY-SA 4.0.  Mono, 16 bit, 8 kHz,
0.14 to 2.3 s; 50 recordings of each digit by each speaker.
"""

from __future__ import annotations

import io
import itertools
import wave
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

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
from ship_engine.data.progress import Progress
from ship_engine.errors import FileFormatError

URL = "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.zip"
CONTENT = "18c3be6a7453dd25a7976b1087f909a7cf78cf5287c7adb413f7e6c93d7339f6"
"""Digest of all samples and of where each recording starts."""
SAMPLE_RATE = 8000.0
FULL_SCALE = 32768.0
TEST_TAKES = 5
"""The first takes of each speaker and digit are the official test set."""


class SpokenDigits(NamedTuple):
    """Recordings in the order of digit, speaker and take."""

    waves: list[NDArray[np.float32]]
    """[sample] between -1 and 1"""
    labels: Integers
    """Digit, 0 to 9"""
    speakers: NDArray[np.str_]
    takes: Integers
    """0 to 49"""
    is_test: NDArray[np.bool_]
    """Official test set: takes 0 to 4"""
    sample_rate: float
    """Hz"""


def load_spoken_digits(*, folder: Folder = None, progress: Progress = False) -> SpokenDigits:
    """Load the Free Spoken Digit Dataset.

    Parameters
    ----------
    folder : path, optional
        Folder with ``fsdd/fsdd.npz``, with the arrays samples, offsets (where each recording
        starts, and the end), labels, speaker (index), speaker_names and take; see
        `ship_engine.data.datasets`.
    progress : bool or str
        Whether to show a progress bar for the download.

    Returns
    -------
    SpokenDigits
        ``waves``, ``labels``, ``speakers``, ``takes``, ``is_test``, ``sample_rate``.

    Raises
    ------
    MissingDataError
        If it is neither in a folder nor to be had from the internet.
    FileFormatError
        If a prepared file is damaged.
    """
    path = prepared_file("fsdd", ["fsdd.npz"], folder)
    if path is None:
        return _from_archive(fetched(URL, None, "fsdd", progress))
    content = read_prepared(
        path, "samples", "offsets", "labels", "speaker", "speaker_names", "take"
    )
    speakers = content["speaker_names"][content["speaker"]]
    return _digits(
        content["samples"], content["offsets"], content["labels"], speakers, content["take"]
    )


def _digits(samples: Any, offsets: Any, labels: Any, speakers: Any, takes: Any) -> SpokenDigits:
    waves = [
        (samples[start:stop] / FULL_SCALE).astype(np.float32)
        for start, stop in itertools.pairwise(offsets)
    ]
    takes = np.asarray(takes, np.int64)
    return SpokenDigits(
        waves, np.asarray(labels, np.int64), speakers, takes, takes < TEST_TAKES, SAMPLE_RATE
    )


def _from_archive(path: Path) -> SpokenDigits:
    """Recordings ``{digit}_{speaker}_{take}.wav`` of an archive of the repository."""
    found = []
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                folder, _, name = member.rpartition("/")
                if folder.endswith("recordings") and name.endswith(".wav"):
                    digit, speaker, take = name.removesuffix(".wav").split("_")
                    samples = _samples_of_wav(archive.read(member))
                    found.append((int(digit), speaker, int(take), samples))
    except (*DAMAGES, wave.Error) as error:
        raise FileFormatError(
            f"'{path}' is no archive of recordings ({error}); delete it to download it again."
        ) from error
    found.sort(key=lambda row: row[:3])
    recordings = [samples for *_, samples in found]
    offsets = np.cumsum([0, *map(len, recordings)])
    samples = np.concatenate([np.zeros(0, np.int16), *recordings])
    check_content([samples, offsets], CONTENT, path)
    labels, speakers, takes = ([row[i] for row in found] for i in range(3))
    return _digits(samples, offsets, labels, np.array(speakers), takes)


def _samples_of_wav(content: bytes) -> NDArray[np.int16]:
    with wave.open(io.BytesIO(content)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)
