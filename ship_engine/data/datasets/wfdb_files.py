"""Records of PhysioNet: signals in format 212 and annotations in MIT format.

The package wfdb reads every format there is, and brings pandas, SciPy, Matplotlib and an HTTP
client; these few pages of the WFDB Applications Guide (Moody) are all that is needed here.

Header: lines of text; the record's name, number of signals, sampling rate and number of samples;
then for each signal its file, format, gain, resolution, zero, first value, checksum, block size and
name.  Format 212: two samples of 12 bits in three bytes.  Annotations: words of 16 bits, least
significant byte first, of which the upper 6 are a code and the lower 10 the time since the one
before.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ship_engine.data.arrays import Floats, Integers
from ship_engine.errors import FileFormatError

FORMAT = "212"
SYMBOLS = {
    1: "N", 2: "L", 3: "R", 4: "a", 5: "V", 6: "F", 7: "J", 8: "A", 9: "S", 10: "E", 11: "j",
    12: "/", 13: "Q", 14: "~", 16: "|", 18: "s", 19: "T", 20: "*", 21: "D", 22: '"', 23: "=",
    24: "p", 25: "B", 26: "^", 27: "t", 28: "+", 29: "u", 30: "?", 31: "!", 32: "[", 33: "]",
    34: "e", 35: "n", 36: "@", 37: "x", 38: "f", 39: "(", 40: ")", 41: "r",
}  # fmt: skip
"""What an annotation is about, by its code."""
SKIP, NUMBER, SUBTYPE, CHANNEL, TEXT = 59, 60, 61, 62, 63
DEFAULT_GAIN = 200.0


class Header(NamedTuple):
    """What the header of a record says."""

    name: str
    sample_rate: float
    """Hz"""
    samples: int
    file: str
    leads: tuple[str, ...]
    gains: Floats
    """[lead], units of the converter to 1 mV"""
    zeros: Integers
    """[lead], value of 0 mV"""
    checksums: tuple[int, ...]
    comments: tuple[str, ...]


class Annotations(NamedTuple):
    """Marks in a record."""

    samples: Integers
    """Where"""
    symbols: NDArray[np.str_]
    """What, such as "N" for a normal beat"""
    texts: NDArray[np.str_]
    """What else, such as "(AFIB" where a rhythm begins; mostly empty"""


def read_header(path: Path) -> Header:
    """Read the header of a record, ``.hea``.

    Raises
    ------
    FileFormatError
        If it is damaged, or the signals are not in one file of format 212.
    """
    text = path.read_text("ascii", "replace").splitlines()
    comments = tuple(line[1:].strip() for line in text if line.startswith("#"))
    lines = [line.split() for line in text if line.strip() and not line.startswith("#")]
    try:
        name, count, rate, samples = lines[0][:4]
        signals = lines[1 : 1 + int(count)]
        sample_rate, length = float(re.split("[/(]", rate)[0]), int(samples)
        files = {(row[0], row[1]) for row in signals}
        leads = tuple(" ".join(row[8:]) for row in signals)
        gains, zeros, checksums = zip(*map(_numbers_of_signal, signals), strict=True)
    except (IndexError, ValueError) as error:
        raise FileFormatError(f"'{path}' is no header of a record: {error}") from error
    if len(files) != 1 or {form for _, form in files} != {FORMAT} or len(signals) != 2:
        raise FileFormatError(
            f"'{path}' must describe two signals in one file of format {FORMAT}; it says "
            f"{', '.join(' '.join(pair) for pair in sorted(files))}."
        )
    file = files.pop()[0]
    numbers = np.array(gains, np.float64), np.array(zeros, np.int64)
    return Header(name, sample_rate, length, file, leads, *numbers, checksums, comments)


def _numbers_of_signal(row: list[str]) -> tuple[float, int, int]:
    """Gain, zero and checksum."""
    gain = float(re.split("[(/]", row[2])[0]) or DEFAULT_GAIN
    baseline = re.search(r"\((-?\d+)\)", row[2])
    return gain, int(baseline[1]) if baseline else int(row[4]), int(row[6])


def read_signals(path: Path, header: Header) -> NDArray[np.int16]:
    """Read the two signals of a record, ``.dat``, as the converter gave them.

    Returns
    -------
    array of int16 [time, lead]

    Raises
    ------
    FileFormatError
        If the file has another length than the header says, or other checksums.
    """
    content = np.fromfile(path, np.uint8)
    if content.size != 3 * header.samples:
        raise FileFormatError(
            f"'{path}' has {content.size} bytes; {header.samples} samples of two signals have "
            f"{3 * header.samples}."
        )
    low, both, high = content.reshape(-1, 3).astype(np.int16).T
    signals = np.stack([low | (both & 0x0F) << 8, high | (both & 0xF0) << 4], axis=1)
    signals -= (signals & 0x800) << 1
    found = tuple(int(total) for total in signals.sum(0, np.int64).astype(np.int16))
    if found != header.checksums:
        raise FileFormatError(
            f"'{path}' is damaged: its checksums are {found}, the header says {header.checksums}."
        )
    return signals


def read_annotations(path: Path) -> Annotations:
    """Read the annotations of a record, such as ``.atr``.

    Raises
    ------
    FileFormatError
        If the file is damaged.
    """
    content = path.read_bytes()
    words = np.frombuffer(content[: len(content) // 2 * 2], "<u2").tolist()
    samples: list[int] = []
    symbols: list[str] = []
    texts: list[str] = []
    time, place = 0, 0
    while place < len(words) and words[place]:
        code, interval = words[place] >> 10, words[place] & 0x3FF
        place += 1
        if code == SKIP:
            high, low = [*words[place : place + 2], 0, 0][:2]
            time += ((high << 16 | low) ^ 2**31) - 2**31
            place += 2
        elif code == TEXT:
            start = 2 * place
            if texts:
                own = content[start : start + interval]
                texts[-1] = own.rstrip(b"\0").decode("ascii", "replace")
            place += (interval + 1) // 2
        elif code not in (NUMBER, SUBTYPE, CHANNEL):
            if code not in SYMBOLS:
                raise FileFormatError(f"'{path}' has an annotation of the unknown code {code}.")
            time += interval
            samples.append(time)
            symbols.append(SYMBOLS[code])
            texts.append("")
    if place >= len(words) or (samples and min(samples) < 0):
        raise FileFormatError(f"'{path}' ends in the middle of the annotations; it is damaged.")
    return Annotations(np.array(samples, np.int64), np.array(symbols, "U1"), np.array(texts, "U"))
