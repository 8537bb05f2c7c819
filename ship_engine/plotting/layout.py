"""Where the boxes of a picture of a network go, and along which points its arrows run.

Boxes stand in columns, from left to right as signals go (after Sugiyama, Tagawa & Toda 1981, IEEE
Trans. Syst. Man Cybern. 11:109): neurons behind all that drives them, synapses between the groups
that they connect.  Loops are opened so that few arrows go from right to left, whatever the stack
is.  Synapses of a group to itself hang below it.  An arrow that passes a column has a point there,
and room around it.  Columns are sorted so that few arrows cross, and heights chosen so that arrows
are straight where they can be.  If there are many columns they go back and forth, as an ox ploughs.

All lengths are in inches, y upwards.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from ship_engine.ordering import stack_order

ROW_GAP = 0.28
HANGING_GAP = 0.42
"""Between a group and the synapses that hang below it."""
BAND_GAP = 0.6
SIDE = 0.6
"""Left and right of columns that go back and forth."""
PASSING = 0.12
"""Height of the room for an arrow that passes a column."""
WIDER = 1.6
"""How many times wider than high pictures are that have a choice."""
LONGEST_LINE = 18.0
"""Width from which on the columns go back and forth."""
MOST_POINTS = 4000
"""If arrows pass more columns than this in all, they get no points there."""
MOST_ABREAST = 4
"""If more arrows than this run side by side, the columns do not go back and forth."""
SWEEPS = 8

NEAR = 1e-6

Point = tuple[float, float]
Node = int


@dataclass
class Layout:
    """Places of the boxes and arrows.

    Attributes
    ----------
    centres : list of (x, y)
        Of the boxes, in the order in which they were given.
    points : list of list of (x, y)
        Which each arrow passes between its boxes, in the order of the edges.
    columns : list of float
        The width of the column of each box.
    hanging : set of int
        The boxes that hang below that of their group.
    side : float
        Room that arrows need left and right of the boxes.
    width, height : float
        Of the whole; boxes and points lie between 0 and these.
    """

    centres: list[Point]
    points: list[list[Point]]
    columns: list[float]
    hanging: set[Node]
    side: float
    width: float
    height: float


@dataclass
class _Columns:
    """Boxes and passing points by column; points are numbered on after the boxes."""

    of: list[int]  # the column of each node
    rows: list[list[Node]]  # the nodes of each column, from the top
    sizes: list[tuple[float, float]]  # width and height of each node with what hangs below it
    left: list[list[Node]] = field(default_factory=list)  # neighbours of each node, column before
    right: list[list[Node]] = field(default_factory=list)  # and behind
    gap: float = 0.0
    wide: list[float] = field(default_factory=list)  # the width of each node's column

    def widths(self) -> list[float]:
        """Of each column."""
        return [max((self.sizes[node][0] for node in row), default=0.0) for row in self.rows]


def arrange(
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[tuple[Node, Node]],
    between: Mapping[Node, tuple[Node, Node]],
    gap: float = 0.75,
) -> Layout:
    """Find a place for every box.

    Parameters
    ----------
    sizes : sequence of (width, height)
        Of each box.
    edges : sequence of (source, target)
        Boxes by their numbers.
    between : mapping of int to (int, int)
        The boxes of synapses, and the source and target that they connect.
    gap : float
        Between the boxes of neighbouring columns; delays are written there.
    """
    hanging: dict[Node, list[Node]] = {}
    for synapse, (source, target) in between.items():
        if source == target:
            hanging.setdefault(source, []).append(synapse)
    hung = {synapse for synapses in hanging.values() for synapse in synapses}
    columns, chains = _columns(sizes, edges, between, hung)
    for group, synapses in hanging.items():
        columns.sizes[group] = _size_with_hanging(group, synapses, sizes)
    _sort(columns)
    heights = _heights(columns)
    columns.gap = gap
    per_band = _columns_per_band(columns, heights)
    if any(chains) and _most_abreast(columns.of, edges) > MOST_ABREAST:
        per_band = len(columns.rows)
    centres, width, height = _coordinates(columns, heights, per_band)
    for group, synapses in hanging.items():
        _hang(group, synapses, sizes, columns, centres)
    return Layout(
        centres[: len(sizes)],
        [
            _points(
                [centres[n] for n in chain], [columns.wide[n] for n in chain], centres[a][0], width
            )
            for chain, (a, _) in zip(chains, edges, strict=True)
        ],
        columns.wide[: len(sizes)],
        hung,
        SIDE if per_band < len(columns.rows) else 0.0,
        width,
        height,
    )


def _columns(
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[tuple[Node, Node]],
    between: Mapping[Node, tuple[Node, Node]],
    hung: set[Node],
) -> tuple[_Columns, list[list[Node]]]:
    """The columns, and the passing points of each edge."""
    of = _column_numbers(len(sizes), edges, between)
    columns = _Columns(of, [[] for _ in range(max(of, default=-1) + 1)], list(sizes))
    backward = {node for node, (source, target) in between.items() if of[target] <= of[source]}
    for node in sorted(range(len(sizes)), key=lambda node: (node in backward, node)):
        if node not in hung:
            columns.rows[of[node]].append(node)
    passing = sum(max(abs(of[a] - of[b]) - 1, 0) for a, b in edges)
    chains: list[list[Node]] = []
    links: list[tuple[Node, Node]] = []
    for source, target in edges:
        chain: list[Node] = []
        step = 1 if of[target] > of[source] else -1
        for column in range(of[source] + step, of[target], step):
            if passing <= MOST_POINTS and of[source] != of[target]:
                chain.append(len(columns.of))
                columns.of.append(column)
                columns.sizes.append((0.0, PASSING))
                columns.rows[column].append(chain[-1])
        chains.append(chain)
        links += pairwise([source, *chain, target])
    columns.left = [[] for _ in columns.of]
    columns.right = [[] for _ in columns.of]
    for a, b in links:
        first, second = (a, b) if columns.of[a] <= columns.of[b] else (b, a)
        if columns.of[second] - columns.of[first] == 1:
            columns.right[first].append(second)
            columns.left[second].append(first)
    return columns, chains


def _column_numbers(
    count: int, edges: Sequence[tuple[Node, Node]], between: Mapping[Node, tuple[Node, Node]]
) -> list[int]:
    """Even columns for groups, as far right as what drives them demands; synapses between."""
    direct = [pair for pair in edges if not any(node in between for node in pair)]
    driven = [*between.values(), *direct]
    order = stack_order(count, [(source, target, 0.0) for source, target in driven])
    place = {node: k for k, node in enumerate(order)}
    targets: dict[Node, list[Node]] = {}
    for source, target in driven:
        if place[source] < place[target]:
            targets.setdefault(source, []).append(target)
    column = [0] * count
    for node in order:
        for target in targets.get(node, []):
            column[target] = max(column[target], column[node] + 2)
    driven_ones = {target for reached in targets.values() for target in reached}
    for node, reached in targets.items():
        if node not in driven_ones:  # as near as can be to what it drives
            column[node] = min(column[target] for target in reached) - 2
    for synapse, (source, target) in between.items():
        forward = column[target] > column[source]
        column[synapse] = column[source] + 1 if forward else (column[source] + column[target]) // 2
    return column


def _sort(columns: _Columns) -> None:
    """Sort each column by the mean place of what its nodes are connected with, to and fro."""
    best = [list(row) for row in columns.rows]
    fewest = _crossings(columns)
    for sweep in range(SWEEPS):
        neighbours = columns.left if sweep % 2 == 0 else columns.right
        rows = columns.rows if sweep % 2 == 0 else columns.rows[::-1]
        place = {node: float(k) for row in columns.rows for k, node in enumerate(row)}
        for row in rows:
            for node in row:
                near = neighbours[node]
                if near:
                    place[node] = sum(place[n] for n in near) / len(near)
            row.sort(key=place.__getitem__)
            place.update((node, float(k)) for k, node in enumerate(row))
        crossings = _crossings(columns)
        if crossings < fewest:
            fewest, best = crossings, [list(row) for row in columns.rows]
    columns.rows[:] = best


def _crossings(columns: _Columns) -> int:
    place = {node: k for row in columns.rows for k, node in enumerate(row)}
    found = 0
    for row in columns.rows:
        passed: list[int] = []
        for node in row:
            ends = sorted(place[n] for n in columns.right[node])
            found += sum(len(passed) - bisect_right(passed, end) for end in ends)
            for end in ends:
                insort(passed, end)
    return found


def _heights(columns: _Columns) -> list[float]:
    """The y of every node: near the mean of its neighbours', and clear of the others."""
    y = [0.0] * len(columns.of)
    for row in columns.rows:
        for node, offset in zip(row, _offsets(row, columns), strict=True):
            y[node] = -offset
    for sweep in range(3 * SWEEPS):
        rows = columns.rows if sweep % 2 == 0 else columns.rows[::-1]
        for row in rows:
            wanted = []
            for node in row:
                near = columns.left[node] + columns.right[node]
                wanted.append(-sum(y[n] for n in near) / len(near) if near else -y[node])
            offsets = _offsets(row, columns)
            placed = _ascending([w - offset for w, offset in zip(wanted, offsets, strict=True)])
            for node, value, offset in zip(row, placed, offsets, strict=True):
                y[node] = -(value + offset)
    return y


