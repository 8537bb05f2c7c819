"""Kernels of the sources: spikes from a list, and Poisson processes.

Their tables start like those of neuron groups (`ship_engine.lowering.layout`); what follows the
header is their own.
"""

from __future__ import annotations

import math

import numpy as np

from ship_engine.compiled.dialect import float64, int32, int64, jit, uint8, uint64
from ship_engine.compiled.philox import HALF, LOW_HALF, philox, unit, unit_of_half
from ship_engine.lowering.layout import (
    ERROR,
    EVENT_CELL,
    EVENT_COUNT,
    EVENT_OFFSET,
    EVENT_POSITION,
    EVENT_STEP,
    FLAGS,
    KEY_0,
    KEY_1,
    MOST_SPIKES,
    RATE,
    SCALARS,
    SILENCE,
    SPIKE_INDEX,
    SPIKE_OFFSET,
    START,
    STOP,
    TERMS,
    UNIFORMS,
    UNIFORMS_WIDTH,
)


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
def draw_words(k0, k1, first, count, c1, c2, u, w1, w2, w3, w4, w5, w6):
    """Draw uniform numbers for each cell: one for the count of its spikes, six for their times."""
    for i in range(count):
        a, b, c, d = philox(k0, k1, np.uint64(first + i), c1, c2, np.uint64(0))
        u[i] = unit(a)
        w1[i], w2[i] = unit_of_half(b >> HALF), unit_of_half(b & LOW_HALF)
        w3[i], w4[i] = unit_of_half(c >> HALF), unit_of_half(c & LOW_HALF)
        w5[i], w6[i] = unit_of_half(d >> HALF), unit_of_half(d & LOW_HALF)
    return 0


@jit
def prepare_counts(G, first, count, t, dt, mean, term, cumulative, number):
    """Mean, and probability of silence, of each cell in this step; -1 spikes where partly active.

    Parameters and their logarithms hold for whole steps; a cell that becomes active or stops
    inside this step is left to `count_spikes`.
    """
    start, stop = float64(G[START]), float64(G[STOP])
    rate, silence = float64(G[RATE]), float64(G[SILENCE])
    s0, s1, s2, s3 = G[START + 1], G[STOP + 1], G[RATE + 1], G[SILENCE + 1]
    partly = 0
    for i in range(count):
        j = first + i
        begin, end = start[j * s0], stop[j * s1]
        outside = (end <= t) | (begin >= t + dt)
        partial = (not outside) & ((begin > t) | (end < t + dt))
        mean[i] = 0.0 if outside else 0.001 * rate[j * s2] * dt
        term[i] = 1.0 if outside else silence[j * s3]
        cumulative[i] = term[i]
        number[i] = -1.0 if partial else 0.0
        partly += 1 if partial else 0
    return partly


@jit
def add_four_terms(count, k, u, mean, term, cumulative, number):
    """Four more terms of every cell's Poisson distribution: count those that lie below u."""
    a, b, c, d = 1.0 / k, 1.0 / (k + 1), 1.0 / (k + 2), 1.0 / (k + 3)
    for i in range(count):
        x, m, p, total, n = u[i], mean[i], term[i], cumulative[i], number[i]
        one = 1.0 if n >= 0.0 else 0.0
        n += one if x >= total else 0.0
        p *= m * a
        total += p
        n += one if x >= total else 0.0
        p *= m * b
        total += p
        n += one if x >= total else 0.0
        p *= m * c
        total += p
        n += one if x >= total else 0.0
        p *= m * d
        total += p
        term[i] = p
        cumulative[i] = total
        number[i] = n
    return 0


@jit
def flag_active(count, number, flags):
    """Flag cells that spike, or may."""
    for i in range(count):
        flags[i] = 0 if number[i] == 0.0 else 1
    return 0


@jit
def later_word(m, k0, k1, cell, c1, c2):
    """Uniform number for the m-th spike of a cell in a step, from its seventh on."""
    block = np.uint64((m - 6) // 4 + 1)
    a, b, c, d = philox(k0, k1, np.uint64(cell), c1, c2, block)
    which = (m - 6) % 4
    if which == 0:
        return unit(a)
    if which == 1:
        return unit(b)
    if which == 2:
        return unit(c)
    return unit(d)


@jit
def count_spikes(u, mean, terms):
    """Poisson number of a given mean, by inversion of one uniform number."""
    term = math.exp(-mean)
    cumulative = term
    n = 0
    for k in range(1, terms + 1):
        if u >= cumulative:
            n += 1
        term *= mean * (1.0 / k)
        cumulative += term
    return n


def poisson_kernel(group, step, low, high):
    """Poisson spikes of one step; see `ship_engine.models.sources.SpikeSourcePoisson`."""
    G = int64(group)
    scalars = float64(G[SCALARS])
    dt, on_grid = scalars[0], scalars[2]
    t = step * dt
    k0, k1 = np.uint64(G[KEY_0]), np.uint64(G[KEY_1])
    c1, c2 = np.uint64(step) & np.uint64(0xFFFFFFFF), np.uint64(step) >> np.uint64(32)
    index, offset = int32(G[SPIKE_INDEX]), float64(G[SPIKE_OFFSET])
    rate, start, stop = float64(G[RATE]), float64(G[START]), float64(G[STOP])
    block, terms = G[UNIFORMS_WIDTH], G[TERMS]
    width = 8 * block
    u, w1 = float64(G[UNIFORMS]), float64(G[UNIFORMS] + width)
    w2, w3 = float64(G[UNIFORMS] + 2 * width), float64(G[UNIFORMS] + 3 * width)
    w4, w5 = float64(G[UNIFORMS] + 4 * width), float64(G[UNIFORMS] + 5 * width)
    w6, mean = float64(G[UNIFORMS] + 6 * width), float64(G[UNIFORMS] + 7 * width)
    term, cumulative = float64(G[UNIFORMS] + 8 * width), float64(G[UNIFORMS] + 9 * width)
    number = float64(G[UNIFORMS] + 10 * width)
    flags, words = uint8(G[FLAGS]), uint64(G[FLAGS])
    found = 0
    for first in range(low, high, block):
        count = block if first + block < high else high - first
        draw_words(k0, k1, first, count, c1, c2, u, w1, w2, w3, w4, w5, w6)
        prepare_counts(G, first, count, t, dt, mean, term, cumulative, number)
        for k in range(1, terms, 4):
            add_four_terms(count, k, u, mean, term, cumulative, number)
        flag_active(count, number, flags)
        for word in range((count + 7) >> 3):
            if words[word] == 0:
                continue
            for i in range(8 * word, min(8 * word + 8, count)):
                if number[i] == 0.0:
                    continue
                j = first + i
                begin, active = 0.0, dt
                n = int(number[i])
                if n < 0:
                    opening = max(t, start[j * G[START + 1]])
                    begin = opening - t
                    active = min(t + dt, stop[j * G[STOP + 1]]) - opening
                    n = count_spikes(u[i], 0.001 * rate[j * G[RATE + 1]] * active, terms)
                if found + n > G[MOST_SPIKES]:
                    int64(G[ERROR])[0] = j
                    return found
                for m in range(n):
                    if m < 6:
                        within = w1[m * block + i]
                    else:
                        within = later_word(m, k0, k1, j, c1, c2)
                    index[found] = j
                    offset[found] = dt if on_grid != 0.0 else begin + within * active
                    found += 1
    return found
