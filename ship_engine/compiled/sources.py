"""Kernels of the sources: spikes from a list, and Poisson processes.

Their tables start like those of neuron groups (`ship_engine.lowering.layout`); what follows the
header is their own.
"""

from __future__ import annotations

import math

import numpy as np

from ship_engine.compiled.dialect import float64, int32, int64, jit, uint8, uint64
from ship_engine.compiled.philox import philox, unit
from ship_engine.lowering.layout import (
    ERROR,
    FLAGS,
    HEADER,
    SCALARS,
    SPIKE_INDEX,
    SPIKE_OFFSET,
)

EVENT_COUNT = HEADER
EVENT_POSITION = HEADER + 1
EVENT_STEP = HEADER + 2
EVENT_CELL = HEADER + 3
EVENT_OFFSET = HEADER + 4
ARRAY_LENGTH = HEADER + 5

RATE = HEADER
START = HEADER + 2
STOP = HEADER + 4
SILENCE = HEADER + 6
KEY_0 = HEADER + 8
KEY_1 = HEADER + 9
CAPACITY = HEADER + 10

WORDS = HEADER + 12
WORDS_WIDTH = HEADER + 13
POISSON_LENGTH = HEADER + 14


def array_kernel(group, step, low, high):
    """Emit the listed spikes whose step this is; the list is sorted by step."""
    G = int64(group)
    position, count = G[EVENT_POSITION], G[EVENT_COUNT]
    event_step, cell = int64(G[EVENT_STEP]), int32(G[EVENT_CELL])
    event_offset = float64(G[EVENT_OFFSET])
    index, offset = int32(G[SPIKE_INDEX]), float64(G[SPIKE_OFFSET])
    found = 0
    while position < count and event_step[position] <= step:
        if event_step[position] == step:
            index[found] = cell[position]
            offset[found] = event_offset[position]
            found += 1
        position += 1
    G[EVENT_POSITION] = position
    return found


@jit
def draw_words(k0, k1, first, count, step, u, w1, w2, w3):
    """Draw four uniform numbers for each cell: for the count of its spikes and three times."""
    c1 = np.uint64(step) & np.uint64(0xFFFFFFFF)
    c2 = np.uint64(step) >> np.uint64(32)
    for i in range(count):
        a, b, c, d = philox(k0, k1, np.uint64(first + i), c1, c2, np.uint64(0))
        u[i] = unit(a)
        w1[i] = unit(b)
        w2[i] = unit(c)
        w3[i] = unit(d)
    return 0


@jit
def flag_active(G, first, count, t, dt, u, flags):
    """Flag cells that may spike: all that draw one, or are active for a part of the step."""
    start, stop, silence = float64(G[START]), float64(G[STOP]), float64(G[SILENCE])
    s0, s1, s2 = G[START + 1], G[STOP + 1], G[SILENCE + 1]
    any_flag = 0
    for i in range(count):
        j = first + i
        begin, end = start[j * s0], stop[j * s1]
        outside = (end <= t) | (begin >= t + dt)
        partial = (begin > t) | (end < t + dt)
        hit = (not outside) & (partial | (u[i] >= silence[j * s2]))
        flags[i] = 1 if hit else 0
        any_flag += 1 if hit else 0
    return any_flag


@jit
def offset_word(m, w1, w2, w3, k0, k1, cell, step):
    """Uniform number for the m-th spike of a cell in a step."""
    if m == 0:
        return w1
    if m == 1:
        return w2
    if m == 2:
        return w3
    c1 = np.uint64(step) & np.uint64(0xFFFFFFFF)
    c2 = np.uint64(step) >> np.uint64(32)
    block = np.uint64((m - 3) // 4 + 1)
    a, b, c, d = philox(k0, k1, np.uint64(cell), c1, c2, block)
    which = (m - 3) % 4
    if which == 0:
        return unit(a)
    if which == 1:
        return unit(b)
    if which == 2:
        return unit(c)
    return unit(d)


@jit
def count_spikes(u, mean):
    """Poisson number of a given mean, by inversion of one uniform number."""
    probability = math.exp(-mean)
    cumulative = probability
    n = 0
    while u >= cumulative and n < 10 + 20 * mean:
        n += 1
        probability *= mean / n
        cumulative += probability
    return n


def poisson_kernel(group, step, low, high):
    """Poisson spikes of one step; see `ship_engine.models.sources.SpikeSourcePoisson`."""
    G = int64(group)
    scalars = float64(G[SCALARS])
    dt, on_grid = scalars[0], scalars[2]
    t = step * dt
    k0, k1 = np.uint64(G[KEY_0]), np.uint64(G[KEY_1])
    index, offset = int32(G[SPIKE_INDEX]), float64(G[SPIKE_OFFSET])
    rate, start, stop = float64(G[RATE]), float64(G[START]), float64(G[STOP])
    width = 8 * G[WORDS_WIDTH]
    u, w1 = float64(G[WORDS]), float64(G[WORDS] + width)
    w2, w3 = float64(G[WORDS] + 2 * width), float64(G[WORDS] + 3 * width)
    flags = uint8(G[FLAGS])
    words = uint64(G[FLAGS])
    found = 0
    for first in range(low, high, G[WORDS_WIDTH]):
        count = min(G[WORDS_WIDTH], high - first)
        draw_words(k0, k1, first, count, step, u, w1, w2, w3)
        if flag_active(G, first, count, t, dt, u, flags) == 0:
            continue
        for word in range((count + 7) >> 3):
            if words[word] == 0:
                continue
            for i in range(8 * word, min(8 * word + 8, count)):
                if flags[i] == 0:
                    continue
                j = first + i
                begin = max(t, start[j * G[START + 1]])
                overlap = min(t + dt, stop[j * G[STOP + 1]]) - begin
                n = count_spikes(u[i], 0.001 * rate[j * G[RATE + 1]] * overlap)
                if found + n > G[CAPACITY]:
                    int64(G[ERROR])[0] = j
                    return found
                for m in range(n):
                    within = offset_word(m, w1[i], w2[i], w3[i], k0, k1, j, step)
                    index[found] = j
                    offset[found] = dt if on_grid != 0.0 else begin - t + within * overlap
                    found += 1
    return found
