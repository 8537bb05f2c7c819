"""Files of events: bs1, bs2, bs3 and bsn of SLAYER, arrays of NumPy, and AEDAT 4.

The binary formats have no header and store the most significant byte first:

| suffix | bytes | bits, from the first |
|---|---|---|
| bs1 | 5 | 16 x, 1 polarity, 23 time (µs) |
| bs2 | 5 | 8 x, 8 y, 1 polarity, 23 time (µs); the format of N-MNIST and N-Caltech101 |
| bs3 | 7 | 12 x, 12 y, 8 polarity or channel, 24 time (µs) |
| bsn | 10 | 16 component, 24 start, 24 stop (µs), 16 number of spikes |
| npy | | rows x, y, polarity, time (ms), or x, polarity, time |
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ship_engine.data.arrays import Floats, Integers, as_floats
from ship_engine.data.events import Events
from ship_engine.errors import FileFormatError, InvalidValueError, UnknownNameError

US_PER_MS = 1000.0
FIELDS = {
    "bs1": {"x": 16, "polarity": 1, "time": 23},
    "bs2": {"x": 8, "y": 8, "polarity": 1, "time": 23},
    "bs3": {"x": 12, "y": 12, "polarity": 8, "time": 24},
}
"""Bits of each field, from the first."""
COUNT_FIELDS = {"component": 16, "start": 24, "stop": 24, "spikes": 16}
READABLE = (*FIELDS, "npy", "aedat4")
WRITABLE = (*FIELDS, "npy")


class SpikeCounts(NamedTuple):
    """How often components are to spike, and when: the targets of SLAYER's files bsn."""

    component: Integers
    start: Floats
    """ms"""
    stop: Floats
    """ms"""
    spikes: Integers


def read_events(
    path: str | Path,
    *,
    width: int | None = None,
    height: int | None = None,
    polarities: int | None = None,
    ordered: bool = True,
    format: str | None = None,
) -> Events:
    """Events from a file.

    Parameters
    ----------
    path : str or Path
        The file.
    width, height, polarities : int, optional
        Size of what recorded them; by default what the events need, or what the file says.
    ordered : bool
        Whether to refuse a file in which time goes backwards.
    format : {"bs1", "bs2", "bs3", "npy", "aedat4"}, optional
        By default the file's suffix.  AEDAT 4 needs the package aedat: ``pip install
        pynn-ship[events]``.

    Returns
    -------
    Events
        The events in the order of the file.

    Raises
    ------
    FileFormatError
        If the file is damaged, an address is out of range, or time goes backwards.
    UnknownNameError
        If the format is not known.
    """
    path = Path(path)
    kind = _format_of(path, format, READABLE)
    if kind == "aedat4":
        from ship_engine.data.aedat_files import read_aedat

        x, y, polarity, time, size = read_aedat(path)
        width, height = width or size[0], height or size[1]
    elif kind == "npy":
        x, y, polarity, time = _read_npy(path)
    else:
        fields = _read_fields(path, FIELDS[kind])
        x, polarity, time = fields["x"], fields["polarity"], fields["time"] / US_PER_MS
        y = fields.get("y", np.zeros_like(x))
    sizes = {"width": width, "height": height, "polarities": polarities}
    try:
        events = Events(x, y, polarity, time, **sizes)
    except InvalidValueError as error:
        raise FileFormatError(f"'{path}': {error}") from error
    if ordered and not events.is_ordered:
        where = int(np.argmax(np.diff(events.time) < 0.0))
        raise FileFormatError(
            f"'{path}': time goes backwards from {events.time[where]:g} to "
            f"{events.time[where + 1]:g} ms at event {where + 1}; read it with ordered=False if "
            "that is as it should be."
        )
    return events


def write_events(path: str | Path, events: Events, *, format: str | None = None) -> None:
    """Write events to a file, in their order.

    Parameters
    ----------
    path : str or Path
        The file; what it held is lost.
    events : Events
        What to write.  Binary formats keep times to the nearest µs.
    format : {"bs1", "bs2", "bs3", "npy"}, optional
        By default the file's suffix.

    Raises
    ------
    FileFormatError
        If the format cannot hold an address or a time.
    UnknownNameError
        If the format is not known, or cannot be written.
    """
    path = Path(path)
    kind = _format_of(path, format, WRITABLE)
    columns = {"x": events.x, "y": events.y, "polarity": events.polarity}
    if kind == "npy":
        rows = np.stack([*map(np.float64, columns.values()), events.time], axis=1)
        with path.open("wb") as file:
            np.save(file, rows, allow_pickle=False)
        return
    columns["time"] = _microseconds(events.time)
    if kind == "bs1" and events.y.any():
        raise FileFormatError(
            "a file bs1 has no y; write bs2 (up to 256 × 256), bs3 (up to 4096 × 4096) or npy."
        )
    _write_fields(path, columns, FIELDS[kind])


