"""Rows of numbers: what kernels do with them besides a model's own functions."""

from __future__ import annotations

from ship_engine.compiled.dialect import float64, jit


@jit
def copy(source, destination, count):
    """Copy a row."""
    for i in range(count):
        destination[i] = source[i]
    return 0


@jit
def spread(value_address, row_address, count):
    """Fill a row with one value; the row's address."""
    value, row = float64(value_address)[0], float64(row_address)
    for i in range(count):
        row[i] = value
    return row_address


@jit
def add_amounts(ring, slot, targets, first, count, amounts):
    """Add amounts, one for each of consecutive synapses, to their targets in a slot."""
    for i in range(count):
        ring[slot + targets[first + i]] += amounts[i]
    return 0
