"""Recording spikes and states."""

from __future__ import annotations

from typing import Any

import numpy as np
import quantities as pq
from numpy.typing import NDArray
from pyNN import errors, recording
from pyNN.recording import Variable

from ship_engine.monitors import SpikeMonitor, StateMonitor

from . import simulator


class Recorder(recording.Recorder):
    """Puts what the engine's monitors keep into Neo blocks."""

    _simulator = simulator

    def __init__(self, population: Any, file: Any = None) -> None:
        super().__init__(population, file)
        self._spike_monitor: SpikeMonitor | None = None
        self._state_monitors: dict[str, list[StateMonitor]] = {}
        self._network = simulator.state.network

    def record(
        self,
        variables: Any,
        ids: Any,
        sampling_interval: float | None = None,
        locations: Any = None,
    ) -> None:
        if locations is not None:
            raise NotImplementedError(
                "Cells of pyNN.ship have one compartment; leave out locations=, or run this with "
                "pyNN.neuron or pyNN.arbor."
            )
        celltype = self.population.celltype
        if isinstance(variables, str) and variables == "all":
            variables = celltype.recordable
        wanted = self._localize_variables(variables, None)
        for variable in wanted:
            if not self.population.can_record(variable.name):
                raise errors.RecordingError(variable.name, celltype)
        if sampling_interval is not None:
            self._check_interval(sampling_interval)
            self._check_sampling_interval(sampling_interval)
        if not any(self.recorded.values()):
            self._recording_start_time = simulator.state.t * pq.ms
        chosen = set(ids)
        for variable in wanted:
            new = chosen - self.recorded[variable]
            self.recorded[variable] |= new
            self._record(variable, new, sampling_interval)

    def _check_interval(self, interval: float) -> None:
        steps = interval / simulator.state.dt
        if not (steps > 1 - 1e-6 and abs(steps - round(steps)) < 1e-6):
            raise ValueError(
                f"sampling_interval = {interval:g} ms; give a multiple of the time step, "
                f"{simulator.state.dt:g} ms."
            )

    def _record(
        self, variable: Variable, new_ids: Any, sampling_interval: float | None = None
    ) -> None:
        cells = self._indices(sorted(new_ids))
        group = self.population._group
        if variable.name == "spikes":
            self._spike_monitor = self._network.record_spikes(group, cells)
            return
        if sampling_interval is not None:
            self.sampling_interval = sampling_interval
        if cells.size == 0:
            return
        start, interval = self._grid()
        behind = -(-(self._network.step - start) // interval)
        monitor = self._network.record_state(
            group, variable.name, cells, interval, start + behind * interval
        )
        self._state_monitors.setdefault(variable.name, []).append(monitor)

    def _grid(self) -> tuple[int, int]:
        """First step and interval, in steps, of the samples of this segment."""
        clock = self._network.clock
        start = int(clock.nearest_step(float(self._recording_start_time)))
        return start, max(int(clock.nearest_step(self.sampling_interval)), 1)

    def _indices(self, ids: list[int]) -> NDArray[np.int64]:
        return np.array(ids, np.int64) - int(self.population.first_id)

    def _get_spiketimes(
        self, ids: list[int], clear: bool = False
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        if self._spike_monitor is None:
            return np.empty(0, np.int64), np.empty(0)
        cells, times = self._spike_monitor.spikes(self._network.clock)
        wanted = np.zeros(self.population.size, bool)
        wanted[self._indices(ids)] = True
        keep = wanted[cells]
        cells, times = cells[keep], times[keep]
        order = np.lexsort((times, cells))
        return cells[order].astype(np.int64) + int(self.population.first_id), times[order]

    def _get_all_signals(
        self, variable: Variable, ids: list[int], clear: bool = False
    ) -> tuple[NDArray[np.float64], None]:
        start, interval = self._grid()
        rows = (self._network.step - start) // interval + 1
        # What was not recorded from the start of the segment on is not known until then.
        everything = np.full((rows, self.population.size), np.nan)
        for monitor in self._state_monitors.get(variable.name, []):
            first = (monitor.phase - start) // interval
            everything[first : first + monitor.count, monitor.cells] = monitor.samples
        return everything[:, self._indices(ids)], None

    def _local_count(self, variable: Variable, filter_ids: Any = None) -> dict[int, int]:
        ids = sorted(self.filter_recorded(variable, filter_ids))
        if self._spike_monitor is None:
            return {}
        counts = self._spike_monitor.counts()[self._indices(ids)]
        return dict(zip(map(int, ids), counts.tolist(), strict=True))

    def get(self, variables: Any, *arguments: Any, **options: Any) -> Any:
        if not simulator.state.running and not list(self.cache):
            raise errors.NothingToWriteError(
                f"Nothing has been recorded from '{self.population.label}' yet; call run() first."
            )
        return super().get(variables, *arguments, **options)

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
        self._spike_monitor, self._state_monitors = None, {}
