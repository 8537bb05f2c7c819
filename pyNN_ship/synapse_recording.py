"""Recording parameters and states of synapses while the network runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import neo
import numpy as np
import quantities as pq
from numpy.typing import NDArray
from pyNN import errors

from . import simulator
from .processes import connections_of_all
from .synapse_access import ADDRESSES

if TYPE_CHECKING:
    from .projections import Projection


@dataclass
class Trace:
    """Samples of one variable of all synapses, from one step on.

    Attributes
    ----------
    start, interval : int
        Step of the first sample, and steps from one to the next.
    samples : list of float64 array [synapses]
        Those taken so far.
    """

    start: int
    interval: int
    samples: list[NDArray[np.float64]] = field(default_factory=list)

    @property
    def next_step(self) -> int:
        """When the next sample is due."""
        return self.start + len(self.samples) * self.interval


@dataclass(frozen=True, eq=False)
class Recorded:
    """What was recorded between two resets."""

    number: int
    when: datetime
    traces: Mapping[str, Trace]
    annotations: Mapping[str, Any]


class SynapseRecorder:
    """Samples the synapses of a projection, as PyNN's recorders sample cells.

    Parameters
    ----------
    projection : Projection
        Whose synapses.
    """

    def __init__(self, projection: Projection) -> None:
        self._projection = projection
        self._network = simulator.state.network
        self._traces: dict[str, Trace] = {}
        self._segments: list[Recorded] = []
        self._cleared_at = 0

    def record(self, names: Iterable[str], interval: int) -> None:
        """Sample these variables from now on, each `interval` steps."""
        simulator.state.recorders.add(self)  # whose segments PyNN ends
        for name in names:
            known = self._traces.get(name)
            if known is None or known.interval != interval:
                self._traces[name] = Trace(self._network.step, interval)

    def require_this_network(self) -> None:
        """Refuse to go on with a projection that `setup` has forgotten."""
        if self._network is not simulator.state.network:
            raise RuntimeError(
                f"'{self._projection.label}' was made before the last setup(); make it again."
            )

    def stop(self) -> None:
        """Record nothing any longer, and forget what was recorded since the last reset."""
        self._traces = {}

    def sample(self) -> None:
        """Take the samples that are due at this time."""
        for name, trace in self._traces.items():
            if trace.next_step == self._network.step:
                trace.samples.append(self._projection._values(name).copy())

    @property
    def next_step(self) -> float:
        """When the next sample is due; infinite if nothing is recorded."""
        return min((trace.next_step for trace in self._traces.values()), default=np.inf)

    def store_to_cache(self, annotations: Mapping[str, Any] | None = None) -> None:
        """End a segment; PyNN calls this before a reset."""
        if self._network.step > self._cleared_at:
            self._segments.append(self._current(annotations or {}))
        self._cleared_at = 0
        self._restart(0)

    def clear(self) -> None:
        """Forget what was recorded; the next samples begin at the present time."""
        self._segments = []
        self._cleared_at = self._network.step
        self._restart(self._network.step)

    def _restart(self, step: int) -> None:
        for name, trace in self._traces.items():
            self._traces[name] = Trace(step, trace.interval)

    def _current(self, annotations: Mapping[str, Any]) -> Recorded:
        number = simulator.state.segment_counter
        return Recorded(number, datetime.now(), dict(self._traces), annotations)

    def block(
        self, names: list[str] | None, annotations: Mapping[str, Any], gather: bool
    ) -> neo.Block:
        """What was recorded of these variables, None for all, as a block of Neo.

        Gathered, it is that of all processes, on the first.

        Raises
        ------
        pyNN.errors.NothingToWriteError
            If there is nothing.
        """
        segments = list(self._segments)
        if simulator.state.running:
            segments.append(self._current({}))
        found = {
            name for segment in segments for name, trace in segment.traces.items() if trace.samples
        }
        missing = [name for name in names or () if name not in found]
        if not found or missing:
            name = missing[0] if missing else "weight"
            raise errors.NothingToWriteError(
                f"{name} of the synapses in '{self._projection.label}' has not been recorded; "
                f"call record({name!r}), then run()."
            )
        block = neo.Block(
            name=self._projection.label,
            description="synapses",
            rec_datetime=segments[0].when,
            **annotations,
        )
        for segment in segments:
            block.segments.append(self._segment(segment, names, gather))
        return block

    def _segment(self, recorded: Recorded, names: list[str] | None, gather: bool) -> neo.Segment:
        segment = neo.Segment(
            name=f"segment{recorded.number:03d}",
            description="synapses",
            rec_datetime=recorded.when,
            **recorded.annotations,
        )
        for name, trace in recorded.traces.items():
            if trace.samples and (names is None or name in names):
                signal = self._signal(name, trace, gather)
                regular = isinstance(signal, neo.AnalogSignal)
                kept = segment.analogsignals if regular else segment.irregularlysampledsignals
                kept.append(signal)
        return segment

    def _signal(
        self, name: str, trace: Trace, gather: bool
    ) -> neo.AnalogSignal | neo.IrregularlySampledSignal:
        projection, dt = self._projection, self._network.clock.dt
        own = [np.array(trace.samples), *map(projection._values, ADDRESSES)]
        samples, pre, post = connections_of_all(projection, own, gather)
        facts = {
            "units": projection._unit(name),
            "name": name,
            "source_projection": projection.label,
            "array_annotations": {
                "channel_index": np.arange(pre.size),
                "presynaptic_index": pre.copy(),
                "postsynaptic_index": post.copy(),
            },
        }
        if simulator.state.record_sample_times:
            steps = trace.start + trace.interval * np.arange(len(samples))
            return neo.IrregularlySampledSignal(steps * dt * pq.ms, samples, **facts)
        return neo.AnalogSignal(
            samples,
            t_start=trace.start * dt * pq.ms,
            sampling_period=trace.interval * dt * pq.ms,
            **facts,
        )
