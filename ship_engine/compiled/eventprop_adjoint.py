"""The adjoint of leaky neurons from event to event, backwards along the tape.

`ship_engine.executors.eventprop` states the equations, and `ship_engine.compiled.eventprop` writes
the tape.
"""

from __future__ import annotations

from ship_engine.compiled.dialect import exp, float64, int32, int64, jit, uint8
from ship_engine.compiled.eventprop_membrane import factors
from ship_engine.executors import eventprop_layout as at


@jit
def drive_back(P, A, of_v, duration):
    """Add what a gradient of v brings to the adjoint some time before it."""
    decay_m = exp(-duration * P[at.RATE_M])
    _, gain = factors(duration, P[at.RATE_M], P[at.RATE_EXC], decay_m)
    A[at.OF_EXC] += of_v * gain * P[at.ELASTANCE]
    if P[at.RATE_INH] != P[at.RATE_EXC]:
        _, gain = factors(duration, P[at.RATE_M], P[at.RATE_INH], decay_m)
    A[at.OF_INH] += of_v * gain * P[at.ELASTANCE]
    A[at.OF_V] += of_v * decay_m


@jit
def back_to(T, j, time):
    """Take a neuron's adjoint back to the time of an event, through gradients of recorded v."""
    A = float64(T[at.ADJOINT] + 8 * at.ADJOINT_ROW * j)
    P = float64(T[at.PARAMETERS] + 8 * at.PARAMETER_ROW * j)
    duration = A[at.UNTIL] - time
    of_v, of_exc, of_inh = A[at.OF_V], A[at.OF_EXC], A[at.OF_INH]
    if duration > 0.0 and (of_v != 0.0 or of_exc != 0.0 or of_inh != 0.0):
        A[at.OF_V] = 0.0
        A[at.OF_EXC] = of_exc * exp(-duration * P[at.RATE_EXC])
        A[at.OF_INH] = of_inh * exp(-duration * P[at.RATE_INH])
        if of_v != 0.0:
            drive_back(P, A, of_v, duration)
    A[at.UNTIL] = time
    addresses = int64(T[at.OUT])
    if addresses[j] == 0:
        return
    position, times = int64(T[at.POSITION]), float64(T[at.TIMES])
    stride, recorded = int64(T[at.OUT_STRIDE])[j], float64(addresses[j])
    first = int64(T[at.COUNTERS])[at.SAMPLE] * T[at.TIME_COUNT]
    k = position[j]
    while k > 0 and times[k - 1] >= time:
        k -= 1
        given = recorded[(first + k) * stride]
        if given != 0.0 and A[at.IS_HELD] == 0.0:
            drive_back(P, A, given, times[k] - time)
    position[j] = k


@jit
def undo_arrival(T, j, synapse, spike):
    """Gradients of a weight, of a delay, and of the time of the spike that arrived."""
    A = float64(T[at.ADJOINT] + 8 * at.ADJOINT_ROW * j)
    P = float64(T[at.PARAMETERS] + 8 * at.PARAMETER_ROW * j)
    port, weight = int32(T[at.TARGET])[synapse] & 1, float64(T[at.WEIGHT])[synapse]
    of_current = A[at.OF_EXC + port]
    float64(T[at.GRADIENT_WEIGHT])[synapse] += of_current
    later = weight * (of_current * P[at.RATE_EXC + port] - A[at.OF_V] * P[at.ELASTANCE])
    float64(T[at.GRADIENT_DELAY])[synapse] += later
    if spike >= 0:
        float64(T[at.GRADIENT_FIRED])[spike] += later
    else:
        float64(T[at.GRADIENT_OUTSIDE])[-1 - spike] += later


@jit
def undo(T, j, what, spike):
    """Take a neuron's adjoint from after an event to before it."""
    A = float64(T[at.ADJOINT] + 8 * at.ADJOINT_ROW * j)
    if what == at.RELEASED:
        A[at.OF_RELEASE] = -A[at.OF_V] * float64(T[at.RELEASE_SLOPE])[spike]
        A[at.OF_V], A[at.IS_HELD] = 0.0, 1.0
    elif what == at.FIRED:
        later = float64(T[at.GRADIENT_FIRED])
        later[spike] += A[at.OF_RELEASE]
        A[at.OF_V] = 0.0
        if later[spike] != 0.0:
            A[at.OF_V] = -later[spike] / float64(T[at.FIRE_SLOPE])[spike]
        A[at.OF_RELEASE], A[at.IS_HELD] = 0.0, 0.0
    else:
        undo_arrival(T, j, what, spike)


@jit
def begin_back(T, b):
    """Begin a sample at its end."""
    int64(T[at.COUNTERS])[at.SAMPLE] = b
    position, held = int64(T[at.POSITION]), uint8(T[at.STILL_HELD] + b * T[at.NEURONS])
    for j in range(T[at.NEURONS]):
        A = float64(T[at.ADJOINT] + 8 * at.ADJOINT_ROW * j)
        A[at.OF_V], A[at.OF_EXC], A[at.OF_INH], A[at.OF_RELEASE] = 0.0, 0.0, 0.0, 0.0
        A[at.UNTIL], A[at.IS_HELD] = float64(T[at.SCALARS])[0], float(held[j])
        position[j] = T[at.TIME_COUNT]


def eventprop_backward(table, first, last, unused):
    """Compute the gradients of a range of samples."""
    T = int64(table)
    neuron, what, spike = int32(T[at.TAPE_NEURON]), int32(T[at.TAPE_WHAT]), int32(T[at.TAPE_SPIKE])
    time = float64(T[at.TAPE_TIME])
    for b in range(first, last):
        begin_back(T, b)
        k, start = int64(T[at.TAPE_END])[b], int64(T[at.TAPE_BEGIN])[b]
        while k > start:
            k -= 1
            back_to(T, neuron[k], time[k])
            undo(T, neuron[k], what[k], spike[k])
    return 0
