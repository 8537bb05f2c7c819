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
QUEUE_INDEX = 14  # int32: spikes on their way to synapses with a model; 0 if none needs them
QUEUE_STEP = 15  # int64
QUEUE_OFFSET = 16  # float64
QUEUE_COUNT = 17
QUEUE_CAPACITY = 18
HISTORY_TIMES = 19  # float64 [cell, capacity]: spikes for plastic synapses; 0 if none needs them
HISTORY_COUNT = 20  # int64 for each cell
HISTORY_CAPACITY = 21
HISTORY_FULL = 22  # written: whether a cell has no room for one more
KEEP_SPIKES = 23  # address of the function that fills queue and history; 0 if there are none
GROUP_COLUMNS = 24

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
SPLIT, SAME_STEP, NEXT_STEP, EXACT = 0, 1, 2, 3
DECAY = 11  # float64: by which a spike is split (see ship_engine.delivery.numba_cpu)
INSIDE = 12  # float64: what arrives inside steps at the port; for EXACT
INSIDE_WIDTH = 13  # float64 from one cell to the next
INSIDE_DUE = 14  # uint8: whether anything arrives inside a step
PROJECTION_COLUMNS = 15

# One table for each set of synapses with a model and, in whole steps, one axonal delay.
SYNAPSE_KERNEL = 0  # address of kernel(table, spikes, step, catch_up)
SYNAPSE_SOURCE = 1  # row of the source group
SYNAPSE_AXONAL_STEPS = 2
SYNAPSE_CURSOR = 3  # written: first entry of the source's queue that has not arrived yet
SYNAPSE_SPIKES = 4  # address of the three words in which the kernel finds spikes that arrive
SYNAPSE_SCALARS = 5  # float64: dt, the smallest time that counts
SYNAPSE_COUNT = 6  # synapses of the whole projection
SYNAPSE_START = 7  # int64: where each source's synapses start
SYNAPSE_ORDER = 8  # int32: which synapses these are; 0 if they are all, in their order
SYNAPSE_TARGET = 9  # int32
SYNAPSE_WEIGHT = 10  # float64, and a stride
SYNAPSE_DELAY = 12  # int32 time steps, and a stride
SYNAPSE_RING = 14
SYNAPSE_SLOTS = 15
SYNAPSE_WIDTH = 16
SYNAPSE_TIMING = 17  # as for projections
SYNAPSE_HISTORY = 18  # float64 [target, capacity]: times of postsynaptic spikes
SYNAPSE_CAPACITY = 19
SYNAPSE_KNOWN = 20  # int64 for each target: how many there are
SYNAPSE_SEEN = 21  # int64 for each synapse: how many it has taken in
SYNAPSE_DENDRITIC = 22  # float64 ms: from the postsynaptic cell to the synapse
SYNAPSE_AXONAL = 23  # float64 ms: from the presynaptic cell to the synapse
SYNAPSE_ARRIVED = 24  # int64 for each synapse: spikes that have reached it; see Dynamics.arrived
SYNAPSE_KEY = 25  # two words, for random numbers
SYNAPSE_DEFERRED = 27  # float64 ms: arrival of a spike whose effect is deferred; else negative
SYNAPSE_NUMBER = 28  # int64: by which each draws random numbers; 0 if by its place
SYNAPSE_ARRIVAL = 29  # four words as those of projections from DECAY to INSIDE_DUE
SYNAPSE_SCRATCH = 33  # float64 rows for a part of a source's synapses
SYNAPSE_HEADER = 34  # states and parameters follow

# One table for the gap junctions between two groups.
GAP_SOURCE_V = 0  # float64 row
GAP_SOURCE_RISE = 1  # float64 row: what the potential gained in the last step
GAP_TARGET_V = 2
GAP_TARGET_RISE = 3
GAP_COUNT = 4
GAP_SOURCE = 5  # int32
GAP_TARGET = 6  # int32
GAP_WEIGHT = 7  # float64, uS, and a stride
GAP_SOURCE_CURRENT = 9  # float64 row that the current is added to
GAP_TARGET_CURRENT = 10
GAP_COLUMNS = 11

# One row for each group with gap junctions.
COUPLED_GROUP = 0  # row of the group
COUPLED_V = 1  # float64 row
COUPLED_BEFORE = 2  # float64 row: the potential one step ago; NaN where it is not known
COUPLED_RISE = 3  # float64 row
COUPLED_INJECTED = 4  # float64 row: current from other sources
COUPLED_CURRENT = 5  # float64 row that the kernel reads
COUPLED_COLUMNS = 6

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
SYNAPSES = 12  # int64: address of each table of synapses with a model
SYNAPSE_TABLES = 13
ARRIVED_UNTIL = 14  # written: step until which spikes have gone along axons
GAPS = 15
GAP_TABLES = 16
COUPLED = 17
COUPLED_ROWS = 18
ARRIVE = 19  # address of the function that brings spikes from axons to synapses; 0 if none does
COUPLE = 20  # address of the function that computes gap junctions; 0 if there are none
NETWORK_COLUMNS = 21

RUN_GROUP, RUN_DELIVERY, RUN_SYNAPSES = 0, 1, 2

# One row for each group of a network that several processes share.
SHARE_OWN = 0  # 1 for neurons, which are shared out; 0 for sources, which all processes compute
SHARE_LOW = 1  # the first cell that this process computes
SHARE_HIGH = 2  # the first behind them
SHARE_INDEX = 3  # int32: where its kernel leaves the cells that spiked
SHARE_OFFSET = 4  # float64
SHARE_COLUMNS = 5

# A window of time in such a network: one table.  A noted spike is two words: its moment (steps
# since the window's start, times groups, plus the place of its group) above the number of the
# cell in the lower half; and the bits of its offset.
WINDOW_FIRST = 0  # step at which it starts
WINDOW_SHARES = 1  # rows as above
WINDOW_NOTED = 2  # words of the spikes of neurons that this process computes
WINDOW_NOTED_COUNT = 3
WINDOW_NOTED_CAPACITY = 4
WINDOW_MOST = 5  # most spikes that one step may bring
WINDOW_LISTS = 6  # address of rows with the address and the number of spikes of each sorted list
WINDOW_LIST_COUNT = 7
WINDOW_HEADS = 8  # int64 scratch, one for each list
WINDOW_MOMENT = 9  # int64: of all spikes, in the order in which one process delivers them
WINDOW_INDEX = 10  # int32
WINDOW_OFFSET = 11  # float64
WINDOW_COUNT = 12  # written: how many they are
WINDOW_DELIVERED = 13  # written: how many have been delivered
WINDOW_COLUMNS = 14