def read_spike_counts(path: str | Path) -> SpikeCounts:
    """Numbers of spikes from a file bsn.

    Raises
    ------
    FileFormatError
        If the file is damaged, or a span ends before it starts.
    """
    path = Path(path)
    fields = _read_fields(path, COUNT_FIELDS)
    start, stop = fields["start"] / US_PER_MS, fields["stop"] / US_PER_MS
    counts = SpikeCounts(fields["component"], start, stop, fields["spikes"])
    _check_spans(counts, f"'{path}': ")
    return counts


def write_spike_counts(path: str | Path, counts: SpikeCounts) -> None:
    """Write numbers of spikes to a file bsn, with times to the nearest µs.

    Raises
    ------
    FileFormatError
        If the format cannot hold a number, or a span ends before it starts.
    """
    columns = {
        "component": np.asarray(counts.component),
        "start": _microseconds(counts.start),
        "stop": _microseconds(counts.stop),
        "spikes": np.asarray(counts.spikes),
    }
    _check_spans(counts, "")
    _write_fields(Path(path), columns, COUNT_FIELDS)


def _check_spans(counts: SpikeCounts, where: str) -> None:
    start, stop = np.asarray(counts.start), np.asarray(counts.stop)
    if (stop < start).any():
        first = int(np.argmax(stop < start))
        raise FileFormatError(
            f"{where}span {first} ends at {stop[first]:g} ms, before it starts at "
            f"{start[first]:g} ms."
        )


def _format_of(path: Path, given: str | None, allowed: tuple[str, ...]) -> str:
    kind = path.suffix.lstrip(".").lower() if given is None else given
    if kind == "bsn":
        raise UnknownNameError(
            f"'{path}': bsn holds numbers of spikes in spans of time, not events; use "
            "read_spike_counts and write_spike_counts."
        )
    if kind not in allowed:
        raise UnknownNameError(
            f"'{path}': '{kind}' is not one of the formats {', '.join(allowed)}; say which by "
            "format=, if the suffix does not."
        )
    return kind


def _read_fields(path: Path, fields: dict[str, int]) -> dict[str, Integers]:
    """Columns of unsigned numbers, most significant bit first."""
    content = np.fromfile(path, np.uint8)
    size = sum(fields.values()) // 8
    if content.size % size:
        raise FileFormatError(
            f"'{path}' has {content.size} bytes, not a multiple of the {size} of an event; it is "
            "damaged or of another format."
        )
    word = np.zeros(content.size // size, np.uint64)
    columns: dict[str, Integers] = {}
    bytes_of_events = iter(content.reshape(-1, size).T)
    bits = 0
    for name, width in fields.items():
        while bits < width:
            word = (word << np.uint64(8)) | next(bytes_of_events)
            bits += 8
        bits -= width
        columns[name] = (word >> np.uint64(bits)).astype(np.int64)
        word &= np.uint64((1 << bits) - 1)
    return columns


def _write_fields(path: Path, columns: dict[str, NDArray[Any]], fields: dict[str, int]) -> None:
    size = sum(fields.values()) // 8
    for name, bits in fields.items():
        column = columns[name]
        if column.size and (column.min() < 0 or column.max() >= 1 << bits):
            limit = (1 << bits) - 1
            unit = " µs" if name in ("time", "start", "stop") else ""
            raise FileFormatError(
                f"{name} = {column.max()}{unit} does not fit into the {bits} bits that the format "
                f"has for it, up to {limit}{unit}."
            )
    content = np.zeros((next(iter(columns.values())).size, size), np.uint8)
    word, bits, filled = np.zeros(len(content), np.uint64), 0, 0
    for name, width in fields.items():
        word = (word << np.uint64(width)) | columns[name].astype(np.uint64)
        bits += width
        while bits >= 8:
            bits -= 8
            content[:, filled] = (word >> np.uint64(bits)).astype(np.uint8)
            word &= np.uint64((1 << bits) - 1)
            filled += 1
    content.tofile(path)


def _microseconds(time: Any) -> Integers:
    return np.rint(as_floats(time, "time") * US_PER_MS).astype(np.int64)


def _read_npy(path: Path) -> tuple[Any, Any, Any, Any]:
    try:
        rows = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise FileFormatError(f"'{path}' is no array of numbers in NumPy's format.") from error
    if not isinstance(rows, np.ndarray) or rows.ndim != 2 or rows.shape[1] not in (3, 4):
        raise FileFormatError(
            f"'{path}' must hold rows x, y, polarity, time or x, polarity, time; it holds the "
            f"shape {getattr(rows, 'shape', 'of an archive')}."
        )
    y = rows[:, 1] if rows.shape[1] == 4 else np.zeros(len(rows))
    return rows[:, 0], y, rows[:, -2], rows[:, -1]
