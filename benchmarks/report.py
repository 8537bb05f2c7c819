"""Tables of medians and ratios, as text and as markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from types import ModuleType
from typing import Any

from .measures import Measure
from .runner import Run
from .simulators import Simulator

LONGEST = 12  # rows of a table in which measures and variants are not told apart


@dataclass(frozen=True)
class Table:
    """A title, the heads of the columns, the rows, and lines of text below."""

    title: str
    header: list[str]
    rows: list[list[str]]
    notes: list[str]

    def as_text(self) -> str:
        """Return the table with its columns aligned, for a terminal."""
        widths = [max(map(len, column)) for column in zip(self.header, *self.rows, strict=True)]
        lines = [_aligned(row, widths) for row in [self.header, *self.rows]]
        rule = "-" * len(lines[0])
        return "\n".join([self.title, rule, lines[0], rule, *lines[1:], rule, *self.notes])

    def as_markdown(self) -> str:
        """Return the table in markdown, for a README."""
        rule = ["---"] + ["---:"] * (len(self.header) - 1)
        lines = ["| " + " | ".join(row) + " |" for row in [self.header, rule, *self.rows]]
        notes = [f"- {note}" for note in self.notes]
        return "\n".join([f"**{self.title}**", "", *lines, *([""] if notes else []), *notes])


def tables(
    module: ModuleType,
    options: dict[str, Any],
    simulators: Sequence[Simulator],
    runs: Sequence[Run],
    reference: str,
) -> list[Table]:
    """Make the tables of one benchmark from all its runs.

    There is one table with a row for each measure and variant; or, where it would be long, one
    for each measure with a row for each variant; or, where the network says `BY_SIMULATOR`, one
    with a row for each variant and simulator.

    Parameters
    ----------
    module : module
        The network's module.
    options : dict
        The options it ran with.
    simulators : sequence of Simulator
        Those that were asked for, found or not.
    runs : sequence of Run
        All runs.
    reference : str
        The simulator that the others are divided by.
    """
    title = module.TITLE.format(**options)
    present = [s.name for s in simulators if s.python is not None]
    notes = [f"{s.name}: {s.problem}" for s in simulators if s.python is None]
    for run in runs:
        if run.problem:
            who = f"{run.simulator}, {run.variant}" if run.variant else run.simulator
            notes.append(f"{who}: {run.problem}")
    rounds = max((run.repeat + 1 for run in runs), default=0)
    median_of = f"median of {rounds} runs" if rounds > 1 else "one run"
    title = f"{title} ({median_of})"
    variants = getattr(module, "VARIANTS", ("",))
    if getattr(module, "BY_SIMULATOR", False):
        header, lines = _by_simulator(variants, module.MEASURES, present, runs, reference)
        return [Table(title, header, lines, notes)]
    if len(variants) * len(module.MEASURES) <= LONGEST:
        rows = [
            (measure, variant, f"{variant}: {measure.label}" if variant else measure.label)
            for variant in variants
            for measure in module.MEASURES
        ]
        return [_table(title, "", rows, present, runs, reference, notes)]
    result = []
    for measure in module.MEASURES:
        rows = [(measure, variant, variant) for variant in variants]
        below = notes if measure is module.MEASURES[-1] else []
        result.append(_table(title, measure.label, rows, present, runs, reference, below))
    return result


def _table(
    title: str,
    corner: str,
    rows: Sequence[tuple[Measure, str, str]],
    simulators: Sequence[str],
    runs: Sequence[Run],
    reference: str,
    notes: list[str],
) -> Table:
    """Make one table; each row is a measure, the variant it is taken from, and its label."""
    peers = [name for name in simulators if name != reference]
    if reference not in simulators:
        peers = []
    header = [corner, *simulators, *(f"{peer}/{reference}" for peer in peers)]
    lines = []
    for measure, variant, label in rows:
        medians = {s: median_value(runs, s, variant, measure.key) for s in simulators}
        cells = [_number(medians[name], measure.scale) for name in simulators]
        lines.append(
            [label, *cells, *(_ratio(medians[p], medians[reference], measure) for p in peers)]
        )
    return Table(title, header, lines, notes)


def _by_simulator(
    variants: Sequence[str],
    measures: Sequence[Measure],
    simulators: Sequence[str],
    runs: Sequence[Run],
    reference: str,
) -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows of a table with a column for each measure, and ratios last."""
    compared = [measure for measure in measures if measure.compared]
    ratios = [f"{measure.label} / {reference}'s" for measure in compared]
    lines = []
    for variant in variants:
        for name in simulators:
            values = {m.key: median_value(runs, name, variant, m.key) for m in measures}
            divisors = [median_value(runs, reference, variant, m.key) for m in compared]
            cells = [_number(values[m.key], m.scale) for m in measures]
            pairs = zip(compared, divisors, strict=True)
            cells += [_ratio(values[m.key], divisor, m) for m, divisor in pairs]
            lines.append([variant, name, *cells])
    return ["", "implementation", *(measure.label for measure in measures), *ratios], lines


def median_value(runs: Sequence[Run], simulator: str, variant: str, key: str) -> float | None:
    """Return the median of one measure over the runs that gave it, or None if none did."""
    values = [
        run.values[key]
        for run in runs
        if (run.simulator, run.variant) == (simulator, variant) and run.values.get(key) is not None
    ]
    return median(values) if values else None


def _number(value: float | None, scale: float) -> str:
    """Write a number with three significant digits, and never as a power of ten."""
    if value is None:
        return "-"
    value *= scale
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(digits, 4)}f}"


def _ratio(peer: float | None, reference: float | None, measure: Measure) -> str:
    if not measure.compared or peer is None or not reference:
        return ""
    return _number(peer / reference, 1.0)


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
    return "  ".join([first.strip().ljust(widths[0]), *others])
