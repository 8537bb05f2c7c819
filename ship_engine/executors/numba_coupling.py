"""Tables of addresses through which the compiled time loop finds gap junctions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ship_engine.compiled import records as r
from ship_engine.groups import NeuronGroup

if TYPE_CHECKING:
    from ship_engine.event_network import EventNetwork
    from ship_engine.gap_junctions import GapJunctions


class BoundCoupling:
    """All gap junctions of a network, and the groups that have some."""

    def __init__(self, network: EventNetwork) -> None:
        groups = [g for g in network.groups if isinstance(g, NeuronGroup) and g.coupling]
        self._groups = np.zeros((len(groups), r.COUPLED_COLUMNS), np.int64)
        for row, group in zip(self._groups, groups, strict=True):
            assert group.coupling is not None
            row[r.COUPLED_GROUP] = network.groups.index(group)
            row[r.COUPLED_V] = group["v"].ctypes.data
            row[r.COUPLED_BEFORE] = group.coupling.before.ctypes.data
            row[r.COUPLED_RISE] = group.coupling.rise.ctypes.data
            row[r.COUPLED_INJECTED] = group.coupling.injected.ctypes.data
            row[r.COUPLED_CURRENT] = group.current.ctypes.data
        junctions = [j for j in network.gap_junctions if len(j)]
        self._junctions = np.zeros((len(junctions), r.GAP_COLUMNS), np.int64)
        for row, junction in zip(self._junctions, junctions, strict=True):
            _record(row, junction)

    @property
    def present(self) -> bool:
        """Whether there are any."""
        return len(self._groups) > 0

    def fill(self, table: NDArray[np.int64]) -> None:
        """Enter them into the network's table."""
        table[r.COUPLED] = self._groups.ctypes.data
        table[r.COUPLED_ROWS] = len(self._groups)
        table[r.GAPS] = self._junctions.ctypes.data
        table[r.GAP_TABLES] = len(self._junctions)


def _record(row: NDArray[np.int64], junctions: GapJunctions) -> None:
    source, target = junctions.source, junctions.target
    assert source.coupling is not None
    assert target.coupling is not None
    row[r.GAP_SOURCE_V] = source["v"].ctypes.data
    row[r.GAP_SOURCE_RISE] = source.coupling.rise.ctypes.data
    row[r.GAP_TARGET_V] = target["v"].ctypes.data
    row[r.GAP_TARGET_RISE] = target.coupling.rise.ctypes.data
    row[r.GAP_COUNT] = len(junctions)
    row[r.GAP_SOURCE] = junctions.source_cell.ctypes.data
    row[r.GAP_TARGET] = junctions.target_cell.ctypes.data
    row[r.GAP_WEIGHT] = junctions.conductance.ctypes.data
    row[r.GAP_WEIGHT + 1] = int(junctions.conductance.size > 1)
    row[r.GAP_SOURCE_CURRENT] = source.current.ctypes.data
    row[r.GAP_TARGET_CURRENT] = target.current.ctypes.data
