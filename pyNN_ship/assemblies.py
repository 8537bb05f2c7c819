"""Assemblies: groups of cells that may be of several types."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
from neo.core.baseneo import merge_annotations
from numpy.typing import NDArray
from pyNN import common, errors

from . import simulator
from .populations import Population, PopulationView
from .recording import checked_file, require_data, variable_names, write_at_end, write_block
from .segments import Segment, neo_block
from .units import magnitude

logger = logging.getLogger("PyNN")


class Assembly(common.Assembly):
    __doc__ = common.Assembly.__doc__
    _simulator = simulator
    populations: list[Population | PopulationView]
    label: str
    annotations: dict[str, Any]

    def __init__(self, *populations: Any, label: str | None = None) -> None:
        super().__init__(*populations, **({} if label is None else {"label": label}))

    def _insert(self, element: Any) -> None:
        # PyNN looks for cells that are there already only when it adds a view.
        if isinstance(element, Population) and any(
            part is not element and part._root is element for part in self.populations
        ):
            logger.warning("Cannot add a Population to an Assembly when a view of it is there")
            return
        super()._insert(element)

    @property
    def receptor_types(self) -> list[str]:
        """Receptor types that all populations have, in the order of the first."""
        first, *rest = (part.celltype.receptor_types for part in self.populations)
        return [name for name in first if all(name in other for other in rest)]

    @property
    def _homogeneous_synapses(self) -> bool:
        # Cells with receptors of both kinds say None; what counts then is the receptor.
        kinds = {part.celltype.conductance_based for part in self.populations}
        return len(kinds - {None}) < 2

    def id_to_index(self, id: Any) -> Any:
        """Place in the assembly of a cell, or places of several."""
        cells = self.all_cells.astype(np.int64)
        order = np.argsort(cells)
        wanted = np.asarray(id, np.int64)
        found = order[np.searchsorted(cells, wanted, sorter=order).clip(max=cells.size - 1)]
        missing = cells[found] != wanted
        if missing.any():
            raise IndexError(f"ID {np.atleast_1d(wanted)[missing][0]} is not in '{self.label}'.")
        return found if found.ndim else int(found)

    def set(self, **parameters: Any) -> None:
        for part in self.populations:
            part._refuse_unknown(parameters)
        super().set(**parameters)

    set.__doc__ = common.Assembly.set.__doc__

    def initialize(self, **initial_values: Any) -> None:
        for part in self.populations:
            part._refuse_unknown_states(initial_values)
        super().initialize(**initial_values)

    initialize.__doc__ = common.Assembly.initialize.__doc__

    def annotate(self, **annotations: Any) -> None:
        """Add to the annotations, which recorded data carry."""
        self.annotations.update(annotations)

    def record(
        self,
        variables: Any,
        to_file: Any = None,
        sampling_interval: Any = None,
        locations: Any = None,
    ) -> None:
        interval = magnitude("sampling_interval", sampling_interval, "ms")
        file = checked_file(to_file)
        if variables is not None:
            for part in self.populations:
                part.recorder.checked(variables, interval, locations)
        for part in self.populations:
            part.record(variables, None, interval, locations)
        write_at_end(self, variables, file)

    record.__doc__ = common.Assembly.record.__doc__

    def get_data(
        self,
        variables: Any = "all",
        gather: bool = True,
        clear: bool = False,
        annotations: Mapping[str, Any] | None = None,
    ) -> Any:
        names = variable_names(variables)
        self._refuse_unrecordable(names or ())
        segments = self._segments(names, gather)
        require_data(segments, names, self.label, gather)
        block = neo_block(
            segments,
            self.label,
            self.describe(),
            {**self._metadata(), **(annotations or {})},
        )
        if clear:
            self._clear()
        return block

    get_data.__doc__ = common.Assembly.get_data.__doc__

    def _refuse_unrecordable(self, names: Iterable[str]) -> None:
        for name in names:
            if not any(part.can_record(name) for part in self.populations):
                raise errors.RecordingError(name, self.populations[0].celltype)

    def _segments(self, names: list[str] | None, gather: bool) -> list[Segment]:
        """What was recorded of all parts; the place of a cell is that in the assembly."""
        parts: dict[int, list[Segment]] = {}
        for part in self.populations:
            for segment in part.recorder.segments(names, part._record_filter, gather):
                parts.setdefault(segment.number, []).append(segment)
        description = self.describe()
        return [
            Segment.joined(parts[number], description).indexed(self.id_to_index)
            for number in sorted(parts)
        ]

    def _metadata(self) -> dict[str, Any]:
        state = simulator.state
        cells: NDArray[np.int64] = self.all_cells.astype(np.int64)
        annotations = ({**p._root.annotations, **p.annotations} for p in self.populations)
        return {
            "size": self.size,
            "first_index": 0,
            "last_index": self.size,
            "first_id": int(cells.min()),
            "last_id": int(cells.max()),
            "label": self.label,
            "simulator": simulator.name,
            "dt": state.dt,
            "mpi_processes": state.num_processes,
            **merge_annotations({}, *annotations),
            **self.annotations,
        }

    def _clear(self) -> None:
        for recorder in {part.recorder for part in self.populations}:
            recorder.clear()

    def write_data(
        self,
        io: Any,
        variables: Any = "all",
        gather: bool = True,
        clear: bool = False,
        annotations: Mapping[str, Any] | None = None,
    ) -> None:
        read = partial(self.get_data, variables, gather, False, annotations)
        write_block(io, gather, read)
        if clear:
            self._clear()

    write_data.__doc__ = common.Assembly.write_data.__doc__

    def mean_spike_count(self, gather: bool = True) -> float:
        counts = self.get_spike_counts(gather)
        if gather and simulator.state.mpi_rank > 0:
            return np.nan
        return sum(counts.values()) / len(counts) if counts else 0.0

    mean_spike_count.__doc__ = common.Assembly.mean_spike_count.__doc__


Population._assembly_class = Assembly
PopulationView._assembly_class = Assembly
