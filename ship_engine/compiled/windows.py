"""The time loop of a process that shares its network with others, in windows of time.

In a window the process computes its cells and notes their spikes; when the others have told
theirs, it delivers all of them in the order in which one process would have.
"""

from __future__ import annotations

from ship_engine.compiled import records as r
from ship_engine.compiled.dialect import call_kernel, float64, int32, int64, jit
from ship_engine.compiled.time_loop import (
    inject_currents,
    log_spikes,
    logs_have_room,
    run_synapses,
    sample_all,
)
from ship_engine.delivery.numba_cpu import deliver


@jit
def advance_share(network, window, index, step, place):
    """One step of this process's cells of one group; negative if a state is not finite."""
    g = int64(network[r.GROUPS] + 8 * r.GROUP_COLUMNS * index)
    share = int64(window[r.WINDOW_SHARES] + 8 * r.SHARE_COLUMNS * index)
    low, high = share[r.SHARE_LOW], share[r.SHARE_HIGH]
    if share[r.SHARE_OWN] == 0 or low == high:
        return 0
    count = call_kernel(g[r.GROUP_KERNEL], g[r.GROUP_TABLE], step, low, high)
    if count > 0:
        cells, offset = int32(share[r.SHARE_INDEX]), float64(share[r.SHARE_OFFSET])
        words, offsets = int64(window[r.WINDOW_NOTED]), float64(window[r.WINDOW_NOTED])
        n = window[r.WINDOW_NOTED_COUNT]
        moment = (step - window[r.WINDOW_FIRST]) * network[r.LOG_GROUP_COUNT] + place
        for k in range(count):
            words[2 * n] = (moment << 32) | cells[k]
            offsets[2 * n + 1] = offset[k]
            n += 1
        window[r.WINDOW_NOTED_COUNT] = n
    if int64(g[r.GROUP_ERROR])[0] >= 0:
        network[r.FAILED_GROUP] = index
        return -1
    return 0


def compute_window(network_address, window_address, first, last):
    """Compute steps first to last - 1 and note the spikes; returns the step that was reached.

    It stops early when their list is full (the caller makes room and calls again) or when a state
    is not finite (`FAILED_GROUP`).
    """
    network, window = int64(network_address), int64(window_address)
    program = int64(network[r.PROGRAM])
    for step in range(first, last):
        if window[r.WINDOW_NOTED_COUNT] + window[r.WINDOW_MOST] > window[r.WINDOW_NOTED_CAPACITY]:
            return step
        for k in range(network[r.CURRENT_ROWS]):
            table = network[r.CURRENTS] + 8 * r.CURRENT_COLUMNS * k
            inject_currents(table, step - network[r.CHUNK_START])
        sample_all(network, step)
        place = 0
        for k in range(network[r.PROGRAM_LENGTH]):
            if program[2 * k] == r.RUN_GROUP:
                if advance_share(network, window, program[2 * k + 1], step, place) < 0:
                    return step
                place += 1
    return last


def merge_spikes(window_address):
    """Put the spikes of all lists, each of which is sorted, into one; returns their number."""
    window = int64(window_address)
    lists, heads = int64(window[r.WINDOW_LISTS]), int64(window[r.WINDOW_HEADS])
    moment, index = int64(window[r.WINDOW_MOMENT]), int32(window[r.WINDOW_INDEX])
    offset = float64(window[r.WINDOW_OFFSET])
    for k in range(window[r.WINDOW_LIST_COUNT]):
        heads[k] = 0
    n = 0
    while True:
        best, earliest = -1, 0
        for k in range(window[r.WINDOW_LIST_COUNT]):
            if heads[k] < lists[2 * k + 1]:
                word = int64(lists[2 * k])[2 * heads[k]]
                if best < 0 or word < earliest:
                    best, earliest = k, word
        if best < 0:
            break
        # No list has spikes between those that another one has of a group at a moment.
        words, offsets = int64(lists[2 * best]), float64(lists[2 * best])
        now, head, end = earliest >> 32, heads[best], lists[2 * best + 1]
        while head < end and words[2 * head] >> 32 == now:
            moment[n] = now
            index[n] = words[2 * head] & 0xFFFFFFFF
            offset[n] = offsets[2 * head + 1]
            head += 1
            n += 1
        heads[best] = head
    window[r.WINDOW_COUNT], window[r.WINDOW_DELIVERED] = n, 0
    return n


@jit
def find_spikes(network, window, index, moment):
    """Let a group's row name its spikes at one moment: of all neurons, or those of a source."""
    g = int64(network[r.GROUPS] + 8 * r.GROUP_COLUMNS * index)
    share = int64(window[r.WINDOW_SHARES] + 8 * r.SHARE_COLUMNS * index)
    if share[r.SHARE_OWN] == 0:
        step = window[r.WINDOW_FIRST] + moment // network[r.LOG_GROUP_COUNT]
        low, high = share[r.SHARE_LOW], share[r.SHARE_HIGH]
        g[r.GROUP_COUNT] = call_kernel(g[r.GROUP_KERNEL], g[r.GROUP_TABLE], step, low, high)
        if int64(g[r.GROUP_ERROR])[0] >= 0:
            network[r.FAILED_GROUP] = index
        return g[r.GROUP_COUNT]
    moments, first = int64(window[r.WINDOW_MOMENT]), window[r.WINDOW_DELIVERED]
    last = first
    while last < window[r.WINDOW_COUNT] and moments[last] == moment:
        last += 1
    g[r.GROUP_COUNT] = last - first
    g[r.GROUP_INDEX] = window[r.WINDOW_INDEX] + 4 * first
    g[r.GROUP_OFFSET] = window[r.WINDOW_OFFSET] + 8 * first
    window[r.WINDOW_DELIVERED] = last
    return last - first


def deliver_window(network_address, window_address, first, last):
    """Deliver the spikes of steps first to last - 1; returns the step that was reached.

    It stops early when a log of spikes is full.
    """
    network, window = int64(network_address), int64(window_address)
    program = int64(network[r.PROGRAM])
    scalars = float64(network[r.NETWORK_SCALARS])
    count = 0
    for step in range(first, last):
        if not logs_have_room(network):
            return step
        moment = (step - window[r.WINDOW_FIRST]) * network[r.LOG_GROUP_COUNT]
        for k in range(network[r.PROGRAM_LENGTH]):
            index = program[2 * k + 1]
            if program[2 * k] == r.RUN_GROUP:
                count = find_spikes(network, window, index, moment)
                moment += 1
                table = network[r.GROUPS] + 8 * r.GROUP_COLUMNS * index
                g = int64(table)
                if count > 0:
                    if g[r.LOG_MASK] != 0:
                        log_spikes(table, step)
                    if g[r.KEEP_SPIKES] != 0:
                        call_kernel(g[r.KEEP_SPIKES], table, step, network[r.NETWORK_SCALARS], 0)
            elif count == 0:
                continue
            elif program[2 * k] == r.RUN_SYNAPSES:
                run_synapses(network, index, step)
            else:
                p = int64(network[r.PROJECTIONS] + 8 * r.PROJECTION_COLUMNS * index)
                g = int64(network[r.GROUPS] + 8 * r.GROUP_COLUMNS * p[r.SOURCE])
                deliver(p, g, step, scalars[0], scalars[1])
        if network[r.ARRIVE] != 0:
            call_kernel(network[r.ARRIVE], network_address, step + 1, 0, 0)
    return last
