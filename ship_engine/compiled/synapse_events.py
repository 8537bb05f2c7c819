"""Parts of the time loop that only networks with synapse models or gap junctions need.

They are compiled apart from the loop, which calls them by their addresses, so that other networks
do not wait for their compilation.
"""

from __future__ import annotations

from ship_engine.compiled import records as r
from ship_engine.compiled.dialect import call_kernel, float64, int32, int64, jit


@jit
def queue_spikes(table, step):
    """Keep this step's spikes for synapses that they reach later."""
    g = int64(table)
    index, offset = int32(g[r.GROUP_INDEX]), float64(g[r.GROUP_OFFSET])
    to_index, to_step = int32(g[r.QUEUE_INDEX]), int64(g[r.QUEUE_STEP])
    to_offset, n = float64(g[r.QUEUE_OFFSET]), g[r.QUEUE_COUNT]
    for k in range(g[r.GROUP_COUNT]):
        to_index[n + k] = index[k]
        to_step[n + k] = step
        to_offset[n + k] = offset[k]
    g[r.QUEUE_COUNT] = n + g[r.GROUP_COUNT]
    return 0


@jit
def note_history(table, step, dt):
    """Keep the times of this step's spikes for plastic synapses onto the cells that spiked."""
    g = int64(table)
    index, offset = int32(g[r.GROUP_INDEX]), float64(g[r.GROUP_OFFSET])
    times, count = float64(g[r.HISTORY_TIMES]), int64(g[r.HISTORY_COUNT])
    capacity = g[r.HISTORY_CAPACITY]
    for k in range(g[r.GROUP_COUNT]):
        cell = index[k]
        times[cell * capacity + count[cell]] = step * dt + offset[k]
        count[cell] += 1
        if count[cell] >= capacity:
            g[r.HISTORY_FULL] = 1
    return 0


@jit
def keep_spikes(table, step, scalars, _):
    """Keep this step's spikes of a group for all synapses that need them later."""
    g = int64(table)
    if g[r.QUEUE_INDEX] != 0:
        queue_spikes(table, step)
    if g[r.HISTORY_TIMES] != 0:
        note_history(table, step, float64(scalars)[0])
    return 0


@jit
def arrive(network_address, step, _, __):
    """Bring spikes that have gone along their axons to synapses with a model, at a step's start."""
    network = int64(network_address)
    if step <= network[r.ARRIVED_UNTIL]:
        return 0
    for k in range(network[r.SYNAPSE_TABLES]):
        table = int64(network[r.SYNAPSES])[k]
        t = int64(table)
        if t[r.SYNAPSE_AXONAL_STEPS] == 0:
            continue
        g = int64(network[r.GROUPS] + 8 * r.GROUP_COLUMNS * t[r.SYNAPSE_SOURCE])
        emitted, first = step - t[r.SYNAPSE_AXONAL_STEPS], t[r.SYNAPSE_CURSOR]
        last, steps = first, int64(g[r.QUEUE_STEP])
        while last < g[r.QUEUE_COUNT] and steps[last] <= emitted:
            last += 1
        if last > first:
            spikes = int64(t[r.SYNAPSE_SPIKES])
            spikes[0] = last - first
            spikes[1] = g[r.QUEUE_INDEX] + 4 * first
            spikes[2] = g[r.QUEUE_OFFSET] + 8 * first
            call_kernel(t[r.SYNAPSE_KERNEL], table, t[r.SYNAPSE_SPIKES], emitted, 0)
            t[r.SYNAPSE_CURSOR] = last
    network[r.ARRIVED_UNTIL] = step
    return 0


@jit
def couple(network_address, _, __, ___):
    """Let currents flow through gap junctions; see `ship_engine.gap_junctions`."""
    network = int64(network_address)
    for k in range(network[r.COUPLED_ROWS]):
        c = int64(network[r.COUPLED] + 8 * r.COUPLED_COLUMNS * k)
        g = int64(network[r.GROUPS] + 8 * r.GROUP_COLUMNS * c[r.COUPLED_GROUP])
        v, before, rise = (
            float64(c[r.COUPLED_V]),
            float64(c[r.COUPLED_BEFORE]),
            float64(c[r.COUPLED_RISE]),
        )
        injected, current = float64(c[r.COUPLED_INJECTED]), float64(c[r.COUPLED_CURRENT])
        index = int32(g[r.GROUP_INDEX])
        for j in range(g[r.GROUP_COUNT]):
            before[index[j]] = v[index[j]]
        for i in range(g[r.GROUP_SIZE]):
            rise[i] = v[i] - before[i] if before[i] == before[i] else 0.0
            before[i] = v[i]
            current[i] = injected[i]
    for k in range(network[r.GAP_TABLES]):
        t = int64(network[r.GAPS] + 8 * r.GAP_COLUMNS * k)
        source_v, source_rise = float64(t[r.GAP_SOURCE_V]), float64(t[r.GAP_SOURCE_RISE])
        target_v, target_rise = float64(t[r.GAP_TARGET_V]), float64(t[r.GAP_TARGET_RISE])
        source, target = int32(t[r.GAP_SOURCE]), int32(t[r.GAP_TARGET])
        weight, stride = float64(t[r.GAP_WEIGHT]), t[r.GAP_WEIGHT + 1]
        to_source = float64(t[r.GAP_SOURCE_CURRENT])
        to_target = float64(t[r.GAP_TARGET_CURRENT])
        for e in range(t[r.GAP_COUNT]):
            i, j = source[e], target[e]
            here = source_v[i] + 0.5 * source_rise[i]
            there = target_v[j] + 0.5 * target_rise[j]
            flow = weight[e * stride] * (here - there)
            to_source[i] -= flow
            to_target[j] += flow
    return 0
