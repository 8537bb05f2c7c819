"""The curves of a picture's arrows: from the side of one box, past points, to that of another."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ship_engine.plotting.layout import Point

FAN = 0.16
"""Between arrows that meet the same side of a box, at most; in inches."""
BULGE = 0.3
"""How far an arrow between bands swings out, at least."""
MOST_BULGE = 0.95
NEAR = 1e-6


@dataclass(frozen=True)
class Box:
    """A rectangle by its centre; in inches, y upwards."""

    x: float
    y: float
    width: float
    height: float
    column: float = 0.0
    """The width of its column, if that is greater."""

    def column_edge(self, side: str, port: Point) -> Point:
        """Where an arrow to a port enters the column."""
        half = max(self.column, self.width) / 2.0
        return self.x + (half if side == "right" else -half), port[1]

    def port(self, side: str, along: float) -> Point:
        """A point on a side, some way from its middle."""
        if side in ("left", "right"):
            half = self.width / 2.0
            return self.x + (half if side == "right" else -half), self.y + along
        half = self.height / 2.0
        return self.x + along, self.y + (half if side == "top" else -half)

    def room(self, side: str) -> float:
        """The length of a side that arrows may meet."""
        return 0.66 * (self.height if side in ("left", "right") else self.width)

    def rectangle(self, more: float) -> tuple[float, float, float, float]:
        """Left, bottom, right and top, with some room around."""
        half = self.width / 2.0 + more, self.height / 2.0 + more
        return self.x - half[0], self.y - half[1], self.x + half[0], self.y + half[1]


@dataclass(frozen=True)
class Curve:
    """Cubic Bézier curves that follow one another: three more vertices for each."""

    vertices: list[Point]
    first: int = 0
    """Which of them is the first between two columns."""

    def start(self, t: float) -> Point:
        """A point between the first two columns; t from 0 to 1."""
        return self._point(self.first, t)

    def is_upright(self) -> bool:
        """Whether it runs from the bottom of a box to the top of another or back."""
        return self.vertices[1][0] == self.vertices[0][0]

    def at(self, t: float) -> Point:
        """A point of all of them, as if they were equally long; t from 0 to 1."""
        pieces = (len(self.vertices) - 1) // 3
        piece = min(int(t * pieces), pieces - 1)
        return self._point(piece, t * pieces - piece)

    def _point(self, piece: int, t: float) -> Point:
        weights = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
        ends = self.vertices[3 * piece : 3 * piece + 4]
        x = sum(w * end[0] for w, end in zip(weights, ends, strict=True))
        y = sum(w * end[1] for w, end in zip(weights, ends, strict=True))
        return x, y


def arrow_curves(
    boxes: Sequence[Box],
    edges: Sequence[tuple[int, int]],
    points: Sequence[Sequence[Point]],
    hanging: Collection[int],
    middle: float,
) -> list[Curve]:
    """The curve of each arrow.

    Parameters
    ----------
    boxes : sequence of Box
        Where they stand.
    edges : sequence of (source, target)
        Boxes by their numbers.
    points : sequence of sequence of (x, y)
        What each arrow passes: two points for each column.
    hanging : collection of int
        Boxes that hang below that of their group.
    middle : float
        The x of the middle of the picture; arrows between bands swing out away from it.
    """
    sides = []
    for (source, target), passed in zip(edges, points, strict=True):
        a, b = boxes[source], boxes[target]
        if source == target:
            sides.append(("top", "top"))
        elif source in hanging or target in hanging:
            sides.append(("bottom", "top") if target in hanging else ("top", "bottom"))
        else:
            first, last = (passed[0], passed[-1]) if passed else ((b.x, b.y), (a.x, a.y))
            sides.append((_side(a, first, middle), _side(b, last, middle)))
    ports = _ports(boxes, edges, points, sides)
    curves = []
    for k, ((start, end), (source, target)) in enumerate(zip(ports, edges, strict=True)):
        if {"top", "bottom"}.intersection(sides[k]):
            curves.append(_upright(start, end, sides[k]))
        else:
            leaving = boxes[source].column_edge(sides[k][0], start)
            coming = boxes[target].column_edge(sides[k][1], end)
            curves.append(_level([start, leaving, *points[k], coming, end], sides[k]))
    return curves


def _side(box: Box, to: Point, middle: float) -> str:
    if abs(to[0] - box.x) < NEAR:
        return "right" if box.x >= middle else "left"
    return "right" if to[0] > box.x else "left"


def _ports(
    boxes: Sequence[Box],
    edges: Sequence[tuple[int, int]],
    points: Sequence[Sequence[Point]],
    sides: Sequence[tuple[str, str]],
) -> list[tuple[Point, Point]]:
    """Where arrows begin and end, fanned out on each side so that few of them cross."""
    meeting: dict[tuple[int, str], list[tuple[float, bool, int, int]]] = {}
    for k, ((source, target), passed) in enumerate(zip(edges, points, strict=True)):
        a, b = boxes[source], boxes[target]
        beyond = (passed[0], passed[-1]) if passed else ((b.x, b.y), (a.x, a.y))
        returns = sides[k] == ("top", "bottom")  # from below; it runs right of the one that goes
        for end, node in enumerate((source, target)):
            x, y = beyond[end]
            far = y if sides[k][end] in ("left", "right") else x
            meeting.setdefault((node, sides[k][end]), []).append((far, returns, k, end))
    found: list[list[Point]] = [[(0.0, 0.0), (0.0, 0.0)] for _ in edges]
    for (node, side), arrows in meeting.items():
        spacing = min(FAN, boxes[node].room(side) / max(len(arrows) - 1, 1))
        for place, (_, _, k, end) in enumerate(sorted(arrows)):
            along = (place - (len(arrows) - 1) / 2.0) * spacing
            found[k][end] = boxes[node].port(side, along)
    return [(start, end) for start, end in found]


def _upright(start: Point, end: Point, sides: tuple[str, str]) -> Curve:
    """Between the top of a box and the bottom of another, or from a top back to it."""
    (x, y), (u, v) = start, end
    if sides == ("top", "top"):
        return Curve([start, (x - 0.1, y + 0.32), (u + 0.1, v + 0.32), end])
    return Curve([start, (x, (y + v) / 2.0), (u, (y + v) / 2.0), end])


def _level(points: Sequence[Point], sides: tuple[str, str]) -> Curve:
    """Through all points, of which two are a column that is crossed on the level."""
    columns = list(zip(points[::2], points[1::2], strict=True))
    headings = [1.0 if sides[0] == "right" else -1.0]
    for (x, _), (u, _) in columns[1:-1]:
        headings.append(math.copysign(1.0, u - x) if x != u else headings[-1])
    headings.append(1.0 if sides[1] == "left" else -1.0)
    vertices = [points[0]]
    for k, (start, end) in enumerate(columns):
        if k > 0:
            vertices += [*_bend(vertices[-1], start, headings[k - 1], headings[k]), start]
        if start != end:
            third = (end[0] - start[0]) / 3.0  # an arrow head needs to know where it comes from
            vertices += [(start[0] + third, start[1]), (end[0] - third, end[1]), end]
    return Curve(vertices, int(points[0] != points[1]))


def _bend(start: Point, end: Point, leaving: float, coming: float) -> list[Point]:
    """What pulls a curve between two columns; headings are to the right (1) or left (-1)."""
    (x, y), (u, v) = start, end
    if leaving == coming:
        return [((x + u) / 2.0, y), ((x + u) / 2.0, v)]
    bulge = min(BULGE + 0.12 * abs(y - v), MOST_BULGE)
    out = max(x, u) + bulge if leaving > 0.0 else min(x, u) - bulge
    return [(out, y), (out, v)]