def _offsets(row: Sequence[Node], columns: _Columns) -> list[float]:
    """How far below the first node the others are, at least."""
    offsets = [0.0] * len(row)
    for k in range(1, len(row)):
        half = (columns.sizes[row[k - 1]][1] + columns.sizes[row[k]][1]) / 2.0
        offsets[k] = offsets[k - 1] + half + ROW_GAP
    return offsets


def _ascending(values: Sequence[float]) -> list[float]:
    """The ascending numbers that are nearest to given ones (least squares, by pooling)."""
    pools: list[tuple[float, int]] = []  # mean and number
    for value in values:
        mean, number = value, 1
        while pools and pools[-1][0] > mean:
            before, many = pools.pop()
            mean, number = (before * many + mean * number) / (many + number), many + number
        pools.append((mean, number))
    return [mean for mean, number in pools for _ in range(number)]


def _coordinates(
    columns: _Columns, heights: Sequence[float], per_band: int
) -> tuple[list[Point], float, float]:
    """The centres, and the width and height of the whole."""
    widths = columns.widths()
    # Columns above one another are equally wide, so that the bands lie flush.
    wide = [max(_in_place(widths, k, per_band)) for k in range(per_band)]
    x = [sum(wide[:k]) + k * columns.gap + wide[k] / 2.0 for k in range(per_band)]
    shift, height = {}, 0.0
    for band in range(math.ceil(len(widths) / per_band) - 1, -1, -1):
        bottom, top = _extent(columns, heights, range(band * per_band, (band + 1) * per_band))
        shift[band] = height - bottom
        height += top - bottom + BAND_GAP
    centres = []
    for node, column in enumerate(columns.of):
        band, k = divmod(column, per_band)
        place = k if band % 2 == 0 else per_band - 1 - k
        centres.append((x[place], heights[node] + shift[band]))
        columns.wide.append(wide[place])
    return centres, sum(wide) + columns.gap * (per_band - 1), height - BAND_GAP


