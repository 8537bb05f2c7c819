"""Leaky neurons from event to event, with exact spike times.

`ship_engine.executors.eventprop` states the equations.  The function takes the address of a table
(`ship_engine.executors.eventprop_layout`) and the range of samples to compute.

Time is divided into windows shorter than any delay inside a block, so that in a window each neuron
can be computed by itself: all that reaches it was emitted in windows before, by groups outside, or,
without delay, by groups that come before its own.  Whatever happens is written on a tape, which the
adjoint follows backwards.
"""

from __future__ import annotations

import math

from ship_engine.compiled.dialect import float64, int32, int64, jit, uint8
from ship_engine.compiled.eventprop_membrane import (
    advanced,
    first_crossing,
    may_cross,
    slope_of,
)
from ship_engine.compiled.eventprop_sorting import sort
from ship_engine.executors import eventprop_layout as at


@jit
def write_event(T, j, what, spike, time):
    """Write on the tape."""
    counters = int64(T[at.COUNTERS])
    k = counters[at.EVENTS]
    if k >= T[at.TAPE_CAPACITY]:
        counters[at.FULL] = 1
        return
    int32(T[at.TAPE_NEURON])[k] = j
    int32(T[at.TAPE_WHAT])[k] = what
    int32(T[at.TAPE_SPIKE])[k] = spike
    float64(T[at.TAPE_TIME])[k] = time
    counters[at.EVENTS] = k + 1


@jit
def list_arrival(T, head, time, synapse, spike):
    """Put an arrival at the head of a list."""
    counters, following = int64(T[at.COUNTERS]), int32(T[at.NODE_NEXT])
    node = counters[at.FREE]
    if node >= 0:
        counters[at.FREE] = following[node]
    else:
        node = counters[at.NODES]
        if node >= T[at.NODE_CAPACITY]:
            counters[at.FULL] = 1
            return
        counters[at.NODES] = node + 1
    float64(T[at.NODE_TIME])[node] = time
    int32(T[at.NODE_SYNAPSE])[node] = synapse
    int32(T[at.NODE_SPIKE])[node] = spike
    following[node] = head[0]
    head[0] = node


@jit
def send(T, slot, cell, time, spike, window):
    """Let a spike, which is emitted in a window, go to all its targets."""
    scalars, delay, target = float64(T[at.SCALARS]), float64(T[at.DELAY]), int32(T[at.TARGET])
    path, starts = int64(T[at.PATH_BEGIN]), int64(T[at.PATH_START])
    offset = int64(T[at.PATH_OFFSET])
    for p in range(path[slot], path[slot + 1]):
        start = int64(starts[p])
        for synapse in range(offset[p] + start[cell], offset[p] + start[cell + 1]):
            arrival = time + delay[synapse]
            if arrival <= scalars[0]:
                due = min(max(int(arrival / scalars[1]), window), T[at.WINDOWS] - 1)
                row = (due % T[at.BUCKETS]) * T[at.NEURONS]
                head = int64(T[at.HEAD] + 8 * (row + (target[synapse] >> 1)))
                list_arrival(T, head, arrival, synapse, spike)


@jit
def sample(T, j, until):
    """Record v at all times from a neuron's last event on that lie before a time."""
    addresses = int64(T[at.OUT])
    if addresses[j] == 0:
        return
    Z = float64(T[at.STATE] + 8 * at.STATE_ROW * j)
    P = float64(T[at.PARAMETERS] + 8 * at.PARAMETER_ROW * j)
    position, times, count = int64(T[at.POSITION]), float64(T[at.TIMES]), T[at.TIME_COUNT]
    stride = int64(T[at.OUT_STRIDE])[j]
    first = int64(T[at.COUNTERS])[at.SAMPLE] * count
    recorded = float64(addresses[j])
    k = position[j]
    while k < count and times[k] < until:
        v = Z[at.V]
        if Z[at.HELD] == 0.0:
            v, _, _ = advanced(P, v, Z[at.EXC], Z[at.INH], times[k] - Z[at.NOW])
        recorded[(first + k) * stride] = v
        k += 1
    position[j] = k


@jit
def hold(T, j, until):
    """Let a neuron's currents decay while v is held."""
    sample(T, j, until)
    Z = float64(T[at.STATE] + 8 * at.STATE_ROW * j)
    P = float64(T[at.PARAMETERS] + 8 * at.PARAMETER_ROW * j)
    _, exc, inh = advanced(P, Z[at.V], Z[at.EXC], Z[at.INH], until - Z[at.NOW])
    Z[at.EXC], Z[at.INH], Z[at.NOW] = exc, inh, until


