"""Alpha kernels as recursions, and spike response neurons.

A kernel eps(i) = gain i decay**i is a recursion of two numbers for each cell,

    rest(n) = decay rest(n-1) + x(n)
    raised(n) = decay (raised(n-1) + rest(n-1))

of which gain raised(n) is the convolution.  Where a kernel ends after `TAPS` values, the recursions
also forget what is as old as that, decay**TAPS x(n-TAPS), so that sums have exactly those values.

Every function takes the address of a table, a range of cells and the number of the range.
"""

from __future__ import annotations

import numpy as np

from ship_engine.compiled.dialect import float32, float64, inlined, int64, jit
from ship_engine.lowering.response_layout import (
    BLOCK,
    DECAY,
    FILTERED,
    GAIN,
    GIVEN,
    GIVEN_STRIDE,
    NUMBERS,
    OUT,
    OUT_STRIDE,
    REFRACTORY_DECAY,
    REFRACTORY_GAIN,
    REFRACTORY_TAPS,
    SPIKES,
    STATES,
    STATES_OF_A_CELL,
    STEPS,
    SURROGATE,
    TAPS,
    THRESHOLD,
    TIME_STEP,
)


@inlined
def filter_row(count, x, old, rest, raised, out, decay, gain, forgotten, lost):
    """One step of the convolution with a kernel, for a row of cells."""
    for j in range(count):
        now = decay * (raised[j] + rest[j]) - lost * old[j]
        rest[j] = decay * rest[j] + x[j] - forgotten * old[j]
        raised[j] = now
        out[j] = gain * now


@inlined
def spike_row(count, old, rest, raised, membrane, spikes, decay, gain, forgotten, lost, threshold):
    """Add what earlier spikes left behind to the membrane, and find who spikes."""
    for j in range(count):
        now = decay * (raised[j] + rest[j]) - lost * old[j]
        potential = membrane[j] + gain * now
        spike = 1.0 if potential >= threshold else 0.0
        rest[j] = decay * rest[j] + spike - forgotten * old[j]
        raised[j] = now
        membrane[j] = potential
        spikes[j] = spike


@inlined
def copy_row(count, x, out):
    """Copy a row."""
    for j in range(count):
        out[j] = x[j]


@jit
def power(decay, taps):
    """What is left of a number after so many steps."""
    return decay**taps


def _clearer(real, size):
    @jit
    def clear_states(states):
        """Set the states of a block to zero."""
        row = real(states)
        for j in range(STATES_OF_A_CELL * BLOCK):
            row[j] = 0.0

    return clear_states


def _filter_alpha(real, size):
    clear_states = _clearer(real, size)

    def filter_alpha(table, first, last, part):
        """Convolve `GIVEN` with an alpha kernel: `OUT`."""
        T = int64(table)
        number = float64(T[NUMBERS])
        decay, gain = real_of(number[DECAY]), real_of(number[GAIN])
        taps, stride = T[TAPS], T[GIVEN_STRIDE]
        fading = power(number[DECAY], taps)
        states = T[STATES] + part * STATES_OF_A_CELL * BLOCK * size
        for low in range(first, last, BLOCK):
            count = min(BLOCK, last - low)
            clear_states(states)
            for n in range(T[STEPS]):
                x = T[GIVEN] + n * stride + low * size
                ends = 0 < taps <= n
                forgotten = fading if ends else 0.0
                filter_row(
                    count,
                    real(x),
                    real(x - taps * stride) if ends else real(x),
                    real(states),
                    real(states + BLOCK * size),
                    real(T[OUT] + n * T[OUT_STRIDE] + low * size),
                    decay,
                    gain,
                    real_of(forgotten),
                    real_of(forgotten * taps),
                )
        return 0

    real_of = _rounder(size)
    return filter_alpha


def _rounder(size):
    return np.float32 if size == 4 else np.float64


