"""Sort synapses by their source."""

from __future__ import annotations

from ship_engine.compiled.dialect import int32, int64


def group_by_source(count, sources, source, target, start, sorted_target, order):
    """Counting sort, stable.

    Parameters
    ----------
    count, sources : int
        Number of synapses and of source cells.
    source, target : address of int32
        Cells of each synapse.
    start : address of int64
        Written: where each source's synapses start, and at the end their number.
    sorted_target : address of int32
        Written: target cells, grouped by source.
    order : address of int32, or 0
        Written: which synapse comes where, to sort weights and delays alike.
    """
    s, t, begin, out = int32(source), int32(target), int64(start), int32(sorted_target)
    permutation = int32(order)
    for i in range(sources + 1):
        begin[i] = 0
    for e in range(count):
        begin[s[e] + 1] += 1
    for i in range(sources):
        begin[i + 1] += begin[i]
    # Each start is moved to the next free place while synapses are placed, then moved back.
    for e in range(count):
        place = begin[s[e]]
        begin[s[e]] = place + 1
        out[place] = t[e]
        if order != 0:
            permutation[place] = e
    for i in range(sources, 0, -1):
        begin[i] = begin[i - 1]
    begin[0] = 0
    return 0
