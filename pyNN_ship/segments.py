"""What was recorded between two resets, and how it becomes a Neo block."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain, compress
from typing import Any

import neo
import numpy as np
import quantities as pq
from numpy.typing import NDArray

Cells = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Signal:
    """Samples of one variable.

    Attributes
    ----------
    name, units : str
        The variable and its unit.
    samples : float64 [samples, cells]
        Its values.
    cells : int64 [cells]
        Numbers of the cells.
    index : int64 [cells]
        Their places in the population or assembly.
    start, interval : float
        Time of the first sample and from one to the next, in ms.
    source : str
        Label of the population.
    timed : bool
        Whether Neo is to keep the time of each sample.
    """

    name: str
    units: str
    samples: NDArray[np.float64]
    cells: Cells
    index: Cells
    start: float
    interval: float
    source: str
    timed: bool = False

    def of(self, cells: Cells | None) -> Signal:
        """A copy with the columns of these cells; None stands for all."""
        keep = _chosen(self.cells, cells)
        samples = self.samples.copy() if keep.all() else self.samples[:, keep]
        return replace(self, samples=samples, cells=self.cells[keep], index=self.index[keep])

    def in_order(self) -> Signal:
        """The same, with cells in the order of their numbers."""
        order = np.argsort(self.cells)
        return replace(
            self,
            samples=self.samples[:, order],
            cells=self.cells[order],
            index=self.index[order],
        )

    @property
    def key(self) -> tuple[Any, ...]:
        """Signals for which this is the same may share an array."""
        return self.name, self.units, self.start, self.interval, len(self.samples)

    @staticmethod
    def joined(parts: Sequence[Signal]) -> Signal:
        """One signal with the columns of all."""
        return replace(
            parts[0],
            samples=np.hstack([part.samples for part in parts]),
            cells=np.concatenate([part.cells for part in parts]),
            index=np.concatenate([part.index for part in parts]),
            source=";".join(dict.fromkeys(part.source for part in parts)),
        )

    def to_neo(self) -> neo.AnalogSignal | neo.IrregularlySampledSignal:
        """Make a signal of Neo."""
        facts = {
            "units": self.units,
            "name": self.name,
            "channel_ids": self.cells.copy(),
            "source_population": self.source,
            "array_annotations": {"channel_index": self.index.copy()},
        }
        if self.timed:
            times = self.start + self.interval * np.arange(len(self.samples))
            return neo.IrregularlySampledSignal(times * pq.ms, self.samples, **facts)
        return neo.AnalogSignal(
            self.samples,
            t_start=self.start * pq.ms,
            sampling_period=self.interval * pq.ms,
            **facts,
        )


@dataclass(frozen=True, eq=False)
class Spikes:
    """Spikes of some cells.

    Attributes
    ----------
    times : float64 [spikes]
        In ms.
    senders : int64 [spikes]
        Numbers of the cells that spiked.
    cells : int64 [cells]
        Numbers of all cells that were recorded.
    index : int64 [cells]
        Their places in their populations.
    sources : list of str [cells]
        Labels of their populations.
    start, stop : float
        Times between which was recorded, in ms.
    """

    times: NDArray[np.float64]
    senders: Cells
    cells: Cells
    index: Cells
    sources: list[str]
    start: float
    stop: float

    def of(self, cells: Cells | None) -> Spikes:
        """A copy with the spikes of these cells; None stands for all."""
        keep, spikes = _chosen(self.cells, cells), _chosen(self.senders, cells)
        return replace(
            self,
            times=self.times[spikes],
            senders=self.senders[spikes],
            cells=self.cells[keep],
            index=self.index[keep],
            sources=list(compress(self.sources, keep)),
        )

    def in_order(self) -> Spikes:
        """The same, with cells in the order of their numbers."""
        spikes, order = np.argsort(self.senders, kind="stable"), np.argsort(self.cells)
        return replace(
            self,
            times=self.times[spikes],
            senders=self.senders[spikes],
            cells=self.cells[order],
            index=self.index[order],
            sources=[self.sources[k] for k in order],
        )

    @property
    def key(self) -> tuple[Any, ...]:
        """Spikes for which this is the same may share an array."""
        return self.start, self.stop

    @staticmethod
    def joined(parts: Sequence[Spikes]) -> Spikes:
        """Spikes of all cells."""
        return replace(
            parts[0],
            times=np.concatenate([part.times for part in parts]),
            senders=np.concatenate([part.senders for part in parts]),
            cells=np.concatenate([part.cells for part in parts]),
            index=np.concatenate([part.index for part in parts]),
            sources=list(chain.from_iterable(part.sources for part in parts)),
        )

    def to_neo(self) -> neo.spiketrainlist.SpikeTrainList:
        """Make a list of Neo, which makes the trains when one is asked for."""
        return neo.spiketrainlist.SpikeTrainList.from_spike_time_array(
            self.times * pq.ms,
            self.senders,
            self.cells.copy(),
            t_start=self.start * pq.ms,
            t_stop=self.stop * pq.ms,
            units="ms",
            source_population=self.sources,
            source_index=self.index.copy(),
        )


@dataclass(frozen=True, eq=False)
class Segment:
    """What was recorded between two resets.

    Attributes
    ----------
    number : int
        How many resets came before.
    description : str
        Of the cells.
    when : datetime
        When it was read.
    signals : list of Signal
        One for each variable, or more if parts of an assembly differ in their samples.
    spikes : list of Spikes
        None, one, or more if parts of an assembly differ in their times.
    annotations : mapping
        What `reset` was given.
    """

    number: int
    description: str
    when: datetime
    signals: Sequence[Signal]
    spikes: Sequence[Spikes]
    annotations: Mapping[str, Any] = field(default_factory=dict)

    @property
    def variables(self) -> set[str]:
        """Names of the variables of which there are data."""
        names = {signal.name for signal in self.signals if signal.cells.size}
        return names | ({"spikes"} if any(part.cells.size for part in self.spikes) else set())

    def of(self, names: Collection[str] | None, cells: Cells | None) -> Segment:
        """A copy with these variables and cells; None stands for all."""
        signals = [s.of(cells) for s in self.signals if names is None or s.name in names]
        wanted = names is None or "spikes" in names
        return replace(
            self,
            signals=[signal for signal in signals if signal.cells.size],
            spikes=[part.of(cells) for part in self.spikes] if wanted else [],
        )

    def indexed(self, index: Callable[[Cells], Cells]) -> Segment:
        """The same, with other places of the cells in signals."""
        signals = [replace(signal, index=index(signal.cells)) for signal in self.signals]
        return replace(self, signals=signals)

    def in_order(self, names: Sequence[str]) -> Segment:
        """The same, with variables in this order and cells in that of their numbers."""
        signals = sorted(self.signals, key=lambda signal: names.index(signal.name))
        return replace(
            self,
            signals=[signal.in_order() for signal in signals],
            spikes=[part.in_order() for part in self.spikes],
        )

    @staticmethod
    def joined(parts: Sequence[Segment], description: str) -> Segment:
        """One segment with the cells of all parts."""
        annotations: dict[str, Any] = {}
        for part in reversed(parts):
            annotations |= part.annotations
        return replace(
            parts[0],
            description=description,
            signals=_joined(Signal, chain.from_iterable(p.signals for p in parts)),
            spikes=_joined(Spikes, chain.from_iterable(p.spikes for p in parts)),
            annotations=annotations,
        )

    def to_neo(self) -> neo.Segment:
        """Make a segment of Neo, which may share its arrays with this one."""
        segment = neo.Segment(
            name=f"segment{self.number:03d}",
            description=self.description,
            rec_datetime=self.when,
        )
        segment.annotate(**self.annotations)
        for signal in self.signals:
            kept = segment.irregularlysampledsignals if signal.timed else segment.analogsignals
            kept.append(signal.to_neo())
        trains = [part.to_neo() for part in self.spikes]
        if len(trains) == 1:
            segment.spiketrains = trains[0]
        elif trains:
            segment.spiketrains = neo.spiketrainlist.SpikeTrainList(list(chain(*trains)))
        segment.spiketrains.segment = segment
        return segment


def _chosen(numbers: Cells, cells: Cells | None) -> NDArray[np.bool_]:
    if cells is None:
        return np.ones(numbers.size, bool)
    return np.isin(numbers, cells)


def _joined(kind: Any, parts: Iterable[Any]) -> list[Any]:
    """Join the parts that fit together."""
    fitting: dict[tuple[Any, ...], list[Any]] = {}
    for part in parts:
        fitting.setdefault(part.key, []).append(part)
    return [some[0] if len(some) == 1 else kind.joined(some) for some in fitting.values()]


def neo_block(
    segments: Sequence[Segment], name: str, description: str, annotations: Mapping[str, Any]
) -> neo.Block:
    """Make a Neo block of at least one segment."""
    block = neo.Block(name=name, description=description, rec_datetime=segments[0].when)
    block.annotate(**annotations)
    for segment in segments:
        block.segments.append(segment.to_neo())
    return block
