"""Delivery in compiled code: spikes of one step are added into the targets' ring buffers.

For a port whose state decays, a projection's record points at two numbers, dt / tau and
1 / (1 - exp(-dt / tau)); both are zero for all others.
"""

from __future__ import annotations

from ship_engine.compiled import records as r
from ship_engine.compiled.dialect import expm1, float64, inlined, int32, int64, jit, uint8


@jit
def add_one_by_one(p, first, last, slot, after):
    """Every synapse with a delay of its own."""
    slots, width, ring = p[r.RING_SLOTS], p[r.RING_WIDTH], float64(p[r.RING])
    slot -= slots if slot >= slots else 0
    target, delay, weight = int32(p[r.TARGET]), int32(p[r.DELAY]), float64(p[r.WEIGHT])
    for e in range(first, last):
        w = weight[e * p[r.WEIGHT_STRIDE]]
        here = slot + delay[e]
        here -= slots if here >= slots else 0
        ring[here * width + target[e]] += (1.0 - after) * w
        if after > 0.0:
            here += 1
            here -= slots if here >= slots else 0
            ring[here * width + target[e]] += after * w
    return 0


@jit
def add_together(p, first, last, slot, after):
    """Synapses that have their delay, already in the slot, in common."""
    slots, width = p[r.RING_SLOTS], p[r.RING_WIDTH]
    target, weight = int32(p[r.TARGET]), float64(p[r.WEIGHT])
    slot -= slots if slot >= slots else 0
    following = slot + 1 if slot + 1 < slots else 0
    ring = float64(p[r.RING] + 8 * slot * width)
    ring_after = float64(p[r.RING] + 8 * following * width)
    before = 1.0 - after
    if p[r.WEIGHT_STRIDE] == 0:
        amount, rest = before * weight[0], after * weight[0]
        if after == 0.0:
            for e in range(first, last):
                ring[target[e]] += amount
        else:
            for e in range(first, last):
                ring[target[e]] += amount
                ring_after[target[e]] += rest
    elif after == 0.0:
        for e in range(first, last):
            ring[target[e]] += weight[e]
    else:
        for e in range(first, last):
            ring[target[e]] += before * weight[e]
            ring_after[target[e]] += after * weight[e]
    return 0


@inlined
def add_inside(inside, width, due, place, amount, moment):
    """Let an amount arrive at a moment inside the step; see `ship_engine.groups.RingBuffer`."""
    at = place * width if amount >= 0.0 else place * width + 2
    inside[at] += amount
    inside[at + 1] += amount * moment
    due[place] = 1


@jit
def add_at_moment(p, first, last, slot, moment):
    """Every synapse, inside a step."""
    slots, width = p[r.RING_SLOTS], p[r.RING_WIDTH]
    slot -= slots if slot >= slots else 0
    target, delay, weight = int32(p[r.TARGET]), int32(p[r.DELAY]), float64(p[r.WEIGHT])
    inside, due = float64(p[r.INSIDE]), uint8(p[r.INSIDE_DUE])
    for e in range(first, last):
        here = slot + delay[e * p[r.DELAY_STRIDE]]
        here -= slots if here >= slots else 0
        place, amount = here * width + target[e], weight[e * p[r.WEIGHT_STRIDE]]
        add_inside(inside, p[r.INSIDE_WIDTH], due, place, amount, moment)
    return 0


@inlined
def arrival_slots(offset, dt, instant, timing, decay):
    """How many slots late a spike arrives, and the part of it that arrives another slot later.

    If it arrives at its moment, that is instead 1 inside the step.
    """
    rate, tiny = 1.0 / dt, instant / dt
    late, after = 0, offset * rate
    exact = timing == r.SPLIT or timing == r.EXACT
    if timing == r.NEXT_STEP or (exact and after >= 1.0 - tiny):
        late = 1
    if not exact or late == 1 or after < tiny:
        after = 0.0
    elif timing == r.EXACT:
        after = 1.0
    elif decay[0] > 0.0:
        after = 1.0 + expm1((after - 1.0) * decay[0]) * decay[1]
    return late, after


@jit
def deliver(p, g, step, dt, instant):
    """Deliver all spikes that a group had in this step through one projection."""
    index, offset, start = int32(g[r.GROUP_INDEX]), float64(g[r.GROUP_OFFSET]), int64(p[r.START])
    same_delay, timing = p[r.DELAY_STRIDE] == 0, p[r.TIMING]
    slot, decay = step % p[r.RING_SLOTS], float64(p[r.DECAY])
    common = int32(p[r.DELAY])[0] if same_delay else 0
    for k in range(g[r.GROUP_COUNT]):
        source = index[k]
        first, last = start[source], start[source + 1]
        late, after = arrival_slots(offset[k], dt, instant, timing, decay)
        if timing == r.EXACT and after > 0.0:
            add_at_moment(p, first, last, slot, offset[k])
        elif same_delay:
            add_together(p, first, last, slot + common + late, after)
        else:
            add_one_by_one(p, first, last, slot + late, after)
    return 0