@jit
def release(T, j):
    """End a neuron's refractory period."""
    Z = float64(T[at.STATE] + 8 * at.STATE_ROW * j)
    P = float64(T[at.PARAMETERS] + 8 * at.PARAMETER_ROW * j)
    hold(T, j, Z[at.FREE_AT])
    Z[at.HELD], Z[at.WAKE] = 0.0, -math.inf
    spike = int64(T[at.LAST_FIRED])[j]
    if spike < T[at.FIRE_CAPACITY]:
        float64(T[at.RELEASE_SLOPE])[spike] = slope_of(P, Z[at.V], Z[at.EXC], Z[at.INH])
    write_event(T, j, at.RELEASED, spike, Z[at.NOW])


@jit
def fire(T, j, after, window):
    """Let a neuron spike some time after its last event."""
    Z = float64(T[at.STATE] + 8 * at.STATE_ROW * j)
    P = float64(T[at.PARAMETERS] + 8 * at.PARAMETER_ROW * j)
    counters = int64(T[at.COUNTERS])
    time = Z[at.NOW] + after
    sample(T, j, time)
    _, exc, inh = advanced(P, Z[at.V], Z[at.EXC], Z[at.INH], after)
    Z[at.V], Z[at.EXC], Z[at.INH], Z[at.NOW] = P[at.V_RESET], exc, inh, time
    Z[at.FREE_AT], Z[at.HELD] = time + P[at.REFRACTORY], 1.0
    spike = counters[at.SPIKES]
    int64(T[at.LAST_FIRED])[j] = spike
    if spike >= T[at.FIRE_CAPACITY]:
        counters[at.FULL] = 1
        return
    counters[at.SPIKES] = spike + 1
    float64(T[at.FIRE_TIME])[spike] = time
    float64(T[at.FIRE_SLOPE])[spike] = slope_of(P, P[at.V_THRESH], exc, inh)
    int32(T[at.FIRE_SAMPLE])[spike] = counters[at.SAMPLE]
    int32(T[at.FIRE_NEURON])[spike] = j
    write_event(T, j, at.FIRED, spike, time)
    send(T, int32(T[at.SLOT])[j], int32(T[at.CELL])[j], time, spike, window)


@jit
def reach(T, j, time, window):
    """Bring a neuron to the time of an arrival, through spikes before it."""
    Z = float64(T[at.STATE] + 8 * at.STATE_ROW * j)
    P = float64(T[at.PARAMETERS] + 8 * at.PARAMETER_ROW * j)
    full = int64(T[at.COUNTERS])
    while full[at.FULL] == 0:
        if Z[at.HELD] != 0.0:
            if Z[at.FREE_AT] > time:
                hold(T, j, time)
                return
            release(T, j)
        left = time - Z[at.NOW]
        if left <= 0.0:
            return
        v, exc, inh, after = Z[at.V], Z[at.EXC], Z[at.INH], -1.0
        if Z[at.WAKE] <= time and may_cross(P, v, exc, inh, left):
            after = first_crossing(P, v, exc, inh, left)
        if after < 0.0:
            sample(T, j, time)
            v, exc, inh = advanced(P, v, exc, inh, left)
            Z[at.V], Z[at.EXC], Z[at.INH], Z[at.NOW] = v, exc, inh, time
            return
        fire(T, j, after, window)


@jit
def settle(T, j, until, window):
    """Let a neuron spike until the end of a window, and find out until when it does not then.

    It looks ahead as far as the last event is past, since the next arrival may change everything.
    """
    Z = float64(T[at.STATE] + 8 * at.STATE_ROW * j)
    P = float64(T[at.PARAMETERS] + 8 * at.PARAMETER_ROW * j)
    full, end = int64(T[at.COUNTERS]), float64(T[at.SCALARS])[0]
    while full[at.FULL] == 0:
        if Z[at.HELD] != 0.0:
            Z[at.WAKE] = Z[at.FREE_AT]
            if Z[at.FREE_AT] > until:
                return
            release(T, j)
        ahead = min(until + (until - Z[at.NOW]), end)
        left, after = ahead - Z[at.NOW], -1.0
        if may_cross(P, Z[at.V], Z[at.EXC], Z[at.INH], left):
            after = first_crossing(P, Z[at.V], Z[at.EXC], Z[at.INH], left)
        if after < 0.0:
            Z[at.WAKE] = ahead if ahead < end else math.inf
            return
        Z[at.WAKE] = Z[at.NOW] + after
        if Z[at.WAKE] > until:
            return
        fire(T, j, after, window)


