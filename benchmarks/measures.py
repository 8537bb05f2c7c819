"""What a benchmark measures: the names and units of its numbers, and memory."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

try:
    import resource
except ImportError:  # Windows has no getrusage
    resource = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Measure:
    """One number that a run gives.

    Parameters
    ----------
    key : str
        The name under which the network's function returns it.
    label : str
        The row of the table, with the unit in brackets.
    scale : float
        What the number is multiplied with before it is printed.
    compared : bool
        Whether less is better, so that a ratio to the other simulators has a meaning.
    """

    key: str
    label: str
    scale: float = 1.0
    compared: bool = True


class Network(Protocol):
    """The shape of a module in ``benchmarks/networks``."""

    TITLE: str
    """One line for the head of the table, formatted with the options."""
    OPTIONS: dict[str, Any]
    """The options that the network takes, with their defaults."""
    MEASURES: Sequence[Measure]
    """What is printed of what `run` returns."""

    def run(self, sim: Any, options: dict[str, Any]) -> dict[str, Any]:
        """Build and run the network on `sim` and return the measurements."""


# Networks may also define
#   VARIANTS       names of sub-benchmarks; each runs in its own process, as options["variant"]
#   BY_SIMULATOR   True: the table has a row for each variant and simulator, a column a measure
#   FRESH_CACHE    True: all variants of one round share a compiled-code cache, empty at first


BUILD = Measure("build_time", "build (s)")
RUN = Measure("run_time", "run (s)")
DATA = Measure("data_time", "read the data (s)")
TOTAL = Measure("total_time", "build + run + read (s)")
MEMORY = Measure("peak_memory", "peak memory (MB)", scale=1e-6)


def spikes(key: str, population: str) -> Measure:
    """Return the measure of the mean number of spikes of the neurons of a population."""
    return Measure(key, f"spikes per neuron, {population}", compared=False)


def peak_memory() -> int | None:
    """Return the most memory that this process has held so far, in bytes; None on Windows."""
    if resource is None:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def current_memory() -> int | None:
    """Return the memory that this process holds now, in bytes.

    Where the system does not say so without a library, it is the most held so far, which is the
    same for a program that has only been growing.
    """
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return peak_memory()