def _most_abreast(of: Sequence[int], edges: Sequence[tuple[Node, Node]]) -> int:
    """The number of arrows between two neighbouring columns, where it is largest."""
    begin = Counter(min(of[a], of[b]) for a, b in edges)
    end = Counter(max(of[a], of[b]) for a, b in edges)
    return max(accumulate(begin[k] - end[k] for k in range(max(of) + 1)))


def _columns_per_band(columns: _Columns, heights: Sequence[float]) -> int:
    """As many as there are, or as make the picture somewhat wider than high."""
    widths = columns.widths()
    total = sum(widths) + columns.gap * (len(widths) - 1)
    if total <= LONGEST_LINE:
        return len(widths)
    bottom, top = _extent(columns, heights, range(len(widths)))
    bands = max(round(math.sqrt(total / (WIDER * (top - bottom + BAND_GAP)))), 1)
    return math.ceil(len(widths) / bands)


def _extent(
    columns: _Columns, heights: Sequence[float], some: Container[int]
) -> tuple[float, float]:
    """The lowest and the highest y of the boxes in some columns."""
    nodes = [node for node, column in enumerate(columns.of) if column in some]
    bottom = min(heights[node] - columns.sizes[node][1] / 2.0 for node in nodes)
    top = max(heights[node] + columns.sizes[node][1] / 2.0 for node in nodes)
    return bottom, top


def _points(centres: Sequence[Point], wide: Sequence[float], x: float, width: float) -> list[Point]:
    """Two points where an arrow from x passes a column: it runs level beside the boxes there."""
    found: list[Point] = []
    for (middle, y), column in zip(centres, wide, strict=True):
        # From one band to the next the arrow swings out, so it comes and goes outside.
        right = x > middle if abs(x - middle) > NEAR else middle > width / 2.0
        half = column / 2.0 if right else -column / 2.0
        found += [(middle + half, y), (middle - half, y)]
        x = middle - half
    return found


def _in_place(widths: Sequence[float], place: int, per_band: int) -> list[float]:
    """The widths of the columns that come at the same place in their bands."""
    found = []
    for column, width in enumerate(widths):
        band, k = divmod(column, per_band)
        if place == (k if band % 2 == 0 else per_band - 1 - k):
            found.append(width)
    return found or [0.0]


def _size_with_hanging(
    group: Node, synapses: Sequence[Node], sizes: Sequence[tuple[float, float]]
) -> tuple[float, float]:
    row = sum(sizes[s][0] for s in synapses) + ROW_GAP * (len(synapses) - 1)
    below = HANGING_GAP + max(sizes[s][1] for s in synapses)
    return max(sizes[group][0], row), sizes[group][1] + below


def _hang(
    group: Node,
    synapses: Sequence[Node],
    sizes: Sequence[tuple[float, float]],
    columns: _Columns,
    centres: list[Point],
) -> None:
    """Divide the room of a group among its box and the synapses below it."""
    x, y = centres[group]
    top = y + columns.sizes[group][1] / 2.0
    centres[group] = x, top - sizes[group][1] / 2.0
    row = sum(sizes[s][0] for s in synapses) + ROW_GAP * (len(synapses) - 1)
    left = x - row / 2.0
    for synapse in synapses:
        width, height = sizes[synapse]
        centres[synapse] = left + width / 2.0, top - sizes[group][1] - HANGING_GAP - height / 2.0
        left += width + ROW_GAP
