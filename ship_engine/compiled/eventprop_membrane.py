"""The closed form of a leaky membrane with two exponential currents, and when it meets a value.

Between events v = v_inf + (v_0 - v_inf) exp(-t / tau_m) + sum over both currents of I_0 g(t), where
g(t) = (exp(-t / tau_syn) - exp(-t / tau_m)) / (1 / tau_m - 1 / tau_syn) / cm.

Where does v rise, and where does it fall?  Its slope y = dv/dt obeys dy/dt = -y / tau_m -
sum(I / tau_syn) / cm, so that y exp(t / tau_m) is monotone wherever sum(I / tau_syn) does not
change its sign.  That happens once at most, at a time that has a closed form.  In each of the two
parts y hence has one zero at most, and v one maximum or one minimum.  So the first crossing is
always found.

P is the address of a neuron's parameters (`ship_engine.executors.eventprop_layout`).
"""

from __future__ import annotations

import math

from ship_engine.compiled.dialect import exp, expm1, inlined, jit
from ship_engine.executors import eventprop_layout as at

ITERATIONS = 200
"""Of a search; halving an interval needs some 60, and Newton's method some 5."""
NEAR = 1e-12
"""When a step of Newton's method is so small a part of the time, the next would be none at all."""


@inlined
def factors(duration, rate_m, rate, decay_m):
    """What is left of a current after a time, and what one of 1 nA adds to v on 1 nF (mV)."""
    decay = exp(-duration * rate)
    apart = abs(rate_m - rate) * duration
    mean = 1.0
    if apart > 0.0:
        mean = -expm1(-apart) / apart
    return decay, duration * max(decay, decay_m) * mean


@inlined
def advanced(P, v, exc, inh, duration):
    """State after a time without events: v and both currents."""
    decay_m = exp(-duration * P[at.RATE_M])
    decay, gain = factors(duration, P[at.RATE_M], P[at.RATE_EXC], decay_m)
    driven = exc * gain
    exc *= decay
    if P[at.RATE_INH] != P[at.RATE_EXC]:
        decay, gain = factors(duration, P[at.RATE_M], P[at.RATE_INH], decay_m)
    driven += inh * gain
    rest = P[at.V_INFINITY]
    return rest + (v - rest) * decay_m + driven * P[at.ELASTANCE], exc, inh * decay


@inlined
def slope_of(P, v, exc, inh):
    """dv/dt in mV/ms."""
    return (P[at.V_INFINITY] - v) * P[at.RATE_M] + (exc + inh) * P[at.ELASTANCE]


@inlined
def may_cross(P, v, exc, inh, duration):
    """Whether a bound of v that costs little reaches the threshold.

    dv/dt is never more than it is now, if it is positive, plus what negative currents can lose.
    """
    most = max(slope_of(P, v, exc, inh), 0.0)
    most -= (min(exc, 0.0) + min(inh, 0.0)) * P[at.ELASTANCE]
    return v + duration * most >= P[at.V_THRESH]


@jit
def meeting(P, v, exc, inh, low, high):
    """When v reaches the threshold, which it does once between two times, from below."""
    x = 0.5 * (low + high)
    for _ in range(ITERATIONS):
        there, exc_there, inh_there = advanced(P, v, exc, inh, x)
        beyond = there - P[at.V_THRESH]
        if beyond >= 0.0:
            high = x
        else:
            low = x
        new = x - beyond / slope_of(P, there, exc_there, inh_there)
        # What is not a number is outside as well.
        if not (low <= new and new <= high):
            new = 0.5 * (low + high)
        if abs(new - x) <= NEAR * high:
            return new
        x = new
    return high


@jit
def maximum_between(P, v, exc, inh, low, high):
    """When v is largest, whose slope is positive at the first time and negative at the last."""
    x = 0.5 * (low + high)
    for _ in range(ITERATIONS):
        there, exc_there, inh_there = advanced(P, v, exc, inh, x)
        slope = slope_of(P, there, exc_there, inh_there)
        if slope >= 0.0:
            low = x
        else:
            high = x
        losing = exc_there * P[at.RATE_EXC] + inh_there * P[at.RATE_INH]
        new = x + slope / (slope * P[at.RATE_M] + losing * P[at.ELASTANCE])
        if not (low <= new and new <= high):
            new = 0.5 * (low + high)
        if abs(new - x) <= NEAR * high:
            return new
        x = new
    return 0.5 * (low + high)


@jit
def crossing_between(P, v, exc, inh, low, high):
    """The first crossing after `low` and until `high`, or -1; v has one extremum there at most."""
    v_low, exc_low, inh_low = advanced(P, v, exc, inh, low)
    v_high, exc_high, inh_high = advanced(P, v, exc, inh, high)
    if v_high >= P[at.V_THRESH]:
        return meeting(P, v, exc, inh, low, high)
    rising = slope_of(P, v_low, exc_low, inh_low)
    if rising <= 0.0 or slope_of(P, v_high, exc_high, inh_high) >= 0.0:
        return -1.0
    # The slope falls faster than it would without currents.
    most = rising / P[at.RATE_M] * -expm1((low - high) * P[at.RATE_M])
    if v_low + most < P[at.V_THRESH]:
        return -1.0
    top = maximum_between(P, v, exc, inh, low, high)
    v_top, _, _ = advanced(P, v, exc, inh, top)
    if v_top < P[at.V_THRESH]:
        return -1.0
    return meeting(P, v, exc, inh, low, top)


@jit
def first_crossing(P, v, exc, inh, duration):
    """After what time v, which is below the threshold, first reaches it; -1 if not in this time."""
    low = 0.0
    if exc * inh < 0.0 and P[at.RATE_EXC] != P[at.RATE_INH]:
        ratio = -(inh * P[at.RATE_INH]) / (exc * P[at.RATE_EXC])
        turn = math.log(ratio) / (P[at.RATE_INH] - P[at.RATE_EXC])
        if turn > 0.0 and turn < duration:
            found = crossing_between(P, v, exc, inh, 0.0, turn)
            if found >= 0.0:
                return found
            low = turn
    return crossing_between(P, v, exc, inh, low, duration)
