"""A group as its kernel sees it: a table of addresses, whatever the kind of the group."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ship_engine.groups import Group
from ship_engine.lowering import layout
from ship_engine.lowering.cache import KernelCache
from ship_engine.lowering.layout import BLOCK
from ship_engine.lowering.loader import MachineCode

if TYPE_CHECKING:
    from ship_engine.event_network import EventNetwork


class BoundGroup(ABC):
    """A group as its kernel sees it.

    Attributes
    ----------
    table : int64 array
        See `ship_engine.lowering.layout`.
    capacity : int
        Most spikes that a step may bring.
    error : int64 [1]
        A cell whose state is not finite, or -1.
    version : int
        The group's version that the table reflects.
    injected : bool
        Whether currents enter the group.
    """

    kernel: MachineCode

    def __init__(self, group: Group, length: int, scalars: NDArray[np.float64]) -> None:
        self.group = group
        self.table = np.zeros(length, np.int64)
        self.version, self.injected = -1, False
        self.error = np.full(1, -1, np.int64)
        # Whole blocks, so that a kernel may look at flags eight at a time.
        self.flags = np.zeros(-(-group.size // BLOCK) * BLOCK, np.uint8)
        self.table[layout.SIZE] = group.size
        self.table[layout.FLAGS] = self.flags.ctypes.data
        self.table[layout.SCALARS] = scalars.ctypes.data
        self.table[layout.ERROR] = self.error.ctypes.data
        self.capacity = 0
        self._hold_spikes(group.size)

    def _hold_spikes(self, capacity: int) -> None:
        if capacity > self.capacity:
            self.capacity = capacity
            self.spike_index = np.zeros(capacity, np.int32)
            self.spike_offset = np.zeros(capacity)
            self.table[layout.SPIKE_INDEX] = self.spike_index.ctypes.data
            self.table[layout.SPIKE_OFFSET] = self.spike_offset.ctypes.data

    @abstractmethod
    def refresh(self, network: EventNetwork, cache: KernelCache) -> None:
        """Follow the group's parameters."""

    def prepare(self, network: EventNetwork, first: int, last: int) -> bool:
        """Bring what the steps from `first` to `last` need; whether the capacity has grown."""
        return False

    def port_table(self, state: str) -> NDArray[np.int64]:
        """For each port that acts on a state: addresses of ring and gain, stride of the gain."""
        return np.zeros((0, 3), np.int64)
