"""Where the functions of `ship_engine.compiled.spike_products` find their arrays."""

from __future__ import annotations

COLUMNS, BEGIN, END, PLACE, VALUE = range(5)
"""The first fields of all tables."""
GIVEN, TIME_STRIDE, BATCH_STRIDE, BATCH, CAPACITY = range(5, 10)
"""More of `list_active`; strides are in bytes."""
TURNED_END, TURNED_PLACE, TURNED_VALUE = range(5, 8)
"""More of `turn_lists`."""
MATRIX, OUT, WIDTH, POSITION, PACKED = range(5, 10)
"""More of `multiply_active`."""

BLOCK = 64
"""Columns of the matrix that are dealt with together."""
SEGMENT = 1024
"""Rows of the matrix that are: a block of so many stays in the second cache."""
