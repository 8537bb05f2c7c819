"""Products of rows that are mostly zero, as spikes are, with matrices.

Every function takes the address of a table and a range of rows.  The numbers that are not zero are
listed row after row: `BEGIN` and `END` say where each row's list lies, `PLACE` which column each
number has, `VALUE` what it is.  A product is made from one part of the matrix after the other, each
copied so that it lies close together in the second cache; four rows of it are added at a time.
"""

from __future__ import annotations

from ship_engine.compiled.dialect import float32, float64, inlined, int32, int64, jit
from ship_engine.lowering.product_layout import (
    BATCH,
    BATCH_STRIDE,
    BEGIN,
    BLOCK,
    CAPACITY,
    COLUMNS,
    END,
    GIVEN,
    MATRIX,
    OUT,
    PACKED,
    PLACE,
    POSITION,
    SEGMENT,
    TIME_STRIDE,
    TURNED_END,
    TURNED_PLACE,
    TURNED_VALUE,
    VALUE,
    WIDTH,
)


def _list_active(real, size):
    @jit
    def list_row(columns, limit, at, row, place):
        """List the columns of a row that are not zero; where the list ends."""
        for j in range(columns):
            place[min(at, limit)] = j
            at += 1 if row[j] != 0.0 else 0
        return at

    def list_active(table, first, last, part):
        """List what is not zero in rows of `GIVEN`; 1 if there is too much of it.

        Row r is that of time r // BATCH and sample r % BATCH.
        """
        T = int64(table)
        columns, begin, end = T[COLUMNS], int64(T[BEGIN]), int64(T[END])
        place, value = int32(T[PLACE]), real(T[VALUE])
        at = part * T[CAPACITY]
        limit = at + T[CAPACITY] - 1
        for r in range(first, last):
            t, b = r // T[BATCH], r % T[BATCH]
            row = real(T[GIVEN] + t * T[TIME_STRIDE] + b * T[BATCH_STRIDE])
            begin[r] = at
            at = list_row(columns, limit, at, row, place)
            if at > limit:
                return 1
            end[r] = at
            for k in range(begin[r], at):
                value[k] = row[place[k]]
        return 0

    return list_active


def _count_columns(real, size):
    def count_columns(table, first, last, unused):
        """Count how often each column is listed: `TURNED_END`."""
        T = int64(table)
        begin, end, place = int64(T[BEGIN]), int64(T[END]), int32(T[PLACE])
        count = int64(T[TURNED_END])
        for r in range(first, last):
            for k in range(begin[r], end[r]):
                count[place[k]] += 1
        return 0

    return count_columns


def _turn_lists(real, size):
    def turn_lists(table, first, last, unused):
        """From lists of rows, those of columns: `TURNED_END` says where each begins, then ends."""
        T = int64(table)
        begin, end, place = int64(T[BEGIN]), int64(T[END]), int32(T[PLACE])
        value, what = real(T[VALUE]), real(T[TURNED_VALUE])
        to, turned = int64(T[TURNED_END]), int32(T[TURNED_PLACE])
        for r in range(first, last):
            for k in range(begin[r], end[r]):
                column = place[k]
                at = to[column]
                turned[at] = r
                what[at] = value[k]
                to[column] = at + 1
        return 0

    return turn_lists


@inlined
def add_four(row, x0, x1, x2, x3, weight0, weight1, weight2, weight3):
    """Add four rows of the matrix times four numbers."""
    for j in range(BLOCK):
        row[j] += (x0 * weight0[j] + x1 * weight1[j]) + (x2 * weight2[j] + x3 * weight3[j])


@inlined
def add_one(row, x, weight):
    """Add a row of the matrix times a number."""
    for j in range(BLOCK):
        row[j] += x * weight[j]


def _packer(real, size):
    @jit
    def pack(low, count, first, last, stride, matrix, packed):
        """Copy a part of the matrix, so that its rows of `BLOCK` numbers follow one another."""
        for i in range(first, last):
            row = real(matrix + i * stride + low * size)
            to = real(packed + (i - first) * BLOCK * size)
            for j in range(count):
                to[j] = row[j]
            for j in range(count, BLOCK):
                to[j] = 0.0

    return pack


def _adder(real, size):
    @jit
    def add_listed(k, end, limit, offset, place, value, packed, row):
        """Add what a list says up to a column of `GIVEN`; where the list goes on."""
        bytes = BLOCK * size
        while k + 4 <= end and place[k + 3] < limit:
            add_four(
                row,
                value[k],
                value[k + 1],
                value[k + 2],
                value[k + 3],
                real(packed + (place[k] - offset) * bytes),
                real(packed + (place[k + 1] - offset) * bytes),
                real(packed + (place[k + 2] - offset) * bytes),
                real(packed + (place[k + 3] - offset) * bytes),
            )
            k += 4
        while k < end and place[k] < limit:
            add_one(row, value[k], real(packed + (place[k] - offset) * bytes))
            k += 1
        return k

    return add_listed


def _multiply_active(real, size):
    pack, add_listed = _packer(real, size), _adder(real, size)

    def multiply_active(table, first, last, part):
        """OUT[row] = the sum over a row's list of VALUE times the row PLACE of MATRIX."""
        T = int64(table)
        begin, end = int64(T[BEGIN]), int64(T[END])
        place, value = int32(T[PLACE]), real(T[VALUE])
        width, columns, position = T[WIDTH], T[COLUMNS], int64(T[POSITION])
        stride = width * size
        packed = T[PACKED] + part * (SEGMENT + 1) * BLOCK * size
        row = real(packed + SEGMENT * BLOCK * size)
        for low in range(0, width, BLOCK):
            count = min(BLOCK, width - low)
            for segment in range(0, max(columns, 1), SEGMENT):
                limit = min(segment + SEGMENT, columns)
                pack(low, count, segment, limit, stride, T[MATRIX], packed)
                for r in range(first, last):
                    out = real(T[OUT] + r * stride + low * size)
                    at = begin[r] if segment == 0 else position[r]
                    for j in range(BLOCK):
                        row[j] = 0.0
                    position[r] = add_listed(at, end[r], limit, segment, place, value, packed, row)
                    if segment == 0:
                        for j in range(count):
                            out[j] = row[j]
                    else:
                        for j in range(count):
                            out[j] += row[j]
        return 0

    return multiply_active


list_active_32, list_active_64 = _list_active(float32, 4), _list_active(float64, 8)
count_columns_32, count_columns_64 = _count_columns(float32, 4), _count_columns(float64, 8)
turn_lists_32, turn_lists_64 = _turn_lists(float32, 4), _turn_lists(float64, 8)
multiply_active_32, multiply_active_64 = _multiply_active(float32, 4), _multiply_active(float64, 8)
