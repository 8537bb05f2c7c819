"""Where a group's kernel finds its data: a table of integers, most of them addresses.

The table starts with the entries named here; behind them come, in this order, the address of
each state's row, of each port's ring buffer, and for each parameter and each coefficient its
address and its stride (0: one value for all cells).
"""

from __future__ import annotations

from ship_engine.models.base import Model

SIZE = 0  # number of cells
RING_SLOTS = 1  # time steps that a ring buffer holds
RING_WIDTH = 2  # float64 from one slot to the next
SPIKE_INDEX = 3  # int32: cells that spiked in this step
SPIKE_OFFSET = 4  # float64: ms from the start of the step to each of those spikes
FLAGS = 5  # uint8 scratch, one for each cell, rounded up to eight
SCALARS = 6  # float64: dt, the smallest time that counts, 1 if spikes lie on the grid
ERROR = 7  # int64: a cell whose state is not finite, or -1
REFRACTORY = 8  # float64 row: ms that remain of the refractory period
CURRENT = 9  # float64 row: injected current
DIVISIONS = 10  # into how many parts a time step is divided
WORK = 11  # float64 scratch for a block: a row for each state, and one for the alarm
KEY_0 = 12  # of the group's random numbers, if its model draws any
KEY_1 = 13
INSIDE = 14  # float64: what arrives inside steps, if the model is such that this is kept
INSIDE_DUE = 15  # uint8: whether anything does
HEADER = 16

# Behind the header of a spike array: its events, sorted by step.
EVENT_COUNT = HEADER
EVENT_POSITION = HEADER + 1  # written: the first event that is still to come
EVENT_STEP = HEADER + 2  # int64
EVENT_CELL = HEADER + 3  # int32
EVENT_OFFSET = HEADER + 4  # float64: ms from the start of the step
EVENT_TABLE_LENGTH = HEADER + 5

# Behind the header of Poisson processes: four values, each an address and a stride, and the rest.
RATE = HEADER
START = HEADER + 2
STOP = HEADER + 4
SILENCE = HEADER + 6  # probability of no spike in a whole step
MOST_SPIKES = HEADER + 8  # that one step may bring
TERMS = HEADER + 9  # of the Poisson distribution, until the rest is below 2**-32
UNIFORMS = HEADER + 10  # float64 scratch: eleven rows
UNIFORMS_WIDTH = HEADER + 11
POISSON_TABLE_LENGTH = HEADER + 12

BLOCK = 512
"""Cells that a kernel handles at a time: what they need fits into the first-level cache."""


class Layout:
    """Positions in the table of a model's rows."""

    def __init__(self, model: type[Model]) -> None:
        position = HEADER
        self.state: dict[str, int] = {}
        self.port: dict[str, int] = {}
        self.value: dict[str, int] = {}
        for state in model.states:
            self.state[state.name] = position
            position += 1
        for port in model.ports:
            self.port[port.name] = position
            position += 1
        for name in [p.name for p in model.parameters] + list(model.coefficients):
            self.value[name] = position
            position += 2
        self.length = position
