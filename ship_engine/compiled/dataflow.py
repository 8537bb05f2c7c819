"""What groups of the platform hand to one another: sums over synapses, over edges, and delays.

Every function takes the address of a table, and goes through the time steps from `first` to before
`last` of a window.  Arrays are [batch, time, component] with the batch strides that the table
gives, in bytes; rows of components follow one another.
"""

from __future__ import annotations

from ship_engine.compiled.dialect import call_kernel, float32, float64, int64, jit

BATCH, WIDTH, OUT, OUT_STRIDE = range(4)
"""Fields of every table: the batch size, the components of a row, and where the result goes."""

SOURCES, SOURCE, SOURCE_STRIDE, WEIGHT, WEIGHT_STRIDE, ACTIVE = range(4, 10)
EDGES, FIRST_EDGE = 4, 5

BOX, BOX_STRIDE, NUMBER, NUMBER_STRIDE, LATER, STEPS = range(4, 10)


@jit
def clear(count, row):
    """Set a row to zero."""
    for j in range(count):
        row[j] = 0.0


@jit
def add_row(count, row, other):
    """Add another row."""
    for j in range(count):
        row[j] += other[j]


@jit
def add_one(count, row, x, weight):
    """Add a row of weights times a number."""
    for j in range(count):
        row[j] += x * weight[j]


@jit
def add_four(count, row, x0, x1, x2, x3, weight0, weight1, weight2, weight3):
    """Add four rows of weights times four numbers."""
    for j in range(count):
        row[j] += (x0 * weight0[j] + x1 * weight1[j]) + (x2 * weight2[j] + x3 * weight3[j])


def _accumulate(real, size):
    """Make `accumulate` for numbers of one size in bytes."""

    def accumulate(table, first, last, unused):
        """Sum over the sources what each hands on times its row of weights, leaving out zeros."""
        T = int64(table)
        width, sources, active = T[WIDTH], T[SOURCES], int64(T[ACTIVE])
        for b in range(T[BATCH]):
            weights = T[WEIGHT] + b * T[WEIGHT_STRIDE]
            for t in range(first, last):
                given = real(T[SOURCE] + b * T[SOURCE_STRIDE] + t * sources * size)
                row = real(T[OUT] + b * T[OUT_STRIDE] + t * width * size)
                clear(width, row)
                found = 0
                for i in range(sources):
                    active[found] = i
                    found += 1 if given[i] != 0.0 else 0
                k = 0
                while k + 4 <= found:
                    i0, i1, i2, i3 = active[k], active[k + 1], active[k + 2], active[k + 3]
                    add_four(
                        width,
                        row,
                        given[i0],
                        given[i1],
                        given[i2],
                        given[i3],
                        real(weights + i0 * width * size),
                        real(weights + i1 * width * size),
                        real(weights + i2 * width * size),
                        real(weights + i3 * width * size),
                    )
                    k += 4
                while k < found:
                    i0 = active[k]
                    add_one(width, row, given[i0], real(weights + i0 * width * size))
                    k += 1
        return 0

    return accumulate


def _gather(real, size):
    """Make `gather` for numbers of one size in bytes."""

    def gather(table, first, last, unused):
        """Sum what several groups hand on to one input."""
        T = int64(table)
        width = T[WIDTH]
        for b in range(T[BATCH]):
            for t in range(first, last):
                row = real(T[OUT] + b * T[OUT_STRIDE] + t * width * size)
                clear(width, row)
                for e in range(T[EDGES]):
                    field = FIRST_EDGE + 2 * e
                    other = real(T[field] + b * T[field + 1] + t * width * size)
                    add_row(width, row, other)
        return 0

    return gather


def _spread(real, size):
    """Make `spread` for numbers of one size in bytes."""

    def spread(table, first, last, unused):
        """Add what a group says to what it hands on in the steps in which that arrives."""
        T = int64(table)
        width, steps, later = T[WIDTH], T[STEPS], int64(T[LATER])
        for b in range(T[BATCH]):
            number = int64(T[NUMBER] + b * T[NUMBER_STRIDE])
            box = real(T[BOX] + b * T[BOX_STRIDE])
            for t in range(first, last):
                row = real(T[OUT] + b * T[OUT_STRIDE] + t * width * size)
                for j in range(width):
                    box[(t + later[number[j] * steps + t]) * width + j] += row[j]
        return 0

    return spread


accumulate_32, accumulate_64 = _accumulate(float32, 4), _accumulate(float64, 8)
gather_32, gather_64 = _gather(float32, 4), _gather(float64, 8)
spread_32, spread_64 = _spread(float32, 4), _spread(float64, 8)


def take_turns(table, count, last, lag):
    """Let every group of a loop go on by `lag` steps, one after the other, until step `last`.

    The table holds, for each of `count` functions, its address and that of its table, and last the
    first step.
    """
    T = int64(table)
    first = T[2 * count]
    while first < last:
        end = min(first + lag, last)
        for k in range(count):
            call_kernel(T[2 * k], T[2 * k + 1], first, end, 0)
        first = end
    return 0
