"""The curves of a picture's arrows: from the side of one box, past points, to that of another."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ship_engine.platform.layout import Point

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

    def start(self, t: float) -> Point:
        """A point of the first of them; t from 0 to 1."""
        return self._point(0, t)

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
    return [
        _curve([start, *passed, end], side)
        for (start, end), passed, side in zip(ports, points, sides, strict=True)
    ]


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


def _curve(points: Sequence[Point], sides: tuple[str, str]) -> Curve:
    """Through all points; level where it meets them, but for the tops and bottoms of boxes."""
    vertices = [points[0]]
    upright = "top" in sides or "bottom" in sides
    headings = _headings(points, sides)
    for ((x, y), (u, v)), (leaving, coming) in zip(
        pairwise(points), pairwise(headings), strict=True
    ):
        if sides == ("top", "top"):
            bend = [(x - 0.1, y + 0.32), (u + 0.1, v + 0.32)]
        elif upright:
            bend = [(x, (y + v) / 2.0), (u, (y + v) / 2.0)]
        elif leaving != coming:
            bulge = min(BULGE + 0.12 * abs(y - v), MOST_BULGE)
            out = max(x, u) + bulge if leaving > 0.0 else min(x, u) - bulge
            bend = [(out, y), (out, v)]
        else:
            bend = [((x + u) / 2.0, y), ((x + u) / 2.0, v)]
        vertices += [*bend, (u, v)]
    return Curve(vertices)


def _headings(points: Sequence[Point], sides: tuple[str, str]) -> list[float]:
    """Whether the arrow goes right (1) or left (-1) at each point; two points are a column."""
    headings = [1.0 if sides[0] == "right" else -1.0]
    for (x, _), (u, _) in zip(points[1:-1:2], points[2:-1:2], strict=True):
        heading = headings[-1] if x == u else math.copysign(1.0, u - x)
        headings += [heading, heading]
    return [*headings, 1.0 if sides[1] == "left" else -1.0]
