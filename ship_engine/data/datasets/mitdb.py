"""MIT-BIH Arrhythmia Database 1.0.0: 48 electrocardiograms of half an hour, beat by beat.

Moody & Mark (2001), IEEE Eng. Med. Biol. 20(3), 45; Goldberger et al. (2000), Circulation 101(23),
e215.  PhysioNet, Open Data Commons Attribution License 1.0.  Two leads, 360 Hz.  The records are of
47 patients: 201 and 202 are of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ship_engine.data.arrays import Floats, Integers, whole_number
from ship_engine.data.datasets.fetching import Folder, fetched, prepared_file, read_prepared
from ship_engine.data.datasets.mitdb_checksums import CHECKSUMS
from ship_engine.data.datasets.wfdb_files import (
    Annotations,
    read_annotations,
    read_header,
    read_signals,
)
from ship_engine.data.progress import Progress, shown
from ship_engine.errors import MissingDataError, UnknownNameError

URL = "https://physionet.org/files/mitdb/1.0.0/"
RECORDS = tuple(sorted({name.partition(".")[0] for name in CHECKSUMS}))
BEATS = tuple("NLRAaJSVF!ejE/fxQ|")
"""The 18 classes of the SHIP paper: kinds of beats, blocked P waves, artefacts like a QRS."""
GROUPS = {"N": "NLRej", "S": "AaJS", "V": "VE", "F": "F", "Q": "/fQ"}
"""The five classes of the standard ANSI/AAMI EC57: normal, supraventricular, ventricular, fusion,
and other beats."""
PACED = ("102", "104", "107", "217")
TRAIN_PATIENTS = (
    "101", "106", "108", "109", "112", "114", "115", "116", "118", "119", "122",
    "124", "201", "203", "205", "207", "208", "209", "215", "220", "223", "230",
)  # fmt: skip
"""Usual division between patients, without paced ones (de Chazal et al. 2004)."""
TEST_PATIENTS = (
    "100", "103", "105", "111", "113", "117", "121", "123", "200", "202", "210",
    "212", "213", "214", "219", "221", "222", "228", "231", "232", "233", "234",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Electrocardiogram:
    """A record."""

    name: str
    leads: tuple[str, ...]
    """Such as ("MLII", "V5"); not the same in all records"""
    digital: NDArray[np.int16]
    """[time, lead] as the converter gave it"""
    gains: Floats
    """[lead], units of the converter to 1 mV"""
    zeros: Integers
    """[lead], value of 0 mV"""
    sample_rate: float
    """Hz"""
    annotations: Annotations

    @property
    def signals(self) -> Floats:
        """[time, lead] in mV."""
        return np.asarray((self.digital - self.zeros) / self.gains)


class Heartbeats(NamedTuple):
    """Single heartbeats."""

    signals: list[Floats]
    """[time, lead] in mV"""
    symbols: NDArray[np.str_]
    """Kind of each beat, such as "N" """
    records: NDArray[np.str_]
    """Record that each beat is from, as groups for `split`"""
    samples: Integers
    """Where the beat is in its record"""


def load_mitdb(
    records: Iterable[str] = RECORDS, *, folder: Folder = None, progress: Progress = False
) -> list[Electrocardiogram]:
    """Load records of the MIT-BIH Arrhythmia Database.

    Parameters
    ----------
    records : iterable of str
        Names such as "100"; by default all 48.
    folder : path, optional
        Folder with PhysioNet's own files in ``mitdb``, or with ``mitdb/mitdb_1xx.npz`` and
        ``mitdb_2xx.npz``, with the arrays records, leads, gain and baseline [record, lead], fs, and
        of each record sig_100 [lead, time], ann_sample_100, ann_symbol_100 and ann_aux_100; see
        `ship_engine.data.datasets`.
    progress : bool or str
        Whether to show a progress bar.

    Returns
    -------
    list of Electrocardiogram
        In the order of `records`.

    Raises
    ------
    UnknownNameError
        If there is no such record.
    MissingDataError
        If they are neither in a folder nor to be had from the internet.
    FileFormatError
        If a file is damaged.
    """
    names = list(records)
    for name in names:
        if name not in RECORDS:
            raise UnknownNameError(
                f"there is no record {name!r}; the records are {', '.join(RECORDS)}."
            )
    loaded = []
    with shown(progress, len(names), "records", "records") as bar:
        for name in names:
            loaded.append(_load(name, folder))
            bar.update(1)
    return loaded


def heartbeats(
    records: Sequence[Electrocardiogram], *, symbols: Sequence[str] = BEATS, margin: int = 0
) -> Heartbeats:
    """Records cut into beats, midway between one annotation and the next.

    Parameters
    ----------
    records : list of Electrocardiogram
        Where the beats are.
    symbols : list of str
        Which annotations count as beats.
    margin : int
        Samples more on either side, so that neighbours overlap.

    Returns
    -------
    Heartbeats
        ``signals``, ``symbols``, ``records``, ``samples``.  The first beat of a record starts, and
        the last one ends, with it.

    Raises
    ------
    InvalidValueError
        If the margin is negative.
    """
    margin = whole_number(margin, "margin", 0)
    signals, kinds, names, places = [], [], [], []
    for record in records:
        chosen = np.isin(record.annotations.symbols, list(symbols))
        at = record.annotations.samples[chosen]
        middle = (at[1:] + at[:-1]) // 2
        length = len(record.digital)
        starts = np.concatenate([[0], middle - margin])[: at.size].clip(0)
        stops = np.concatenate([middle + margin, [length]])[-at.size or length :].clip(0, length)
        whole = record.signals
        signals += [whole[start:stop] for start, stop in zip(starts, stops, strict=True)]
        kinds.append(record.annotations.symbols[chosen])
        names.append(np.full(at.size, record.name))
        places.append(at)
    none = np.zeros(0, "U3")
    return Heartbeats(
        signals,
        np.concatenate([none.astype("U1"), *kinds]),
        np.concatenate([none, *names]),
        np.concatenate([np.zeros(0, np.int64), *places]),
    )


def read_record(header_file: Path, signal_file: Path, annotation_file: Path) -> Electrocardiogram:
    """Read a record from PhysioNet's own files.

    Raises
    ------
    FileFormatError
        If a file is damaged.
    """
    header = read_header(header_file)
    return Electrocardiogram(
        header.name,
        header.leads,
        read_signals(signal_file, header),
        header.gains,
        header.zeros,
        header.sample_rate,
        read_annotations(annotation_file),
    )


def _load(name: str, folder: Folder) -> Electrocardiogram:
    path = prepared_file("mitdb", [f"mitdb_{name[0]}xx.npz", f"{name}.hea"], folder)
    if path is not None and path.suffix == ".npz":
        return _from_prepared(path, name)
    files = [
        fetched(f"{URL}{name}{suffix}", CHECKSUMS[name + suffix], "mitdb", False)
        if path is None
        else path.with_suffix(suffix)
        for suffix in (".hea", ".dat", ".atr")
    ]
    return read_record(*files)


def _from_prepared(path: Path, name: str) -> Electrocardiogram:
    """A record from the prepared file of its hundred."""
    about = read_prepared(path, "records", "leads", "gain", "baseline", "fs")
    if name not in about["records"]:
        raise MissingDataError(f"'{path}' has no record {name!r}.")
    row = int(np.argmax(about["records"] == name))
    parts = "sig", "ann_sample", "ann_symbol", "ann_aux"
    signals, samples, symbols, texts = read_prepared(path, *(f"{p}_{name}" for p in parts)).values()
    return Electrocardiogram(
        name,
        tuple(str(lead) for lead in about["leads"][row]),
        signals.T,
        about["gain"][row].astype(np.float64),
        about["baseline"][row].astype(np.int64),
        float(about["fs"]),
        Annotations(samples.astype(np.int64), symbols, texts),
    )
