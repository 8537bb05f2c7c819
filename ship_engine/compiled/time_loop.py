"""The time loop: for each step the injected currents, the samples, then the stack in its order."""

from __future__ import annotations

from ship_engine.compiled import records as r
from ship_engine.compiled.dialect import call_kernel, float64, int32, int64, jit, uint8
from ship_engine.delivery.numba_cpu import deliver


@jit
def inject_currents(table, step):
    """Where a source's amplitude has changed, sum the currents of its group anew."""
    c = int64(table)
    sources, steps = c[r.CURRENT_SOURCES], c[r.AMPLITUDE_STEPS]
    amplitude, last = float64(c[r.AMPLITUDE]), float64(c[r.LAST_AMPLITUDE])
    changed = False
    for s in range(sources):
        changed |= amplitude[s * steps + step] != last[s]
        last[s] = amplitude[s * steps + step]
    if not changed:
        return 0
    row = float64(c[r.CURRENT_ROW])
    for i in range(c[r.CURRENT_CELLS]):
        row[i] = 0.0
    start, target = int64(c[r.CURRENT_START]), int32(c[r.CURRENT_TARGET])
    for s in range(sources):
        for e in range(start[s], start[s + 1]):
            row[target[e]] += last[s]
    return 1


@jit
def take_sample(table, step, instant):
    """Copy a state of some cells, with the input that arrives at this very moment."""
    m = int64(table)
    row, cells, ports = float64(m[r.ROW]), int32(m[r.CELLS]), int64(m[r.PORT_TABLE])
    count = m[r.CELL_COUNT]
    out = float64(m[r.SAMPLES] + 8 * m[r.SAMPLE_COUNT] * count)
    slot = 8 * (step % m[r.MONITOR_SLOTS]) * m[r.MONITOR_WIDTH]
    deaf = float64(m[r.DEAF])
    for k in range(count):
        j = cells[k]
        value = row[j]
        if m[r.DEAF] == 0 or deaf[j] <= instant:
            for p in range(m[r.PORT_COUNT]):
                gain = float64(ports[3 * p + 1])[j * ports[3 * p + 2]]
                value += gain * float64(ports[3 * p] + slot)[j]
        out[k] = value
    m[r.SAMPLE_COUNT] += 1
    return 0


@jit
def log_spikes(table, step):
    """Append this step's spikes of recorded cells to the group's log."""
    g = int64(table)
    index, offset = int32(g[r.GROUP_INDEX]), float64(g[r.GROUP_OFFSET])
    mask = uint8(g[r.LOG_MASK])
    log_index, log_step = int32(g[r.LOG_INDEX]), int64(g[r.LOG_STEP])
    log_offset = float64(g[r.LOG_OFFSET])
    n = g[r.LOG_COUNT]
    for k in range(g[r.GROUP_COUNT]):
        if mask[index[k]] != 0:
            log_index[n] = index[k]
            log_step[n] = step
            log_offset[n] = offset[k]
            n += 1
    g[r.LOG_COUNT] = n
    return 0


@jit
def logs_have_room(network):
    """Whether every log, queue and history of spikes can take all that one step may bring."""
    for k in range(network[r.LOG_GROUP_COUNT]):
        g = int64(network[r.GROUPS] + 8 * r.GROUP_COLUMNS * k)
        if g[r.LOG_MASK] != 0 and g[r.LOG_COUNT] + g[r.GROUP_CAPACITY] > g[r.LOG_CAPACITY]:
            return False
        queued = g[r.QUEUE_INDEX] != 0
        if queued and g[r.QUEUE_COUNT] + g[r.GROUP_CAPACITY] > g[r.QUEUE_CAPACITY]:
            return False
        if g[r.HISTORY_TIMES] != 0 and g[r.HISTORY_FULL] != 0:
            return False
    return True


@jit
def run_group(network, index, step):
    """One step of one group; the result is negative if a state is not finite."""
    g = int64(network[r.GROUPS] + 8 * r.GROUP_COLUMNS * index)
    g[r.GROUP_COUNT] = call_kernel(g[r.GROUP_KERNEL], g[r.GROUP_TABLE], step, 0, g[r.GROUP_SIZE])
    if g[r.GROUP_COUNT] > 0:
        table = network[r.GROUPS] + 8 * r.GROUP_COLUMNS * index
        if g[r.LOG_MASK] != 0:
            log_spikes(table, step)
        if g[r.KEEP_SPIKES] != 0:
            call_kernel(g[r.KEEP_SPIKES], table, step, network[r.NETWORK_SCALARS], 0)
    if int64(g[r.GROUP_ERROR])[0] >= 0:
        network[r.FAILED_GROUP] = index
        return -1
    return 0


@jit
def sample_all(network, step):
    """Take every sample that is due."""
    instant = float64(network[r.NETWORK_SCALARS])[1]
    for k in range(network[r.MONITOR_ROWS]):
        monitor = network[r.MONITORS] + 8 * r.MONITOR_COLUMNS * k
        m = int64(monitor)
        if step > m[r.LAST_SAMPLE] and (step - m[r.PHASE]) % m[r.INTERVAL] == 0:
            take_sample(monitor, step, instant)
            m[r.LAST_SAMPLE] = step
    return 0


@jit
def run_synapses(network, number, step):
    """Bring the spikes that the source had in this step to synapses with a model."""
    table = int64(network[r.SYNAPSES])[number]
    t = int64(table)
    group = network[r.GROUPS] + 8 * r.GROUP_COLUMNS * t[r.SYNAPSE_SOURCE]
    if int64(group)[r.GROUP_COUNT] > 0:
        call_kernel(t[r.SYNAPSE_KERNEL], table, group + 8 * r.GROUP_COUNT, step, 0)
    return 0


def drive(network_address, first, last, complete):
    """Run steps first to last - 1; returns the step that was reached.

    It stops early when a log of spikes is full (the caller makes room and calls again) or when a
    state is not finite (`FAILED_GROUP`).  The samples at `last` are taken if the run is complete
    with it, else they are left to the next call.
    """
    network = int64(network_address)
    program = int64(network[r.PROGRAM])
    scalars = float64(network[r.NETWORK_SCALARS])
    for step in range(first, last):
        if not logs_have_room(network):
            return step
        for k in range(network[r.CURRENT_ROWS]):
            table = network[r.CURRENTS] + 8 * r.CURRENT_COLUMNS * k
            inject_currents(table, step - network[r.CHUNK_START])
        if network[r.COUPLE] != 0:
            call_kernel(network[r.COUPLE], network_address, 0, 0, 0)
        if network[r.ARRIVE] != 0:
            call_kernel(network[r.ARRIVE], network_address, step, 0, 0)
        sample_all(network, step)
        for k in range(network[r.PROGRAM_LENGTH]):
            index = program[2 * k + 1]
            if program[2 * k] == r.RUN_GROUP:
                if run_group(network, index, step) < 0:
                    return step
            elif program[2 * k] == r.RUN_SYNAPSES:
                run_synapses(network, index, step)
            else:
                p = int64(network[r.PROJECTIONS] + 8 * r.PROJECTION_COLUMNS * index)
                g = int64(network[r.GROUPS] + 8 * r.GROUP_COLUMNS * p[r.SOURCE])
                if g[r.GROUP_COUNT] > 0:
                    deliver(p, g, step, scalars[0], scalars[1])
    if complete != 0:
        if network[r.ARRIVE] != 0:
            call_kernel(network[r.ARRIVE], network_address, last, 0, 0)
        sample_all(network, last)
    return last