def _respond(real, size):
    clear_states, real_of = _clearer(real, size), _rounder(size)

    def respond(table, first, last, part):
        """From `GIVEN` currents, the membrane's course `OUT` and `SPIKES`.

        A step reads the spikes of earlier steps, which this very loop has written.
        """
        T = int64(table)
        number = float64(T[NUMBERS])
        decay, gain = real_of(number[DECAY]), real_of(number[GAIN])
        after, depth = real_of(number[REFRACTORY_DECAY]), real_of(number[REFRACTORY_GAIN])
        threshold = real_of(number[THRESHOLD])
        taps, stride, after_taps = T[TAPS], T[GIVEN_STRIDE], T[REFRACTORY_TAPS]
        fading = power(number[DECAY], taps)
        after_fading = power(number[REFRACTORY_DECAY], after_taps)
        states, row = T[STATES] + part * STATES_OF_A_CELL * BLOCK * size, BLOCK * size
        for low in range(first, last, BLOCK):
            count = min(BLOCK, last - low)
            clear_states(states)
            for n in range(T[STEPS]):
                x = T[GIVEN] + n * stride + low * size
                membrane = real(T[OUT] + n * T[OUT_STRIDE] + low * size)
                if T[FILTERED]:
                    ends = 0 < taps <= n
                    filter_row(
                        count,
                        real(x),
                        real(x - taps * stride) if ends else real(x),
                        real(states),
                        real(states + row),
                        membrane,
                        decay,
                        gain,
                        real_of(fading if ends else 0.0),
                        real_of(fading * taps if ends else 0.0),
                    )
                else:
                    copy_row(count, real(x), membrane)
                spikes = T[SPIKES] + n * T[OUT_STRIDE] + low * size
                ends = 0 < after_taps <= n
                spike_row(
                    count,
                    real(spikes - after_taps * T[OUT_STRIDE]) if ends else real(states + 2 * row),
                    real(states + 2 * row),
                    real(states + 3 * row),
                    membrane,
                    real(spikes),
                    after,
                    depth,
                    real_of(after_fading if ends else 0.0),
                    real_of(after_fading * after_taps if ends else 0.0),
                    threshold,
                )
        return 0

    return respond


def respond_back(size, derivative):
    """The adjoint of `respond`, for a surrogate's compiled derivative of distance and numbers.

    It runs back through time.  What reaches the membrane in the steps that the kernel spans lies in
    a ring, from which it is forgotten when the kernel ends.
    """
    real, real_of = (float32, np.float32) if size == 4 else (float64, np.float64)
    clear_states = _clearer(real, size)

    @inlined
    def slope_row(count, gradient, membrane, out, threshold, dt, numbers):
        """The derivative with respect to the membrane's potential."""
        for j in range(count):
            out[j] = gradient[j] * (dt * derivative(membrane[j] - threshold, numbers))

    def respond_back(table, first, last, part):
        T = int64(table)
        number = float64(T[NUMBERS])
        decay, gain = real_of(number[DECAY]), real_of(number[GAIN])
        threshold, dt = real_of(number[THRESHOLD]), real_of(number[TIME_STEP])
        numbers = float64(T[NUMBERS] + 8 * SURROGATE)
        taps, stride = T[TAPS], T[GIVEN_STRIDE]
        fading, row = power(number[DECAY], taps), BLOCK * size
        states = T[STATES] + part * (STATES_OF_A_CELL + taps + 1) * row
        ring = states + STATES_OF_A_CELL * row
        for low in range(first, last, BLOCK):
            count = min(BLOCK, last - low)
            clear_states(states)
            for n in range(T[STEPS]):
                at = n * stride + low * size
                out = real(T[OUT] + n * T[OUT_STRIDE] + low * size)
                here = real(ring + (n % (taps + 1)) * row) if T[FILTERED] else out
                membrane = real(T[SPIKES] + at)
                slope_row(count, real(T[GIVEN] + at), membrane, here, threshold, dt, numbers)
                if T[FILTERED]:
                    ends = 0 < taps <= n
                    forgotten = fading if ends else 0.0
                    filter_row(
                        count,
                        here,
                        real(ring + ((n + 1) % (taps + 1)) * row) if ends else here,
                        real(states),
                        real(states + row),
                        out,
                        decay,
                        gain,
                        real_of(forgotten),
                        real_of(forgotten * taps),
                    )
        return 0

    return respond_back


filter_alpha_32, filter_alpha_64 = _filter_alpha(float32, 4), _filter_alpha(float64, 8)
respond_32, respond_64 = _respond(float32, 4), _respond(float64, 8)
