"""Sorting of arrivals, most of which are in order: those of one projection, if delays are equal."""

from __future__ import annotations

from ship_engine.compiled.dialect import float64, int32, jit


@jit
def end_of_run(key, first, end):
    """Until where keys are in order."""
    k = first + 1
    while k < end and key[k - 1] <= key[k]:
        k += 1
    return min(k, end)


@jit
def merge(key, item, to_key, to_item, low, middle, high):
    """Merge two runs that follow each other."""
    a, b = low, middle
    for k in range(low, high):
        if b >= high or (a < middle and key[a] <= key[b]):
            to_key[k], to_item[k] = key[a], item[a]
            a += 1
        else:
            to_key[k], to_item[k] = key[b], item[b]
            b += 1


@jit
def sort(keys, items, capacity, first, end):
    """Sort keys and their items between two places; which of two rows they are in then.

    Parameters
    ----------
    keys, items : int
        Addresses of float64 and int32 [2, capacity]; what is to be sorted is in the first row.
    capacity, first, end : int
        Length of a row, and the places.
    """
    row = 0
    while True:
        key, item = float64(keys + 8 * row * capacity), int32(items + 4 * row * capacity)
        middle = end_of_run(key, first, end)
        if middle >= end:
            return row
        other = 1 - row
        to_key, to_item = float64(keys + 8 * other * capacity), int32(items + 4 * other * capacity)
        low = first
        while low < end:
            high = end_of_run(key, middle, end) if middle < end else end
            merge(key, item, to_key, to_item, low, middle, high)
            low = high
            middle = end_of_run(key, low, end)
        row = other
