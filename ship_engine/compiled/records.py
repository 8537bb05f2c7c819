"""Records through which Python and the compiled time loop speak: columns of integer tables.

Addresses are of NumPy arrays that the executor keeps alive.  This module imports nothing, so
both sides may use it.
"""

# One row for each group.
GROUP_KERNEL = 0  # address of kernel(group, step, low, high)
GROUP_TABLE = 1  # address of the kernel's own table (see ship_engine.lowering.layout)
GROUP_SIZE = 2
GROUP_COUNT = 3  # written in every step: how many spikes it had
GROUP_INDEX = 4  # int32: the cells that spiked
GROUP_OFFSET = 5  # float64: ms from the start of the step
GROUP_CAPACITY = 6  # most spikes that one step may bring
GROUP_ERROR = 7  # int64: cell with a state that is not finite, or -1
LOG_MASK = 8  # uint8 for each cell: is its spike recorded; 0 if none is
LOG_INDEX = 9  # int32
LOG_STEP = 10  # int64
LOG_OFFSET = 11  # float64
LOG_COUNT = 12
LOG_CAPACITY = 13
GROUP_COLUMNS = 14

# One row for each projection.
SOURCE = 0  # row of the source group
START = 1  # int64: where each source's synapses start
TARGET = 2  # int32: target cells, ascending for each source
WEIGHT = 3  # float64
WEIGHT_STRIDE = 4  # 0: one weight for all
DELAY = 5  # int32, time steps
DELAY_STRIDE = 6  # 0: one delay for all
RING = 7  # address of the target port's ring buffer
RING_SLOTS = 8
RING_WIDTH = 9
TIMING = 10  # how arrivals are timed; one of the following
SPLIT, SAME_STEP, NEXT_STEP, NEAREST_STEP = 0, 1, 2, 3
PROJECTION_COLUMNS = 11

# One row for each state monitor.
INTERVAL = 0  # time steps from one sample to the next
ROW = 1  # address of the state's row
CELLS = 2  # int32: cells to sample
CELL_COUNT = 3
SAMPLES = 4  # float64: where samples go
SAMPLE_COUNT = 5  # written: how many samples were taken
PORT_COUNT = 6  # ports whose pending input belongs to the sample
PORT_TABLE = 7  # for each of them: ring address, gain address, gain stride
MONITOR_SLOTS = 8
MONITOR_WIDTH = 9
DEAF = 10  # refractory row if the state is held during the refractory period, or 0
PHASE = 11  # step from which intervals are counted
LAST_SAMPLE = 12  # written: step of the latest sample, so that none is taken twice
MONITOR_COLUMNS = 13

# One row for each group into which current is injected.
CURRENT_ROW = 0
CURRENT_CELLS = 1
CURRENT_SOURCES = 2
AMPLITUDE = 3  # float64 [source, step of the chunk]
AMPLITUDE_STEPS = 4
CURRENT_START = 5  # int64: where each source's target cells start
CURRENT_TARGET = 6  # int32
LAST_AMPLITUDE = 7  # float64 [source]
CURRENT_COLUMNS = 8

# The network: one table.
GROUPS = 0
PROJECTIONS = 1
MONITORS = 2
MONITOR_ROWS = 3
CURRENTS = 4
CURRENT_ROWS = 5
PROGRAM = 6  # pairs (0, group) and (1, projection) in stack order
PROGRAM_LENGTH = 7
NETWORK_SCALARS = 8  # float64: dt, smallest time that counts, 1 if spikes lie on the grid
FAILED_GROUP = 9  # written: group that stopped the run, or -1
CHUNK_START = 10  # step at which the current chunk, and so the amplitude tables, start
LOG_GROUP_COUNT = 11  # number of groups
NETWORK_COLUMNS = 12

RUN_GROUP, RUN_DELIVERY = 0, 1