@jit
def receive(T, j, node, until, window):
    """Compute a neuron in a window in which the arrivals of a list are due."""
    Z = float64(T[at.STATE] + 8 * at.STATE_ROW * j)
    counters, following = int64(T[at.COUNTERS]), int32(T[at.NODE_NEXT])
    synapse, spike = int32(T[at.NODE_SYNAPSE]), int32(T[at.NODE_SPIKE])
    target, weight, arrival = int32(T[at.TARGET]), float64(T[at.WEIGHT]), float64(T[at.NODE_TIME])
    capacity = T[at.NODE_CAPACITY]
    key, item = float64(T[at.SORT_KEY]), int32(T[at.SORT_ITEM])
    # The last that was listed is the first of the list, so that most of it is in order now.
    first = capacity
    while node >= 0:
        first -= 1
        key[first], item[first] = arrival[node], node
        node = following[node]
    row = sort(T[at.SORT_KEY], T[at.SORT_ITEM], capacity, first, capacity)
    item = int32(T[at.SORT_ITEM] + 4 * row * capacity)
    for k in range(first, capacity):
        node = item[k]
        reach(T, j, arrival[node], window)
        s = synapse[node]
        Z[at.EXC + (target[s] & 1)] += weight[s]
        Z[at.WAKE] = -math.inf
        write_event(T, j, s, spike[node], arrival[node])
        following[node], counters[at.FREE] = counters[at.FREE], node
    settle(T, j, until, window)


@jit
def begin(T, b):
    """Begin a sample."""
    counters = int64(T[at.COUNTERS])
    counters[at.NODES], counters[at.FREE], counters[at.SAMPLE] = 0, -1, b
    int64(T[at.TAPE_BEGIN])[b] = counters[at.EVENTS]
    initial, position = float64(T[at.INITIAL]), int64(T[at.POSITION])
    for j in range(T[at.NEURONS]):
        Z = float64(T[at.STATE] + 8 * at.STATE_ROW * j)
        Z[at.V], Z[at.EXC], Z[at.INH] = initial[3 * j], initial[3 * j + 1], initial[3 * j + 2]
        Z[at.NOW], Z[at.FREE_AT], Z[at.WAKE], Z[at.HELD] = 0.0, 0.0, -math.inf, 0.0
        position[j] = 0
    head = int64(T[at.HEAD])
    for k in range(T[at.NEURONS] * T[at.BUCKETS]):
        head[k] = -1


@jit
def finish(T, b):
    """Record what is left to record of a sample."""
    int64(T[at.TAPE_END])[b] = int64(T[at.COUNTERS])[at.EVENTS]
    held = uint8(T[at.STILL_HELD] + b * T[at.NEURONS])
    for j in range(T[at.NEURONS]):
        sample(T, j, math.inf)
        held[j] = 1 if float64(T[at.STATE] + 8 * at.STATE_ROW * j)[at.HELD] != 0.0 else 0


def eventprop_forward(table, first, last, unused):
    """Compute a range of samples; 1 if there is not enough room for what happens in them."""
    T = int64(table)
    scalars, outside = float64(T[at.SCALARS]), int64(T[at.OUTSIDE_BEGIN])
    time, slot = float64(T[at.OUTSIDE_TIME]), int32(T[at.OUTSIDE_SLOT])
    cell = int32(T[at.OUTSIDE_CELL])
    full, neurons, windows = int64(T[at.COUNTERS]), T[at.NEURONS], T[at.WINDOWS]
    for b in range(first, last):
        begin(T, b)
        emitted = outside[b]
        for window in range(windows):
            until = scalars[0] if window == windows - 1 else (window + 1) * scalars[1]
            while emitted < outside[b + 1] and time[emitted] <= until:
                send(T, slot[emitted], cell[emitted], time[emitted], -1 - emitted, window)
                emitted += 1
            for j in range(neurons):
                head = int64(T[at.HEAD] + 8 * ((window % T[at.BUCKETS]) * neurons + j))
                wake = float64(T[at.STATE] + 8 * at.STATE_ROW * j)[at.WAKE]
                if head[0] >= 0 or wake <= until:
                    node, head[0] = head[0], -1
                    receive(T, j, node, until, window)
            if full[at.FULL] != 0:
                return 1
        finish(T, b)
    return 0
