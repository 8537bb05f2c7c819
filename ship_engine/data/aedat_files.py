"""AEDAT 4, the format of iniVation's cameras, read through the package aedat."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ship_engine.data.arrays import Floats, Integers
from ship_engine.errors import FileFormatError, NotInstalledError

US_PER_MS = 1000.0


def read_aedat(path: Path) -> tuple[Integers, Integers, Integers, Floats, tuple[int, int]]:
    """Events of the only stream of events in a file, and its width and height.

    Times are in ms from the earliest event.

    Raises
    ------
    FileFormatError
        If the file is damaged, or has no stream of events or several.
    NotInstalledError
        If the package aedat is not installed.
    """
    try:
        import aedat
    except ImportError as error:
        raise NotInstalledError(
            "AEDAT files are read by the package aedat: pip install 'pynn-ship[events]'."
        ) from error
    try:
        decoder = aedat.Decoder(str(path))
        streams = decoder.id_to_stream()
        packets = [packet for packet in decoder if "events" in packet]
    except RuntimeError as error:
        raise FileFormatError(f"'{path}' is no AEDAT 4 file, or damaged: {error}.") from error
    found = {key: stream for key, stream in streams.items() if stream["type"] == "events"}
    if len(found) != 1:
        kinds = ", ".join(stream["type"] for stream in streams.values()) or "nothing"
        raise FileFormatError(
            f"'{path}' must have one stream of events; it has {len(found)} among {kinds}."
        )
    (stream,) = found.values()
    columns = [packet["events"] for packet in packets]
    x, y, on, ticks = (
        np.concatenate(
            [np.zeros(0, np.int64), *(column[name].astype(np.int64) for column in columns)]
        )
        for name in ("x", "y", "on", "t")
    )
    first = ticks.min(initial=ticks[0] if ticks.size else 0)
    return x, y, on, (ticks - first) / US_PER_MS, (stream["width"], stream["height"])
