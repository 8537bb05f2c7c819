"""Recording spikes and states."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
import quantities as pq
from numpy.typing import NDArray
from pyNN import errors, recording
from pyNN.recording import Variable

from ship_engine.monitors import SpikeMonitor, StateMonitor

from . import simulator
from .processes import collected
from .segments import Cells, Segment, Signal, Spikes, neo_block


def variable_names(variables: Any) -> list[str] | None:
    """Names of variables, each once; None stands for 'all'.

    Raises
    ------
    TypeError
        If these are not names.
    """
    if isinstance(variables, str):
        return None if variables == "all" else [variables]
    names = list(variables) if isinstance(variables, Iterable) else [variables]
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"variables = {variables!r}; give a name, a list of names or 'all'.")
    return list(dict.fromkeys(names))


def neo_io(file: Any) -> Any:
    """What writes to a file.

    Raises
    ------
    TypeError
        If it is neither a file name nor a path nor a Neo IO.
    """
    if isinstance(file, (str, os.PathLike)):
        return recording.get_io(os.fspath(file))
    if not hasattr(file, "write_block"):
        raise TypeError(f"{file!r} is no file; give a file name, a path or a Neo IO.")
    return file


def checked_file(to_file: Any) -> Any:
    """A file name or Neo IO to write to on `end()`, or None if there is none.

    A format that cannot be written is refused now, not after the run.
    """
    if to_file is None or isinstance(to_file, bool):
        return None
    # Of several processes one writes, and no other may open the file.
    io = neo_io(to_file) if simulator.state.mpi_rank == 0 else to_file
    # A Neo IO that holds its file open would do so until the end.
    return os.fspath(to_file) if isinstance(to_file, (str, os.PathLike)) else io


def _as_slice(indices: NDArray[np.integer]) -> Any:
    """The same as a slice if possible, with which copying takes a tenth of the time."""
    if indices.size and (np.diff(indices) == 1).all():
        return slice(int(indices[0]), int(indices[-1]) + 1)
    return indices


def check_interval(interval: Any) -> None:
    """Refuse an interval between samples (ms) that is not a multiple of the time step."""
    number = isinstance(interval, (int, float, np.number)) and not isinstance(interval, bool)
    steps = interval / simulator.state.dt if number else math.nan
    if not (1 - 1e-6 < steps < math.inf and abs(steps - round(steps)) < 1e-6):
        shown = f"{interval} ms" if number else repr(interval)
        raise ValueError(
            f"sampling_interval = {shown}; give a multiple of the time step, "
            f"{simulator.state.dt:g} ms."
        )


def write_block(file: Any, gather: bool, read: Callable[[], Any]) -> None:
    """Read data and write them: those of all processes by the first, or its own by each.

    Then the names of files end with the number of the process, as those of PyNN do.
    """
    state = simulator.state
    if gather and state.mpi_rank > 0:
        read()
        return
    io = neo_io(file)
    if not gather and state.num_processes > 1:
        io.filename = f"{io.filename}.{state.mpi_rank}"
    io.write_block(read())


def write_at_end(cells: Any, variables: Any, file: Any) -> None:
    """Write data of a population, view or assembly on `end()`, if there is a file."""
    if file is not None and variables is not None:
        simulator.state.write_on_end.append((cells, variables, file))


def require_data(
    segments: Sequence[Segment], names: Iterable[str] | None, label: str, gather: bool
) -> None:
    """Refuse to return nothing.

    Of several processes only the first can know, and only if it has gathered the data of all.

    Raises
    ------
    pyNN.errors.NothingToWriteError
        If there is no segment, or none with a variable that was asked for.
    """
    if not segments:
        raise errors.NothingToWriteError(
            f"Nothing has been recorded from '{label}' yet; call record(...), then run()."
        )
    state = simulator.state
    whole = state.num_processes == 1 or (gather and state.mpi_rank == 0)
    for name in (names or ()) if whole else ():
        if not any(name in segment.variables for segment in segments):
            raise errors.NothingToWriteError(
                f"{name} of '{label}' has not been recorded; call record({name!r}), then run()."
            )


class Recorder(recording.Recorder):
    """Keeps track of what is recorded of a population, and makes Neo blocks of it."""

    _simulator = simulator

    def __init__(self, population: Any, file: Any = None) -> None:
        super().__init__(population, file)
        self._spike_monitor: SpikeMonitor | None = None
        self._state_monitors: dict[str, list[StateMonitor]] = {}
        self._network = simulator.state.network
        self._cleared_at, self._begun = 0, False

    def _require_this_network(self) -> None:
        if self._network is not simulator.state.network:
            raise RuntimeError(
                f"'{self.population.label}' was made before the last setup(); make it again."
            )

    # --- what to record --------------------------------------------------------------------------

    def record(
        self,
        variables: Any,
        ids: Any,
        sampling_interval: float | None = None,
        locations: Any = None,
    ) -> None:
        wanted = self.checked(variables, sampling_interval, locations)
        if not self._begun:
            self._recording_start_time = simulator.state.t * pq.ms
        self._begun = self._begun or len(ids) > 0
        several = simulator.state.num_processes > 1
        chosen = set(ids) & set(self.population.local_cells) if several else set(ids)
        for variable in wanted:
            new = chosen - self.recorded[variable]
            self.recorded[variable] |= new
            self._record(variable, new, sampling_interval)

    def checked(
        self, variables: Any, sampling_interval: Any = None, locations: Any = None
    ) -> list[Variable]:
        """Variables that can be recorded like this; nothing is recorded yet."""
        self._require_this_network()
        self._refuse_locations(locations)
        names = variable_names(variables)
        if names is None:
            names = list(self.population.celltype.recordable)
        self._refuse_unknown(names)
        if sampling_interval is not None:
            check_interval(sampling_interval)
            self._check_sampling_interval(sampling_interval)
        return [Variable(name=name, location=None, label=None) for name in names]

    def _refuse_locations(self, locations: Any) -> None:
        if locations is not None:
            raise NotImplementedError(
                "Cells of pyNN.ship have one compartment; leave out locations=, or run this with "
                "pyNN.neuron or pyNN.arbor."
            )

    def _refuse_unknown(self, names: Iterable[str]) -> None:
        for name in names:
            if not self.population.can_record(name):
                raise errors.RecordingError(name, self.population.celltype)

    def _record(
        self, variable: Variable, new_ids: Any, sampling_interval: float | None = None
    ) -> None:
        cells = self._indices(np.sort(np.fromiter(new_ids, np.int64)))
        group = self.population._group
        if variable.name == "spikes":
            self._spike_monitor = self._network.record_spikes(group, cells)
            return
        if sampling_interval is not None:
            self.sampling_interval = float(sampling_interval)
        if cells.size == 0:
            return
        start, interval = self._grid()
        behind = -(-(self._network.step - start) // interval)
        state = self.population.celltype.state_names()[variable.name]
        monitor = self._network.record_state(
            group, state, cells, interval, start + behind * interval
        )
        self._state_monitors.setdefault(variable.name, []).append(monitor)

    def _grid(self) -> tuple[int, int]:
        """First step and interval, in steps, of the samples of this segment."""
        clock = self._network.clock
        start = int(clock.nearest_step(float(self._recording_start_time)))
        return start, max(int(clock.nearest_step(self.sampling_interval)), 1)

    def _indices(self, cells: Cells) -> Cells:
        return cells - int(self.population.first_id)

    # --- what has been recorded ------------------------------------------------------------------

    def segments(
        self, names: Sequence[str] | None, ids: Any, gather: bool = False
    ) -> list[Segment]:
        """Copies of what has been recorded of these variables and cells; None stands for all.

        Gathered, they are those of all processes, on the first.
        """
        self._require_this_network()
        cells = None if ids is None else np.asarray(ids).astype(np.int64)
        segments = [segment.of(names, cells) for segment in self.cache]
        if simulator.state.running:
            segments.append(self._current_segment(names, cells))
        if gather and simulator.state.num_processes > 1:
            return collected(segments, [variable.name for variable in self.recorded])
        return segments

    def _current_segment(
        self, names: Sequence[str] | None = None, chosen: Cells | None = None
    ) -> Segment:
        signals, spikes = [], []
        for variable, recorded in self.recorded.items():
            if names is not None and variable.name not in names:
                continue
            cells = np.sort(np.fromiter(recorded, np.int64))
            if chosen is not None:
                cells = cells[np.isin(cells, chosen)]
            if variable.name == "spikes":
                spikes.append(self._spikes(cells))
            elif cells.size:
                signals.append(self._signal(variable, cells))
        return Segment(
            simulator.state.segment_counter,
            self.population.describe(),
            datetime.now(),
            signals,
            spikes,
        )

    def _spikes(self, cells: Cells) -> Spikes:
        senders, times = np.empty(0, np.int64), np.empty(0)
        if self._spike_monitor is not None:
            spiking, times = self._spike_monitor.spikes(self._network.clock)
            wanted = np.zeros(self.population.size, bool)
            wanted[self._indices(cells)] = True
            order = np.lexsort((times, spiking))
            order = order[wanted[spiking[order]]]
            senders, times = spiking[order].astype(np.int64), times[order]
        return Spikes(
            times,
            senders + int(self.population.first_id),
            cells,
            self._indices(cells),
            [self.population.label] * cells.size,
            float(self._recording_start_time),
            self._network.time,
        )

    def _signal(self, variable: Variable, cells: Cells) -> Signal:
        return Signal(
            variable.name,
            self.population.find_units(variable),
            self._samples(variable.name, self._indices(cells)),
            cells,
            self._indices(cells),
            float(self._recording_start_time),
            self.sampling_interval,
            self.population.label,
            simulator.state.record_sample_times,
        )

    def _samples(self, name: str, indices: Cells) -> NDArray[np.float64]:
        start, interval = self._grid()
        count = (self._network.step - start) // interval + 1
        # What was not recorded from the start of the segment on is not known until then.
        samples = np.full((count, indices.size), np.nan)
        column = np.full(self.population.size, -1)
        column[indices] = np.arange(indices.size)
        for monitor in self._state_monitors.get(name, []):
            first = (monitor.phase - start) // interval
            columns = column[monitor.cells]
            keep = np.flatnonzero(columns >= 0)
            rows = slice(first, first + monitor.count)
            samples[rows, _as_slice(columns[keep])] = monitor.samples[:, _as_slice(keep)]
        return samples

    def _local_count(self, variable: Variable, filter_ids: Any = None) -> dict[int, int]:
        if self._spike_monitor is None:
            return {}
        ids = sorted(map(int, self.filter_recorded(variable, filter_ids)))
        counts = self._spike_monitor.counts()[self._indices(np.array(ids, np.int64))]
        return dict(zip(ids, counts.tolist(), strict=True))

    # --- giving it away --------------------------------------------------------------------------

    def get(
        self,
        variables: Any,
        gather: bool = False,
        filter_ids: Any = None,
        clear: bool = False,
        annotations: Mapping[str, Any] | None = None,
        locations: Any = None,
    ) -> Any:
        self._refuse_locations(locations)
        names = variable_names(variables)
        self._refuse_unknown(names or ())
        segments = self.segments(names, filter_ids, gather)
        require_data(segments, names, self.population.label, gather)
        block = neo_block(
            segments,
            self.population.label,
            self.population.describe(),
            {**self.metadata, **(annotations or {})},
        )
        if clear:
            self.clear()
        return block

    get.__doc__ = recording.Recorder.get.__doc__

    def write(
        self,
        variables: Any,
        file: Any = None,
        gather: bool = False,
        filter_ids: Any = None,
        clear: bool = False,
        annotations: Mapping[str, Any] | None = None,
        locations: Any = None,
    ) -> None:
        read = partial(self.get, variables, gather, filter_ids, False, annotations, locations)
        write_block(self.file if file is None else file, gather, read)
        if clear:
            self.clear()

    write.__doc__ = recording.Recorder.write.__doc__

    def store_to_cache(self, annotations: Mapping[str, Any] | None = None) -> None:
        if self._network.step > self._cleared_at:
            segment = self._current_segment()
            self.cache.store(replace(segment, annotations=dict(annotations or {})))
        self._cleared_at, self.clear_flag = 0, False
        self._recording_start_time = 0.0 * pq.ms

    store_to_cache.__doc__ = recording.Recorder.store_to_cache.__doc__

    def clear(self) -> None:
        super().clear()
        self._cleared_at = self._network.step

    clear.__doc__ = recording.Recorder.clear.__doc__

    def _clear_simulator(self) -> None:
        if self._spike_monitor is not None:
            self._spike_monitor.clear()
        for monitors in self._state_monitors.values():
            for monitor in monitors:
                monitor.clear(self._network.step)

    def _reset(self) -> None:
        for monitors in self._state_monitors.values():
            for monitor in monitors:
                self._network.stop_recording(monitor)
        if self._spike_monitor is not None:
            self._network.stop_recording(self._spike_monitor)
        self._spike_monitor, self._state_monitors, self._begun = None, {}, False
